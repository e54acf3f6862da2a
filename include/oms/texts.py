"""Texts that people and systems write differently and mean the same, and those that a person is told."""

import unicodedata
from collections.abc import Sequence

BLANKS = "".join(chr(code) for code in range(0x3001) if chr(code).isspace()) + "\u200b\u2060\ufeff"
"""Around a text they say nothing: blanks of all widths, and those of no width."""


def trimmed(text: str) -> str:
    """The text without blanks around, in the one form of Unicode in which texts are compared (NFC)."""
    return unicodedata.normalize("NFC", text.strip(BLANKS))


def is_blank(cell: str | None) -> bool:
    """Whether a cell says nothing; 0x1A ends files of old systems."""
    return not (cell or "").strip(BLANKS + "\x1a")


def first_of(words: Sequence[str], most: int = 20) -> str:
    """The first of several things to say, and how many more there are."""
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return "; ".join(words[:most]) + more
