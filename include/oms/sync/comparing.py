"""What becomes of the levels of a push, by the books or by what Shopify shows (inventory.md 6.2, 6.3)."""

import logging
import uuid
from dataclasses import replace

from oms import crashpoints
from oms.database import copy_rows, statements
from oms.inventory import changes
from oms.shopify.budget import Deadline
from oms.shopify.client import gid
from oms.shopify.errors import Rejected
from oms.shopify.levels import Reading, read_levels
from oms.sync import snapshot
from oms.sync.errors import TooManyDrops
from oms.sync.locations import numbers_of
from oms.sync.options import PreviewLine, Push
from oms.sync.snapshot import Plan

log = logging.getLogger(__name__)
sql = statements(__file__)

LEVELS_READ = crashpoints.register("plan.levels_read", "Shopify was read, nothing stored yet")
ACTIVATED = crashpoints.register("plan.activated", "levels were activated in Shopify, nothing stored yet")


def decide(push: Push, plan: Plan, deadline: Deadline) -> Plan:
    """Give every level of the workspace its outcome; RECENT and HARD read Shopify for it. Return the plan.

    DELTA reads levels that were never compared. Raises what reading raises, and TooManyDrops (HARD) before
    anything is stored. RECENT leaves out the location whose first comparison would empty it, DELTA levels.
    """
    if plan.mode != "HARD":
        push.conn.execute(sql.skip_set_aside)
    push.conn.execute(sql.decide_from_books)
    _compare(push, plan, deadline)
    if push.options.activate_at_location and not push.options.dry_run:
        _activate(push, plan, deadline)
    plan = _without_drops(push, plan)
    _count(push)
    return plan


def decide_from_books(push: Push) -> None:
    """Give every level of the workspace its outcome by the books alone."""
    push.conn.execute(sql.skip_set_aside)
    push.conn.execute(sql.decide_from_books)
    _count(push)


def _compare(push: Push, plan: Plan, deadline: Deadline) -> None:
    levels = push.conn.execute(sql.to_read).fetchall()
    if not levels:
        return
    push.conn.execute(sql.forget_readings)
    readings = read_levels(push.client, levels, parallel=push.options.parallel, deadline=deadline)
    copy_rows(push.conn, "pg_temp.plan_reading", Reading._fields, readings)
    push.conn.execute("analyze pg_temp.plan_reading")
    crashpoints.point(LEVELS_READ)
    push.conn.execute(sql.decide_from_readings, {"shop_id": push.shop_id, "snapshot": plan.snapshot})


def _activate(push: Push, plan: Plan, deadline: Deadline) -> None:
    """Stock items where they are not, with the desired figure, and judge them by a new reading.

    The level is active with its figure or it is not, so that a repetition after a crash finds its work done.
    """
    activated: list[tuple[int, int]] = []
    refused: list[int] = []
    for location, item, product, desired in push.conn.execute(sql.not_stocked).fetchall():
        variables = {
            "item": gid("InventoryItem", item),
            "location": gid("Location", location),
            "available": desired,
            "key": str(uuid.uuid5(plan.plan_id, f"{location}:{item}")),
        }
        try:
            push.client.mutate(
                "activate_level", variables, deadline=deadline, key=variables["key"], repeat=True
            )
            activated.append((location, item))
        except Rejected as error:
            log.warning("item %s is not activated at location %s: %s", item, location, error)
            push.report.rejected["NOT_ACTIVATED"] += 1
            refused.append(product)
    crashpoints.point(ACTIVATED)
    if refused:
        changes.note(push.conn, refused, "not activated")
    if activated:
        locations, items = zip(*activated, strict=True)
        push.conn.execute(sql.take_again, {"locations": list(locations), "items": list(items)})
        _compare(push, plan, deadline)


def _without_drops(push: Push, plan: Plan) -> Plan:
    """Return the plan without locations that it would empty; HARD raises TooManyDrops for them.

    DELTA is about the levels that it compares for the first time: they stay as they are, the others are sent.
    What has lost its last facility is to be emptied, and is not counted.
    """
    served = [one for one in plan.locations if not one.emptied]
    checked = plan.everything if plan.mode == "RECENT" else numbers_of(served)
    limit = push.options.max_drop_pct
    if limit is None or plan.only_looked or not checked:
        return plan
    new = [one.shopify_location_id for one in served if one.compared is None and one.mark is None]
    is_delta = plan.mode == "DELTA"
    dropped: dict[int, str] = {}
    values = {"locations": list(checked), "only_new": is_delta}
    for location, sellable, emptied in push.conn.execute(sql.drops, values).fetchall():
        few = location not in new and emptied < push.options.max_drop_levels
        if not few and emptied * 100 > sellable * limit:
            what = "sellable levels that are compared for the first time" if is_delta else "sellable levels"
            dropped[location] = f"location {location}: {emptied} of {sellable} {what}"
    if not dropped:
        return plan
    error = TooManyDrops(
        f"shop {push.shop_id}, {', '.join(dropped.values())} would go to 0, more than {limit:g} %;"
        f" nothing was sent{'' if plan.mode == 'HARD' else ' there'}. If that is right, run"
        " upload_inventory with a higher maxDropPct (dryRun shows what it would send)"
    )
    if plan.mode == "HARD":
        raise error
    push.report.refused = error
    for location in dropped:
        push.conn.execute(
            sql.leave_out_new if is_delta else snapshot.sql.forget_levels, {"location": location}
        )
    if is_delta:
        return plan
    return replace(
        plan,
        locations=tuple(one for one in plan.locations if one.shopify_location_id not in dropped),
        everything=tuple(one for one in plan.everything if one not in dropped),
    )


def _count(push: Push) -> None:
    (unmapped,) = push.conn.execute(sql.unmapped, {"shop_id": push.shop_id}).fetchone()
    outcomes = dict(push.conn.execute(sql.outcomes).fetchall())
    push.report.candidates += sum(outcomes.values()) + unmapped
    push.report.unchanged += outcomes.pop("UNCHANGED", 0)
    push.report.planned += outcomes.pop("LINE", 0)
    push.report.skipped.update(outcomes)
    if unmapped:
        push.report.skipped["SKIPPED_UNMAPPED"] += unmapped
    push.report.drifts, found = push.conn.execute(sql.drifts).fetchone()
    push.report.drifts_booked += found


def preview(push: Push) -> tuple[PreviewLine, ...]:
    """Return the lines of the workspace as a dry run shows them."""
    return tuple(PreviewLine(*row) for row in push.conn.execute(sql.lines))
