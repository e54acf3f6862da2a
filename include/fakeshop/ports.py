"""Ports for servers of tests and sandboxes that start side by side."""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

RANGE = range(20_000, 30_000)
"""Below those from which systems draw the ports of outgoing connections."""

_reserved: list[int] = []
"""Descriptors of the lock files: a port is ours until this process ends."""


def reserve_port() -> int:
    """A free port of the loopback interface that no other process that asks here gets meanwhile.

    A port that was only probed may belong to somebody else by the time that its server binds it.
    """
    folder = Path(tempfile.gettempdir()) / f"oms-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    for port in random.sample(RANGE, len(RANGE)):
        lock = os.open(folder / str(port), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        if is_free(port):
            _reserved.append(lock)
            return port
        os.close(lock)
    raise OSError("no port is free on the loopback interface")


def is_free(port: int) -> bool:
    """Whether a server could bind it now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
