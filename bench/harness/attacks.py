# SPDX-License-Identifier: MIT
"""Attacks with innocents beside them. Each scenario floods a fresh server and tells what the flood cost
and got, and what a known user got meanwhile."""
import json
import os
import subprocess
import time

from .process import Failed, free_port_run, prepare
from .report import number, table, word
from .servers import Floor, Kamailio, Ringfence

ATTACKER = "127.77.0.1"
PHONES = 32          # of the known users, each at an address of its own
USERS = 200
CALLS = 100          # a second, of the known users
MILLION = 1000000


def kernel_drops(port):
    """Datagrams to the port that its full receive buffer refused."""
    total = 0
    with open("/proc/net/udp", encoding="ascii") as f:
        for line in f.readlines()[1:]:
            words = line.split()
            if int(words[1].split(":")[1], 16) == port:
                total += int(words[-1])
    return total


def flood_argv(bench, server, method, sources, seconds, rate=None):
    argv = [bench.tool("sipload"), "flood", "-j", "-m", method, "-t", f"127.0.0.1:{server.port}", "-l", ATTACKER,
            "-s", str(sources), "-T", str(seconds), "-C", str(bench.load_core),
            "-M", ",".join(str(p) for p in server.process.pids())]
    return argv + (["-r", str(rate)] if rate else [])


def run_flood(bench, server, method, sources, seconds):
    before = kernel_drops(server.port)
    done = subprocess.run(flood_argv(bench, server, method, sources, seconds), capture_output=True, text=True,
                          timeout=seconds + 60, check=False, preexec_fn=prepare(None))
    if done.returncode or not server.process.alive():
        raise Failed(f"{server.name}: flood: {done.stderr.strip()} {server.process.tail()}")
    r = json.loads(done.stdout)
    r["read"] = r["sent"] - (kernel_drops(server.port) - before)
    r["us"] = 1e6 * r["cpu_seconds"] / max(1, r["read"])
    return r


def command(server, *args):
    """One of ringfence's own commands, as JSON."""
    out = subprocess.run([server.bench.ringfence, *args, "--json", "-c", server.path("ringfence.yaml")],
                         capture_output=True, text=True, check=False)
    return [json.loads(line) for line in out.stdout.splitlines() if line.strip()]


def bans(server):
    return sum(len(x["bans"]) if "bans" in x else 1 for x in command(server, "bans"))


class Attack:
    """name, method and number of sources of the flood; what the rows are, and the goals of the first."""

    def __init__(self, name, title, method, sources, rows, goal_over_floor=None, goal_us=None):
        self.name, self.title, self.method, self.sources, self.rows = name, title, method, sources, rows
        self.goal_over_floor, self.goal_us = goal_over_floor, goal_us


def receive_only(bench):
    return Floor(bench, drop=True)


def ringfence(bench):
    return Ringfence(bench, users=USERS, shipped=True)


def kamailio(bench):
    return Kamailio(bench, config="options-checks.cfg", define=["PIKE=30"])


FLOODS = [
    Attack("flood-one", "flood of OPTIONS from one source", "options", 1,
           [("ringfence", ringfence), ("Kamailio, pike and ban table", kamailio), ("receive only", receive_only)],
           goal_over_floor=0.3),
    Attack("flood-million", "flood of REGISTER from 1,000,000 sources", "register", MILLION,
           [("ringfence", ringfence), ("Kamailio, pike and ban table", kamailio), ("receive only", receive_only)],
           goal_us=2.5),
]


def measure_flood(bench, attack):
    rows = []
    for label, start in attack.rows:
        try:
            with start(bench) as server:
                run_flood(bench, server, attack.method, attack.sources, 0.3)
                rss = server.process.rss_mb()
                r = run_flood(bench, server, attack.method, attack.sources, bench.o.seconds)
                r.update(label=label, rss=rss, grown=server.process.rss_mb() - rss)
                if server.name == "ringfence":
                    r["bans"] = bans(server)
                rows.append(r)
        except Failed as e:
            rows.append({"label": label, "error": str(e)})
    return rows


def flood_text(attack, rows, markdown):
    out = [["", "µs CPU a datagram read", "read /s", "lost in the kernel", "answered", "bytes answered / sent",
            "RSS MB: start, growth", "bans"]]
    for r in rows:
        if "error" in r:
            out.append([r["label"], r["error"].splitlines()[0]] + [""] * 6)
            continue
        out.append([r["label"], f"{r['us']:.2f}", number(r["read"] / r["seconds"]),
                    f"{100 * (1 - r['read'] / max(1, r['sent'])):.0f} %", str(r["answered"]),
                    f"{r['answered_bytes'] / max(1, r['sent_bytes']):.2f}",
                    f"{r['rss']:.1f}, {r['grown']:+.1f} ({100 * r['grown'] / max(0.1, r['rss']):+.1f} %)",
                    str(r.get("bans", "-"))])
    notes = []
    good = {r["label"]: r for r in rows if "error" not in r}
    if "ringfence" in good and "receive only" in good:
        over = good["ringfence"]["us"] - good["receive only"]["us"]
        notes.append(f"{over:+.2f} µs over the bare receive" +
                     (f", goal {attack.goal_over_floor:g}: {word(over <= attack.goal_over_floor)}"
                      if attack.goal_over_floor else ""))
    if "ringfence" in good and attack.goal_us:
        mine = good["ringfence"]["us"]
        notes.append(f"{mine:.2f} µs, goal {attack.goal_us:g} µs: {word(mine <= attack.goal_us)}")
    return text_of(attack.title, out, notes, markdown)


def text_of(title, rows, notes, markdown):
    lines = [("### " if markdown else "\n") + title, "" if markdown else None, table(rows, markdown),
             "" if markdown else None] + [("- " if markdown else "  ") + n for n in notes]
    return "\n".join(x for x in lines if x is not None)


def call_argv(bench, server, seconds):
    port = free_port_run(2 * PHONES, [f"127.0.1.{1 + i}" for i in range(PHONES)])
    return [bench.tool("sipload"), "call", "-j", "-t", f"127.0.0.1:{server.port}",
            "-l", f"127.0.1.1:{port}", "-s", str(PHONES), "-p", str(PHONES), "-e", str(PHONES),
            "-u", str(USERS), "-r", str(CALLS), "-w", "4096", "-W", "2", "-z", "-T", str(seconds),
            "-C", str(bench.load_core), "-M", ",".join(str(p) for p in server.process.pids()),
            "-S", ",".join(str(p) for p in bench.spin.pids())]


INNOCENT = [("no flood", None, 0), ("OPTIONS of one source", "options", 1), ("REGISTER of one source", "register", 1),
            ("INVITE of one source", "invite", 1), ("all three of one source", "mix", 1),
            ("REGISTER of 1,000,000 sources", "register", MILLION), ("all three of 1,000,000 sources", "mix", MILLION)]


def measure_innocent(bench, label, method, sources):
    """Known users call at a fixed rate; the flood begins with the warm-up and ends after the last call."""
    seconds = max(3, bench.o.seconds)
    with Ringfence(bench, users=USERS, shipped=True) as server:
        # Phones do not wait for the attacker's machine.
        calls = subprocess.Popen(call_argv(bench, server, seconds), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 text=True, preexec_fn=prepare(None, at_once=True))
        time.sleep(0.7)  # the callees are registered
        flood = subprocess.Popen(flood_argv(bench, server, method, sources, seconds + 3), stdout=subprocess.PIPE,
                                 text=True, preexec_fn=prepare(None)) if method else None
        out, err = calls.communicate(timeout=120)
        f = json.loads(flood.communicate(timeout=120)[0]) if flood else None
        if calls.returncode or not out:
            raise Failed(f"sipload call: {err.strip()}")
        r = json.loads(out)
        r.update(label=label, flood=f, bans=bans(server), sources=sources)
        r["lost"] = kernel_drops(server.port)
        return r


def innocent_text(rows, markdown):
    out = [["the flood", "sent /s", "answers it got", "lost in the kernel", "calls of known users", "failed",
            "p50 / p99 ms", "bans"]]
    notes = []
    for r in rows:
        if "error" in r:
            out.append([r["label"], r["error"].splitlines()[0]] + [""] * 6)
            continue
        f = r["flood"]
        bad = r["failures"] + r["warmup_failures"]
        out.append([r["label"], number(f["rate"]) if f else "-", str(f["answered"]) if f else "-", str(r["lost"]),
                    str(r["ops"]), str(bad),
                    f"{r['latency_us']['p50'] / 1000:.2f} / {r['latency_us']['p99'] / 1000:.2f}", str(r["bans"])])
        if f:
            good = bad == 0 and r["latency_us"]["p99"] < 10000
            notes.append(f"{r['label']}: all calls, p99 below 10 ms: {word(good)}")
    return text_of(f"{CALLS} calls a second of known users beside a flood", out, notes, markdown)


def measure_all(bench, wanted, say):
    """The tables of the scenarios that are wanted, as Markdown; said as text as they come."""
    markdown, data = [], {}
    for attack in FLOODS:
        if attack.name in wanted:
            rows = data[attack.name] = measure_flood(bench, attack)
            say(flood_text(attack, rows, False))
            markdown.append(flood_text(attack, rows, True))
    if "innocent" in wanted:
        rows = data["innocent"] = []
        for label, method, sources in INNOCENT:
            try:
                rows.append(measure_innocent(bench, label, method, sources))
            except Failed as e:
                rows.append({"label": label, "error": str(e)})
        say(innocent_text(rows, False))
        markdown.append(innocent_text(rows, True))
    return data, markdown


NAMES = [a.name for a in FLOODS] + ["innocent"]
