"""One run of a job that talks to the shop `demo`, in a process of its own, so that a test can kill it.

`python -m tests.faults.job_process JSON`, the arguments of `main` as an object.
"""

import json
import sys
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from fakeshop.testing import TOKEN
from oms import catalog, database
from oms.catalog import PullJob
from oms.parameters import resolve
from oms.shopify.client import ShopifyClient
from oms.work import Work
from tests.oms.imports.conftest import sftp_client


def main(dsn: str, base_url: str, dag_id: str, params: dict, sftp: dict | None = None) -> None:
    job = catalog.JOBS[dag_id]
    module, name = job.function.split(":")
    function, client = getattr(import_module(module), name), ShopifyClient(base_url, TOKEN)

    def open_sftp(resource: str) -> Any:
        return sftp_client(SimpleNamespace(**sftp))

    with database.connect(dsn, autocommit=True) as conn:
        if isinstance(job, PullJob):
            more = {"open_sftp": open_sftp} if job.writes_files else {}
            function(conn, client, "demo", resolve(job, params), "test/killed", **more)
            return
        given = Work(
            conn=conn,
            params=resolve(job, params),
            run_name="test/killed",
            open_oms_db=lambda: database.connect(dsn, autocommit=True),
            open_sftp=open_sftp,
            open_shop=lambda shop_id: client,
        )
        function(given)


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
