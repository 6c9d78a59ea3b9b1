# SPDX-License-Identifier: MIT
"""One run of the harness: its cores, tools and folder, and how one measurement is made."""
import json
import os
import shutil
import statistics
import subprocess
import tempfile

from .process import Failed, Process, free_port_run, prepare

CLIENTS = 4          # client ports, each on an address of its own: 127.0.0.1 to 127.0.0.4
DISTURBED = 0.05     # share of both cores that others may take before a measurement is repeated
REPEATS = 2
SPIN_SECONDS = 3600


class Bench:
    """Owns the temporary folder and the spinner; use as a context manager."""

    def __init__(self, options):
        self.o = options
        self.server_core, self.load_core = options.cores
        self.ringfence = options.ringfence or os.path.join(options.build, "src/daemon/ringfence")
        self.dir = tempfile.mkdtemp(prefix="ringfence-bench-")
        self.made = {}
        self.spin = None
        self.local_port = free_port_run(2 * CLIENTS, [f"127.0.0.{1 + i}" for i in range(CLIENTS)])

    def __enter__(self):
        cores = sorted({self.server_core, self.load_core})
        # An autogroup competes as a whole: without the least weight for the spinner's it would take
        # half of each core although its threads are SCHED_IDLE.
        self.spin = Process([self.tool("spin"), str(SPIN_SECONDS)] + [str(c) for c in cores], None,
                            os.path.join(self.dir, "spin.log"), nice=19)
        return self

    def __exit__(self, *_):
        if self.spin:
            self.spin.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def tool(self, name):
        path = os.path.join(self.o.build, "bench", name)
        if not os.access(path, os.X_OK):
            raise Failed(f"{path} is missing: build it with `ninja -C {self.o.build} bench/{name}`")
        return os.path.abspath(path)

    def made_once(self, fill, *args):
        """A database that several servers copy."""
        key = "-".join([fill.__name__] + [str(a) for a in args])
        path = os.path.join(self.dir, key + ".db")
        if key not in self.made:
            fill(path, *args)
            self.made[key] = path
        return path

    def load(self, server, mode, *args):
        """Runs the generator against a started server; its JSON, with the share others took."""
        argv = [self.tool("sipload"), mode, "-j", "-t", f"127.0.0.1:{server.port}",
                "-l", f"127.0.0.1:{self.local_port}", "-s", str(CLIENTS),
                "-p", str(CLIENTS), "-C", str(self.load_core),
                "-M", ",".join(str(p) for p in server.process.pids()),
                "-S", ",".join(str(p) for p in self.spin.pids())] + [str(a) for a in args]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=900, check=False, preexec_fn=prepare(None))
        if done.returncode or not done.stdout:
            raise Failed(f"{server.name}: sipload {mode}: {done.stderr.strip()}")
        if not server.process.alive():
            raise Failed(f"{server.name} died under load:\n{server.process.tail()}")
        r = json.loads(done.stdout)
        cores = len({self.server_core, self.load_core})
        used = r["cpu_seconds"] + r["spin_cpu_seconds"] + r["own_cpu_seconds"]
        r["others"] = max(0.0, 1 - used / (cores * r["seconds"]))
        return r

    def undisturbed(self, measure):
        """measure() again while other programs took a share of the cores that matters."""
        best = measure()
        for _ in range(REPEATS):
            if best["others"] <= DISTURBED:
                break
            again = measure()
            if again["others"] < best["others"]:
                best = again
        return best

    def saturate(self, start, mode, args):
        """A closed loop against a fresh server: CPU time, rate, latency, memory."""
        def once():
            with start() as server:
                idle = server.process.pss_mb()
                r = self.load(server, mode, "-T", self.o.seconds, *args)
                r["pss_idle_mb"], r["pss_loaded_mb"] = idle, server.process.pss_mb()
                return r
        return self.undisturbed(once)

    def fixed(self, start, mode, rate, args):
        """A fixed rate against a fresh server: latency from the instant each operation was due."""
        def once():
            with start() as server:
                return self.load(server, mode, "-T", self.o.seconds, "-r", rate, "-w", 8192, *args)
        return self.undisturbed(once)


def median(runs, *path):
    """(median, least, greatest) of one figure over the runs."""
    values = []
    for r in runs:
        for key in path:
            r = r[key]
        values.append(r)
    return statistics.median(values), min(values), max(values)
