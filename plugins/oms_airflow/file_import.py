"""The shape "file import": files come to rest, are landed, applied chunk by chunk, and accounted for."""

import logging
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, TriggerRule, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from oms.catalog import BALANCE, ImportJob
from oms.errors import NeedsPerson
from oms.imports.errors import ImportFault
from oms.parameters import connection_id
from oms_airflow.assets import BACKLOGS, FILE_HELD, HOLDS, INVENTORY, RESETS, arrivals_of
from oms_airflow.connections import oms_db, open_oms_db, sftp_client, shop_login
from oms_airflow.file_arrival import SftpFileSensor, run_parameters
from oms_airflow.jobs import LANES, dag_arguments, ring_for_resets, run_name, schedule_of

if TYPE_CHECKING:
    from oms.imports.closing import Account
    from oms.imports.jobs import Run

log = logging.getLogger(__name__)


class FilesLeft(NeedsPerson):
    """Some files of the run were applied and others were not; the message names those."""


class RunIncomplete(NeedsPerson):
    """An earlier task of the run has failed; that one is to be repeated, and this one follows by itself."""


def build(job: ImportJob) -> DAG:
    """Take the files that wait, land them, apply them chunk by chunk, close their account.

    A failed task does not ring. So `close` fails by itself only if nothing has changed; where one file
    changed balances and another was refused, it rings, and `confirm` (else skipped) fails the run.
    """
    rung = [INVENTORY, RESETS] if job.domain == BALANCE else []

    arrivals = arrivals_of(job)

    @dag(schedule=schedule_of(job, arrivals), max_active_runs=LANES, **dag_arguments(job))
    def flow() -> None:
        @task(pool=job.pool, outlets=[HOLDS, BACKLOGS])
        def land(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
            from oms.imports import claiming, guard, landing
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
                    left = set(claiming.unclaimed(conn, resource, folder, settled))
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
                    ring_for_resets(conn, facilities, {"changed": account.changed})
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
