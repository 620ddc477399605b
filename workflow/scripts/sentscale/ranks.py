"""The processes that train together, one for each GPU."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import distributed

from sentscale.encoder import check_gpus
from sentscale.linear import keep_freed_memory

# A rank that is alone for so long has lost the others. torchrun ends it much sooner.
PATIENCE = timedelta(minutes=30)


@dataclass(frozen=True)
class Ranks:
    """This process among `size`, and where it computes."""

    rank: int
    size: int
    device: torch.device

    def add(self, tensor: torch.Tensor) -> None:
        """Sum a tensor over the ranks, in place."""
        if self.size > 1:
            distributed.all_reduce(tensor)

    def add_all(self, tensors: Sequence[torch.Tensor]) -> None:
        """Sum many tensors over the ranks, in place, in one exchange."""
        if self.size > 1:
            joined = torch.cat([tensor.flatten() for tensor in tensors])
            distributed.all_reduce(joined)
            for tensor, part in zip(
                tensors, joined.split([tensor.numel() for tensor in tensors]), strict=True
            ):
                tensor.copy_(part.view_as(tensor))

    def largest(self, number: int) -> int:
        """The largest number that a rank gives."""
        if self.size == 1:
            return number
        told = torch.tensor(number, device=self.device)
        distributed.all_reduce(told, distributed.ReduceOp.MAX)
        return int(told)


@contextmanager
def joined_ranks(gpus: int, threads: int) -> Iterator[Ranks]:
    """Join the processes that torchrun started; alone without it.

    Args:
        gpus: As many as processes; 0 computes on the CPU.
        threads: CPU threads of all processes.

    Raises:
        RuntimeError: The job asks for GPUs that are not there, or for another number
            of processes than run.
    """
    size, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
    check_gpus(gpus)
    if gpus and size != gpus:
        raise RuntimeError(f"the job asks for {gpus} GPUs, but {size} processes run")
    torch.set_num_threads(max(1, threads // size))
    device = torch.device("cpu")
    if gpus:
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]) if size > 1 else 0)
        torch.cuda.set_device(device)
    else:
        keep_freed_memory()
    if size > 1:
        distributed.init_process_group("nccl" if gpus else "gloo", timeout=PATIENCE)
    yield Ranks(rank, size, device)
    if size > 1:  # not after a failure: it would wait for the others, who wait for this one
        distributed.destroy_process_group()
