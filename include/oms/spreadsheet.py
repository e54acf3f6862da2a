"""Cells for files that people open in a spreadsheet."""

from typing import Any

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


def harmless(cell: Any) -> Any:
    """A text that a spreadsheet would run as a formula, with an apostrophe in front; numbers as they are."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_SIGNS) else cell
