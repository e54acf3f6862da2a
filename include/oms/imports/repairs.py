"""Reject files that come back corrected: each refused line is booked once (inventory.md 3.1, 3.5).

The columns error_log and error_line say which line a row stands for, whatever the file is called and in
whatever order its rows are. A row takes its line when its file lands, in one transaction with its verdict.
"""

import logging
import re
from dataclasses import replace
from typing import Any

from psycopg import sql as composed

from oms import locks
from oms.catalog.model import Kind
from oms.database import Connection, statements
from oms.imports import staging
from oms.imports.contracts import REJECT_COLUMNS, Header
from oms.imports.jobs import Settings
from oms.imports.lines import cells_of
from oms.imports.staging import Content, Judged, filled, landed_table, resolved_table
from oms.texts import BLANKS

log = logging.getLogger(__name__)
sql = statements(__file__)

LINE, LOG = REJECT_COLUMNS.index("error_line"), REJECT_COLUMNS.index("error_log")
NUMBER = re.compile(r"([0-9]{1,15})(?:[.]0{1,2})?")
NO_DIGITS = BLANKS + '"'
"""Around the number in a line that could not be split into columns."""


def is_repair(header: Header | None, kind: Kind) -> bool:
    """Whether the rows of a file stand for lines that were refused."""
    return kind.repairable and header is not None and len(header.reject_places) == len(REJECT_COLUMNS)


def find_origins(conn: Connection, log_id: int, content: Content, settings: Settings) -> bool:
    """Read what each landed row stands for into `import_origin`; return whether every row does.

    Leaves the identifiers of the rows in the form in which they are compared (`texts.trimmed`): what a line
    says is compared with what it said before.
    """
    header = content.header
    places = header.reject_places
    staging.trim(conn, landed_table(log_id), header, settings)
    filled(
        conn,
        sql.find_origins,
        {"blanks": BLANKS},
        landed=landed_table(log_id),
        log_field=composed.Identifier(header.fields[places[LOG]]),
        line_field=composed.Identifier(header.fields[places[LINE]]),
        content=staging.content_of(header),
    )
    for line_number, raw in filled(conn, sql.misshapen, {}, landed=landed_table(log_id)).fetchall():
        cells = cells_of(bytes(raw).decode(settings.encoding), settings.delimiter)
        found = [
            NUMBER.fullmatch(cells[place].strip(NO_DIGITS)) if place < len(cells) else None
            for place in places
        ]
        if found[LOG] and found[LINE]:
            values = {"origin_log_id": int(found[LOG][1]), "origin_line": int(found[LINE][1])}
            conn.execute(sql.add_origin, values | {"line_number": line_number})
    return conn.execute(sql.count_origins).fetchone()[0] == content.rows


def claim(
    conn: Connection,
    log_id: int,
    kind: Kind,
    content: Content,
    judged: Judged,
    settings: Settings,
    *,
    scope: str,
) -> Judged:
    """Take the lines that good rows stand for; rows whose line is taken leave the resolved table.

    Each of those is noted as ALREADY_REPAIRED or refused. `force` does not reach them. A balance without asOf
    is one of the time its file was applied: movements since stay on top, and it is refused where a later
    file has set the facility (with force it is a figure of now). scope: what the rows are about, by column.
    """
    rows = resolved_table(log_id)
    dated = kind.balances and not settings.force
    values = {"log_id": log_id, "config_id": settings.config_id}
    locks.hold(conn, *(locks.IMPORT_REPAIR.of(origin) for (origin,) in conn.execute(sql.origins)))
    conn.execute(sql.free_void)
    newer = composed.SQL(sql.newer_reset if dated else sql.nothing_newer)
    filled(conn, sql.judge_origins, values, rows=rows, newer=newer.format(log_id=composed.Literal(log_id)))
    conn.execute(sql.note_origins, values)
    repeated = conn.execute(sql.note_repaired, values).rowcount
    filled(conn, sql.refuse, {})
    refused = staging.set_refused_aside(conn, log_id, content.header, settings.delimiter)
    filled(conn, sql.drop_returned, {}, rows=rows)
    _set_moments(conn, kind, settings, values, rows)
    if repeated or refused:
        log.warning(
            "log %s: %s rows were repaired before, %s are refused as repairs", log_id, repeated, refused
        )
    groups, bad = staging.count_groups(conn, log_id, scope)
    return replace(judged, groups=groups, bad=bad)


def claim_again(conn: Connection, log_id: int, kind: Kind, settings: Settings) -> None:
    """Treat the rows of a log that is landed once more as when it was landed first."""
    rows, values = resolved_table(log_id), {"log_id": log_id}
    filled(conn, sql.drop_known, values, rows=rows)
    _set_moments(conn, kind, settings, values, rows)


def _set_moments(
    conn: Connection, kind: Kind, settings: Settings, values: dict[str, Any], rows: composed.Identifier
) -> None:
    """Let repaired lines be of the time of their file, not of that of their repair."""
    if kind.dated:
        filled(conn, sql.limit_moments, values, rows=rows)
    if kind.balances and not settings.force:
        filled(conn, sql.date_figures, values, rows=rows)


def release(conn: Connection, log_id: int) -> None:
    """Give back the lines that rows in `import_refused` have taken."""
    conn.execute(sql.release, {"log_id": log_id})


def forget(conn: Connection, log_id: int) -> None:
    """Forget what a landing that was broken off has noted."""
    conn.execute(sql.forget, {"log_id": log_id})
