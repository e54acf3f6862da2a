"""Prepares restocks from a file, and changes them while they wait (spec inventory.md 5.13)."""

import csv
import hashlib
import io
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from psycopg.errors import ForeignKeyViolation
from psycopg.rows import class_row

from oms import locks
from oms.database import Connection, statements
from oms.imports.contracts import match_key
from oms.numbers import readings
from oms.restock.errors import RestockRefused
from oms.restock.times import due_at
from oms.texts import is_blank, trimmed

sql = statements(__file__)
log = logging.getLogger(__name__)

SKU, QUANTITY = "Shopify Product SKU", "Restock Quantity"
CHOICES = {
    "run_time": "Schedule Time",
    "facility": "Facility",
    "product_store": "Product Store",
    "shop": "Shopify Store",
    "name": "Restock Name",
}
"""What may be chosen for a whole file instead of standing in its rows, with the column of each."""
SAMPLE = "MH-1212-N23344,100,09:00:00,Broadway,Not_Naked,Demo Store,January_Restock"
MOST = 1_000_000_000
LONGEST = 255
"""Characters of a name, a time or an id."""


@dataclass(frozen=True)
class Chosen:
    """What a person has chosen for a whole file; it counts instead of the file's own columns."""

    run_time: str | None = None
    on: date | None = None
    """The day of times that come without one."""
    facility: str | None = None
    product_store: str | None = None
    shop: str | None = None
    name: str | None = None


@dataclass(frozen=True)
class Restock:
    """A restock as people see it."""

    shipment_id: int
    name: str
    status: str
    run_at: datetime
    time_zone: str
    facility_id: str
    shop_id: str
    items: int
    units: int
    error: str | None
    is_new: bool = True

    @property
    def local_time(self) -> str:
        """When it is due on the clocks of its product store."""
        from zoneinfo import ZoneInfo

        return f"{self.run_at.astimezone(ZoneInfo(self.time_zone)):%Y-%m-%d %H:%M:%S} {self.time_zone}"

    def __str__(self) -> str:
        return (
            f"{self.shipment_id}  {self.status:<9}  {self.local_time}  {self.name}: {self.items} products, "
            f"{self.units} units for {self.facility_id}, shop {self.shop_id}"
            + (f" ({self.error})" if self.error else "")
        )


@dataclass
class Prepared:
    """What became of a file; `dropped` are its lines that are in no restock, each with its reason."""

    restocks: list[Restock] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)


def prepare(
    conn: Connection,
    content: bytes,
    file_name: str,
    chosen: Chosen,
    by: str,
    *,
    lies_at: str | None = None,
    now: datetime | None = None,
) -> Prepared:
    """Make the restocks of a file in the caller's transaction: one for each facility, time, shop and name.

    The same file again makes nothing new, unless its restock was cancelled. lies_at: the file as it lies on a
    server, until `note_moved`; found there again it makes nothing new at whatever time. Lines of unknown
    products are dropped with a warning. Raises RestockRefused, with the line, for anything else that is
    wrong: nothing of the file is prepared then.
    """
    now = now or datetime.now(UTC)
    prepared = Prepared()
    groups: dict[tuple[str, ...], dict[str, int]] = {}
    for line, sku, quantity, key in _rows(content, file_name, chosen):
        units = groups.setdefault(key, {})
        units[sku] = units.get(sku, 0) + quantity
        if units[sku] > MOST:
            raise RestockRefused(f"{file_name} line {line}: {units[sku]} units of {sku} are beyond {MOST}")
    if not groups:
        raise RestockRefused(f"{file_name} has no rows; a row looks like {SAMPLE}")
    digest = hashlib.sha256(content).hexdigest()
    places = {key: _place(conn, file_name, *key[1:4]) for key in groups}
    sources = {key: f"{digest}:{place['facility_id']}:{place['shop_id']}" for key, place in places.items()}
    locks.hold(conn, *(locks.RESTOCK_FILE.of(source) for source in sources.values()))
    for key, units in groups.items():
        run_time, *_, name = key
        place, source = places[key], sources[key]
        keys: dict[str, Any] = {
            "file_key": lies_at and f"{source}:{run_time}:{chosen.on}:{name}:{lies_at}",
            "source_key": None,
        }
        earlier = conn.execute(sql.find_source, keys).fetchone()
        if earlier is None:
            due = due_at(run_time, place["time_zone"], now, chosen.on)
            keys["source_key"] = f"{source}:{due:%Y%m%dT%H%M%S}:{name}"
            earlier = conn.execute(sql.find_source, keys).fetchone()
        if earlier is not None:
            log.warning("%s: restock %s was prepared before, as shipment %s", file_name, name, earlier[0])
            prepared.restocks.append(read(conn, earlier[0], is_new=False))
            continue
        products = _products(conn, file_name, units, prepared)
        if not products:
            raise RestockRefused(f"{file_name}: no product of restock {name} is known; import products first")
        values = place | keys | {"run_at": due, "name": name, "by": by}
        (shipment_id,) = conn.execute(sql.add_shipment, values).fetchone()
        conn.execute(sql.add_restock, values | {"shipment_id": shipment_id})
        _set_items(conn, shipment_id, products)
        prepared.restocks.append(read(conn, shipment_id))
    return prepared


def note_moved(conn: Connection, restocks: Sequence[Restock]) -> None:
    """The file of these restocks lies in its folder no more: one that comes there is another one."""
    conn.execute(sql.note_moved, {"shipments": [restock.shipment_id for restock in restocks]})


def reschedule(conn: Connection, shipment_id: int, run_time: str, now: datetime | None = None) -> Restock:
    """Give a restock that waits another time; raises RestockRefused if it is over or does not wait."""
    zone = _lock_pending(conn, shipment_id)
    due = due_at(run_time, zone, now or datetime.now(UTC))
    conn.execute(sql.reschedule, {"shipment_id": shipment_id, "run_at": due})
    return read(conn, shipment_id)


def change_items(conn: Connection, shipment_id: int, items: Mapping[str, Any]) -> Restock:
    """Set the units of products of a restock that waits, by SKU; 0 takes a product out.

    Raises RestockRefused for an unknown product, if no product would be left, or for a product to be taken
    out of which units were received by hand.
    """
    _lock_pending(conn, shipment_id)
    wanted: dict[str, int] = {}
    for sku, units in items.items():
        own = trimmed(sku)
        wanted[own] = wanted.get(own, 0) + _units(str(units), f"{sku}: ", least=0)
    prepared = Prepared()
    products = _products(conn, f"restock {shipment_id}", wanted, prepared)
    if prepared.dropped:
        raise RestockRefused("; ".join(prepared.dropped))
    try:
        _set_items(conn, shipment_id, products)
    except ForeignKeyViolation as error:
        raise RestockRefused(
            f"restock {shipment_id}: units of a product to be taken out were received already; set it"
            " to their number instead of 0"
        ) from error
    changed = read(conn, shipment_id)
    if not changed.items:
        raise RestockRefused(f"restock {shipment_id} would have no product left; cancel it instead")
    return changed


def cancel(conn: Connection, shipment_id: int) -> Restock:
    """Give up a restock that waits; raises RestockRefused if it does not wait any more."""
    _lock_pending(conn, shipment_id)
    conn.execute(sql.cancel, {"shipment_id": shipment_id})
    return read(conn, shipment_id)


def read(conn: Connection, shipment_id: int, *, is_new: bool = True) -> Restock:
    """A restock by its shipment. Raises RestockRefused if there is none."""
    values = {"shipment_id": shipment_id, "status": None, "is_new": is_new}
    found = conn.cursor(row_factory=class_row(Restock)).execute(sql.restocks, values).fetchone()
    if found is None:
        raise RestockRefused(f"there is no scheduled restock with the shipment {shipment_id}")
    return found


def listed(conn: Connection, status: Sequence[str] | None = None) -> list[Restock]:
    """All restocks, or those in a status, by their time."""
    values = {"shipment_id": None, "status": None if status is None else list(status), "is_new": True}
    return conn.cursor(row_factory=class_row(Restock)).execute(sql.restocks, values).fetchall()


def _rows(content: bytes, file_name: str, chosen: Chosen) -> list[tuple[int, str, int, tuple[str, ...]]]:
    """(line, SKU, quantity, key of the restock) of every row that is not blank."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise RestockRefused(
            f"{file_name} line {line}: the file is not UTF-8; save it as CSV in UTF-8"
        ) from error
    try:
        lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = [match_key(name) for name in next(lines, [])]
        places = _columns(header, file_name, chosen)
        found = []
        for cells in lines:
            if all(map(is_blank, cells)):
                continue
            where = f"{file_name} line {lines.line_num}: "
            if len(cells) != len(header):
                raise RestockRefused(f"{where}{len(cells)} columns where the header has {len(header)}")
            if "\0" in "".join(cells):
                raise RestockRefused(f"{where}a cell holds the letter NUL; write it without")
            sku = trimmed(cells[places[SKU]])
            if not sku:
                raise RestockRefused(f"{where}{SKU} is blank")
            units = _units(cells[places[QUANTITY]], where)
            key = tuple(
                _given(getattr(chosen, name) or cells[places[column]], column, where)
                for name, column in CHOICES.items()
            )
            if too_long := [part for part in key if len(part) > LONGEST]:
                raise RestockRefused(
                    f"{where}{too_long[0][:40]!r}… has {len(too_long[0])} characters; at most {LONGEST}"
                )
            found.append((lines.line_num, sku, units, key))
        return found
    except csv.Error as error:
        raise RestockRefused(f"{file_name} line {lines.line_num}: {error}") from error


def _columns(header: list[str], file_name: str, chosen: Chosen) -> dict[str, int]:
    places = {column: header.index(match_key(column)) for column in (SKU, QUANTITY, *CHOICES.values())
              if match_key(column) in header}  # fmt: skip
    needed = [SKU, QUANTITY, *(column for name, column in CHOICES.items() if getattr(chosen, name) is None)]
    missing = [column for column in needed if column not in places]
    if missing:
        raise RestockRefused(
            f"{file_name} line 1: no column {', '.join(missing)}; the header is "
            f"{', '.join((SKU, QUANTITY, *CHOICES.values()))}, and all but the first two may be parameters"
        )
    return places


def _given(cell: str, column: str, where: str) -> str:
    if not (given := trimmed(cell)):
        raise RestockRefused(f"{where}{column} is blank, and no parameter says it")
    return given


def _units(said: str, where: str, least: int = 1) -> int:
    text = said.strip()
    if not (text.isascii() and text.isdigit()) or not least <= int(text) <= MOST:
        raise RestockRefused(
            f"{where}{QUANTITY} {said!r} is not a whole number from {least} to {MOST}{readings(text)}"
        )
    return int(text)


def _place(conn: Connection, file_name: str, facility: str, product_store: str, shop: str) -> dict[str, Any]:
    """Facility, product store and shop by id or name, and the zone of the store."""

    def one(statement: str, column: str, said: str) -> tuple:
        found = conn.execute(statement, {"said": said}).fetchall()
        if len(found) != 1:
            count = "none" if not found else f"{len(found)} of them"
            raise RestockRefused(f"{file_name}: {column} {said!r}: {count} has this id or name; give its id")
        return found[0]

    facility_id, is_virtual = one(sql.find_facility, CHOICES["facility"], facility)
    store_id, zone = one(sql.find_store, CHOICES["product_store"], product_store)
    shop_id, shops_store = one(sql.find_shop, CHOICES["shop"], shop)
    if is_virtual:
        raise RestockRefused(
            f"{file_name}: facility {facility_id} is a queue or a setting and holds no stock"
        )
    if shops_store != store_id:
        raise RestockRefused(f"{file_name}: shop {shop_id} belongs to {shops_store}, not to {store_id}")
    return {
        "facility_id": facility_id,
        "product_store_id": store_id,
        "shop_id": shop_id,
        "time_zone": zone,
    }


def _products(
    conn: Connection, file_name: str, units: Mapping[str, int], prepared: Prepared
) -> dict[int, int]:
    """Units by product; those whose SKU is of no use are dropped."""
    products: dict[int, int] = {}
    for sku, product_id, count, is_kit in conn.execute(sql.find_products, {"skus": list(units)}):
        if count == 1 and not is_kit:
            products[product_id] = products.get(product_id, 0) + units[sku]
            continue
        reason = (
            "no product has this SKU"
            if count == 0
            else "several products have this SKU"
            if count > 1
            else "it is a kit, whose stock follows from its components"
        )
        log.warning("%s: %s is dropped: %s", file_name, sku, reason)
        prepared.dropped.append(f"{sku}: {reason}")
    return products


def _set_items(conn: Connection, shipment_id: int, products: Mapping[int, int]) -> None:
    values = {"shipment_id": shipment_id, "products": list(products), "units": list(products.values())}
    conn.execute(sql.drop_items, values)
    conn.execute(sql.change_items, values)
    conn.execute(sql.add_items, values)


def _lock_pending(conn: Connection, shipment_id: int) -> str:
    """Lock a restock that waits; return the zone of its store."""
    found = conn.execute(sql.lock_restock, {"shipment_id": shipment_id}).fetchone()
    if found is None:
        raise RestockRefused(f"there is no scheduled restock with the shipment {shipment_id}")
    status, zone = found
    if status != "PENDING":
        raise RestockRefused(f"restock {shipment_id} is {status}; only one that is PENDING can be changed")
    return zone
