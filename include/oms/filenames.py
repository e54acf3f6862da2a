"""Which names in an SFTP folder a job takes (inventory.md 3.3, 3.5)."""

import re
from fnmatch import fnmatchcase
from functools import lru_cache

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
    return pattern is None or _matches(pattern, name) or _matches(pattern, name.removesuffix(".gz"))


def _matches(pattern: str, name: str) -> bool:
    if is_glob(pattern):
        return fnmatchcase(name, pattern)
    return _compiled(pattern).fullmatch(name) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
