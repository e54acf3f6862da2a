"""Every error of `oms` says what follows from it: a person acts, it comes back, or there is nothing to do."""

import inspect
import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module

import pytest

from oms.errors import ComesBack, NeedsPerson, NothingToDo
from oms.imports.errors import ImportFault
from oms.shopify.errors import ShopifyError
from tests.conftest import PROJECT

CONSEQUENCES = (NeedsPerson, ComesBack, NothingToDo)
FAMILIES = (ShopifyError, ImportFault)
"""Stand above errors of one topic, for those who catch; nobody raises them."""
NOT_MODULES = re.compile(r"\.__main__$|^oms\.migrations\.(env|versions\b)")
"""Scripts, which act when they are imported."""


def errors_of(package: str) -> Iterator[type[BaseException]]:
    """Every exception class that a package defines, in any of its modules."""
    for found in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
        if not NOT_MODULES.search(found.name):
            for _name, one in inspect.getmembers(import_module(found.name), inspect.isclass):
                if issubclass(one, BaseException) and one.__module__ == found.name:
                    yield one


@pytest.mark.parametrize("error", [*errors_of("oms")], ids=lambda error: error.__name__)
def test_an_error_is_exactly_one_of_three(error: type[BaseException]):
    if error not in FAMILIES:
        assert len([one for one in CONSEQUENCES if issubclass(error, one)]) == 1


@pytest.mark.parametrize("error", [*CONSEQUENCES, *FAMILIES], ids=lambda error: error.__name__)
def test_what_stands_above_is_never_raised_itself(error: type[BaseException]):
    raised = re.compile(rf"raise {error.__name__}\b|(?<!class )\b{error.__name__}\(")
    files = [*(PROJECT / "include" / "oms").rglob("*.py"), *(PROJECT / "plugins").rglob("*.py")]

    assert [path.name for path in files if raised.search(path.read_text(encoding="utf-8"))] == []


def test_the_walk_finds_errors_wherever_they_are_defined():
    names = {error.__name__ for error in errors_of("oms")}

    assert {"BadParameter", "PutOff", "AlreadyWaiting", "Misshapen", "Throttled"} <= names
