"""The crash matrix as a whole: every step of a file's and of a number's way has points, each is proven."""

import importlib
import pkgutil

import oms
from oms import crashpoints
from tests.faults import test_imports_crash, test_products_crash, test_sync_crash

STEPS = {"land", "apply", "close", "plan", "push", "settle", "products"}


def registered() -> set[str]:
    for module in pkgutil.walk_packages(oms.__path__, "oms."):
        if "migrations" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return set(crashpoints.POINTS)


def test_a_step_without_a_point_fails():
    assert {name.split(".")[0] for name in registered()} == STEPS


def test_a_point_without_a_scenario_fails():
    proven = {*test_imports_crash.POINTS, *test_sync_crash.POINTS, *test_sync_crash.ONLY_BULK}
    proven |= {*test_products_crash.POINTS}

    assert registered() == proven
