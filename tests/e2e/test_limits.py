# SPDX-License-Identifier: MIT
"""Named limits on the live daemon. Rates are by the hour, so nothing depends on how fast a test runs."""
import pytest

import sip
from daemon import merged, until

TRUNK, OTHER_TRUNK = "127.0.0.9", "127.0.0.10"


def limits(*entries):
    return {"controls": {"limits": list(entries)}}


def limit(name="test", rate="5/h", **more):
    return {"name": name, **({"rate": rate} if rate else {}), **more}


def knock(ua, n, method="OPTIONS"):
    """n requests without credentials, one after the other: the statuses that come back."""
    return [ua.final(ua.send(ua.message(method, f"sip:{ua.domain}"))).status for _ in range(n)]


def row(rf, name="test"):
    [found] = [r for r in rf.status()["limits"] if r["name"] == name]
    return found


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("algorithm", ["token-bucket", "sliding-window", "fixed-window"])
def test_exactly_the_rate_passes(edge, workers, phone, algorithm, transport):
    rf = edge(workers=workers, **limits(limit(algorithm=algorithm)))
    ua = phone(rf, transport=transport)
    assert knock(ua, 5) == [407] * 5
    r = ua.final(ua.send(ua.message("OPTIONS", "sip:example.com")))
    r.expect(429)
    wait = int(r.get("Retry-After"))
    # The next of a bucket comes after a fifth of an hour, of a window when the first leaves it.
    assert 600 < wait <= 720 if algorithm == "token-bucket" else 3400 < wait <= 3600
    assert knock(ua, 20) == [429] * 20
    # Another address has an allowance of its own, another port has not.
    assert knock(phone(rf, ip="127.0.0.51"), 5) == [407] * 5
    assert knock(phone(rf, transport=transport), 1) == [429]
    event = rf.wait_event("limit.exceeded", n=22)
    assert (event["control"], event["mode"], event["verdict"], event["status"]) == ("limit", "enforce", "reply", 429)
    assert event["evidence"] == {"value": 6, "threshold": 5, "window": 3600, "name": "test"}
    found = row(rf)
    assert (found["passed"], found["refused"], found["would"]) == (10, 22, 0)
    assert (found["mode"], found["per"], found["algorithm"]) == ("enforce", "source", algorithm)
    assert rf.status()["limit_keys"]["now"] == 2


def test_burst_and_global(edge, phone):
    rf = edge(**limits(limit(rate="100/h", burst=3, per="global")))
    assert knock(phone(rf), 2) == [407] * 2
    assert knock(phone(rf, ip="127.0.0.51"), 3) == [407, 429, 429]


def test_red_refuses_some_before_the_rate_and_never_passes_more(edge, phone):
    rf = edge(**limits(limit(rate="10/h", algorithm="red")))
    got = knock(phone(rf), 200)
    assert got[:6] == [407] * 6
    assert 6 <= got.count(407) <= 10 and got.count(429) == 200 - got.count(407)


def test_limits_by_load_let_all_through_on_an_idle_machine(edge, workers, phone):
    rf = edge(workers=workers, **limits(limit("cpu", rate=None, algorithm="feedback", target="99%"),
                                        limit("queue", rate=None, algorithm="network", target="99%")))
    assert knock(phone(rf), 20) == [407] * 20
    for name in ("cpu", "queue"):
        found = row(rf, name)
        assert found["passed"] == 20 and found["per"] == "global" and found["share"] == 0
    assert rf.status()["limit_keys"]["max"] == 0


def test_drop(edge, phone):
    rf = edge(**limits(limit(rate="1/h", answer="drop")))
    ua = phone(rf)
    assert knock(ua, 1) == [407]
    ua.send(ua.message("OPTIONS", "sip:example.com"))
    event = rf.wait_event("limit.exceeded")
    assert event["verdict"] == "drop" and event["status"] is None
    assert ua.hears_nothing()


def test_answer_and_retry_after_as_configured(edge, phone):
    rf = edge(**limits(limit(rate="1/h", answer=503, retry_after="90s")))
    ua = phone(rf)
    assert knock(ua, 1) == [407]
    r = ua.final(ua.send(ua.message("OPTIONS", "sip:example.com"))).expect(503)
    assert r.get("Retry-After") == "90"


def test_observe_refuses_nothing_and_tells(edge, phone):
    rf = edge(**limits(limit("watched", rate="2/h", mode="observe"), limit("off", rate="1/h", mode="off")))
    ua = phone(rf)
    assert knock(ua, 5) == [407] * 5
    event = rf.wait_event("limit.exceeded", n=3)
    assert (event["mode"], event["verdict"], event["status"]) == ("observe", "reply", 429)
    assert event["evidence"]["name"] == "watched"
    assert len(rf.events(reason="auth.challenge")) == 5
    found = row(rf, "watched")
    assert (found["passed"], found["refused"], found["would"]) == (2, 0, 3)
    assert row(rf, "off") == {"name": "off", "mode": "off", "per": "source", "algorithm": "token-bucket",
                              "passed": 0, "refused": 0, "would": 0, "share": None}
    out = rf.run("status").expect(0).out
    [line] = [line for line in out.splitlines() if line.startswith("  watched ")]
    assert line.split() == ["watched", "2", "0", "3", "observe"]
    [line] = [line for line in rf.run("events", "--reason", "limit.").expect(0).out.splitlines()][-1:]
    assert "limit.exceeded: (observed) reply 429 OPTIONS" in line and "evidence=watched 3/2 in 3600s" in line


def test_a_request_that_waits_for_its_account_counts_once(edge, workers, phone):
    """The account is not in the cache: the request walks twice."""
    rf = edge(workers=workers, **limits(limit(rate="4/h", match={"method": "REGISTER"})))
    ua = phone(rf)
    ua.register().expect(200)
    ua.register().expect(200)
    assert rf.status()["counters"]["path.waits"] >= 1
    ua.register().expect(429)
    assert (row(rf)["passed"], row(rf)["refused"]) == (4, 1)


def test_a_stranger_cannot_spend_the_allowance_of_an_account(edge, workers, phone):
    rf = edge(workers=workers, **limits(limit(rate="2/h", per="account")))
    stranger = phone(rf, "alice", ip="127.0.0.51", password="wrong")
    for _ in range(5):
        assert stranger.register().status == 401
    assert row(rf)["passed"] == 0
    ua = phone(rf, "alice")
    ua.register().expect(200)
    ua.register().expect(200)
    r = ua.register().expect(429)
    assert 1700 < int(r.get("Retry-After")) <= 1800
    event = rf.wait_event("limit.exceeded")
    assert event["account"] == "alice@example.com"
    # Wherever it comes from, it is one account; and another one is another.
    phone(rf, "alice", ip="127.0.0.51").register().expect(429)
    phone(rf, "bob").register().expect(200)
    # The registration that stands was not touched.
    assert len(rf.registrations()) == 2


@pytest.mark.parametrize("mode", ["observe", "off"])
def test_where_nobody_has_to_log_in_the_claim_is_the_account(edge, phone, mode):
    rf = edge(**merged(limits(limit(rate="2/h", per="account")), {"controls": {"auth": {"mode": mode}}}))
    alice, bob = phone(rf, "alice"), phone(rf, "bob", ip="127.0.0.51")
    assert knock(alice, 4) == [200, 200, 429, 429]
    assert knock(bob, 2) == [200, 200]
    bob.aor = alice.aor
    assert knock(bob, 1) == [429]


def test_calls_are_limited_and_what_belongs_to_one_is_not(edge, workers, phones):
    rf = edge(workers=workers, **limits(
        limit("calls", rate="1/h", per="account", match={"method": "INVITE"}),
        limit("ends", rate="1/h", per="account", match={"method": ["BYE", "INFO"]})))
    alice, bob = phones(rf, "alice", "bob")
    call = alice.call("bob")
    alice.send(call.invite)  # a retransmission
    invite = bob.invite()
    bob.reply(invite, 200)
    call.final().expect(200)
    bob.request("ACK")
    dialog = call.dialog
    for method, got in (("INVITE", 200), ("INVITE", 200), ("INFO", 200), ("INFO", 429), ("BYE", 200)):
        assert dialog.ask(method, bob)[1].status == got, f"{method}: a limit is of INVITE, one of BYE and INFO"
        if method == "INVITE":
            dialog.ack()
            bob.request("ACK")
    alice.call("bob").final().expect(429)
    assert (row(rf, "calls")["passed"], row(rf, "calls")["refused"]) == (1, 1)


def test_peers_and_destinations(edge, workers, phone):
    def trunk(ip):
        return phone(rf, "trunk", ip=ip, domain="carrier.example", server=("127.0.0.1", rf.port))

    rf = edge(workers=workers, peers={"one": {"zone": "public", "sources": [TRUNK]},
                                      "two": {"zone": "public", "sources": [OTHER_TRUNK]}},
              **limits(limit("each", rate="3/h", per="peer"),
                       limit("one", rate="2/h", per="destination", match={"peer": "one"})))
    one, two = trunk(TRUNK), trunk(OTHER_TRUNK)

    def call(ua, user):
        return ua.final(ua.send(ua.message("OPTIONS", f"sip:{user}@example.com"))).status

    # Nobody is registered: who is let through hears that.
    assert [call(one, "bob"), call(one, "bob"), call(one, "bob")] == [480, 480, 429]
    assert call(one, "carol") == 480, "what one limit refused has cost nothing at the other"
    assert call(one, "carol") == 429
    assert [call(two, "bob") for _ in range(4)] == [480, 480, 480, 429]
    assert knock(phone(rf), 9) == [407] * 9, "neither limit is for who is no peer"
    assert row(rf, "each")["refused"] == 2 and row(rf, "one")["refused"] == 1


def test_tiers(edge, phone):
    rf = edge(standing={"allow": ["127.0.0.51"]},
              **limits(limit("strangers", rate="1/h", match={"tier": "unknown"}),
                       limit("trusted", rate="3/h", match={"tier": "trusted"})))
    assert knock(phone(rf, ip="127.0.0.50"), 2) == [407, 429]
    assert knock(phone(rf, ip="127.0.0.51"), 4) == [407, 407, 407, 429]


def test_a_reload_keeps_what_was_counted(edge, workers, phone):
    rf = edge(workers=workers, **limits(limit(rate="5/h")))
    ua = phone(rf)

    def reload(*entries):
        rf.write_config(**limits(*entries))
        rf.run("reload").expect(0)
        until(lambda: [r["name"] for r in rf.status()["limits"]] == [e["name"] for e in entries], "the limits")
        assert knock(phone(rf, ip="127.0.0.52"), 1)  # each worker takes it over between two messages

    assert knock(ua, 3) == [407] * 3
    reload(limit(rate="5/h", answer=503), limit("more", rate="100/h", algorithm="sliding-window"))
    assert knock(ua, 3) == [407, 407, 503]
    assert row(rf)["refused"] == 1
    reload(limit(rate="6/h"))  # another measure begins anew
    assert knock(ua, 7) == [407] * 6 + [429]
    reload(limit("renamed", rate="6/h"))
    assert knock(ua, 1) == [407]
    rf.write_config(controls={"limits": []})
    rf.run("reload").expect(0)
    until(lambda: rf.status()["limits"] == [], "no limits")
    assert knock(ua, 20) == [407] * 20


def test_check_names_what_is_wrong_and_counts_the_memory(edge):
    rf = edge(start=False)
    rf.write_config(**limits(limit(rate="10/x"), limit("b", match={"zone": "publik"})))
    err = rf.run("check").expect(1)
    text = err.out + err.err
    assert 'controls.limits.test.rate "10/x": unit must be s, m or h' in text
    assert 'controls.limits.b.match.zone "publik": no zone has this name, did you mean "public"?' in text
    rf.write_config(**limits(limit()))
    assert "keys of limits (65536)" in rf.run("check").expect(0).out
