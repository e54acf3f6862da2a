"""From the catalogue to DAGs: each job by the builder of its shape."""

from collections.abc import Callable
from typing import Any

from airflow.sdk import DAG, get_parsing_context

from oms.catalog import (
    JOBS,
    ApprovalJob,
    CategoryJob,
    ImportJob,
    ShopJob,
    SyncJob,
    TaskJob,
)
from oms_airflow import approval, category, each_shop, file_import, one_task, push

BUILDERS: dict[type, Callable[[Any], DAG]] = {
    ApprovalJob: approval.build,
    CategoryJob: category.build,
    ImportJob: file_import.build,
    ShopJob: each_shop.build,
    SyncJob: push.build,
    TaskJob: one_task.build,
}


def build(category: str) -> None:
    """Make the DAGs of a category; in the process of a task only its own.

    Each task parses its DAG file anew; the other DAGs would cost it up to a second.
    """
    running = get_parsing_context().dag_id
    for job in JOBS.values():
        if job.category == category and running in (None, job.dag_id):
            builder = next(BUILDERS[shape] for shape in type(job).__mro__ if shape in BUILDERS)
            builder(job)
