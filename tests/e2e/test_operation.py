# SPDX-License-Identifier: MIT
"""What happens to a running edge: restarts, power cuts, a lost database, reloads, rotated and full
files, a second daemon."""
import concurrent.futures
import json
import os
import pathlib
import sqlite3
import subprocess

import pytest

import sip
from daemon import DEADLINE, DOMAIN, PROGRAM, free_port, until
from sipp import Sipp, register as sipp_register


def log_rows(rf):
    """How many records of bindings are on the disk."""
    with sqlite3.connect(f"file:{rf.database}?mode=ro", uri=True) as db:
        return db.execute("SELECT count(*) FROM binding_log").fetchone()[0]


def wait_logged(rf, beyond=0):
    """Until the registrations made so far are on the disk."""
    return until(lambda: log_rows(rf) > beyond and log_rows(rf), "the log of bindings")


def reach(caller, callee):
    """A call goes through."""
    call = caller.call(callee.user)
    callee.reply(callee.invite(call_id=call.call_id), 486)
    call.final().expect(486)


# --- restarts

def test_bindings_survive_a_restart(rf, phones):
    """In the middle of registrations: what had its 200 is there afterwards, and is reached."""
    alice, bob, carol = phones(rf, "alice", "bob", "carol")
    bob.register(contact=f"<{bob.contact}>;q=0.5;+sip.instance=\"<urn:uuid:1>\"", headers=["User-Agent: Old Phone/2"])
    before = rf.registrations()
    half = carol.final(carol.send(carol.message("REGISTER", f"sip:{DOMAIN}", to=f"<{carol.aor}>"))).expect(401)
    rf.restart()
    after = rf.registrations()
    stable = ("aor", "contact", "source", "transport", "q", "user_agent", "call_id", "cseq", "instance")
    assert sorted([b[k] for k in stable] for b in after) == sorted([b[k] for k in stable] for b in before)
    assert all(b["expires_in"] <= 300 for b in after)
    reach(alice, bob)
    # what was half done goes on without anybody being asked for a password
    line = carol.credentials("REGISTER", f"sip:{DOMAIN}", half.challenge())
    r = carol.final(carol.send(carol.message("REGISTER", f"sip:{DOMAIN}", to=f"<{carol.aor}>", headers=[line])))
    assert r.expect(401).challenge()["stale"].lower() == "true"
    rf.wait_event("auth.stale", account=f"carol@{DOMAIN}")
    assert not rf.events(reason="auth.forged-nonce")
    carol.register().expect(200)


def test_restarts_in_the_middle_of_registrations(edge, phone, workers):
    """Phones register on and on, and try again when nobody answers; what was confirmed is kept."""
    rf = edge(workers=workers, registrar={"max_contacts": 64})
    confirmed, total = set(), 150

    def register_all():
        users = [phone(rf, user) for user in ("alice", "bob", "carol")]
        for i in range(total):
            ua = users[i % 3]
            contact = f"sip:{ua.user}@127.0.0.2:{10000 + i}"  # never an address the edge itself listens on
            until(lambda: one_try(ua, contact), f"the registration of {contact}")
            confirmed.add(contact)

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        job = pool.submit(register_all)
        for share in (3, 2):
            until(lambda: len(confirmed) > total // share or job.done(), "registrations")
            rf.restart()
        job.result(2 * DEADLINE)
    assert len(confirmed) == total
    assert {b["contact"] for b in rf.registrations()} == confirmed


def one_try(ua, contact):
    """One login with a short patience; False when an answer did not come or the nonce was of before."""
    challenge = None
    for _ in range(2):
        headers = [ua.credentials("REGISTER", f"sip:{DOMAIN}", challenge)] if challenge else []
        sent = ua.send(ua.message("REGISTER", f"sip:{DOMAIN}", headers=headers, to=f"<{ua.aor}>", contact=contact))
        r = ua.wait(lambda m: m.branch == sent.branch, deadline=0.5)
        if r is None:
            return False
        challenge = r.challenge()
        assert r.status in (200, 401), r
    return r.status == 200


def test_removed_bindings_stay_removed(edge, phones):
    rf = edge()
    alice, bob = phones(rf, "alice", "bob")
    alice.register(expires=0).expect(200)
    rf.restart()
    assert [b["aor"] for b in rf.registrations()] == [f"bob@{DOMAIN}"]


def test_a_kill_loses_at_most_the_last_second(rf, phones):
    """The process dies without a word; what was written before it is there."""
    alice, bob = phones(rf, "alice", "bob")
    wait_logged(rf)
    until(lambda: rf.status()["uptime"] >= 2, "the next second")  # nothing was registered since
    rf.kill()
    rf.start()
    assert {b["aor"] for b in rf.registrations()} == {f"alice@{DOMAIN}", f"bob@{DOMAIN}"}
    reach(alice, bob)


def test_kills_at_any_moment_leave_a_usable_store(edge, phone):
    """Killed in the middle of writing, again and again."""
    rf = edge()
    for round_ in range(8):
        ua = phone(rf)
        for i in range(10 * round_):
            ua.register(contact=f"sip:alice@127.0.0.1:{7000 + i % 5}", call_id=sip.token()).expect(200)
        rf.kill()
        rf.start()
    phone(rf).register().expect(200)
    with sqlite3.connect(rf.database) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


# --- the database goes and comes back

def files_of(database):
    return [f for f in (database, pathlib.Path(f"{database}-wal"), pathlib.Path(f"{database}-shm")) if f.exists()]


def take_away(rf):
    away = rf.folder / "away"
    away.mkdir()
    for f in files_of(rf.database):
        f.rename(away / f.name)
    return away


def bring_back(rf, away):
    for f in away.iterdir():
        f.rename(rf.database.parent / f.name)
    away.rmdir()


def lose_file(rf):
    away = take_away(rf)
    return lambda: bring_back(rf, away)


def lose_to_a_folder(rf):
    """Something else is in its place."""
    away = take_away(rf)
    rf.database.mkdir()

    def back():
        rf.database.rmdir()
        bring_back(rf, away)
    return back


def lose_to_garbage(rf):
    away = take_away(rf)
    rf.database.write_bytes(b"no database " * 1000)

    def back():
        rf.database.unlink()
        bring_back(rf, away)
    return back


@pytest.mark.parametrize("lose", [lose_file, lose_to_a_folder, lose_to_garbage])
def test_a_lost_database(edge, phone, phones, lose):
    """Who is in the cache goes on; who is not is told to come back; and it mends itself."""
    rf = edge()
    alice, bob = phones(rf, "alice", "bob")
    wait_logged(rf)
    back = lose(rf)
    rf.wait_event("daemon.store-lost")
    rf.wait_stderr("the database is lost")
    status = rf.status()
    assert status["store"]["ok"] is False and status["store"]["error"]
    alice.register().expect(200)
    reach(alice, bob)
    carol = phone(rf, "carol")
    r = carol.register().expect(503)
    assert int(r.get("Retry-After")) > 0
    call = carol.call("alice")
    call.final().expect(503)
    event = rf.wait_event("auth.store-unavailable", account=f"carol@{DOMAIN}")
    assert event["status"] == 503
    missed = sip.token()
    bob.register(contact=f"<{bob.contact}>, <sip:{missed}@127.0.0.1:7001>").expect(200)
    back()
    rf.wait_event("daemon.store-back")
    assert rf.status()["store"]["ok"] is True
    carol.register().expect(200)
    rows = log_rows(rf)
    alice.register().expect(200)
    wait_logged(rf, rows)
    rf.kill()
    rf.start()
    contacts = {b["contact"] for b in rf.registrations()}
    assert {alice.contact, bob.contact, carol.contact, f"sip:{missed}@127.0.0.1:7001"} == contacts


def test_a_locked_database(edge, phones, phone):
    """Somebody's long transaction keeps the daemon from writing, not from serving."""
    rf = edge()
    alice, bob = phones(rf, "alice", "bob")
    wait_logged(rf)
    db = sqlite3.connect(rf.database, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    carol = phone(rf, "carol")
    carol.register().expect(200)
    reach(alice, bob)
    rf.wait_event("daemon.store-lost")
    reach(alice, bob)
    db.execute("ROLLBACK")
    db.close()
    rf.wait_event("daemon.store-back")
    until(lambda: log_rows(rf) >= 2, "carol on the disk")
    rf.kill()
    rf.start()
    assert len(rf.registrations()) == 3


def test_a_daemon_does_not_start_on_a_broken_database(edge):
    rf = edge(start=False)
    for f in files_of(rf.database):
        f.unlink()
    rf.database.write_bytes(b"this is not a database, but long enough to look at" * 100)
    rf.start(ready=False)
    assert rf.wait_exit() == 1
    assert "ringfence.db" in rf.stderr()


# --- reload

def change(rf, **settings):
    rf.write_config(**settings)


@pytest.mark.parametrize("how", ["command", "signal"])
def test_reload_under_calls_loses_none(edge, how, workers):
    """60 calls by SIPp while the configuration is read again and again."""
    rf = edge(workers=workers)
    port = free_port()
    sipp_register(rf, "bob", port)
    uas = Sipp(rf, "uas", user="bob", port=port, calls=60)
    uac = Sipp(rf, "uac", user="alice", to="bob", calls=60, rate=30)
    reloads = 0
    while uac.process.poll() is None:
        change(rf, registrar={"default_expires": f"{100 + reloads % 2}s"})
        if how == "command":
            assert rf.run("reload", "--json").expect(0).json()["ok"] is True
        else:
            rf.hangup()
        reloads += 1
        rf.wait_event("daemon.reload", n=reloads)
    uac.finish()
    uas.finish()
    assert reloads > 2
    rf.wait_event("call.ended", n=60)
    assert len(rf.events(reason="call.answered")) == 60
    assert not rf.events(reason="call.failed")


def test_reload_keeps_connections_calls_and_bindings(rf, phones):
    alice = phones(rf, "alice", transport="tcp")
    bob = phones(rf, "bob")
    dialog, _ = sip.connect(alice, bob)
    rf.run("reload").expect(0)
    got, r = dialog.ask("INFO", bob)
    assert got and r.status == 200
    got, r = dialog.ask("BYE", bob)
    assert got and r.status == 200
    assert len(rf.registrations()) == 2
    assert rf.status()["counters"]["connections.closed"] == 0


@pytest.mark.parametrize("text, message", [
    ("zones: {public: {listen: [udp:127.0.0.1:$PORT]}}\ndomains: {example.com: {}}\nworkerz: 2\n", "workers"),
    ("zones: {public: {listen: [udp:127.0.0.1:$PORT]}}\ndomains: {example.com: {}\n", ""),
    ("", "zones"),
    ("zones: {public: {listen: [udp:127.0.0.1:$PORT]}}\ndomains: {example.com: {}}\n"
     "registrar: {min_expires: 5x}\n", "5x"),
], ids=["unknown key", "syntax", "empty", "bad unit"])
def test_a_broken_new_configuration_keeps_the_old(edge, phones, text, message):
    rf = edge()
    alice = phones(rf, "alice")
    good = rf.config.read_text()
    listeners = rf.status()["listeners"]
    # the socket must be found although the configuration is broken
    rf.config.write_text("admin: {listen: unix:rf.sock}\n" + text.replace("$PORT", str(rf.port)))
    r = rf.run("reload").expect(1)
    assert f"{rf.config}:" in r.err and message in r.err
    rf.hangup()
    rf.wait_stderr("the old one stays in use")
    rf.wait_event("daemon.reload-failed")
    assert f"{rf.config}:" in rf.stderr()
    rf.run("reload", "--json").expect(1)
    alice.register().expect(200)
    rf.config.write_text(good)
    assert rf.status()["listeners"] == listeners
    rf.run("reload").expect(0)
    alice.register().expect(200)


def test_a_changed_setting_counts_after_a_reload(edge, phone):
    rf = edge()
    ua = phone(rf)
    change(rf, registrar={"min_expires": "1m"})
    ua.register(expires=10).expect(200)
    rf.run("reload").expect(0)
    ua.register(expires=10).expect(423)
    change(rf, domains={"second.example": {"registrar": "local"}})
    rf.run("reload").expect(0)
    rf.add_user("alice@second.example")
    phone(rf, "alice", domain="second.example").register().expect(200)
    change(rf, domains={"second.example": None})
    rf.run("reload").expect(0)
    r = phone(rf, "alice", domain="second.example").register()
    assert r.status in (403, 404), r


def test_what_needs_a_restart_is_told(edge):
    rf = edge()
    change(rf, workers=2)
    r = rf.run("reload").expect(0)
    assert "workers" in r.out and "restart" in r.out
    assert rf.status()["workers"] == 1
    rf.restart()
    assert rf.status()["workers"] == 2


def test_listeners_are_added_and_removed(rf, phones, phone):
    alice = phones(rf, "alice")
    first = rf.settings["zones"]["public"]["listen"]
    port = free_port()
    more = [f"udp:127.0.0.1:{port}", f"tcp:127.0.0.1:{port}"]
    change(rf, zones={"public": {"listen": first + more}})
    rf.run("reload").expect(0)
    for transport in ("udp", "tcp"):
        new = until(lambda: answered(phone, rf, port, transport), "the new listener")
        new.register().expect(200)
    alice.register().expect(200)
    change(rf, zones={"public": {"listen": first}})
    rf.run("reload").expect(0)
    until(lambda: refused(rf, port), "the end of the listener")
    alice.register().expect(200)
    assert {entry["listen"] for entry in rf.status()["listeners"]} == set(first)


def answered(phone, rf, port, transport):
    try:
        ua = phone(rf, "bob", server=("127.0.0.1", port), transport=transport)
    except ConnectionRefusedError:
        return None
    sent = ua.send(ua.message("OPTIONS", f"sip:{DOMAIN}"))
    try:
        return ua if ua.wait(lambda m: m.branch == sent.branch, deadline=1) else None
    except ConnectionRefusedError:
        return None


def refused(rf, port):
    try:
        sip.Tcp(("127.0.0.1", port), "127.0.0.1").close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_listener_that_cannot_be_had_keeps_the_old_configuration(edge, phones):
    rf, other = edge(), edge()
    alice = phones(rf, "alice")
    change(rf, zones={"public": {"listen": [*rf.settings["zones"]["public"]["listen"],
                                            f"udp:127.0.0.1:{other.port}"]}})
    r = rf.run("reload").expect(1)
    assert str(other.port) in r.err
    alice.register().expect(200)
    phones(other, "alice")


# --- event files

def test_a_rotated_event_file(edge, phone):
    """Moved away and told so, as logrotate does it: nothing is lost, nothing stands twice."""
    rf = edge()
    ua = phone(rf)
    rotated = []
    for i in range(5):
        for _ in range(10):
            ua.send(ua.message("OPTIONS", f"sip:{DOMAIN}"))
        old = rf.folder / f"events.{i}"
        rf.wait_event("auth.challenge", n=1)
        rf.events_file.rename(old)
        rotated.append(old)
        rf.hangup()
        until(rf.events_file.exists, "the new file")

    def all_of_them():
        lines = [line for f in [*rotated, rf.events_file] for line in f.read_text().splitlines()]
        n = sum(json.loads(line)["reason"] == "auth.challenge" for line in lines)
        assert n <= 50
        return n == 50
    until(all_of_them, "all 50 events")
    assert rf.status()["counters"]["events.lost"] == 0


def test_a_removed_event_file_is_made_again(edge, phone):
    rf = edge()
    ua = phone(rf)
    rf.events_file.unlink()
    ua.send(ua.message("OPTIONS", f"sip:{DOMAIN}"))
    rf.wait_event("auth.challenge")


def test_a_full_disk_for_events(edge, phones):
    """Counted and told; signalling goes on."""
    rf = edge(events=[{"file": "/dev/full"}, {"file": "events.jsonl"}])
    alice, bob = phones(rf, "alice", "bob")
    reach(alice, bob)
    event = rf.wait_event("daemon.events-lost")
    assert event["evidence"]["value"] >= 1
    sinks = {s["name"]: s for s in rf.status()["sinks"]}
    assert sinks["/dev/full"]["lost_error"] >= 1 and sinks["/dev/full"]["error"]
    assert sinks[str(rf.events_file)]["lost_error"] == 0
    assert "FAILS" in rf.run("status").expect(0).out
    reach(alice, bob)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system takes root")
def test_a_disk_that_fills_and_is_emptied(edge, phone):
    rf = edge(start=False, events=[{"file": "small/events.jsonl"}, {"file": "events.jsonl"}])
    small = rf.folder / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(small)], capture_output=True,
                             text=True)
    if mounted.returncode:
        pytest.skip(f"no mount here: {mounted.stderr}")
    try:
        rf.start()
        ua = phone(rf)

        def fill():
            for _ in range(50):
                ua.final(ua.send(ua.message("OPTIONS", f"sip:{DOMAIN}"))).expect(407)
            return rf.events(reason="daemon.events-lost")
        until(fill, "a full disk")
        for line in (small / "events.jsonl").read_text().splitlines():
            json.loads(line)  # no line is cut
        (small / "events.jsonl").write_text("")
        ua.final(ua.send(ua.message("OPTIONS", f"sip:{DOMAIN}"))).expect(407)
        until(lambda: "auth.challenge" in (small / "events.jsonl").read_text(), "events on the emptied disk")
        for line in (small / "events.jsonl").read_text().splitlines():
            json.loads(line)
        rf.stop()
    finally:
        subprocess.run(["umount", str(small)], check=False)


def test_events_only_of_some_verdicts(edge, phone):
    rf = edge(events=[{"file": "events.jsonl"}, {"file": "refused.jsonl", "only": ["reply", "drop"]}])
    ua = phone(rf)
    ua.register(password="wrong").expect(401)
    ua.register().expect(200)
    rf.wait_event("registrar.registered")
    refused_file = rf.folder / "refused.jsonl"
    until(lambda: "auth.bad-password" in refused_file.read_text(), "the refusal")
    verdicts = {json.loads(line)["verdict"] for line in refused_file.read_text().splitlines()}
    assert verdicts <= {"reply", "drop"}


def test_events_on_standard_output(edge, phone):
    rf = edge(events=[{"stdout": True}])
    phone(rf).register().expect(200)
    out = rf.folder / "stdout"
    until(lambda: "registrar.registered" in out.read_text(), "events")
    assert all(json.loads(line)["reason"] for line in out.read_text().splitlines())
    rf.stop()
    assert json.loads(out.read_text().splitlines()[-1])["reason"] == "daemon.stop"


def test_a_reader_that_stops_reading_stops_nothing(edge, phones):
    """Events go to a pipe that nobody empties."""
    rf = edge(start=False, events=[{"file": "pipe"}, {"file": "events.jsonl"}])
    os.mkfifo(rf.folder / "pipe")
    reader = os.open(rf.folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        rf.start()
        alice, bob = phones(rf, "alice", "bob")
        for _ in range(400):  # more than a pipe holds
            alice.final(alice.send(alice.message("OPTIONS", f"sip:{DOMAIN}"))).expect(407)
        reach(alice, bob)
        rf.wait_event("auth.challenge", n=402)
        rf.stop()
    finally:
        os.close(reader)


# --- two daemons

@pytest.mark.parametrize("kind", ["udp", "tcp"])
def test_a_second_daemon_on_the_same_port_does_not_start(edge, phones, kind, workers):
    """SO_REUSEPORT must not let it take half of the traffic in silence."""
    rf = edge(workers=workers)
    second = edge(start=False, zones={"public": {"listen": [f"{kind}:127.0.0.1:{rf.port}"]}})
    second.start(ready=False)
    assert second.wait_exit() == 1
    said = second.stderr()
    assert f"{kind}:127.0.0.1:{rf.port}" in said and "in use" in said, said
    for _ in range(8):
        phones(rf, "alice")


def test_a_second_daemon_of_the_same_folder_does_not_start(edge, phones):
    rf = edge()
    alice = phones(rf, "alice")
    log = rf.folder / "second"
    with open(log, "wb") as out:
        code = subprocess.run([PROGRAM, "serve", "-c", str(rf.config)], cwd=rf.folder, stdout=out, stderr=out,
                              timeout=60).returncode
    assert code == 1, log.read_text()
    assert "in use" in log.read_text() or "running" in log.read_text(), log.read_text()
    rf.status()
    alice.register().expect(200)


def test_a_stale_socket_is_taken_over(edge):
    """Left behind by a daemon that was killed."""
    rf = edge()
    rf.kill()
    assert (rf.folder / "rf.sock").exists()
    rf.start()
    rf.status()


# --- starting

def test_from_nothing_to_a_call(edge, phones):
    """As the first page says: init, check, user add, serve."""
    rf = edge(start=False, users=())
    rf.config.unlink()
    listen = [f"udp:127.0.0.1:{rf.port}", f"tcp:127.0.0.1:{rf.port}"]
    rf.run("init", *listen).expect(0)
    rf.run("check").expect(0)
    written = rf.config.read_text()
    r = rf.run("init", *listen).expect(1)
    assert "already" in r.err and rf.config.read_text() == written
    for user in ("alice", "bob"):
        rf.add_user(user)
    rf.start()
    alice, bob = phones(rf, "alice", "bob")
    reach(alice, bob)



@pytest.mark.parametrize("settings, words", [
    ({"zones": {"public": {"listen": ["udp:192.0.2.77:5060"]}}}, "udp:192.0.2.77:5060"),
    ({"events": [{"file": "no/such/folder/events.jsonl"}]}, "no/such/folder"),
    ({"admin": {"listen": "unix:no/such/folder/rf.sock"}}, "no/such/folder"),
    ({"accounts": {"store": "sqlite:no/such/folder/x.db"}}, "no/such/folder"),
], ids=["address", "events", "socket", "store"])
def test_why_it_does_not_start(edge, settings, words):
    rf = edge(start=False, users=(), **settings)
    rf.start(ready=False)
    assert rf.wait_exit() == 1
    assert words in rf.stderr()


def test_unknown_keys_are_refused(edge):
    rf = edge(start=False, users=(), raw="zones: {public: {listen: [udp:127.0.0.1:$PORT]}}\n"
              "domains:\n  example.com: {registra: local}\nbogus: 1\n")
    rf.start(ready=False)
    assert rf.wait_exit() == 1
    assert f"{rf.config}:3:" in rf.stderr() and "registrar" in rf.stderr()
    assert f"{rf.config}:4:1" in rf.stderr() and "bogus" in rf.stderr()
    assert "nothing was started" in rf.stderr()


def test_start_and_stop_are_events(edge):
    rf = edge()
    rf.stop()
    assert [e["reason"] for e in rf.events(event="daemon")] == ["daemon.start", "daemon.stop"]
    assert rf.events(reason="daemon.start")[0]["node"] == "testnode"


def test_systemd_is_told(edge):
    import socket
    rf = edge(start=False)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(rf.folder / "notify"))
        notify.settimeout(60)
        rf.env["NOTIFY_SOCKET"] = str(rf.folder / "notify")
        rf.start()
        assert b"READY=1" in notify.recv(4096)
        rf.hangup()
        assert b"RELOADING=1" in notify.recv(4096)
        assert b"READY=1" in notify.recv(4096)
        rf.stop()
        assert b"STOPPING=1" in notify.recv(4096)
