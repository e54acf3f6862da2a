"""A push of 20,000 levels past somebody who drops, doubles, delays, cuts and rewrites answers.

The shop's own journal says what was applied, and how often.
"""

import random
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from fakeshop.testing import TOKEN, ShopServer
from oms import database
from oms.database import Connection
from oms.inventory import checking
from oms.shopify.client import ShopifyClient
from oms.shopify.errors import ShopifyError
from oms.sync.errors import LinesLeft
from oms.sync.options import Mode, PushOptions, Report
from oms.sync.push import push_shop
from tests.oms.proxy import HTML, Answer, Exchange, Pieces, Proxy, honest, running_proxy
from tests.oms.world import World

SEED = 20_261
ITEMS = 10_000
STRUCK = 0.3
TIME_OUT = 2.0
MOST_ROUNDS = 40
"""A busy machine needs more than the three that are played at least."""
JSON = {"Content-Type": "application/json"}
FOREIGN = [
    Answer(302, {"Location": "https://login.example.com/", "Content-Type": "text/html"}),
    *(Answer(status) for status in (400, 401, 403, 404, 408, 413, 499)),
    Answer(200),
]
OTHERWISE = [
    Answer(429, {"Content-Type": "text/html", "Retry-After": "nan"}),
    Answer(502, {"Content-Type": "text/html"}),
    Answer(503, JSON | {"Retry-After": "-1"}, b'{"errors":"Unavailable"}'),
    *(Answer(200, JSON, body) for body in (b"[]", b'{"data":{}}', b'{"errors":[null]}', b'{"data":{', b"")),
    Answer(200, JSON, b'{"errors":[{"message":"\\ud800","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}'),
]
NAMES = (
    b"userErrors",
    b"nodes",
    b"inventoryAdjustQuantities",
    b"available",
    b'"id"',
    b"restoreRate",
    b"status",
)


WAYS = {
    "dropped before": 2,
    "dropped after": 5,
    "request doubled": 4,
    "answer doubled": 4,
    "answer doubled late": 3,
    "delayed": 4,
    "delayed beyond the time-out": 1,
    "request late": 1,
    "cut": 4,
    "rewritten": 4,
    "another name": 4,
    "foreign": 4,
}
"""How often each way is in the deck that strikes are drawn from, so that none is left out by chance."""


class Chaos:
    """Strikes three of ten exchanges; `struck` counts how."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.struck: Counter[str] = Counter()
        self.deck: list[str] = []

    def _draw(self, exchange: Exchange) -> str:
        if self.random.random() >= STRUCK:
            return "none"
        if not self.deck:
            self.deck = list(Counter(WAYS).elements())
            self.random.shuffle(self.deck)
        way = self.deck.pop()
        # three foreign answers end a run: they are kept for the calls that change something
        return "rewritten" if way == "foreign" and exchange.operation == "LevelsOfItems" else way

    def __call__(self, exchange: Exchange) -> Pieces | None:
        with self.lock:
            way = self._draw(exchange)
            self.struck[way] += 1
            foreign, other = self.random.choice(FOREIGN), self.random.choice(OTHERWISE)
            place = self.random.random()
        if way == "dropped before":
            return None
        if way == "request late":
            threading.Timer(TIME_OUT * 2, exchange.forward).start()
            return None
        answer = exchange.forward()
        if way == "request doubled":
            answer = exchange.forward()
        raw = answer.raw()
        return {
            "dropped after": None,
            "answer doubled": [raw + raw],
            "answer doubled late": [raw, 0.02, raw]
            if exchange.operation == "AdjustInventory"
            else [raw + raw],
            "delayed": [0.1, raw],
            "delayed beyond the time-out": [TIME_OUT * 1.5, raw],
            "cut": [raw[: max(1, int(len(raw) * place))], b""],
            "rewritten": [other.raw()],
            "another name": [_renamed(answer, place).raw()],
            "foreign": [foreign.raw()],
        }.get(way, [raw])


def _renamed(answer: Answer, place: float) -> Answer:
    """Change one letter of a name in the body."""
    there = [name for name in NAMES if name in answer.body]
    if not there:
        return Answer(200, {"Content-Type": "text/html"}, HTML)
    name = there[int(place * len(there))]
    return Answer(answer.status, answer.headers, answer.body.replace(name, name[:-2] + b"x" + name[-1:], 1))


@pytest.fixture
def proxy(shop_server: ShopServer) -> Iterator[Proxy]:
    with running_proxy(shop_server.port) as made:
        yield made


@pytest.fixture
def oms(shop_server: ShopServer, oms_dsn: str) -> Iterator[Connection]:
    """10,000 items at two locations, which the OMS knows: one in DELTA mode, one in RECENT mode."""
    shop_server.reset()
    shop_server.seed({"shops": [{"shop": "demo", "access_token": TOKEN, "plan": "enterprise"}]})
    shop_server.generate("demo", 2 * ITEMS, locations=2, available=100)
    levels = shop_server.levels("demo")
    with database.connect(oms_dsn, autocommit=True) as conn:
        world = World(conn)
        conn.execute(
            """insert into oms.shop (shop_id, shop_name, connection_id, product_store_id)
               values ('demo', 'demo', 'demo', 'STORE')"""
        )
        for mode, location in zip(
            ("DELTA", "RECENT"), sorted({one["location"] for one in levels}), strict=True
        ):
            world.facility(mode)
            conn.execute(
                """insert into oms.shop_location (shop_id, shopify_location_id, location_name, sync_mode)
                   values ('demo', %s, %s, %s)""",
                (location, mode, mode),
            )
            conn.execute("insert into oms.shop_location_facility values ('demo', %s, %s)", (mode, location))
        conn.execute("create temp table arrived (item bigint, sku text, location bigint, available int)")
        columns = ("item", "sku", "location", "available")
        rows = [tuple(one[name] for name in columns) for one in levels]
        database.copy_rows(conn, "pg_temp.arrived", columns, rows)
        conn.execute(
            "insert into oms.product (internal_name, product_name) select distinct sku, sku from arrived"
        )
        conn.execute(
            """insert into oms.shop_product
                      (shop_id, shopify_variant_id, shopify_product_id, shopify_inventory_item_id, product_id)
               select distinct 'demo', item, item, item, product_id
                 from arrived join oms.product on internal_name = sku"""
        )
        conn.execute(
            """insert into oms.inventory_item (product_id, facility_id)
               select product_id, facility from oms.product, unnest('{DELTA,RECENT}'::text[]) as facility"""
        )
        conn.execute(
            """insert into oms.inventory_ledger (inventory_item_id, qoh_diff, atp_diff, reason_id, source_key)
               select inventory_item_id, available, available, 'VAR_MANUAL', format('0:%s', inventory_item_id)
                 from arrived
                 join oms.product on internal_name = sku
                 join oms.shop_location_facility on shopify_location_id = location
                 join oms.inventory_item using (product_id, facility_id)
                where available <> 0"""
        )
        yield conn


def move(conn: Connection, key: str, part: float) -> None:
    """Move a part of all positions by what chance says, never by 0."""
    chance = random.Random(f"{SEED} {key}")
    positions = [
        number for (number,) in conn.execute("select inventory_item_id from oms.inventory_item order by 1")
    ]
    moves = [
        (number, diff, f"{key}:{number}")
        for number in positions
        if chance.random() < part and (diff := chance.randint(-20, 20) or 1)
    ]
    conn.execute("create temp table if not exists moved (item bigint, diff int, key text)")
    conn.execute("truncate moved")
    database.copy_rows(conn, "pg_temp.moved", ("item", "diff", "key"), moves)
    conn.execute(
        """insert into oms.inventory_ledger (inventory_item_id, qoh_diff, atp_diff, reason_id, source_key)
           select item, diff, diff, 'VAR_MANUAL', key from moved"""
    )


def push(dsn: str, base_url: str, mode: Mode, answer: float = 60.0, **options: Any) -> Report:
    """One run of a job for the location of its mode, as the clock would start it."""
    client = ShopifyClient(base_url, TOKEN, timeout=(2.0, answer), patience=5.0)
    given = {"push_seconds": 600.0, "retry_pause": 0.05, "limit": 100, "run_type": "scheduled"} | options
    try:
        return push_shop(lambda: database.connect(dsn), client, "demo", mode, PushOptions(**given), "chaos")
    finally:
        client.close()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_20_000_levels_are_right_and_told_once_whatever_became_of_the_answers(
    shop_server: ShopServer, oms_dsn: str, oms: Connection, proxy: Proxy
):
    push(oms_dsn, shop_server.base("demo"), "HARD", run_type="manual")
    proxy.meddle = chaos = Chaos(SEED)
    rounds = 0
    while rounds < 3 or not (modes_told(oms) == {"DELTA", "RECENT"} and chaos.struck.keys() >= WAYS.keys()):
        assert rounds < MOST_ROUNDS, (modes_told(oms), WAYS.keys() - chaos.struck.keys())
        move(oms, f"round {rounds}", 1.0 if rounds == 0 else 0.1)
        in_bulk = {"bulk_above_seconds": -1.0} if rounds == 1 else {}
        for mode in ("DELTA", "RECENT"):
            # reading 10,000 levels past the proxy takes longer than sending the first of them
            seconds = 4.0 if mode in modes_told(oms) else 20.0
            with suppress(LinesLeft, ShopifyError):
                push(oms_dsn, f"{proxy.url}/demo", mode, TIME_OUT, push_seconds=seconds, **in_bulk)
        rounds += 1

    proxy.meddle = honest
    for mode in ("DELTA", "RECENT", "DELTA"):
        push(oms_dsn, f"{proxy.url}/demo", mode)

    assert shown(shop_server) == figures(oms)
    assert books(oms) == figures(oms)
    assert told(shop_server) == lines_applied(oms)
    assert checking.breaches(oms) == []


def modes_told(conn: Connection) -> set[str]:
    """The modes of which something was applied."""
    rows = conn.execute("select distinct mode from oms.sync_batch where status = 'APPLIED'")
    return {mode for (mode,) in rows}


def shown(server: ShopServer) -> dict[tuple[int, int], int]:
    """What the shop offers, by location and item."""
    return {(one["location"], one["item"]): one["available"] for one in server.levels("demo")}


def figures(conn: Connection) -> dict[tuple[int, int], int]:
    """What the OMS wants the shop to offer."""
    rows = conn.execute(
        """select place.shopify_location_id, link.shopify_inventory_item_id, greatest(0, item.atp)
             from oms.inventory_item as item
             join oms.shop_location_facility as place using (facility_id)
             join oms.shop_product as link using (product_id)"""
    )
    return {(location, item): atp for location, item, atp in rows}


def books(conn: Connection) -> dict[tuple[int, int], int]:
    """What the shop shows according to the OMS."""
    rows = conn.execute("select shopify_location_id, shopify_inventory_item_id, book from oms.sync_level")
    return {(location, item): book for location, item, book in rows}


def told(server: ShopServer) -> dict[str, list[tuple[int, int, int]]]:
    """What the shop has applied, by idempotency key; each key once."""
    found: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for entry in server.journal("demo"):
        if not entry["key"]:
            continue  # how the shop was filled
        assert entry["key"] not in found
        found[entry["key"]] = sorted(
            (location, item, delta)
            for name, delta, item, location, *_ in entry["changes"]
            if name == "available"
        )
    return dict(found)


def lines_applied(conn: Connection) -> dict[str, list[tuple[int, int, int]]]:
    """What the OMS believes to be applied, by batch; nothing else is open or was refused."""
    states = "select distinct status from oms.sync_batch"
    assert {status for (status,) in conn.execute(states)} <= {"APPLIED", "SUPERSEDED"}
    rows = conn.execute(
        """select batch_id::text, shopify_location_id, shopify_inventory_item_id, delta
             from oms.sync_line where status = 'APPLIED'"""
    )
    found: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for batch, *line in rows:
        found[batch].append(tuple(line))
    return {batch: sorted(lines) for batch, lines in found.items()}
