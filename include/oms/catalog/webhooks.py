"""Subscriptions to Shopify's webhooks (spec orders.md 10, shopify.md 4.2)."""

from oms.catalog.model import Parameter, TaskJob
from oms.catalog.shared import SAFETY, SHOPS
from oms.catalog.webhook_topics import CATEGORIES, TOPICS

MANAGE_WEBHOOK_SUBSCRIPTIONS = TaskJob(
    dag_id="manage_webhook_subscriptions",
    name="Manage Webhook Subscriptions",
    category="miscellaneous",
    direction="shopify-out",
    schedule="20 4 * * *",
    pool="shopify",
    function="oms.webhooks.subscriptions:manage",
    minutes=15,
    purpose=(
        "Subscribes to what shops tell by themselves, ends subscriptions, and makes those again that a shop "
        "has removed. A shop removes a subscription when eight deliveries in a row have failed."
    ),
    when="Every day at 4:20 to repair; by hand to subscribe, to unsubscribe and to list.",
    repeat="Safe: what is subscribed already stays as it is, and nothing is subscribed twice.",
    on_failure=(
        "Subscriptions that a shop refused are named with its reason; all others are done. What was asked "
        "for is recorded and tried again by the next run."
    ),
    what_to_do=(
        "Mostly the address: a shop delivers to https and a public host only. Start the job with `subscribe` "
        "and the right `publicUrl`. If subscriptions vanish again and again, see whether the shop reaches "
        "`/webhooks/shopify/<shop id>`, and whether its connection holds the app's `client_secret`."
    ),
    parameters=(
        Parameter(
            name="action",
            types=("string",),
            default="repair",
            example="subscribe",
            enum=("repair", "list", "subscribe", "unsubscribe"),
            required=True,
            description=(
                "repair: make the shop match what was asked for before. list: show both, change nothing. "
                "subscribe and unsubscribe: ask for topics, or no longer."
            ),
        ),
        Parameter(
            name="category",
            example="inventory",
            enum=CATEGORIES,
            source="S",
            description="Only topics of this category; empty: of all.",
        ),
        Parameter(
            name="topics",
            types=("array", "null"),
            example=["inventory_levels/update"],
            enum=tuple(TOPICS),
            description=(
                "Only these topics; empty: all of the category. Only topics that a job works off can be "
                "subscribed to."
            ),
        ),
        Parameter(
            name="shopId",
            types=("array", "string", "null"),
            example=["NEW_ERA_JP"],
            section=SHOPS,
            description="The shops; empty: all with subscriptions. To subscribe or unsubscribe, name them.",
        ),
        Parameter(
            name="publicUrl",
            example="https://oms.example.com",
            section=SHOPS,
            description=(
                "Where Shopify reaches this server; empty: the extra `public_url` of the shop's connection, "
                "else the address of Airflow ([api] base_url)."
            ),
        ),
        Parameter(
            name="dryRun",
            types=("boolean",),
            default=False,
            example=True,
            section=SAFETY,
            description="Show in the log what would be done, and do nothing.",
        ),
    ),
)
