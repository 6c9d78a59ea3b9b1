# SPDX-License-Identifier: MIT
"""`ringfence top`: in a real terminal (tmux) on several sizes, with keys; and as text and JSON."""
import itertools
import os
import re
import shlex
import signal
import socket
import subprocess

import pytest

import attack
from daemon import PROGRAM, REPORTS, until

LOUD, BANNED, QUIET = "127.0.0.31", "127.0.0.32", "127.0.0.33"
UTF8 = {"LC_ALL": "C.UTF-8", "NO_COLOR": "", "LANG": ""}
SCREEN = {"TERM": "screen-256color"}


class Terminal:
    """`ringfence top` on a screen of its own server of tmux."""
    numbers = itertools.count()

    def __init__(self, daemon, *args, cols=80, rows=24, **env):
        self.socket = str(daemon.folder / f"tmux{next(self.numbers)}")
        self.errors = daemon.folder / "top.stderr"
        words = {**UTF8, **env}
        command = " ".join(["env", *(f"{k}={shlex.quote(v)}" for k, v in words.items()), shlex.quote(PROGRAM), "top",
                            "-c", shlex.quote(str(daemon.config)), "-d", "0.2", *args])
        command += f" 2>>{shlex.quote(str(self.errors))}; echo ended with $?; read wait"
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(cols), "-y", str(rows), command)

    def tmux(self, *args):
        p = subprocess.run(["tmux", "-S", self.socket, *args], capture_output=True, text=True, check=False,
                           env={**os.environ, "LC_ALL": "C.UTF-8", "TMUX": ""})
        assert p.returncode == 0, p.stderr
        return p.stdout

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def resize(self, cols, rows):
        self.tmux("resize-window", "-x", str(cols), "-y", str(rows))

    def lines(self):
        return self.tmux("capture-pane", "-p").splitlines()

    def wait(self, want, what):
        """The lines, when want(lines) is true."""
        last = []

        def look():
            last[:] = self.lines()
            return want(last)
        try:
            until(look, what)
        except AssertionError as e:
            raise AssertionError(f"{e}; on the screen:\n" + "\n".join(last)) from None
        return list(last)

    def shows(self, text):
        return self.wait(lambda lines: any(text in line for line in lines), f"`{text}`")

    def pid(self):
        return int(subprocess.run(["pgrep", "-P", self.tmux("display-message", "-p", "#{pane_pid}").strip()],
                                  capture_output=True, text=True, check=True).stdout.split()[0])

    def close(self):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], capture_output=True, check=False)
        if self.errors.exists():
            assert not REPORTS.search(self.errors.read_text()), self.errors.read_text()


@pytest.fixture
def top():
    made = []

    def make(*args, **settings):
        made.append(Terminal(*args, **settings))
        return made[-1]
    yield make
    for t in made:
        t.close()


@pytest.fixture
def rf(edge):
    return edge(standing={"allow": ["127.0.0.1"]})


def send(rf, ip, n, method="OPTIONS"):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((ip, 0))
        for i in range(n):
            s.sendto(attack.request(method, ip, s.getsockname()[1], i), ("127.0.0.1", rf.port))


def sources(lines):
    """The addresses in the table of sources."""
    found = []
    begun = False
    for line in lines:
        if line.startswith("REASONS"):
            break
        if begun and line:
            found.append(line.split()[0])
        begun = begun or line.startswith("SOURCE")
    return found


def is_right(lines, cols, rows):
    """It fills the screen and no more: title, table, last line."""
    return (len(lines) == rows and all(len(line) <= cols for line in lines) and lines[0].startswith("ringfence ")
            and lines[-1].startswith(" q quit") and any(line.startswith("SOURCE") for line in lines))


def traffic(rf):
    send(rf, LOUD, 40)
    send(rf, QUIET, 2)
    rf.run("ban", BANNED, "--reason", "a test").expect(0)
    send(rf, BANNED, 30)


def test_sizes(rf, top):
    traffic(rf)
    t = top(rf)
    lines = t.shows(BANNED)
    assert is_right(lines, 80, 24), lines
    assert any("testnode" in line for line in lines[:1])
    assert re.search(r"1 denied", "\n".join(lines))
    for cols, rows in ((100, 40), (60, 15), (40, 10), (180, 30), (80, 24)):
        t.resize(cols, rows)
        t.wait(lambda lines, c=cols, r=rows: is_right(lines, c, r), f"a picture of {cols} by {rows}")
        t.shows(BANNED if rows > 10 else LOUD)
    t.resize(39, 9)
    t.shows("needs at least 40x10")
    t.resize(80, 24)
    t.wait(lambda lines: is_right(lines, 80, 24), "the picture again")
    t.keys("q")
    t.shows("ended with 0")


def test_keys(rf, top):
    traffic(rf)
    t = top(rf)
    t.shows(LOUD)
    t.keys("s")
    t.shows("sort: dropped")
    t.wait(lambda lines: sources(lines)[:1] == [BANNED], "the banned one on top")
    t.keys("r")
    t.wait(lambda lines: sources(lines)[-1:] == [BANNED], "the banned one at the bottom")
    t.keys("r")

    t.keys("/", "manual", "Enter")
    t.wait(lambda lines: sources(lines) == [BANNED] and "only manual" in lines[0], "nobody else")
    t.keys("/", "C-u", "rubbish", "Enter")
    t.shows("no tier or reason is called so")
    t.keys("Escape")
    t.wait(lambda lines: len(sources(lines)) == 3, "all of them")

    # Its story, and back.
    t.keys("/", LOUD, "Enter")
    t.wait(lambda lines: sources(lines) == [LOUD], "the loud one alone")
    t.keys("Down", "Enter")
    t.shows("What happened")
    t.resize(60, 20)
    t.wait(lambda lines: len(lines) == 20 and any("What happened" in line for line in lines), "the story, narrower")
    t.keys("q")
    t.wait(lambda lines: sources(lines) == [LOUD], "the list again")
    t.keys("h")
    t.shows("any key: back")
    t.keys("h")
    t.keys("p")
    t.shows("PAUSED")
    t.keys("q")
    t.shows("ended with 0")


def test_a_ban_from_within(rf, top):
    send(rf, LOUD, 40)
    t = top(rf)
    t.shows(LOUD)
    t.keys("b")
    t.shows("choose a source first")
    t.keys("Down", "b")
    t.shows(f"ban {LOUD} for the configured time? y/N")
    t.keys("n")
    t.shows("nothing was done")
    assert not attack.bans(rf)
    t.keys("b", "y")
    t.shows(f"{LOUD} is banned for 10 min")
    event = rf.wait_event("standing.manual")
    assert event["source"]["ip"] == LOUD
    assert event["evidence"]["value"] == f"uid {os.getuid()}: in ringfence top"
    t.wait(lambda lines: any(line.startswith(LOUD) and "denied" in line for line in lines), "its tier")
    t.keys("u", "y")
    t.shows(f"{LOUD} is no longer banned")
    rf.wait_event("standing.unbanned")
    assert not attack.bans(rf)


def test_a_daemon_that_goes_and_comes_back(rf, top):
    send(rf, LOUD, 40)
    t = top(rf)
    t.shows(LOUD)
    rf.stop()
    lines = t.shows("the daemon is not reached, trying again")
    assert LOUD in sources(lines)  # the last picture stays
    t.keys("Down", "Enter")
    t.shows("no daemon is running")
    rf.start()
    send(rf, QUIET, 3)
    t.wait(lambda lines: QUIET in sources(lines), "a picture of the new one")
    os.kill(t.pid(), signal.SIGINT)
    t.shows("ended with 0")  # on a screen that is restored


def test_terminals(rf, top):
    traffic(rf)
    for env in ({"NO_COLOR": "1"}, {"TERM": "vt100"}, {"LC_ALL": "C"}):
        t = top(rf, **env)
        lines = t.wait(lambda lines: is_right(lines, 80, 24) and BANNED in sources(lines), f"a picture with {env}")
        if env.get("LC_ALL") == "C":
            assert all(ord(c) < 128 for line in lines for c in line)
        if env.get("NO_COLOR"):
            assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", t.tmux("capture-pane", "-p", "-e"))
        t.close()
    t = top(rf, TERM="dumb", rows=50)
    t.shows("ended with 0")
    t.shows(BANNED)
    assert "cannot place text" in t.errors.read_text()


def test_once(rf):
    traffic(rf)
    r = rf.run("top", "--once", "-d", "0.1").expect(0)
    assert "\x1b" not in r.out and BANNED in r.out and r.out.startswith("ringfence ")
    assert set(sources(r.out.splitlines())) == {LOUD, QUIET, BANNED}
    r = rf.run("top", "-d", "0.1", "-s", "dropped", "-f", "denied").expect(0)  # no terminal: once, too
    assert sources(r.out.splitlines()) == [BANNED]

    o = rf.run("top", "--json", "-d", "0.1", "-s", "dropped").expect(0).json()
    assert o["node"] == "testnode" and o["interval"] > 0 and o["ledger"]["tiers"]["denied"] == 1
    first = o["sources"][0]
    assert (first["source"], first["tier"], first["dropped"], first["reason"]) == (BANNED, "denied", 30, "standing.manual")
    assert first["banned_for"] > 590
    assert {s["source"] for s in o["sources"]} == {LOUD, QUIET, BANNED}

    for args, words in ((("-d", "0"), "seconds"), (("-d", "x"), "seconds"), (("-s", "size"), "must be one of rate"),
                        (("-f", "rubbish"), "no tier or reason")):
        assert words in rf.run("top", "-b", *args).expect(2).err
    rf.stop()
    assert "no daemon is running" in rf.run("top", "-b").expect(1).err
    rf.start()
