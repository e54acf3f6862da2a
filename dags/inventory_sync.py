"""The Airflow DAGs that bring stock figures to Shopify, and the one of the inventory category."""

from oms.catalog import INVENTORY_CATEGORY, INVENTORY_SYNCS
from oms_airflow.job_dags import category_dag, sync_job_dag, wanted

for job in wanted(INVENTORY_SYNCS):
    sync_job_dag(job)

for job in wanted([INVENTORY_CATEGORY]):
    category_dag(job)
