"""kill -9 at every point of a drift report: the next run makes a whole one and repairs once."""

from pathlib import Path
from typing import Any

import pytest

from fakeshop.testing import TOKEN
from oms import catalog, database, parameters
from oms.drift import report
from oms.shopify.client import ShopifyClient
from oms.work import Work
from sandbox import sftp
from tests.faults.killing import killed_at
from tests.oms.drift.conftest import work_of
from tests.oms.imports.conftest import sftp_client
from tests.oms.sync.bench import Bench
from tests.oms.sync.conftest import oms  # noqa: F401 - a fixture

POINTS = [report.COMPARED, report.STORED, report.EXPORTED, report.ASKED]


def reconcile(dsn: str, server: sftp.Server, base_url: str) -> None:
    report.report_all(
        Work(
            conn=database.connect(dsn, autocommit=True),
            params=parameters.resolve(catalog.RECONCILE_INVENTORY, {"repair": True}),
            run_name="killed",
            open_oms_db=lambda: database.connect(dsn, autocommit=True),
            open_sftp=lambda _: sftp_client(server),
            open_shop=lambda _: ShopifyClient(base_url, TOKEN),
        )
    )


@pytest.mark.parametrize("point", POINTS)
def test_the_next_report_is_whole_and_repairs_once(
    oms: Bench,
    sftp_server: Any,
    sftp_root: Path,
    point: str,
):
    oms.open_shop("demo", {"A": 5, "B": 5})
    oms.move("A", 5)
    oms.move("B", 5)
    oms.push("HARD")
    oms.server.adjust("demo", "A", "Main", delta=4)
    killed_at(point, reconcile, oms.dsn, sftp_server, oms.server.base("demo"))

    found = report.report_all(work_of(oms, sftp_server, repair=True))

    assert found == {"demo": {"PUSH_PENDING" if point == report.ASKED else "OTHER_WRITER": 1}}
    assert oms.applied() == [("A", -4)]
    statuses = oms.db.execute("select status, csv_file from oms.drift_report order by report_id").fetchall()
    assert statuses[0][0] == ("ABANDONED" if point == report.COMPARED else "FINISHED")
    assert statuses[1][0] == "FINISHED"
    assert (sftp_root / statuses[1][1]).is_file()
    assert not list(sftp_root.rglob("*.part"))
