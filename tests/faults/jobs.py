"""Runs of jobs in processes that a test kills."""

from importlib import import_module
from typing import Any

from fakeshop.testing import TOKEN
from oms import catalog, database
from oms.catalog import ShopJob
from oms.parameters import resolve
from oms.shopify.client import ShopifyClient
from oms.work import Work
from sandbox import sftp
from tests.oms.imports.conftest import sftp_client


def run_job(
    dsn: str, base_url: str, dag_id: str, params: dict[str, Any], sftp_server: sftp.Server | None = None
) -> None:
    """One run of a job, which talks to the shop `demo`."""
    job = catalog.JOBS[dag_id]
    module, name = job.function.split(":")
    function, client = getattr(import_module(module), name), ShopifyClient(base_url, TOKEN)

    def open_sftp(resource: str) -> Any:
        return sftp_client(sftp_server)

    with database.connect(dsn, autocommit=True) as conn:
        given = Work(
            conn=conn,
            params=resolve(job, params),
            run_name="test/killed",
            open_oms_db=lambda: database.connect(dsn, autocommit=True),
            open_sftp=open_sftp,
            open_shop=lambda shop_id: client,
        )
        function(given, *(["demo"] if isinstance(job, ShopJob) else []))
