"""kill -9 at every point of the outbox: the next run goes on, and everything is told once."""

import pytest

from fakeshop.testing import TOKEN
from oms import database
from oms.__main__ import main
from oms.mail import Mail
from oms.shopify.client import ShopifyClient
from oms.shopify.outbox import calls, deciding, mails, sending
from oms.shopify.outbox.errors import MessagesLeft, MessagesSetAside
from oms.shopify.outbox.kinds import KINDS
from oms.shopify.outbox.notes import NOTE
from oms.shopify.outbox.refunds import REFUND
from oms.work import Work
from tests.faults.killing import killed_at
from tests.faults.locks import until_locks_are_given_up
from tests.oms.feeds.conftest import Inbox, inbox  # noqa: F401 - a fixture
from tests.oms.shopify.outbox.conftest import Post, post  # noqa: F401 - a fixture
from tests.oms.shopify.outbox.test_deciding import outbox, refused_tag
from tests.oms.shopify.outbox.test_mails import mail, send
from tests.oms.shopify.outbox.test_notes import lines, note
from tests.oms.shopify.outbox.test_refunds import a_day_passes, refund, refunded

CALLED = [sending.MARKED_SENT, calls.ANSWERED, sending.SETTLED]
POINTS = [*CALLED, mails.MAILED, deciding.DECIDED]


def tell_shop(dsn: str, base_url: str, kind: str) -> None:
    with database.connect(dsn, autocommit=True) as conn:
        client = ShopifyClient(base_url, TOKEN)
        work = Work(conn, {}, "test/killed", lambda: conn, lambda _: None, lambda _: client)
        sending.send(work, "demo", [KINDS[kind]])


def send_mails(dsn: str, port: int) -> None:
    def send_mail(given: Mail) -> bool:
        return Inbox(port=port).send(given)

    with database.connect(dsn, autocommit=True) as conn:
        given = Work(
            conn, {}, "test/killed", lambda: conn, lambda _: None, lambda _: None, send_mail=send_mail
        )
        mails.send(given)


def crash(post: Post, kind: str, point: str) -> None:
    """A run that is killed at the point; it must get there."""
    killed_at(point, tell_shop, post.oms.dsn, post.oms.server.base("demo"), kind)
    until_locks_are_given_up(post.oms.db)


@pytest.mark.parametrize("point", CALLED)
def test_tags(post: Post, point: str):
    post.tag("a")
    post.tag("b", to=post.another_order())
    crash(post, "TAG", point)

    post.send(seconds=60)

    assert post.statuses() == ["DONE", "DONE"]
    assert post.of_shop()["tags"] == ["a", "vip"]


@pytest.mark.parametrize("point", CALLED)
def test_a_note(post: Post, point: str):
    """Killed before the call it is not there, which proves something a minute later only."""
    note(post)
    crash(post, "NOTE", point)
    if point == sending.MARKED_SENT:
        with pytest.raises(MessagesLeft):
            post.send(NOTE)
        post.due()

    post.send(NOTE)

    assert post.statuses() == ["DONE"]
    assert len(lines(post)) == 2
    assert post.calls("SetNote") == 1


@pytest.mark.parametrize("point", CALLED)
@pytest.mark.parametrize("later", [Post.due, a_day_passes], ids=["at once", "a day later"])
def test_a_refund(post: Post, point: str, later):
    refund(post)
    crash(post, "REFUND", point)
    later(post)

    post.send(REFUND)

    assert refunded(post) == [1]
    assert post.statuses()[-1] == "DONE"


@pytest.mark.parametrize("point", [sending.MARKED_SENT, mails.MAILED, sending.SETTLED])
def test_a_mail_is_never_sent_twice(post: Post, inbox: Inbox, point: str):
    mail(post)
    killed_at(point, send_mails, post.oms.dsn, inbox.port)
    until_locks_are_given_up(post.oms.db)
    came = len(inbox.mails)
    assert came == (0 if point == sending.MARKED_SENT else 1)

    if point == sending.SETTLED:
        assert send(post, inbox.send) == {}
    else:
        with pytest.raises(MessagesSetAside, match="nobody knows whether it arrived"):
            send(post, inbox.send)
        assert send(post, inbox.send) == {}

    assert len(inbox.mails) == came
    assert post.statuses() == ["DONE" if point == sending.SETTLED else "UNKNOWN"]


@pytest.mark.parametrize("action", ["resend", "discard"])
def test_a_decision_killed_before_its_commit_is_taken_again(post: Post, action: str):
    number = refused_tag(post)

    killed_at(deciding.DECIDED, main, ["--dsn", post.oms.dsn, "outbox", action, str(number)])
    until_locks_are_given_up(post.oms.db)
    assert post.statuses() == ["REJECTED"]
    assert outbox(post, action, number) == 0

    assert post.statuses() == (["GIVEN_UP", "PLANNED"] if action == "resend" else ["GIVEN_UP"])
