"""An import of products in a process of its own, so that a test can kill it."""

import json
import sys

from fakeshop.testing import TOKEN
from oms import database
from oms.products.import_in_bulk import import_shop
from oms.shopify.client import ShopifyClient

if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    with database.connect(given["dsn"], autocommit=True) as conn:
        import_shop(conn, ShopifyClient(given["base_url"], TOKEN), "demo", {}, "test/killed")
