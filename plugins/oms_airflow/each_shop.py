"""The shapes with a task for each shop: bulk pull, window pull, outbox."""

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, dag, get_current_context, task

from oms.catalog import ShopJob
from oms_airflow.assets import RESETS
from oms_airflow.connections import oms_db
from oms_airflow.file_arrival import run_parameters
from oms_airflow.jobs import LANES, dag_arguments, function_of, ring_for_resets, schedule_of, work_of


def build(job: ShopJob) -> DAG:
    """Choose the shops, then hand each to the job's function, which does not hinder those of other shops.

    Where it has set balances, locations in DELTA mode, which do not send resets, are told by a signal.
    """

    @dag(schedule=schedule_of(job), max_active_runs=LANES, **dag_arguments(job))
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
            task_id=job.verb,
            pool=job.pool,
            map_index_template="{{ shop }}",
            execution_timeout=timedelta(minutes=job.minutes),
            outlets=[RESETS],
        )
        def each(shop_id: str) -> dict[str, Any]:
            get_current_context()["shop"] = shop_id
            with work_of(job) as work:
                counts = function_of(job.function)(work, shop_id)
                ring_for_resets(work.conn, counts.get("facilities"), {"shop": shop_id})
                return counts

        each.expand(shop_id=choose_shops())

    return flow()
