"""Lines of ERP documents: booked once, also when a document comes again in another file."""

import re

from psycopg import sql as composed

from oms import locks
from oms.database import Connection, statements
from oms.imports.contracts import FileContract
from oms.imports.jobs import Settings
from oms.imports.outcome import Counts, Part
from oms.imports.staging import filled, landed_table
from oms.inventory.files import positions

sql = statements(__file__)


def claim(
    conn: Connection,
    part: Part,
    document: str,
    settings: Settings,
    contract: FileContract,
    rows: composed.Composable,
) -> Counts:
    """Claim the document lines of the part; return how many came before, as duplicates and as rejects.

    document: how comments name one, such as "Inventory Transfer".
    Those are in `import_repeated` then, a temporary table. Two files with the same document wait for each
    other here. `force` does not reach document lines: what is to be booked again is undone first.
    """
    values = {
        "log_id": part.log_id,
        "type": document.replace(" ", ""),
        "pattern": pattern_of(document),
    }
    locks.hold(conn, locks.DOCUMENT_LINES.of(values["type"]))
    filled(
        conn,
        sql.number_lines,
        values,
        rows=rows,
        landed=landed_table(part.log_id),
        in_part=positions.in_part(part),
    )
    conn.execute(sql.claim_lines, values)
    filled(conn, sql.find_repeated, values)
    duplicates = conn.execute(sql.note_duplicates, values).rowcount
    filled(conn, sql.refuse_changed, {"column": contract.column_of("quantity")})
    return Counts(duplicate=duplicates, rejected=positions.set_refused_aside(conn, part, settings, contract))


def pattern_of(document: str) -> str:
    """The Postgres expression that finds the number of a document in comments."""
    words = r"\s*".join(re.escape(word) for word in document.split())
    return rf"(?i){words}\s*#\s*([[:alnum:]]([[:alnum:]_./-]*[[:alnum:]])?)"


def release(conn: Connection, part: Part) -> None:
    """Give the document lines of `import_refused` back: they may come again."""
    conn.execute(sql.release, {"log_id": part.log_id})
