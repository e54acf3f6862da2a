"""The Airflow DAGs that bring stock figures to Shopify, and the one of the inventory category."""

from oms.catalog import INVENTORY_CATEGORY, INVENTORY_SYNCS
from oms_airflow.job_dags import category_dag, sync_job_dag

for job in INVENTORY_SYNCS:
    sync_job_dag(job)

category_dag(INVENTORY_CATEGORY)
