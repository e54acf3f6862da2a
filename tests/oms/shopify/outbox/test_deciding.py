"""A person's way out: `python -m oms outbox`."""

import smtplib
import subprocess
import sys
from typing import Any

import pytest
from psycopg.errors import DivisionByZero

from oms.__main__ import main
from oms.database import Connection
from oms.mail import Mail
from oms.shopify.outbox.errors import MessagesLeft, MessagesSetAside
from oms.shopify.outbox.kinds import KINDS, Kind, Message, Proof
from oms.shopify.outbox.notes import NOTE
from oms.shopify.outbox.tags import TAG
from tests.faults.test_matrix import registered
from tests.oms.feeds.conftest import Inbox, inbox  # noqa: F401 - a fixture
from tests.oms.shopify.outbox.conftest import Post, lost
from tests.oms.shopify.outbox.test_mails import mail, send
from tests.oms.shopify.outbox.test_notes import lines, note


def outbox(post: Post, *arguments: Any) -> int:
    return main(["--dsn", post.oms.dsn, "outbox", *map(str, arguments)])


def refused_tag(post: Post) -> int:
    number = post.tag(to="gid://shopify/Order/404404")
    with pytest.raises(MessagesSetAside):
        post.send()
    return number


def lost_note(post: Post, *, forwarded: bool) -> int:
    number = note(post)
    post.proxy.meddle = lost("SetNote", forwarded=forwarded)
    with pytest.raises(MessagesLeft):
        post.send(NOTE)
    post.proxy.meddle = lost("nothing")
    return number


def lost_mail(post: Post, inbox: Inbox) -> int:
    def hang_up(given: Mail) -> bool:
        inbox.send(given)
        raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")

    number = mail(post)
    with pytest.raises(MessagesSetAside):
        send(post, hang_up)
    return number


def test_nothing_to_decide(post: Post, capsys: pytest.CaptureFixture):
    post.tag()

    assert outbox(post) == 0

    said = capsys.readouterr().out
    assert "PLANNED   shop demo  TAG  gid://shopify/Order/" in said
    assert "0 messages wait for a person, 1 for the next run" in said


def test_a_refused_message_says_what_to_do(post: Post, capsys: pytest.CaptureFixture):
    number = refused_tag(post)

    assert outbox(post, "list", "--shop", "demo") == 1

    said = capsys.readouterr().out
    assert "does not exist" in said
    assert f"python -m oms outbox resend {number}" in said


def test_a_refused_message_is_sent_again_as_a_copy(post: Post, capsys: pytest.CaptureFixture):
    number = refused_tag(post)

    assert outbox(post, "resend", number, "--reason", "order restored") == 0

    assert f"sent again as message {number + 1}" in capsys.readouterr().out
    assert post.statuses() == ["GIVEN_UP", "PLANNED"]
    assert outbox(post) == 0
    with pytest.raises(MessagesSetAside):
        post.send()


def test_a_refused_message_is_given_up(post: Post):
    number = refused_tag(post)

    assert outbox(post, "discard", number) == 0

    assert post.statuses() == ["GIVEN_UP"]
    assert outbox(post) == 0


def test_what_a_newer_message_has_said_is_not_said_again(post: Post, capsys: pytest.CaptureFixture):
    number = refused_tag(post)
    post.tag(to="gid://shopify/Order/404404", remove=True)
    with pytest.raises(MessagesSetAside):
        post.send()

    assert outbox(post, "resend", number) == 1
    assert "a newer one on" in capsys.readouterr().err


@pytest.mark.parametrize("forwarded", [True, False])
def test_what_can_be_proven_is_proven_at_once_and_arrives_once(post: Post, forwarded: bool):
    number = lost_note(post, forwarded=forwarded)

    assert outbox(post, "resend", number) == 0
    post.oms.db.execute("update oms.outbox_message set last_sent_at = last_sent_at - interval '1 hour'")

    assert post.send(NOTE) == {"done": 1}
    assert len(lines(post)) == 2


def test_what_waits_behind_a_message_is_told_and_goes_on_when_it_is_given_up(
    post: Post, capsys: pytest.CaptureFixture
):
    number = lost_note(post, forwarded=False)
    post.tag()
    assert post.send() == {}

    outbox(post)
    assert "1 messages wait behind it" in capsys.readouterr().out
    assert outbox(post, "discard", number) == 0

    assert post.send() == {"done": 1}
    assert post.statuses() == ["GIVEN_UP", "DONE"]


def test_a_mail_that_may_have_arrived(post: Post, inbox: Inbox, capsys: pytest.CaptureFixture):
    number = lost_mail(post, inbox)

    assert outbox(post) == 1
    assert f"discard {number} --landed" in capsys.readouterr().out
    assert outbox(post, "resend", number) == 0
    assert send(post, inbox.send) == {"done": 1}

    assert post.statuses() == ["GIVEN_UP", "DONE"]
    assert len({one["Message-ID"] for one in inbox.mails}) == 2


def test_a_mail_that_has_arrived(post: Post, inbox: Inbox):
    number = lost_mail(post, inbox)

    assert outbox(post, "discard", number, "--landed", "--reason", "Ann has it") == 0

    assert post.states() == [(number, "DONE", "LANDED")]
    assert send(post, inbox.send) == {}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("resend", 404), "there is no message 404"),
        (("discard", 404), "there is no message 404"),
        (("discard", 1, "--landed"), "it has certainly not arrived"),
    ],
)
def test_what_cannot_be_decided(post: Post, capsys: pytest.CaptureFixture, arguments: Any, words: str):
    post.oms.db.execute("alter table oms.outbox_message alter column number restart")
    refused_tag(post)

    assert outbox(post, *arguments) == 1
    assert words in capsys.readouterr().err


def test_what_was_told_is_not_told_again(post: Post, capsys: pytest.CaptureFixture):
    number = post.tag()
    post.send()

    assert outbox(post, "resend", number) == 1
    assert "is DONE: there is nothing to decide" in capsys.readouterr().err


def test_what_is_being_sent_is_not_decided(post: Post, capsys: pytest.CaptureFixture):
    number = post.tag()
    (lane,) = post.oms.db.execute("select lane from oms.outbox_message").fetchone()
    post.oms.db.execute("select pg_advisory_lock(hashtextextended('oms.outbox:' || %s, 0))", (lane,))

    assert outbox(post, "discard", number) == 1
    assert "is being sent just now" in capsys.readouterr().err


def test_a_topic_is_told_of_every_end(post: Post, monkeypatch: pytest.MonkeyPatch):
    told = []

    def ended(conn: Connection, message: Message, status: str) -> None:
        told.append((message.number, status))

    kind = Kind("TAG", Proof.SET, TAG.about, TAG.request, result=TAG.result, ended=ended)
    monkeypatch.setitem(KINDS, "TAG", kind)
    numbers = [
        post.tag(),
        post.tag("x"),
        post.tag("x", remove=True),
        post.tag(to="gid://shopify/Order/404404"),
    ]
    with pytest.raises(MessagesSetAside):
        post.send(kind)
    waiting = post.tag("late")
    assert outbox(post, "discard", waiting) == 0

    assert sorted(told) == [
        (numbers[0], "DONE"),
        (numbers[1], "WITHDRAWN"),
        (numbers[2], "DONE"),
        (numbers[3], "REJECTED"),
        (waiting, "GIVEN_UP"),
    ]


def test_a_topic_that_cannot_take_an_end_keeps_only_its_own_message(post: Post):
    def ended(conn: Connection, message: Message, status: str) -> None:
        if "bad" in message.subject:
            conn.execute("select 1 / 0")

    kind = Kind("TAG", Proof.SET, TAG.about, TAG.request, result=TAG.result, ended=ended)
    post.tag("bad", to=post.another_order())
    post.tag("good")

    with pytest.raises(DivisionByZero):
        post.send(kind, seconds=20)

    assert post.statuses() == ["UNKNOWN", "DONE"]
    assert post.calls("AddTags") == 2


def test_the_command_knows_the_kinds_of_all_topics():
    """A topic's kind that `oms.outbox_commands` does not import could not be decided by a person."""
    known = "import oms.outbox_commands, oms.shopify.outbox.kinds as all; print(*sorted(all.KINDS))"
    done = subprocess.run([sys.executable, "-c", known], capture_output=True, text=True, check=True)
    registered()

    assert done.stdout.split() == sorted(KINDS)
