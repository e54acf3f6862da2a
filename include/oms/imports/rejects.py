"""The refused lines of a file once more, by hand: as the reject file has them, or for a spreadsheet."""

import csv
import io
from collections.abc import Iterator

from psycopg.rows import dict_row

from oms.database import Connection, statements
from oms.errors import NeedsPerson
from oms.imports import closing
from oms.imports.jobs import Settings
from oms.imports.lines import values_of
from oms.spreadsheet import harmless

sql = statements(__file__)


class NothingRefused(NeedsPerson, ValueError):
    """No line of this log is refused, or there is no such log."""


def printed(conn: Connection, log_id: int, *, for_spreadsheet: bool = False) -> Iterator[bytes]:
    """The reject file of a log in pieces: byte for byte, or in UTF-8 with cells that no spreadsheet runs.

    Raises NothingRefused.
    """
    log = conn.cursor(row_factory=dict_row).execute(sql.refused, {"log_id": log_id}).fetchone()
    if log is None:
        raise NothingRefused(f"log {log_id}: there is no such import, or none of its lines is refused")
    settings = Settings.stored(log["params"])
    blocks = closing.reject_blocks(conn, log_id, log["header"], settings)
    if not for_spreadsheet:
        yield from (b"".join(block) for block in blocks)
        return
    yield "\ufeff".encode()  # spreadsheets read UTF-8 where it begins so
    for block in blocks:
        yield "".join(_harmless(line, settings) for line in block).encode()


def _harmless(line: bytes, settings: Settings) -> str:
    """One line with harmless cells between commas, at which a cell in quotes never ends.

    Between other delimiters a spreadsheet that expects commas would begin a cell inside of one.
    """
    text = line.decode(settings.encoding, "replace").removesuffix("\n")
    shown = io.StringIO()
    writer = csv.writer(shown, lineterminator="\n")
    writer.writerow([harmless(cell) for cell in values_of(text, settings.delimiter)])
    return shown.getvalue()
