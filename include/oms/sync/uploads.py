"""Tells shops at once of what an upload of a warehouse moved (inventory.md 5.20)."""

from collections.abc import Callable

from oms.database import Connection, statements
from oms.shopify.client import ShopifyClient
from oms.sync.options import PushOptions, Report
from oms.sync.push import push_products

sql = statements(__file__)


def shops_waiting(conn: Connection, run_name: str) -> list[str]:
    """Shops that this run is to tell of uploads, those it has begun to tell among them."""
    return [shop_id for (shop_id,) in conn.execute(sql.shops_waiting, {"run_name": run_name})]


def push(
    connect: Callable[[], Connection], client: ShopifyClient, shop_id: str, run_name: str
) -> Report | None:
    """Tell a shop of the products that uploads moved: desired - book of each; None if none waits.

    Raises what `push_products` raises. May be killed at any point and run again: what was planned is in the
    book, and is sent by the next push of the shop at the latest.
    """
    values = {"shop_id": shop_id, "run_name": run_name}
    with connect() as conn:
        (facilities,) = conn.execute(sql.facilities_waiting, values).fetchone()
    if not facilities:
        return None

    def take(conn: Connection) -> list[int]:
        return [product for (product,) in conn.execute(sql.take, values | {"facilities": facilities})]

    return push_products(connect, client, shop_id, "UPLOAD", facilities, take, PushOptions(), run_name)
