"""The shapes of our DAGs: a file import, a push to Shopify, a pull from it, a single task, a category.

What differs between two jobs of a shape is in the catalogue.
"""

import logging
from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import (
    DAG,
    Asset,
    AssetAny,
    AssetOrTimeSchedule,
    Context,
    CronTriggerTimetable,
    Param,
    TriggerRule,
    chain,
    dag,
    get_current_context,
    get_parsing_context,
    task,
)
from airflow.sdk.api.datamodels._generated import DagRunType
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowSkipException

from oms import docs
from oms.catalog import BALANCE, JOBS, CategoryJob, ImportJob, Job, PullJob, SyncJob, TaskJob
from oms.config import job_settings
from oms.errors import NeedsPerson
from oms.imports.errors import ImportFault
from oms.parameters import connection_id
from oms_airflow.assets import (
    BACKLOGS,
    FILE_HELD,
    HOLDS,
    INVENTORY,
    INVENTORY_RESET,
    RESETS,
    SIGNALS,
    arrivals_of,
)
from oms_airflow.connections import oms_db, open_oms_db, sftp_client, shop_login
from oms_airflow.file_arrival import SftpFileSensor, run_parameters
from oms_airflow.retries import RETRIES

if TYPE_CHECKING:
    from oms.database import Connection
    from oms.imports.closing import Account
    from oms.imports.jobs import Run

log = logging.getLogger(__name__)
AnyJob = TypeVar("AnyJob", bound=Job)

LANES = 4
"""Runs of one import at a time: an urgent one must not wait behind one that waits (architecture.md 4.4)."""
PUSH_LANES = 16
"""Runs of one push at a time: tasks of a shop that is down, waiting for their retry, hold a run each."""


class FilesLeft(NeedsPerson):
    """Some files of the run were applied and others were not; the message names those."""


class RunIncomplete(NeedsPerson):
    """An earlier task of the run has failed; that one is to be repeated, and this one follows by itself."""


DEFAULT_ARGS: dict[str, Any] = {
    "owner": "oms",
    "retries": 3,
    "retry_delay": timedelta(seconds=10),
    "retry_exponential_backoff": 2,
    "max_retry_delay": timedelta(minutes=5),
    "retry_policy": RETRIES,
    "execution_timeout": timedelta(hours=2),
}


def wanted(jobs: Iterable[AnyJob]) -> list[AnyJob]:
    """The jobs whose DAGs a file has to build: all of them, but in the process of a task only its own.

    Each task parses its DAG file anew; the other DAGs would cost it up to a second.
    """
    running = get_parsing_context().dag_id
    return [job for job in jobs if running in (None, job.dag_id)]


def import_job_dag(job: ImportJob) -> DAG:
    """Take the files that wait, land them, apply them chunk by chunk, close their account.

    A failed task does not ring. So `close` fails by itself only if nothing has changed; where one file
    changed balances and another was refused, it rings, and `confirm` (else skipped) fails the run.
    """
    rung = [INVENTORY, RESETS] if job.domain == BALANCE else []

    arrivals = arrivals_of(job)

    @dag(schedule=schedule_of(job, [arrivals]), max_active_runs=LANES, **dag_arguments(job))
    def flow() -> None:
        @task(pool=job.pool, outlets=[HOLDS, BACKLOGS])
        def land(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
            from oms.imports import guard, landing
            from oms.imports.packing import into_tasks
            from oms.remote import folder_of

            context = get_current_context()
            params = run_parameters(job, context)
            settled = {file["name"]: (file["size"], file["mtime"]) for file in found}
            resource = connection_id(params["propertyResource"])
            with oms_db() as conn, sftp_client(resource) as sftp:
                chunks = landing.land(conn, sftp, job, params, _this_run(), settled)
                if guard.somebody_must_be_asked(conn):
                    context["outlet_events"][HOLDS].add(FILE_HELD)
                if params["maxFiles"] is not None and len(found) > params["maxFiles"]:
                    folder = folder_of(sftp, params["importPath"])
                    left = set(landing.unclaimed(conn, resource, folder, settled))
                    log.info("%s more files wait: the next run follows at once", len(left))
                    files = [file for file in found if file["name"] in left]
                    context["outlet_events"][BACKLOGS].add(arrivals, extra={"payload": {"files": files}})
                return into_tasks(chunks, params["minChunkRows"])

        @task(pool=job.pool, map_index_template="{{ label }}")
        def apply(part: dict[str, Any]) -> dict[str, Any]:
            from oms.imports import applying

            get_current_context()["label"] = part["label"]
            params = run_parameters(job, get_current_context())
            resource = connection_id(params["propertyResource"])
            with oms_db() as conn:
                return applying.apply_chunks(conn, part["chunks"], lambda: sftp_client(resource))

        @task(pool=job.pool, trigger_rule=TriggerRule.ALL_DONE, outlets=rung)
        def close() -> list[str]:
            from oms.imports import closing

            context = get_current_context()
            parts = context["ti"].xcom_pull(task_ids="land")
            if parts is None:
                raise RunIncomplete("land has not finished: nothing was closed")
            loads = {chunk["load_id"] for part in parts for chunk in part["chunks"]}
            params = run_parameters(job, context)
            resource = connection_id(params["propertyResource"])
            with oms_db() as conn, sftp_client(resource) as sftp:
                account = closing.close(conn, sftp, job, _this_run(), connection_id=resource, loads=loads)
                log.info("\n%s", account.table())
                faults = _faults(account)
                if not account.changed:
                    raise faults or AirflowSkipException("nothing has changed")
                if job.kind.balances:
                    facilities = closing.facilities_of(conn, account.changed_files)
                    _ring_for_resets(conn, facilities, {"changed": account.changed})
            if rung:
                context["outlet_events"][INVENTORY].extra = {"changed": account.changed}
            return [str(faults)] if faults else []

        @task(pool=job.pool)
        def confirm(fault: str) -> None:
            raise FilesLeft(fault)

        waiting = SftpFileSensor(task_id="wait_for_files", job=job, arrivals=arrivals, pool=job.pool)
        parts = land(waiting.output)
        closed = close()
        apply.expand(part=parts) >> closed
        confirm.expand(fault=closed)
        if job.pushes_at_once:
            closed >> _push_uploads(job)

    return flow()


def _push_uploads(job: ImportJob) -> Any:
    """Tell every shop of what uploads moved, those of earlier runs that were broken off among them."""

    @task(pool=job.pool, trigger_rule=TriggerRule.ALL_DONE)
    def choose_shops() -> list[str]:
        from oms.sync import uploads

        with oms_db() as conn:
            return uploads.shops_waiting(conn, run_name(get_current_context()))

    @task(map_index_template="{{ shop }}")
    def push(shop_id: str) -> dict[str, Any]:
        from oms import shops
        from oms.shopify.connections import client_for
        from oms.sync import uploads

        context = get_current_context()
        context["shop"] = shop_id
        with oms_db() as conn:
            client = client_for(shops.read(conn, shop_id), shop_login)
        report = uploads.push(open_oms_db, client, shop_id, run_name(context))
        if report is None:
            raise AirflowSkipException(f"shop {shop_id} was told of everything")
        log.info("\n%s", report.table())
        return report.counts()

    chosen = choose_shops()
    push.expand(shop_id=chosen)
    return chosen


def sync_job_dag(job: SyncJob) -> DAG:
    """Bring the figures of every shop to Shopify, each shop on its own."""
    signals = [SIGNALS[name] for name in job.signals]

    @dag(schedule=schedule_of(job, signals), max_active_runs=PUSH_LANES, **dag_arguments(job))
    def flow() -> None:
        @task
        def choose_shops() -> list[str]:
            from oms import shops

            context = get_current_context()
            params = run_parameters(job, context)
            with oms_db() as conn:
                shops.refuse_unknown_groups(conn, job, params)
                return shops.to_serve(conn, params["shopId"], served_modes(job, context))

        @task(pool=job.pool, map_index_template="{{ shop }}")
        def push(shop_id: str) -> dict[str, Any]:
            from oms import shops
            from oms.shopify.connections import client_for
            from oms.sync.options import PushOptions
            from oms.sync.push import push_shop
            from oms.sync.waiting import AlreadyWaiting, waiting

            context = get_current_context()
            context["shop"] = shop_id
            params = run_parameters(job, context)
            options = PushOptions.of(params, run_type=context["dag_run"].run_type)
            with oms_db() as conn:
                client = client_for(shops.read(conn, shop_id), shop_login)
                try:
                    with waiting(conn, shop_id, job.mode, served_modes(job, context), params) as begin:
                        report = push_shop(
                            open_oms_db, client, shop_id, job.mode, options, run_name(context), begin
                        )
                except AlreadyWaiting as reason:
                    raise AirflowSkipException(str(reason)) from reason
            log.info("\n%s", report.table())
            return report.counts()

        push.expand(shop_id=choose_shops())

    return flow()


def pull_job_dag(job: PullJob) -> DAG:
    """Take from every shop that was named what the job takes, each shop on its own.

    Where it has set balances, it rings for locations in DELTA mode, which do not send resets.
    """

    @dag(schedule=schedule_of(job, []), max_active_runs=LANES, **dag_arguments(job))
    def flow() -> None:
        @task
        def choose_shops() -> list[str]:
            from oms import shops

            params = run_parameters(job, get_current_context())
            with oms_db() as conn:
                if params["shopId"] is None:
                    return shops.mastered_by(conn, job.everyone)
                return shops.named(conn, params["shopId"])

        @task(
            pool=job.pool,
            map_index_template="{{ shop }}",
            execution_timeout=timedelta(hours=4),
            outlets=[RESETS],
        )
        def pull(shop_id: str) -> dict[str, Any]:
            from oms import shops
            from oms.shopify.connections import client_for

            context = get_current_context()
            context["shop"] = shop_id
            module, function = job.function.split(":")
            more = {"open_sftp": _open_sftp} if job.writes_files else {}
            with oms_db() as conn:
                client = client_for(shops.read(conn, shop_id), shop_login)
                counts = getattr(import_module(module), function)(
                    conn, client, shop_id, run_parameters(job, context), run_name(context), **more
                )
                _ring_for_resets(conn, counts.get("facilities"), {"shop": shop_id})
                return counts

        pull.expand(shop_id=choose_shops())

    return flow()


def _open_sftp(resource: str) -> AbstractContextManager[Any]:
    """A session with the server of a propertyResource."""
    return sftp_client(connection_id(resource))


def _ring_for_resets(conn: "Connection", facilities: list[str] | None, extra: dict[str, Any]) -> None:
    """Wake the hard sync if a location in DELTA mode shows one of the facilities: nothing else tells it."""
    from oms import shops

    if facilities and shops.to_serve(conn, None, ["DELTA"], facilities):
        get_current_context()["outlet_events"][RESETS].add(INVENTORY_RESET, extra=extra)


def task_job_dag(job: TaskJob) -> DAG:
    """One task that hands the job's function what it works on; it may ask for further runs of the job."""
    signals = [SIGNALS[name] for name in job.signals]
    rung = [RESETS] if job.sets_balances else []

    @dag(schedule=schedule_of(job, signals), max_active_runs=LANES, **dag_arguments(job))
    def flow() -> None:
        @task(task_id="work", pool=job.pool, execution_timeout=timedelta(minutes=job.minutes), outlets=rung)
        def work() -> Any:
            from oms import shops
            from oms.shopify.connections import client_for
            from oms.work import Work
            from oms_airflow import mail

            context = get_current_context()
            module, function = job.function.split(":")
            with oms_db() as conn:
                given = Work(
                    conn=conn,
                    params=run_parameters(job, context),
                    run_name=run_name(context),
                    open_oms_db=open_oms_db,
                    open_sftp=_open_sftp,
                    open_shop=lambda shop_id: client_for(shops.read(conn, shop_id), shop_login),
                    shop_extra=lambda shop_id: shop_login(shops.read(conn, shop_id).connection_id)[2],
                    base_url=conf.get("api", "base_url", fallback=None),
                    send_mail=mail.send,
                    run_type=DagRunType(context["dag_run"].run_type).value,
                )
                done = getattr(import_module(module), function)(given)
                if job.sets_balances:
                    _ring_for_resets(conn, done["facilities"], {"run": given.run_name})
                return done

        done = work()
        if job.starts_runs:
            TriggerDagRunOperator.partial(
                task_id="start_runs", trigger_dag_id=job.dag_id, skip_when_already_exists=True
            ).expand_kwargs(done)

    return flow()


def category_dag(category: CategoryJob) -> DAG:
    """Run the jobs of a category one after the other, each in its own DAG."""

    @dag(schedule=schedule_of(category, []), max_active_runs=1, **dag_arguments(category))
    def flow() -> None:
        chain(*[RunJob(category=category, job=JOBS[dag_id]) for dag_id in category.jobs])

    return flow()


class RunJob(TriggerDagRunOperator):
    """Run a job's own DAG and wait for it, deferred; skipped if the category run asks for other jobs."""

    def __init__(self, *, category: CategoryJob, job: Job, **kwargs: Any) -> None:
        super().__init__(
            task_id=job.dag_id,
            task_display_name=job.name,
            trigger_dag_id=job.dag_id,
            wait_for_completion=True,
            deferrable=True,
            fail_when_dag_is_paused=True,
            poke_interval=5,
            trigger_rule=TriggerRule.NONE_FAILED,
            retries=0,
            **kwargs,
        )
        self.category = category
        self.job = job

    def execute(self, context: Context) -> None:
        """Check the parameters of the category run, then start the job with what is meant for it."""
        params = run_parameters(self.category, context)
        if params["jobs"] is not None and self.job.dag_id not in params["jobs"]:
            raise AirflowSkipException(f"this run asks for {', '.join(params['jobs'])}")
        known = {parameter.name for parameter in self.job.parameters}
        self.conf = {name: params[name] for name in self.category.forwarded if name in known}
        if "createdByJobID" in known:
            self.conf["createdByJobID"] = run_name(context)
        super().execute(context)


def schedule_of(
    job: Job, assets: list[Asset]
) -> AssetOrTimeSchedule | AssetAny | CronTriggerTimetable | None:
    """The clock of the job in this installation, or any of the assets, or both."""
    settings = job_settings(job)
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


def _faults(account: "Account") -> ImportFault | None:
    """Why the run is not all right although the good files are done; None if it is."""
    try:
        account.raise_if_open()
    except ImportFault as fault:
        return fault
    return None


def _this_run() -> "Run":
    from oms.imports.jobs import Run

    dag_run = get_current_context()["dag_run"]
    return Run(dag_run.dag_id, dag_run.run_id)


def run_name(context: Context) -> str:
    """The run, for the record."""
    return f"{context['dag_run'].dag_id}/{context['dag_run'].run_id}"


def served_modes(job: SyncJob, context: Context) -> list[str]:
    """Which locations a run serves, by their sync mode (inventory.md 6.1).

    Started by hand: all. By the clock, a bell or a category: those of the job's own mode. A hard sync serves
    both kinds, except after a reset, which only DELTA locations cannot send otherwise (inventory.md 5.1).
    """
    run_type = context["dag_run"].run_type
    if run_type == DagRunType.MANUAL:
        return ["RECENT", "DELTA"]
    if job.mode == "HARD":
        return ["DELTA"] if run_type == DagRunType.ASSET_TRIGGERED else ["RECENT", "DELTA"]
    return [job.mode]
