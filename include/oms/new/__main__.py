"""The command `python -m oms.new --help`; run it in the project's folder with include/ on the path."""

import argparse
import subprocess
import sys
from collections.abc import Sequence

from oms.catalog import CATEGORIES
from oms.new import writing


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files of a new job; return 0, or 2 if something of its name is there."""
    parser = argparse.ArgumentParser(prog="python -m oms.new", description=__doc__)
    parser.add_argument("shape", choices=writing.SHAPES, help="what kind of job it is (architecture.md 10)")
    parser.add_argument("name", help="its DAG id, verb_object: import_purchase_orders")
    parser.add_argument("--category", required=True, choices=CATEGORIES)
    parser.add_argument("--room", required=True, help="the folder below include/oms for the function")
    parser.add_argument("--alone", metavar="REASON", help="why a run of the category leaves it out")
    parser.add_argument(
        "--examples",
        nargs="*",
        default=[],
        metavar="ID",
        help="examples of the spec, each a test: INV-16",
    )
    given = parser.parse_args(arguments)
    try:
        new = writing.New(given.shape, given.name, given.category, given.room, given.alone, given.examples)
        written = writing.write(new)
    except writing.NotNew as refused:
        print(refused, file=sys.stderr)
        return 2
    if new.shape in writing.WITH_DOCUMENT:
        subprocess.run([sys.executable, "tools/shapes.py"], check=True, cwd=writing.PROJECT)
    python = [path for path in written if path.endswith(".py")]
    subprocess.run([sys.executable, "-m", "ruff", "format", "-q", *python], check=True, cwd=writing.PROJECT)
    subprocess.run([sys.executable, "-m", "oms.docs"], check=True, cwd=writing.PROJECT)
    print("\n".join(["written:", *(f"  {path}" for path in written), "", f"next: {new.next_step}"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
