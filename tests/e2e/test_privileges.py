# SPDX-License-Identifier: MIT
"""What the daemon gives up: its user, every capability, the system calls and the files that it does not
need. `try-confined` gives up the same and tries what a burglar would."""
import os
import pathlib
import pwd
import random
import shutil
import socket
import subprocess
import tempfile

import pytest

from daemon import PROGRAM, ROOT, until

TRY = str(pathlib.Path(PROGRAM).resolve().parent.parent.parent / "tests/unit/daemon/try-confined")
IS_ROOT = os.geteuid() == 0
NOBODY = pwd.getpwnam("nobody")
as_root = pytest.mark.skipif(not IS_ROOT, reason="needs root")

# What may not work, by the one that refuses.
BY_FILES = {"read_outside", "list_outside", "write_outside", "write_etc", "read_shadow", "write_sysctl",
            "debug_parent", "read_parent_environment", "signal_parent", "remove_outside"}
BY_CALLS = {"truncate_outside", "change_mode_of_other", "change_owner_of_other", "make_setuid_file", "link_out",
            "make_device", "run_program", "make_process", "debug_parent", "read_parent_memory", "signal_parent",
            "become_root", "become_other", "make_namespace", "enter_namespace", "mount_something", "load_bpf",
            "watch_by_perf", "use_io_uring", "use_keys", "load_kernel", "load_module", "handle_faults", "make_code",
            "turn_data_into_code", "be_dumpable", "packet_socket", "netfilter_socket", "vsock_socket"}
BY_NO_CAPABILITY = {"raw_socket", "force_buffer", "mount_something", "become_other", "packet_socket"}
NEEDED = {"read_configuration", "append_events", "keep_database", "send_datagram", "listen_on_tcp", "make_thread",
          "resolve_name", "list_addresses", "look_at_itself", "read_certificates"}
REFUSED = {"EPERM", "EACCES"}
BY_FILTER = "EXFULL"  # what try-confined asks the filter to say, and nothing else says


@pytest.fixture
def outside():
    """A folder that no configuration names, with a file in it that everyone may read and write."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="rf-outside-"))
    folder.chmod(0o777)
    secret = folder / "secret"
    secret.write_text("secret")
    secret.chmod(0o666)
    yield folder
    shutil.rmtree(folder)


def tries(rf, outside, **settings):
    rf.write_config(**settings)
    p = subprocess.run([TRY, str(rf.config), str(outside)], capture_output=True, text=True, timeout=60)
    assert p.returncode == 0, p.stderr
    return dict(line.split() for line in p.stdout.splitlines())


def check_tries(found):
    filtered = found["calls_filtered"] == "ok"  # not in a build with a sanitizer
    if filtered:
        assert {name: found[name] for name in BY_CALLS if found[name] != BY_FILTER} == {}
    expected = (BY_NO_CAPABILITY | BY_FILES) - (BY_CALLS if filtered else set())
    if int(found["landlock"]) < 6:
        expected.discard("signal_parent")
    if int(found["landlock"]) == 0:
        expected -= BY_FILES
    assert {name: found[name] for name in expected if found[name] not in REFUSED} == {}
    assert {name: found[name] for name in NEEDED if found[name] != "ok"} == {}
    if int(found["landlock"]) == 0:
        pytest.skip("this kernel has no Landlock: only the rest was tested")


def test_a_burglar_gets_nowhere(edge, outside):
    check_tries(tries(edge(start=False), outside))
    assert (outside / "secret").read_text() == "secret"


@as_root
def test_a_burglar_gets_nowhere_as_another_user(nobodys, outside):
    rf = nobodys()
    check_tries(tries(rf, outside, privileges={"user": "nobody"}))
    made = [p for p in rf.folder.iterdir() if p.name.startswith(("events", "setuid"))]
    assert made and {p.owner() for p in made} == {"nobody"}


@as_root
def test_without_the_sandbox_it_is_the_sandbox_that_is_missing(edge, outside):
    """What the tests above see refused would work, or get as far as the kernel, else."""
    found = tries(edge(start=False), outside, privileges={"sandbox": "off"})
    reached = {"read_outside", "list_outside", "write_outside", "read_shadow", "truncate_outside", "run_program",
               "make_process", "change_mode_of_other", "make_setuid_file", "link_out", "enter_namespace", "make_code",
               "turn_data_into_code", "become_root", "be_dumpable", "remove_outside"}
    assert {name for name in reached if found[name] in REFUSED} == set()
    assert not (outside / "secret").exists()
    assert {name for name in BY_NO_CAPABILITY if found[name] not in REFUSED} == set()


# --- the daemon itself

def need_landlock(rf):
    if rf.status()["privileges"]["landlock"] == 0:
        assert "no Landlock: " in rf.stderr_now()
        pytest.skip("this kernel has no Landlock")


def thread_status(pid):
    """The fields of /proc/PID/task/TID/status of each thread."""
    for path in sorted(pathlib.Path(f"/proc/{pid}/task").iterdir()):
        lines = (path / "status").read_text().splitlines()
        yield {key: value.strip() for key, value in (line.split(":", 1) for line in lines)}


def check_threads(rf, uid):
    privileges = rf.status()["privileges"]
    threads = list(thread_status(rf.process.pid))
    assert len(threads) >= 3  # main, storage, a worker, a sink
    for thread in threads:
        for field in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
            assert int(thread[field], 16) == 0, (field, thread)
        if IS_ROOT:
            assert int(thread["CapBnd"], 16) == 0, thread
        assert thread["NoNewPrivs"] == "1", thread
        if privileges["calls_filtered"]:
            assert thread["Seccomp"] == "2", thread
        assert set(thread["Uid"].split()) == {str(uid)}, thread
    return privileges


def test_every_thread_has_nothing(edge):
    rf = edge(workers=2)
    privileges = check_threads(rf, os.geteuid())
    assert privileges["capabilities"] is False
    assert privileges["user"] == pwd.getpwuid(os.geteuid()).pw_name
    assert f"user {privileges['user']}, no capabilities" in rf.run("status").expect(0).out
    assert ("runs as root" in rf.stderr_now()) == IS_ROOT
    need_landlock(rf)


@as_root
def test_it_becomes_another_user(nobodys, phones):
    rf = nobodys(privileges={"user": "nobody"})
    rf.start()
    assert check_threads(rf, NOBODY.pw_uid)["user"] == "nobody"
    assert "runs as root" not in rf.stderr_now()
    phones(rf, "alice")
    rf.wait_event("registrar.registered")
    owners = {p.name: p.owner() for p in rf.folder.iterdir() if p.name.startswith(("ringfence.db", "events", "rf.sock"))}
    assert set(owners.values()) == {"nobody"} and len(owners) >= 3, owners
    # Root, who owns nothing of it, adds a user meanwhile.
    rf.add_user("bob")
    phones(rf, "bob")
    rf.restart()
    assert len(rf.registrations()) == 2


@as_root
def test_the_configuration_that_only_root_reads(nobodys):
    rf = nobodys(privileges={"user": "nobody"})
    rf.config.chmod(0o600)
    rf.start()
    assert "can no more be read again" in rf.stderr_now()
    result = rf.run("reload")
    assert result.code == 1 and "Permission denied" in result.out + result.err
    assert rf.status()["privileges"]["user"] == "nobody"


@as_root
def test_a_user_that_is_not_there(edge):
    rf = edge(start=False, privileges={"user": "rf-nobody-here"})
    rf.start(ready=False)
    assert rf.wait_exit() == 1
    assert "has no such user" in rf.stderr_now()


def test_only_root_becomes_another(edge):
    if IS_ROOT:
        pytest.skip("is root")
    rf = edge(start=False, privileges={"user": "daemon"})
    rf.start(ready=False)
    assert rf.wait_exit() == 1
    assert "only root can become another user" in rf.stderr_now()


def test_off(edge):
    rf = edge(privileges={"sandbox": "off"})
    privileges = rf.status()["privileges"]
    assert privileges["capabilities"] is False
    assert privileges["calls_filtered"] is False and privileges["landlock"] == 0
    assert "sandbox: off" in rf.stderr_now()


@as_root
@pytest.mark.skipif(not shutil.which("setpriv"), reason="needs setpriv of util-linux")
def test_a_service_manager_gives_one_capability(nobodys, phone):
    """As the unit does with AmbientCapabilities=CAP_NET_BIND_SERVICE."""
    rf = nobodys()
    os.chown(rf.database, NOBODY.pw_uid, NOBODY.pw_gid)
    rf.wrapper = ["setpriv", "--reuid", "nobody", "--clear-groups", "--inh-caps", "+net_bind_service",
                  "--ambient-caps", "+net_bind_service", "--bounding-set", "-all,+net_bind_service"]
    low = free_low_port()
    rf.write_config(zones={"public": {"listen": [*rf.settings["zones"]["public"]["listen"], f"udp:127.0.0.1:{low}"]}})
    rf.start()
    for thread in thread_status(rf.process.pid):
        assert {int(thread[field], 16) for field in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {0}, thread
    phone(rf, "alice", server=("127.0.0.1", low)).register().expect(200)


def calls_of(group):
    """The system calls of a group of systemd's, and of the groups in it."""
    p = subprocess.run(["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, timeout=60)
    assert p.returncode == 0, p.stderr  # it knows no such group
    calls = set()
    for line in p.stdout.splitlines():
        name = line.strip()
        if line.startswith("    ") and not name.startswith("#"):
            calls |= calls_of(name) if name.startswith("@") else {name}
    return calls


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_the_unit_allows_what_the_start_needs():
    allowed = set()
    for line in (ROOT / "packaging/ringfence.service").read_text().splitlines():
        if line.startswith("SystemCallFilter="):
            names = line.split("=")[1]
            calls = set().union(*(calls_of(n) if n[0] == "@" else {n} for n in names.strip("~").split()))
            allowed = allowed - calls if names[0] == "~" else allowed | calls
    assert {"capset", "prctl", "seccomp", "landlock_create_ruleset", "landlock_add_rule",
            "landlock_restrict_self"} <= allowed
    assert not {"mount", "bpf", "reboot", "chown"} & allowed


# --- reloads

def test_a_reload_keeps_to_the_folders(edge, outside, phones):
    rf = edge()
    need_landlock(rf)
    rf.write_config(events=[{"file": "events.jsonl"}, {"file": "second.jsonl"}])
    rf.run("reload").expect(0)
    rf.write_config(events=[{"file": "events.jsonl"}, {"file": str(outside / "events.jsonl")}])
    result = rf.run("reload").expect(1)
    assert "restart it" in result.out + result.err and str(outside) in result.out + result.err
    assert not (outside / "events.jsonl").exists()
    phones(rf, "alice")  # with the old one
    until(lambda: (rf.folder / "second.jsonl").read_text(), "events in the second file")
    rf.restart()
    phones(rf, "bob")
    until((outside / "events.jsonl").exists, "events outside, after a restart")


def test_a_folder_that_was_only_read_is_not_written(edge, outside):
    rf = edge(accounts={"store": f"sqlite:{outside}/db"}, state={"store": f"sqlite:{outside}/db"}, users=(),
              events=[], admin={"listen": f"unix:{outside}/rf.sock"})
    need_landlock(rf)
    rf.write_config(events=[{"file": "events.jsonl"}])
    result = rf.run("reload").expect(1)
    assert "may not be written to since the start" in result.out + result.err
    assert not rf.events_file.exists()


def test_events_go_to_a_pipe(edge):
    """Also after a reload and a rotation, and without a right to write in /dev."""
    rf = edge(start=False, events=[{"file": "/dev/stdout"}, {"file": "events.jsonl"}])
    piped = rf.folder / "piped"
    rf.wrapper = ["bash", "-c", f'exec "$@" > >(cat > {piped})', "bash"]
    rf.start()
    rf.run("reload").expect(0)
    rf.hangup()  # and opens it again
    rf.wait_event("daemon.reload", 2)
    rf.stop()
    until(lambda: piped.read_text().count('"daemon.reload"') == 2, "all events in the pipe")


def test_a_file_of_another_folder_cannot_be_read(edge, outside):
    rf = edge()
    need_landlock(rf)
    (outside / "signatures").write_text("")
    rf.write_config(controls={"scan": {"signatures": str(outside / "signatures")}})
    result = rf.run("reload").expect(1)
    assert "Permission denied" in result.out + result.err and "restart it" in result.out + result.err


def free_low_port():
    """One that only a privilege binds, now free on UDP; those that run beside may take it meanwhile."""
    for port in random.sample(range(600, 1000), 400):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("all ports below 1024 are taken")


@as_root
def test_a_low_port_needs_a_restart(edge, phone):
    if int(pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) < 1024:
        pytest.skip("here anyone may bind any port")
    rf = edge()
    low = free_low_port()
    listen = rf.settings["zones"]["public"]["listen"]
    rf.write_config(zones={"public": {"listen": [*listen, f"udp:127.0.0.1:{low}"]}})
    result = rf.run("reload").expect(1)
    assert "CAP_NET_BIND_SERVICE" in result.out + result.err and "restart" in result.out + result.err
    rf.restart()
    phone(rf, "alice", server=("127.0.0.1", low)).register().expect(200)


def test_the_configuration_is_replaced_as_editors_do(edge):
    rf = edge()
    fresh = rf.folder / "fresh"
    fresh.write_text(rf.config.read_text().replace("testnode", "renamed"))
    fresh.rename(rf.config)
    rf.run("reload").expect(0)
    assert rf.status()["node"] == "renamed"


# --- what is run beside it

@as_root
def test_programs_of_events_run_as_that_user(nobodys, outside):
    """Also one that a reload names, when the daemon itself can run none any more."""
    rf = nobodys(privileges={"user": "nobody"})
    rf.config = outside / "ringfence.yaml"
    database, file = {"store": f"sqlite:{rf.database}"}, {"file": str(rf.events_file)}
    rf.write_config(accounts=database, state=database, events=[file], admin={"listen": f"unix:{rf.folder}/rf.sock"})
    rf.start()
    out = rf.folder / "out"
    program = outside / "program"
    program.write_text(f"#!/bin/sh\n{{ id -un; grep ^Cap /proc/self/status; }} > {out}.new\nmv {out}.new {out}\n")
    program.chmod(0o755)
    rf.write_config(events=[file, {"exec": [str(program)]}])
    rf.run("reload").expect(0)
    until(out.exists, "the program")
    user, *capabilities = out.read_text().splitlines()
    assert user == "nobody" and capabilities
    assert {line.split()[1].strip("0") for line in capabilities} == {""}
