"""Messages: planned with their decision, frozen, withdrawn; and after a restore doubted."""

import psycopg
import pytest

from oms.shopify.outbox import messages
from oms.shopify.outbox.errors import CopiedDatabase, MessagesSetAside
from oms.shopify.outbox.notes import NOTE
from oms.shopify.outbox.refunds import REFUND
from oms.shopify.outbox.tags import TAG
from oms.upkeep.backup import after_restore
from tests.oms.feeds.conftest import Inbox, inbox  # noqa: F401 - a fixture
from tests.oms.shopify.outbox.conftest import Post
from tests.oms.shopify.outbox.test_mails import mail, send
from tests.oms.shopify.outbox.test_notes import lines, note
from tests.oms.shopify.outbox.test_refunds import refund, refunded


@pytest.fixture
def restored(post: Post, inbox: Inbox) -> Post:
    """Everything was told after the backup, of which this database knows nothing."""
    post.oms.move("A", 10)
    post.tag()
    note(post)
    refund(post)
    mail(post)
    post.send(TAG, NOTE, REFUND)
    send(post, inbox.send)
    post.oms.db.execute("alter table oms.outbox_message disable trigger user")
    post.oms.db.execute(
        """update oms.outbox_message
              set status = 'PLANNED', attempts = 0, first_sent_at = null, last_sent_at = null,
                  answered_at = null, shopify_id = null"""
    )
    post.oms.db.execute("alter table oms.outbox_message enable trigger user")
    post.oms.db.execute("update oms.database_identity set identity = 'the old server'")
    return post


def test_a_copy_sends_nothing(restored: Post, inbox: Inbox):
    with pytest.raises(CopiedDatabase, match="after-restore"):
        restored.send()
    with pytest.raises(CopiedDatabase):
        send(restored, inbox.send)
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="restored or copied"):
        restored.oms.db.execute("update oms.outbox_message set status = 'DONE', answered_at = now()")


def test_nothing_is_told_twice(restored: Post, inbox: Inbox):
    done = after_restore(restored.oms.db)
    assert done is not None
    assert done.messages == 4

    assert restored.send(TAG, NOTE, REFUND) == {"done": 3}
    with pytest.raises(MessagesSetAside, match="MAIL"):
        send(restored, inbox.send)

    assert restored.of_shop()["tags"] == ["hotwax_preorder", "vip"]
    assert len(lines(restored)) == 2
    assert refunded(restored) == [1]
    assert len(inbox.mails) == 1


def test_a_message_cannot_be_changed(post: Post):
    post.tag()

    with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
        post.oms.db.execute("update oms.outbox_message set payload = '{}'")


def test_what_is_planned_is_told_or_not_with_its_decision(post: Post):
    with post.oms.db.transaction(force_rollback=True):
        post.tag()

    assert post.send() == {}


def test_messages_are_planned_as_a_set(post: Post):
    orders = [post.another_order() for _ in range(3)]
    statement = """select format('%%s gift', id), jsonb_build_object('id', id, 'add', array['gift']),
                          null::bigint, 'gift:' || id
                     from unnest(%(orders)s::text[]) as id"""

    def plan() -> int:
        given = {"shop_id": "demo", "run_id": "test"}
        return len(messages.plan_selected(post.oms.db, TAG, statement, {"orders": orders}, **given))

    assert (plan(), plan()) == (3, 0), "each once for its cause"
    assert post.send() == {"done": 3}
    assert all(post.of_shop(order)["tags"] == ["gift"] for order in orders)


def test_what_is_no_longer_wanted_is_withdrawn(post: Post):
    post.tag()
    post.tag("other")

    assert messages.withdraw(post.oms.db, TAG, subject=f"{post.order_gid} hotwax_preorder") == 1

    assert post.send() == {"done": 1}
    assert post.statuses() == ["WITHDRAWN", "DONE"]
