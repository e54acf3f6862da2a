#!/bin/bash
# The login of Airflow's simple auth manager comes from the environment; its file is never in the image.
set -euo pipefail
umask 077
printf '{"admin": "%s"}' "$AIRFLOW_ADMIN_PASSWORD" >"$AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"
unset AIRFLOW_ADMIN_PASSWORD
exec airflow api-server
