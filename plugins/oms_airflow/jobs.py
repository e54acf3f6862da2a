"""What the DAGs of all shapes have in common: clock, form, texts, retries, and the work of a task."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow.sdk import (
    Asset,
    AssetAny,
    AssetOrTimeSchedule,
    Context,
    CronTriggerTimetable,
    Param,
    get_current_context,
    get_parsing_context,
)
from airflow.sdk.api.datamodels._generated import DagRunType
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowSkipException

from oms import docs
from oms.catalog import Job
from oms.config import job_settings
from oms.errors import NothingToDo
from oms.parameters import connection_id
from oms_airflow import mail
from oms_airflow.assets import INVENTORY_RESET, RESETS, SIGNALS
from oms_airflow.connections import oms_db, open_oms_db, sftp_client, shop_login
from oms_airflow.file_arrival import run_parameters
from oms_airflow.retries import RETRIES

if TYPE_CHECKING:
    from oms.database import Connection
    from oms.work import Work

LANES = 4
"""Runs of one job at a time: an urgent one must not wait behind one that waits (architecture.md 4.4)."""
DEFAULT_ARGS: dict[str, Any] = {
    "owner": "oms",
    "retries": 3,
    "retry_delay": timedelta(seconds=10),
    "retry_exponential_backoff": 2,
    "max_retry_delay": timedelta(minutes=5),
    "retry_policy": RETRIES,
    "execution_timeout": timedelta(hours=2),
}


def schedule_of(job: Job, *more: Asset) -> AssetOrTimeSchedule | AssetAny | CronTriggerTimetable | None:
    """The clock of the job in this installation, or any of its signals and of these assets, or both."""
    settings = job_settings(job)
    assets = [*(SIGNALS[name] for name in job.signals), *more]
    rung = AssetAny(*assets) if assets else None
    if settings.schedule is None:
        return rung
    clock = CronTriggerTimetable(settings.schedule, timezone=settings.time_zone)
    return AssetOrTimeSchedule(timetable=clock, assets=rung) if rung else clock


def params_of(job: Job) -> dict[str, Param]:
    """The form of the job: every parameter with its type, default, choices, example and explanation.

    A parameter that a run must give itself is checked by the run: Airflow refuses a schedule with it.
    """
    settings = job_settings(job)
    return {
        parameter.name: Param(settings.default_of(parameter), **docs.schema_of(parameter))
        for parameter in job.parameters
    }


def tags_of(job: Job) -> list[str]:
    """What a person searches by: category, direction and all ids of the job."""
    return sorted({job.category, job.direction, *filter(None, (job.enum_id,)), *job.aliases})


def dag_arguments(job: Job) -> dict[str, Any]:
    """What every DAG of a job says of itself."""
    return {
        "dag_id": job.dag_id,
        "dag_display_name": job.name,
        "description": job.purpose.split(":")[0].split(". ")[0],
        # nobody reads it in the process of a task
        "doc_md": docs.page_of(job) if get_parsing_context().dag_id is None else None,
        "params": params_of(job),
        "tags": tags_of(job),
        # a job with a schedule starts with it; of the others the installation decides (inventory.md 3.4)
        "is_paused_upon_creation": False if job_settings(job).schedule else None,
        "default_args": DEFAULT_ARGS,
    }


@contextmanager
def work_of(job: Job) -> Iterator["Work"]:
    """What a job's function is handed, for the running task; one that finds nothing to do skips the task."""
    from oms import shops
    from oms.shopify.connections import client_for
    from oms.work import Work

    context = get_current_context()
    with oms_db() as conn, skipped_without_work():
        yield Work(
            conn=conn,
            params=run_parameters(job, context),
            run_name=run_name(context),
            open_oms_db=open_oms_db,
            open_sftp=open_sftp,
            open_shop=lambda shop_id: client_for(shops.read(conn, shop_id), shop_login),
            shop_extra=lambda shop_id: shop_login(shops.read(conn, shop_id).connection_id)[2],
            base_url=conf.get("api", "base_url", fallback=None),
            send_mail=mail.send,
            run_type=DagRunType(context["dag_run"].run_type).value,
        )


@contextmanager
def skipped_without_work() -> Iterator[None]:
    """Skip the running task where there is nothing to do; skipped tasks give no signals."""
    try:
        yield
    except NothingToDo as reason:
        raise AirflowSkipException(str(reason)) from reason


def function_of(path: str) -> Any:
    """The function that an entry of the catalogue names, as "module:function"."""
    module, name = path.split(":")
    return getattr(import_module(module), name)


def open_sftp(resource: str) -> AbstractContextManager[Any]:
    """A session with the server of a propertyResource."""
    return sftp_client(connection_id(resource))


def run_name(context: Context) -> str:
    """The run, for the record."""
    return f"{context['dag_run'].dag_id}/{context['dag_run'].run_id}"


def ring_for_resets(conn: "Connection", facilities: list[str] | None, extra: dict[str, Any]) -> None:
    """Wake the hard sync if a location in DELTA mode shows one of the facilities: nothing else tells it."""
    from oms import shops

    if facilities and shops.to_serve(conn, None, ["DELTA"], facilities):
        get_current_context()["outlet_events"][RESETS].add(INVENTORY_RESET, extra=extra)
