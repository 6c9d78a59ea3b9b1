# SPDX-License-Identifier: MIT
"""The daemon under test: a folder of its own, free ports, a generated configuration, its events."""
import collections
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = os.environ.get("RINGFENCE", str(ROOT / "build/src/daemon/ringfence"))
DEADLINE = float(os.environ.get("E2E_DEADLINE", "30"))  # of everything that must come; never a measure of speed
DOMAIN = "example.com"
PASSWORD = "orange-Tram-81"  # of every account, unless a test says otherwise
REPORTS = re.compile(r"(ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error:)")


def until(condition, what, deadline=DEADLINE):
    """Waits until condition() is truthy, and returns it."""
    end = time.monotonic() + deadline
    pause = 0.002
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def ipv6_works():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


IPV6 = ipv6_works()


def _port_is_free(port):
    wanted = [(socket.AF_INET, "0.0.0.0")] + ([(socket.AF_INET6, "::")] if IPV6 else [])
    for family, address in wanted:
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            with socket.socket(family, kind) as s:
                if family == socket.AF_INET6:
                    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                if kind == socket.SOCK_STREAM:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    s.bind((address, port))
                except OSError:
                    return False
    return True


def _ports():
    """The ports that this process may take: those that run beside it must not find the same one free."""
    name = os.environ.get("PYTEST_XDIST_WORKER", "")  # gw0, gw1, ...
    share, shares = int(name[2:] or 0) % 8 if name.startswith("gw") else 8, 9
    width = (32000 - 10000) // shares
    return range(10000 + share * width, 10000 + (share + 1) * width)


PORTS = _ports()
_given = collections.deque(maxlen=len(PORTS) // 2)  # who was given one may not have bound it yet


def free_port():
    """A port below the ephemeral ones, free on UDP and TCP of both families, and not given lately."""
    while True:
        port = random.choice(PORTS)
        if port not in _given and _port_is_free(port):
            _given.append(port)
            return port


def merged(base, more):
    """base with more laid over it, map by map; None removes a key."""
    out = dict(base)
    for key, value in more.items():
        if value is None:
            out.pop(key, None)
        elif isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key] = merged(out[key], value)
        else:
            out[key] = value
    return out


_databases = {}  # what `ringfence user add` made, by users and settings


class Result:
    """What a command did."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __repr__(self):
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"

    def expect(self, code):
        assert self.code == code, f"expected exit code {code}: {self!r}"
        return self

    def json(self):
        return json.loads(self.out)

    def json_lines(self):
        return [json.loads(line) for line in self.out.splitlines()]


class Daemon:
    alive = []

    def __init__(self, folder, users=("alice", "bob", "carol"), raw=None, env=None, **settings):
        """settings: the top keys of the configuration, laid over the default below; raw: the text of
        the whole file instead. accounts: names that get PASSWORD, or {name: password}."""
        self.folder = pathlib.Path(folder)
        self.port = free_port()
        self.config = self.folder / "ringfence.yaml"
        self.database = self.folder / "ringfence.db"
        self.events_file = self.folder / "events.jsonl"
        self.process = None
        self.env = env or {}
        self.wrapper = []  # a command before the daemon's
        self.settings = merged(self.defaults(), settings)
        self.log = self.folder / "stderr"
        if raw is None:
            self.write_config()
        else:
            self.config.write_text(raw.replace("$PORT", str(self.port)))
        self.add_users(users if isinstance(users, dict) else dict.fromkeys(users, PASSWORD), raw is None)

    def defaults(self):
        listen = [f"{kind}:127.0.0.1:{self.port}" for kind in ("udp", "tcp")]
        if IPV6:
            listen += [f"{kind}:[::1]:{self.port}" for kind in ("udp", "tcp")]
        return {
            "zones": {"public": {"listen": listen}},
            "domains": {DOMAIN: {"registrar": "local"}},
            "registrar": {"min_expires": "1s", "max_bindings": 4096},
            "accounts": {"cache": 1024},
            "sip": {"transactions": 8192, "transaction_memory": "16MiB"},
            "tcp": {"connections": 512},
            "workers": 1,
            "node": "testnode",
            "events": [{"file": "events.jsonl"}],
            "admin": {"listen": "unix:rf.sock"},
            # Most tests are about something else than the judge, and all of them come from one address.
            "standing": {"allow": ["127.0.0.0/8", "::1"], "sources": 4096},
            # The machine may be busy with other tests.
            "controls": {"overload": {"lag": "10s"}},
        }

    def write_config(self, **settings):
        """Lays settings over the present ones and writes the file (JSON is YAML)."""
        self.settings = merged(self.settings, settings)
        self.config.write_text(json.dumps(self.settings, indent=2) + "\n")

    # --- life

    def start(self, ready=True):
        assert self.process is None
        with open(self.log, "ab") as log, open(self.folder / "stdout", "ab") as out:
            self._log_start = log.tell()
            self.process = subprocess.Popen(
                [*self.wrapper, PROGRAM, "serve", "-c", str(self.config)], cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=out, stderr=log, env=self.environment())
        Daemon.alive.append(self)
        if ready:
            self.wait_ready()
        return self

    def wait_ready(self):
        until(lambda: " ready, " in self.stderr_now() or self.process.poll() is not None, "the daemon")
        assert self.process.poll() is None, f"the daemon did not start:\n{self.stderr()}"

    def wait_exit(self):
        """The exit code of a daemon that ends by itself."""
        code = self.process.wait(DEADLINE)
        self._gone()
        return code

    def stop(self):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = "none: it had to be killed"
        self._gone()
        assert code == 0, f"the daemon's exit code is {code}:\n{self.stderr()}"
        assert not REPORTS.search(self.stderr()), f"a sanitizer reported:\n{self.stderr()}"

    def kill(self):
        """As the kernel or a power cut does it."""
        self.process.kill()
        self.process.wait()
        self._gone()

    def restart(self):
        self.stop()
        return self.start()

    def hangup(self):
        self.process.send_signal(signal.SIGHUP)

    def _gone(self):
        self.process = None
        Daemon.alive.remove(self)

    def environment(self):
        return dict(os.environ, **self.env)

    # --- what it says

    def stderr(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def stderr_now(self):
        """Only of the present run."""
        with open(self.log, "rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def wait_stderr(self, text):
        until(lambda: text in self.stderr_now(), f"`{text}` on standard error")

    def events(self, **want):
        """All events that have these values; `reason`, `verdict`, `status`, `account`, `call_id`, `method`,
        `port` (of the source) are understood."""
        found = []
        if not self.events_file.exists():
            return found
        text = self.events_file.read_bytes()
        for line in text[:text.rfind(b"\n") + 1].splitlines():
            event = json.loads(line)
            flat = dict(event, **(event["sip"] or {}), **(event["source"] or {}))
            if all(flat.get(key) == value for key, value in want.items()):
                found.append(event)
        return found

    def written(self, **want):
        """events(), when all that were made so far stand in the file."""
        until(lambda: not any(s["waiting"] for s in self.status()["sinks"] if s["kind"] == "file"), "a written file")
        return self.events(**want)

    def wait_event(self, reason, n=1, **want):
        """The last of at least n events of this reason."""
        def enough():
            found = self.events(reason=reason, **want)
            return found if len(found) >= n else None
        return until(enough, f"event {reason} {want or ''}")[-1]

    def wait_reasons(self, *reasons, **want):
        for reason in reasons:
            self.wait_event(reason, **want)

    # --- commands

    def run(self, *args, input=None, config=True, deadline=DEADLINE):
        """`ringfence ARGS -c FILE`"""
        command = [PROGRAM, *args] + (["-c", str(self.config)] if config else [])
        p = subprocess.run(command, cwd=self.folder, input=input, text=True, capture_output=True,
                           timeout=deadline, env=self.environment(),
                           **({} if input is not None else {"stdin": subprocess.DEVNULL}))
        assert not REPORTS.search(p.stderr), f"a sanitizer reported in {command}:\n{p.stderr}"
        return Result(p.returncode, p.stdout, p.stderr)

    def add_users(self, users, may_copy):
        """By the command, once for daemons that have the same: it takes longer than many a test."""
        key = json.dumps([users, self.settings.get("accounts"), self.settings.get("domains")]) if may_copy and users else None
        if key in _databases:
            self.database.write_bytes(_databases[key])
            self.database.chmod(0o600)
            return
        for name, password in users.items():
            self.add_user(name, password)
        if key and self.database.exists() and not pathlib.Path(f"{self.database}-wal").exists():
            _databases[key] = self.database.read_bytes()

    def add_user(self, name, password=PASSWORD):
        account = name if "@" in name else f"{name}@{DOMAIN}"
        self.run("user", "add", account, "--password-stdin", "--force", input=password + "\n").expect(0)

    def status(self):
        return self.run("status", "--json").expect(0).json()

    def registrations(self):
        return self.run("registrations", "--json").expect(0).json_lines()
