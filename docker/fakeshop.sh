#!/bin/bash
# The local shop with one shop, demo; its access token and the secret of its app come from the environment.
set -euo pipefail
umask 077
config=$(mktemp)
printf '{"shops": [{"shop": "demo", "access_token": "%s", "client_secret": "%s"}]}' \
  "$FAKESHOP_TOKEN" "$FAKESHOP_SECRET" >"$config"
unset FAKESHOP_TOKEN FAKESHOP_SECRET
exec python -m fakeshop --host 0.0.0.0 --port 8090 --data /opt/airflow/fakeshop --config "$config"
