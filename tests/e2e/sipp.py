# SPDX-License-Identifier: MIT
"""SIPp as a peer: scenarios of our own in sipp/*.xml.

    uas = Sipp(rf, "uas", user="bob", calls=5)            # runs in the background
    Sipp(rf, "uac", user="alice", to="bob", calls=5).finish()
    uas.finish()

The port of its control socket it looks for itself: one that is given to it is tried only once.
Scenarios use the keywords [service] (the user called), and -key user, domain, password."""
import pathlib
import subprocess

from daemon import DEADLINE, DOMAIN, PASSWORD, free_port

SCENARIOS = pathlib.Path(__file__).parent / "sipp"


class Sipp:
    alive = []

    def __init__(self, daemon, scenario, user="alice", to=None, password=PASSWORD, calls=1, rate=10, at_once=None,
                 transport="u1", ip="127.0.0.1", port=None, args=(), deadline=60):
        """transport as in SIPp's -t: u1 one UDP socket, un one a call, t1, tn TCP. args: more of SIPp's own."""
        self.folder = daemon.folder
        self.name = f"{scenario}-{user}-{len(list(self.folder.glob('*.sipp-log')))}"
        self.errors = self.folder / f"{self.name}.errors"
        self.port = port or free_port()
        server = f"[::1]:{daemon.port}" if ":" in ip else f"127.0.0.1:{daemon.port}"
        command = ["sipp", server, "-sf", str(SCENARIOS / f"{scenario}.xml"), "-s", to or user,
                   "-i", f"[{ip}]" if ":" in ip else ip, "-p", str(self.port), "-t", transport, "-m", str(calls),
                   "-r", str(rate), "-au", user, "-ap", password,
                   "-key", "user", user, "-key", "domain", DOMAIN, "-key", "password", password,
                   "-nostdin", "-trace_err", "-error_file", str(self.errors), "-timeout", f"{deadline}s",
                   "-timeout_error", "-recv_timeout", str(deadline * 1000), "-base_cseq", "1",
                   "-max_socket", "512", *args]
        if ":" in ip:  # SIPp makes a URI of the address, and forgets the brackets; it adds sip: itself
            command += ["-auth_uri", DOMAIN]
        if at_once:
            command += ["-l", str(at_once)]
        self.deadline = deadline + DEADLINE
        self.log = self.folder / f"{self.name}.sipp-log"
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=subprocess.STDOUT)
        Sipp.alive.append(self)

    def report(self):
        text = "".join(f.read_text(errors="replace")[-3000:] for f in (self.log, self.errors) if f.exists())
        return f"{self.name}:\n{text}"

    def finish(self):
        """Waits for the end of all calls; each must have gone as the scenario says."""
        try:
            code = self.process.wait(self.deadline)
        except subprocess.TimeoutExpired:
            code = "none: it does not end"
        self.stop()
        assert code == 0, f"SIPp's exit code is {code}: {self.report()}"

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self in Sipp.alive:
            Sipp.alive.remove(self)


def register(daemon, user, port, expires=300, **settings):
    """Registers the phone that SIPp is, at its port, and returns when it is done."""
    Sipp(daemon, "register", user=user, port=port, args=["-key", "expires", str(expires)], **settings).finish()
