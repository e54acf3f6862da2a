"""The shop in tests: start it as a process of its own, use its API and its side door.

with running_shop(tmp_path) as shop:      # or the server's fixture
    shop.seed({"shops": [...]})
    shop.graphql("demo", "{ shop { name } }")
"""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from fakeshop.ports import reserve_port

INCLUDE = Path(__file__).parent.parent
TOKEN = "shpat_test"
START_SECONDS = 60


class ShopServer:
    """A running local shop; methods take the handle of a shop."""

    def __init__(
        self,
        data: Path,
        port: int | None = None,
        environment: dict[str, str] | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self.data = data
        self.port = port or reserve_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = environment or {}
        self.host = host
        self.session = requests.Session()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process and wait until it answers."""
        path = os.pathsep.join([str(INCLUDE), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        command = [
            sys.executable,
            "-m",
            "fakeshop",
            "--host",
            self.host,
            "--port",
            str(self.port),
            "--data",
            str(self.data),
        ]
        self.process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": path} | self.environment)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.door("GET", "health")
                return
            except requests.ConnectionError:
                if self.process.poll() is not None:
                    raise RuntimeError(f"the shop ended with {self.process.returncode}") from None
                if time.monotonic() > deadline:
                    self.stop()
                    raise
                time.sleep(0.05)

    def kill(self) -> None:
        """End the process as ``kill -9`` does."""
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def stop(self) -> None:
        """End the process."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()

    # the side door

    def door(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        """Use the side door; a refusal is raised with its reason."""
        answer = self.session.request(
            method, f"{self.url}/_fakeshop/{path}", json=body, params=params, timeout=300
        )
        if not answer.ok:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()

    def seed(self, catalogue: dict[str, Any]) -> list[str]:
        """Create shops; those of the same name are replaced."""
        return self.door("POST", "seed", catalogue)["shops"]

    def reset(self) -> None:
        """Remove all shops, faults, log entries and the clock offset."""
        self.door("POST", "reset")

    def generate(self, shop: str, levels: int, **wish: Any) -> dict[str, int]:
        """Add generated levels."""
        return self.door("POST", f"shops/{shop}/generate", {"levels": levels, **wish})

    def levels(self, shop: str, **wanted: Any) -> list[dict[str, Any]]:
        """Return levels with all quantities; ``sku`` and ``location`` choose."""
        return self.door("GET", f"shops/{shop}/levels", **wanted)

    def available(self, shop: str) -> dict[tuple[str, str], int]:
        """Return available by (SKU, location name)."""
        return {(one["sku"], one["location_name"]): one["available"] for one in self.levels(shop)}

    def place_order(self, shop: str, *lines: dict[str, Any], **order: Any) -> dict[str, Any]:
        """Place an order as a customer; lines as {"sku": …, "quantity": …, "location": …}."""
        return self.door("POST", f"shops/{shop}/orders", {"lines": list(lines), **order})

    def orders(self, shop: str) -> list[dict[str, Any]]:
        """Return all orders with their lines, fulfilment orders and refunds."""
        return self.door("GET", f"shops/{shop}/orders")

    def order_action(self, shop: str, number: int, action: str, **wish: Any) -> dict[str, Any]:
        """Cancel, fulfil or refund an order."""
        return self.door("POST", f"shops/{shop}/orders/{number}/{action}", wish)

    def adjust(self, shop: str, sku: str, location: str, **change: Any) -> dict[str, Any]:
        """Change a level by hand: ``delta`` or ``value``, ``name`` (available)."""
        return self.door("POST", f"shops/{shop}/adjust", {"sku": sku, "location": location, **change})

    def set_active(self, shop: str, sku: str, location: str, active: bool) -> dict[str, Any]:
        """Activate or deactivate a level by hand."""
        change = {"sku": sku, "location": location, "active": active}
        return self.door("POST", f"shops/{shop}/active", change)

    def journal(self, shop: str, after: int = 0) -> list[dict[str, Any]]:
        """Return every applied change with its idempotency key."""
        return self.door("GET", f"shops/{shop}/journal", after=after)

    def log(self, shop: str | None = None) -> list[dict[str, Any]]:
        """Return the last requests with their costs."""
        return self.door("GET", "log", **({"shop": shop} if shop else {}))

    def clear_log(self) -> None:
        """Forget the requests so far."""
        self.door("DELETE", "log")

    def fault(self, kind: str, **values: Any) -> dict[str, Any]:
        """Inject a fault (see fakeshop.faults)."""
        return self.door("POST", "faults", {"kind": kind, **values})

    def clear_faults(self) -> None:
        """Remove all faults."""
        self.door("DELETE", "faults")

    def clock(self, offset: float) -> None:
        """Move the clock by seconds from the real time."""
        self.door("POST", "clock", {"offset": offset})

    def switch(self, shop: str, **values: Any) -> dict[str, Any]:
        """Change switches of a shop (see fakeshop.shop.Settings)."""
        return self.door("PATCH", f"shops/{shop}", values)

    def change_app(self, shop: str, **values: Any) -> dict[str, Any]:
        """Change the app of a shop: scopes, installed, same_organisation, client_secret."""
        return self.door("PATCH", f"shops/{shop}/app", values)

    def bucket(self, shop: str, points: float) -> None:
        """Fill or empty the bucket."""
        self.door("POST", f"shops/{shop}/bucket", {"points": points})

    def describe(self, shop: str) -> dict[str, Any]:
        """Return everything about a shop but its levels."""
        return self.door("GET", f"shops/{shop}")

    # the API

    def base(self, shop: str) -> str:
        """Return the base URL that a Shopify client is given."""
        return f"{self.url}/{shop}"

    def connection_uri(self, shop: str, token: str = TOKEN, version: str = "2026-10") -> str:
        """Return the JSON of an Airflow connection to a shop."""
        import json

        extra = {"api_version": version}
        return json.dumps({"conn_type": "http", "host": self.base(shop), "password": token, "extra": extra})

    def post(
        self,
        shop: str,
        document: str,
        variables: Any = None,
        *,
        version: str = "2026-10",
        token: str = TOKEN,
        headers: dict[str, str] | None = None,
        operation: str | None = None,
    ) -> requests.Response:
        """Send a GraphQL request; return the HTTP answer."""
        body = {"query": document, "variables": variables or {}, "operationName": operation}
        return self.session.post(
            f"{self.base(shop)}/admin/api/{version}/graphql.json",
            json=body,
            headers={"X-Shopify-Access-Token": token} | (headers or {}),
            timeout=60,
        )

    def graphql(self, shop: str, document: str, variables: Any = None, **more: Any) -> dict[str, Any]:
        """Send a GraphQL request; return the body."""
        return self.post(shop, document, variables, **more).json()


@contextmanager
def running_shop(data: Path, **options: Any) -> Iterator[ShopServer]:
    """Run a local shop for the length of a block."""
    server = ShopServer(data, **options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def new_key() -> str:
    """Return an idempotency key."""
    return str(uuid.uuid4())
