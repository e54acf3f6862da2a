"""Who knows whom: the contracts of pyproject.toml, and what DAG files may import (docs/architecture.md 2)."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

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


def _known(name: str) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in KNOWN_TO_DAGS)
