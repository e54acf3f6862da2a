"""The web apps in a process of their own, so that a test can kill it: `web_process PORT DSN`."""

import sys

import uvicorn
from oms_web import service
from oms_web.pool import Database

from tests.web.conftest import mounted, nobody

if __name__ == "__main__":
    port, dsn = sys.argv[1:]
    app = service.service_app(Database(lambda: dsn), nobody)
    uvicorn.run(mounted((service.PREFIX, app)), port=int(port), log_level="warning")
