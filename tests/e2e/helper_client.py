# SPDX-License-Identifier: MIT
"""The daemon's side of the protocol of ringfence-helper, for tests: src/helper/message.h."""
import ipaddress
import os
import socket
import struct
import subprocess

CONFIGURE, SYNC_BEGIN, ADD, REMOVE, SYNC_END, STATS, STOP = range(1, 8)
HELLO, RESULT, FIGURES, REFUSED = range(65, 69)
OFF, UP, FAILED, PARTLY = range(4)
NFTABLES, XDP = 1, 2
ITEMS = 1000


def header(kind, count, sequence, magic=b"RFH\x01"):
    return magic + struct.pack("<BBHI", kind, 0, count, sequence)


def setup(wanted=NFTABLES, table=b"ringfence", ports=((0, 5060), (1, 5060)), all_ports=0, mode=0, interfaces=()):
    data = struct.pack("<BBBBBxxx", wanted, all_ports, mode, len(ports), len(interfaces))
    data += table.ljust(32, b"\0")
    data += b"".join(struct.pack("<HH", *p) for p in ports).ljust(256, b"\0")
    return data + b"".join(i.ljust(16, b"\0") for i in interfaces).ljust(256, b"\0")


def item(prefix, seconds):
    net = ipaddress.ip_network(prefix)
    if net.version == 4:
        return bytes(10) + b"\xff\xff" + net.network_address.packed + struct.pack("<II", net.prefixlen + 96, seconds)
    return net.network_address.packed + struct.pack("<II", net.prefixlen, seconds)


class Helper:
    """A helper on a socket pair, in the network namespace `netns` (None: this one)."""

    def __init__(self, binary, netns=None):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [binary, "--socket-fd", str(theirs.fileno())]
        if netns:
            command = ["ip", "netns", "exec", netns] + command
        self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        theirs.close()
        self.socket = ours
        self.socket.settimeout(20)
        self.sequence = 0

    def receive(self):
        """(type, sequence, items)"""
        data = self.socket.recv(65536)
        if not data:
            raise EOFError
        kind, _, count, sequence = struct.unpack("<BBHI", data[4:12])
        return kind, sequence, (count, data[12:])

    def ask(self, kind, items=(), raw=None):
        """Sends a request and gives its answer."""
        self.sequence += 1
        self.socket.send(raw if raw is not None else header(kind, len(items), self.sequence) + b"".join(items))
        return self.receive()

    def results(self, kind, items=()):
        """{backend: (state, errno, text)}"""
        answer, sequence, (count, data) = self.ask(kind, items)
        assert answer == RESULT and sequence == self.sequence, (answer, data)
        out = {}
        for i in range(count):
            backend, state, error = struct.unpack("<BBH", data[i * 128:i * 128 + 4])
            out[1 << backend] = state, error, data[i * 128 + 8:i * 128 + 128].rstrip(b"\0").decode()
        return out

    def figures(self):
        """{backend: (state, entries, evicted, packets, bytes)}"""
        answer, _, (count, data) = self.ask(STATS)
        assert answer == FIGURES
        out = {}
        for i in range(count):
            backend, state, *rest = struct.unpack("<BB6xQQQQ", data[i * 40:i * 40 + 40])
            out[1 << backend] = (state, *rest)
        return out

    def children(self):
        """The workers."""
        text = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True).stdout
        return [int(p) for p in text.split()]

    def close(self):
        self.socket.close()
        self.process.wait(20)


def is_root():
    return os.geteuid() == 0
