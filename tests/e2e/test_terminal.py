# SPDX-License-Identifier: MIT
"""What strangers write, on the terminal of an operator: no command prints a byte of it that a terminal acts on, nor a
character that turns around or hides the text beside it."""
import re
import subprocess
import unicodedata

import pytest

from daemon import DEADLINE, DOMAIN, PROGRAM, until
from test_sinks import lines_of

STRANGER = "127.0.0.9"
BANNED = "203.0.113.9"
# As octets: not all of it is UTF-8.
EVIL = {
    "title": b"\x1b]0;owned\x07",
    "clear": b"\x1b[2J\x1b[1;1H",
    "c1": "\u009b31m\u0085".encode(),
    "8bit": b"\x9b31m\xff\x90q\x9c",
    "bidi": "\u202egnp.exe\u2066\u200f\u061c\ufeff".encode(),
    "line": "\u2028\u2029".encode(),
    "delete": b"a\x08\x08\x7f",
    "forged": b"x 2026-01-01T00:00:00.000Z auth.ok: pass",
    "long": b"\x1b[m" * 300,
}


def is_harmless(octets):
    """Only characters that show themselves, and newlines."""
    if re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", octets):
        return False
    text = octets.decode()  # an error is a failure, too
    return all(c == "\n" or unicodedata.category(c) not in ("Cc", "Cf", "Zl", "Zp") for c in text)


def run(rf, *args):
    p = subprocess.run([PROGRAM, *args, "-c", str(rf.config)], cwd=rf.folder, stdin=subprocess.DEVNULL,
                       capture_output=True, timeout=DEADLINE)
    assert p.returncode in (0, 1), p
    return p


def send(ua, method, evil, **fields):
    data = ua.message(method, f"sip:{DOMAIN}", headers=["User-Agent: EVIL", *fields.pop("headers", ())], **fields)
    ua.send(data.replace(b"EVIL", evil))


@pytest.fixture
def haunted(edge, phone):
    """An edge where every text that a stranger can choose is one of these: of a registered phone, too."""
    rf = edge(controls={"check": {"mode": "observe"}})
    ua = phone(rf, "alice", ip=STRANGER)
    for evil in EVIL.values():
        send(ua, "OPTIONS", evil, call_id="EVIL", to='"EVIL" <sip:bEVIL@example.com>', from_='"EVIL" <sip:aEVIL@x>;tag=1')
        send(ua, "INVITE", evil, to=f"<sip:bob%1b%5b2J@{DOMAIN}>")
        send(ua, "FEVIL", evil)
    for evil in EVIL.values():
        user = phone(rf, "bob", ip=STRANGER)
        challenged = user.final(user.send(user.message("REGISTER", f"sip:{DOMAIN}", to=f"<{user.aor}>")))
        line = user.credentials("REGISTER", f"sip:{DOMAIN}", challenged.challenge())
        send(user, "REGISTER", evil, to=f"<{user.aor}>", headers=[line])
        wrong = user.credentials("REGISTER", f"sip:{DOMAIN}", challenged.challenge(), user="EVIL")
        send(user, "REGISTER", evil, to=f"<{user.aor}>", headers=[wrong])
    until(lambda: len(rf.events(ip=STRANGER)) >= 4 * len(EVIL), "their events")
    rf.wait_event("registrar.registered")
    run(rf, "ban", BANNED)
    return rf


COMMANDS = [("events", "-n", "1000"), ("registrations",), ("status",), ("bans",), ("standing", BANNED),
            ("why", STRANGER), ("why", "-n", "1000", STRANGER), ("why", "--account", f"bob@{DOMAIN}"), ("top", "-d", "0.1"),
            ("why", "--call-id", "\x1b[2J"), ("unban", BANNED)]


def test_no_command_prints_what_a_terminal_acts_on(haunted):
    said = b""
    for command in COMMANDS:
        for args in (command, (*command, "--json")):
            p = run(haunted, *args)
            assert is_harmless(p.stdout) and is_harmless(p.stderr), (args, p)
            said += p.stdout
    # It is there to be seen, escaped; messages with C0 controls were refused as a whole.
    for shown in (rb"\x9b31m", rb"\u009B31m", rb"\xe2\x80\xaegnp.exe", rb"\u202Egnp.exe", b"parse.control-characters"):
        assert shown in said, shown


def test_what_is_followed_live_is_harmless(haunted, phone):
    for form in ([], ["--json"]):
        with open(haunted.folder / "out", "wb") as out:
            p = subprocess.Popen([PROGRAM, "events", "--follow", *form, "-c", str(haunted.config)], cwd=haunted.folder,
                                 stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            ua = phone(haunted, "carol", ip="127.0.0.10")

            def told():
                for evil in EVIL.values():
                    send(ua, "OPTIONS", evil, call_id="EVIL")
                return len(lines_of(haunted.folder / "out")) >= 2 * len(EVIL)
            until(told, "events on their way")
        finally:
            p.terminate()
            p.wait(DEADLINE)
        assert is_harmless((haunted.folder / "out").read_bytes())


def test_event_files_are_harmless_to_look_at(haunted):
    """Those of all formats that people read with other tools."""
    assert is_harmless(haunted.events_file.read_bytes())
