#!/usr/bin/env python3
"""操作の記録（trail.jsonl）がつながっているか確かめる / Verify the chain of a trail.

    python3 verify-audit.py FILE|DIR [--anchor SEQ:HASH]... [--json]

FILE: one record a line, as `engawa audit export` writes trail.jsonl. DIR: the folder of an evidence pack.
Needs Python 3 and nothing else; it reads the file once and keeps nothing of it. docs/audit.md describes the records.
Exit code: 0 everything fits, 1 a record does not fit (the first one is named), 2 the file cannot be read.
"""

import argparse
import hashlib
import json
import os
import re
import sys

MEMBERS = ["seq", "at", "facility", "by", "person", "role", "from", "act", "on", "result", "code", "previous"]
TEXTS = ["facility", "by", "act"]
MAYBE = ["person", "role", "from", "on", "code"]
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
HASH = re.compile(r"[0-9a-f]{64}")
NOTHING = "0" * 64
LONGEST = 1 << 16

WORDS = {
    "changed": ("書き換えられています。", "It was changed."),
    "changed_or_next": ("この記録か次の記録が書き換えられています。", "It, or the record after it, was changed."),
    "missing": ("抜けています。", "It is missing."),
    "inserted": ("あとから差し込まれています。", "It was inserted."),
    "moved": ("順序が入れ替わっています。", "It was moved."),
    "cut_off": ("ここから後が切り取られています。", "From here on the trail was cut off."),
    "listed_otherwise": ("一覧（pack.json）の内容と合いません。", "pack.json lists it otherwise."),
}


class Flaw(Exception):
    """The first record that does not fit: its number, the line at which it shows, why."""

    def __init__(self, seq, line, why):
        super().__init__(why)
        self.seq, self.line, self.why = seq, line, why


def parse(line):
    """The record in a line without its end; None if it is not in the one form that is hashed."""
    try:
        record = json.loads(line.decode("utf-8"))
        if type(record) is not dict or list(record) != MEMBERS:
            return None
        form = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    except (ValueError, RecursionError):
        return None
    sound = (
        form == line
        and type(record["seq"]) is int
        and 1 <= record["seq"] < 1 << 63
        and all(type(record[name]) is str for name in TEXTS)
        and all(record[name] is None or type(record[name]) is str for name in MAYBE)
        and record["result"] in ("done", "refused", "failed")
        and type(record["at"]) is str
        and TIME.fullmatch(record["at"])
        and type(record["previous"]) is str
        and HASH.fullmatch(record["previous"])
    )
    return record if sound else None


class Verifier:
    """Hears line after line. A mismatch between two neighbours does not say which of them was bent, and a hole does not say
    whether the record is gone or stands elsewhere: `doubt` is what was met, until enough has been heard to name the flaw."""

    def __init__(self, anchors):
        self.anchors = dict(anchors)
        self.line = 0
        self.first = 0
        self.next = None
        self.head = NOTHING
        self.before = NOTHING
        self.doubt = None

    def begin(self, told):
        seq, previous = told or (1, NOTHING)
        earlier = [number for number in self.anchors if number < seq]
        if earlier:
            anchor = min(earlier)
            self.next, self.head = anchor + 1, self.anchors[anchor]
        else:
            self.next, self.head = seq, NOTHING if seq == 1 else previous
        self.first = self.next

    def hear(self, told, hash_):
        """`told`: number and hash of the record before, None for what is no record. `hash_`: of the line."""
        self.line += 1
        if self.doubt:
            return self.later(told, hash_)
        if self.next is None:
            self.begin(told)
        expected, head, line = self.next, self.head, self.line
        if told is None:
            self.doubt = {"kind": "unreadable"}
        elif told == (expected, head):
            anchor = self.anchors.get(expected)
            if anchor in (None, hash_):
                self.before, self.head, self.next = head, hash_, expected + 1
                return
            self.doubt = {"kind": "anchored", "anchor": anchor}
        elif told[0] == expected:
            self.doubt = {"kind": "previous", "hash": hash_}
        elif told[1] == head:
            # Only its number is wrong.
            raise Flaw(expected, line, "changed")
        elif told[0] > expected:
            self.doubt = {"kind": "ahead", "found": told[0], "expected_seen": False, "found_seen": False}
        elif told[0] + 1 == expected and told[1] == self.before and hash_ != head:
            self.doubt = {"kind": "twice", "hash": hash_}
        else:
            raise Flaw(told[0], line, "inserted")
        self.doubt.update(line=line, next=expected, head=head)

    def later(self, told, hash_):
        doubt = self.doubt
        kind, line, expected, head = doubt["kind"], doubt["line"], doubt["next"], doubt["head"]
        if kind == "ahead":
            seq = told[0] if told else None
            doubt["expected_seen"] |= seq == expected
            doubt["found_seen"] |= seq == doubt["found"]
        elif kind in ("unreadable", "previous") and told == (expected, head):
            # What should stand here stands behind it.
            raise Flaw(expected, line, "inserted")
        elif kind == "previous" and told == (expected + 1, doubt["hash"]) and line > 1:
            # The doubtful one is as its successor knows it, so it is right about the one before.
            raise Flaw(expected - 1, line - 1, "changed")
        elif kind == "twice":
            raise Flaw(expected - 1, line - 1 if told == (expected, doubt["hash"]) else line, "inserted")
        elif kind == "anchored" and told == (expected, head) and hash_ == doubt["anchor"]:
            raise Flaw(expected, line, "inserted")
        else:
            raise Flaw(expected, line, "changed")

    def end(self):
        if self.doubt:
            self.unheard()
        last = (self.next or 1) - 1
        if self.anchors and max(self.anchors) > last:
            raise Flaw(last + 1, self.line + 1, "cut_off")
        return self.first, last, self.head

    def unheard(self):
        doubt = self.doubt
        kind, line, expected = doubt["kind"], doubt["line"], doubt["next"]
        if kind == "previous" and line > 1:
            anchor = self.anchors.get(expected)
            if anchor is None:
                raise Flaw(expected - 1, line - 1, "changed_or_next")
            if anchor == doubt["hash"]:
                raise Flaw(expected - 1, line - 1, "changed")
        elif kind == "twice":
            earlier = self.anchors.get(expected - 1) == doubt["hash"]
            raise Flaw(expected - 1, line - 1 if earlier else line, "inserted")
        elif kind == "ahead":
            if not doubt["expected_seen"]:
                raise Flaw(expected, line, "missing")
            raise Flaw(expected, line, "inserted" if doubt["found_seen"] else "moved")
        raise Flaw(expected, line, "changed")


def lines(file):
    """Lines without their ends; None for one that has no end, or is far too long."""
    while True:
        line = file.readline(LONGEST)
        if not line:
            return
        if line.endswith(b"\n"):
            yield line[:-1]
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(LONGEST)
        yield None


def listed(pack):
    acts = {}
    items = pack["sent"] + pack["received"]
    for act in [act for item in items for act in item["acts"]] + pack["others"]:
        acts.setdefault(act.get("seq"), []).append(act)
    return acts


def verify(path, anchors):
    acts = {}
    if os.path.isdir(path):
        with open(os.path.join(path, "pack.json"), encoding="utf-8") as file:
            pack = json.load(file)
        ends = [anchor(pack["trail"][name]) for name in ("before", "head") if pack["trail"][name]]
        anchors, acts, path = ends + anchors, listed(pack), os.path.join(path, pack_file(pack))
    verifier = Verifier(anchors)
    with open(path, "rb") as file:
        for number, line in enumerate(lines(file), 1):
            record = None if line is None else parse(line)
            told = record and (record["seq"], record["previous"])
            if acts and record:
                mine = {name: record[name] for name in MEMBERS[:-1]}
                if any(act != mine for act in acts.pop(record["seq"], [])):
                    raise Flaw(record["seq"], number, "listed_otherwise")
            verifier.hear(told, hashlib.sha256(line or b"").hexdigest())
    result = verifier.end()
    if acts:
        raise Flaw(min(acts, key=lambda seq: seq or 0) or 0, 0, "listed_otherwise")
    return result


def pack_file(pack):
    name = pack["trail"]["file"]
    if name != "trail.jsonl":
        raise ValueError("pack.json names another file")
    return name


def anchor(text):
    seq, colon, hash_ = text.strip().lower().partition(":")
    if not (colon and re.fullmatch("[0-9]{1,19}", seq) and HASH.fullmatch(hash_)):
        raise argparse.ArgumentTypeError("SEQ:HASH, 64 hexadecimal digits")
    return int(seq), hash_


def main():
    parser = argparse.ArgumentParser(description="操作の記録を確かめる / verify the chain of a trail")
    parser.add_argument("path", metavar="FILE|DIR")
    parser.add_argument("--anchor", metavar="SEQ:HASH", type=anchor, action="append", default=[])
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    try:
        first, last, head = verify(given.path, given.anchor)
    except Flaw as flaw:
        if given.json:
            print(json.dumps({"fits": False, "seq": flaw.seq, "line": flaw.line, "why": flaw.why}))
        else:
            ja, en = WORDS[flaw.why]
            print(f"記録 {flaw.seq}（{flaw.line}行目）: {ja}\nRecord {flaw.seq} (line {flaw.line}): {en}")
        return 1
    except (OSError, ValueError, KeyError, TypeError, argparse.ArgumentTypeError) as error:
        print(f"読めません。 / Cannot be read: {error}", file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps({"fits": True, "first": first, "last": last, "head": f"{last}:{head}"}))
    else:
        print(f"記録 {first}〜{last} はつながっています。 / Records {first} to {last} fit.\n{last}:{head}")
        if first > 1:
            print("これより前の記録は含まれていません。 / What is before is not in it.")
    return 0


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")
    sys.exit(main())
