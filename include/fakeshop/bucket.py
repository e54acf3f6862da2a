"""The leaky bucket of points, one for each app and shop (shopify.md 3.1)."""

import time


class Bucket:
    """Points that flow back at ``rate`` a second up to 20 times the rate."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.maximum = 20 * rate
        self._points = float(self.maximum)
        self._at = time.monotonic()

    def available(self) -> float:
        """Return the points in the bucket now."""
        now = time.monotonic()
        self._points = min(self.maximum, self._points + (now - self._at) * self.rate)
        self._at = now
        return self._points

    def take(self, points: int) -> bool:
        """Take points if there are enough."""
        if self.available() < points:
            return False
        self._points -= points
        return True

    def give_back(self, points: int) -> None:
        """Return the difference between requested and actual cost."""
        self._points = min(self.maximum, self.available() + points)

    def set(self, points: float) -> None:
        """Fill or empty the bucket (side door); below 0 it takes longer to refill."""
        self.available()
        self._points = min(self.maximum, points)

    def status(self) -> dict[str, float]:
        """Return ``throttleStatus``."""
        return {
            "maximumAvailable": float(self.maximum),
            "currentlyAvailable": max(0, int(self.available())),
            "restoreRate": self.rate,
        }
