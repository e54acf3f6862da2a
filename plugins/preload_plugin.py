"""Imports what tasks need once, where Airflow's long-lived processes start, instead of in every task.

A task is a fork of such a process: what that has imported the task has too, half a second of work saved for
each. Other people's packages only: our own code is read by each task, so a change needs no restart.
"""

from importlib import import_module
from typing import ClassVar

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

MODULES = (
    "aiosql",
    "numpy",
    "psycopg",
    "requests",
    "airflow.providers.sftp.hooks.sftp",
    "airflow.providers.standard.decorators.python",
    "airflow.providers.standard.operators.trigger_dagrun",
    "airflow.triggers.base",
)


class Preload:
    """Listens to the start of a scheduler, triggerer or DAG processor, before it forks anything."""

    @hookimpl
    def on_starting(self, component: object) -> None:
        if type(component).__name__ == "Job":  # a task says so too, and needs only some of them
            for name in MODULES:
                import_module(name)


class PreloadPlugin(AirflowPlugin):
    name = "preload"
    listeners: ClassVar[list[object]] = [Preload()]
