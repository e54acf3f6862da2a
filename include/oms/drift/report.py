"""The drift report: every mapped level of a shop beside our figure, and the cause of each difference.

The shop is read twice: all of it by one bulk query, then, between two snapshots of ours, the levels that
differ. What differs only because a push or an import was under way settles at that second look.
"""

import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import psycopg

from oms import crashpoints, shops
from oms.database import Connection, copy_rows, statements
from oms.drift import files
from oms.drift.found import Drift, Unserved
from oms.errors import ComesBack, NeedsPerson
from oms.imports import staging
from oms.inventory import changes
from oms.remote import server_failures
from oms.shopify import documents, exports
from oms.shopify.client import ShopifyClient
from oms.shopify.levels import read_levels
from oms.sync.locations import Location, locations_to_serve
from oms.sync.options import Push, PushOptions, Report
from oms.sync.push import push_shop
from oms.sync.snapshot import take_snapshot
from oms.work import Work

sql = statements(__file__)
log = logging.getLogger(__name__)

COMPARED = crashpoints.register("drift.compared", "the shop was read and compared, nothing is stored yet")
STORED = crashpoints.register("drift.stored", "the report is stored, its files are not written yet")
EXPORTED = crashpoints.register("drift.exported", "the files are on SFTP, the report does not say so yet")
ASKED = crashpoints.register("drift.asked", "the levels to repair are recent changes, no push has begun yet")

LOOKS = 3
"""Further looks at levels that differ and move; what still moves then is on its way (PUSH_PENDING)."""
ALL_LEVELS = PushOptions(include_all=True)


class ShopsLeft(ComesBack):
    """Some shops could not be compared; the message names them. The reports of the others are stored."""


def report_all(work: Work) -> dict[str, dict[str, int]]:
    """Compare every shop that the run names, else all whose stock is ours; return levels by cause.

    Differences are no failure. With `repair` the products of the chosen causes are compared and sent by a
    normal hard sync. A shop or server that fails does not hinder the others: ShopsLeft is raised at the end,
    or the error itself where only one shop was asked for. Repeating a run makes another report.
    """
    params = work.params
    # a shop that we serve nowhere still offers units: they are listed
    chosen = shops.to_serve(work.conn, params["shopId"], ["RECENT", "DELTA", "OFF"])
    found: dict[str, dict[str, int]] = {}
    failed: list[str] = []
    for shop_id in chosen:
        try:
            found[shop_id] = _report_one(work, shop_id)
        except (NeedsPerson, ComesBack, *server_failures()) as error:
            if len(chosen) == 1:
                raise
            log.exception("shop %s could not be compared", shop_id)
            failed.append(f"{shop_id}: {error}")
    if failed:
        raise ShopsLeft("; ".join(failed))
    return found


def _report_one(work: Work, shop_id: str) -> dict[str, int]:
    client = work.open_shop(shop_id)
    with work.open_oms_db() as conn:  # its temporary tables end with it
        drift = compare(conn, client, shop_id, work.run_name)
        crashpoints.point(STORED)
        lines = conn.execute(sql.lines, {"report_id": drift.report_id}).fetchall()
        with work.open_sftp(work.params["propertyResource"]) as sftp:
            written = files.write(sftp, work.params["exportPath"], drift, lines)
        crashpoints.point(EXPORTED)
        conn.execute(sql.note_files, {"report_id": drift.report_id, **written})
    log.info(
        "shop %s: %s levels of ours, %s of the shop, %s differ: %s; %s",
        shop_id,
        f"{drift.our_levels:,}",
        f"{drift.shop_levels:,}",
        f"{sum(drift.causes.values()):,}",
        drift.causes,
        written["csv_file"],
    )
    if drift.unserved:
        lines = "\n  ".join(map(str, drift.unserved))
        log.warning("shop %s: active locations that receive no figures of ours:\n  %s", shop_id, lines)
    if work.params["repair"]:
        _repair(work, client, drift)
    return drift.causes


def compare(conn: Connection, client: ShopifyClient, shop_id: str, run_id: str) -> Drift:
    """Compare a shop with our figures and store what differs; conn is in autocommit mode.

    Raises what exporting and reading raise; then the report stays STARTED until the next one begins.
    """
    conn.execute(sql.abandon_others, {"shop_id": shop_id})
    (report_id,) = conn.execute(sql.begin_report, {"shop_id": shop_id, "run_id": run_id}).fetchone()
    push = Push(conn, client, shop_id, "HARD", ALL_LEVELS, run_id, Report(shop_id, "HARD"))
    locations = locations_to_serve(push)
    places = list(_locations(client))
    operation = exports.wait(client, exports.start(client, documents.load("drift_export").text))
    conn.execute(sql.make_workspace)
    _read_all(conn, operation)
    plan = take_snapshot(push, locations)
    for location in plan.without_stock:
        log.info("location %s is left out: it was never compared and waits for its first stock", location)
    find_differences(conn, [one.shopify_location_id for one in plan.locations])
    our_levels = conn.execute(sql.our_levels).fetchone()[0]
    _look_again(push, locations)
    _add_open_files(conn)
    conn.execute("analyze pg_temp.drift_candidate")
    conn.execute(sql.name_causes, {"shop_id": shop_id})
    crashpoints.point(COMPARED)
    unserved = _unserved(conn, shop_id, places, [one.shopify_location_id for one in locations])
    with conn.transaction():
        conn.cursor().executemany(
            sql.keep_unserved, [{"report_id": report_id} | vars(one) for one in unserved]
        )
        conn.execute(sql.keep_lines, {"report_id": report_id})
        conn.execute(sql.finish_report, {"report_id": report_id, "our_levels": our_levels})
    (shop_levels,) = conn.execute("select count(*) from pg_temp.drift_reading").fetchone()
    rows = conn.execute(sql.by_cause, {"report_id": report_id}).fetchall()
    causes, units = {cause: count for cause, count, _ in rows}, {cause: int(sum_) for cause, _, sum_ in rows}
    return Drift(report_id, shop_id, shop_levels, our_levels, causes, units, unserved)


def _locations(client: ShopifyClient) -> Iterator[dict[str, Any]]:
    """Every location of the shop, of whatever kind."""
    after = None
    while True:
        page = client.execute("locations", {"after": after})["locations"]
        yield from page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return
        after = page["pageInfo"]["endCursor"]


def _unserved(
    conn: Connection, shop_id: str, places: list[dict[str, Any]], served: list[int]
) -> tuple[Unserved, ...]:
    """The active locations that are not served, with the units that the shop has told of."""
    active = {_number(place["id"]): place for place in places if place["isActive"]}
    numbers = [number for number in active if number not in served]
    rows = conn.execute(sql.unserved, {"shop_id": shop_id, "locations": numbers}).fetchall()
    found = [
        Unserved(number, place["name"], reason, place["fulfillsOnlineOrders"], products, units)
        for number, reason, products, units, place in ((*row, active[row[0]]) for row in rows)
    ]
    return tuple(sorted(found, key=lambda one: (-one.units, one.shopify_location_id)))


def find_differences(conn: Connection, location_ids: list[int]) -> None:
    """Compare what the shop said with the planner's workspace; the differences become drift_candidate."""
    conn.execute(sql.compare, {"locations": location_ids})
    conn.execute(sql.settle_at_once)


def _read_all(conn: Connection, operation: dict[str, Any]) -> None:
    """Stream the export into the workspace: items through a list on the way, levels straight in."""
    items: list[tuple[int, str | None, bool]] = []
    with exports.lines(operation) as lines:
        copy_rows(conn, "pg_temp.drift_reading", READING, _levels(lines, items))
    copy_rows(conn, "pg_temp.drift_item", ITEM, items)
    conn.execute("analyze pg_temp.drift_reading, pg_temp.drift_item")


ITEM = ("shopify_inventory_item_id", "sku", "requires_components")
QUANTITIES = ("available", "committed", "reserved", "on_hand")
READING = ("shopify_location_id", "shopify_inventory_item_id", "tracked", "active", *QUANTITIES, "updated_at")


def _levels(lines: Iterator[bytes], items: list[tuple[int, str | None, bool]]) -> Iterator[tuple[Any, ...]]:
    for node in exports.read(lines, _of_node):
        if len(node) == len(ITEM):
            items.append(node)
        else:
            yield node


def _of_node(node: dict[str, Any]) -> tuple[Any, ...]:
    """Return the values of ITEM or of READING."""
    if "inventoryItem" in node:
        item = node["inventoryItem"]
        return _number(item["id"]), item["sku"], node["requiresComponents"]
    return (
        _number(node["location"]["id"]),
        _number(node["item"]["id"]),
        node["item"]["tracked"],
        node["isActive"],
        *exports.quantities(node, QUANTITIES),
        datetime.fromisoformat(node["updatedAt"]),
    )


def _number(gid: str) -> int:
    return int(gid.split("?")[0].rsplit("/", 1)[-1])


def _look_again(push: Push, locations: list[Location]) -> None:
    """Read the levels that differ again, between two snapshots of ours, until they hold still."""
    conn, at = push.conn, {"shop_id": push.shop_id}
    for _ in range(LOOKS):
        levels = conn.execute(sql.to_look_at).fetchall()
        if not levels:
            return
        conn.execute(sql.note_open_lines, at)
        conn.execute("truncate pg_temp.drift_second")
        readings = read_levels(push.client, levels)
        copy_rows(conn, "pg_temp.drift_second", SECOND, readings)
        take_snapshot(push, locations)
        conn.execute(sql.settle, at)
        conn.execute(sql.forget_gone)


SECOND = (
    "shopify_location_id",
    "shopify_inventory_item_id",
    "item_exists",
    "tracked",
    "active",
    *QUANTITIES,
)


def _add_open_files(conn: Connection) -> None:
    """Note which files that are not applied yet speak of the products that differ."""
    for log_id, file_name, status, states_figures, staged_with in conn.execute(sql.open_files).fetchall():
        values = {
            "log_id": log_id,
            "file_name": file_name,
            "status": status,
            "states_figures": states_figures,
        }
        try:
            staging.filled(conn, sql.add_late, values, rows=staging.rows_of(log_id, staged_with))
        except psycopg.errors.UndefinedTable:
            log.info("log %s was closed meanwhile: %s explains no difference", log_id, file_name)


def _repair(work: Work, client: ShopifyClient, drift: Drift) -> None:
    """Let a normal hard sync take the products of the chosen causes: nothing else writes to the shop."""
    values = {"report_id": drift.report_id, "causes": work.params["repairCauses"]}
    asked = changes.add(work.conn, sql.ask_for_repair, values)
    crashpoints.point(ASKED)
    if not asked:
        log.info("shop %s: nothing to repair", drift.shop_id)
        return
    options = PushOptions(include_all=False, guard_undownloaded_orders=work.params["guardUndownloadedOrders"])
    report = push_shop(work.open_oms_db, client, drift.shop_id, "HARD", options, work.run_name)
    log.info("shop %s: %s products compared again\n%s", drift.shop_id, asked, report.table())
