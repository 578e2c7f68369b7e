#!/usr/bin/env python3
"""操作の記録（trail.jsonl）がつながっているか確かめる / Verify the chain of a trail.

    python3 verify-audit.py FILE|DIR [--anchor SEQ:HASH]... [--json]

FILE: one record a line, as `engawa audit export` writes trail.jsonl. DIR: the folder of an evidence pack.
Needs Python 3 and nothing else; it reads the file once and keeps nothing of it. docs/audit.md describes the records.
Exit code: 0 everything fits, 1 a record does not fit (the first one is named), 2 the file cannot be read.
"""

import argparse
import datetime
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
LEFT_OUT = re.compile(rb'\{"seq":([1-9][0-9]{0,18}),"hash":"([0-9a-f]{64})"\}')
MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
NOTHING = "0" * 64
LONGEST = 1 << 16
MANIFEST_MIB = 256

WORDS = {
    "changed": ("書き換えられています。", "It was changed."),
    "changed_or_next": ("この記録か次の記録が書き換えられています。", "It, or the record after it, was changed."),
    "missing": ("抜けています。", "It is missing."),
    "inserted": ("あとから差し込まれています。", "It was inserted."),
    "moved": ("順序が入れ替わっています。", "It was moved."),
    "cut_off": ("ここから後が切り取られています。", "From here on the trail was cut off."),
    "listed_otherwise": ("一覧（pack.json）の内容と合いません。", "pack.json lists it otherwise."),
    "not_listed": ("一覧（pack.json）にありません。", "pack.json does not list it."),
    "cut_before": ("これより前の記録が切り取られています。", "What came before it was cut off."),
    "page_otherwise": ("印刷用のページ（pack.html）が書き換えられています。", "The page (pack.html) was changed."),
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

    def left_out(self, seq, hash_):
        """What stands for a record that is not told: it vouches for nothing before it."""
        if self.doubt:
            return self.hear((seq, NOTHING), hash_)
        if self.next is None:
            self.begin((seq, NOTHING))
        if seq != self.next:
            raise Flaw(self.next, self.line + 1, "missing" if seq > self.next else "inserted")
        self.hear((seq, self.head), hash_)

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


def hash_of(line):
    return hashlib.sha256(line or b"").hexdigest()


def nothing(constant):
    raise ValueError(f"{constant} is no JSON")


def typed(value, kind, maybe=False):
    """`value`, if it is of this type; numbers are those that are counted with."""
    if maybe and value is None:
        return None
    if type(value) is not kind or kind is int and not 0 <= value < 1 << 64:
        raise ValueError("pack.json is not the content of a pack")
    return value


def form(value):
    """Members in one order, and numbers as they are written: 1, 1.0 and true are three things."""
    return json.dumps(value, sort_keys=True)


def month_of(text):
    """Beginning and end of a month in Japan, as records tell time."""
    parts = MONTH.fullmatch(text)
    if not parts or not 1970 <= int(parts[1]) <= 9998:
        raise ValueError("pack.json names no month")
    year, month = int(parts[1]), int(parts[2])
    firsts = [datetime.date(year, month, 1), datetime.date(year + month // 12, month % 12 + 1, 1)]
    return ["%sT15:00:00.000Z" % (first - datetime.timedelta(days=1)).isoformat() for first in firsts]


class Pack:
    """What has to stand in pack.json, in exactly these types; what else stands there is by the word of the box."""

    def __init__(self, directory):
        with open(os.path.join(directory, "pack.json"), "rb") as file:
            content = file.read((MANIFEST_MIB << 20) + 1)
        if len(content) > MANIFEST_MIB << 20:
            raise ValueError(f"pack.json is larger than {MANIFEST_MIB} MiB")
        pack = typed(json.loads(content.decode("utf-8"), parse_constant=nothing), dict)
        json.dumps(pack, ensure_ascii=False).encode("utf-8")
        self.facility, self.user = typed(pack.get("facility"), str), typed(pack.get("user"), str, True)
        self.month = month_of(typed(pack.get("month"), str))
        trail, page = typed(pack.get("trail"), dict), typed(pack.get("page"), dict)
        self.records, self.left_out = typed(trail.get("records"), int), typed(trail.get("left_out"), int)
        self.first, self.last = (typed(trail.get(name), int, True) for name in ("first", "last"))
        ends = [typed(trail.get(name), str, True) for name in ("before", "head")]
        if [end is None for end in ends] != [self.records == 0] * 2:
            raise ValueError("pack.json does not name both ends")
        self.ends = [anchor(end) for end in ends if end is not None]
        if (trail.get("file"), page.get("file")) != ("trail.jsonl", "pack.html"):
            raise ValueError("pack.json names other files")
        self.page = typed(page.get("sha256"), str)
        self.path, self.page_path = (os.path.join(directory, name) for name in ("trail.jsonl", "pack.html"))
        acts = []
        for name in ("sent", "received"):
            for item in typed(pack.get(name), list):
                acts += typed(typed(item, dict).get("acts"), list)
        self.listed = {}
        for act in acts + typed(pack.get("others"), list):
            seq = act.get("seq") if type(act) is dict else 0
            known = type(seq) is int and 0 <= seq < 1 << 64
            self.listed.setdefault(seq if known else 0, []).append(form(act))

    def anchors(self, more):
        """Those count that are of its part of the trail."""
        if not self.ends:
            return []
        (before, _), (head, _) = self.ends
        return self.ends + [one for one in more if before <= one[0] <= head]

    def begins_early(self, number, seq, early):
        """A chain that does not begin with record 1 has to begin with one from before the month."""
        if number == 1 and seq > 1 and not early:
            raise Flaw(seq, 1, "cut_before")

    def hear(self, number, record):
        seq = record["seq"]
        outside = not self.month[0] <= record["at"] < self.month[1]
        here = record["facility"] == self.facility
        self.begins_early(number, seq, here and record["at"] < self.month[0])
        own = here and (self.user is None or record["person"] == self.user)
        acts = self.listed.pop(seq, None)
        mine = form({name: record[name] for name in MEMBERS[:-1]})
        if acts is not None and (not own or any(act != mine for act in acts)):
            raise Flaw(seq, number, "listed_otherwise")
        if acts is None and own and not (outside and seq in (self.first, self.last)):
            raise Flaw(seq, number, "not_listed")

    def end(self, lines, left_out, first, last):
        if self.listed:
            raise Flaw(min(self.listed), 0, "listed_otherwise")
        if (self.records, self.left_out) != (lines, left_out) or lines and (self.first, self.last) != (first, last):
            raise Flaw(0, 0, "listed_otherwise")
        if not lines and self.first is not None and self.last is not None:
            raise Flaw(0, 0, "listed_otherwise")
        page = hashlib.sha256()
        with open(self.page_path, "rb") as file:
            for piece in iter(lambda: file.read(1 << 16), b""):
                page.update(piece)
        if page.hexdigest() != self.page:
            raise Flaw(0, 0, "page_otherwise")


def verify(path, anchors):
    pack = Pack(path) if os.path.isdir(path) else None
    verifier = Verifier(pack.anchors(anchors) if pack else anchors)
    number = left_out = 0
    with open(pack.path if pack else path, "rb") as file:
        for number, line in enumerate(lines(file), 1):
            stands = LEFT_OUT.fullmatch(line) if pack and line else None
            if stands and int(stands[1]) < 1 << 63:
                left_out += 1
                pack.begins_early(number, int(stands[1]), False)
                verifier.left_out(int(stands[1]), stands[2].decode())
                continue
            record = None if line is None else parse(line)
            if pack and record:
                pack.hear(number, record)
            verifier.hear(record and (record["seq"], record["previous"]), hash_of(line))
    result = verifier.end()
    if pack:
        pack.end(number, left_out, *result[:2])
    return result


def anchor(text):
    seq, colon, hash_ = text.strip().lower().partition(":")
    if not (colon and re.fullmatch("[0-9]{1,20}", seq) and int(seq) < 1 << 64 and HASH.fullmatch(hash_)):
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
    except (OSError, ValueError, RecursionError, argparse.ArgumentTypeError) as error:
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
