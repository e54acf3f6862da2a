"""A job that is one task, as a DAG would start it."""

from collections.abc import Callable
from typing import Any

import pytest

from oms import catalog, database, parameters
from oms.work import Work
from tests.oms.imports.conftest import Floor, floor  # noqa: F401 - a fixture
from tests.oms.sync.conftest import oms  # noqa: F401 - a fixture


def work_of(floor: Floor, job: catalog.TaskJob, **conf: Any) -> Work:
    """What the task of a run with these parameters is handed."""

    def no_shop(shop_id: str) -> Any:
        raise AssertionError(f"shop {shop_id} is not asked")

    return Work(
        conn=floor.conn,
        params=parameters.resolve(job, conf),
        run_name=f"{job.dag_id}/test",
        open_oms_db=lambda: database.connect(floor.dsn, autocommit=True),
        open_sftp=lambda _: floor.open_sftp(),
        open_shop=no_shop,
    )


@pytest.fixture
def later(floor: Floor) -> Callable[[str, int], None]:
    """Make the rows of a table look older by days: `later("import_log", 20)`."""
    columns = {
        "import_log": ("created_at", "landed_at", "finished_at", "closed_at"),
        "webhook_inbox": ("received_at", "processed_at"),
        "api_call": ("called_at",),
        "product_change": ("recorded_at",),
        "sync_batch": ("answered_at",),
        "product_import": ("started_at", "finished_at"),
    }

    def age(table: str, days: int) -> None:
        floor.conn.execute(f"alter table oms.{table} disable trigger user")
        for column in columns[table]:
            floor.conn.execute(f"update oms.{table} set {column} = {column} - interval '{days} days'")
        floor.conn.execute(f"alter table oms.{table} enable trigger user")

    return age
