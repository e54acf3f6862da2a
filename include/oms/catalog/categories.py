"""The categories whose jobs are also run together, each with its order (spec orders.md 11, inventory.md 4.1).

A job of such a category stands in its order, or its entry says why it `runs_alone`; a test knows.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from oms.catalog.model import CategoryJob, Job, Parameter


@dataclass(frozen=True, kw_only=True)
class Category:
    """What is said of a category, and the DAG ids of its jobs in their order."""

    category: str
    name: str
    purpose: str
    order: tuple[str, ...]
    forwarded: tuple[str, ...] = ()
    """Parameters of a run that are handed on to each job which has them."""


TOGETHER = (
    Category(
        category="initial_load",
        name="Initial load",
        purpose=(
            "Fills an empty OMS from a shop, in the order that matters: products first, then everything that "
            "names them."
        ),
        order=("import_products_in_bulk",),
        forwarded=("shopId",),
    ),
    Category(
        category="inventory",
        name="Inventory",
        purpose=(
            "Runs the inventory jobs of one tick in order: the levels of shops whose stock Shopify owns, "
            "then files in, resets before variances, then the figures out to Shopify."
        ),
        order=(
            "sync_inventory_from_shopify",
            "import_inventory_reset",
            "import_inventory_variance",
            "import_item_receipt",
            "import_inventory_transfer",
            "import_inventory_adjustment",
            "import_warehouse_allotment",
            "import_inbound_shipment",
            "import_product_facility",
            "export_product_thresholds",
            "import_product_thresholds",
            "bulk_recent_kit_product_inventory_setup",
            "export_packed_order_depletion",
            "upload_recent_inventory_changes",
            "push_inventory_deltas",
            "upload_inventory",
        ),
    ),
)


def category_jobs(jobs: Iterable[Job]) -> list[CategoryJob]:
    """The job of each category that runs those of its order."""
    by_id = {job.dag_id: job for job in jobs}
    return [_category_job(one, by_id) for one in TOGETHER]


def _category_job(category: Category, by_id: dict[str, Job]) -> CategoryJob:
    jobs = [by_id[dag_id] for dag_id in category.order]
    forwarded = [next(p for job in jobs for p in job.parameters if p.name == n) for n in category.forwarded]
    alone = [job for job in by_id.values() if job.category == category.category and job.runs_alone]
    return CategoryJob(
        dag_id=category.category,
        name=category.name,
        category=category.category,
        purpose=category.purpose,
        jobs=category.order,
        forwarded=category.forwarded,
        left_out=tuple((job.dag_id, str(job.runs_alone)) for job in alone),
        parameters=(
            Parameter(
                name="jobs",
                types=("array", "null"),
                enum=category.order,
                example=[category.order[0]],
                description="The jobs to run; they keep their order. Empty: all.",
            ),
            *forwarded,
        ),
    )
