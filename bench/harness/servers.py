# SPDX-License-Identifier: MIT
"""How each server is configured and started for a scenario. A started server listens on
127.0.0.1:port with the domain bench.test and the accounts of accounts.py."""
import os
import shutil
import tempfile

from . import accounts
from .process import Failed, Process, free_port, wait_answering

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MODULES = "/usr/lib/x86_64-linux-gnu/kamailio/modules"


class Server:
    """A folder of its own, a port, a process. Use as a context manager."""

    name = ""

    def __init__(self, bench, **how):
        self.bench = bench
        self.how = how
        self.dir = tempfile.mkdtemp(prefix="run-", dir=bench.dir)
        self.port = free_port()
        self.process = None

    def __enter__(self):
        try:
            argv = self.argv()
            log = os.path.join(self.dir, "log")
            self.process = Process(argv, self.bench.server_core, log, cwd=self.dir)
            wait_answering(self.process, self.port)
        except Failed as e:
            self.close()
            raise Failed(f"{self.name} {e}") from None
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.process:
            self.process.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def argv(self):
        raise NotImplementedError

    def path(self, name):
        return os.path.join(self.dir, name)

    def account_store(self, fill, *args):
        """A private copy of a database that is made once a run of the harness."""
        made = self.bench.made_once(fill, *args)
        shutil.copyfile(made, self.path("accounts.db"))
        return self.path("accounts.db")


class Floor(Server):
    """`drop`: it receives in batches, over our own transport, and does nothing else."""

    name = "floor"

    def argv(self):
        if self.how.get("drop"):
            return [self.bench.tool("floor_echo"), f"127.0.0.1:{self.port}", "drop"]
        return [self.bench.tool("floor"), f"127.0.0.1:{self.port}"]


class Kamailio(Server):
    """`config`: file under bench/kamailio; `define`: preprocessor names; `users`: accounts."""

    name = "Kamailio"

    def argv(self):
        h = self.how
        program = shutil.which("kamailio", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if not program:
            raise Failed("is not installed: apt-get install kamailio kamailio-sqlite-modules")
        defines = [f"WORKERS={h.get('workers', 2)}", f"LISTEN=udp:127.0.0.1:{self.port}"]
        if h.get("users"):
            db = self.account_store(accounts.fill_kamailio, h["users"], h.get("algorithm", "MD5"))
            defines.append(f'DB_URL="sqlite:///{db}"')
        defines += h.get("define", [])
        argv = [program, "-DD", "-E", "-x", "fm", "-X", "fm", "-m", "4096", "-M", "32",
                "-L", MODULES, "-Y", self.dir, "-f", os.path.join(HERE, "kamailio", h["config"])]
        for d in defines:
            argv += ["-A", d]
        return argv


# Four addresses here stand for ten thousand phones: as with Kamailio's limits, what flood thresholds cost is
# measured, and not what they do.
OUT_OF_REACH = ("controls: {flood: {requests: 65535, known_requests: 65535, flow_requests: 65535, "
                "prefix_requests: 65535, wide_requests: 100000000, window: 100ms}}")


class Ringfence(Server):
    """`users`: accounts; `peer`: what comes from the generator needs no password; `extra`: more lines;
    `shipped`: with the thresholds as installed."""

    name = "ringfence"

    def argv(self):
        h, users = self.how, self.how.get("users", 16)
        if not os.access(self.bench.ringfence, os.X_OK):
            raise Failed(f"is not built: no {self.bench.ringfence}")
        self.account_store(accounts.fill_ringfence, users)
        lines = [
            f"zones: {{public: {{listen: [\"udp:127.0.0.1:{self.port}\"]}}}}",
            f"domains: {{{accounts.REALM}: {{registrar: local}}}}",
            f"workers: {h.get('workers', 1)}",
            f"accounts: {{store: \"sqlite:accounts.db\", cache: {max(65536, 2 * users)}}}",
            "state: {store: \"sqlite:state.db\"}",
            f"registrar: {{max_bindings: {max(100000, 2 * users)}}}",
            "sip: {transactions: 4194304, transaction_memory: 6GiB}",
            # What happened is not recorded, as with the peers.
            "events: []",
            "history: {memory: off}",
            "admin: {listen: \"unix:control.sock\"}",
        ]
        if h.get("peer"):
            # One address here stands for a thousand carriers: what one of them may is no limit for it.
            lines.append("peers: {bench: {zone: public, sources: [127.0.0.0/8], requests: off}}")
        lines += h.get("extra", [] if h.get("shipped") else [OUT_OF_REACH])
        with open(self.path("ringfence.yaml"), "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")
        return [self.bench.ringfence, "serve", "-c", self.path("ringfence.yaml")]
