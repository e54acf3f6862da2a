"""The DAG of a category, from the jobs it runs (spec orders.md 11, inventory.md 4.1)."""

from oms.catalog.model import CategoryJob, Job, Parameter


def category_job(
    dag_id: str,
    name: str,
    purpose: str,
    jobs: tuple[Job, ...],
    forwarded: tuple[Parameter, ...] = (),
    left_out: tuple[tuple[Job, str], ...] = (),
) -> CategoryJob:
    """The DAG of a category; left_out: jobs that it never runs, each with the reason."""
    dag_ids = tuple(job.dag_id for job in jobs)
    return CategoryJob(
        dag_id=dag_id,
        name=name,
        category=dag_id,
        direction="internal",
        jobs=dag_ids,
        forwarded=tuple(parameter.name for parameter in forwarded),
        left_out=tuple((job.dag_id, reason) for job, reason in left_out),
        purpose=purpose,
        when="By hand. Each job also has a schedule, parameters and a history of its own.",
        repeat="As safe as its jobs: each of them may be run again.",
        on_failure=(
            "The jobs after the failed one are not started. A job that is switched off fails at once "
            "instead of waiting."
        ),
        what_to_do=(
            "Open the run of the failed job through its task, follow that job's own text, then clear the "
            "task here."
        ),
        parameters=(
            Parameter(
                name="jobs",
                types=("array", "null"),
                enum=dag_ids,
                example=[dag_ids[0]],
                description="The jobs to run; they keep their order. Empty: all.",
            ),
            *forwarded,
        ),
    )
