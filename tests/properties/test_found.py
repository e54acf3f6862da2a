"""Sequences that the plays have found to break an invariant, each with the rule that it broke."""

from collections.abc import Callable
from typing import Any

from tests.properties.actions import Cancel, Place, Push, Reserve, Setting, Ship, TakeIn, Tell
from tests.properties.play import World, play

DELTA, RECENT = World(modes=("DELTA", "DELTA")), World(modes=("RECENT", "DELTA"))
Begin = Callable[[World], Any]


def test_inv_41_a_restock_after_shipping_is_booked(begin: Begin) -> None:
    lives = [Place("A", 2), TakeIn(0), Reserve(0), Cancel(0, 1, True), Ship(0), Tell(0)]

    play(begin, DELTA, *lives, Push("DELTA"))


def test_a_delta_run_by_hand_leaves_what_an_unguarded_comparison_has_to_take_off(begin: Begin) -> None:
    added_back = [Place("A", 2), Setting("A", "WH", 1), Push("RECENT"), TakeIn(0)]

    play(begin, RECENT, *added_back, Push("DELTA"), Push("RECENT"))
