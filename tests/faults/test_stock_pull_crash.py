"""kill -9 at every point of what takes Shopify's levels in: the next run goes on, and the end is the same."""

import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from oms import crashpoints
from oms.imports import claiming
from oms.stock_pulls import sync, webhooks  # noqa: F401 - registers the points
from sandbox import sftp
from tests.faults.jobs import run_job
from tests.faults.killing import killed_at
from tests.oms.imports.conftest import empty_staging
from tests.oms.stock_pulls.conftest import side  # noqa: F401 - a fixture
from tests.oms.stock_pulls.side import Side
from tests.oms.sync.bench import Bench

WEBHOOKS = [name for name in crashpoints.POINTS if name.startswith("webhooks.")]
LEVELS = [name for name in crashpoints.POINTS if name.startswith("levels.")]
POINTS = [*WEBHOOKS, *LEVELS]
STAGED = "select array_agg(tablename::text) from pg_tables where tablename ~ '^(file|rows)_[0-9]+$'"
SESSIONS = """select coalesce(array_agg(pid), '{}') from pg_stat_activity
               where datname = current_database() and backend_type = 'client backend'"""
LANDING = [claiming.CLAIMED, "apply.started", "apply.written", "apply.applied"]


def crash(
    oms: Bench, point: str, dag_id: str, params: dict[str, Any], sftp_server: sftp.Server | None = None
) -> None:
    """Run a job that is killed at the point; it must get there."""
    with psycopg.connect(oms.dsn, autocommit=True) as conn:
        (alive,) = conn.execute(SESSIONS).fetchone()
        killed_at(point, run_job, oms.dsn, oms.server.base("demo"), dag_id, params, sftp_server)
        # the server notices a moment later, and until then the dead one's locks hold
        while set(conn.execute(SESSIONS).fetchone()[0]) - set(alive):
            time.sleep(0.02)


@pytest.mark.parametrize("point", [None, *WEBHOOKS])
def test_webhooks_on_levels(side: Side, point: str | None):
    side.open_shop({"P": 7, "Q": 3})
    side.stand("P", 6, 5)
    for number in range(3):
        side.event("P", 7 - number, f"2026-11-03T10:00:0{number}Z")
    side.event("Q", 2, "2026-11-03T10:00:00Z")

    if point is not None:
        crash(side.oms, point, "receive_inventory_level_webhooks", {"limit": 2})
    side.receive(limit=2)

    assert (side.position("P"), side.position("Q")) == ((6, 5), (2, 2))
    assert sorted(side.inbox().values()) == ["DONE", "DONE", "DONE", "STALE"]
    rows = (
        "select qoh_diff, atp_diff from oms.inventory_ledger where source_key like 'webhook:%' order by 1, 2"
    )
    assert side.db.execute(rows).fetchall() == [(-1, -1), (1, 1), (2, 2)]


@pytest.mark.parametrize("point", [None, *[name for name in LEVELS if name != sync.REPORTED], *LANDING])
def test_all_levels_of_a_shop(side: Side, point: str | None):
    side.open_shop({"P": {"levels": {"Store": 7, "Other": 2}}, "Q": {"levels": {"Store": 4}}})
    side.stand("P", 6, 5)

    if point is not None:
        crash(side.oms, point, "sync_inventory_from_shopify", {})
    side.sync()

    assert (side.position("P"), side.position("P", "S2"), side.position("Q")) == ((8, 7), (2, 2), (4, 4))
    assert side.db.execute(
        "select count(*) from oms.inventory_ledger where log_id is not null"
    ).fetchone() == (3,)
    assert side.db.execute("select count(*) from oms.import_log where closed_at is null").fetchone() == (0,)
    assert side.db.execute("select count(*) from oms.job_watermark").fetchone() == (1,)
    assert side.db.execute(STAGED).fetchone() == (None,)


@pytest.mark.parametrize("point", [sync.CLOSED, sync.REPORTED])
def test_the_file_of_rejected_levels(side: Side, sftp_server: Any, sftp_root: Path, point: str):
    side.open_shop({"P": {"levels": {"Store": 7}}})
    side.db.execute("update oms.shop_product set thru_date = now()")
    crash(side.oms, point, "sync_inventory_from_shopify", {}, sftp_server)
    side.db.execute("update oms.shop_product set thru_date = null")
    side.sftp_server = sftp_server

    side.sync()

    (file,) = (sftp_root / "shopify/inventory_levels/error").iterdir()
    assert "ERR_PRODUCT_NOT_FOUND" in file.read_text()
    assert side.db.execute("select reject_file from oms.import_log order by log_id").fetchall() == [
        (f"shopify/inventory_levels/error/{file.name}",),
        (None,),
    ]


def test_levels_whose_rows_a_database_crash_has_lost_are_asked_for_again(side: Side):
    side.open_shop({"P": {"levels": {"Store": 7}}})
    crash(side.oms, sync.LANDED, "sync_inventory_from_shopify", {})
    empty_staging(side.db)

    side.sync()

    assert side.position("P") == (7, 7)
    assert side.logs() == ["DmlsCancelled", "DmlsFinished"]
