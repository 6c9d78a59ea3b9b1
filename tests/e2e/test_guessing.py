# SPDX-License-Identifier: MIT
"""Guessing of passwords: thresholds, accounts under attack, their owners' places. Each guess comes from an
address of the loopback that is not on the allow-list."""
import re

import pytest

from daemon import DOMAIN, PASSWORD, until
from sip import token

HOME = "127.0.50.1"
CALM = {"allow": [], "suspect": 1000000, "deny": 1000000}  # findings, but no bans
URI = f"sip:{DOMAIN}"


def guess(phone, rf, user, ip, password="not this one", **fields):
    """One log-in from a place; its answer."""
    ua = phone(rf, user, ip=ip, password=password, **fields)
    answer = ua.register()
    ua.close()
    return answer


def botnet(n):
    """Each in a network of its own."""
    return f"127.{100 + n // 250}.{n % 250}.66"


def attack(phone, rf, user="alice", places=21):
    for n in range(places):
        guess(phone, rf, user, botnet(n)).expect(401)


def shape(answer):
    text = answer.raw.decode()
    for pattern in (r"(?<=branch=)[^;\r]+", r"(?<=tag=)[^;\r]+", r'(?<=nonce=")[^"]+', r"(?<=Call-ID: )[^\r]+",
                    r"(?<=CSeq: )\d+", r"(?<=sip:)\w+(?=@)", r"(?<=rport=)\d+", r"127\.[\d.]+(:\d+)?"):
        text = re.sub(pattern, "*", text)
    return text


@pytest.fixture
def rf(edge, workers):
    return edge(workers=workers, standing=CALM, controls={"flood": {"mode": "off"}})


def test_pair_at_its_threshold(rf, phone):
    ua = phone(rf, "alice", ip="127.0.0.66", password="no")
    for _ in range(5):
        ua.register().expect(401)
    guess(phone, rf, "bob", "127.0.0.66").expect(401)
    assert not rf.events(reason="guessing.pair")
    ua.register().expect(401)
    event = rf.wait_event("guessing.pair")
    assert event["account"] == f"alice@{DOMAIN}" and event["source"]["ip"] == "127.0.0.66"
    assert event["evidence"]["value"] == 6 and event["evidence"]["threshold"] == 5
    assert event["evidence"]["window"] == 600
    rf.wait_event("auth.bad-password", n=7)
    assert len(rf.events(reason="guessing.pair")) == 1


def test_source_at_its_threshold(rf, phone):
    for n in range(11):
        guess(phone, rf, f"user{n}", "127.0.0.66").expect(401)
    event = rf.wait_event("guessing.source")
    assert (event["evidence"]["value"], event["evidence"]["threshold"]) == (11, 10)


def test_who_guesses_from_beside_a_phone_is_stopped(edge, workers, phone):
    """From its home an account stays open under attack. A neighbour there who has another port for each guess is stopped
    at ten times the threshold of a pair, right or wrong; the phone itself goes on, and so do other accounts."""
    rf = edge(workers=workers, standing=CALM, controls={"flood": {"mode": "off"}, "guessing": {"pair": 2}})
    owner = phone(rf, "alice", ip=HOME)
    owner.register().expect(200)
    for _ in range(20):
        guess(phone, rf, "alice", HOME).expect(401)
    guess(phone, rf, "alice", HOME, password=PASSWORD).expect(401)
    assert rf.wait_event("guessing.locked")["account"] == f"alice@{DOMAIN}"
    owner.register().expect(200)
    guess(phone, rf, "bob", HOME, password=PASSWORD).expect(200)


def test_a_challenge_is_no_failure(rf, phone):
    ua = phone(rf, "alice", ip="127.0.0.66")
    for _ in range(12):
        ua.final(ua.send(ua.message("REGISTER", URI, to=f"<{ua.aor}>"))).expect(401)
    ua.register().expect(200)
    rf.wait_event("registrar.registered")
    assert not [e for e in rf.events() if e["reason"].startswith("guessing.")]


def test_an_account_under_attack(rf, phone):
    """Found and told once; its owner goes on from home, from next door and by another port; others wait, and
    learn nothing from how they are answered."""
    home = phone(rf, "alice", ip=HOME)
    home.register().expect(200)
    attack(phone, rf, places=20)
    assert not rf.events(reason="guessing.account")
    wrong = guess(phone, rf, "alice", botnet(20)).expect(401)
    event = rf.wait_event("guessing.account")
    assert event["account"] == f"alice@{DOMAIN}"
    assert (event["evidence"]["value"], event["evidence"]["threshold"], event["evidence"]["window"]) == (21, 20, 600)
    right = guess(phone, rf, "alice", botnet(21), password=PASSWORD).expect(401)
    assert shape(wrong) == shape(right)
    assert shape(guess(phone, rf, "alice", botnet(22))) == shape(wrong)
    event = rf.wait_event("guessing.locked", n=2)
    assert event["verdict"] == "reply" and event["status"] == 401 and event["account"] == f"alice@{DOMAIN}"
    home.register().expect(200)
    for ip in (HOME, "127.0.50.77"):
        guess(phone, rf, "alice", ip, password=PASSWORD).expect(200)
    guess(phone, rf, "bob", botnet(23), password=PASSWORD).expect(200)
    assert len(rf.events(reason="guessing.account")) == 1
    home.ask("MESSAGE", f"sip:carol@{DOMAIN}").expect(480)


def test_a_user_who_does_not_exist_is_attacked_just_the_same(rf, phone):
    answers = {name: [shape(guess(phone, rf, name, botnet(n))) for n in range(25)] for name in ("alice", "zelda")}
    assert len(set(answers["alice"] + answers["zelda"])) == 1
    assert rf.wait_event("guessing.account", account=f"zelda@{DOMAIN}")
    assert rf.wait_event("guessing.account", account=f"alice@{DOMAIN}")


def test_it_ends_by_itself(edge, phone):
    rf = edge(standing=CALM, controls={"guessing": {"lock": "1s", "account": 3, "window": "1s"}})
    attack(phone, rf, places=4)
    rf.wait_event("guessing.account")
    guess(phone, rf, "alice", botnet(5), password=PASSWORD).expect(401)
    ua = phone(rf, "alice", ip=botnet(5))
    # Who waits and tries on does not keep it closed.
    until(lambda: ua.register().status == 200, "the end of the attack", 10)


def test_observe_lets_everyone_try(edge, phone):
    rf = edge(standing=CALM, controls={"guessing": {"mode": "observe"}})
    attack(phone, rf)
    assert rf.wait_event("guessing.account")["mode"] == "observe"
    guess(phone, rf, "alice", botnet(30), password=PASSWORD).expect(200)
    event = rf.wait_event("guessing.locked", account=f"alice@{DOMAIN}")
    assert event["mode"] == "observe"


def test_one_phone_with_an_old_password_closes_nothing(rf, phone):
    ua = phone(rf, "alice", ip="127.0.0.66", password="old")
    for _ in range(40):
        ua.register().expect(401)
    rf.wait_event("guessing.pair", n=4)
    rf.wait_event("guessing.source", n=3)
    guess(phone, rf, "alice", botnet(1), password=PASSWORD).expect(200)
    assert not rf.events(reason="guessing.account")


def test_behind_a_nat_the_others_go_on(edge, phone):
    """Default settings: who guesses behind an address with known users is stopped alone."""
    rf = edge(standing={"allow": []})
    others = [phone(rf, name, ip="127.0.0.70") for name in ("alice", "bob")]
    for ua in others:
        ua.register().expect(200)
    guesser = phone(rf, "carol", ip="127.0.0.70", password="no")
    for n in range(30):
        data = guesser.message("REGISTER", URI, to=f"<{guesser.aor}>", call_id=token())
        sent = guesser.send(data)
        answer = guesser.wait(lambda m: m.is_response and m.call_id == sent.call_id, deadline=0.5)
        if answer is None:
            break
        line = guesser.credentials("REGISTER", URI, answer.challenge(), password="no")
        guesser.send(guesser.message("REGISTER", URI, to=f"<{guesser.aor}>", headers=[line]))
        guesser.wait(lambda m: m.is_response, deadline=0.5)
    assert n < 12, "it was never stopped"
    for ua in others:
        ua.register().expect(200)
    rf.wait_event("standing.device")
    assert not rf.events(reason="standing.banned", ip="127.0.0.70")


def test_five_thousand_places(edge, phone):
    """One guess from each of 5,000 addresses, default settings: found at the 21st, and told; its owner goes
    on throughout; nobody else gets in, whatever the password."""
    rf = edge(standing={"allow": [], "sources": 65536}, users=("alice",))
    home = phone(rf, "alice", ip=HOME)
    home.register().expect(200)
    for n in range(5000):
        guess(phone, rf, "alice", botnet(n), password=PASSWORD if n > 30 and n % 10 == 0 else "no").expect(401)
        if n % 500 == 499:
            home.register().expect(200)
    event = rf.wait_event("guessing.account")
    assert len(rf.events(reason="guessing.account")) == 1 and event["evidence"]["value"] == 21
    rf.wait_event("guessing.locked", n=5000 - 21)
    assert not rf.events(reason="standing.banned")


def test_places_outlive_a_restart(edge, phone):
    """Where phones are registered from; an attack that goes on must not close the account to them."""
    rf = edge(standing=CALM)
    home = phone(rf, "alice", ip=HOME)
    home.register().expect(200)
    rf.restart()
    attack(phone, rf, places=25)
    rf.wait_event("guessing.account")
    guess(phone, rf, "alice", botnet(40), password=PASSWORD).expect(401)
    home.register().expect(200)
