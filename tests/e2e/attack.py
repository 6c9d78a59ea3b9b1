# SPDX-License-Identifier: MIT
"""Attackers, and the innocent beside them.

    Patient     a phone that sends again what is not answered, as RFC 3261 §17.1 says; place_call() is a call of two
    Flood       a process of its own that sends as fast as it can, from its own socket or with forged addresses
    Office      any number of phones that begin to register in the same moment
    log_in      one log-in without a phone around it, for thousands of sources

Attackers and customers live on addresses of 127.0.0.0/8 other than 127.0.0.1, which is the daemon's own."""
import contextlib
import heapq
import itertools
import json
import multiprocessing
import os
import selectors
import socket
import sqlite3
import struct
import subprocess
import time

import sip
from daemon import DOMAIN, PASSWORD

# What an operator gets who sets nothing: the tests' own daemon is smaller.
INSTALLED = {"standing": None, "accounts": None, "sip": None, "tcp": None, "registrar": None}

T1, T2, TIMER_F = 0.5, 4.0, 32.0  # RFC 3261, table 4

GATE = ("gate.passed.", "gate.dropped.")


# --- what the daemon says

def counters(rf, *names):
    """The counter of this name, or the counters of these names."""
    found = rf.status()["counters"]
    values = [found.get(name, 0) for name in names]
    return values[0] if len(values) == 1 else values


def judged(rf):
    """Messages that the gate has decided about."""
    return sum(v for k, v in rf.status()["counters"].items() if k.startswith(GATE))


def passed(rf):
    """Messages that the gate let in."""
    return sum(v for k, v in rf.status()["counters"].items() if k.startswith(GATE[0]))


def resident(rf):
    """Bytes of the daemon that are in memory."""
    with open(f"/proc/{rf.process.pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def bans(rf):
    return rf.run("bans", "--json").expect(0).json_lines()


def add_accounts(rf, names, password=PASSWORD):
    """Many accounts at once; the daemon has made its table already."""
    with sqlite3.connect(rf.database) as db:
        db.executemany(
            "INSERT INTO subscriber (username, domain, ha1, ha1_sha256) VALUES (?, ?, ?, ?)",
            [(n, DOMAIN, *(sip.digest(a, n, DOMAIN, password) for a in ("MD5", "SHA-256"))) for n in names])
    db.close()


# --- a phone with patience

class GaveUp(AssertionError):
    """Nothing came until timer F."""


class Patient(sip.UA):
    def __init__(self, daemon, user, **settings):
        super().__init__(daemon, user, **settings)
        self.resent = 0

    def response(self, sent, statuses=range(100, 700), provisional=True):
        sent = sent if isinstance(sent, sip.Message) else sip.Message(sent)

        def about(m):
            return m.is_response and m.cseq == sent.cseq and m.call_id == sent.call_id and m.branch == sent.branch

        def fits(m):
            return about(m) and m.status in statuses and (provisional or m.status >= 200)
        pause, end = T1, time.monotonic() + TIMER_F
        while time.monotonic() < end:
            m = self.wait(fits, deadline=pause)
            if m is not None:
                return m
            if not (sent.method == "INVITE" and any(about(k) for k in self.kept)):
                self.wire.send(sent.raw)
                self.resent += 1
            pause = 2 * pause if sent.method == "INVITE" else min(2 * pause, T2)
        raise GaveUp(f"{self.user} gave up: {sent.start}; it has: {self.kept!r}")

    def listen(self, method, call_id, again=None):
        """An incoming request of a call; again: what is sent again while it does not come."""
        pause, end = T1, time.monotonic() + TIMER_F
        while time.monotonic() < end:
            m = self.wait(lambda m: not m.is_response and m.method == method and m.call_id == call_id, deadline=pause)
            if m is not None:
                return m
            if again:
                again()
            pause = min(2 * pause, T2)
        raise GaveUp(f"{self.user} waited in vain for {method}; it has: {self.kept!r}")

    def forget(self):
        """What came and nobody asked for: answers to others who use this address."""
        self.kept.clear()


def _finished(caller, callee, sent):
    """Waits for the end of a request inside a call that the other side must answer: the final response."""
    pause, end = T1, time.monotonic() + TIMER_F
    again = time.monotonic() + pause
    while time.monotonic() < end:
        m = callee.wait(lambda m: not m.is_response and m.method == sent.method and m.call_id == sent.call_id,
                        deadline=0.002)
        if m is not None:
            callee.reply(m, 200)
        m = caller.wait(lambda m: m.is_response and m.branch == sent.branch and m.status >= 200, deadline=0.002)
        if m is not None:
            return m
        if time.monotonic() >= again:
            caller.wire.send(sent.raw)
            caller.resent += 1
            pause = min(2 * pause, T2)
            again = time.monotonic() + pause
    raise GaveUp(f"{caller.user} gave up: {sent.start}")


def place_call(caller, callee, preemptive=False):
    """A whole call from INVITE to the 200 of BYE; the seconds until it was answered. preemptive: every request
    has credentials for the last challenge, as phones do that keep its nonce."""
    uri = f"sip:{callee.user}@{DOMAIN}"
    headers = [caller.credentials("INVITE", uri)] if preemptive else []
    begin = time.monotonic()
    call_id = sip.token()
    fields = {"call_id": call_id, "body": sip.sdp()}
    sent = caller.send(caller.message("INVITE", uri, headers=[*headers, "Content-Type: application/sdp"], **fields))
    for _ in range(3):
        r = caller.response(sent)
        if r.status == 407:
            caller.ack_failure(sent, r)
            headers = [caller.credentials("INVITE", uri, r.challenge(caller.algorithm))]
            sent = caller.send(caller.message("INVITE", uri, headers=[*headers, "Content-Type: application/sdp"],
                                              **fields))
            continue
        break
    r.expect(100, 180)
    invite = callee.listen("INVITE", call_id)
    ok = callee.reply(invite, 200, headers=["Content-Type: application/sdp"], body=sip.sdp(n=2))

    def answer_again():
        callee.wire.send(ok.raw)
        callee.resent += 1
    pause, end = T1, time.monotonic() + TIMER_F
    while True:
        r = caller.wait(lambda m: m.is_response and m.call_id == call_id and m.cseq == sent.cseq and m.status >= 200,
                        deadline=pause)
        if r is not None:
            break
        assert time.monotonic() < end, f"{caller.user} waited in vain for the answer"
        answer_again()
    r.expect(200)
    took = time.monotonic() - begin
    dialog = sip.Dialog.of_caller(caller, sent, r)
    # RFC 3261 §22.1: the ACK has the credentials of its INVITE.
    ack = caller.send(dialog.message("ACK", headers if preemptive else (), cseq=sent.cseq[0], contact=None))
    callee.listen("ACK", call_id, again=lambda: (answer_again(), caller.wire.send(ack.raw)))
    dialog.cseq = sent.cseq[0]
    for _ in range(3):
        r = _finished(caller, callee, dialog.send("BYE", authenticate=preemptive))
        if r.status != 407:
            break
        caller.nonce, caller.nc = r.challenge(caller.algorithm), 0
        preemptive = True
    r.expect(200)
    caller.forget()
    callee.forget()
    return took


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p / 100))]


# --- floods

def request(method, ip, port, n, user="mallory", headers="", to=None):
    """A request as short as scanners send it, each of its own transaction and call."""
    uri = f"sip:{DOMAIN}" if method in ("REGISTER", "OPTIONS") else f"sip:alice@{DOMAIN}"
    return (f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {ip}:{port};rport;branch=z9hG4bK{n:x}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{user}@{DOMAIN}>;tag={n:x}\r\nTo: <{to or f'sip:{user}@{DOMAIN}'}>\r\n"
            f"Call-ID: flood-{n:x}\r\nCSeq: 1 {method}\r\nContact: <sip:{user}@{ip}:{port}>\r\n{headers}"
            f"Content-Length: 0\r\n\r\n").encode()


def forged(source, target, data):
    """An IPv4 datagram as anyone could send it who may choose its source; without a checksum (RFC 768)."""
    udp = struct.pack("!HHHH", source[1], target[1], 8 + len(data), 0)
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp) + len(data), 0, 0, 64, socket.IPPROTO_UDP, 0,
                       socket.inet_aton(source[0]), socket.inet_aton(target[0]))
    return head + udp + data


def raw_socket():
    """For forged(); None without the right to it."""
    try:
        return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    except PermissionError:
        return None


def _send_all(sock, server, make, limit, count, stop):
    sent = 0
    for sent in range(1, limit + 1):
        try:
            sock.sendto(make(sent), server)
        except OSError:  # the queue of the loopback is full
            time.sleep(0.001)
        if sent % 64 == 0:
            count.value = sent
            if stop.is_set():
                break
    count.value = sent


class Flood:
    """make(n): the n-th datagram; sent by another process until `limit` or stop()."""

    def __init__(self, server, sock, make, limit):
        context = multiprocessing.get_context("fork")
        self.sock = sock
        self._count, self._stop = context.Value("q", 0), context.Event()
        self._process = context.Process(target=_send_all, args=(sock, server, make, limit, self._count, self._stop),
                                        daemon=True)
        self._process.start()

    @property
    def sent(self):
        return self._count.value

    def is_on(self):
        return self._process.is_alive()

    def stop(self):
        """How many datagrams it sent."""
        self._stop.set()
        return self.wait()

    def wait(self):
        self._process.join()
        assert self._process.exitcode == 0
        return self.sent


def bound(ip, port=0):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
    s.bind((ip, port))
    return s


def drain(sock):
    """All that came."""
    got = []
    sock.setblocking(False)
    while True:
        try:
            got.append(sock.recv(65535))
        except BlockingIOError:
            return got


# --- an office

class _Phone:
    """One phone that registers: REGISTER, 401, REGISTER with digest; each sent again until timer F."""

    def __init__(self, user, ip, server, password=PASSWORD):
        self.user, self.password, self.server = user, password, server
        self.sock = bound(ip)
        self.port = self.sock.getsockname()[1]
        self.ip = ip
        self.call_id, self.tag, self.cseq = sip.token(), sip.token(), 0
        self.status, self.resent, self.exchanges, self.gave_up = None, 0, 0, False
        self.challenge, self.nc = None, 0
        self.due = 0

    def begin(self, now):
        self.cseq += 1
        self.exchanges += 1
        lines = [f"REGISTER sip:{DOMAIN} SIP/2.0",
                 f"Via: SIP/2.0/UDP {self.ip}:{self.port};rport;branch={sip.branch()}", "Max-Forwards: 70",
                 f"From: <sip:{self.user}@{DOMAIN}>;tag={self.tag}", f"To: <sip:{self.user}@{DOMAIN}>",
                 f"Call-ID: {self.call_id}", f"CSeq: {self.cseq} REGISTER",
                 f"Contact: <sip:{self.user}@{self.ip}:{self.port}>", "Expires: 300"]
        if self.challenge:
            lines.append(self._credentials())
        self.data = ("\r\n".join([*lines, "Content-Length: 0"]) + "\r\n\r\n").encode()
        self.begun, self.pause, self.later, self.status = now, T1, False, None
        self.sock.sendto(self.data, self.server)
        self.due = now + self.pause

    def _credentials(self):
        c, a = self.challenge, self.challenge.get("algorithm", "MD5")
        self.nc += 1
        uri, cnonce, nc = f"sip:{DOMAIN}", sip.token(), f"{self.nc:08x}"
        ha1 = sip.digest(a, self.user, c["realm"], self.password)
        response = sip.digest(a, ha1, c["nonce"], nc, cnonce, "auth", sip.digest(a, "REGISTER", uri))
        return (f'Authorization: Digest username="{self.user}", realm="{c["realm"]}", nonce="{c["nonce"]}", '
                f'uri="{uri}", algorithm={a}, cnonce="{cnonce}", qop=auth, nc={nc}, response="{response}"')

    def again(self, now):
        """Nothing came so far, or it was asked to come later."""
        if self.later:
            self.begin(now)
            return
        if now - self.begun >= TIMER_F:
            self.gave_up, self.due = True, None
            return
        self.sock.sendto(self.data, self.server)
        self.resent += 1
        self.pause = min(2 * self.pause, T2)
        self.due = now + self.pause

    def receive(self, now):
        m = sip.Message(self.sock.recv(65535))
        if not m.is_response or m.cseq != (self.cseq, "REGISTER") or m.status < 200 or self.status:
            return
        self.status = m.status
        self.due = None
        if m.status == 401 and self.exchanges < 3:
            self.challenge, self.nc = m.challenge("MD5"), 0
            self.begin(now)
        elif m.status == 503:  # RFC 3261 §21.5.4
            self.later = True
            self.due = now + int(m.get("Retry-After", "1").split()[0])


class Office:
    """Phones behind one address; each has a port of its own, as a NAT gives it."""

    def __init__(self, rf, ip, users):
        self.phones = [_Phone(user, ip, ("127.0.0.1", rf.port)) for user in users]

    def register(self):
        """All at once. The seconds until the last was done; their .status, .resent and .gave_up tell the rest."""
        with selectors.DefaultSelector() as selector:
            for phone in self.phones:
                selector.register(phone.sock, selectors.EVENT_READ, phone)
            begin = time.monotonic()
            for phone in self.phones:
                phone.exchanges = 0
                phone.begin(time.monotonic())
            order = itertools.count()
            timers = [(p.due, next(order), p) for p in self.phones]
            heapq.heapify(timers)
            while any(p.due is not None for p in self.phones):
                for key, _ in selector.select(0.02):
                    key.data.receive(time.monotonic())
                    if key.data.due is not None:
                        heapq.heappush(timers, (key.data.due, next(order), key.data))
                now = time.monotonic()
                while timers and timers[0][0] <= now:
                    due, _, phone = heapq.heappop(timers)
                    if phone.due == due:
                        phone.again(now)
                        if phone.due is not None:
                            heapq.heappush(timers, (phone.due, next(order), phone))
            return time.monotonic() - begin

    @property
    def resent(self):
        return sum(p.resent for p in self.phones)

    def close(self):
        for phone in self.phones:
            phone.sock.close()


# --- log-ins by the thousand

def log_in(server, ip, user, password, patience=T1):
    """One log-in from a new port of an address; (status of the answer to its REGISTER, of that to its password),
    None for one that did not come."""
    phone = _Phone(user, ip, server, password)
    phone.sock.settimeout(patience)
    first = second = None
    try:
        phone.begin(0)
        first = sip.Message(phone.sock.recv(65535))
        phone.challenge = first.challenge("MD5")
        if first.status == 401:
            phone.begin(0)
            second = sip.Message(phone.sock.recv(65535)).status
    except TimeoutError:
        pass
    finally:
        phone.sock.close()
    return first.status if first else None, second


# --- SIPVicious

# Its -b is not heeded by every tool of it: the address is given to the sockets that it binds.
_FROM = """
import os, runpy, socket, sys
bind, ip = socket.socket.bind, sys.argv[1]
socket.socket.bind = lambda s, a: bind(s, (ip, a[1]))
sys.argv = sys.argv[2:]
sys.path.insert(0, os.path.dirname(os.path.realpath(sys.argv[0])))
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def _sipvicious(tool, ip, port, *args, server="127.0.0.1"):
    return ["/usr/bin/python3", "-c", _FROM, ip, f"/usr/bin/{tool}", "-p", str(port), "-x", ip, *args, server]


@contextlib.contextmanager
def sipvicious_beside(tool, ip, port, *args, **settings):
    """The same while the body runs; then it is killed, for it takes its time to give up."""
    p = subprocess.Popen(_sipvicious(tool, ip, port, *args, **settings), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
    try:
        yield p
    finally:
        p.kill()
        p.wait()


def sipvicious(tool, ip, port, *args):
    """Runs svmap, svwar or svcrack from an address, otherwise with default settings; all that it said."""
    command = _sipvicious(tool, ip, port, *args)
    p = subprocess.run(command, text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=300)
    return p.stdout + p.stderr


# --- figures

def record(**figures):
    """Figures for docs/performance.md: printed, and a line of JSON in the file that ATTACK_FIGURES names."""
    print("figures:", json.dumps(figures))
    if os.environ.get("ATTACK_FIGURES"):
        with open(os.environ["ATTACK_FIGURES"], "a", encoding="utf-8") as f:
            f.write(json.dumps(figures) + "\n")
