"""The crash matrix as a whole: every step of a file's and of a number's way has points, each is proven.

A module of this folder that proves points names them in `POINTS` (and `ONLY_…`).
"""

import importlib
import pkgutil

import oms
from oms import crashpoints
from tests import faults

STEPS = {
    "land", "apply", "close", "receive", "export", "plan", "push", "settle", "products", "webhooks", "levels",
    "restock", "outbox", "pull",
}  # fmt: skip


def registered() -> set[str]:
    for module in pkgutil.walk_packages(oms.__path__, "oms."):
        if "migrations" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return set(crashpoints.POINTS)


def proven() -> set[str]:
    found: set[str] = set()
    for module in pkgutil.iter_modules(faults.__path__, "tests.faults."):
        if module.name.endswith("_crash"):
            scenarios = vars(importlib.import_module(module.name))
            found |= {point for name in ("POINTS", "ONLY_BULK") for point in scenarios.get(name, ())}
    return found


def test_a_step_without_a_point_fails():
    assert {name.split(".")[0] for name in registered()} >= STEPS


def test_a_point_without_a_scenario_fails():
    assert registered() == proven()
