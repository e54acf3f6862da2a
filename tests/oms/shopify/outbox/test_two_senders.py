"""Two runs at the same time share the work: nothing is sent twice, and neither waits for the other."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event

from oms import database
from tests.oms.proxy import Exchange, Pieces
from tests.oms.shopify.outbox.conftest import Post


def test_what_one_has_in_hand_the_other_leaves_alone(post: Post):
    first = post.tag("first")
    asked, go_on = Event(), Event()

    def hold(exchange: Exchange) -> Pieces:
        if b"first" in exchange.body:
            asked.set()
            assert go_on.wait(30)
        return [exchange.forward().raw()]

    post.proxy.meddle = hold
    with ThreadPoolExecutor(1) as pool, database.connect(post.oms.dsn, autocommit=True) as conn:
        one = pool.submit(post.send, conn=conn)
        assert asked.wait(30)
        other = post.another_order()
        second = post.tag("second", to=other)
        post.tag("first", remove=True)
        assert post.send() == {"done": 1}
        assert dict(post.oms.db.execute("select number, status from oms.outbox_message")) == {
            first: "SENT",
            second: "DONE",
            second + 1: "PLANNED",
        }
        go_on.set()
        assert one.result() == {"done": 2}, "what waited behind it in its lane is sent, too"

    assert post.calls("AddTags") == 2
    assert (post.of_shop()["tags"], post.of_shop(other)["tags"]) == (["vip"], ["second"])


def test_many_messages_are_sent_once_each(post: Post):
    orders = [post.another_order() for _ in range(8)]
    tags = [f"t{number}" for number in range(5)]
    for tag in tags:
        for order in orders:
            post.tag(tag, to=order)

    with ExitStack() as stack, ThreadPoolExecutor(3) as pool:
        conns = [stack.enter_context(database.connect(post.oms.dsn, autocommit=True)) for _ in range(3)]
        counts = [done.result() for done in [pool.submit(post.send, conn=conn, seconds=60) for conn in conns]]

    assert sum(count.get("done", 0) for count in counts) == 40
    assert post.calls("AddTags") == 40
    assert all(post.of_shop(order)["tags"] == tags for order in orders)
