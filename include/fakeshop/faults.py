"""Injected faults (shopify.md 7.9; rows 59, 60, 63, 89, 101): by count or probability, shop and operation."""

import itertools
import random
from dataclasses import asdict, dataclass, field
from typing import Any

KINDS = (
    "throttle",  # THROTTLED, nothing executed
    "status",  # HTTP `code` (429 with Retry-After, 5xx, 402, 403, 423, 430), body HTML if `html`
    "delay",  # `seconds`, in `phase` before, during (its idempotency keys count as running) or after
    "lost_answer",  # executed, then the connection is cut
    "reset",  # the connection is cut before anything is executed
    "internal_error",  # INTERNAL_SERVER_ERROR with HTTP 200; executed if `phase` is after
    "attempt_failed",  # a mutation with a key dies in the server: nothing applied, the key is spent
    "unauthorized",  # 401 as for a wrong token
    "bulk_failure",  # a bulk operation ends FAILED (`code`) after `rows` lines, with a partial result
    "bulk_partial",  # a bulk mutation executes every line and loses the answers of `rows` of them
)
_numbers = itertools.count(1)


@dataclass
class Fault:
    """One fault; ``count`` None means until removed, ``skip`` lets that many matching requests pass first."""

    kind: str
    count: int | None = 1
    skip: int = 0
    probability: float = 1.0
    shop: str | None = None
    operation: str | None = None  # name of the operation or of a root field
    phase: str = "before"
    seconds: float = 0.0
    code: int | str | None = None
    retry_after: float | None = None
    html: bool = False
    rows: int = 0
    id: int = field(default_factory=lambda: next(_numbers))
    hits: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind!r}; there are {', '.join(KINDS)}")
        if self.phase not in ("before", "during", "after"):
            raise ValueError(f"phase must be before, during or after, not {self.phase!r}")

    def matches(self, shop: str, names: set[str]) -> bool:
        """Say whether the fault is meant for a request with these operation and root field names."""
        if self.shop not in (None, shop) or (self.operation is not None and self.operation not in names):
            return False
        return self.count is None or self.hits < self.count


class Faults:
    """The faults in force, oldest first."""

    def __init__(self, seed: int = 1) -> None:
        self.active: list[Fault] = []
        self.random = random.Random(seed)

    def add(self, **values: Any) -> Fault:
        """Put a fault in force; raises ValueError or TypeError for what it cannot be."""
        fault = Fault(**values)
        self.active.append(fault)
        return fault

    def clear(self) -> None:
        """Remove all faults."""
        self.active.clear()

    def take(
        self, shop: str, names: set[str], kinds: tuple[str, ...], phase: str | None = None
    ) -> Fault | None:
        """Return the first fault that strikes now, and count it."""
        for fault in self.active:
            if fault.kind not in kinds or (phase is not None and fault.phase != phase):
                continue
            if not fault.matches(shop, names):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            if self.random.random() >= fault.probability:
                continue
            fault.hits += 1
            return fault
        return None

    def describe(self) -> list[dict[str, Any]]:
        """List the faults with their hits."""
        return [asdict(fault) for fault in self.active]
