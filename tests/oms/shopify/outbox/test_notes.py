"""NOTE (LOOK): the note is read before it is written, and read back before anything is repeated."""

import pytest

from oms.shopify.outbox.errors import MessagesLeft, MessagesSetAside
from oms.shopify.outbox.messages import New
from oms.shopify.outbox.notes import NOTE
from tests.oms.proxy import Answer
from tests.oms.shopify.outbox.conftest import Post, lost, said

ABOUT = "[OMS] The promise date for A is "


def note(post: Post, date: str = "2027-01-31", to: str | None = None) -> int:
    about = to or post.order_gid
    payload = {"id": about, "line": f"{ABOUT}{date}", "about": ABOUT}
    return post.plan(NOTE, New(f"{about} promise A", payload))


def lines(post: Post) -> list[str]:
    return post.of_shop()["note"].splitlines()


def test_a_line_joins_what_people_wrote(post: Post):
    note(post)

    assert post.send(NOTE) == {"done": 1}

    assert lines(post) == ["Ring twice", f"{ABOUT}2027-01-31"]


def test_a_line_that_is_there_is_not_written_again(post: Post):
    note(post)
    post.send(NOTE)
    note(post)

    assert post.send(NOTE) == {"done": 1}
    assert post.calls("SetNote") == 1


def test_an_older_line_on_the_same_matter_stays_as_history(post: Post):
    for date in ("2027-01-31", "2027-02-28", "2027-01-31"):
        note(post, date)
        post.send(NOTE)

    assert lines(post) == [
        "Ring twice",
        *(f"{ABOUT}{day}" for day in ("2027-01-31", "2027-02-28", "2027-01-31")),
    ]


@pytest.mark.parametrize("forwarded", [True, False])
def test_a_lost_answer_is_read_back_and_the_line_stands_there_once(post: Post, forwarded: bool):
    note(post)
    post.proxy.meddle = lost("SetNote", forwarded=forwarded)
    with pytest.raises(MessagesLeft):
        post.send(NOTE)
    assert post.statuses() == ["UNKNOWN"]
    post.proxy.meddle = lost("nothing")
    post.due()

    assert post.send(NOTE) == {"done": 1}

    assert lines(post) == ["Ring twice", f"{ABOUT}2027-01-31"]
    assert post.calls("SetNote") == 1


def test_a_call_that_may_still_be_under_way_is_not_repeated(post: Post):
    note(post)
    post.proxy.meddle = lost("SetNote", forwarded=False)
    with pytest.raises(MessagesLeft):
        post.send(NOTE)
    post.oms.db.execute("update oms.outbox_message set next_try_at = now()")
    post.proxy.meddle = lost("nothing")

    with pytest.raises(MessagesLeft):
        post.send(NOTE)

    assert post.states()[0][1:] == ("UNKNOWN", "NOT_THERE_YET")
    assert post.calls("SetNote") == 0


def test_what_people_wrote_meanwhile_stays(post: Post):
    note(post)
    post.proxy.meddle = lost("SetNote", forwarded=False)
    with pytest.raises(MessagesLeft):
        post.send(NOTE)
    query = (
        "mutation ($id: ID!, $note: String!) { orderUpdate(input: {id: $id, note: $note}) { order { id } } }"
    )
    post.oms.server.graphql("demo", query, {"id": post.order_gid, "note": "Ring thrice"})
    post.proxy.meddle = lost("nothing")
    post.due()

    post.send(NOTE)

    assert lines(post) == ["Ring thrice", f"{ABOUT}2027-01-31"]


def test_a_look_that_fails_has_sent_nothing(post: Post):
    note(post)
    post.proxy.meddle = said("NoteOfOrder", Answer(503))
    with pytest.raises(MessagesLeft):
        post.send(NOTE)
    assert post.states()[0][1:] == ("PLANNED", "NOT_READ")
    post.proxy.meddle = lost("nothing")
    post.due()

    assert post.send(NOTE) == {"done": 1}
    assert post.calls("SetNote") == 1


def test_an_order_that_is_not_there_is_set_aside(post: Post):
    note(post, to="gid://shopify/Order/404404")
    note(post)

    with pytest.raises(MessagesSetAside, match="NOT_FOUND: order gid://shopify/Order/404404 does not exist"):
        post.send(NOTE)

    assert post.statuses() == ["REJECTED", "DONE"]


def test_after_eight_tries_that_tell_nothing_a_person_decides(post: Post):
    note(post)
    post.proxy.meddle = lost("SetNote", forwarded=False)
    with pytest.raises(MessagesLeft):
        post.send(NOTE)
    post.proxy.meddle = said("NoteOfOrder", Answer(503))
    for _ in range(6):
        post.due()
        with pytest.raises(MessagesLeft):
            post.send(NOTE, seconds=0.3)
    post.due()

    with pytest.raises(MessagesSetAside, match="nobody knows whether it arrived"):
        post.send(NOTE, seconds=0.3)

    post.due()
    assert post.send(NOTE) == {}
    assert post.states()[0][1:] == ("UNKNOWN", "NOT_READ_BACK")
