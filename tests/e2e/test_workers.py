# SPDX-License-Identifier: MIT
"""Two workers: what belongs together meets, whichever of them the kernel gives it to; and nothing is
left behind by many calls of every kind."""
import pytest

import sip
from daemon import until

MANY = 16  # sockets: that all of them fall to one of two workers does not happen


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_responses_from_any_port(edge, phone, phones, transport):
    """A phone that answers from other ports than it was called at: each 200 finds its call."""
    rf = edge(workers=2)
    alice, bob = phones(rf, "alice"), phones(rf, "bob")
    others = [phone(rf, "bob", transport=transport) for _ in range(MANY)]
    for other in others:
        call = alice.call("bob")
        invite = bob.invite(call_id=call.call_id)
        other.reply(invite, 180, contact=bob.contact)
        call.response(180)
        other.reply(invite, 200, contact=bob.contact)
        call.final().expect(200)
        bob.request("ACK", call_id=call.call_id)
        call.dialog.ask("BYE", bob)[1].expect(200)
    assert rf.status()["counters"]["mailbox.posted"] > 0


def test_cancel_from_any_port(edge, phone, phones):
    """A NAT gave the caller another port between INVITE and CANCEL."""
    rf = edge(workers=2)
    alice, bob = phones(rf, "alice"), phones(rf, "bob")
    for _ in range(MANY):
        call = alice.call("bob")
        invite = bob.invite(call_id=call.call_id)
        bob.reply(invite, 180)
        call.response(180)
        moved = phone(rf, "alice")
        i = call.invite
        cancel = moved.send(moved.message("CANCEL", i.uri, via=f"Via: {i.get('Via')}", to=i.get("To"),
                                          from_=i.get("From"), call_id=i.call_id, cseq=i.cseq[0], contact=None))
        moved.final(cancel).expect(200)
        bob.reply(bob.request("CANCEL", call_id=call.call_id), 200)
        bob.reply(invite, 487)
        assert call.final().status == 487
    stray = moved.send(moved.message("CANCEL", "sip:bob@example.com", contact=None))
    moved.final(stray).expect(481)
    assert rf.status()["counters"]["mailbox.posted"] > 0


def test_connections_of_both_workers(edge, phone, phones):
    """Phones on TCP, on either worker, call each other both ways and end it from both sides."""
    rf = edge(workers=2, tcp={"connections_per_source": 64})
    pairs = [(phones(rf, "alice", transport="tcp"), phone(rf, "bob", transport="tcp")) for _ in range(MANY // 2)]
    for alice, bob in pairs:
        bob.register().expect(200)
        a, b = sip.connect(alice, bob)
        a.ask("INFO", bob)[1].expect(200)
        b.ask("INFO", alice)[1].expect(200)
        b.ask("BYE", alice)[1].expect(200)
        bob.register(expires=0).expect(200)
    assert rf.status()["counters"]["mailbox.posted"] > 0


def test_nothing_is_left(edge, workers, phones):
    """More calls of each kind than there is room for: all that they took is given back."""
    rf = edge(workers=workers, sip={"t1": "10ms", "t2": "20ms", "t4": "10ms", "transactions": 256})
    alice, bob = phones(rf, "alice"), phones(rf, "bob", transport="tcp")
    for n in range(120):
        if n % 15 == 0:  # what is over still waits for retransmissions, a moment
            until(lambda: rf.status()["transactions"]["now"] == 0, "the end of all transactions")
        a, _ = sip.connect(alice, bob)
        a.ask("BYE", bob)[1].expect(200)
        call = alice.call("bob")
        bob.reply(bob.invite(call_id=call.call_id), 486)
        assert call.final().status == 486
        call = alice.call("bob")
        invite = bob.invite(call_id=call.call_id)
        bob.reply(invite, 180)
        call.response(180)
        call.cancel().expect(200)
        bob.reply(bob.request("CANCEL", call_id=call.call_id), 200)
        bob.reply(invite, 487)
        assert call.final().status == 487
        alice.kept.clear(), bob.kept.clear()
    status = until(lambda: (s := rf.status()) and s["transactions"]["now"] == 0 and s, "the end of all transactions")
    assert status["counters"]["transactions.full"] == 0
    assert status["counters"]["transactions.memory"] < 100_000, "only what belongs to open connections"
