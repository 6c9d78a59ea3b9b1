# SPDX-License-Identifier: MIT
"""Processes under measurement: pinned, in a scheduling group of their own, ended with us."""
import ctypes
import os
import random
import signal
import socket
import subprocess
import time

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """A server did not do what the measurement needs."""


def prepare(core, nice=-10, at_once=False):
    """Runs in the child: own session (hence own autogroup, with that nice level), one core, dies with us.
    at_once: it runs as soon as it wakes up, whoever else is on its core (for what sleeps most of the time)."""
    def setup():
        os.setsid()
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if core is not None:
            os.sched_setaffinity(0, {core})
        if at_once:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        try:
            with open("/proc/self/autogroup", "w", encoding="ascii") as f:
                f.write(str(nice))
        except OSError:
            pass  # no autogroups, or not allowed: the machine should be quiet then
    return setup


def children_by_parent():
    tree = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as f:
                parent = int(f.read().rpartition(")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            continue
        tree.setdefault(parent, []).append(int(name))
    return tree


class Process:
    """One started program and its descendants; only these are ever signalled."""

    def __init__(self, argv, core, log, cwd=None, nice=-10):
        self.log = log
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                          cwd=cwd, preexec_fn=prepare(core, nice))

    def pids(self):
        tree, found, todo = children_by_parent(), [], [self.popen.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            todo += tree.get(pid, [])
        return found

    def pss_mb(self):
        """Proportional set size of all: what is shared counts once."""
        total = 0
        for pid in self.pids():
            try:
                with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
                    total += sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))
            except OSError:
                continue
        return total / 1024

    def rss_mb(self):
        try:
            with open(f"/proc/{self.popen.pid}/status", encoding="ascii") as f:
                return next(int(x.split()[1]) for x in f if x.startswith("VmRSS:")) / 1024
        except (OSError, StopIteration):
            return 0.0

    def alive(self):
        return self.popen.poll() is None

    def stop(self):
        pids = self.pids() if self.alive() else []
        if pids:
            self.popen.terminate()
        try:
            self.popen.wait(10)
        except subprocess.TimeoutExpired:
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.popen.wait()

    def tail(self, lines=12):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return "".join(f.readlines()[-lines:])


def free_port():
    """A UDP port that nobody has right now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def free_port_run(count, hosts):
    """The first of `count` consecutive free UDP ports, free on all hosts, below the ephemeral ones."""
    for _ in range(200):
        first = random.randrange(20000, 32000 - count)
        held = []
        try:
            for i in range(count):
                for host in hosts:
                    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                    held.append(s)
                    s.bind((host, first + i))
            return first
        except OSError:
            continue
        finally:
            for s in held:
                s.close()
    raise Failed("no run of free UDP ports found")


def wait_answering(process, port, seconds=20):
    """Until something comes back for an OPTIONS; whatever it is, the server serves."""
    deadline = time.monotonic() + seconds
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.settimeout(0.1)
        host, mine = s.getsockname()
        text = ("OPTIONS sip:bench.test SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP {host}:{mine};rport;branch=z9hG4bK-{random.getrandbits(48):x}\r\n"
                "Max-Forwards: 70\r\nFrom: <sip:probe@bench.test>;tag=p1\r\nTo: <sip:bench.test>\r\n"
                f"Call-ID: {random.getrandbits(48):x}@probe\r\nCSeq: 1 OPTIONS\r\n"
                "Content-Length: 0\r\n\r\n").encode()
        while time.monotonic() < deadline:
            if not process.alive():
                raise Failed(f"ended at once:\n{process.tail()}")
            try:
                s.sendto(text, ("127.0.0.1", port))
                s.recv(4096)
                return
            except OSError:
                time.sleep(0.05)
    raise Failed(f"does not answer within {seconds} s:\n{process.tail()}")
