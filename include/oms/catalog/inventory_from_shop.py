"""Stock figures from Shopify (spec inventory.md 5.14-5.16)."""

from oms.catalog.model import Parameter, TaskJob
from oms.catalog.shared import SHOPS

LEVEL_WEBHOOKS = "level_webhooks"
"""Rings when webhooks on inventory levels have come in."""

TARGET_FACILITY = Parameter(
    name="targetFacilityId",
    example="WAREHOUSE",
    section=SHOPS,
    description=(
        "The facility that a consolidated location stands for here; empty: its figure cannot be split among "
        "its facilities and is skipped."
    ),
)

RECEIVE_INVENTORY_LEVEL_WEBHOOKS = TaskJob(
    dag_id="receive_inventory_level_webhooks",
    name="Receive Inventory Level Webhooks",
    other_names=("Inventory level update",),
    category="inventory",
    direction="shopify-in",
    aliases=("INVENTORY_LEVELS_UPDATE",),
    schedule="* * * * *",
    function="oms.from_shop.webhooks:receive",
    rung_by=(LEVEL_WEBHOOKS,),
    minutes=15,
    purpose=(
        "Works off what Shopify tells of its stock levels. Where Shopify owns the stock, the balance of the "
        "store follows; where the OMS does, the difference to our own figure is noted in "
        "`oms.shop_level_drift` and nothing changes."
    ),
    when="Seconds after webhooks came in, and every minute as a safety net.",
    repeat="Safe: every event is worked off once, and an older word never replaces a newer one.",
    on_failure=(
        "Events that were not worked off stay NEW in `oms.webhook_inbox` and are the next run's. An event "
        "that nobody can use (an unknown item, a damaged payload) is FAILED there with its reason and stops "
        "no other."
    ),
    what_to_do=(
        "Nothing if the next run is green. For FAILED events read their reason: after an import of products "
        "those of unknown items are taken up by themselves; others are set back to NEW once they are mended."
    ),
    parameters=(
        Parameter(
            name="limit",
            types=("integer",),
            default=5000,
            example=1000,
            minimum=1,
            maximum=100_000,
            description="Events in one transaction.",
        ),
        TARGET_FACILITY,
    ),
)
