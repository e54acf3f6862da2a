"""What a push is asked to do, what its steps work with, and what it did."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from oms.database import Connection
from oms.shopify.client import ShopifyClient
from oms.sync.errors import LinesLeft, TooManyDrops

Mode = Literal["RECENT", "HARD", "DELTA", "RESTOCK", "UPLOAD"]
"""How a plan comes about (inventory.md 6.1); RESTOCK and UPLOAD: for named products (5.13, 5.20)."""

COUNTS = (
    "candidates",
    "unchanged",
    "planned",
    "sent",
    "applied",
    "superseded",
    "drifts",
    "drifts_booked",
    "left",
)
PREVIEW_LINES = 200
PARAMETERS = {
    "facilityGroupId": "facility_groups",
    "shopifyFacilityGroupId": "shopify_facility_group",
    "includeAll": "include_all",
    "useValidATP": "use_valid_atp",
    "guardUndownloadedOrders": "guard_undownloaded_orders",
    "activateAtLocation": "activate_at_location",
    "reasonGroupId": "reason_group",
    "excludeCategoryId": "exclude_category",
    "includeForeignReservations": "include_foreign_reservations",
    "limit": "limit",
    "maxDropPct": "max_drop_pct",
    "secondLookMinutes": "second_look_minutes",
    "dryRun": "dry_run",
}


@dataclass(frozen=True)
class PushOptions:
    """Parameters of the three push jobs (spec inventory.md 5.1-5.3, 6).

    facility_groups: only consolidated locations that show one of these channels and, for DELTA, physical
    ones whose facility is in one; None = all.
    shopify_facility_group: only locations that a facility of this group is mapped to; None = all.
    run_type: what started the run, in Airflow's words. "manual" serves all locations; RECENT and DELTA
    started otherwise serve those whose sync_mode names them, HARD rung by a reset ("asset_triggered")
    the DELTA ones.
    include_all: no lower bound; None = as the mode does by itself (HARD all, RECENT and DELTA changes).
    use_valid_atp: physical locations show COMPUTED_ATP instead of ATP.
    guard_undownloaded_orders: RECENT, HARD compare with the book; always so at DELTA locations.
    activate_at_location: RECENT, HARD stock an item at the location instead of skipping it.
    reason_group, exclude_category, include_foreign_reservations: what DELTA leaves out (6.5).
    limit: lines of a batch, 1 to 250. max_drop_pct: HARD stops when a larger part of a location's sellable
    levels would go to 0 and these are at least max_drop_levels, or any if the location was never compared;
    RECENT leaves out a location that it would compare so for the first time. None = no guard.
    second_look_minutes: how long a guarded HARD run that has found a drift waits for the next import of
    orders to look again; what it has no time for, a later run looks at. One rung by a reset does not wait.
    dry_run: read and compare, but write and send nothing; `Report.preview` has the lines.
    push_seconds: how long to go on with each stage (leftovers, reading, sending).
    parallel: requests at a time. lines_at_once: lines stored in one transaction.
    bulk_above_seconds: a bulk operation is used when the budget would take longer; below 0: always.
    lock_seconds: how long to wait for another run of the same locations.
    """

    facility_groups: tuple[str, ...] | None = None
    shopify_facility_group: str | None = None
    run_type: str = "manual"
    include_all: bool | None = None
    use_valid_atp: bool = False
    guard_undownloaded_orders: bool = False
    activate_at_location: bool = False
    reason_group: str = "SHPFY_INV_DLT_REASON"
    exclude_category: str | None = None
    include_foreign_reservations: bool = True
    limit: int = 250
    max_drop_pct: float | None = 50.0
    max_drop_levels: int = 10
    second_look_minutes: float = 0.0
    dry_run: bool = False
    push_seconds: float = 300.0
    parallel: int = 12
    lines_at_once: int = 5_000
    bulk_above_seconds: float = 120.0
    retry_pause: float = 1.0
    lock_seconds: float = 600.0

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= 250:
            raise ValueError(f"limit must be 1 to 250, not {self.limit}")
        if self.max_drop_pct is not None and not 0 <= self.max_drop_pct <= 100:
            raise ValueError(f"maxDropPct must be 0 to 100, not {self.max_drop_pct}")

    @classmethod
    def of(cls, params: Mapping[str, Any], *, run_type: str = "manual") -> "PushOptions":
        """Make options of a job's parameters (catalogue names); what is not given keeps its default."""
        given = {name: params[key] for key, name in PARAMETERS.items() if key in params}
        groups = given.get("facility_groups")
        if groups is not None:
            given["facility_groups"] = (groups,) if isinstance(groups, str) else tuple(groups)
        return cls(**given, run_type=str(getattr(run_type, "value", run_type)))

    def serves(self, mode: Mode, sync_mode: str) -> bool:
        """Say whether a run of this mode serves locations of a sync mode (spec inventory.md 5.1, 6.1)."""
        if self.run_type == "manual" or mode in ("RESTOCK", "UPLOAD"):
            return True
        if mode == "HARD":
            return self.run_type != "asset_triggered" or sync_mode == "DELTA"
        return sync_mode == mode


@dataclass(frozen=True)
class UnimportedUnits:
    """Units of a level that Shopify has sold and no import has taken in since then (inventory.md 6.8).

    shop_sku: the SKU as the shop spells it. orders: open orders with it that the OMS does not know.
    """

    shopify_location_id: int
    shopify_inventory_item_id: int
    product_id: int
    sku: str
    units: int
    since: datetime
    shop_sku: str
    orders: tuple[str, ...] = ()


@dataclass(frozen=True)
class PreviewLine:
    """A line that a dry run would have sent."""

    shopify_location_id: int
    shopify_inventory_item_id: int
    product_id: int
    compared_with: int
    desired: int
    delta: int


@dataclass
class Report:
    """What a push of one shop did, in levels (lines) unless said otherwise."""

    shop_id: str
    mode: Mode
    message: str = ""
    candidates: int = 0
    unchanged: int = 0
    planned: int = 0
    sent: int = 0
    applied: int = 0
    superseded: int = 0
    drifts: int = 0
    drifts_booked: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    left: int = 0
    undecided: int = 0
    oldest_unsent: datetime | None = None
    left_alone: tuple[int, ...] = ()
    needs_hard_sync: tuple[int, ...] = ()
    without_stock: tuple[int, ...] = ()
    unimported: tuple[UnimportedUnits, ...] = ()
    no_order_imports: bool = False
    calls: int = 0
    wait_seconds: float = 0.0
    preview: tuple[PreviewLine, ...] = ()
    refused: TooManyDrops | None = None
    """Of locations that were left out because they would have been emptied."""

    @property
    def warnings(self) -> int:
        """Count what a person may want to look at: skipped and rejected levels."""
        return self.skipped.total() + self.rejected.total()

    def raise_if_open(self) -> None:
        """Raise LinesLeft for lines that wait and locations left alone, TooManyDrops for those left out."""
        if self.left or self.left_alone:
            waiting = f"; {self.undecided} batches wait for a person: `python -m oms settle` lists them"
            raise LinesLeft(
                f"shop {self.shop_id}: {self.left} lines unanswered"
                f" (oldest of {self.oldest_unsent}), locations left alone: {list(self.left_alone) or 'none'}"
                f"{waiting if self.undecided else ''}",
                self,
            )
        if self.refused is not None:
            raise self.refused

    def counts(self) -> dict[str, Any]:
        """Return the counts as plain values, for an XCom."""
        return {
            **{name: getattr(self, name) for name in COUNTS},
            "skipped": dict(self.skipped),
            "rejected": dict(self.rejected),
            "warnings": self.warnings,
            "calls": self.calls,
            "wait_seconds": round(self.wait_seconds, 1),
            "undecided": self.undecided,
            "oldest_unsent": self.oldest_unsent.isoformat() if self.oldest_unsent else None,
            "needs_hard_sync": list(self.needs_hard_sync),
            "without_stock": list(self.without_stock),
            "left_alone": list(self.left_alone),
            "unimported": len(self.unimported),
            "unimported_orders": sorted({order for one in self.unimported for order in one.orders}),
            "no_order_imports": self.no_order_imports,
        }

    def summary(self) -> str:
        """Return the counts as one line, without those that are 0."""
        parts = [f"{name} {getattr(self, name)}" for name in COUNTS if getattr(self, name)]
        parts += [f"{name} {count}" for name, count in sorted(self.skipped.items())]
        parts += [f"rejected {code} {count}" for code, count in sorted(self.rejected.items())]
        parts += [f"calls {self.calls}", f"waited {self.wait_seconds:.1f} s"]
        return f"{self.mode} {self.shop_id}: {self.message or ', '.join(parts)}"

    def table(self) -> str:
        """Return what a person reads in the log: the counts, and the lines of a dry run."""
        rows = [(name, str(getattr(self, name))) for name in COUNTS]
        rows += [(f"skipped: {name}", str(count)) for name, count in sorted(self.skipped.items())]
        rows += [(f"rejected: {code}", str(count)) for code, count in sorted(self.rejected.items())]
        rows += [("calls", str(self.calls)), ("waited", f"{self.wait_seconds:.1f} s")]
        if self.needs_hard_sync:
            rows.append(("needs a hard sync", ", ".join(map(str, self.needs_hard_sync))))
        if self.without_stock:
            rows.append(("waits for its first stock", ", ".join(map(str, self.without_stock))))
        if self.left_alone:
            rows.append(("left alone", ", ".join(map(str, self.left_alone))))
        if self.undecided:
            rows.append(("batches for a person", f"{self.undecided}, see `python -m oms settle`"))
        if self.no_order_imports:
            rows.append(("drifts wait", "no import of orders and their changes is known for the shop"))
        width = max(len(name) for name, _ in rows)
        lines = [f"{self.mode} push of shop {self.shop_id}", *([self.message] if self.message else [])]
        lines += [f"  {name:<{width}}  {value}" for name, value in rows]
        if self.unimported:
            lines.append(f"units sold and not taken in for more than a day, {len(self.unimported)} levels:")
        lines += [
            f"  location {one.shopify_location_id} {one.sku} (product {one.product_id}):"
            f" {one.units} since {one.since:%Y-%m-%d %H:%M}; orders: {', '.join(one.orders) or 'not found'}"
            for one in self.unimported[:PREVIEW_LINES]
        ]
        if self.preview:
            lines.append(f"would send {len(self.preview)} lines:")
        lines += [
            f"  location {one.shopify_location_id} item {one.shopify_inventory_item_id}"
            f" product {one.product_id}: {one.compared_with} -> {one.desired} ({one.delta:+d})"
            for one in self.preview[:PREVIEW_LINES]
        ]
        return "\n".join(lines)


@dataclass(frozen=True)
class Push:
    """A push of one shop under way: what each of its steps is handed.

    conn: in autocommit mode; it holds the locks of the locations and the workspace of the plan.
    """

    conn: Connection
    client: ShopifyClient
    shop_id: str
    mode: Mode
    options: PushOptions
    run_id: str
    report: Report
