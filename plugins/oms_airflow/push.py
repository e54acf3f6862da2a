"""The shape "push": figures of stock to every shop, each shop on its own."""

import logging
from typing import Any

from airflow.sdk import DAG, Context, dag, get_current_context, task
from airflow.sdk.api.datamodels._generated import DagRunType

from oms.catalog import SyncJob
from oms_airflow.connections import oms_db, open_oms_db, shop_login
from oms_airflow.file_arrival import run_parameters
from oms_airflow.jobs import dag_arguments, run_name, schedule_of, skipped_without_work

log = logging.getLogger(__name__)

PUSH_LANES = 16
"""Runs of one push at a time: tasks of a shop that is down, waiting for their retry, hold a run each."""


def build(job: SyncJob) -> DAG:
    """Bring the figures of every shop to Shopify, each shop on its own."""

    @dag(schedule=schedule_of(job), max_active_runs=PUSH_LANES, **dag_arguments(job))
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
            from oms.sync.waiting import waiting

            context = get_current_context()
            context["shop"] = shop_id
            params = run_parameters(job, context)
            options = PushOptions.of(params, run_type=context["dag_run"].run_type)
            with oms_db() as conn:
                client = client_for(shops.read(conn, shop_id), shop_login)
                with (
                    skipped_without_work(),
                    waiting(conn, shop_id, job.mode, served_modes(job, context), params) as begin,
                ):
                    report = push_shop(
                        open_oms_db, client, shop_id, job.mode, options, run_name(context), begin
                    )
            log.info("\n%s", report.table())
            return report.counts()

        push.expand(shop_id=choose_shops())

    return flow()


def served_modes(job: SyncJob, context: Context) -> list[str]:
    """Which locations a run serves, by their sync mode (inventory.md 6.1).

    Started by hand: all. By the clock, a signal or a category: those of the job's own mode. A hard sync
    serves both kinds, except after a reset, which only DELTA locations cannot send otherwise (inventory.md
    5.1).
    """
    run_type = context["dag_run"].run_type
    if run_type == DagRunType.MANUAL:
        return ["RECENT", "DELTA"]
    if job.mode == "HARD":
        return ["DELTA"] if run_type == DagRunType.ASSET_TRIGGERED else ["RECENT", "DELTA"]
    return [job.mode]
