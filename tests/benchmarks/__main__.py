"""`make bench`: all benchmarks one after the other, the machine they ran on, and one table.

ARGS names some of them ("latency push") and may hold --markdown, which prints the table for the README and
puts it there between the marks `<!-- bench -->` and `<!-- /bench -->`.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import psutil

from sandbox import postgres
from sandbox.layout import PROJECT
from sandbox.progress import heading, say, table
from tests.benchmarks.report import RESULTS, Measured, read

RUNS: dict[str, list[list[str]]] = {
    "imports": [
        ["--changed", "1", "--repeat", "3", "--memory", "1"],
        ["--changed", "100", "--repeat", "3"],
        ["--rows", "7000000", "--changed", "1", "--repeat", "3"],
    ],
    "backlog": [[]],
    "push": [[]],
    "latency": [[]],
    "idle": [[]],
    "parsing": [[]],
    "figures": [[]],
    "reservations": [[]],
    "why": [[]],
    "drift": [[]],
    "api": [[]],
    "fakeshop_speed": [[]],
}
"""The scripts of this folder in their order, and the arguments of each run."""
BEGIN, END = "<!-- bench -->", "<!-- /bench -->"
README = PROJECT / "README.md"


def main() -> int:
    """Run; the exit code is 1 if a script failed, never because something was slow."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*RUNS, []], metavar="name", help=", ".join(RUNS))
    parser.add_argument(
        "--markdown", action="store_true", help="print the table for the README, put it there"
    )
    given = parser.parse_args()
    machine = describe_machine()
    say(machine)
    with tempfile.TemporaryDirectory(prefix="oms-bench-") as folder:
        results = Path(folder) / "results.jsonl"
        results.touch()
        failed = [name for name in given.names or RUNS for line in RUNS[name] if not run(name, line, results)]
        measured = read(results)
    say()
    table("Summary", ["what", "budget", "ours", "other arm", "ratio"], [cells(line) for line in measured])
    for name in failed:
        say(f"{name} FAILED")
    if given.markdown:
        put(markdown(machine, measured))
    return 1 if failed else 0


def run(name: str, arguments: list[str], results: Path) -> bool:
    """Run one script in a process of its own; what it prints goes through."""
    heading(f"{name} {' '.join(arguments)}".strip())
    command = [sys.executable, "-m", f"{__package__}.{name}", *arguments]
    return subprocess.run(command, env=os.environ | {RESULTS: str(results)}, check=False).returncode == 0


def describe_machine() -> str:
    """One line: processor, memory, versions, and how busy the machine is already."""
    memory = psutil.virtual_memory().total / 2**30
    server = subprocess.run(
        [postgres.binary_dir() / "postgres", "--version"], capture_output=True, text=True, check=True
    ).stdout.split()[-1]
    return (
        f"{os.cpu_count()} cores ({processor()}), {memory:.0f} GB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, PostgreSQL {server}, Airflow {version('apache-airflow-core')}; "
        f"load before: {os.getloadavg()[0]:.1f}"
    )


def processor() -> str:
    """The model of the processor, as far as the machine tells."""
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def cells(line: Measured) -> tuple[str, str, str, str, str]:
    return (
        line.what,
        line.budget,
        line.ours,
        line.other,
        "" if line.ratio is None else f"{line.ratio:.2f}",
    )


def markdown(machine: str, measured: list[Measured]) -> str:
    """The block between the marks."""
    rows = [("what", "budget", "measured", "other arm", "ratio"), ("---",) * 5, *map(cells, measured)]
    return "\n".join([BEGIN, "", *(f"| {' | '.join(row)} |" for row in rows), "", f"{machine}.", "", END])


def put(block: str) -> None:
    """Print the block, and replace the one in the README if it has the marks."""
    say(f"\n{block}")
    text = README.read_text(encoding="utf-8") if README.exists() else ""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if begin and end:
        README.write_text(before + block + after, encoding="utf-8")
        say(f"\nwritten into {README.name}")


if __name__ == "__main__":
    sys.exit(main())
