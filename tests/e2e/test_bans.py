# SPDX-License-Identifier: MIT
"""What a person does about sources: bans, ban, unban, standing; what of it outlives a restart or a
crash; and what `status` tells of the judge. Phones here have addresses that are not in the allow-list."""
import json
import os
import re
import socket
import sqlite3

import pytest

from daemon import DOMAIN, until

STRANGER, CUSTOMER = "127.0.0.50", "127.0.0.60"


@pytest.fixture
def judge(edge, workers):
    """A daemon that judges everyone."""
    return lambda **settings: edge(**{
        "workers": workers, "standing": {"allow": None, "sources": 4096}, **settings})


def is_served(ua, n=1):
    """n OPTIONS are answered."""
    for _ in range(n):
        sent = ua.message("OPTIONS", f"sip:{DOMAIN}")
        ua.send(sent)
        ua.final(sent)
    return True


def is_refused(ua):
    """An OPTIONS is not answered, for a while in which every other one would be."""
    ua.send(ua.message("OPTIONS", f"sip:{DOMAIN}"))
    ua.hears_nothing()
    return True


def bans(rf, *args):
    return rf.run("bans", "--json", *args).expect(0).json_lines()


def standing(rf, source):
    return rf.run("standing", "--json", source).expect(0).json()


def wait_kept(rf, rows):
    """Until the store has so many rows about sources."""
    def kept():
        with sqlite3.connect(f"file:{rf.database}?mode=ro", uri=True) as db:
            return db.execute("SELECT count(*) FROM source_standing").fetchone()[0] == rows
    until(kept, f"{rows} rows in the store")


def guess(ua, n=30):
    """Wrong passwords over a connection, until it is cut."""
    for _ in range(n):
        try:
            ua.register(password="wrong")
        except (AssertionError, EOFError, OSError):
            return


# --- by hand

def test_a_ban_and_its_end(judge, phone):
    rf = judge()
    stranger, other = phone(rf, "alice", ip=STRANGER), phone(rf, "bob", ip=CUSTOMER)
    assert is_served(stranger)
    r = rf.run("ban", STRANGER, "--for", "2h", "--reason", "tried numbers").expect(0)
    assert r.out == f"{STRANGER} is banned for 2 h 0 min\n"
    assert is_refused(stranger) and is_served(other)
    listed, = bans(rf)
    assert (listed["source"], listed["kind"], listed["reason"]) == (STRANGER, "address", "standing.manual")
    assert listed["manual"] and 7190 < listed["expires_in"] <= 7200
    text = rf.run("bans").expect(0).out
    assert re.search(rf"^{STRANGER}\n    standing.manual, ends in (2 h 0|1 h 59) min\n.*\n1 ban\n$", text, re.S)
    r = rf.run("unban", STRANGER, "--reason", "was a customer").expect(0)
    assert r.out == "1 ban ended\n"
    assert is_served(stranger) and bans(rf) == []
    assert rf.run("bans").expect(0).out == "0 bans\n"


def test_a_person_s_word_is_an_event(judge):
    rf = judge()
    rf.run("ban", STRANGER, "--for", "90s", "--reason", 'ticket "7"').expect(0)
    rf.run("ban", "198.51.100.0/24").expect(0)
    rf.run("unban", STRANGER).expect(0)
    uid = os.geteuid()
    one = rf.wait_event("standing.manual", ip=STRANGER)
    assert one["event"] == "standing" and one["control"] == "standing" and one["verdict"] == "drop"
    assert one["source"]["transport"] is None
    assert one["evidence"]["value"] == f'uid {uid}: ticket "7"' and one["evidence"]["window"] == 90
    wide = rf.wait_event("standing.manual", ip="198.51.100.0")
    assert wide["evidence"]["value"] == f"198.51.100.0/24 by uid {uid}" and wide["evidence"]["window"] == 600
    end = rf.wait_event("standing.unbanned", ip=STRANGER)
    assert end["evidence"]["value"] == f"uid {uid}" and end["verdict"] == "pass"
    shown = rf.run("events", "--source", STRANGER).expect(0).out.splitlines()
    assert len(shown) == 2 and f"of {STRANGER} evidence=" in shown[0] and "for 90s" in shown[0]


def test_a_ban_by_hand_counts_for_customers_too(judge, phone, phones):
    """Registered and connected: the next message ends the connection, and no other one is served."""
    rf = judge()
    connected = phones(rf, "alice", ip=CUSTOMER, transport="tcp")
    by_udp = phones(rf, "bob", ip=CUSTOMER)
    rf.run("ban", CUSTOMER).expect(0)
    connected.send(connected.message("OPTIONS", f"sip:{DOMAIN}"))
    assert connected.wire.is_closed()
    assert is_refused(by_udp)
    try:
        assert phone(rf, "alice", ip=CUSTOMER, transport="tcp").wire.is_closed()
    except ConnectionResetError:
        pass  # within the handshake already
    assert standing(rf, CUSTOMER)["tier"] == "denied"
    rf.run("unban", CUSTOMER).expect(0)
    assert standing(rf, CUSTOMER)["tier"] == "known"
    assert is_served(by_udp)


def test_prefixes(judge, phone):
    rf = judge()
    inside, outside = phone(rf, "alice", ip="127.0.0.193"), phone(rf, "bob", ip="127.0.1.1")
    rf.run("ban", "127.0.0.192/26").expect(0)
    rf.run("ban", "2001:db8::1234").expect(0)
    assert is_refused(inside) and is_served(outside)
    assert {b["source"]: b["kind"] for b in bans(rf)} == {
        "127.0.0.192/26": "prefix", "2001:db8::/64": "address"}
    # What holds it, and what lies in it.
    assert [b["source"] for b in bans(rf, "127.0.0.193")] == ["127.0.0.192/26"]
    assert [b["source"] for b in bans(rf, "127.0.0.0/8")] == ["127.0.0.192/26"]
    assert rf.run("bans", "127.0.1.1").expect(1).err == "ringfence: not banned: 127.0.1.1\n"
    # The address alone was not banned, so it cannot be let in alone.
    assert "127.0.0.192/26" in rf.run("unban", "127.0.0.193").expect(1).err
    rf.run("unban", "127.0.0.192/26").expect(0)
    assert is_served(inside)


def test_who_must_never_be_banned(judge):
    rf = judge(
        peers={"carrier-a": {"zone": "public", "sources": ["192.0.2.8/29"]}},
        upstreams={"pbx": {"zone": "public", "targets": ["sip:10.0.0.20:5060"]}},
        standing={"allow": ["198.51.100.7"], "sources": 4096})
    for source, why in (
            ("192.0.2.0/24", "192.0.2.0/24 contains peer carrier-a (192.0.2.8/29)"),
            ("192.0.2.9", "192.0.2.9 is part of peer carrier-a (192.0.2.8/29)"),
            ("10.0.0.20", "10.0.0.20 is upstream pbx"),
            ("198.51.100.7", "198.51.100.7 is standing.allow"),
            ("127.0.0.1", "127.0.0.1 is our own address"),
            ("0.0.0.0/0", "0.0.0.0/0 contains peer carrier-a (192.0.2.8/29)")):
        r = rf.run("ban", source).expect(1)
        assert r.err == f"ringfence: {why}\n" and r.out == ""
    assert bans(rf) == [] and rf.events(reason="standing.manual") == []
    rf.run("ban", "192.0.2.7").expect(0)
    exempt = standing(rf, "192.0.2.9")
    assert exempt["exempt"] == "peer carrier-a" and exempt["tier"] == "trusted"


@pytest.mark.parametrize("args", [
    ["ban"], ["ban", "example.com"], ["ban", "192.0.2.1", "192.0.2.2"], ["ban", "192.0.2.1/24"],
    ["ban", "192.0.2.1", "--for", "forever"], ["ban", "192.0.2.1", "--for", "0s"],
    ["ban", "192.0.2.1", "--for", "366d"], ["ban", "192.0.2.1", "--reason", "x" * 49],
    ["unban"], ["unban", "--all", "192.0.2.1"], ["unban", "nobody"], ["bans", "nobody"],
    ["bans", "192.0.2.1", "192.0.2.2"], ["standing"], ["standing", "192.0.2.0/24"], ["standing", "nobody"],
], ids=" ".join)
def test_wrong_use(edge, args):
    r = edge(start=False, users=()).run(*args).expect(2)
    assert r.err and not r.out


def test_json_of_ban_and_unban(judge):
    rf = judge()
    assert rf.run("ban", STRANGER, "--json").expect(0).json() == {
        "ok": True, "source": STRANGER, "expires_in": 600}
    assert rf.run("unban", STRANGER, "--json").expect(0).json() == {"ok": True, "ended": 1}
    rf.run("ban", STRANGER).expect(0)
    rf.run("ban", "198.51.100.0/24").expect(0)
    assert rf.run("unban", "--all", "--json").expect(0).json() == {"ok": True, "ended": 2}
    rf.wait_event("standing.unbanned", ip="198.51.100.0")
    assert bans(rf) == []
    assert rf.run("unban", "--all").expect(0).out == "0 bans ended\n"
    assert "not banned" in rf.run("unban", STRANGER).expect(1).err


def test_many_bans_come_page_by_page(judge):
    rf = judge(standing={"allow": None, "sources": 16384})
    wanted = {f"10.0.{i >> 8}.{i & 255}" for i in range(1500)}
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(rf.folder / "rf.sock"))
        answers = s.makefile()
        for source in wanted:
            s.sendall(json.dumps({"command": "ban", "source": source}).encode() + b"\n")
            assert json.loads(answers.readline())["ok"]
        s.sendall(b'{"command": "bans"}\n')
        first = json.loads(answers.readline())
    assert len(first["bans"]) < len(wanted) and first["cursor"]
    listed = bans(rf)
    assert {b["source"] for b in listed} == wanted and len(listed) == len(wanted)


# --- by what it did

def test_a_guesser_is_banned_and_told_of(judge, phone):
    rf = judge()
    guess(phone(rf, "alice", ip=STRANGER, transport="tcp"))
    event = rf.wait_event("standing.banned", ip=STRANGER)
    assert event["event"] == "standing" and event["tier"] == "denied"
    listed, = bans(rf)
    assert listed["source"] == STRANGER and not listed["manual"] and listed["offences"] == 1
    assert listed["score"] >= 9 and 590 < listed["expires_in"] <= 600
    st = standing(rf, STRANGER)
    assert st["tier"] == "denied" and st["proven"] and st["banned_for"] and st["offences"] == 1
    text = rf.run("standing", STRANGER).expect(0).out
    assert "tier            denied, proven" in text and "banned for" in text
    rf.run("unban", STRANGER).expect(0)
    assert standing(rf, STRANGER)["offences"] == 0


def test_standing_of_a_customer(judge, phones):
    rf = judge()
    alice = phones(rf, "alice", ip=CUSTOMER)
    st = standing(rf, CUSTOMER)
    assert st["tier"] == "known" and st["proven"] and st["known_for"] > 86000 and st["accounts"] == 1
    assert standing(rf, f"{CUSTOMER}:{alice.port}")["tier"] == "known"
    nobody = rf.run("standing", "203.0.113.9").expect(0).out
    assert "tier            unknown, not proven" in nobody and "nothing is known of it" in nobody


# --- restarts

@pytest.mark.parametrize("how", ["restart", "crash"])
def test_what_outlives_a_restart(judge, phone, phones, how):
    rf = judge()
    phones(rf, "bob", ip=CUSTOMER)
    rf.run("ban", "127.0.0.70", "--for", "1h").expect(0)
    rf.run("ban", "198.51.100.0/24", "--for", "1h").expect(0)
    guess(phone(rf, "alice", ip=STRANGER, transport="tcp"))
    rf.wait_event("standing.banned", ip=STRANGER)
    before = {b["source"]: (b["reason"], b["manual"], b["offences"]) for b in bans(rf)}
    assert set(before) == {"127.0.0.70", "198.51.100.0/24", STRANGER}
    if how == "restart":
        rf.restart()
    else:
        wait_kept(rf, 5)  # three bans, the customer and its phone
        rf.kill()
        rf.start()
    assert {b["source"]: (b["reason"], b["manual"], b["offences"]) for b in bans(rf)} == before
    assert is_refused(phone(rf, "alice", ip=STRANGER)) and is_refused(phone(rf, "alice", ip="127.0.0.70"))
    assert standing(rf, CUSTOMER)["tier"] == "known"
    rf.run("unban", "--all").expect(0)
    rf.restart()
    assert bans(rf) == [] and standing(rf, CUSTOMER)["tier"] == "known"


def test_the_next_offence_after_a_restart_costs_twice_as_much(judge, phone):
    rf = judge(standing={"allow": None, "sources": 4096, "ban": "1s", "half_life": "1s"})
    guess(phone(rf, "alice", ip=STRANGER, transport="tcp"))
    rf.wait_event("standing.banned", ip=STRANGER)
    rf.restart()
    until(lambda: bans(rf) == [], "the end of the ban")
    guess(phone(rf, "alice", ip=STRANGER, transport="tcp"))
    assert rf.wait_event("standing.banned", n=2, ip=STRANGER)["evidence"]["window"] == 2


# --- status, check, explain

def test_status_of_the_judge(judge, phone, phones):
    rf = judge(controls={"scan": {"mode": "observe"}})
    phones(rf, "bob", ip=CUSTOMER)
    stranger = phone(rf, "alice", ip=STRANGER)
    is_served(stranger, 3)
    rf.run("ban", STRANGER).expect(0)
    assert is_refused(stranger)

    def refused():
        st = rf.status()
        tiers = {q["tier"]: q for q in st["queues"]}
        return st if tiers["denied"]["refused"] else None
    st = until(refused, "a refused message in status")
    assert st["ledger"]["max"] == 4096 and st["ledger"]["banned"] == 1
    assert st["ledger"]["tiers"]["known"] == 1 and st["ledger"]["flows"] == 1
    tiers = {q["tier"]: q for q in st["queues"]}
    assert tiers["unknown"]["served"] >= 3 and tiers["trusted"]["served"] == 0
    modes = {c["name"]: c["mode"] for c in st["controls"]}
    assert modes == {"flood": "enforce", "check": "enforce", "scan": "observe", "guessing": "enforce",
                     "auth": "enforce", "overload": "enforce", "standing": "enforce"}
    assert st["guessing"]["accounts_under_attack"] == 0 and st["guessing"]["max"] >= 4096
    assert st["scan"]["now"] <= st["scan"]["max"] >= 1024 and st["scan"]["evicted"] == 0
    text = rf.run("status").expect(0).out
    assert "scan observe" in text and "ledger " in text and "refusing        1 banned" in text
    assert all(len(line) <= 80 for line in text.splitlines() if str(rf.folder) not in line)


def test_check_prints_the_ledger(edge):
    rf = edge(start=False, users=())
    parts = {p["name"]: p for p in rf.run("check", "--json").expect(0).json()["memory"]["parts"]}
    ledger = parts["sources and their standing"]
    assert ledger["count"] == 4096 and ledger["bytes"] > 4096 * 256
    assert "sources and their standing (4096)" in rf.run("check").expect(0).out


def test_explain_with_a_configuration(edge):
    rf = edge(start=False, users=(), controls={"flood": {"requests": 77}})
    assert rf.run("explain", "flood.source", "--json").expect(0).json()["configured"][
        "controls.flood.requests"] == "77"
    assert "configured" not in rf.run("explain", "flood.source", "--json", config=False).expect(0).json()


def test_what_is_only_observed_is_counted(judge, phone):
    rf = judge(controls={
        "flood": {"mode": "observe", "requests": 20, "suspect_requests": 20}, "scan": {"mode": "off"}})
    assert is_served(phone(rf, "alice", ip=STRANGER), 40)

    def would():
        return next(c["would"] for c in rf.status()["controls"] if c["name"] == "flood")
    until(would, "a verdict that was only observed")
    assert "flood observe (would have refused" in rf.run("status").expect(0).out
