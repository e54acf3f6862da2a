"""Airflow connections as the OMS functions get them."""

import asyncio
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import paramiko
import psycopg
import pytest
from airflow.sdk import Connection
from psycopg.conninfo import conninfo_to_dict

from oms import remote, transfer
from oms_airflow import connections, file_arrival
from oms_airflow.connections import MissingConnection, WrongConnection
from sandbox import processes, sftp
from tests.dags.conftest import oms_connection


@pytest.mark.parametrize("connection_id", ["oms_db", "ftp_config", "shopify_demo"])
def test_a_missing_connection_is_named_with_how_to_set_it(
    connection_id: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv(f"AIRFLOW_CONN_{connection_id.upper()}", raising=False)

    with pytest.raises(MissingConnection) as missing:
        connections.connection(connection_id)

    assert f"connection {connection_id} is not set" in str(missing.value)
    assert f"AIRFLOW_CONN_{connection_id.upper()}" in str(missing.value)
    assert "Admin, Connections" in str(missing.value)


def test_the_oms_database_is_opened_in_autocommit_mode_and_utc(oms_dsn: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AIRFLOW_CONN_OMS_DB", oms_connection(oms_dsn))

    with connections.oms_db() as conn:
        assert conn.autocommit
        assert conn.execute("show time zone").fetchone() == ("UTC",)
    assert conn.closed


def test_extras_that_the_driver_knows_go_to_it():
    found = Connection(
        conn_id="oms_db",
        conn_type="postgres",
        host="db.example",
        login="oms",
        password="p w'd",
        schema="oms",
        extra=json.dumps({"sslmode": "require", "cursor": "dictcursor"}),
    )

    assert conninfo_to_dict(connections.dsn_of(found)) == {
        "host": "db.example",
        "user": "oms",
        "password": "p w'd",
        "dbname": "oms",
        "sslmode": "require",
    }


def test_a_database_that_does_not_answer_raises_the_driver_s_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AIRFLOW_CONN_OMS_DB", "postgres://oms@127.0.0.1:1/oms")

    with pytest.raises(psycopg.OperationalError), connections.oms_db():
        pass


def test_a_shop_s_login_is_address_token_and_extras(monkeypatch: pytest.MonkeyPatch):
    login = {
        "conn_type": "http",
        "host": "https://x.example",
        "password": "t",
        "extra": {"api_version": "2026-07"},
    }
    monkeypatch.setenv("AIRFLOW_CONN_SHOPIFY_X", json.dumps(login))

    assert connections.shop_login("shopify_x") == ("https://x.example", "t", {"api_version": "2026-07"})


@pytest.fixture
def stopping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """A server of the connection ftp_config, and how to stop its process; it has half a second to answer."""
    server = sftp.prepare(tmp_path, port=processes.free_port(0))
    (server.root / "in").mkdir()
    (server.root / "in" / "a.csv").write_bytes(b"x" * 10_000_000)
    given = server.connection(by_key=False)
    given["extra"]["answer_timeout"] = 2
    monkeypatch.setenv("AIRFLOW_CONN_FTP_CONFIG", json.dumps(given))
    started = sftp.start(server, ends_with_us=True)
    yield lambda: os.kill(started.pid, signal.SIGSTOP)
    os.kill(started.pid, signal.SIGCONT)
    processes.end(started)


def _use(stop: Callable[[], None], act: str) -> None:
    """A session whose server is stopped in the middle of a transfer."""
    with connections.sftp_client("ftp_config") as session:
        pieces = iter(transfer.read_to_end(session, "in/a.csv", 10_000_000))
        next(pieces)
        stop()
        if act == "list":
            session.listdir("in")
        elif act == "read":
            list(pieces)
        else:
            remote.write_whole(session, "in/b.csv", [b"x" * 10_000_000])


@pytest.mark.parametrize("act", ["list", "read", "write"])
def test_an_sftp_server_that_stops_answering_is_not_waited_for_without_end(stopping, act: str):
    with pytest.raises(TimeoutError, match=r"ftp_config has not answered for 2 s \(answer_timeout"):
        _use(stopping, act)


def test_a_server_that_opens_no_session_is_not_waited_for_without_end(stopping, monkeypatch):
    real = paramiko.Transport.open_session

    def open_session(*given, **named):
        channel = real(*given, **named)
        stopping()
        return channel

    monkeypatch.setattr(paramiko.Transport, "open_session", open_session)

    with pytest.raises(paramiko.SSHException), connections.sftp_client("ftp_config"):
        pass


def test_the_watch_of_a_folder_does_not_wait_for_a_stopped_server_either(stopping):
    async def looks():
        folder = file_arrival._Folder("ftp_config", "in")
        first = await folder.look()
        stopping()
        second = await folder.look()
        return first, second, folder._patience

    first, second, patience = asyncio.run(looks())

    assert list(first.files) == ["a.csv"]
    assert (second.files, patience) == (None, 2)


@pytest.mark.parametrize("given", ["soon", 0, -1, "nan", 1e9, None])
def test_a_time_to_answer_that_is_none_is_refused(given):
    found = Connection(conn_id="ftp_config", conn_type="sftp", extra=json.dumps({"answer_timeout": given}))

    with pytest.raises(WrongConnection, match=r"ftp_config has the extra answer_timeout .*give seconds"):
        connections.answer_timeout(found)


@pytest.mark.parametrize("extra", [{"private_key": "no key"}, {"no_host_key_check": "true", "host_key": "x"}])
def test_a_connection_that_makes_no_sense_is_not_tried_again(monkeypatch, extra):
    given = {"conn_type": "sftp", "host": "127.0.0.1", "login": "oms", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_FTP_CONFIG", json.dumps(given))

    with (
        pytest.raises(WrongConnection, match="the connection ftp_config makes no sense"),
        connections.sftp_client("ftp_config"),
    ):
        pass


def test_a_server_has_a_minute_for_an_answer_where_nobody_says_otherwise():
    assert connections.answer_timeout(Connection(conn_id="ftp_config", conn_type="sftp")) == 60
