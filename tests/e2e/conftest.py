# SPDX-License-Identifier: MIT
"""Fixtures of the end-to-end tests: the real daemon with real peers on the loopback.

    rf      a running daemon with the accounts alice, bob and carol; once with one worker, once with two
    edge    makes daemons: edge(workers=1, sip={"t1": "50ms"}, ...) starts one with these settings
    phone   makes raw phones (sip.UA) that are closed at the end: phone(rf, "alice")
    phones  as phone, but registered
    nobodys makes daemons, not started yet, in a folder that belongs to nobody; nobodys_folder is that

A daemon that a test started is stopped at the end of the test, and must then have exited in order
and without a sanitizer's report; its standard error is part of the failure."""
import os
import pathlib
import pwd
import shutil
import tempfile

import pytest

import sip
from baresip import Baresip
from daemon import Daemon
from sipp import Sipp


@pytest.fixture
def edge(tmp_path):
    made = []

    def make(start=True, **settings):
        folder = tmp_path / f"edge{len(made)}"
        folder.mkdir()
        daemon = Daemon(folder, **settings)
        made.append(daemon)
        if start:
            daemon.start()
        return daemon

    yield make
    for peer in [*Sipp.alive, *Baresip.alive]:
        peer.stop()
    problems = []
    for daemon in made:
        try:
            daemon.stop()
        except AssertionError as problem:
            problems.append(str(problem))
    assert not problems, "\n".join(problems)


@pytest.fixture(params=[1, 2], ids=["1worker", "2workers"])
def workers(request):
    return request.param


@pytest.fixture
def rf(edge, workers):
    return edge(workers=workers)


@pytest.fixture
def nobodys_folder():
    """It goes when the daemon has ended: `edge` is set up later."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="rf-nobody-"))
    os.chown(folder, pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_gid)
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def nobodys(nobodys_folder, edge):
    """A daemon that is not started yet, in a folder that belongs to nobody."""
    def make(**settings):
        rf = edge(start=False, users=(), **settings)
        for name in ("config", "database", "events_file", "log"):
            setattr(rf, name, nobodys_folder / getattr(rf, name).name)
        rf.folder = nobodys_folder
        rf.write_config()
        rf.add_user("alice")
        return rf

    return make


@pytest.fixture
def phone():
    made = []

    def make(daemon, user="alice", **settings):
        ua = sip.UA(daemon, user, **settings)
        made.append(ua)
        return ua

    yield make
    for ua in made:
        ua.close()


@pytest.fixture
def phones(phone):
    def make(daemon, *users, **settings):
        made = [phone(daemon, user, **settings) for user in users]
        for ua in made:
            ua.register().expect(200)
        return made[0] if len(made) == 1 else made

    return make


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: takes the machine for itself; run when all others are done")
    config.addinivalue_line("markers", "slow: left out of `make test` and `make ci`; `make attacks` runs it")


@pytest.hookimpl(tryfirst=True, hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """What the daemon said belongs to the report of a failed test."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for daemon in Daemon.alive:
            report.sections.append((f"standard error of {daemon.folder.name}", daemon.stderr()[-4000:]))
