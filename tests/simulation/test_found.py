"""Sequences that are known to break an invariant when a rule is missing, each with that rule.

Some were found by the plays; all are rare enough in random plays to be played every time.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.simulation.actions import (
    LATER,
    LATEST,
    OVER,
    Action,
    ByHand,
    CallAgain,
    CallApi,
    Cancel,
    CancelHere,
    ChangeRestock,
    CloseCircle,
    Decide,
    DefineKit,
    Deliver,
    Drop,
    DropAgain,
    Fault,
    HoldAt,
    LoseStaging,
    MakeKits,
    NoteMoment,
    OtherChannel,
    Pack,
    Place,
    PrepareRestock,
    Push,
    Receive,
    ReceiveGoods,
    Repair,
    Reserve,
    RunImport,
    RunRestocks,
    Say,
    SellAtTill,
    Setting,
    Ship,
    TakeIn,
    TakeInTillSale,
    Tell,
    Undo,
    Unpack,
    Upload,
)
from tests.simulation.calling import Call, Change
from tests.simulation.file_model import File, Row
from tests.simulation.model import BOX, KIT, RESET_REASON
from tests.simulation.play import World, play

pytestmark = pytest.mark.slow

DELTA, RECENT = World(modes=("DELTA", "DELTA")), World(modes=("RECENT", "DELTA"))
THROTTLED = Fault("throttled", stubborn=True)
KITS = World(modes=("DELTA", "DELTA"), stock=(5, 9, 4, 8, 7), kit=(2, 3))
BOXES = World(modes=("DELTA", "DELTA"), stock=(9, 12, 4, 8, 7), kit=(2, 1), box=(1, 2))
BY_QOH = World(modes=("DELTA", "DELTA"), basis="QOH")
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


def test_a_shop_that_says_try_again_at_once_for_ever_is_given_up_in_time(begin: Begin) -> None:
    refused = Push("DELTA", fault=Fault("429", stubborn=True))

    play(begin, DELTA, LINE, refused, Push("DELTA", at="push.answered"), refused, Push("HARD"))


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


def sold(units: int, at: int | None = None) -> Drop:
    """The store reports of units of A that left, now or at a moment noted."""
    return Drop(File("variance", (Row("A", "WH", -units, "POS_SALE", at=at),)))


def counted(units: int, at: int | None = None) -> Drop:
    return Drop(File("reset", (Row("A", "WH", units, at=at),), by_atp=False))


def test_inv_17_what_happened_after_a_count_stays_on_top_of_it(begin: Begin) -> None:
    count = counted(9, LATEST)

    play(
        begin, DELTA, NoteMoment(), sold(1), count, sold(2), DropAgain(1, False), Push("HARD"), Push("DELTA")
    )


def test_inv_52_a_late_report_is_in_the_count_already_and_an_older_count_is_stale(begin: Begin) -> None:
    moments = [NoteMoment(), sold(1), NoteMoment(), counted(2, LATEST)]
    late = CallApi(Call((Change("A", "WH", -1, at=LATEST - 1),), key=1), times=2)

    play(begin, RECENT, *moments, sold(3, LATEST - 1), late, counted(8, LATEST - 1), counted(6, LATEST))


def test_a_reset_without_a_moment_is_newer_than_a_count_from_before_it(begin: Begin) -> None:
    empty = World(modes=("DELTA", "DELTA"), stock=(0,) * 6)

    play(begin, empty, NoteMoment(), counted(10), counted(10, LATEST), Push("HARD"))


def test_a_count_between_two_resets_moves_nothing(begin: Begin) -> None:
    play(
        begin, DELTA, counted(10), NoteMoment(), counted(30), counted(30, LATEST), sold(1), counted(8, LATEST)
    )


@pytest.mark.parametrize("taken_back", [[], [Undo(1)]], ids=["stands", "is taken back"])
def test_a_reset_that_found_nothing_to_change_is_newer_as_long_as_it_stands(begin: Begin, taken_back) -> None:
    rows = (Row("A", "WH", 10), Row("B", "WH", 70))
    agrees = [counted(10), NoteMoment(), Drop(File("reset", rows, by_atp=False))]

    play(begin, DELTA, *agrees, *taken_back, counted(8, LATEST), Push("HARD"))


def test_what_a_shop_has_told_is_newer_than_a_count_from_before_it(begin: Begin) -> None:
    count = Drop(File("reset", (Row("A", "S2", 3, at=LATEST),)))
    told = [Say("A", 5), Deliver(0), Receive(), NoteMoment(), Say("A", 7), Deliver(1), Receive()]

    play(begin, RECENT, *told, count, NoteMoment(), count)


def test_a_refused_line_is_of_one_moment_with_the_others_of_its_file(begin: Begin) -> None:
    rows = Row("A", "WH", 5), Row("A", "WH", 9, fault="fraction")

    play(begin, DELTA, Drop(File("reset", rows)), sold(1), Repair(0), Push("HARD"))


def announced(*units: tuple[str, int], name: int = 1, fault: str | None = None) -> Drop:
    """A shipment to WH is announced; fault: its last line has one."""
    *rows, last = (Row(sku, "WH", quantity, document=name) for sku, quantity in units)
    return Drop(File("shipment", (*rows, replace(last, fault=fault), Row("B", "S1", 2, document=9))))


def test_inv_30_what_is_announced_counts_when_it_is_received(begin: Begin) -> None:
    first = [announced(("A", 6)), Push("DELTA"), ReceiveGoods(0, times=2, crash_at="receive.written")]
    second = [DropAgain(0, False), announced(("A", 4), name=2), Push("RECENT"), ReceiveGoods(2)]

    play(begin, DELTA, *first, *second, ReceiveGoods(2), Push("DELTA"))


def test_inv_30_a_shipment_is_changed_until_some_of_it_is_received(begin: Begin) -> None:
    changed = [announced(("A", 6), ("A", 2)), announced(("A", 5), ("B", 3)), DropAgain(LATEST, False)]
    parts = [ReceiveGoods(0, (0, 2, 1), times=2), Push("DELTA"), announced(("A", 9))]
    rest = [ReceiveGoods(0, (0, 3, 0)), ReceiveGoods(0, (1, 0, 3)), ReceiveGoods(0), ReceiveGoods(0)]

    play(begin, DELTA, *changed, *parts, Repair(0), *rest, Push("HARD"))


def test_a_shipment_with_a_bad_line_is_announced_as_a_whole_later(begin: Begin) -> None:
    refused = [announced(("A", 1), ("B", 1), fault="product"), ReceiveGoods(0), Repair(0), ReceiveGoods(1)]

    play(begin, DELTA, *refused, Push("DELTA"))


def test_inv_32_a_restock_is_received_and_shown_once(begin: Begin) -> None:
    prepared = [PrepareRestock((("A", 4), ("B", 2), (KIT, 1)), times=2), Push("HARD")]
    killed = [RunRestocks(at="plan.stored"), Push("DELTA"), RunRestocks(), RunRestocks(0), Push("RECENT")]

    play(begin, RECENT, Setting("A", "WH", 2), *prepared, RunRestocks(at="receive.written"), *killed)


def test_inv_46_a_restock_sends_what_should_be_on_sale_and_no_more(begin: Begin) -> None:
    held = Drop(File("reset", (Row("A", "WH", 9), Row("B", "WH", 1))))
    first = [PrepareRestock((("A", 3), ("B", 1))), held, RunRestocks(), Push("DELTA"), Push("HARD")]
    sold_meanwhile = RunRestocks(at="push.marked_sent", then=Place("A", 1))
    second = [PrepareRestock((("A", 2),), "S1"), OtherChannel("A", 20), sold_meanwhile]

    play(begin, DELTA, *first, *second, RunRestocks(fault=THROTTLED), Push("DELTA"))


def test_inv_32_a_restock_is_changed_as_long_as_it_waits(begin: Begin) -> None:
    changes = [("A", 0), LATER, OVER, ("A", 5), ("B", 2), ("A", 0), (KIT, 1)]
    waiting = [PrepareRestock((("A", 3),)), *[ChangeRestock(0, change) for change in changes]]
    given_up = [PrepareRestock((("A", 3),)), ChangeRestock(1), ChangeRestock(1, ("A", 1)), RunRestocks(1)]

    play(begin, DELTA, *waiting, *given_up, RunRestocks(0), ChangeRestock(0), ChangeRestock(0, LATER))


@pytest.mark.parametrize("kind", ["receipt", "transfer"])
def test_inv_23_lines_of_a_document_are_booked_once(begin: Begin, kind: str) -> None:
    twice = Row("A", "WH", 3, document=1)
    bad, other = Row("A", "WH", 4, document=1, fault="fraction"), Row("B", "S1", -2, document=1)
    again = [twice, twice, Row("A", "WH", 5, document=1), Row("B", "S1", -1, document=1)]

    files = [Drop(File(kind, (twice, bad, twice, other))), Drop(File(kind, tuple(again))), Repair(0)]
    play(begin, DELTA, *files, DropAgain(0, False), Push("DELTA"))


def test_a_file_that_was_taken_back_may_come_again(begin: Begin) -> None:
    receipt = Drop(File("receipt", (Row("A", "WH", 3, document=1), Row("B", "WH", 2, document=1))))

    play(begin, DELTA, receipt, Undo(0, "undo.undone"), DropAgain(0, False), DropAgain(0, False), Undo(0))


def test_what_a_reset_had_set_is_taken_back_the_way_it_came(begin: Begin) -> None:
    held = [counted(12), Push("DELTA"), Undo(0, "undo.written"), Push("DELTA"), LINE, Push("DELTA")]

    play(begin, DELTA, *held, Push("HARD"))


def test_a_file_before_a_later_count_is_not_taken_back(begin: Begin) -> None:
    stated = CallApi(Call((Change("A", "WH", 1, RESET_REASON),), None))

    play(begin, RECENT, sold(2), counted(9), Undo(0), Undo(1), Undo(0), sold(1), stated, Undo(2))


def test_a_refused_line_is_repaired_once(begin: Begin) -> None:
    rows = Row("A", "WH", 3, "VAR_FOUND", fault="product"), Row("B", "S1", 2, "VAR_FOUND", fault="queue")
    repairs = [Repair(0, (True, False)), DropAgain(1, False), Repair(0), Repair(0, more=1), Undo(0), Undo(1)]

    play(begin, DELTA, Drop(File("variance", rows)), *repairs, Undo(0), Repair(0))


def test_a_repaired_figure_is_one_of_its_file_s_time(begin: Begin) -> None:
    rows = Row("A", "WH", 9, fault="fraction"), Row("B", "WH", 7), Row("A", "S1", 3, fault="queue")
    repairs = [sold(2), Repair(0, (True, False)), counted(8), Repair(0)]

    play(begin, DELTA, Drop(File("reset", rows)), *repairs, Push("DELTA"))


def test_a_line_that_is_refused_again_has_repaired_nothing(begin: Begin) -> None:
    booked, other = Row("A", "S1", 4, document=1), Row("A", "S1", 3, document=1)
    again = [Repair(LATEST, (False,)), Repair(0, (False,))]

    play(begin, DELTA, Drop(File("transfer", (booked,))), Drop(File("transfer", (other,))), *again)


def test_the_last_row_that_says_something_of_a_setting_wins(begin: Begin) -> None:
    rows = Row("A", "WH", 2), Row("A", "WH", 4, sells=True), Row("A", "WH", sells=False), Row("B", "S1", 1)
    channel = Drop(File("threshold", (Row("A", "CONFIGURATION", 1), Row("A", "CONFIGURATION", 3))))
    raised = Drop(File("threshold", (Row("A", "CONFIGURATION", 5),)))
    pushed = [Push("DELTA"), channel, Push("RECENT"), DropAgain(1, False), raised, Push("DELTA")]

    play(begin, DELTA, Drop(File("facility", rows)), *pushed)


def test_inv_26_a_repeated_call_counts_once(begin: Begin) -> None:
    sale, some = Change("A", "WH", -2), Change("B", "S1", 1, "VAR_FOUND")
    several = Call((sale, Change("A", "MARS", 1), some, some), key=2, is_list=True)
    calls = [CallApi(Call((sale,), key=1), times=2), CallAgain(0, more=1), CallApi(several, at_once=True)]

    play(
        begin, DELTA, *calls, CallAgain(0), CallAgain(LATEST), CallApi(Call((sale,), None), 2), Push("DELTA")
    )


def test_inv_25_the_newest_word_of_a_shop_counts_in_any_order(begin: Begin) -> None:
    said = [Say("A", 5), Say("A", 7), Say("A", 3), Say("A", None)]
    late = [Deliver(1), Receive(), Deliver(0), Receive(), CallApi(Call((Change("A", "S2", -1),), None))]

    play(
        begin, RECENT, *said, *late, Deliver(1), Deliver(3), Receive(), Deliver(2), Receive(1), Push("DELTA")
    )


def test_inv_25_a_newer_word_that_came_first_counts_among_several(begin: Begin) -> None:
    said = [Say("A", 5), Say("A", 7), Say("B", 4), Say("B", 6), Say("B", 4)]

    play(
        begin, RECENT, *said, Deliver(1), Deliver(0), Receive(), Deliver(3), Receive(), Deliver(2), Receive()
    )


def test_inv_25_a_word_between_two_equal_ones_of_one_second_is_old(begin: Begin) -> None:
    said = [Say("A", 5), Say("A", 6), Say("A", 5)]

    play(begin, RECENT, *said, Deliver(0), Receive(), Deliver(2), Receive(), Deliver(1), Receive())


def test_inv_20_a_kit_follows_its_components(begin: Begin) -> None:
    lives = [Place(KIT, 1), TakeIn(0), MakeKits(), Push("DELTA"), Reserve(0), MakeKits(crash_at="kits.done")]

    play(begin, KITS, MakeKits(), Push("DELTA"), sold(2), *lives, Push("RECENT"), Ship(0), MakeKits())


def test_inv_51_what_waits_for_a_component_makes_no_kit(begin: Begin) -> None:
    waiting = [OtherChannel("A", 12), Push("DELTA"), OtherChannel(KIT, 1), Push("DELTA"), Push("HARD")]

    play(begin, KITS, MakeKits(include_all=True), Push("DELTA"), *waiting)


def test_a_kit_sold_at_a_till_takes_its_components_along(begin: Begin) -> None:
    play(begin, KITS, MakeKits(), SellAtTill(KIT, 1), TakeInTillSale(0), MakeKits(), Push("DELTA"))


def test_inv_20_a_kit_in_a_kit_follows_what_both_are_made_of(begin: Begin) -> None:
    lives = [Place(BOX, 1), TakeIn(0), Push("DELTA"), Reserve(0), MakeKits(), Push("RECENT"), Ship(0)]
    other = [CloseCircle(), DefineKit((1, 3)), Push("DELTA"), MakeKits(), Push("HARD")]

    play(begin, BOXES, MakeKits(), Push("DELTA"), sold(2), MakeKits(), *lives, MakeKits(), *other)


def test_inv_51_a_queued_kit_of_kits_is_demand_for_all_that_is_in_it(begin: Begin) -> None:
    queued = [OtherChannel(BOX, 2), Push("DELTA"), DefineKit((2, 1), BOX), Push("DELTA"), Push("HARD")]

    play(begin, BOXES, MakeKits(), *queued, SellAtTill(BOX, 1), TakeInTillSale(0), MakeKits(), Push("DELTA"))


def test_a_sale_that_is_known_already_is_no_news(begin: Begin) -> None:
    known = [SellAtTill("B", 1), TakeInTillSale(0), Push("HARD"), TakeInTillSale(0)]

    play(begin, DELTA, *known, ByHand("B", 1), Push("RECENT"))


def test_inv_27_a_packed_order_is_locked_and_leaves_the_shelf_once(begin: Begin) -> None:
    packed = [Place("A", 3), TakeIn(0), Reserve(0, "S1"), Pack(0, again=True), Push("DELTA")]
    tried = [Reserve(0, "S1"), Unpack(0), Cancel(0, 1, True), Tell(0), Push("RECENT"), Unpack(0, True)]

    play(begin, DELTA, *packed, *tried, Push("HARD"), Pack(0), Ship(0), Push("DELTA"), Ship(0), Tell(0))


def low(*figures: tuple[str, int]) -> Drop:
    """A reset that leaves WH little."""
    return Drop(File("reset", tuple(Row(sku, "WH", units) for sku, units in figures)))


def test_a_file_that_looks_wrong_waits_for_approval_and_keeps_no_other_waiting(begin: Begin) -> None:
    guarded = World(modes=("DELTA", "DELTA"), max_drop=50)
    held = [low(("A", 0), ("B", 0)), RunImport("reset"), sold(1), counted(4), Undo(0), Push("DELTA")]
    approved = [Decide(0, True, "hold.decided"), LoseStaging(), Decide(0, False), sold(2), RunImport("reset")]

    play(begin, guarded, *held, *approved, Push("HARD"), Undo(0), low(("A", 0)), Decide(1, True))


def test_a_file_that_a_person_rejects_changes_nothing(begin: Begin) -> None:
    guarded = World(modes=("DELTA", "DELTA"), max_drop=50)
    bad = Row("A", "S1", 3, fault="product")
    held = [Drop(File("reset", (Row("A", "WH", 0), Row("B", "WH", 1), bad))), Decide(0, False), Push("DELTA")]

    play(begin, guarded, *held, RunImport("reset"), Decide(0, True), Repair(0), Undo(0), DropAgain(0, True))


def test_kits_are_no_stock_that_a_facility_keeps(begin: Begin) -> None:
    guarded = World(modes=("DELTA", "DELTA"), stock=(5, 9, 4, 8, 7), kit=(2, 3), max_drop=70)

    play(begin, guarded, MakeKits(), low(("A", 1), ("B", 2)), Decide(0, False), low(("A", 2), ("B", 2)))


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


def at_store(units: int) -> list[Action]:
    """Units of A are sold where QOH is shown, and reserved there."""
    return [Place("A", units, "Store"), TakeIn(0), Reserve(0, "S1")]


def test_inv_50_what_is_delivered_leaves_qoh_what_is_ordered_does_not(begin: Begin) -> None:
    lost = [Cancel(0, 1, False), Push("HARD"), Tell(0), Push("DELTA")]

    play(begin, BY_QOH, *at_store(3), *lost, Ship(0), Push("HARD"), Ship(0), Push("DELTA"), Tell(0))


def test_inv_50_a_shipped_order_that_is_moved_will_leave_the_other_location(begin: Begin) -> None:
    moved = [HoldAt(0, "Main"), Push("HARD"), Upload(0), Push("DELTA"), HoldAt(0, "Store"), Push("HARD")]

    play(begin, BY_QOH, *at_store(2), Ship(0), *moved, Upload(0, given_up=True), Push("DELTA"), Ship(0))


def test_inv_50_units_that_the_shop_keeps_after_all_leave_with_the_others(begin: Begin) -> None:
    given_up = [CancelHere(0, 1, True), Pack(0), Upload(0, given_up=True), Push("HARD"), Unpack(0, True)]

    play(begin, BY_QOH, *at_store(3), *given_up, Push("HARD"), Ship(0), Push("DELTA"), Ship(0), Tell(0))


def test_inv_50_an_unguarded_comparison_counts_on_hand(begin: Begin) -> None:
    unguarded = World(modes=("DELTA", "RECENT"), basis="QOH")

    play(begin, unguarded, *at_store(2), Push("RECENT"), Ship(0), Push("RECENT"), Ship(0), Tell(0))


def test_safety_stock_is_held_back_where_a_store_shows_computed_atp(begin: Begin) -> None:
    computed = World(modes=("DELTA", "RECENT"), basis="COMPUTED_ATP")

    play(begin, computed, Setting("A", "S1", 2), *at_store(1), Push("RECENT"), Setting("A", "S1", 9))
