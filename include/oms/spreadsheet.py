"""Cells for files that people open in a spreadsheet."""

import re
from typing import Any

_SIGNS = "=+\\-@＝＋－＠"
_SKIPPED = "' \u00a0\u3000\u200b\ufeff"
FORMULA = re.compile(rf"^(?=[{_SKIPPED}]*[{_SIGNS}\t\r\n])|(?<=[;\t\r\n])(?=[{_SKIPPED}]*[{_SIGNS}])")
"""Where a spreadsheet would begin to run a text, or where one was made harmless before.

Chinese, Japanese and Korean ones take the full-width signs, too. Where lists are written with a semicolon, a
cell ends at each, in quotes or not.
"""


def harmless(cell: Any) -> Any:
    """A text with an apostrophe wherever a spreadsheet would take it for a formula; numbers as they are.

    No text becomes that of another: `oms.as_written` (SQL) takes off what was put in.
    """
    return FORMULA.sub("'", cell) if isinstance(cell, str) else cell
