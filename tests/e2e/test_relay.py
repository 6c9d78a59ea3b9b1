# SPDX-License-Identifier: MIT
"""Trunks and servers behind the edge, and that nobody else is carried: there is no open relay."""
import pytest

import sip
from daemon import until

TRUNK, PBX1, PBX2 = "127.0.0.9", "127.0.0.10", "127.0.0.11"


@pytest.fixture
def site(edge, workers, phone):
    """A daemon with a trunk and a PBX with a stand-in, all of them ours to play."""
    def at(ip, transport="udp"):
        return phone(rf, "trunk", ip=ip, transport=transport, domain="carrier.example",
                     server=("127.0.0.1", rf.port) if transport == "tcp" else None)

    rf = edge(start=False, workers=workers, sip={"t1": "20ms", "t2": "80ms", "t4": "40ms"})
    trunk, pbx1, pbx2 = at(TRUNK), at(PBX1), at(PBX2)
    rf.write_config(
        peers={"trunk": {"zone": "public", "sources": [TRUNK], "target": f"sip:{TRUNK}:{trunk.port}"}},
        upstreams={"pbx": {"zone": "public", "targets": [
            f"sip:{PBX1}:{pbx1.port}", {"uri": f"sip:{PBX2}:{pbx2.port}", "backup": True}]}},
        routes=[{"match": "+*", "to": "trunk"}, {"match": "9*", "to": "pbx"}])
    rf.start()
    return rf, trunk, pbx1, pbx2


def hang_up(dialog, other):
    got, r = dialog.ask("BYE", other)
    assert got is not None and r.status == 200, repr(r)


def test_a_call_to_the_trunk(site, phones):
    rf, trunk, _, _ = site
    alice = phones(rf, "alice")
    call = alice.call("+4930123456")
    invite = trunk.invite()
    assert invite.uri == f"sip:+4930123456@{TRUNK}:{trunk.port}"
    assert not invite.all("Proxy-Authorization")
    ok = trunk.reply(invite, 200)
    call.final().expect(200)
    trunk.request("ACK")
    # Either side ends it; the trunk is asked for no password.
    hang_up(sip.Dialog.of_callee(trunk, invite, ok), alice)
    rf.wait_reasons("call.start", "call.answered", "call.ended", call_id=call.call_id)


def test_a_trunk_that_sends_from_another_port(site, phone, phones):
    """It names the port at which it listens in its Via, and asks for no other (RFC 3261 §18.2.2)."""
    rf, trunk, _, _ = site
    bob = phones(rf, "bob")
    sender = phone(rf, "trunk", ip=TRUNK, domain="carrier.example")
    via = f"Via: SIP/2.0/UDP {trunk.host};branch={sip.branch()}"
    invite = trunk.message("INVITE", "sip:bob@example.com", via=via)
    sender.send(invite)
    sent = sip.Message(invite)
    assert trunk.response(sent).status == 100
    got = bob.invite(call_id=sent.call_id)
    ok = bob.reply(got, 200)
    trunk.final(sent).expect(200)
    hang_up(sip.Dialog.of_callee(bob, got, ok), trunk)
    # So are answers of our own, and that to a CANCEL.
    for method, status in (("CANCEL", 481), ("OPTIONS", 200)):
        text = trunk.message(method, "sip:example.com", via=f"Via: SIP/2.0/UDP {trunk.host};branch={sip.branch()}")
        sender.send(text)
        trunk.final(sip.Message(text)).expect(status)
    assert sender.hears_nothing(0.1)


@pytest.mark.parametrize("to", ["<sip:bob@example.com>", "<sip:+49555@carrier.example>"])
def test_a_call_from_the_trunk(site, phones, to):
    """Who was called by a number of the trunk's can hang up, too, though From is not its account then."""
    rf, trunk, _, _ = site
    bob = phones(rf, "bob")
    call = trunk.call("bob", uri="sip:bob@example.com", to_header=to, challenge=False)
    assert call.invite.all("Proxy-Authorization") == [], "a trunk is not challenged"
    invite = bob.invite()
    ok = bob.reply(invite, 200)
    call.final().expect(200)
    bob.request("ACK")
    back = sip.Dialog.of_callee(bob, invite, ok)
    got, r = back.ask("INFO", trunk)
    assert got is not None and r.status == 200
    hang_up(back, trunk)


def test_a_login_inside_a_dialog_must_still_be_one(site, phones):
    rf, trunk, _, _ = site
    bob = phones(rf, "bob")
    call = trunk.call("bob", uri="sip:bob@example.com", challenge=False)
    invite = bob.invite()
    ok = bob.reply(invite, 200)
    call.final().expect(200)
    bob.request("ACK")
    back = sip.Dialog.of_callee(bob, invite, ok)
    bob.password = "wrong"
    sent = back.send("BYE", authenticate=False)
    bob.nonce, bob.nc = bob.final(sent).expect(407).challenge(), 0
    sent = back.send("BYE", authenticate=False, headers=[bob.credentials("BYE", back.target, password="wrong")])
    bob.final(sent).expect(407)
    rf.wait_event("auth.bad-password", call_id=sent.call_id)
    assert trunk.wait(lambda m: m.method == "BYE", deadline=0.1) is None


def test_the_stand_in_is_asked_when_the_first_does_not_serve(site, phones):
    rf, _, pbx1, pbx2 = site
    alice = phones(rf, "alice")
    # In order.
    call = alice.call("911")
    pbx1.reply(pbx1.invite(), 200)
    call.final().expect(200)
    assert pbx2.hears_nothing(0.1)
    # 503: the next one.
    call = alice.call("912")
    pbx1.reply(pbx1.invite(call_id=call.call_id), 503)
    invite = pbx2.invite(call_id=call.call_id)
    assert invite.uri == f"sip:912@{PBX2}:{pbx2.port}"
    pbx2.reply(invite, 200)
    call.final().expect(200)
    # A refusal is an answer.
    call = alice.call("913")
    pbx1.reply(pbx1.invite(call_id=call.call_id), 486)
    assert call.final().status == 486
    assert pbx2.wait(lambda m: m.call_id == call.call_id, deadline=0.1) is None
    # Both are down.
    call = alice.call("914")
    pbx1.reply(pbx1.invite(call_id=call.call_id), 503)
    pbx2.reply(pbx2.invite(call_id=call.call_id), 503)
    assert call.final().status == 500
    until(lambda: rf.status()["transactions"]["now"] == 0, "the end of all transactions")


def test_the_stand_in_is_asked_when_the_first_is_dead(site, phones):
    rf, _, pbx1, pbx2 = site
    alice = phones(rf, "alice")
    pbx1.close()
    call = alice.call("911")
    pbx2.reply(pbx2.invite(), 200)
    call.final().expect(200)
    pbx2.request("ACK")
    hang_up(call.dialog, pbx2)


def test_the_caller_gives_up_before_the_stand_in_is_asked(site, phones):
    rf, _, pbx1, pbx2 = site
    alice = phones(rf, "alice")
    call = alice.call("911")
    invite = pbx1.invite()
    pbx1.reply(invite, 180)
    call.response(180)
    call.cancel().expect(200)
    pbx1.reply(pbx1.request("CANCEL"), 200)
    pbx1.reply(invite, 503)
    call.final().expect(487, 500)
    assert pbx2.hears_nothing(0.1)


def test_a_server_over_tcp_and_one_that_does_not_listen(edge, workers, phone, phones):
    """We connect to it, use the connection again, and go to the stand-in when nobody listens."""
    import socket
    with socket.create_server((PBX1, 0)) as listener, socket.create_server((PBX2, 0)) as gone:
        dead = gone.getsockname()[1]
        gone.close()
        rf = edge(workers=workers, routes=[{"match": "9*", "to": "pbx"}], upstreams={"pbx": {
            "zone": "public", "targets": [f"sip:{PBX2}:{dead};transport=tcp",
                                          f"sip:{PBX1}:{listener.getsockname()[1]};transport=tcp"]}})
        alice = phones(rf, "alice")
        calls = [alice.call(f"91{n}") for n in range(2)]
        listener.settimeout(30)
        pbx = phone(rf, "pbx", ip=PBX1)
        pbx.wire.close()
        pbx.wire = sip.Tcp(None, PBX1, connection=listener.accept()[0])
        pbx.contact = f"sip:pbx@{PBX1}:{listener.getsockname()[1]};transport=tcp"
        for call in calls:
            invite = pbx.invite(call_id=call.call_id)
            assert invite.get("Via").startswith("SIP/2.0/TCP")
            pbx.reply(invite, 200)
            call.final().expect(200)
            pbx.request("ACK", call_id=call.call_id)
            hang_up(call.dialog, pbx)
        rf.wait_event("transport.connect-failed")
        assert rf.status()["counters"]["connections.opened"] >= 1


def test_a_loop_between_us_and_a_server(site, phones):
    """What went out comes back unchanged: it ends with 482 instead of going round."""
    rf, trunk, _, _ = site
    alice = phones(rf, "alice")
    call = alice.call("+49301")
    laps = 0
    while True:
        invite = trunk.wait(lambda m: m.method == "INVITE" and not m.is_response, deadline=5)
        assert invite, "neither 482 nor another lap"
        laps += 1
        hops = int(invite.get("Max-Forwards"))
        back = invite.raw.replace(invite.start.encode(), b"INVITE sip:+49301@example.com SIP/2.0", 1)
        back = back.replace(f"Max-Forwards: {hops}".encode(), f"Max-Forwards: {hops - 1}".encode(), 1)
        sent = trunk.send(back.replace(b"\r\n", f"\r\nVia: SIP/2.0/UDP {trunk.host};rport;branch={sip.branch()}\r\n"
                                       .encode(), 1))
        r = trunk.response(sent, [100, 482])
        if r.status == 482:
            break
        assert laps < 4
    rf.wait_event("check.loop", call_id=call.call_id)


FOREIGN = [
    "sip:x@elsewhere.example", "sip:x@192.0.2.1", "sip:x@[2001:db8::1]:5060", "sip:x@127.0.0.1:9", "sip:127.0.0.66:5060",
    "sip:x@example.com.elsewhere.example", "sip:x@elsewhere.example;maddr=127.0.0.1", "sip:x%40example.com@elsewhere.example",
    "sip:bob@example.com@elsewhere.example", "sip:elsewhere.example", "sip:alice:pw@elsewhere.example",
]


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_foreign_targets(site, phones, method):
    rf, trunk, _, _ = site
    alice = phones(rf, "alice")
    for uri in FOREIGN:
        r = alice.ask(method, uri, to="<sip:x@example.com>")
        assert r.status in (400, 403), repr(r)
        # A peer gets no further than its routes, either.
        sent = trunk.send(trunk.message(method, uri))
        assert trunk.final(sent).status in (400, 403), uri
    assert rf.status()["counters"]["forwarded.requests"] == 0


def test_maddr_does_not_send_us_elsewhere(site, phones, phone):
    """The user is ours, maddr names another: we go to the phone that is registered."""
    rf = site[0]
    alice, bob = phones(rf, "alice", "bob")
    third = phone(rf, "x", ip="127.0.0.66", port=0)
    call = alice.call("x", uri=f"sip:bob@example.com;maddr=127.0.0.66:{third.port}")
    assert call.final().status in (400, 403) or bob.invite()
    call = alice.call("x", uri="sip:bob@example.com;maddr=127.0.0.66")
    bob.reply(bob.invite(call_id=call.call_id), 486)
    assert call.final().status == 486
    assert third.hears_nothing(0.1)


@pytest.mark.parametrize("user", ["alice", "trunk"])
def test_a_route_to_a_third_host(site, phone, phones, user):
    """Nobody makes us, or the server behind us, send to where it likes."""
    rf, trunk, pbx1, _ = site
    ua = trunk if user == "trunk" else phones(rf, "alice")
    victim = phone(rf, "victim", ip="127.0.0.66")
    third = f"sip:127.0.0.66:{victim.port};lr"
    for routes in ([f"<{third}>"], [f"<sip:127.0.0.1:{rf.port};lr>", f"<{third}>"],
                   [f"<sip:127.0.0.1:{rf.port};lr>, <{third}>"], [f"<sip:example.com;lr>,<{third}>"],
                   [f"<{third}>", f"<sip:127.0.0.1:{rf.port};lr>"]):
        for uri in ("sip:911@example.com", "sip:bob@example.com", "sip:x@elsewhere.example"):
            r = ua.ask("MESSAGE", uri, routes=routes)
            assert r.status == 403, (routes, uri, repr(r))
            rf.wait_event("route.relay-denied", call_id=r.call_id)
    assert pbx1.hears_nothing(0.1)
    assert victim.hears_nothing(0.1)


def test_a_preloaded_route_to_us_is_fine(site, phones):
    """As phones with an outbound proxy send it."""
    rf, _, pbx1, _ = site
    alice, bob = phones(rf, "alice", "bob")
    for route in (f"<sip:127.0.0.1:{rf.port};lr>", f"<sip:127.0.0.1:{rf.port};lr;transport=udp>", "<sip:example.com;lr>"):
        call = alice.call("bob", routes=[route])
        invite = bob.invite(call_id=call.call_id)
        assert not invite.all("Route")
        bob.reply(invite, 486)
        assert call.final().status == 486


def forge(text):
    """The same token with one letter in its middle changed."""
    at = len(text) // 2
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1:]


def test_a_forged_route(site, phones, phone):
    """Our route tokens are sealed: none can be made or altered, whoever sends it."""
    rf, trunk, _, _ = site
    alice, bob = phones(rf, "alice", "bob")
    a, b = sip.connect(alice, bob)
    token = a.routes[0].partition("sip:")[2].partition("@")[0]
    forged = [forge(token), token[:-1], token + "A", "A" * len(token), token[:20], "x", token.swapcase()]
    genuine = a.routes
    for text in forged:
        a.routes = [genuine[0].replace(token, text)]
        sent, got = a.deliver("INFO", bob)
        assert got is None, text
        alice.final(sent).expect(403)
        rf.wait_event("route.forged-flow", call_id=a.call_id, port=alice.port)
    # A genuine one behind a forged one is no better.
    a.routes = [genuine[0].replace(token, forge(token)), genuine[0]]
    sent, got = a.deliver("INFO", bob)
    assert got is None and alice.final(sent).status == 403
    # ... nor does an ACK get through with one.
    a.routes = [genuine[0].replace(token, forge(token))]
    a.ack()
    assert bob.hears_nothing(0.1)
    a.routes = genuine
    hang_up(a, bob)


def test_a_stolen_route_needs_a_login(site, phones, phone):
    """Who overheard a route can still do nothing without an account."""
    rf = site[0]
    alice, bob = phones(rf, "alice", "bob")
    a, _ = sip.connect(alice, bob)
    stranger = phone(rf, "alice", ip="127.0.0.2", password="guess")
    stranger.send(a.message("BYE"))
    rf.wait_event("auth.challenge", ip="127.0.0.2")
    assert bob.hears_nothing(0.1)
    # An account of another dialog: the tags say that it is not for it.
    carol = phones(rf, "carol")
    theirs = sip.Dialog(carol, a.call_id, f"<{carol.aor}>;tag=carol", "<sip:bob@example.com>;tag=x", a.target, a.routes, 1)
    sent, got = theirs.deliver("BYE", bob)
    assert got is None and carol.final(sent).status == 403
    rf.wait_event("route.forged-flow", port=carol.port)


def test_strangers_get_nowhere(site, phone):
    rf, trunk, pbx1, _ = site
    stranger = phone(rf, "mallory", ip="127.0.0.3")
    for uri in ("sip:+4930123@example.com", "sip:911@example.com", "sip:+4930123@127.0.0.1", f"sip:911@127.0.0.1:{rf.port}",
                f"sip:+49301@{TRUNK}:{trunk.port}", "tel:+4930123"):
        for method in ("INVITE", "MESSAGE", "OPTIONS", "SUBSCRIBE", "BYE"):
            sent = stranger.send(stranger.message(method, uri))
            assert stranger.final(sent).status in (403, 407, 416), (method, uri)
    assert trunk.hears_nothing(0.1) and pbx1.hears_nothing(0.1)


def test_a_peer_only_by_its_address(site, phone, phones):
    """The trunk's name in From helps nobody; its address in a Via neither."""
    rf, trunk, _, _ = site
    bob = phones(rf, "bob")
    stranger = phone(rf, "trunk", ip="127.0.0.3", domain="carrier.example")
    for via in (None, f"Via: SIP/2.0/UDP {TRUNK}:{trunk.port};rport;branch={sip.branch()}"):
        sent = stranger.send(stranger.message("INVITE", "sip:bob@example.com", via=via))
        stranger.final(sent).expect(407)
    assert bob.hears_nothing(0.1)
