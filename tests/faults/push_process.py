"""One push as a process of its own, so that a test can kill it.

`python -m tests.faults.push_process JSON`, the arguments of `main` as an object.
"""

import json
import sys

from fakeshop.testing import TOKEN
from oms import database
from oms.database import Connection
from oms.shopify.client import ShopifyClient
from oms.sync.options import PushOptions
from oms.sync.push import push_products, push_shop


def main(dsn: str, base_url: str, mode: str, options: dict) -> None:
    client = ShopifyClient(base_url, TOKEN)
    given = PushOptions(**options)
    if mode == "RESTOCK":
        push_products(
            lambda: database.connect(dsn), client, "demo", mode, ["WH"], receive, given, "killed run"
        )
    else:
        push_shop(lambda: database.connect(dsn), client, "demo", mode, given, "killed run")


def receive(conn: Connection) -> list[int]:
    """Five units of each product come in at WH, once."""
    conn.execute(
        """insert into oms.inventory_ledger (inventory_item_id, qoh_diff, atp_diff, reason_id, source_key)
           select inventory_item_id, 5, 5, 'VAR_SCH_SHIP_RECV', format('R1:%s', product_id)
             from oms.inventory_item
            where facility_id = 'WH'
           on conflict do nothing"""
    )
    return [number for (number,) in conn.execute("select product_id from oms.inventory_item")]


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
