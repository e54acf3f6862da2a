"""An SFTP server on 127.0.0.1 for one user, who sees one folder and nothing above it.

It accepts a key and a password, like the servers it stands in for, and keeps its host key, so that clients
can check it. `python -m sandbox.sftp HOME` serves HOME/root.
"""

import argparse
import asyncio
import hmac
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from sandbox import processes
from sandbox.processes import LOOPBACK, Started

DEFAULT_PORT = 12022
USER = "oms"


@dataclass(frozen=True)
class Server:
    """A server's folder and what a client needs to log in."""

    home: Path
    port: int
    host: str = LOOPBACK
    user: str = USER

    @property
    def root(self) -> Path:
        """The folder that clients see as `/`."""
        return self.home / "root"

    @property
    def log(self) -> Path:
        return self.home / "sftp.log"

    @property
    def password(self) -> str:
        return (self.home / "password").read_text()

    @property
    def private_key_path(self) -> Path:
        return self.home / "client_key"

    @property
    def host_key(self) -> str:
        """The server's public key as `ssh-ed25519 AAAA…`."""
        return " ".join((self.home / "host_key.pub").read_text().split()[:2])

    def connection(self, *, by_key: bool) -> dict:
        """The Airflow connection (JSON form): by key or by password, the host key always checked."""
        extra = {"host_key": self.host_key}
        login = {"conn_type": "sftp", "host": self.host, "port": self.port, "login": self.user}
        if by_key:
            return login | {"extra": extra | {"private_key": self.private_key_path.read_text()}}
        return login | {"password": self.password, "extra": extra}


def prepare(home: Path, *, port: int = DEFAULT_PORT) -> Server:
    """Create the folder, the host key, the client's key and the password; keep those that exist."""
    home = home.absolute()
    (home / "root").mkdir(parents=True, exist_ok=True)
    for name in ("host_key", "client_key"):
        if not (home / f"{name}.pub").exists():
            key = asyncssh.generate_private_key("ssh-ed25519", comment=f"oms-sandbox-{name}")
            processes.write_secret(home / name, key.export_private_key().decode())
            key.write_public_key(home / f"{name}.pub")
    if not (home / "password").exists():
        processes.write_secret(home / "password", secrets.token_urlsafe(18))
    return Server(home, port)


def start(server: Server, *, env: Mapping[str, str] | None = None, ends_with_us: bool = False) -> Started:
    """Start the server in a process of its own and return when it listens."""
    environment = dict(os.environ if env is None else env)
    environment["PYTHONPATH"] = str(Path(__file__).resolve().parent.parent)
    started = processes.start(
        "sftp",
        [sys.executable, "-m", "sandbox.sftp", server.home, "--port", str(server.port)],
        log=server.log,
        env=environment,
        ends_with_us=signal.SIGTERM if ends_with_us else None,
    )
    processes.wait_until(lambda: processes.listening(server.port), started, seconds=30)
    return started


class _Login(asyncssh.SSHServer):
    def __init__(self, password: str) -> None:
        self._password = password

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return username == USER and hmac.compare_digest(password.encode(), self._password.encode())


class _Files(asyncssh.SFTPServer):
    """Files under one folder. A path that leads out of it, through a link too, is refused."""

    def __init__(self, channel: asyncssh.SSHServerChannel, root: Path) -> None:
        super().__init__(channel, chroot=os.fsencode(root))
        self._root = root.resolve()

    def map_path(self, path: bytes) -> bytes:
        mapped = super().map_path(path)
        if not Path(os.fsdecode(mapped)).resolve().is_relative_to(self._root):
            raise asyncssh.SFTPPermissionDenied(f"{os.fsdecode(path)} is outside the server's folder")
        return mapped

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        """List a folder; like OpenSSH without the files that go meanwhile, where asyncssh would end."""
        for name in (b".", b".."):
            yield await self._to_sftpname(path, name)
        with os.scandir(self.map_path(path)) as entries:
            for entry in entries:
                try:
                    found = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                yield asyncssh.SFTPName(entry.name, attrs=asyncssh.SFTPAttrs.from_local(found))


async def serve(server: Server) -> None:
    """Serve until cancelled."""
    keys = asyncssh.import_authorized_keys((server.home / "client_key.pub").read_text())
    password = server.password
    listener = await asyncssh.listen(
        LOOPBACK,
        server.port,
        server_factory=lambda: _Login(password),
        server_host_keys=[str(server.home / "host_key")],
        authorized_client_keys=keys,
        sftp_factory=lambda channel: _Files(channel, server.root),
        allow_scp=False,
        reuse_address=True,
    )
    async with listener:
        await listener.wait_closed()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.sftp", description=__doc__)
    parser.add_argument("home", type=Path, help="folder of the keys and of root/, made if it is missing")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    arguments = parser.parse_args()
    asyncio.run(serve(prepare(arguments.home, port=arguments.port)))


if __name__ == "__main__":
    main()
