"""Results of the benchmark: a tidy table, and one flat object with the figures that matter."""

import json
import platform
import subprocess
from pathlib import Path

import pandas as pd

from sentscale.files import write_json, write_text


def merge(out: Path, part: str, table: pd.DataFrame, keys: dict[str, float], threads: int) -> None:
    """Replace one part's rows and keys."""
    path = out / "cpu.csv"
    old = pd.read_csv(path) if path.is_file() else pd.DataFrame(columns=["part"])
    joined = pd.concat([old[old["part"] != part], table]) if len(old) else table
    write_text(path, joined.to_csv(index=False, lineterminator="\n"))
    latest = out / "latest.json"
    known = json.loads(latest.read_text()) if latest.is_file() else {}
    known |= {key: round(value, 3) for key, value in keys.items()}
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    known |= {
        "device": device(),
        "threads": threads,
        "commit": commit.stdout.strip() or None,
    }
    write_json(latest, dict(sorted(known.items())))


def device() -> str:
    """Name of the processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if platform.system() == "Linux" else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {len(names)} cores"
