"""A cluster's jobs that nobody waits for any more."""

import shutil
import subprocess
import time

from snakemake.logging import logger

# A job is sent SIGTERM and has SLURM's KillWait, 30 seconds by default, to save what it has.
PATIENCE_S = 90


def orphans():
    """Numbers of this user's SLURM jobs that Snakemake submitted from this folder."""
    listed = subprocess.run(
        ["squeue", "--me", "--noheader", "--format=%A|%Z|%k"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    jobs = (line.split("|", 2) for line in listed.stdout.splitlines() if line.count("|") >= 2)
    here = Path.cwd().resolve()
    return [job for job, folder, comment in jobs if Path(folder) == here and "rule_" in comment]


def is_alone():
    """Whether no other run is alive in this folder: its locks are all there are.

    A run writes two, and another with other targets may stand beside it; `--unlock`
    removes those of a run that was killed.
    """
    return len(list(Path(".snakemake/locks").glob("*.lock"))) == 2


def cancel_orphans():
    """Cancel the jobs of a run that was killed, and wait until they have ended.

    They would write the files that this run's jobs write. What they had finished is taken up.
    """
    until = time.monotonic() + PATIENCE_S
    while found := orphans():
        if time.monotonic() > until:
            raise WorkflowError(f"jobs of an earlier run do not end: scancel {' '.join(found)}")
        logger.info(f"cancelling jobs of an earlier run in this folder: {' '.join(found)}")
        subprocess.run(["scancel", *found], check=False, timeout=60)
        time.sleep(2)


onstart:
    if shutil.which("squeue") and is_alone():
        try:
            cancel_orphans()
        except (OSError, subprocess.SubprocessError) as error:
            logger.warning(f"whether jobs of an earlier run are left is not known: {error}")
