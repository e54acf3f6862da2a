"""The staged rows of one balance file: copied into an unlogged table, then resolved with a verdict each."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql as composed

from oms.database import Connection, statements
from oms.imports.contracts import FileContract, Header, match_key, read_header
from oms.imports.errors import FileRefused
from oms.imports.jobs import Settings
from oms.imports.lines import MAX_LINE_BYTES, LineSorter, OddLine

sql = statements(__file__)

ODD_BYTES_AT_ONCE = 4 << 20
BOM = b"\xef\xbb\xbf"
WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff")
FIELDS = (
    "facility_id", "external_facility_id", "location_seq_id", "id_type", "id_value", "product_id", "quantity",
    "reset_by_atp", "reason", "comments", "as_of",
)  # fmt: skip
FACILITY_FIELDS = ("facility_id", "external_facility_id")
PRODUCT_FIELDS = ("id_value", "product_id")


@dataclass(frozen=True)
class Content:
    """What was copied from a file."""

    header: Header | None
    """None: the file is empty."""
    rows: int


@dataclass(frozen=True)
class Group:
    """The good rows of one group of a file at one facility."""

    key: str
    facility_id: str
    rows: int


def landed_table(log_id: int) -> composed.Identifier:
    """The rows of a log as they came."""
    return composed.Identifier("oms_staging", f"file_{log_id}")


def resolved_table(log_id: int) -> composed.Identifier:
    """The rows of a log with ids and verdicts."""
    return composed.Identifier("oms_staging", f"rows_{log_id}")


def filled(
    conn: Connection, statement: str, params: dict[str, Any], **names: composed.Composable
) -> psycopg.Cursor:
    """Run a statement whose names are filled in; parameters go in as literals, as `create table as` needs."""
    cursor = psycopg.ClientCursor(conn)
    return cursor.execute(composed.SQL(statement).format(**names), params)


def drop(conn: Connection, log_id: int) -> None:
    """Remove the staged rows of a log."""
    for table in (landed_table(log_id), resolved_table(log_id)):
        conn.execute(composed.SQL("drop table if exists {}").format(table))


def copy_in(
    conn: Connection,
    log_id: int,
    pieces: Iterable[bytes],
    contract: FileContract,
    settings: Settings,
    *,
    whole: bool,
) -> Content:
    """Copy the text of a file into its staging table, inside the caller's transaction.

    `whole`: a file that ends in the middle of a line is refused (delta files, inventory.md 3.5).

    Raises:
        FileRefused: the file as a whole is at fault; nothing of it may be kept.
    """
    rest = iter(pieces)
    first_line, beginning = _first_line(rest)
    if first_line is None:
        return Content(None, 0)
    text = _decoded_header(first_line, settings.encoding)
    header = read_header(text, settings.delimiter, contract)
    sorter = LineSorter(
        len(header.fields), settings.delimiter, settings.encoding, integer_column=quantity_position(header)
    )
    drop(conn, log_id)
    extra = [composed.SQL("{} text,").format(composed.Identifier(name)) for name in header.extra]
    filled(conn, sql.create_landed, {}, landed=landed_table(log_id), extra=composed.SQL(" ").join(extra))
    _copy_lines(conn, log_id, header, sorter, _chained(beginning, rest))
    if whole:
        _refuse_cut_off(sorter)
    if sorter.unterminated and sorter.rows and settings.require_final_newline:
        raise FileRefused(
            "ERR_TRUNCATED",
            "the file does not end with a line end, so its last row may be cut off; send it again, or set "
            "requireFinalNewline to false",
        )
    _refuse_unlike_repetition(conn, log_id, header)
    return Content(header, sorter.rows)


def _chained(beginning: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield beginning
    yield from rest


def _first_line(pieces: Iterator[bytes]) -> tuple[bytes | None, bytes]:
    """The header without its BOM and line end, None for an empty file; and what follows it."""
    head = b""
    for piece in pieces:
        head += piece
        if b"\n" in piece or len(head) > MAX_LINE_BYTES:
            break
    if head.startswith(WIDE_BOMS):
        raise FileRefused("ERR_ENCODING", "the file is UTF-16; save it as CSV in UTF-8")
    line, _, rest = head.removeprefix(BOM).partition(b"\n")
    line = line.removesuffix(b"\r")
    if len(line) > MAX_LINE_BYTES:
        raise FileRefused(
            "ERR_LINE_TOO_LONG", f"line 1 is longer than {MAX_LINE_BYTES} bytes; it must be a header"
        )
    if b"\r" in line:
        raise FileRefused("ERR_FORMAT", "the lines end with CR only; save the file with LF or CRLF line ends")
    if b"\0" in line:
        raise FileRefused(
            "ERR_ENCODING",
            "line 1 contains a NUL byte; the file is binary or UTF-16: save it as CSV in UTF-8",
        )
    if not line.strip() and not rest.strip():
        return None, b""
    return line, rest


def _decoded_header(line: bytes, encoding: str) -> str:
    try:
        return line.decode(encoding)
    except UnicodeDecodeError as error:
        raise FileRefused(
            "ERR_ENCODING",
            f"line 1: byte 0x{line[error.start]:02x} is not {encoding}; name the file's encoding",
        ) from error


def _copy_lines(
    conn: Connection, log_id: int, header: Header, sorter: LineSorter, pieces: Iterator[bytes]
) -> None:
    """COPY plain lines as they are and, whenever some MB have gathered, the odd ones parsed."""
    names = [composed.Identifier(name) for name in header.fields]
    plain_names = [composed.Identifier(name) for name in plain_fields(header)]
    plain = composed.SQL(
        "copy {} (line_number, {}) from stdin (format csv, freeze, encoding 'UTF8', delimiter {})"
    ).format(landed_table(log_id), composed.SQL(", ").join(plain_names), composed.Literal(sorter.delimiter))
    blocks = _sorted(sorter, pieces)
    more = True
    while more:
        odd: list[OddLine] = []
        waiting = 0
        more = False
        with conn.cursor().copy(plain) as copy:
            for block in blocks:
                if block.plain:
                    copy.write(block.plain)
                odd += block.odd
                waiting += sum(len(line.raw) + 200 for line in block.odd)
                if waiting > ODD_BYTES_AT_ONCE:
                    more = True
                    break
        if odd:
            _copy_odd(conn, log_id, names, odd)


def quantity_position(header: Header) -> int | None:
    """Which column of a file is COPYed as a number; None if it stands twice and must be compared as text."""
    if any(first == "quantity" for _, first in header.repeated):
        return None
    return header.fields.index("quantity")


def plain_fields(header: Header) -> tuple[str, ...]:
    """The staging columns of plain lines: a figure goes to `units`, as a number."""
    position = quantity_position(header)
    return tuple("units" if place == position else name for place, name in enumerate(header.fields))


def _sorted(sorter: LineSorter, pieces: Iterator[bytes]) -> Iterator[Any]:
    for piece in pieces:
        yield from sorter.feed(piece)
    yield from sorter.finish()


def _copy_odd(conn: Connection, log_id: int, names: list[composed.Identifier], odd: list[OddLine]) -> None:
    statement = composed.SQL("copy {} (line_number, {}, raw, error_code, error_message) from stdin").format(
        landed_table(log_id), composed.SQL(", ").join(names)
    )
    nothing = [None] * len(names)
    with conn.cursor().copy(statement) as copy:
        for line in odd:
            copy.write_row((line.number, *(line.cells or nothing), line.raw, line.code, line.message))


def _refuse_cut_off(sorter: LineSorter) -> None:
    if (line := sorter.cut_off) is not None:
        raise FileRefused(
            "ERR_TRUNCATED",
            f"line {line.number}: {line.message}; the file seems to be cut off, send it again",
        )


def _refuse_unlike_repetition(conn: Connection, log_id: int, header: Header) -> None:
    for second, first in header.repeated:
        found = filled(
            conn,
            sql.repeated_column_differs,
            {},
            landed=landed_table(log_id),
            first=composed.Identifier(first),
            second=composed.Identifier(second),
        ).fetchone()
        if found:
            name = header.names[header.fields.index(second)]
            raise FileRefused(
                "ERR_HEADER",
                f"column {name} stands twice, and line {found[0]} has different values in it: "
                f"{found[1]!r} and {found[2]!r}; remove one of the columns",
            )


def resolve(conn: Connection, log_id: int, content: Content, settings: Settings, *, again: bool) -> None:
    """Look up the ids of every landed row, give it its verdict, and set the bad rows aside.

    `again`: the file was landed before; what was rejected then stays rejected.
    """
    assert content.header is not None
    known_reject = composed.SQL("false")
    if again:
        known_reject = composed.SQL(
            "exists (select from oms.import_reject as known"
            " where known.log_id = {} and known.line_number = matched.line_number)"
        ).format(composed.Literal(log_id))
    columns = [
        composed.Identifier(field)
        if field in content.header.fields
        else composed.SQL("null::text as {}").format(composed.Identifier(field))
        for field in FIELDS
    ]
    spellings = _id_types(conn, log_id, content.header)
    (default_id_type,) = conn.execute(
        sql.default_id_type, {"default_id_type": settings.default_id_type}
    ).fetchone()
    made = filled(
        conn,
        sql.resolve,
        {
            "location": settings.location_seq_id,
            "default_id_type": default_id_type,
            "excluded": list(settings.excluded_product_types),
            "by_atp": settings.reset_by_atp,
            "spellings": list(spellings),
            "spelled_types": list(spellings.values()),
        },
        landed=landed_table(log_id),
        resolved=resolved_table(log_id),
        columns=composed.SQL(", ").join(
            columns + [composed.Identifier(name) for name in content.header.extra]
        ),
        group_key=group_key(content.header, settings.group_by),
        known_reject=known_reject,
        **_joins(content.header),
    )
    if made.rowcount != content.rows:
        filled(conn, sql.mark_ambiguous, {}, resolved=resolved_table(log_id))


def _id_types(conn: Connection, log_id: int, header: Header) -> dict[str, str]:
    """The identifier types that the rows name, by spelling."""
    if "id_type" not in header.fields:
        return {}
    return dict(filled(conn, sql.id_types, {}, landed=landed_table(log_id)).fetchall())


def _joins(header: Header) -> dict[str, composed.Composable]:
    """The lookups that a file needs; one without a column would cost 0.1 s per million rows."""
    wanted = {
        "external_join": "external_facility_id",
        "spelling_join": "id_type",
        "location_join": "location_seq_id",
        "product_join": "product_id",
        "reason_join": "reason",
    }
    return {
        join: composed.SQL(getattr(sql, join if field in header.fields else f"no_{join}")).format()
        for join, field in wanted.items()
    }


def is_positional(header: Header | None, group_by: str | None) -> bool:
    """Whether equal positions always have equal group keys, so that files may share chunks."""
    if header is None or group_by is None or header.field_of(group_by) is None:
        return True
    return header.field_of(group_by) in (*FACILITY_FIELDS, *PRODUCT_FIELDS, "location_seq_id")


def group_key(header: Header, group_by: str | None) -> composed.Composable:
    """The expression for the key of a row (inventory.md 3.4).

    A facility or product column stands for what it resolves to; a column that the file does not have, and a
    blank cell, for the facility.
    """
    if group_by is None:
        return composed.SQL("null::text")
    field = header.field_of(group_by)
    if (
        field is None
        or field in FACILITY_FIELDS
        or match_key(group_by) in ("facilityid", "externalfacilityid")
    ):
        return composed.SQL("own_facility_id")
    if field in PRODUCT_FIELDS:
        return composed.SQL("own_product_id::text")
    if field == "location_seq_id":
        return composed.SQL("own_location_seq_id")
    return composed.SQL("coalesce({}, own_facility_id)").format(composed.Identifier(field))


def count_groups(conn: Connection, log_id: int) -> tuple[list[Group], int]:
    """The groups of a log's good rows, and how many bad rows it has."""
    found = filled(conn, sql.count_groups, {}, resolved=resolved_table(log_id)).fetchall()
    groups = [Group(key or "", facility, good) for key, facility, good, _ in found if good]
    return groups, sum(bad for *_, bad in found)


def set_rejects_aside(
    conn: Connection, log_id: int, header: Header, contract: FileContract, settings: Settings
) -> int:
    """Write the bad rows to oms.import_reject; return how many were not there before."""
    return filled(
        conn,
        sql.set_rejects_aside,
        {
            "log_id": log_id,
            "default_id_type": settings.default_id_type,
            "quantity_column": contract.column_of("quantity"),
            "as_of_column": contract.column_of("as_of"),
            "reason_column": contract.column_of("reason"),
        },
        landed=landed_table(log_id),
        resolved=resolved_table(log_id),
        raw=raw_line(header, settings.delimiter),
    ).rowcount


def raw_line(header: Header, delimiter: str) -> composed.Composable:
    """The bytes of a plain line, put together again; those of an odd line are kept in `raw`."""
    cells = [
        composed.SQL("coalesce(landed.{}::text, '')").format(composed.Identifier(name))
        for name in plain_fields(header)
    ]
    return composed.SQL("convert_to(array_to_string(array[{}], {}), 'UTF8')").format(
        composed.SQL(", ").join(cells), composed.Literal(delimiter)
    )
