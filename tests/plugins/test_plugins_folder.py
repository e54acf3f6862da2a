"""Airflow executes every file it finds in plugins/ under its bare name: only plugin files may be found."""

import ast
from pathlib import Path

from airflow.utils.file import find_path_from_directory

from tests.conftest import PROJECT

PLUGINS = PROJECT / "plugins"


def test_airflow_finds_only_plugin_files():
    found = {
        Path(path) for path in find_path_from_directory(PLUGINS, ".airflowignore") if path.endswith(".py")
    }

    assert found == set(PLUGINS.rglob("*_plugin.py"))
    assert PLUGINS / "oms_airflow" / "jobs.py" not in found


def test_every_plugin_class_lives_in_a_plugin_file():
    for path in PLUGINS.rglob("*.py"):
        bases = [
            ast.unparse(base)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.ClassDef)
            for base in node.bases
        ]
        plugin = any(base.endswith("AirflowPlugin") for base in bases)
        assert not plugin or path.name.endswith("_plugin.py"), path


def test_no_module_has_the_name_of_a_top_level_package():
    import sys

    for path in PLUGINS.rglob("*_plugin.py"):
        assert path.stem not in sys.stdlib_module_names


def test_what_knows_the_business_never_imports_airflow():
    for path in (PROJECT / "include" / "oms").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        modules = [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
        modules += [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
        assert not [m for m in modules if m.split(".")[0] in ("airflow", "oms_airflow", "oms_web")], path
