"""What a benchmark hands to the summary of `make bench`."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = "OMS_BENCH_RESULTS"
"""Environment variable: the file that collects the lines of the summary."""


@dataclass(frozen=True)
class Measured:
    """One line of the summary: a budget of architecture.md 9 and what was found."""

    what: str
    budget: str
    ours: str
    other: str = ""
    """The other arm, measured in the same run."""
    ratio: float | None = None
    """Ours to the other arm."""


def record(*lines: Measured) -> None:
    """Hand lines to the summary; without one (a script run by itself) they are only printed by the script."""
    if path := os.environ.get(RESULTS):
        with Path(path).open("a", encoding="utf-8") as results:
            results.writelines(json.dumps(asdict(line)) + "\n" for line in lines)


def read(path: Path) -> list[Measured]:
    """The lines that were handed in so far."""
    with path.open(encoding="utf-8") as results:
        return [Measured(**json.loads(line)) for line in results]


def percentile(values: list[float], percent: int) -> float:
    """The smallest of the values that this share of them does not exceed."""
    rank = -(-len(values) * percent // 100)
    return sorted(values)[max(rank, 1) - 1]
