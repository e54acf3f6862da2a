"""Products and variants."""

from typing import Any

from fakeshop.clock import iso
from fakeshop.errors import not_simulated
from fakeshop.gids import gid
from fakeshop.metafields import resolved
from fakeshop.nodes.base import Node, connection
from fakeshop.nodes.inventory import InventoryItemNode
from fakeshop.records import Metafield, Product, Variant
from fakeshop.search import Fields, Filter
from fakeshop.shop import Shop


def available_of(shop: Shop, variant: Variant) -> int:
    """Sum of available over active levels."""
    levels = shop.levels
    return sum(levels.get(row, "available") for row in levels.rows_of(variant.item) if levels.active[row])


class HasMetafields(Node):
    """What can carry metafields; ``it.id`` is the owner."""

    def metafield(self, key: str, namespace: str | None = None) -> Any:
        wanted = resolved(namespace, self.ctx.app.id)
        return next((m for m in self._own() if m.it.key == key and m.it.namespace == wanted), None)

    def metafields(self, namespace: str | None = None, keys: list[str] | None = None, **args: Any) -> Any:
        app = self.ctx.app.id
        place = None if namespace is None else resolved(namespace, app)
        names = None if keys is None else {names_of(one, app) for one in keys}
        own = {
            m.it.id: m
            for m in self._own()
            if (place is None or m.it.namespace == place)
            and (names is None or (m.it.namespace, m.it.key) in names)
        }
        return connection(self.ctx, sorted(own), args, own.__getitem__)

    def _own(self) -> list[Any]:
        return [
            MetafieldNode(self.ctx, metafield)
            for metafield in self.ctx.shop.all(Metafield).values()
            if metafield.owner == self.it.id and metafield.owner_type == self.TYPE
        ]


def names_of(name: str, app: int) -> tuple[str, str]:
    """Return namespace and key of ``namespace.key``."""
    namespace, _, key = name.rpartition(".")
    return resolved(namespace, app), key


class MetafieldNode(Node):
    """A metafield."""

    attributes = "namespace key type value"
    times = "createdAt updatedAt"

    def id(self) -> str:
        return gid("Metafield", self.it.id)

    def compareDigest(self) -> str:
        return digest_of(self.it)

    def ownerType(self) -> str:
        return self.it.owner_type.upper()


def digest_of(metafield: Metafield) -> str:
    """Return the digest that compare-and-swap compares."""
    import hashlib

    return hashlib.sha256(f"{metafield.type}\0{metafield.value}".encode()).hexdigest()


class ProductNode(HasMetafields):
    """A product."""

    attributes = "title handle vendor productType status tags"
    times = "createdAt updatedAt"

    def id(self) -> str:
        return gid("Product", self.it.id)

    def legacyResourceId(self) -> str:
        return str(self.it.id)

    def descriptionHtml(self) -> str:
        return self.it.description

    def publishedAt(self) -> str | None:
        return iso(self.it.created) if self.it.status == "ACTIVE" else None

    def variants(self, sortKey: str = "POSITION", **args: Any) -> Any:
        shop = self.ctx.shop
        if sortKey == "POSITION":
            keys: list[Any] = sorted(
                (shop.get(Variant, number).position, number) for number in self.it.variants
            )
        else:
            keys = variant_keys(sortKey, [shop.get(Variant, number) for number in self.it.variants])
        return connection(
            self.ctx, keys, args, lambda number: ProductVariantNode(self.ctx, shop.get(Variant, number))
        )

    def variantsCount(self) -> dict[str, Any]:
        return {"count": len(self.it.variants), "precision": "EXACT"}

    def totalVariants(self) -> int:
        return len(self.it.variants)

    def totalInventory(self) -> int:
        shop = self.ctx.shop
        return sum(available_of(shop, shop.get(Variant, number)) for number in self.it.variants)

    def tracksInventory(self) -> bool:
        return any(self.ctx.shop.get(Variant, number).tracked for number in self.it.variants)

    def hasOnlyDefaultVariant(self) -> bool:
        return len(self.it.variants) == 1

    def isGiftCard(self) -> bool:
        return False


class ProductVariantNode(HasMetafields):
    """A variant."""

    attributes = "title sku barcode price position"
    times = "createdAt updatedAt"

    def id(self) -> str:
        return gid("ProductVariant", self.it.id)

    def legacyResourceId(self) -> str:
        return str(self.it.id)

    def displayName(self) -> str:
        return f"{self.ctx.shop.get(Product, self.it.product).title} - {self.it.title}"

    def inventoryItem(self) -> InventoryItemNode:
        return InventoryItemNode(self.ctx, self.it)

    def inventoryPolicy(self) -> str:
        return self.it.policy

    def inventoryQuantity(self) -> int:
        return available_of(self.ctx.shop, self.it)

    def product(self) -> ProductNode:
        return ProductNode(self.ctx, self.ctx.shop.get(Product, self.it.product))

    def selectedOptions(self) -> list[dict[str, str]]:
        chosen = self.it.options or {"Title": self.it.title}
        return [{"name": name, "value": value} for name, value in chosen.items()]

    def requiresComponents(self) -> bool:
        return self.it.bundle

    def taxable(self) -> bool:
        return True


def variant_keys(sort_key: str, variants: list[Variant]) -> list[Any]:
    """Return the sort keys of variants."""
    values = {
        "ID": None,
        "SKU": lambda variant: variant.sku or "",
        "POSITION": lambda variant: variant.position,
        "TITLE": lambda variant: variant.title,
        "NAME": lambda variant: variant.title,
    }
    if sort_key not in values:
        raise not_simulated(f"ProductVariantSortKeys.{sort_key}")
    value = values[sort_key]
    if value is None:
        return sorted(variant.id for variant in variants)
    return sorted((value(variant), variant.id) for variant in variants)


def product_fields(shop: Shop) -> Fields:
    """Return the filters of products."""

    def of_variants(name: str) -> Any:
        return lambda product: [getattr(shop.get(Variant, number), name) for number in product.variants]

    return Fields(
        {
            "created_at": Filter("time", lambda product: product.created),
            "updated_at": Filter("time", lambda product: product.updated),
            "id": Filter("id", lambda product: product.id),
            "title": Filter("text", lambda product: product.title),
            "handle": Filter("exact", lambda product: product.handle),
            "vendor": Filter("exact", lambda product: product.vendor),
            "product_type": Filter("exact", lambda product: product.product_type),
            "status": Filter("exact", lambda product: product.status),
            "tag": Filter("exact", lambda product: product.tags),
            "sku": Filter("exact", of_variants("sku")),
            "barcode": Filter("exact", of_variants("barcode")),
        },
        words=("title", "vendor", "sku"),
        others=frozenset({
            "bundles", "category_id", "collection_id", "delivery_profile_id", "gift_card", "inventory_total",
            "is_price_reduced", "out_of_stock_somewhere", "price", "product_publication_status",
            "publishable_status", "published_at", "published_status", "tag_not", "variant_id",
            "variant_title",
        }),
    )  # fmt: skip


def variant_fields(shop: Shop) -> Fields:
    """Return the filters of variants."""

    def of_product(name: str) -> Any:
        return lambda variant: getattr(shop.get(Product, variant.product), name)

    return Fields(
        {
            "updated_at": Filter("time", lambda variant: variant.updated),
            "id": Filter("id", lambda variant: variant.id),
            "sku": Filter("exact", lambda variant: variant.sku),
            "barcode": Filter("exact", lambda variant: variant.barcode),
            "title": Filter("text", lambda variant: variant.title),
            "product_id": Filter("id", lambda variant: variant.product),
            "product_status": Filter("exact", of_product("status")),
            "vendor": Filter("exact", of_product("vendor")),
            "product_type": Filter("exact", of_product("product_type")),
            "tag": Filter("exact", of_product("tags")),
        },
        words=("title", "sku"),
        others=frozenset({
            "collection", "delivery_profile_id", "exclude_composite", "exclude_variants_with_components",
            "gift_card", "inventory_quantity", "location_id", "managed", "managed_by", "option1", "option2",
            "option3", "product_ids", "product_publication_status", "publishable_status",
            "published_status", "requires_components", "tag_not", "taxable",
        }),
    )  # fmt: skip
