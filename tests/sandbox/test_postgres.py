"""The sandbox's Postgres: settings, restart, taken ports, leftovers of a crash."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from sandbox import postgres, processes

pytestmark = pytest.mark.usefixtures("stopped_at_the_end")


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cluster")


@pytest.fixture
def cluster(home: Path) -> postgres.Cluster:
    return postgres.prepare(home, port=processes.free_port(0))


@pytest.fixture
def stopped_at_the_end(cluster: postgres.Cluster) -> Iterator[None]:
    yield
    postgres.destroy(cluster)


def start(cluster: postgres.Cluster) -> processes.Started:
    return postgres.start(cluster, settings={"shared_buffers": "64MB"})


def test_it_is_version_18_with_our_settings(cluster):
    start(cluster)

    with psycopg.connect(cluster.dsn()) as conn:
        show = lambda name: conn.execute(f"show {name}").fetchone()[0]  # noqa: E731 - a name for a call, read once below
        assert show("server_version").startswith("18.")
        assert (show("max_wal_size"), show("synchronous_commit"), show("timezone")) == ("4GB", "on", "UTC")
        assert show("listen_addresses") == "127.0.0.1"


def test_a_wrong_password_is_refused(cluster):
    start(cluster)

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(cluster.dsn(password="wrong"))


def test_root_does_not_run_the_server(cluster):
    started = start(cluster)

    assert psutil.Process(started.pid).uids().real != 0


def test_data_survives_a_restart(cluster, home):
    start(cluster)
    with psycopg.connect(postgres.ensure_database(cluster, "oms", "secret")) as conn:
        conn.execute("create table kept as select 42 as answer")
    postgres.stop(cluster)
    assert postgres.running(cluster) is None

    again = postgres.prepare(home, port=cluster.port)
    start(again)

    with psycopg.connect(postgres.ensure_database(again, "oms", "changed")) as conn:
        assert conn.execute("select answer from kept").fetchone() == (42,)


def test_a_folder_that_was_deleted_does_not_come_back_with_its_old_data(cluster, home):
    """As root the data may lie outside the folder; secrets of the old one would open nothing of it."""
    start(cluster)
    postgres.ensure_database(cluster, "oms", "secret of the old folder")
    postgres.stop(cluster)
    shutil.rmtree(home)

    again = postgres.prepare(home, port=cluster.port)

    start(again)
    with psycopg.connect(again.dsn()) as conn:
        assert conn.execute("select count(*) from pg_roles where rolname = 'oms'").fetchone() == (0,)


def test_two_databases_have_owners_of_their_own(cluster):
    start(cluster)
    postgres.ensure_database(cluster, "airflow", "one")
    postgres.ensure_database(cluster, "oms", "two")

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(cluster.dsn("airflow", user="airflow", password="two"))


def test_after_a_crash_the_old_pid_file_is_no_obstacle(cluster):
    started = start(cluster)
    family = [psutil.Process(started.pid), *psutil.Process(started.pid).children()]
    os.kill(started.pid, signal.SIGKILL)
    psutil.wait_procs(family, timeout=10)
    pid_file = cluster.data / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")

    start(cluster)

    assert postgres.running(cluster) is not None


def test_a_taken_port_gives_another_one():
    with processes.socket.socket() as taken:
        taken.bind((processes.LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]

        assert processes.free_port(port) != port

    assert processes.free_port(port) == port


def test_a_port_is_given_to_one_of_those_who_ask_at_the_same_time():
    asked = "from fakeshop.ports import reserve_port; print(reserve_port(), flush=True); input()"
    command = [sys.executable, "-c", asked]
    path = {"PYTHONPATH": str(Path(processes.__file__).parents[1])}
    askers = [
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | path
        )
        for _ in range(4)
    ]
    ports = [asker.stdout.readline() for asker in askers]
    for asker in askers:
        asker.communicate("done\n")

    assert len(set(ports)) == len(askers)


def test_a_server_that_cannot_start_shows_its_log(cluster):
    with pytest.raises(processes.ProcessFailed, match="invalid value for parameter"):
        postgres.start(cluster, settings={"shared_buffers": "much"})


def test_stop_leaves_no_process(cluster):
    started = start(cluster)
    with psycopg.connect(cluster.dsn()):
        family = [psutil.Process(started.pid), *psutil.Process(started.pid).children(recursive=True)]
        assert len(family) > 3
        postgres.stop(cluster)

    deadline = time.monotonic() + 60
    while any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in family):
        assert time.monotonic() < deadline
        time.sleep(0.05)
