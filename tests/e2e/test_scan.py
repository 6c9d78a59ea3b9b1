# SPDX-License-Identifier: MIT
"""Scanners: SIPVicious itself, signatures, enumeration, sweeps, decoys. And what nobody learns: who has
an account here, who is registered, and what this is. Strangers come from other addresses of the loopback
than 127.0.0.1, and are not on the allow-list."""
import pathlib
import re
import time

import pytest

import attack
from daemon import DOMAIN, until
from sip import token

STRANGER = "127.0.0.66"
NOT_ALLOWED = {"allow": []}
CALM = {"allow": [], "suspect": 1000000, "deny": 1000000}  # findings, but no bans
METHODS = ("REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE", "MESSAGE")


def exchange(ua, data, wait=0.5):
    """What is answered to a request, or None."""
    sent = ua.send(data)
    return ua.wait(lambda m: m.is_response and m.call_id == sent.call_id and m.status >= 200, deadline=wait)


def options(ua, user=None, **more):
    return ua.message("OPTIONS", f"sip:{user}@{DOMAIN}" if user else f"sip:{DOMAIN}", **more)


# --- SIPVicious; more of it in test_attacks.py

@pytest.fixture
def guarded(edge):
    return edge(standing=NOT_ALLOWED, users=("alice", "100", "101"))


def test_svmap_finds_nobody(guarded):
    out = attack.sipvicious("svmap", STRANGER, guarded.port)
    assert f"127.0.0.1:{guarded.port}" not in out, out
    guarded.wait_event("scan.signature", method="OPTIONS")
    assert {e["verdict"] for e in guarded.events(event="verdict", ip=STRANGER)} == {"drop"}


def test_a_scanner_is_suspect_and_over_tcp_banned(guarded, phone):
    """Nobody is banned on the word of an address alone."""
    udp, tcp = phone(guarded, "x", ip="127.0.0.67"), phone(guarded, "x", ip="127.0.0.68", transport="tcp")
    for ua in (udp, tcp):
        ua.send(options(ua, headers=["User-Agent: friendly-scanner"]))
    guarded.wait_event("standing.banned", ip="127.0.0.68")
    guarded.wait_event("standing.suspect", ip="127.0.0.67")
    assert not guarded.events(reason="standing.banned", ip="127.0.0.67")
    assert tcp.wire.is_closed()


def scanner_registers(ua, *headers):
    """What is answered to a REGISTER with a scanner's User-Agent, or None."""
    return exchange(ua, ua.message("REGISTER", f"sip:{DOMAIN}", to=f"<{ua.aor}>", contact=ua.contact,
                                   headers=["User-Agent: friendly-scanner", *headers]))


def test_who_goes_on_guessing_shows_where_he_is_and_is_banned(guarded, phone):
    guesser, other = phone(guarded, "alice", ip="127.0.0.69"), phone(guarded, "alice", ip="127.0.0.70")
    guesser.cseq = other.cseq  # as long as the other's
    asked = scanner_registers(guesser)
    # As anybody is asked.
    usual = exchange(other, other.message("REGISTER", f"sip:{DOMAIN}", to=f"<{other.aor}>", contact=other.contact))
    assert [line.split(":")[0] for line in str(asked.raw.decode()).splitlines()] == \
        [line.split(":")[0] for line in str(usual.raw.decode()).splitlines()]
    assert asked.status == 401 and len(asked.raw) == len(usual.raw) and set(asked.challenge()) == set(usual.challenge())
    # Even the right password is not looked at.
    assert scanner_registers(guesser, guesser.credentials("REGISTER", f"sip:{DOMAIN}", asked.challenge())) is None
    event = guarded.wait_event("standing.banned", ip="127.0.0.69")
    assert event["source"]["proven"] and event["evidence"]["name"] == "scan.signature"
    assert [e["reason"] for e in guarded.events(ip="127.0.0.69")] == [
        "scan.signature", "standing.suspect", "auth.challenge", "scan.signature", "standing.banned"]
    assert not guarded.registrations()
    assert exchange(guesser, options(guesser)) is None
    assert exchange(other, options(other)).status == 407


def test_a_scanner_that_may_be_forged_is_asked_once_and_bans_nobody(edge, phone):
    """A nonce that was given to somebody else proves nothing; neither does one that is invented."""
    guarded = edge(standing={"allow": [], "challenged": "1m"}, users=("alice", "bob"))
    victim, attacker = phone(guarded, "alice", ip="127.0.0.71"), phone(guarded, "bob", ip="127.0.0.72")
    given = exchange(attacker, options(attacker)).challenge()
    assert scanner_registers(victim).status == 401
    for nonce in (given["nonce"], "0" * len(given["nonce"]), given["nonce"][::-1]):
        line = victim.credentials("REGISTER", f"sip:{DOMAIN}", dict(given, nonce=nonce))
        assert scanner_registers(victim, line) is None
    for _ in range(10):
        assert scanner_registers(victim) is None
    assert not guarded.events(reason="standing.banned")
    assert {e["source"]["proven"] for e in guarded.events(reason="scan.signature")} == {False}
    victim.register().expect(200)


# --- signatures

SHAPES = [
    {"from_": f'"sipvicious"<sip:100@1.1.1.1>;tag={token()}'},
    {"from_": f'"bob"<sip:100@{DOMAIN}>;tag=3766303030303031313661390133353034363737363139'},
    {"from_": f'"3675947466"<sip:3675947466@{DOMAIN}>;tag=333637353934373436360131373933393836313838'},
    {"contact": "<sip:a@127.0.0.1>", "headers": ["User-Agent: SIPcli/v2"]},
]


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_that_stay_when_the_user_agent_changes(edge, phone, shape):
    rf = edge(standing=CALM)
    ua = phone(rf, "bob", ip=STRANGER)
    headers = shape.get("headers", ["User-Agent: Yealink SIP-T46S 66.86.0.15"])
    assert exchange(ua, options(ua, **dict(shape, headers=headers))) is None
    event = rf.wait_event("scan.signature")
    assert event["verdict"] == "drop" and event["evidence"]["value"] in ("sipvicious", "sipcli")


def test_innocents_are_answered(edge, phone):
    rf = edge(standing=CALM, controls={"scan": {"sweep": "off"}, "flood": {"mode": "off"}})
    ua = phone(rf, "bob", ip=STRANGER)
    for agent in ("Linphone-Desktop/5.2.6", "baresip v2.10.0", "PJSUA v2.13", "Zoiper v2.10.20.5",
                  "Grandstream GXP2170 1.0.11.64", "Yealink SIP-T46S 66.86.0.15", "Asterisk PBX 18.10.0",
                  "FreeSWITCH-mod_sofia/1.10.10", "CSipSimple_a53g-16/r2457"):
        assert exchange(ua, options(ua, headers=[f"User-Agent: {agent}"])).status == 407
    assert not [e for e in rf.events() if e["reason"].startswith("scan.")]


def test_the_operators_file(edge, phone):
    """It adds and takes away; a fault in it is one of the configuration, with its place."""
    rf = edge(start=False, standing=CALM)
    own = pathlib.Path(rf.folder) / "sig.txt"
    own.write_text("# ours\n-sipsak\nevil header:X-Tool glob evil *#\n")
    rf.write_config(controls={"scan": {"signatures": "sig.txt"}})
    rf.start()
    ua = phone(rf, "bob", ip=STRANGER)
    assert exchange(ua, options(ua, headers=["User-Agent: sipsak 0.9.8"])).status == 407
    assert exchange(ua, options(ua, headers=["X-Tool: Evil v1"])) is None
    assert exchange(ua, options(ua, headers=["X-Tool: Evil v"])).status == 407
    own.write_text("evil header:X-Tool like evil\n")
    r = rf.run("check").expect(1)
    assert f"{own}:1: \"like\" is no way to match: must be is, starts, contains or glob" in r.err
    r = rf.run("reload").expect(1)
    assert f"{own}:1:" in r.out + r.err
    assert exchange(ua, options(ua, headers=["X-Tool: Evil v1"])) is None, "the old ones are in force"
    own.write_text("other user-agent is Other\n")
    rf.run("reload").expect(0)
    until(lambda: exchange(ua, options(ua, headers=["User-Agent: Other"]), 0.2) is None, "the new ones")
    assert exchange(ua, options(ua, headers=["User-Agent: sipsak 0.9.8"])) is None
    assert exchange(ua, options(ua, headers=["X-Tool: Evil v1"])).status == 407


def test_a_phone_that_logged_in_may_call_itself_what_it_likes(edge, phones):
    rf = edge(standing=NOT_ALLOWED)
    ua = phones(rf, "alice", ip=STRANGER)
    assert exchange(ua, options(ua, headers=["User-Agent: friendly-scanner"])).status == 407


def test_observe_only_tells(edge, phone):
    rf = edge(standing=NOT_ALLOWED, controls={"scan": {"mode": "observe"}})
    ua = phone(rf, "bob", ip=STRANGER)
    assert exchange(ua, options(ua, headers=["User-Agent: friendly-scanner"])).status == 407
    event = rf.wait_event("scan.signature")
    assert event["mode"] == "observe" and event["verdict"] == "drop"
    assert exchange(ua, options(ua)).status == 407


# --- what scanners do

def test_a_sweep_ends_at_its_threshold(edge, phone):
    rf = edge(standing=CALM, controls={"scan": {"sweep": 7}})
    ua = phone(rf, "bob", ip=STRANGER)
    answered = [exchange(ua, options(ua), 0.3) is not None for _ in range(9)]
    assert answered == [True] * 7 + [False] * 2
    rf.wait_event("scan.sweep", n=2)
    event = rf.events(reason="scan.sweep")[0]
    assert (event["evidence"]["value"], event["evidence"]["threshold"]) == (8, 7)
    other = phone(rf, "bob", ip="127.0.0.67")
    assert exchange(other, options(other)).status == 407


def test_unknown_methods_end_at_their_threshold(edge, phone):
    rf = edge(standing=CALM)
    ua = phone(rf, "bob", ip=STRANGER)
    answered = [exchange(ua, ua.message("PROBE", f"sip:{DOMAIN}"), 0.3) is not None for _ in range(7)]
    assert answered == [True] * 5 + [False] * 2
    rf.wait_event("scan.methods", n=2)
    assert [e["evidence"]["value"] for e in rf.events(reason="scan.methods")] == [6, 7]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_enumeration_is_found_once_phones_had_their_time(edge, phone, transport):
    """Eleven users and nobody logs in; a whole office that does so in a moment and then logs in is none. A few
    forged datagrams must not keep an address from being challenged: without proof it is told, and no more."""
    rf = edge(standing=CALM)
    ua = phone(rf, "bob", ip=STRANGER, transport=transport)

    def first_request(n):
        return ua.message("REGISTER", f"sip:{DOMAIN}", to=f"<sip:{n}@{DOMAIN}>", from_=f"<sip:{n}@{DOMAIN}>;tag=x")
    for n in range(30):
        assert exchange(ua, first_request(100 + n)).status == 401
    begin = time.monotonic()
    if transport == "tcp":
        until(lambda: exchange(ua, first_request(200 + int(time.monotonic() - begin)), 0.3) is None, "the finding")
    else:
        def asked():
            assert exchange(ua, first_request(200 + int(time.monotonic() - begin))).status == 401
            return rf.events(reason="scan.users")
        until(asked, "the finding")
    assert time.monotonic() - begin > 4
    event = rf.wait_event("scan.users")
    assert event["evidence"]["threshold"] == 10 and event["evidence"]["value"] > 10


def test_where_nobody_has_to_log_in_an_office_is_no_scanner(edge, phone):
    rf = edge(standing=NOT_ALLOWED, controls={"auth": {"mode": "off"}})
    ua = phone(rf, "bob", ip=STRANGER, transport="tcp")
    begin = time.monotonic()

    def one_more():
        user = f"p{int((time.monotonic() - begin) * 4)}"
        assert exchange(ua, ua.message("REGISTER", f"sip:{DOMAIN}", to=f"<sip:{user}@{DOMAIN}>",
                                       from_=f"<sip:{user}@{DOMAIN}>;tag=x")) is not None
        return time.monotonic() - begin > 6  # longer than an office is waited for
    until(one_more, "the time to pass")
    assert not rf.events(reason="scan.users")


def test_an_office_of_forty_phones_registers_at_once(edge, phone):
    rf = edge(users=[f"p{i}" for i in range(40)], standing=NOT_ALLOWED)
    made = [phone(rf, f"p{i}", ip=STRANGER) for i in range(40)]
    sent = [ua.send(ua.message("REGISTER", f"sip:{DOMAIN}", to=f"<{ua.aor}>")) for ua in made]
    for ua, first in zip(made, sent):
        challenge = ua.final(first).expect(401).challenge()
        line = ua.credentials("REGISTER", f"sip:{DOMAIN}", challenge)
        ua.final(ua.send(ua.message("REGISTER", f"sip:{DOMAIN}", to=f"<{ua.aor}>", headers=[line]))).expect(200)
    assert not [e for e in rf.events() if e["reason"].startswith(("scan.", "standing."))]


# --- who exists is nobody's business

VARIES = (r"(?<=branch=)[^;\r]+", r"(?<=tag=)[^;\r>]+", r'(?<=nonce=")[^"]+', r"(?<=Call-ID: )[^\r]+",
          r"(?<=rport=)\d+", r"(?<=127\.0\.0\.66:)\d+", r"(?<=CSeq: )\d+")


def shape(response, user):
    """All that a stranger gets, without what differs from one request to the next: and it is the same as long."""
    text = response.raw.decode().replace(f"{user}@", "USER@")
    for pattern in VARIES:
        text = re.sub(pattern, lambda m: "*" * len(m.group(0)) if "nonce" in pattern else "*", text)
    return text


# alice is registered, carol has an account only, zelda has none, trixy is a decoy; all of five letters.
NAMES = ("alice", "carol", "zelda", "trixy")


def tries(method, name, ua, credentials):
    """A request about `name`, as itself and to it; without credentials, with wrong ones of `name`, with forged."""
    uri = f"sip:{DOMAIN}" if method == "REGISTER" else f"sip:{name}@{DOMAIN}"
    fields = {"to": f"<sip:{name}@{DOMAIN}>", "from_": f"<sip:{name}@{DOMAIN}>;tag={token()}", "call_id": token()}
    first = exchange(ua, ua.message(method, uri, **fields), 5)
    if credentials == "none" or first is None:
        return first
    change = {"user": name}
    if credentials == "forged":
        change["nonce"] = "A" * len(first.challenge()["nonce"])
    line = ua.credentials(method, uri, first.challenge(), password="not this one", **change)
    return exchange(ua, ua.message(method, uri, headers=[line], **fields), 5)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("credentials", ["none", "wrong", "forged"])
def test_every_user_looks_the_same(edge, phone, phones, transport, credentials):
    rf = edge(users=("alice", "carol"), standing=CALM, controls={
        "scan": {"decoys": ["trixy"], "sweep": "off", "users": "off"}, "flood": {"mode": "off"}})
    phones(rf, "alice")
    for method in METHODS:
        got = {}
        for name in NAMES:
            ua = phone(rf, name, ip=STRANGER, transport=transport)
            got[name] = tries(method, name, ua, credentials)
            assert got[name] is not None, (method, name)
        shapes = {shape(response, name) for name, response in got.items()}
        assert len(shapes) == 1, (method, shapes)
    rf.wait_event("scan.decoy")  # and yet the decoy is told


# --- what this is, neither

def test_no_answer_tells_what_this_is(edge, phone, phones):
    rf = edge(standing={"allow": ["127.0.0.0/8", "::1"]})
    alice = phones(rf, "alice")
    mallory = phone(rf, "mallory", password="no")
    raw = [
        options(mallory), options(mallory, "alice"), options(mallory, max_forwards=0),
        options(mallory, headers=["Proxy-Require: x"]), options(mallory, headers=["Content-Length: 9"]),
        mallory.message("REGISTER", f"sip:{DOMAIN}"), mallory.message("INVITE", f"sip:alice@{DOMAIN}"),
        mallory.message("REGISTER", f"sip:{DOMAIN}", headers=["Authorization: Digest x"]),
        mallory.message("CANCEL", f"sip:alice@{DOMAIN}"), mallory.message("NOSUCH", f"sip:{DOMAIN}"),
        mallory.message("OPTIONS", f"sips:{DOMAIN}"), mallory.message("OPTIONS", "http://x"),
        options(mallory).replace(b"SIP/2.0\r\nVia", b"SIP/3.0\r\nVia"),
        options(mallory).replace(b"From: ", b"From: \""),
    ]
    answers = []
    for data in raw:
        mallory.send(data)
        answer = mallory.wait(deadline=0.4)
        answers += [answer] if answer else []
    answers += [alice.ask("OPTIONS", f"sip:{DOMAIN}")]
    answers += [alice.ask("MESSAGE", f"sip:{to}@{DOMAIN}") for to in ("bob", "zelda")]
    answers += [alice.ask("MESSAGE", "sip:x@elsewhere.example"), alice.ask("SUBSCRIBE", f"sip:{DOMAIN}")]
    answers += [alice.register(expires=0), alice.register(expires=1, contact="tel:1")]
    statuses = {a.status for a in answers}
    assert len(statuses) >= 9, statuses
    for answer in answers:
        names = {name.lower() for name, _ in answer.headers}
        assert not names & {"server", "user-agent", "x-powered-by", "organization", "warning"}, answer
        assert b"ringfence" not in answer.raw.lower(), answer
