"""Which rows a part of a file has, and what file types do with the positions of theirs."""

from psycopg import sql as composed

from oms.database import Connection, statements
from oms.imports import repairs, staging
from oms.imports.contracts import FileContract, read_header
from oms.imports.jobs import Settings
from oms.imports.outcome import JointPart, Part
from oms.imports.staging import filled, resolved_table

sql = statements(__file__)


def in_part(part: Part) -> composed.Composable:
    """The condition that a row belongs to the chunk, and to the files of the part."""
    conditions = []
    if part.grouped:
        names = {"load_id": composed.Literal(part.load_id), "chunk_no": composed.Literal(part.chunk_no)}
        conditions.append(composed.SQL(sql.in_part).format(**names))
    if isinstance(part, JointPart):
        conditions.append(composed.SQL(sql.in_files).format(log_ids=composed.Literal(list(part.log_ids))))
    return composed.SQL(" and ").join(conditions or [composed.SQL("true")])


def add_missing(conn: Connection) -> None:
    """Create the positions of import_change that do not exist yet, and fill in their ids."""
    if conn.execute(sql.missing).fetchone()[0]:
        conn.execute(sql.add_missing)
        conn.execute(sql.fill_in)


def lock(conn: Connection) -> None:
    """Lock the positions of import_change until the end of the transaction."""
    conn.execute(sql.lock)


def note_skipped(conn: Connection, part: Part) -> None:
    """Leave a remark on each row of an excluded product type."""
    filled(
        conn,
        sql.note_skipped,
        staging.own_log(part.log_id),
        rows=resolved_table(part.log_id),
        in_part=in_part(part),
    )


def set_refused_aside(conn: Connection, part: Part, settings: Settings, contract: FileContract) -> int:
    """Move rows refused while they are applied (`import_refused`) to the rejects; return how many."""
    (text,) = conn.execute(sql.read_header, {"log_id": part.log_id}).fetchone()
    header = read_header(text, settings.delimiter, contract)
    if not isinstance(part, JointPart):
        repairs.release(conn, part.log_id)
    return staging.set_refused_aside(conn, part.log_id, header, settings.delimiter)


def forget(conn: Connection) -> None:
    """Drop the temporary tables of the file before."""
    conn.execute(sql.forget)
