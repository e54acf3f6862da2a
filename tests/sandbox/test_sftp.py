"""The SFTP server, seen by the client libraries below Airflow's hooks and by the hooks themselves."""

import asyncio
import base64
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, urlencode

import asyncssh
import paramiko
import pytest

from sandbox import connections, processes, sftp
from sandbox.airflow_api import AirflowApi
from sandbox.demo import Demo
from sandbox.layout import Sandbox


@contextmanager
def client(server: sftp.Server, **login: object) -> Iterator[paramiko.SFTPClient]:
    with paramiko.SSHClient() as ssh:
        kind, key = server.host_key.split()
        name = f"[{server.host}]:{server.port}"
        ssh.get_host_keys().add(name, kind, paramiko.Ed25519Key(data=base64.b64decode(key)))
        ssh.connect(
            server.host, server.port, server.user, look_for_keys=False, allow_agent=False, timeout=10, **login
        )
        with ssh.open_sftp() as files:
            yield files


def test_login_with_the_password(sftp_server, sftp_root):
    (sftp_root / "hello.csv").write_text("a,b\n")

    with client(sftp_server, password=sftp_server.password) as files:
        assert files.listdir("/") == ["hello.csv"]


def test_login_with_the_key(sftp_server, sftp_root):
    with client(sftp_server, key_filename=str(sftp_server.private_key_path)) as files:
        files.putfo(io.BytesIO(b"a,b\n"), "/up.csv.part")
        files.posix_rename("/up.csv.part", "/up.csv")

    assert (sftp_root / "up.csv").read_bytes() == b"a,b\n"


def test_a_wrong_password_is_refused(sftp_server):
    with (
        pytest.raises(paramiko.AuthenticationException),
        client(sftp_server, password=sftp_server.password + "x"),
    ):
        pass


def test_a_strange_key_is_refused(sftp_server, tmp_path):
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(tmp_path / "strange")

    with (
        pytest.raises(paramiko.AuthenticationException),
        client(sftp_server, key_filename=str(tmp_path / "strange")),
    ):
        pass


def test_nothing_outside_the_folder_can_be_reached(sftp_server, sftp_root):
    (sftp_root / "out").symlink_to(sftp_server.home)
    with client(sftp_server, password=sftp_server.password) as files:
        for path in ("../password", "/../password", "/a/../../password", "/../../../../../../etc/passwd"):
            with pytest.raises(FileNotFoundError):
                files.open(path)
        with pytest.raises(PermissionError):
            files.open("/out/password")
        with pytest.raises(PermissionError):
            files.listdir("/out")


def test_the_host_key_outlives_the_process(tmp_path):
    first = sftp.prepare(tmp_path, port=processes.free_port(0))
    again = sftp.prepare(tmp_path, port=first.port)

    assert (first.host_key, first.password) == (again.host_key, again.password)
    assert first.private_key_path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "host_key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("by_key", [True, False])
def test_the_airflow_hooks_accept_the_connection(sftp_server, sftp_root, monkeypatch, by_key):
    from airflow.providers.sftp.hooks.sftp import SFTPHook, SFTPHookAsync

    (sftp_root / "in").mkdir()
    (sftp_root / "in" / "a.csv").write_text("1\n")
    monkeypatch.setenv("AIRFLOW_CONN_FTP_TRY", json.dumps(sftp_server.connection(by_key=by_key)))

    assert SFTPHook(ssh_conn_id="ftp_try").list_directory("/in") == ["a.csv"]
    assert "a.csv" in asyncio.run(SFTPHookAsync(sftp_conn_id="ftp_try").list_directory("/in"))


def logins(server: sftp.Server) -> dict[str, str]:
    """Connections to the server in the forms that Airflow takes."""
    by_key = server.connection(by_key=True)
    by_file = by_key | {
        "extra": json.dumps(
            {"key_file": str(server.private_key_path), "host_key": server.host_key.split()[1]}
        )
    }
    extra = urlencode({"host_key": server.host_key})
    return {
        "key": json.dumps(by_key),
        "key in a file": json.dumps(by_file),
        "password": json.dumps(server.connection(by_key=False)),
        "URI": f"sftp://{server.user}:{quote(server.password)}@{server.host}:{server.port}/?{extra}",
    }


@pytest.mark.parametrize("form", ["key", "key in a file", "password", "URI"])
def test_the_demo_logs_in_as_the_given_connection_says(sftp_server, sftp_root, form):
    (sftp_root / "a.csv").write_text("1\n")
    environment = {connections.FTP_CONFIG: logins(sftp_server)[form]}
    demo = Demo(Sandbox(sftp_root), AirflowApi("http://127.0.0.1:1", "admin", ""), environment)

    with demo.sftp() as files:
        assert files.listdir() == ["a.csv"]


def test_the_demo_checks_the_host_key(sftp_server):
    stranger = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    for host_key in (" ".join(stranger.split()[:2]), None):
        connection = sftp_server.connection(by_key=True)
        connection["extra"]["host_key"] = host_key

        with (
            pytest.raises(paramiko.SSHException, match=r"[Hh]ost key|known_hosts"),
            connections.sftp_client(json.dumps(connection)),
        ):
            pass


def test_the_airflow_hooks_check_the_host_key(sftp_server, monkeypatch):
    from airflow.providers.sftp.hooks.sftp import SFTPHook, SFTPHookAsync

    stranger = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    connection = sftp_server.connection(by_key=False)
    connection["extra"]["host_key"] = " ".join(stranger.split()[:2])
    monkeypatch.setenv("AIRFLOW_CONN_FTP_TRY", json.dumps(connection))
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)  # the hook waits between its tries

    with pytest.raises(paramiko.BadHostKeyException):
        SFTPHook(ssh_conn_id="ftp_try").list_directory("/")
    with pytest.raises(asyncssh.HostKeyNotVerifiable):
        asyncio.run(SFTPHookAsync(sftp_conn_id="ftp_try").list_directory("/"))
