"""The whole catalogue of a shop into the OMS, by one bulk query (spec orders.md 3.1; shopify.md 2).

The lines stream from the shop into a staging table and are merged by sets: known by link or by the shop's
configured identifier, created if unknown, left alone if the payload is older. No stock moves.
"""

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from oms import crashpoints, locks
from oms.database import Connection, statements
from oms.products.export_lines import BadLine, parse
from oms.shopify import documents, exports
from oms.shopify.client import ShopifyClient
from oms.shopify.errors import ExportFailed
from oms.work import Work

sql = statements(__file__)
log = logging.getLogger(__name__)

ASKED = crashpoints.register("products.asked", "the shop has the export, the OMS does not know its id")
STARTED = crashpoints.register("products.started", "the id of the export is stored")
LANDED = crashpoints.register("products.landed", "the lines are in the staging table")
MERGED = crashpoints.register("products.merged", "products are merged, the staging table is not empty")

TAKE_UP = timedelta(hours=1)
"""An export that an earlier run has left is used for that long; later it is too old to be the catalogue."""
SHOWN_REJECTS = 50
CHANGES = ("created", "updated", "identifiers_added", "identifiers_ended", "links_changed", "links_ended")


def run(work: Work, shop_id: str) -> dict[str, Any]:
    """The job: one shop of a run."""
    return import_shop(work.conn, work.open_shop(shop_id), shop_id, work.params, work.run_name)


def import_shop(
    conn: Connection,
    client: ShopifyClient,
    shop_id: str,
    params: Mapping[str, Any],
    run_id: str,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """Bring every product and variant of a shop into the OMS; return the counts.

    conn: in autocommit mode. params: `scheduleNow` (true: at once; false: in turn with other imports of
    products); `limit` does not count, for a bulk export has no pages. Repeating it changes nothing; a
    run that died is taken up by the next. Raises ExportFailed, ExportIncomplete (the next attempt
    downloads again) and the errors of the client.
    """
    with _turn(conn, shop_id, at_once=bool(params.get("scheduleNow"))):
        import_id, operation_id = _open_import(conn, client, shop_id, run_id)
        try:
            operation = exports.wait(client, operation_id, sleep)
        except ExportFailed as error:
            conn.execute(sql.fail_import, {"import_id": import_id, "message": str(error)})
            raise
        with conn.transaction():
            landed = _land(conn, import_id, operation)
        crashpoints.point(LANDED)
        with conn.transaction():
            counts = landed | _with_earlier(conn, import_id, _merge(conn, import_id, shop_id))
            conn.execute(sql.keep_counts, {"import_id": import_id, "counts": json.dumps(counts)})
        crashpoints.point(MERGED)
        counts |= _compare(conn, client, shop_id)
        with conn.transaction():
            conn.execute(sql.clear_staged, {"import_id": import_id})
            ready = counts["rejected"] == 0 and counts["counts_match"]
            conn.execute(
                sql.finish_import, {"import_id": import_id, "counts": json.dumps(counts), "ready": ready}
            )
        _tell(conn, import_id, shop_id, counts)
        return counts


@contextmanager
def _turn(conn: Connection, shop_id: str, *, at_once: bool) -> Iterator[None]:
    """One import of a shop at a time, and one of all shops unless it is urgent."""
    own = locks.PRODUCTS_OF_SHOP.of(shop_id)
    with locks.held(conn, *([own] if at_once else [locks.PRODUCTS.of(), own])):
        yield


def _open_import(conn: Connection, client: ShopifyClient, shop_id: str, run_id: str) -> tuple[int, str]:
    """Take up the export of a run that died, or ask for a new one."""
    conn.execute(sql.abandon_old_imports, {"shop_id": shop_id, "oldest": datetime.now(UTC) - TAKE_UP})
    if found := conn.execute(sql.open_import, {"shop_id": shop_id}).fetchone():
        log.info("the export %s of an earlier run is taken up", found[1])
        return found
    (import_id,) = conn.execute(sql.create_import, {"shop_id": shop_id, "run_id": run_id}).fetchone()
    operation_id = exports.start(client, documents.load("catalogue_export").text)
    crashpoints.point(ASKED)
    conn.execute(sql.note_operation, {"import_id": import_id, "operation_id": operation_id})
    crashpoints.point(STARTED)
    return import_id, operation_id


def _land(conn: Connection, import_id: int, operation: dict[str, Any]) -> dict[str, int]:
    """Stream the lines of an export into the staging table; return how many there are."""
    conn.execute(sql.clear_staged, {"import_id": import_id})
    conn.execute(sql.clear_rejects, {"import_id": import_id})
    bad: list[BadLine] = []
    count = 0
    with (
        exports.lines(operation) as lines,
        conn.cursor().copy(sql.copy_staged) as copy,
    ):
        for values in parse(lines):
            count += 1
            if isinstance(values, BadLine):
                bad.append(values)
            else:
                copy.write_row((import_id, *values))
    for line in bad:
        conn.execute(
            sql.reject_line,
            {
                "import_id": import_id,
                "line_number": line.line_number,
                "shopify_id": line.shopify_id,
                "sku": line.sku,
                "message": line.message,
            },
        )
    conn.execute(sql.analyze_staged)
    return {"lines": count}


def _merge(conn: Connection, import_id: int, shop_id: str) -> dict[str, int]:
    """Turn the staged lines into products, identifications and links; return what changed."""
    key = {"import_id": import_id, "shop_id": shop_id}

    def run(statement: str) -> int:
        return conn.execute(statement, key).rowcount

    locks.hold(conn, locks.PRODUCTS_MERGE.of())
    run(sql.drop_repeats)
    run(sql.inherit_from_parent)
    run(sql.reject_orphans)
    counts = {"links_ended": run(sql.end_absent_links) + run(sql.end_absent_parents)}
    run(sql.match_by_link)
    run(sql.match_by_identifier)
    run(sql.reject_ambiguous)
    run(sql.reject_duplicates)
    run(sql.unmatch_moved_identifiers)
    while run(sql.reject_taken_identifiers):  # a rejected row keeps what another one hoped to get
        pass
    run(sql.match_by_ended_link)
    run(sql.match_parents)
    run(sql.allocate_products)
    run(sql.place_under_parents)
    counts |= {
        "created": run(sql.create_products),
        "updated": run(sql.update_products),
    }
    run(sql.note_source_time)
    counts |= {
        "identifiers_ended": run(sql.end_identifications),
        "identifiers_added": run(sql.add_identifications),
    }
    counts["links_changed"] = run(sql.link_parents) + run(sql.link_variants)
    run(sql.keep_rejects)
    totals = conn.execute(sql.count_staged, key).fetchone()
    return counts | dict(zip(("products", "variants", "rejected"), totals, strict=True))


def _with_earlier(conn: Connection, import_id: int, counts: dict[str, int]) -> dict[str, int]:
    """Add what a merge of this import changed before its run died."""
    (earlier,) = conn.execute(sql.read_counts, {"import_id": import_id}).fetchone()
    return counts | {name: counts[name] + earlier.get(name, 0) for name in CHANGES}


def _compare(conn: Connection, client: ShopifyClient, shop_id: str) -> dict[str, Any]:
    """Compare the counts of OMS and shop, and the shop's locations with those that are set up."""
    said = client.execute("catalogue_counts", {})
    shop_counts = (said["productsCount"]["count"], said["productVariantsCount"]["count"])
    ours = conn.execute(sql.count_links, {"shop_id": shop_id}).fetchone()
    locations = {int(node["id"].rsplit("/", 1)[-1]): node for node in _locations(client)}
    known = {number for (number,) in conn.execute(sql.known_locations, {"shop_id": shop_id})}
    unmapped = sorted(number for number in locations.keys() - known if locations[number]["isActive"])
    for number in unmapped:
        log.warning(
            "location %s (%s) of shop %s receives nothing: it is not in shop_locations.csv",
            number,
            locations[number]["name"],
            shop_id,
        )
    missing = sorted(known - locations.keys())
    for number in missing:
        log.warning("location %s is set up for shop %s, but the shop has no such location", number, shop_id)
    return {
        "oms_products": ours[0],
        "oms_variants": ours[1],
        "shop_products": shop_counts[0],
        "shop_variants": shop_counts[1],
        "counts_match": ours == shop_counts,
        "locations": len(locations),
        "locations_not_set_up": len(unmapped),
        "locations_missing": len(missing),
    }


def _locations(client: ShopifyClient) -> Iterator[dict[str, Any]]:
    after = None
    while True:
        page = client.execute("locations", {"after": after})["locations"]
        yield from page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return
        after = page["pageInfo"]["endCursor"]


def _tell(conn: Connection, import_id: int, shop_id: str, counts: dict[str, Any]) -> None:
    rejects = conn.execute(sql.first_rejects, {"import_id": import_id, "limit": SHOWN_REJECTS}).fetchall()
    for shopify_id, sku, code, message in rejects:
        log.warning("not taken: %s (SKU %s): %s: %s", shopify_id, sku, code, message)
    if counts["rejected"] > len(rejects):
        log.warning("… and more: all %s are in oms.product_import_reject", counts["rejected"])
    if not counts["counts_match"]:
        log.warning("shop %s: the counts of OMS and shop differ: %s", shop_id, counts)
    log.info("shop %s: %s", shop_id, counts)
