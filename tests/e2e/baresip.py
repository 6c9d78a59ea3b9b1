# SPDX-License-Identifier: MIT
"""baresip as a phone, without sound hardware, steered over its ctrl_tcp module.

    bob = Baresip(rf, "bob"); bob.wait_registered()
    alice.dial("bob"); bob.wait("CALL_INCOMING"); bob.command("accept"); alice.wait("CALL_ESTABLISHED")"""
import json
import socket
import subprocess
import time

from daemon import DEADLINE, DOMAIN, PASSWORD, free_port, until

CONFIG = """\
module_path /usr/lib/baresip/modules
module g711.so
module aufile.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
sip_listen {address}:{port}
net_interface {ip}
audio_player aufile,{folder}/heard.wav
audio_source aufile,{folder}/said.wav
audio_alert aufile,{folder}/alert.wav
ctrl_tcp_listen 127.0.0.1:{control}
call_local_timeout 60
call_max_calls 8
poll_method epoll
rtp_ports 32000-32700
"""


def write_silence(path, seconds=30):
    """A WAV file of 8 kHz mono."""
    n = 8000 * seconds * 2
    head = b"RIFF" + (36 + n).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    head += (1).to_bytes(2, "little") + (1).to_bytes(2, "little") + (8000).to_bytes(4, "little")
    head += (16000).to_bytes(4, "little") + (2).to_bytes(2, "little") + (16).to_bytes(2, "little")
    path.write_bytes(head + b"data" + n.to_bytes(4, "little") + bytes(n))


def free_pair(taken):
    """A port whose neighbour is free too: baresip listens there for SIP over TLS."""
    for _ in range(100):
        port = free_port()
        if taken in (port, port + 1):
            continue
        with socket.socket() as neighbour:
            try:
                neighbour.bind(("127.0.0.1", port + 1))
                return port
            except OSError:
                continue
    raise AssertionError("no two free ports side by side")


class Baresip:
    alive = []

    def __init__(self, daemon, user, password=PASSWORD, transport="udp", account="", ip="127.0.0.1"):
        """account: more parameters of the account line, such as ';answermode=auto'."""
        self.user, self.events, self.buffer, self.tokens = user, [], b"", 0
        self.responses = {}
        self.socket = None
        self.folder = daemon.folder / f"baresip-{user}-{free_port()}"
        self.folder.mkdir()
        self.control = free_port()
        self.port = free_pair(self.control)
        for name in ("said.wav", "alert.wav"):
            write_silence(self.folder / name)
        (self.folder / "config").write_text(CONFIG.format(
            ip=ip, address=f"[{ip}]" if ":" in ip else ip, port=self.port, control=self.control, folder=self.folder))
        server = f"[::1]:{daemon.port}" if ":" in ip else f"127.0.0.1:{daemon.port}"
        (self.folder / "accounts").write_text(
            f'<sip:{user}@{DOMAIN};transport={transport}>;auth_pass={password};regint=60;'
            f'outbound="sip:{server};transport={transport}"{account}\n')
        (self.folder / "contacts").write_text("")
        self.log = self.folder / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(["baresip", "-f", str(self.folder)], cwd=self.folder,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        Baresip.alive.append(self)
        self.socket = until(self._connect, f"baresip's control port: {self.report()}")
        self.socket.settimeout(0.1)

    def _connect(self):
        assert self.process.poll() is None, self.report()
        try:
            return socket.create_connection(("127.0.0.1", self.control), timeout=1)
        except OSError:
            return None

    def report(self):
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""

    def _read(self):
        """Takes in what came: netstrings of JSON."""
        try:
            data = self.socket.recv(65536)
            assert data, f"baresip ended: {self.report()}"
            self.buffer += data
        except (TimeoutError, socket.timeout):
            pass
        while b":" in self.buffer:
            size, _, rest = self.buffer.partition(b":")
            if len(rest) < int(size) + 1:
                return
            message = json.loads(rest[:int(size)])
            self.buffer = rest[int(size) + 1:]
            if message.get("response"):
                self.responses[message.get("token")] = message
            else:
                self.events.append(message)

    def command(self, command, params=""):
        self.tokens += 1
        token = str(self.tokens)
        text = json.dumps({"command": command, "params": params, "token": token}).encode()
        self.socket.sendall(b"%d:%s," % (len(text), text))

        def answer():
            self._read()
            return self.responses.pop(token, None)
        return until(answer, f"baresip's answer to {command}")

    def dial(self, to):
        return self.command("dial", to if ":" in to else f"sip:{to}@{DOMAIN}")

    def wait(self, kind, deadline=DEADLINE, **want):
        """The next event of this type (REGISTER_OK, CALL_INCOMING, CALL_ESTABLISHED, CALL_CLOSED ...); it and
        what came before it is forgotten."""
        end = time.monotonic() + deadline
        while True:
            for i, event in enumerate(self.events):
                if event.get("type") == kind and all(want[k] in str(event.get(k)) for k in want):
                    self.events = self.events[i + 1:]
                    return event
            assert time.monotonic() < end, f"{self.user} waited in vain for {kind}: {self.events}\n{self.report()}"
            self._read()

    def wait_registered(self):
        """ctrl_tcp tells only what happens after the connection, so the state is asked for too."""
        def done():
            self._read()
            if any(e.get("type") == "REGISTER_OK" for e in self.events):
                return True
            return "OK" in str(self.command("reginfo").get("data")) or "200" in self.report()
        until(done, f"{self.user}'s registration: {self.report()}")

    def stop(self):
        if self.socket:
            self.socket.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self in Baresip.alive:
            Baresip.alive.remove(self)
