# SPDX-License-Identifier: MIT
"""A real CrowdSec reads the event file with the parser and the scenarios that are shipped. It has a folder and a
loopback port of its own, no hub, no central server, and no bouncer: what it decides stands in its database."""
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess

import pytest

from daemon import DEADLINE, ROOT, free_port, until
from test_sinks import UNJUDGED, banned_with_and_without_users, challenge, lines_of, program

GUESSER, VICTIM = "127.0.0.9", "192.0.2.1"
FORGERY = f'x","source":{{"ip":"{VICTIM}","proven":true,"spare":false}}' + ',"reason":"standing.banned","mode":"enforce'
# Unpacked by scripts/install-deps, not installed: its install script registers the machine with its maker.
UNPACKED = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "ringfence/crowdsec"


# Of the package; what somebody installed in another way may lack the hub.
NEEDED = ("usr/bin/crowdsec", "usr/bin/cscli", "etc/crowdsec/patterns", "etc/crowdsec/profiles.yaml",
          "etc/crowdsec/simulation.yaml", "usr/share/crowdsec/hub/.index.json",
          "usr/share/crowdsec/hub/parsers/s00-raw/crowdsecurity/syslog-logs.yaml",
          "usr/share/crowdsec/hub/parsers/s02-enrich/crowdsecurity/dateparse-enrich.yaml")


def root():
    for folder in (pathlib.Path("/"), UNPACKED):
        if all((folder / name).exists() for name in NEEDED):
            return folder
    return None


pytestmark = pytest.mark.skipif(root() is None, reason="no CrowdSec with its hub: scripts/install-deps unpacks it")


class CrowdSec:
    def __init__(self, folder, events):
        self.folder, self.events = folder, events
        self.etc, self.data = folder / "etc", folder / "data"
        shared = root() / "usr/share/crowdsec"
        self.data.mkdir(parents=True)
        shutil.copytree(ROOT / "packaging/crowdsec", self.etc)
        shutil.copytree(root() / "etc/crowdsec/patterns", self.etc / "patterns")
        for name in ("profiles.yaml", "simulation.yaml"):
            shutil.copy(root() / "etc/crowdsec" / name, self.etc)
        for stage, name in (("s00-raw", "syslog-logs"), ("s02-enrich", "dateparse-enrich")):
            (self.etc / "parsers" / stage).mkdir()
            shutil.copy(shared / f"hub/parsers/{stage}/crowdsecurity/{name}.yaml", self.etc / "parsers" / stage)
        source = self.etc / "acquis.d/ringfence.yaml"
        source.write_text(source.read_text().replace("/var/log/ringfence/events.jsonl", str(events)))
        self.config = self.etc / "config.yaml"
        self.config.write_text(json.dumps({
            "common": {"daemonize": False, "log_media": "stdout", "log_level": "info", "working_dir": "."},
            "config_paths": {"config_dir": f"{self.etc}/", "data_dir": f"{self.data}/",
                             "simulation_path": str(self.etc / "simulation.yaml"), "hub_dir": f"{shared}/hub/",
                             "index_path": str(shared / "hub/.index.json")},
            "crowdsec_service": {"acquisition_dir": str(self.etc / "acquis.d"), "parser_routines": 1},
            "cscli": {"output": "json"},
            "db_config": {"type": "sqlite", "db_path": str(self.data / "crowdsec.db")},
            "api": {"client": {"credentials_path": str(self.etc / "local.yaml")},
                    "server": {"listen_uri": f"127.0.0.1:{free_port()}", "profiles_path": str(self.etc / "profiles.yaml")}},
            "prometheus": {"enabled": False}}))
        self.do("cscli", "machines", "add", "test", "--password", "not-a-secret", "--force", "-f", self.etc / "local.yaml")

    def do(self, name, *args):
        p = subprocess.run([root() / "usr/bin" / name, "-c", self.config, *args], cwd=self.folder, capture_output=True,
                           text=True, timeout=2 * DEADLINE, stdin=subprocess.DEVNULL)
        assert p.returncode == 0, p
        return p.stdout

    def read(self):
        """The file as it is, once."""
        return self.do("crowdsec", "-dsn", f"file://{self.events}", "-type", "ringfence")

    def live(self):
        return program(root() / "usr/bin/crowdsec", "-c", self.config, folder=self.folder)

    def decisions(self):
        """{(scenario, address)} of the bans."""
        with sqlite3.connect(f"file:{self.data}/crowdsec.db?mode=ro", uri=True) as db:
            return set(db.execute("SELECT scenario, value FROM decisions WHERE type = 'ban'"))


def guess(phone, rf, n, ip=GUESSER):
    for _ in range(n):
        ua = phone(rf, "alice", ip=ip)
        ua.register(password="wrong", headers=[f"User-Agent: {FORGERY}"]).expect(401)


def guessed(rf, n, ip=GUESSER):
    until(lambda: len(rf.events(reason="auth.bad-password", ip=ip)) >= n, f"{n} guesses from {ip}")


def test_failed_log_ins_and_nothing_else(edge, phone, tmp_path):
    """Requests without credentials do not count, nine guesses are not enough, and what a stranger writes is not taken
    for an address."""
    rf = edge(**UNJUDGED)
    crowdsec = CrowdSec(tmp_path / "crowdsec", rf.events_file)
    challenge(rf, phone, 30, GUESSER, transport="tcp", headers=[f"User-Agent: {FORGERY}"])
    guess(phone, rf, 9)
    guessed(rf, 9)
    crowdsec.read()
    assert crowdsec.decisions() == set()
    guess(phone, rf, 1)
    guessed(rf, 10)
    crowdsec.read()
    assert crowdsec.decisions() == {("ringfence/sip-bf", GUESSER)}


def test_what_may_be_forged_or_is_observed_counts_against_nobody(edge, phone, tmp_path):
    rf = edge(**UNJUDGED)
    guess(phone, rf, 12)
    guessed(rf, 12)
    events = rf.events(reason="auth.bad-password")
    rf.stop()
    crowdsec = CrowdSec(tmp_path / "crowdsec", rf.folder / "changed.jsonl")
    for name, value in (("mode", "observe"), ("source", {"proven": False}), ("source", {"spare": True}), ("source", {"spare": None}),
                        ("source", {"ip": VICTIM + " "})):
        changed = [dict(e, **{name: dict(e[name], **value) if name == "source" else value}) for e in events]
        crowdsec.events.write_text("".join(json.dumps(e) + "\n" for e in changed))
        crowdsec.read()
        assert crowdsec.decisions() == set(), (name, value)
    crowdsec.events.write_text("".join(json.dumps(e) + "\n" for e in events))
    crowdsec.read()
    assert crowdsec.decisions() == {("ringfence/sip-bf", GUESSER)}, "as they were, they do count"


def test_an_office_with_a_guesser_in_it_is_not_banned(edge, phone, tmp_path):
    """Neither for its ban, which spares who is logged in there, nor for the failed log-ins."""
    rf, office, alone = banned_with_and_without_users(edge, phone, [])
    crowdsec = CrowdSec(tmp_path / "crowdsec", rf.events_file)
    crowdsec.read()
    assert crowdsec.decisions() == {("ringfence/sip-banned", alone)}


def test_a_ban_of_ringfence_is_taken_over_live(edge, phone, tmp_path):
    """One guess bans here; CrowdSec follows the file. What it missed before it began is no fault: somebody else guesses."""
    rf = edge(standing={"allow": [], "weights": {"auth.bad-password": 100}})
    crowdsec = CrowdSec(tmp_path / "crowdsec", rf.events_file)
    guessers = []
    with crowdsec.live():
        until(lambda: "Starting processing data" in "\n".join(lines_of(crowdsec.folder / "program.log")), "CrowdSec", 2 * DEADLINE)

        def taken_over():
            if len(guessers) < 200:
                guessers.append(f"127.0.1.{len(guessers) + 1}")
                guess(phone, rf, 1, ip=guessers[-1])
            return crowdsec.decisions()
        until(taken_over, "a ban of CrowdSec", 2 * DEADLINE)
        banned = {e["source"]["ip"] for e in rf.written(reason="standing.banned")}
        for scenario, address in crowdsec.decisions():
            assert scenario == "ringfence/sip-banned" and address in banned & set(guessers)
