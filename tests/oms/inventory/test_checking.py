"""The check of what must always hold finds each breach, and only breaches."""

from oms.__main__ import main
from oms.inventory.checking import breaches
from oms.orders.taking_in import Line
from tests.oms import one_item


def test_nothing_is_found_where_all_adds_up(world):
    product = world.product("P")
    world.stock(product, world.facility("A"), 5)
    world.shop(product)
    order = one_item.take_in(world.db, "demo", "1", [Line(product, 2, "L", 1)])
    one_item.broker(world.db, order, "A")

    assert breaches(world.db) == []


def test_a_reserved_kit_is_no_breach_and_components_without_it_are_one(world):
    product, kit = world.product("P"), world.product("K")
    world.stock(product, world.facility("A"), 5)
    world.db.execute("insert into oms.product_assoc values (%s, %s, 2)", (kit, product))
    order = one_item.take_in(world.db, None, "1", [Line(kit, 1)])
    one_item.broker(world.db, order, "A")
    assert breaches(world.db) == []

    world.db.execute(
        """delete from oms.inventory_reservation
            using oms.inventory_item as held
            where held.inventory_item_id = inventory_reservation.inventory_item_id
              and held.product_id = %s""",
        (kit,),
    )

    assert [(one.found, one.expected) for one in breaches(world.db)] == [
        ("2 reserved", "at most 0 (APPROVED)")
    ]


def test_each_breach_is_named(world, oms_dsn, capsys):
    product = world.product("P")
    world.stock(product, world.facility("A"), 5)
    world.shop(product)
    order = one_item.take_in(world.db, "demo", "1", [Line(product, 2, "L", 1)])
    one_item.broker(world.db, order, "A")
    world.db.execute("update oms.inventory_item set qoh = 9")
    world.db.execute("update oms.sync_level set book = 4")
    world.db.execute("update oms.order_item set status = 'CANCELLED'")
    world.db.execute(
        """insert into oms.import_log (config_id, dag_id, run_id, connection_id, remote_path, file_name,
                                       domain, kind, schedule_now, status, total_count, rejected_count)
           values ('C', 'd', 'r', 'ftp', '/x', 'x.csv', 'BALANCE', 'delta', true, 'DmlsFinished', 2, 2)"""
    )
    world.db.commit()

    found = {breach.rule: (breach.found, breach.expected) for breach in breaches(world.db)}

    assert found == {
        "position = sum of its ledger": ("9/3", "5/3"),
        "book = sum of its entries": ("4", "-2"),
        "reservations are of open items and not more than they have open": (
            "2 reserved",
            "at most 0 (CANCELLED)",
        ),
        "rejected lines of finished files are kept": ("0 rejected lines kept", "2"),
    }
    assert main(["--dsn", oms_dsn, "check"]) == 1
    assert "is 9/3, should be 5/3" in capsys.readouterr().err


def test_the_command_ends_with_0_where_all_adds_up(oms_dsn, capsys):
    assert main(["--dsn", oms_dsn, "check"]) == 0
    assert "0 breaches" in capsys.readouterr().out
