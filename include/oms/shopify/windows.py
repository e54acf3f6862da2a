"""Pulls of what has changed in a shop since the last time: window, pages, rejects and end (orders.md 1.5).

A job hands in a document and what to do with a page; everything else is done here, so that no job can forget
it. In particular an import of orders that did not say when it began and ended would silently switch off the
second look of every guarded push (inventory.md 6.7).
"""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from oms import crashpoints, locks
from oms.database import Connection, statements
from oms.errors import NeedsPerson
from oms.parameters import BadParameter
from oms.shopify.client import ShopifyClient
from oms.shopify.errors import OutcomeUnknown
from oms.texts import first_of
from oms.work import Work

log = logging.getLogger(__name__)
sql = statements(__file__)

BEGAN = crashpoints.register("pull.began", "an import has begun, the shop is not asked yet")
PAGE_TAKEN = crashpoints.register("pull.page_taken", "a page is taken in, the window is where it was")
MOVED = crashpoints.register("pull.moved", "the window has moved on, its import has not ended")
ENDED = crashpoints.register("pull.ended", "the import has ended, the task has not answered")

ORDERS, CHANGES, RETURNS = "orders", "changes", "returns"
"""Parts of an import: new orders; their quantities, cancellations, fulfilments; refunds of deliveries."""
MOST_TRIES = 5
FIRST_PAUSE = timedelta(minutes=5)
BAD_SHARE = 0.05
BAD_LEAST = 20

Node = dict[str, Any]


class RejectsLeft(NeedsPerson):
    """Records were refused for the last time, or too many at once; the window has moved all the same."""


class PageUnaccounted(NeedsPerson):
    """What was done with a page does not add up to its records: a fault of the job, nothing of it is kept."""


@dataclass(frozen=True)
class Reject:
    """A record that is not taken in, for now.

    levels: what it touches one-sidedly, as (location, inventory item; None: all items there): no second look
    is due there while it is open (orders-addendum.md K). waits: nothing is wrong with it yet (code WAITS);
    each run tries it again.
    """

    shopify_id: str
    code: str
    message: str
    levels: Collection[tuple[int, int | None]] = ()
    waits: bool = False


@dataclass(frozen=True)
class Counts:
    """What became of the records of a page: how many of each end ("taken", "skipped"), and the rejects."""

    ends: Mapping[str, int]
    rejects: Sequence[Reject] = ()


Take = Callable[[Connection, str, Sequence[Node]], Counts]
"""Takes in the records of a page of a shop, inside one transaction; a record twice is taken in once."""


@dataclass(frozen=True)
class Pull:
    """One job of this shape.

    job: the name of its window. document: a query of one connection with $query and $after, whose nodes
    have ids. time_field, where: the filter. kind: of its rejects. by_ids: a document of the same nodes with
    $ids, by which rejects are tried again, `ids_at_once` a call. parts: what it takes in of orders, for the
    second look; none for a subset, which never ends a look.
    """

    job: str
    document: str
    take: Take
    time_field: str = "updated_at"
    where: str = ""
    kind: str = "ORDER"
    by_ids: str | None = None
    ids_at_once: int = 20
    parts: Collection[str] = ()


@dataclass(frozen=True)
class Window:
    """What is asked for: changes from `since` on and before `thru`, in whole seconds."""

    since: datetime
    thru: datetime
    started: datetime


def pull(work: Work, shop_id: str, what: Pull, *, now: datetime | None = None) -> dict[str, Any]:
    """Take in what has changed in a shop since the last run that ended well; return the counts.

    For the task of a job. Parameters: `bufferTime` and `frequency` in minutes, perhaps `thruDateBuffer` (0)
    and `dryRun`. One run of a job and shop at a time, the next one waits. A run that fails has taken pages in
    and never moves the window; repeating it changes nothing.

    Raises BadParameter before any effect, the errors of the client, whatever `take` raises; RejectsLeft when
    all is done.
    """
    conn, params = work.conn, work.params
    refuse_holes(params)
    dry_run = bool(params.get("dryRun"))
    client = work.open_shop(shop_id)
    with locks.held(conn, locks.PULL.of(what.job, shop_id)):
        window = window_of(conn, what.job, shop_id, params, now)
        log.info("shop %s, %s: %s to %s", shop_id, what.job, window.since, window.thru)
        importing = (
            import_of_orders(conn, shop_id, work.run_name, what.parts, window.thru)
            if what.parts and not dry_run
            else nullcontext()
        )
        account = _Account(conn, shop_id, what, dry_run)
        with importing:
            crashpoints.point(BEGAN)
            _take_all(client, window, account)
            if not dry_run:
                move(conn, what.job, shop_id, window.started)
            crashpoints.point(MOVED)
        crashpoints.point(ENDED)
    counts = account.counts(window)
    log.info("shop %s, %s: %s", shop_id, what.job, counts)
    account.raise_if_bad()
    return counts


def _take_all(client: ShopifyClient, window: Window, account: "_Account") -> None:
    """Take in the rejects whose time has come, then every page of the window."""
    again: set[str] = set()
    for nodes in account.due_again(client):
        account.take(nodes)
        again |= {node["id"] for node in nodes}
    for nodes in pages(client, account.what, window):
        account.take([node for node in nodes if node["id"] not in again])


def refuse_holes(params: Mapping[str, Any]) -> None:
    """Refuse buffers that leave a hole between two windows (T-WIN-05). Raises BadParameter."""
    least = (params.get("thruDateBuffer") or 0) + 1
    if params["bufferTime"] < least:
        raise BadParameter(
            "bufferTime",
            params["bufferTime"],
            f"at least {least}, one more than thruDateBuffer: what changes in between would be missed",
        )


def since(
    conn: Connection, job: str, shop_id: str, params: Mapping[str, Any], now: datetime | None = None
) -> datetime:
    """Return where a window begins: `bufferTime` before the job's last run, `frequency` back without one."""
    mark = conn.execute(sql.mark, {"job": job, "shop_id": shop_id}).fetchone()
    if mark is None:
        return (now or datetime.now(UTC)) - timedelta(minutes=params["frequency"])
    return mark[0] - timedelta(minutes=params["bufferTime"])


def window_of(
    conn: Connection, job: str, shop_id: str, params: Mapping[str, Any], now: datetime | None = None
) -> Window:
    """Return the window of a run that starts now."""
    started = (now or datetime.now(UTC)).replace(microsecond=0)
    thru = started - timedelta(minutes=(params.get("thruDateBuffer") or 0))
    return Window(since(conn, job, shop_id, params, started).replace(microsecond=0), thru, started)


def move(conn: Connection, job: str, shop_id: str, to: datetime | str) -> None:
    """Move the window of a job on, inside the caller's transaction; it never moves back."""
    conn.execute(sql.move, {"job": job, "shop_id": shop_id, "to": to})


@contextmanager
def import_of_orders(
    conn: Connection,
    shop_id: str,
    run_id: str,
    parts: Collection[str] = (ORDERS, CHANGES),
    covers_to: datetime | None = None,
) -> Iterator[None]:
    """Note that an import of a shop begins, and, if the block ends well, that all it found is taken in.

    Before the first question to the shop, and around the transaction that takes in the last answer. parts:
    what it takes in. covers_to: it takes what happened in Shopify until then, which a job that keeps away
    from the present must say; None: until now. A block that fails never ends the import.
    """
    values = {"shop_id": shop_id, "run_id": run_id, "parts": sorted(parts), "covers_to": covers_to}
    conn.execute(sql.forget_old, values)
    (import_id,) = conn.execute(sql.begin, values).fetchone()
    yield
    conn.execute(sql.end, {"import_id": import_id})


def pages(client: ShopifyClient, what: Pull, window: Window) -> Iterator[list[Node]]:
    """Ask for the pages of a window, one after the other."""
    between = f"{what.time_field}:>='{_told(window.since)}' {what.time_field}:<'{_told(window.thru)}'"
    variables = {"query": f"{between} {what.where}".strip(), "after": None}
    while True:
        (page,) = client.execute(what.document, variables).values()
        yield page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return
        if page["pageInfo"]["endCursor"] in (None, variables["after"]):
            raise OutcomeUnknown(
                f"{what.document}: a further page is said to follow, its cursor does not move"
            )
        variables["after"] = page["pageInfo"]["endCursor"]


def _told(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class _Account:
    """What became of the records of one run."""

    def __init__(self, conn: Connection, shop_id: str, what: Pull, dry_run: bool) -> None:
        self._conn = conn
        self._shop_id = shop_id
        self.what = what
        self._dry_run = dry_run
        self._ends: Counter[str] = Counter()
        self._pages = 0
        self._used_up: list[str] = []

    def due_again(self, client: ShopifyClient) -> Iterator[list[Node]]:
        """Read the rejects whose time has come by their ids; one that the shop no longer has is no reject."""
        what, values = self.what, {"shop_id": self._shop_id, "kind": self.what.kind}
        if what.by_ids is None:
            return
        due = [one for (one,) in self._conn.execute(sql.rejects_due, values)]
        for start in range(0, len(due), what.ids_at_once):
            ids = due[start : start + what.ids_at_once]
            (found,) = client.execute(what.by_ids, {"ids": ids}).values()
            nodes = [node for node in found if node]
            gone = sorted(set(ids) - {node["id"] for node in nodes})
            if gone and not self._dry_run:
                log.info("the shop no longer has %s", ", ".join(gone))
                self._conn.execute(sql.resolve, values | {"ids": gone})
            yield nodes

    def take(self, nodes: list[Node]) -> None:
        """Take one page in, with its rejects, in one transaction."""
        if not nodes:
            return
        with self._conn.transaction(force_rollback=self._dry_run):
            counts = self.what.take(self._conn, self._shop_id, nodes)
            if sum(counts.ends.values()) + len(counts.rejects) != len(nodes):
                raise PageUnaccounted(
                    f"{self.what.job}: {len(nodes)} records came, {dict(counts.ends)} and "
                    f"{len(counts.rejects)} rejects are said of them"
                )
            used_up = self._keep_rejects(nodes, counts.rejects)
        crashpoints.point(PAGE_TAKEN)
        self._pages += 1
        self._ends.update(counts.ends)
        self._ends["rejected"] += sum(not one.waits for one in counts.rejects)
        self._ends["waiting"] += sum(one.waits for one in counts.rejects)
        self._used_up += used_up

    def _keep_rejects(self, nodes: list[Node], rejects: Sequence[Reject]) -> list[str]:
        """Store what is refused and forget what is not any more; return what was tried for the last time."""
        values = {"shop_id": self._shop_id, "kind": self.what.kind}
        refused = {one.shopify_id for one in rejects}
        settled = sorted({node["id"] for node in nodes} - refused)
        self._conn.execute(sql.resolve, values | {"ids": settled})
        used_up = []
        for one in rejects:
            log.warning("%s is not taken: %s: %s", one.shopify_id, one.code, one.message)
            levels = [{"location": place, "item": item} for place, item in one.levels]
            given = {
                "id": one.shopify_id,
                "code": one.code,
                "message": one.message,
                "levels": Jsonb(levels),
                "waits": one.waits,
                "most": MOST_TRIES,
                "pause": FIRST_PAUSE,
            }
            (is_last,) = self._conn.execute(sql.keep_reject, values | given).fetchone()
            self._conn.execute(sql.keep_levels, values | given)
            if is_last:
                used_up.append(f"{one.shopify_id}: {one.code}: {one.message}")
        return used_up

    def counts(self, window: Window) -> dict[str, Any]:
        ends = {name: count for name, count in self._ends.items() if count}
        return {"since": _told(window.since), "thru": _told(window.thru), "pages": self._pages, **ends}

    def raise_if_bad(self) -> None:
        """Raise RejectsLeft if a person has to look."""
        rejected, total = self._ends["rejected"], self._ends.total()
        if self._used_up:
            raise RejectsLeft(
                f"refused {MOST_TRIES} times and not tried again until they change in the shop: "
                + first_of(self._used_up)
            )
        if rejected >= BAD_LEAST and rejected > BAD_SHARE * total:
            raise RejectsLeft(
                f"{rejected} of {total} records are refused, more than {BAD_SHARE:.0%}: the log names them, "
                "each run tries them again"
            )
