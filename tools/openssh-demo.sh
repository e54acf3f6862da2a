#!/bin/sh
# usage: openssh-demo.sh [make's variables]   (in the project's folder; default EXIT=1)
# The demo against a given connection: OpenSSH's server (Debian: openssh-server) with login by key, on 127.0.0.1.
# As root the login sees one folder and nothing above it (chroot); anybody else begins in that folder. In both
# cases the server is of this call's own, on a free port, and is gone at its end.
set -eu
sshd=$(command -v sshd || echo /usr/sbin/sshd)
[ -x "$sshd" ] || { echo "there is no sshd: apt-get install openssh-server" >&2; exit 1; }
python=.venv/bin/python
make --silent .venv/installed

if [ "$(id -u)" = 0 ]; then # whom sshd shuts in nobody else may write above
    folder=$(mktemp -d /run/oms-openssh.XXXXXX)
else
    folder=$(mktemp -d)
fi
chmod 755 "$folder"
pid=
end() {
    [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
    rm -rf "$folder"
}
trap end EXIT
trap 'exit 130' INT TERM HUP

mkdir -m 755 "$folder/root"
for key in host client; do
    ssh-keygen -q -t ed25519 -N '' -C '' -f "$folder/$key"
done
port=$($python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >"$folder/sshd_config" <<CONFIG
ListenAddress 127.0.0.1:$port
HostKey $folder/host
PidFile none
AuthorizedKeysFile $folder/client.pub
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
UsePAM no
StrictModes no
AllowUsers $(id -un)
AllowTcpForwarding no
Subsystem sftp internal-sftp
CONFIG
if [ "$(id -u)" = 0 ]; then
    mkdir -p /run/sshd # where it goes without rights
    printf 'ChrootDirectory %s\nForceCommand internal-sftp\n' "$folder/root" >>"$folder/sshd_config"
else
    printf 'ForceCommand internal-sftp -d %s\n' "$folder/root" >>"$folder/sshd_config"
fi
"$sshd" -t -f "$folder/sshd_config"
"$sshd" -D -E "$folder/sshd.log" -f "$folder/sshd_config" &
pid=$!

AIRFLOW_CONN_FTP_CONFIG=$($python - "$folder" "$port" "$(id -un)" <<'CODE'
import json, pathlib, sys
folder, port, login = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
host_key = " ".join((folder / "host.pub").read_text().split()[:2])
extra = {"private_key": (folder / "client").read_text(), "host_key": host_key}
print(json.dumps({"conn_type": "sftp", "host": "127.0.0.1", "port": port, "login": login, "extra": extra}))
CODE
)
AIRFLOW_CONN_FTP_EXP_CONFIG=$AIRFLOW_CONN_FTP_CONFIG
export AIRFLOW_CONN_FTP_CONFIG AIRFLOW_CONN_FTP_EXP_CONFIG
until PYTHONPATH=include $python -c 'import os; from sandbox.connections import *
with sftp_client(os.environ[FTP_CONFIG]) as files: files.listdir()' 2>"$folder/refused"; do
    tries=$((${tries:-0} + 1))
    [ $tries -lt 10 ] || { cat "$folder/refused" "$folder/sshd.log" >&2; exit 1; }
done
echo "$("$sshd" -V 2>&1 | head -n 1) on 127.0.0.1:$port, login $(id -un) by key"
if make demo EXIT=1 "$@"; then
    echo "files on the server at the end: $(find "$folder/root" -type f | wc -l)"
else
    code=$?
    tail -n 20 "$folder/sshd.log" >&2
    exit $code
fi
