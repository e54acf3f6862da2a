"""Reserving thousands of orders as one set, against the best SQL written by hand for the same effect.

Run: ``PYTHONPATH=include:. python tests/benchmarks/reservations.py [orders] [rounds]``. Not a pass/fail test.

Orders of two lines, of 1,000 products at 12 facilities. Both arms lock orders, items and positions in the one
order, reserve, enter the ledger, move the items to their ship groups, keep the history and note the products.
The arm by hand knows neither kits, packed items nor refusals. Each round is rolled back; the arms take turns
in being first.
"""

import statistics
import sys
import time
from collections.abc import Callable

import psycopg

from oms.database import Connection
from oms.orders import holding
from oms.orders.items import Ask
from tests.benchmarks.figures import filled_database
from tests.benchmarks.report import Measured, record

PRODUCTS = 1_000
FACILITIES = 12

FILL = """
insert into oms.order_header (order_id, product_store_id, status) overriding system value
select 1000000 + n, 'STORE', 'APPROVED' from generate_series(1, %(orders)s) as n;
insert into oms.order_ship_group select 1000000 + n, 1, '_NA_' from generate_series(1, %(orders)s) as n;
insert into oms.order_item (order_id, order_item_seq, ship_group_seq, product_id, quantity, status)
select 1000000 + n, line, 1, 1 + (n * 7 + line * 13) %% %(products)s, 1 + n %% 3, 'APPROVED'
  from generate_series(1, %(orders)s) as n, generate_series(1, 2) as line
"""

BY_HAND = (
    """create temp table chosen on commit drop as
       select * from unnest(%(orders)s::bigint[], %(items)s::integer[], %(facilities)s::text[])
                     as asked (order_id, order_item_seq, facility_id)""",
    "analyze pg_temp.chosen",
    """select count(*) from (select from oms.order_header where order_id in (select order_id from chosen)
                              order by order_id for no key update) as locked""",
    """create temp table wanted on commit drop as
       select item.order_id, item.order_item_seq, item.quantity - item.cancel_quantity as units,
              item.product_id, chosen.facility_id, position.inventory_item_id
         from chosen
         join oms.order_item as item using (order_id, order_item_seq)
         join oms.inventory_item as position
           on position.product_id = item.product_id and position.facility_id = chosen.facility_id
        where item.status in ('CREATED', 'APPROVED')
          and not exists (select from oms.inventory_reservation as held
                           where held.order_id = item.order_id and held.order_item_seq = item.order_item_seq)
        order by item.order_id, item.order_item_seq
          for update of item""",
    "analyze pg_temp.wanted",
    """insert into oms.inventory_reservation (order_id, order_item_seq, inventory_item_id, quantity)
       select order_id, order_item_seq, inventory_item_id, units from wanted""",
    """select count(*) from (select from oms.inventory_item
                              where inventory_item_id in (select inventory_item_id from wanted)
                              order by facility_id, product_id, location_seq_id
                                for no key update) as locked""",
    """insert into oms.inventory_ledger
              (inventory_item_id, qoh_diff, atp_diff, order_id, order_item_seq, source_key)
       select inventory_item_id, 0, -units, order_id, order_item_seq,
              format('order:%%s:%%s:%%s:reserve', order_id, order_item_seq,
                     1 + (select count(*) from oms.inventory_ledger as earlier
                           where earlier.order_id = wanted.order_id
                             and earlier.order_item_seq = wanted.order_item_seq))
         from wanted""",
    """insert into oms.order_ship_group (order_id, ship_group_seq, facility_id)
       select distinct order_id, 2, facility_id from wanted""",
    """update oms.order_item as item set ship_group_seq = 2
         from wanted
        where item.order_id = wanted.order_id and item.order_item_seq = wanted.order_item_seq""",
    """insert into oms.order_event (order_id, order_item_seq, kind, old, new, cause)
       select order_id, order_item_seq, 'FACILITY', '_NA_', facility_id, 'reserved' from wanted""",
    """insert into oms.product_change (product_id, cause)
       select distinct product_id, 'order item reserved' from wanted""",
)


def as_a_set(conn: Connection, asks: list[Ask]) -> None:
    """Reserve as the OMS does."""
    outcome = holding.reserve(conn, asks)
    if outcome.refused:
        raise SystemExit(f"refused: {outcome.refused[0]}")


def by_hand(conn: Connection, asks: list[Ask]) -> None:
    """Reserve with the statements above."""
    values = {
        "orders": [one.order_id for one in asks],
        "items": [one.order_item_seq for one in asks],
        "facilities": [one.facility_id for one in asks],
    }
    for statement in BY_HAND:
        conn.execute(statement, values)


def seconds(conn: Connection, arm: Callable[[Connection, list[Ask]], None], asks: list[Ask]) -> float:
    """Time an arm, which leaves nothing behind."""
    with conn.transaction(force_rollback=True):
        started = time.monotonic()
        arm(conn, asks)
        taken = time.monotonic() - started
    conn.execute(
        "vacuum analyze oms.order_item, oms.order_header, oms.inventory_reservation, oms.inventory_ledger"
    )
    return taken


def main(orders: int = 10_000, rounds: int = 5) -> None:
    """Print medians and spread of both arms, interleaved, and their ratio."""
    asks = [
        Ask(1_000_000 + number, line, facility_id=f"F{number % FACILITIES}")
        for number in range(1, orders + 1)
        for line in (1, 2)
    ]
    with filled_database(PRODUCTS) as conn:
        with psycopg.ClientCursor(conn) as cursor:
            cursor.execute(FILL, {"orders": orders, "products": PRODUCTS})
        conn.execute("vacuum analyze")
        arms = {as_a_set: [], by_hand: []}
        for number in range(rounds):
            for arm in sorted(arms, key=lambda one: one.__name__, reverse=number % 2 == 1):
                arms[arm].append(seconds(conn, arm, asks))
    medians = {arm: statistics.median(taken) for arm, taken in arms.items()}
    for arm, taken in arms.items():
        print(
            f"{arm.__name__:10} {medians[arm]:.2f} s ({min(taken):.2f}-{max(taken):.2f}), "
            f"{orders / medians[arm]:,.0f} orders/s"
        )
    ratio = medians[as_a_set] / medians[by_hand]
    print(f"ratio {ratio:.2f}")
    record(
        Measured(
            f"reserve {orders:,} orders of two lines",
            "≤ 1.25 × SQL by hand",
            f"{medians[as_a_set]:.2f} s",
            f"{medians[by_hand]:.2f} s",
            ratio,
        )
    )


if __name__ == "__main__":
    main(*(int(given) for given in sys.argv[1:]))
