# SPDX-License-Identifier: MIT
"""Bans reach XDP: what banned sources send is dropped before the process, in each mode; bans end; programs of
others are left alone; what fails leaves the ledger and nftables. In network namespaces, so it needs root."""
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess

import pytest

import helper_client as hc
from daemon import PROGRAM, until
from netns import OUTSIDE, OUTSIDE6, SERVER, Wire, can_make, run
from test_enforce import HELPER, Site, guess, is_refused, is_served

POSSIBLE, WHY_NOT = can_make()
BUILD = pathlib.Path(PROGRAM).resolve().parents[2]
BUILT = (BUILD / "src/helper/xdp.bpf.o").exists()
pytestmark = [pytest.mark.skipif(not POSSIBLE, reason=WHY_NOT),
              pytest.mark.skipif(not BUILT, reason="this build has no XDP")]

GUESSER, INNOCENT, OTHER = OUTSIDE[:3]
NATIVE, GENERIC = 1, 2  # as `ip -j link` has it

# A program that is not ringfence's: it lets everything through.
FOREIGN = '__attribute__((section("xdp"), used)) int pass(void *ctx) { return 2; }\n'


@pytest.fixture
def wire():
    made = Wire()
    yield made
    made.close()


class XdpSite(Site):
    def start(self, **settings):
        settings.setdefault("enforce", ["ledger", "xdp"])
        settings.setdefault("xdp", {"interfaces": ["wire0"]})
        return super().start(**settings)

    def xdp(self):
        backend, = [b for b in self.enforcement()["backends"] if b["name"] == "xdp"]
        return backend

    def wait_entries(self, n):
        until(lambda: self.xdp()["entries"] == n and self.enforcement()["waiting"] == 0, f"{n} bans in XDP")


@pytest.fixture
def site(wire, edge):
    made = XdpSite(wire, edge)
    yield made
    made.close()


def attached(namespace, interface="wire0"):
    """(mode, number of the program); None: there is no program."""
    link, = json.loads(namespace.run("ip", "-j", "-d", "link", "show", "dev", interface).stdout)
    xdp = link.get("xdp")
    return (xdp["mode"], xdp["prog"]["id"]) if xdp else None


@pytest.fixture
def foreign(tmp_path):
    """Attaches a program of somebody else; gives what attached() gives."""
    if not shutil.which("clang"):
        pytest.skip("no clang")
    source, made = tmp_path / "foreign.c", tmp_path / "foreign.o"
    source.write_text(FOREIGN)
    run("clang", "-target", "bpf", "-O2", "-c", str(source), "-o", str(made))

    def attach(namespace, interface):
        namespace.run("ip", "link", "set", "dev", interface, "xdpgeneric", "obj", str(made), "sec", "xdp")
        return attached(namespace, interface)
    return attach


def floods(site, ua, n=50):
    """Sends n requests that XDP must have dropped, all of them."""
    before = site.xdp()["packets"]
    received = site.rf.status()["counters"]["received.udp"]
    for _ in range(n):
        ua.send(ua.message("OPTIONS", "sip:example.com"))
    until(lambda: site.xdp()["packets"] >= before + n, "dropped packets")
    assert site.rf.status()["counters"]["received.udp"] == received


def connects(site, ip, to):
    with site.wire.outside, socket.socket() as s:
        s.settimeout(0.3)
        s.bind((ip, 0))
        try:
            s.connect(to)
            return True
        except OSError:
            return False


# --- what is banned

@pytest.mark.parametrize("mode, shown", [("native", NATIVE), ("generic", GENERIC), ("auto", NATIVE)])
def test_a_ban_by_behaviour_ends_in_xdp(site, mode, shown):
    rf = site.start(xdp={"interfaces": ["wire0"], "mode": mode})
    site.wait_up()
    assert attached(site.wire.server)[0] == shown
    guesser, innocent = site.phone(GUESSER), site.phone(INNOCENT, "bob")
    innocent.register().expect(200)
    guess(guesser)
    rf.wait_event("standing.banned", ip=GUESSER)
    site.wait_entries(1)
    print(f"from the verdict to XDP: {site.enforcement()['lag_us']} us")
    floods(site, guesser)
    assert site.xdp()["bytes"] >= 50 * 200
    assert not connects(site, GUESSER, (SERVER, rf.port))
    assert is_served(innocent)
    rf.run("unban", GUESSER).expect(0)
    site.wait_entries(0)
    assert is_served(guesser)


def test_both_places_at_once(site):
    rf = site.start(enforce=["ledger", "nftables", "xdp"])
    site.wait_up()
    ua = site.phone(GUESSER)
    rf.run("ban", GUESSER, "--for", "1h").expect(0)
    site.wait_kernel(GUESSER)
    site.wait_entries(1)
    floods(site, ua)
    assert site.wire.server.dropped() == 0  # XDP comes first
    shown = rf.run("status").expect(0).out
    assert "nftables: 1 in force" in shown and "xdp: 1 in force" in shown


def test_nobody_behind_the_same_address_loses_ssh(site):
    rf = site.start()
    site.wait_up()
    rf.run("ban", GUESSER).expect(0)
    site.wait_entries(1)
    with site.wire.server:
        ssh = socket.create_server((SERVER, 0))
    with ssh:
        assert connects(site, GUESSER, ssh.getsockname())
        rf.write_config(nftables={"ports": "all"})
        rf.run("reload").expect(0)
        until(lambda: not connects(site, GUESSER, ssh.getsockname()), "the end of ssh")
        assert connects(site, OTHER, ssh.getsockname())


def test_prefixes_and_ipv6(site):
    rf = site.start()
    site.wait_up()
    six, other = site.phone(OUTSIDE6[0]), site.phone(OUTSIDE6[1], "bob")
    assert is_served(six)
    rf.run("ban", OUTSIDE6[0], "--for", "1h").expect(0)
    rf.run("ban", "10.77.0.4/30", "--for", "1h").expect(0)
    rf.run("ban", "2001:db8:7::/48", "--for", "1h").expect(0)
    site.wait_entries(3)
    floods(site, six)
    inside = site.phone("10.77.0.5", "carol")
    floods(site, inside)
    assert is_served(other) and is_served(site.phone(GUESSER))
    rf.run("unban", OUTSIDE6[0]).expect(0)
    rf.run("unban", "10.77.0.4/30").expect(0)
    site.wait_entries(1)
    assert is_served(six) and is_served(inside)
    rf.run("unban", "--all").expect(0)
    site.wait_entries(0)


def test_a_ban_ends_by_itself(site):
    rf = site.start()
    site.wait_up()
    ua = site.phone(GUESSER)
    rf.run("ban", GUESSER, "--for", "3s").expect(0)
    rf.run("ban", "10.77.0.8/29", "--for", "3s").expect(0)
    site.wait_entries(2)
    site.wait_entries(0)
    until(lambda: rf.run("bans").expect(0).out.count("10.77.") == 0, "the end in the ledger")
    assert is_served(ua) and is_served(site.phone("10.77.0.9", "bob"))


def tagged_frame(site, tags, source, port):
    """A datagram of an IPv4 source in a frame with these tags of VLANs."""
    mac = bytes.fromhex(json.loads(site.wire.server.run("ip", "-j", "link", "show", "dev", "wire0").stdout)[0]
                        ["address"].replace(":", ""))
    udp = struct.pack(">HHHH", 40000, port, 8, 0)
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 28, 0, 0, 64, 17, 0)
    ip += socket.inet_aton(source) + socket.inet_aton(SERVER)
    return mac + b"\2\0\0\0\0\1" + b"".join(struct.pack(">HH", 0x8100, t) for t in tags) + b"\x08\0" + ip + udp


@pytest.mark.parametrize("mode", ["native", "generic"])
def test_tagged_frames(site, mode):
    """The program of an interface sees its VLANs."""
    rf = site.start(xdp={"interfaces": ["wire0"], "mode": mode})
    site.wait_up()
    rf.run("ban", GUESSER).expect(0)
    site.wait_entries(1)
    with site.wire.outside, socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind(("wire1", 0))
        for tags in ([], [7], [7, 8]):
            before = site.xdp()["packets"]
            s.send(tagged_frame(site, tags, OTHER, rf.port))
            s.send(tagged_frame(site, tags, GUESSER, rf.port + 1))
            s.send(tagged_frame(site, tags, GUESSER, rf.port))
            until(lambda: site.xdp()["packets"] > before, f"a frame with tags {tags}")
            assert site.xdp()["packets"] == before + 1


# --- what it outlives

def test_a_restart(site):
    rf = site.start(nftables={"keep": True})
    site.wait_up()
    rf.run("ban", GUESSER, "--for", "1h").expect(0)
    site.wait_entries(1)
    rf.stop()
    until(lambda: attached(site.wire.server) is None, "the end of the program")
    with site.wire.server:
        rf.start()
    site.wait_up()
    site.wait_entries(1)
    floods(site, site.phone(GUESSER))


def test_a_reload(site):
    rf = site.start(xdp={"interfaces": ["wire0"], "mode": "native"})
    site.wait_up()
    rf.run("ban", GUESSER, "--for", "1h").expect(0)
    site.wait_entries(1)
    rf.write_config(xdp={"mode": "generic"})
    rf.run("reload").expect(0)
    until(lambda: (attached(site.wire.server) or (0,))[0] == GENERIC, "the other mode")
    site.wait_entries(1)
    rf.write_config(enforce=["ledger"])
    rf.run("reload").expect(0)
    until(lambda: attached(site.wire.server) is None, "the end of the program")
    assert is_refused(site.phone(GUESSER))


def test_a_reload_that_changes_no_place_leaves_the_program(site):
    rf = site.start(xdp={"interfaces": ["wire0"]})
    site.wait_up()
    rf.run("ban", GUESSER, "--for", "1h").expect(0)
    site.wait_entries(1)
    before = attached(site.wire.server)
    rf.write_config(standing={"allow": [GUESSER]})
    rf.run("reload").expect(0)
    site.wait_entries(0)
    assert attached(site.wire.server) == before


def test_the_interface_is_found(site):
    """Without a name it is the one that has the address of the listener."""
    site.start(xdp={"interfaces": []})
    site.wait_up()
    assert attached(site.wire.server)
    assert attached(site.wire.server, "lo") is None


def test_a_dead_worker_comes_back_in_step(site):
    rf = site.start()
    site.wait_up()
    rf.run("ban", GUESSER, "--for", "1h").expect(0)
    site.wait_entries(1)
    old, keeper, program = site.worker(), site.keeper(), attached(site.wire.server)
    os.kill(keeper, signal.SIGSTOP)  # no new worker while the ban is made
    os.kill(old, signal.SIGKILL)
    until(lambda: attached(site.wire.server) is None, "the end of the program")
    rf.run("ban", OTHER, "--for", "1h").expect(0)
    rf.run("unban", GUESSER).expect(0)
    os.kill(keeper, signal.SIGCONT)
    until(lambda: site.enforcement()["generation"] == 2 and site.enforcement()["up"], "the new generation")
    site.wait_entries(1)
    assert attached(site.wire.server) not in (None, program)
    assert is_served(site.phone(GUESSER))
    floods(site, site.phone(OTHER, "bob"))


# --- what it does not do

def test_a_program_of_somebody_else_is_left_alone(site, foreign):
    there = foreign(site.wire.server, "wire0")
    rf = site.start(enforce=["ledger", "nftables", "xdp"])
    event = rf.wait_event("daemon.enforcement-lost")
    assert "wire0: has an XDP program that is not ringfence's" in event["evidence"]["value"]
    ua = site.phone(GUESSER)
    assert is_served(ua)
    rf.run("ban", GUESSER).expect(0)
    site.wait_kernel(GUESSER)
    assert is_refused(ua)
    shown = until(lambda: "nftables: 1 in force" in (out := rf.run("status").expect(0).out) and out, "the figures")
    assert "xdp: FAILS: wire0: has an XDP program" in shown
    assert "not all of the kernel enforces: wire0" in shown
    assert attached(site.wire.server) == there
    rf.stop()
    assert attached(site.wire.server) == there


def test_one_interface_of_two_is_taken(site, foreign):
    site.wire.server.run("ip", "link", "add", "spare0", "type", "veth", "peer", "name", "spare1")
    there = foreign(site.wire.server, "spare0")
    rf = site.start(xdp={"interfaces": ["spare0", "wire0"]})
    event = rf.wait_event("daemon.enforcement-lost")
    assert "spare0: has an XDP program" in event["evidence"]["value"]
    rf.wait_stderr("not all of the kernel enforces bans, the ledger has all of them: spare0")
    rf.run("ban", GUESSER, "--for", "1h").expect(0)
    site.wait_entries(1)
    assert site.xdp()["partly"] and not site.xdp()["up"]
    program = attached(site.wire.server)
    floods(site, site.phone(GUESSER))
    assert "not all of the kernel enforces: spare0" in rf.run("status").expect(0).out
    site.wire.server.run("ip", "link", "set", "dev", "spare0", "xdpgeneric", "off")
    site.wait_up()
    assert attached(site.wire.server) == program  # it stayed meanwhile
    assert attached(site.wire.server, "spare0")[1] == program[1] != there[1]
    rf.wait_event("daemon.enforcement-back")


def test_an_interface_that_goes_and_comes(site):
    site.wire.server.run("ip", "link", "add", "spare0", "type", "veth", "peer", "name", "spare1")
    rf = site.start(xdp={"interfaces": ["wire0", "spare0"]})
    site.wait_up()
    rf.run("ban", GUESSER, "--for", "1h").expect(0)
    site.wait_entries(1)
    site.wire.server.run("ip", "link", "del", "spare0")
    until(lambda: site.xdp()["partly"], "the lost interface")
    assert site.xdp()["error"] == "spare0: no such interface"
    site.wait_entries(1)
    floods(site, site.phone(GUESSER))
    site.wire.server.run("ip", "link", "add", "spare0", "type", "veth", "peer", "name", "spare1")
    site.wait_up()
    assert attached(site.wire.server, "spare0")


def test_no_interface(site):
    rf = site.start(xdp={"interfaces": ["eth77"]})
    event = rf.wait_event("daemon.enforcement-lost")
    assert event["evidence"]["value"] == "eth77: no such interface"
    ua = site.phone(GUESSER)
    assert is_served(ua)
    rf.run("ban", GUESSER).expect(0)
    assert is_refused(ua)
    assert "the ledger alone enforces: eth77: no such interface" in rf.run("status").expect(0).out


def test_an_interface_without_ethernet(site):
    """The program would take its packets for frames."""
    site.wire.server.run("ip", "tuntap", "add", "dev", "tun7", "mode", "tun")
    site.start(xdp={"interfaces": ["tun7"]})
    event = site.rf.wait_event("daemon.enforcement-lost")
    assert event["evidence"]["value"] == "tun7: is no Ethernet"
    assert attached(site.wire.server, "tun7") is None


def test_only_ethernet_is_found(site):
    site.wire.server.run("ip", "tuntap", "add", "dev", "tun7", "mode", "tun")
    site.wire.server.run("ip", "address", "add", SERVER + "/32", "dev", "tun7")
    site.wire.server.run("ip", "link", "set", "tun7", "up")
    site.start(xdp={"interfaces": []})
    site.wait_up()
    assert attached(site.wire.server) and attached(site.wire.server, "tun7") is None


# --- the helper by itself

def how(wanted=hc.XDP, interfaces=(b"wire0",), **more):
    return hc.setup(wanted=wanted, interfaces=interfaces, **more)


@pytest.fixture
def helper(wire):
    made = hc.Helper(HELPER, wire.server.name)
    assert made.receive()[0] == hc.HELLO
    yield made
    made.close()


def test_without_cap_bpf_nftables_goes_on(wire):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = subprocess.Popen(
        ["ip", "netns", "exec", wire.server.name, "setpriv", "--bounding-set", "-bpf,-sys_admin", HELPER,
         "--socket-fd", str(theirs.fileno())], pass_fds=[theirs.fileno()])
    theirs.close()
    ours.settimeout(20)
    helper = hc.Helper.__new__(hc.Helper)
    helper.process, helper.socket, helper.sequence = process, ours, 0
    try:
        assert helper.receive()[0] == hc.HELLO
        results = helper.results(hc.CONFIGURE, [how(wanted=hc.NFTABLES | hc.XDP)])
        assert results[hc.NFTABLES][0] == hc.UP
        assert results[hc.XDP][0] == hc.FAILED and results[hc.XDP][2].startswith("no CAP_BPF: ")
        results = helper.results(hc.ADD, [hc.item("192.0.2.7/32", 600)])
        assert results[hc.NFTABLES][0] == hc.UP and results[hc.XDP][0] == hc.FAILED
    finally:
        helper.close()


def test_a_synchronisation_removes_what_is_not_in_it(helper):
    def told(kind, *items):
        assert helper.results(kind, list(items))[hc.XDP] == (hc.UP, 0, "")

    def entries():
        state, n, *_ = helper.figures()[hc.XDP]
        assert state == hc.UP
        return n

    told(hc.CONFIGURE, how())
    told(hc.SYNC_BEGIN)
    told(hc.ADD, hc.item("192.0.2.1/32", 600), hc.item("192.0.2.2/32", 600), hc.item("2001:db8:1:2::/64", 600),
         hc.item("198.51.100.0/24", 600), hc.item("2001:db8::/32", 600))
    told(hc.SYNC_END)
    assert entries() == 5
    told(hc.SYNC_BEGIN)
    told(hc.ADD, hc.item("192.0.2.2/32", 600), hc.item("192.0.2.3/32", 600), hc.item("203.0.113.0/24", 600))
    told(hc.SYNC_BEGIN)  # anew
    told(hc.ADD, hc.item("192.0.2.4/32", 600), hc.item("203.0.113.0/24", 600))
    told(hc.REMOVE, hc.item("203.0.113.0/24", 0), hc.item("192.0.2.9/32", 0))
    told(hc.SYNC_END)
    assert entries() == 1
    told(hc.ADD, *(hc.item(f"11.{i >> 8}.{i & 255}.0/32", 600) for i in range(hc.ITEMS)))
    assert entries() == 1 + hc.ITEMS
    told(hc.REMOVE, *(hc.item(f"11.{i >> 8}.{i & 255}.0/32", 0) for i in range(hc.ITEMS)))
    assert entries() == 1


def test_overlapping_prefixes(wire, helper):
    """A wide one that goes on is not hidden by a narrow one that ended, and the other way round."""
    server = wire.server
    with server:
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        receiver.bind((SERVER, 5060))
        receiver.settimeout(0.3)
    with wire.outside:
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sender.bind((GUESSER, 0))

    def passes():
        sender.sendto(b"x", (SERVER, 5060))
        try:
            return receiver.recv(10) == b"x"
        except TimeoutError:
            return False

    def told(kind, *items):
        assert helper.results(kind, list(items))[hc.XDP] == (hc.UP, 0, "")

    with receiver, sender:
        told(hc.CONFIGURE, how())
        assert passes()
        told(hc.ADD, hc.item("10.77.0.0/28", 1), hc.item("10.0.0.0/8", 600))
        assert not passes()
        until(lambda: helper.figures()[hc.XDP][1] == 1, "the end of the narrow one")
        assert not passes()
        told(hc.ADD, hc.item("10.77.0.0/16", 3600))
        told(hc.REMOVE, hc.item("10.0.0.0/8", 0))
        assert not passes()
        told(hc.REMOVE, hc.item("10.77.0.0/16", 0))
        assert passes()


def test_more_sources_than_there_is_room_for(helper):
    """The silent ones give way, and are counted."""
    room, n = 1 << 18, 270000
    assert helper.results(hc.CONFIGURE, [how()])[hc.XDP][0] == hc.UP
    for i in range(0, n, hc.ITEMS):
        items = [hc.item(f"11.{k >> 16}.{k >> 8 & 255}.{k & 255}/32", 3600) for k in range(i, i + hc.ITEMS)]
        assert helper.results(hc.ADD, items)[hc.XDP][0] == hc.UP
    # They are counted slice by slice.
    _, entries, evicted, _, _ = until(lambda: (f := helper.figures()[hc.XDP])[2] and f, "those that gave way")
    assert entries <= room and entries + evicted == n
    assert helper.results(hc.SYNC_BEGIN)[hc.XDP][0] == hc.UP
    assert helper.results(hc.ADD, [hc.item("192.0.2.1/32", 60)])[hc.XDP][0] == hc.UP
    assert helper.results(hc.SYNC_END)[hc.XDP][0] == hc.UP
    until(lambda: helper.figures()[hc.XDP][1:3] == (1, 0), "room again")


def test_more_prefixes_than_there_is_room_for(helper):
    assert helper.results(hc.CONFIGURE, [how()])[hc.XDP][0] == hc.UP
    items = [hc.item(f"11.{i >> 8}.{i & 255}.0/24", 600) for i in range(600)]
    state, _, why = helper.results(hc.ADD, items)[hc.XDP]
    assert state == hc.FAILED and why == "more than 512 prefixes"
    # All over again: it works with those that there is room for.
    assert helper.results(hc.SYNC_BEGIN)[hc.XDP][0] == hc.UP
    assert helper.results(hc.ADD, items[:512])[hc.XDP][0] == hc.UP
    assert helper.results(hc.SYNC_END)[hc.XDP][0] == hc.UP
    assert helper.figures()[hc.XDP][1] == 512
