"""Which connections are the user's, and what their addresses mean."""

import json

import pytest

from sandbox import connections
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
        "postgres://me:p%40ss@db:5433/oms",
        json.dumps(
            {
                "conn_type": "postgres",
                "host": "db",
                "port": 5433,
                "login": "me",
                "password": "p@ss",
                "schema": "oms",
            }
        ),
        connections.postgres("db", 5433, "me", "p@ss", "oms"),
    ],
)
def test_the_address_of_a_connection(connection):
    assert connections.postgres_dsn(connection) == "postgresql://me:p%40ss@db:5433/oms"


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
