# SPDX-License-Identifier: MIT
"""The torture messages of RFC 4475 thrown at the live daemon by a stranger: each is answered as the RFC
says, or dropped, and the next request is served as if nothing had been."""
import pathlib
import random
import re

import pytest

import sip
from daemon import ROOT, until

CORPUS = pathlib.Path(ROOT) / "tests" / "corpus" / "rfc4475"

# What a stranger gets over UDP. 401 and 407: the message is fine, and its sender is asked who it is.
# None: a response, or too broken to be answered.
ANSWERS = {
    "wsinv": 407, "intmeth": 407, "esc01": 407, "escnull": 401, "esc02": 407, "lwsdisp": 407, "longreq": 407,
    "dblreq": 401, "semiuri": 407, "transports": 407, "mpart01": 407, "unreason": None, "noreason": None,
    "badinv01": 400, "clerr": 400, "ncl": 400, "scalar02": 400, "scalarlg": None, "quotbal": 400, "ltgtruri": 400,
    "lwsruri": 400, "lwsstart": 400, "trws": 400, "escruri": 400, "baddate": 407, "regbadct": 400, "badaspec": 400,
    "baddn": 400, "badvers": 505, "mismatch01": 400, "mismatch02": 400, "bigcode": None, "badbranch": 407,
    "insuf": None, "unkscm": 416, "novelsc": 416, "unksm2": 401, "bext01": 420, "invut": 407, "regaut01": 400,
    "multi01": 400, "mcl01": 400, "bcast": None, "zeromf": 483, "cparam01": 401, "cparam02": 401, "regescrt": 401,
    "sdp01": 407, "inv2543": 407,
}
REASONS = {400: ("parse.", "check.", "auth.malformed"), 401: ("auth.challenge",), 407: ("auth.challenge",),
           416: ("check.uri-scheme",), 420: ("check.require",), 483: ("check.max-forwards",), 505: ("check.version",)}


def raw(name):
    return (CORPUS / f"{name}.sip").read_bytes()


def test_the_list_is_complete():
    assert {path.stem for path in CORPUS.glob("*.sip")} == set(ANSWERS)


def is_alive(ua):
    """The very next request is served; returns what came before its answer."""
    sent = ua.send(ua.message("OPTIONS", "sip:example.com"))
    ua.final(sent).expect(407)
    came, ua.kept = ua.kept, []
    return came


def test_over_udp(rf, phone):
    wrong = []
    for name, status in ANSWERS.items():
        stranger = phone(rf, "mallory")
        stranger.wire.send(raw(name))
        came = [m.status for m in is_alive(stranger)]
        if came != [status] * (status is not None):
            wrong.append((name, status, came))
        if status:
            until(lambda: len(rf.events(port=stranger.port)) >= 2, "events")
            reason = rf.events(port=stranger.port)[0]["reason"]
            if not reason.startswith(REASONS[status]):
                wrong.append((name, status, reason))
    assert not wrong
    assert rf.status()["transactions"]["now"] == 0, "no state for strangers"


def test_over_tcp(edge, workers, phone):
    """On a stream the length must be known: what does not say it, or lies, ends the connection."""
    rf = edge(workers=workers, tcp={"message": "300ms"})
    wrong = []
    for name, status in ANSWERS.items():
        stranger = phone(rf, "mallory", transport="tcp")
        stranger.wire.send(raw(name))
        try:
            came = [m.status for m in is_alive(stranger)]
        except (EOFError, BrokenPipeError, ConnectionResetError):
            came = "closed"
        if name == "dblreq":
            expected = ["closed"]  # two messages, the second of them too short
        elif not re.search(rb"\r\n(content-length|l)[ \t]*:", raw(name), re.I):
            expected = ["closed"]
        else:
            expected = [[status] * (status is not None), "closed"]
        if came not in expected:
            wrong.append((name, status, came))
        stranger.close()
    assert not wrong
    is_alive(phone(rf, "alice", transport="tcp"))


def base(ua):
    return ua.message("INVITE", "sip:bob@example.com", headers=["Content-Type: application/sdp"], body=sip.sdp())


@pytest.mark.parametrize("seed", range(4))
def test_mutations(rf, phone, seed):
    """Bytes changed, cut out, doubled, swapped: whatever comes, the daemon lives and serves the next."""
    dice = random.Random(seed)
    stranger = phone(rf, "mallory")
    seeds = [raw(name) for name in ANSWERS] + [base(stranger)]
    for n in range(400):
        data = bytearray(dice.choice(seeds))
        for _ in range(dice.randrange(1, 6)):
            if not data:
                break
            at = dice.randrange(len(data))
            kind = dice.randrange(5)
            if kind == 0:
                data[at] = dice.randrange(256)
            elif kind == 1:
                del data[at:at + dice.randrange(1, 40)]
            elif kind == 2:
                data[at:at] = data[at:at + dice.randrange(1, 60)]
            elif kind == 3:
                data[at:at] = dice.choice([b"\r\n", b"\0", b"\n", b"\r", b"\xff\xfe", b",", b"\"", b"<", b";", b":" * 9, b"%00",
                                           b"A" * 3000, b"\r\nContent-Length: 7", b"\r\nVia: x", b"\r\n "])
            else:
                del data[at:]
        stranger.wire.send(bytes(data[:60000]))
        if n % 40 == 39:
            is_alive(stranger)
    assert rf.process.poll() is None


def test_every_prefix_of_a_message(rf, phone):
    """Cut anywhere it is refused or dropped, never taken for something else."""
    stranger = phone(rf, "mallory")
    whole = base(stranger)
    for end in range(len(whole)):
        stranger.wire.send(whole[:end])
        if end % 50 == 0:
            assert all(m.status in (400,) for m in is_alive(stranger))
    assert all(m.status == 400 for m in is_alive(stranger))


NOISE = [b"\0" * 100, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + b"\1" * 200,
         b"\0\1\0\0\x21\x12\xa4\x42" + b"a" * 12, b"A" * 60000, b"\r\n" * 1000, b"INVITE", b"SIP/2.0", b"\xff" * 1400, b"",
         b"INVITE sip:a@b SIP/2.0\r\n\r\n", b"INVITE sip:a@b SIP/2.0\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
         b"OPTIONS sip:a SIP/2.0\r\nVia: " + b"SIP/2.0/UDP a;branch=z9hG4bK," * 900 + b"\r\n\r\n"]


def test_noise_is_not_answered(rf, phone):
    """What is not SIP gets no answer: nothing to learn, nothing to amplify."""
    stranger = phone(rf, "mallory")
    for data in NOISE:
        stranger.wire.send(data)
        assert not is_alive(stranger), data[:40]
    until(lambda: rf.events(reason="gate.noise"), "the event")


SMUGGLED = [
    b"Content-Length : 0", b"Content-Length: +0", b"Content-Length: 0x0", b"Content-Length: 0, 0", b"Content-Length: -1",
    b"Content-Length: 0\r\nContent-Length: 5", b"Content-Length: 0\r\nl: 5", b"l: 5\r\nContent-Length: 0",
    b"Content-Length: 4294967296", b"Content-Length: 99999999999999999999", b"Content-Length:", b"Content-Length: 0 0",
    b"Content-Length: 0\r\n Content-Length: 5", b"From: <sip:eve@example.com>;tag=2", b"To: <sip:eve@example.com>",
    b"Call-ID: two", b"CSeq: 7 INVITE", b"Max-Forwards: 5", b"X: a\rVia: b", b"X: a\nVia: b", b"X: a\0b", b"X a: b", b": b",
    b"X\0: b", b"Via: SIP/2.0/UDP", b"Via: ,", b"Via: SIP/2.0/UDP a b", b"Contact: <sip:a", b"Route: <sip:a", b"Route: x y z",
    b"CSeq : 9 OPTIONS", b"Max-Forwards: 256", b"Max-Forwards: -1", b"Max-Forwards: x",
]
FINE = {b"Content-Length : 0", b"Content-Length: 0\r\n Content-Length: 5"}


def test_what_two_parsers_could_read_differently(edge, phone, phones):
    """Never passed on to the phone behind, whoever sends it."""
    rf = edge(peers={"trunk": {"zone": "public", "sources": ["127.0.0.9"]}})
    bob = phones(rf, "bob")
    for line in SMUGGLED:
        trunk = phone(rf, "trunk", ip="127.0.0.9", domain="carrier.example")
        good = trunk.message("MESSAGE", "sip:bob@example.com", cseq=9)
        if b"Content-Length" in line or line.startswith(b"l:"):
            bad = good.replace(b"Content-Length: 0", line)
        else:
            bad = good.replace(b"\r\nContent-Length", b"\r\n" + line + b"\r\nContent-Length")
        trunk.wire.send(bad)
        sent = trunk.send(trunk.message("OPTIONS", "sip:example.com"))
        trunk.final(sent).expect(200)
        got = bob.wait(deadline=0.02)
        if got:  # then it was made plain
            assert line in FINE and got.all("Content-Length") == ["0"] and b"Content-Length : " not in got.raw, got
            bob.reply(got, 200)
        else:
            assert [m.status for m in trunk.kept] in ([400], []), (line, trunk.kept)
    assert bob.hears_nothing(0.1)
