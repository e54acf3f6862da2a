"""Packs the groups of a load into chunks: balanced, few, no group in two of them (architecture.md 4.3)."""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


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


def into_tasks(chunks: Iterable[dict[str, Any]], min_rows: int) -> list[dict[str, Any]]:
    """Chunks for one task each: neighbours share one until it has `min_rows` rows, for its start costs more.

    Each is `{"label", "chunks": [...]}`; a backlog of small files makes one task instead of dozens.
    """
    tasks: list[list[dict[str, Any]]] = []
    rows = min_rows
    for chunk in chunks:
        if rows >= min_rows:
            tasks.append([])
            rows = 0
        tasks[-1].append(chunk)
        rows += chunk["rows"]
    return [{"label": _label(task), "chunks": task} for task in tasks]


def _label(chunks: list[dict[str, Any]]) -> str:
    labels = list(dict.fromkeys(chunk["label"] for chunk in chunks))
    shown = shortened(labels[0])
    more = f" and {len(labels) - 1} more" if len(labels) > 1 else ""
    return f"{shown[: LONGEST_LABEL - len(more)]}{more}"
