"""Progress of long work: a bar on a terminal, a log line every 30 s elsewhere."""

import logging
import sys
import time
from types import TracebackType
from typing import Self

from tqdm import tqdm

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 30.0


class Progress:
    """Count `done` of `total` units; tqdm on a terminal, log lines in a log file."""

    def __init__(self, what: str, total: int, unit: str, *, scale: bool = False) -> None:
        self.what, self.total, self.unit = what, total, unit
        self.done = 0
        self.began = self.last_line = time.monotonic()
        self.counted_at_start = 0
        self.bar = (
            tqdm(total=total, desc=what, unit=f" {unit}", unit_scale=scale)
            if sys.stderr.isatty()
            else None
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.bar is not None:
            self.bar.close()
        elif error is None:
            seconds = time.monotonic() - self.began
            log.info("%s: %d %s in %.0f s", self.what, self.done, self.unit, seconds)

    def skip(self, units: int) -> None:
        """Count units that an earlier run did: they say nothing about the speed."""
        self.counted_at_start += units
        self.advance(units)

    def advance(self, units: int) -> None:
        """Count `units` more as done."""
        self.done += units
        if self.bar is not None:
            self.bar.update(units)
            return
        now = time.monotonic()
        if now - self.last_line >= SECONDS_BETWEEN_LINES:
            self.last_line = now
            per_second = (self.done - self.counted_at_start) / (now - self.began)
            left = (self.total - self.done) / per_second if per_second else float("inf")
            log.info(
                "%s: %d of %d %s (%.0f %%), %.3g a second, %.0f s left",
                self.what,
                self.done,
                self.total,
                self.unit,
                100 * self.done / max(self.total, 1),
                per_second,
                left,
            )
