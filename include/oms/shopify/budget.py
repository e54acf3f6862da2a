"""Our model of a shop's leaky bucket of points, shared by the threads of one client (spec shopify.md 3)."""

import threading
import time
from typing import Any, NamedTuple

from oms.shopify.errors import Throttled

MOST = 1e9
"""More than any bucket holds."""


class BucketState(NamedTuple):
    """What a shop says of its bucket (`throttleStatus`)."""

    maximum: float
    available: float
    rate: float

    @classmethod
    def of(cls, status: Any) -> "BucketState | None":
        """Return the state; None where the figures are no bucket's: damaged ones would stop us for good."""
        names = ("maximumAvailable", "currentlyAvailable", "restoreRate")
        figures = [status.get(name) for name in names] if isinstance(status, dict) else [None]
        if not all(type(one) in (int, float) and -MOST < one < MOST for one in figures):
            return None
        state = cls(*map(float, figures))
        is_one = state.maximum > 0 and state.rate > 0 and abs(state.available) <= state.maximum
        return state if is_one else None


class Deadline:
    """A moment up to which somebody is willing to wait."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that are left, never below 0."""
        return max(0.0, self._end - time.monotonic())


class Budget:
    """Points that may be spent now: what the shop said last, plus what flowed back, minus requests under way.

    Before the first answer nothing is known, so that one request goes ahead alone. Other processes
    spend from the same bucket; the shop's next answer tells.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._available: float | None = None
        self._maximum = 0.0
        self._rate = 0.0
        self._at = 0.0
        self._under_way = 0.0
        self._asking = False

    def take(self, cost: float, deadline: Deadline) -> float:
        """Reserve points; return the seconds waited. Raises Throttled when they do not come in time."""
        started = time.monotonic()
        with self._changed:
            while (pause := self._pause(cost)) > 0:
                if pause > deadline.left():
                    raise Throttled(f"{cost:.0f} points are not there before the deadline ({pause:.1f} s)")
                self._changed.wait(pause)
            self._under_way += cost
            if self._available is None:
                self._asking = True
            else:
                self._available -= cost
        return time.monotonic() - started

    def _pause(self, cost: float) -> float:
        """Return the seconds until a request of this cost may go; 0 = now."""
        if self._available is None:
            return 0.05 if self._asking else 0.0
        now = time.monotonic()
        self._available = min(
            self._maximum - self._under_way, self._available + self._rate * (now - self._at)
        )
        self._at = now
        if self._available >= cost or (self._under_way == 0 and cost > self._maximum):
            return 0.0
        return max(0.001, (cost - self._available) / self._rate)

    def answered(self, cost: float, status: Any) -> None:
        """Give back a reservation, and take over what the shop says (`throttleStatus`, if there was one)."""
        state = BucketState.of(status)
        with self._changed:
            self._under_way -= cost
            self._asking = False
            if state:
                self._maximum = state.maximum
                self._rate = max(1.0, state.rate)
                self._available = state.available - self._under_way
                self._at = time.monotonic()
            self._changed.notify_all()

    def seconds_for(self, cost: float) -> float:
        """Return how long the shop would take to grant that many points from now; 0 while unknown."""
        with self._changed:
            if self._available is None:
                return 0.0
            self._pause(0)
            return max(0.0, (cost - self._available) / self._rate)
