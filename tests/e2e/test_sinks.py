# SPDX-License-Identifier: MIT
"""Events on their way to the rest of the stack: real rsyslog, real fail2ban, a capture server, servers that
are gone, stall or refuse; and what strangers write into their messages."""
import contextlib
import http.server
import json
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import threading

import pytest

from daemon import DEADLINE, DOMAIN, ROOT, free_port, until
from test_standing import guess, judge

PACKAGING = ROOT / "packaging"
FORGERY = 'x] {"reason":"auth.ok"} proven=yes | src=192.0.2.1 \\ "\u00fc\u2028<script>'

# Strangers are judged by nobody here; 127.0.0.1 is no stranger but an address of the machine itself.
UNJUDGED = {"standing": {"allow": [], "mode": "off"},
            "controls": {name: {"mode": "off"} for name in ("guessing", "flood", "scan")}}
STRANGER = "127.0.0.9"


@contextlib.contextmanager
def program(*command, folder, **kwargs):
    """A server of another project that belongs to this test alone."""
    with open(folder / "program.log", "ab") as log:
        p = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder,
                             **kwargs)
    try:
        yield p
    finally:
        p.terminate()
        try:
            p.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()


def lines_of(path):
    return path.read_text().splitlines() if path.exists() else []


def sink_of(rf, kind):
    return next(s for s in rf.status()["sinks"] if s["kind"] == kind)


def wait_sink(rf, kind, condition, what):
    return until(lambda: (lambda s: s if condition(s) else None)(sink_of(rf, kind)), what)


def challenge(rf, phone, n=1, ip="127.0.0.1", transport="udp", **fields):
    """n events: requests without credentials. A stranger gets as many answers only over a connection."""
    ua = phone(rf, "alice", ip=ip, transport=transport)
    for _ in range(n):
        ua.final(ua.send(ua.message("OPTIONS", f"sip:{DOMAIN}", **fields))).expect(407)


def attack(rf, phone, ip="127.0.0.1"):
    """A failed log-in whose user name, Call-ID and User-Agent try to write lines and fields of their own."""
    ua = phone(rf, "alice", ip=ip)
    ua.register(password="wrong", headers=[f"User-Agent: {FORGERY}"],
                from_=f"<sip:alice@{DOMAIN}>;tag=1", call_id='a"]{b}\\<c>').expect(401)
    return rf.wait_event("auth.bad-password")


# --- syslog

def rsyslog_config(folder, port):
    """The example that is shipped, in another folder."""
    text = (PACKAGING / "rsyslog/ringfence.conf").read_text()
    for path in ("/run/ringfence-log", "/var/log/ringfence"):
        assert path in text
        text = text.replace(path, str(folder / pathlib.Path(path).name))
    path = folder / "rsyslog.conf"
    path.write_text(f'global(workDirectory="{folder}")\n' + text.replace('"5514"', f'"{port}"'))
    (folder / "ringfence").mkdir()
    return path


@pytest.mark.parametrize("kind", ["unix", "udp", "tcp"])
def test_real_rsyslog(edge, phone, tmp_path, kind):
    port = free_port()
    config = rsyslog_config(tmp_path, port)
    with program("rsyslogd", "-n", "-f", config, "-i", tmp_path / "pid", folder=tmp_path):
        until((tmp_path / "ringfence-log").exists, "rsyslogd")
        place = f"unix:{tmp_path}/ringfence-log" if kind == "unix" else f"{kind}:127.0.0.1:{port}"
        rf = edge(events=[{"file": "events.jsonl"}, {"syslog": place}])
        attack(rf, phone)
        challenge(rf, phone, 50)
        rf.wait_event("auth.challenge", n=51)
        kept = tmp_path / "ringfence/syslog.jsonl"
        want = rf.events_file.read_text().splitlines()
        until(lambda: len(lines_of(kept)) >= len(want), "all events in rsyslog's file")
        assert [json.loads(line) for line in lines_of(kept)] == [json.loads(line) for line in want]
        assert sink_of(rf, "syslog")["lost_error"] == 0
        rf.stop()


class Collector:
    """A syslog server over TCP that can be away: octet counting, one connection at a time."""

    def __init__(self, port):
        self.port, self.messages, self.listener = port, [], None

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.connection = None
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()
        return self

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                self.connection, _ = self.listener.accept()
                data = b""
                while more := self.connection.recv(65536):
                    data += more
                    while (found := re.match(rb"(\d+) ", data)) and len(data) >= found.end() + int(found.group(1)):
                        end = found.end() + int(found.group(1))
                        self.messages.append(data[found.end():end].decode())
                        data = data[end:]

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        if self.connection:
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            self.connection.close()
        self.thread.join(DEADLINE)

    def events(self, reason):
        found = [json.loads(m.partition("] ")[2]) for m in self.messages]
        return [e for e in found if e["reason"] == reason]


def test_a_syslog_server_that_is_gone_and_comes_back(edge, phone):
    server = Collector(free_port())
    rf = edge(events=[{"file": "events.jsonl"}, {"syslog": f"tcp:127.0.0.1:{server.port}", "reasons": ["auth"]}])
    challenge(rf, phone, 5)
    waiting = wait_sink(rf, "syslog", lambda s: s["error"] and s["waiting"], "trouble")
    assert "refused" in waiting["error"] and waiting["lag"] > 0 and waiting["lines"] == 0
    assert "FAILS" in rf.run("status").expect(0).out
    rf.wait_stderr(f"events to syslog tcp:127.0.0.1:{server.port} fail")
    with server:
        until(lambda: len(server.messages) == 5, "what had to wait")
        challenge(rf, phone, 5)
        until(lambda: len(server.messages) == 10, "what came meanwhile")
        rf.wait_stderr("work again")
    wait_sink(rf, "syslog", lambda s: s["waiting"] == 0, "an empty queue")
    challenge(rf, phone, 5)
    with server:
        until(lambda: len(server.messages) == 15, "what came while it was away")
    assert server.events("auth.challenge") == rf.written(reason="auth.challenge")
    assert sink_of(rf, "syslog")["lost_error"] == sink_of(rf, "syslog")["lost_full"] == 0


def test_a_queue_that_is_full_loses_the_newest_and_tells(edge, phone):
    """Nobody is there for long: what does not fit is counted, what is kept is in order."""
    server = Collector(free_port())
    rf = edge(events=[{"file": "events.jsonl"},
                      {"syslog": f"tcp:127.0.0.1:{server.port}", "reasons": ["auth"], "queue": "64KiB"}])
    challenge(rf, phone, 180)
    lost = wait_sink(rf, "syslog", lambda s: s["lost_full"], "losses")["lost_full"]
    rf.wait_event("daemon.events-lost")
    with server:
        until(lambda: len(server.messages) == 180 - lost, "what was kept")
    got = [e["sip"]["call_id"] for e in server.events("auth.challenge")]
    all_of_them = [e["sip"]["call_id"] for e in rf.written(reason="auth.challenge")]
    assert got == [c for c in all_of_them if c in set(got)]


# --- fail2ban

def test_the_filter_of_fail2ban_by_its_own_tool(edge, phone):
    """Failed log-ins match, and nothing that a stranger writes makes a match of its own; a request without
    credentials is in no line."""
    rf = edge(events=[{"file": "events.jsonl"}, {"fail2ban": "fail2ban.log"}], **UNJUDGED)
    challenge(rf, phone, 20, STRANGER, transport="tcp")
    attack(rf, phone, STRANGER)
    ua = phone(rf, "alice", ip=STRANGER)
    challenged = ua.final(ua.send(ua.message("REGISTER", f"sip:{DOMAIN}", to=f"<{ua.aor}>")))
    line = ua.credentials("REGISTER", f"sip:{DOMAIN}", challenged.challenge(),
                          user="x proven=yes source=192.0.2.1 account=y spare=no\u2028ringfence[x]: auth.bad-password")
    ua.final(ua.send(ua.message("REGISTER", f"sip:{DOMAIN}", to=f"<{ua.aor}>", headers=[line])))
    phone(rf, "bob").register().expect(200)
    rf.wait_reasons("auth.bad-password", "registrar.registered")
    wait_sink(rf, "fail2ban", lambda s: s["waiting"] == 0, "an empty queue")
    log = rf.folder / "fail2ban.log"
    lines = lines_of(log)
    assert lines and all(line.startswith("20") and f"source={STRANGER} proven=yes" in line for line in lines)
    assert matches(log, "fail") == [STRANGER] * len(lines)


def matches(log, mode):
    """The addresses that the filter finds in the file, one a line that it matches."""
    filter_file = PACKAGING / "fail2ban/filter.d/ringfence.conf"
    p = subprocess.run(["fail2ban-regex", "--out", "ip", str(log), f"{filter_file}[mode={mode}]"],
                       capture_output=True, text=True, check=True)
    return p.stdout.split()


def banned_with_and_without_users(edge, phone, events):
    """An office where one is logged in and three guess until its address is banned; and a guesser that is alone."""
    office, alone = "127.0.0.7", "127.0.0.9"
    rf = edge(events=[{"file": "events.jsonl"}, *events], **judge(devices=3))
    phone(rf, "alice", ip=office).register().expect(200)
    for n, user in enumerate(("bob", "carol", "nobody")):
        guess(phone(rf, user, ip=office), 20)
        rf.wait_event("standing.device", n=n + 1)
    assert rf.wait_event("standing.banned", ip=office)["source"]["spare"]
    guess(phone(rf, "bob", ip=alone), 20)
    assert not rf.wait_event("standing.banned", ip=alone)["source"]["spare"]
    assert len([e for e in rf.written(ip=office) if e["reason"] in ("auth.bad-password", "auth.unknown-user")]) >= 10
    return rf, office, alone


def test_fail2ban_drops_no_office_with_a_guesser_in_it(edge, phone):
    """ringfence goes on serving who is logged in there; the filter matches none of it."""
    rf, office, alone = banned_with_and_without_users(edge, phone, [{"fail2ban": "fail2ban.log"}])
    log = rf.folder / "fail2ban.log"
    wait_sink(rf, "fail2ban", lambda s: s["waiting"] == 0, "an empty queue")
    text = log.read_text()
    assert f"standing.banned source={office} proven=yes" in text and text.count(f"source={office} ") > 10
    assert matches(log, "banned") == [alone]
    assert set(matches(log, "fail")) == set(matches(log, "all")) == {alone}


def fail2ban_config(folder, log):
    """Debian's own configuration with our filter and jail, but with an action that only writes to a file."""
    config = folder / "fail2ban"
    shutil.copytree("/etc/fail2ban", config)
    shutil.rmtree(config / "jail.d")
    shutil.copytree(PACKAGING / "fail2ban", config, dirs_exist_ok=True)
    jail = config / "jail.d/ringfence.conf"
    jail.write_text(jail.read_text().replace("/var/log/ringfence/fail2ban.log", str(log)))
    (config / "fail2ban.local").write_text("[Definition]\ndbfile = None\n")
    (config / "jail.local").write_text("[DEFAULT]\nbanaction_allports = to-a-file\nignoreself = false\n")
    (config / "action.d/to-a-file.conf").write_text(
        f"[Definition]\nactionban = echo '<name> <ip>' >> {folder}/bans\nactionunban =\n")
    return config


def test_real_fail2ban(edge, phone, tmp_path):
    rf = edge(events=[{"file": "events.jsonl"}, {"fail2ban": "fail2ban.log"}], **UNJUDGED)
    config = fail2ban_config(tmp_path, rf.folder / "fail2ban.log")
    with program("fail2ban-server", "-f", "-c", config, "-s", tmp_path / "f2b.sock", "-p", tmp_path / "f2b.pid",
                 "--logtarget", tmp_path / "f2b.log", "--syslogsocket", "none", "start", folder=tmp_path):
        until(lambda: "Jail 'ringfence-banned' started" in "\n".join(lines_of(tmp_path / "f2b.log")), "fail2ban")
        challenge(rf, phone, 30, STRANGER, transport="tcp")
        for _ in range(9):
            phone(rf, "alice", ip=STRANGER).register(password="wrong").expect(401)
        until(lambda: "\n".join(lines_of(tmp_path / "f2b.log")).count(f"Found {STRANGER}") == 9, "nine of ten")
        assert not lines_of(tmp_path / "bans")
        phone(rf, "alice", ip=STRANGER).register(password="wrong").expect(401)
        until(lambda: lines_of(tmp_path / "bans") == [f"ringfence {STRANGER}"], "the ban")


# --- HEP

def chunks(datagram):
    """HEP3 by its specification (revision 12): {(vendor, type): value}."""
    assert datagram[:4] == b"HEP3" and int.from_bytes(datagram[4:6], "big") == len(datagram)
    found, rest = {}, datagram[6:]
    while rest:
        vendor, kind, size = (int.from_bytes(rest[i:i + 2], "big") for i in (0, 2, 4))
        assert 6 <= size <= len(rest)
        found[vendor, kind], rest = rest[6:size], rest[size:]
    return found


def test_hep_to_a_capture_server(edge, phone):
    """Debian's tshark knows no HEP (Homer's dissector is a plug-in of its own), so it is taken apart here."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(DEADLINE)
        place = f"udp:127.0.0.1:{server.getsockname()[1]}"
        rf = edge(events=[{"file": "events.jsonl"},
                          {"hep": place, "reasons": ["auth.bad-password"], "capture_id": 77}])
        event = attack(rf, phone)
        found = chunks(server.recv(65535))
    here = socket.inet_aton("127.0.0.1")
    numbers = {kind: int.from_bytes(found[0, kind], "big") for kind in (1, 2, 7, 8, 9, 10, 11, 12)}
    assert found[0, 3] == found[0, 4] == here
    assert numbers == {1: socket.AF_INET, 2: socket.IPPROTO_UDP, 7: event["source"]["port"], 8: rf.port, 11: 100, 12: 77,
                       9: numbers[9], 10: numbers[10]}
    assert event["ts"].endswith(f".{numbers[10]:06}Z")
    assert json.loads(found[0, 15]) == event
    assert found[0, 0x11].decode() == event["sip"]["call_id"]
    assert found[0x5246, 1].decode() == event["verdict"] and found[0x5246, 2] == b"auth.bad-password"


# --- webhooks

class Receiver:
    """A web server whose answers a test chooses: a status, None to say nothing, or a list of such, one a request, of
    which the last stays."""

    def __init__(self, *answers, certificate=None, port=0):
        self.answers, self.batches, self.headers, self.free = list(answers), [], [], threading.Event()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = receiver.answers.pop(0) if len(receiver.answers) > 1 else receiver.answers[0]
                receiver.headers.append(dict(self.headers))
                receiver.batches.append((answer, json.loads(body)))
                if answer is None:
                    receiver.free.wait(DEADLINE)
                    return
                self.send_response(answer)
                self.send_header("Content-Length", "0")
                if 300 <= answer < 400:
                    self.send_header("Location", f"http://127.0.0.1:{receiver.port}/elsewhere")
                with contextlib.suppress(OSError):
                    self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.free.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(DEADLINE)

    def taken(self):
        """The events of the batches that were answered with a success."""
        return [event for answer, batch in self.batches if answer and 200 <= answer < 300 for event in batch]


def hook(receiver, **more):
    return [{"file": "events.jsonl"},
            dict({"webhook": f"http://127.0.0.1:{receiver.port}/hook", "reasons": ["auth"]}, **more)]


def test_a_webhook_gets_batches_in_order(edge, phone):
    with Receiver(204) as receiver:
        rf = edge(events=hook(receiver))
        attack(rf, phone)
        challenge(rf, phone, 150)
        until(lambda: len(receiver.taken()) == 152, "all events")
        rf.wait_event("auth.challenge", n=151)
        assert receiver.taken() == [e for e in rf.written() if e["control"] == "auth"]
        assert max(len(batch) for _, batch in receiver.batches) <= 100
        assert {h["Content-Type"] for h in receiver.headers} == {"application/json"}
        assert sink_of(rf, "webhook")["lost_error"] == 0


def test_a_webhook_that_stalls_or_answers_with_errors(edge, phone, phones):
    """Calls go on, what waits is shown, a batch is tried again, order is kept, nothing is delivered twice."""
    with Receiver(None, 500, 503, 200) as receiver:
        rf = edge(events=hook(receiver, timeout="300ms"))
        challenge(rf, phone, 3)
        alice = phones(rf, "alice")  # the daemon serves while the server stalls
        wait_sink(rf, "webhook", lambda s: s["error"] and s["waiting"] and s["lag"] > 0, "trouble")
        alice.register().expect(200)
        until(lambda: sink_of(rf, "webhook")["waiting"] == 0, "an empty queue")
        wanted = [e for e in rf.written() if e["control"] == "auth"]
        assert receiver.taken() == wanted and sink_of(rf, "webhook")["lines"] == len(wanted)


def test_a_webhook_that_refuses_a_batch_loses_it_and_goes_on(edge, phone):
    with Receiver(400, 302, 200) as receiver:
        rf = edge(events=hook(receiver))
        for n in (1, 2):
            challenge(rf, phone)
            wait_sink(rf, "webhook", lambda s: s["lost_error"] == n and s["error"], "a lost batch")
        challenge(rf, phone)
        until(lambda: len(receiver.taken()) == 1, "the third")
        assert receiver.taken() == rf.written(reason="auth.challenge")[2:]
        rf.wait_event("daemon.events-lost")


def certificate(folder):
    path = folder / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                    "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", path, "-out",
                    folder / "only"], check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + (folder / "only").read_bytes())
    return path


def test_a_webhook_over_tls_with_a_token(edge, phone, tmp_path):
    path = certificate(tmp_path)
    (tmp_path / "token").write_text("s3cret\n")
    with Receiver(200, certificate=path) as receiver:
        sink = {"webhook": f"https://localhost:{receiver.port}/hook/secret-path", "reasons": ["auth"],
                "allow_private": True, "ca": str(path), "token_file": str(tmp_path / "token")}
        rf = edge(events=[{"file": "events.jsonl"}, sink])
        challenge(rf, phone)
        until(lambda: len(receiver.taken()) == 1, "the event")
        assert receiver.headers[0]["Authorization"] == "Bearer s3cret"
        (tmp_path / "token").write_text("X-Key: other\n")
        rf.run("reload").expect(0)
        challenge(rf, phone)
        until(lambda: len(receiver.taken()) == 2, "the second event")
        assert receiver.headers[1]["X-Key"] == "other" and "Authorization" not in receiver.headers[1]
        said = rf.run("status").out + rf.stderr()
        assert "secret" not in said and "s3cret" not in said


def test_a_webhook_goes_into_no_private_network(edge, phone, tmp_path):
    """The name is looked up, and what it means is judged: nobody is connected to. A certificate that nobody signed is
    not trusted."""
    path = certificate(tmp_path)
    with Receiver(200, certificate=path) as receiver:
        url = f"https://localhost:{receiver.port}/"
        rf = edge(events=[{"file": "events.jsonl"}, {"webhook": url, "ca": str(path)},
                          {"webhook": url, "allow_private": True}])
        challenge(rf, phone)

        def both():
            return {s["error"] for s in rf.status()["sinks"] if s["kind"] == "webhook" and s["error"]}
        errors = until(lambda: both() if len(both()) == 2 else None, "two errors")
        assert any("private" in e for e in errors) and any("certificate" in e.lower() for e in errors), errors
        assert not receiver.batches


# --- files

def test_cef_in_a_file(edge, phone):
    rf = edge(events=[{"file": "events.jsonl"}, {"file": "events.cef", "format": "cef", "reasons": ["auth"]}])
    attack(rf, phone)
    lines = until(lambda: lines_of(rf.folder / "events.cef")[1:], "the second event")
    assert len(lines) == 1 and lines[0].startswith("CEF:0|ringfence|ringfence|")
    assert " src=127.0.0.1 " in lines[0] and " suser=alice@example.com" in lines[0] and "act=pass" not in lines[0]
    assert lines[0].count(" src=") == 1


def test_a_reload_keeps_what_waits_in_a_sink(edge, phone):
    """A sink that did not change goes on with its queue; another is added beside it."""
    server = Collector(free_port())
    sinks = [{"file": "events.jsonl"}, {"syslog": f"tcp:127.0.0.1:{server.port}", "reasons": ["auth"]}]
    rf = edge(events=sinks)
    challenge(rf, phone, 3)
    wait_sink(rf, "syslog", lambda s: s["error"], "trouble")
    rf.write_config(events=[{"file": "more.jsonl"}, *sinks])
    rf.run("reload").expect(0)
    challenge(rf, phone, 2)
    with server:
        until(lambda: len(server.messages) == 5, "what waited and what came after")
    assert server.events("auth.challenge") == rf.written(reason="auth.challenge")
    assert len(until(lambda: lines_of(rf.folder / "more.jsonl")[2:], "events in the new file")) >= 1
