"""kill -9 at every point of the outbox: the next run goes on, and everything is told once."""

import pytest

from fakeshop.testing import TOKEN
from oms import database
from oms.shopify.client import ShopifyClient
from oms.shopify.outbox import calls, sending
from oms.shopify.outbox.tags import TAG
from oms.work import Work
from tests.faults.killing import killed_at
from tests.faults.locks import until_locks_are_given_up
from tests.oms.shopify.outbox.conftest import Post, post  # noqa: F401 - a fixture

POINTS = [sending.MARKED_SENT, calls.ANSWERED, sending.SETTLED]
KINDS = {"TAG": TAG}


def run(dsn: str, base_url: str, kind: str) -> None:
    with database.connect(dsn, autocommit=True) as conn:
        work = Work(
            conn, {}, "test/killed", lambda: conn, lambda _: None, lambda _: ShopifyClient(base_url, TOKEN)
        )
        sending.send(work, "demo", [KINDS[kind]])


def crash(post: Post, kind: str, point: str) -> None:
    """A run that is killed at the point; it must get there."""
    killed_at(point, run, post.oms.dsn, post.oms.server.base("demo"), kind)
    until_locks_are_given_up(post.oms.db)


@pytest.mark.parametrize("point", POINTS)
def test_tags(post: Post, point: str):
    post.tag("a")
    post.tag("b")
    crash(post, "TAG", point)

    post.send(seconds=60)

    assert post.statuses() == ["DONE", "DONE"]
    assert post.of_shop()["tags"] == ["a", "b", "vip"]
