# SPDX-License-Identifier: MIT
"""Metrics over HTTP: what is shown, to whom, and what clients that are slow, many or broken can do."""
import http.client
import json
import pathlib
import re
import shutil
import socket
import subprocess

import pytest

from daemon import DEADLINE, ROOT, free_port, until

TOKEN = "0123456789abcdef0123456789abcdef"
SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? ([0-9.e+-]+)$')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\\n]|\\[\\"n])*)"')


class Page:
    """A scrape: page["ringfence_requests_total", "method=invite"]"""

    def __init__(self, text):
        self.text, self.samples = text, {}
        for line in text.splitlines():
            if line.startswith("#"):
                assert re.match(r"# (HELP|TYPE) ringfence_[a-z0-9_]+ .", line), line
                continue
            m = SAMPLE.match(line)
            assert m, f"not a sample: {line!r}"
            key = (m[1], *(f"{k}={v}" for k, v in LABEL.findall(m[2] or "")))
            assert key not in self.samples, f"twice: {line!r}"
            self.samples[key] = float(m[3])
        self.names = {key[0] for key in self.samples}

    def __getitem__(self, key):
        return self.samples[key if isinstance(key, tuple) else (key,)]


def get(port, path="/metrics", method="GET", headers=None):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    try:
        c.request(method, path, headers=headers or {})
        r = c.getresponse()
        return r.status, r.headers, r.read().decode()
    finally:
        c.close()


def scrape(rf):
    status, headers, text = get(rf.http)
    assert status == 200 and headers["content-type"].startswith("text/plain; version=0.0.4")
    return Page(text)


@pytest.fixture
def metered(edge):
    def make(start=True, extra=(), **settings):
        port = free_port()
        rf = edge(start=start, admin={"listen": ["unix:rf.sock", f"http:127.0.0.1:{port}", *extra]}, **settings)
        rf.http = port
        return rf
    return make


def raw(rf, data, shut=True):
    """What comes back until the other side closes."""
    with socket.create_connection(("127.0.0.1", rf.http), timeout=DEADLINE) as s:
        try:
            s.sendall(data)
            if shut:
                s.shutdown(socket.SHUT_WR)
            out = b""
            while chunk := s.recv(65536):
                out += chunk
        except OSError:  # it closed, and had not read all
            return b""
        return out


def test_figures_rise_with_traffic_and_are_those_of_status(metered, phones, phone):
    rf = metered(workers=2)
    assert scrape(rf)["ringfence_requests_total", "method=register"] == 0
    phones(rf, "alice")
    phone(rf, "bob", password="wrong").register()
    rf.wait_event("auth.bad-password")
    page = until(lambda: (p := scrape(rf))["ringfence_auth_ok_total"] == 1 and p, "the log-in")
    st = rf.status()
    assert page["ringfence_requests_total", "method=register"] == st["counters"]["requests.register"] >= 3
    for verdict in ("pass", "challenge", "reply"):
        assert page["ringfence_verdicts_total", f"verdict={verdict}"] == st["counters"][f"verdicts.{verdict}"]
    for reason, n in st["reasons"].items():
        control = next(k[1] for k in page.samples if k[0] == "ringfence_reasons_total" and k[2] == f"reason={reason}")
        assert page["ringfence_reasons_total", control, f"reason={reason}", "mode=enforce"] == n
    workers = [page["ringfence_worker_received_messages_total", f"worker={i}"] for i in (0, 1)]
    assert sum(workers) == page["ringfence_received_messages_total", "transport=udp"]
    assert page["ringfence_table_entries", "table=registrations"] == 1
    assert page["ringfence_table_capacity", "table=registrations"] == 4096
    assert page["ringfence_store_up"] == 1
    assert page["ringfence_control_mode", "control=flood", "mode=enforce"] == 1
    assert page["ringfence_sink_up", f"sink={rf.events_file}"] == 1


def test_histograms_hold_together(metered, phones):
    rf = metered()
    ua = phones(rf, "alice")
    for _ in range(70):
        ua.register().expect(200)
    page = until(lambda: (p := scrape(rf))["ringfence_path_seconds_count", "kind=register"] > 1 and p, "samples")
    checked = 0
    for key, count in page.samples.items():
        if not key[0].endswith("_count"):
            continue
        name, labels = key[0][:-6], key[1:]
        buckets = [v for k, v in page.samples.items() if k[0] == name + "_bucket" and k[1:-1] == labels]
        assert len(buckets) == 20 and buckets == sorted(buckets) and buckets[-1] == count
        assert page.samples[(name + "_sum", *labels)] >= 0
        checked += 1
    assert checked >= 20
    stages = {s["name"]: s["samples"] for s in rf.status()["stages"]}
    assert page["ringfence_stage_seconds_count", "stage=parse"] == stages["parse"] > 1


def test_what_observe_would_have_refused_is_counted_apart(metered, phone):
    rf = metered(controls={"auth": {"mode": "observe"}})
    phone(rf, "bob", password="wrong").register()
    rf.wait_event("auth.challenge")
    page = until(lambda: (p := scrape(rf))["ringfence_verdicts_total", "verdict=observed"] and p, "the verdict")
    assert page["ringfence_reasons_total", "control=auth", "reason=auth.challenge", "mode=observe"] >= 1
    assert page["ringfence_control_mode", "control=auth", "mode=observe"] == 1


@pytest.mark.skipif(not shutil.which("promtool"), reason="needs promtool")
def test_promtool_finds_nothing(metered, phones):
    rf = metered(controls={"limits": [
        {"name": "calls", "match": {"method": "INVITE"}, "per": "account", "rate": "2/s", "burst": 5},
        {"name": "cpu", "algorithm": "feedback", "per": "global", "target": "80%"}]})
    phones(rf, "alice")
    p = subprocess.run(["promtool", "check", "metrics"], input=scrape(rf).text, text=True, capture_output=True,
                       timeout=DEADLINE)
    assert (p.returncode, p.stdout, p.stderr) == (0, "", "")
    p = subprocess.run(["promtool", "check", "rules", str(ROOT / "packaging/prometheus/alerts.yaml")], text=True,
                       capture_output=True, timeout=DEADLINE)
    assert p.returncode == 0, p.stdout + p.stderr


def test_dashboard_and_alerts_name_only_what_there_is(metered):
    page = scrape(metered(controls={"limits": [{"name": "calls", "per": "account", "rate": "2/s", "burst": 5}]}))
    board = json.loads((ROOT / "packaging/grafana/ringfence.json").read_text())
    assert board["uid"] and any(v["type"] == "datasource" for v in board["templating"]["list"])
    asked = [t["expr"] for p in board["panels"] for t in p.get("targets", [])]
    assert len(asked) > 15
    asked.append((ROOT / "packaging/prometheus/alerts.yaml").read_text())
    for expr in asked:
        for name in re.findall(r"\bringfence_[a-z0-9_]+", expr):
            assert name in page.names, f"{name} in {expr}"


def test_pages_and_what_is_no_page(metered):
    rf = metered()
    assert get(rf.http, "/healthz")[0::2] == (200, "ok\n")
    assert "/metrics" in get(rf.http, "/")[2]
    for path, method, want in (("/nothing", "GET", 404), ("/metrics/", "GET", 404), ("/metrics", "POST", 405),
                               ("/metrics", "DELETE", 405), ("/metrics", "OPTIONS", 405), ("/metrics", "PUT", 405)):
        assert get(rf.http, path, method)[0] == want, (path, method)
    status, headers, text = get(rf.http, "/metrics", "HEAD")
    assert (status, text) == (200, "") and int(headers["content-length"]) > 10000
    assert get(rf.http, headers={"Content-Length": "5"})[0] == 413
    assert get(rf.http, "/metrics?x=1")[0] == 200
    answers = until(lambda: (p := scrape(rf)).samples.get(("ringfence_http_responses_total", "code=405"), 0) == 4 and p,
                    "the count")
    assert answers["ringfence_http_responses_total", "code=404"] == 2


def test_reasons_that_no_worker_found(metered):
    """A ban by hand, a reload, the start: the main thread's own."""
    rf = metered()
    rf.run("ban", "203.0.113.77").expect(0)
    rf.run("unban", "203.0.113.77").expect(0)
    rf.run("reload").expect(0)
    page = scrape(rf)
    told = {}
    for e in rf.events():
        told[e["reason"]] = told.get(e["reason"], 0) + 1
    for reason in ("daemon.start", "daemon.reload", "standing.manual", "standing.unbanned"):
        control = next(k for k in page.samples if k[0] == "ringfence_reasons_total" and f"reason={reason}" in k)[1]
        assert page["ringfence_reasons_total", control, f"reason={reason}", "mode=enforce"] == told[reason] == 1, reason


def test_health_when_the_database_is_lost(metered, phones):
    rf = metered()
    phones(rf, "alice")
    until(lambda: rf.database.exists(), "the database")
    away = rf.database.with_suffix(".away")
    rf.database.rename(away)
    until(lambda: get(rf.http, "/healthz")[0] == 503, "the loss")
    assert "database is lost" in get(rf.http, "/healthz")[2]
    away.rename(rf.database)
    until(lambda: get(rf.http, "/healthz")[0] == 200, "its return")


def test_token(metered, tmp_path):
    secret = tmp_path / "token"
    secret.write_text(TOKEN + "\n")
    rf = metered(start=False)
    rf.write_config(admin={"token_file": str(secret)})
    rf.start()
    for value in (None, "", TOKEN, "Bearer", "Bearer ", f"Basic {TOKEN}", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x",
                  f"Bearer {TOKEN[:-1]}0", "Bearer " + "x" * 2000):
        status, headers, text = get(rf.http, headers={} if value is None else {"Authorization": value})
        assert status == 401 and headers["www-authenticate"].startswith("Bearer"), value
        assert "ringfence_" not in text and TOKEN not in text
    assert get(rf.http, headers={"Authorization": f"Bearer {TOKEN}"})[0] == 200
    assert get(rf.http, headers={"authorization": f"bearer {TOKEN}"})[0] == 200
    assert get(rf.http, "/healthz")[0] == 200
    secret.write_text("another-token-of-24-chars\n")
    rf.run("reload").expect(0)
    assert get(rf.http, headers={"Authorization": f"Bearer {TOKEN}"})[0] == 401
    assert get(rf.http, headers={"Authorization": "Bearer another-token-of-24-chars"})[0] == 200


def test_unix_socket_and_curl(metered):
    rf = metered(extra=["http:unix:http.sock"])
    p = subprocess.run(["curl", "-sS", "--fail", "--unix-socket", str(rf.folder / "http.sock"), "http://edge/metrics"],
                       text=True, capture_output=True, timeout=DEADLINE)
    assert p.returncode == 0, p.stderr
    assert Page(p.stdout)["ringfence_store_up"] == 1
    assert pathlib.Path(rf.folder / "http.sock").stat().st_mode & 0o777 == 0o660
    rf.stop()
    assert not (rf.folder / "http.sock").exists()


def test_broken_requests_harm_nobody(metered, phone):
    rf = metered()
    for data in (b"\r\n\r\n", b"GET\r\n\r\n", b"GET /metrics\r\n\r\n", b"GET /metrics HTTP/9.9\r\n\r\n",
                 b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                 b"GET /metrics HTTP/1.1\r\nX: " + b"a" * 100000 + b"\r\n\r\n",
                 b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n\r\n", b"GET /metrics HTTP/1.1\r\n" + b"A: b\r\n" * 5000,
                 b"GET /%00%0d%0aX:%20y HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /../../../etc/passwd HTTP/1.1\r\n\r\n",
                 b"GET /metrics HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                 b"GET /metrics HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
                 b"GET /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n",
                 b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                 b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
                 b"GET /metrics HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                 b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                 bytes(range(256)) * 40, b"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP x\r\n\r\n"):
        answer = raw(rf, data)
        assert b"101 " not in answer[:20] and b"root:" not in answer, data[:60]
        assert b"X: y" not in answer
    assert get(rf.http, "/healthz")[0] == 200
    until(lambda: scrape(rf)["ringfence_http_connections"] == 1, "the end of all others")
    phone(rf, "alice").register().expect(200)


def test_two_requests_on_one_connection_get_one_answer(metered):
    rf = metered()
    answer = raw(rf, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
    assert answer.count(b"HTTP/1.1 200") == 1


def test_many_and_idle_clients(metered, phone):
    """More than may be there are turned away; those that say nothing are gone after the deadline, and phones are served
    meanwhile."""
    rf = metered()
    idle = [socket.create_connection(("127.0.0.1", rf.http), timeout=DEADLINE) for _ in range(40)]
    idle[0].sendall(b"GET /metrics HTT")
    idle[1].sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\nX: ")  # and goes on, byte by byte
    closed = 0
    for s in idle[32:]:
        try:
            closed += s.recv(1) == b""
        except ConnectionResetError:
            closed += 1
    assert closed == 8
    phone(rf, "alice").register().expect(200)

    def has_ended():
        try:
            idle[1].sendall(b"x")
            return False
        except OSError:
            return True
    until(has_ended, "the end of who sends a byte now and then")
    for s in idle[:32]:  # the daemon ends them
        try:
            assert s.recv(65536)[:9] in (b"", b"HTTP/1.1 ")
        except ConnectionResetError:
            pass
        s.close()
    page = until(lambda: (p := scrape(rf))["ringfence_http_connections"] == 1 and p, "the end of the idle")
    assert page["ringfence_http_refused_connections_total"] == 8


def test_a_client_that_reads_nothing(metered, phone):
    rf = metered()
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    slow.settimeout(DEADLINE)
    slow.connect(("127.0.0.1", rf.http))
    slow.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
    for _ in range(3):
        assert get(rf.http)[0] == 200
    phone(rf, "alice").register().expect(200)
    slow.close()
    until(lambda: scrape(rf)["ringfence_http_connections"] == 1, "its end")


def test_an_address_that_is_taken_and_a_changed_one(metered):
    rf = metered()
    other = metered(start=False)
    other.write_config(admin={"listen": ["unix:rf.sock", f"http:127.0.0.1:{rf.http}"]})
    other.start(ready=False)
    assert other.wait_exit() == 1
    assert f"http:127.0.0.1:{rf.http}: the address is in use" in other.stderr()
    rf.write_config(admin={"listen": ["unix:rf.sock"]})
    result = rf.run("reload").expect(0)
    assert "admin.listen: the new value needs a restart" in result.out + result.err


def test_check_names_where_metrics_are(metered):
    rf = metered(start=False)
    assert f"metrics   http:127.0.0.1:{rf.http}" in rf.run("check").expect(0).out
    rf.write_config(admin={"listen": ["unix:rf.sock", f"http:0.0.0.0:{rf.http}"]})
    result = rf.run("check").expect(1)
    assert "set admin.token_file" in result.out + result.err
