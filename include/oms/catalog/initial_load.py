"""Jobs of the initial load (spec orders.md 3.1)."""

from oms.catalog.model import Parameter, PullJob
from oms.catalog.shared import SHOPS

IMPORT_PRODUCTS_IN_BULK = PullJob(
    dag_id="import_products_in_bulk",
    name="Import Products in Bulk",
    category="initial_load",
    enum_id="JOB_IMP_PROD_NEW_BLK",
    function="oms.products.import_in_bulk:run",
    purpose=(
        "Brings every product and variant of a shop into the OMS, with its identifiers and the link "
        "to its Shopify stock item. Everything else needs it first: an order or a stock file can only"
        " name products that are here."
    ),
    when="Once per shop, when it is connected; again by hand after large changes of the catalogue.",
    repeat=(
        "Safe: a product that has not changed is left alone, an older state never replaces a newer one. "
        "No stock moves."
    ),
    on_failure=(
        "Products that were taken stay. A product that could not be taken (say two variants with one "
        "barcode) is listed with its reason and stops no other."
    ),
    what_to_do="Correct the named products in Shopify, then start the job again.",
    parameters=(
        Parameter(
            name="shopId",
            types=("array", "string", "null"),
            example=["NEW_ERA_JP"],
            required=True,
            section=SHOPS,
            source="D",
            description="The shop or shops to load.",
        ),
        Parameter(
            name="limit",
            types=("integer",),
            default=100,
            example=250,
            minimum=1,
            maximum=250,
            source="D",
            description="Page size where pages are read.",
        ),
        Parameter(
            name="scheduleNow",
            types=("boolean",),
            default=False,
            example=True,
            source="D",
            description="True: apply as soon as downloaded; false: in turn with other imports of products.",
        ),
    ),
)
