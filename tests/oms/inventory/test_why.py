"""Every figure can explain itself, now and at any instant (architecture.md 8.2; inventory.md 6.2, 6.7)."""

import random
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import psycopg
import pytest

from oms.__main__ import main
from oms.inventory.why import NotKnown, told, why
from oms.orders.taking_in import Line
from tests.oms import one_item
from tests.oms.imports.conftest import VARIANCE, Floor, floor  # noqa: F401 - a fixture
from tests.oms.sync.bench import Bench
from tests.oms.sync.conftest import oms  # noqa: F401 - a fixture


def identified(world, sku: str) -> int:
    product = world.product(sku)
    world.db.execute(
        """insert into oms.product_identification (product_id, identification_type_id, id_value)
           values (%s, 'SKU', %s)""",
        (product, sku),
    )
    return product


def test_an_entry_of_a_file_names_file_line_run_reason_and_comment(floor: Floor):
    floor.vary(VARIANCE + "STORE_1,,SKU,B,1,,,\nSTORE_1,,SKU,A,7,,VAR_FOUND,behind the shelf\n", "found.csv")

    found = why(floor.conn, "A", "101")

    (entry,) = found.entries
    assert (found.facility_id, found.qoh, found.atp, found.adds_up) == ("STORE_1", 7, 7, True)
    assert (entry.file_name, entry.line_number, entry.run) == (
        "found.csv",
        3,
        "import_inventory_variance/run_1",
    )
    assert (entry.reason_id, entry.comments) == ("VAR_FOUND", "behind the shelf")
    assert entry.cause.startswith("file found.csv line 3 (log ")


def test_an_entry_of_an_order_names_it_and_one_of_another_cause_its_key(world):
    product = identified(world, "P")
    world.stock(product, world.facility("A"), 5)
    world.shop(product)
    order = one_item.take_in(world.db, "demo", "1", [Line(product, 2, "L", 1)])
    one_item.broker(world.db, order, "A")

    found = why(world.db, "P", "A")

    assert [(entry.running_qoh, entry.running_atp) for entry in found.entries] == [(5, 5), (5, 3)]
    assert found.entries[0].cause == "cause test:0"
    assert found.entries[1].cause.startswith(f"order {order} 1 item 1")


def test_a_long_history_is_summed_up_and_still_sums(world):
    product = identified(world, "P")
    place = world.facility("A")
    for number in range(12):
        world.stock(product, place, number)

    found = why(world.db, "P", "A", last=3)

    assert (found.entry_count, found.opening_qoh, found.qoh, found.adds_up) == (12, 36, 66, True)
    assert [entry.running_qoh for entry in found.entries] == [45, 55, 66]
    assert "opening balance: the 9 entries before" in "\n".join(told(found))


def test_storage_locations_are_summed_or_shown_alone(world):
    product = identified(world, "P")
    place = world.facility("A")
    world.stock(product, place, 3, location="FRONT")
    world.stock(product, place, 4, location="BACK")

    assert why(world.db, "P", "A").qoh == 7
    assert why(world.db, "P", "A", storage="BACK").qoh == 4
    with pytest.raises(NotKnown, match="CELLAR"):
        why(world.db, "P", "A", storage="CELLAR")


def test_what_was_pushed_is_told_with_its_answer_run_and_book(oms: Bench):
    oms.open_shop("demo", {"A": 10})
    oms.move("A", 25)
    oms.push("RECENT")

    found = why(oms.db, str(oms.world.products["A"]), "WH", id_type="PRODUCT_ID")

    (level,) = found.levels
    (line,) = level.lines
    assert (level.shop_id, level.book, level.drift) == ("demo", 25, None)
    assert (line.delta, line.compared_with, line.desired, line.status) == (15, 10, 25, "APPLIED")
    assert line.adjustment_group_id.startswith("gid://shopify/InventoryAdjustmentGroup/")
    assert line.run_id == "test__1"
    assert f"after entry {found.entries[0].entry_id}: +15" in "\n".join(told(found))
    assert why(oms.db, str(found.product_id), "WH", id_type="PRODUCT_ID", shop_id="other").levels == ()


def test_unknown_and_ambiguous_names_are_refused_with_a_remedy(world):
    first, second = identified(world, "P"), identified(world, "P")
    world.facility("A")

    with pytest.raises(NotKnown, match=f"products {first}, {second}: give one with --id-type PRODUCT_ID"):
        why(world.db, "P", "A")
    with pytest.raises(NotKnown, match="no product has the UPCA"):
        why(world.db, "P", "A", id_type="UPCA")
    with pytest.raises(NotKnown, match="NOWHERE"):
        why(world.db, str(first), "NOWHERE", id_type="product id")


def test_the_command_says_that_it_adds_up_and_fails_where_it_does_not(world, oms_dsn, capsys):
    world.stock(identified(world, "P"), world.facility("A"), 5)
    world.db.commit()

    assert main(["--dsn", oms_dsn, "why", "P", "A"]) == 0
    assert "adds up: the 1 entries sum to QOH 5, ATP 5" in capsys.readouterr().out
    assert main(["--dsn", oms_dsn, "why", "P", "A", "--at", "2020-01-01"]) == 0
    assert "QOH 0, ATP 0" in capsys.readouterr().out

    world.db.execute("update oms.inventory_item set qoh = 6")
    world.db.commit()
    assert main(["--dsn", oms_dsn, "why", "P", "A"]) == 1
    assert "DOES NOT ADD UP: the ledger sums to QOH 5" in capsys.readouterr().out
    assert main(["--dsn", oms_dsn, "why", "Q", "A"]) == 2


@pytest.mark.parametrize("seed", range(4))
def test_a_past_instant_equals_what_was_seen_then_late_commits_included(world, oms_dsn, seed):
    """Three writers begin, write, commit and give up in any order; a reader notes time and figure between."""
    chance = random.Random(seed)
    product = identified(world, "P")
    places = [world.facility(name) for name in "ABC"]
    for place in places:
        world.stock(product, place, 0)
    world.db.commit()
    seen: list[tuple[datetime, str, tuple[int, int]]] = []
    with (
        psycopg.connect(oms_dsn, autocommit=True) as reader,
        psycopg.connect(oms_dsn) as one,
        psycopg.connect(oms_dsn) as two,
        psycopg.connect(oms_dsn) as three,
    ):
        writers = [
            SimpleNamespace(conn=conn, place=place)
            for conn, place in zip((one, two, three), places, strict=True)
        ]
        for step in range(120):
            writer = chance.choice(writers)
            act = chance.choice(("write", "write", "commit", "roll back", "look", "look"))
            if act == "write":
                diff = chance.randint(-9, 9)
                writer.conn.execute(
                    """insert into oms.inventory_ledger (inventory_item_id, qoh_diff, atp_diff, source_key)
                       select inventory_item_id, %s, %s, %s from oms.inventory_item where facility_id = %s""",
                    (diff, chance.randint(-9, 9), f"{seed}:{step}", writer.place),
                )
            elif act == "commit":
                writer.conn.commit()
            elif act == "roll back":
                writer.conn.rollback()
            else:
                place, *figures, now = reader.execute(
                    """select facility_id, qoh, atp, clock_timestamp() from oms.inventory_item
                        where facility_id = %s""",
                    (chance.choice(places),),
                ).fetchone()
                seen.append((now, place, tuple(figures)))
        for writer in writers:
            writer.conn.commit()
        told_later = [
            (moment, place, (past.qoh, past.atp))
            for moment, place, _ in seen
            for past in [why(reader, "P", place, at=moment)]
            if past.adds_up
        ]

    assert len(seen) > 20
    assert told_later == seen


def test_a_transaction_that_began_before_and_ended_after_an_instant_does_not_count_then(world, oms_dsn):
    product, place = identified(world, "P"), world.facility("A")
    world.db.commit()
    with psycopg.connect(oms_dsn) as late:
        late.execute("select now()")
        world.stock(product, place, 5)
        world.db.commit()
        late.execute(
            """insert into oms.inventory_ledger (inventory_item_id, qoh_diff, atp_diff, source_key)
               select inventory_item_id, 2, 2, 'late' from oms.inventory_item"""
        )
        between = datetime.now(UTC)
        late.commit()

    assert why(world.db, "P", "A", at=between).qoh == 5
    assert why(world.db, "P", "A", at=between + timedelta(seconds=5)).qoh == 7
    (entry,) = [entry for entry in why(world.db, "P", "A").entries if entry.source_key == "late"]
    assert entry.recorded_at < between < entry.visible_at


def test_a_transaction_leaves_one_commit_time_however_many_entries_it_writes(world):
    product, place = identified(world, "P"), world.facility("A")
    for _ in range(3):
        world.stock(product, place, 1)
    world.db.commit()

    rows = world.db.execute("select committed_at is not null from oms.ledger_commit").fetchall()
    assert rows == [(True,)]


def test_an_entry_that_was_taken_back_and_the_one_that_does_so_name_each_other(world):
    product = identified(world, "P")
    world.stock(product, world.facility("A"), 5)
    world.db.execute(
        """insert into oms.inventory_ledger
                  (inventory_item_id, qoh_diff, atp_diff, source_key, undoes_entry)
           select inventory_item_id, -5, -5, 'undo:1', entry_id from oms.inventory_ledger"""
    )

    first, second = why(world.db, "P", "A").entries

    assert f"undone by entry {second.entry_id}" in first.cause
    assert f"undoes entry {first.entry_id}" in second.cause
