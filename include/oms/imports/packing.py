"""Packs the groups of a load into chunks: balanced, few, no group in two of them (architecture.md 4.3)."""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Chunk:
    """Groups that are applied together, and how many rows they have."""

    groups: tuple[str, ...]
    rows: int

    @property
    def label(self) -> str:
        """The groups as people read them, shortened."""
        shown = ", ".join(self.groups[:6])
        return shown if len(self.groups) <= 6 else f"{shown} and {len(self.groups) - 6} more"


LONGEST_LABEL = 250
"""Letters of the label of a mapped task: with more, Airflow refuses to let it succeed."""


def shortened(label: str) -> str:
    """A label that Airflow takes."""
    return label if len(label) <= LONGEST_LABEL else f"{label[: LONGEST_LABEL - 1]}…"


def pack(groups: Mapping[str, int], max_chunks: int, min_chunk_rows: int) -> list[Chunk]:
    """Put each group into the chunk that is the smallest so far, largest group first.

    There are at most `max_chunks`, at most one for `min_chunk_rows` rows, and at least one if there are rows.
    """
    total = sum(groups.values())
    if total == 0:
        return []
    count = max(1, min(max_chunks, total // min_chunk_rows, len(groups)))
    packed: list[list[str]] = [[] for _ in range(count)]
    heap = [(0, number) for number in range(count)]
    for group, rows in sorted(groups.items(), key=lambda item: (-item[1], item[0])):
        filled, number = heapq.heappop(heap)
        packed[number].append(group)
        heapq.heappush(heap, (filled + rows, number))
    return [Chunk(tuple(sorted(names)), sum(groups[name] for name in names)) for names in packed]
