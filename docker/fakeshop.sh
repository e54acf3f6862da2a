#!/bin/bash
# The local shop with one shop, demo; its access token comes from the environment.
set -euo pipefail
umask 077
config=$(mktemp)
printf '{"shops": [{"shop": "demo", "access_token": "%s"}]}' "$FAKESHOP_TOKEN" >"$config"
unset FAKESHOP_TOKEN
exec python -m fakeshop --host 0.0.0.0 --port 8090 --data /opt/airflow/fakeshop --config "$config"
