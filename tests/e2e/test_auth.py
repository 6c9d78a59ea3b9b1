# SPDX-License-Identifier: MIT
"""Digest authentication: each attack that it stops, and the traffic that it must let through
(RFC 3261 §22, RFC 7616, RFC 8760)."""
import re
import time

import pytest

import sip
from daemon import PASSWORD, until

URI = "sip:example.com"
AOR = "<sip:alice@example.com>"
BOTH = {"controls": {"auth": {"algorithms": ["SHA-256", "MD5"]}}}


def challenged(ua, method="REGISTER", uri=URI, **fields):
    """A request without credentials, and the challenge that it got."""
    sent = ua.send(ua.message(method, uri, to=fields.pop("to", f"<{ua.aor}>"), **fields))
    return ua.final(sent).expect(401 if method == "REGISTER" else 407)


def login(ua, line, uri=URI, method="REGISTER", **fields):
    """A request with this credentials line; its final response."""
    sent = ua.send(ua.message(method, uri, to=fields.pop("to", f"<{ua.aor}>"), headers=[line], **fields))
    r = ua.final(sent)
    r.sent = sent
    return r


def shape(response):
    """An answer with all that must differ between two requests replaced: what is left is what an attacker
    can learn from."""
    text = response.raw.decode()
    for pattern in (r"(?<=branch=)[^;\r]+", r"(?<=tag=)[^;\r]+", r'(?<=nonce=")[^"]+', r"(?<=Call-ID: )[^\r]+",
                    r"(?<=CSeq: )\d+", r"(?<=sip:)[^@\r]+(?=@)", r"(?<=rport=)\d+", r"(?<=127\.0\.0\.1:)\d+"):
        text = re.sub(pattern, "*", text)
    return text


# --- what must be told apart, and what must not

def test_wrong_password_and_unknown_user_look_the_same(rf, phone):
    answers = {}
    for name, user, password in (("wrong", "alice", "no"), ("unknown", "zelda", "no"), ("decoy", "admin", "")):
        ua = phone(rf, user, password=password)
        first = challenged(ua)
        r = login(ua, ua.credentials("REGISTER", URI, first.challenge()))
        answers[name] = (shape(first), shape(r.expect(401)))
        assert "stale" not in r.get("WWW-Authenticate")
    assert answers["wrong"] == answers["unknown"] == answers["decoy"]
    assert rf.wait_event("auth.bad-password")["account"] == "alice@example.com"
    assert rf.wait_event("auth.unknown-user", account="zelda@example.com")["verdict"] == "reply"
    assert rf.registrations() == []


def test_wrong_and_unknown_callers_look_the_same(edge, phone):
    rf = edge()
    shapes = set()
    for user in ("alice", "zelda"):
        ua = phone(rf, user, password="no")
        r = ua.ask("MESSAGE", "sip:bob@example.com").expect(407)
        shapes.add(shape(r))
    assert len(shapes) == 1, shapes


@pytest.mark.parametrize("user", ["zelda", "alice"])
def test_before_the_login_nobody_learns_who_exists(edge, phone, user):
    """The Request-URI is not looked at before the sender has shown who it is."""
    rf = edge()
    ua = phone(rf, "alice", password="no")
    assert ua.ask("OPTIONS", f"sip:{user}@example.com").status == 407
    assert not rf.events(reason="route.not-found")


# --- nonces

def test_a_stale_nonce_is_told_so_and_the_next_works(edge, phone):
    rf = edge(controls={"auth": {"nonce_lifetime": "5s"}})
    ua = phone(rf)
    old = challenged(ua).challenge()
    line = ua.credentials("REGISTER", URI, old)
    end = time.monotonic() + 30

    def stale():
        """Other requests with the same nonce until its time is over; each with a new nc."""
        r = login(ua, ua.credentials("REGISTER", URI))
        assert time.monotonic() < end
        return r if r.status == 401 else None
    assert login(ua, line).status == 200
    r = until(stale, "the end of the nonce's life")
    assert r.challenge()["stale"].lower() == "true"
    rf.wait_event("auth.stale", account="alice@example.com")
    login(ua, ua.credentials("REGISTER", URI, r.challenge())).expect(200)


def test_a_nonce_serves_many_requests(rf, phone):
    ua = phone(rf)
    c = challenged(ua).challenge()
    login(ua, ua.credentials("REGISTER", URI, c)).expect(200)
    for _ in range(20):
        login(ua, ua.credentials("REGISTER", URI)).expect(200)
    rf.wait_event("registrar.refreshed", n=20)
    assert len(rf.events(reason="auth.challenge")) == 1


def test_a_replay_from_another_port_is_refused(rf, phone):
    """A recorded login sent again, as itself and inside another request."""
    ua, thief = phone(rf), phone(rf, "alice", password="unknown to it")
    c = challenged(ua).challenge()
    line = ua.credentials("REGISTER", URI, c)
    login(ua, line).expect(200)
    r = login(thief, line).expect(401)
    assert r.challenge(), "a new challenge, so that a phone that shares the address can go on"
    thief.send(thief.message("REGISTER", URI, to=AOR, headers=[line], contact="sip:thief@127.0.0.1:9"))
    event = rf.wait_event("auth.replay", n=2, port=thief.port)
    assert event["account"] == "alice@example.com" and event["verdict"] == "reply"
    assert [b["contact"] for b in rf.registrations()] == [ua.contact]


def test_a_replay_over_the_other_worker_is_refused(edge, phone):
    rf = edge(workers=2)
    ua = phone(rf)
    line = ua.credentials("REGISTER", URI, challenged(ua).challenge())
    login(ua, line).expect(200)
    for _ in range(16):  # the kernel spreads ports over the workers
        thief = phone(rf, "alice", password="unknown to it")
        login(thief, line).expect(401)
    rf.wait_event("auth.replay", n=16)


def test_nc_may_come_out_of_order_but_once(edge, phone):
    rf = edge()
    ua = phone(rf)
    c = challenged(ua).challenge()
    lines = [ua.credentials("REGISTER", URI, c)] + [ua.credentials("REGISTER", URI) for _ in range(3)]
    for i in (0, 3, 1, 2):
        login(ua, lines[i]).expect(200)
    for line in lines:
        login(ua, line).expect(401)
    rf.wait_event("auth.replay", n=4)


def test_a_nonce_of_another_address_is_not_taken(edge, phone):
    """Who takes a nonce from the wire cannot use it from elsewhere."""
    rf = edge()
    here, there = phone(rf), phone(rf, "alice", ip="127.0.0.2")
    c = challenged(here).challenge()
    r = login(there, there.credentials("REGISTER", URI, c)).expect(401)
    rf.wait_event("auth.wrong-source", ip="127.0.0.2")
    login(there, there.credentials("REGISTER", URI, r.challenge())).expect(200)


@pytest.mark.parametrize("nonce", ["", "x", "0" * 48, "A" * 400])
def test_nonces_that_we_did_not_make(edge, phone, nonce):
    rf = edge()
    ua = phone(rf)
    c = dict(challenged(ua).challenge(), nonce=nonce)
    login(ua, ua.credentials("REGISTER", URI, c)).expect(400, 401)
    assert rf.registrations() == []


def test_each_changed_byte_of_a_nonce_is_noticed(edge, phone):
    rf = edge()
    ua = phone(rf)
    c = challenged(ua).challenge()
    nonce = c["nonce"]
    for i in range(len(nonce)):
        other = "A" if nonce[i] != "A" else "B"
        changed = dict(c, nonce=nonce[:i] + other + nonce[i + 1:])
        r = login(ua, ua.credentials("REGISTER", URI, changed))
        assert r.status == 401, f"byte {i} of the nonce was changed:\n{r!r}"
    assert rf.registrations() == []
    login(ua, ua.credentials("REGISTER", URI, c)).expect(200)


def test_ten_thousand_challenges_then_a_login(rf, phone):
    """A flood of challenges fills nothing: logins go on."""
    ua = phone(rf)
    start = rf.status()["memory"]["resident"]
    n, window = 10000, 200
    data = ua.message("REGISTER", URI, to=AOR)
    sent = got = 0
    while got < n:
        while sent < n and sent - got < window:
            ua.wire.send(data.replace(b"z9hG4bK", b"z9hG4bK%d" % sent))
            sent += 1
        m = ua.wire.receive(time.monotonic() + 30)
        assert m and m.status == 401, f"{m!r} after {got} challenges"
        got += 1
    phone(rf, "alice").register().expect(200)
    status = rf.status()
    assert status["counters"]["auth.challenges"] >= n
    assert status["memory"]["resident"] < start + 64 * 2 ** 20
    assert status["transactions"]["now"] < 100, "a challenge of REGISTER keeps no transaction"


# --- what the credentials are for

def test_credentials_for_another_uri(edge, phone):
    rf = edge()
    ua = phone(rf)
    c = challenged(ua).challenge()
    login(ua, ua.credentials("REGISTER", "sip:elsewhere.example", c)).expect(400)  # RFC 7616 §3.4.6
    c = challenged(ua, "OPTIONS", URI).challenge()
    login(ua, ua.credentials("OPTIONS", "sip:bob@example.com", c), method="OPTIONS").expect(400)
    rf.wait_event("auth.uri-mismatch", n=2)
    assert rf.registrations() == []


def test_a_digest_made_for_another_method(edge, phone):
    rf = edge()
    ua = phone(rf)
    c = challenged(ua).challenge()
    line = ua.credentials("OPTIONS", URI, c).replace("Proxy-Authorization", "Authorization")
    login(ua, line).expect(401)
    rf.wait_event("auth.bad-password")


def test_nobody_registers_another(rf, phone):
    """alice's login is right, but To names bob."""
    ua = phone(rf)
    c = challenged(ua).challenge()
    r = login(ua, ua.credentials("REGISTER", URI, c), to="<sip:bob@example.com>").expect(403)
    assert not r.get("WWW-Authenticate")
    event = rf.wait_event("auth.identity-mismatch")
    assert event["account"] == "alice@example.com" and event["status"] == 403
    assert rf.registrations() == []


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE", "OPTIONS", "SUBSCRIBE"])
def test_nobody_calls_as_another(edge, phones, phone, method):
    rf = edge()
    bob, mallory = phones(rf, "bob"), phone(rf, "carol")
    from_ = f"<sip:alice@example.com>;tag={mallory.tag}"
    r = mallory.ask(method, "sip:bob@example.com", from_=from_).expect(403)
    if method == "INVITE":
        mallory.ack_failure(r.sent, r)
    rf.wait_event("auth.identity-mismatch", account="carol@example.com")
    assert bob.hears_nothing()


def test_a_stranger_from_a_foreign_domain_is_challenged(edge, phones, phone):
    rf = edge()
    bob, ua = phones(rf, "bob"), phone(rf)
    from_ = f"<sip:alice@other.example>;tag={ua.tag}"
    sent = ua.send(ua.message("MESSAGE", "sip:bob@example.com", from_=from_))
    ua.final(sent).expect(407)
    ua.ask("MESSAGE", "sip:bob@example.com", from_=from_).expect(403)
    assert bob.hears_nothing()


def test_credentials_do_not_travel_on(rf, phones):
    alice, bob = phones(rf, "alice", "bob")
    call = alice.call("bob")
    invite = bob.invite()
    assert call.invite.get("Proxy-Authorization")
    assert not invite.get("Proxy-Authorization") and not invite.get("Authorization")
    bob.reply(invite, 486)
    call.final()


def test_credentials_of_another_realm_are_passed_over(edge, phone):
    """A phone may send several; ours is found among them."""
    rf = edge()
    ua = phone(rf)
    c = challenged(ua).challenge()
    foreign = ua.credentials("REGISTER", URI, dict(c, realm="other.example"))
    login(ua, foreign).expect(401)
    rf.wait_event("auth.wrong-realm")
    sent = ua.send(ua.message("REGISTER", URI, to=AOR, headers=[foreign, ua.credentials("REGISTER", URI, c)]))
    ua.final(sent).expect(200)


# --- malformed, downgraded

@pytest.mark.parametrize("line", [
    "Digest",
    "Digest username",
    'Digest username="alice"',
    'Digest username="alice", realm="example.com", nonce="x", uri="sip:example.com"',
    'Digest username="alice, realm="example.com", nonce="x", uri="sip:example.com", response="' + "0" * 32 + '"',
    'Digest ' + ",".join('username="alice"' for _ in range(40)),
    "Digest " + "a" * 6000 + '="b"',
    "Basic YWxpY2U6b3Jhbmdl",
    'Bearer abc',
    '',
    "=,=,=,;;;",
])
def test_malformed_credentials(edge, phone, line):
    rf = edge()
    ua = phone(rf)
    login(ua, "Authorization: " + line).expect(400, 401)
    assert rf.registrations() == []
    ua.register().expect(200)


@pytest.mark.parametrize("change, statuses", [
    ({"response": "0" * 31}, (400, 401)),
    ({"response": "g" * 32}, (400, 401)),
    ({"nc": "1"}, (400, 401)),
    ({"nc": "00000000"}, (400, 401)),
    ({"nc": "zzzzzzzz"}, (400, 401)),
    ({"nc": None}, (400, 401)),
    ({"cnonce": None}, (400, 401)),
    ({"qop": "auth-int"}, (400, 401)),
    ({"qop": None}, (400, 401)),
    ({"algorithm": "SHA-1"}, (400, 401)),
    ({"algorithm": "MD5-sess"}, (400, 401)),
    ({"uri": ""}, (400, 401)),
    ({"username": ""}, (400, 401)),
    ({"username": "x" * 3000}, (400, 401)),
])
def test_changed_credentials(edge, phone, change, statuses):
    rf = edge()
    ua = phone(rf)
    c = challenged(ua).challenge()
    login(ua, ua.credentials("REGISTER", URI, c, **change)).expect(*statuses)
    assert rf.registrations() == []
    ua.register().expect(200)


def test_no_downgrade_of_a_nonce(edge, phone):
    """A nonce made for SHA-256 is not taken with MD5."""
    rf = edge(**BOTH)
    ua = phone(rf)
    r = challenged(ua)
    mixed = dict(r.challenge("MD5"), nonce=r.challenge("SHA-256")["nonce"])
    login(ua, ua.credentials("REGISTER", URI, mixed)).expect(401)
    rf.wait_event("auth.algorithm")
    assert rf.registrations() == []


def test_an_algorithm_that_is_not_offered(edge, phone):
    rf = edge()  # MD5 only
    ua = phone(rf)
    c = dict(challenged(ua).challenge(), algorithm="SHA-256")
    login(ua, ua.credentials("REGISTER", URI, c)).expect(401)
    rf.wait_event("auth.algorithm")


def test_the_name_of_the_algorithm_may_be_left_out(edge, phone):
    """It is MD5 then (RFC 7616 §3.4)."""
    rf = edge(**BOTH)
    ua = phone(rf)
    c = challenged(ua).challenge("MD5")
    login(ua, ua.credentials("REGISTER", URI, c, algorithm=None)).expect(200)


def test_an_old_phone_without_qop(edge, phone):
    """Refused unless the configuration lets them in (RFC 2069)."""
    for allowed, status in ((False, 400), (True, 200)):
        rf = edge(controls={"auth": {"rfc2069": allowed}})
        ua = phone(rf)
        c = challenged(ua).challenge()
        ha1 = sip.digest("MD5", "alice", "example.com", PASSWORD)
        response = sip.digest("MD5", ha1, c["nonce"], sip.digest("MD5", "REGISTER", URI))
        line = ua.credentials("REGISTER", URI, c, qop=None, nc=None, cnonce=None, response=response)
        r = login(ua, line)
        assert r.status == status, f"{allowed}: {r!r}"


# --- who is asked

METHODS = ["INVITE", "OPTIONS", "MESSAGE", "SUBSCRIBE", "NOTIFY", "PUBLISH", "INFO", "UPDATE", "PRACK", "REFER", "BYE",
           "FOO", "options", "X-" + "Y" * 20]


@pytest.mark.parametrize("to_tag", ["", ";tag=abc"])
@pytest.mark.parametrize("target", ["sip:bob@example.com", "sip:example.com", "sip:x@192.0.2.1"])
def test_every_method_is_challenged(edge, phones, phone, target, to_tag):
    """Nothing reaches anybody before a login; also not from inside an invented dialog."""
    rf = edge()
    bob, ua = phones(rf, "bob"), phone(rf)
    for method in METHODS:
        sent = ua.send(ua.message(method, target, to=f"<{target}>{to_tag}"))
        r = ua.final(sent)
        assert r.status == 407, f"{method} {target}: {r!r}"
        assert r.get("Proxy-Authenticate")
        if method == "INVITE":
            ua.ack_failure(sent, r)
    assert bob.hears_nothing()
    rf.wait_event("auth.challenge", n=len(METHODS), port=ua.port)


def test_ack_and_cancel_cannot_be_challenged(edge, phones, phone):
    """And lead nowhere either."""
    rf = edge()
    bob, ua = phones(rf, "bob"), phone(rf)
    ua.send(ua.message("ACK", "sip:bob@example.com", to="<sip:bob@example.com>;tag=abc"))
    r = ua.final(ua.send(ua.message("CANCEL", "sip:bob@example.com")))
    r.expect(481)
    rf.wait_reasons("txn.stray-ack", "txn.stray-cancel")
    assert bob.hears_nothing()


def test_a_peer_needs_no_password(rf_with_peer, phones, phone):
    rf = rf_with_peer
    bob = phones(rf, "bob")
    trunk, stranger = phone(rf, "+4930123", ip="127.0.0.5"), phone(rf, "+4930123", ip="127.0.0.6")
    call = trunk.call("bob", challenge=False, from_="<sip:+4930123@carrier.example>;tag=1")
    invite = bob.invite()
    bob.reply(invite, 603)
    call.final().expect(603)
    assert not rf.events(reason="auth.challenge", ip="127.0.0.5")
    stranger.final(stranger.send(stranger.message("INVITE", "sip:bob@example.com"))).expect(407)


@pytest.fixture
def rf_with_peer(edge):
    return edge(peers={"carrier": {"zone": "public", "sources": ["127.0.0.5"]}})


# --- modes

@pytest.mark.parametrize("mode, asked", [("enforce", True), ("observe", False), ("off", False)])
def test_modes(edge, phones, phone, mode, asked):
    rf = edge(controls={"auth": {"mode": mode}})
    ua = phone(rf)
    r = ua.final(ua.send(ua.message("OPTIONS", "sip:example.com")))
    assert r.status == (407 if asked else 200)
    if mode == "observe":
        event = rf.wait_event("auth.challenge")
        assert event["mode"] == "observe"
    if mode == "off":
        assert not rf.events(reason="auth.challenge")


# --- accounts that change under a running daemon

def test_a_new_password_and_a_removed_account_count_at_once(rf, phone):
    ua = phone(rf)
    ua.register().expect(200)
    rf.run("user", "passwd", "alice@example.com", "--password-stdin", input="Purple-Ferry-40\n").expect(0)
    ua.register().expect(401)
    ua.register(password="Purple-Ferry-40").expect(200)
    rf.run("user", "remove", "alice@example.com").expect(0)
    ua.register(password="Purple-Ferry-40").expect(401)
    rf.wait_event("auth.unknown-user")
    new = phone(rf, "dave")
    new.register().expect(401)
    rf.add_user("dave")
    new.register().expect(200)


def test_a_login_from_before_a_restart_cannot_be_repeated(edge, phone):
    """What was used is forgotten by then, so no nonce from before is taken; but phones are not asked for a
    password either."""
    rf = edge()
    ua, thief = phone(rf), phone(rf, "alice", password="unknown to it")
    line = ua.credentials("REGISTER", URI, challenged(ua).challenge())
    login(ua, line).expect(200)
    rf.restart()
    r = login(thief, line).expect(401)
    assert r.challenge()["stale"].lower() == "true"
    rf.wait_event("auth.stale", port=thief.port)


def test_reload_keeps_nonces(edge, phone):
    rf = edge()
    ua = phone(rf)
    c = challenged(ua).challenge()
    login(ua, ua.credentials("REGISTER", URI, c)).expect(200)
    rf.run("reload").expect(0)
    login(ua, ua.credentials("REGISTER", URI)).expect(200)
