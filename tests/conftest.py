"""Shared fixtures: a throw-away Postgres, a migrated database for each test, an SFTP server.

Airflow reads its settings when it is first imported, so they are set here, before anything else.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOM = 4 << 30
"""Bytes that the databases and files of all tests may need at a time."""


def folder_in_memory() -> Path | None:
    """A folder whose files are no work for a disk, if there is one with room where programs may run."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or not os.access(memory, os.W_OK) or shutil.disk_usage(memory).free < ROOM:
        return None
    return None if os.statvfs(memory).f_flag & os.ST_NOEXEC else memory


if "TMPDIR" not in os.environ and (memory := folder_in_memory()):
    tempfile.tempdir = os.environ["TMPDIR"] = str(memory)

PROJECT = Path(__file__).resolve().parent.parent
AIRFLOW_HOME = Path(tempfile.mkdtemp(prefix="oms-airflow-"))

os.environ |= {
    "TZ": "UTC",
    "AIRFLOW_HOME": str(AIRFLOW_HOME),
    "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "True",
    "AIRFLOW__CORE__DAG_DISCOVERY_SAFE_MODE": "False",
    "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{AIRFLOW_HOME}/airflow.db",
    "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
    "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(AIRFLOW_HOME / "logs"),
    "AIRFLOW__LOGGING__NAMESPACE_LEVELS": "asyncssh=WARNING paramiko=WARNING",
}

import hypothesis
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from fakeshop.testing import ShopServer, running_shop
from sandbox import postgres, processes, sftp

DRAWN_ANEW = "OMS_PROPERTY_EXAMPLES" in os.environ
"""`make soak` draws other examples each time, `make test` the same ones."""
hypothesis.settings.register_profile("ours", derandomize=not DRAWN_ANEW, deadline=None)
hypothesis.settings.load_profile("ours")

IN_AIRFLOW = ("tests/dags/", "tests/web/test_in_airflow.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts a whole stack first, then slow tests: others run beside them while they wait."""
    items.sort(
        key=lambda item: (
            item.get_closest_marker("e2e") is None,
            item.get_closest_marker("slow") is None,
        )
    )


class AirflowOnce(LoadFileScheduling):
    """The tests of a file are one worker's; all that run Airflow in our process, too: its start is long."""

    def _split_scope(self, nodeid: str) -> str:
        return "airflow" if nodeid.startswith(IN_AIRFLOW) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> AirflowOnce:
    return AirflowOnce(config, log)


def pytest_unconfigure() -> None:
    shutil.rmtree(AIRFLOW_HOME, ignore_errors=True)


class DatabaseServer:
    """A Postgres server on which the tests make and drop databases."""

    def __init__(self, admin_dsn: str) -> None:
        self.admin_dsn = admin_dsn
        self._made = 0

    def dsn(self, database: str) -> str:
        """The address of a database, as a URL or in the key=value form, like the admin's."""
        if "://" in self.admin_dsn:
            parts = self.admin_dsn.split("?", 1)
            options = f"?{parts[1]}" if len(parts) == 2 else ""
            return f"{parts[0].rsplit('/', 1)[0]}/{database}{options}"
        return psycopg.conninfo.make_conninfo(self.admin_dsn, dbname=database)

    def create(self, template: str | None = None) -> str:
        """Create a database, empty or as a copy of `template`; return its name."""
        self._made += 1
        name = f"oms_test_{os.getpid()}_{self._made}"
        self._run(
            sql.SQL("create database {} template {} strategy file_copy").format(
                sql.Identifier(name), sql.Identifier(template or "template0")
            )
        )
        return name

    def drop(self, database: str) -> None:
        self._run(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(database)))

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.admin_dsn, autocommit=True) as conn:
            conn.execute(statement)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[DatabaseServer]:
    """The server of TEST_PG_DSN, or a cluster of our own that lives as long as the session."""
    if dsn := os.environ.get("TEST_PG_DSN"):
        yield DatabaseServer(dsn)
        return
    home = Path(tempfile.mkdtemp(prefix="oms-postgres-"))
    home.chmod(0o711)
    cluster = postgres.prepare(home, port=processes.free_port(0))
    try:
        postgres.start(cluster, settings=postgres.THROW_AWAY, ends_with_us=True)
        yield DatabaseServer(cluster.dsn())
    finally:
        postgres.destroy(cluster)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def oms_template(postgres_server: DatabaseServer) -> Iterator[str]:
    """The name of a database built from the migrations. Nothing connects to it: it is only copied."""
    from oms import database

    name = postgres_server.create()
    database.migrate(postgres_server.dsn(name))
    yield name
    postgres_server.drop(name)


@pytest.fixture
def oms_dsn(postgres_server: DatabaseServer, oms_template: str) -> Iterator[str]:
    """The dsn of a freshly migrated database of the test's own."""
    name = postgres_server.create(template=oms_template)
    yield postgres_server.dsn(name)
    postgres_server.drop(name)


@pytest.fixture
def oms_db(oms_dsn: str) -> Iterator[psycopg.Connection]:
    """A connection to the test's own database, autocommit off; what is not committed is lost."""
    conn = psycopg.connect(oms_dsn)
    yield conn
    conn.close()


@pytest.fixture
def oms_parameters(oms_dsn: str) -> dict[str, str]:
    """Host, port, user, password and dbname of the test's own database."""
    return {key: str(value) for key, value in conninfo_to_dict(oms_dsn).items()}


@pytest.fixture(scope="session")
def sftp_server() -> Iterator[sftp.Server]:
    """An SFTP server: host, port, user, password, private_key_path, host_key and its folder, root."""
    home = Path(tempfile.mkdtemp(prefix="oms-sftp-"))
    server = sftp.prepare(home, port=processes.free_port(0))
    started = sftp.start(server, ends_with_us=True)
    yield server
    processes.end(started)
    shutil.rmtree(home)


@pytest.fixture(scope="session")
def shop_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShopServer]:
    """A local shop over HTTP, with whatever the test before left; `reset` empties it."""
    with running_shop(tmp_path_factory.mktemp("fakeshop")) as server:
        yield server


@pytest.fixture
def sftp_root(sftp_server: sftp.Server) -> Path:
    """The server's folder on this machine, empty at the start of each test."""
    for entry in sftp_server.root.iterdir():
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    return sftp_server.root
