"""One SLURM for all tests of this folder; they are marked `slow` and `slurm`."""

import pytest
from cluster import Cluster, missing


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """A running SLURM of two nodes; nodes that a test has killed it must start again."""
    if reasons := missing(accounting=True):
        pytest.skip(f"no SLURM can be started here: {'; '.join(reasons)}")
    running = Cluster(tmp_path_factory.mktemp("slurm") / "state", accounting=True)
    running.start()
    yield running
    running.stop()
