"""A shop with an order, and an outbox that tells it something."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from fakeshop.testing import TOKEN, ShopServer
from oms import database
from oms.mail import Mail
from oms.shopify.client import ShopifyClient, gid
from oms.shopify.outbox import messages, sending
from oms.shopify.outbox.kinds import Kind
from oms.shopify.outbox.messages import New
from oms.shopify.outbox.tags import TAG
from oms.work import Work
from tests.oms.proxy import Answer, Exchange, Meddle, Pieces, Proxy, running_proxy
from tests.oms.sync.bench import Bench, bench


@dataclass
class Post:
    """An outbox, the shop `demo` behind a proxy, and what can be seen on either side."""

    oms: Bench
    proxy: Proxy
    order: dict[str, Any]
    send_mail: Callable[[Mail], bool] = lambda _: False
    clients: list[ShopifyClient] = field(default_factory=list)

    @property
    def order_gid(self) -> str:
        return gid("Order", self.order["id"])

    def work(self, conn: Any = None) -> Work:
        """What a task is handed; its client gives up a lost answer after a moment."""

        def open_shop(shop_id: str) -> ShopifyClient:
            self.clients.append(
                ShopifyClient(f"{self.proxy.url}/{shop_id}", TOKEN, timeout=(2.0, 5.0), patience=5.0)
            )
            return self.clients[-1]

        return Work(
            conn=conn or self.oms.db,
            params={},
            run_name="test/outbox",
            open_oms_db=lambda: database.connect(self.oms.dsn, autocommit=True),
            open_sftp=lambda _: None,
            open_shop=open_shop,
            send_mail=self.send_mail,
        )

    def tag(self, tag: str = "hotwax_preorder", *, remove: bool = False, to: str | None = None) -> int:
        """Plan a tag of the order."""
        about = to or self.order_gid
        payload = {"id": about, "remove" if remove else "add": [tag]}
        return self.plan(TAG, New(f"{about} {tag}", payload))

    def plan(self, kind: Kind, new: New, shop_id: str | None = "demo") -> int:
        (number,) = messages.plan(self.oms.db, kind, [new], shop_id=shop_id, run_id="test/plan")
        return number

    def send(self, *kinds: Kind, seconds: float = 1.0, conn: Any = None) -> dict[str, int]:
        """One run; a shop that does not answer is waited for that long."""
        return sending.send(self.work(conn), "demo", kinds or [TAG], seconds=seconds)

    def due(self) -> None:
        """Time passes: everything may be tried again, no call is under way any more."""
        self.oms.db.execute(
            """update oms.outbox_message
                  set next_try_at = case when next_try_at is not null then least(next_try_at, now()) end,
                      last_sent_at = last_sent_at - interval '1 hour'"""
        )

    def states(self) -> list[tuple[int, str, str | None]]:
        """Number, status and error code of all messages."""
        return self.oms.db.execute(
            "select number, status, error_code from oms.outbox_message order by number"
        ).fetchall()

    def statuses(self) -> list[str]:
        return [status for _, status, _ in self.states()]

    def another_order(self) -> str:
        """Place a further order; return its gid."""
        line = {"sku": "A", "quantity": 1, "location": "Main", "price": "10.00"}
        return gid("Order", self.oms.server.place_order("demo", line)["id"])

    def of_shop(self, order: str | None = None) -> dict[str, Any]:
        """An order as the shop has it."""
        wanted = order or self.order_gid
        (found,) = [one for one in self.oms.server.orders("demo") if gid("Order", one["id"]) == wanted]
        return found

    def calls(self, operation: str) -> int:
        """Calls of an operation that reached the shop."""
        return len(self.oms.requests(operation))


def lost(operation: str, *, forwarded: bool = True, times: int = 1_000_000) -> Meddle:
    """The answers to an operation are lost: after the shop has done it, or before it has seen it."""
    left = [times]

    def meddle(exchange: Exchange) -> Pieces | None:
        if exchange.operation != operation or not left[0]:
            return [exchange.forward().raw()]
        left[0] -= 1
        if forwarded:
            exchange.forward()
        return None

    return meddle


def said(operation: str, answer: Answer) -> Meddle:
    """Something else answers an operation."""
    return lambda exchange: [(answer if exchange.operation == operation else exchange.forward()).raw()]


@pytest.fixture
def post(shop_server: ShopServer, oms_dsn: str) -> Iterator[Post]:
    with bench(shop_server, oms_dsn) as oms, running_proxy(shop_server.port) as proxy:
        oms.open_shop("demo", {"A": 10})
        line = {"sku": "A", "quantity": 3, "location": "Main", "price": "10.00"}
        order = shop_server.place_order(
            "demo", line, tags=["vip"], note="Ring twice", financial_status="PAID"
        )
        shop_server.clear_log()
        made = Post(oms, proxy, order)
        yield made
        for client in made.clients:
            client.close()
