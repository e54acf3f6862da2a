"""The staged rows of a file: copied as they came into an unlogged table, whatever its type.

What the rows mean, and which of them are bad, is the file type's to say (`oms.imports.file_types`).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql as composed

from oms.database import Connection, statements
from oms.imports.cleaning import NO_QUOTE, SEPARATOR
from oms.imports.contracts import FileContract, Header, read_header
from oms.imports.errors import FileRefused, TooManyRejects
from oms.imports.jobs import Settings
from oms.imports.lines import (
    MAX_LINE_BYTES,
    ROW_COUNT,
    ROW_COUNT_MESSAGE,
    ROW_COUNT_PATTERN,
    TOO_FEW,
    TOO_MANY,
    LineSorter,
    Sorted,
)
from oms.texts import BLANKS

sql = statements(__file__)

SCHEMA = "oms_staging"
FACILITY = "facility_id"
"""The scope of rows about stock."""
KINDS = ("file", "rows", "agreeing", "products")
"""Tables that a log may have: the landed rows, the resolved ones, and what `prefilter` keeps."""
ODD_BYTES_AT_ONCE = 4 << 20
BOM = b"\xef\xbb\xbf"
WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Content:
    """What was copied from a file."""

    header: Header | None
    """None: the file is empty."""
    rows: int
    compared: Any = None
    """What took some of the rows while they streamed by, if anything did (`FileType.compare`)."""


@dataclass(frozen=True)
class Group:
    """The good rows of one group of a file about one thing: at one facility, of one order."""

    key: str
    scope: str
    rows: int


@dataclass(frozen=True)
class Judged:
    """What a file type found: its good rows in groups, how many rows are bad."""

    groups: list[Group]
    bad: int
    positional: bool
    """Rows that change the same thing always have the same group key, so that files may share chunks."""


class Joint(int):
    """The number of staging tables that several files share: that of one of their logs.

    There a line is numbered `log id << 32 | line`, so that files follow each other as they came.
    """

    def __str__(self) -> str:
        return f"{int(self)}_joint"


def own_log(log_id: int) -> dict[str, int | None]:
    """The parameter `log_id` of statements about lines: null where each line tells its log itself."""
    return {"log_id": None if isinstance(log_id, Joint) else log_id}


def landed_table(log_id: int) -> composed.Identifier:
    """The rows of a log as they came."""
    return composed.Identifier(SCHEMA, f"file_{log_id!s}")


def resolved_table(log_id: int) -> composed.Identifier:
    """The rows of a log with ids and verdicts: at least line_number, group_key, error_code and a scope.

    A file type may leave rows out that it accounts for otherwise.
    """
    return composed.Identifier(SCHEMA, f"rows_{log_id!s}")


def rows_of(log_id: int, staged_with: int | None) -> composed.Composable:
    """What a statement that only reads the resolved rows of a log reads them from."""
    if staged_with is None:
        return resolved_table(log_id)
    return composed.SQL("(select * from {} where line_number >> 32 = {})").format(
        resolved_table(Joint(staged_with)), composed.Literal(log_id)
    )


def filled(
    conn: Connection, statement: str, params: dict[str, Any], **names: composed.Composable
) -> psycopg.Cursor:
    """Run a statement whose names are filled in; parameters go in as literals, as `create table as` needs."""
    cursor = psycopg.ClientCursor(conn)
    return cursor.execute(composed.SQL(statement).format(**names), params)


def drop(conn: Connection, log_id: int) -> None:
    """Remove the staged rows of a log."""
    for kind in KINDS:
        table = composed.Identifier(SCHEMA, f"{kind}_{log_id!s}")
        conn.execute(composed.SQL("drop table if exists {}").format(table))


def copy_in(
    conn: Connection,
    log_id: int,
    pieces: Iterable[bytes],
    contract: FileContract,
    settings: Settings,
    *,
    whole: bool,
    doubted: Callable[[], bool] = lambda: False,
    compare: Callable[[Header, bytes], Any] | None = None,
) -> Content:
    """Copy the text of a file into its staging table, inside the caller's transaction.

    `whole`: a file that ends in the middle of a line is refused (delta files, inventory.md 3.5), unless it is
    `doubted`, asked at the end: a person decides on it then.
    `compare`: is given the header and the first lines; what it returns, if not None, has a `prefilter`, and
    the lines that this takes are not copied.

    Raises:
        FileRefused: the file as a whole is at fault; nothing of it may be kept.
        TooManyRejects: so are most of its lines; the staging table has those that were read.
    """
    rest = iter(pieces)
    first_line, beginning = _first_line(rest)
    if first_line is None:
        return Content(None, 0)
    text = _decoded_header(first_line, settings.encoding)
    header = read_header(text, settings.delimiter, contract)
    beginning = beginning or next(rest, b"")
    compared = compare(header, beginning) if compare else None
    sorter = _sorter(header, settings, compared.prefilter if compared else None)
    _make_landed(conn, log_id, header)
    _copy_lines(conn, log_id, header, sorter, _chained(beginning, rest), settings.max_rejects)
    _refuse_unfinished(sorter, settings, whole=whole, taken_whole=not doubted())
    _refuse_unlike_repetition(conn, log_id, header)
    return Content(header, sorter.rows, compared)


def _sorter(header: Header, settings: Settings, prefilter: Any = None) -> LineSorter:
    return LineSorter(
        len(header.fields),
        settings.delimiter,
        settings.encoding,
        integer_column=figure_position(header),
        prefilter=prefilter,
        most_lines=settings.max_lines,
    )


def _make_landed(conn: Connection, log_id: int, header: Header) -> None:
    drop(conn, log_id)
    columns = [
        composed.SQL("{} text,").format(composed.Identifier(name))
        for name in (*header.contract.fields, *header.extra)
    ]
    filled(conn, sql.create_landed, {}, landed=landed_table(log_id), columns=composed.SQL(" ").join(columns))


def _refuse_unfinished(
    sorter: LineSorter, settings: Settings, *, whole: bool, taken_whole: bool = True
) -> None:
    if whole and taken_whole:
        _refuse_cut_off(sorter)
    if sorter.unterminated and sorter.rows and settings.require_final_newline and taken_whole:
        raise FileRefused(
            "ERR_TRUNCATED",
            "the file does not end with a line end, so its last row may be cut off; send it again, or set "
            "requireFinalNewline to false",
        )


@dataclass(frozen=True)
class Lines:
    """The lines of a small file, sorted and ready to be copied beside those of others."""

    header: Header
    plain: bytes
    rows: int


def sort_lines(
    log_id: int, text: Iterator[bytes], contract: FileContract, settings: Settings, *, whole: bool
) -> Lines | None:
    """Sort a whole small file, its lines numbered as `Joint` tables have them; None if not all are plain.

    Raises FileRefused like `copy_in`.
    """
    first_line, beginning = _first_line(text)
    if first_line is None:
        return None
    header = read_header(_decoded_header(first_line, settings.encoding), settings.delimiter, contract)
    sorter = _sorter(header, settings)
    blocks = list(_sorted(sorter, _chained(beginning, text)))
    _refuse_unfinished(sorter, settings, whole=whole)
    if any(block.cleaned or block.misshapen or block.odd for block in blocks):
        return None
    plain = [_renumbered(block.plain, log_id << 32, settings.delimiter.encode()) for block in blocks]
    return Lines(header, b"".join(plain), sorter.rows)


def _renumbered(plain: bytes, base: int, separator: bytes) -> bytes:
    """Lines for COPY, their first column moved up."""
    lines = []
    for line in plain.splitlines(keepends=True):
        number, _, cells = line.partition(separator)
        lines.append(b"%d%s%s" % (base + int(number), separator, cells))
    return b"".join(lines)


def copy_sorted(conn: Connection, joint: Joint, files: Iterable[Lines], settings: Settings) -> None:
    """Copy small files of one header into tables that they share, inside the caller's transaction."""
    together = list(files)
    header = together[0].header
    _make_landed(conn, joint, header)
    with conn.cursor().copy(_plain_copy(joint, header, settings.delimiter)) as copy:
        for lines in together:
            copy.write(lines.plain)


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
        raise FileRefused("ERR_ENCODING", "the file is UTF-16; set encoding to utf-16, or save it as UTF-8")
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
    conn: Connection,
    log_id: int,
    header: Header,
    sorter: LineSorter,
    pieces: Iterator[bytes],
    max_rejects: int,
) -> None:
    """COPY plain lines as they are and, whenever some MB have gathered, what became of the odd ones."""
    plain = _plain_copy(log_id, header, sorter.delimiter)
    blocks = _sorted(sorter, pieces)
    more = True
    while more:
        odd = Sorted()
        waiting = 0
        more = False
        with conn.cursor().copy(plain) as copy:
            for block in blocks:
                if block.plain:
                    copy.write(block.plain)
                odd.add_odd(block)
                waiting += len(block.cleaned) + len(block.misshapen)
                waiting += sum(len(line.raw) + 200 for line in block.odd)
                if waiting > ODD_BYTES_AT_ONCE or sorter.misshapen > max_rejects:
                    more = True
                    break
        _copy_odd(conn, log_id, header, odd)
        if sorter.misshapen > max_rejects:
            raise TooManyRejects(header.text, sorter.rows, max_rejects)


def _names(names: Iterable[str]) -> composed.Composable:
    return composed.SQL(", ").join(map(composed.Identifier, names))


def _plain_copy(log_id: int, header: Header, delimiter: str) -> composed.Composed:
    return composed.SQL(
        "copy {} (line_number, {}) from stdin (format csv, freeze, encoding 'UTF8', delimiter {})"
    ).format(landed_table(log_id), _names(plain_fields(header)), composed.Literal(delimiter))


def figure_position(header: Header) -> int | None:
    """Which column of a file is COPYed as a number; None if there is none, or two to be compared as text."""
    figure = header.contract.figure
    if figure not in header.fields or any(first == figure for _, first in header.repeated):
        return None
    return header.fields.index(figure)


def plain_fields(header: Header) -> tuple[str, ...]:
    """The staging columns of plain lines: a figure goes to `units`, as a number."""
    position = figure_position(header)
    return tuple("units" if place == position else name for place, name in enumerate(header.fields))


def _sorted(sorter: LineSorter, pieces: Iterator[bytes]) -> Iterator[Any]:
    for piece in pieces:
        yield from sorter.feed(piece)
    yield from sorter.finish()


def _copy_odd(conn: Connection, log_id: int, header: Header, odd: Sorted) -> None:
    landed, fields = landed_table(log_id), _names(header.fields)
    form = composed.SQL("from stdin (format csv, encoding 'UTF8', delimiter {}, quote {})").format(
        composed.Literal(SEPARATOR.decode()), composed.Literal(NO_QUOTE.decode())
    )
    if odd.cleaned:
        _copy(
            conn, composed.SQL("copy {} (line_number, raw, {}) {}").format(landed, fields, form), odd.cleaned
        )
    if odd.misshapen:
        conn.execute(sql.make_misshapen)
        _copy(conn, composed.SQL("copy import_misshapen {}").format(form), odd.misshapen)
        values = {
            "columns": len(header.fields),
            "too_few": TOO_FEW,
            "too_many": TOO_MANY,
            "row_count": ROW_COUNT,
            "row_count_pattern": ROW_COUNT_PATTERN,
            "row_count_message": ROW_COUNT_MESSAGE,
        }
        filled(conn, sql.add_misshapen, values, landed=landed)
        conn.execute(sql.forget_misshapen)
    if odd.odd:
        statement = composed.SQL("copy {} (line_number, raw, error_code, error_message) from stdin")
        with conn.cursor().copy(statement.format(landed)) as copy:
            for line in odd.odd:
                copy.write_row((line.number, line.raw, line.code, line.message))


def _copy(conn: Connection, statement: composed.Composable, text: bytes) -> None:
    with conn.cursor().copy(statement) as copy:
        copy.write(text)


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


def raw_line(header: Header, delimiter: str) -> composed.Composable:
    """The bytes of a plain line, put together again; those of an odd line are kept in `raw`."""
    cells = [
        composed.SQL("coalesce(landed.{}::text, '')").format(composed.Identifier(name))
        for name in plain_fields(header)
    ]
    return composed.SQL("convert_to(array_to_string(array[{}], {}), 'UTF8')").format(
        composed.SQL(", ").join(cells), composed.Literal(delimiter)
    )


def columns_of(header: Header, fields: Iterable[str]) -> composed.Composable:
    """These fields of the landed rows, null where the file has none; and its columns that nobody knows."""
    known = [
        composed.Identifier(field)
        if field in header.fields
        else composed.SQL("null::text as {}").format(composed.Identifier(field))
        for field in fields
    ]
    return composed.SQL(", ").join(known + [composed.Identifier(name) for name in header.extra])


def trim(conn: Connection, landed: composed.Identifier, header: Header, settings: Settings) -> None:
    """Leave the identifiers of landed rows in the form in which they are compared; again changes nothing."""
    names = [composed.Identifier(field) for field in header.contract.identifiers if field in header.fields]
    if not names:
        return
    trimmed, suspects = (
        [composed.SQL(part).format(name=name) for name in names] for part in (sql.trimmed, sql.suspect)
    )
    filled(
        conn,
        sql.trim,
        {"blanks": BLANKS},
        landed=landed,
        raw=raw_line(header, settings.delimiter),
        trimmed=composed.SQL(", ").join(trimmed),
        suspects=composed.SQL(" or ").join(suspects),
    )


def content_of(header: Header) -> composed.Composable:
    """What a landed row says, as JSON: equal however its cells were ordered or quoted."""
    figure = header.contract.figure
    parts = [
        composed.SQL("{}, {}").format(
            composed.Literal(field),
            composed.SQL("coalesce(units::text, {})").format(composed.Identifier(field))
            if field == figure
            else composed.Identifier(field),
        )
        for field in header.contract.fields
    ]
    return composed.SQL("jsonb_strip_nulls(jsonb_build_object({}))").format(composed.SQL(", ").join(parts))


def set_misshapen_aside(conn: Connection, log_id: int, most: int) -> None:
    """Write the first lines that are no rows to oms.import_reject; the last of them says that more follow."""
    filled(conn, sql.set_misshapen_aside, {"log_id": log_id, "most": most}, landed=landed_table(log_id))


def set_refused_aside(conn: Connection, log_id: int, header: Header, delimiter: str) -> int:
    """Move the rows of import_refused (a temporary table, dropped here) to the rejects; return how many."""
    refused = filled(
        conn,
        sql.set_refused_aside,
        own_log(log_id),
        landed=landed_table(log_id),
        raw=raw_line(header, delimiter),
    ).rowcount
    conn.execute(sql.forget_refused)
    return refused


def known_reject(log_id: int, *, again: bool, row: str = "matched") -> composed.Composable:
    """Whether a row was rejected when its file was landed before: then it stays rejected."""
    if not again:
        return composed.SQL("false")
    return composed.SQL(sql.known_reject).format(
        log_id=composed.Literal(log_id), row=composed.Identifier(row)
    )


def count_groups(conn: Connection, log_id: int, scope: str = FACILITY) -> tuple[list[Group], int]:
    """The groups of a log's good rows, and how many bad rows it has; scope: what the rows are about."""
    found = filled(
        conn, sql.count_groups, {}, resolved=resolved_table(log_id), scope=composed.Identifier(scope)
    ).fetchall()
    groups = [Group(key or "", about, good) for key, about, good, _ in found if good]
    if any(group.scope is None for group in groups):
        raise ValueError(f"log {log_id}: good rows without {scope}; their file type must refuse them")
    return groups, sum(bad for *_, bad in found)


def set_faults_aside(conn: Connection, log_id: int, header: Header, settings: Settings) -> int:
    """Write the bad rows of a type whose verdict says all to oms.import_reject; return how many are new.

    Its resolved table has error_column and error_message beside error_code.
    """
    return filled(
        conn,
        sql.set_faults_aside,
        {"log_id": log_id},
        landed=landed_table(log_id),
        resolved=resolved_table(log_id),
        raw=raw_line(header, settings.delimiter),
    ).rowcount


def is_staged(conn: Connection, log_id: int) -> bool:
    """Whether the staged rows of a log with good rows are still there."""
    return any(
        conn.execute(sql.staging_exists, {"table": f"{kind}_{log_id!s}"}).fetchone()[0]
        and filled(
            conn, sql.has_staged_rows, {}, rows=composed.Identifier(SCHEMA, f"{kind}_{log_id!s}")
        ).fetchone()[0]
        for kind in ("file", "agreeing")
    )
