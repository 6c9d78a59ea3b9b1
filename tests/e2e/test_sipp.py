# SPDX-License-Identifier: MIT
"""SIPp on both sides: many calls at once, over every transport, over both workers."""
import pytest

from daemon import IPV6, free_port, until
from sipp import Sipp, register


def answering(rf, scenario, user="bob", calls=1, transport="u1", ip="127.0.0.1", args=()):
    """A SIPp that is registered and takes calls. Over TCP it registers an address that we connect to."""
    port = free_port()
    register(rf, user, port, transport=transport, ip=ip)
    return Sipp(rf, scenario, user=user, port=port, calls=calls, transport=transport, ip=ip, args=args)


def assert_nothing_lost(rf, calls):
    counters = rf.status()["counters"]
    assert counters["calls.started"] == counters["calls.answered"] == calls
    until(lambda: rf.status()["counters"]["calls.ended"] == calls, "the end of all calls")
    assert counters["sent.errors"] == 0 and counters["transactions.timeouts"] == 0


@pytest.mark.parametrize("ip", ["127.0.0.1"] + ["::1"] * IPV6, ids=lambda ip: "v6" if ":" in ip else "v4")
@pytest.mark.parametrize("transport", ["u1", "un"])
def test_many_calls_over_udp(rf, transport, ip):
    """un: a socket for each call, so that the kernel gives their messages to both workers."""
    uas = answering(rf, "uas", calls=100, ip=ip)
    Sipp(rf, "uac", to="bob", calls=100, rate=100, transport=transport, ip=ip).finish()
    uas.finish()
    assert_nothing_lost(rf, 100)


@pytest.mark.parametrize("transport", ["t1", "tn"])
def test_callers_over_tcp(rf, transport):
    """t1: all calls over one connection, tn: a connection each. The phone that is called uses UDP."""
    uas = answering(rf, "uas", calls=50)
    Sipp(rf, "uac", to="bob", calls=50, rate=50, transport=transport).finish()
    uas.finish()
    assert_nothing_lost(rf, 50)


def test_busy(rf):
    uas = answering(rf, "uas_busy", calls=10)
    Sipp(rf, "uac_refused", to="bob", calls=10, rate=50, transport="un").finish()
    uas.finish()
    rf.wait_event("call.failed", n=10, status=486)


def test_cancelled(rf):
    uas = answering(rf, "uas_cancel", calls=10)
    Sipp(rf, "uac_cancel", to="bob", calls=10, rate=50, transport="un").finish()
    uas.finish()
    rf.wait_event("call.cancelled", n=10, status=487)
    assert not rf.events(reason="call.failed")


def test_nobody_is_registered(rf):
    Sipp(rf, "uac_refused", to="bob", calls=3).finish()
    Sipp(rf, "uac_refused", to="nobody", calls=3).finish()
    rf.wait_event("route.unregistered", n=3, status=480)
    rf.wait_event("route.not-found", n=3, status=404)


def test_held_and_taken_back(rf):
    uas = answering(rf, "uas_hold", calls=10)
    Sipp(rf, "uac_hold", to="bob", calls=10, rate=50, transport="un").finish()
    uas.finish()
    assert_nothing_lost(rf, 10)
