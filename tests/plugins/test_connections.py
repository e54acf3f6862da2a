"""Airflow connections as the OMS functions get them."""

import json

import psycopg
import pytest
from airflow.sdk import Connection
from psycopg.conninfo import conninfo_to_dict

from oms_airflow import connections
from oms_airflow.connections import MissingConnection
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
