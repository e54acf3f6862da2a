"""REFUND (KEYED): the same key while the shop remembers it, then a look at the refunds of the order."""

from typing import Any

import pytest

from oms.shopify.client import gid
from oms.shopify.outbox.errors import MessagesLeft, MessagesSetAside
from oms.shopify.outbox.messages import New
from oms.shopify.outbox.refunds import REFUND
from tests.oms.shopify.outbox.conftest import Post, lost


def refund(post: Post, quantity: int = 1, subject: str = "first", **more: Any) -> int:
    line = {
        "lineItemId": gid("LineItem", post.order["lines"][0]["id"]),
        "quantity": quantity,
        "restockType": "CANCEL",
        "locationId": gid("Location", post.oms.locations["demo", "Main"]),
    }
    given = {"orderId": post.order_gid, "refundLineItems": [line], "note": "return 1", **more}
    return post.plan(REFUND, New(f"{post.order_gid} {subject}", {"input": given}))


def refunded(post: Post) -> list[int]:
    """Units of each refund that the shop has."""
    return [sum(line["quantity"] for line in one["lines"]) for one in post.of_shop()["refunds"]]


def a_day_passes(post: Post) -> None:
    """The shop has forgotten the key."""
    post.due()
    post.oms.db.execute("update oms.outbox_message set first_sent_at = first_sent_at - interval '24 hours'")
    post.oms.server.clock(25 * 3600)


def test_a_refund_is_made_once(post: Post):
    refund(post)

    assert post.send(REFUND) == {"done": 1}
    assert post.send(REFUND) == {}

    assert refunded(post) == [1]
    ids = post.oms.db.execute("select shopify_id from oms.outbox_message").fetchall()
    assert ids == [(gid("Refund", post.of_shop()["refunds"][0]["id"]),)]


@pytest.mark.parametrize("forwarded", [True, False])
@pytest.mark.parametrize("later", [Post.due, a_day_passes], ids=["by its key", "by a look"])
def test_a_lost_answer(post: Post, forwarded: bool, later: Any):
    refund(post)
    post.proxy.meddle = lost("RefundUnits", forwarded=forwarded)
    with pytest.raises(MessagesLeft):
        post.send(REFUND)
    assert post.statuses() == ["UNKNOWN"]
    post.proxy.meddle = lost("nothing")
    later(post)

    counts = post.send(REFUND)

    assert counts["done"] == 1
    assert refunded(post) == [1]
    if later is a_day_passes and not forwarded:
        assert counts == {"renewed": 1, "done": 1}, "a key that may be forgotten is never used again"
        assert post.statuses() == ["WITHDRAWN", "DONE"]


def test_a_look_takes_no_refund_of_another_message_for_its_own(post: Post):
    refund(post, subject="first")
    post.send(REFUND)
    refund(post, subject="second")
    post.proxy.meddle = lost("RefundUnits", forwarded=False)
    with pytest.raises(MessagesLeft):
        post.send(REFUND)
    post.proxy.meddle = lost("nothing")
    a_day_passes(post)

    post.send(REFUND)

    assert refunded(post) == [1, 1]


def test_a_refund_that_the_shop_refuses_is_set_aside(post: Post):
    refund(post, quantity=4)

    with pytest.raises(MessagesSetAside, match="cannot refund more items than were purchased"):
        post.send(REFUND)

    assert post.statuses() == ["REJECTED"]
    assert refunded(post) == []


def test_a_key_that_failed_in_the_shop_is_renewed_after_a_look(post: Post):
    """Its user errors have no code: what they say of the key is read from their words, and looked after."""
    refund(post)
    post.oms.server.fault("attempt_failed", operation="RefundUnits", count=1)

    assert post.send(REFUND, seconds=20) == {"renewed": 1, "done": 1}

    assert refunded(post) == [1]


def test_a_refusal_takes_no_refund_of_before_for_its_own(post: Post):
    """People made the same refund by hand; ours is refused, for there are no units left."""
    post.oms.server.clock(-3600)
    post.oms.server.order_action(
        "demo", post.order["id"], "refund", note="return 1",
        lines=[{"sku": "A", "quantity": 3, "restock_type": "CANCEL"}],
    )  # fmt: skip
    refund(post, quantity=3)
    post.oms.server.clock(0)

    with pytest.raises(MessagesSetAside, match="more items than were purchased"):
        post.send(REFUND)

    assert refunded(post) == [3]
