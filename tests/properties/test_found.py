"""Sequences that are known to break an invariant when a rule is missing, each with that rule.

The first two were found by the plays; the others are rare enough in random plays to be played every time.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.properties.actions import (
    Cancel,
    Drop,
    Fault,
    LoseStaging,
    NoteMoment,
    Place,
    Push,
    Reserve,
    RunImport,
    Setting,
    Ship,
    TakeIn,
    Tell,
    Undo,
)
from tests.properties.file_model import File, Row
from tests.properties.play import World, play

DELTA, RECENT = World(modes=("DELTA", "DELTA")), World(modes=("RECENT", "DELTA"))
THROTTLED = Fault("throttled", stubborn=True)
LINE = Setting("A", "CONFIGURATION", 3)
Begin = Callable[[World], Any]


def test_inv_41_a_restock_after_shipping_is_booked(begin: Begin) -> None:
    lives = [Place("A", 2), TakeIn(0), Reserve(0), Cancel(0, 1, True), Ship(0), Tell(0)]

    play(begin, DELTA, *lives, Push("DELTA"))


def test_a_delta_run_by_hand_leaves_what_an_unguarded_comparison_has_to_take_off(begin: Begin) -> None:
    added_back = [Place("A", 2), Setting("A", "WH", 1), Push("RECENT"), TakeIn(0)]

    play(begin, RECENT, *added_back, Push("DELTA"), Push("RECENT"))


def test_inv_44_a_throttled_repetition_says_nothing_of_the_first_call(begin: Begin) -> None:
    answer_lost = [LINE, Push("DELTA", at="push.answered")]

    play(begin, DELTA, *answer_lost, Push("DELTA", fault=THROTTLED), Push("RECENT"), Push("DELTA"))


@pytest.mark.parametrize("first", ["RECENT", "HARD", "DELTA"])
@pytest.mark.parametrize("then", ["RECENT", "HARD", "DELTA"])
def test_inv_45_unsent_lines_leave_the_book_or_go_out_once(begin: Begin, first: str, then: str) -> None:
    play(begin, DELTA, LINE, Push(first, fault=THROTTLED), Push(then), Push("DELTA"))


def test_stock_below_0_is_not_raised_by_a_loss(begin: Begin) -> None:
    counted = Drop(File("reset", (Row("A", "WH", -3),)))

    play(begin, DELTA, counted, Drop(File("variance", (Row("A", "WH", -2, "VAR_DAMAGED"),))))


def test_a_file_with_bad_lines_survives_the_loss_of_its_staged_rows(begin: Begin) -> None:
    rows = Row("A", "WH", 5, fault="product"), Row("A", "WH", 9), Row("A", "WH", fault="blank")
    dies = Drop(File("reset", rows), crash_at="apply.started")

    play(begin, DELTA, dies, LoseStaging(), RunImport("reset"))


def test_rows_held_back_go_out_with_the_comparison_and_stay(begin: Begin) -> None:
    held = Drop(File("reset", (Row("A", "WH", 9),)))

    play(begin, DELTA, held, Push("DELTA"), Push("HARD"), LINE, Push("DELTA"), Push("RECENT"))


def late_sale(at: int) -> Drop:
    return Drop(File("variance", (Row("A", "WH", -1, "POS_SALE", at=at),)))


def count(units: int, at: int) -> Drop:
    return Drop(File("reset", (Row("A", "WH", units, at=at),)))


def test_a_count_that_is_undone_counts_no_more_and_the_one_before_does_again(begin: Begin) -> None:
    """INV-52 and back: each late sale is in the newest count that stands, or comes off."""
    two = [NoteMoment(), NoteMoment(), NoteMoment(), NoteMoment(), count(7, 1), count(5, 3)]

    play(begin, DELTA, *two, Undo(1), late_sale(0), late_sale(2), late_sale(3), Undo(0))


@pytest.mark.parametrize("units", [10, 7], ids=["also one that changed nothing", "one with an entry"])
def test_a_count_is_not_undone_once_a_late_sale_was_judged_by_it(begin: Begin, units: int) -> None:
    begun = World(modes=("DELTA", "DELTA"), stock=(10,) * 6)

    play(begin, begun, NoteMoment(), NoteMoment(), count(units, 1), late_sale(0), Undo(0))
