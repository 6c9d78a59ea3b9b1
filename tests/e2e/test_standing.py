# SPDX-License-Identifier: MIT
"""Standing on the live daemon: who is banned and who never is, and that others are served meanwhile. A wrong
password weighs 3 here, so the fourth reaches the score of a ban."""
import contextlib
import sqlite3

import pytest

import sip
from daemon import until

GUESSER, CUSTOMER = "127.0.0.50", "127.0.0.61"
TO_A_BAN = 4


def judge(**standing):
    return {"standing": {"allow": [], "weights": {"auth.bad-password": 3}, **standing},
            "controls": {"guessing": {"mode": "off"}, "flood": {"suspect_requests": 60}}}


def guess(ua, n=1):
    """n log-ins with wrong passwords, each with the nonce of its own challenge; how many were answered."""
    answered = 0
    try:
        for i in range(n):
            sent = ua.send(ua.message("REGISTER", "sip:example.com", to=f"<{ua.aor}>"))
            first = ua.wait(lambda m: m.is_response and m.call_id == sent.call_id, deadline=2)
            if first is None:
                break
            line = ua.credentials("REGISTER", "sip:example.com", first.challenge(ua.algorithm),
                                  password=f"guess{i}")
            sent = ua.send(ua.message("REGISTER", "sip:example.com", to=f"<{ua.aor}>", headers=[line]))
            if ua.wait(lambda m: m.is_response and m.call_id == sent.call_id, deadline=2) is None:
                break
            answered += 1
    except (EOFError, OSError):
        pass
    return answered


def is_refused(ua):
    """Whether an OPTIONS gets no answer."""
    try:
        sent = ua.send(ua.message("OPTIONS", "sip:example.com"))
        return ua.wait(lambda m: m.is_response and m.call_id == sent.call_id, deadline=0.5) is None
    except (EOFError, OSError):
        return True


def connects(rf, phone, **settings):
    try:
        ua = phone(rf, "x", transport="tcp", **settings)
        return not is_refused(ua)
    except OSError:
        return False


def test_a_ban_does_not_tell_who_exists(edge, phone):
    """As many tries at an account that exists as at one that does not."""
    rf = edge(standing={"allow": []}, controls={"guessing": {"mode": "off"}})
    for n, user in enumerate(("alice", "nobody")):
        assert guess(phone(rf, user, ip=f"127.0.0.{52 + n}", transport="tcp"), 20) in (5, 6)
        rf.wait_event("standing.banned", ip=f"127.0.0.{52 + n}")
    tries = [len(rf.events(reason=reason)) for reason in ("auth.bad-password", "auth.unknown-user")]
    assert tries[0] == tries[1] > 4


def test_nor_does_it_where_an_account_lacks_a_hash(edge, phone):
    """With the algorithm that it has no hash for a ban comes as soon as for who does not exist."""
    rf = edge(standing={"allow": []}, controls={"auth": {"algorithms": ["SHA-256", "MD5"]}})
    with contextlib.closing(sqlite3.connect(rf.database)) as db, db:
        assert db.execute("UPDATE subscriber SET ha1_sha256 = '' WHERE username = 'bob'").rowcount == 1
    for n, user in enumerate(("bob", "nobody")):
        guess(phone(rf, user, ip=f"127.0.0.{52 + n}", transport="tcp", algorithm="SHA-256"), 20)
        rf.wait_event("standing.banned", ip=f"127.0.0.{52 + n}")
    tries = [len(rf.events(reason=reason)) for reason in ("auth.no-hash", "auth.unknown-user")]
    found = [[e["reason"] for e in rf.events(ip=f"127.0.0.{52 + n}") if e["event"] != "verdict"] for n in (0, 1)]
    assert tries[0] == tries[1] > 2 and found[0] == found[1]


def test_an_office_with_nonces_of_another_server_is_not_banned(edge, workers, phone):
    """After a change of servers all phones of an office begin with a nonce that we did not make."""
    rf = edge(workers=workers, standing={"allow": []})
    office = [phone(rf, "alice", ip="127.0.0.54", transport="tcp") for _ in range(9)]
    for ua in office:
        old = {"realm": "example.com", "nonce": sip.token() * 3, "algorithm": "MD5"}
        line = ua.credentials("REGISTER", "sip:example.com", old)
        sent = ua.send(ua.message("REGISTER", "sip:example.com", to=f"<{ua.aor}>", headers=[line]))
        challenge = ua.final(sent).expect(401).challenge()
        assert challenge["stale"] == "true"
    rf.wait_event("auth.forged-nonce", n=len(office))
    assert not rf.events(reason="standing.banned")
    for ua in office:
        ua.register().expect(200)


def test_rubbish_over_connections_counts(edge, phone):
    rf = edge(standing={"allow": []})
    customer = phone(rf, "alice", ip=CUSTOMER, transport="tcp")
    customer.register().expect(200)
    for ip in (GUESSER, CUSTOMER):
        for _ in range(6):
            try:
                ua = phone(rf, "x", ip=ip, transport="tcp")
                ua.wire.send(b"OPTIONS sip:example.com SIP/2.0\r\nContent-Length: x\r\n\r\n")
                assert ua.wire.is_closed()
            except OSError:  # banned meanwhile
                pass
    event = rf.wait_event("standing.banned", ip=GUESSER)
    assert event["evidence"]["name"] == "transport.framing"
    customer.register().expect(200)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_guesser_is_banned_and_its_customer_beside_it_is_not(edge, workers, phone, phones, transport):
    rf = edge(workers=workers, **judge())
    alice = phones(rf, "alice", ip=CUSTOMER)
    mallory = phone(rf, "alice", ip=GUESSER, transport=transport)
    assert guess(mallory, 20) in (TO_A_BAN - 1, TO_A_BAN)  # the last answer may be lost with the connection
    event = rf.wait_event("standing.banned")
    assert (event["event"], event["mode"], event["verdict"], event["tier"]) == ("standing", "enforce", "drop", "denied")
    assert event["source"]["ip"] == GUESSER and event["source"]["proven"] is True
    assert 11.9 < event["evidence"]["value"] <= 12 and event["evidence"]["threshold"] == 10
    assert event["evidence"]["window"] == 600
    assert event["account"] == "alice@example.com"
    assert event["score"] == event["evidence"]["value"] and event["evidence"]["name"] == "auth.bad-password"
    assert len(rf.events(reason="auth.bad-password")) == TO_A_BAN
    told = [e["reason"] for e in rf.events(ip=GUESSER)]
    assert told[told.index("standing.banned") - 1] == "auth.bad-password"  # the cause comes first
    if transport == "tcp":
        assert mallory.wire.is_closed()
    assert is_refused(phone(rf, "x", ip=GUESSER))
    assert not connects(rf, phone, ip=GUESSER)
    assert rf.wait_event("gate.banned", ip=GUESSER, event="connection")["verdict"] == "drop"
    alice.register().expect(200)
    assert not is_refused(phone(rf, "x", ip="127.0.0.51")), "a stranger beside it"
    assert connects(rf, phone, ip="127.0.0.51")
    assert [b["source"] for b in rf.run("bans", "--json").expect(0).json_lines()] == [GUESSER]


def test_each_step_is_told(edge, phone):
    rf = edge(**judge())
    mallory = phone(rf, "alice", ip=GUESSER)
    guess(mallory, 1)
    event = rf.wait_event("auth.bad-password")
    assert 2.9 < event["score"] <= 3 and event["source"]["proven"] is True
    assert not rf.events(reason="standing.suspect")
    guess(mallory, 1)
    event = rf.wait_event("standing.suspect")
    assert event["tier"] == "suspect" and event["evidence"]["threshold"] == 5
    assert rf.wait_event("auth.bad-password", n=2)["tier"] == "suspect"
    assert not rf.events(reason="standing.banned")


def test_who_never_proved_where_it_is_is_not_banned(edge, workers, phone):
    """The same datagrams might come from anyone: they make suspect, and no more."""
    rf = edge(workers=workers, **judge(weights={"check.cseq-mismatch": 5}))
    mallory = phone(rf, "mallory", ip=GUESSER)
    for _ in range(10):
        bad = mallory.message("OPTIONS", "sip:example.com").replace(b" OPTIONS\r\n", b" INVITE\r\n")
        mallory.send(bad)
        mallory.receive()
    rf.wait_event("check.cseq-mismatch", n=10)
    event = rf.wait_event("standing.suspect")
    assert event["source"] == {"ip": GUESSER, "port": mallory.port, "transport": "udp", "zone": "public", "proven": False,
                               "spare": False}
    assert not rf.events(reason="standing.banned")
    assert not is_refused(mallory)
    # The same over a connection is a ban.
    proven = phone(rf, "mallory", ip="127.0.0.52", transport="tcp")
    for _ in range(3):
        try:
            proven.send(proven.message("OPTIONS", "sip:example.com").replace(b" OPTIONS\r\n", b" INVITE\r\n"))
            proven.wait(deadline=0.2)
        except (EOFError, OSError):
            break
    assert rf.wait_event("standing.banned")["source"]["ip"] == "127.0.0.52"
    assert proven.wire.is_closed()


def test_peers_the_allow_list_and_our_own_address_are_never_banned(edge, workers, phone):
    friend, trunk = "127.0.0.8", "127.0.0.9"
    rf = edge(workers=workers, **judge(allow=[friend], suspect=3),
              peers={"trunk": {"zone": "public", "sources": [trunk]}})
    for ip in (friend, "127.0.0.1"):
        for transport in ("udp", "tcp"):
            ua = phone(rf, "alice", ip=ip, transport=transport)
            assert guess(ua, 6) == 6
            assert not is_refused(ua)
    bad = phone(rf, "x", ip=trunk, transport="tcp")
    for _ in range(20):
        bad.send(bad.message("OPTIONS", "sip:example.com").replace(b" OPTIONS\r\n", b" INVITE\r\n"))
        bad.receive().expect(400)
    assert not rf.events(reason="standing.banned")
    assert not [e for e in rf.events() if e["event"] == "standing" and e["source"]["ip"] in (friend, trunk)]
    assert rf.wait_event("standing.suspect")["source"]["ip"] == "127.0.0.1"
    for ip in (friend, trunk, "127.0.0.1"):
        assert rf.run("ban", ip).code == 1


def test_observe_bans_nobody(edge, workers, phone):
    rf = edge(workers=workers, **judge(mode="observe"))
    mallory = phone(rf, "alice", ip=GUESSER)
    assert guess(mallory, 8) == 8
    event = rf.wait_event("standing.banned")
    assert (event["mode"], event["verdict"]) == ("observe", "drop")
    assert not is_refused(mallory)
    assert rf.run("bans", "--json").expect(0).json_lines() == []


def test_off_keeps_no_score(edge, phone):
    rf = edge(**judge(mode="off"))
    assert guess(phone(rf, "alice", ip=GUESSER), 8) == 8
    assert not [e for e in rf.events() if e["event"] == "standing"]


def test_a_ban_ends_and_the_next_is_twice_as_long(edge, phone):
    rf = edge(**judge(ban="1s", half_life="1h"))
    mallory = phone(rf, "alice", ip=GUESSER)
    guess(mallory, 20)
    assert rf.wait_event("standing.banned")["evidence"]["window"] == 1
    until(lambda: not is_refused(phone(rf, "x", ip=GUESSER)), "the end of the ban")
    until(lambda: guess(mallory, 20) is not None and len(rf.events(reason="standing.banned")) > 1, "the second")
    assert rf.wait_event("standing.banned", n=2)["evidence"]["window"] == 2


def test_a_reload_forgives_who_is_allowed_from_now_on(edge, workers, phone):
    rf = edge(workers=workers, **judge())
    guess(phone(rf, "alice", ip=GUESSER), 20)
    rf.wait_event("standing.banned")
    assert is_refused(phone(rf, "x", ip=GUESSER))
    rf.write_config(standing={"allow": [GUESSER]})
    rf.run("reload").expect(0)
    assert not is_refused(phone(rf, "x", ip=GUESSER))
    assert connects(rf, phone, ip=GUESSER)


def test_weights_are_the_operators(edge, phone):
    rf = edge(**judge(weights={"auth.bad-password": 0}))
    mallory = phone(rf, "alice", ip=GUESSER)
    assert guess(mallory, 12) == 12
    assert not [e for e in rf.events() if e["event"] == "standing"]


def test_a_banned_device_takes_nobody_with_it(edge, workers, phone, phones):
    """Behind one address: a device guesses and is refused, those that logged in go on."""
    rf = edge(workers=workers, **judge())
    alice = phones(rf, "alice", ip=CUSTOMER)
    bob = phones(rf, "bob", ip=CUSTOMER)
    mallory = phone(rf, "carol", ip=CUSTOMER)
    guess(mallory, 20)
    event = rf.wait_event("standing.device")
    assert event["source"]["ip"] == CUSTOMER
    assert is_refused(mallory)
    assert not rf.events(reason="standing.banned")
    sip.connect(alice, bob)
    alice.register().expect(200)


def test_a_banned_address_goes_on_for_those_who_are_logged_in_and_did_nothing(edge, workers, phone, phones):
    """So many devices of an office were refused that its address is banned: its good phones have their calls."""
    rf = edge(workers=workers, **judge(devices=2))
    alice = phones(rf, "alice", ip=CUSTOMER)
    bob = phones(rf, "bob", ip=CUSTOMER, transport="tcp")
    for n, user in enumerate(("carol", "nobody")):
        guess(phone(rf, user, ip=CUSTOMER), 20)
        rf.wait_event("standing.device", n=n + 1)
    banned = rf.wait_event("standing.banned")
    assert banned["evidence"]["value"] == 2 and banned["source"]["spare"]
    up, _ = sip.connect(alice, bob)
    assert up.ask("BYE", bob)[1].status == 200
    alice.register().expect(200)
    bob.register().expect(200)
    # Whoever else is there gets no answer and no connection.
    assert is_refused(phone(rf, "x", ip=CUSTOMER))
    assert not connects(rf, phone, ip=CUSTOMER)
    # A restart changes nothing of it; a ban by hand spares nobody.
    assert rf.run("standing", f"{CUSTOMER}:{alice.port}", "--json").expect(0).json()["tier"] == "known"
    rf.restart()
    alice.register().expect(200)
    assert is_refused(phone(rf, "x", ip=CUSTOMER))
    rf.run("ban", CUSTOMER).expect(0)
    assert is_refused(alice)
