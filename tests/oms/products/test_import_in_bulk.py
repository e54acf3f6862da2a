"""The whole catalogue of a shop, by one bulk query (spec orders.md 3.1), from a real local shop."""

import itertools
import json
from decimal import Decimal

import psycopg
import pytest
import requests

from oms import locks
from oms.products import import_in_bulk
from oms.products.export_lines import BadLine, parse
from oms.shopify.errors import ExportFailed, ExportIncomplete, NotExecuted
from tests.oms.products.conftest import Catalogue, product, variant

CHANGES = ("created", "updated", "identifiers_added", "identifiers_ended", "links_changed", "links_ended")

HATS = [
    product(
        1, "Cap",
        variant(11, "CAP-R", title="Red / S", barcode="4901", price="12.50",
                options={"Color": "Red", "Size": "S"}),
        variant(12, "CAP-B", title="Blue / S", barcode="4902", options={"Color": "Blue", "Size": "S"}),
        handle="cap", vendor="New Era", product_type="Headwear", tags=["sale", "summer"],
        description="<p>Cap</p>",
    ),
    product(2, "Gift wrap", variant(21, "WRAP", tracked=False, requires_shipping=False), status="DRAFT"),
    product(3, "Set", variant(31, "SET", bundle=True)),
]  # fmt: skip


def changes(counts: dict) -> list[int]:
    return [counts[name] for name in CHANGES]


def test_products_variants_identifiers_and_links(catalogue: Catalogue):
    catalogue.offer(*HATS)

    counts = catalogue.load()

    assert catalogue.rows(
        """select child.internal_name, child.product_name, parent.product_name, child.product_type_id,
                  child.price, child.brand, child.category, child.tags, child.features,
                  child.requires_shipping
             from oms.product as child
             join oms.product as parent on parent.product_id = child.parent_product_id
            order by 1"""
    ) == [
        ("CAP-B", "Cap - Blue / S", "Cap", "FINISHED_GOOD", Decimal("10.00"), "New Era", "Headwear",
         ["sale", "summer"], {"Color": "Blue", "Size": "S"}, True),
        ("CAP-R", "Cap - Red / S", "Cap", "FINISHED_GOOD", Decimal("12.50"), "New Era", "Headwear",
         ["sale", "summer"], {"Color": "Red", "Size": "S"}, True),
        ("SET", "Set", "Set", "MARKETING_PKG_PICK", Decimal("10.00"), None, None, [], {}, True),
        ("WRAP", "Gift wrap", "Gift wrap", "DIGITAL_GOOD", Decimal("10.00"), None, None, [], {}, False),
    ]  # fmt: skip
    assert catalogue.rows(
        "select internal_name, description from oms.product where is_virtual order by internal_name limit 1"
    ) == [("cap", "<p>Cap</p>")]
    assert catalogue.identified() == {
        ("cap", "SHOPIFY_PROD_ID", "1"), ("gift-wrap", "SHOPIFY_PROD_ID", "2"),
        ("set", "SHOPIFY_PROD_ID", "3"),
        ("CAP-R", "SHOPIFY_PROD_ID", "11"), ("CAP-R", "SKU", "CAP-R"), ("CAP-R", "UPCA", "4901"),
        ("CAP-B", "SHOPIFY_PROD_ID", "12"), ("CAP-B", "SKU", "CAP-B"), ("CAP-B", "UPCA", "4902"),
        ("WRAP", "SHOPIFY_PROD_ID", "21"), ("WRAP", "SKU", "WRAP"),
        ("SET", "SHOPIFY_PROD_ID", "31"), ("SET", "SKU", "SET"),
    }  # fmt: skip
    assert catalogue.rows(
        """select shopify_variant_id, shopify_product_id, shopify_inventory_item_id, tracked, internal_name
             from oms.shop_product join oms.product using (product_id) order by 1"""
    ) == [
        (11, 1, 1011, True, "CAP-R"),
        (12, 1, 1012, True, "CAP-B"),
        (21, 2, 1021, False, "WRAP"),
        (31, 3, 1031, True, "SET"),
    ]
    assert changes(counts) == [7, 0, 13, 0, 7, 0]
    assert {name: counts[name] for name in ("lines", "products", "variants", "rejected")} == {
        "lines": 7, "products": 3, "variants": 4, "rejected": 0,
    }  # fmt: skip
    assert catalogue.rows("select count(*) from oms.inventory_ledger") == [(0,)]
    assert catalogue.rows("select count(*) from oms_staging.catalogue_line") == [(0,)]


def test_a_second_run_changes_nothing(catalogue: Catalogue):
    catalogue.offer(*HATS)
    catalogue.load()
    before = catalogue.rows("select * from oms.product order by product_id")
    marked = catalogue.rows("select count(*) from oms.product_change")

    counts = catalogue.load(scheduleNow=True)

    assert changes(counts) == [0] * 6
    assert catalogue.rows("select * from oms.product order by product_id") == before
    assert catalogue.rows("select count(*) from oms.product_change") == marked


def test_counts_and_locations_are_compared_with_the_shop(catalogue: Catalogue, caplog):
    catalogue.offer(*HATS)
    catalogue.db.execute(
        """insert into oms.shop_location (shop_id, shopify_location_id, location_name)
           values ('demo', 9, 'Gone')"""
    )

    counts = catalogue.load()

    said = {
        name: counts[name] for name in counts if name.startswith(("oms_", "shop_", "counts", "locations"))
    }
    assert said == {
        "oms_products": 3, "oms_variants": 4, "shop_products": 3, "shop_variants": 4, "counts_match": True,
        "locations": 2, "locations_not_set_up": 1, "locations_missing": 1,
    }  # fmt: skip
    assert "location 7002 (New York) of shop demo receives nothing" in caplog.text
    assert "the shop has no such location" in caplog.text
    assert catalogue.rows("select status, ready, counts ->> 'created' from oms.product_import") == [
        ("FINISHED", True, "7")
    ]


def test_a_newer_payload_changes_what_differs_and_an_older_one_nothing(catalogue: Catalogue):
    catalogue.offer(product(1, "Cap", variant(11, "CAP", barcode="1")), age=100)
    catalogue.load()
    catalogue.offer(product(1, "Caps", variant(11, "CAP-1", barcode=None, tracked=False)), age=50)

    newer = catalogue.load()

    assert catalogue.identified() == {
        ("caps", "SHOPIFY_PROD_ID", "1"), ("CAP-1", "SHOPIFY_PROD_ID", "11"), ("CAP-1", "SKU", "CAP-1"),
    }  # fmt: skip
    assert changes(newer) == [0, 2, 1, 2, 1, 0]
    after = (
        catalogue.rows("select * from oms.product order by 1"),
        catalogue.rows("select * from oms.shop_product"),
    )

    catalogue.offer(product(1, "Old cap", variant(11, "OLD", barcode="9")), age=1000)
    older = catalogue.load()

    assert changes(older) == [0] * 6
    assert (
        catalogue.rows("select * from oms.product order by 1"),
        catalogue.rows("select * from oms.shop_product"),
    ) == after


@pytest.mark.parametrize(("identifier", "field"), [("SKU", "sku"), ("BARCODE", "barcode")])
def test_a_duplicate_of_the_configured_identifier_is_rejected_and_stops_no_other(
    catalogue: Catalogue, identifier: str, field: str
):
    def duplicate(number):
        return variant(number) | {"sku": f"S{number}", "barcode": f"B{number}", field: "SAME"}

    catalogue.db.execute("update oms.shop set product_identifier = %s", (identifier,))
    catalogue.offer(
        product(1, "Cap", duplicate(12), duplicate(11)), product(2, "Hat", variant(21, "HAT", barcode="4"))
    )

    counts = catalogue.load()
    again = catalogue.load()

    assert catalogue.rejects() == [(12, "DUPLICATE_IDENTIFIER")]
    assert catalogue.rows("select error_message from oms.product_import_reject where import_id = 1") == [
        ("the identifier SAME belongs to variant 11 already",)
    ]
    assert catalogue.rows("select shopify_variant_id from oms.shop_product order by 1") == [(11,), (21,)]
    assert (counts["rejected"], counts["counts_match"], changes(again)) == (1, False, [0] * 6)
    assert catalogue.rows("select ready from oms.product_import") == [(False,), (False,)]


def test_a_later_duplicate_does_not_take_over_the_identifier(catalogue: Catalogue):
    catalogue.offer(product(1, "Cap", variant(12, "CAP")), age=9)
    catalogue.load()
    catalogue.offer(product(1, "Cap", variant(11, "CAP"), variant(12, "CAP")))

    catalogue.load()

    assert catalogue.rejects() == [(11, "DUPLICATE_IDENTIFIER")]
    assert catalogue.rows("select shopify_variant_id from oms.shop_product") == [(12,)]


def test_two_variants_exchange_their_skus(catalogue: Catalogue):
    catalogue.offer(product(1, "Cap", variant(11, "A"), variant(12, "B")), age=9)
    catalogue.load()
    before = dict(catalogue.rows("select shopify_variant_id, product_id from oms.shop_product"))
    catalogue.offer(product(1, "Cap", variant(11, "B"), variant(12, "A")))

    counts = catalogue.load()

    assert counts["rejected"] == 0
    assert dict(catalogue.rows("select shopify_variant_id, product_id from oms.shop_product")) == before
    assert {row for row in catalogue.identified() if row[1] == "SKU"} == {
        ("A", "SKU", "A"),
        ("B", "SKU", "B"),
    }


def test_a_sku_that_moves_to_a_new_variant_makes_a_new_product(catalogue: Catalogue):
    catalogue.offer(product(1, "Cap", variant(11, "A")), age=9)
    catalogue.load()
    catalogue.offer(product(1, "Cap", variant(11, "A-OLD"), variant(12, "A")))

    counts = catalogue.load()

    assert (counts["created"], counts["rejected"]) == (1, 0)
    assert catalogue.rows(
        """select shopify_variant_id, internal_name
             from oms.shop_product join oms.product using (product_id) order by 1"""
    ) == [(11, "A-OLD"), (12, "A")]


def test_a_chain_of_refusals_ends_with_everybody_keeping_what_they_have(catalogue: Catalogue):
    """12 wants A, which 11 would give up for C; C belongs to somebody else, so 11 keeps A and 12 keeps B."""
    catalogue.db.execute(
        """with made as (insert into oms.product (internal_name, product_name) values ('X', 'X'), ('Y', 'Y')
                         returning product_id)
           insert into oms.product_identification (product_id, identification_type_id, id_value)
           select product_id, 'SKU', 'C' from made"""
    )
    catalogue.offer(product(1, "Cap", variant(11, "A"), variant(12, "B")), age=9)
    catalogue.load()
    before = catalogue.identified()
    catalogue.offer(product(1, "Cap", variant(11, "C"), variant(12, "A")))

    catalogue.load()

    assert catalogue.rejects() == [(11, "DUPLICATE_IDENTIFIER"), (12, "DUPLICATE_IDENTIFIER")]
    assert catalogue.identified() == before


def test_a_second_shop_shares_the_products_it_has_in_common(catalogue: Catalogue):
    catalogue.set_up("other")
    catalogue.offer(product(1, "Cap", variant(11, "A"), variant(12, "B")), age=9)
    catalogue.offer(product(5, "Cap", variant(51, "A"), variant(52, "C")), shop="other", age=9)
    catalogue.load()

    counts = catalogue.load("other")

    assert (counts["created"], counts["counts_match"]) == (1, True)
    assert catalogue.rows(
        """select shop_id, shopify_variant_id, internal_name, (select internal_name from oms.product as parent
                   where parent.product_id = product.parent_product_id)
             from oms.shop_product join oms.product using (product_id) order by 1, 2"""
    ) == [
        ("demo", 11, "A", "cap"),
        ("demo", 12, "B", "cap"),
        ("other", 51, "A", "cap"),
        ("other", 52, "C", "cap"),
    ]
    assert changes(catalogue.load("demo")) == changes(catalogue.load("other")) == [0] * 6


def test_what_the_shop_no_longer_has_is_delinked_and_comes_back(catalogue: Catalogue):
    cap, hat = product(1, "Cap", variant(11)), product(2, "Hat", variant(21, "HAT"))
    catalogue.offer(cap, hat)
    catalogue.load()
    before = catalogue.rows("select shopify_variant_id, product_id from oms.shop_product order by 1")
    catalogue.offer(hat)

    gone = catalogue.load()
    assert (gone["links_ended"], gone["counts_match"]) == (2, True)
    assert catalogue.rows("select shopify_variant_id from oms.shop_product where thru_date is null") == [
        (21,)
    ]

    catalogue.offer(cap, hat)
    back = catalogue.load()

    assert (back["created"], back["links_changed"], back["counts_match"]) == (0, 2, True)
    assert catalogue.rows("select shopify_variant_id, product_id from oms.shop_product order by 1") == before


def test_a_product_made_anew_in_the_shop_is_the_same_product(catalogue: Catalogue):
    catalogue.offer(product(1, "Cap", variant(11, "CAP")))
    catalogue.load()
    catalogue.offer(product(2, "Cap", variant(22, "CAP")))

    counts = catalogue.load()

    assert (counts["created"], counts["rejected"], counts["counts_match"]) == (0, 0, True)
    assert catalogue.rows(
        """select shopify_variant_id, shopify_inventory_item_id, internal_name
             from oms.shop_product join oms.product using (product_id) where thru_date is null"""
    ) == [(22, 1022, "CAP")]


def test_an_ambiguous_identifier_is_rejected(catalogue: Catalogue):
    catalogue.db.execute(
        """with made as (insert into oms.product (internal_name, product_name) values ('X', 'X'), ('Y', 'Y')
                         returning product_id)
           insert into oms.product_identification (product_id, identification_type_id, id_value)
           select product_id, 'SKU', 'CAP' from made"""
    )
    catalogue.offer(product(1, "Cap", variant(11, "CAP"), variant(12, "OK")))

    catalogue.load()

    assert catalogue.rejects() == [(11, "AMBIGUOUS_IDENTIFIER")]
    assert catalogue.rows("select shopify_variant_id from oms.shop_product") == [(12,)]


def test_an_empty_catalogue_has_no_file(catalogue: Catalogue):
    catalogue.offer()

    counts = catalogue.load()

    assert (counts["lines"], counts["created"], counts["counts_match"]) == (0, 0, True)


def test_an_export_that_fails_is_told_and_the_next_run_asks_for_another(catalogue: Catalogue):
    catalogue.offer(*HATS)
    catalogue.server.fault("bulk_failure", shop="demo")

    with pytest.raises(ExportFailed, match="ended FAILED"):
        catalogue.load()
    catalogue.server.clear_faults()

    assert catalogue.load()["created"] == 7
    assert catalogue.rows(
        "select status, error_message like '%FAILED%' from oms.product_import order by 1"
    ) == [
        ("FAILED", True),
        ("FINISHED", None),
    ]


def test_a_download_that_is_too_short_changes_nothing(catalogue: Catalogue, monkeypatch):
    catalogue.offer(*HATS)
    whole = requests.Response.iter_lines
    monkeypatch.setattr(
        requests.Response, "iter_lines", lambda *args, **more: itertools.islice(whole(*args, **more), 3)
    )

    with pytest.raises(ExportIncomplete, match="3 lines came of the 7"):
        catalogue.load()
    monkeypatch.undo()

    assert catalogue.rows("select count(*) from oms.product") == [(0,)]
    assert catalogue.load()["created"] == 7
    assert catalogue.rows("select count(*), min(status) from oms.product_import") == [(1, "FINISHED")]


def test_a_line_that_cannot_be_read_is_a_reject_and_ends_no_link(catalogue: Catalogue, monkeypatch):
    catalogue.offer(*HATS)
    catalogue.load()
    whole = import_in_bulk.parse

    def spoilt(lines):
        for line in lines:
            node = json.loads(line)
            if node.get("sku") == "WRAP":
                node["price"] = "cheap"
            yield json.dumps(node).encode()

    monkeypatch.setattr(import_in_bulk, "parse", lambda lines: whole(spoilt(lines)))
    counts = catalogue.load()

    assert (counts["rejected"], counts["links_ended"]) == (1, 0)
    assert catalogue.rejects() == [(21, "UNREADABLE")]


def test_one_import_of_a_shop_at_a_time(catalogue: Catalogue):
    catalogue.offer(*HATS)
    with psycopg.connect(catalogue.dsn, autocommit=True) as other:
        locks.take(other, locks.PRODUCTS_OF_SHOP.of("demo"))
        catalogue.db.execute("set lock_timeout = '100 ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            catalogue.load(scheduleNow=True)
        locks.give_back(other, locks.PRODUCTS_OF_SHOP.of("demo"))
        locks.take(other, locks.PRODUCTS.of())
        with pytest.raises(psycopg.errors.LockNotAvailable):
            catalogue.load()

        assert catalogue.load(scheduleNow=True)["created"] == 7


def test_five_exports_at_once_are_too_many_and_the_next_try_works(catalogue: Catalogue):
    catalogue.offer(*HATS)
    catalogue.server.switch("demo", bulk_seconds=60)
    client = catalogue.client()
    for _ in range(5):
        client.mutate("run_bulk_query", {"query": import_in_bulk.documents.load("catalogue_export").text})

    with pytest.raises(NotExecuted, match="other exports of the shop are running"):
        catalogue.load()


VARIANT = {
    "id": "gid://shopify/ProductVariant/11", "title": "Red", "sku": " CAP ", "barcode": "", "price": "1.50",
    "updatedAt": "2026-01-01T00:00:00Z", "requiresComponents": False,
    "selectedOptions": [{"name": "Title", "value": "Red"}],
    "inventoryItem": {"id": "gid://shopify/InventoryItem/5", "tracked": True, "requiresShipping": True,
                      "updatedAt": "2026-02-01T00:00:00Z"},
    "__parentId": "gid://shopify/Product/1",
}  # fmt: skip


def parsed(**changed):
    (found,) = parse(iter([json.dumps(VARIANT | changed).encode()]))
    return found


def test_a_line_of_a_variant():
    values = parsed()

    assert values[:5] == (1, "VARIANT", 11, 1, "Red")
    assert values[11:15] == ("CAP", None, Decimal("1.50"), "{}")
    assert values[-1].isoformat() == "2026-02-01T00:00:00+00:00"


def test_a_sku_is_read_in_the_form_in_which_it_is_compared():
    assert parsed(sku="\u00a0Gro\u0308ße\u3000")[11] == "Größe"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"price": "NaN"}, "out of range"),
        ({"price": "1e20"}, "out of range"),
        ({"title": None}, "title is blank"),
        ({"id": "gid://shopify/Order/1"}, "'Order' is missing"),
        ({"updatedAt": "2026-13-01"}, "month"),
        ({"sku": "A\0B"}, "NUL"),
        ({"inventoryItem": VARIANT["inventoryItem"] | {"tracked": None}}, "tracked is None"),
    ],
)
def test_a_bad_line_says_why(changed, message):
    bad = parsed(**changed)

    assert isinstance(bad, BadLine)
    assert message in bad.message


def test_a_line_that_is_no_json_is_bad():
    (bad,) = parse(iter([b'{"id": "gid://']))

    assert (bad.line_number, bad.shopify_id) == (1, None)
