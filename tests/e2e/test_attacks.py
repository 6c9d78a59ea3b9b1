# SPDX-License-Identifier: MIT
"""Attacks at full size on the daemon as installed, and the innocent beside them: what docs/performance.md
tells under `Under attack`. Each control at its own threshold: test_flood.py, test_scan.py, test_standing.py.

Nothing here is measured against a clock: who gives up does so when RFC 3261 says (timer F, 32 s). Times and
numbers are recorded (attack.record)."""
import concurrent.futures
import random
import re
import socket
import time

import pytest

import attack
import sip
from daemon import DEADLINE, DOMAIN, PASSWORD, until

pytestmark = pytest.mark.alone

ATTACKER, STRANGER = "127.0.50.1", "127.0.51.1"
CUSTOMERS = ("127.0.61.1", "127.0.62.1")
OFFICE = "127.0.60.1"
REQUESTS = 60  # controls.flood.requests
FLOOD = 100000  # datagrams, each


@pytest.fixture
def installed(edge):
    """A daemon with the configuration that an operator starts with."""
    def make(workers=1, **settings):
        return edge(workers=workers, **{**attack.INSTALLED, **settings})
    return make


@pytest.fixture
def customer(phone):
    """A registered phone with patience."""
    made = []

    def make(rf, user, ip):
        ua = attack.Patient(rf, user, ip=ip)
        made.append(ua)
        ua.register().expect(200)
        return ua

    yield make
    for ua in made:
        ua.close()


@pytest.fixture
def raw():
    s = attack.raw_socket()
    if s is None:
        pytest.skip("forged addresses need a raw socket (root, or CAP_NET_RAW)")
    with s:
        yield s


def server(rf):
    return "127.0.0.1", rf.port


def call_while(flood, alice, bob, calls=20, **how):
    """Calls as long as the flood lasts, at most so many and at least one: all of them succeed. Their figures, with
    the time until they were answered."""
    until(lambda: flood.sent > 1000 or not flood.is_on(), "the flood")
    took = []
    alice.resent = bob.resent = 0
    while not took or (flood.is_on() and len(took) < calls):
        took.append(attack.place_call(alice, bob, **how))
        time.sleep(0.05)  # a phone has a budget as well
    return {"calls": len(took), "p50_ms": round(1000 * attack.percentile(took, 50), 2),
            "p99_ms": round(1000 * attack.percentile(took, 99), 2), "resent": alice.resent + bob.resent}


# --- one source

@pytest.mark.parametrize("method", ["OPTIONS", "REGISTER", "INVITE"])
def test_one_source_floods_and_a_known_user_calls_on(installed, workers, customer, method):
    rf = installed(workers)
    alice, bob = (customer(rf, user, ip) for user, ip in zip(("alice", "bob"), CUSTOMERS))
    with attack.bound(ATTACKER) as sock:
        port = sock.getsockname()[1]
        flood = attack.Flood(server(rf), sock, lambda n: attack.request(method, ATTACKER, port, n), FLOOD)
        innocent = call_while(flood, alice, bob)
        alice.register().expect(200)
        sent = flood.stop()
        assert sent > 10 * REQUESTS
        event = rf.wait_event("flood.source")
        assert event["source"]["ip"] == ATTACKER
        answers = {sip.Message(data).call_id for data in attack.drain(sock)}
        assert 0 < len(answers) <= REQUESTS
        # It is held now: not one more.
        before = attack.judged(rf)
        for n in range(200):
            sock.sendto(attack.request(method, ATTACKER, port, FLOOD + n), server(rf))
        until(lambda: attack.judged(rf) >= before + 200, "the rest of it")
        assert attack.drain(sock) == []
    attack.place_call(alice, bob)
    assert not attack.bans(rf), "who forges this address would have it banned"
    attack.record(attack="one source", method=method, workers=workers, sent=sent, answered=len(answers),
                  innocent=innocent)


# --- an office after a power cut

GUESSES = 60  # of each, if nobody stopped it


def guess(rf, ua):
    """Wrong passwords one after the other until the device is refused; how many were answered."""
    def answer(sent):
        def came():
            m = ua.wait(lambda m: m.is_response and m.call_id == sent.call_id, deadline=0.1)
            return m or (rf.events(reason="standing.device", port=ua.port) and "refused")
        return until(came, "an answer, or that there is none")
    for n in range(GUESSES):
        r = answer(ua.send(ua.message("REGISTER", f"sip:{DOMAIN}", to=f"<{ua.aor}>")))
        if r == "refused":
            return n
        line = ua.credentials("REGISTER", f"sip:{DOMAIN}", r.challenge(), password=f"guess-{n}")
        answer(ua.send(ua.message("REGISTER", f"sip:{DOMAIN}", to=f"<{ua.aor}>", headers=[line])))
    return GUESSES


def all_registered(office):
    return [(p.user, p.status) for p in office.phones if p.gave_up or p.status != 200] == []


def test_an_office_of_500_phones_comes_back_and_a_guesser_in_it_is_stopped(installed, workers, customer, phone):
    rf = installed(workers)
    users = [f"desk{n}" for n in range(500)]
    attack.add_accounts(rf, users)
    figures = {}
    office = attack.Office(rf, OFFICE, users)
    try:
        took = office.register()
        assert all_registered(office)
        figures["fresh daemon"] = {"seconds": round(took, 2), "resent": office.resent}
        # The power comes back, and the daemon begins anew, too; the NAT gives new ports.
        rf.restart()
        office.close()
        office = attack.Office(rf, OFFICE, users)
        took = office.register()
        assert all_registered(office)
        figures["after a restart"] = {"seconds": round(took, 2), "resent": office.resent}
        assert not attack.bans(rf)
        assert [e for e in rf.events(event="standing") if e["control"] == "standing"] == []

        # One that never logged in, and one that is a colleague's phone.
        stopped = {}
        inside = customer(rf, "carol", OFFICE)
        for name, ua, victim in (("a new device", phone(rf, "desk7", ip=OFFICE), "desk7"),
                                 ("a phone of the office", inside, "desk8")):
            ua.user, ua.aor = victim, f"sip:{victim}@{DOMAIN}"
            stopped[name] = guess(rf, ua)
            assert stopped[name] < 10, name
            assert rf.events(reason="standing.device", port=ua.port)[0]["source"]["ip"] == OFFICE
            assert ua.hears_nothing()
            ua.send(ua.message("OPTIONS", f"sip:{DOMAIN}"))
            assert ua.hears_nothing()
        figures["guesses answered"] = stopped
        assert not rf.events(reason="standing.banned")
        office_resent = office.resent
        office.register()
        assert all_registered(office)
        figures["beside the guesser"] = {"registered": len(users), "resent": office.resent - office_resent}
        alice, bob = (customer(rf, user, OFFICE) for user in ("alice", "bob"))
        for _ in range(5):
            attack.place_call(alice, bob)
    finally:
        office.close()
    attack.record(attack="500 phones behind one address", workers=workers, **figures)


# --- scanners as they are

def sipvicious(rf, tool, ip, *args):
    """What it said, and how many of its requests got how far."""
    def seen():
        return attack.counters(rf, "received.udp"), attack.passed(rf), attack.counters(rf, "sent.udp")
    before = seen()
    out = attack.sipvicious(tool, ip, rf.port, *args)
    sent, through, answered = (b - a for a, b in zip(before, seen()))
    return out, {"sent": sent, "past the gate": through, "answered": answered}


def rows(out):
    """The first column of the table of what it found."""
    return [row for row in re.findall(r"^[|\u2502] *([^ |\u2502]+)", out, re.M) if row not in ("SIP", "Extension")]


PASSWORDS = [f"{n}{n}{n}" for n in range(10, 60)]
LATE = PASSWORDS[30]  # of account 101; that of 100 is the first of the list
GUESSED = 8  # no more than so many


@pytest.fixture
def scanned(installed, customer, tmp_path):
    """disguised: as if the tool was changed to look like any phone, so that it is known by what it does alone;
    and as it is told the domain."""
    def make(disguised):
        settings = {"controls": {"auth": {"algorithms": ["MD5"]}}}  # all that these tools know
        if disguised:
            unseen = tmp_path / "unseen"
            unseen.write_text("-sipvicious\n")
            settings["controls"]["scan"] = {"signatures": str(unseen)}
        rf = installed(**settings)
        attack.add_accounts(rf, ["100"], PASSWORDS[0])
        attack.add_accounts(rf, ["101"], LATE)
        (tmp_path / "passwords").write_text("\n".join(PASSWORDS) + "\n")
        return rf, [customer(rf, user, ip) for user, ip in zip(("alice", "bob"), CUSTOMERS)]
    return make


def svmap_and_svwar(rf, *domain):
    """What each said, and its figures."""
    found = {"svmap": sipvicious(rf, "svmap", ATTACKER)}
    for args in ((), ("--force",), ("--force", "-m", "OPTIONS"), ("--force", "-m", "INVITE")):
        found[" ".join(("svwar", *args))] = sipvicious(rf, "svwar", ATTACKER, *args, *domain)
    return {tool: out for tool, (out, _) in found.items()}, {tool: figures for tool, (_, figures) in found.items()}


@pytest.mark.parametrize("disguised", [pytest.param(False, id="as-it-is"),
                                       pytest.param(True, id="disguised", marks=pytest.mark.slow)])
def test_sipvicious_learns_nothing(scanned, tmp_path, disguised):
    """Two daemons, for svcrack takes its time to give up."""
    (rf, users), (cracked, others) = scanned(disguised), scanned(disguised)
    domain = ("--domain", DOMAIN) if disguised else ()
    crack = ("-d", str(tmp_path / "passwords"), *domain)
    with concurrent.futures.ThreadPoolExecutor(1) as beside:
        cracking = beside.submit(sipvicious, cracked, "svcrack", ATTACKER, *crack, "-u", "101")
        said, figures = svmap_and_svwar(rf, *domain)
        out, figures["svcrack"] = cracking.result()
    # That something is there is no secret when the question looks like a phone's; what it is, is.
    assert rows(said["svmap"]) == ([f"127.0.0.1:{rf.port}"] if disguised else []), said
    assert "ringfence" not in said.pop("svmap").lower()
    assert [rows(text) for text in said.values()] == [[]] * 4, said
    assert rows(out) == [] and LATE not in out, out
    tried = len(cracked.events(reason="auth.bad-password"))
    if disguised:
        assert sum(f["answered"] for f in figures.values()) <= REQUESTS, figures
        event = cracked.wait_event("standing.banned", ip=ATTACKER)
        assert event["source"]["proven"] is True and event["account"] == f"101@{DOMAIN}"
        assert [b["source"] for b in attack.bans(cracked)] == [ATTACKER]
        assert 0 < tried <= GUESSED
        # The tool works: who guesses right at once is let in.
        out = attack.sipvicious("svcrack", STRANGER, cracked.port, *crack, "-u", "100")
        assert rows(out) == ["100"], out
    else:
        assert rf.wait_event("scan.signature", ip=ATTACKER)["evidence"]["value"] == "sipvicious"
        rf.wait_event("standing.suspect", ip=ATTACKER)
        # Asked for a password once, but for OPTIONS: who answers is banned with that, before it is looked at.
        assert all(f["answered"] <= (0 if tool == "svmap" or "OPTIONS" in tool else 1)
                   for tool, f in figures.items()), figures
        assert tried == 0
        event = cracked.wait_event("standing.banned", ip=ATTACKER)
        assert event["source"]["proven"] is True and event["evidence"]["name"] == "scan.signature"
        assert [b["source"] for b in attack.bans(cracked)] == [ATTACKER]
    assert not attack.bans(rf), "svmap and svwar never showed that they are where they say"
    attack.place_call(*users)
    attack.place_call(*others)
    attack.record(attack="sipvicious", disguised=disguised, passwords_tried=tried, **figures)


# --- forged addresses

def flood_as(rf, raw, ip, port, make, limit):
    """A flood whose datagrams say that they come from there; port None: from any."""
    def datagram(n):
        source = ip, port or 1024 + n % 60000
        return attack.forged(source, server(rf), make(n, source))
    return attack.Flood(server(rf), raw, datagram, limit)


def some_request(n, source):
    return attack.request(("INVITE", "OPTIONS", "REGISTER", "MESSAGE")[n % 4], *source, n, user="alice")


def invented_login(n, source):
    """A log-in whose nonce was never given to anybody."""
    nonce = f"{n:048x}"
    return attack.request("REGISTER", *source, n, user="alice", headers=(
        f'Authorization: Digest username="alice", realm="{DOMAIN}", nonce="{nonce}", uri="sip:{DOMAIN}", '
        f'algorithm=MD5, cnonce="1", qop=auth, nc=00000001, response="{n:032x}"\r\n'))


@pytest.mark.parametrize("make", [some_request, invented_login], ids=["flood", "log-ins"])
@pytest.mark.parametrize("port", ["any-port", "its-port"])
def test_who_forges_a_customers_address_cannot_harm_it(installed, customer, raw, make, port):
    rf = installed()
    alice, bob = (customer(rf, user, ip) for user, ip in zip(("alice", "bob"), CUSTOMERS))
    attack.place_call(alice, bob)
    flood = flood_as(rf, raw, alice.ip, alice.port if port == "its-port" else None, make, FLOOD)
    # Who knows its very port competes with it for its budget, but has no nonce of ours.
    innocent = call_while(flood, alice, bob, preemptive=port == "its-port")
    sent = flood.stop()
    alice.register().expect(200)
    attack.place_call(alice, bob)
    assert not attack.bans(rf)
    assert not [e for e in rf.events(event="standing") if e["reason"] in ("standing.banned", "standing.device")]
    attack.record(attack="forged address of a customer", how=f"{make.__name__}, {port}", sent=sent,
                  innocent=innocent)


def test_a_phone_that_forgot_its_nonce_calls_when_the_flood_from_its_port_ends(installed, customer, raw):
    """Its first INVITE looks like that of anybody who sends from its address and port: it is sent again until it
    gets through."""
    rf = installed()
    alice, bob = (customer(rf, user, ip) for user, ip in zip(("alice", "bob"), CUSTOMERS))
    flood = flood_as(rf, raw, alice.ip, alice.port, some_request, FLOOD)
    innocent = call_while(flood, alice, bob)
    attack.record(attack="forged address of a customer", how="flood, its-port, no credentials in the first INVITE",
                  sent=flood.stop(), innocent=innocent)
    assert not attack.bans(rf)


SOURCES = 20000


def test_thousands_of_forged_sources(installed, customer, raw):
    rf = installed()
    alice, bob = (customer(rf, user, ip) for user, ip in zip(("alice", "bob"), CUSTOMERS))
    attack.place_call(alice, bob)
    names = ("received.bytes", "sent.bytes")
    memory, received, sent = attack.resident(rf), *attack.counters(rf, *names)
    chosen = random.sample(range(127 << 24 | 64 << 16, 127 << 24 | 192 << 16), SOURCES)

    def datagram(n):
        source = socket.inet_ntoa(chosen[n - 1].to_bytes(4, "big")), 1024 + n % 60000
        return attack.forged(source, server(rf), some_request(n, source))
    flood = attack.Flood(server(rf), raw, datagram, SOURCES)
    innocent = call_while(flood, alice, bob)
    flood.wait()
    attack.place_call(alice, bob)
    received, sent = (b - a for a, b in zip((received, sent), attack.counters(rf, *names)))
    ledger = rf.status()["ledger"]
    attack.record(attack="forged sources", sources=SOURCES, bytes_received=received, bytes_sent=sent,
                  memory_before=memory, memory_after=attack.resident(rf), entries=ledger["now"], innocent=innocent)
    assert sent <= 1.5 * received
    assert ledger["now"] <= ledger["max"]
    assert not attack.bans(rf)
    alice.register().expect(200)


# --- one account, thousands of places

GUESSERS = 5000


def test_guessing_from_5000_places_closes_the_account_to_strangers_alone(installed, workers, customer, phone):
    rf = installed(workers)
    alice, bob = (customer(rf, user, ip) for user, ip in zip(("alice", "bob"), CUSTOMERS))
    answers = {}
    begin = time.monotonic()
    for n in range(GUESSERS):
        ip = f"127.{100 + n // 500}.{n // 10 % 50}.{1 + n % 10}"
        got = attack.log_in(server(rf), ip, "alice", f"guess-{n}")
        answers[got] = answers.get(got, 0) + 1
        if n % 500 == 0:
            alice.register().expect(200)
            bob.register().expect(200)
    took = time.monotonic() - begin
    event = rf.wait_event("guessing.account")
    assert event["account"] == f"alice@{DOMAIN}"
    assert event["evidence"]["value"] > event["evidence"]["threshold"] == 20
    assert len(rf.events(reason="guessing.account")) == 1
    rf.wait_event("guessing.locked")
    assert set(answers) <= {(401, 401), (401, None), (None, None)}
    # The right password, from a place where alice never was: the answer of a wrong one.
    assert attack.log_in(server(rf), STRANGER, "alice", PASSWORD, DEADLINE) == (401, 401)
    assert rf.wait_event("guessing.locked", ip=STRANGER)
    # From where she was she logs in, registers and is called; so do others from anywhere.
    alice.nonce = None
    alice.register().expect(200)
    assert attack.log_in(server(rf), CUSTOMERS[0], "alice", PASSWORD, DEADLINE) == (401, 200)
    attack.place_call(alice, bob)
    attack.place_call(bob, alice)
    assert attack.log_in(server(rf), STRANGER, "bob", PASSWORD, DEADLINE) == (401, 200)
    attack.record(attack="one account, many places", workers=workers, sources=GUESSERS, seconds=round(took, 1),
                  answers={f"{a}, {b}": n for (a, b), n in answers.items()})


def test_an_attack_on_an_account_ends(installed, customer):
    rf = installed(controls={"guessing": {"lock": "1s"}})
    customer(rf, "alice", CUSTOMERS[0])
    for n in range(25):
        attack.log_in(server(rf), f"127.100.{n}.1", "alice", "wrong", DEADLINE)
    rf.wait_event("guessing.account")
    until(lambda: rf.status()["guessing"]["accounts_under_attack"] == 0, "the end of it")
    assert attack.log_in(server(rf), STRANGER, "alice", PASSWORD, DEADLINE) == (401, 200)
