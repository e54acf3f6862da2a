"""The generator of jobs: what it writes is found, checked and honest about what is left to do."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from oms.new import writing
from tests.conftest import PROJECT

COPIED = ("include", "plugins", "dags", "tools", "docs", "config", "tests")
CHECK = """
from airflow.dag_processing.dagbag import DagBag
from oms import catalog
from oms.catalog import JOBS
bag = DagBag(dag_folder="dags", collect_dags=True)
assert bag.import_errors == {}, bag.import_errors
assert set(bag.dags) == set(JOBS)
assert "change_something" in JOBS
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, to write in."""
    root = tmp_path_factory.mktemp("new") / "project"
    for name in COPIED:
        shutil.copytree(PROJECT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (*PROJECT.glob("*.toml"), *PROJECT.glob("*.md")):
        shutil.copy(path, root)
    return root


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=root,
        env=os.environ | {"PYTHONPATH": f"{root}/include{os.pathsep}{root}/plugins"},
        capture_output=True,
        text=True,
        check=False,
    )


def make(root: Path, shape: str, name: str, *more: str, room: str = "upkeep") -> subprocess.CompletedProcess:
    return run(root, "-m", "oms.new", shape, name, "--category", "inventory", "--room", room, *more)


@pytest.fixture(scope="module")
def made(copy: Path) -> Path:
    """The project with a new job of each shape, each in a new room."""
    for shape in writing.SHAPES:
        name = "change_something" if shape == "task" else f"{shape}_new_things_{shape}"
        room = f"novel_{shape}s"
        done = make(copy, shape, name, "--examples", "INV-16", "INV-17", room=room)
        assert done.returncode == 0, done.stderr
    return copy


def test_what_is_written_passes_ruff(made: Path):
    for arguments in (("check",), ("format", "--check")):
        done = run(made, "-m", "ruff", *arguments, "--no-cache", "include", "tests", "dags")
        assert done.returncode == 0, done.stdout


def test_the_dags_of_all_shapes_are_found(made: Path):
    done = run(made, "-c", CHECK)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "checks",
    [
        ("tests/oms/test_catalog.py", "tests/test_references.py", "tests/oms/shopify/test_documents.py"),
        ("tests/dags/test_integrity.py",),
        ("tests/test_architecture.py", "-k", "rooms_know or dag_file or each_room_once"),
    ],
    ids=lambda checks: checks[0],
)
def test_the_project_s_own_checks_hold(made: Path, checks: tuple[str, ...]):
    done = run(made, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", *checks)

    assert done.returncode == 0, done.stdout[-4000:]


def test_its_own_tests_fail_until_they_are_filled_in(made: Path):
    done = run(
        made,
        "-m",
        "pytest",
        "-q",
        "-n",
        "0",
        "-p",
        "no:cacheprovider",
        *(f"tests/oms/novel_{shape}s" for shape in writing.SHAPES),
    )

    assert f"{2 * len(writing.SHAPES)} failed" in done.stdout
    assert "fill in INV-16: arrange, act once" in done.stdout


@pytest.mark.parametrize(
    ("shape", "name", "words"),
    [
        ("task", "Change", "is no DAG id"),
        ("task", "import_item_receipt", "there is a job import_item_receipt already"),
        ("task", "tidy_house_keeping", "include/oms/upkeep/house_keeping.py: there already"),
    ],
)
def test_what_is_there_or_makes_no_sense_is_refused(copy: Path, shape: str, name: str, words: str):
    done = make(copy, shape, name)

    assert done.returncode == 2
    assert words in done.stderr


def test_an_example_that_no_spec_has_is_refused(copy: Path):
    done = make(copy, "task", "change_nothing", "--examples", "T-" + "NEW-01")

    assert done.returncode == 2
    assert "has the example T-" + "NEW-01: write it there first" in done.stderr


def test_a_reason_to_run_alone_stands_in_the_entry_as_it_was_given(copy: Path):
    done = make(copy, "task", "tidy_other_things", "--alone", "it's a person's word")

    assert done.returncode == 0, done.stderr
    entry = (copy / "include/oms/catalog/tidy_other_things.py").read_text()
    assert """runs_alone="it's a person's word",""" in entry
