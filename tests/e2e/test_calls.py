# SPDX-License-Identifier: MIT
"""Calls between two accounts, seen from both ends: what is sent on, what is answered, what is refused,
and the event for each."""
import pytest

import sip
from daemon import IPV6, until

WAYS = [("udp", "127.0.0.1", "udp", "127.0.0.1"), ("udp", "127.0.0.1", "tcp", "127.0.0.1"),
        ("tcp", "127.0.0.1", "udp", "127.0.0.1"), ("tcp", "127.0.0.1", "tcp", "127.0.0.1")]
if IPV6:
    WAYS += [("udp", "::1", "udp", "::1"), ("udp", "127.0.0.1", "udp", "::1"), ("tcp", "::1", "udp", "127.0.0.1"),
             ("tcp", "127.0.0.1", "tcp", "::1")]


@pytest.mark.parametrize("way", WAYS, ids=lambda w: "-".join(w).replace("127.0.0.1", "v4").replace("::1", "v6"))
@pytest.mark.parametrize("who_ends", ["caller", "callee"])
def test_a_call_over_every_pair_of_transports(rf, phones, way, who_ends):
    alice = phones(rf, "alice", transport=way[0], ip=way[1])
    bob = phones(rf, "bob", transport=way[2], ip=way[3])
    call = alice.call("bob")
    invite = bob.invite()
    assert invite.uri == bob.contact
    assert invite.get("Max-Forwards") == "69"
    assert invite.body == call.invite.body
    assert not invite.all("Proxy-Authorization"), "credentials for us go no further"
    routes = invite.routes("Record-Route")
    # One listener on the way: one Record-Route; two: one for each side, so that both can reach us.
    assert len(routes) == (1 if way[:2] == way[2:] else 2)
    assert (";transport=tcp" in routes[0]) == (way[2] == "tcp")
    assert (";transport=tcp" in routes[-1]) == (way[0] == "tcp")
    assert len(invite.all("Via")) == 2
    bob.reply(invite, 180)
    call.response(180)
    ok = bob.reply(invite, 200, headers=["Content-Type: application/sdp"], body=sip.sdp(n=2))
    answer = call.final()
    assert answer.status == 200 and answer.body == ok.body
    assert len(answer.all("Via")) == 1
    ack = bob.request("ACK")
    assert ack.uri == bob.contact and not ack.all("Route")
    ends = call.dialog, sip.Dialog.of_callee(bob, invite, ok)
    dialog, other = (ends[0], bob) if who_ends == "caller" else (ends[1], alice)
    bye, end = dialog.ask("BYE", other)
    end.expect(200)
    assert not bye.all("Route") and not bye.all("Proxy-Authorization")
    rf.wait_reasons("call.start", "call.answered", call_id=call.call_id, account="alice@example.com")
    rf.wait_event("call.ended", call_id=call.call_id, account=f"{dialog.ua.user}@example.com")


def test_cancel_before_the_answer(rf, phones):
    alice, bob = phones(rf, "alice", "bob")
    call = alice.call("bob")
    invite = bob.invite()
    bob.reply(invite, 180)
    call.response(180)
    call.cancel().expect(200)
    cancel = bob.request("CANCEL")
    assert cancel.branch == invite.branch and cancel.cseq[0] == invite.cseq[0]
    assert cancel.uri == invite.uri
    bob.reply(cancel, 200)
    bob.reply(invite, 487)
    assert bob.request("ACK").branch == invite.branch
    assert call.final().status == 487
    rf.wait_event("call.cancelled", call_id=call.call_id)
    assert not rf.events(reason="call.failed")


def test_cancel_before_the_phone_said_anything(rf, phones):
    """It cannot be passed on before a provisional response came (RFC 3261 §9.1)."""
    alice, bob = phones(rf, "alice", "bob")
    call = alice.call("bob")
    invite = bob.invite()
    call.cancel().expect(200)
    assert bob.wait(lambda m: m.method == "CANCEL", deadline=0.3) is None
    bob.reply(invite, 180)
    bob.reply(bob.request("CANCEL"), 200)
    bob.reply(invite, 487)
    assert call.final().status == 487
    rf.wait_event("call.cancelled", call_id=call.call_id)


def test_cancel_and_answer_cross(rf, phones):
    """The phone answers while the CANCEL is under way: the caller hears of the call and can end it."""
    alice, bob = phones(rf, "alice", "bob")
    call = alice.call("bob")
    invite = bob.invite()
    bob.reply(invite, 180)
    call.response(180)
    call.cancel().expect(200)
    cancel = bob.request("CANCEL")
    ok = bob.reply(invite, 200)
    bob.reply(cancel, 481)
    assert call.final().status == 200
    bob.request("ACK")
    call.dialog.ask("BYE", bob)[1].expect(200)
    rf.wait_reasons("call.answered", "call.ended", call_id=call.call_id)
    assert ok.tag("To")


def test_cancel_of_nothing(rf, phones):
    alice, bob = phones(rf, "alice", "bob")
    call = alice.call("bob")
    invite = bob.invite()
    bob.reply(invite, 200)
    call.final().expect(200)
    bob.request("ACK")
    sent = alice.send(alice.message("CANCEL", "sip:bob@example.com", contact=None))
    alice.final(sent).expect(481)
    rf.wait_event("txn.stray-cancel", call_id=sent.call_id)
    # After the answer there is nothing to cancel: the call stays up.
    call.cancel().expect(200, 481)
    assert bob.wait(lambda m: m.method == "CANCEL", deadline=0.2) is None
    call.dialog.ask("BYE", bob)[1].expect(200)


def test_cancel_from_another_address_is_not_heard(rf, phones, phone):
    alice, bob = phones(rf, "alice", "bob")
    call = alice.call("bob")
    invite = bob.invite()
    bob.reply(invite, 180)
    mallory = phone(rf, "alice", ip="127.0.0.2")
    i = call.invite
    sent = mallory.send(mallory.message("CANCEL", i.uri, via=f"Via: {i.get('Via')}", to=i.get("To"),
                                        from_=i.get("From"), call_id=i.call_id, cseq=i.cseq[0], contact=None))
    mallory.final(sent).expect(481)
    assert bob.wait(lambda m: m.method == "CANCEL", deadline=0.2) is None
    bob.reply(invite, 200)
    call.final().expect(200)


@pytest.mark.parametrize("status", [486, 600, 603, 404, 488, 302, 500, 403])
def test_the_phone_refuses(rf, phones, status):
    alice, bob = phones(rf, "alice", "bob")
    call = alice.call("bob")
    invite = bob.invite()
    bob.reply(invite, status, headers=["X-Why: because"])
    assert bob.request("ACK").branch == invite.branch
    answer = call.final()
    assert answer.status == status and answer.get("X-Why") == "because"
    rf.wait_event("call.failed", call_id=call.call_id)


def test_503_of_a_phone_becomes_500(rf, phones):
    """RFC 3261 §16.7 step 6: it says nothing about the edge as a whole."""
    alice, bob = phones(rf, "alice", "bob")
    call = alice.call("bob")
    bob.reply(bob.invite(), 503, headers=["Retry-After: 3600"])
    bob.request("ACK")
    assert call.final().status == 500


def test_nobody_picks_up(edge, phones):
    """Timer C."""
    rf = edge(sip={"t1": "50ms", "timer_c": "1s"})
    alice, bob = phones(rf, "alice", "bob")
    call = alice.call("bob")
    invite = bob.invite()
    bob.reply(invite, 180)
    call.response(180)
    bob.reply(bob.request("CANCEL"), 200)
    bob.reply(invite, 487)
    answer = call.final()
    assert answer.status in (408, 487)
    until(lambda: rf.events(reason="call.failed") + rf.events(reason="call.cancelled"), "the end of the call")


def test_nobody_is_there(edge, workers, phones):
    """Timer B: the phone is registered but does not answer at all. Nothing is left of it."""
    rf = edge(workers=workers, sip={"t1": "20ms", "t4": "40ms"})
    alice, bob = phones(rf, "alice", "bob")
    call = alice.call("bob")
    times = 0
    assert call.final().status == 408
    while bob.wait(lambda m: m.method == "INVITE", deadline=0):
        times += 1
    assert times >= 4, "it was sent again and again"
    rf.wait_event("call.failed", call_id=call.call_id)
    until(lambda: rf.status()["transactions"]["now"] == 0, "no transaction")


def test_a_request_that_nobody_answers(edge, phones):
    """RFC 4320: no 408 to a request that is not an INVITE; the client has given up itself by then."""
    rf = edge(sip={"t1": "20ms", "t2": "80ms", "t4": "40ms"})
    alice, bob = phones(rf, "alice", "bob")
    sent = alice.send(alice.message("MESSAGE", "sip:bob@example.com", body="hi", headers=["Content-Type: text/plain"]))
    c = alice.final(sent).challenge()
    sent = alice.send(alice.message("MESSAGE", "sip:bob@example.com", body="hi", headers=[
        "Content-Type: text/plain", alice.credentials("MESSAGE", "sip:bob@example.com", c)]))
    bob.request("MESSAGE")
    until(lambda: rf.status()["transactions"]["now"] == 0, "no transaction")
    assert alice.wait(lambda m: m.status != 100, deadline=0.1) is None


def test_unregistered_unknown_and_foreign(rf, phones, phone):
    alice = phones(rf, "alice")
    for to, status, reason in [("sip:bob@example.com", 480, "route.unregistered"),
                               ("sip:nobody@example.com", 404, "route.not-found"),
                               ("sip:someone@elsewhere.example", 403, "route.relay-denied"),
                               ("sips:bob@example.com", 416, "check.uri-scheme"),
                               ("mailto:bob@example.com", 416, "check.uri-scheme")]:
        call = alice.call("x", uri=to)
        assert call.final().status == status, to
        rf.wait_event(reason, call_id=call.call_id, status=status)
    # A stranger learns nothing of who exists: all are challenged alike.
    stranger = phone(rf, "mallory")
    for to in ("sip:bob@example.com", "sip:alice@example.com", "sip:nobody@example.com"):
        sent = stranger.send(stranger.message("INVITE", to))
        stranger.final(sent).expect(407)


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE", "OPTIONS", "BYE"])
def test_no_hops_left(rf, phones, method):
    alice, bob = phones(rf, "alice", "bob")
    sent = alice.send(alice.message(method, "sip:bob@example.com", max_forwards=0))
    alice.final(sent).expect(483)
    rf.wait_event("check.max-forwards", call_id=sent.call_id)
    assert bob.hears_nothing(0.1)


def test_no_hops_left_inside_a_dialog(rf, phones):
    """The contact has no user part, as SIPp's and many trunks' have not."""
    alice, bob = phones(rf, "alice", "bob")
    bob.contact = f"sip:{bob.host}"
    call = alice.call("bob")
    invite = bob.invite()
    bob.reply(invite, 200)
    call.final().expect(200)
    bob.request("ACK")
    sent = call.dialog.send("INFO", max_forwards=0)
    alice.final(sent).expect(483)
    assert bob.hears_nothing(0.1)
    got, r = call.dialog.ask("INFO", bob, max_forwards=1)
    assert got.get("Max-Forwards") == "0" and r.status == 200


def test_a_request_without_max_forwards(edge, phones):
    rf = edge(sip={"max_forwards": 33})
    alice, bob = phones(rf, "alice", "bob")
    call = alice.call("bob", max_forwards=None)
    assert bob.invite().get("Max-Forwards") == "33"
    assert call.call_id


def test_options_to_the_edge_needs_no_hops(rf, phones):
    alice = phones(rf, "alice")
    alice.ask("OPTIONS", "sip:example.com", max_forwards=0).expect(200)


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_an_extension_that_the_edge_would_have_to_know(rf, phones, method):
    alice, bob = phones(rf, "alice", "bob")
    sent = alice.send(alice.message(method, "sip:bob@example.com", headers=["Proxy-Require: foo", "Require: bar"]))
    r = alice.final(sent).expect(420)
    assert r.get("Unsupported") == "foo"
    rf.wait_event("check.require", call_id=sent.call_id)
    assert bob.hears_nothing(0.1)


@pytest.mark.parametrize("mode", ["enforce", "observe", "off"])
def test_check_in_each_mode(edge, phones, mode):
    rf = edge(controls={"check": {"mode": mode}})
    alice, bob = phones(rf, "alice", "bob")
    call = alice.call("bob", headers=["Proxy-Require: foo"], challenge=mode != "enforce")
    if mode == "enforce":
        assert call.final().expect(420).get("Unsupported") == "foo"
    else:
        bob.reply(bob.invite(call_id=call.call_id), 486)
        call.final().expect(486)

    def of_check():
        return next(c for c in rf.status()["controls"] if c["name"] == "check")
    if mode == "observe":
        assert rf.wait_event("check.require", call_id=call.call_id)["mode"] == "observe"
        until(lambda: of_check()["would"] >= 1, "a verdict that was only observed")
    else:
        assert of_check()["would"] == 0
        assert bool(rf.events(reason="check.require", call_id=call.call_id)) == (mode == "enforce")


def test_require_is_the_phones_business(rf, phones):
    alice, bob = phones(rf, "alice", "bob")
    call = alice.call("bob", headers=["Require: foo"])
    invite = bob.invite()
    assert invite.get("Require") == "foo"
    bob.reply(invite, 420, headers=["Unsupported: foo"])
    assert call.final().get("Unsupported") == "foo"


def test_breadth(rf, phones, phone):
    """RFC 5393: no more branches than the request may still have; what goes on is divided among them."""
    alice = phones(rf, "alice")
    bobs = [phone(rf, "bob") for _ in range(3)]
    for n, bob in enumerate(bobs):
        bob.register().expect(200)
    call = alice.call("bob", headers=["Max-Breadth: 2"])
    assert call.final().status == 440
    rf.wait_event("check.max-breadth", call_id=call.call_id)
    call = alice.call("bob", headers=["Max-Breadth: 9"])
    for bob in bobs:
        invite = bob.invite(call_id=call.call_id)
        assert invite.get("Max-Breadth") == "3"
        bob.reply(invite, 486)
    assert call.final().status == 486
    call = alice.call("bob")
    for bob in bobs:
        invite = bob.invite(call_id=call.call_id)
        assert invite.get("Max-Breadth") == "20"
        bob.reply(invite, 486)
    assert call.final().status == 486


def test_strays_are_dropped_and_counted(rf, phones):
    alice, bob = phones(rf, "alice", "bob")
    before = rf.status()["counters"]
    ack = alice.send(alice.message("ACK", "sip:bob@example.com", to="<sip:bob@example.com>;tag=none"))
    rf.wait_event("txn.stray-ack", call_id=ack.call_id)
    alice.send(f"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:{rf.port};branch={sip.branch()}\r\n"
               f"Via: SIP/2.0/UDP {bob.host};branch={sip.branch()}\r\nFrom: <{alice.aor}>;tag=1\r\n"
               f"To: <{bob.aor}>;tag=2\r\nCall-ID: stray-response\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n")
    rf.wait_event("txn.stray-response", call_id="stray-response")
    assert bob.hears_nothing(0.1) and alice.hears_nothing(0.1)
    after = rf.status()["counters"]
    assert after["stray.ack"] == before["stray.ack"] + 1
    assert after["stray.response"] == before["stray.response"] + 1


@pytest.mark.parametrize("first", ["sip/2.0 200 OK", "\r\nSIP/2.0 200 OK", "\r\n\r\nSIP/2.0 407 No", "SIP/2.0 100 Trying"])
def test_a_response_is_never_taken_for_a_request(rf, phones, first):
    alice = phones(rf, "alice")
    alice.wire.send((f"{first}\r\nVia: SIP/2.0/UDP {alice.host};branch={sip.branch()}\r\nTo: <{alice.aor}>;tag=2\r\n"
                     f"From: <{alice.aor}>;tag=1\r\nCall-ID: odd-response\r\nCSeq: 1 INVITE\r\n"
                     "Content-Length: 0\r\n\r\n").encode())
    rf.wait_event("txn.stray-response", call_id="odd-response")
    assert not rf.events(reason="auth.challenge", call_id="odd-response")
    assert alice.hears_nothing(0.1)


def test_a_phone_behind_nat(rf, phones):
    """Its Contact is an address that nobody can reach; the flow that it registered by can be."""
    alice, bob = phones(rf, "alice"), phones(rf, "bob", contact="sip:bob@192.0.2.77:5060")
    alice.contact = "sip:alice@198.51.100.9:5062"
    call = alice.call("bob")
    invite = bob.invite()
    assert invite.uri == "sip:bob@192.0.2.77:5060"
    ok = bob.reply(invite, 200)
    call.final().expect(200)
    assert bob.request("ACK").uri == bob.contact
    back = sip.Dialog.of_callee(bob, invite, ok)
    got, r = back.ask("INFO", alice)
    assert got.uri == alice.contact and r.status == 200
    back.ask("BYE", alice)[1].expect(200)


def test_answers_go_to_where_the_request_came_from(rf, phone):
    """RFC 3581; also for those who do not ask for it (docs/decisions/0006-answers.md)."""
    alice = phone(rf, "alice")
    for host in ("192.0.2.1:9", "nat.invalid:9", "127.0.0.1:9"):
        for rport in (";rport", ""):
            via = f"Via: SIP/2.0/UDP {host}{rport};branch={sip.branch()}"
            sent = alice.send(alice.message("OPTIONS", "sip:example.com", via=via))
            r = alice.final(sent).expect(407)
            assert (f"rport={alice.port}" in r.get("Via")) == bool(rport)
            assert ("received=127.0.0.1" in r.get("Via")) == (bool(rport) or host != "127.0.0.1:9")


def test_one_that_knows_no_branches(rf, phones):
    """A client of RFC 2543: no branch, or one without the magic cookie (RFC 3261 §17.2.3)."""
    alice, bob = phones(rf, "alice", "bob")
    for old in ("", ";branch=1"):
        call = alice.call("bob", challenge=False, via=f"Via: SIP/2.0/UDP {alice.host};rport{old}", cseq=1)
        r = alice.receive(lambda m: m.is_response and m.status == 407 and m.call_id == call.call_id)
        alice.send(alice.message("ACK", call.uri, via=f"Via: SIP/2.0/UDP {alice.host};rport{old}", to=r.get("To"),
                                 call_id=call.call_id, cseq=1))
        line = alice.credentials("INVITE", call.uri, r.challenge())
        invite = alice.message("INVITE", call.uri, via=f"Via: SIP/2.0/UDP {alice.host};rport{old}", cseq=2,
                               call_id=call.call_id, headers=[line])
        for _ in range(3):  # retransmissions are known as such
            alice.send(invite)
        got = bob.invite(call_id=call.call_id)
        bob.reply(got, 180)
        alice.receive(lambda m: m.status == 180)
        alice.send(invite)
        alice.receive(lambda m: m.status == 180)
        assert bob.hears_nothing(0.1)
        # CANCEL finds it.
        alice.send(alice.message("CANCEL", call.uri, via=f"Via: SIP/2.0/UDP {alice.host};rport{old}", cseq=2,
                                 call_id=call.call_id, contact=None))
        alice.receive(lambda m: m.method == "CANCEL" and m.status == 200)
        bob.reply(bob.request("CANCEL"), 200)
        bob.reply(got, 487)
        bob.request("ACK")
        alice.receive(lambda m: m.status == 487 and m.method == "INVITE")
        alice.kept.clear()
