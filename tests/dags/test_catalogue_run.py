"""A run of the DAG that loads a shop's products, with a real database and the local shop."""

from collections.abc import Callable

from fakeshop.testing import TOKEN
from tests.dags.conftest import states
from tests.oms.sync.bench import Bench


def test_products_of_a_shop_are_loaded(oms: Bench, run: Callable):
    variants = [{"sku": "CAP-R", "title": "Red"}, {"sku": "CAP-B", "title": "Blue"}]
    catalogue = {"title": "Cap", "variants": variants}
    oms.server.seed({"shops": [{"shop": "demo", "access_token": TOKEN, "products": [catalogue]}]})
    oms.db.execute(
        """insert into oms.shop (shop_id, shop_name, connection_id, product_store_id)
           select 'demo', 'Demo', 'shopify_demo', product_store_id from oms.product_store"""
    )

    finished = run("import_products_in_bulk", {"shopId": "demo"})

    assert (str(finished.state), states(finished)) == (
        "success",
        {"choose_shops": ["success"], "pull": ["success"]},
    )
    assert oms.db.execute(
        "select internal_name from oms.shop_product join oms.product using (product_id) order by 1"
    ).fetchall() == [("CAP-B",), ("CAP-R",)]
