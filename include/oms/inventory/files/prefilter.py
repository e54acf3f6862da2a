"""Large resets: rows that agree with their positions are counted, and only the others resolved one by one.

Most rows of a daily reset say what the OMS knows already: a pre-filter leaves them out as they stream by.
What makes a position differ later is an entry of the ledger, and the entries that the comparison has not seen
are found by the visibility of their transactions: `bring_back` resolves the rows of those positions too, from
the lines and figures that were kept. A position that a file names twice is resolved row by row.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from psycopg import sql as composed

from oms.catalog.model import RESET
from oms.database import Connection, copy_rows, statements
from oms.imports import repairs, staging
from oms.imports.contracts import Header
from oms.imports.jobs import Settings
from oms.imports.outcome import Part
from oms.imports.prefilter_blocks import NOWHERE, Names, Prefilter
from oms.imports.staging import Content, Group, Judged, filled, landed_table, resolved_table
from oms.inventory.files import balances, confirmed, lookups, positions
from oms.inventory.files.balances import BalanceSettings

sql = statements(__file__)

WORTH_ROWS = 100_000
"""From this many rows on, comparing first costs less than it saves …"""
WORTH_SHARE = 0.1
"""… and from this share of all positions, as all of them are read for it."""
MOST_CELLS = 20_000_000
"""Places times products of a comparison: eight bytes each, of the memory that a task may use."""
MOST_NAMES = 400_000
"""Names of products that a comparison looks up, for the same reason."""
FIELDS = frozenset(("facility_id", "external_facility_id", "id_type", "id_value", "product_id", "quantity"))
SAMPLED_LINES = 5000
PACKED = 6
"""How many times longer the text of a packed file is, about."""
AT_ONCE = 10_000
MOST_PRODUCT_ID = (1 << 31) - 1
"""Of a product that fits into one number with its figure."""
Place = tuple[str, str]
"""Facility and location."""


@dataclass(frozen=True)
class Compared:
    """A pre-filter, and what its numbers stand for."""

    prefilter: Prefilter
    places: dict[Place, int]
    product_ids: np.ndarray
    """By number, ascending."""
    mark: str
    """What the comparison has seen for certain: a snapshot of transactions …"""
    database: str
    """… of this database."""


def compare(
    conn: Connection, header: Header, sample: bytes, size: int, *, packed: bool, settings: Settings
) -> Compared | None:
    """Read the positions that a file may name, ready to be compared with its lines; None: not worth it.

    sample: the beginning of the text after the header. size: bytes of the file.
    """
    lines = sample.split(b"\n", SAMPLED_LINES)[:-1] or [sample]
    rows = size * (PACKED if packed else 1) / (1 + sum(map(len, lines)) / len(lines))
    known, highest = conn.execute(sql.positions_about).fetchone()
    if rows < max(WORTH_ROWS, known * WORTH_SHARE) or not _is_plain(header, settings):
        return None
    if highest > MOST_PRODUCT_ID:
        return None
    mark, database = conn.execute(sql.seen).fetchone()
    named = _named_places(conn, header, settings)
    kinds, names = _named_products(conn, header, lines, settings)
    places = {place: number for number, place in enumerate(dict.fromkeys(place for _, place in named))}
    product_ids = np.unique(np.array([product_id for _, _, product_id in names], np.int64))
    if len(names) > MOST_NAMES or not 0 < len(places) * len(product_ids) <= MOST_CELLS:
        return None
    prefilter = Prefilter(
        _columns(header),
        Names((name, places[place]) for name, place in named),
        Names((spelling, number) for spelling, number in kinds.items() if spelling),
        [_numbered(names, kind, product_ids) for kind in range(max(kinds.values()) + 1)],
        _figures(conn, places, product_ids, "atp" if BalanceSettings.of(settings).reset_by_atp else "qoh"),
    )
    return Compared(prefilter, places, product_ids, mark, database)


def _is_plain(header: Header, settings: Settings) -> bool:
    """Whether the rows of a file are nothing but figures of now, and grouped by facility if at all."""
    fields = set(header.fields)
    return (
        fields - set(header.extra) <= FIELDS
        and staging.figure_position(header) is not None
        and len(fields & set(lookups.FACILITY_FIELDS)) == 1
        and len(fields & set(lookups.PRODUCT_FIELDS)) == 1
        and not header.repeated
        and not repairs.is_repair(header, RESET)
        and (
            settings.group_by is None
            or header.field_of(settings.group_by) in (None, *lookups.FACILITY_FIELDS)
        )
    )


def _columns(header: Header) -> dict[str, int]:
    """Which column of a line a pre-filter reads for what."""
    wanted = {
        "place": lookups.FACILITY_FIELDS,
        "product": lookups.PRODUCT_FIELDS,
        "type": ("id_type",) if "id_value" in header.fields else (),
        "figure": ("quantity",),
    }
    return {
        name: place
        for name, fields in wanted.items()
        for place, field in enumerate(header.fields)
        if field in fields
    }


def _named_places(conn: Connection, header: Header, settings: Settings) -> list[tuple[str, Place]]:
    """What the rows may call a facility, and where its stock lies."""
    name = "reference" if "facility_id" in header.fields else "external_id"
    found = filled(
        conn,
        sql.places,
        {"location": BalanceSettings.of(settings).location_seq_id},
        name=composed.Identifier(name),
        places=composed.SQL(balances.sql.places).format(**lookups.SOURCES),
    )
    return [(name, (facility_id, location_seq_id)) for name, facility_id, location_seq_id in found]


def _named_products(
    conn: Connection, header: Header, lines: list[bytes], settings: Settings
) -> tuple[dict[str, int], list[tuple[int, str, int]]]:
    """The kinds of names in these lines, by spelling; and of each kind the names, with their products.

    Kind 0 is that of rows that do not tell it.
    """
    own = BalanceSettings.of(settings)
    excluded = own.excluded_product_types
    if "product_id" in header.fields:
        found = conn.execute(sql.products_by_id, {"excluded": excluded, "most": MOST_NAMES})
        return {"": 0}, [(0, name, product_id) for name, product_id in found]
    spellings = set()
    if "id_type" in header.fields:
        place, separator = header.fields.index("id_type"), settings.delimiter.encode()
        cells = (line.split(separator, place + 1)[place : place + 1] for line in lines)
        spellings = {cell[0].decode(errors="replace") for cell in cells if cell}
    types = dict(conn.execute(sql.kinds, {"spellings": [*spellings, own.default_id_type]}).fetchall())
    numbers = {types.get(own.default_id_type): 0}
    kinds = {"": 0} | {
        spelling: numbers.setdefault(types[spelling], len(numbers)) for spelling in sorted(types)
    }
    found = filled(
        conn,
        sql.products_by_identifier,
        {"kinds": [kind for kind in numbers if kind], "excluded": excluded, "most": MOST_NAMES},
        products=lookups.SOURCES["identified_products"],
    )
    return kinds, [(numbers[kind], name, product_id) for kind, name, product_id in found]


def _numbered(names: Iterable[tuple[int, str, int]], kind: int, product_ids: np.ndarray) -> Names:
    """The names of a kind, with the number of their product among `product_ids`."""
    own = [(name, product_id) for of_kind, name, product_id in names if of_kind == kind]
    numbers = np.searchsorted(product_ids, [product_id for _, product_id in own])
    return Names((name, int(number)) for (name, _), number in zip(own, numbers, strict=True))


def _figures(conn: Connection, places: dict[Place, int], product_ids: np.ndarray, figure: str) -> np.ndarray:
    """The figures of all positions, by number of place and of product."""
    figures = np.full((len(places), len(product_ids)), NOWHERE, np.int32)
    query = composed.SQL(sql.positions).format(figure=composed.Identifier(figure))
    for facility_id, location_seq_id, array in conn.cursor(binary=True).stream(query):
        if (number := places.get((facility_id, location_seq_id))) is None:
            continue
        both = _elements(array)
        known, at = _find(product_ids, both >> 32)
        figures[number, at[known]] = both.astype(np.int32)[known]
    return figures


def _elements(array: bytes) -> np.ndarray:
    """The elements of an array of bigints, in this machine's order of bytes."""
    return confirmed.elements(array, 8).astype(np.int64)


def _find(product_ids: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which of the wanted products are among these, and their numbers."""
    at = np.minimum(np.searchsorted(product_ids, wanted), len(product_ids) - 1)
    return product_ids[at] == wanted, at


def judge(conn: Connection, log_id: int, content: Content, settings: Settings, *, again: bool) -> Judged:
    """Resolve the staged rows like `balances.judge`, and keep which others agreed."""
    compared: Compared = content.compared
    prefilter = compared.prefilter
    recalled = prefilter.recall()
    judging = balances.judging_of(conn, log_id, content.header, settings, landed_table(log_id), again=again)
    balances.resolve_rows(conn, log_id, judging, content.rows - prefilter.rows - len(recalled))
    recalled = np.concatenate((recalled, prefilter.recall(_good_after_all(conn, log_id, compared))))
    _put_back(conn, log_id, _recalled_rows(compared, recalled, settings), settings)
    groups, bad = staging.count_groups(conn, log_id)
    groups += _keep(conn, log_id, compared, settings)
    return Judged(groups, bad, lookups.is_positional(content.header, settings.group_by))


def _recalled_rows(compared: Compared, recalled: np.ndarray, settings: Settings) -> Iterator[Sequence[Any]]:
    """What a pre-filter has taken back, as `_put_back` takes it; some thousands at once, to spare memory."""
    places = list(compared.places)
    for start in range(0, len(recalled), AT_ONCE):
        for line, place, product, units in recalled[start : start + AT_ONCE].tolist():
            product_id = compared.product_ids[product].item()
            yield line, product_id, units, *places[place], _key(settings, places[place])


def _key(settings: Settings, place: Place) -> str | None:
    """The group of the rows of a place."""
    return None if settings.group_by is None else place[0]


def _good_after_all(conn: Connection, log_id: int, compared: Compared) -> np.ndarray:
    """Positions of rows unknown to the pre-filter that turned out good: named once more, perhaps."""
    unknown = compared.prefilter.unknown
    if not len(unknown) or not compared.prefilter.rows:
        return np.empty(0, np.int64)
    values = {"lines": unknown.tolist()}
    found = filled(conn, sql.good_positions, values, resolved=resolved_table(log_id)).fetchall()
    named = [(compared.places[row[:2]], row[2]) for row in found if row[:2] in compared.places]
    places, products = np.array(named, np.int64).reshape(-1, 2).T
    known, at = _find(compared.product_ids, products)
    return (places * len(compared.product_ids) + at)[known]


def _put_back(conn: Connection, log_id: int, rows: Iterable[Sequence[Any]], settings: Settings) -> int:
    """Resolve rows that were left out: line, product, units, facility, location, group; return how many."""
    conn.execute(sql.make_back)
    columns = ("line_number", "product_id", "quantity", "facility_id", "location_seq_id", "group_key")
    copy_rows(conn, "import_back", columns, rows)
    values = {"by_atp": BalanceSettings.of(settings).reset_by_atp}
    back = filled(conn, sql.put_back, values, resolved=resolved_table(log_id)).rowcount
    conn.execute(sql.forget)
    return back


def _keep(conn: Connection, log_id: int, compared: Compared, settings: Settings) -> list[Group]:
    """Store which lines agreed and with what; return their groups."""
    tables = {"agreeing": _table("agreeing", log_id), "products": _table("products", log_id)}
    for statement in sql.make_agreeing.split(";"):
        conn.execute(composed.SQL(statement).format(**tables))
    keep = composed.SQL(sql.keep_place).format(agreeing=tables["agreeing"])
    groups = []
    for place, number in compared.places.items():
        lines = np.maximum(compared.prefilter.lines[number], 0)
        if not (rows := int(np.count_nonzero(lines))):
            continue
        values = {
            "group_key": _key(settings, place),
            "facility_id": place[0],
            "location_seq_id": place[1],
            "rows": rows,
            "lines": lines.tobytes(),
            "figures": compared.prefilter.figures[number].tobytes(),
            "mark": compared.mark,
            "database": compared.database,
        }
        conn.execute(keep, values, binary=True)
        groups.append(Group(_key(settings, place) or "", place[0], rows))
    keep = composed.SQL(sql.keep_products).format(products=tables["products"])
    conn.execute(keep, {"product_ids": compared.product_ids.tobytes()})
    return groups


def _table(kind: str, log_id: int) -> composed.Identifier:
    return composed.Identifier(staging.SCHEMA, f"{kind}_{log_id}")


def bring_back(conn: Connection, part: Part, settings: Settings) -> int:
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
    kept = composed.SQL(sql.kept_products).format(products=_table("products", part.log_id))
    (ids,) = conn.execute(kept).fetchone()
    moved = conn.cursor(binary=True).execute(composed.SQL(sql.moved).format(**names)).fetchall()
    back = _moved_rows(np.frombuffer(ids, np.int64), moved)
    return rows - _put_back(conn, part.log_id, back, settings)


def confirm(conn: Connection, part: Part) -> None:
    """Keep which positions the rows of the part that agreed have named, also if they have moved since."""
    names = {"agreeing": _table("agreeing", part.log_id), "in_part": positions.in_part(part)}
    kept = composed.SQL(sql.kept_products).format(products=_table("products", part.log_id))
    (ids,) = conn.execute(kept).fetchone()
    product_ids = np.frombuffer(ids, np.int64)
    places = conn.cursor(binary=True).execute(composed.SQL(sql.agreed).format(**names)).fetchall()
    for *place, lines in places:
        named = product_ids[np.frombuffer(lines, np.int32) > 0]
        confirmed.keep(conn, part.log_id, confirmed.blocks(*place, named))


def _moved_rows(product_ids: np.ndarray, moved: Iterable[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    """The rows that agreed on products which have moved: as `_put_back` takes them."""
    for facility_id, location_seq_id, key, lines, figures, products in moved:
        known, at = _find(product_ids, _elements(products))
        at = at[known]
        found, units = np.frombuffer(lines, np.int32)[at], np.frombuffer(figures, np.int32)[at]
        agreed = found > 0
        for line, product_id, quantity in zip(
            found[agreed].tolist(), product_ids[at[agreed]].tolist(), units[agreed].tolist(), strict=True
        ):
            yield line, product_id, quantity, facility_id, location_seq_id, key
