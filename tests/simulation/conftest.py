"""The worlds of a play: a fresh database, an empty shop server, a folder of its own on the SFTP server."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest

from fakeshop.testing import ShopServer
from tests.oms.imports.conftest import sftp_client
from tests.oms.sync.bench import bench
from tests.simulation.play import Play, World


@pytest.fixture(scope="session")
def begin(
    postgres_server: Any, oms_template: str, sftp_server: Any, shop_server: ShopServer
) -> Iterator[Callable[[World], Any]]:
    """A function that opens a play in worlds of its own."""
    numbers = count(1)
    with sftp_client(sftp_server) as sftp:

        @contextmanager
        def opened(world: World) -> Iterator[Play]:
            name = postgres_server.create(template=oms_template)
            try:
                with bench(shop_server, postgres_server.dsn(name)) as made:
                    folder = f"play_{next(numbers)}"
                    stage = Play(made, sftp, sftp_server.root, folder, world)
                    try:
                        yield stage
                    finally:
                        stage.close_outside()
            finally:
                postgres_server.drop(name)

        yield opened
