"""The shops, which of them a run is about, and the groups it names."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg.rows import class_row

from oms.catalog import Job
from oms.database import Connection, statements
from oms.parameters import BadParameter

sql = statements(__file__)


@dataclass(frozen=True)
class Shop:
    """A Shopify shop: a row of oms.shop."""

    shop_id: str
    shop_name: str
    connection_id: str
    product_store_id: str
    inventory_master: str
    product_identifier: str
    push_enabled: bool


def named(conn: Connection, shop_ids: str | list[str]) -> list[str]:
    """The shops that a run names, in order. Raises BadParameter for one that is not set up."""
    wanted = [shop_ids] if isinstance(shop_ids, str) else shop_ids
    known = [shop_id for (shop_id,) in conn.execute(sql.all_shops)]
    for shop_id in wanted:
        if shop_id not in known:
            raise BadParameter(
                "shopId", shop_ids, f"shops that are set up: {', '.join(known) or 'none is yet'}"
            )
    return sorted(set(wanted))


def refuse_unknown_groups(conn: Connection, job: Job, params: Mapping[str, Any]) -> None:
    """Refuse groups that nobody has set up: they would leave out locations or changes in silence.

    The catalogue's own default need not be there: where all locations are physical there is no channel.
    Raises BadParameter.
    """
    for name, statement, what in (
        ("facilityGroupId", sql.facility_groups, "a facility group"),
        ("shopifyFacilityGroupId", sql.facility_groups, "a facility group"),
        ("reasonGroupId", sql.reason_groups, "a group of reasons"),
    ):
        value = params.get(name)
        if value is None or value == job.parameter(name).default:
            continue
        known = [one for (one,) in conn.execute(statement)]
        if value not in known:
            raise BadParameter(name, value, f"{what} that is set up: {', '.join(known) or 'none is yet'}")


def mastered_by(conn: Connection, master: str | None) -> list[str]:
    """The shops whose stock belongs to this side (OMS, SHOPIFY; None: either), in order."""
    return [shop_id for (shop_id,) in conn.execute(sql.mastered_by, {"master": master})]


def to_serve(
    conn: Connection,
    shop_ids: str | list[str] | None,
    modes: Collection[str],
    facilities: Collection[str] | None = None,
) -> list[str]:
    """The shops that a push serves: those named, else all that have a location in one of the sync modes.

    facilities: only locations that show stock of one of these or were never planned for count; None: all do.
    """
    values = {
        "named": None if shop_ids is None else named(conn, shop_ids),
        "modes": list(modes),
        "facilities": None if facilities is None else list(facilities),
    }
    return [shop_id for (shop_id,) in conn.execute(sql.shops_to_serve, values)]


def read(conn: Connection, shop_id: str) -> Shop:
    """A shop by its id. Raises BadParameter if it is not set up."""
    with conn.cursor(row_factory=class_row(Shop)) as cursor:
        found = cursor.execute(sql.shop, {"shop_id": shop_id}).fetchone()
    if found is None:
        raise BadParameter("shopId", shop_id, "a shop that is set up")
    return found
