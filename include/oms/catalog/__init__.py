"""The job catalogue: every job with its ids, category, schedule, parameters and what a person must know.

The one source of truth: DAGs, forms, texts, `dags/README.md` and parameter checks are made from it. A
module holds the jobs of one topic, and is found by itself. Sources of the tables: spec inventory.md 3.3, 4,
4.2, 5, 6; orders.md 1.5, 3.1, 11.

Safety nets that run every five or fifteen minutes do so at different minutes: at the same one they would wait
for each other, and files that arrive for them.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any, TypeVar

from oms.catalog.categories import TOGETHER, category_jobs
from oms.catalog.model import (
    BALANCE,
    CATEGORIES,
    DIRECTIONS,
    ActJob,
    ApprovalJob,
    CategoryJob,
    ExportJob,
    ImportConfig,
    ImportJob,
    Job,
    Json,
    MailJob,
    OutboxJob,
    Parameter,
    PullJob,
    ShopJob,
    SyncJob,
    TaskJob,
    WindowPullJob,
)
from oms.catalog.pools import POOLS
from oms.catalog.signals import SIGNALS

__all__ = [
    "BALANCE",
    "CATEGORIES",
    "DIRECTIONS",
    "JOBS",
    "POOLS",
    "SIGNALS",
    "ActJob",
    "ApprovalJob",
    "CategoryJob",
    "ExportJob",
    "ImportConfig",
    "ImportJob",
    "Job",
    "Json",
    "MailJob",
    "OutboxJob",
    "Parameter",
    "PullJob",
    "ShopJob",
    "SyncJob",
    "TaskJob",
    "WindowPullJob",
    "jobs_of",
]

AnyJob = TypeVar("AnyJob", bound=Job)


def _found() -> dict[str, Job]:
    """Every job of every module, and those of the categories, in the order of the categories."""
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    jobs = {job.dag_id: job for module in modules for job in vars(module).values() if isinstance(job, Job)}
    together = [dag_id for category in TOGETHER for dag_id in category.order]
    places = {dag_id: place for place, dag_id in enumerate(together)}
    ordered = sorted(jobs.values(), key=lambda job: (places.get(job.dag_id, len(places)), job.dag_id))
    return {job.dag_id: job for job in (*category_jobs(jobs.values()), *ordered)}


JOBS: dict[str, Job] = _found()
"""Every job by its DAG id."""


def jobs_of(shape: type[AnyJob]) -> tuple[AnyJob, ...]:
    """The jobs of a shape."""
    return tuple(job for job in JOBS.values() if isinstance(job, shape))


def __getattr__(name: str) -> Any:
    """A job by its DAG id in capitals: IMPORT_ITEM_RECEIPT."""
    try:
        return JOBS[name.lower()]
    except KeyError:
        raise AttributeError(f"the catalogue has no {name}: neither a job of this id nor a name") from None
