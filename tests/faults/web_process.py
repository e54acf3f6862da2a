"""The web apps in a process of their own, so that a test can kill it: `web_process PORT DSN`."""

import sys

import uvicorn
from oms_web import service, webhooks
from oms_web.pool import Database

from tests.web.conftest import mounted, nobody, sender

if __name__ == "__main__":
    port, dsn = sys.argv[1:]
    database = Database(lambda: dsn)
    apps = (
        (service.PREFIX, service.service_app(database, nobody)),
        (webhooks.PREFIX, webhooks.webhook_app(database, sender)),
    )
    uvicorn.run(mounted(*apps), port=int(port), log_level="warning")
