"""The web apps on a real database, called over HTTP."""

import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

import psycopg
import pytest
import requests
import uvicorn
from fastapi import FastAPI, Request
from oms_web import service, webhooks
from oms_web.pool import Database
from requests import Response

from fakeshop.webhooks.delivery import signature
from oms.api import tokens
from oms.webhooks.receiving import Sender, sender_of
from tests.oms.world import World

LEVEL = b'{"inventory_item_id": 1, "location_id": 2, "available": 7, "updated_at": "2026-11-03T10:00:00Z"}'
PATH = "/api/service/updateInventoryByIdentification"


async def nobody(_request: Request) -> bool:
    """No Airflow here: nobody is logged in."""
    return False


class Caller:
    """A system that calls the API with its token, and looks at what became of the stock."""

    def __init__(self, url: str, db: psycopg.Connection) -> None:
        self.url = url
        self.db = db
        self.token = self.new_token()

    def new_token(
        self, name: str = "pos", *, scopes: tuple[str, ...] = ("inventory:write",), **more: Any
    ) -> str:
        token = tokens.create(self.db, name, list(scopes), **more)
        self.db.commit()
        return token

    def send(self, body: Any = None, key: str | None = None, **options: Any) -> Response:
        headers = {"Authorization": f"Bearer {self.token}"} | options.pop("headers", {})
        if key is not None:
            headers["Idempotency-Key"] = key
        if body is not None:
            options["json"] = body
        return requests.post(self.url + PATH, headers=headers, timeout=30, **options)

    def sell(self, units: int, key: str | None = None, **more: Any) -> Response:
        return self.send(sale(units, **more), key)

    def position(self, sku: str = "A", facility: str = "WH") -> tuple[int, int] | None:
        self.db.rollback()
        return self.db.execute(
            """select sum(item.qoh), sum(item.atp)
                 from oms.inventory_item as item join oms.product using (product_id)
                where internal_name = %s and facility_id = %s
               having count(*) > 0""",
            (sku, facility),
        ).fetchone()

    def entries(self) -> list[tuple]:
        """Ledger entries made by API calls."""
        self.db.rollback()
        return self.db.execute(
            """select qoh_diff, atp_diff, reason_id, comments
                 from oms.inventory_ledger where source_key like 'api:%' order by entry_id"""
        ).fetchall()

    def stored(self) -> int:
        """Everything that calls have left: entries, answers, positions."""
        self.db.rollback()
        return self.db.execute(
            """select (select count(*) from oms.inventory_ledger where source_key like 'api:%')
                    + (select count(*) from oms.api_call) + (select count(*) from oms.inventory_item)"""
        ).fetchone()[0]


def sale(units: int = 2, **more: Any) -> dict[str, Any]:
    """A call of the till at the warehouse: product A, sold."""
    return {
        "idType": "UPCA",
        "idValue": "30065245099",
        "availableDelta": -units,
        "facilityId": "WH",
        "varianceReasonId": "POS_SALE",
    } | more


@pytest.fixture
def world(oms_db: psycopg.Connection) -> World:
    """A product store with its channel."""
    return World(oms_db)


@pytest.fixture
def shop_floor(oms_db: psycopg.Connection, world: World) -> World:
    """Product A (10/10 at facility WH) and product B without stock."""
    world.facility("WH", kind="WAREHOUSE")
    a, b = world.product("A"), world.product("B")
    for product, kind, value in ((a, "SKU", "A"), (a, "UPCA", "30065245099"), (b, "SKU", "B")):
        oms_db.execute(
            """insert into oms.product_identification (product_id, identification_type_id, id_value)
               values (%s, %s, %s)""",
            (product, kind, value),
        )
    world.stock(a, "WH", 10)
    oms_db.commit()
    return world


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """An app behind a real HTTP server in this process; its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


def mounted(*apps: tuple[str, FastAPI]) -> FastAPI:
    """Apps mounted as Airflow mounts them: it also runs their lifespans."""

    @asynccontextmanager
    async def lifespan(_root: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for _, app in apps:
                await stack.enter_async_context(app.router.lifespan_context(app))
            yield

    root = FastAPI(lifespan=lifespan)
    for prefix, app in apps:
        root.mount(prefix, app)
    return root


@pytest.fixture
def caller(oms_dsn: str, oms_db: psycopg.Connection, shop_floor: World) -> Iterator[Caller]:
    app = service.service_app(Database(lambda: oms_dsn), nobody)
    with served(mounted((service.PREFIX, app))) as url:
        yield Caller(url, oms_db)


class Postman:
    """Delivers webhooks to the receiver, as a shop does or as nobody should."""

    def __init__(self, url: str, db: psycopg.Connection) -> None:
        self.url = url
        self.db = db

    def deliver(
        self,
        body: bytes = LEVEL,
        *,
        shop: str = "demo",
        secret: str = "current-secret",
        webhook_id: str | None = "w1",
        **changed: str | None,
    ) -> Response:
        """changed: other headers, with _ for -; None leaves one out."""
        headers = {
            "Content-Type": "application/json",
            "X-Shopify-Topic": "inventory_levels/update",
            "X-Shopify-Hmac-Sha256": signature(secret, body),
            "X-Shopify-Shop-Domain": f"{shop}.myshopify.com",
            "X-Shopify-API-Version": "2026-10",
            "X-Shopify-Webhook-Id": webhook_id,
            "X-Shopify-Event-Id": "e1",
            "X-Shopify-Triggered-At": "2026-11-03T10:00:00.123456789Z",
        }
        headers |= {name.replace("_", "-"): value for name, value in changed.items()}
        given = {name: value for name, value in headers.items() if value is not None}
        return requests.post(f"{self.url}/webhooks/shopify/{shop}", data=body, headers=given, timeout=30)

    def inbox(self, columns: str = "webhook_id, status") -> list[tuple]:
        self.db.rollback()
        query = psycopg.sql.SQL("select {} from oms.webhook_inbox order by received_at, webhook_id")
        return self.db.execute(query.format(psycopg.sql.SQL(columns))).fetchall()


def sender(connection_id: str) -> Sender | None:
    """Two shops with an app of one secret, as an Airflow connection would tell; no third one."""
    extra = {"client_secret": "current-secret", "previous_client_secret": "old-secret"}
    if connection_id in ("shopify_demo", "shopify_other"):
        return sender_of(f"https://{connection_id.removeprefix('shopify_')}.myshopify.com", extra)
    return None


@pytest.fixture
def shops(oms_db: psycopg.Connection, world: World) -> World:
    """The shops demo and other, and one without a connection."""
    world.shop(shop_id="demo")
    world.shop(shop_id="other", location=2)
    world.shop(shop_id="unset", location=3)
    oms_db.commit()
    return world


@pytest.fixture
def postman(oms_dsn: str, oms_db: psycopg.Connection, shops: World) -> Iterator[Postman]:
    app = webhooks.webhook_app(Database(lambda: oms_dsn), sender)
    with served(mounted((webhooks.PREFIX, app))) as url:
        yield Postman(url, oms_db)
