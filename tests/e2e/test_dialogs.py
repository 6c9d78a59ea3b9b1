# SPDX-License-Identifier: MIT
"""Everything that may happen within a dialog, both ways, and with loss."""
import random

import pytest

import sip
from daemon import until

WAYS = [("udp", "udp"), ("tcp", "udp"), ("udp", "tcp")]


@pytest.fixture(params=WAYS, ids="-".join)
def ends(request, edge, phones):
    """(daemon, alice, bob, alice's dialog, bob's dialog) of a call that is up; two workers."""
    rf = edge(workers=2)
    alice, bob = phones(rf, "alice", transport=request.param[0]), phones(rf, "bob", transport=request.param[1])
    a, b = sip.connect(alice, bob)
    return rf, alice, bob, a, b


def reinvite(dialog, other_dialog, direction, answer):
    """A new offer and its answer; returns what the other side received."""
    ua, other = dialog.ua, other_dialog.ua
    type_ = ["Content-Type: application/sdp"]
    ua.nonce = None  # so that it is challenged
    sent, got = dialog.deliver("INVITE", other, headers=type_, body=sip.sdp(direction, n=3))
    other.reply(got, 200, headers=type_, body=sip.sdp(answer, n=4))
    ok = ua.final(sent).expect(200)
    assert other.wait(lambda m: m.method == "ACK", deadline=0) is None, "the ACK of our own 407 ends with us"
    assert f"a={answer}".encode() in ok.body
    dialog.ack()
    ack = other.request("ACK", call_id=dialog.call_id)
    assert ack.cseq[0] == got.cseq[0]
    return got


def test_hold_and_resume_from_both_ends(ends):
    rf, alice, bob, a, b = ends
    for dialog, other in ((a, b), (b, a)):
        got = reinvite(dialog, other, "sendonly", "recvonly")
        assert b"a=sendonly" in got.body
        assert not got.all("Record-Route"), "a dialog keeps the route that it has"
        assert b"a=sendrecv" in reinvite(dialog, other, "sendrecv", "sendrecv").body
    a.ask("BYE", bob)[1].expect(200)
    # Only the beginning and the end are the call's: what is between is not another call.
    rf.wait_event("call.ended", call_id=a.call_id)
    assert len(rf.events(reason="call.start", call_id=a.call_id)) == 1
    assert len(rf.events(reason="call.answered", call_id=a.call_id)) == 1


@pytest.mark.parametrize("method, headers, body", [
    ("UPDATE", ["Content-Type: application/sdp"], sip.sdp(n=5)),
    ("INFO", ["Content-Type: application/dtmf-relay"], "Signal=5\r\nDuration=160\r\n"),
    ("REFER", ["Refer-To: <sip:carol@example.com>", "Referred-By: <sip:alice@example.com>"], ""),
    ("NOTIFY", ["Event: refer", "Subscription-State: active", "Content-Type: message/sipfrag"], "SIP/2.0 100 Trying\r\n"),
    ("MESSAGE", ["Content-Type: text/plain"], "h\u00e9llo"),
    ("OPTIONS", [], ""),
    ("FROBNICATE", ["Content-Type: application/octet-stream", "X-Unknown: \u00fc;;;=,\"open"], "bin\0ary")])
def test_requests_both_ways(ends, method, headers, body):
    rf, alice, bob, a, b = ends
    for dialog, other in ((a, bob), (b, alice)):
        got, r = dialog.ask(method, other, status=202, headers=headers, body=body,
                            answer=["X-Answer: yes"], answer_body="done")
        assert got is not None, repr(r)
        assert got.body == body.encode() and got.uri == other.contact
        for line in headers:
            assert line in repr(got)
        assert r.status == 202 and r.get("X-Answer") == "yes" and r.body == b"done"
    b.ask("BYE", alice)[1].expect(200)


def test_prack(edge, workers, phones):
    """100rel: the PRACK goes the way of the dialog that the 183 began (RFC 3262)."""
    rf = edge(workers=workers)
    alice, bob = phones(rf, "alice", "bob")
    call = alice.call("bob", headers=["Supported: 100rel"])
    invite = bob.invite()
    assert invite.get("Supported") == "100rel"
    early = bob.reply(invite, 183, headers=["Require: 100rel", "RSeq: 7", f"Contact: <{bob.contact}>"])
    progress = call.response(183)
    assert progress.get("RSeq") == "7" and progress.get("Require") == "100rel"
    dialog = sip.Dialog.of_caller(alice, call.invite, progress)
    got, r = dialog.ask("PRACK", bob, headers=[f"RAck: 7 {call.invite.cseq[0]} INVITE"])
    assert got.get("RAck") == f"7 {call.invite.cseq[0]} INVITE" and got.tag("To") == early.tag("To")
    r.expect(200)
    # UPDATE in the early dialog, from the callee.
    back = sip.Dialog.of_callee(bob, invite, early)
    back.ask("UPDATE", alice, headers=["Content-Type: application/sdp"], body=sip.sdp())[1].expect(200)
    bob.reply(invite, 200)
    assert call.final().tag("To") == early.tag("To")
    bob.request("ACK")
    call.dialog.cseq = dialog.cseq
    call.dialog.ask("BYE", bob)[1].expect(200)


def test_message_outside_of_a_dialog(rf, phones):
    alice, bob = phones(rf, "alice"), phones(rf, "bob", transport="tcp")
    for one, other in ((alice, bob), (bob, alice)):
        one.ask("OPTIONS", "sip:example.com").expect(200)
        line = one.credentials("MESSAGE", other.aor)
        sent = one.send(one.message("MESSAGE", other.aor, headers=["Content-Type: text/plain", line], body="hi"))
        got = other.request("MESSAGE")
        assert got.body == b"hi" and not got.all("Record-Route")
        other.reply(got, 200)
        one.final(sent).expect(200)
        rf.wait_event("route.forwarded", call_id=sent.call_id)


def test_subscribe_and_notify(rf, phones):
    """The NOTIFY comes back the way the SUBSCRIBE went."""
    alice, bob = phones(rf, "alice", "bob")
    alice.ask("OPTIONS", "sip:example.com").expect(200)
    line = alice.credentials("SUBSCRIBE", bob.aor)
    sent = alice.send(alice.message("SUBSCRIBE", bob.aor, headers=["Event: presence", "Expires: 600", line]))
    got = bob.request("SUBSCRIBE")
    assert len(got.routes("Record-Route")) == 1
    ok = bob.reply(got, 200, headers=["Expires: 600"])
    alice.final(sent).expect(200)
    subscription = sip.Dialog.of_callee(bob, got, ok)
    for state in ("active;expires=600", "terminated;reason=timeout"):
        notify, r = subscription.ask("NOTIFY", alice, headers=["Event: presence", f"Subscription-State: {state}"])
        assert notify.get("Subscription-State") == state and r.status == 200
    mine = sip.Dialog.of_caller(alice, sent, ok)
    mine.ask("SUBSCRIBE", bob, headers=["Event: presence", "Expires: 0"])[1].expect(200)


def test_a_dialog_without_its_route(rf, phones):
    """RFC 3261 §12.2.1.1 wants the route set; who drops it is not let through to wherever it likes."""
    alice, bob = phones(rf, "alice", "bob")
    a, _ = sip.connect(alice, bob)
    a.routes = []
    for target, status in ((bob.contact, (403, 481)), (bob.aor, (481,))):
        a.target = target
        sent, got = a.deliver("BYE", bob)
        assert got is None
        alice.final(sent).expect(*status)
    rf.wait_event("route.dialog-unknown", call_id=a.call_id)


def test_a_strict_router_before_us(rf, phones):
    """RFC 3261 §16.4 and §16.12.1.1: it put our Record-Route into the Request-URI and the target last."""
    alice, bob = phones(rf, "alice", "bob")
    a, b = sip.connect(alice, bob)
    for dialog, other in ((a, bob), (b, alice)):
        uri = dialog.routes[0].strip("<>")
        target, dialog.target = dialog.target, uri
        routes, dialog.routes = dialog.routes, [f"<{target}>"]
        got, r = dialog.ask("INFO", other)
        assert got is not None and got.uri == target and not got.all("Route")
        r.expect(200)
        dialog.target, dialog.routes = target, routes
    a.ask("BYE", bob)[1].expect(200)


def test_routes_behind_ours_stay(rf, phones):
    """Another proxy recorded itself behind us: its Route goes on with the request."""
    alice, bob = phones(rf, "alice", "bob")
    a, _ = sip.connect(alice, bob)
    a.routes += ["<sip:next.example;lr>", "<sip:other.example;lr>"]
    got, r = a.ask("INFO", bob)
    assert got.routes("Route") == ["<sip:next.example;lr>", "<sip:other.example;lr>"] and r.status == 200
    a.routes = [", ".join(a.routes)]
    got, r = a.ask("INFO", bob)
    assert got.routes("Route") == ["<sip:next.example;lr>", "<sip:other.example;lr>"] and r.status == 200


class Lossy:
    """Drops a fixed share of what a phone sends and of what it receives; always the same ones."""

    def __init__(self, wire, share, seed):
        self.wire, self.share, self.random = wire, share, random.Random(seed)
        self.lost = 0

    def __getattr__(self, name):
        return getattr(self.wire, name)

    def _loses(self):
        lost = self.random.random() < self.share
        self.lost += lost
        return lost

    def send(self, data, to=None):
        if not self._loses():
            self.wire.send(data, to)

    def receive(self, deadline):
        while True:
            m = self.wire.receive(deadline)
            if m is None or not self._loses():
                return m


def insist(action, heard, what):
    """Sends again until it is heard: what a phone's own timers do."""
    def attempt():
        action()
        return heard()
    return until(attempt, what)


@pytest.mark.parametrize("seed", range(4))
def test_calls_over_a_lossy_network(edge, phones, seed):
    """A third of all datagrams are lost on both sides; every call still comes and goes once."""
    rf = edge(workers=2, sip={"t1": "20ms", "t2": "80ms", "t4": "40ms"})
    alice, bob = phones(rf, "alice", "bob")
    alice.ask("OPTIONS", "sip:example.com").expect(200)
    alice.wire, bob.wire = Lossy(alice.wire, 0.3, seed), Lossy(bob.wire, 0.3, seed + 100)
    line = alice.credentials("INVITE", bob.aor)
    invite = sip.Message(alice.message("INVITE", bob.aor, headers=[line]))
    hear = 0.03
    got = insist(lambda: alice.send(invite),
                 lambda: bob.wait(lambda m: m.method == "INVITE" and not m.is_response, deadline=hear), "the INVITE")
    ok = sip.Message(bob.reply(got, 200).raw)
    answer = insist(lambda: bob.send(ok),
                    lambda: alice.wait(lambda m: m.status == 200 and m.method == "INVITE", deadline=hear), "the 200")
    dialog = sip.Dialog.of_caller(alice, invite, answer)
    insist(dialog.ack, lambda: bob.wait(lambda m: m.method == "ACK", deadline=hear), "the ACK")
    bye = sip.Message(dialog.message("BYE", headers=[alice.credentials("BYE", dialog.target)]))
    got = insist(lambda: alice.send(bye),
                 lambda: bob.wait(lambda m: m.method == "BYE" and not m.is_response, deadline=hear), "the BYE")
    done = bob.reply(got, 200)
    insist(lambda: (alice.send(bye), bob.send(done)),
           lambda: alice.wait(lambda m: m.status == 200 and m.method == "BYE", deadline=hear), "the end")
    assert alice.wire.lost + bob.wire.lost > 0
    rf.wait_event("call.ended", call_id=invite.call_id)
    for reason in ("call.start", "call.answered", "call.ended"):
        assert len(rf.events(reason=reason, call_id=invite.call_id)) == 1, reason
    until(lambda: rf.status()["transactions"]["now"] == 0, "the end of all transactions")


def test_what_is_sent_again_is_answered_again(rf, phones):
    """Retransmissions are absorbed: the phone hears of each request once, the caller gets the same answer."""
    alice, bob = phones(rf, "alice", "bob")
    call = alice.call("bob")
    invite = bob.invite()
    bob.reply(invite, 183)
    first = call.response(183)
    alice.send(call.invite)
    assert call.response(183).raw == first.raw
    ok = bob.reply(invite, 200)
    assert call.final(ack=False).status == 200
    for _ in range(3):  # the phone has not seen an ACK yet
        bob.send(ok)
        assert alice.final(call.invite).status == 200
    call.dialog.ack()
    ack = bob.request("ACK")
    alice.send(call.dialog.last_ack)
    assert bob.request("ACK").branch == ack.branch, "the ACK sent again takes the same branch"
    sent, bye = call.dialog.deliver("BYE", bob)
    alice.send(sent)
    bob.reply(bye, 200)
    first = alice.final(sent)
    for _ in range(3):
        alice.send(sent)
        assert alice.final(sent).raw == first.raw
    assert bob.hears_nothing(0.2)


def test_a_refusal_is_sent_again_until_it_is_acknowledged(edge, phones):
    rf = edge(sip={"t1": "20ms", "t2": "80ms", "t4": "40ms"})
    alice, bob = phones(rf, "alice", "bob")
    call = alice.call("bob")
    bob.reply(bob.invite(), 486)
    for _ in range(4):
        assert call.final(ack=False).status == 486
    alice.ack_failure(call.invite, call.final(ack=False))
    until(lambda: rf.status()["transactions"]["now"] == 0, "the end of all transactions")
