"""The shape "approval": asks a person about held files, one question for each, answered one by one."""

import logging
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import DAG, Context, dag, get_current_context, task, task_group
from airflow.sdk.exceptions import AirflowSkipException

from oms.catalog import JOBS, ApprovalJob
from oms_airflow.assets import DECISIONS, arrivals_of
from oms_airflow.connections import oms_db
from oms_airflow.file_arrival import run_parameters
from oms_airflow.jobs import dag_arguments, run_name, schedule_of

log = logging.getLogger(__name__)

APPROVE, REJECT = "Approve", "Reject"
QUESTIONS = 16
"""Runs of the job at a time: each waits for its person."""


class AskAboutFile(HITLOperator):
    """Ask whether a held file is to be applied; the question is an element of `questions`."""

    template_fields = (*HITLOperator.template_fields, "question")

    def __init__(self, *, question: dict[str, Any], **kwargs: Any) -> None:
        kwargs |= {"execution_timeout": None, "response_timeout": None}
        super().__init__(subject="A file is held", options=[APPROVE, REJECT], **kwargs)
        self.execution_timeout = timedelta(minutes=5)  # of asking; the answer may take its time
        self.question = question

    def execute(self, context: Context) -> Any:
        """Put the question with its figures."""
        self.subject, self.body = self.question["subject"], self.question["body"]
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Go on with the answer."""
        context["label"] = self.question["label"]
        return super().execute_complete(context, event)


def build(job: ApprovalJob) -> DAG:
    """List the held files, ask about each, do what was answered."""

    @dag(
        schedule=schedule_of(job),
        max_active_runs=QUESTIONS,
        **dag_arguments(job),
    )
    def flow() -> None:
        @task
        def list_held() -> list[dict[str, Any]]:
            from oms.imports import guard

            context = get_current_context()
            params = run_parameters(job, context)
            with oms_db() as conn:
                found = guard.questions(conn, run_name(context), params["logId"])
            if not found:
                raise AirflowSkipException("no file waits for a person")
            return found

        @task(outlets=[DECISIONS], map_index_template="{{ label }}")
        def carry_out(question: dict[str, Any], answer: dict[str, Any]) -> str:
            from oms.imports import guard

            context = get_current_context()
            context["label"] = question["label"]
            decision = guard.APPROVED if answer["chosen_options"] == [APPROVE] else guard.REJECTED
            person = (answer["responded_by_user"] or {}).get("name") or "somebody"
            with oms_db() as conn:
                dag_id = guard.decide(conn, question["log_id"], decision, person)
            context["outlet_events"][DECISIONS].add(arrivals_of(JOBS[dag_id]), extra={"decision": decision})
            return decision

        @task_group
        def one_file(question: dict[str, Any]) -> None:
            ask = AskAboutFile(task_id="ask", question=question, map_index_template="{{ label }}")
            carry_out(question, ask.output)

        one_file.expand(question=list_held())

    return flow()
