"""HTTP in front of GraphQL: shops, versions, tokens, bucket, faults, and the log (shopify.md 6, 7.1)."""

import asyncio
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import orjson
from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from fakeshop import schema
from fakeshop.bulk.runner import BulkRunner
from fakeshop.cost import MAXIMUM
from fakeshop.execution import Api, Planned, throttled, too_dear
from fakeshop.faults import Fault
from fakeshop.idempotency import internal_error
from fakeshop.nodes.base import Context
from fakeshop.records import App
from fakeshop.scopes import granted
from fakeshop.shop import Shop
from fakeshop.world import World

BAD_TOKEN = "[API] Invalid API key or access token (unrecognized login or wrong password)"
OLDEST_RELEASE = (2019, 4)


def json_response(body: Any, status: int = 200, **headers: str) -> Response:
    """Answer with JSON."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(orjson.dumps(body), status, names, "application/json; charset=utf-8")


class Cut(Response):
    """No answer: the connection is cut."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        scope["fakeshop.cut"]()
        await asyncio.sleep(0.01)


@dataclass
class Call:
    """One request on its way, and what the log will say about it."""

    request: Request
    shop: Shop
    app: App
    api: Api
    version: str
    """As it was asked for, or the one it fell forward to."""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: float = field(default_factory=time.perf_counter)
    log: dict[str, Any] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        return {"x-request-id": self.id, "X_Shopify_API_Version": self.version}


class Graphql:
    """The endpoint /admin/api/{version}/graphql.json of all shops."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._apis: dict[str, Api] = {}
        self.runner = BulkRunner(world, self.api)
        self.api(schema.LATEST)  # a third of a second that no request should wait for

    def api(self, version: str) -> Api | None:
        """Return the API of a version: an expired one falls forward to the oldest, nonsense is None."""
        served = schema.versions()
        if newest(version):
            version = served[-1]
        if version not in served:
            if not released_before(version, served[0]):
                return None
            version = served[0]
        found = self._apis.get(version)
        if found is None:
            found = self._apis[version] = Api(version)
        return found

    async def serve(self, request: Request, shop: Shop | None, version: str) -> Response:
        """Answer one request."""
        if shop is None:
            return json_response({"errors": "Not Found"}, 404)
        api = self.api(version)
        if api is None:
            return json_response({"errors": "Not Found"}, 404)
        app = shop.app_of(request.headers.get("x-shopify-access-token", ""))
        if app is None:
            return json_response({"errors": BAD_TOKEN}, 401, x_request_id=str(uuid.uuid4()))
        call = Call(request, shop, app, api, version if newest(version) else api.version)
        call.log = {
            "at": shop.clock.now(),
            "shop": shop.handle,
            "version": api.version,
            "request_id": call.id,
        }
        response = await self._answer(call)
        call.log["status"] = "cut" if isinstance(response, Cut) else response.status_code
        call.log["ms"] = round((time.perf_counter() - call.started) * 1000, 2)
        self.world.log.append(call.log)
        return response

    async def _answer(self, call: Call) -> Response:
        raw = await call.request.body()
        body = document_of(call.request, raw)
        if body is None:
            return json_response(
                {"errors": {"query": "Required parameter missing or invalid"}}, 400, **call.headers
            )
        planned = call.api.plan(body["query"], body.get("variables") or {}, body.get("operationName"))
        names = planned.names if isinstance(planned, Planned) else set()
        call.log["operation"] = operation_name(planned)
        call.log["fields"] = (
            [one.name.value for one in planned.fields] if isinstance(planned, Planned) else []
        )
        fault = self._fault(call, names, "before")
        if fault is not None:
            response = await self._struck(call, fault, planned)
            if response is not None:
                return response
        if isinstance(planned, list):
            call.log["errors"] = codes_of(planned)
            return json_response({"errors": planned}, **call.headers)
        return await self._execute(call, planned, names)

    async def _execute(self, call: Call, planned: Planned, names: set[str]) -> Response:
        refusal = self._admit(call, planned)
        if refusal is not None:
            call.log["errors"] = codes_of(refusal["errors"])
            return json_response(refusal, **call.headers)
        shop, faults = call.shop, self.world.faults
        ctx = self.context(call)
        ctx.crash_keys = faults.take(shop.handle, names, ("attempt_failed",)) is not None
        during = faults.take(shop.handle, names, ("delay",), "during")
        try:
            if during is not None:
                await self._hold(call, ctx, planned, during)
            answer = call.api.execute(ctx, planned)
        finally:
            release(ctx)
        answer["extensions"] = self._settle(call, ctx, planned, answer["data"])
        if "errors" in answer:
            call.log["errors"] = codes_of(answer["errors"])
        call.log["user_errors"] = user_error_codes(answer["data"])
        call.log["keys"] = planned.idempotency_keys()
        self.world.deliver(shop)
        self.runner.start_new(shop)
        return await self._after(call, names, answer)

    async def _after(self, call: Call, names: set[str], answer: dict[str, Any]) -> Response:
        faults, handle = self.world.faults, call.shop.handle
        if faults.take(handle, names, ("lost_answer",)):
            call.log["fault"] = "lost_answer"
            return Cut()
        after = faults.take(handle, names, ("delay", "status", "internal_error"), "after")
        if after is not None:
            call.log["fault"] = after.kind
            if after.kind == "status":
                return failure(call, after)
            if after.kind == "internal_error":
                return json_response({"errors": [internal_error().formatted]}, **call.headers)
            await asyncio.sleep(after.seconds)
        return json_response(answer, **call.headers)

    def context(self, call: Call) -> Context:
        """Build what the resolvers see."""
        host = f"{call.request.url.scheme}://{call.request.url.netloc}"
        return Context(call.shop, call.app, call.api.version, granted(call.app.scopes), host)

    async def _hold(self, call: Call, ctx: Context, planned: Planned, during: Fault) -> None:
        """Let time pass while the request counts as running (row 59)."""
        for key in planned.idempotency_keys():
            call.shop.running_keys.setdefault((ctx.app.id, key), ctx.owner)
        call.log["fault"] = "delay during"
        await asyncio.sleep(during.seconds)

    def _fault(self, call: Call, names: set[str], phase: str) -> Fault | None:
        kinds = ("throttle", "status", "delay", "reset", "internal_error", "unauthorized")
        return self.world.faults.take(call.shop.handle, names, kinds, phase)

    async def _struck(self, call: Call, fault: Fault, planned: Any) -> Response | None:
        call.log["fault"] = fault.kind
        if fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
            return None
        if fault.kind == "reset":
            return Cut()
        if fault.kind == "status":
            return failure(call, fault)
        if fault.kind == "unauthorized":
            return json_response({"errors": BAD_TOKEN}, 401, **call.headers)
        if fault.kind == "internal_error":
            return json_response({"errors": [internal_error().formatted]}, **call.headers)
        requested = planned.requested if isinstance(planned, Planned) else 0
        call.log["errors"] = ["THROTTLED"]
        cost = cost_entry(call, requested, None)
        return json_response({"errors": [throttled()], "extensions": {"cost": cost}}, **call.headers)

    def _admit(self, call: Call, planned: Planned) -> dict[str, Any] | None:
        """Check size and price, and take the points out of the bucket."""
        oversized = call.api.oversized(planned)
        if oversized is not None:
            return {"errors": [oversized], "extensions": {"cost": cost_entry(call, planned.requested, None)}}
        if planned.requested > MAXIMUM:
            return {"errors": [too_dear(planned.requested)]}
        call.log["requested_cost"] = planned.requested
        if not call.shop.bucket(call.app).take(planned.requested):
            return {
                "errors": [throttled()],
                "extensions": {"cost": cost_entry(call, planned.requested, None)},
            }
        return None

    def _settle(self, call: Call, ctx: Context, planned: Planned, data: Any) -> dict[str, Any]:
        """Give back what was not used, and describe the cost."""
        actual = min(planned.requested, planned.cost.actual(data))
        call.log["actual_cost"] = actual
        call.shop.bucket(call.app).give_back(planned.requested - actual)
        cost = cost_entry(call, planned.requested, actual)
        if call.request.headers.get("shopify-graphql-cost-debug") == "1":
            cost["fields"] = planned.cost.breakdown
        extensions: dict[str, Any] = {"cost": cost}
        if ctx.searches:
            extensions["search"] = ctx.searches
        return extensions


def newest(version: str) -> bool:
    """Say whether a version is not released: unstable, or the candidate of the next quarter (row 3).

    Both are served with the newest schema there is.
    """
    year, month = (int(part) for part in schema.versions()[-1].split("-"))
    return version in ("unstable", f"{year}-{month + 3:02d}" if month < 10 else f"{year + 1}-01")


def released_before(version: str, oldest: str) -> bool:
    """Say whether a version is a real one that has expired."""
    year, _, month = version.partition("-")
    if not (year.isdecimal() and month.isdecimal() and len(version) == 7):
        return False
    return int(month) in (1, 4, 7, 10) and (int(year), int(month)) >= OLDEST_RELEASE and version < oldest


def document_of(request: Request, raw: bytes) -> dict[str, Any] | None:
    """Read the body; None when it is not what it should be (row 9)."""
    if request.headers.get("content-type", "").startswith("application/graphql"):
        return {"query": raw.decode("utf-8", "replace")}
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(body, dict) or not isinstance(body.get("query"), str):
        return None
    return body if isinstance(body.get("variables") or {}, dict) else None


def cost_entry(call: Call, requested: int, actual: int | None) -> dict[str, Any]:
    """Build ``extensions.cost``."""
    return {
        "requestedQueryCost": requested,
        "actualQueryCost": actual,
        "throttleStatus": call.shop.bucket(call.app).status(),
    }


def failure(call: Call, fault: Fault) -> Response:
    """Answer with an HTTP error."""
    status = int(fault.code or 503)
    headers = {"x-request-id": call.id}
    if fault.retry_after is not None:
        headers["Retry-After"] = str(fault.retry_after)
    if fault.html:
        return HTMLResponse("<html><body>Something went wrong.</body></html>", status, headers)
    errors = BAD_TOKEN if status == 401 else f"HTTP {status}"
    return Response(orjson.dumps({"errors": errors}), status, headers, "application/json")


def release(ctx: Context) -> None:
    """Forget that keys are running."""
    running = ctx.shop.running_keys
    for slot in [slot for slot, owner in running.items() if owner is ctx.owner]:
        del running[slot]


def operation_name(planned: Any) -> str | None:
    """Return the name of the operation for the log."""
    if not isinstance(planned, Planned) or planned.operation.name is None:
        return None
    return planned.operation.name.value


def codes_of(errors: list[dict[str, Any]]) -> list[str]:
    """Return the codes of top-level errors."""
    return [error.get("extensions", {}).get("code", "") for error in errors]


def user_error_codes(data: dict[str, Any] | None) -> list[str]:
    """Return the codes (or messages) of the user errors in an answer, for the log."""
    return [
        error.get("code") or error.get("message") or "user error"
        for payload in (data or {}).values()
        if isinstance(payload, dict)
        for error in payload.get("userErrors") or ()
    ]
