"""Which orders hold units that Shopify has sold and nobody has taken in (inventory.md 6.8)."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from oms.database import Connection
from oms.orders import taking_in
from oms.shopify.budget import Deadline
from oms.shopify.client import ShopifyClient
from oms.shopify.errors import ShopifyError
from oms.sync.options import UnimportedUnits

log = logging.getLogger(__name__)

MOST = 20
"""Products whose orders are asked for: one request each."""
SECONDS = 30.0


def with_orders(
    conn: Connection, client: ShopifyClient, shop_id: str, unimported: Sequence[UnimportedUnits]
) -> tuple[UnimportedUnits, ...]:
    """Return the levels with the open orders of the shop that name their SKU and that the OMS does not know.

    They are a help for a person, and the push is done: a shop that does not tell (it wants the scope
    read_orders, and read_all_orders for those older than 60 days) is noted in the log.
    """
    if not unimported:
        return ()
    deadline = Deadline(SECONDS)
    orders: dict[str, tuple[str, ...]] = {}
    try:
        for sku in list(dict.fromkeys(one.shop_sku for one in unimported))[:MOST]:
            orders[sku] = _unknown(conn, shop_id, _open_orders(client, sku, deadline))
    except ShopifyError as error:
        log.warning("shop %s: the orders of units not taken in are not named: %s", shop_id, error)
    return tuple(replace(one, orders=orders.get(one.shop_sku, ())) for one in unimported)


def _open_orders(client: ShopifyClient, sku: str, deadline: Deadline) -> dict[str, str]:
    """Name and day of orders with units of a SKU still to be handed over, by their number."""
    quoted = sku.replace("\\", "\\\\").replace('"', '\\"')
    variables = {"query": f'status:open sku:"{quoted}"'}
    nodes = client.execute("open_orders_of_sku", variables, deadline=deadline)["orders"]["nodes"]
    return {
        node["id"].rsplit("/", 1)[-1]: f"{node['name']} of {node['createdAt'][:10]}"
        for node in nodes
        if node["displayFulfillmentStatus"] != "FULFILLED"
    }


def _unknown(conn: Connection, shop_id: str, orders: dict[str, str]) -> tuple[str, ...]:
    return tuple(f"{number} ({orders[number]})" for number in taking_in.unknown(conn, shop_id, list(orders)))
