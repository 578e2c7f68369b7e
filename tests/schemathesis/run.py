#!/usr/bin/env python3
"""Sends what /openapi.json allows, and what it does not, to a running gateway, as everybody who can come: strangers, keys of each right,
a software terminal, a browser, people of each role, the administrator on the socket.

Wants schemathesis in the same virtual environment (`make schemathesis` makes it). Starts a hub (engawa-sandbox) and a gateway of its
own in a temporary folder; nothing else is touched. Exit 0 only if nothing was answered 5xx unforeseen, outside the document, or not at all.
"""

import argparse
import copy
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
import http.client
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parent / "fixtures"
RIGHTS = ["submit", "read", "manage", "receive", "card", "card-apdu", "admin"]
ROLES = ["administrator", "care-manager", "clerk", "doctor", "vendor"]
PASSWORD = "tulip bridge oven"
# The office here, and the one that makes the plans in the hub's examples.
FACILITY, PLANNER = "9910000011", "9970000015"
# An event stream has no end that a test could wait for; it is looked at by hand below. To log out would leave the rest to a stranger.
LEFT_OUT = {"events_follow", "session_end"}
DESTROYING = {"keys_revoke", "terminals_revoke", "terminals_reopen", "pairing_shut", "staff_change", "staff_password"}
# There are no card readers, and it may be that nothing looks after any: there, and nowhere else, 503 is the truth.
SETTINGS = """
[[operations]]
include-operation-id-regex = "^(card_sessions|readers)_"
[operations.checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "503"]
"""
EXPECTED = {"PCSC_DOWN"}
# Let through by nobody here, and why; their own tests do it. Everything else has to succeed for somebody.
NEVER = {
    name: why
    for why, names in {
        "there is no reader": ["GET /v1/card-sessions/{id}/tries", "POST /v1/card-sessions/{id}/apdu", "POST /v1/card-sessions/{id}/basic-four", "POST /v1/card-sessions/{id}/identify"],
        "nothing has arrived": ["GET /v1/careplans/received/{id}", "GET /v1/careplans/received/{id}/files", "GET /v1/careplans/received/{id}/unit", "POST /v1/careplans/received/{id}/opened"],
        "it wants two witnesses whom the hub knows": ["POST /v1/identifications", "GET /v1/identifications/{id}"],
        "the documents are delivered at once": ["GET /v1/submissions/{id}/cover-page", "POST /v1/submissions/{id}/as-facility", "POST /v1/submissions/{id}/cancel", "POST /v1/submissions/{id}/paper", "POST /v1/submissions/{id}/retry"],
        "a code, a password and a signed request are good once; the callers themselves came in by them": ["POST /v1/pair", "POST /v1/session", "POST /v1/session/password", "POST /v1/terminal/certificate"],
        "there is no terminal to spare": ["DELETE /v1/terminals/{id}", "POST /v1/terminals/{id}/reopen"],
        "nobody keeps a recovery key here, and nothing was restored": ["POST /v1/backup", "PUT /v1/backup/recipient", "POST /v1/restore/confirmation"],
        "everybody goes to the hub as the facility": ["POST /v1/staff/{user}/hub-try", "PUT /v1/session/hub"],
    }.items()
    for name in names
}
CHECKS = [
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
    "response_headers_conformance", "negative_data_rejection", "unsupported_method", "allow_header_conformance",
]


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--binaries", type=Path, required=True, help="folder of engawa and engawa-sandbox")
    arguments.add_argument("--examples", type=int, default=15, help="random requests an operation, for each who may use it")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--only", help="names of those to come as, with commas")
    arguments.add_argument("--report", type=Path, help="where the figures are written, as JSON")
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="engawa-schemathesis") as folder:
        office = Office(Path(folder), asked.binaries.resolve())
        try:
            sys.exit(run(office, asked))
        finally:
            office.close()


def run(office, asked):
    document = office.document()
    wanted = set(asked.only.split(",")) if asked.only else None
    figures = [streams(office)]
    for caller in office.callers():
        if wanted and caller.name not in wanted:
            continue
        figures.append(visit(office, document, caller, asked))
        for window in office.admin("GET", "/v1/pairing")["items"]:
            office.admin("DELETE", f"/v1/pairing/{window['id']}")
    print(f"\n{'as':28} {'operations':>10} {'requests':>9} {'2xx':>7} {'4xx':>7} {'5xx':>5} {'failures':>9}")
    for f in figures:
        print(f"{f['name']:28} {f['operations']:>10} {f['requests']:>9} {f['2xx']:>7} {f['4xx']:>7} {f['5xx']:>5} {f['failures']:>9}")
    total = {key: sum(f[key] for f in figures) for key in ("requests", "2xx", "4xx", "5xx", "failures")}
    print(f"{'all':28} {'':>10} {total['requests']:>9} {total['2xx']:>7} {total['4xx']:>7} {total['5xx']:>5} {total['failures']:>9}")
    routes = {name: dict(sorted(statuses.items())) for name, statuses in sorted(office.seen.items()) if name}
    never = {name for name, statuses in routes.items() if min(statuses, default=999) >= 300}
    print("never let through to the end:", ", ".join(sorted(never)) or "none")
    # Who looks at a few callers only sees less than the whole.
    unexpected = never ^ set(NEVER) if not wanted else set()
    for name in sorted(unexpected):
        print("!!", name, "was never let through" if name in never else "is let through, though NEVER says it cannot be")
    total["failures"] += len(unexpected)
    troubles = office.troubles()
    for line in troubles:
        print("in the log:", line)
    if asked.report:
        asked.report.parent.mkdir(parents=True, exist_ok=True)
        asked.report.write_text(json.dumps({"callers": figures, "total": total, "routes": routes, "log": troubles}, indent=1))
    return 1 if total["failures"] or troubles else 0


def visit(office, document, caller, asked):
    """What the caller may do is tried at length, the rest shortly: there the door is the same for all. What could shut out the caller
    comes last and alone, so that it meets only what was made to be destroyed."""
    began = time.monotonic()
    figure = {"name": caller.name, "operations": 0, "requests": 0, "2xx": 0, "4xx": 0, "5xx": 0, "failures": 0}
    whole = prepared(document, caller, office.examples(), office.bodies())
    office.plan = office.care_plan()
    operations = {operation["operationId"]: operation for item in document["paths"].values() for operation in item.values()}
    mine = {name for name, operation in operations.items() if caller.may(operation)} - LEFT_OUT
    for names, deep in ((mine - DESTROYING, True), (set(operations) - mine - LEFT_OUT, False), (mine & DESTROYING, True)):
        if names:
            figure["operations"] += len(names)
            attempt(office, whole, names, caller, asked, deep, figure)
        if not caller.still_known():
            print(f"!! {caller.name} was shut out meanwhile")
            figure["failures"] += 1
            break
    figure["seconds"] = round(time.monotonic() - began)
    print(f"{caller.name}: {figure['requests']} requests, {figure['failures']} failures, {figure['seconds']} s", flush=True)
    return figure


def attempt(office, whole, names, caller, asked, deep, figure):
    schema = office.folder / "openapi.json"
    schema.write_text(json.dumps(whole))
    (office.folder / "schemathesis.toml").write_text(SETTINGS)
    report = office.folder / "report.ndjson"
    report.unlink(missing_ok=True)
    command = [
        str(Path(sys.executable).parent / "schemathesis"), "run", str(schema), "--url", caller.url,
        "--checks", ",".join(CHECKS), "--seed", str(asked.seed), "--workers", "1", "--continue-on-failure",
        "--phases", "examples,coverage,fuzzing" if deep else "fuzzing",
        "--max-examples", str(asked.examples if deep else 2), "--request-timeout", "60",
        # A connection whose last request was refused before its body was read is closed.
        "--request-retries", "2",
        "--generation-database", "none", "--suppress-health-check", "all", "--warnings", "off", "--no-color",
        "--report", "ndjson", "--report-ndjson-path", str(report), *caller.options,
    ]
    for name in sorted(names):
        command += ["--include-operation-id", name]
    for name, value in caller.headers.items():
        command += ["--header", f"{name}: {value}"]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": str(HERE / "hooks.py"), "ENGAWA_CAREPLAN": str(office.plan)}
    done = subprocess.run(command, cwd=office.folder, capture_output=True, text=True, env=environment)
    found = count(report, figure, office.seen)
    if done.returncode != 0:
        figure["failures"] += max(found, 1)
        print(f"\n==== {caller.name}{'' if deep else ', what it may not do'}\n{story(done)}", flush=True)


def prepared(document, caller, examples, bodies):
    """The document as it is tried. Statuses have to be named one by one: `default`, which stands for any failure, is taken out."""
    whole = copy.deepcopy(document)
    for path, item in whole["paths"].items():
        for operation in item.values():
            operation["responses"].pop("default", None)
            if "Authorization" not in caller.headers:
                # Known by something else than what a request could leave out.
                operation.pop("security", None)
            if body := bodies.get(operation["operationId"]):
                operation["requestBody"]["content"]["application/json"]["example"] = body
            for parameter in operation.get("parameters", []):
                for start, value in examples.items():
                    if parameter["in"] == "path" and path.startswith(start):
                        parameter["example"] = value
    return whole


def story(done):
    """What schemathesis says of failures, without its preamble."""
    text = done.stdout
    begin = max(text.find("= FAILURES ="), text.find("= ERRORS ="), 0)
    return f"{text[begin:begin + 60000]}{done.stderr[-2000:]}"


def count(report, figure, seen):
    """Reads the figures out of the events; how many failures there are."""
    failures = 0
    for line in report.read_text().splitlines() if report.exists() else []:
        event = json.loads(line)
        recorder = event.get("ScenarioFinished", {}).get("recorder", {})
        statuses = seen.setdefault(recorder.get("label") or "", Counter())
        for interaction in recorder.get("interactions", {}).values():
            response = interaction.get("response")
            figure["requests"] += 1
            if response:
                statuses[response["status_code"]] += 1
                family = f"{response['status_code'] // 100}xx"
                figure[family] = figure.get(family, 0) + 1
        for checks in recorder.get("checks", {}).values():
            failures += sum(1 for check in checks if check.get("status") == "failure")
    return failures


def streams(office):
    """Event streams: what they answer at once, to who may and who may not."""
    figure = {"name": "event streams", "operations": 1, "requests": 0, "2xx": 0, "4xx": 0, "5xx": 0, "failures": 0, "seconds": 0}
    cases = [
        ("read", {}, "", 200), ("card", {}, "", 200), ("submit", {}, "", 403), ("read", {}, "?x=1", 400),
        ("read", {"Last-Event-ID": "0"}, "", 200), ("read", {"Last-Event-ID": "x" * 200}, "", 400),
    ]
    for right, headers, query, expected in cases:
        connection = office.loopback()
        connection.request("GET", f"/v1/events{query}", headers={"Authorization": f"Bearer {office.keys[right]}", **headers})
        answer = connection.getresponse()
        kind = answer.getheader("Content-Type", "").split(";")[0]
        right_kind = "text/event-stream" if answer.status == 200 else "application/problem+json"
        figure["requests"] += 1
        figure[f"{answer.status // 100}xx"] += 1
        if answer.status != expected or kind != right_kind:
            print(f"!! /v1/events{query} {headers} as {right}: {answer.status} {kind}, not {expected} {right_kind}")
            figure["failures"] += 1
        connection.close()
    return figure


class Caller:
    """Somebody who comes, and by which way."""

    def __init__(self, office, name, url, headers=None, options=(), rights=(), scheme=None, probe=None):
        self.office, self.name, self.url = office, name, url
        self.headers, self.options = headers or {}, list(options)
        self.rights, self.scheme, self.probe = set(rights), scheme, probe

    def may(self, operation):
        for requirement in operation.get("security", []):
            if not requirement:
                return True
            for scheme, scopes in requirement.items():
                if scheme == "key" and self.rights.intersection(scopes):
                    return True
                if scheme == self.scheme:
                    return True
        return False

    def still_known(self):
        return self.probe is None or self.probe()


class Office:
    """A hub, a gateway, and everybody's credentials."""

    def __init__(self, folder, binaries):
        self.folder, self.binaries = folder, binaries
        self.children, self.keys, self.seen, self.number = [], {}, {}, 0
        world = self.start_hub()
        self.start_gateway(world)
        self.authority = folder / "authority.pem"
        self.authority.write_text(self.command("lan", "ca"))
        self.command("admin", "init", "--user", "first", "--name", "架空 一", "--json")
        self.fill()
        self.proxy = Proxy(folder / "socket")

    def start_hub(self):
        hub = self.spawn("hub", [self.binaries / "engawa-sandbox", "hub", "--dir", self.folder / "hub", "--until-stdin-ends"])
        line = hub.stdout.readline()
        assert line, "the sandbox did not start"
        return json.loads(line)

    def start_gateway(self, hub):
        place = self.folder / "hub"
        for name, source in {
            "certificate.p12": place / "facilities/clinic/client.p12",
            "passphrase": place / "facilities/clinic/client.p12.pass",
            "password": place / "accounts/clinic-doctor.password",
        }.items():
            with open(os.open(self.folder / name, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as file:
                file.write(source.read_bytes())
        path = lambda name: json.dumps(str(self.folder / name))
        (self.folder / "engawa.toml").write_text(f"""
[facility]
number = "{FACILITY}"
[state]
directory = {path("state")}
min_free = "16 MiB"
[endpoint]
listen = ["127.0.0.1:0"]
unix_socket = {path("socket")}
[lan]
listen = ["127.0.0.1:0"]
requests_per_second = 100000
connections_per_address = 1000
[hub]
url = {json.dumps(hub["hub"])}
ca_file = {json.dumps(hub["ca"])}
certificate_file = {path("certificate.p12")}
certificate_passphrase_file = {path("passphrase")}
user_id = "clinic-doctor"
password_file = {path("password")}
poll_changes_s = 10
login_window_s = 1
[outbox]
backoff_min_s = 1
backoff_max_s = 1
[cards]
longest_wait_s = 1
[log]
format = "text"
""")
        os.chmod(self.folder / "engawa.toml", 0o600)
        self.log = open(self.folder / "log", "w+")
        gateway = [self.binaries / "engawa", "serve", "--config", self.folder / "engawa.toml"]
        self.gateway = self.spawn("gateway", gateway, self.log)
        lan, local = self.found(r"listening to the LAN address=(\S+)"), self.found(r"engawa: listening address=(\S+)")
        self.lan_url, self.local_url = f"https://localhost:{lan.rsplit(':')[-1]}", f"http://{local}"

    def spawn(self, name, command, out=subprocess.PIPE):
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
        child = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT if out != subprocess.PIPE else None, env=environment)
        self.children.append(child)
        return child

    def found(self, pattern):
        for _ in range(300):
            text = (self.folder / "log").read_text()
            if match := re.search(pattern, text):
                return match[1]
            assert self.gateway.poll() is None, text
            time.sleep(0.1)
        raise AssertionError(f"no {pattern} in {text}")

    def troubles(self):
        """What should not be in the log: panics, errors, and requests that failed otherwise than for want of readers."""
        text = (self.folder / "log").read_text()
        lines = [line for line in text.splitlines() if any(sign in line for sign in (" ERROR ", "panic", "request failed"))]
        return [line for line in lines if not expected(line)] + ([] if self.gateway.poll() is None else ["the gateway has ended"])

    def close(self):
        for child in reversed(self.children):
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(30)
            except subprocess.TimeoutExpired:
                child.kill()

    def command(self, *words):
        done = subprocess.run([str(self.binaries / "engawa"), *words, "--config", str(self.folder / "engawa.toml")], capture_output=True, text=True)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def loopback(self):
        return http.client.HTTPConnection(self.local_url.removeprefix("http://"), timeout=30)

    def unix(self):
        connection = http.client.HTTPConnection("localhost", timeout=60)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(self.folder / "socket"))
        return connection

    def lan(self, certificate=None):
        context = ssl.create_default_context(cafile=str(self.authority))
        if certificate:
            context.load_cert_chain(*certificate)
        # From another address than the requests: that one will be locked for its wrong pairing codes.
        place = self.lan_url.removeprefix("https://").replace("localhost", "127.0.0.1")
        return http.client.HTTPSConnection(place, context=context, timeout=60, source_address=("127.0.0.2", 0))

    def ask(self, connection, method, path, body=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body)
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer, json.loads(text) if text else None

    def admin(self, method, path, body=None, **headers):
        answer, value = self.ask(self.unix(), method, path, body, **headers)
        assert answer.status < 300, (path, answer.status, value)
        return value

    def document(self):
        _, value = self.ask(self.loopback(), "GET", "/openapi.json")
        return value

    def fill(self):
        """Something to look at."""
        for right in RIGHTS:
            self.keys[right] = self.admin("POST", "/v1/keys", {"label": right, "rights": [right]})["key"]
        opinion = json.loads((FIXTURES / "opinion/fracture.json").read_text())
        for number in range(3):
            opinion["special_notes"] = f"架空の文書 {number}"
            self.submission = self.admin("POST", "/v1/opinions", {"opinion": opinion}, Idempotency_Key=f"fill-{number}")["id"]
        connection = self.unix()
        headers = {"Content-Type": "application/zip", "Idempotency-Key": "fill-plan"}
        connection.request("POST", "/v1/careplans", body=self.care_plan().read_bytes(), headers=headers)
        answer = connection.getresponse()
        assert answer.status == 202, answer.read()
        self.batch = answer.getheader("Location").rsplit("/", 1)[-1]
        connection.close()

    def examples(self):
        """Ids that exist, made anew for each caller: what a request may destroy is nobody's own."""
        self.number += 1
        spare = self.admin("POST", "/v1/keys", {"label": "spare", "rights": ["read"]})
        window = self.admin("POST", "/v1/pairing", {"label": "spare", "rights": ["read"], "kind": "software"})
        staff = f"spare{self.number}"
        self.admin("POST", "/v1/staff", {"user": staff, "name": "架空 予備", "role": "clerk"})
        return {
            "/v1/opinions/": self.submission, "/v1/submissions/": self.submission, "/v1/careplans/": self.batch,
            "/v1/keys/": spare["id"], "/v1/pairing/": window["id"], "/v1/staff/": staff,
        }

    def care_plan(self):
        """A month's plan of one person, as the hub's own example has it, sent by this office instead; a new one for each caller."""
        files = self.folder / "plans" / str(self.number)
        stamp = f"20260420{self.number:06}"
        made = [self.binaries / "engawa-sandbox", "careplans", "--out", files, "--users", "1", "--only", "dx", "--month", "202605", "--stamp", stamp]
        subprocess.run([str(word) for word in made], check=True, capture_output=True)
        plan = files.with_suffix(".zip")
        with zipfile.ZipFile(plan, "w") as archive:
            for file in sorted(files.iterdir()):
                archive.writestr(file.name.replace(PLANNER, FACILITY), file.read_bytes().replace(PLANNER.encode(), FACILITY.encode()))
        return plan

    def bodies(self):
        """What is taken: chance does not find an opinion without a mistake."""
        opinion = json.loads((FIXTURES / "opinion/stroke.json").read_text())
        opinion["special_notes"] = f"架空の文書 {self.number} の例"
        return {
            "opinions_submit": {"opinion": opinion},
            "opinions_check": {"opinion": opinion},
            "keys_add": {"label": "made", "rights": ["read"]},
            "pairing_open": {"label": "made", "rights": ["read"], "kind": "software"},
            "staff_add": {"user": f"made{self.number}", "name": "架空 三", "role": "clerk"},
            "staff_change": {"name": "架空 四"},
            "staff_hub_try": {"logged_in_at_hub": True},
        }

    def callers(self):
        trust = ["--tls-verify", str(self.authority)]
        yield Caller(self, "stranger on the LAN", self.lan_url, options=trust)
        yield Caller(self, "stranger on the box", self.local_url)
        for right in RIGHTS:
            header = {"Authorization": f"Bearer {self.keys[right]}"}
            probe = lambda header=header: self.ask(self.loopback(), "GET", "/v1/readers", **header)[0].status in (200, 403)
            yield Caller(self, f"key: {right}", self.local_url, header, rights=[right], probe=probe)
        yield self.software(trust)
        terminal = self.browser()
        yield self.person("browser", terminal, None, trust)
        for role in ROLES:
            one_time = self.staff(role)
            session = self.log_in(terminal, role, one_time)
            if role == "clerk":
                yield self.person("one-time password", terminal, session, trust)
                # Wrong passwords were tried there.
                terminal = self.browser()
                session = self.log_in(terminal, role, one_time)
            session = self.own_password(terminal, session, one_time)
            yield self.person(f"person: {role}", terminal, session, trust)
            terminal = self.browser()
        yield Caller(self, "administrator on the socket", self.proxy.url, rights=RIGHTS)

    def software(self, trust):
        key, request, certificate = (self.folder / name for name in ("terminal.key", "terminal.csr", "terminal.pem"))
        subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x", "-keyout", key, "-out", request], check=True, capture_output=True)
        window = self.admin("POST", "/v1/pairing", {"label": "software", "rights": RIGHTS, "kind": "software"})
        answer, paired = self.ask(self.lan(), "POST", "/v1/pair", {"code": window["code"], "csr": request.read_text()})
        assert answer.status == 201, paired
        certificate.write_text(paired["certificate"])
        options = [*trust, "--request-cert", str(certificate), "--request-cert-key", str(key)]
        probe = lambda: self.ask(self.lan((certificate, key)), "GET", "/v1/readers")[0].status == 200
        return Caller(self, "software terminal", self.lan_url, options=options, rights=RIGHTS, scheme="certificate", probe=probe)

    def browser(self):
        window = self.admin("POST", "/v1/pairing", {"label": "browser", "rights": RIGHTS, "kind": "browser"})
        answer, paired = self.ask(self.lan(), "POST", "/v1/pair", {"code": window["code"]}, Origin=self.lan_url.replace("localhost", "127.0.0.1"))
        assert answer.status == 201, paired
        return answer.getheader("Set-Cookie").split(";")[0]

    def staff(self, role):
        made = self.admin("POST", "/v1/staff", {"user": f"a{role}", "name": "架空 二", "role": role})
        return made["one_time_password"]

    def log_in(self, terminal, role, password):
        body = {"user": f"a{role}", "password": password}
        answer, session = self.ask(self.lan(), "POST", "/v1/session", body, Origin=self.lan_url.replace("localhost", "127.0.0.1"), Cookie=terminal)
        assert answer.status == 200, session
        return answer.getheader("Set-Cookie").split(";")[0]

    def own_password(self, terminal, session, one_time):
        body = {"password": one_time, "new_password": PASSWORD}
        cookie = f"{terminal}; {session}"
        answer, value = self.ask(self.lan(), "POST", "/v1/session/password", body, Origin=self.lan_url.replace("localhost", "127.0.0.1"), Cookie=cookie)
        assert answer.status == 200, value
        return answer.getheader("Set-Cookie").split(";")[0]

    def person(self, name, terminal, session, trust):
        headers = {"Origin": self.lan_url, "Cookie": f"{terminal}; {session}" if session else terminal}
        answer, value = self.ask(self.lan(), "GET", "/v1/session", Cookie=headers["Cookie"])
        rights = value["rights"] if answer.status == 200 and not value["one_time"] else []
        expected = answer.status
        probe = lambda: self.ask(self.lan(), "GET", "/v1/session", Cookie=headers["Cookie"])[0].status == expected
        return Caller(self, name, self.lan_url, headers, trust, rights, "session", probe)


def expected(line):
    """Whether a line tells of a request that failed for want of readers."""
    code = re.search(r"request failed.* code=(\w+)", line)
    return code is not None and code[1] in EXPECTED


class Proxy:
    """A TCP port that leads to the Unix socket, whose clients are administrators."""

    def __init__(self, target):
        self.target, self.server = str(target), socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.server.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            near, _ = self.server.accept()
            far = socket.socket(socket.AF_UNIX)
            far.connect(self.target)
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=carry, args=(source, sink), daemon=True).start()


def carry(source, sink):
    try:
        while chunk := source.recv(65536):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for end in (source, sink):
            end.close()


if __name__ == "__main__":
    main()
