"""Cells for files that people open in a spreadsheet."""

import re
from typing import Any

FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""The beginning of a text that a spreadsheet runs, and of one that was made harmless before."""


def harmless(cell: Any) -> Any:
    """A text that a spreadsheet would run as a formula, with an apostrophe in front; numbers as they are.

    No text becomes that of another: `oms.as_written` (SQL) takes off what was put in front.
    """
    return f"'{cell}" if isinstance(cell, str) and FORMULA.match(cell) else cell
