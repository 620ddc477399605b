"""Processes that take all their descendants with them when they are killed.

Each is the child of a small init in a PID namespace of its own. When that init is killed, the
kernel kills all that it and its descendants ever started, those that changed their session or
lost their parent included. That is how a machine dies, and how nothing is left.
"""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

PROGRAMS = ["setpriv", "unshare"]
# Ends with whoever started it. A shell is the init because it waits for orphans, as a daemon
# might not; the `exit` keeps the shell from replacing itself with its last command.
CONTAINED = ["setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child"]
CONTAINED += ["--mount-proc", "sh", "-c", '"$@"; exit', "init"]


def can_contain() -> bool:
    """Whether this process may make PID namespaces."""
    done = subprocess.run([*CONTAINED, "true"], capture_output=True, check=False)
    return done.returncode == 0


class Contained:
    """A running command; it ends when the thread that started it does."""

    def __init__(self, command: list[str], environment: dict[str, str], output: Path) -> None:
        """Start it, in a session of its own so that Ctrl-C does not reach it."""
        self.output = output
        with output.open("ab") as file:
            self._process = subprocess.Popen(
                [*CONTAINED, *command],
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    def is_alive(self) -> bool:
        """Whether the command has not ended."""
        return self._process.poll() is None

    def kill(self) -> None:
        """Kill it and all below it; they are gone when this returns."""
        if self.is_alive():
            pid = self._process.pid
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
            # unshare waits for its child, the init, whose own end waits for the whole namespace.
            for each in children.split() or [pid]:
                with suppress(ProcessLookupError):
                    os.kill(int(each), signal.SIGKILL)
            self._process.wait()
