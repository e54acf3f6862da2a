"""The Airflow DAGs of the inventory imports, one for each job, and the one about held files."""

from oms.catalog import APPROVE_HELD_FILES, INVENTORY_IMPORTS
from oms_airflow.approvals import approval_dag
from oms_airflow.job_dags import import_job_dag

for job in INVENTORY_IMPORTS:
    import_job_dag(job)

approval_dag(APPROVE_HELD_FILES)
