"""Changes of stock in a real database: bursts ring once, a lost connection is taken up again."""

import asyncio
from contextlib import aclosing

import psycopg
import pytest

from oms_airflow import row_changes
from oms_airflow.row_changes import StockChangedTrigger, WebhooksTrigger
from tests.dags.conftest import oms_connection
from tests.oms.world import World


@pytest.fixture
def connected(oms_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection oms_db leads to the test's own database."""
    monkeypatch.setenv("AIRFLOW_CONN_OMS_DB", oms_connection(oms_dsn))
    with psycopg.connect(oms_dsn) as conn:
        world = World(conn)
        world.facility("S1")
        world.facility("S2", member=False)
        world.shop()


def change_stock(dsn: str, times: int = 1) -> None:
    """Each call of this commits that many changes, the last of which also moves nothing."""
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute(
            "insert into oms.product (product_id, internal_name, product_name) values (1, 'A', 'A') "
            "on conflict do nothing"
        )
        for _ in range(times):
            conn.execute("insert into oms.product_change (product_id, cause) values (1, 'test')")


def stock_entry(dsn: str, facility: str = "S1") -> None:
    """Write one ledger entry, as an import does."""
    with psycopg.connect(dsn) as conn:
        conn.execute(
            "insert into oms.product (product_id, internal_name, product_name) values (1, 'A', 'A') "
            "on conflict do nothing"
        )
        conn.execute(
            "with item as (insert into oms.inventory_item (product_id, facility_id) values (1, %(facility)s) "
            "              returning inventory_item_id) "
            "insert into oms.inventory_ledger (inventory_item_id, qoh_diff, atp_diff, reason_id, source_key) "
            "select inventory_item_id, 5, 5, 'VAR_FOUND', 'test:' || %(facility)s from item",
            {"facility": facility},
        )


@pytest.mark.usefixtures("connected")
class TestStockChanged:
    def test_it_rings_once_when_it_starts_to_listen_and_then_for_a_ledger_entry(self, oms_dsn: str):
        async def listen() -> list[dict]:
            async with aclosing(StockChangedTrigger(mode="RECENT").run()) as events, asyncio.timeout(10):
                first = await anext(events)
                waiting = asyncio.ensure_future(anext(events))
                await asyncio.sleep(0)
                await asyncio.to_thread(stock_entry, oms_dsn)
                return [first.payload, (await waiting).payload]

        assert asyncio.run(listen()) == [{"cause": "listening"}, {"cause": "changed", "announcements": 1}]

    def test_a_burst_rings_once_when_it_is_quiet_again(self, oms_dsn: str):
        async def listen() -> int:
            async with aclosing(
                StockChangedTrigger(mode="RECENT", quiet_seconds=2, longest_seconds=60).run()
            ) as events:
                await anext(events)
                burst = asyncio.ensure_future(anext(events))
                await asyncio.sleep(0)
                await asyncio.to_thread(change_stock, oms_dsn, 20)
                return (await burst).payload["announcements"]

        assert asyncio.run(listen()) == 20

    def test_a_burst_that_lasts_is_not_waited_for_without_end(self, oms_dsn: str):
        async def listen() -> int:
            async with (
                aclosing(
                    StockChangedTrigger(mode="RECENT", quiet_seconds=60, longest_seconds=1).run()
                ) as events,
                asyncio.timeout(50),
            ):
                await anext(events)
                lasting = asyncio.ensure_future(anext(events))
                while not lasting.done():
                    await asyncio.to_thread(change_stock, oms_dsn)
                    await asyncio.sleep(0.1)
                return (await lasting).payload["announcements"]

        assert asyncio.run(listen()) > 1

    def test_what_changed_between_two_rings_is_not_lost(self, oms_dsn: str):
        async def listen() -> int:
            async with (
                aclosing(StockChangedTrigger(mode="RECENT", quiet_seconds=0.1).run()) as events,
                asyncio.timeout(10),
            ):
                await anext(events)
                await asyncio.to_thread(change_stock, oms_dsn, 3)
                await asyncio.sleep(0.5)
                return (await anext(events)).payload["announcements"]

        assert asyncio.run(listen()) == 3

    def test_it_keeps_still_while_no_location_is_in_its_mode(self, oms_dsn: str):
        async def listen() -> dict:
            async with aclosing(StockChangedTrigger(mode="DELTA").run()) as events, asyncio.timeout(10):
                waiting = asyncio.ensure_future(anext(events))
                await asyncio.sleep(0.3)
                await asyncio.to_thread(change_stock, oms_dsn)
                await asyncio.sleep(1)
                assert not waiting.done()
                with psycopg.connect(oms_dsn) as conn:
                    conn.execute("update oms.shop_location set sync_mode = 'DELTA'")
                await asyncio.to_thread(change_stock, oms_dsn)
                return (await waiting).payload

        assert asyncio.run(listen()) == {"cause": "changed", "announcements": 1}

    def test_it_keeps_still_for_stock_that_no_location_of_its_mode_shows(self, oms_dsn: str):
        with psycopg.connect(oms_dsn) as conn:
            conn.execute(
                "insert into oms.sync_mark (shop_id, shopify_location_id, snapshot, planned_by) "
                "select shop_id, shopify_location_id, pg_current_snapshot(), 'test' from oms.shop_location"
            )

        async def listen() -> dict:
            async with aclosing(StockChangedTrigger(mode="RECENT").run()) as events, asyncio.timeout(10):
                await anext(events)
                waiting = asyncio.ensure_future(anext(events))
                await asyncio.to_thread(stock_entry, oms_dsn, "S2")
                await asyncio.sleep(1)
                assert not waiting.done()
                await asyncio.to_thread(stock_entry, oms_dsn, "S1")
                return (await waiting).payload

        assert asyncio.run(listen()) == {"cause": "changed", "announcements": 1}

    def test_a_lost_connection_is_taken_up_again_with_a_ring(self, oms_dsn: str):
        async def listen() -> list[str]:
            async with aclosing(StockChangedTrigger(mode="RECENT").run()) as events, asyncio.timeout(20):
                causes = [(await anext(events)).payload["cause"]]
                waiting = asyncio.ensure_future(anext(events))
                await asyncio.sleep(0.2)
                with psycopg.connect(oms_dsn, autocommit=True) as conn:
                    conn.execute(
                        "select pg_terminate_backend(pid) from pg_stat_activity "
                        "where datname = current_database() and pid <> pg_backend_pid()"
                    )
                causes.append((await waiting).payload["cause"])
                waiting = asyncio.ensure_future(anext(events))
                await asyncio.sleep(0)
                await asyncio.to_thread(change_stock, oms_dsn)
                causes.append((await waiting).payload["cause"])
                return causes

        assert asyncio.run(listen()) == ["listening", "listening", "changed"]


def test_a_missing_connection_is_said_and_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(row_changes, "LONGEST_PAUSE", 0.1)

    async def listen() -> None:
        async with aclosing(StockChangedTrigger(mode="RECENT").run()) as events, asyncio.timeout(2):
            await anext(events)

    with pytest.raises(TimeoutError):
        asyncio.run(listen())
    assert "AIRFLOW_CONN_OMS_DB" in caplog.text
    assert len([r for r in caplog.records if r.name == row_changes.__name__]) > 2


def deliver(dsn: str, topic: str) -> None:
    """A webhook arrives, as the receiver writes it."""
    with psycopg.connect(dsn) as conn:
        conn.execute(
            """insert into oms.webhook_inbox (shop_id, webhook_id, topic, payload)
               select shop_id, %(topic)s, %(topic)s, '{}' from oms.shop""",
            {"topic": topic},
        )


@pytest.mark.usefixtures("connected")
def test_a_connection_that_only_listens_notices_that_its_peer_is_gone():
    async def settings() -> dict[str, str]:
        conn = await StockChangedTrigger(mode="RECENT")._listen()
        async with conn:
            return conn.info.get_parameters()

    found = asyncio.run(settings())

    assert found["keepalives"] == "1"
    waits = int(found["keepalives_idle"]) + int(found["keepalives_interval"]) * int(found["keepalives_count"])
    assert waits <= 60


@pytest.mark.usefixtures("connected")
def test_webhooks_ring_for_the_job_of_their_topic_only(oms_dsn: str):
    topic = "inventory_levels/update"

    async def listen() -> dict:
        async with aclosing(WebhooksTrigger(topic=topic).run()) as events, asyncio.timeout(10):
            waiting = asyncio.ensure_future(anext(events))
            await asyncio.sleep(0.3)
            await asyncio.to_thread(deliver, oms_dsn, "orders/create")
            await asyncio.sleep(1)
            assert not waiting.done()
            await asyncio.to_thread(deliver, oms_dsn, topic)
            return (await waiting).payload

    assert asyncio.run(listen()) == {"cause": "changed", "announcements": 1}


@pytest.mark.parametrize(
    "trigger",
    [StockChangedTrigger(mode="RECENT", quiet_seconds=3), WebhooksTrigger(topic="orders/create")],
    ids=lambda trigger: type(trigger).__name__,
)
def test_the_trigger_is_made_again_from_what_airflow_keeps_of_it(trigger):
    from airflow.sdk.module_loading import import_string

    path, arguments = trigger.serialize()

    assert import_string(path)(**arguments).serialize() == (path, arguments)
