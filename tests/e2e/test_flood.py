# SPDX-License-Identifier: MIT
"""Floods, and those who must be served beside them. Windows are long and thresholds small: what passes is counted,
never timed. Strangers are 127.0.0.50 and up; nobody is in the allow-list but where a test says so."""
import time

import pytest

import sip
from daemon import until

ATTACKER, CUSTOMER, FRIEND = "127.0.0.50", "127.0.0.61", "127.0.0.62"
THRESHOLD = 10


def flood(**more):
    """Settings: a threshold that one test can reach, and a hold that outlasts it."""
    settings = {"requests": THRESHOLD, "window": "1m", "release": "1m", **more}
    return {"standing": {"allow": []}, "controls": {"flood": settings, "scan": {"mode": "off"}}}


def counter(rf, name):
    return rf.status()["counters"].get(name, 0)


def judged(rf):
    """Messages that the gate has decided about."""
    counters = rf.status()["counters"]
    return sum(v for k, v in counters.items() if k.startswith(("gate.passed.", "gate.dropped.")))


def burst(rf, ua, n, method="OPTIONS", uri="sip:example.com"):
    """n requests without waiting; the answers to them, when all were judged."""
    before = judged(rf)
    ids = set()
    for _ in range(n):
        sent = ua.send(ua.message(method, uri, to=f"<{ua.aor}>"))
        ids.add(sent.call_id)
    until(lambda: judged(rf) >= before + n, f"{n} judged")
    came = []
    while True:
        m = ua.wait(lambda m: m.is_response and m.call_id in ids, deadline=0.3)
        if m is None:
            return came
        came.append(m)


@pytest.mark.parametrize("method", ["OPTIONS", "REGISTER", "INVITE", "NONSENSE"])
def test_a_flood_gets_its_threshold_of_answers_and_a_call_goes_on_beside_it(edge, workers, phone, phones, method):
    rf = edge(workers=workers, **flood())
    alice = phones(rf, "alice", ip=CUSTOMER)
    bob = phones(rf, "bob", ip=FRIEND)
    mallory = phone(rf, "mallory", ip=ATTACKER)
    came = burst(rf, mallory, 200, method)
    assert len(came) == THRESHOLD
    up, _ = sip.connect(alice, bob)
    assert burst(rf, mallory, 200, method) == []
    assert up.ask("BYE", bob)[1].status == 200
    alice.register().expect(200)
    event = rf.wait_event("flood.source")
    assert (event["event"], event["mode"], event["verdict"]) == ("standing", "enforce", "drop")
    assert event["source"]["ip"] == ATTACKER and event["tier"] in ("unknown", "challenged")
    assert event["evidence"]["threshold"] == THRESHOLD
    assert event["evidence"]["value"] == THRESHOLD + 1
    assert len(rf.events(reason="flood.source")) == 1, "told when it begins, not for each message"
    assert rf.status()["reasons"]["flood.source"] == 400 - THRESHOLD
    assert not rf.events(reason="standing.banned"), "nobody is banned for datagrams that anyone may have sent"


def test_who_was_quiet_for_long_enough_is_let_in_again(edge, phone):
    rf = edge(**flood(window="500ms", release="500ms"))
    mallory = phone(rf, "mallory", ip=ATTACKER)
    # However slow the machine is: twenty at once are over ten in half a second, sooner or later.
    until(lambda: burst(rf, mallory, 200) is not None and rf.events(reason="flood.source"), "a hold")

    def answered():
        sent = mallory.send(mallory.message("OPTIONS", "sip:example.com"))
        return mallory.wait(lambda m: m.is_response and m.call_id == sent.call_id, deadline=0.6)
    until(answered, "an answer")
    assert rf.wait_event("flood.released")["verdict"] == "pass"


def test_a_flood_over_tcp_ends_its_connection(edge, workers, phone):
    rf = edge(workers=workers, **flood())
    mallory = phone(rf, "mallory", ip=ATTACKER, transport="tcp")
    answers = 0
    with pytest.raises((EOFError, OSError)):
        for _ in range(200):
            sent = mallory.send(mallory.message("OPTIONS", "sip:example.com"))
            mallory.final(sent).expect(407)
            answers += 1
    assert answers == THRESHOLD
    assert rf.wait_event("flood.source")["source"]["proven"] is True
    # What it sends from now on is no better over UDP, and it may connect but not ask.
    assert burst(rf, phone(rf, "mallory", ip=ATTACKER), 20) == []
    again = phone(rf, "mallory", ip=ATTACKER, transport="tcp")
    again.send(again.message("OPTIONS", "sip:example.com"))
    assert again.wire.is_closed()


def test_behind_one_address_a_flood_costs_its_users_nothing(edge, workers, phone, phones):
    """An office behind one address: a device floods, those that logged in go on."""
    rf = edge(workers=workers, **flood(known_requests=30, flow_requests=100))
    alice = phones(rf, "alice", ip=CUSTOMER)
    assert len(burst(rf, phone(rf, "mallory", ip=CUSTOMER), 300)) <= 30
    # The same with another method, which is counted apart from OPTIONS.
    assert len(burst(rf, phone(rf, "mallory", ip=CUSTOMER), 300, "REGISTER")) <= 30
    for _ in range(20):
        alice.register().expect(200)
    # And who was asked for a password may answer, however full it is.
    event = rf.wait_event("flood.source")
    assert (event["source"]["ip"], event["tier"]) == (CUSTOMER, "known")
    assert not rf.events(reason="standing.banned")


def test_a_registered_phone_has_a_budget_of_its_own(edge, phones):
    rf = edge(**flood(flow_requests=40, known_requests=1000))
    alice, bob = phones(rf, "alice", ip=CUSTOMER), phones(rf, "bob", ip=CUSTOMER)
    assert len(burst(rf, alice, 100, "MESSAGE", "sip:bob@example.com")) <= 40
    assert rf.wait_event("flood.flow")["source"]["port"] == alice.port
    assert bob.ask("OPTIONS", "sip:example.com").status == 200
    # Over its budget what carries a nonce that was given to it still goes through.
    line = alice.credentials("REGISTER", "sip:example.com")
    sent = alice.send(alice.message("REGISTER", "sip:example.com", to=f"<{alice.aor}>", headers=[line, "Expires: 60"]))
    alice.final(sent).expect(200)


def test_peers_and_the_allow_list_are_never_held(edge, workers, phone):
    trunk, friend = "127.0.0.9", "127.0.0.8"
    rf = edge(workers=workers, **{**flood(), "standing": {"allow": [friend]}},
              peers={"trunk": {"zone": "public", "sources": [trunk]}})
    assert len(burst(rf, phone(rf, "x", ip=trunk), 200)) == 200
    assert len(burst(rf, phone(rf, "x", ip=friend), 200)) == 200
    # Our own address is a stranger as far as floods go.
    assert len(burst(rf, phone(rf, "x"), 200)) == THRESHOLD
    assert rf.status()["counters"]["gate.passed.trusted"] == 400


def test_a_forged_address_of_a_peer_gets_no_further_than_the_peer_may(edge, workers, phone, phones):
    trunk, other, big = "127.0.0.9", "127.0.0.10", "127.0.0.11"
    rf = edge(workers=workers, **flood(),
              peers={"trunk": {"zone": "public", "sources": [trunk, other], "requests": 50},
                     "big": {"zone": "public", "sources": [big], "requests": "off"}})
    alice = phones(rf, "alice", ip=CUSTOMER)
    assert len(burst(rf, phone(rf, "x", ip=trunk), 200)) == 50
    event = rf.wait_event("flood.peer")
    assert (event["event"], event["verdict"], event["tier"]) == ("standing", "drop", "trusted")
    assert (event["evidence"]["value"], event["evidence"]["threshold"]) == (51, 50)
    assert len(rf.events(reason="flood.peer")) == 1, "told when it begins, not for each message"
    assert rf.status()["counters"]["gate.dropped.trusted"] == 150
    # Neither its other address, nor its connection, nor anybody else is concerned.
    assert len(burst(rf, phone(rf, "x", ip=other), 50)) == 50
    assert phone(rf, "x", ip=trunk, transport="tcp").ask("OPTIONS", "sip:example.com").status == 200
    assert len(burst(rf, phone(rf, "x", ip=big), 200)) == 200
    alice.register().expect(200)
    assert not [e for e in rf.events() if e["reason"].startswith("standing.")]


def test_what_a_prefix_may(edge, workers, phone, phones):
    """Many sources of one /24, each below its own threshold."""
    rf = edge(workers=workers, **flood(prefix_requests=60))
    alice = phones(rf, "alice", ip="127.0.7.1")
    answers = 0
    for i in range(20, 40):
        answers += len(burst(rf, phone(rf, "mallory", ip=f"127.0.7.{i}"), 5))
    assert answers <= 60
    assert rf.status()["reasons"]["flood.prefix"] >= 40
    alice.register().expect(200)
    assert phone(rf, "carol", ip="127.0.8.1").register().status == 200, "the prefix beside it"
    assert rf.wait_event("flood.prefix")["evidence"]["threshold"] == 60


def test_observe_drops_nothing(edge, workers, phone):
    rf = edge(workers=workers, **flood(mode="observe"))
    assert len(burst(rf, phone(rf, "mallory", ip=ATTACKER), 100)) == 100
    event = rf.wait_event("flood.source")
    assert (event["mode"], event["verdict"]) == ("observe", "drop")
    assert rf.status()["reasons"]["flood.source"] == 100 - THRESHOLD
    [row] = [c for c in rf.status()["controls"] if c["name"] == "flood"]
    assert (row["mode"], row["would"]) == ("observe", 100 - THRESHOLD)


def test_off_is_off(edge, phone):
    rf = edge(**flood(mode="off"))
    assert len(burst(rf, phone(rf, "mallory", ip=ATTACKER), 200)) == 200
    assert not rf.events(reason="flood.source")


def test_no_address_that_may_be_forged_is_sent_more_than_three_times_its_bytes(edge, workers, phone):
    """RFC 9000 §8. Two challenges in each answer make it some four times as long as the shortest request."""
    settings = flood(requests=1000)
    settings["controls"]["auth"] = {"algorithms": ["SHA-512-256", "SHA-256", "MD5"]}
    rf = edge(workers=workers, **settings)
    mallory = phone(rf, "m", ip=ATTACKER)
    n, sent = 100, 0
    for i in range(n):
        data = (f"OPTIONS sip:example.com SIP/2.0\r\nv:SIP/2.0/UDP {ATTACKER}:{mallory.port};branch=z9hG4bK{i}\r\n"
                f"f:<sip:a@b>;tag=1\r\nt:<sip:a@b>\r\ni:{i}\r\nCSeq:1 OPTIONS\r\nl:0\r\n\r\n").encode()
        mallory.wire.send(data)
        sent += len(data)
    until(lambda: judged(rf) >= n, "all of it")
    got, answers = 0, 0
    while True:
        m = mallory.wait(deadline=0.3)
        if m is None:
            break
        got, answers = got + len(m.raw), answers + 1
    assert 0 < answers < n
    assert got <= 3 * sent
    assert counter(rf, "gate.answers-withheld") == n - answers
    # Who proves that it receives there is answered at once.
    assert phone(rf, "alice", ip=ATTACKER).register().status == 200


def test_noise_is_cut_off_like_everything_else(edge, phone):
    rf = edge(**flood())
    mallory = phone(rf, "m", ip=ATTACKER)
    before = judged(rf)
    for _ in range(100):
        mallory.wire.send(b"\x16\x03\x01 this is no SIP at all, however long it may be")
    until(lambda: judged(rf) >= before + 100, "all of it")
    reasons = rf.status()["reasons"]
    assert (reasons["gate.noise"], reasons["flood.source"]) == (THRESHOLD, 100 - THRESHOLD)
    assert mallory.hears_nothing()


def test_a_reload_changes_the_threshold(edge, phone):
    rf = edge(**flood())
    assert len(burst(rf, phone(rf, "m", ip=ATTACKER), 50)) == THRESHOLD
    rf.write_config(controls={"flood": {"requests": 30}})
    rf.run("reload").expect(0)
    assert len(burst(rf, phone(rf, "m", ip="127.0.0.51"), 50)) == 30
    rf.write_config(standing={"allow": [ATTACKER]})
    rf.run("reload").expect(0)
    assert len(burst(rf, phone(rf, "m", ip=ATTACKER), 50)) == 50


def test_a_forged_flood_does_not_fill_the_disk(edge, phone):
    """Events about strangers who may be forged are bounded; those about log-ins, also wrong ones, are not."""
    rf = edge(workers=1, **flood(requests=60))
    strangers = [phone(rf, "x", ip=f"127.0.{60 + n}.1") for n in range(60)]
    seconds = -time.monotonic()
    for _ in range(20):
        for ua in strangers:
            ua.send(ua.message("OPTIONS", "sip:example.com", to=f"<{ua.aor}>"))
    mallory = phone(rf, "alice", ip=ATTACKER, password="no")
    mallory.register().expect(401)
    rf.wait_event("auth.bad-password")
    seconds += time.monotonic()
    until(lambda: judged(rf) >= 1200, "all judged")
    told = len([e for e in rf.written() if e["source"] and not e["source"]["proven"]])
    assert told <= 200 * (2 + int(seconds))
    until(lambda: counter(rf, "events.left-out") > 0, "some left out")
    assert counter(rf, "events.left-out") + told >= 1200
