"""Large resets: rows that agree with their positions are counted, and only the others resolved one by one.

Most rows of a daily reset say what the OMS knows already. What makes a position differ later is an entry of
the ledger, and the entries that the comparison has not seen are found by the visibility of their
transactions: `bring_back` resolves the rows of those positions too, from the landed rows and with the places
and products of then. A file that names a position twice is resolved row by row.
"""

from typing import Any

from psycopg import sql as composed

from oms.database import Connection, statements
from oms.imports import balances, lookups, positions, repairs, staging
from oms.imports.contracts import FileContract, Header, read_header
from oms.imports.jobs import Settings
from oms.imports.outcome import Part
from oms.imports.staging import Content, Group, Judged, filled, landed_table, resolved_table

sql = statements(__file__)

WORTH_ROWS = 100_000
"""From this many rows on, comparing first costs less than it saves."""


def is_worth_it(content: Content, settings: Settings) -> bool:
    """Whether a file is large, and its rows are nothing but figures of now."""
    header = content.header
    return (
        header is not None
        and content.rows >= WORTH_ROWS
        and not settings.counting
        and "as_of" not in header.fields
        and not repairs.is_repair(header, "reset")
    )


def _table(kind: str, log_id: int) -> composed.Identifier:
    return composed.Identifier(staging.SCHEMA, f"{kind}_{log_id}")


def judge(conn: Connection, log_id: int, content: Content, settings: Settings, *, again: bool) -> Judged:
    """Compare all rows with their positions; resolve like `balances.judge` those that do not agree."""
    landed = landed_table(log_id)
    judging = balances.judging_of(conn, log_id, content.header, settings, landed, again=again)
    kept = _keep_names(conn, log_id, judging)
    agreeing = _table("agreeing", log_id)
    (count,) = conn.execute(sql.count_positions).fetchone()
    mark, database = conn.execute(sql.seen).fetchone()
    filled(
        conn,
        sql.survey,
        judging.values | {"mark": mark, "database": database},
        agreeing=agreeing,
        judged=judging.judged(**kept),
    )
    named_twice, rows = filled(conn, sql.look, {"positions": count}, agreeing=agreeing).fetchone()
    if named_twice:
        filled(conn, sql.forget_agreeing, {}, agreeing=agreeing)
        return balances.judge(conn, log_id, content, settings, again=again)
    others = composed.SQL(sql.others).format(landed=landed, agreeing=agreeing)
    balances.resolve_rows(conn, log_id, judging, rows, source=others)
    groups, bad = staging.count_groups(conn, log_id)
    found = filled(conn, sql.groups, {}, agreeing=agreeing).fetchall()
    groups += [Group(key or "", facility, rows) for key, facility, rows in found]
    return Judged(groups, bad, lookups.is_positional(content.header, settings.group_by))


def _keep_names(conn: Connection, log_id: int, judging: balances.Judging) -> dict[str, composed.Composable]:
    """Keep what the rows call places and products as it is now; return the sources to judge them by."""
    tables = {"places": _table("places", log_id), "products": _table("products", log_id)}
    for kind, table in tables.items():
        filled(
            conn,
            getattr(sql, f"keep_{kind}"),
            judging.values,
            table=table,
            **{kind: judging.names[kind]},
        )
        conn.execute(composed.SQL("analyze {}").format(table))
    return {kind: composed.SQL("select * from {}").format(table) for kind, table in tables.items()}


def bring_back(conn: Connection, part: Part, settings: Settings, contract: FileContract) -> int:
    """Resolve the rows of the part whose positions have moved since; return how many are still left out."""
    if not conn.execute(sql.exists, {"log_id": part.log_id}).fetchone()[0]:
        return 0
    names = {"agreeing": _table("agreeing", part.log_id), "in_part": positions.in_part(part)}
    rows, mark = filled(conn, sql.count, {}, **names).fetchone()
    if not rows:
        return 0
    conn.execute(sql.forget)
    if not filled(conn, sql.find_moved, {"mark": mark}).rowcount:
        return rows
    (text,) = conn.execute(positions.sql.read_header, {"log_id": part.log_id}).fetchone()
    header = read_header(text, settings.delimiter, contract)
    _find_candidates(conn, part.log_id, header)
    candidates = composed.Identifier("import_candidate")
    judging = balances.judging_of(conn, part.log_id, header, settings, candidates, again=False)
    back = filled(
        conn,
        sql.bring_back,
        judging.values,
        resolved=resolved_table(part.log_id),
        in_part=names["in_part"],
        judged=judging.judged(
            places=composed.SQL("select * from {}").format(_table("places", part.log_id)),
            products=composed.SQL("select * from {}").format(_table("products", part.log_id)),
        ),
    ).rowcount
    return rows - back


def _find_candidates(conn: Connection, log_id: int, header: Header) -> None:
    """Copy the landed rows that name a moved product; a list in the statement itself is hashed."""
    found = filled(conn, sql.moved_products, {}, products=_table("products", log_id)).fetchone()
    named = {"product_id": found[0], "id_value": found[1]}
    values: dict[str, Any] = {field: named[field] for field in named if field in header.fields}
    conditions = [
        composed.SQL("{} = any({}::text[])").format(composed.Identifier(field), composed.Placeholder(field))
        for field in values
    ]
    filled(
        conn,
        sql.find_candidates,
        values,
        landed=landed_table(log_id),
        named=composed.SQL(" or ").join(conditions),
    )
