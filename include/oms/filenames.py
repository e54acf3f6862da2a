"""Which names in an SFTP folder a job takes, and in which order (inventory.md 3.3-3.5).

People write the patterns, so none may take longer than in proportion to the name: a regular expression runs
on RE2, which does not backtrack, and a glob without giving back what a star has taken.
"""

import re
from collections.abc import Callable, Iterable
from fnmatch import translate
from functools import lru_cache
from posixpath import splitext
from typing import Any

import re2

from oms.errors import NeedsPerson

UNFINISHED_SUFFIXES = (".tmp", ".part", ".filepart")
"""A sender that renames when it is done writes under such a name first."""
JUNK = ("thumbs.db", "ehthumbs.db", "desktop.ini")
JUNK_BEGINNINGS = (".", "~$")
"""What Macs, Windows and editors leave in a folder: ._stock.csv, .DS_Store, ~$stock.xlsx."""
LONGEST_PATTERN = 1000
MOST_MEMORY = 64 << 20
"""Bytes that RE2 may use for a pattern; the letters of all scripts take more than its own 8 MiB allow."""

MOST_MEMORY_OF_ALL = 512 << 20
"""The same for patterns that are asked together."""

NUMBER = re.compile("([0-9]+)")

_SUFFIX = re.compile(r"\.[A-Za-z0-9]+(\\?\.gz)?$", re.IGNORECASE)
"""The end of a glob or a regular expression that is a suffix in plain letters."""
_REGEX_SIGNS = re.compile(r"[\\^$+(){}|\[\]]|\.[*?]")


class BadPattern(NeedsPerson, ValueError):
    """A file pattern that cannot be used; the message says what it should have been."""


def wanted(name: str, *, file_name: str | None, pattern: str | None) -> bool:
    """Whether a job takes this name: exactly `file_name`, else `pattern`, else any that is a finished file's.

    A name asked for exactly is taken whatever it is. Raises BadPattern.
    """
    if file_name is not None:
        return name == file_name
    return not is_junk(name) and not is_unfinished(name) and (pattern is None or matcher(pattern)(name))


def is_unfinished(name: str) -> bool:
    """Whether a sender is going to give the file another name."""
    return name.lower().endswith(UNFINISHED_SUFFIXES)


def is_junk(name: str) -> bool:
    """Whether an operating system left it; so `.` and `..` are."""
    return name.startswith(JUNK_BEGINNINGS) or name.lower() in JUNK


def is_packed(name: str) -> bool:
    """Whether the name says that the file is packed by gzip."""
    return name.lower().endswith(".gz")


def unpacked_name(name: str) -> str:
    """The name without the sign that the file is packed."""
    return name[: -len(".gz")] if is_packed(name) else name


@lru_cache(maxsize=1024)
def matcher(pattern: str) -> Callable[[str], bool]:
    """Whether a name is one that the pattern means.

    It means the name with or without a `.gz` at its end, since the file is unpacked while it is read, and
    with its suffix in capital or small letters. Raises BadPattern.
    """
    plain, every = _plain(pattern)
    fits = (re.compile(translate(plain)) if is_glob(pattern) else _linear(plain)).fullmatch

    def matches(name: str) -> bool:
        return any(map(fits, _spellings(name, every)))

    return matches


def which(patterns: Iterable[str]) -> Callable[[str], set[str]]:
    """Which of the patterns mean a name: regular expressions are asked at once, however many there are."""
    globs: list[str] = []
    expressions: dict[bool, list[str]] = {True: [], False: []}
    for pattern in dict.fromkeys(patterns):
        (globs if is_glob(pattern) else expressions[_plain(pattern)[1]]).append(pattern)
    sets = [(every, some, _set_of(some)) for every, some in expressions.items() if some]

    def found(name: str) -> set[str]:
        hits = {pattern for pattern in globs if matcher(pattern)(name)}
        for every, some, all_at_once in sets:
            for spelling in _spellings(name, every):
                hits.update(some[number] for number in all_at_once.Match(spelling) or ())
        return hits

    return found


def _set_of(patterns: list[str]) -> "re2.Set":
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MOST_MEMORY_OF_ALL
    together = re2.Set.FullMatchSet(options)
    for pattern in patterns:
        together.Add(_in_all_scripts(_plain(pattern)[0]))
    together.Compile()
    return together


@lru_cache(maxsize=1024)
def _plain(pattern: str) -> tuple[str, bool]:
    """The pattern with its suffix in small letters, and whether it has capitals elsewhere."""
    plain = _SUFFIX.sub(lambda found: found[0].lower(), pattern)
    return plain, re.search("[A-Z]", re.sub(r"\\.", "", plain)) is not None


@lru_cache(maxsize=16_384)
def _spellings(name: str, every: bool) -> tuple[str, ...]:
    """The names that a pattern may mean by this one; of suffixes in capital letters where it has capitals."""
    unpacked = unpacked_name(name)
    base, suffix = splitext(unpacked)
    suffixes = dict.fromkeys((suffix.lower(), suffix, suffix.upper()) if every else (suffix.lower(),))
    ends = ("",) if unpacked == name else (".gz", "")
    return tuple(f"{base}{spelling}{end}" for end in ends for spelling in suffixes)


def is_glob(pattern: str) -> bool:
    """Whether a file pattern is meant as a glob.

    It is if it starts with `*` or is no legal regular expression (inventory.md 3.3), and also if nothing in
    it is peculiar to regular expressions: `stock*.csv` would be a legal one that matches no stock file.
    """
    return pattern.startswith("*") or not _REGEX_SIGNS.search(pattern) or not _is_regex(pattern)


def check_pattern(pattern: str) -> None:
    """Refuse a pattern that means no files. Raises BadPattern."""
    if "/" in pattern:
        raise BadPattern("a glob or a regular expression for names in one folder, without '/'")
    if len(pattern) > LONGEST_PATTERN:
        raise BadPattern(f"at most {LONGEST_PATTERN} characters")
    matcher(pattern)
    if pattern.startswith("*") or not is_glob(pattern) or not _REGEX_SIGNS.search(pattern):
        return
    balanced = all(pattern.count(opening) == pattern.count(closing) for opening, closing in ("()", "[]"))
    if "\\" in pattern or not balanced or not any(wildcard in pattern for wildcard in "*?"):
        raise BadPattern("a legal regular expression, or a glob with * or ?")


def _linear(pattern: str) -> "re2._Regexp":
    """The regular expression for an engine that needs time in proportion to the name."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MOST_MEMORY
    try:
        return re2.compile(_in_all_scripts(pattern), options)
    except UnicodeEncodeError:
        raise BadPattern("text that can be written as UTF-8") from None
    except re2.error as error:
        reason = error.args[0].decode(errors="replace")
        raise BadPattern(
            "a regular expression of RE2's, which knows no lookahead, lookbehind or backreference and no "
            f"repetition beyond 1000; RE2 says: {reason}"
        ) from None


_TOKENS = re.compile(r"\\.|\[:\^?[a-z]+:\]|\[\^?\]?|\]", re.DOTALL)


def _in_all_scripts(pattern: str) -> str:
    r"""The pattern with a `\w` that takes the letters of all scripts; RE2's own knows English ones."""
    inside = False

    def meant(token: re.Match[str]) -> str:
        nonlocal inside
        sign = token[0]
        if sign in (r"\d", r"\D"):
            return r"\p{Nd}" if sign == r"\d" else r"\P{Nd}"
        if sign == r"\w":
            return r"\pL\pN_" if inside else r"[\pL\pN_]"
        if sign == r"\W" and not inside:
            return r"[^\pL\pN_]"
        if sign == "]" or (sign[0] == "[" and not inside):
            inside = sign != "]"
        return sign

    return _TOKENS.sub(meant, pattern)


def _is_regex(pattern: str) -> bool:
    """Whether it is a legal regular expression, be it one that we do not run."""
    try:
        _linear(pattern)
    except BadPattern:
        try:
            re.compile(pattern)
        except (re.error, OverflowError, RecursionError):
            return False
    return True


def age_key(mtime: int, name: str) -> tuple[Any, ...]:
    """What files are sorted by, oldest first; within a second by name, numbers by what they count.

    SFTP tells whole seconds, and senders number what they write: `count_9.csv` came before `count_10.csv`.
    """
    texts_and_numbers = NUMBER.split(name)
    numbers = [int(number) for number in texts_and_numbers[1::2]]
    return (mtime, [*zip(texts_and_numbers[::2], [*numbers, -1], strict=True)], name)
