# SPDX-License-Identifier: MIT
"""Overload on the live daemon. It is stopped while requests fill its sockets, and goes on with all of them at
once: more work than the least `lag` that can be configured. How many are sent away depends on the machine, who is
does not. Strangers come from 127.1.0.0/16 and nobody is in the allow-list."""
import itertools
import os
import pathlib
import re
import signal

import pytest

import sip
from daemon import merged, until

pytestmark = pytest.mark.alone

CUSTOMER, FRIEND = "127.0.0.61", "127.0.0.62"
# Requests at once: no more than a socket of Linux's default size holds, so strangers have three of their own.
EACH, THEIRS = 8, 300
LISTENERS = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
SETTINGS = {"standing": {"allow": []},
            "controls": {"overload": {"lag": "1ms", "retry_after": "7s"}, "flood": {"mode": "off"},
                         "scan": {"mode": "off"}}}


def start(edge, workers=1, **more):
    """more: settings of controls.overload."""
    rf = edge(start=False, workers=workers, **merged(SETTINGS, {"controls": {"overload": more}}))
    listen = rf.settings["zones"]["public"]["listen"]
    rf.write_config(zones={"public": {"listen": listen + [f"udp:{ip}:{rf.port}" for ip in LISTENERS]}})
    return rf.start()


class Stopped:
    """The daemon takes nothing from its sockets meanwhile."""

    def __init__(self, rf):
        self.pid = rf.process.pid

    def __enter__(self):
        os.kill(self.pid, signal.SIGSTOP)
        tasks = pathlib.Path(f"/proc/{self.pid}/task")
        until(lambda: all(re.search(r"\) T ", (t / "stat").read_text()) for t in tasks.iterdir()), "the stop")

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGCONT)


class Crowd:
    """Strangers, with new addresses in each wave: who was just asked for a password is none."""

    def __init__(self, rf, phone):
        self.rf, self.phone, self.numbers = rf, phone, itertools.count(256)

    def wave(self, method="OPTIONS", beside=lambda: None):
        """Their requests, and those that beside() sends, at once; the answers to theirs."""
        uas = []
        for ip in LISTENERS * 20 * (self.rf.settings["workers"] + 1):
            n = next(self.numbers)
            uas.append(self.phone(self.rf, "mallory", ip=f"127.1.{n >> 8}.{n & 255}", server=(ip, self.rf.port)))
        sent = []
        with Stopped(self.rf):
            for _ in range(EACH):
                sent += [(ua, ua.send(ua.message(method, "sip:example.com", to=f"<{ua.aor}>"))) for ua in uas]
            beside()
        answers = [(ua.final(m), m) for ua, m in sent]
        for ua in uas:
            ua.close()
        assert all(len(r.raw) <= 3 * len(m.raw) for r, m in answers)
        return [r for r, _ in answers]

    def until_late(self, **more):
        """Waves until one was too much work; the answers to all of them."""
        answers = []

        def enough():
            answers.extend(self.wave(**more))
            return any(r.status == 503 for r in answers)
        until(enough, "an overload")
        return answers


def reasons(rf, name):
    return rf.status()["reasons"].get(name, 0)


@pytest.mark.parametrize("method", ["OPTIONS", "REGISTER"])
def test_strangers_are_sent_away_and_told_when_to_come_again(edge, workers, phone, method):
    rf = start(edge, workers)
    answers = Crowd(rf, phone).until_late(method=method)
    away = [r for r in answers if r.status == 503]
    assert {r.status for r in answers} <= {503, 401 if method == "REGISTER" else 407}
    assert all(r.get("Retry-After") == "7" for r in away)
    assert reasons(rf, "overload.shed") == len(away)
    # None of it is held against them, and who comes when it is over is served.
    assert not [e for e in rf.events() if e["event"] == "standing"]
    late = phone(rf, "mallory", ip="127.0.0.50")
    late.final(late.send(late.message("OPTIONS", "sip:example.com"))).expect(407)


def test_it_is_told_when_it_begins_and_when_it_ended(edge, phone):
    rf = start(edge)
    away = sum(r.status == 503 for r in Crowd(rf, phone).until_late())
    assert away > 1
    ended = rf.wait_event("overload.ended")
    [began] = rf.events(reason="overload.shed")
    assert (began["event"], began["control"], began["mode"]) == ("verdict", "overload", "enforce")
    assert (began["verdict"], began["status"]) == ("reply", 503)
    assert began["source"]["ip"].startswith("127.1.")
    assert began["evidence"]["value"] >= began["evidence"]["threshold"] == 0.001
    assert (ended["event"], ended["evidence"]["value"]) == ("daemon", away)
    assert (reasons(rf, "overload.shed"), reasons(rf, "overload.ended")) == (away, 1)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_calls_of_known_users_go_on(edge, workers, phone, phones, transport):
    """Behind so many requests of their own that these are late, too."""
    rf = start(edge, workers)
    alice = phones(rf, "alice", ip=CUSTOMER, transport=transport)
    bob = phones(rf, "bob", ip=FRIEND)
    crowd = Crowd(rf, phone)

    def late(send):
        """What send() sends comes behind requests of the same phone that take long: (what it returned, whether
        strangers were sent away meanwhile)."""
        asked, got = [], []

        def beside():
            for _ in range(THEIRS):
                asked.append(alice.send(alice.message("OPTIONS", "sip:example.com", to=f"<{alice.aor}>")))
            got.append(send())
        answers = crowd.wave(beside=beside)
        assert {alice.final(m).status for m in asked} == {407}
        return got[0], 503 in [r.status for r in answers]

    def a_call():
        line = alice.credentials("INVITE", "sip:bob@example.com")
        call, first = late(lambda: sip.Call(alice, "bob", headers=[line], challenge=False))
        invite = bob.invite(call_id=call.call_id)
        bob.reply(invite, 200, headers=["Content-Type: application/sdp"], body=sip.sdp(n=2))
        call.final().expect(200)
        bob.request("ACK", call_id=call.call_id)
        bye, second = late(lambda: call.dialog.send("BYE"))
        bob.reply(bob.request("BYE", call_id=call.call_id), 200)
        alice.final(bye).expect(200)
        return first and second

    up, _ = sip.connect(alice, bob)
    until(a_call, "an overload")
    assert up.ask("INFO", bob)[1].status == 200
    assert up.ask("BYE", bob)[1].status == 200
    assert not [e for e in rf.events(reason="overload.shed") if e["source"]["ip"] in (CUSTOMER, FRIEND)]


def test_observe_sends_nobody_away_and_counts(edge, workers, phone):
    rf = start(edge, workers, mode="observe")
    crowd = Crowd(rf, phone)

    def would():
        [row] = [c for c in rf.status()["controls"] if c["name"] == "overload"]
        assert row["mode"] == "observe"
        return row["would"]

    def enough():
        assert {r.status for r in crowd.wave()} == {407}
        return would()
    until(enough, "an overload")
    event = rf.wait_event("overload.shed")
    assert (event["mode"], event["verdict"], event["status"]) == ("observe", "reply", 503)
    assert len(rf.events(reason="overload.shed")) <= workers
    assert f"overload observe (would have refused {would()})" in " ".join(rf.run("status").expect(0).out.split())


def test_off_sends_nobody_away(edge, phone):
    rf = start(edge, mode="off")
    crowd = Crowd(rf, phone)
    for _ in range(3):
        assert {r.status for r in crowd.wave()} == {407}
    assert not rf.events(reason="overload.shed")
    assert reasons(rf, "overload.shed") == 0
