# SPDX-License-Identifier: MIT
"""Two network namespaces with a wire between them, for tests of what the kernel drops: the daemon in
`server`, everybody else in `outside`. Needs root; made and removed by the test.

    wire = Wire()
    with wire.server: daemon.start()         # what is made inside stays there: processes, sockets
    with wire.outside: ua = sip.UA(...)"""
import contextlib
import ctypes
import json
import os
import subprocess
import uuid

CLONE_NEWNET = 0x40000000
SERVER, SERVER6 = "10.77.0.1", "fd77:1::1"
OUTSIDE = [f"10.77.0.{i}" for i in range(2, 12)]
OUTSIDE6 = ["fd77:2::2", "fd77:3::2"]  # of different /64

_libc = ctypes.CDLL(None, use_errno=True)


def run(*command, check=True, **settings):
    return subprocess.run(command, check=check, capture_output=True, text=True, **settings)


def can_make():
    """Whether namespaces and nftables can be had here: (yes, why not)"""
    if os.geteuid() != 0:
        return False, "needs root"
    name = f"rf-{uuid.uuid4().hex[:8]}"
    made = run("ip", "netns", "add", name, check=False)
    if made.returncode:
        return False, f"no network namespaces: {made.stderr.strip()}"
    works = run("ip", "netns", "exec", name, "nft", "add", "table", "inet", "rf", check=False)
    run("ip", "netns", "del", name, check=False)
    return works.returncode == 0, f"no nftables: {works.stderr.strip()}"


def enter(path):
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(fd, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(fd)


class Namespace:
    def __init__(self, name):
        self.name = name
        run("ip", "netns", "add", name)
        self.run("ip", "link", "set", "lo", "up")

    def run(self, *command, check=True, **settings):
        return run("ip", "netns", "exec", self.name, *command, check=check, **settings)

    def __enter__(self):
        self._home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        enter(f"/run/netns/{self.name}")
        return self

    def __exit__(self, *_):
        enter(f"/proc/self/fd/{self._home}")
        os.close(self._home)

    # --- nftables

    def ruleset(self):
        return self.run("nft", "list", "ruleset").stdout

    def elements(self, name, table="ringfence"):
        """{address or prefix: seconds left} of a set; None: there is no such table."""
        done = self.run("nft", "-j", "list", "set", "inet", table, name, check=False)
        if done.returncode:
            return None
        out = {}
        for item in json.loads(done.stdout)["nftables"]:
            for e in item.get("set", {}).get("elem", []):
                value, left = e["elem"]["val"], e["elem"]["expires"]
                if isinstance(value, dict):
                    value = f"{value['prefix']['addr']}/{value['prefix']['len']}"
                out[value] = left
        return out

    def dropped(self, table="ringfence"):
        """Packets."""
        done = self.run("nft", "-j", "list", "counter", "inet", table, "dropped")
        return [i["counter"]["packets"] for i in json.loads(done.stdout)["nftables"] if "counter" in i][0]

    def close(self):
        run("ip", "netns", "del", self.name, check=False)


class Wire:
    def __init__(self):
        tag = uuid.uuid4().hex[:6]
        self.made = contextlib.ExitStack()
        self.server = Namespace(f"rf-s-{tag}")
        self.made.callback(self.server.close)
        self.outside = Namespace(f"rf-o-{tag}")
        self.made.callback(self.outside.close)
        self.interface = "wire0"
        run("ip", "link", "add", "wire0", "netns", self.server.name, "type", "veth",
            "peer", "name", "wire1", "netns", self.outside.name)
        for where, name, addresses in (
                (self.server, "wire0", [f"{SERVER}/24", f"{SERVER6}/64"]),
                (self.outside, "wire1", [f"{a}/24" for a in OUTSIDE] + [f"{a}/64" for a in OUTSIDE6])):
            where.run("ip", "link", "set", name, "up")
            for a in addresses:
                where.run("ip", "addr", "add", a, "dev", name, *(["nodad"] if ":" in a else []))
        for a in OUTSIDE6:
            self.server.run("ip", "route", "add", a.split("::")[0] + "::/64", "dev", "wire0")
        self.outside.run("ip", "route", "add", "fd77:1::/64", "dev", "wire1")

    def close(self):
        self.made.close()
