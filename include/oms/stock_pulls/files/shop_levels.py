"""Files of Shopify's stock levels: the balance of a store follows its location (inventory.md 5.14, 5.15)."""

from dataclasses import dataclass

from oms.database import Connection, statements
from oms.imports.contracts import Column, FileContract, Header
from oms.imports.errors import FileRefused
from oms.imports.file_types import FileType
from oms.imports.jobs import Settings
from oms.imports.outcome import Counts, Part
from oms.imports.staging import (
    Content,
    Judged,
    columns_of,
    count_groups,
    filled,
    known_reject,
    landed_table,
    raw_line,
    resolved_table,
)
from oms.inventory.files import one_second, positions
from oms.inventory.files.balances import BalanceSettings
from oms.stock_pulls import levels

sql = statements(__file__)

ON_HAND = "on_hand"

CONTRACT = FileContract(
    columns=(
        Column(
            name="shop_id",
            field="shop_id",
            type="text",
            required=True,
            example="NEW_ERA_JP",
            meaning="The shop, as it is set up in the OMS.",
        ),
        Column(
            name="inventory_item_id",
            field="inventory_item_id",
            type="integer",
            required=True,
            example="53214089609522",
            meaning="Shopify's number of the inventory item; says which product it is.",
        ),
        Column(
            name="sku",
            field="sku",
            type="text",
            example="WH09-XL-Green",
            meaning="For people only.",
        ),
        Column(
            name="tracked",
            field="tracked",
            type="boolean",
            example="true",
            meaning="False: Shopify does not count the item, and the row is skipped; blank: true.",
        ),
        Column(
            name="location_id",
            field="location_id",
            type="integer",
            required=True,
            example="106318463282",
            meaning="Shopify's number of the location; its facility is the one mapped to it.",
        ),
        Column(
            name="available",
            field="available",
            type="integer",
            required=True,
            example="20",
            meaning="Units that can be sold; blank: the row is skipped, never taken for 0.",
        ),
        Column(
            name=ON_HAND,
            field=ON_HAND,
            type="integer",
            required=True,
            example="22",
            meaning="Units that lie there; used instead of available if quantityName says so.",
        ),
        Column(
            name="updated_at",
            field="updated_at",
            type="timestamp",
            required=True,
            example="2026-11-03T09:00:05Z",
            meaning="When the level changed in Shopify: an older word never replaces a newer one.",
        ),
    ),
    one_of=(),
)


@dataclass(frozen=True, kw_only=True)
class LevelSettings(BalanceSettings):
    """What files of levels are told beside where their balances are."""

    quantity_name: str = "available"
    """The quantity that the balance follows, available (ATP) or on_hand (QOH)."""
    target_facility_id: str | None = None
    """The facility that consolidated locations stand for."""
    initial_stock: bool = False
    """Also of shops whose stock the OMS owns, for facilities without any entry."""
    told_at: str | None = None
    """When Shopify began to tell them."""
    reject_connection_id: str | None = None
    """The server for their reject file, below import_path; None: no file is written."""


def judge(conn: Connection, log_id: int, content: Content, settings: Settings, *, again: bool) -> Judged:
    """Look up product and facility of every landed row and give it its verdict.

    Raises FileRefused (ERR_INVENTORY_MASTER) if a row is of a shop whose stock the OMS owns (INV-33).
    """
    assert content.header is not None
    landed = landed_table(log_id)
    own = LevelSettings.of(settings)
    if not own.initial_stock and (owned := filled(conn, sql.owned_by_the_oms, {}, landed=landed).fetchone()):
        line, shop_id = owned
        raise FileRefused(
            "ERR_INVENTORY_MASTER",
            f"line {line}: the OMS owns the stock of shop {shop_id} (inventory_master): its levels are not "
            "taken over; set inventory_master to SHOPIFY, or initialStock for facilities without stock",
        )
    if own.target_facility_id and not levels.holds_stock(conn, own.target_facility_id):
        raise FileRefused(
            "ERR_TARGET_FACILITY",
            f"targetFacilityId {own.target_facility_id!r} is no facility that holds stock",
        )
    values = {
        "by_atp": own.quantity_name != ON_HAND,
        "decimal_separator": own.decimal_separator,
        "location": own.location_seq_id,
        "target": own.target_facility_id,
        "excluded": own.excluded_product_types,
        "group_by": settings.group_by,
    }
    filled(
        conn,
        sql.resolve,
        values,
        landed=landed,
        resolved=resolved_table(log_id),
        columns=columns_of(content.header, CONTRACT.fields),
        known_reject=known_reject(log_id, again=again),
    )
    groups, bad = count_groups(conn, log_id)
    return Judged(groups, bad, positional=True)


def set_rejects_aside(conn: Connection, log_id: int, header: Header, settings: Settings) -> int:
    """Write the bad rows to oms.import_reject; return how many were not there before."""
    own = LevelSettings.of(settings)
    return filled(
        conn,
        sql.set_rejects_aside,
        {
            "log_id": log_id,
            "figure": own.quantity_name,
            "decimal_separator": own.decimal_separator,
        },
        landed=landed_table(log_id),
        resolved=resolved_table(log_id),
        columns=columns_of(header, CONTRACT.fields),
        raw=raw_line(header, settings.delimiter),
    ).rowcount


def apply(conn: Connection, part: Part, settings: Settings) -> Counts:
    """Bring the positions of the rows to the figures of their levels; return what became of the rows."""
    own = LevelSettings.of(settings)
    names = {"rows": resolved_table(part.log_id), "in_part": positions.in_part(part)}
    values = {"log_id": part.log_id, "told_at": own.told_at, "stocked": []}
    if own.initial_stock:
        (values["stocked"],) = filled(conn, sql.stocked, {}, **names).fetchone()
    counted, skipped = filled(conn, sql.count_rows, values, **names).fetchone()
    if skipped:
        filled(conn, sql.note_skipped, values, **names)
    positions.forget(conn)
    named = filled(conn, sql.find_changes, values, **names).rowcount
    told = levels.apply_told(conn, log_id=part.log_id, run_id=part.run_id)
    if told.stale:
        conn.execute(sql.note_stale, values)
    return Counts(
        applied=told.applied,
        unchanged=told.unchanged,
        superseded=counted - named,
        skipped=skipped + told.stale,
    )


TYPE = FileType(
    contract=CONTRACT,
    settings=LevelSettings,
    judge=judge,
    set_rejects_aside=set_rejects_aside,
    apply=apply,
    landed=one_second.warn,
    instead_of_undoing="follows Shopify, which owns this stock: correct the figures there",
)
