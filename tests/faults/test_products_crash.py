"""kill -9 at every point of an import of products: the next run goes on, and the end is the same."""

import pytest

from fakeshop.testing import TOKEN
from oms import crashpoints, database
from oms.products import import_in_bulk
from oms.shopify.client import ShopifyClient
from tests.faults.killing import killed_at
from tests.oms.products.conftest import (  # noqa: F401 - fixtures
    Catalogue,
    catalogue,
    product,
    variant,
)

POINTS = [name for name in crashpoints.POINTS if name.startswith("products.")]
PRODUCTS = [
    product(1, "Cap", variant(11, "CAP"), variant(12, "CAP")),
    product(2, "Hat", variant(21, "HAT")),
]


def run_import(dsn: str, base_url: str) -> None:
    with database.connect(dsn, autocommit=True) as conn:
        import_in_bulk.import_shop(conn, ShopifyClient(base_url, TOKEN), "demo", {}, "test/killed")


def crash(world: Catalogue, point: str) -> None:
    """Run an import that is killed at the point; it must get there."""
    killed_at(point, run_import, world.dsn, world.server.base("demo"))


@pytest.mark.parametrize("point", [None, *POINTS])
def test_an_import_of_products(catalogue: Catalogue, point: str | None):
    catalogue.offer(*PRODUCTS)
    if point is not None:
        crash(catalogue, point)

    counts = catalogue.load()

    assert (counts["created"], counts["rejected"], counts["links_changed"]) == (4, 1, 4)
    assert catalogue.rows("select shopify_variant_id from oms.shop_product order by 1") == [(11,), (21,)]
    assert catalogue.rows("select count(*) from oms.product") == [(4,)]
    assert catalogue.rejects() == [(12, "DUPLICATE_IDENTIFIER")]
    assert catalogue.rows("select count(*) from oms_staging.catalogue_line") == [(0,)]
    exports = catalogue.rows("select status, count(*)::int from oms.product_import group by 1 order by 1")
    asked_in_vain = [("ABANDONED", 1)] if point == import_in_bulk.ASKED else []
    assert exports == [*asked_in_vain, ("FINISHED", 1)]


def test_an_export_of_yesterday_is_not_taken_up(catalogue: Catalogue):
    catalogue.offer(*PRODUCTS)
    crash(catalogue, import_in_bulk.STARTED)
    catalogue.db.execute("update oms.product_import set started_at = now() - interval '1 day'")
    catalogue.offer(*PRODUCTS, product(3, "New", variant(31, "NEW")))

    assert catalogue.load()["created"] == 6
