"""MAIL: one mail each, never a second time by itself, whatever became of the answer."""

from collections.abc import Callable
from smtplib import SMTPDataError, SMTPServerDisconnected

import pytest

from oms.mail import Mail, MailNotTaken
from oms.shopify.outbox import mails
from oms.shopify.outbox.errors import MessagesLeft, MessagesSetAside, NoMailServer
from oms.shopify.outbox.mails import MAIL
from oms.shopify.outbox.messages import New
from tests.oms.feeds.conftest import Inbox, inbox  # noqa: F401 - a fixture
from tests.oms.shopify.outbox.conftest import Post


def mail(post: Post, subject: str = "Order 1 is ready", cause: str | None = None) -> int:
    payload = {"to": ["ann@example.com"], "subject": subject, "text": "Come and get it."}
    return post.plan(MAIL, New(subject, payload, cause_key=cause), shop_id=None)


def send(post: Post, send_mail: Callable[[Mail], bool]) -> dict[str, int]:
    post.send_mail = send_mail
    return mails.send(post.work())


def test_a_mail_is_sent_once(post: Post, inbox: Inbox):
    mail(post)

    assert send(post, inbox.send) == {"done": 1}
    assert send(post, inbox.send) == {}

    (came,) = inbox.mails
    assert (came["To"], came["Subject"]) == ("ann@example.com", "Order 1 is ready")


def test_a_lost_answer_is_a_persons_to_decide_and_keeps_no_other(post: Post, inbox: Inbox):
    """The server has taken the mail and then hangs up before it says so."""

    def lost(given: Mail) -> bool:
        inbox.send(given)
        raise SMTPServerDisconnected("Connection unexpectedly closed")

    first = mail(post)
    with pytest.raises(MessagesSetAside, match=rf"message {first} \(MAIL.*nobody knows"):
        send(post, lost)
    post.due()
    mail(post, "Order 2 is ready")

    assert send(post, inbox.send) == {"done": 1}

    assert [one["Subject"] for one in inbox.mails] == ["Order 1 is ready", "Order 2 is ready"]
    assert post.statuses() == ["UNKNOWN", "DONE"]


def test_what_the_server_refuses_was_not_sent(post: Post, inbox: Inbox):
    mail(post)
    inbox.refuses = True

    with pytest.raises(MessagesSetAside, match=r"REFUSED: .*554"):
        send(post, inbox.send)

    assert post.statuses() == ["REJECTED"]


def test_what_is_put_off_by_the_server_is_sent_later(post: Post, inbox: Inbox):
    def greylisted(given: Mail) -> bool:
        raise SMTPDataError(451, b"try again later")

    mail(post)
    with pytest.raises(MessagesLeft):
        send(post, greylisted)
    assert post.statuses() == ["PLANNED"]
    post.due()

    assert send(post, inbox.send) == {"done": 1}
    assert len(inbox.mails) == 1


def test_a_server_that_is_down_is_asked_once_a_run(post: Post, inbox: Inbox):
    asked = []

    def down(given: Mail) -> bool:
        asked.append(given)
        raise ConnectionRefusedError("nobody listens")

    mail(post)
    mail(post, "Order 2 is ready")
    with pytest.raises(MailNotTaken):
        send(post, down)
    assert (len(asked), post.statuses()) == (1, ["PLANNED", "PLANNED"])
    post.due()

    assert send(post, inbox.send) == {"done": 2}


def test_without_a_mail_server_mails_wait(post: Post, inbox: Inbox):
    mail(post)
    with pytest.raises(NoMailServer, match="oms_smtp"):
        send(post, lambda _: False)

    assert send(post, inbox.send) == {"done": 1}


def test_a_mail_is_planned_once_for_its_cause(post: Post, inbox: Inbox):
    mail(post, cause="ready:1")
    with pytest.raises(ValueError, match="not enough values"):
        mail(post, cause="ready:1")

    assert send(post, inbox.send) == {"done": 1}
