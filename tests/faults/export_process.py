"""An export of thresholds in a process of its own, so that a test can kill it."""

import json
import sys
from pathlib import Path

from oms import catalog, database, parameters
from oms.inventory.thresholds import export_thresholds
from oms.work import Work
from sandbox.sftp import Server
from tests.oms.imports.conftest import sftp_client

if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    server = Server(Path(given["home"]), given["port"])
    with database.connect(given["dsn"], autocommit=True) as conn:
        params = parameters.resolve(catalog.EXPORT_PRODUCT_THRESHOLDS, {})
        run_name = "export_product_thresholds/killed"
        export_thresholds(
            Work(conn, params, run_name, lambda: conn, lambda _: sftp_client(server), lambda _: None)
        )
