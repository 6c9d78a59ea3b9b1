# SPDX-License-Identifier: MIT
"""Bans reach nftables: by behaviour, by hand, across a restart, a reload, the death of the helper; and
nobody else's table is touched. In network namespaces, so it needs root."""
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess

import pytest

import attack
import helper_client as hc
import sip
from daemon import DOMAIN, PROGRAM, Daemon, until
from netns import OUTSIDE, OUTSIDE6, SERVER, SERVER6, Wire, can_make

HELPER = str(pathlib.Path(PROGRAM).resolve().parent.parent / "helper/ringfence-helper")
NOBODY = 65534
AS_NOBODY = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", "--inh-caps", "-all"]
POSSIBLE, WHY_NOT = can_make()
pytestmark = pytest.mark.skipif(not POSSIBLE, reason=WHY_NOT)

GUESSER, INNOCENT, OTHER, OFFICE = OUTSIDE[:4]


@pytest.fixture
def wire():
    made = Wire()
    yield made
    made.close()


def children(pid):
    text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(p) for p in text.split()]


class Site:
    """A daemon on the server's side of a wire, and phones on the other."""

    def __init__(self, wire, edge):
        self.wire, self.edge, self.uas = wire, edge, []

    def start(self, **settings):
        self.rf = self.edge(start=False, **{
            "enforce": ["ledger", "nftables"], "standing": {"allow": None, "sources": 4096}, **settings})
        listen = [f"{kind}:{host}:{self.rf.port}" for kind in ("udp", "tcp") for host in (SERVER, f"[{SERVER6}]")]
        self.rf.write_config(zones={"public": {"listen": listen}})
        with self.wire.server:
            self.rf.start()
        return self.rf

    def restart(self):
        self.rf.stop()
        with self.wire.server:
            self.rf.start()

    def phone(self, ip, user="alice", **settings):
        server = (SERVER6 if ":" in ip else SERVER, self.rf.port)
        with self.wire.outside:
            ua = sip.UA(self.rf, user, ip=ip, server=server, **settings)
        self.uas.append(ua)
        return ua

    def close(self):
        for ua in self.uas:
            ua.close()

    # --- what the kernel has

    def kernel(self, name="ban4", table="ringfence"):
        return self.wire.server.elements(name, table)

    def wait_kernel(self, source, name="ban4"):
        return until(lambda: (self.kernel(name) or {}).get(source), f"{source} in {name}")

    def wait_gone(self, source, name="ban4"):
        until(lambda: source not in (self.kernel(name) or {}), f"{source} gone from {name}")

    def enforcement(self):
        return self.rf.status()["enforcement"]

    def wait_up(self):
        until(lambda: self.enforcement()["up"], "bans in the kernel")

    def keeper(self):
        pid, = [p for p in children(self.rf.process.pid)
                if "ringfence-keep" in pathlib.Path(f"/proc/{p}/comm").read_text()]
        return pid

    def worker(self):
        return until(lambda: children(self.keeper()), "a worker of the helper")[0]


@pytest.fixture
def site(wire, edge):
    made = Site(wire, edge)
    yield made
    made.close()


def guess(ua, n=8):
    """Wrong passwords, until nothing is answered any more."""
    for _ in range(n):
        first = ua.message("REGISTER", f"sip:{DOMAIN}", to=f"<{ua.aor}>", contact=ua.contact)
        ua.send(first)
        answer = ua.wait(lambda m: m.is_response and m.status == 401, deadline=0.5)
        if answer is None:
            return
        line = ua.credentials("REGISTER", f"sip:{DOMAIN}", answer.challenge(ua.algorithm), password="wrong")
        ua.send(ua.message("REGISTER", f"sip:{DOMAIN}", to=f"<{ua.aor}>", contact=ua.contact, headers=[line]))
        if ua.wait(lambda m: m.is_response, deadline=0.5) is None:
            return


def is_served(ua):
    sent = ua.message("OPTIONS", f"sip:{DOMAIN}")
    ua.send(sent)
    ua.final(sent)
    return True


def is_refused(ua):
    ua.send(ua.message("OPTIONS", f"sip:{DOMAIN}"))
    return ua.hears_nothing()


# --- what is banned

def test_a_ban_by_behaviour_ends_in_the_kernel(site):
    rf = site.start()
    site.wait_up()
    guesser, innocent = site.phone(GUESSER), site.phone(INNOCENT, "bob")
    innocent.register().expect(200)
    guess(guesser)
    rf.wait_event("standing.banned", ip=GUESSER)
    left = site.wait_kernel(GUESSER)
    assert 540 < left <= 600
    lag = site.enforcement()["lag_us"]
    print(f"from the verdict to nftables: {lag} us")
    assert lag > 0
    # What it sends reaches the process no more, by UDP or TCP; others are served.
    received = rf.status()["counters"]["received.udp"]
    dropped = site.wire.server.dropped()
    for _ in range(50):
        guesser.send(guesser.message("OPTIONS", f"sip:{DOMAIN}"))
    until(lambda: site.wire.server.dropped() >= dropped + 50, "dropped packets")
    assert rf.status()["counters"]["received.udp"] == received
    with site.wire.outside, socket.socket() as s:
        s.settimeout(0.3)
        s.bind((GUESSER, 0))
        with pytest.raises(OSError):
            s.connect((SERVER, rf.port))
    assert is_served(innocent)
    until(lambda: site.enforcement()["backends"][0]["packets"] >= 50, "figures of the kernel")
    shown = rf.run("status").expect(0).out
    assert re.search(r"^bans +nftables: 1 in force, \d+ packets dropped", shown, re.M), shown


def test_svcrack_ends_in_the_kernel(site, tmp_path):
    """As it is, against a configuration as it is installed; and its story, as the operator reads it."""
    passwords = tmp_path / "passwords"
    passwords.write_text("".join(f"{n}\n" for n in range(100, 400)))
    rf = site.start()
    site.wait_up()
    innocent = site.phone(INNOCENT, "bob")
    innocent.register().expect(200)
    with site.wire.outside, attack.sipvicious_beside(
            "svcrack", GUESSER, rf.port, "-u", "alice", "-d", str(passwords), server=SERVER):
        assert 540 < site.wait_kernel(GUESSER) <= 600
        rf.wait_event("standing.enforced", ip=GUESSER)
        received, dropped = rf.status()["counters"]["received.udp"], site.wire.server.dropped()
        until(lambda: site.wire.server.dropped() >= dropped + 20, "what it goes on sending, dropped")
        assert rf.status()["counters"]["received.udp"] == received
    assert is_served(innocent)
    # It never learned whether a password is right.
    assert not [e for e in rf.events(ip=GUESSER) if e["reason"].startswith(("auth.bad", "auth.unknown", "auth.ok"))]
    story = rf.run("why", GUESSER).expect(0).out
    print(story)
    words = " ".join(story.split())
    at = 0
    for told in ("tier denied, proven", "banned since", "for scan.signature", "enforced in the ledger and nftables",
                 "scan.signature", "User-Agent friendly-scanner", "evidence: sipvicious", "weight 10, score 10.0",
                 "may be forged, so it bans nobody",
                 "auth.challenge: asked for a password (401)", "standing.suspect",
                 "scan.signature: dropped without an answer", "weight 10, score 10.0 -> 20.0",
                 "proven: it receives at its address",
                 "standing.banned: banned for 10 min", "score 10, reached 10 by scan.signature",
                 "standing.enforced: dropped by the kernel for 10 min", "nftables,", "ms after it was decided",
                 "What would have to change", "The ban ends by itself", f"`ringfence unban {GUESSER}` ends it now"):
        assert told in words[at:], (told, story)
        at = words.index(told, at)
    ban, = rf.run("bans", "--json").expect(0).json_lines()
    assert ban["source"] == GUESSER and ban["enforced"] == ["ledger", "nftables"] and ban["ledger_only"] is None
    assert "in the ledger and nftables" in rf.run("bans").expect(0).out


def test_where_each_ban_is(site):
    """One that the kernel cannot be told says why; so does each, when the helper is gone."""
    rf = site.start()
    site.wait_up()
    for what in (GUESSER, "127.0.0.66", "192.0.2.0/24"):
        rf.run("ban", what).expect(0)
    site.wait_kernel(GUESSER)
    site.wait_kernel("192.0.2.0/24", "net4")

    def places():
        return {b["source"]: (b["enforced"], b["ledger_only"]) for b in rf.run("bans", "--json").expect(0).json_lines()}
    both, ledger = ["ledger", "nftables"], ["ledger"]
    until(lambda: places()[GUESSER] == (both, None) == places()["192.0.2.0/24"], "both in the kernel")
    assert places()["127.0.0.66"] == (ledger, "addresses like this are never blocked in the kernel")
    os.kill(site.keeper(), signal.SIGKILL)
    rf.wait_event("daemon.enforcement-lost")
    assert places()[GUESSER][0] == ledger and "restart ringfence" in places()[GUESSER][1]


def test_nobody_behind_the_same_address_loses_ssh(site):
    """Another port of this machine; with `ports: all` it is lost, too."""
    rf = site.start()
    site.wait_up()
    rf.run("ban", GUESSER).expect(0)
    site.wait_kernel(GUESSER)
    with site.wire.server:
        ssh = socket.create_server((SERVER, 0))

    def connects():
        with site.wire.outside, socket.socket() as s:
            s.settimeout(0.3)
            s.bind((GUESSER, 0))
            try:
                s.connect(ssh.getsockname())
                return True
            except OSError:
                return False
    with ssh:
        assert connects()
        rf.write_config(nftables={"ports": "all"})
        rf.run("reload").expect(0)
        until(lambda: "udp dport" not in site.wire.server.ruleset(), "the new table")
        site.wait_kernel(GUESSER)
        assert not connects()


def test_by_hand_prefixes_and_ipv6(site):
    rf = site.start()
    site.wait_up()
    six, other = site.phone(OUTSIDE6[0]), site.phone(OUTSIDE6[1], "bob")
    assert is_served(six)
    rf.run("ban", OUTSIDE6[0], "--for", "1h").expect(0)
    assert 3500 < site.wait_kernel("fd77:2::", "ban6") <= 3600
    rf.run("ban", "10.77.0.4/30", "--for", "1h").expect(0)
    site.wait_kernel("10.77.0.4/30", "net4")
    rf.run("ban", "2001:db8:7::/48", "--for", "1h").expect(0)
    site.wait_kernel("2001:db8:7::/48", "net6")
    assert is_refused(six) and is_served(other) and is_served(site.phone(GUESSER))
    inside = site.phone("10.77.0.5", "carol")
    dropped = site.wire.server.dropped()
    assert is_refused(inside)
    assert site.wire.server.dropped() > dropped
    rf.run("unban", OUTSIDE6[0]).expect(0)
    site.wait_gone("fd77:2::", "ban6")
    assert is_served(six)
    rf.run("unban", "10.77.0.4/30").expect(0)
    site.wait_gone("10.77.0.4/30", "net4")
    assert is_served(inside)
    # A longer ban takes the place of the present one.
    rf.run("ban", GUESSER, "--for", "1m").expect(0)
    site.wait_kernel(GUESSER)
    rf.run("ban", GUESSER, "--for", "2h").expect(0)
    until(lambda: site.kernel()[GUESSER] > 7000, "the new end")
    rf.run("unban", "--all").expect(0)
    until(lambda: site.kernel() == {} and site.kernel("net6") == {}, "an end of all bans")


def test_the_end_of_a_ban_that_only_the_kernel_has(site):
    """The ledger gave it up for others."""
    rf = site.start()
    site.wait_up()
    site.wire.server.run("nft", "add", "element", "inet", "ringfence", "ban4", f"{{ {GUESSER} timeout 1h }}")
    ua = site.phone(GUESSER)
    assert is_refused(ua)
    assert "if the kernel still had it, it is taken out there" in rf.run("unban", GUESSER).expect(1).err
    site.wait_gone(GUESSER)
    assert is_served(ua)
    assert rf.run("unban", GUESSER, "--json").json() == {"ok": True, "ended": 0, "kernel": True}


def test_a_ban_ends_by_itself(site):
    rf = site.start()
    site.wait_up()
    ua = site.phone(GUESSER)
    rf.run("ban", GUESSER, "--for", "2s").expect(0)
    site.wait_kernel(GUESSER)
    site.wait_gone(GUESSER)
    assert is_served(ua)


def test_a_device_of_an_office_stays_in_the_ledger(site):
    """The kernel could not spare the others behind the address."""
    rf = site.start()
    site.wait_up()
    worker, guesser = site.phone(OFFICE), site.phone(OFFICE, "bob")
    worker.register().expect(200)
    guess(guesser)
    rf.wait_event("standing.device", ip=OFFICE)
    rf.run("ban", OTHER).expect(0)  # a fence: what was told before it has arrived
    site.wait_kernel(OTHER)
    assert OFFICE not in site.kernel()
    assert site.enforcement()["kept_in_ledger"] == 1
    assert "1 ban kept in the ledger" in rf.run("status").expect(0).out
    assert is_served(worker) and is_refused(guesser)


# --- what it outlives

def test_a_restart_and_what_stays_after_it(site):
    rf = site.start()
    site.wait_up()
    rf.run("ban", GUESSER, "--for", "1h").expect(0)
    site.wait_kernel(GUESSER)
    site.restart()
    assert 3400 < site.wait_kernel(GUESSER) <= 3600
    rf.stop()
    assert "ringfence" not in site.wire.server.ruleset()
    rf.write_config(nftables={"keep": True})
    with site.wire.server:
        rf.start()
    site.wait_kernel(GUESSER)
    rf.stop()
    assert GUESSER in site.kernel()
    # A table of a former run is replaced.
    rf.write_config(nftables={"keep": False})
    with site.wire.server:
        rf.start()
    site.wait_up()
    assert GUESSER in site.kernel()


def test_a_crash_leaves_bans_that_end(site):
    rf = site.start()
    site.wait_up()
    rf.run("ban", GUESSER, "--for", "1h").expect(0)
    site.wait_kernel(GUESSER)
    helper = [site.keeper(), site.worker()]
    rf.kill()
    until(lambda: not any(os.path.exists(f"/proc/{p}") for p in helper), "the end of the helper")
    assert 3400 < site.kernel()[GUESSER] <= 3600
    # What the ledger does not know does not outlive the next start.
    site.wire.server.run("nft", "add", "element", "inet", "ringfence", "ban4", f"{{ {OTHER} timeout 1h }}")
    with site.wire.server:
        rf.start()
    site.wait_up()
    assert OTHER not in site.kernel()


def test_reload(site):
    rf = site.start()
    site.wait_up()
    rf.run("ban", GUESSER, "--for", "1h").expect(0)
    site.wait_kernel(GUESSER)
    rf.write_config(nftables={"table": "sip_bans"})
    rf.run("reload").expect(0)
    until(lambda: GUESSER in (site.kernel(table="sip_bans") or {}), "the other table")
    assert site.kernel() is None
    # Who is allowed now is let in, who was banned or not.
    rf.run("ban", OTHER, "--for", "1h").expect(0)
    until(lambda: OTHER in site.kernel(table="sip_bans"), "the second ban")
    rf.write_config(standing={"allow": [GUESSER]})
    rf.run("reload").expect(0)
    until(lambda: list(site.kernel(table="sip_bans") or {}) == [OTHER], "the allow-list")
    rf.write_config(enforce=["ledger"])
    rf.run("reload").expect(0)
    until(lambda: "sip_bans" not in site.wire.server.ruleset(), "the end of the table")
    assert rf.run("status").expect(0).out.count("in the ledger only") == 1
    rf.write_config(enforce=["ledger", "nftables"])
    rf.run("reload").expect(0)
    until(lambda: OTHER in (site.kernel(table="sip_bans") or {}), "the table again")


def test_a_reload_that_changes_nothing_leaves_the_table(site):
    rf = site.start()
    site.wait_up()
    rf.run("ban", GUESSER, "--for", "1h").expect(0)
    site.wait_kernel(GUESSER)

    def table():
        listed = site.wire.server.run("nft", "-j", "list", "table", "inet", "ringfence").stdout
        return [i["table"]["handle"] for i in json.loads(listed)["nftables"] if "table" in i][0]
    before = table()
    site.wire.server.run("nft", "add", "element", "inet", "ringfence", "ban4", f"{{ {OTHER} timeout 1h }}")
    rf.run("reload").expect(0)
    site.wait_gone(OTHER)  # all is told again
    assert table() == before and list(site.kernel()) == [GUESSER]


def test_a_dead_worker_comes_back_in_step(site):
    rf = site.start()
    site.wait_up()
    rf.run("ban", GUESSER, "--for", "1h").expect(0)
    site.wait_kernel(GUESSER)
    old, keeper = site.worker(), site.keeper()
    os.kill(keeper, signal.SIGSTOP)  # no new worker while the ban is made
    os.kill(old, signal.SIGKILL)
    rf.run("ban", OTHER, "--for", "1h").expect(0)
    rf.run("unban", GUESSER).expect(0)
    os.kill(keeper, signal.SIGCONT)
    until(lambda: list(site.kernel() or {}) == [OTHER], "the new worker in step")
    assert site.worker() != old and site.keeper() == keeper
    until(lambda: site.enforcement()["generation"] == 2 and site.enforcement()["up"], "the new generation")


def test_a_dead_keeper_leaves_the_ledger(site):
    rf = site.start()
    site.wait_up()
    os.kill(site.keeper(), signal.SIGKILL)
    event = rf.wait_event("daemon.enforcement-lost")
    assert "restart ringfence" in event["evidence"]["value"]
    assert not site.enforcement()["up"]
    ua = site.phone(GUESSER)
    assert is_served(ua)
    rf.run("ban", GUESSER).expect(0)
    assert is_refused(ua)
    assert "the ledger alone enforces: the helper is gone" in rf.run("status").expect(0).out


def test_a_flushed_firewall_is_filled_again(site):
    """As `systemctl reload nftables` does it."""
    rf = site.start()
    site.wait_up()
    rf.run("ban", GUESSER, "--for", "1h").expect(0)
    site.wait_kernel(GUESSER)
    site.wire.server.run("nft", "flush", "ruleset")
    assert 3400 < site.wait_kernel(GUESSER) <= 3600
    rf.wait_event("daemon.enforcement-lost")
    rf.wait_event("daemon.enforcement-back")


# --- what it does not do

FIREWALL = """
table ip filter { chain INPUT { type filter hook input priority filter; policy accept; ip saddr 192.0.2.1 drop; }; }
table inet mine { set s { type ipv4_addr; flags timeout; elements = { 192.0.2.9 }; }; chain banned { counter; }; }
"""


def test_other_tables_are_untouched(site):
    site.wire.server.run("nft", "-f", "-", input=FIREWALL)
    before = site.wire.server.ruleset()
    rf = site.start()
    site.wait_up()
    rf.run("ban", GUESSER).expect(0)
    rf.run("ban", "192.0.2.0/24").expect(0)
    site.wait_kernel(GUESSER)
    assert site.wire.server.ruleset().startswith(before)  # tables are listed in the order in which they were made
    rf.run("unban", "--all").expect(0)
    rf.stop()
    assert site.wire.server.ruleset() == before


def test_a_table_of_somebody_else_is_not_taken(site):
    site.wire.server.run("nft", "-f", "-", input=FIREWALL)
    before = site.wire.server.ruleset()
    rf = site.start(nftables={"table": "mine"})
    event = rf.wait_event("daemon.enforcement-lost")
    assert "is not of ringfence" in event["evidence"]["value"]
    assert site.wire.server.ruleset() == before
    rf.stop()
    assert site.wire.server.ruleset() == before


def test_a_table_that_cannot_be_looked_at_is_not_replaced(wire):
    """Whatever goes wrong while the helper looks, it takes the name for free only if it saw that."""
    if not shutil.which("strace"):
        pytest.skip("no strace")
    wire.server.run("nft", "add table inet ringfence; add chain inet ringfence mine")
    failed = 0
    for when in range(1, 9):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(20)
        with wire.server, ours:
            process = subprocess.Popen(
                ["strace", "-f", "-o", "/dev/null", "-e", f"inject=recvmsg:error=ENOMEM:when={when}", HELPER,
                 "--socket-fd", str(theirs.fileno())], pass_fds=[theirs.fileno()])
            theirs.close()
            helper = hc.Helper.__new__(hc.Helper)
            helper.process, helper.socket, helper.sequence = process, ours, 0
            assert helper.receive()[0] == hc.HELLO
            state, _, why = helper.results(hc.CONFIGURE, [hc.setup()])[hc.NFTABLES]
            assert state == hc.FAILED
            failed += "is not of ringfence" not in why
        process.wait(20)
        assert "chain mine" in wire.server.ruleset()
    assert failed  # some of them met the look


def test_without_root_the_ledger_enforces(nobodys_folder):
    folder, rf = nobodys_folder, None
    try:
        rf = Daemon(folder, enforce=["ledger", "nftables"], standing={"allow": None, "sources": 4096})
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, NOBODY, NOBODY)
        rf.wrapper = AS_NOBODY
        rf.start()
        rf.wait_stderr("bans do not reach the kernel, the ledger alone enforces them: no CAP_NET_ADMIN")
        event = rf.wait_event("daemon.enforcement-lost")
        assert "ringfence-helper.service" in event["evidence"]["value"]
        ua = sip.UA(rf, ip="127.0.0.50")
        assert is_served(ua)
        rf.run("ban", "127.0.0.50").expect(0)
        assert is_refused(ua)
        shown = rf.run("status").expect(0).out
        assert "the ledger alone enforces: no CAP_NET_ADMIN" in shown
        ua.close()
    finally:
        if rf:
            rf.stop()


# --- the helper as a service

def start_service(wire, path):
    """Started without a shell's environment, as systemd does it."""
    process = subprocess.Popen(["ip", "netns", "exec", wire.server.name, HELPER, "--listen", path, "--user", "nobody"])
    until(lambda: os.path.exists(path), "the socket of the helper")
    return process


def connect_as(uid, path):
    """What a process of this user hears first: its bytes, b"" when the connection is closed, None when it is refused."""
    code = f"""
import os, socket, sys
os.setuid({uid})
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
try:
    s.connect({path!r})
except PermissionError:
    sys.exit(3)
sys.exit(0 if s.recv(100) else 4)
"""
    return {0: "served", 3: "refused", 4: "closed"}[subprocess.run(["/usr/bin/python3", "-c", code], timeout=20).returncode]


def test_the_daemon_of_a_user_is_served_by_the_service(wire, nobodys_folder):
    """The daemon has no privilege at all; the service comes and goes."""
    path = str(nobodys_folder / "helper.sock")
    service = start_service(wire, path)
    rf = None
    try:
        assert connect_as(NOBODY, path) == "served" and connect_as(12345, path) == "refused"
        os.chmod(path, 0o666)
        assert connect_as(12345, path) == "closed"
        rf = Daemon(nobodys_folder, enforce=["ledger", "nftables"], helper=f"unix:{path}",
                    standing={"allow": None, "sources": 4096})
        for p in nobodys_folder.rglob("*"):
            os.chown(p, NOBODY, NOBODY)
        rf.wrapper = AS_NOBODY
        with wire.server:
            rf.start()
        until(lambda: rf.status()["enforcement"]["up"], "bans in the kernel")
        rf.run("ban", GUESSER, "--for", "1h").expect(0)
        until(lambda: GUESSER in wire.server.elements("ban4"), "the ban")
        service.terminate()
        service.wait(20)
        event = rf.wait_event("daemon.enforcement-lost")
        assert "service" in event["evidence"]["value"] or path in event["evidence"]["value"]
        rf.run("ban", OTHER, "--for", "1h").expect(0)
        service = start_service(wire, path)
        until(lambda: set(wire.server.elements("ban4") or {}) == {GUESSER, OTHER}, "all bans")
        rf.wait_event("daemon.enforcement-back")
        assert rf.status()["enforcement"]["helper"] == "service"
        rf.stop()
        until(lambda: wire.server.elements("ban4") is None, "the end of the table")
    finally:
        if rf:
            rf.stop()
        service.terminate()
        service.wait(20)


def test_a_service_that_is_started_later_is_found_by_a_reload(wire, nobodys_folder):
    path = str(nobodys_folder / "helper.sock")
    service, rf = None, None
    try:
        rf = Daemon(nobodys_folder, enforce=["ledger", "nftables"], standing={"allow": None, "sources": 4096})
        for p in [nobodys_folder, *nobodys_folder.rglob("*")]:
            os.chown(p, NOBODY, NOBODY)
        rf.wrapper = AS_NOBODY
        with wire.server:
            rf.start()
        rf.wait_event("daemon.enforcement-lost")
        assert "bans do not reach the kernel: no CAP_NET_ADMIN" in rf.run("reload").expect(0).out
        service = start_service(wire, path)
        rf.write_config(helper=f"unix:{path}")
        rf.run("reload").expect(0)
        until(lambda: rf.status()["enforcement"]["up"], "bans in the kernel")
        assert rf.status()["enforcement"]["helper"] == "service"
    finally:
        if rf:
            rf.stop()
        if service:
            service.terminate()
            service.wait(20)


# --- the helper by itself

@pytest.fixture
def helper(wire):
    made = hc.Helper(HELPER, wire.server.name)
    assert made.receive()[0] == hc.HELLO
    yield made
    made.close()


def wrong_messages():
    """(what, bytes)"""
    def message(kind, items=(), count=None, **more):
        return hc.header(kind, len(items) if count is None else count, 7, **more) + b"".join(items)

    good, v6 = hc.item("192.0.2.7/32", 600), hc.item("2001:db8::/64", 600)
    yield "nothing", b"\0"
    yield "text", b"add element inet ringfence ban4 { 192.0.2.7 }"
    yield "another version", message(hc.ADD, [good], magic=b"RFH\x02")
    yield "no such type", message(99, [good])
    yield "an answer", message(hc.HELLO, [b"\1\0\0\0"])
    yield "no items", message(hc.ADD)
    yield "fewer items than it says", message(hc.ADD, [good], count=2)
    yield "more items than it says", message(hc.ADD, [good, good], count=1)
    yield "too many items", message(hc.ADD, [good] * (hc.ITEMS + 1))
    yield "a byte too long", message(hc.ADD, [good]) + b"\0"
    yield "a byte too short", message(hc.ADD, [good])[:-1]
    yield "items of what has none", message(hc.STATS, [good])
    yield "one bad among good", message(hc.ADD, [good, hc.item("127.0.0.1/32", 600), v6])
    for prefix in ("0.0.0.0/8", "0.0.0.0/0", "127.0.0.1/32", "224.0.0.1/32", "255.255.255.255/32", "10.0.0.0/7",
                   "169.254.1.1/32", "::/0", "::1/128", "fe80::/64", "ff02::1/128", "2000::/3", "::/64"):
        yield prefix, message(hc.ADD, [hc.item(prefix, 600)])
    yield "host bits", message(hc.ADD, [good[:15] + b"\x07" + hc.item("192.0.2.0/24", 600)[16:]])
    yield "more bits than there are", message(hc.ADD, [good[:16] + b"\x81" + good[17:]])
    yield "a reserved byte", message(hc.ADD, [good[:17] + b"\x01" + good[18:]])
    yield "no time", message(hc.ADD, [hc.item("192.0.2.7/32", 0)])
    yield "more than a year", message(hc.ADD, [hc.item("192.0.2.7/32", 366 * 86400 + 1)])
    yield "an end with a time", message(hc.REMOVE, [good])
    for table in (b"", b"Ringfence", b"9", b"a b", b"x;flush ruleset", b"a\0b", b"a-b", b"\xc3\xa4"):
        yield f"table {table}", message(hc.CONFIGURE, [hc.setup(table=table)])
    yield "a backend that is none", message(hc.CONFIGURE, [hc.setup(wanted=4)])
    yield "no ports", message(hc.CONFIGURE, [hc.setup(ports=())])
    yield "port 0", message(hc.CONFIGURE, [hc.setup(ports=((0, 0),))])
    yield "a protocol that is none", message(hc.CONFIGURE, [hc.setup(ports=((2, 5060),))])
    for name in (b"a/b", b".", b"..", b"a b", b"x" * 16):
        yield f"interface {name}", message(hc.CONFIGURE, [hc.setup(interfaces=(name,))])
    yield "keep is no truth", message(hc.STOP, [b"\2\0\0\0"])


def test_the_helper_refuses_what_is_wrong(helper, wire):
    assert helper.results(hc.CONFIGURE, [hc.setup()])[hc.NFTABLES][0] == hc.UP
    before = wire.server.ruleset()
    for what, data in wrong_messages():
        answer = helper.ask(0, raw=data)
        assert answer[0] == hc.REFUSED, what
    # Whatever is changed in a message that is right: it is refused, or still right.
    rng = random.Random(77)
    right = hc.header(hc.REMOVE, 2, 9) + hc.item("192.0.2.7/32", 0) + hc.item("2001:db8::/64", 0)
    for _ in range(500):
        data = bytearray(right)
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        if data[4] == hc.STOP or data[4] == hc.SYNC_BEGIN:
            continue
        assert helper.ask(0, raw=bytes(data))[0] in (hc.REFUSED, hc.RESULT)
    assert wire.server.ruleset() == before
    assert len(helper.children()) == 1 and helper.figures()[hc.NFTABLES][0] == hc.UP


def test_the_helper_has_no_other_privilege(helper):
    worker, = helper.children()
    allowed = 1 << 12 | 1 << 39  # CAP_NET_ADMIN, CAP_BPF
    for pid in (helper.process.pid, worker):
        status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
                      if ":\t" in line)
        for which in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(status[which], 16) & ~allowed == 0, which
        assert status["NoNewPrivs"].strip() == "1"
        for which in ("Uid", "Gid"):
            assert "0" not in status[which].split(), which
        assert status["Groups"].strip() == ""
    assert status["Seccomp"].strip() == "2"
    links = {os.readlink(f"/proc/{worker}/fd/{fd}").split(":")[0] for fd in os.listdir(f"/proc/{worker}/fd")}
    assert {x for x in links if x.startswith("/")} - {os.readlink("/proc/self/fd/2")} == {"/dev/null"}


def test_overlapping_prefixes(helper, wire):
    """A narrow one is hidden by a wide one, and comes to light when that one ends."""
    assert helper.results(hc.CONFIGURE, [hc.setup()])[hc.NFTABLES][0] == hc.UP
    items = [hc.item("10.0.0.0/8", 600), hc.item("10.1.0.0/16", 3600), hc.item("10.1.2.0/24", 60)]
    assert helper.results(hc.ADD, items)[hc.NFTABLES] == (hc.UP, 0, "")
    assert list(wire.server.elements("net4")) == ["10.0.0.0/8"]
    assert helper.results(hc.REMOVE, [hc.item("10.0.0.0/8", 0)])[hc.NFTABLES][0] == hc.UP
    assert list(wire.server.elements("net4")) == ["10.1.0.0/16"]
    assert helper.figures()[hc.NFTABLES][1] == 2
