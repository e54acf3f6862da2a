"""The demonstration: real files, real DAG runs, and a check of every number at the end."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import paramiko

from oms.remote import make_folders
from sandbox import connections, stack
from sandbox.airflow_api import AirflowApi
from sandbox.layout import Sandbox
from sandbox.progress import say, step, table


@dataclass
class Demo:
    """What a part of the demonstration works with, and the numbers it has compared so far."""

    sandbox: Sandbox
    airflow: AirflowApi
    environment: dict[str, str]
    checks: list[tuple[str, object, object, str]] = field(default_factory=list)

    def expect(self, what: str, expected: object, found: object) -> None:
        """Compare a number with the one it must be; the demonstration goes on either way."""
        self.checks.append((what, expected, found, "ok" if expected == found else "WRONG"))

    @contextmanager
    def sftp(self) -> Iterator[paramiko.SFTPClient]:
        """A session on the SFTP server from which files are imported."""
        with connections.sftp_client(self.environment[connections.FTP_CONFIG]) as client:
            yield client

    @property
    def wrong(self) -> int:
        return len([verdict for *_, verdict in self.checks if verdict != "ok"])


def run(sandbox: Sandbox) -> int:
    """Bring the sandbox up, show all parts, stay until Ctrl-C (not with EXIT=1), take it down.

    Returns the exit code: 0 only if every number was the expected one. Raises AlreadyUp if the sandbox is up.
    """
    from sandbox import afternoon, story

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _as_ctrl_c)
    with _sandbox_up(sandbox):
        demo = Demo(sandbox, stack.api_of(sandbox), sandbox.read_environment())
        with demo.sftp() as sftp:
            for folder in stack.import_folders():  # a server of the user's need not have them
                make_folders(sftp, folder)
        with closing(story.Scene(demo)) as scene:
            story.tell(scene)
            if os.environ.get("SCENE") == "all":
                afternoon.tell(scene)
        say()
        table("Every number", ["what", "expected", "found", ""], demo.checks)
        say()
        for line in stack.addresses(sandbox):
            say(line)
        if os.environ.get("EXIT", "") in ("", "0"):
            _stay()
    return 0 if demo.checks and not demo.wrong else 1


def _as_ctrl_c(number: int, frame: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def _sandbox_up(sandbox: Sandbox) -> Iterator[None]:
    try:
        stack.up(sandbox, empty=True)
    except stack.AlreadyUp as answer:
        raise stack.AlreadyUp(f"{answer}: the demo starts from nothing, so `make down` first") from None
    try:
        yield
    finally:
        with step("taking the sandbox down"):
            stack.down(sandbox)


def _stay() -> None:
    say("\nEverything stays up until Ctrl-C.")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        say()
