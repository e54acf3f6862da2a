"""Filling shops: from a catalogue a person wrote, or by the million."""

import itertools
import random
from collections.abc import Container
from typing import Any

from fakeshop.levels import STORED
from fakeshop.records import App, Location, Product, Variant
from fakeshop.scopes import RECOMMENDED
from fakeshop.shop import Shop
from fakeshop.world import World

SHOP_KEYS = {
    "shop", "access_token", "scopes", "client_id", "client_secret", "locations", "products", "settings",
    "plan", "currency", "name",
}  # fmt: skip
PRODUCT_KEYS = {
    "id",
    "title",
    "handle",
    "status",
    "vendor",
    "product_type",
    "tags",
    "variants",
    "description",
}
VARIANT_KEYS = {
    "id", "inventory_item_id", "sku", "barcode", "title", "price", "cost", "tracked", "requires_shipping",
    "bundle", "policy", "levels", "options",
}  # fmt: skip
LOCATION_KEYS = {"id", "name", "active", "fulfills_online", "legacy", "address"}


class SeedError(ValueError):
    """The seed is wrong; the message names the place."""


def check_keys(given: dict[str, Any], known: set[str], where: str) -> None:
    """Refuse keys that would be ignored in silence."""
    strange = set(given) - known
    if strange:
        raise SeedError(f"{where}: unknown {sorted(strange)}; there are {sorted(known)}")


def seed(world: World, catalogue: dict[str, Any]) -> list[str]:
    """Create the shops of a catalogue, replacing those of the same name; return their handles."""
    handles = []
    for spec in catalogue["shops"]:
        check_keys(spec, SHOP_KEYS, "shop")
        handle = spec["shop"].removesuffix(".myshopify.com")
        if handle in world.shops:
            world.remove_shop(handle)
        settings = spec.get("settings", {}) | {
            key: spec[key] for key in ("plan", "currency", "name") if key in spec
        }
        shop = world.add_shop(handle, **settings)
        try:
            install_app(shop, spec)
            names = {location.name: location for location in add_locations(shop, spec.get("locations", []))}
            for product in spec.get("products", []):
                add_product(shop, product, names)
        except (ValueError, KeyError, TypeError):
            world.remove_shop(handle)
            raise
        shop.commit()
        handles.append(handle)
    return handles


def install_app(shop: Shop, spec: dict[str, Any]) -> App:
    """Install the app: its permanent token, its scopes and its secret."""
    token = spec.get("access_token")
    app = App(
        id=shop.new_id(),
        client_id=spec.get("client_id", f"{shop.handle}-app"),
        client_secret=spec.get("client_secret", f"{shop.handle}-secret"),
        scopes=list(spec.get("scopes", RECOMMENDED)),
        tokens={token: None} if token else {},
    )
    return shop.put(app)


def add_locations(shop: Shop, specs: list[dict[str, Any]]) -> list[Location]:
    """Add locations; a plain text is a name."""
    now = shop.clock.now()
    added = []
    for given in specs:
        spec = {"name": given} if isinstance(given, str) else given
        check_keys(spec, LOCATION_KEYS, "location")
        number = own_id(shop, spec, shop.locations)
        values = {key: value for key, value in spec.items() if key != "id"}
        added.append(
            shop.put(Location(number, level_number=shop.new_id(), created=now, updated=now, **values))
        )
    return added


def own_id(shop: Shop, spec: dict[str, Any], taken: Container[int], key: str = "id") -> int:
    """Return the id a seed asks for, or a new one."""
    if spec.get(key) is None:
        return shop.new_id()
    number = int(spec[key])
    if number in taken:
        raise SeedError(f"{key} {number} is there twice")
    shop.issued(number)
    return number


def add_product(shop: Shop, spec: dict[str, Any], locations: dict[str, Location]) -> Product:
    """Add a product with its variants and their levels."""
    check_keys(spec, PRODUCT_KEYS, f"product {spec.get('title')}")
    now = shop.clock.now()
    title = spec["title"]
    product = Product(
        own_id(shop, spec, shop.all(Product)),
        title,
        now,
        now,
        handle=spec.get("handle", title.lower().replace(" ", "-")),
        status=spec.get("status", "ACTIVE"),
        vendor=spec.get("vendor", ""),
        product_type=spec.get("product_type", ""),
        tags=list(spec.get("tags", [])),
        description=spec.get("description", ""),
    )
    for position, variant in enumerate(spec.get("variants", []), 1):
        product.variants.append(add_variant(shop, product, position, variant, locations).id)
    return shop.put(product)


def add_variant(
    shop: Shop, product: Product, position: int, spec: dict[str, Any], locations: dict[str, Location]
) -> Variant:
    """Add a variant, its inventory item and its levels."""
    check_keys(spec, VARIANT_KEYS, f"variant {spec.get('sku')}")
    now = shop.clock.now()
    plain = {key: value for key, value in spec.items() if key not in ("id", "inventory_item_id", "levels")}
    if "price" in plain:
        plain["price"] = str(plain["price"])
    number = own_id(shop, spec, shop.all(Variant))
    item = own_id(shop, spec, shop.by_item, "inventory_item_id")
    variant = shop.put(Variant(number, product.id, item, now, now, now, position=position, **plain))
    for name, quantities in spec.get("levels", {}).items():
        if name not in locations:
            raise SeedError(f"variant {variant.sku}: no location {name!r}")
        values = {"available": quantities} if isinstance(quantities, int) else dict(quantities)
        active = values.pop("active", True)
        check_keys(values, set(STORED), f"level of {variant.sku} at {name}")
        shop.add_level(locations[name].id, variant.item, active=active, **values)
    return variant


def generate(
    shop: Shop, levels: int, locations: int = 1, available: int = 10, seed_number: int = 1, variants: int = 5
) -> dict[str, int]:
    """Add ``levels`` levels over new locations: item after item, each stocked everywhere.

    SKUs are GEN-0000001 and so on; ``available`` is the middle of random quantities (0 to twice as many).
    """
    rng = random.Random(seed_number)
    now = shop.clock.now()
    first = len(shop.locations) + 1
    places = add_locations(shop, [f"Location {first + number}" for number in range(locations)])
    product = None
    made = 0
    for number in itertools.count(1):
        if made >= levels:
            break
        if product is None or len(product.variants) == variants:
            product = shop.put(
                Product(shop.new_id(), f"Product {number}", now, now, handle=f"product-{number}")
            )
        sku = f"GEN-{number:07d}"
        position = len(product.variants) + 1
        variant = Variant(shop.new_id(), product.id, shop.new_id(), now, now, now, sku, position=position)
        product.variants.append(shop.put(variant).id)
        for place in places[: levels - made]:
            shop.add_level(place.id, variant.item, available=rng.randint(0, 2 * available))
            made += 1
        if number % 20_000 == 0:
            shop.flush()
    shop.commit()
    return {"levels": made, "items": number - 1, "locations": locations}
