"""The levels of a shop into the OMS, by one bulk query (spec inventory.md 5.14).

What Shopify tells becomes a file under SYNC_SHOPIFY_INV, with its account, its rejects and its lines behind
the ledger, although it never lies on SFTP. It is one chunk, landed and applied by the same run; what a run
that died has landed the next one applies, or gives up if its rows are gone.
"""

import csv
import io
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from psycopg.rows import dict_row

from oms import catalog, crashpoints, locks, servers, shops
from oms.catalog.model import RESET
from oms.database import Connection, freshen_statistics, statements
from oms.exports import OpenSftp
from oms.imports import applying, closing, landing, logs, staging
from oms.imports.errors import StagingLost
from oms.imports.jobs import Run, Settings
from oms.parameters import BadParameter, connection_id
from oms.remote import make_folders
from oms.shopify import documents, exports, windows
from oms.shopify.client import ShopifyClient
from oms.shopify.errors import Misconfigured
from oms.stock_pulls import levels
from oms.stock_pulls.files.shop_levels import CONTRACT, LevelSettings
from oms.work import Work

sql = statements(__file__)
log = logging.getLogger(__name__)

EXPORTED = crashpoints.register("levels.exported", "the shop has written its levels, no log says so yet")
LANDED = crashpoints.register("levels.landed", "the levels are staged and ready to be applied")
APPLIED = crashpoints.register("levels.applied", "the levels are applied, their log is still open")
CLOSED = crashpoints.register("levels.closed", "the log is closed and the window has moved on")
REPORTED = crashpoints.register("levels.reported", "a reject file is on SFTP, its log does not say so yet")

JOB = "sync_inventory_from_shopify"
CONFIG = "SYNC_SHOPIFY_INV"
ANY_TIME = "2000-01-01T00:00:00Z"
"""Stands in the document in the place of the moment that a window begins."""
LINES_AT_ONCE = 2000
TELL_EVERY = 100_000
SHOWN = 20


class NotTheMaster(Misconfigured):
    """The OMS owns the stock of this shop: its levels must not be taken over (INV-33)."""

    def __init__(self, shop_id: str) -> None:
        super().__init__(
            f"shop {shop_id}: the OMS owns its stock (inventory_master = OMS), so that its levels are not "
            "taken over: they would feed our own figures back. Set inventory_master to SHOPIFY in shops.csv, "
            "or initialStock for facilities that have no stock yet",
            "NOT_THE_MASTER",
        )


@dataclass
class Export:
    """The levels of a shop as the text of a file; the counts are right once it has been read."""

    shop_id: str
    known: frozenset[int]
    """Locations that are set up; the others are no file's concern."""
    levels: int = 0
    elsewhere: Counter[int] = field(default_factory=Counter)

    def text(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        """The file in pieces, a line for each level of a location that is set up."""
        yield (",".join(column.name for column in CONTRACT.columns) + "\n").encode()
        rows: list[tuple[Any, ...]] = []
        for found in exports.read(lines, self._rows):
            rows += found
            if len(rows) >= LINES_AT_ONCE:
                yield _written(rows)
                rows = []
        yield _written(rows)

    def _rows(self, node: dict[str, Any]) -> list[tuple[Any, ...]]:
        if "/InventoryLevel/" not in node["id"]:
            _number(node["id"])
            return []  # a location
        self.levels += 1
        if self.levels % TELL_EVERY == 0:
            log.info("shop %s: %s levels so far", self.shop_id, self.levels)
        location, item = _number(node["location"]["id"]), node["item"]
        values = (
            self.shop_id,
            _number(item["id"]),
            item["sku"],
            "true" if item["tracked"] else "false",
            location,
            *exports.quantities(node, ("available", "on_hand")),
            node["updatedAt"],
        )
        if location not in self.known:
            self.elsewhere[location] += 1
            return []
        return [values]


def run(work: Work, shop_id: str) -> dict[str, Any]:
    """The job: one shop of a run."""
    client = work.open_shop(shop_id)
    return sync_shop(work.conn, client, shop_id, work.params, work.run_name, open_sftp=work.open_sftp)


def sync_shop(
    conn: Connection,
    client: ShopifyClient,
    shop_id: str,
    params: Mapping[str, Any],
    run_name: str,
    *,
    open_sftp: OpenSftp,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """Bring the balances of a shop's physical locations to what Shopify shows; return the counts.

    conn: in autocommit mode. params: `includeAll`, or the levels changed since the last run less `bufferTime`
    (the first time: since `frequency` minutes ago); `scheduleNow` (true: ahead of the queue of files);
    `quantityName`, `targetFacilityId`, `initialStock`, `dryRun`; `propertyResource` and `rejectPath` say
    where the file of rejected levels goes, in a folder `error/`. Repeating it changes nothing.

    `facilities` of the answer: there other shops may show stock in DELTA mode, which leaves levels that are
    taken over to the hard sync (inventory.md 6.5).

    Raises NotTheMaster before anything is asked; ExportFailed, ExportIncomplete and the errors of the client;
    what `open_sftp` raises, when the levels are applied: the next run writes the file.
    """
    shop = shops.read(conn, shop_id)
    if shop.inventory_master != "SHOPIFY" and not params["initialStock"]:
        raise NotTheMaster(shop_id)
    _check_locations(conn, shop_id, params["targetFacilityId"])
    dry_run = params["dryRun"]
    with locks.held(conn, locks.LEVELS_OF_SHOP.of(shop_id)):
        if not dry_run:
            _finish_leftovers(conn, shop)
        since = _begin(conn, shop_id, params)
        operation = exports.wait(client, exports.start(client, _query(since)), sleep)
        crashpoints.point(EXPORTED)
        freshen_statistics(conn, *levels.TAKEN_FROM)
        settings = _settings(shop, params, operation["createdAt"])
        if dry_run:
            with conn.transaction(force_rollback=True):
                log_id, export = _land(conn, shop, operation, settings, run_name)
                _apply(conn, log_id)
                counts = _counted(conn, shop, log_id, export) | {"dryRun": True, "facilities": []}
        else:
            log_id, export = _land(conn, shop, operation, settings, run_name)
            crashpoints.point(LANDED)
            _apply(conn, log_id)
            crashpoints.point(APPLIED)
            _close(conn, shop_id, log_id, settings)
            crashpoints.point(CLOSED)
            counts = _counted(conn, shop, log_id, export)
            _report_rejects(conn, shop, open_sftp)
    log.info("shop %s, %s: %s", shop_id, f"changed since {since}" if since else "all levels", counts)
    return counts


def _check_locations(conn: Connection, shop_id: str, target: str | None) -> None:
    """Refuse what is set up so that no figure would be right, before any effect (inventory.md 2.4)."""
    if target is not None and not levels.holds_stock(conn, target):
        raise BadParameter("targetFacilityId", target, "a facility that holds stock")
    rows = conn.execute(sql.places, {"shop_id": shop_id}).fetchall()
    for location, _, is_contradictory in rows:
        if is_contradictory:
            raise Misconfigured(
                f"shop {shop_id}: location {location} is mapped to a queue and to a facility; keep one"
            )
    consolidated = [location for location, is_consolidated, _ in rows if is_consolidated]
    if target is not None and len(consolidated) > 1:
        raise BadParameter(
            "targetFacilityId", target, f"nothing: locations {consolidated} are all consolidated, one may be"
        )


def _begin(conn: Connection, shop_id: str, params: dict[str, Any]) -> datetime | None:
    """The beginning of the window in Shopify time; None: all levels."""
    if params["includeAll"]:
        return None
    return windows.since(conn, JOB, shop_id, params)


def _query(since: datetime | None) -> str:
    if since is None:
        return documents.load("levels_export").text
    moment = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return documents.load("levels_export_since").text.replace(ANY_TIME, moment)


def _settings(shop: shops.Shop, params: dict[str, Any], told_at: str) -> Settings:
    return Settings(
        config_id=CONFIG,
        file_type="stock_pulls.shop_levels",
        connection_id=shop.connection_id,
        import_path=params["rejectPath"],
        schedule_now=params["scheduleNow"],
        max_chunks=1,
        own=LevelSettings(
            quantity_name=params["quantityName"],
            target_facility_id=params["targetFacilityId"],
            initial_stock=params["initialStock"],
            told_at=told_at,
            reject_connection_id=connection_id(params["propertyResource"])
            if params["propertyResource"]
            else None,
        ).as_json(),
    )


def _land(
    conn: Connection, shop: shops.Shop, operation: dict[str, Any], settings: Settings, run_name: str
) -> tuple[int, Export]:
    """Stream the export into the staging of a new log."""
    known = conn.execute(sql.locations, {"shop_id": shop.shop_id}).fetchall()
    export = Export(shop.shop_id, frozenset(number for (number,) in known))
    dag_id, _, run_id = run_name.partition("/")
    path = f"{shop.shop_id}/inventory_levels_{_number(operation['id'])}.csv"
    with exports.lines(operation) as lines:
        log_id = landing.land_text(
            conn,
            settings,
            Run(dag_id, run_id),
            path,
            export.text(lines),
            domain=catalog.BALANCE,
            kind=RESET,
        )
    return log_id, export


def _apply(conn: Connection, log_id: int) -> None:
    for load_id, chunk_no in conn.execute(sql.open_chunks, {"log_id": log_id}).fetchall():
        applying.apply_chunk(conn, {"load_id": load_id, "chunk_no": chunk_no}, _no_file)


@contextmanager
def _no_file() -> Iterator[Any]:
    """There is no file to land again."""
    raise StagingLost("the staged levels are gone; the next run asks Shopify again")
    yield


def _close(conn: Connection, shop_id: str, log_id: int, settings: Settings) -> None:
    """Close the account, and move the window on with what it has passed."""
    with conn.transaction():
        conn.execute(closing.sql.finish, {"log_ids": [log_id]})
        conn.execute(
            closing.sql.mark_closed, {"log_ids": [log_id], "moved_to": [None], "reject_files": [None]}
        )
        windows.move(conn, JOB, shop_id, LevelSettings.of(settings).told_at)
        staging.drop(conn, log_id)


def _report_rejects(conn: Connection, shop: shops.Shop, open_sftp: OpenSftp) -> None:
    """Write a reject file for each log of the shop that has none yet, those of runs that died among them."""
    due = conn.cursor(row_factory=dict_row).execute(sql.without_reject_file, _logs_of(shop)).fetchall()
    for row in due:
        settings = Settings.stored(row["params"])
        server = LevelSettings.of(settings).reject_connection_id
        with open_sftp(server) as sftp:
            servers.recognise(conn, server, sftp)
            make_folders(sftp, settings.import_path)
            path = closing.write_rejects(conn, sftp, row, settings.import_path)
        crashpoints.point(REPORTED)
        conn.execute(sql.note_reject_file, {"log_id": row["log_id"], "reject_file": path})
        log.warning("%s levels not taken: %s on %s", row["rejected_count"], path, server)


def _logs_of(shop: shops.Shop) -> dict[str, Any]:
    return {"config": CONFIG, "connection_id": shop.connection_id, "prefix": f"{shop.shop_id}/"}


def _finish_leftovers(conn: Connection, shop: shops.Shop) -> None:
    """Apply and close what a run of this shop left behind, or give it up where its rows are gone."""
    for row in conn.cursor(row_factory=dict_row).execute(sql.left_behind, _logs_of(shop)).fetchall():
        log_id = row["log_id"]
        if row["is_ready"] and (row["is_applied"] or staging.is_staged(conn, log_id)):
            log.info("log %s was left behind by an earlier run and is finished", log_id)
            _apply(conn, log_id)
            _close(conn, shop.shop_id, log_id, Settings.stored(row["params"]))
        else:
            log.warning("log %s was left behind unapplied and is given up for a new export", log_id)
            logs.give_up(conn, log_id)


def _counted(conn: Connection, shop: shops.Shop, log_id: int, export: Export) -> dict[str, Any]:
    """The account of the log, and what it does not tell; said in the log, too."""
    for location, number in sorted(export.elsewhere.items()):
        log.warning("location %s: %s levels passed over, it is not in shop_locations.csv", location, number)
    rejects = conn.execute(sql.first_rejects, {"log_id": log_id, "limit": SHOWN}).fetchall()
    for code, message in rejects:
        log.warning("not taken: %s: %s", code, message)
    row = conn.cursor(row_factory=dict_row).execute(sql.account, {"log_id": log_id}).fetchone()
    notes = conn.execute(sql.notes, {"log_id": log_id}).fetchall()
    facilities = conn.execute(sql.facilities_to_tell_of, _logs_of(shop) | {"log_id": log_id}).fetchall()
    return {
        "log_id": log_id,
        "levels": export.levels,
        "elsewhere": export.elsewhere.total(),
        **row,
        **dict(notes),
        "facilities": [facility_id for (facility_id,) in facilities],
    }


def _number(gid: str) -> int:
    """The number of `gid://shopify/Kind/1`."""
    return int(gid.rsplit("/", 1)[-1])


def _written(rows: list[tuple[Any, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
