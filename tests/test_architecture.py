"""Who knows whom: the contracts of pyproject.toml, and what DAG files may import (docs/architecture.md 2)."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from tests import rooms
from tests.rooms import PAGE

ROOT = Path(__file__).parent.parent
DAG_FILES = sorted((ROOT / "dags").glob("*.py"))
KNOWN_TO_DAGS = {"oms.catalog", "oms_airflow", "airflow"}


def test_rooms_know_only_what_lies_below_them():
    result = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": "include:plugins"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


@pytest.mark.parametrize("path", DAG_FILES, ids=lambda path: path.name)
def test_a_dag_file_knows_the_catalogue_and_the_builders(path):
    imported = [
        name
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [node.module]
            if isinstance(node, ast.ImportFrom)
            else [one.name for one in node.names]
            if isinstance(node, ast.Import)
            else []
        )
    ]

    assert imported, "a DAG file that imports nothing builds nothing"
    assert [name for name in imported if not _known(name)] == []


@pytest.mark.parametrize("package", ["oms", "oms_airflow", "oms_web", "fakeshop"])
def test_no_modules_import_each_other_in_a_circle(package):
    """Not for types only either, and not inside of functions: whoever reads one must be able to end."""
    graph = grimp.build_graph(package, cache_dir=None)
    knows = {one: graph.find_modules_directly_imported_by(one) for one in graph.modules}
    while ends := {one for one, known in knows.items() if not known & knows.keys()}:
        knows = {one: known for one, known in knows.items() if one not in ends}

    assert knows.keys() == set(), "these import each other, or stand above such"


def test_the_architecture_page_names_each_room_once():
    named = [name for room, _, _ in rooms.rows() for name in re.findall(r"`(\w+)`", room)]
    there = {path.stem for path in (ROOT / "include/oms").iterdir() if _is_room(path)}

    assert sorted(named) == sorted(there), f"mend the table of rooms in {PAGE.name}"


def test_the_architecture_page_names_the_owner_of_each_table(oms_db):
    owned = [name for _, _, owns in rooms.rows() for name in re.findall(r"`(\w+)\*?`", owns)]
    tables = oms_db.execute(
        "select relname from pg_class where relnamespace = 'oms'::regnamespace and relkind in ('r', 'p')"
        " and not relispartition and relname <> 'alembic_version'"
    ).fetchall()

    assert sorted(owned) == sorted(name for (name,) in tables), f"mend the table of rooms in {PAGE.name}"


def _is_room(path: Path) -> bool:
    return (path.is_dir() and any(path.glob("*.py"))) or (path.suffix == ".py" and path.stem != "__init__")


def _known(name: str) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in KNOWN_TO_DAGS)
