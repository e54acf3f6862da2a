"""Which names in an SFTP folder a job takes, and in which order (inventory.md 3.3-3.5)."""

import re
from collections.abc import Callable
from fnmatch import translate
from functools import lru_cache
from typing import Any

from oms.parameters import is_glob

UNFINISHED_SUFFIXES = (".tmp", ".part", ".filepart")
"""A sender that renames when it is done writes under such a name first."""


def wanted(name: str, *, file_name: str | None, pattern: str | None) -> bool:
    """Whether a job takes this name: exactly `file_name`, else `pattern`, else any that is not unfinished.

    A name asked for exactly is taken whatever its suffix. A pattern means the name with or without a `.gz`
    at its end: the file is unpacked while it is read.
    """
    if file_name is not None:
        return name == file_name
    if name in (".", "..") or name.lower().endswith(UNFINISHED_SUFFIXES):
        return False
    return pattern is None or matcher(pattern)(name)


NUMBER = re.compile("([0-9]+)")


def age_key(mtime: int, name: str) -> tuple[Any, ...]:
    """What files are sorted by, oldest first; within a second by name, numbers by what they count.

    SFTP tells whole seconds, and senders number what they write: `count_9.csv` came before `count_10.csv`.
    """
    texts_and_numbers = NUMBER.split(name)
    numbers = [int(number) for number in texts_and_numbers[1::2]]
    return (mtime, [*zip(texts_and_numbers[::2], [*numbers, -1], strict=True)], name)


@lru_cache(maxsize=1024)
def matcher(pattern: str) -> Callable[[str], bool]:
    """Whether a name, or that name without a `.gz` at its end, is one that the pattern means."""
    text = translate(pattern) if is_glob(pattern) else pattern
    fits = re.compile(text).fullmatch
    return lambda name: bool(fits(name) or (name.endswith(".gz") and fits(name.removesuffix(".gz"))))
