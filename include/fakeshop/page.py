"""The page for people: what the shops hold, what was asked last, and two things a hand can do."""

import math
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, select_autoescape

from fakeshop import orders
from fakeshop.clock import iso
from fakeshop.records import Order, Product, Variant
from fakeshop.shop import Shop
from fakeshop.side_door import adjust_by_hand, backstage
from fakeshop.world import World

ROWS = 50
SHOWN_REQUESTS = 25
SHOWN_ORDERS = 10
TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=select_autoescape(default=True)
)
TEMPLATES.filters["iso"] = iso


def render(name: str, **values: Any) -> HTMLResponse:
    """Render a template."""
    return HTMLResponse(TEMPLATES.get_template(name).render(**values))


def rows_of(shop: Shop, query: str, page: int) -> tuple[list[dict[str, Any]], int, int]:
    """Return the variants of one page with their levels by location, the number of pages, and of variants."""
    needle = query.lower()
    found = [
        variant
        for variant in shop.all(Variant).values()
        if not needle
        or needle in (variant.sku or "").lower()
        or needle in shop.get(Product, variant.product).title.lower()
    ]
    pages = max(1, math.ceil(len(found) / ROWS))
    start = (min(max(1, page), pages) - 1) * ROWS
    shown = []
    for variant in found[start : start + ROWS]:
        levels = {}
        for row in shop.levels.rows_of(variant.item):
            entry = shop.levels.all(row) | {"active": bool(shop.levels.active[row])}
            levels[shop.levels.location[row]] = entry
        shown.append({"variant": variant, "product": shop.get(Product, variant.product), "levels": levels})
    return shown, pages, len(found)


def same_origin(request: Request) -> None:
    """Refuse a form that another site sent."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise HTTPException(403, "the form comes from another site")


def router(world: World) -> APIRouter:
    """Build the routes of the page."""
    pages = APIRouter()

    def shop_of(handle: str) -> Shop:
        if handle not in world.shops:
            raise HTTPException(404, f"no shop {handle!r}")
        return world.shops[handle]

    @pages.get("/")
    async def home() -> Response:
        requests = list(world.log)[-SHOWN_REQUESTS:][::-1]
        return render("home.html", shops=world.shops, shop=None, requests=requests, offset=world.clock.offset)

    @pages.get("/_page/{handle}")
    async def shop_page(handle: str, q: str = "", page: int = 1, said: str = "") -> Response:
        shop = shop_of(handle)
        shown, count, total = rows_of(shop, q.strip(), page)
        requests = [entry for entry in world.log if entry["shop"] == handle][-SHOWN_REQUESTS:][::-1]
        return render(
            "shop.html",
            shops=world.shops,
            shop=shop,
            rows=shown,
            query=q.strip(),
            page=min(max(1, page), count),
            pages=count,
            total=total,
            locations=sorted(shop.locations.values(), key=lambda one: one.name),
            orders=list(shop.all(Order).values())[-SHOWN_ORDERS:][::-1],
            requests=requests,
            said=said,
        )

    def back(handle: str, q: str, page: int, said: str) -> Response:
        address = f"/_page/{quote(handle)}?q={quote(q)}&page={page}&said={quote(said)}"
        return RedirectResponse(address, status_code=303)

    @pages.post("/_page/{handle}/order")
    async def order(
        request: Request,
        handle: str,
        variant: Annotated[int, Form()],
        quantity: Annotated[int, Form()],
        location: Annotated[str, Form()] = "",
        q: Annotated[str, Form()] = "",
        page: Annotated[int, Form()] = 1,
    ) -> Response:
        same_origin(request)
        shop = shop_of(handle)
        line = {"variant": variant, "quantity": quantity} | ({"location": location} if location else {})
        try:
            placed = orders.place(backstage(shop, "customer"), [line])
        except orders.OrderRefused as error:
            return back(handle, q, page, f"Refused: {error}")
        shop.commit()
        world.deliver(shop)
        return back(handle, q, page, f"Order {placed.name} placed: {quantity} × {placed.lines[0]['sku']}")

    @pages.post("/_page/{handle}/level")
    async def level(
        request: Request,
        handle: str,
        variant: Annotated[int, Form()],
        location: Annotated[str, Form()],
        value: Annotated[int, Form()],
        q: Annotated[str, Form()] = "",
        page: Annotated[int, Form()] = 1,
    ) -> Response:
        same_origin(request)
        shop = shop_of(handle)
        try:
            entry = adjust_by_hand(shop, {"variant": variant, "location": location, "value": value})
        except (orders.OrderRefused, ValueError) as error:
            return back(handle, q, page, f"Refused: {error}")
        world.deliver(shop)
        said = f"{entry['sku']} at {entry['location_name']}: available is now {entry['available']}"
        return back(handle, q, page, said)

    return pages
