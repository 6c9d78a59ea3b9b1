# SPDX-License-Identifier: MIT
"""A phone that is called cannot ask the caller for the password of its account here: from the answer it could
guess the password at leisure, or it has the caller fail to log in with a nonce of somebody else's."""
import pytest

import sip
from daemon import until
from test_forking import FAST

OURS = 'Digest realm="example.com", nonce="abc", qop="auth", algorithm=MD5'
THEIRS = 'Digest realm="my phone", nonce="abc", qop="auth", algorithm=MD5'


@pytest.fixture
def quick(edge):
    return edge(workers=1, sip=FAST)


def challenged(call, bob, status, *values):
    """The answer to the caller when the phone answers with these challenges."""
    invite = bob.invite(call_id=call.call_id)
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    bob.reply(invite, status, headers=[f"{name}: {v}" for v in values])
    return call.final()


def all_challenges(answer):
    return answer.all("WWW-Authenticate") + answer.all("Proxy-Authenticate")


@pytest.mark.parametrize("value", [
    OURS,
    OURS.replace("example.com", "EXAMPLE.com."),
    OURS.replace("example.com", "example\\.com"),
    'Digest realm="my phone", realm="example.com", nonce="abc"',
    THEIRS + ", " + OURS,
    OURS.replace("realm", "\r\n realm"),
    'Basic realm="example.com"',
], ids=["plain", "spelt otherwise", "escaped", "two realms", "two challenges", "folded", "Basic"])
@pytest.mark.parametrize("status", [401, 407])
def test_a_phone_does_not_get_a_callers_digest(quick, phones, status, value):
    alice, bob = phones(quick, "alice", "bob")
    call = alice.call("bob")
    answer = challenged(call, bob, status, value)
    assert answer.status == 403 and not all_challenges(answer), repr(answer)
    told = quick.wait_event("auth.foreign-challenge", call_id=call.call_id, port=bob.port)
    assert "value" in told["evidence"] and str(told["evidence"]["value"]).startswith(value[:5])


def test_why_tells_of_it_where_no_events_are_written(edge, phones):
    rf = edge(workers=1, sip=FAST, events=[])
    alice, bob = phones(rf, "alice", "bob")
    call = alice.call("bob")
    assert challenged(call, bob, 401, OURS).status == 403
    until(lambda: "auth.foreign-challenge" in rf.run("why", call.call_id).out, "the finding")


def test_nor_inside_a_dialog(quick, phones):
    """What is known as a digest leak: the called phone hangs up on who hung up."""
    alice, bob = phones(quick, "alice", "bob")
    dialog, _ = sip.connect(alice, bob)
    _, answer = dialog.ask("BYE", bob, status=401, answer=[f"WWW-Authenticate: {OURS}"])
    assert answer.status == 403 and not all_challenges(answer)


def test_credentials_for_us_reach_no_phone_under_another_name(quick, phones):
    alice, bob = phones(quick, "alice", "bob")
    mine = 'Authorization: Digest username="alice", realm="{}", nonce="n", uri="sip:bob@example.com", response="00"'
    call = alice.call("bob", headers=[mine.format("example.com"), mine.format("my phone")])
    invite = bob.invite(call_id=call.call_id)
    assert [v.split('realm="')[1].split('"')[0] for v in invite.all("Authorization")] == ["my phone"]
    assert not invite.all("Proxy-Authorization")
    bob.reply(invite, 486)
    call.final().expect(486)


@pytest.mark.parametrize("mode", ["enforce", "observe", "off"])
def test_credentials_do_not_travel_in_an_ack(edge, phones, mode):
    """It has those of its INVITE (RFC 3261 §13.2.2.4), and nobody is asked to log in for it."""
    rf = edge(workers=1, sip=FAST, controls={"auth": {"mode": mode}})
    alice, bob = phones(rf, "alice", "bob")
    call = alice.call("bob", challenge=mode == "enforce")
    invite = bob.invite(call_id=call.call_id)
    bob.reply(invite, 200)
    call.final(ack=False).expect(200)
    line = ('Proxy-Authorization: Digest username="alice", realm="{}", nonce="n", uri="sip:bob@example.com", '
            'response="00"')
    call.dialog.ack(headers=[line.format("example.com"), line.format("my phone")])
    ack = bob.request("ACK", call_id=call.call_id)
    assert [v.split('realm="')[1].split('"')[0] for v in ack.all("Proxy-Authorization")] == ["my phone"]
    # Nor in what was let through with wrong ones.
    if mode != "enforce":
        call = alice.call("bob", headers=[line.format("example.com")], challenge=False)
        invite = bob.invite(call_id=call.call_id)
        assert not invite.all("Proxy-Authorization")
        bob.reply(invite, 486)
        call.final().expect(486)


def test_a_phone_may_have_a_password_of_its_own(quick, phones):
    alice, bob = phones(quick, "alice", "bob")
    answer = challenged(alice.call("bob"), bob, 401, THEIRS)
    assert answer.status == 401 and answer.all("WWW-Authenticate") == [THEIRS]
    answer = challenged(alice.call("bob"), bob, 401, OURS, THEIRS)
    assert answer.status == 401 and answer.all("WWW-Authenticate") == [THEIRS]


def test_of_several_phones_one_asks_for_ours(quick, phone, phones):
    alice = phones(quick, "alice")
    bobs = [phone(quick, "bob") for _ in range(2)]
    for bob in bobs:
        bob.register().expect(200)
    for bad in bobs:
        call = alice.call("bob")
        for bob in bobs:
            bob.reply(bob.invite(call_id=call.call_id), 401,
                      headers=[f"WWW-Authenticate: {OURS if bob is bad else THEIRS}"])
        answer = call.final()
        assert answer.status == 401 and all_challenges(answer) == [THEIRS]


def test_a_server_behind_us_may_ask(edge, phone, phones):
    """Its realm may be the very domain, and it gets the answer."""
    rf = edge(start=False, workers=1, sip=FAST)
    pbx = phone(rf, "pbx", ip="127.0.0.10")
    rf.write_config(upstreams={"pbx": {"zone": "public", "targets": [f"sip:127.0.0.10:{pbx.port}"]}},
                    routes=[{"match": "9*", "to": "pbx"}])
    rf.start()
    alice = phones(rf, "alice")
    answer = challenged(alice.call("9"), pbx, 401, OURS)
    assert answer.status == 401 and answer.all("WWW-Authenticate") == [OURS]
    mine = ('Authorization: Digest username="alice", realm="example.com", nonce="abc", uri="sip:9@example.com", '
            'response="00"')
    call = alice.call("9", headers=[mine])
    invite = pbx.invite(call_id=call.call_id)
    assert len(invite.all("Authorization")) == 1
    pbx.reply(invite, 486)
    call.final().expect(486)
    assert not rf.events(reason="auth.foreign-challenge")
