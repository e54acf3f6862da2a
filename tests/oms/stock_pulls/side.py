"""A shop whose stock the OMS follows, for tests: what it tells, and what the OMS makes of it."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from oms import catalog, database
from oms.imports import applying, arrival, closing, landing
from oms.imports.jobs import Run
from oms.parameters import resolve
from oms.stock_pulls import sync, webhooks
from oms.work import Work
from tests.oms.imports.conftest import sftp_client
from tests.oms.sync.bench import Bench

HEADER = "shop_id,inventory_item_id,sku,tracked,location_id,available,on_hand,updated_at\n"
STORES = {"Store": ["S1"], "Other": ["S2"]}


@dataclass
class Side:
    """Shops of a bench and the jobs that take their levels in; every step is committed."""

    oms: Bench
    sftp_server: Any = None
    """Where files of rejected levels go; None: none is written."""
    _numbers: count = field(default_factory=lambda: count(1))

    @property
    def db(self) -> database.Connection:
        return self.oms.db

    def open_shop(
        self, products: dict[str, Any], shop: str = "demo", *, master: str = "SHOPIFY", **more: Any
    ) -> None:
        """A shop with the physical locations Store (S1) and Other (S2)."""
        self.oms.open_shop(shop, products, **{"locations": STORES} | more)
        self.db.execute("update oms.shop set inventory_master = %s where shop_id = %s", (master, shop))

    # what the shop says

    def event(
        self,
        sku: str,
        available: int | None,
        at: str,
        *,
        shop: str = "demo",
        location: str = "Store",
        triggered: str | None = None,
        webhook_id: str | None = None,
        payload: dict[str, Any] | None = None,
    ) -> str:
        """A delivery in the inbox, as the receiver leaves it; the same id again changes nothing."""
        number = webhook_id or f"w{next(self._numbers)}"
        body = {
            "inventory_item_id": self.oms.items[shop, sku],
            "location_id": self.oms.locations[shop, location],
            "available": available,
            "updated_at": at,
        } | (payload or {})
        self.db.execute(
            """insert into oms.webhook_inbox (shop_id, webhook_id, topic, triggered_at, payload)
               values (%s, %s, %s, %s, %s) on conflict do nothing""",
            (shop, number, webhooks.TOPIC, triggered, json.dumps(body)),
        )
        return number

    # what the OMS does

    def work(self, job: Any, params: dict[str, Any]) -> Work:
        return Work(
            conn=self.db,
            params=resolve(job, params),
            run_name=f"test/{next(self._numbers)}",
            open_oms_db=lambda: database.connect(self.oms.dsn, autocommit=True),
            open_sftp=self.no_sftp,
            open_shop=self.oms.client,
        )

    @contextmanager
    def no_sftp(self, resource: str):
        raise AssertionError(f"nobody needs {resource} here")
        yield

    def params(self, job: Any, **params: Any) -> dict[str, Any]:
        return resolve(job, params)

    def sync(self, shop: str = "demo", **params: Any) -> dict[str, Any]:
        """One run of the job that fetches all levels."""
        given = resolve(
            catalog.SYNC_INVENTORY_FROM_SHOPIFY,
            ({} if self.sftp_server else {"propertyResource": None}) | params,
        )
        return sync.sync_shop(
            self.db,
            self.oms.client(shop),
            shop,
            given,
            f"sync_inventory_from_shopify/run_{next(self._numbers)}",
            open_sftp=lambda resource: sftp_client(self.sftp_server),
            sleep=lambda _: time.sleep(0.02),
        )

    def files(self, sftp: Any, root: Path, *contents: str, **params: Any) -> None:
        """One run of the file variant over files that lie in its folder."""
        job = catalog.SYNC_INVENTORY_FROM_SHOPIFY_MULTI_THREADING
        folder = root / job.import_path
        folder.mkdir(parents=True, exist_ok=True)
        for content in contents:
            (folder / f"levels_{next(self._numbers)}.csv").write_text(HEADER + content)
        run = Run(job.dag_id, f"run_{next(self._numbers)}")
        given = self.params(job, **params) | {"settleSeconds": 0}
        chunks = landing.land(self.db, sftp, job, given, run, arrival.find(sftp, given))
        with ThreadPoolExecutor(max(1, len(chunks))) as pool:
            list(pool.map(self._apply, chunks))
        closing.close(self.db, sftp, job, run).raise_if_open()

    def _apply(self, chunk: dict[str, Any]) -> None:
        with database.connect(self.oms.dsn, autocommit=True) as conn:
            applying.apply_chunk(conn, chunk, lambda: self.no_sftp("a file"))

    def line(
        self,
        sku: str,
        available: int | str,
        at: str,
        *,
        shop: str = "demo",
        location: str = "Store",
        on_hand: int | str | None = None,
        tracked: str = "true",
    ) -> str:
        """A line of a file."""
        figures = f"{available},{available if on_hand is None else on_hand}"
        item, place = self.oms.items[shop, sku], self.oms.locations[shop, location]
        return f"{shop},{item},{sku},{tracked},{place},{figures},{at}\n"

    def receive(self, **params: Any) -> dict[str, Any]:
        """One run of the job that works off webhooks."""
        return webhooks.receive(self.work(catalog.RECEIVE_INVENTORY_LEVEL_WEBHOOKS, params))

    # what can be seen

    def position(self, sku: str, facility: str = "S1") -> tuple[int, int] | None:
        """QOH and ATP."""
        return self.db.execute(
            """select qoh, atp from oms.inventory_item where product_id = %s and facility_id = %s""",
            (self.oms.world.products[sku], facility),
        ).fetchone()

    def stand(self, sku: str, qoh: int, atp: int, facility: str = "S1") -> None:
        """Bring a position to these figures."""
        was = self.position(sku, facility) or (0, 0)
        self.oms.world.stock(self.oms.world.products[sku], facility, atp - was[1], qoh - was[0])

    def inbox(self) -> dict[str, str]:
        """Status by webhook id."""
        return dict(self.db.execute("select webhook_id, status from oms.webhook_inbox").fetchall())

    def errors(self) -> dict[str, str]:
        """The code of what was set aside or ignored, by webhook id."""
        rows = self.db.execute(
            "select webhook_id, split_part(error, ':', 1) from oms.webhook_inbox where error is not null"
        )
        return dict(rows.fetchall())

    def drift(self, sku: str) -> list[tuple]:
        """Observations as (shopify_available, desired, drift)."""
        return self.db.execute(
            "select shopify_available, desired, drift from oms.shop_level_drift where product_id = %s",
            (self.oms.world.products[sku],),
        ).fetchall()

    def notes(self) -> dict[str, int]:
        """How many rows of files have which remark."""
        rows = self.db.execute("select outcome, count(*)::int from oms.import_row_note group by 1")
        return dict(rows.fetchall())

    def rejects(self) -> list[str]:
        return [code for (code,) in self.db.execute("select error_code from oms.import_reject order by 1")]

    def logs(self) -> list[str]:
        rows = self.db.execute(
            "select status from oms.import_log where closed_at is not null order by log_id"
        )
        return [status for (status,) in rows]

    def someone_waits(self) -> bool:
        """Whether a session of this database waits for a lock."""
        return self.db.execute(
            """select exists (select from pg_stat_activity
                               where datname = current_database() and wait_event_type = 'Lock')"""
        ).fetchone()[0]

    def entries(self) -> int:
        return self.db.execute("select count(*)::int from oms.inventory_ledger").fetchone()[0]
