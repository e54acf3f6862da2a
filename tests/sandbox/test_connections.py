"""Which connections are the user's, and what their addresses mean."""

import json
import os

import pytest
from psycopg.conninfo import conninfo_to_dict

from oms.addresses import dsn_of_connection
from sandbox import connections, stack
from sandbox.__main__ import psql
from sandbox.layout import Sandbox


def test_a_connection_of_the_users_is_used(monkeypatch):
    monkeypatch.setenv(connections.OMS_DB, "postgres://me@db/oms")

    assert connections.given(previous={})[connections.OMS_DB] == "postgres://me@db/oms"


def test_a_shell_that_sourced_env_sh_has_set_nothing_of_its_own(monkeypatch, tmp_path):
    sandbox = Sandbox(tmp_path)
    sandbox.make()
    sandbox.write_environment({connections.OMS_DB: "ours"}, {connections.FTP_CONFIG: "sftp://theirs"})
    for name, value in sandbox.read_environment().items():
        monkeypatch.setenv(name, value)

    given = connections.given(sandbox.own_environment())

    assert connections.OMS_DB not in given
    assert given[connections.FTP_CONFIG] == "sftp://theirs"


@pytest.mark.parametrize(
    "connection",
    [
        "postgres://me:p%40ss@db:5433/oms?sslmode=verify-full",
        json.dumps(
            {
                "conn_type": "postgres",
                "host": "db",
                "port": 5433,
                "login": "me",
                "password": "p@ss",
                "schema": "oms",
                "extra": {"sslmode": "verify-full", "hook_option": "x"},
            }
        ),
    ],
)
def test_the_address_of_a_connection_keeps_how_it_is_secured(connection):
    address = dsn_of_connection(connection, connections.OMS_DB)

    assert conninfo_to_dict(address) == {
        "host": "db",
        "port": "5433",
        "user": "me",
        "password": "p@ss",
        "dbname": "oms",
        "sslmode": "verify-full",
    }


def test_psql_gets_the_address_without_its_password(tmp_path, monkeypatch):
    sandbox = Sandbox(tmp_path)
    sandbox.make()
    sandbox.write_environment({"OMS_DSN": "host=db user=me password='p@ s' sslmode=require"}, {})
    monkeypatch.setattr(stack, "up", lambda _: None)
    called = []
    monkeypatch.setattr(os, "execve", lambda *call: called.append(call))

    psql(sandbox, ["-c", "select 1"])

    ((_, (_, address, *rest), environment),) = called
    assert conninfo_to_dict(address) == {"host": "db", "user": "me", "sslmode": "require"}
    assert rest == ["-c", "select 1"]
    assert environment["PGPASSWORD"] == "p@ s"


def test_files_with_secrets_are_for_their_owner_only(tmp_path):
    sandbox = Sandbox(tmp_path / "box")
    sandbox.make()
    sandbox.write_environment({"A": "it's"}, {})

    for name in ("secrets.json", "env.json", "env.sh"):
        assert (sandbox.folder / name).stat().st_mode & 0o777 == 0o600
    assert "export A='it'\"'\"'s'" in sandbox.env_script.read_text()


def test_secrets_are_made_once(tmp_path):
    sandbox = Sandbox(tmp_path / "box")
    sandbox.make()
    first = sandbox.secret("admin")
    sandbox.make()

    assert sandbox.secret("admin") == first
    assert sandbox.secret("fernet") != sandbox.secret("jwt")
