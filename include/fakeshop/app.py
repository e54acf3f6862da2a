"""The web application: which path leads where."""

import asyncio
import ipaddress
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import Response

from fakeshop import page, side_door, storage
from fakeshop.graphql_http import Graphql, json_response
from fakeshop.tokens import access_token
from fakeshop.world import World

OWN_NAMES = ("127.0.0.1", "localhost", "::1")
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
PRIVATE = ("/_fakeshop", "/_page")


class Gate:
    """The outermost layer: keeps page and side door to this machine, lets a response cut its connection."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        app = self.app
        if scope["type"] == "http":
            scope["fakeshop.cut"] = lambda: send.__self__.transport.abort()  # the transport is seen only here
            path = scope["path"]
            if (path == "/" or path.startswith(PRIVATE)) and not from_loopback(Request(scope)):
                app = json_response({"errors": "only from this machine"}, 403)
        await app(scope, receive, send)


def from_loopback(request: Request) -> bool:
    """Say whether a request comes from this machine and means it: a foreign name may be a rebound one."""
    name = urlsplit(f"//{request.headers.get('host', '')}").hostname
    if request.client is None or name not in OWN_NAMES:
        return False
    return ipaddress.ip_address(request.client.host).is_loopback


def create_app(world: World) -> FastAPI:
    """Build the application for the shops of a world."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> Any:
        graphql.runner.resume()
        post = asyncio.create_task(world.postman.run())
        yield
        post.cancel()
        world.store.close()

    graphql = Graphql(world)
    app = FastAPI(title="fakeshop", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)

    @app.post("/admin/api/{version}/graphql.json")
    async def by_host(request: Request, version: str) -> Response:
        return await graphql.serve(request, world.by_domain(request.headers.get("host", "")), version)

    @app.post("/{handle}/admin/api/{version}/graphql.json")
    async def by_path(request: Request, handle: str, version: str) -> Response:
        return await graphql.serve(request, world.shops.get(handle), version)

    @app.post("/admin/oauth/access_token")
    async def token_by_host(request: Request) -> Response:
        return await access_token(request, world.by_domain(request.headers.get("host", "")))

    @app.post("/{handle}/admin/oauth/access_token")
    async def token_by_path(request: Request, handle: str) -> Response:
        return await access_token(request, world.shops.get(handle))

    @app.api_route("/admin/{path:path}", methods=METHODS)
    @app.api_route("/{handle}/admin/{path:path}", methods=METHODS)
    async def nothing_there(path: str, handle: str = "") -> Response:
        return json_response({"errors": "Not Found"}, 404)

    app.include_router(storage.router(world))
    app.include_router(side_door.router(world))
    app.include_router(page.router(world))
    return app
