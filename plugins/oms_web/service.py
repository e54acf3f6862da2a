"""The REST API of the OMS: `POST /api/service/updateInventoryByIdentification` and its description."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.templating import Jinja2Templates

from oms.api import adjustments, groups, tokens
from oms.api.errors import Problem
from oms.api.fields import FIELDS
from oms.api.limits import Allowances, Limit
from oms_web.pool import Database
from oms_web.problems import answers_with_problems, as_json, body_up_to, require_json

PREFIX = "/api/service"
WRITE = "inventory:write"
TEMPLATES = Path(__file__).parent / "templates"


def service_app(
    database: Database,
    signed_in: Callable[[Request], Awaitable[bool]],
    limit: Callable[[], Limit | None] = lambda: None,
) -> FastAPI:
    """The app, to be mounted at PREFIX.

    signed_in: says whether a request comes from a logged-in Airflow user, who may read the description. The
    calls themselves take only tokens of our own: no web page can make a browser send one.
    limit: what each token may change in this process, asked for by the first call.
    """

    lane = Database(database.dsn, largest=1)
    singles = groups.Groups(lane.connection, database.connection)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await lane.close()
        await database.close()

    app = FastAPI(
        title="OMS", version="1", openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan
    )
    answers_with_problems(app)
    templates = Jinja2Templates(TEMPLATES)

    bearers = tokens.Bearers(database.connection)
    allowances = Allowances(limit)

    async def readable_by(request: Request) -> None:
        if not await signed_in(request):
            await bearers.require_valid(await bearers.identify(request.headers.get("authorization")))

    @app.post("/updateInventoryByIdentification", openapi_extra=OPERATION, responses=RESPONSES)
    async def update_inventory_by_identification(request: Request) -> Response:
        """Change the stock of one product, or of many: an object, or a list of 1 to 1,000."""
        bearer = await bearers.identify(request.headers.get("authorization"))
        allowances.begin(bearer.token_id)
        try:
            bearer.require(WRITE)
            require_json(request)
            key = adjustments.checked_key(request.headers.get("idempotency-key"))
            call = adjustments.read(bearer, key, await body_up_to(request, adjustments.MOST_BYTES))
        except Problem:
            await bearers.require_valid(bearer)
            raise
        if not call.is_list:
            return as_json(await singles.adjust(call))
        allowances.add(bearer.token_id, len(call.elements) - 1)
        async with database.connection() as conn:
            (results,) = await adjustments.send(conn, [call])
        return as_json(adjustments.told(call, results), 207)

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi(request: Request) -> Response:
        await readable_by(request)
        return as_json(app.openapi() | {"servers": [{"url": PREFIX}]})

    @app.get("/docs", include_in_schema=False)
    async def description(request: Request) -> Response:
        await readable_by(request)
        context = {"api": app.openapi(), "prefix": PREFIX}
        headers = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
        return templates.TemplateResponse(request, "api.html", context, headers=headers)

    return app


def _schema() -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [field.name for field in FIELDS if field.required],
        "properties": {
            field.name: {"type": field.type, "description": field.meaning, "examples": [field.example]}
            for field in FIELDS
        },
    }


OPERATION: dict[str, Any] = {
    "security": [{"token": []}],
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "schema": {"type": "string", "maxLength": adjustments.LONGEST_KEY},
            "description": "Kept for 30 days. The same key and body: the stored answer with duplicate=true, "
            "nothing is applied. Of a list only those elements are tried again that had no effect.",
        }
    ],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"oneOf": [_schema(), {"type": "array", "items": _schema()}]},
                "example": {field.name: field.example for field in FIELDS if field.required},
            }
        },
    },
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "One object: what was sent, with webSiteId, inventoryItemId, qoh, atp, duplicate, "
        "recordedDelta (the units recorded), outcome (APPLIED, UNCHANGED, FLOORED, ALREADY_COUNTED) and note."
    },
    207: {"description": "A list: for each element the same, with its own status, or its error."},
    400: {"description": "The body, a field of it or the Idempotency-Key is not as described."},
    401: {"description": "The bearer token is missing, unknown, expired or revoked."},
    403: {"description": f"The token has not the scope {WRITE}."},
    404: {"description": "No such facility, product or location."},
    409: {"description": "The Idempotency-Key was used with another body."},
    413: {"description": f"The body is longer than {adjustments.MOST_BYTES} bytes."},
    415: {"description": "The body is not application/json."},
    422: {
        "description": "The change is not possible: a negative level under negativePolicy reject, a kit, …"
    },
    429: {
        "description": "The token has used up its allowance of changes, nothing was done; Retry-After says "
        "after how many seconds the same call works. A list counts as many as it has elements; each server "
        "process counts for itself.",
        "headers": {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}},
    },
    503: {"description": "Something else is changing the position, or the database is away: send it again."},
}
