# SPDX-License-Identifier: MIT
"""A phone made by hand: every byte it sends can be chosen, and every byte it gets is kept.

    ua = UA(daemon, "alice", transport="tcp", ip="::1")
    ua.register().expect(200)
    response = ua.ask("OPTIONS", "sip:bob@example.com")      # answers the challenge
    call = ua.call("bob"); call.final().expect(200)          # see Call
"""
import hashlib
import random
import re
import select
import socket
import time

from daemon import DEADLINE, DOMAIN, PASSWORD

COMPACT = {"v": "Via", "f": "From", "t": "To", "i": "Call-ID", "m": "Contact", "l": "Content-Length",
           "c": "Content-Type", "k": "Supported", "e": "Content-Encoding", "s": "Subject", "o": "Event",
           "r": "Refer-To", "u": "Allow-Events", "x": "Session-Expires", "b": "Referred-By"}
HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}


def token(prefix=""):
    return f"{prefix}{random.getrandbits(64):016x}"


def branch():
    return token("z9hG4bK")


def digest(algorithm, *parts):
    return hashlib.new(HASHES[algorithm], ":".join(parts).encode()).hexdigest()


def bracketed(ip):
    return f"[{ip}]" if ":" in ip else ip


class Message:
    """A SIP message as it came."""

    def __init__(self, raw, source=None):
        self.raw, self.source = raw, source
        head, _, self.body = raw.partition(b"\r\n\r\n")
        text = re.sub(r"\r\n[ \t]+", " ", head.decode("utf-8", "surrogateescape"))
        lines = text.split("\r\n")
        self.start = lines[0]
        self.headers = []
        for line in lines[1:]:
            name, _, value = line.partition(":")
            name = name.strip()
            self.headers.append((COMPACT.get(name.lower(), name), value.strip()))
        words = self.start.split(" ", 2)
        self.is_response = words[0] == "SIP/2.0"
        self.status = int(words[1]) if self.is_response else None
        self.method = self.cseq[1] if self.is_response else words[0]
        self.uri = None if self.is_response else words[1]

    def __repr__(self):
        return self.raw.decode("utf-8", "replace")

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def get(self, name, default=None):
        values = self.all(name)
        return values[0] if values else default

    @property
    def cseq(self):
        number, _, method = self.get("CSeq", "0 ").partition(" ")
        return int(number) if number.isascii() and number.isdigit() else number, method.strip()

    @property
    def call_id(self):
        return self.get("Call-ID")

    @property
    def branch(self):
        found = re.search(r";\s*branch=([^;,\s]+)", self.get("Via", ""))
        return found.group(1) if found else None

    def tag(self, name):
        found = re.search(r";\s*tag=([^;,\s]+)", self.get(name, ""))
        return found.group(1) if found else None

    def routes(self, name):
        """The values of Route, Record-Route or Path, one each."""
        return [part.strip() for value in self.all(name) for part in re.split(r",(?=\s*<)", value)]

    @property
    def contact(self):
        """The URI of the first Contact."""
        value = self.get("Contact", "")
        found = re.search(r"<([^>]*)>", value)
        return found.group(1) if found else value.split(";")[0].strip()

    def expect(self, *statuses):
        assert self.status in statuses, f"expected {statuses}, got:\n{self!r}"
        return self

    def challenge(self, algorithm="MD5", name=None):
        """The parameters of the challenge for an algorithm; None if it is not offered."""
        for n, value in self.headers:
            if n in ("WWW-Authenticate", "Proxy-Authenticate") and name in (None, n):
                params = parse_params(value.partition(" ")[2])
                if params.get("algorithm", "MD5") == algorithm:
                    return params
        return None


def parse_params(text):
    return {k.lower(): v[1:-1] if v.startswith('"') else v
            for k, v in re.findall(r'([\w-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^,\s]+)', text)}


class Udp:
    name = "UDP"

    def __init__(self, server, ip, port=0):
        self.server = server
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.bind((ip, port))
        self.ip, self.port = self.socket.getsockname()[:2]

    def send(self, data, to=None):
        self.socket.sendto(data, to or self.server)

    def receive(self, deadline):
        """A message, or None after the deadline. Empty datagrams and keep-alives are skipped."""
        while True:
            left = deadline - time.monotonic()
            if not select.select([self.socket], [], [], max(0, left))[0]:
                return None
            data, source = self.socket.recvfrom(65535)
            if data.strip(b"\r\n\0 "):
                return Message(data, source[:2])

    def close(self):
        self.socket.close()


class Tcp:
    name = "TCP"

    def __init__(self, server, ip, port=0, connection=None):
        self.server = server
        if connection is None:
            family = socket.AF_INET6 if ":" in ip else socket.AF_INET
            connection = socket.socket(family, socket.SOCK_STREAM)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.bind((ip, port))
            connection.settimeout(DEADLINE)
            connection.connect(server)
        self.socket = connection
        self.ip, self.port = self.socket.getsockname()[:2]
        self.buffer = b""
        self.pongs = 0

    def send(self, data, to=None):
        self.socket.sendall(data)

    def _take(self):
        while self.buffer.startswith(b"\r\n"):
            self.buffer = self.buffer[2:]
            self.pongs += 1
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        found = re.search(rb"\r\n(?:Content-Length|l)[ \t]*:[ \t]*(\d+)", self.buffer[:end + 2], re.I)
        size = end + 4 + (int(found.group(1)) if found else 0)
        if len(self.buffer) < size:
            return None
        message, self.buffer = Message(self.buffer[:size], self.server), self.buffer[size:]
        return message

    def receive(self, deadline):
        """A message, or None after the deadline; EOFError when the other side closed."""
        while True:
            message = self._take()
            if message:
                return message
            left = deadline - time.monotonic()
            if not select.select([self.socket], [], [], max(0, left))[0]:
                return None
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                raise EOFError("the connection was closed")
            self.buffer += data

    def is_closed(self, deadline=DEADLINE):
        """Whether the other side closes by the deadline; what comes before is read and dropped."""
        end = time.monotonic() + deadline
        try:
            while self.receive(end) is not None:
                pass
        except EOFError:
            return True
        return False

    def close(self):
        self.socket.close()


class UA:
    def __init__(self, daemon, user="alice", password=PASSWORD, domain=DOMAIN, transport="udp",
                 ip="127.0.0.1", port=0, server=None, algorithm="MD5", contact=None):
        self.user, self.password, self.domain = user, password, domain
        self.algorithm = algorithm
        server = server or ("::1" if ":" in ip else "127.0.0.1", daemon.port)
        self.wire = (Tcp if transport == "tcp" else Udp)(server, ip, port)
        self.ip, self.port = self.wire.ip, self.wire.port
        self.host = f"{bracketed(self.ip)}:{self.port}"
        self.aor = f"sip:{user}@{domain}"
        suffix = ";transport=tcp" if transport == "tcp" else ""
        self.contact = contact or f"sip:{user}@{self.host}{suffix}"
        self.cseq = random.randrange(1, 1000)
        self.register_id, self.tag = token(), token()
        self.kept = []  # came, but nobody waited for it
        self.nonce = None  # of the last challenge: reused with a growing nc
        self.nc = 0
        self.last = None  # the last request sent, as bytes

    def close(self):
        self.wire.close()

    # --- sending

    def message(self, method, uri, to=None, headers=(), body=b"", via=None, **fields):
        """A request as bytes. headers: lines 'Name: value' put before the body. fields: call_id, cseq
        (int), from_ (header value), branch, contact (None: no Contact), max_forwards, routes."""
        body = body.encode() if isinstance(body, str) else body
        cseq = fields.get("cseq")
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        contact = fields.get("contact", self.contact)
        lines = [f"{method} {uri} SIP/2.0",
                 via or f"Via: SIP/2.0/{self.wire.name} {self.host};rport;branch={fields.get('branch') or branch()}"]
        if fields.get("max_forwards", 70) is not None:
            lines.append(f"Max-Forwards: {fields.get('max_forwards', 70)}")
        lines += [f"Route: {route}" for route in fields.get("routes", ())]
        lines += [f"From: {fields.get('from_') or f'<{self.aor}>;tag={self.tag}'}",
                  f"To: {to or f'<{uri}>'}",
                  f"Call-ID: {fields.get('call_id') or token()}",
                  f"CSeq: {cseq} {method}"]
        if contact is not None:
            lines.append(f"Contact: {contact if '<' in contact or contact == '*' else f'<{contact}>'}")
        lines += list(headers)
        lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    def send(self, data):
        """Bytes, text or a Message."""
        data = data.raw if isinstance(data, Message) else data.encode() if isinstance(data, str) else data
        self.last = data
        self.wire.send(data)
        return Message(data)

    # --- receiving

    def wait(self, match=lambda m: True, what="a message", deadline=DEADLINE):
        """The first message that matches; the others are kept for later calls. None: nothing came."""
        for i, m in enumerate(self.kept):
            if match(m):
                return self.kept.pop(i)
        end = time.monotonic() + deadline
        while True:
            m = self.wire.receive(end)
            if m is None:
                return None
            if match(m):
                return m
            self.kept.append(m)

    def receive(self, match=lambda m: True, what="a message", deadline=DEADLINE):
        m = self.wait(match, what, deadline)
        assert m is not None, f"{self.user} waited in vain for {what}; it has: {self.kept!r}"
        return m

    def request(self, method, **want):
        """An incoming request of this method."""
        return self.receive(lambda m: m.method == method and not m.is_response and matches(m, want), method)

    def response(self, sent, statuses=range(100, 700), provisional=True):
        """A response to a request that was sent (Message or bytes)."""
        sent = sent if isinstance(sent, Message) else Message(sent)

        def fits(m):
            return (m.is_response and m.cseq == sent.cseq and m.call_id == sent.call_id and
                    m.branch == sent.branch and m.status in statuses and (provisional or m.status >= 200))
        return self.receive(fits, f"a response to {sent.start}")

    def final(self, sent, statuses=range(200, 700)):
        return self.response(sent, statuses, provisional=False)

    def hears_nothing(self, seconds=0.3):
        """Whether nothing but what was kept comes within this time."""
        return not self.kept and self.wait(deadline=seconds) is None

    # --- authentication

    def credentials(self, method, request_uri, challenge=None, **change):
        """An Authorization header line for a challenge (default: the last, with the next nc). change:
        overrides the value of a parameter, or removes it with None; password, user and body too."""
        if challenge is not None:
            self.nonce, self.nc = dict(challenge), 0
        self.nc += 1
        c = self.nonce
        algorithm = c.get("algorithm", "MD5")
        user = change.pop("user", self.user)
        password = change.pop("password", self.password)
        p = {"username": user, "realm": c["realm"], "nonce": c["nonce"], "uri": request_uri, "algorithm": algorithm,
             "cnonce": token(), "qop": "auth", "nc": f"{self.nc:08x}"}
        p.update({k: v for k, v in change.items() if k != "response"})
        ha1 = digest(algorithm, user, c["realm"], password)
        ha2 = digest(algorithm, method, str(p["uri"]))
        p["response"] = digest(algorithm, ha1, str(p["nonce"]), str(p["nc"]), str(p["cnonce"]), "auth", ha2)
        p.update({k: v for k, v in change.items() if k == "response"})
        bare = ("algorithm", "qop", "nc")
        text = ", ".join(f"{k}={v}" if k in bare else f'{k}="{v}"' for k, v in p.items() if v is not None)
        return ("Authorization" if method == "REGISTER" else "Proxy-Authorization") + ": Digest " + text

    def ask(self, method, uri, headers=(), **fields):
        """Sends a request, answers its challenge, and returns the final response. An INVITE's challenge is
        acknowledged. The response has .sent, the request that it answers."""
        fields.setdefault("call_id", token())
        password = fields.pop("password", self.password)
        sent = self.send(self.message(method, uri, headers=headers, **fields))
        r = self.final(sent)
        if r.status in (401, 407):
            if method == "INVITE":
                self.ack_failure(sent, r)
            c = r.challenge(self.algorithm)
            assert c, f"{self.algorithm} is not offered:\n{r!r}"
            line = self.credentials(method, uri, c, password=password)
            if fields.get("cseq") is not None:
                fields["cseq"] += 1
            sent = self.send(self.message(method, uri, headers=[*headers, line], **fields))
            if method == "INVITE":
                r = self.response(sent, range(101, 700))
            else:
                r = self.final(sent)
        r.sent = sent
        return r

    def ack_failure(self, invite, response):
        """The ACK of a final response that is not 2xx: it belongs to the INVITE's transaction."""
        self.send(self.message("ACK", invite.uri, to=response.get("To"), via=f"Via: {invite.get('Via')}",
                               from_=invite.get("From"), call_id=invite.call_id, cseq=invite.cseq[0],
                               routes=invite.routes("Route"), contact=None))

    # --- the registrar

    def register(self, expires=300, contact=None, headers=(), password=None, **fields):
        """Registers with digest and returns the final response."""
        lines = list(headers) + ([f"Expires: {expires}"] if expires is not None else [])
        fields.setdefault("call_id", self.register_id)
        return self.ask("REGISTER", f"sip:{self.domain}", to=fields.pop("to", f"<{self.aor}>"), headers=lines,
                        contact=contact or self.contact, password=password or self.password, **fields)

    # --- answering

    def reply(self, request, status, phrase="Whatever", tag=None, headers=(), body=b"", contact=None):
        """Answers a request. The To tag is kept for the dialog once given."""
        body = body.encode() if isinstance(body, str) else body
        lines = [f"SIP/2.0 {status} {phrase}"]
        lines += [f"{n}: {v}" for n, v in request.headers
                  if n.lower() in ("via", "record-route", "from", "call-id", "cseq")]
        to = request.get("To")
        if status > 100 and not request.tag("To"):
            request.local_tag = tag or getattr(request, "local_tag", None) or token()
            to += f";tag={request.local_tag}"
        lines.append(f"To: {to}")
        if status < 300 and request.method in ("INVITE", "SUBSCRIBE", "UPDATE", "REFER", "NOTIFY"):
            lines.append(f"Contact: <{contact or self.contact}>")
        lines += list(headers)
        lines.append(f"Content-Length: {len(body)}")
        data = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
        self.wire.send(data)
        return Message(data)

    # --- calls

    def call(self, to, **fields):
        return Call(self, to, **fields)

    def invite(self, **want):
        """An incoming call: the INVITE."""
        return self.request("INVITE", **want)


def matches(m, want):
    return all(m.get(name.replace("_", "-")) == value for name, value in want.items())


SDP = ("v=0\r\no=- {n} {n} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n"
       "m=audio 40000 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na={direction}\r\n")


def sdp(direction="sendrecv", n=1, ip="127.0.0.1"):
    return SDP.format(direction=direction, n=n, ip=ip)


class Call:
    """An outgoing call: the INVITE is sent, and sent again with credentials when challenged. `invite` is
    the request under way."""

    def __init__(self, ua, to, headers=(), body=None, uri=None, challenge=True, **fields):
        self.ua = ua
        self.uri = uri or (to if ":" in to else f"sip:{to}@{ua.domain}")
        self.call_id = fields.pop("call_id", None) or token()
        body = sdp() if body is None else body
        lines = [*headers, "Content-Type: application/sdp"] if body else list(headers)
        fields = dict(fields, call_id=self.call_id, body=body, to=fields.pop("to_header", None))
        self.invite = ua.send(ua.message("INVITE", self.uri, headers=lines, **fields))
        if challenge:
            r = ua.final(self.invite)
            if r.status == 407:
                ua.ack_failure(self.invite, r)
                line = ua.credentials("INVITE", self.uri, r.challenge(ua.algorithm))
                self.invite = ua.send(ua.message("INVITE", self.uri, headers=[*lines, line], **fields))
            else:
                ua.kept.insert(0, r)
        self.dialog = None

    def response(self, *statuses):
        return self.ua.response(self.invite, statuses or range(101, 700))

    def final(self, ack=True):
        """The final response; acknowledged, and for 2xx the dialog is made."""
        r = self.ua.final(self.invite)
        if r.status < 300:
            self.dialog = Dialog.of_caller(self.ua, self.invite, r)
            if ack:
                self.dialog.ack()
        elif ack:
            self.ua.ack_failure(self.invite, r)
        return r

    def cancel(self):
        """Sends CANCEL and returns its own response."""
        i = self.invite
        sent = self.ua.send(self.ua.message("CANCEL", i.uri, to=i.get("To"), via=f"Via: {i.get('Via')}",
                                            from_=i.get("From"), call_id=i.call_id, cseq=i.cseq[0],
                                            routes=i.routes("Route"), contact=None))
        return self.ua.final(sent)


class Dialog:
    """One side of a call (RFC 3261 §12)."""

    def __init__(self, ua, call_id, local, remote, target, routes, cseq):
        self.ua, self.call_id, self.local, self.remote = ua, call_id, local, remote
        self.target, self.routes, self.cseq, self.invite_cseq = target, routes, cseq, cseq

    @classmethod
    def of_caller(cls, ua, invite, response):
        return cls(ua, invite.call_id, invite.get("From"), response.get("To"), response.contact,
                   list(reversed(response.routes("Record-Route"))), invite.cseq[0])

    @classmethod
    def of_callee(cls, ua, invite, response):
        """response: what reply() returned."""
        return cls(ua, invite.call_id, response.get("To"), invite.get("From"), invite.contact,
                   invite.routes("Record-Route"), random.randrange(1, 1000))

    def message(self, method, headers=(), body=b"", **fields):
        if method not in ("ACK", "CANCEL") and "cseq" not in fields:
            self.cseq += 1
        fields.setdefault("cseq", self.cseq)
        return self.ua.message(method, self.target, to=self.remote, from_=self.local, call_id=self.call_id,
                               routes=self.routes, headers=headers, body=body, **fields)

    def ack(self, **fields):
        self.last_ack = self.ua.send(self.message("ACK", cseq=fields.pop("cseq", self.invite_cseq), **fields))
        return self.last_ack

    def send(self, method, headers=(), body=b"", authenticate=True, **fields):
        """Sends a request inside the dialog, with credentials for the last challenge if there was one."""
        headers = list(headers)
        if authenticate and self.ua.nonce:
            headers.append(self.ua.credentials(method, self.target))
        sent = self.ua.send(self.message(method, headers, body, **fields))
        if method == "INVITE":
            self.invite_cseq = self.cseq
        return sent

    def deliver(self, method, other, **fields):
        """Sends a request, answers its challenge if there is one, and returns (what was sent, what `other`, the
        UA of the far side, received). The second is None if a final answer came instead: it can be waited for."""
        sent = self.send(method, **fields)
        got = first_of(self.ua, sent, other)
        if got.is_response and got.status == 407:
            if method == "INVITE":
                self.ua.ack_failure(sent, got)
            self.ua.nonce, self.ua.nc = got.challenge(self.ua.algorithm), 0
            sent = self.send(method, **fields)
            got = first_of(self.ua, sent, other)
        if got.is_response:
            self.ua.kept.insert(0, got)
            return sent, None
        return sent, got

    def ask(self, method, other, status=200, headers=(), body=b"", answer=(), answer_body=b"", **fields):
        """deliver(), and `other` answers with status; returns (what the far side received, the final response)."""
        sent, got = self.deliver(method, other, headers=headers, body=body, **fields)
        if got:
            other.reply(got, status, headers=answer, body=answer_body)
        return got, self.ua.final(sent)


def first_of(ua, sent, other):
    """The request `sent` as it arrives at `other`, or a final answer that comes instead."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        m = other.wait(lambda m: not m.is_response and m.method == sent.method and
                       m.call_id == sent.call_id and m.cseq == sent.cseq, deadline=0.02)
        if m:
            return m
        m = ua.wait(lambda m: m.is_response and m.branch == sent.branch and m.cseq == sent.cseq and
                    m.status >= 200, deadline=0.005)
        if m:
            return m
    raise AssertionError(f"{sent.method} neither arrived nor was answered")


def connect(caller, callee, to=None, **fields):
    """A call that is up: (the caller's dialog, the callee's dialog)."""
    call = caller.call(to or callee.user, **fields)
    invite = callee.invite(call_id=call.call_id)
    callee.reply(invite, 180)
    ok = callee.reply(invite, 200, headers=["Content-Type: application/sdp"], body=sdp(n=2))
    call.final().expect(200)
    callee.request("ACK", call_id=call.call_id)
    return call.dialog, Dialog.of_callee(callee, invite, ok)
