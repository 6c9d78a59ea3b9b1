# SPDX-License-Identifier: MIT
"""The real phones work here at all: SIPp and baresip register and call."""
from baresip import Baresip
from daemon import free_port
from sipp import Sipp, register


def test_sipp_calls_sipp(rf):
    port = free_port()
    register(rf, "bob", port)
    uas = Sipp(rf, "uas", user="bob", port=port, calls=5)
    Sipp(rf, "uac", user="alice", to="bob", calls=5).finish()
    uas.finish()
    rf.wait_event("call.ended", n=5)


def test_baresip_calls_baresip(rf):
    alice, bob = Baresip(rf, "alice"), Baresip(rf, "bob")
    alice.wait_registered()
    bob.wait_registered()
    alice.dial("bob")
    bob.wait("CALL_INCOMING")
    bob.command("accept")
    alice.wait("CALL_ESTABLISHED")
    bob.wait("CALL_ESTABLISHED")
    bob.command("hangup")
    alice.wait("CALL_CLOSED")
    rf.wait_reasons("call.start", "call.answered", "call.ended")
