"""The window of a pull, its pages, its rejects and its end (orders.md 1.5, orders-addendum.md D, K)."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import pytest

from fakeshop.testing import ShopServer
from oms import database
from oms.database import Connection
from oms.parameters import BadParameter
from oms.shopify import windows
from oms.shopify.client import ShopifyClient, gid
from oms.shopify.errors import OutcomeUnknown, SearchWarning
from oms.shopify.windows import CHANGES, ORDERS, Counts, Node, PageUnaccounted, Pull, Reject, RejectsLeft
from oms.work import Work
from tests.oms.proxy import Answer, Exchange, Pieces, running_proxy
from tests.oms.sync.bench import Bench, bench
from tests.oms.sync.test_second_look import opened

PARAMS = {"bufferTime": 6, "frequency": 60, "thruDateBuffer": 0}
TAKEN = "create table if not exists public.taken (id text primary key)"


def take_new(conn: Connection, shop_id: str, nodes: Sequence[Node]) -> Counts:
    """Keep the id of each order."""
    ids = [node["id"] for node in nodes]
    insert = "insert into public.taken select unnest(%s::text[]) on conflict do nothing"
    taken = conn.execute(insert, (ids,)).rowcount
    return Counts({"taken": taken, "skipped": len(ids) - taken})


STAMPS = Pull(
    job="orders_of_the_test",
    document="order_stamps",
    take=take_new,
    by_ids="stamps_by_id",
    parts=(ORDERS, CHANGES),
)


def work_of(conn: Connection, client: ShopifyClient, params: dict[str, Any]) -> Work:
    """What a task is handed."""
    return Work(conn, params, "test/pull", lambda: conn, lambda _: None, lambda _: client)


@dataclass
class Puller:
    """Runs of a pull of the shop `demo`, and what they leave."""

    oms: Bench
    refused: dict[str, Reject] = field(default_factory=dict)

    @property
    def db(self) -> Connection:
        return self.oms.db

    def place(self) -> str:
        return gid("Order", self.oms.server.place_order("demo", {"sku": "P", "quantity": 1})["id"])

    def refuse(self, order: str, code: str = "UNKNOWN_PRODUCT", **more: Any) -> None:
        self.refused[order] = Reject(order, code, "no product has this variant", **more)

    def take(self, conn: Connection, shop_id: str, nodes: Sequence[Node]) -> Counts:
        good = [node for node in nodes if node["id"] not in self.refused]
        bad = [self.refused[node["id"]] for node in nodes if node["id"] in self.refused]
        return Counts(take_new(conn, shop_id, good).ends, bad)

    def run(self, take: Callable[..., Counts] | None = None, **more: Any) -> dict[str, Any]:
        what = Pull(**{**vars(STAMPS), "take": take or self.take} | more.pop("what", {}))
        params = PARAMS | more.pop("params", {})
        client = more.pop("client", None) or self.oms.client()
        return windows.pull(work_of(more.pop("conn", self.db), client, params), "demo", what, **more)

    def taken(self) -> list[str]:
        return [row[0] for row in self.db.execute("select id from public.taken order by id")]

    def mark(self) -> datetime | None:
        query = "select recorded_to from oms.job_watermark where job = %s"
        row = self.db.execute(query, (STAMPS.job,)).fetchone()
        return row and row[0]

    def rejects(self) -> list[tuple[str, int, bool]]:
        """Code, tries and whether it is tried again of those that are open."""
        return self.db.execute(
            """select code, attempts, next_try_at is not null from oms.pull_reject
                where resolved_at is null order by shopify_id"""
        ).fetchall()

    def due(self) -> None:
        self.db.execute("update oms.pull_reject set next_try_at = now() where next_try_at is not null")

    def imports(self) -> list[tuple[list[str], bool]]:
        query = "select parts, ended_at is not null from oms.order_import order by import_id"
        return self.db.execute(query).fetchall()


@pytest.fixture
def puller(shop_server: ShopServer, oms_dsn: str) -> Iterator[Puller]:
    with bench(shop_server, oms_dsn) as oms:
        oms.open_shop("demo", {"P": 1000})
        oms.server.clock(-120)
        oms.db.execute(TAKEN)
        yield Puller(oms)


@pytest.mark.parametrize(
    ("last_run", "now", "expected"),
    [
        pytest.param("13:00", "13:15", ("12:54", "13:10"), id="T-WIN-01"),
        pytest.param("13:15", "13:30", ("13:09", "13:25"), id="T-WIN-02"),
        pytest.param("13:00", "13:30", ("12:54", "13:25"), id="T-WIN-03, the run of 13:15 failed"),
        pytest.param(None, "13:00", ("12:45", "12:55"), id="T-WIN-04"),
    ],
)
def test_the_window(puller: Puller, last_run: str | None, now: str, expected: tuple[str, str]):
    def moment(clock: str) -> datetime:
        return datetime.fromisoformat(f"2026-11-03T{clock}:00Z")

    if last_run:
        windows.move(puller.db, "job", "demo", moment(last_run))
    params = {"bufferTime": 6, "thruDateBuffer": 5, "frequency": 15}

    found = windows.window_of(puller.db, "job", "demo", params, moment(now))

    assert (found.since, found.thru) == (moment(expected[0]), moment(expected[1]))


def test_t_win_05_buffers_that_leave_a_hole_are_refused_before_any_effect(puller: Puller):
    with pytest.raises(BadParameter, match="at least 6, one more than thruDateBuffer"):
        puller.run(params={"bufferTime": 2, "thruDateBuffer": 5})

    assert (puller.mark(), puller.imports()) == (None, [])


def test_t_win_06_what_two_windows_share_is_taken_once(puller: Puller):
    order = puller.place()

    first, second = puller.run(), puller.run()

    assert (first["taken"], second["skipped"], puller.taken()) == (1, 1, [order])
    assert puller.imports() == [([CHANGES, ORDERS], True)] * 2


def test_all_pages_are_taken(puller: Puller):
    orders = {puller.place() for _ in range(260)}

    counts = puller.run()

    assert (counts["pages"], counts["taken"]) == (2, 260)
    assert set(puller.taken()) == orders


def test_a_run_that_fails_moves_nothing_and_ends_no_import(puller: Puller):
    puller.place()

    def fail(*_: Any) -> Counts:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        puller.run(fail)
    assert (puller.mark(), puller.imports()) == (None, [([CHANGES, ORDERS], False)])

    assert puller.run()["taken"] == 1
    assert puller.mark() is not None
    assert puller.imports()[-1] == ([CHANGES, ORDERS], True)


def test_an_import_covers_what_the_window_covers(puller: Puller):
    now = datetime(2026, 11, 3, 13, 15, tzinfo=UTC)

    puller.run(params={"thruDateBuffer": 5}, now=now)

    row = puller.db.execute("select covers_to from oms.order_import").fetchone()
    assert row == (datetime(2026, 11, 3, 13, 10, tzinfo=UTC),)
    assert puller.mark() == now


def test_a_subset_never_ends_a_look(puller: Puller):
    puller.run(what={"parts": (), "where": "status:cancelled"})

    assert puller.imports() == []


def test_a_filter_that_the_shop_ignores_moves_nothing(puller: Puller):
    with pytest.raises(SearchWarning):
        puller.run(what={"where": "cancelled_at:>2026-01-01"})

    assert puller.mark() is None


def test_a_page_without_an_answer_moves_nothing(puller: Puller):
    for _ in range(251):
        puller.place()
    pages = []

    def second_is_lost(exchange: Exchange) -> Pieces:
        pages.append(exchange.operation)
        return [(exchange.forward() if len(pages) == 1 else Answer(503)).raw()]

    with running_proxy(puller.oms.server.port) as proxy:
        proxy.meddle = second_is_lost
        client = ShopifyClient(f"{proxy.url}/demo", "shpat_test", patience=0.5)
        with pytest.raises(OutcomeUnknown):
            puller.run(client=client)
        client.close()

    assert len(puller.taken()) == 250
    assert puller.mark() is None
    assert puller.run()["taken"] == 1


def test_a_cursor_that_does_not_move_ends_the_run(puller: Puller):
    def goes_on(exchange: Exchange) -> Pieces:
        answer = exchange.forward()
        return [
            replace(answer, body=answer.body.replace(b'"hasNextPage":false', b'"hasNextPage":true')).raw()
        ]

    puller.place()
    with running_proxy(puller.oms.server.port) as proxy:
        proxy.meddle = goes_on
        client = ShopifyClient(f"{proxy.url}/demo", "shpat_test", patience=0.5)
        with pytest.raises(OutcomeUnknown, match="its cursor does not move"):
            puller.run(client=client)
        client.close()

    assert puller.mark() is None


def test_a_dry_run_leaves_nothing(puller: Puller):
    puller.refuse(puller.place())
    puller.place()

    counts = puller.run(params={"dryRun": True})

    assert (counts["taken"], counts["rejected"]) == (1, 1)
    assert (puller.taken(), puller.mark(), puller.rejects(), puller.imports()) == ([], None, [], [])


def test_what_does_not_add_up_is_not_kept(puller: Puller):
    puller.place()

    with pytest.raises(PageUnaccounted, match="1 records came"):
        puller.run(lambda *_: Counts({"taken": 2}))

    assert puller.mark() is None


def test_a_reject_is_tried_again_by_its_id_after_the_window_has_moved_on(puller: Puller):
    order = puller.place()
    puller.refuse(order)
    assert puller.run()["rejected"] == 1
    assert puller.rejects() == [("UNKNOWN_PRODUCT", 1, True)]
    puller.oms.server.clock(0)
    puller.db.execute("update oms.job_watermark set recorded_to = now() + interval '1 hour'")
    assert puller.run() | {"since": "", "thru": ""} == {"since": "", "thru": "", "pages": 0}, "not due yet"
    puller.due()
    puller.refused.clear()

    assert puller.run()["taken"] == 1

    assert (puller.rejects(), puller.taken()) == ([], [order])


def test_a_reject_of_the_overlap_uses_no_try_up(puller: Puller):
    puller.refuse(puller.place())

    puller.run()
    puller.run()

    assert puller.rejects() == [("UNKNOWN_PRODUCT", 1, True)]


def test_after_five_tries_a_person_is_told(puller: Puller):
    order = puller.place()
    puller.refuse(order)
    for _ in range(4):
        puller.run()
        puller.due()

    with pytest.raises(RejectsLeft, match=f"refused 5 times.*{order}: UNKNOWN_PRODUCT"):
        puller.run()

    assert puller.rejects() == [("UNKNOWN_PRODUCT", 5, False)]
    assert puller.mark() is not None


def test_what_waits_is_no_reject_and_is_read_by_every_run(puller: Puller):
    puller.refuse(puller.place(), "WAITS", waits=True)
    for _ in range(7):
        assert puller.run()["waiting"] >= 1
    assert puller.rejects() == [("WAITS", 0, True)]

    puller.refused.clear()
    puller.run()
    assert puller.rejects() == []


def test_a_run_of_which_too_much_is_refused_is_red(puller: Puller):
    for _ in range(20):
        puller.refuse(puller.place())

    with pytest.raises(RejectsLeft, match=r"20 of 20 records are refused, more than 5\s?%"):
        puller.run()

    assert puller.mark() is not None, "the window has moved, each is tried again by its id"


def test_a_reject_that_the_shop_no_longer_has_is_forgotten(puller: Puller):
    puller.db.execute(
        """insert into oms.pull_reject (shop_id, kind, shopify_id, code, message, attempts, next_try_at)
           values ('demo', 'ORDER', 'gid://shopify/Order/404404', 'X', 'x', 1, now())"""
    )

    puller.run()

    assert puller.rejects() == []


def test_a_second_look_is_not_due_where_a_reject_touches_the_level(shop_server: ShopServer, oms_dsn: str):
    with bench(shop_server, oms_dsn) as oms:
        opened(oms)
        oms.db.execute(TAKEN)
        oms.server.clock(-120)
        one = Puller(oms)
        order = one.place()
        oms.server.order_action("demo", order.rsplit("/", 1)[-1], "cancel", restock=True)
        oms.server.adjust("demo", "P", "Main", delta=3)
        oms.push("HARD")
        place, item = oms.locations["demo", "Main"], oms.items["demo", "P"]
        for level, planned in (((place, item), 0), ((place, None), 0), ((place, item + 1), 1)):
            one.refuse(order, levels=[level])
            one.run(now=datetime.now(UTC) + timedelta(minutes=1))  # the window covers the look
            assert oms.push("HARD").planned == planned, level


def test_two_runs_of_a_shop_never_overlap(puller: Puller):
    puller.place()
    inside, go_on = Event(), Event()

    def hold(conn: Connection, shop_id: str, nodes: Sequence[Node]) -> Counts:
        inside.set()
        assert go_on.wait(30)
        return take_new(conn, shop_id, nodes)

    with (
        ThreadPoolExecutor(2) as pool,
        database.connect(puller.oms.dsn, autocommit=True) as one,
        database.connect(puller.oms.dsn, autocommit=True) as two,
    ):
        first = pool.submit(puller.run, hold, conn=one)
        assert inside.wait(30)
        second = pool.submit(puller.run, conn=two)
        waits = "select count(*) from pg_stat_activity where wait_event = 'advisory'"
        while not puller.db.execute(waits).fetchone()[0]:
            assert not second.done()
        go_on.set()

        assert first.result()["taken"] == 1
        assert second.result()["skipped"] == 1
