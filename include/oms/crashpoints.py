"""Named points at which a test may kill the process, to prove that every step can be repeated.

A point does nothing unless OMS_CRASH_AT names it. With OMS_CRASH_ONCE_FILE the kill happens once:
the file is created just before it, and disarms the point while it exists.
"""

import os
import signal
from pathlib import Path

POINTS: dict[str, str] = {}


def register(name: str, meaning: str) -> str:
    """Make a crash point known to the crash matrix; return its name."""
    if name in POINTS:
        raise ValueError(f"crash point {name} is registered twice")
    POINTS[name] = meaning
    return name


def point(name: str) -> None:
    """Kill this process (kill -9) if a test asked for it here."""
    if os.environ.get("OMS_CRASH_AT") != name:
        return
    if name not in POINTS:
        raise ValueError(f"crash point {name} is not registered")
    if once := os.environ.get("OMS_CRASH_ONCE_FILE"):
        marker = Path(once)
        if marker.exists():
            return
        marker.touch()
    os.kill(os.getpid(), signal.SIGKILL)
