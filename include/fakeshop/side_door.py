"""The side door /_fakeshop/: what tests and people do to the shop behind the API's back. Loopback only."""

import gc
from dataclasses import asdict, fields
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Body, HTTPException
from fastapi.responses import Response

from fakeshop import __version__, orders, schema
from fakeshop import seed as seeding
from fakeshop.inventory import Row, apply, level_rows
from fakeshop.levels import STORED
from fakeshop.nodes.base import Context
from fakeshop.nodes.inventory import level_id
from fakeshop.records import App, BulkOperation, Delivery, Order, Subscription, Variant
from fakeshop.scopes import granted
from fakeshop.shop import RATES, Settings, Shop
from fakeshop.variables import NUMBER
from fakeshop.world import World

Json = dict[str, Any]
INACTIVE_MODES = ("accept", "silent", "error")


def answer(body: Any) -> Response:
    """Answer with JSON."""
    return Response(orjson.dumps(body, default=tuple), media_type="application/json")


def backstage(shop: Shop, source: str) -> Context:
    """Build a context for something that no app does."""
    app = next(iter(shop.all(App).values()))
    return Context(shop, app, schema.LATEST, granted(app.scopes), "", source=source)


def router(world: World) -> APIRouter:
    """Build the routes; refusals are 400 with the reason, an unknown shop is 404."""
    door = APIRouter(prefix="/_fakeshop")
    add_world_routes(door, world)
    add_stock_routes(door, world)
    add_order_routes(door, world)
    add_switch_routes(door, world)
    return door


def shop_of(world: World, handle: str) -> Shop:
    """Find a shop or answer 404."""
    if handle not in world.shops:
        raise HTTPException(404, f"no shop {handle!r}; there are {sorted(world.shops)}")
    return world.shops[handle]


def add_world_routes(door: APIRouter, world: World) -> None:
    """State of the whole process: health, seed, reset, log, faults, clock."""

    @door.get("/health")
    async def health() -> Response:
        shops = {handle: len(shop.levels) for handle, shop in world.shops.items()}
        return answer(
            {"ok": True, "version": __version__, "api_versions": schema.versions(), "levels": shops}
        )

    @door.post("/seed")
    async def seed(catalogue: Json) -> Response:
        try:
            return answer({"shops": seeding.seed(world, catalogue)})
        except (ValueError, KeyError, TypeError) as error:
            raise HTTPException(400, f"seed refused: {error}") from error

    @door.post("/reset")
    async def reset() -> Response:
        for handle in list(world.shops):
            world.remove_shop(handle)
        world.faults.clear()
        world.log.clear()
        world.set_clock_offset(0)
        return answer({"shops": []})

    @door.get("/log")
    async def log(shop: str | None = None, limit: int = 1000) -> Response:
        entries = [entry for entry in world.log if shop in (None, entry["shop"])]
        return answer(entries[-limit:])

    @door.delete("/log")
    async def clear_log() -> Response:
        world.log.clear()
        return answer({})

    @door.get("/faults")
    async def list_faults() -> Response:
        return answer(world.faults.describe())

    @door.post("/faults")
    async def add_fault(fault: Json) -> Response:
        try:
            return answer(asdict(world.faults.add(**fault)))
        except (ValueError, TypeError) as error:
            raise HTTPException(400, str(error)) from error

    @door.delete("/faults")
    async def clear_faults() -> Response:
        world.faults.clear()
        return answer({})

    @door.post("/clock")
    async def clock(offset: Annotated[float, Body(embed=True)]) -> Response:
        world.set_clock_offset(offset)
        return answer({"offset": offset, "now": world.clock.now()})


def add_stock_routes(door: APIRouter, world: World) -> None:
    """Levels: read all, change by hand, generate, and the journal of what was applied."""

    @door.get("/shops/{handle}/levels")
    async def levels(handle: str, sku: str | None = None, location: str | None = None) -> Response:
        shop = shop_of(world, handle)
        wanted = None if location is None else found_location(shop, location)
        return answer(list(dump_levels(shop, sku, wanted)))

    @door.post("/shops/{handle}/adjust")
    async def adjust(handle: str, change: Json) -> Response:
        shop = shop_of(world, handle)
        try:
            result = adjust_by_hand(shop, change)
        except (orders.OrderRefused, KeyError, ValueError) as error:
            raise HTTPException(400, f"adjust refused: {error}") from error
        world.deliver(shop)
        return answer(result)

    @door.post("/shops/{handle}/active")
    async def active(handle: str, change: Json) -> Response:
        shop = shop_of(world, handle)
        try:
            variant = orders.variant_of(shop, change)
            location = orders.location_of(shop, change["location"])
        except (orders.OrderRefused, KeyError) as error:
            raise HTTPException(400, str(error)) from error
        (row,) = level_rows(shop, [(location.id, variant.item)], active=bool(change["active"]))
        shop.levels.set_active(row, bool(change["active"]))
        shop.touch_level(row)
        shop.commit()
        return answer(level_entry(shop, row))

    @door.post("/shops/{handle}/generate")
    async def generate(handle: str, wish: Json) -> Response:
        try:
            made = seeding.generate(shop_of(world, handle), **wish)
        except TypeError as error:
            raise HTTPException(400, str(error)) from error
        gc.collect()
        gc.freeze()
        return answer(made)

    @door.get("/shops/{handle}/journal")
    async def journal(handle: str, after: int = 0, limit: int = 10_000) -> Response:
        return answer(read_journal(shop_of(world, handle), after, limit))


def found_location(shop: Shop, given: str) -> int:
    """Find a location or answer 400."""
    try:
        return orders.location_of(shop, given).id
    except orders.OrderRefused as error:
        raise HTTPException(400, str(error)) from error


def level_entry(shop: Shop, row: int) -> dict[str, Any]:
    """Describe a level."""
    levels = shop.levels
    variant = shop.by_item[levels.item[row]]
    location = shop.locations[levels.location[row]]
    return {
        "sku": variant.sku,
        "item": variant.item,
        "variant": variant.id,
        "location": location.id,
        "location_name": location.name,
        "active": bool(levels.active[row]),
        "updated": levels.updated[row],
    } | levels.all(row)


def dump_levels(shop: Shop, sku: str | None, location: int | None) -> Any:
    """Yield levels, all or those of a SKU or a location."""
    levels = shop.levels
    for place in sorted(levels.rows) if location is None else [location]:
        for item in levels.items_at(place):
            if sku is None or shop.by_item[item].sku == sku:
                yield level_entry(shop, levels.rows[place][item])


def adjust_by_hand(shop: Shop, change: dict[str, Any]) -> dict[str, Any]:
    """Change one quantity as a person in the admin would: by ``delta`` or to ``value``; name: available."""
    variant = orders.variant_of(shop, change)
    location = orders.location_of(shop, change["location"])
    name = change.get("name", "available")
    if name not in STORED:
        raise ValueError(f"no quantity {name!r}; there are {STORED}")
    (row,) = level_rows(shop, [(location.id, variant.item)], active=True)
    delta = change["delta"] if "delta" in change else change["value"] - shop.levels.get(row, name)
    ctx = backstage(shop, "hand")
    apply(ctx, "hand", [Row(row, location.id, variant.item, name, int(delta), None)], "correction", None)
    shop.commit()
    return level_entry(shop, row) | {"id": level_id(ctx, row)}


def read_journal(shop: Shop, after: int, limit: int) -> list[dict[str, Any]]:
    """Return applied changes in order; ``changes`` are [name, delta, item, location, ledger document]."""
    query = (
        "select seq, at, source, event, adjustment_group, reason, reference, key, changes from journal"
        " where shop = ? and seq > ? order by seq limit ?"
    )
    names = ("seq", "at", "source", "event", "group", "reason", "reference", "key")
    return [
        dict(zip(names, row[:-1], strict=True)) | {"changes": orjson.loads(row[-1])}
        for row in shop.store.read(query, shop.number, after, limit)
    ]


def add_order_routes(door: APIRouter, world: World) -> None:
    """Orders: place, cancel, fulfil, refund, list."""

    @door.get("/shops/{handle}/orders")
    async def list_orders(handle: str) -> Response:
        return answer([order_entry(order) for order in shop_of(world, handle).all(Order).values()])

    @door.post("/shops/{handle}/orders")
    async def place(handle: str, wish: Json) -> Response:
        shop = shop_of(world, handle)
        lines = wish.pop("lines", [])
        try:
            check_order(lines, wish)
            order = orders.place(backstage(shop, "customer"), lines, **wish)
        except (orders.OrderRefused, TypeError, ValueError) as error:
            raise HTTPException(400, f"order refused: {error}") from error
        shop.commit()
        world.deliver(shop)
        return answer(order_entry(order))

    @door.post("/shops/{handle}/orders/{number}/{action}")
    async def act(handle: str, number: int, action: str, wish: Json | None = None) -> Response:
        shop = shop_of(world, handle)
        order = shop.get(Order, number)
        if order is None or action not in ORDER_ACTIONS:
            raise HTTPException(404, f"no order {number} or no action {action!r} of {sorted(ORDER_ACTIONS)}")
        try:
            ORDER_ACTIONS[action](backstage(shop, "merchant"), order, **(wish or {}))
        except (orders.OrderRefused, TypeError, ValueError, LookupError, ArithmeticError) as error:
            raise HTTPException(400, f"{action} refused: {error}") from error
        shop.commit()
        world.deliver(shop)
        return answer(order_entry(order))


ORDER_KEYS = {
    "tags", "note", "email", "phone", "attributes", "shipping_address", "source", "financial_status", "test",
}  # fmt: skip
LINE_KEYS = {"sku", "variant", "item", "quantity", "location", "price"}
PAYMENTS = ("PAID", "PENDING", None)


def check_order(lines: Any, wish: Json) -> None:
    """Refuse what would be ignored, or would make an order that does not agree with itself."""
    seeding.check_keys(wish, ORDER_KEYS, "order")
    if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
        raise ValueError("lines is a list of objects")
    for line in lines:
        seeding.check_keys(line, LINE_KEYS, f"line {line}")
        if not NUMBER.match(str(line.get("price", 0))):
            raise ValueError(f"price {line['price']!r} is not an amount")
    if wish.get("financial_status", "PAID") not in PAYMENTS:
        raise ValueError(f"financial_status is one of {PAYMENTS}: the others follow from payments")
    for name, kind in (("tags", str), ("attributes", dict)):
        given = wish.get(name, [])
        if not isinstance(given, list) or not all(isinstance(one, kind) for one in given):
            raise ValueError(f"{name} is a list of {kind.__name__}")


def fulfil(ctx: Context, order: Order, lines: dict[str, int] | None = None) -> None:
    """Ship everything, or quantities by SKU."""
    if lines is None:
        orders.fulfil(ctx, order)
        return
    skus = {line["id"]: line["sku"] for line in order.lines}
    left = dict(lines)
    wanted = []
    for one in order.fulfillment_orders:
        quantities = {}
        for part in one["lines"]:
            units = min(part["remaining"], left.get(skus[part["line"]], 0))
            if units:
                quantities[part["id"]] = units
                left[skus[part["line"]]] -= units
        if quantities:
            wanted.append((one, quantities))
    orders.fulfil(ctx, order, wanted)


def refund(
    ctx: Context, order: Order, lines: list[dict[str, Any]], amount: str = "0.00", note: str | None = None
) -> None:
    """Refund lines by SKU: ``sku``, ``quantity``, ``restock_type`` and, for RETURN, ``location``."""
    ids = {line["sku"]: line["id"] for line in order.lines}
    parts = []
    for line in lines:
        place = line.get("location")
        number = None if place is None else orders.location_of(ctx.shop, place).id
        part = {"line": ids[line["sku"]], "quantity": line["quantity"], "location": number}
        parts.append(part | {"restock_type": line.get("restock_type", "NO_RESTOCK")})
    orders.refund(ctx, order, parts, amount, note)


ORDER_ACTIONS = {"cancel": orders.cancel, "fulfil": fulfil, "refund": refund}


def order_entry(order: Order) -> dict[str, Any]:
    """Describe an order."""
    return asdict(order) | {"name": order.name}


def add_switch_routes(door: APIRouter, world: World) -> None:
    """Switches of a shop, its apps, its bucket and its webhooks."""

    @door.get("/shops/{handle}")
    async def describe(handle: str) -> Response:
        shop = shop_of(world, handle)
        return answer({
            "shop": handle,
            "settings": asdict(shop.settings),
            "apps": [asdict(app) for app in shop.all(App).values()],
            "locations": [asdict(one) for one in shop.locations.values()],
            "counts": {"levels": len(shop.levels), "variants": len(shop.all(Variant))},
            "subscriptions": [asdict(one) for one in shop.all(Subscription).values()],
            "deliveries_waiting": len(shop.all(Delivery)),
            "bulk_operations": [asdict(one) for one in shop.all(BulkOperation).values()],
        })  # fmt: skip

    @door.patch("/shops/{handle}")
    async def switch(handle: str, values: Json) -> Response:
        shop = shop_of(world, handle)
        known = {field.name for field in fields(Settings)}
        if set(values) - known:
            raise HTTPException(400, f"unknown {sorted(set(values) - known)}; there are {sorted(known)}")
        if values.get("plan", "standard") not in RATES:
            raise HTTPException(400, f"no plan {values['plan']!r}; there are {sorted(RATES)}")
        if values.get("inactive_levels", "accept") not in INACTIVE_MODES:
            raise HTTPException(400, f"inactive_levels is one of {INACTIVE_MODES}")
        for name, value in values.items():
            setattr(shop.settings, name, value)
        shop.settings_changed()
        shop.commit()
        return answer(asdict(shop.settings))

    @door.patch("/shops/{handle}/app")
    async def change_app(handle: str, values: Json) -> Response:
        shop = shop_of(world, handle)
        app = next(iter(shop.all(App).values()))
        allowed = {"scopes", "installed", "same_organisation", "client_secret"}
        if set(values) - allowed:
            raise HTTPException(400, f"unknown {sorted(set(values) - allowed)}; there are {sorted(allowed)}")
        for name, value in values.items():
            setattr(app, name, value)
        shop.put(app)
        shop.commit()
        return answer(asdict(app))

    @door.post("/shops/{handle}/bucket")
    async def bucket(handle: str, points: Annotated[float, Body(embed=True)]) -> Response:
        shop = shop_of(world, handle)
        for app in shop.all(App).values():
            shop.bucket(app).set(points)
        return answer({"points": points})
