"""What the running system costs while nothing happens: processor seconds of a minute, and runs started.

Run: ``make bench ARGS=idle`` (or with OMS_SANDBOX_FOLDER on a sandbox that is up). Not a pass/fail test.
"""

import contextlib
import sys
import time
from datetime import UTC, datetime

import psutil

from sandbox.airflow_api import AirflowApi
from sandbox.layout import Sandbox
from sandbox.progress import say, table
from tests.benchmarks.live import business
from tests.benchmarks.report import Measured, record

VARIANTS = 1_000


def main(seconds: int = 60) -> None:
    """Measure and print."""
    with business(VARIANTS) as scene:
        scene.until_at_rest()
        before, since = processor_seconds(scene.demo.sandbox), datetime.now(UTC)
        say(f"nothing happens for {seconds} s")
        time.sleep(seconds)
        after = processor_seconds(scene.demo.sandbox)
        runs = runs_since(scene.airflow, since)
    used: dict[str, float] = {}
    for (pid, part), spent in after.items():
        used[part] = used.get(part, 0.0) + spent - before.get((pid, part), 0.0)
    rows = [(part, f"{spent:.1f}", f"{100 * spent / seconds:.0f} %") for part, spent in sorted(used.items())]
    table(f"{seconds} s with nothing to do", ["part", "processor s", "of one core"], rows)
    table("runs started", ["DAG", "type", "runs"], runs or [("none", "", 0)])
    share = 100 * sum(used.values()) / seconds
    unasked = sum(count for _, kind, count in runs if kind != "scheduled")
    record(
        Measured("processor time of everything while idle", "", f"{share:.0f} % of a core"),
        Measured("runs started in an idle minute, but for clocks", "0", str(unasked)),
    )


def processor_seconds(sandbox: Sandbox) -> dict[tuple[int, str], float]:
    """Of every living process of the sandbox with its ended children, by process id and part."""
    spent = {}
    for started in sandbox.read_state().started:
        if parent := started.process():
            # the watchdog's children are parts themselves
            children = [] if started.name == "watchdog" else parent.children(recursive=True)
            for process in [parent, *children]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    spent[process.pid, started.name] = sum(process.cpu_times()[:4])
    return spent


def runs_since(api: AirflowApi, since: datetime) -> list[tuple[str, str, int]]:
    """DAG, run type and number of the runs made since then."""
    wanted = {"run_after_gte": since.isoformat(), "limit": 1000}
    counts: dict[tuple[str, str], int] = {}
    for run in api.call("GET", "dags/~/dagRuns", params=wanted)["dag_runs"]:
        key = (run["dag_id"], run["run_type"])
        counts[key] = counts.get(key, 0) + 1
    return sorted((*key, count) for key, count in counts.items())


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
