"""How much one token may change, so that one caller does not keep the others waiting (RFC 6585, 429)."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from oms.api.errors import Problem


@dataclass(frozen=True)
class Limit:
    """Changes of stock that a token may make: so many a second in the long run, so many at once before."""

    per_second: float = 2000.0
    burst: int = 100_000

    def __post_init__(self) -> None:
        if self.per_second <= 0 or self.burst < 1:
            raise ValueError(
                f"{self.per_second:g} changes a second and {self.burst} at once: both must be above 0"
            )


class Allowances:
    """What the tokens have left, counted in this process; each further server process counts for itself.

    A call is let in while anything is left, and its changes are taken off when they are known: a list may
    overdraw, and the next call waits until that is made good.
    """

    def __init__(
        self, limit: Callable[[], Limit | None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """limit: asked once, by the first call; None: there is none."""
        self._ask = limit
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}

    @cached_property
    def _limit(self) -> Limit | None:
        return self._ask()

    def begin(self, token_id: str) -> None:
        """Let a call in, as one change. Raises Problem 429 while nothing is left of the token's allowance."""
        if self._limit is None:
            return
        left = self._of(token_id, self._limit)
        if left >= 1:
            self._left[token_id] = (left - 1, self._clock())
            return
        seconds = max(1, math.ceil((1 - left) / self._limit.per_second))
        raise Problem(
            429,
            "ERR_TOO_MANY_CHANGES",
            f"the token has made {self._limit.burst} changes at once, or more than "
            f"{self._limit.per_second:g} a second for a while; nothing was done, the same call works in "
            f"{seconds} s",
            headers={"Retry-After": str(seconds)},
        )

    def add(self, token_id: str, changes: int) -> None:
        """Take off what a call that was let in changes beyond its first."""
        if self._limit is not None and changes > 0:
            self._left[token_id] = (self._of(token_id, self._limit) - changes, self._clock())

    def _of(self, token_id: str, limit: Limit) -> float:
        found = self._left.get(token_id)
        if found is None:
            return float(limit.burst)
        left, at = found
        return min(float(limit.burst), left + (self._clock() - at) * limit.per_second)
