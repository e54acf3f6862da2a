"""The shapes that are one task: act in the database, file export, mail, and whatever else is one function."""

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, dag, task

from oms.catalog import TaskJob
from oms_airflow.assets import RESETS
from oms_airflow.jobs import LANES, dag_arguments, function_of, ring_for_resets, schedule_of, work_of


def build(job: TaskJob) -> DAG:
    """Hand the job's function what it works on; it may ask for further runs of the job."""
    rung = [RESETS] if job.sets_balances else []

    @dag(schedule=schedule_of(job), max_active_runs=LANES, **dag_arguments(job))
    def flow() -> None:
        @task(task_id="work", pool=job.pool, execution_timeout=timedelta(minutes=job.minutes), outlets=rung)
        def do() -> Any:
            with work_of(job) as work:
                done = function_of(job.function)(work)
                if job.sets_balances:
                    ring_for_resets(work.conn, done["facilities"], {"run": work.run_name})
                return done

        done = do()
        if job.starts_runs:
            TriggerDagRunOperator.partial(
                task_id="start_runs", trigger_dag_id=job.dag_id, skip_when_already_exists=True
            ).expand_kwargs(done)

    return flow()
