"""The Airflow DAGs that take stock figures from Shopify, one for each job of the catalogue."""

from oms.catalog import INVENTORY_PULLS
from oms_airflow.job_dags import pull_job_dag, wanted

for job in wanted(INVENTORY_PULLS):
    pull_job_dag(job)
