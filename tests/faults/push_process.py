"""One push as a process of its own, so that a test can kill it.

`python -m tests.faults.push_process JSON`, the arguments of `main` as an object.
"""

import json
import sys

from fakeshop.testing import TOKEN
from oms import database
from oms.shopify.client import ShopifyClient
from oms.sync.options import PushOptions
from oms.sync.push import push_shop


def main(dsn: str, base_url: str, mode: str, options: dict) -> None:
    client = ShopifyClient(base_url, TOKEN)
    push_shop(lambda: database.connect(dsn), client, "demo", mode, PushOptions(**options), "killed run")


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
