"""Which connections are the user's, and what their addresses mean."""

import json
import os
import subprocess

import pytest
from psycopg.conninfo import conninfo_to_dict

from oms.addresses import dsn_of_connection
from sandbox import connections, postgres, processes, stack
from sandbox.__main__ import psql
from sandbox.layout import PROJECT, Sandbox


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
    monkeypatch.setattr(stack, "has_database", lambda _: True)
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


def test_a_shell_that_sourced_env_sh_finds_the_programs_of_the_sandboxs_postgres(tmp_path, oms_dsn):
    """An older pg_dump of the machine's refuses our server."""
    sandbox = Sandbox(tmp_path / "box")
    sandbox.make()
    sandbox.write_environment({"PYTHONPATH": str(PROJECT / "include"), connections.OMS_DB: oms_dsn}, {})
    backup = tmp_path / "oms.dump"

    command = f". {sandbox.env_script}; command -v pg_restore; python -m oms backup {backup}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == str(postgres.binary_dir() / "pg_restore")
    assert backup.stat().st_size > 0


def test_psql_leaves_a_sandbox_with_a_dead_part_as_it_is(tmp_path, oms_dsn, monkeypatch):
    sandbox = Sandbox(tmp_path / "box")
    sandbox.make()
    sandbox.write_environment({"OMS_DSN": oms_dsn}, {})
    log = tmp_path / "log"
    alive, dead = (processes.start(name, ["sleep", "60"], log=log) for name in ("sftp", "fakeshop"))
    with sandbox.changing_state() as state:
        state.started = [alive, dead]
    processes.end(dead)
    called = []
    monkeypatch.setattr(os, "execve", lambda *call: called.append(call))

    psql(sandbox, [])

    assert len(called) == 1
    assert alive.process() is not None
    processes.end(alive)


def test_secrets_are_made_once(tmp_path):
    sandbox = Sandbox(tmp_path / "box")
    sandbox.make()
    first = sandbox.secret("admin")
    sandbox.make()

    assert sandbox.secret("admin") == first
    assert sandbox.secret("fernet") != sandbox.secret("jwt")
