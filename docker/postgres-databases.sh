#!/bin/bash
# Runs once, when the data volume is new: one role and one database each for Airflow and for the OMS.
set -euo pipefail
psql --username "$POSTGRES_USER" --set ON_ERROR_STOP=1 \
    --set airflow_password="$AIRFLOW_DB_PASSWORD" --set oms_password="$OMS_DB_PASSWORD" <<'SQL'
create role airflow login password :'airflow_password';
create role oms login password :'oms_password';
create database airflow owner airflow;
create database oms owner oms;
SQL
