"""A real SLURM of its own on this machine, for tests: simulated nodes and GPUs, no systemd."""

import os
import re
import shutil
import socket
import stat
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import contained
from contained import Contained, can_contain

# Where SLURM looks by itself. SLURM_CONF alone is not enough: Snakemake's jobstep executor
# drops every SLURM_* from the environment of the srun inside a job.
LINK = Path("/etc/slurm/slurm.conf")
# Sockets, pid files, devices. One name for all runs, as LINK allows one SLURM at a time; short,
# as the path of a socket has at most 107 bytes.
RUN = Path("/run/sentscale-slurm")
PROGRAMS = ["slurmctld", "slurmd", "sbatch", "srun", "munged", "munge", *contained.PROGRAMS]
DATABASE = ["slurmdbd", "sacctmgr", "sacct", "mariadbd", "mariadb", "mariadb-install-db"]


def missing(*, accounting: bool = False) -> list[str]:
    """Reasons why no SLURM can be started here; none when it can."""
    programs = PROGRAMS + DATABASE * accounting
    reasons = [f"{name} is not on PATH" for name in programs if not shutil.which(name)]
    if os.geteuid() != 0:
        return [*reasons, "not root"]
    if not reasons and not can_contain():
        reasons.append("no PID namespaces (needs CAP_SYS_ADMIN)")
    if _is_taken():
        reasons.append(f"{LINK} belongs to another SLURM")
    return reasons


def _is_taken() -> bool:
    """Whether LINK is in use; not so when it is what tests that were killed have left."""
    try:
        owner = re.match(r"# Made by tests/slurm/cluster.py in process (\d+)\n", LINK.read_text())
    except FileNotFoundError:
        return False
    return owner is None or Path("/proc", owner[1]).exists()


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Ask ten times a second until it is so.

    Raises:
        TimeoutError: It was not so within `seconds`; the message holds `what`.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what}")
        time.sleep(0.1)


def free_ports(count: int) -> list[int]:
    """Distinct TCP ports that nobody listens on."""
    with ExitStack() as stack:
        # All are open before the first is closed, or one could come twice.
        sockets = [stack.enter_context(socket.create_server(("", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]


@dataclass
class Cluster:
    """Nodes n1, n2, ... on this machine, in the partitions cpu (default), gpu and scavenge.

    Start it and its nodes from the main thread: a daemon ends with the thread that started it.
    """

    state: Path  # configuration, logs, spool: a new folder, which stop leaves behind
    nodes: int = 2
    cpus: int = 4  # of each node, as the next two
    memory_mb: int = 8000
    gpus: int = 2
    accounting: bool = False  # a database too, so that sacct works
    _daemons: dict[str, Contained] = field(default_factory=dict, init=False, repr=False)

    @property
    def names(self) -> list[str]:
        """Names of the nodes."""
        return [f"n{number + 1}" for number in range(self.nodes)]

    @property
    def environment(self) -> dict[str, str]:
        """What SLURM's commands and Snakemake need beside the usual environment."""
        return {"SLURM_CONF": str(self.state / "slurm.conf")}

    def start(self) -> None:
        """Start everything and wait until SLURM may use all nodes.

        Raises:
            RuntimeError: No SLURM can be started here, or a daemon ended by itself.
            TimeoutError: A daemon did not answer in time.
        """
        if reasons := missing(accounting=self.accounting):
            raise RuntimeError("; ".join(reasons))
        try:
            self._write()
            self._start_munge()
            if self.accounting:
                self._start_accounting()
            self._spawn("slurmctld", "slurmctld", "-D")
            self._await("slurmctld", lambda: self._succeeds("scontrol", "ping"))
            for name in self.names:
                self.start_node(name)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Cancel all jobs, end what was started, remove what lies outside the state folder."""
        if "slurmctld" in self._daemons:
            # A courtesy to the jobs; whether it works or not, they end with their nodes.
            with suppress(subprocess.SubprocessError, TimeoutError):
                self.run("scancel", "--user=root", seconds=10)
                wait_until(lambda: not self.run("squeue", "-h", seconds=10), 10, "no jobs")
        for name in reversed(list(self._daemons)):  # clients before what they depend on
            self._daemons.pop(name).kill()
        if LINK.is_symlink() and LINK.readlink() == self.state / "slurm.conf":
            shutil.rmtree(RUN, ignore_errors=True)
            LINK.unlink()

    def kill_node(self, name: str) -> None:
        """Kill a node with all its processes. SLURM notices by itself, after 13 to 20 s."""
        self._daemons.pop(name).kill()

    def start_node(self, name: str) -> None:
        """Start a node, for the first time or again, and wait until SLURM may use it.

        If SLURM has not seen yet that it was killed, its job is requeued a minute later.
        """
        self._spawn(name, "slurmd", "-D", "-N", name)
        up = {"idle", "mixed", "allocated", "completing"}
        self._await(name, lambda: self.node_states()[name] in up)

    def run(self, *command: str, seconds: float = 30) -> str:
        """Run a command of SLURM; what it printed.

        Raises:
            subprocess.CalledProcessError: It failed.
            subprocess.TimeoutExpired: It took longer than `seconds`.
        """
        environment = os.environ | self.environment
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=seconds, check=True
        )
        return done.stdout.strip()

    def jobs(self) -> dict[str, str]:
        """State of every job by id (`7`, or `7_1` of an array), finished ones included."""
        lines = self.run("squeue", "-h", "--states=all", "--array", "-o", "%i %T").splitlines()
        return dict(line.split() for line in lines)

    def node_states(self) -> dict[str, str]:
        """State of every node; an asterisk at its end: the node does not answer."""
        lines = self.run("sinfo", "-h", "-N", "-p", "cpu", "-o", "%N %T").splitlines()
        return dict(line.split() for line in lines)

    def _write(self) -> None:
        """Write the configuration, claim LINK, make the folder RUN and the devices."""
        for folder in ("log", "ctld", *self.names):
            (self.state / folder).mkdir(parents=True)
        controller, database, *ports = free_ports(2 + self.nodes)
        host = socket.gethostname().partition(".")[0]
        place = f"NodeHostname={host} NodeAddr=127.0.0.1"
        size = f"CPUs={self.cpus} RealMemory={self.memory_mb}"
        size += f" Gres=gpu:{self.gpus}" if self.gpus else ""
        own = zip(self.names, ports, strict=True)
        nodes = [f"NodeName={name} Port={port} {place} {size}" for name, port in own]
        values = {
            "pid": os.getpid(),
            "run": RUN,
            "state": self.state,
            "host": host,
            "port": controller,
            "database_port": database,
            "storage": "slurmdbd" if self.accounting else "none",
            "nodes": "\n".join(nodes),
        }
        for name in ("slurm.conf", "slurmdbd.conf"):
            template = Path(__file__).with_name(name).read_text()
            (self.state / name).write_text(template.format(**values))
        gres = [f"Name=gpu File={device}\n" for device in self._devices()]
        (self.state / "gres.conf").write_text("".join(gres))
        (self.state / "slurmdbd.conf").chmod(0o600)  # or slurmdbd refuses it
        LINK.unlink(missing_ok=True)
        LINK.symlink_to(self.state / "slurm.conf")
        shutil.rmtree(RUN, ignore_errors=True)
        RUN.mkdir()
        # Only with character devices is CUDA_VISIBLE_DEVICES set: copies of /dev/null.
        for device in self._devices():
            os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))

    def _devices(self) -> list[Path]:
        """The GPUs; all nodes have the same."""
        return [RUN / f"gpu{number}" for number in range(self.gpus)]

    def _start_munge(self) -> None:
        key, munge = self.state / "munge.key", RUN / "munge.sock"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        files = {"key": key, "pid": RUN / "munged.pid", "seed": self.state / "munged.seed"}
        options = [f"--{name}-file={path}" for name, path in files.items()]
        # Without --force it refuses a folder below one that all may write to, as /tmp is.
        self._spawn("munged", "munged", "--foreground", "--force", f"--socket={munge}", *options)
        self._await("munged", lambda: self._succeeds("munge", "-n", "-S", str(munge)))

    def _start_accounting(self) -> None:
        data, database = self.state / "database", RUN / "database.sock"
        plain = ["--no-defaults", "--user=root", f"--datadir={data}"]
        root = "--auth-root-authentication-method=socket"
        self.run("mariadb-install-db", *plain, root, "--skip-test-db", seconds=60)
        small = ["--skip-networking", "--innodb-buffer-pool-size=64M"]
        self._spawn("mariadbd", "mariadbd", *plain, *small, f"--socket={database}")
        client = ["mariadb", "--no-defaults", f"--socket={database}"]
        create = "CREATE DATABASE IF NOT EXISTS slurm_acct_db"
        self._await("mariadbd", lambda: self._succeeds(*client, "-e", create))
        self._spawn("slurmdbd", "env", f"MYSQL_UNIX_PORT={database}", "slurmdbd", "-D")
        self._await("slurmdbd", lambda: self._succeeds("sacctmgr", "-n", "show", "cluster"))
        for entity in (["cluster", "test"], ["account", "test"], ["user", "root", "account=test"]):
            self.run("sacctmgr", "-i", "add", *entity)

    def _spawn(self, name: str, *command: str) -> None:
        if name in self._daemons:
            raise ValueError(f"{name} is running")
        output = self.state / "log" / f"{name}.out"
        self._daemons[name] = Contained([*command], self.environment, output)

    def _await(self, name: str, answers: Callable[[], bool]) -> None:
        """Wait until a daemon answers."""

        def ready() -> bool:
            daemon = self._daemons[name]
            if daemon.is_alive():
                return answers()
            raise RuntimeError(f"{name} ended: {daemon.output.read_text()[-2000:]}")

        wait_until(ready, 30, f"{name} answers, see {self.state / 'log'}")

    def _succeeds(self, *command: str) -> bool:
        try:
            self.run(*command, seconds=5)
        except subprocess.SubprocessError:
            return False
        return True
