"""The demonstration's account of its numbers, and how it is printed."""

import pytest

from sandbox import progress, stack
from sandbox.airflow_api import AirflowApi
from sandbox.demo import Demo
from sandbox.layout import Sandbox


@pytest.fixture
def demo(tmp_path) -> Demo:
    return Demo(Sandbox(tmp_path), AirflowApi("http://127.0.0.1:1", "admin", ""), {})


def test_a_number_that_is_not_the_expected_one_is_wrong(demo):
    demo.expect("A in the shop", 95, 95)
    demo.expect("B in the shop", 50, 51)

    assert demo.wrong == 1
    assert demo.checks[1] == ("B in the shop", 50, 51, "WRONG")


def test_a_table_shows_every_row_with_its_numbers_to_the_right(capsys):
    progress.table("Levels", ["sku", "before", "after"], [("A", 100, 95), ("BB", 5, -1)])

    assert capsys.readouterr().out.splitlines() == [
        "Levels",
        "  sku  before  after",
        "  ---  ------  -----",
        "  A       100     95",
        "  BB        5     -1",
    ]


def test_a_step_says_when_it_begins_and_how_it_ended(capsys):
    with progress.step("Postgres") as current:
        current.note = "port 1"
    with pytest.raises(KeyError), progress.step("Airflow"):
        raise KeyError("x")

    lines = capsys.readouterr().out.splitlines()
    assert [line.split("s  ", 1)[1].split(" (")[0].split(" after")[0] for line in lines] == [
        "…     Postgres",
        "ok    Postgres: port 1",
        "…     Airflow",
        "FAIL  Airflow",
    ]


def test_the_folders_in_which_jobs_look_come_from_the_catalogue():
    assert {"pos/morning_inventory_sync/staging/incoming", "restock/incoming"} <= set(stack.import_folders())
