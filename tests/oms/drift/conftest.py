"""The drift report as a task would start it."""

from collections.abc import Callable
from typing import Any

import pytest

from fakeshop.testing import TOKEN
from oms import catalog, database, parameters
from oms.drift.report import report_all
from oms.shopify.client import ShopifyClient
from oms.work import Work
from tests.oms.imports.conftest import sftp_client
from tests.oms.sync.bench import Bench
from tests.oms.sync.conftest import oms  # noqa: F401 - a fixture

Reconcile = Callable[..., dict[str, dict[str, int]]]


def patient(oms: Bench, shop_id: str = "demo") -> ShopifyClient:
    """A client that waits as long as that of a job: a busy machine is no fault here."""
    return ShopifyClient(oms.server.base(shop_id), TOKEN)


def work_of(oms: Bench, sftp_server: Any, **conf: Any) -> Work:
    """What the task of a run with these parameters is handed."""
    return Work(
        conn=oms.db,
        params=parameters.resolve(catalog.RECONCILE_INVENTORY, conf),
        run_name="reconcile_inventory/test",
        open_oms_db=lambda: database.connect(oms.dsn, autocommit=True),
        open_sftp=lambda _: sftp_client(sftp_server),
        open_shop=lambda shop_id: patient(oms, shop_id),
    )


@pytest.fixture
def reconcile(oms: Bench, sftp_server: Any, sftp_root: Any) -> Reconcile:
    """Run the report with these parameters; the levels by cause of each shop."""
    return lambda **conf: report_all(work_of(oms, sftp_server, **conf))


def causes(oms: Bench) -> dict[str, str]:
    """The cause of each SKU in the newest report."""
    return dict(
        oms.db.execute(
            """select sku, cause from oms.drift_line
                where report_id = (select max(report_id) from oms.drift_report)"""
        ).fetchall()
    )
