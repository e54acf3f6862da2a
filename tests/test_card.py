"""What was asked for stands: the layout, the packages and what each is for; what is imported is declared."""

import ast
import re
import sys
from functools import cache
from importlib.metadata import packages_distributions

import pytest

from tests.conftest import PROJECT

LAYOUT = ("README.md", "dags", "plugins", "include", "tests", "requirements.txt", "docker-compose.yaml")
PACKAGES = {
    "apache-airflow": "airflow",
    "apache-airflow-providers-sftp": None,
    "apache-airflow-providers-postgres": None,
    "requests": "requests",
    "pandas": "pandas",
    "pytest": "pytest",
}
"""Each with the name under which it is imported; None: Airflow loads it, for connections of its type."""
PARTS = ("running", "sandbox", "tests")
NEEDED_BY = {
    "running": ("dags", "plugins", "include/oms"),
    "sandbox": ("include/fakeshop", "include/sandbox"),
    "tests": ("tests", "tools"),
}
OURS = {"oms", "oms_airflow", "oms_web", "fakeshop", "sandbox", "tests", "tools"}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(part: str) -> dict[str, str]:
    """The packages of a part of the requirements, each with the comment above it."""
    found, words = {}, ""
    for line in (PROJECT / "requirements" / f"{part}.in").read_text().splitlines():
        if line.startswith("#"):
            words = line.removeprefix("#").strip()
        elif line:
            found[normal(re.match(r"[A-Za-z0-9._-]+", line)[0])] = words
    return found


@cache
def imports(*folders: str, at_top: bool = False) -> dict[str, set[str]]:
    """The top names of all modules that the files import, with the files; `at_top`: not inside a function."""
    found: dict[str, set[str]] = {}
    for path in (path for folder in folders for path in (PROJECT / folder).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body if at_top else ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module]
            for name in names:
                found.setdefault(name.partition(".")[0], set()).add(str(path.relative_to(PROJECT)))
    return found


def test_the_layout_stands():
    assert [name for name in LAYOUT if not (PROJECT / name).exists()] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_the_requirements_install_each_package_that_was_asked_for(package: str):
    assert re.search(rf"^{package}==", (PROJECT / "requirements.txt").read_text(), re.MULTILINE)
    assert package in declared("tests" if package == "pytest" else "running")


@pytest.mark.parametrize(("package", "module"), [one for one in PACKAGES.items() if one[1]])
def test_each_package_is_used_by_code_that_runs(package: str, module: str):
    assert imports(*NEEDED_BY["tests" if package == "pytest" else "running"]).get(module), package


@pytest.mark.parametrize("part", PARTS)
def test_what_is_imported_is_declared_in_its_part(part: str):
    """Airflow brings much along, and may bring something else tomorrow."""
    known = {name for one in PARTS[: PARTS.index(part) + 1] for name in declared(one)}
    homes = packages_distributions()

    missing = {
        module: sorted(files)
        for module, files in imports(*NEEDED_BY[part]).items()
        if module not in sys.stdlib_module_names | OURS
        and not known & {normal(home) for home in homes.get(module, [])}
        and module != "airflow"
    }

    assert missing == {}


def test_every_package_of_the_parts_is_locked_and_says_what_it_is_for():
    locked = {normal(name) for name in re.findall(r"^([^=\s#]+)==", lock(), re.MULTILINE)}

    for part in PARTS:
        names = declared(part)
        assert names
        assert set(names) <= locked
        assert [name for name, words in names.items() if not words] == []


def lock() -> str:
    return re.sub(r"\[[^]]*\]", "", (PROJECT / "requirements.txt").read_text())


def test_the_image_installs_what_the_job_manager_runs_with_and_nothing_else():
    dockerfile = (PROJECT / "Dockerfile").read_text()
    job_manager, rest = dockerfile.split("FROM job-manager AS local-shop")

    assert re.findall(r"requirements/(\w+)\.in", job_manager) == ["running"]
    assert rest.rstrip().endswith("FROM job-manager"), "the last stage is what a build without a target makes"


def test_pandas_is_imported_where_it_works_and_nowhere_else():
    """It takes two seconds: no DAG file, and no task that does not need it, pays for that."""
    assert "pandas" in imports("include/oms"), "imports inside functions count"
    assert "pandas" not in imports("dags", "plugins", "include", at_top=True)
