"""The Airflow DAGs of the inventory imports, one for each job, and the one about held files."""

from oms.catalog import APPROVE_HELD_FILES, INVENTORY_IMPORTS
from oms_airflow.approvals import approval_dag
from oms_airflow.job_dags import import_job_dag, wanted

for job in wanted(INVENTORY_IMPORTS):
    import_job_dag(job)

for job in wanted([APPROVE_HELD_FILES]):
    approval_dag(job)
