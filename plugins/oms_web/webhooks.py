"""The receiver of Shopify's webhooks: `POST /webhooks/shopify/{shop}`, where shop is its id in the OMS."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool

from oms.webhooks import receiving
from oms.webhooks.receiving import Sender
from oms_web.pool import Database
from oms_web.problems import answers_with_problems, as_json, body_up_to, require_json

PREFIX = "/webhooks"


def webhook_app(database: Database, sender: Callable[[str], Sender | None]) -> FastAPI:
    """The app, to be mounted at PREFIX.

    sender: who is behind an Airflow connection, None if it is not set. Asked for each delivery, so that a new
    secret counts at once.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await database.close()

    app = FastAPI(title="OMS webhooks", openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan)
    answers_with_problems(app)

    @app.post("/shopify/{shop_id}")
    async def receive(shop_id: str, request: Request) -> Response:
        """Check whose a delivery is, store it, answer; the work is done later by jobs."""
        signature = receiving.require_signature(request.headers)
        body = await body_up_to(request, receiving.MOST_BYTES)
        async with database.connection() as conn:
            connection_id = await receiving.connection_of(conn, shop_id)
        who = await run_in_threadpool(sender, connection_id) if connection_id else None
        receiving.verify(body, signature, who, request.headers)
        require_json(request)
        async with database.connection() as conn:
            result = await receiving.store(conn, shop_id, request.headers, body)
        return as_json({"result": result})

    return app
