"""Says what is being done while it is done: one line for each step, with the seconds it took."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_began = time.monotonic()


def say(text: str = "") -> None:
    """Print one line at once, whole, from whatever thread."""
    with _lock:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def heading(text: str) -> None:
    say(f"\n== {text}")


class Step:
    """What a step wants to add to its last line, such as an address."""

    def __init__(self) -> None:
        self.note = ""


@contextmanager
def step(text: str) -> Iterator[Step]:
    """Announce a step, and when it is done (or has failed) say so with its seconds."""
    say(f"{_clock()}  …     {text}")
    began = time.monotonic()
    current = Step()
    try:
        yield current
    except BaseException:
        say(f"{_clock()}  FAIL  {text} after {time.monotonic() - began:.1f} s")
        raise
    note = f": {current.note}" if current.note else ""
    say(f"{_clock()}  ok    {text}{note} ({time.monotonic() - began:.1f} s)")


def _clock() -> str:
    return f"{time.monotonic() - _began:6.1f} s"


def table(title: str, columns: list[str], rows: list[tuple]) -> None:
    """Print rows under their column names, numbers to the right."""
    cells = [[str(value) for value in row] for row in rows]
    widths = [max(len(column), *(len(row[i]) for row in cells), 0) for i, column in enumerate(columns)]
    numeric = [
        bool(rows) and all(isinstance(row[i], int | float) for row in rows) for i in range(len(columns))
    ]

    def line(values: list[str]) -> str:
        aligned = (
            value.rjust(width) if right else value.ljust(width)
            for value, width, right in zip(values, widths, numeric, strict=True)
        )
        return "  " + "  ".join(aligned).rstrip()

    body = [line(columns), "  " + "  ".join("-" * width for width in widths), *map(line, cells)]
    say("\n".join([title, *body]))
