"""Seconds from a closed file on SFTP to its levels in the shop: 30 files of 1,000 rows at random moments.

Run: ``make bench ARGS=latency`` (or with OMS_SANDBOX_FOLDER on a sandbox that is up). Not a pass/fail test.

Every file names products of its own, all at one store, so that each level of the shop can be traced to its
file. Shown are the 50th and 95th percentile over the files, split into

* poll: until Airflow has made the run, for the import and again for the push (arrival, debounce, scheduler);
* Airflow: between the tasks of a run, and starting their processes;
* ours: inside the task bodies, the connections they open included.
"""

import random
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox import demo_data as data
from sandbox.airflow_api import AirflowApi
from sandbox.progress import say, table
from sandbox.story import RESET, RESET_FOLDER, Scene
from tests.benchmarks.live import SHOP, business, sku
from tests.benchmarks.report import Measured, percentile, record

ROWS = 1_000
PUSH = "upload_recent_inventory_changes"
SHORTEST_PAUSE, LONGEST_PAUSE = 2.0, 12.0
"""Seconds between two files."""

WARM_UP = (data.RECENT_STORE, data.DELTA_STORE, *data.OWN_LOCATION)
"""A store of each location, whose first push compares all of its products, as it does once in its life."""

Moment = tuple[float, str]
"""Seconds since the epoch, and the batch that changed the level."""
Span = tuple[float, float]
"""Begin and end, seconds since the epoch."""


@dataclass(frozen=True)
class File:
    """A file that was dropped."""

    name: str
    store: str
    skus: tuple[str, ...]
    closed_at: float

    @property
    def locations(self) -> list[int]:
        """Where in the shop its quantities show."""
        shared = data.OUTLET if self.store == data.DELTA_STORE else data.ONLINE
        own = data.OWN_LOCATION.get(self.store)
        return [data.LOCATION_IDS[name] for name in (shared, own) if name]


@dataclass(frozen=True)
class Began:
    """What was there before the measurement."""

    journal_entry: int
    log_id: int


@dataclass(frozen=True)
class Body:
    """The inside of a task, from the end of Airflow's preparations to its return."""

    run: str
    """dag id/run id"""
    task: str
    span: Span


@dataclass(frozen=True)
class Trip:
    """A file's way to the shop, in seconds."""

    total: float
    import_poll: float
    push_poll: float
    ours: float

    @property
    def airflow(self) -> float:
        return self.total - self.import_poll - self.push_poll - self.ours


def main(files: int = 30, seed: int = 20261121) -> None:
    """Measure and print."""
    chance = random.Random(seed)
    with business((files + len(WARM_UP)) * ROWS) as scene:
        stores = [chance.choice(data.STORES) for _ in range(files)]
        say(f"{len(WARM_UP)} files to warm up, then {files} files of {ROWS:,} rows")
        send(scene, WARM_UP, files, chance)
        began, dropped, shown = send(scene, stores, 0, chance)
        trips, bodies = Airflow(scene, began).trips(dropped, shown)
    report(trips, bodies)


def send(
    scene: Scene, stores: Sequence[str], first: int, chance: random.Random
) -> tuple[Began, list[File], dict[str, Moment]]:
    """Drop a file of each of these stores; wait until the shop shows them and everything is at rest."""
    began = last_entries(scene)
    dropped = list(drop_files(scene, stores, first, chance))
    shown = shown_at(scene, dropped, began)
    scene.until_at_rest()
    return began, dropped, shown


def last_entries(scene: Scene) -> Began:
    """What the shop's journal and the import log hold now: what comes later is measured."""
    entries = [entry["seq"] for entry in scene.shop.journal(SHOP)]
    logs = scene.query("select coalesce(max(log_id), 0) from oms.import_log")
    return Began(max(entries, default=0), logs[0][0])


def drop_files(scene: Scene, stores: Sequence[str], first: int, chance: random.Random) -> Iterator[File]:
    """Put files on SFTP as a POS does, with random pauses; their products are those of file `first` on."""
    with scene.demo.sftp() as sftp:
        for number, store in enumerate(stores, start=first):
            time.sleep(chance.uniform(SHORTEST_PAUSE, LONGEST_PAUSE))
            skus = tuple(sku(number * ROWS + row) for row in range(ROWS))
            text = data.reset_file(store, {one: chance.randint(1, 99) for one in skus})
            name = f"{sku(number)}.csv"
            with sftp.open(f"{RESET_FOLDER}/{name}.part", "w") as remote:
                remote.write(text)
            sftp.posix_rename(f"{RESET_FOLDER}/{name}.part", f"{RESET_FOLDER}/{name}")
            yield File(name, store, skus, time.time())


def shown_at(scene: Scene, files: list[File], began: Began) -> dict[str, Moment]:
    """When the last level of each file had changed in the shop, and by which batch: from its journal."""
    items = {
        one["sku"]: one["item"]
        for one in scene.shop.levels(SHOP, location=str(data.LOCATION_IDS[data.ONLINE]))
    }
    wanted = {
        (items[one], place): file.name for file in files for one in file.skus for place in file.locations
    }
    seen: dict[tuple[int, int], Moment] = {}
    last = began.journal_entry

    def all_seen() -> bool:
        nonlocal last
        for entry in scene.shop.journal(SHOP, after=last):
            last = entry["seq"]
            for name, _, item, location, *_ in entry["changes"]:
                if name == "available" and (item, location) in wanted:
                    seen.setdefault((item, location), (entry["at"], entry["key"]))
        return len(seen) == len(wanted)

    scene.until(f"{len(wanted):,} levels in the shop", all_seen)
    moments: dict[str, Moment] = {}
    for level, moment in seen.items():
        moments[wanted[level]] = max(moments.get(wanted[level], moment), moment)
    return moments


class Airflow:
    """What Airflow and the OMS recorded about the runs."""

    def __init__(self, scene: Scene, began: Began) -> None:
        self.scene = scene
        self.began = began
        self.api: AirflowApi = scene.airflow
        self.created = {name: moment(run["queued_at"]) for name, run in self._runs()}
        self.bodies = [body for name in self.created for body in self._bodies(name)]

    def trips(self, files: list[File], shown: dict[str, Moment]) -> tuple[list[Trip], list[Body]]:
        """The way of each file, and all bodies on those ways."""
        imports = {
            name: (run, applied)
            for name, run, applied in self.scene.query(
                """select log.file_name, log.dag_id || '/' || log.run_id,
                          extract(epoch from max(chunk.applied_at))::float
                     from oms.import_log as log
                     join oms.import_chunk as chunk using (load_id)
                    where log_id > %s
                    group by log.log_id""",
                self.began.log_id,
            )
        }
        pushes = dict(self.scene.query("select batch_id::text, run_id from oms.sync_batch"))
        trips, used = [], []
        for file in files:
            at, batch = shown[file.name]
            run, applied = imports[file.name]
            bodies = self._on_the_way(file, run, applied, pushes[batch])
            trips.append(self._trip(file.closed_at, at, run, applied, pushes[batch], bodies))
            used += bodies
        return trips, used

    def _on_the_way(self, file: File, run: str, applied: float, push: str) -> list[Body]:
        """Bodies that the file's figures had to wait for."""
        return [
            body
            for body in self.bodies
            if (body.run == run and body.span[0] < applied)
            or (body.task == "apply" and body.span[0] <= applied <= body.span[1])
            or body.run == push
        ]

    def _trip(
        self, closed: float, shown: float, run: str, applied: float, push: str, bodies: list[Body]
    ) -> Trip:
        begun = min(max(self.created[run], closed), applied)
        pushed = min(max(self.created[push], applied), shown)
        before = length((begun, applied), [body.span for body in bodies if body.run != push])
        after = length((pushed, shown), [body.span for body in bodies if body.run == push])
        return Trip(shown - closed, begun - closed, pushed - applied, before + after)

    def _runs(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for dag_id in (RESET, PUSH):
            newest = {"limit": 100, "order_by": "-run_after"}
            runs = self.api.call("GET", f"dags/{dag_id}/dagRuns", params=newest)["dag_runs"]
            yield from ((f"{dag_id}/{run['dag_run_id']}", run) for run in runs)

    def _bodies(self, name: str) -> Iterator[Body]:
        dag_id, run_id = name.split("/", 1)
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        for task in self.api.call("GET", path, params={"limit": 100})["task_instances"]:
            if task["try_number"] and (span := self._span(path, task)):
                yield Body(name, task["task_id"], span)

    def _span(self, path: str, task: dict[str, Any]) -> Span | None:
        """When the body began and ended, from the task's log; None if it was never entered."""
        content = self.api.call(
            "GET",
            f"{path}/{task['task_id']}/logs/{task['try_number']}",
            params={"map_index": task["map_index"], "full_content": True},
        )["content"]
        lines = [(line.get("event", ""), line.get("timestamp")) for line in content]
        prepared = [at for event, at in lines if event == "::endgroup::" and at]
        done = [at for event, at in lines if event == "::group::Post Execute" and at]
        if not prepared or not done:
            return None
        return moment(prepared[0]), moment(done[-1])


def moment(text: str) -> float:
    """Seconds since the epoch."""
    return datetime.fromisoformat(text).timestamp()


def length(window: Span, spans: list[Span]) -> float:
    """Seconds of the window that the spans cover together."""
    covered, reached = 0.0, window[0]
    for begin, end in sorted(spans):
        begin, end = max(begin, reached), min(end, window[1])
        if end > begin:
            covered += end - begin
            reached = end
    return covered


def report(trips: list[Trip], bodies: list[Body]) -> None:
    """Print where the seconds went."""
    parts = {
        "closed file to shop": [trip.total for trip in trips],
        "poll: file to import run": [trip.import_poll for trip in trips],
        "poll: ledger to push run": [trip.push_poll for trip in trips],
        "Airflow: between and starting tasks": [trip.airflow for trip in trips],
        "ours: inside the tasks": [trip.ours for trip in trips],
    }
    rows = [
        (name, *(f"{value:.2f}" for value in (statistics.median(v), percentile(v, 95), min(v), max(v))))
        for name, v in parts.items()
    ]
    table(f"{len(trips)} files of {ROWS:,} rows, seconds", ["what", "p50", "p95", "least", "most"], rows)
    inside: dict[str, list[float]] = {}
    for body in bodies:
        inside.setdefault(f"{body.run.split('/')[0]}.{body.task}", []).append(body.span[1] - body.span[0])
    rows = [(name, f"{statistics.median(v):.2f}", f"{percentile(v, 95):.2f}") for name, v in inside.items()]
    table("  inside the tasks, seconds", ["task", "p50", "p95"], rows)
    usual = statistics.median(parts["closed file to shop"])
    worst, own = percentile(parts["closed file to shop"], 95), percentile(parts["ours: inside the tasks"], 95)
    record(
        Measured(f"closed file → shop, {ROWS:,} rows, p95 (p50)", "≤ 10 s", f"{worst:.1f} s ({usual:.1f} s)"),
        Measured("… of it outside Airflow's hops and polls, p95", "≤ 2 s", f"{own:.1f} s"),
    )


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
