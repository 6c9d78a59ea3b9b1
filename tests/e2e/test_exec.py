# SPDX-License-Identifier: MIT
"""Programs that are run for events: what they are given, how they end, and that nothing of what strangers write is
run, holds up the daemon, or outlives it."""
import ast
import json
import os
import pathlib
import pwd
import shutil
import signal
import tempfile

import pytest

from daemon import DOMAIN, until
from test_sinks import attack, challenge, lines_of, sink_of, wait_sink

# All that a program can see of how it was started.
LOOK = """
out={out}
for a in "$@"; do printf '%s\\0' "$a"; done >$out/args
cat >$out/stdin
cat /proc/$$/environ >$out/environ
cat /proc/self/status >$out/status
cat /proc/$$/limits >$out/limits
pwd >$out/cwd
ps -o sid= -p $$ >$out/sid
echo $$ >$out/pid
"""
# Waits, with processes of its own in its group and out of it, while the file `hold` is there.
HOLD = """
if [ -e {out}/hold ]; then
    sleep 600 & echo $! >>{out}/pids
    setsid sleep 600 & echo $! >>{out}/pids
    (sleep 600 & echo $! >>{out}/pids)
    echo $$ >>{out}/pids
    echo >{out}/running
    while [ -e {out}/hold ]; do sleep 0.05; done
fi
cat >>{out}/got
"""

APART = "../edge0/events.jsonl"  # from the configuration of in_own_folder


@pytest.fixture
def hook(tmp_path):
    """A program of this text; {out} is the folder of the test."""
    def make(text, name="hook", shebang="#!/bin/sh\n"):
        path = tmp_path / name
        path.write_text(shebang + text.replace("{out}", str(tmp_path)))
        path.chmod(0o755)
        return path
    return make


def sinks(program, *args, reasons=("auth",), file="events.jsonl", **more):
    return [{"file": file}, dict({"exec": [str(program), *args], "reasons": list(reasons)}, **more)]


def exec_sink(rf, condition, what):
    return wait_sink(rf, "exec", condition, what)


def in_own_folder(edge, **settings):
    """A daemon that may not write to the folder of its configuration: only then a reload adds programs."""
    rf = edge(start=False, **settings)
    rf.config.unlink()
    rf.config = rf.folder.parent / "conf" / rf.config.name
    rf.config.parent.mkdir()
    database = {"store": f"sqlite:{rf.database}"}
    rf.write_config(accounts=database, state=database, admin={"listen": f"unix:{rf.folder}/rf.sock"})
    return rf.start()


def got(folder):
    return [json.loads(line) for line in lines_of(folder / "got")]


def children(pid):
    try:
        return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def runner_of(rf):
    return next(p for p in children(rf.process.pid)
                if pathlib.Path(f"/proc/{p}/comm").read_text().strip() == "ringfence-run")


def is_alive(pid):
    try:
        return "State:\tZ" not in pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def pids(folder):
    return [int(line) for line in lines_of(folder / "pids")]


def wait_gone(*processes):
    until(lambda: not any(is_alive(p) for p in processes), f"the end of {processes}")


# --- what a program gets

def test_what_a_program_gets(edge, phone, hook, tmp_path):
    """The event on standard input, words of ours in the environment, the arguments as they stand in the file, no
    descriptor, no privilege and no signal of the daemon."""
    args = ["ban", "$(touch {x}) `id`; *", "", "two\nlines", "\u00fc"]
    rf = edge(events=sinks(hook(LOOK), *args, reasons=["auth.bad-password"]))
    event = attack(rf, phone)
    until(lambda: lines_of(tmp_path / "pid"), "the program")
    exec_sink(rf, lambda s: s["lines"] == 1 and not s["waiting"], "the result")

    assert (tmp_path / "args").read_text() == "".join(a + "\0" for a in args)
    text = (tmp_path / "stdin").read_text()
    assert json.loads(text) == event and text.endswith("}\n") and text.count("\n") == 1
    env = dict(v.split("=", 1) for v in (tmp_path / "environ").read_text().rstrip("\0").split("\0"))
    assert env.pop("PATH") == "/usr/sbin:/usr/bin:/sbin:/bin" and env.pop("LANG") == "C"
    assert all(key.startswith("RINGFENCE_") for key in env)
    assert env["RINGFENCE_REASON"] == "auth.bad-password" and env["RINGFENCE_SOURCE_IP"] == "127.0.0.1"
    assert env["RINGFENCE_SOURCE_PROVEN"] == "true" and env["RINGFENCE_NODE"] == "testnode"

    status = dict(line.split(":\t", 1) for line in lines_of(tmp_path / "status") if ":\t" in line)
    assert status["NoNewPrivs"] == "1"
    own = 3 << 31  # signals 32 and 33, which the C library keeps for itself
    for none in ("CapEff", "CapPrm", "CapInh", "CapAmb", "SigIgn", "SigBlk"):
        assert int(status[none], 16) & ~(own if "Sig" in none else 0) == 0, (none, status[none])
    limits = (tmp_path / "limits").read_text()
    assert "Max core file size        0 " in limits
    assert (tmp_path / "cwd").read_text() == "/\n"
    assert (tmp_path / "sid").read_text().split() == (tmp_path / "pid").read_text().split()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_program_has_the_user_of_the_daemon(nobodys, nobodys_folder, phone, hook, tmp_path):
    """With privileges.user neither the program nor what runs it stays root."""
    program = hook(LOOK.replace("{out}", str(nobodys_folder)) +
                   f"setsid sleep 600 & echo $! >>{nobodys_folder}/pids\n")
    own = pathlib.Path(shutil.copy(program, f"{nobodys_folder}-program"))  # where nobody comes to it, and cannot write
    try:
        rf = nobodys(events=sinks(own), privileges={"user": "nobody"})
        rf.start()
        challenge(rf, phone)
        exec_sink(rf, lambda s: s["lines"] == 1, "the result")
        wait_gone(*pids(nobodys_folder))
        nobody = str(pwd.getpwnam("nobody").pw_uid)
        runner = runner_of(rf)
        if rf.status()["privileges"]["calls_filtered"]:  # not in a build with a sanitizer
            for p in (runner, *children(runner)):
                assert os.stat(f"/proc/{p}/status").st_uid == 0, "a debugger of this user could look into it"
        for status in (nobodys_folder / "status", *(pathlib.Path(f"/proc/{p}/status") for p in (runner, *children(runner)))):
            values = dict(line.split(":\t", 1) for line in lines_of(status) if ":\t" in line)
            assert values["Uid"].split() == [nobody] * 4 and "0" not in values["Gid"].split(), status
            assert int(values["CapPrm"], 16) == 0 and "0" not in values["Groups"].split(), status
    finally:
        own.unlink()


def test_a_program_gets_no_descriptor_of_the_daemon(edge, phone, hook, tmp_path):
    rf = edge(events=sinks(hook("""
import os
held = {fd: os.readlink(f"/proc/self/fd/{fd}") for fd in range(1024) if os.path.lexists(f"/proc/self/fd/{fd}")}
open("{out}/fds", "w").write(repr(held))
""", shebang="#!/usr/bin/python3 -IS\n")))
    challenge(rf, phone)
    exec_sink(rf, lambda s: s["lines"] == 1, "the result")
    fds = ast.literal_eval((tmp_path / "fds").read_text())
    assert fds.pop(0).startswith("/memfd:event")
    assert fds == {1: "/dev/null", 2: str(rf.log)}


def test_nothing_of_a_stranger_is_run(edge, phone, hook, tmp_path):
    """Shells in the program, too: what is in the environment is safe to be read by one."""
    mark = pathlib.Path(tempfile.mkdtemp()) / "m"  # a short name: texts are cut
    evil = f"$(touch {mark});`touch {mark}`' \"|"
    rf = edge(events=sinks(hook("eval echo $RINGFENCE_REASON $RINGFENCE_SOURCE_IP >{out}/said\n" + LOOK),
                           reasons=["auth.bad-password"]))
    ua = phone(rf, "alice")
    ua.register(password="wrong", headers=[f"User-Agent: {evil}", f"Subject: {evil}"],
                from_=f"<sip:alice@{DOMAIN}>;tag=1").expect(401)
    until(lambda: lines_of(tmp_path / "pid"), "the program")
    exec_sink(rf, lambda s: s["lines"] == 1, "the result")
    assert json.loads((tmp_path / "stdin").read_text())["sip"]["user_agent"] == evil
    assert "touch" not in (tmp_path / "environ").read_text()
    assert (tmp_path / "said").read_text() == "auth.bad-password 127.0.0.1\n"
    assert not mark.exists()
    mark.parent.rmdir()


def test_programs_run_in_order_one_at_a_time(edge, phone, hook, tmp_path):
    rf = edge(events=sinks(hook("cat >>{out}/got; mkdir {out}/alone && rmdir {out}/alone")))
    challenge(rf, phone, 40)
    exec_sink(rf, lambda s: s["lines"] == 40 and not s["waiting"], "forty runs")
    assert got(tmp_path) == rf.written(reason="auth.challenge")
    runner = runner_of(rf)
    channel, = children(runner)
    until(lambda: not children(channel), "no process left over")


# --- how it ends

def test_a_program_that_takes_too_long_is_killed_with_all_it_started(edge, phone, hook, tmp_path):
    (tmp_path / "hold").touch()
    rf = edge(events=sinks(hook(HOLD), timeout="5s"))

    def run_until(condition, what, done=0):
        """On a machine with much to do the time may be over before the program did what it is for."""
        for n in range(done + 1, done + 6):
            challenge(rf, phone)
            if condition(exec_sink(rf, lambda s: s["lost_error"] + s["lines"] == n, what)):
                return n
        pytest.fail(f"waited in vain for {what}")

    done = run_until(lambda s: (tmp_path / "running").exists(), "a program that holds")
    lost = sink_of(rf, "exec")
    assert lost["error"] == "timed out after 5s, killed" and lost["lines"] == 0
    assert len(pids(tmp_path)) >= 4
    wait_gone(*pids(tmp_path))
    rf.wait_stderr("fail: timed out after 5s, killed")
    (tmp_path / "hold").unlink()
    run_until(lambda s: s["lines"] == 1 and not s["error"], "the next", done)
    rf.wait_stderr("work again")


def test_what_a_program_leaves_behind_ends_with_it(edge, phone, hook, tmp_path):
    rf = edge(events=sinks(hook("sleep 600 & echo $! >>{out}/pids; setsid sleep 600 & echo $! >>{out}/pids")))
    challenge(rf, phone)
    exec_sink(rf, lambda s: s["lines"] == 1, "the result")
    assert len(pids(tmp_path)) == 2
    wait_gone(*pids(tmp_path))


@pytest.mark.parametrize("text, said", [
    ("exit 3", "exit code 3"),
    ("kill -9 $$", "killed by signal 9 (Killed)"),
    (None, "cannot be started: No such file or directory"),
])
def test_a_program_that_fails_is_told(edge, phone, hook, tmp_path, text, said):
    program = hook(text or "")
    if text is None:
        program.unlink()
    rf = edge(events=sinks(program))
    challenge(rf, phone)
    assert exec_sink(rf, lambda s: s["lost_error"] == 1, "a loss")["error"] == said
    rf.wait_stderr(f"events to exec {program} fail: {said}")
    assert "FAILS" in rf.run("status").expect(0).out
    rf.wait_event("daemon.events-lost")
    hook("cat >>{out}/got")
    challenge(rf, phone)
    exec_sink(rf, lambda s: s["lines"] == 1 and not s["error"], "the next")


def test_a_text_without_an_interpreter_is_given_to_no_shell(edge, phone, hook, tmp_path):
    rf = edge(events=sinks(hook("touch {out}/mark\n", shebang="")))
    challenge(rf, phone)
    assert exec_sink(rf, lambda s: s["error"], "trouble")["error"] == "cannot be started: Exec format error"
    assert not (tmp_path / "mark").exists()


# --- what it cannot do

def test_a_program_that_hangs_holds_up_nothing(edge, phone, phones, hook, tmp_path):
    """Its queue is bounded, what finds no room is counted, and what was kept comes in order."""
    (tmp_path / "hold").touch()
    rf = edge(events=sinks(hook(HOLD), timeout="5m", queue="64KiB"))
    challenge(rf, phone)
    until((tmp_path / "running").exists, "the program")
    challenge(rf, phone, 180)
    waiting = exec_sink(rf, lambda s: s["lost_full"], "losses")
    assert waiting["waiting"] and waiting["lag"] > 0
    phones(rf, "alice")
    rf.wait_event("daemon.events-lost")
    (tmp_path / "hold").unlink()
    done = exec_sink(rf, lambda s: not s["waiting"], "an empty queue")
    wanted = [e for e in rf.written() if e["control"] == "auth"]
    assert done["lines"] == len(got(tmp_path)) == len(wanted) - done["lost_full"]
    order = [e["sip"]["call_id"] for e in got(tmp_path)]
    assert order == [c for c in (e["sip"]["call_id"] for e in wanted) if c in set(order)]


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_the_end_of_the_daemon_ends_its_programs(edge, phone, hook, tmp_path, how):
    (tmp_path / "hold").touch()
    rf = edge(events=sinks(hook(HOLD), timeout="5m"))
    challenge(rf, phone)
    until((tmp_path / "running").exists, "the program")
    runner = runner_of(rf)
    family = [runner, *children(runner), *pids(tmp_path)]
    assert len(family) == 6 and all(is_alive(p) for p in family)
    getattr(rf, how)()
    wait_gone(*family)


# --- reload, and processes that die

def test_a_reload_keeps_adds_and_removes_programs(edge, phone, hook, tmp_path):
    (tmp_path / "hold").touch()
    first = sinks(hook(HOLD), timeout="5m", file=APART)
    rf = in_own_folder(edge, events=first)
    challenge(rf, phone, 3)
    until((tmp_path / "running").exists, "the program")
    second = {"exec": str(hook("cat >>{out}/added", name="second")), "reasons": ["auth.challenge"]}
    rf.write_config(events=[*first, second])
    rf.run("reload").expect(0)
    challenge(rf, phone, 2)
    until(lambda: len(lines_of(tmp_path / "added")) == 2, "the added program")
    (tmp_path / "hold").unlink()
    until(lambda: len(got(tmp_path)) == 5, "what waited, and what came after")
    assert got(tmp_path) == rf.written(reason="auth.challenge")
    channels = children(runner_of(rf))
    assert len(channels) == 2
    rf.write_config(events=[first[0], second])
    rf.run("reload").expect(0)
    until(lambda: len(children(runner_of(rf))) == 1, "the end of the removed one")
    challenge(rf, phone)
    until(lambda: len(lines_of(tmp_path / "added")) == 3, "the one that stayed")
    assert len(got(tmp_path)) == 5


def test_processes_that_die(edge, phone, hook, tmp_path):
    """The process of a sink comes again by itself. That of all is missed when it is needed, and then it is said."""
    (tmp_path / "hold").touch()
    rf = in_own_folder(edge, events=sinks(hook(HOLD), timeout="5m", file=APART))
    challenge(rf, phone)
    until((tmp_path / "running").exists, "the program")
    channel, = children(runner_of(rf))
    os.kill(channel, signal.SIGKILL)
    assert exec_sink(rf, lambda s: s["lost_error"] == 1, "a loss")["error"] == "the process that runs it died"
    assert len(pids(tmp_path)) == 4
    wait_gone(*pids(tmp_path))
    (tmp_path / "hold").unlink()
    challenge(rf, phone)
    exec_sink(rf, lambda s: s["lines"] == 1 and not s["error"], "another process")
    assert rf.status()["runner"] is True and "GONE" not in rf.run("status").expect(0).out
    runner = runner_of(rf)
    channel, = children(runner)
    os.kill(runner, signal.SIGKILL)
    rf.wait_stderr("the process that runs programs died")
    assert rf.status()["runner"] is False
    assert "the process that runs programs is GONE: restart ringfence" in rf.run("status").expect(0).out
    challenge(rf, phone)
    exec_sink(rf, lambda s: s["lines"] == 2 and not s["error"], "the process of the sink")
    os.kill(channel, signal.SIGKILL)
    wait_gone(channel)
    challenge(rf, phone)
    lost = exec_sink(rf, lambda s: s["lost_error"] == 2, "another loss")
    assert lost["error"] == "the process that runs programs is gone: restart ringfence"
    other = {"exec": str(hook("", name="other")), "reasons": ["auth"]}
    rf.write_config(events=[*rf.settings["events"], other])
    assert "restart ringfence" in rf.run("reload").expect(1).err


def test_a_runner_that_nobody_needs_dies_quietly(edge):
    rf = edge()
    os.kill(runner_of(rf), signal.SIGKILL)
    until(lambda: rf.status()["runner"] is False, "the status")
    assert "died" not in rf.stderr_now()


def test_only_what_the_file_names_is_run(edge, phone, hook, tmp_path):
    """The runner reads the configuration itself: a daemon that asks for something else is refused."""
    rf = in_own_folder(edge, events=sinks(hook("cat >>{out}/got"), file=APART))
    channel, = children(runner_of(rf))
    rf.write_config(events=sinks(hook("cat >>{out}/got", name="other"), file=APART))
    os.kill(channel, signal.SIGKILL)
    wait_gone(channel)
    challenge(rf, phone)
    lost = exec_sink(rf, lambda s: s["lost_error"] == 1, "a loss")
    assert lost["error"] == "the configuration file does not name it: reload" and not got(tmp_path)
    rf.run("reload").expect(0)
    challenge(rf, phone)
    exec_sink(rf, lambda s: s["lines"] == 1, "the other program")
    assert sink_of(rf, "exec")["lost_error"] == 0


def test_a_configuration_that_the_daemon_could_write_names_no_new_program(edge, phone, hook, tmp_path):
    """Who took it over could add one: those of the start run, also when the process of their sink died."""
    first = sinks(hook("cat >>{out}/got"))
    rf = edge(events=first)
    second = {"exec": str(hook("cat >>{out}/added", name="second")), "reasons": ["auth"]}
    rf.write_config(events=[*first, second])
    said = rf.run("reload").expect(1).err
    assert f"{tmp_path}/second did not stand like this" in said and "restart" in said
    channel, = children(runner_of(rf))
    os.kill(channel, signal.SIGKILL)
    wait_gone(channel)
    challenge(rf, phone)
    exec_sink(rf, lambda s: s["lines"] == 1 and not s["error"], "the program of the start")
    assert len(got(tmp_path)) == 1 and not (tmp_path / "added").exists()
    rf.restart()
    challenge(rf, phone)
    until(lambda: len(lines_of(tmp_path / "added")) == 1, "the added program")


def test_a_program_that_the_daemon_could_write_is_refused(edge):
    rf = edge(start=False)
    program = rf.folder / "program"
    program.touch(0o755)
    rf.write_config(events=sinks(program))
    rf.start(ready=False)
    assert rf.wait_exit() == 1
    assert f"{program} is in a folder that ringfence may write to" in rf.stderr_now()
    rf.write_config(privileges={"sandbox": "off"})
    rf.start()
