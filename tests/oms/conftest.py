"""A small business to test with."""

import pytest

from oms.database import Connection
from tests.oms.world import World


@pytest.fixture
def world(oms_db: Connection) -> World:
    """A product store with its channel, in a transaction that is never committed."""
    return World(oms_db)
