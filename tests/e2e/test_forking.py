# SPDX-License-Identifier: MIT
"""One account, several phones: they ring together, and the caller gets one answer (RFC 3261 §16.7)."""
import pytest

import sip
from daemon import until

FAST = {"t1": "20ms", "t2": "80ms", "t4": "40ms"}


@pytest.fixture(params=[(1, "udp"), (2, "tcp"), (2, "mixed")], ids=["udp", "tcp", "mixed"])
def home(request):
    """Workers, and the transport of the phones."""
    return request.param


@pytest.fixture
def quick(edge, home):
    """A daemon with short timers; in the end no transaction may be left."""
    rf = edge(workers=home[0], sip=FAST)
    yield rf
    until(lambda: rf.status()["transactions"]["now"] == 0, "the end of all transactions")


@pytest.fixture
def bobs(home, quick, phone):
    """Three phones of bob."""
    made = []
    for n in range(3):
        made.append(phone(quick, "bob", transport=("udp", "tcp")[n % 2] if home[1] == "mixed" else home[1]))
        made[-1].register().expect(200)
    return made


def ring(call, bobs, status=180):
    invites = [bob.invite(call_id=call.call_id) for bob in bobs]
    assert len({i.branch for i in invites}) == len(bobs)
    if status:
        for bob, invite in zip(bobs, invites):
            bob.reply(invite, status)
    return invites


def cancelled(bob, invite):
    """The phone is told to stop ringing, and does."""
    cancel = bob.request("CANCEL", call_id=invite.call_id)
    assert cancel.branch == invite.branch
    bob.reply(cancel, 200)
    bob.reply(invite, 487)
    assert bob.request("ACK", call_id=invite.call_id).branch == invite.branch


def test_one_answers_the_others_stop(quick, bobs, phones):
    alice = phones(quick, "alice")
    call = alice.call("bob")
    invites = ring(call, bobs)
    tags = {call.response(180).tag("To") for _ in bobs}
    assert len(tags) == 3, "each phone is a dialog of its own"
    bobs[1].reply(invites[1], 200)
    assert call.final().status == 200
    bobs[1].request("ACK", call_id=call.call_id)
    for n in (0, 2):
        cancelled(bobs[n], invites[n])
    call.dialog.ask("BYE", bobs[1])[1].expect(200)
    quick.wait_reasons("call.answered", "call.ended", call_id=call.call_id)
    assert not alice.wait(lambda m: m.status == 487, deadline=0.1)


def test_two_answer_at_once(quick, bobs, phones):
    """Both are calls: the caller hears of both, and can end the one it does not want."""
    alice = phones(quick, "alice")
    call = alice.call("bob")
    invites = ring(call, bobs)
    oks = [bobs[n].reply(invites[n], 200) for n in (0, 1)]
    answers = [alice.final(call.invite).expect(200) for _ in oks]
    dialogs = {a.tag("To"): sip.Dialog.of_caller(alice, call.invite, a) for a in answers}
    assert set(dialogs) == {ok.tag("To") for ok in oks}
    for n in (0, 1):
        dialog = dialogs[oks[n].tag("To")]
        dialog.ack()
        ack = bobs[n].request("ACK", call_id=call.call_id)
        assert ack.tag("To") == oks[n].tag("To"), "each ACK reaches its own phone"
        dialog.ask("BYE", bobs[n])[1].expect(200)
    for n in (0, 1):  # who answered before the CANCEL came says so
        cancel = bobs[n].wait(lambda m: m.method == "CANCEL", deadline=0.05)
        if cancel:
            bobs[n].reply(cancel, 481)
    cancelled(bobs[2], invites[2])


def test_all_refuse(quick, bobs, phones):
    """One answer, once all have failed; what tells more wins."""
    alice = phones(quick, "alice")
    call = alice.call("bob")
    invites = ring(call, bobs)
    for n, status in enumerate((486, 302, 480)):
        bobs[n].reply(invites[n], status)
        bobs[n].request("ACK", call_id=call.call_id)
    assert call.final().status == 302
    quick.wait_event("call.failed", call_id=call.call_id)


def test_decline_everywhere(quick, bobs, phones):
    """6xx ends the search at once; the others are cancelled and their 487 is not what the caller gets."""
    alice = phones(quick, "alice")
    call = alice.call("bob")
    invites = ring(call, bobs)
    bobs[0].reply(invites[0], 603)
    for n in (1, 2):
        cancelled(bobs[n], invites[n])
    assert call.final().status == 603


def test_an_answer_that_crosses_a_decline(quick, bobs, phones):
    alice = phones(quick, "alice")
    call = alice.call("bob")
    invites = ring(call, bobs)
    bobs[0].reply(invites[0], 603)
    cancelled(bobs[1], invites[1])
    cancel = bobs[2].request("CANCEL", call_id=call.call_id)
    bobs[2].reply(invites[2], 200)
    bobs[2].reply(cancel, 481)
    assert call.final().status == 200
    bobs[2].request("ACK", call_id=call.call_id)
    call.dialog.ask("BYE", bobs[2])[1].expect(200)


def test_the_caller_gives_up(quick, bobs, phones):
    alice = phones(quick, "alice")
    call = alice.call("bob")
    invites = ring(call, bobs)
    call.response(180)
    call.cancel().expect(200)
    for bob, invite in zip(bobs, invites):
        cancelled(bob, invite)
    assert call.final().status == 487
    quick.wait_event("call.cancelled", call_id=call.call_id)
    assert len(quick.events(event="call", call_id=call.call_id)) == 1


def test_one_phone_is_gone(quick, bobs, phones):
    """A dead phone keeps nobody from answering, nor the caller from giving up."""
    alice = phones(quick, "alice")
    bobs[0].close()
    call = alice.call("bob")
    invites = ring(call, bobs[1:])
    call.response(180)
    bobs[2].reply(invites[1], 200)
    assert call.final().status == 200
    bobs[2].request("ACK", call_id=call.call_id)
    cancelled(bobs[1], invites[0])
    call = alice.call("bob")
    for bob, invite in zip(bobs[1:], ring(call, bobs[1:], None)):
        bob.reply(invite, 486)
        bob.request("ACK", call_id=call.call_id)
    assert call.final().status == 486


def test_the_caller_gives_up_before_anyone_answers(quick, bobs, phones):
    alice = phones(quick, "alice")
    call = alice.call("bob")
    invites = ring(call, bobs, None)
    call.cancel().expect(200)
    bobs[0].reply(invites[0], 180)
    cancelled(bobs[0], invites[0])
    bobs[1].reply(invites[1], 486)
    bobs[1].request("ACK", call_id=call.call_id)
    bobs[2].reply(invites[2], 487)
    bobs[2].request("ACK", call_id=call.call_id)
    assert call.final().status in (486, 487)


def test_challenges_of_all_phones_come_together(quick, bobs, phones):
    """RFC 3261 §16.7 step 7."""
    alice = phones(quick, "alice")
    call = alice.call("bob")
    invites = ring(call, bobs, None)
    for n, (bob, invite) in enumerate(zip(bobs, invites)):
        bob.reply(invite, 401 if n else 407, headers=[
            f'{"WWW" if n else "Proxy"}-Authenticate: Digest realm="phone{n}", nonce="n{n}", qop="auth"'])
    answer = call.final()
    assert answer.status in (401, 407)
    assert {f"phone{n}" for n in range(3)} == {v.split('realm="')[1].split('"')[0] for name in
                                               ("WWW-Authenticate", "Proxy-Authenticate") for v in answer.all(name)}


def test_a_message_to_all_phones(quick, bobs, phones):
    """Not an INVITE: the first good answer counts, nothing is cancelled."""
    alice = phones(quick, "alice")
    alice.ask("OPTIONS", "sip:example.com").expect(200)
    line = alice.credentials("MESSAGE", "sip:bob@example.com")
    sent = alice.send(alice.message("MESSAGE", "sip:bob@example.com", body="hello",
                                    headers=["Content-Type: text/plain", line]))
    got = [bob.request("MESSAGE", call_id=sent.call_id) for bob in bobs]
    assert {m.body for m in got} == {b"hello"}
    bobs[0].reply(got[0], 486)
    bobs[1].reply(got[1], 200)
    alice.final(sent).expect(200)
    bobs[2].reply(got[2], 200)
    assert alice.wait(lambda m: m.method == "MESSAGE", deadline=0.1) is None


def test_many_phones(edge, phone, phones):
    """As many as an account may have; more than there are branches are not all called, and nothing breaks."""
    rf = edge(workers=2, sip=FAST, registrar={"max_contacts": 20})
    bobs = []
    for _ in range(20):
        bobs.append(phone(rf, "bob"))
        bobs[-1].register().expect(200)
    alice = phones(rf, "alice")
    call = alice.call("bob")
    until(lambda: rf.status()["counters"]["forwarded.requests"] == 16, "16 branches")
    rung = [(bob, bob.wait(lambda m: m.method == "INVITE", deadline=0.1)) for bob in bobs]
    rung = [(bob, invite) for bob, invite in rung if invite]
    assert len(rung) == 16
    for bob, invite in rung:
        bob.reply(invite, 180)
    bob, invite = rung[7]
    bob.reply(invite, 200)
    assert call.final().status == 200
    for other, invite in rung:
        if other is not bob:
            cancelled(other, invite)
    until(lambda: rf.status()["transactions"]["now"] == 0, "the end of all transactions")
