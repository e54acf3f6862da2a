"""What the demonstration shows, part by part: real files, real DAG runs, the shop before and after."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from fakeshop.testing import ShopServer
from oms.remote import make_folders
from sandbox import demo_data as data
from sandbox.airflow_api import now
from sandbox.demo import Demo
from sandbox.progress import heading, say, step, table

SETUP = Path(__file__).parent / "example_setup"
RESET_FOLDER = "pos/morning_inventory_sync/staging/incoming"
VARIANCE_FOLDER = "pos/inventory_variance/incoming"
RESET, VARIANCE = "import_inventory_reset", "import_inventory_variance"
HELD_FOLDER, APPROVAL = "pos/held/incoming", "approve_held_files"
JOBS = (
    "initial_load",
    "import_products_in_bulk",
    "inventory",
    RESET,
    VARIANCE,
    APPROVAL,
    "upload_recent_inventory_changes",
    "upload_inventory",
    "push_inventory_deltas",
)
PATIENCE = 300
"""Seconds to wait for something that takes a few; much else may run on the machine."""

Levels = dict[tuple[str, str], int]


@dataclass
class State:
    """Everything that must not move when nothing happened."""

    ledger_entries: int
    positions: tuple
    shop: Levels
    changes_in_the_shop: int


class Scene:
    """The services of the sandbox as this story uses them."""

    def __init__(self, demo: Demo) -> None:
        self.demo = demo
        self.db = psycopg.connect(demo.environment["OMS_DSN"], autocommit=True)
        self.airflow = demo.airflow
        self.shop = ShopServer(Path(), port=int(demo.environment["FAKESHOP_URL"].rsplit(":", 1)[1]))
        self.counts = data.morning()
        self.began = now()

    def close(self) -> None:
        """Close the connections to database and shop."""
        self.db.close()
        self.shop.session.close()

    def query(self, statement: str, *values: object) -> list[tuple]:
        return self.db.execute(statement, values).fetchall()

    def drop(self, folder: str, name: str, text: str) -> int:
        """Put a file on SFTP as a POS does; return the id of the last log before it."""
        (last,) = self.query("select coalesce(max(log_id), 0) from oms.import_log")[0]
        with self.demo.sftp() as sftp:
            with sftp.open(f"{folder}/{name}.part", "w") as file:
                file.write(text)
            sftp.posix_rename(f"{folder}/{name}.part", f"{folder}/{name}")
        return last

    def closed_log(self, after: int, name: str) -> dict:
        """Wait until the file is done with; return its log."""
        found = self.until(
            f"{name} to be imported",
            lambda: self.query(
                """select row_to_json(log) from oms.import_log as log
                    where log_id > %s and file_name = %s and closed_at is not null""",
                after,
                name,
            ),
        )
        return found[0][0]

    def until(self, what: str, look: Callable[[], Any], seconds: float = PATIENCE, pause: float = 0.1) -> Any:
        """Look again and again until there is something to see."""
        deadline = time.monotonic() + seconds
        while not (seen := look()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {seconds} s for {what}")
            time.sleep(pause)
        return seen

    def until_shop_shows(self, expected: Levels) -> bool:
        """Wait for the shop to show these figures; False: it does not, and the checks will say where."""
        try:
            return self.until("the shop", lambda: self.shows(expected), pause=0.25)
        except TimeoutError:
            return False

    def shows(self, expected: Levels) -> bool:
        shown = self.shop.available("demo")
        return all(shown[level] == quantity for level, quantity in expected.items())

    def at_rest(self) -> bool:
        """No run of the story's jobs is under way or waiting; others run by their clocks all the time."""
        active = {"state": ["running", "queued"], "limit": 100}
        runs = self.airflow.call("GET", "dags/~/dagRuns", params=active)["dag_runs"]
        return not any(run["dag_id"] in JOBS for run in runs)

    def until_at_rest(self, calm: float = 3) -> None:
        """Wait for `calm` seconds without a run: 3 where a bell may still ring, 1 where the shop is right."""
        quiet = 0.0
        while quiet < calm:
            if not self.at_rest():
                quiet = 0.0
            time.sleep(0.25)
            quiet += 0.25

    def changes_in_the_shop(self) -> list[dict]:
        """What was changed through the API, oldest first."""
        return [entry for entry in self.shop.journal("demo") if entry["key"]]

    def state(self) -> State:
        return State(
            self.query("select count(*) from oms.inventory_ledger")[0][0],
            tuple(self.query("select inventory_item_id, qoh, atp from oms.inventory_item order by 1")),
            self.shop.available("demo"),
            len(self.changes_in_the_shop()),
        )


def tell(scene: Scene) -> None:
    """The whole story; every number goes to `scene.demo.expect`."""
    business(scene)
    morning(scene)
    recent_changes(scene)
    deltas(scene)
    held(scene)
    again(scene)


def business(scene: Scene) -> None:
    heading("The business: 12 stores, an outlet, a warehouse, one shop with four locations")
    connection = json.loads(scene.demo.environment["AIRFLOW_CONN_SHOPIFY_DEMO"])
    with step("filling the local shop with last night's levels") as current:
        scene.shop.reset()
        secret = connection["extra"]["client_secret"]
        scene.shop.seed(data.shop_seed(scene.counts, connection["password"], secret))
        current.note = f"{len(data.catalogue()):,} variants at {len(data.LOCATION_IDS)} locations"
    with step("entering facilities, groups and locations from CSV files (python -m oms setup)") as current:
        command = [sys.executable, "-m", "oms", "setup", str(SETUP)]
        done = subprocess.run(
            command, env=os.environ | scene.demo.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"the set-up was refused:\n{done.stdout}{done.stderr}")
        current.note = done.stdout.strip().splitlines()[-1]
    with step("switching the jobs on"):
        scene.until("Airflow to know the jobs", lambda: len(scene.airflow.dags()) >= len(JOBS))
        for dag_id in JOBS:
            scene.airflow.set_paused(dag_id, False)
    with step("a hard sync while nothing is known: it tells the shop nothing") as current:
        run = scene.airflow.trigger("upload_inventory", {})
        current.note = scene.airflow.wait_for_run("upload_inventory", run)
    with step("initial_load: the shop's products become ours") as current:
        run = scene.airflow.trigger("initial_load", {"shopId": ["demo"]})
        state = scene.airflow.wait_for_run("initial_load", run)
        variants = scene.query("select count(*) from oms.shop_product where thru_date is null")[0][0]
        current.note = f"{state}, {variants:,} variants"
    scene.demo.expect("initial load", "success", state)
    scene.demo.expect("variants known", len(data.catalogue()), variants)
    scene.demo.expect("calls that changed the shop before any stock", 0, len(scene.changes_in_the_shop()))


def morning(scene: Scene) -> None:
    heading("The morning file of all stores")
    text = data.morning_file(scene.counts)
    rows = text.count("\n") - 1
    expected = scene.counts.levels(scene.counts.today)
    before = scene.shop.available("demo")
    with step(f"dropping morning.csv, {rows:,} rows, eight of them bad") as current:
        began = time.monotonic()
        last = scene.drop(RESET_FOLDER, "morning.csv", text)
        scene.until_shop_shows(expected)
        seconds = time.monotonic() - began
        current.note = f"the shop is right {seconds:.1f} s after the file was complete"
    log = scene.closed_log(last, "morning.csv")
    scene.until_at_rest(calm=1)
    show_account(scene, log, rows)
    shown = scene.shop.available("demo")
    for location in data.LOCATION_IDS:
        levels = {level: quantity for level, quantity in expected.items() if level[1] == location}
        right = sum(shown[level] == quantity for level, quantity in levels.items())
        moved = sum(before[level] != shown[level] for level in levels)
        scene.demo.expect(f"levels right at {location} ({moved} moved)", len(levels), right)
    need = sum(before[level] != quantity for level, quantity in expected.items())
    changes = [change for entry in scene.changes_in_the_shop() for change in entry["changes"]]
    made = sum(change[0] == "available" for change in changes)
    scene.demo.expect("levels that differed, changes made", need, made)


def show_account(scene: Scene, log: dict, rows: int) -> None:
    names = ("applied", "unchanged", "superseded", "duplicate", "skipped", "rejected")
    counts = {name: log[f"{name}_count"] for name in names}
    table(
        f"  log {log['log_id']}: {log['file_name']}, {log['status']}",
        ["rows", *counts],
        [(log["total_count"], *counts.values())],
    )
    scene.demo.expect("morning file: rows accounted for", rows, sum(counts.values()))
    scene.demo.expect("morning file: superseded", data.CORRECTED_LATER, counts["superseded"])
    scene.demo.expect("morning file: rejected", len(data.BAD_ROWS), counts["rejected"])
    with scene.demo.sftp() as sftp, sftp.open(log["reject_file"]) as file:
        lines = file.read().decode().splitlines()
    say(f"  reject file {log['reject_file']}:")
    for line in lines[: len(data.BAD_ROWS) + 1]:
        say(f"    {line}")
    found = scene.query("select error_code from oms.import_reject where log_id = %s", log["log_id"])
    reasons = Counter(code for (code,) in found)
    for code, times in Counter(data.BAD_ROWS.values()).items():
        scene.demo.expect(f"morning file: {code}", times, reasons[code])


def recent_changes(scene: Scene) -> None:
    heading("Recent changes: A 100 to 95, C 25 to 30, the others as they were")
    before = scene.shop.available("demo")
    sent = len(scene.changes_in_the_shop())
    with step("dropping the later count of one store") as current:
        began = time.monotonic()
        last = scene.drop(RESET_FOLDER, "later.csv", data.reset_file(data.RECENT_STORE, data.RECENT_LATER))
        scene.until_shop_shows({(sku, data.ONLINE): count for sku, count in data.RECENT_LATER.items()})
        current.note = f"{time.monotonic() - began:.1f} s from file to shop"
    scene.closed_log(last, "later.csv")
    scene.until_at_rest(calm=1)
    after = scene.shop.available("demo")
    rows = []
    for sku, count in data.RECENT_LATER.items():
        was, now = before[sku, data.ONLINE], after[sku, data.ONLINE]
        rows.append((sku, was, count, now, now - was))
    table("  At the online location", ["product", "shop before", "counted", "shop after", "adjusted"], rows)
    changed = [
        change[1]
        for entry in scene.changes_in_the_shop()[sent:]
        for change in entry["changes"]
        if change[0] == "available"
    ]
    scene.demo.expect("recent changes: adjustments", [-5, 5], sorted(changed))
    for sku, count in data.RECENT_LATER.items():
        scene.demo.expect(f"recent changes: {sku}", count, after[sku, data.ONLINE])


def deltas(scene: Scene) -> None:
    heading("Deltas: the shop has sold units that we do not know of yet")
    before = scene.shop.available("demo")
    with step("four customers buy F in the shop; their orders are not imported"):
        for _ in range(4):
            line = {"sku": "SEED-F", "quantity": 1, "location": data.OUTLET}
            scene.shop.place_order("demo", line)
    ordered = scene.shop.available("demo")
    for sku, delta, reason in (("SEED-F", -1, "VAR_DAMAGED"), ("SEED-G", 2, "VAR_INTEGR")):
        name = f"variance_{sku[-1].lower()}.csv"
        with step(f"variance of {delta:+d} {reason} for {sku}") as current:
            began = time.monotonic()
            last = scene.drop(VARIANCE_FOLDER, name, data.variance_file(data.DELTA_STORE, sku, delta, reason))
            target = ordered[sku, data.OUTLET] + delta
            scene.until_shop_shows({(sku, data.OUTLET): target})
            current.note = f"{time.monotonic() - began:.1f} s from file to shop"
        scene.closed_log(last, name)
    scene.until_at_rest(calm=1)
    after = scene.shop.available("demo")
    rows = [
        (sku, *(levels[sku, data.OUTLET] for levels in (before, ordered, after)), stock_of(scene, sku))
        for sku in data.DELTA_TABLE
    ]
    table(
        "  At the outlet, in DELTA mode",
        ["product", "shop", "after orders", "after the variance", "OMS"],
        rows,
    )
    scene.demo.expect("delta: F in the shop (5, 4 sold, 1 damaged)", 0, after["SEED-F", data.OUTLET])
    scene.demo.expect("delta: F in the OMS", 4, stock_of(scene, "SEED-F"))
    scene.demo.expect("delta: G in the shop (10, 2 found)", 12, after["SEED-G", data.OUTLET])


def stock_of(scene: Scene, sku: str) -> int:
    return scene.query(
        """select sum(item.atp)::integer from oms.inventory_item as item
             join oms.product using (product_id)
            where internal_name = %s and facility_id = %s""",
        sku,
        data.DELTA_STORE,
    )[0][0]


def held(scene: Scene) -> None:
    heading("A file that looks wrong: it would empty a store, so a person is asked")
    there = scene.query(
        """select internal_name from oms.inventory_item join oms.product using (product_id)
            where facility_id = %s and qoh > 0""",
        data.RECENT_STORE,
    )
    text = data.reset_file(data.RECENT_STORE, dict.fromkeys((sku for (sku,) in there), 0))
    before = scene.shop.available("demo")
    with step("importing it with the limit maxDropPct = 50"):
        with scene.demo.sftp() as sftp:
            make_folders(sftp, HELD_FOLDER)
        last = scene.drop(HELD_FOLDER, "emptied.csv", text)
        run = scene.airflow.trigger(RESET, {"importPath": HELD_FOLDER, "maxDropPct": 50})
        state = scene.airflow.wait_for_run(RESET, run)
    scene.demo.expect("held file: the run", "success", state)
    with step("the question under Required Actions") as current:
        (question,) = scene.until("the question", lambda: scene.airflow.questions(APPROVAL))
        current.note = question["subject"]
    for line in question["body"].splitlines():
        say(f"    {line}".rstrip())
    with step("a person rejects it") as current:
        log = scene.until("the file to be rejected", lambda: rejected(scene, last), pause=0.5)
        current.note = f"{log['status']}, moved to {log['moved_to']}"
    scene.until_at_rest(calm=1)
    scene.demo.expect("held file: its log", "DmlsCancelled", log["status"])
    moved = len(before.items() ^ scene.shop.available("demo").items())
    scene.demo.expect("held file: levels moved in the shop", 0, moved)


def rejected(scene: Scene, last: int) -> dict | None:
    """The log of the rejected file; until it is closed, every open question is read and answered.

    Airflow asks again where the answer came before the scheduler knew that the task waits.
    """
    found = scene.query(
        "select row_to_json(log) from oms.import_log as log where log_id > %s and closed_at is not null", last
    )
    if found:
        return found[0][0]
    for question in scene.airflow.questions(APPROVAL):
        time.sleep(1)
        scene.airflow.answer(question["task_instance"], "Reject")
    return None


def again(scene: Scene) -> None:
    heading("The same again: files dropped twice, runs cleared")
    morning = data.morning_file(scene.counts)
    with step("the morning file once more: it puts back what changed since") as current:
        last = scene.drop(RESET_FOLDER, "morning.csv", morning)
        current.note = f"{scene.closed_log(last, 'morning.csv')['applied_count']} applied"
    scene.until_at_rest()
    before = scene.state()
    with step("the variance files once more") as current:
        notes, dropped = [], []
        for sku, delta, reason in (("SEED-F", -1, "VAR_DAMAGED"), ("SEED-G", 2, "VAR_INTEGR")):
            name = f"variance_{sku[-1].lower()}.csv"
            text = data.variance_file(data.DELTA_STORE, sku, delta, reason)
            dropped.append((scene.drop(VARIANCE_FOLDER, name, text), name))
        for last, name in dropped:
            log = scene.closed_log(last, name)
            scene.demo.expect(f"{name} again: applied", 0, log["applied_count"])
            scene.demo.expect(f"{name} again: duplicate", 1, log["duplicate_count"])
            notes.append(f"log {log['log_id']} is a duplicate of log {log['duplicate_of_log_id']}")
        current.note = ", ".join(notes)
    with step("the morning file a third time") as current:
        last = scene.drop(RESET_FOLDER, "morning.csv", morning)
        log = scene.closed_log(last, "morning.csv")
        current.note = f"{log['unchanged_count']:,} unchanged, {log['applied_count']} applied"
    scene.demo.expect("morning file again: applied", 0, log["applied_count"])
    with step("clearing all their runs and letting them run again") as current:
        cleared = 0
        for dag_id in (RESET, VARIANCE):
            ours = {"limit": 100, "run_after_gte": scene.began.isoformat()}
            runs = scene.airflow.call("GET", f"dags/{dag_id}/dagRuns", params=ours)["dag_runs"]
            for run in runs:
                scene.airflow.call(
                    "POST",
                    f"dags/{dag_id}/clearTaskInstances",
                    json={"dag_run_id": run["dag_run_id"], "only_failed": False, "dry_run": False},
                )
                cleared += 1
        time.sleep(1)
        scene.until_at_rest()
        current.note = f"{cleared} runs"
    after = scene.state()
    table(
        "  Before and after",
        ["what", "before", "after"],
        [
            ("ledger entries", before.ledger_entries, after.ledger_entries),
            ("changes made in the shop", before.changes_in_the_shop, after.changes_in_the_shop),
            ("units in the shop", sum(before.shop.values()), sum(after.shop.values())),
        ],
    )
    scene.demo.expect("again: ledger entries", before.ledger_entries, after.ledger_entries)
    scene.demo.expect("again: positions moved", 0, len(set(before.positions) ^ set(after.positions)))
    scene.demo.expect("again: levels moved in the shop", 0, len(before.shop.items() ^ after.shop.items()))
    scene.demo.expect(
        "again: calls that changed the shop", 0, after.changes_in_the_shop - before.changes_in_the_shop
    )
