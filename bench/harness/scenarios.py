# SPDX-License-Identifier: MIT
"""What is measured. A scenario has one row for each server; the row named first is the one that the
others are compared with."""
from functools import partial

from .servers import Floor, Kamailio, Ringfence

USERS = 10000

# Everything that can look at a stranger does, and nothing is refused: the thresholds are out of reach, as in
# Kamailio's configuration with controls. Who asks has not logged in, so OPTIONS is answered without.
OUT_OF_REACH = [
    "standing: {mode: enforce}",
    "controls: {auth: {mode: off}, overload: {mode: off}, flood: {requests: 65535, known_requests: 65535, "
    "flow_requests: 65535, prefix_requests: 65535, wide_requests: 100000000, window: 100ms}, "
    "scan: {users: 25, sweep: 65535, methods: 65535, window: 1s}, guessing: {mode: enforce}, limits: "
    "[{name: every, per: source, rate: 60000/s, burst: 60000}]}",
]
NOTHING_JUDGES = [
    "standing: {mode: off}",
    "controls: {auth: {mode: off}, overload: {mode: off}, flood: {mode: off}, scan: {mode: off}, guessing: {mode: off}, "
    "check: {mode: off}}",
]


class Row:
    def __init__(self, label, server, **how):
        self.label, self.server, self.how = label, server, how

    def start(self, bench):
        how = dict(self.how)
        if how.get("config") == "register.cfg" and bench.o.algorithm == "SHA-256":
            how["algorithm"] = "SHA-256"
            how["define"] = how.get("define", []) + ["SHA256"]
        return partial(self.server, bench, **how)


class Scenario:
    """mode and args are sipload's; `window` and `rate` its closed loop and its fixed rate. goal_us: the
    most CPU time a ringfence operation may take; goal_ratio: likewise as part of Kamailio's."""

    def __init__(self, name, title, mode, rows, args=(), window=64, rate=1000, goal_us=None,
                 goals=(), goal_added=None):
        self.name, self.title, self.mode, self.rows = name, title, mode, rows
        self.args, self.window, self.rate = list(args), window, rate
        self.goal_us, self.goals, self.goal_added = goal_us, dict(goals), goal_added


ALL = [
    Scenario(
        "options", "OPTIONS answered with 200", "options",
        [Row("ringfence, all controls", Ringfence, peer=True),
         Row("Kamailio, no controls", Kamailio, config="options.cfg"),
         Row("Kamailio, controls", Kamailio, config="options-checks.cfg"),
         Row("floor (echo)", Floor)],
        window=256, rate=20000, goal_us=3.0,
        goals={"Kamailio, no controls": 0.65, "Kamailio, controls": 0.5, "floor (echo)": 1.5}),
    Scenario(
        "controls", "OPTIONS of 64 strangers answered with 200: what the controls add", "options",
        [Row("ringfence, all controls", Ringfence, extra=OUT_OF_REACH),
         Row("ringfence, no control", Ringfence, extra=NOTHING_JUDGES),
         Row("Kamailio, controls (pike, pipelimit, sanity, ...)", Kamailio, config="options-checks.cfg"),
         Row("Kamailio, no controls", Kamailio, config="options.cfg")],
        args=["-l", "127.0.1.1", "-s", 64, "-p", 64], window=256, rate=20000, goal_added=0.5),
    Scenario(
        "register", f"REGISTER: 401, digest, saved; {USERS} users", "register",
        [Row("ringfence", Ringfence, users=USERS),
         Row("Kamailio, accounts in SQLite", Kamailio, config="register.cfg", users=USERS),
         Row("Kamailio, accounts in memory", Kamailio, config="register.cfg", users=USERS,
             define=["MEMORY"])],
        args=["-u", USERS], rate=2000, goal_us=9.0,
        goals={"Kamailio, accounts in SQLite": 0.5, "Kamailio, accounts in memory": 0.5}),
    Scenario(
        "reuse", f"REGISTER with a live nonce, saved; {USERS} users", "register-reuse",
        [Row("ringfence", Ringfence, users=USERS),
         Row("Kamailio, accounts in SQLite", Kamailio, config="register.cfg", users=USERS),
         Row("Kamailio, accounts in memory", Kamailio, config="register.cfg", users=USERS,
             define=["MEMORY"]),
         Row("Kamailio, memory, nonce counts checked", Kamailio, config="register.cfg", users=USERS,
             define=["MEMORY", "REPLAY"])],
        args=["-u", USERS], rate=2000, goal_us=5.0,
        goals={"Kamailio, accounts in SQLite": 0.5, "Kamailio, accounts in memory": 0.5,
               "Kamailio, memory, nonce counts checked": 0.5}),
    Scenario(
        "call", "call, 7 messages received, record-routed, entry checks", "call",
        [Row("ringfence, callee registered", Ringfence, peer=True, users=1000),
         Row("Kamailio, callee's address given", Kamailio, config="call.cfg"),
         Row("Kamailio, callee registered", Kamailio, config="call.cfg", define=["LOCATION"]),
         Row("ringfence, INVITE and BYE answer a 407 each", Ringfence, users=1000)],
        args=["-u", 1000, "-R", "-W", 6], window=32, rate=1000, goal_us=30.0,
        goals={"Kamailio, callee's address given": 0.5, "Kamailio, callee registered": 0.5}),
]

# The Request-URI of these names the answering side itself.
DIRECT = {"Kamailio, callee's address given"}

SCALING = [10, 1000, 100000, 1000000]
