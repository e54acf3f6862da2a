"""Seconds to parse all DAG files, as a task, the scheduler's parser and a person's `airflow dags list` do.

Run: ``make bench ARGS=parsing``. Not a pass/fail test.

Each round is a fresh process in which Airflow itself is imported already; one arm has also imported the
packages of others that `plugins/preload_plugin.py` imports where Airflow's processes start.
"""

import statistics
import subprocess
import sys

from sandbox.layout import PROJECT
from tests.benchmarks.report import Measured, record

PARSE = """
import runpy, sys, time
import airflow.sdk.execution_time.task_runner
from pathlib import Path
if sys.argv[2] == "warm":
    plugin = runpy.run_path("plugins/preload_plugin.py")
    for name in plugin["MODULES"]:
        __import__(name)
began = time.perf_counter()
for path in sorted(Path(sys.argv[1]).glob("*.py")):
    runpy.run_path(str(path))
print(time.perf_counter() - began)
"""


def main(rounds: int = 5) -> None:
    """Measure and print."""
    arms: dict[str, list[float]] = {"cold": [], "warm": []}
    for _ in range(rounds):
        for arm, times in arms.items():
            times.append(parse(arm))
    files = len(list((PROJECT / "dags").glob("*.py")))
    print(f"{files} DAG files, {rounds} rounds")
    for arm, times in arms.items():
        print(f"  {arm:<5} {statistics.median(times):.2f} s  ({min(times):.2f} to {max(times):.2f})")
    cold, warm = (statistics.median(times) for times in arms.values())
    record(
        Measured("parse of all DAG files", "≤ 2 s", f"{cold:.2f} s"),
        Measured("… in a process with preloaded packages", "", f"{warm:.2f} s"),
    )


def parse(arm: str) -> float:
    """Seconds of one fresh process."""
    command = [sys.executable, "-W", "ignore", "-c", PARSE, str(PROJECT / "dags"), arm]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
