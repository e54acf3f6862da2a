"""What a benchmark hands to the summary."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """One line of the summary: a budget of design section 9 and what was found."""

    what: str
    budget: str
    ours: str
    other: str = "–"
    """The other arm, measured in the same run."""
    ratio: float | None = None
    """Ours to the other arm."""


def percentile(values: list[float], percent: float) -> float:
    """The smallest of the values that is not exceeded by this share of them."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1).__int__()]
