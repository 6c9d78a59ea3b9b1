# SPDX-License-Identifier: MIT
"""REGISTER on the live daemon (RFC 3261 §10)."""
import re

import pytest

import sip
from baresip import Baresip
from daemon import DEADLINE, IPV6, free_port
from sipp import register as sipp_register

AOR = "<sip:alice@example.com>"
ALGORITHMS = {"controls": {"auth": {"algorithms": ["SHA-512-256", "SHA-256", "MD5"]}}}


def contacts(response):
    """{URI: parameters} of the Contacts of a 200."""
    out = {}
    for value in response.all("Contact"):
        for uri, params in re.findall(r"<([^>]*)>((?:;[^,]*)?)", value):
            out[uri] = sip.parse_params(params.replace(";", ","))
    return out


def remote(ua):
    return f"{sip.bracketed(ua.ip)}:{ua.port}"


@pytest.mark.parametrize("ip", ["127.0.0.1", pytest.param("::1", marks=pytest.mark.skipif(
    not IPV6, reason="this machine has no IPv6 loopback"))])
@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "SHA-512-256"])
def test_each_algorithm_and_transport(edge, phone, algorithm, transport, ip):
    rf = edge(**ALGORITHMS)
    ua = phone(rf, "alice", transport=transport, ip=ip, algorithm=algorithm)
    r = ua.register(expires=300).expect(200)
    assert list(contacts(r)) == [ua.contact]
    assert 290 <= int(contacts(r)[ua.contact]["expires"]) <= 300
    event = rf.wait_event("registrar.registered", account="alice@example.com")
    assert event["source"] == {"ip": ip, "port": ua.port, "transport": transport, "zone": "public", "proven": True,
                               "spare": True}
    assert event["status"] == 200 and event["verdict"] == "pass"
    challenge = rf.wait_event("auth.challenge", port=ua.port)
    assert challenge["verdict"] == "challenge" and challenge["status"] == 401
    [binding] = rf.registrations()
    assert binding["source"] == remote(ua) and binding["contact"] == ua.contact


def test_the_offered_algorithms_stand_in_the_configured_order(edge, phone):
    rf = edge(**ALGORITHMS)
    ua = phone(rf)
    r = ua.final(ua.send(ua.message("REGISTER", "sip:example.com", to=AOR)))
    offered = [sip.parse_params(v.partition(" ")[2])["algorithm"] for v in r.all("WWW-Authenticate")]
    assert offered == ALGORITHMS["controls"]["auth"]["algorithms"]


def test_sipp_and_baresip_register(rf):
    port = free_port()
    sipp_register(rf, "bob", port)
    carol = Baresip(rf, "carol", transport="tcp")
    carol.wait_registered()
    rf.wait_event("registrar.registered", account="bob@example.com")
    event = rf.wait_event("registrar.registered", account="carol@example.com")
    assert event["source"]["transport"] == "tcp"


def test_two_contacts_refresh_and_unregister(rf, phone):
    one, two = phone(rf, "alice"), phone(rf, "alice")
    one.register().expect(200)
    r = two.register().expect(200)
    assert set(contacts(r)) == {one.contact, two.contact}
    r = one.register().expect(200)
    assert set(contacts(r)) == {one.contact, two.contact}
    rf.wait_event("registrar.refreshed")
    r = one.register(expires=0).expect(200)
    assert set(contacts(r)) == {two.contact}
    rf.wait_event("registrar.removed")
    assert [b["contact"] for b in rf.registrations()] == [two.contact]


def test_two_contacts_in_one_request(rf, phone):
    ua = phone(rf)
    r = ua.register(contact="<sip:alice@127.0.0.1:7001>;q=0.3, <sip:alice@127.0.0.1:7002>;expires=100;q=0.8")
    got = contacts(r.expect(200))
    assert set(got) == {"sip:alice@127.0.0.1:7001", "sip:alice@127.0.0.1:7002"}
    assert int(got["sip:alice@127.0.0.1:7002"]["expires"]) <= 100
    assert float(got["sip:alice@127.0.0.1:7001"]["q"]) == 0.3


def test_star_removes_all(rf, phone):
    one, two = phone(rf, "alice"), phone(rf, "alice")
    one.register().expect(200)
    two.register().expect(200)
    r = two.register(contact="*", expires=0).expect(200)
    assert contacts(r) == {}
    rf.wait_event("registrar.removed")
    assert rf.registrations() == []


def test_fetch_changes_nothing(rf, phone):
    ua = phone(rf)
    ua.register().expect(200)
    before = rf.registrations()
    r = ua.ask("REGISTER", "sip:example.com", to=AOR, contact=None, call_id=ua.register_id).expect(200)
    assert list(contacts(r)) == [ua.contact]
    rf.wait_event("registrar.fetched")
    assert [b["cseq"] for b in rf.registrations()] == [b["cseq"] for b in before]


def test_bindings_run_out(edge, phone):
    rf = edge(registrar={"min_expires": "1s", "max_bindings": 64})
    gone, stays = phone(rf, "alice"), phone(rf, "bob")
    stays.register().expect(200)
    gone.register(contact=f"<{gone.contact}>;expires=1, <sip:alice@127.0.0.1:7001>").expect(200)
    event = rf.wait_event("registrar.expired", account="alice@example.com")
    assert event["event"] == "registration" and event["source"]["port"] == gone.port
    assert event["evidence"]["value"] == gone.contact
    assert {b["contact"] for b in rf.registrations()} == {stays.contact, "sip:alice@127.0.0.1:7001"}
    assert rf.status()["counters"]["registrations.expired"] == 1
    assert len(rf.events(reason="registrar.expired")) == 1


def test_too_brief_is_told_the_minimum(edge, phone):
    rf = edge(registrar={"min_expires": "60s"})
    ua = phone(rf)
    r = ua.register(expires=59).expect(423)
    assert r.get("Min-Expires") == "60"
    assert rf.wait_event("registrar.too-brief")["evidence"]["threshold"] == 60
    ua.register(expires=60).expect(200)
    ua.register(expires=0).expect(200)  # not brief: gone


def test_too_long_is_shortened(edge, phone):
    rf = edge(registrar={"max_expires": "100s", "default_expires": "50s"})
    ua = phone(rf)
    r = ua.register(expires=99999).expect(200)
    assert 95 <= int(contacts(r)[ua.contact]["expires"]) <= 100
    r = ua.register(expires=None).expect(200)
    assert 45 <= int(contacts(r)[ua.contact]["expires"]) <= 50


def test_too_many_contacts(edge, phone):
    rf = edge(registrar={"max_contacts": 2})
    ua = phone(rf)
    for port in (7001, 7002):
        ua.register(contact=f"sip:alice@127.0.0.1:{port}", call_id=sip.token()).expect(200)
    r = ua.register(contact="sip:alice@127.0.0.1:7003", call_id=sip.token()).expect(403)
    assert not r.all("Contact")
    rf.wait_event("registrar.too-many-contacts")
    ua.register(contact="sip:alice@127.0.0.1:7002", call_id=sip.token()).expect(200)  # one of the two, again
    assert len(rf.registrations()) == 2


@pytest.mark.parametrize("contact, expires, reason", [
    ("<mailto:alice@example.com>", 300, "registrar.bad-contact"),
    ("*", 300, "registrar.bad-contact"),
    ("*, <sip:alice@127.0.0.1:7001>", 0, None),
    ("<sip:alice@127.0.0.1:7001", 300, None),
    ("<sip:" + "a" * 1500 + "@127.0.0.1>", 300, None),
    ("<sip:alice@127.0.0.1:99999>", 300, None),
], ids=["scheme", "star without zero", "star with another", "open bracket", "long", "port"])
def test_bad_contacts(edge, phone, contact, expires, reason):
    rf = edge()
    ua = phone(rf)
    ua.register(contact=contact, expires=expires).expect(400)
    if reason:
        rf.wait_event(reason)
    assert rf.registrations() == []
    ua.register().expect(200)


@pytest.mark.parametrize("more, called", [
    ("?Subject=x&Route=%3Csip:evil%3E", ""), (";transport=udp;method=BYE", ";transport=udp")], ids=["headers", "method"])
def test_what_may_not_stand_in_a_request_uri_is_left_out(edge, phone, phones, more, called):
    """RFC 3261 §16.5, §19.1.1."""
    rf = edge()
    alice, bob = phones(rf, "alice"), phone(rf, "bob")
    bob.register(contact=f"<{bob.contact}{more}>").expect(200)
    call = alice.call("bob")
    invite = bob.invite(call_id=call.call_id)
    assert invite.uri == bob.contact + called
    bob.reply(invite, 486)
    call.final().expect(486)


def test_a_contact_that_is_us_would_loop(edge, phone):
    rf = edge()
    ua = phone(rf)
    for host in (f"127.0.0.1:{rf.port}", "example.com"):
        ua.register(contact=f"sip:alice@{host}").expect(403)
    rf.wait_event("registrar.own-contact", n=2)
    assert rf.registrations() == []


def test_path_is_kept_and_used(rf, phones, phone):
    """A proxy between us and the phone: calls go through it (RFC 3327)."""
    proxy, alice = phone(rf, "bob"), phones(rf, "alice")
    path = f"<sip:{proxy.host};lr>"
    r = proxy.register(contact="sip:bob@192.0.2.1:5060", headers=["Supported: path", f"Path: {path}"]).expect(200)
    assert r.routes("Path") == [path]
    call = alice.call("bob")
    invite = proxy.invite()
    assert invite.routes("Route") == [path]
    assert invite.uri == "sip:bob@192.0.2.1:5060"
    proxy.reply(invite, 486)
    call.final().expect(486)


def test_path_without_support_is_not_kept(edge, phones, phone):
    """The phone was not told of the server on the way, so it is not put on the way (RFC 3327 §5.3)."""
    rf = edge()
    bob, alice = phone(rf, "bob"), phones(rf, "alice")
    r = bob.register(headers=["Path: <sip:127.0.0.9;lr>"]).expect(200)
    assert not r.all("Path")
    call = alice.call("bob")
    invite = bob.invite()
    assert not invite.routes("Route")
    bob.reply(invite, 486)
    call.final().expect(486)


def test_out_of_order_changes_nothing(edge, phone):
    rf = edge()
    ua = phone(rf)
    ua.register(cseq=100).expect(200)
    ua.register(cseq=50, expires=0).expect(500)
    rf.wait_event("registrar.out-of-order")
    assert [b["contact"] for b in rf.registrations()] == [ua.contact]


def test_an_identical_datagram_gets_its_answer_again(rf, phone):
    """UDP repeats; the repeated login is not a replay."""
    ua = phone(rf)
    r = ua.register().expect(200)
    for _ in range(3):
        ua.send(r.sent)
        again = ua.final(r.sent).expect(200)
        assert list(contacts(again)) == [ua.contact]
    assert not rf.events(reason="auth.replay")
    assert len(rf.registrations()) == 1


def test_the_table_has_an_end(edge, phone):
    rf = edge(registrar={"max_bindings": 16, "max_contacts": 64})
    ua = phone(rf)
    statuses = [ua.register(contact=f"sip:alice@127.0.0.1:{7000 + i}", call_id=sip.token()).status
                for i in range(20)]
    assert 200 in statuses and 503 in statuses
    assert statuses == sorted(statuses), "a full table stays full"
    rf.wait_event("registrar.full")
    bound = len(rf.registrations())
    ua.register(contact="sip:alice@127.0.0.1:7000", call_id=sip.token()).expect(200)  # those in it are served
    assert len(rf.registrations()) == bound


def test_register_for_others_domains_is_refused(edge, phone):
    rf = edge()
    ua = phone(rf)
    r = ua.ask("REGISTER", "sip:other.example", to="<sip:alice@other.example>", headers=["Expires: 300"])
    r.expect(403, 404)
    assert rf.registrations() == []


def test_keepalives_hold_the_way_open(edge, phone, workers):
    """From the very address that the phone registered at, also after a restart; none over TCP."""
    rf = edge(workers=workers, registrar={"keepalive": "5s"})
    phones = [phone(rf, "alice") for _ in range(3)] + [phone(rf, "bob", ip="::1")] * IPV6
    tcp = phone(rf, "carol", transport="tcp")
    for ua in [*phones, tcp]:
        ua.register().expect(200)
    rf.restart()
    for ua in phones:
        ua.wire.socket.settimeout(DEADLINE)
        data, source = ua.wire.socket.recvfrom(64)
        assert data == b"\r\n\r\n" and source[:2] == ua.wire.server


def test_no_keepalives_unless_wanted(edge, phones, phone):
    """Counted over the time that another edge takes for one."""
    quiet, busy = edge(), edge(registrar={"keepalive": "5s"})
    ua, other = phones(quiet, "alice"), phones(busy, "alice")
    other.wire.socket.settimeout(DEADLINE)
    other.wire.socket.recv(64)
    ua.wire.socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        ua.wire.socket.recv(64)
