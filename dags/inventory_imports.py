"""The Airflow DAGs of the inventory imports, one for each job of the catalogue."""

from oms.catalog import INVENTORY_IMPORTS
from oms_airflow.job_dags import import_job_dag

for job in INVENTORY_IMPORTS:
    import_job_dag(job)
