#!/bin/sh
# Debian packages that some tests need: docker-compose for the compose file, chromium for the web pages.
# Installed only where they are missing and we may; otherwise those tests are skipped and say why.
set -u

missing=
docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null || missing="docker-compose"
command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing="$missing chromium"
[ -n "${missing# }" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "not installed: ${missing# }; the tests that need it are skipped"
    exit 0
fi
echo "installing ${missing# } for the tests"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
# shellcheck disable=SC2086
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } >"$log" 2>&1; then
    tail -n 5 "$log"
    echo "could not install ${missing# }; the tests that need it are skipped"
fi
rm -f "$log"
