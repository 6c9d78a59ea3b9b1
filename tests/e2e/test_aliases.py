# SPDX-License-Identifier: MIT
"""Other names of an account (the table dbaliases): it is reached by them and may go by them."""
import sqlite3

import pytest

import sip


@pytest.fixture
def site(edge, workers, phones):
    """A daemon where 4930100 is alice, and alice's and bob's phones."""
    rf = edge(workers=workers, start=False)
    with sqlite3.connect(rf.database) as db:
        db.execute("CREATE TABLE dbaliases (alias_username TEXT, alias_domain TEXT, username TEXT, domain TEXT)")
        db.execute("INSERT INTO dbaliases VALUES ('4930100', 'example.com', 'alice', 'example.com'),"
                   " ('4930200', 'example.com', 'carol', 'example.com')")
    rf.start()
    return rf, *phones(rf, "alice", "bob")


def test_a_call_to_an_alias(site):
    rf, alice, bob = site
    call = bob.call("4930100")
    invite = alice.invite(call_id=call.call_id)
    alice.reply(invite, 486)
    assert call.final().status == 486
    assert bob.ask("MESSAGE", "sip:4930200@example.com").status == 480, "carol has no phone"
    assert bob.ask("MESSAGE", "sip:4930300@example.com").status == 404


def test_a_call_from_an_alias(site):
    rf, alice, bob = site
    mine = f"<sip:4930100@example.com>;tag={sip.token()}"
    r = alice.ask("MESSAGE", "sip:carol@example.com", from_=mine)
    assert r.status == 480
    for other in ("4930200", "4930300", "bob"):
        r = alice.ask("MESSAGE", "sip:bob@example.com", from_=f"<sip:{other}@example.com>;tag={sip.token()}")
        assert r.status == 403, other
        rf.wait_event("auth.identity-mismatch", call_id=r.call_id)
    assert bob.hears_nothing(0.1)


def test_registering_an_alias(site):
    rf, alice, bob = site
    assert alice.ask("REGISTER", "sip:example.com", to="<sip:4930100@example.com>").status == 200
    assert alice.ask("REGISTER", "sip:example.com", to="<sip:4930200@example.com>").status == 403
