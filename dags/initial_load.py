"""The Airflow DAGs of the initial load: one for each job of the catalogue, and one for their category."""

from oms.catalog import INITIAL_LOAD, INITIAL_LOADS
from oms_airflow.job_dags import category_dag, pull_job_dag, wanted

for job in wanted(INITIAL_LOADS):
    pull_job_dag(job)

for job in wanted([INITIAL_LOAD]):
    category_dag(job)
