# SPDX-License-Identifier: MIT
"""baresip calls baresip: what a real phone makes of the edge."""
import pytest

from baresip import Baresip
from daemon import IPV6, until


def two(rf, **settings):
    alice, bob = Baresip(rf, "alice", **settings), Baresip(rf, "bob", **settings)
    alice.wait_registered()
    bob.wait_registered()
    return alice, bob


def talk(caller, callee):
    """A call that is up."""
    caller.dial(callee.user)
    callee.wait("CALL_INCOMING")
    callee.command("accept")
    caller.wait("CALL_ESTABLISHED")
    callee.wait("CALL_ESTABLISHED")


WAYS = [("udp", "udp", "127.0.0.1"), ("tcp", "tcp", "127.0.0.1"), ("udp", "tcp", "127.0.0.1")]
if IPV6:
    WAYS.append(("udp", "udp", "::1"))


@pytest.mark.parametrize("way", WAYS, ids=lambda w: "-".join(w).replace("127.0.0.1", "v4").replace("::1", "v6"))
def test_either_side_hangs_up(edge, way):
    rf = edge(workers=2)
    alice = Baresip(rf, "alice", transport=way[0], ip=way[2])
    bob = Baresip(rf, "bob", transport=way[1], ip=way[2])
    alice.wait_registered()
    bob.wait_registered()
    for n, (caller, callee, ends) in enumerate([(alice, bob, alice), (alice, bob, bob), (bob, alice, bob)]):
        talk(caller, callee)
        ends.command("hangup")
        (alice if ends is bob else bob).wait("CALL_CLOSED")
        rf.wait_event("call.ended", n=n + 1)
    assert not rf.events(reason="call.failed")
    assert len(rf.registrations()) == 2


def test_the_callee_declines(rf):
    alice, bob = two(rf)
    alice.dial("bob")
    bob.wait("CALL_INCOMING")
    bob.command("hangup")
    assert "486" in alice.wait("CALL_CLOSED")["param"] or rf.wait_event("call.failed")
    rf.wait_event("call.failed")


def test_the_caller_gives_up(rf):
    alice, bob = two(rf)
    alice.dial("bob")
    bob.wait("CALL_INCOMING")
    alice.wait("CALL_RINGING")
    alice.command("hangup")
    bob.wait("CALL_CLOSED")
    rf.wait_event("call.cancelled")


def test_held_and_taken_back(rf):
    """baresip's re-INVITEs are challenged, and it answers the challenge."""
    alice, bob = two(rf)
    talk(alice, bob)
    before = rf.status()["counters"]["requests.invite"]
    alice.command("hold")
    until(lambda: rf.status()["counters"]["requests.invite"] > before, "the re-INVITE")
    alice.command("resume")
    until(lambda: rf.status()["counters"]["requests.invite"] > before + 1, "the second re-INVITE")
    bob.command("hangup")
    alice.wait("CALL_CLOSED")
    rf.wait_event("call.ended")
    assert len(rf.events(reason="call.start")) == 1


def test_a_wrong_password(rf):
    eve = Baresip(rf, "alice", password="not-the-one")
    rf.wait_event("auth.bad-password", account="alice@example.com")
    until(lambda: "401 Unauthorized" in eve.report(), "baresip's failure")
    assert rf.registrations() == []


def test_nobody_there(rf):
    alice = Baresip(rf, "alice")
    alice.wait_registered()
    alice.dial("bob")
    alice.wait("CALL_CLOSED")
    rf.wait_event("route.unregistered", status=480)
    alice.dial("nobody")
    alice.wait("CALL_CLOSED")
    rf.wait_event("route.not-found", status=404)


def test_two_phones_of_one_account(rf):
    """Both ring, one answers, the other stops."""
    alice, bob = two(rf)
    other = Baresip(rf, "bob")
    other.wait_registered()
    until(lambda: len(rf.registrations()) >= 3, "both of bob's phones")
    alice.dial("bob")
    bob.wait("CALL_INCOMING")
    other.wait("CALL_INCOMING")
    bob.command("accept")
    alice.wait("CALL_ESTABLISHED")
    other.wait("CALL_CLOSED")
    alice.command("hangup")
    bob.wait("CALL_CLOSED")
    rf.wait_event("call.ended")
