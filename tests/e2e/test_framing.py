# SPDX-License-Identifier: MIT
"""Streams: messages cut and joined in every way are understood; what could be cut in two ways is not."""
import socket
import time

import pytest

import sip
from daemon import until


def test_split_at_every_byte(rf, phone):
    """Two messages, cut once, at each place."""
    alice = phone(rf, "alice", transport="tcp")
    first = alice.message("OPTIONS", "sip:example.com", headers=["Content-Type: text/plain"], body="two\r\n\r\nlines")
    for cut in range(1, len(first)):
        sent = [sip.Message(first), sip.Message(alice.message("OPTIONS", "sip:example.com"))]
        data = sent[0].raw + sent[1].raw
        alice.wire.send(data[:cut])
        if cut % 16 == 0:
            time.sleep(0.001)  # now and then really a segment of its own
        alice.wire.send(data[cut:])
        for message in sent:
            alice.final(message).expect(407)
    assert rf.status()["connections"]["now"] == 1


def test_a_byte_at_a_time(rf, phone):
    alice = phone(rf, "alice", transport="tcp")
    sent = sip.Message(alice.message("OPTIONS", "sip:example.com", headers=["Content-Type: a/b"], body="x" * 20))
    for byte in sent.raw:
        alice.wire.send(bytes([byte]))
    alice.final(sent).expect(407)


def test_many_messages_in_a_segment(rf, phone):
    alice = phone(rf, "alice", transport="tcp")
    sent = [sip.Message(alice.message("OPTIONS", "sip:example.com")) for _ in range(50)]
    alice.wire.send(b"\r\n".join(m.raw for m in sent))
    for message in sent:
        alice.final(message).expect(407)


def test_a_large_message_and_one_behind_it(rf, phones):
    alice, bob = phones(rf, "alice", transport="tcp"), phones(rf, "bob", transport="tcp")
    alice.ask("OPTIONS", "sip:example.com").expect(200)
    body = "0123456789abcdef" * 3500
    line = alice.credentials("MESSAGE", bob.aor)
    sent = alice.send(alice.message("MESSAGE", bob.aor, headers=["Content-Type: text/plain", line], body=body))
    after = alice.send(alice.message("OPTIONS", "sip:example.com"))
    got = bob.request("MESSAGE")
    assert got.body == body.encode()
    bob.reply(got, 200)
    alice.final(sent).expect(200)
    alice.final(after).expect(407)


CONFUSING = [
    "Content-Length: -5", "Content-Length: +0", "Content-Length: 0x0", "Content-Length: 5, 0", "Content-Length: 0 5",
    "Content-Length:", "Content-Length: 00000000000000000000000000000000000000000000000000000000000000000000000000005x",
    "Content-Length: 4294967297", "Content-Length: 18446744073709551616", "Content-Length: 70000",
    "Content-Length: 0\r\nContent-Length: 99", "Content-Length: 0\r\nl: 99", "l: 0\r\nl: 99", "L: 99\r\ncontent-length: 0",
    "Content-Length: 0\r\nContent-Length: 0", "Content-Length: \xb2", "Content-Length: 1e1", "Content-Length: 0;x=1",
    "X: no length at all", "X: a\rContent-Length: 0", "Content-Length\0: 0",
]


def test_lengths_that_could_be_read_in_two_ways(edge, phones, phone):
    """The request that is hidden behind is never seen, and the connection is closed."""
    rf = edge(workers=2, tcp={"message": "300ms"})
    for lines in CONFUSING:
        eve = phone(rf, "eve", transport="tcp")
        hidden = eve.message("OPTIONS", "sip:example.com", call_id="hidden")
        outer = eve.message("OPTIONS", "sip:example.com", call_id="outer").decode()
        eve.wire.send(outer.replace("Content-Length: 0", lines).encode("latin-1") + hidden)
        assert eve.wire.is_closed(), lines
        rf.wait_event("transport.framing", port=eve.port)
    # ... and everyone else goes on.
    phones(rf, "alice", transport="tcp").ask("OPTIONS", "sip:example.com").expect(200)
    assert not rf.events(call_id="hidden")


def test_one_that_never_ends_its_headers(edge, phone):
    rf = edge(tcp={"message": "30s"})
    eve = phone(rf, "eve", transport="tcp")
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        eve.wire.send(b"OPTIONS sip:example.com SIP/2.0\r\n")
        for n in range(100000):
            eve.wire.send(f"X-{n}: {'a' * 500}\r\n".encode())
    rf.wait_event("transport.framing", port=eve.port)
    assert rf.status()["connections"]["now"] == 0


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + b"\1" * 300,
                                  b"\0" * 64, b"SSH-2.0-OpenSSH\r\n\r\n"], ids=["http", "tls", "nul", "ssh"])
def test_other_protocols(rf, phone, data):
    eve = phone(rf, "eve", transport="tcp")
    eve.wire.send(data)
    assert eve.wire.is_closed()
    rf.wait_event("transport.framing", port=eve.port)
    assert eve.wire.buffer == b"", "no answer, nothing to learn"


def test_who_says_nothing(edge, phone):
    rf = edge(tcp={"first_message": "300ms"})
    silent, slow, pinger = (phone(rf, "eve", transport="tcp") for _ in range(3))
    slow.wire.send(b"OPTIONS sip:exam")
    pinger.wire.send(b"\r\n\r\n")
    for ua in (silent, slow, pinger):
        assert ua.wire.is_closed()
        rf.wait_event("transport.first-message", port=ua.port)


def test_who_does_not_finish_a_message(edge, phone):
    """After a good one: a message in the making has its own deadline."""
    rf = edge(tcp={"message": "300ms"})
    eve = phone(rf, "eve", transport="tcp")
    eve.final(eve.send(eve.message("OPTIONS", "sip:example.com"))).expect(407)
    eve.wire.send(b"OPTIONS sip:exam")
    assert eve.wire.is_closed()
    rf.wait_event("transport.message-timeout", port=eve.port)


def test_who_is_idle(edge, phone):
    rf = edge(tcp={"idle": "1s"})
    alice = phone(rf, "alice", transport="tcp")
    alice.final(alice.send(alice.message("OPTIONS", "sip:example.com"))).expect(407)
    assert alice.wire.is_closed()
    rf.wait_event("transport.idle", port=alice.port)


def test_connections_of_one_source_are_capped(edge, workers, phone):
    rf = edge(workers=workers, tcp={"connections_per_source": 5})
    good = [phone(rf, "alice", transport="tcp") for _ in range(5)]
    for ua in good:
        ua.final(ua.send(ua.message("OPTIONS", "sip:example.com"))).expect(407)
    for _ in range(3):
        try:
            with socket.create_connection(("127.0.0.1", rf.port), timeout=30) as more:
                assert more.recv(100) == b""
        except ConnectionResetError:
            pass
    rf.wait_event("transport.connection-cap")
    # Others have their own, those that are in stay in, and who leaves makes room.
    other = phone(rf, "bob", transport="tcp", ip="127.0.0.2", server=("127.0.0.1", rf.port))
    other.final(other.send(other.message("OPTIONS", "sip:example.com"))).expect(407)
    good[0].final(good[0].send(good[0].message("OPTIONS", "sip:example.com"))).expect(407)
    good.pop().close()
    until(lambda: rf.status()["connections"]["now"] == 5, "the end of the connection")
    again = phone(rf, "alice", transport="tcp")
    again.final(again.send(again.message("OPTIONS", "sip:example.com"))).expect(407)


def test_strangers_leave_room_for_customers(edge, workers, phone):
    """Who opens connections from many addresses, and keeps them, keeps no customer out."""
    rf = edge(workers=workers, tcp={"connections": 16, "connections_per_source": 16}, standing={"allow": []})
    alice = phone(rf, "alice", ip="127.0.1.1", server=("127.0.0.1", rf.port))
    alice.register().expect(200)

    def connects(ip):
        try:
            ua = phone(rf, "eve", transport="tcp", ip=ip, server=("127.0.0.1", rf.port))
            ua.final(ua.send(ua.message("OPTIONS", "sip:example.com"))).expect(407)
            return ua
        except (EOFError, OSError):
            return None

    strangers = [connects(f"127.0.2.{n}") for n in range(1, 17)]
    assert all(strangers[:12]) and not any(strangers[12:]), "a quarter is not for strangers"
    rf.wait_event("transport.connection-cap")
    own = phone(rf, "alice", transport="tcp", ip="127.0.1.1", server=("127.0.0.1", rf.port))
    own.register().expect(200)
    assert [bool(connects("127.0.1.1")) for _ in range(4)] == [True, True, True, False], "16 in all"
    until(lambda: rf.status()["counters"]["connections.refused-total"] == 5, "five refusals")
    # Who leaves makes room.
    strangers[0].close()
    until(lambda: rf.status()["connections"]["now"] == 15, "the end of the connection")
    assert connects("127.0.1.1")


def test_keep_alive(rf, phone):
    """RFC 5626 §4.4.1: CRLF CRLF is answered with CRLF; one CRLF is nothing."""
    alice = phone(rf, "alice", transport="tcp")
    alice.final(alice.send(alice.message("OPTIONS", "sip:example.com"))).expect(407)
    for n in range(1, 4):
        alice.wire.send(b"\r\n\r\n")
        alice.wait(deadline=0.05)
        until(lambda: alice.wait(deadline=0.01) or alice.wire.pongs == n, "the pong")
    alice.wire.send(b"\r\n")
    sent = alice.message("OPTIONS", "sip:example.com")
    alice.wire.send(b"\r\n" + sent)
    alice.final(sent).expect(407)
    assert alice.wire.pongs in (3, 4)
    assert rf.status()["counters"]["received.keepalives"] >= 3


def test_keep_alive_over_udp(rf, phones):
    alice = phones(rf, "alice")
    for data in (b"\r\n\r\n", b"\r\n", b"\0", b"\0\0\0\0"):
        alice.wire.send(data)
    alice.ask("OPTIONS", "sip:example.com").expect(200)
    assert rf.status()["counters"]["received.keepalives"] == 4
    assert not rf.events(control="parse")


def test_a_reader_that_does_not_read(edge, phone):
    """Its queue is bounded, and when it is full its connection ends, not our memory."""
    rf = edge(tcp={"write_queue": "64KiB"}, peers={"trunk": {"zone": "public", "sources": ["127.0.0.9"]}})
    trunk = phone(rf, "trunk", ip="127.0.0.9", transport="tcp", server=("127.0.0.1", rf.port))
    many = trunk.message("OPTIONS", "sip:example.com") * 100
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        for _ in range(100000):
            trunk.wire.send(many)
    rf.wait_event("transport.write-full", port=trunk.port)
    assert rf.status()["connections"]["now"] == 0


def test_a_phone_that_leaves_is_not_called(edge, workers, phones, phone):
    """Its connection is gone, so is the way to it: the caller learns at once, and it can come back."""
    rf = edge(workers=workers)
    alice, bob = phones(rf, "alice"), phones(rf, "bob", transport="tcp")
    bob.close()
    until(lambda: rf.status()["connections"]["now"] == 0, "the end of the connection")
    call = alice.call("bob")
    assert call.final().status in (480, 500)
    again = phones(rf, "bob", transport="tcp")
    call = alice.call("bob")
    again.reply(again.invite(call_id=call.call_id), 200)
    call.final().expect(200)


def test_the_answer_comes_over_another_connection(edge, phones, phone):
    """A phone that lost its connection while it rang answers over a new one."""
    rf = edge(workers=2)
    alice, bob = phones(rf, "alice", transport="tcp"), phones(rf, "bob", transport="tcp")
    for _ in range(4):
        call = alice.call("bob")
        invite = bob.invite(call_id=call.call_id)
        bob.reply(invite, 180)
        call.response(180)
        old, bob.wire = bob.wire, sip.Tcp(("127.0.0.1", rf.port), "127.0.0.1")
        old.close()
        ok = bob.reply(invite, 200)
        call.final(ack=False).expect(200)
        assert ok
        bob.host = f"127.0.0.1:{bob.wire.port}"
        bob.contact = f"sip:bob@{bob.host};transport=tcp"
        bob.kept.clear()
        bob.register().expect(200)
