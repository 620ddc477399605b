"""Numbers and names as words of a sentence."""

from sentscale.contrasts import Board, Difference
from sentscale.lines import EncoderName
from sentscale.tables import metric_label


def named(name: EncoderName) -> str:
    """All that names an encoder."""
    return ", ".join(filter(None, name))


def unit(board: Board) -> str:
    """What a suite's score is."""
    what = metric_label(board.metric)
    return f"mean of {len(board.tasks)} tasks, {what}" if len(board.tasks) > 1 else what


def counted(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def signed(value: float) -> str:
    """A difference with its sign; a hyphen is no minus."""
    return f"{value:+.2f}".replace("-", "−")


def span(one: Difference) -> str:
    """The interval of a difference."""
    return f"{signed(one.low)} to {signed(one.high)}"


def change(one: Difference) -> str:
    """A difference with its interval."""
    return f"{signed(one.value)} ({span(one)})"


def duration(seconds: float) -> str:
    """A time in units that people count in."""
    minutes = round(seconds / 60)
    if seconds < 60:
        return f"{seconds:.0f} s"
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
