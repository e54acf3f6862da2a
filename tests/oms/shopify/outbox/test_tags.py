"""TAG (SET): told once or twice, the shop shows the same; what is lost is told again."""

import pytest

from oms.shopify.outbox.errors import MessagesLeft, MessagesSetAside
from tests.oms.shopify.outbox.conftest import Post, lost


def test_a_tag_is_told_once_and_the_others_stay(post: Post):
    post.tag()

    assert post.send() == {"done": 1}
    assert post.send() == {}

    assert post.of_shop()["tags"] == ["hotwax_preorder", "vip"]
    assert post.calls("AddTags") == 1


@pytest.mark.parametrize("forwarded", [True, False])
def test_a_lost_answer_is_told_again(post: Post, forwarded: bool):
    post.tag()
    post.proxy.meddle = lost("AddTags", forwarded=forwarded)
    with pytest.raises(MessagesLeft, match="1 messages"):
        post.send()
    assert post.statuses() == ["UNKNOWN"]

    post.proxy.meddle = lost("nothing")
    assert post.send() == {}, "it is not due yet"
    post.due()

    assert post.send() == {"done": 1}
    assert post.of_shop()["tags"] == ["hotwax_preorder", "vip"]


def test_an_answer_that_is_lost_once_is_mended_within_the_run(post: Post):
    post.tag()
    post.proxy.meddle = lost("AddTags", times=1)

    assert post.send(seconds=20) == {"done": 1}


def test_a_newer_word_takes_the_place_of_one_that_was_not_sent(post: Post):
    post.tag()
    post.tag("gift")
    post.tag(remove=True)

    assert post.send() == {"withdrawn": 1, "done": 2}

    assert post.statuses() == ["WITHDRAWN", "DONE", "DONE"]
    assert post.of_shop()["tags"] == ["gift", "vip"]
    assert post.calls("AddTags") == 1


def test_a_message_that_is_refused_is_set_aside_and_the_others_go_on(post: Post):
    unknown = "gid://shopify/Order/404404"
    numbers = [post.tag(to=unknown), post.tag()]

    with pytest.raises(MessagesSetAside, match=rf"message {numbers[0]} \(TAG.*does not exist.*oms outbox"):
        post.send()

    assert post.states() == [(numbers[0], "REJECTED", "OTHER"), (numbers[1], "DONE", None)]
    assert post.send() == {}, "a refused one is told of once"
