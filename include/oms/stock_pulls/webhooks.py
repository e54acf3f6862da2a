"""Works off webhooks on levels: a reset where Shopify owns the stock, else a note (inventory.md 5.16).

Many events are one transaction. A run that dies leaves them NEW; two runs side by side take different ones,
and whoever gets the locks of the positions later sees what the other has applied.
"""

import logging
import time
from collections import Counter
from datetime import timedelta
from typing import Any

import psycopg

from oms import crashpoints
from oms.database import Connection, freshen_statistics, statements
from oms.inventory.files import positions
from oms.parameters import BadParameter
from oms.stock_pulls import levels
from oms.work import Work

sql = statements(__file__)
log = logging.getLogger(__name__)

TAKEN = crashpoints.register("webhooks.taken", "events on levels are locked and read, nothing is written yet")
WRITTEN = crashpoints.register("webhooks.written", "entries and verdicts are written, not committed")
DONE = crashpoints.register("webhooks.done", "events are worked off and committed")

TOPIC = "inventory_levels/update"
LONGEST = 300.0
"""Seconds after which a run leaves the rest to the next one, which a minute later is there anyway."""
ATTEMPTS = 4
"""Attempts at events whose transaction Postgres ended to resolve a deadlock."""
SHOWN = 20
BETWEEN_RINGS = timedelta(minutes=15)
"""A hard sync reads every level of its shop: so often at most is it called for stock that webhooks move."""


def receive(work: Work) -> dict[str, Any]:
    """Work off the events on levels that wait; return how many became what.

    params: `limit` (events in one transaction), `targetFacilityId` (stands for consolidated locations).
    Events of items that the OMS did not know are taken up again once it does. Repeating it changes nothing.

    `facilities` of the answer: there other shops show stock in DELTA mode, which leaves what webhooks have
    set to the hard sync (inventory.md 6.5), and it is time for one.
    """
    target = work.params.get("targetFacilityId")
    if target is not None and not levels.holds_stock(work.conn, target):
        raise BadParameter("targetFacilityId", target, "a facility that holds stock")
    freshen_statistics(work.conn, "webhook_inbox", *levels.TAKEN_FROM)
    values = {"topic": TOPIC, "limit": work.params["limit"], "target": target}
    counts: Counter[str] = Counter(
        taken_up_again=work.conn.execute(sql.take_up_again, values).rowcount,
    )
    give_up = time.monotonic() + LONGEST
    while (one := _with_patience(work.conn, values, work.run_name))["events"]:
        counts += one
        log.info("%s events on levels worked off: %s", counts["events"], dict(one))
        if time.monotonic() > give_up:
            log.info("%s s are over: the next run goes on", LONGEST)
            break
    waiting = work.conn.execute(sql.call_for_hard_sync, {"between": BETWEEN_RINGS}).fetchall()
    return dict(counts) | {"facilities": [facility for (facility,) in waiting]}


def _with_patience(conn: Connection, values: dict[str, Any], run_id: str) -> Counter[str]:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _one_batch(conn, values, run_id)
        except psycopg.errors.DeadlockDetected:
            if attempt == ATTEMPTS:
                raise
            log.warning("events on levels met a deadlock; trying again")
    raise AssertionError("unreachable")


def _one_batch(conn: Connection, values: dict[str, Any], run_id: str) -> Counter[str]:
    """Take events, apply or observe the newest word on each level, give every event its status."""
    with conn.transaction():
        positions.forget(conn)
        conn.execute(sql.forget_events)
        events = conn.execute(sql.take_events, values).rowcount
        if not events:
            return Counter()
        crashpoints.point(TAKEN)
        conn.execute(sql.freshen)
        conn.execute(sql.keep_newest)
        counts = Counter(events=events)
        if conn.execute(sql.find_changes, {}).rowcount:
            counts["applied"] = levels.apply_told(conn, log_id=None, run_id=run_id).applied
            conn.execute(sql.tell_applied)
        counts["observed"] = conn.execute(sql.observe).rowcount
        conn.execute(sql.tell_observed)
        set_aside = conn.execute(sql.set_aside, {"limit": SHOWN}).fetchall()
        counts.update(dict(conn.execute(sql.finish).fetchall()))
        crashpoints.point(WRITTEN)
    crashpoints.point(DONE)
    for shop_id, webhook_id, error in set_aside:
        log.warning("set aside: webhook %s of shop %s: %s", webhook_id, shop_id, error)
    return +counts
