# SPDX-License-Identifier: MIT
"""`ringfence why`: the story of a source, an account or a call, from memory and from the files of events."""
import gzip
import re

import pytest

import attack
import daemon
from daemon import DOMAIN, until

GUESSER, CUSTOMER = "127.0.30.50", "127.0.30.61"
ALICE = f"alice@{DOMAIN}"


def judge(**standing):
    return {"standing": {"allow": [], "weights": {"auth.bad-password": 3}, **standing},
            "controls": {"guessing": {"mode": "off"}, "flood": {"mode": "off"}}}


def guess(phone, rf, n, user="alice", ip=GUESSER, **settings):
    """n log-ins with a wrong password, over one connection."""
    ua = phone(rf, user, ip=ip, transport="tcp", password="no", **settings)
    for _ in range(n):
        ua.register().expect(401)
    return ua


def banned(phone, rf, ip=GUESSER, user="alice"):
    guess(phone, rf, 3, ip=ip, user=user)
    ua = phone(rf, user, ip=ip, transport="tcp", password="no")
    try:
        ua.register()
    except (EOFError, OSError, AssertionError):
        pass  # the ban ends the connection
    return rf.wait_event("standing.banned", ip=ip)


def why(rf, *args, code=0):
    return rf.run("why", *args).expect(code).out


def why_json(rf, *args, code=0):
    return rf.run("why", "--json", *args).expect(code).json()


def guesses(rf, phone, ip=GUESSER):
    """Four wrong passwords, and the ban that they lead to."""
    banned(phone, rf, ip)
    rf.wait_event("auth.bad-password", n=4, ip=ip)


def test_a_guesser_and_its_ban(edge, workers, phone):
    rf = edge(workers=workers, **judge(half_life="1h"))
    guesses(rf, phone)
    out = why(rf, GUESSER)
    assert out.startswith(f"source {GUESSER}\n")
    for told in ("tier      denied, proven", "score     12.0 (suspect from 5, banned from 10), halves every 1 h",
                 "banned    since ", "auth.bad-password: refused with 401", "The account exists but the digest does not",
                 "weight 3", "score 6, reached 5 by", "standing.banned: banned for 10 min", "score 12, reached 10 by",
                 f"{ALICE}  8 times", "standing.deny                        10", f"unban {GUESSER}",
                 "standing.allow", "falls below suspect (5) in"):
        assert told in out or told in " ".join(out.split()), (told, out)
    assert all(len(line) <= 80 or line.startswith("Judged by ") for line in out.splitlines())
    # The cause comes before what it led to.
    order = [out.index(word) for word in ("auth.bad-password:", "standing.suspect\n", "standing.banned:")]
    assert order == sorted(order)

    story = why_json(rf, GUESSER)
    assert story["kind"] == "source" and story["found"] and story["daemon"] and story["files"] == 1
    assert story["standing"]["tier"] == "denied" and story["standing"]["banned_for"] > 500
    assert story["policy"]["half_life"] == 3600
    events = [(e["reason"], e["weight"], e["score"]) for e in story["events"] if e["reason"] != "auth.challenge"]
    assert events == [("auth.bad-password", 3, 3), ("auth.bad-password", 3, 6), ("standing.suspect", 0, 6),
                      ("auth.bad-password", 3, 9), ("auth.bad-password", 3, 12), ("standing.banned", 0, 12)]
    assert story["accounts"] == [{"account": ALICE, "count": 8}]
    # An end of the ban by hand is part of the story.
    rf.run("unban", GUESSER).expect(0)
    out = why(rf, GUESSER)
    assert "standing.unbanned" in out and "ban ends" not in out


def test_an_account_that_was_attacked(edge, phone):
    rf = edge(**judge())
    phone(rf, "alice", ip=CUSTOMER).register().expect(200)
    guesses(rf, phone)
    for name in (ALICE, f"sip:{ALICE}", f"alice@{DOMAIN.upper()}"):
        out = why(rf, name)
        assert "account " in out and "state     open" in out and f"from {CUSTOMER}:" in out
        assert f"{GUESSER}  8 times, banned for " in out and f"{CUSTOMER}  2 times\n" in out
    story = why_json(rf, ALICE)
    assert story["kind"] == "account"
    assert story["account"]["under_attack"] is False and len(story["registrations"]) == 1
    assert [s["source"] for s in story["sources"]] == [GUESSER, CUSTOMER]
    assert list(story["banned"]) == [GUESSER]


def test_an_account_under_attack(edge, phone):
    rf = edge(standing={"allow": [], "suspect": 1000, "deny": 1000},
              controls={"guessing": {"account": 3, "lock": "30m"}, "flood": {"mode": "off"}})
    for n in range(4):
        guess(phone, rf, 1, ip=f"127.{40 + n}.0.9")
    rf.wait_event("guessing.account")
    out = why(rf, ALICE)
    assert re.search(r"under attack: closed to places where its owner never was, for (30 min|29 min \d+ s) more",
                     " ".join(out.split()))
    assert "guessing.account" in out and "4 in 10 min, allowed 3" in " ".join(out.split())
    assert re.search(r"The account opens again in (30 min|29 min \d+ s)", " ".join(out.split()))
    assert "controls.guessing.account            3" in out


def test_calls_that_were_refused_and_made(edge, phones):
    rf = edge(controls={"limits": [{"name": "few", "match": {"method": "INVITE"}, "per": "account", "rate": "1/h"}]})
    alice, bob = phones(rf, "alice", "bob")
    call = alice.call(bob.aor)
    invite = bob.invite()
    bob.reply(invite, 486)
    call.final().expect(486)
    rf.wait_event("call.failed", call_id=invite.call_id)
    refused = alice.call(bob.aor)
    refused.final().expect(429)
    event = rf.wait_event("limit.exceeded")
    out = why(rf, invite.call_id)
    assert out.startswith(f"call {invite.call_id}\n") and "call.failed: answered 486" in out
    out = why(rf, event["sip"]["call_id"])
    assert "limit.exceeded: refused with 429" in out and "few: 2" in out, out
    assert "controls.limits: few" in out and "1 in 1h" in out
    assert "Raise `rate` or `burst`" in " ".join(out.split())
    story = why_json(rf, event["sip"]["call_id"])
    assert story["kind"] == "call" and story["sources"][0]["source"] == "127.0.0.1"


def test_a_call_id_that_looks_like_an_account(edge, phone):
    rf = edge()
    ua = phone(rf, "alice")
    sent = ua.send(ua.message("OPTIONS", f"sip:nobody@{DOMAIN}", call_id="77@192.0.2.9"))
    ua.final(sent).expect(401, 404, 407)
    rf.wait_event("auth.challenge", call_id="77@192.0.2.9")
    assert why(rf, "77@192.0.2.9").startswith("call 77@192.0.2.9\n")
    assert why(rf, "--call-id", "77@192.0.2.9").startswith("call ")
    assert "nothing is known of 77@192.0.2.9" in why(rf, "--account", "77@192.0.2.9", code=1)


def test_observe_tells_what_would_have_been(edge, phone):
    rf = edge(**judge(mode="observe"))
    guess(phone, rf, 5)
    rf.wait_event("standing.banned")
    out = " ".join(why(rf, GUESSER).split())
    assert "standing.banned: would have been banned for 10 min" in out
    assert "standing.mode is observe: nobody is banned" in out and "unban" not in out


def test_after_a_restart_and_without_a_daemon(edge, phone):
    rf = edge(**judge())
    guesses(rf, phone)
    before = [(e["ts"], e["reason"]) for e in why_json(rf, GUESSER)["events"]]
    rf.restart()
    story = why_json(rf, GUESSER)  # the ban survives, the memory does not
    assert story["daemon"] and story["standing"]["banned_for"] > 0
    assert [(e["ts"], e["reason"]) for e in story["events"]] == before
    # What logrotate has put aside, packed or not, is read as well; and each event is told once.
    rf.stop()
    lines = rf.events_file.read_bytes().splitlines(keepends=True)
    third = len(lines) // 3
    with gzip.open(rf.folder / "events.jsonl.2.gz", "wb") as packed:
        packed.writelines(lines[:third])
    (rf.folder / "events.jsonl.1").write_bytes(b"".join(lines[third:2 * third + 1]))
    rf.events_file.write_bytes(b"no event\n" + b"".join(lines[2 * third:]))
    result = rf.run("why", "--json", GUESSER).expect(0)
    assert "only the files of events are looked at" in result.err
    story = result.json()
    assert not story["daemon"] and story["files"] == 3
    assert [(e["ts"], e["reason"]) for e in story["events"]] == before
    out = " ".join(why(rf, GUESSER).split())
    assert "from the files" in out and "The ban ends by itself at" in out and "no daemon was asked" in out
    assert "nothing is known of 192.0.2.200" in why(rf, "192.0.2.200", code=1)
    assert "nothing is known" in why(rf, "--since", "1ms", GUESSER, code=1)


def test_while_the_configuration_is_being_edited(edge, phone):
    rf = edge(**judge())
    guesses(rf, phone)
    rf.config.write_text(rf.config.read_text().replace('"zones"', '"zoness"'))
    result = rf.run("why", "--json", GUESSER).expect(0)
    assert "zoness" in result.err and result.json()["files"] == 0
    assert result.json()["events"][-1]["reason"] == "standing.banned"


def test_prefixes_and_ipv6(edge, phone):
    if not daemon.IPV6:
        pytest.skip("no IPv6 here")
    rf = edge(**judge())
    guess(phone, rf, 1, ip=GUESSER)
    guess(phone, rf, 1, ip=CUSTOMER)
    guess(phone, rf, 1, ip="::1")
    rf.wait_event("auth.bad-password", n=3)
    for about, sources in (("127.0.30.0/24", {GUESSER, CUSTOMER}), ("127.0.0.0/8", {GUESSER, CUSTOMER}),
                           ("::1", {"::1"}), ("::/64", {"::1"}), ("::/16", {"::1"})):
        story = why_json(rf, about)
        assert {e["source"]["ip"] for e in story["events"]} == sources, about
        assert ("standing" in story) == ("/64" in about or "/" not in about)
        assert why(rf, about).startswith(f"source {about}\n")


def test_a_network_that_was_banned_by_hand(edge, phone):
    rf = edge(**judge())
    guess(phone, rf, 1)
    rf.run("ban", "127.0.30.0/24", "--for", "1h", "--reason", "ticket 4711").expect(0)
    story = why_json(rf, GUESSER)
    assert story["prefix_ban"]["source"] == "127.0.30.0/24" and story["standing"]["prefix_banned"]
    assert re.search(r"127\.0\.30\.0/24, which holds it, is banned by hand for (1 h|59 min \d+ s) more",
                     " ".join(why(rf, GUESSER).split()))
    out = why(rf, "127.0.30.0/24")
    assert "standing.manual: banned for 1 h" in out and "ticket 4711" in out
    rf.run("unban", "127.0.30.0/24").expect(0)
    assert "which holds it" not in why(rf, GUESSER) and "standing.unbanned" in why(rf, "127.0.30.0/24")


def test_without_a_file(edge, phone):
    """No sink at all: the memory has it."""
    rf = edge(events=[], **judge())
    guess(phone, rf, 3)
    story = until(lambda: why_json(rf, GUESSER) if rf.run("why", GUESSER).code == 0 else None, "a story")
    assert story["files"] == 0
    assert [e["score"] for e in story["events"] if e["reason"] == "auth.bad-password"] == [3, 6, 9]


def test_with_history_off(edge, phone):
    rf = edge(history={"memory": "off"}, **judge())
    guesses(rf, phone)
    story = why_json(rf, GUESSER)
    assert story["history"] is None and story["daemon"] and story["standing"]["tier"] == "denied"
    assert story["events"][-1]["reason"] == "standing.banned"
    assert "0 bytes  history of events" in rf.run("check").expect(0).out


def test_a_flood_does_not_push_it_out(edge, phone):
    """The least memory there is; one stranger floods over a connection, with names of its own choice."""
    rf = edge(history={"memory": "256KiB"}, events=[], standing={"allow": [], "suspect": 10**6, "deny": 10**6},
              controls={"guessing": {"mode": "off"}, "flood": {"mode": "off"}, "scan": {"mode": "off"}})
    guess(phone, rf, 2, ip=CUSTOMER)
    flood = phone(rf, "x", ip=GUESSER, transport="tcp")
    for n in range(1500):
        flood.send(flood.message("INVITE", f"sip:{n}@{DOMAIN}", to=f"<sip:{n}@{DOMAIN}>", call_id=f"f{n}"))
    until(lambda: sum(e["count"] for e in why_json(rf, "-n", "4000", GUESSER)["events"]) >= 1500, "the flood")
    reasons = [e["reason"] for e in why_json(rf, CUSTOMER)["events"]]
    assert reasons.count("auth.bad-password") == 2
    out = why(rf, GUESSER)
    assert "of several" in " ".join(out.split()) and "to several" in " ".join(out.split()) and "times" in out


def test_what_strangers_write_is_shown_escaped(edge, phone):
    """In a header, a user name, and what the operator pastes."""
    rf = edge(standing={"allow": [], "deny": 1000})
    ua = phone(rf, "alice", ip=GUESSER)
    for evil in ("\x1b]0;x\x07", "\x9b31m%s%n\\ 14:00:00  standing.unbanned"):
        ua.send(ua.message("INVITE", f"sip:bob@{DOMAIN}", call_id="evil", headers=[f"User-Agent: {evil}"],
                           to=f'"{evil}" <sip:x%1b%5b2J@{DOMAIN}>'))
    until(lambda: len(rf.events(ip=GUESSER)) >= 2, "their events")
    pasted = "evil\x1b[2J\n14:00:00  standing.unbanned"
    for args in ([GUESSER], ["--json", GUESSER], ["evil"], ["--call-id", pasted], ["--account", pasted]):
        result = rf.run("why", *args)
        for text in (result.out, result.err):
            assert not any(ord(c) < 32 and c != "\n" or 126 < ord(c) < 160 for c in text), repr(text)
            assert "\n14:00:00" not in text
    assert "\\x9b31m%s%n" in why(rf, GUESSER)


def test_wrong_use(edge):
    rf = edge(start=False)
    for args in ([], ["--source", "alice"], ["--source", "--account", "1.2.3.4"], ["--since", "5", "1.2.3.4"], [""],
                 ["a", "b"], ["x" * 600]):
        assert rf.run("why", *args).code == 2, args
    assert rf.run("why", "1.2.3.4", "-c", "/nonexistent", config=False).code == 1


def test_svcrack_is_told_from_its_first_guess_to_its_ban(edge, tmp_path):
    """As if it was changed to look like any phone, so that only what it does tells what it is."""
    unseen, passwords = tmp_path / "unseen", tmp_path / "passwords"
    unseen.write_text("-sipvicious\n")
    passwords.write_text("".join(f"{n}\n" for n in range(100, 200)))
    rf = edge(standing={"allow": []}, users={"101": "a long passphrase"},
              controls={"auth": {"algorithms": ["MD5"]}, "scan": {"signatures": str(unseen)}})
    with attack.sipvicious_beside("svcrack", GUESSER, rf.port, "-d", str(passwords), "-u", "101", "--domain",
                                  DOMAIN):
        rf.wait_event("standing.banned", ip=GUESSER)
    out = why(rf, GUESSER)
    print(out)
    words = " ".join(out.split())
    assert "tier denied, proven" in words and f"101@{DOMAIN}" in words
    for told in ("auth.bad-password: refused with 401", "guessing.pair", "6 in 10 min, allowed 5", "weight 5",
                 "standing.suspect", "standing.banned: banned for 10 min", "reached 10 by", "The ban ends by itself"):
        assert told in words, out
    story = why_json(rf, GUESSER)
    scores = [e["score"] for e in story["events"]]
    assert scores[0] == 0 and max(scores) >= story["policy"]["deny"]
    assert sum(e["weight"] > 0 for e in story["events"]) >= 6
