# SPDX-License-Identifier: MIT
"""Figures as a table for people, Markdown for the documentation, JSON for programs."""
import json
import os
import platform
import subprocess
import time

from .bench import DISTURBED, median

HEADER = ["", "µs CPU each", "rate /s", "core busy", "p50 / p99 µs", "at {rate}/s: p50 / p99 µs", "µs CPU there",
          "PSS MB", "failed"]


def number(v):
    """Three figures that matter."""
    if v >= 10000:
        return f"{v / 1000:.0f}k" if v >= 100000 else f"{v / 1000:.1f}k"
    return f"{v:.0f}" if v >= 100 else f"{v:.1f}" if v >= 10 else f"{v:.2f}"


def spread(runs, *path):
    mid, low, high = median(runs, *path)
    return number(mid) if len(runs) == 1 else f"{number(mid)} ({number(low)}..{number(high)})"


def busy(runs):
    """The server's share of its core; well below 100 % the generator or others were the limit."""
    return f"{100 * max(r['cpu_seconds'] / r['seconds'] for r in runs):.0f} %"


def failures(result):
    """The sum, with the reasons when there are any; a star marks a disturbed measurement."""
    runs = result["runs"] + result["fixed"]
    bad = sum(r["failures"] + r["warmup_failures"] for r in runs)
    why = {}
    for r in runs:
        for k, n in r["failed"].items():
            why[k] = why.get(k, 0) + n
    text = str(bad) + "".join(f" {k}:{n}" for k, n in why.items() if n)
    return text + ("*" if any(r["others"] > DISTURBED for r in runs) else "")


def cells(result):
    if "error" in result:
        return [result["label"], result["error"].splitlines()[0], "", "", "", "", "", "", ""]
    runs, fixed = result["runs"], result["fixed"]
    both = [f"{number(median(r, 'latency_us', 'p50')[0])} / {number(median(r, 'latency_us', 'p99')[0])}"
            if r else "-" for r in (runs, fixed)]
    return [result["label"], spread(runs, "cpu_us"), spread(runs, "rate"), busy(runs), both[0], both[1],
            number(median(fixed, "cpu_us")[0]) if fixed else "-",
            f"{median(runs, 'pss_idle_mb')[0]:.1f} -> {median(runs, 'pss_loaded_mb')[0]:.1f}",
            failures(result)]


def table(rows, markdown):
    """Rows of text; the first is the header."""
    if markdown:
        out = ["| " + " | ".join(r) + " |" for r in rows]
        out.insert(1, "|" + "---|" * len(rows[0]))
        return "\n".join(out)
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(r, widths)).rstrip() for r in rows)


def verdicts(scenario, results):
    """How the first row stands to the goals."""
    ours = results[0]
    if "error" in ours or not ours["label"].startswith("ringfence"):
        return []
    mine = median(ours["runs"], "cpu_us")[0]
    lines = []
    if scenario.goal_us:
        lines.append(f"{mine:.2f} µs, goal {scenario.goal_us:g} µs: {word(mine <= scenario.goal_us)}")
    if scenario.goal_added and "error" not in results[1]:
        more = mine - median(results[1]["runs"], "cpu_us")[0]
        lines.append(f"{more:+.2f} µs over {results[1]['label']}, goal {scenario.goal_added:g}: "
                     f"{word(more <= scenario.goal_added)}")
    for other in results[1:]:
        if "error" in other or other["label"].startswith("ringfence"):
            continue
        ratio = mine / median(other["runs"], "cpu_us")[0]
        goal = scenario.goals.get(other["label"])
        lines.append(f"{ratio:.2f} x {other['label']}" +
                     (f", goal {goal:g}: {word(ratio <= goal)}" if goal else ""))
    return lines


def word(good):
    return "reached" if good else "missed"


def scenario_text(scenario, results, markdown=False):
    header = [h.format(rate=number(scenario.rate)) for h in HEADER]
    lines = [("### " if markdown else "\n") + scenario.title, "" if markdown else None,
             table([header] + [cells(r) for r in results], markdown), "" if markdown else None]
    lines += [("- " if markdown else "  ") + v for v in verdicts(scenario, results)]
    return "\n".join(x for x in lines if x is not None)


def scaling_text(results, markdown=False):
    if not results:
        return ""
    rows = [["users registered", "µs CPU each (401 + 200)", "rate /s", "first registration µs",
             "PSS MB: start -> all", "bytes a user", "failed"]]
    for r in results:
        if "error" in r:
            rows.append([str(r["users"]), r["error"].splitlines()[0], "", "", "", "", ""])
            continue
        grown = r["pss_loaded_mb"] - r["pss_idle_mb"]
        rows.append([f"{r['users']:,}", spread(r["runs"], "cpu_us"), spread(r["runs"], "rate"),
                     number(r["fill"]["cpu_us"]), f"{r['pss_idle_mb']:.1f} -> {r['pss_loaded_mb']:.1f}",
                     f"{grown * 1048576 / r['users']:.0f}" if r["users"] >= 1000 else "-",
                     str(sum(x["failures"] for x in r["runs"] + [r["fill"]]))])
    title = "ringfence: cost of a registration by number of users"
    return ("### " if markdown else "\n") + title + "\n" + ("\n" if markdown else "") + \
        table(rows, markdown)


def output_of(*argv):
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""


def machine():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
        model = next((x.partition(":")[2].strip() for x in f if x.startswith("model name")), "?")
    return {
        "cpu": model, "cores": os.cpu_count(), "kernel": platform.release(),
        "kamailio": output_of("dpkg-query", "-W", "-f", "${Version}", "kamailio"),
        "openssl": output_of("dpkg-query", "-W", "-f", "${Version}", "libssl3"),
        "commit": output_of("git", "rev-parse", "--short", "HEAD"),
        "when": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }


def machine_text(m):
    return (f"{m['when']}, commit {m['commit']}, {m['cpu']}, {m['cores']} cores, kernel {m['kernel']}, "
            f"Kamailio {m['kamailio'] or '-'}, OpenSSL {m['openssl'] or '-'}")


def write_markdown(path, text):
    """Between the marks when the file has them (docs/performance.md), else as the whole file."""
    begin, end = "<!-- results -->\n", "<!-- end of results -->\n"
    try:
        with open(path, encoding="utf-8") as f:
            old = f.read()
    except OSError:
        old = ""
    if begin in old and end in old:
        head, rest = old.split(begin, 1)
        text = head + begin + "\n" + text + "\n" + end + rest.split(end, 1)[1]
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def write_json(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        json.dump(data, f, indent=1)
        f.write("\n")
