"""Named points at which a test may kill the process, to prove that every step can be repeated.

A point does nothing unless OMS_CRASH_AT names it (several: with commas). With OMS_CRASH_ONCE_FOLDER each
kills once: a file of its name in that folder is made just before it, and disarms it while it is there.
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
    if name not in os.environ.get("OMS_CRASH_AT", "").split(","):
        return
    if name not in POINTS:
        raise ValueError(f"crash point {name} is not registered")
    if folder := os.environ.get("OMS_CRASH_ONCE_FOLDER"):
        try:
            (Path(folder) / name).touch(exist_ok=False)
        except FileExistsError:
            return
    os.kill(os.getpid(), signal.SIGKILL)
