#!/bin/sh
# usage: install.sh PYTHON LOCK   (in the project's folder)
# Makes .venv with everything in the lock. uv does not read pip's configuration, so the index, the extra indexes
# and the link folders named there are handed to it; where uv cannot install, pip does. Everything is compiled,
# as pip does it: else each process compiles Airflow for itself, for three seconds.
set -eu
python=$1
lock=$2

[ -x .venv/bin/python ] || "$python" -m venv .venv
uv=$(grep '^uv==' "$lock" | cut -d ' ' -f 1)
.venv/bin/python -m uv --version 2>/dev/null | grep -q "uv ${uv#uv==}" ||
    .venv/bin/python -m pip install --quiet --disable-pip-version-check "$uv"

from_pip() { # option name -> its value in the environment or in pip's files, on one line
    variable=PIP_$(printf %s "$1" | tr 'a-z-' 'A-Z_')
    eval "value=\${$variable:-}"
    [ -n "$value" ] || value=$(.venv/bin/python -m pip config get "install.$1" 2>/dev/null ||
        .venv/bin/python -m pip config get "global.$1" 2>/dev/null) || value=
    printf '%s\n' "$value" | tr '\n' ' '
}
# $(…) ends the lines; an option that pip does not know leaves uv's own setting alone.
set_for_uv() { # uv's variable, value
    if [ -n "${2% }" ] && eval "[ -z \"\${$1:-}\" ]"; then export "$1=${2% }"; fi
}
set_for_uv UV_INDEX_URL "$(from_pip index-url)"
set_for_uv UV_EXTRA_INDEX_URL "$(from_pip extra-index-url)"
set_for_uv UV_FIND_LINKS "$(from_pip find-links | tr ' ' ',' | sed 's/,*$//')"
set_for_uv UV_INDEX_STRATEGY unsafe-best-match # pip's way with several indexes
set_for_uv SSL_CERT_FILE "$(from_pip cert)"

VIRTUAL_ENV=$PWD/.venv .venv/bin/python -m uv pip install --quiet --compile-bytecode --requirement "$lock" || {
    echo "uv could not install; trying pip" >&2
    .venv/bin/python -m pip install --disable-pip-version-check --quiet --requirement "$lock"
}
