"""What is wrong with one message, one kind or the whole shop keeps nothing else."""

import pytest

from oms.shopify.errors import Misconfigured, NotSent, ShopAway
from oms.shopify.outbox.messages import New
from oms.shopify.outbox.notes import NOTE
from oms.shopify.outbox.sending import REFUSALS
from oms.shopify.outbox.tags import TAG
from tests.oms.proxy import Answer
from tests.oms.shopify.outbox.conftest import Post, lost, said
from tests.oms.shopify.outbox.test_notes import note


def test_a_scope_that_is_missing_ends_one_kind_for_the_run(post: Post):
    post.oms.server.change_app("demo", scopes=["read_orders"])
    orders = [post.another_order() for _ in range(REFUSALS + 4)]
    for order in orders:
        note(post, to=order)
    post.tag()

    with pytest.raises(Misconfigured, match="ACCESS_DENIED"):
        post.send(NOTE, TAG)

    assert post.statuses() == [*["PLANNED"] * len(orders), "DONE"]
    assert post.calls("SetNote") < len(orders)
    post.oms.server.change_app("demo", scopes=["write_orders"])
    post.due()
    assert post.send(NOTE) == {"done": len(orders)}


def test_a_shop_that_is_not_there_ends_the_run(post: Post):
    post.tag()
    note(post)
    url, post.proxy.url = post.proxy.url, "http://127.0.0.1:9"

    with pytest.raises(NotSent):
        post.send(TAG, NOTE, seconds=0.3)

    assert post.statuses() == ["PLANNED", "PLANNED"]
    post.proxy.url = url
    assert post.send(TAG, NOTE) == {"done": 2}


def test_whoever_answers_in_the_shops_place_is_left_alone(post: Post):
    for _ in range(5):
        post.tag(to=post.another_order())
    post.proxy.meddle = said("AddTags", Answer(200))

    with pytest.raises(ShopAway):
        post.send(seconds=20)

    post.proxy.meddle = lost("nothing")
    post.due()
    assert post.send(seconds=20) == {"done": 5}


def test_a_budget_that_is_spent_waits_and_sends_all(post: Post):
    for _ in range(3):
        post.tag(to=post.another_order())
    post.oms.server.fault("throttle", operation="AddTags", count=3)

    assert post.send(seconds=60) == {"done": 3}


def test_a_message_that_its_kind_stumbles_over_keeps_no_other(post: Post):
    post.plan(TAG, New("broken", {"id": post.order_gid}))
    post.tag(to=post.another_order())

    with pytest.raises(KeyError, match="remove"):
        post.send(seconds=20)

    assert post.states()[0][1:] == ("UNKNOWN", "FAULT")
    assert post.statuses() == ["UNKNOWN", "DONE"]


def test_a_planned_message_of_another_job_holds_nothing_up(post: Post):
    note(post)
    post.tag()

    assert post.send(TAG) == {"done": 1}
    assert post.send(NOTE) == {"done": 1}


def test_a_run_whose_time_is_over_when_all_is_sent_is_green(post: Post):
    post.tag()
    assert post.send(seconds=20) == {"done": 1}

    assert post.send(seconds=0) == {}
