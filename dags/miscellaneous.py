"""The Airflow DAGs of the jobs that look after the OMS itself."""

from oms.catalog import MISCELLANEOUS_TASKS
from oms_airflow.job_dags import task_job_dag, wanted

for job in wanted(MISCELLANEOUS_TASKS):
    task_job_dag(job)
