#!/bin/bash
# Runs before everything else of Airflow, and again at each start: both databases up to date, the pools there.
set -euo pipefail
airflow db migrate
airflow pools import /opt/airflow/config/pools.json
python -c 'import os; from oms import database; database.migrate(os.environ["OMS_DSN"])'
