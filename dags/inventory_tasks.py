"""The Airflow DAGs of the inventory jobs that are one task each."""

from oms.catalog import INVENTORY_TASKS
from oms_airflow.job_dags import task_job_dag, wanted

for job in wanted(INVENTORY_TASKS):
    task_job_dag(job)
