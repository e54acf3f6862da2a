"""The shape "category": runs the jobs of a category in their order, each in its own DAG."""

from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, Context, TriggerRule, chain, dag
from airflow.sdk.exceptions import AirflowSkipException

from oms.catalog import JOBS, CategoryJob, Job
from oms_airflow.file_arrival import run_parameters
from oms_airflow.jobs import dag_arguments, run_name, schedule_of


def build(category: CategoryJob) -> DAG:
    """Run the jobs of a category one after the other, each in its own DAG."""

    @dag(schedule=schedule_of(category), max_active_runs=1, **dag_arguments(category))
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
