"""Kits: what is in them, and their own balances, made from their components (inventory.md 2.5, 5.12)."""

import csv
import logging
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from oms import crashpoints, locks
from oms.database import Connection, statements
from oms.errors import NeedsPerson
from oms.inventory import entries
from oms.numbers import readings
from oms.texts import is_blank, trimmed
from oms.work import Work

log = logging.getLogger(__name__)
sql = statements(__file__)

COMPUTED = crashpoints.register(
    "kits.computed", "balances and mark are written, their transaction is still open"
)
DONE = crashpoints.register("kits.done", "balances and mark are committed, the task has not answered")

CAUSE = ("reason_id", "source_key", "run_id", "comments")
COLUMNS = ("kit_sku", "component_sku", "quantity")
SHOWN = 20


class BadKits(NeedsPerson, ValueError):
    """A file of kits cannot be taken: every fault with its line; nothing was changed."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


@dataclass(frozen=True)
class Account:
    """What a computation found."""

    kits: int
    """Kits that were looked at."""
    changed: int
    """Balances of a kit at a facility that changed."""
    in_cycle: tuple[str, ...]
    """SKUs of kits that contain themselves: refused."""
    without_parts: tuple[str, ...]
    """SKUs of kits that nothing limits: left alone."""


def compute(work: Work) -> dict[str, Any]:
    """The job: bring the balances of kits to what their components allow; return counts."""
    account = compute_kits(
        work.conn,
        work.run_name,
        include_all=work.params["includeAll"],
        basis=work.params["componentBasis"],
        dry_run=work.params["dryRun"],
    )
    for sku in account.in_cycle:
        log.error("kit %s contains itself, or a kit that does: correct its components", sku)
    for sku in account.without_parts:
        log.warning("kit %s has no component that is counted: its balance is left alone", sku)
    log.info("%s kits looked at, %s balances changed", account.kits, account.changed)
    return {
        "kits": account.kits,
        "changed": account.changed,
        "refused": list(account.in_cycle[:SHOWN]),
        "without_parts": list(account.without_parts[:SHOWN]),
    }


def compute_kits(
    conn: Connection, run_name: str, *, include_all: bool = False, basis: str = "ATP", dry_run: bool = False
) -> Account:
    """Write the differences between kits and their components to the kits' own balances.

    `conn` is in autocommit mode. What changed since the last computation is found by the visibility of
    transactions; with include_all every kit is looked at. A kit that is right gets no entry.
    """
    with conn.transaction():
        locks.hold(conn, locks.KITS.of())
        (snapshot,) = conn.execute("select pg_current_snapshot()::text").fetchone()
        values = {"basis": basis, "kits": _kits(conn, include_all), "run_name": run_name}
        differences = conn.execute(sql.differences, values).fetchall() if dry_run else []
        account = Account(
            len(values["kits"]),
            len(differences),
            tuple(sku for (sku,) in conn.execute(sql.in_cycle, values)),
            tuple(sku for (sku,) in conn.execute(sql.without_parts, values)),
        )
        if dry_run:
            for sku, facility, units in differences[:SHOWN]:
                log.info("would book %+d of kit %s at %s", units, sku, facility)
            return account
        conn.execute(sql.add_positions, values)
        conn.execute(sql.lock_positions, values)
        changed = entries.write(conn, sql.entries, CAUSE, values | {"plan_id": uuid.uuid4()})
        conn.execute(sql.advance, {"snapshot": snapshot, "run_name": run_name})
        crashpoints.point(COMPUTED)
    crashpoints.point(DONE)
    return Account(account.kits, changed, account.in_cycle, account.without_parts)


def _kits(conn: Connection, include_all: bool) -> list[int]:
    mark = conn.execute(sql.mark).fetchone()
    if include_all or mark is None:
        return conn.execute(sql.all_kits).fetchone()[0]
    snapshot, planned_at = mark
    return conn.execute(sql.changed_kits, {"mark": snapshot, "planned_at": planned_at}).fetchone()[0]


def read_definitions(text: Iterable[str]) -> list[dict[str, str]]:
    """The rows of a CSV file with the columns kit_sku, component_sku, quantity (blank: 1). Raises BadKits."""
    reader = csv.DictReader(text)
    if missing := [name for name in COLUMNS[:2] if name not in (reader.fieldnames or ())]:
        raise BadKits([f"line 1: no column {', '.join(missing)}; the columns are {', '.join(COLUMNS)}"])
    return list(reader)


def define(conn: Connection, rows: Iterable[Mapping[str, str]]) -> int:
    """Make the components of each kit named what the rows say, all or nothing; return how many links changed.

    A component that a kit's rows no longer name leaves it. Raises BadKits with every fault.
    """
    faults: list[str] = []
    kits: dict[int, dict[int, int]] = {}
    for line, row in enumerate(rows, 2):
        if all(is_blank(row.get(name)) for name in COLUMNS):
            continue
        kit = _product(conn, line, "kit_sku", row, faults)
        component = _product(conn, line, "component_sku", row, faults)
        quantity = (row.get("quantity") or "1").strip()
        if not (quantity.isascii() and quantity.isdigit()) or not 0 < int(quantity) <= 1_000_000:
            faults.append(
                f"line {line}: quantity {quantity!r} is not a whole number from 1 on{readings(quantity)}"
            )
        elif kit is not None and kit == component:
            faults.append(f"line {line}: kit {row['kit_sku']} cannot contain itself")
        elif kit is not None and component is not None:
            if component in kits.setdefault(kit, {}):
                faults.append(f"line {line}: {row['component_sku']} stands twice in kit {row['kit_sku']}")
            kits[kit][component] = int(quantity)
    if faults:
        raise BadKits(faults)
    changed = 0
    with conn.transaction():
        locks.hold(conn, locks.KITS.of())
        for kit, parts in sorted(kits.items()):
            values = {"kit": kit, "components": list(parts), "quantities": list(parts.values())}
            changed += conn.execute(sql.end_parts, values).rowcount
            changed += conn.execute(sql.add_parts, values).rowcount
            conn.execute(sql.make_kit, values)
        circular = [sku for (sku,) in conn.execute(sql.in_cycle, {"kits": list(kits)})]
        if circular:
            raise BadKits([f"kit {sku} would contain itself, or a kit that does" for sku in circular])
    return changed


def _product(
    conn: Connection, line: int, column: str, row: Mapping[str, str], faults: list[str]
) -> int | None:
    sku = trimmed(row.get(column) or "")
    found = conn.execute(sql.product, {"sku": sku}).fetchall() if "\0" not in sku else []
    if len(found) != 1:
        what = "is blank" if not sku else "has no product" if not found else "belongs to several products"
        faults.append(f"line {line}: {column} {sku!r} {what}")
        return None
    product_id, is_virtual = found[0]
    if is_virtual:
        faults.append(f"line {line}: {column} {sku!r} is a parent product; name one of its variants")
        return None
    return product_id
