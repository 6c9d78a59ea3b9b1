# SPDX-License-Identifier: MIT
"""The commands: what they print, for people and for programs, and their exit codes
(0 done, 1 a no, 2 wrong use)."""
import json
import os
import pty
import re
import select
import signal
import sqlite3
import stat
import subprocess

import pytest

from daemon import DEADLINE, DOMAIN, PASSWORD, PROGRAM, until

ALICE = f"alice@{DOMAIN}"
GOOD = "Purple-Ferry-40-upstream"


# --- wrong use

@pytest.mark.parametrize("args", [
    [], ["frobnicate"], ["--nothing"], ["serve", "--nothing"], ["serve", "operand"], ["check", "--nothing"],
    ["user"], ["user", "add"], ["user", "addd", "x@y"], ["user", "add", "a@b", "c@d"], ["user", "add", "no-domain"],
    ["user", "add", "@example.com"], ["user", "list", "x"], ["user", "list", "--force"],
    ["user", "add", "a@b", "--generate", "--password-stdin"], ["user", "remove"], ["status", "x"], ["explain"],
    ["explain", "--list", "x"], ["events", "--lines", "x"], ["events", "--source", "nowhere"],
    ["events", "--reason", "no.such"], ["reload", "x"], ["registrations", "a@b", "c@d"],
], ids=" ".join)
def test_wrong_use(edge, args):
    rf = edge(start=False)
    config = bool(args) and args[0] not in ("frobnicate", "--nothing", "explain")
    r = rf.run(*args, config=config).expect(2)
    assert r.err and not r.out
    assert "usage" in r.err or "ringfence" in r.err


@pytest.mark.parametrize("command", ["serve", "check", "user", "status", "registrations", "bans", "ban", "unban",
                                     "standing", "events", "explain", "reload"])
def test_help(edge, command):
    rf = edge(start=False, users=())
    assert f"ringfence {command}" in rf.run(command, "--help", config=False).expect(0).out
    assert f"ringfence {command}" in rf.run("help", command, config=False).expect(0).out
    assert command in rf.run("help", config=False).expect(0).out


def test_a_misspelt_command_is_guessed(edge):
    r = edge(start=False, users=()).run("relaod", config=False).expect(2)
    assert "reload" in r.err


def test_version(edge):
    assert re.fullmatch(r"ringfence \d+\.\d+\.\d+\n", edge(start=False, users=()).run("version", config=False).out)


def test_a_full_disk_behind_the_output_is_not_done(edge):
    rf = edge(start=False)
    with open("/dev/full", "w") as full:
        for args in (["check"], ["user", "list"]):
            p = subprocess.run([PROGRAM, *args, "-c", str(rf.config)], stdout=full, stderr=subprocess.PIPE, text=True)
            assert p.returncode == 1 and "standard output" in p.stderr


@pytest.mark.parametrize("args", [["status"], ["registrations"], ["bans"], ["ban", "192.0.2.1"], ["unban", "--all"],
                                  ["standing", "192.0.2.1"], ["reload"], ["events", "--follow"]],
                         ids=lambda a: a[0])
def test_without_a_daemon(edge, args):
    rf = edge(start=False)
    r = rf.run(*args).expect(1)
    assert "no daemon is running" in r.err and "ringfence serve" in r.err


# --- check

def test_check_tells_what_a_configuration_amounts_to(edge):
    rf = edge(start=False)
    r = rf.run("check").expect(0)
    assert f"udp:127.0.0.1:{rf.port}" in r.out and DOMAIN in r.out and "at most" in r.out
    j = rf.run("check", "--json").expect(0).json()
    assert j["ok"] is True


def test_check_tells_all_errors_with_their_place(edge):
    rf = edge(start=False, users=(), raw="""\
zones:
  public: {listen: [udp:127.0.0.1:$PORT, udp:127.0.0.1:99999]}
domains: {example.com: {registrar: local}}
controls: {auth: {mode: enforced}}
workers: 0
registrar: {min_expire: 1m}
""")
    r = rf.run("check").expect(1)
    errors = r.err.splitlines()
    for line, word in ((2, "99999"), (4, "enforce"), (5, "workers"), (6, "min_expires")):
        assert any(e.startswith(f"{rf.config}:{line}:") and word in e for e in errors), (line, word, r.err)
    j = rf.run("check", "--json").expect(1).json()
    assert j["ok"] is False
    assert {e["line"] for e in j["errors"]} >= {2, 4, 5, 6}


def test_check_of_a_file_that_is_not_there(edge):
    rf = edge(start=False, users=())
    rf.config.unlink()
    r = rf.run("check").expect(1)
    assert str(rf.config) in r.err


def test_check_touches_nothing(edge):
    rf = edge(start=False, users=())
    rf.run("check").expect(0)
    assert [f.name for f in rf.folder.iterdir()] == ["ringfence.yaml"]


def test_the_printed_memory_is_what_status_says(edge):
    rf = edge()
    said = rf.run("check", "--json").expect(0).json()
    assert said["memory"]["bytes"] == rf.status()["memory"]["fixed"]


# --- user

def test_users_without_and_with_a_daemon(edge, phone):
    rf = edge(start=False, users=())
    r = rf.run("user", "add", ALICE, "--password-stdin", input=GOOD + "\n").expect(0)
    assert ALICE in r.out and GOOD not in r.out + r.err
    rf.start()
    phone(rf, "alice", password=GOOD).register().expect(200)
    rf.run("user", "add", f"bob@{DOMAIN}", "--password-stdin", input=GOOD + "x\n").expect(0)
    phone(rf, "bob", password=GOOD + "x").register().expect(200)
    r = rf.run("user", "list").expect(0)
    assert [line.split()[0] for line in r.out.splitlines()] == [ALICE, f"bob@{DOMAIN}"]
    listed = rf.run("user", "list", "--json").expect(0).json_lines()
    assert [(a["user"], a["domain"], a["usable"]) for a in listed] == [
        ("alice", DOMAIN, True), ("bob", DOMAIN, True)]
    assert set(listed[0]["algorithms"]) == {"MD5", "SHA-256", "SHA-512-256"}


def test_a_user_cannot_be_added_twice_nor_changed_before(edge):
    rf = edge(start=False, users=())
    rf.run("user", "passwd", ALICE, "--generate").expect(1)
    rf.run("user", "add", ALICE, "--generate").expect(0)
    r = rf.run("user", "add", ALICE, "--generate").expect(1)
    assert "exists already" in r.err
    rf.run("user", "passwd", ALICE, "--generate").expect(0)
    rf.run("user", "remove", ALICE).expect(0)
    r = rf.run("user", "remove", ALICE).expect(1)
    assert "does not exist" in r.err
    assert rf.run("user", "list").expect(0).out == ""


@pytest.mark.parametrize("weak", ["alice", "12345678", "password", "alice2024", "qwertyuiop", "aaaaaaaaaaaa"])
def test_weak_passwords_are_refused_unless_forced(edge, weak):
    rf = edge(start=False, users=())
    r = rf.run("user", "add", ALICE, "--password-stdin", input=weak + "\n").expect(1)
    assert "weak" in r.err and "--force" in r.err
    assert rf.run("user", "list").expect(0).out == ""
    rf.run("user", "add", ALICE, "--password-stdin", "--force", input=weak + "\n").expect(0)


@pytest.mark.parametrize("text, code", [("", 1), ("\n", 1), ("a\tb\x01c-Tram-81-x\n", 1), ("x" * 5000 + "\n", 1)],
                         ids=["nothing", "empty", "control", "long"])
def test_passwords_that_cannot_be(edge, text, code):
    rf = edge(start=False, users=())
    r = rf.run("user", "add", ALICE, "--password-stdin", "--force", input=text).expect(code)
    assert r.err
    assert rf.run("user", "list").expect(0).out == ""


def test_a_generated_password_works(edge, phone):
    rf = edge(users=())
    r = rf.run("user", "add", ALICE, "--generate", "--json").expect(0).json()
    phone(rf, "alice", password=r["password"]).register().expect(200)
    r = rf.run("user", "passwd", ALICE, "--generate").expect(0)
    password = re.search(r"(?m)^password: (\S{12,})$", r.out).group(1)
    phone(rf, "alice", password=password).register().expect(200)


def test_passwords_are_nowhere(edge):
    """Neither in the database nor in what is printed nor in the events."""
    rf = edge(users=())
    rf.run("user", "add", ALICE, "--password-stdin", input=GOOD + "\n").expect(0)
    rf.stop()
    for f in rf.folder.iterdir():
        if f.is_file():
            assert GOOD.encode() not in f.read_bytes(), f
    assert stat.S_IMODE(rf.database.stat().st_mode) & 0o077 == 0, "others can read the digests"


def test_the_prompt(edge, phone):
    """On a terminal the password is asked for twice and not shown."""
    rf = edge(users=())
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(PROGRAM, [PROGRAM, "user", "add", ALICE, "-c", str(rf.config)])
    seen = b""
    answers = [GOOD, GOOD]
    while True:
        if not select.select([fd], [], [], DEADLINE)[0]:
            os.kill(pid, signal.SIGKILL)
            raise AssertionError(f"the prompt hangs: {seen}")
        try:
            data = os.read(fd, 4096)
        except OSError:
            break
        if not data:
            break
        seen += data
        if data.rstrip().endswith(b":") and answers:
            os.write(fd, answers.pop(0).encode() + b"\n")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, seen
    assert GOOD.encode() not in seen
    phone(rf, "alice", password=GOOD).register().expect(200)


def test_without_a_terminal_nothing_is_asked(edge):
    rf = edge(start=False, users=())
    r = rf.run("user", "add", ALICE).expect(2)
    assert "--password-stdin" in r.err


def test_a_foreign_domain_is_warned_of(edge):
    rf = edge(start=False, users=())
    r = rf.run("user", "add", "alice@other.example", "--generate").expect(0)
    assert "other.example" in r.err and "warning" in r.err


# --- status, registrations

def test_status(edge, phones):
    rf = edge(workers=2)
    phones(rf, "alice", "bob")
    j = rf.status()
    assert j["registrations"]["now"] == 2 and j["registered_accounts"] == 2 and j["workers"] == 2
    assert j["store"]["ok"] is True and j["config"] == str(rf.config)
    assert j["counters"]["auth.ok"] == 2 and j["reasons"]["registrar.registered"] == 2
    text = rf.run("status").expect(0).out
    assert "registrations   2 of at most" in text and str(rf.config) in text


def test_registrations(edge, phones):
    rf = edge()
    alice, bob = phones(rf, "alice", "bob")
    text = rf.run("registrations").expect(0).out
    assert ALICE in text and alice.contact in text and "2 registrations of 2 accounts" in text
    [one] = rf.run("registrations", ALICE, "--json").expect(0).json_lines()
    assert one["contact"] == alice.contact and one["aor"] == ALICE
    r = rf.run("registrations", f"carol@{DOMAIN}").expect(1)
    assert "not registered" in r.err
    assert bob.contact not in rf.run("registrations", ALICE).expect(0).out


def test_many_registrations_are_listed_once_each(edge, phone):
    """More than one page of the control socket."""
    rf = edge(registrar={"max_contacts": 64})
    want = set()
    for user in ("alice", "bob", "carol"):
        ua = phone(rf, user)
        for i in range(0, 60, 10):
            uris = [f"sip:{user}@127.0.0.1:{7000 + i + k}" for k in range(10)]
            want.update(uris)
            ua.register(contact=", ".join(f"<{u}>" for u in uris), call_id=f"id{i}").expect(200)
    got = [b["contact"] for b in rf.registrations()]
    assert len(got) == len(want) and set(got) == want


# --- events, explain

def test_events(edge, phones, phone):
    rf = edge()
    phones(rf, "alice")
    phone(rf, "bob").register(password="wrong").expect(401)
    rf.wait_event("auth.bad-password")
    lines = rf.run("events", "--json").expect(0).json_lines()
    assert [e["reason"] for e in lines][0] == "daemon.start"
    assert rf.run("events", "--json", "-n", "1").expect(0).json_lines() == lines[-1:]
    only = rf.run("events", "--json", "--reason", "auth.bad-password").expect(0).json_lines()
    assert [e["account"] for e in only] == [f"bob@{DOMAIN}"]
    only = rf.run("events", "--json", "--account", ALICE).expect(0).json_lines()
    assert {e["account"] or e["sip"]["to"] for e in only} == {ALICE, f"sip:{ALICE}"}  # the challenge too
    assert rf.run("events", "--json", "--source", "192.0.2.0/24").expect(0).out == ""
    assert "auth.bad-password" in rf.run("events").expect(0).out


def test_events_follow(edge, phone):
    rf = edge()
    reader = subprocess.Popen([PROGRAM, "events", "--follow", "--json", "-n", "0", "--reason", "registrar",
                               "-c", str(rf.config)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        ua = phone(rf)

        def event():
            ua.register().expect(200)  # again: the reader may not be there yet
            return select.select([reader.stdout], [], [], 0.05)[0]
        until(event, "an event that is followed")
        assert json.loads(reader.stdout.readline())["reason"].startswith("registrar.")
        rf.stop()
        assert reader.wait(DEADLINE) == 1
        assert "the daemon is gone" in reader.stderr.read()
    finally:
        reader.kill()
        reader.wait()


def test_attackers_text_is_shown_harmless(edge, phone):
    """Escape sequences in headers do not reach the terminal."""
    rf = edge()
    ua = phone(rf)
    ua.ask("REGISTER", f"sip:{DOMAIN}", to=f"<{ua.aor}>", headers=["User-Agent: \x1b[31mred", "Expires: 60"])
    ua.send(ua.message("OPTIONS", f"sip:{DOMAIN}", headers=["User-Agent: \x1b]0;title\x07"], call_id="\x1b[2J"))
    until(lambda: len(rf.events()) >= 3, "events")
    for args in (["events"], ["events", "--json"], ["registrations"], ["registrations", "--json"]):
        out = rf.run(*args).expect(0).out
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", out), args


def test_every_reason_is_explained(edge):
    rf = edge(start=False, users=())
    names = rf.run("explain", "--list", config=False).expect(0).out.split()
    assert len(names) > 80 and "auth.bad-password" in names
    for j in rf.run("explain", "--list", "--json", config=False).expect(0).json_lines():
        assert j["reason"] in names and j["meaning"] and j["advice"]
    r = rf.run("explain", "auth.bad-password", config=False).expect(0)
    assert "password" in r.out and "what to do" in r.out
    assert rf.run("explain", "auth.bad-password", "--json", config=False).expect(0).json()["control"] == "auth"
    r = rf.run("explain", "auth.bad-pasword", config=False).expect(1)
    assert "auth.bad-password" in r.err


# --- the control socket

def test_the_control_socket_is_private(edge):
    rf = edge()
    assert stat.S_IMODE((rf.folder / "rf.sock").stat().st_mode) & 0o007 == 0


def test_nonsense_on_the_control_socket(edge):
    import socket
    rf = edge()
    for data in (b"\n", b"{}\n", b"[]\n", b'{"command":"nothing"}\n', b"x" * 100000, b"\xff\xfe\n", b'{"a":' * 5000):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.settimeout(DEADLINE)
            s.connect(str(rf.folder / "rf.sock"))
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                while s.recv(4096):
                    pass
            except (BrokenPipeError, ConnectionResetError):
                pass
    assert rf.status()["ok"] is True
