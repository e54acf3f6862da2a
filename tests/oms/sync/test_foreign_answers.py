"""What stands between us and the shop answers in its place (spec shopify.md 3.7, inventory.md 6.6)."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count

import pytest

from fakeshop.testing import TOKEN
from oms.shopify.client import FOREIGN_ANSWERS, ShopifyClient, seconds_asked
from oms.shopify.errors import ForeignAnswer, Misconfigured, OutcomeUnknown, ShopAway
from oms.sync.errors import LinesLeft
from tests.oms.proxy import HTML, Answer, Exchange, Pieces, Proxy, honest
from tests.oms.sync.bench import Bench

ADJUST = "AdjustInventory"
SKUS = [f"P{number}" for number in range(8)]
JSON = {"Content-Type": "application/json"}
ELSEWHERE = "https://maintenance.example.com/"
BAD_TOKEN = b'{"errors":"[API] Invalid API key or access token (unrecognized login or wrong password)"}'


def sold(oms: Bench, skus: list[str] = SKUS) -> None:
    """A hundred of each in both worlds, then three are sold that the shop is to be told of."""
    oms.open_shop("demo", dict.fromkeys(skus, 100), mode="DELTA")
    for sku in skus:
        oms.move(sku, 100)
    oms.push("HARD")
    for sku in skus:
        oms.move(sku, -3)


def set_aside(oms: Bench) -> int:
    (count,) = oms.db.execute("select count(set_aside_code) from oms.sync_level").fetchone()
    return count


def statuses(oms: Bench) -> Counter:
    return Counter(status for _, status, _ in oms.batches())


class InPlaceOf:
    """The shop does what it is asked, and the first answers to an operation are replaced by another one."""

    def __init__(self, answer: Answer | None, times: int | None = 1, operation: str = ADJUST) -> None:
        self.answer = answer
        self.times = times
        self.operation = operation
        self.seen: list[bytes] = []

    def __call__(self, exchange: Exchange) -> Pieces | None:
        if exchange.operation != self.operation:
            return honest(exchange)
        self.seen.append(exchange.body)
        answer = exchange.forward()
        if self.times is not None and len(self.seen) > self.times:
            return [answer.raw()]
        return None if self.answer is None else [self.answer.raw()]


NO_PROOF = {
    "302": Answer(302, {"Location": ELSEWHERE, "Content-Type": "text/html"}),
    "301 to nonsense": Answer(301, {"Location": "http://[", "Content-Type": "text/html"}),
    "400": Answer(400),
    "400 JSON": Answer(400, JSON, b'{"errors":"Bad Request"}'),
    "401 HTML": Answer(401),
    "401 of somebody else": Answer(401, JSON, b'{"errors":"who are you?"}'),
    "403 HTML": Answer(403),
    "404 HTML": Answer(404),
    "404 other JSON": Answer(404, JSON, b'{"message":"no route"}'),
    "405": Answer(405),
    "408": Answer(408),
    "413": Answer(413),
    "423 HTML": Answer(423),
    "429 HTML": Answer(429),
    "429 wait nan": Answer(429, {"Content-Type": "text/html", "Retry-After": "nan"}),
    "430 HTML": Answer(430),
    "499": Answer(499),
    "503 JSON": Answer(503, JSON, b'{"errors":"Unavailable"}'),
    "200 HTML": Answer(200),
    "204": Answer(204, {}, b""),
    "cut": None,
}


def test_what_does_not_come_from_the_shop_leaves_key_and_bytes_as_they_are(
    oms: Bench, proxy: Proxy, behind: ShopifyClient
):
    sold(oms)
    for number, (name, answer) in enumerate(NO_PROOF.items(), 1):
        proxy.meddle = meddle = InPlaceOf(answer)

        oms.push("DELTA", client=behind, push_seconds=30)

        assert {sku: oms.available(sku) for sku in SKUS} == dict.fromkeys(SKUS, 100 - 3 * number), name
        assert len(meddle.seen) == 2, name
        assert meddle.seen[0] == meddle.seen[1], name
        assert oms.batches() == [(8, "APPLIED", 2)] * number, name
        for sku in SKUS:
            oms.move(sku, -3)


PROOF = {
    401: BAD_TOKEN,
    402: b'{"errors":"Payment Required"}',
    403: b'{"errors":"Forbidden"}',
    404: b'{"errors":"Not Found"}',
    423: b'{"errors":{"shop":"locked"}}',
}


def test_the_shop_s_own_refusal_was_decided_before_anything_was_done(
    oms: Bench, proxy: Proxy, behind: ShopifyClient
):
    sold(oms, ["P0"])
    for status, body in PROOF.items():
        answer = Answer(status, JSON, body).raw()
        proxy.meddle = lambda exchange, answer=answer: [answer]

        with pytest.raises(Misconfigured, match=f"HTTP {status}"):
            oms.push("DELTA", client=behind)

    assert oms.lines() == [("P0", -3, "REJECTED")] * len(PROOF)
    assert set_aside(oms) == 0
    oms.push("DELTA")
    assert oms.available("P0") == 97


def test_a_status_that_says_nothing_of_an_item_sets_none_aside_and_stops_the_shop(
    oms: Bench, proxy: Proxy, behind: ShopifyClient
):
    """For some minutes the runs meet other statuses; after them each item is told of once."""
    skus = [f"P{number:02d}" for number in range(60)]
    sold(oms, skus)
    options = {"limit": 2, "parallel": 4, "push_seconds": 60}
    calls: list[bytes] = []
    for number, status in enumerate([301, 400, 405, 413], 1):
        elsewhere = Answer(status, {"Content-Type": "text/html", "Location": ELSEWHERE})
        proxy.meddle = lambda exchange, answer=elsewhere: [calls.append(exchange.body) or answer.raw()]

        with pytest.raises(ShopAway, match=f"HTTP {status} to Location {re.escape(ELSEWHERE)}"):
            oms.push("DELTA", client=behind, **options)

        assert FOREIGN_ANSWERS * number <= len(calls) < (FOREIGN_ANSWERS + 4) * number
        assert set_aside(oms) == 0
        assert statuses(oms).keys() == {"UNKNOWN", "PLANNED"}

    asked = "select payload from oms.sync_batch where status = 'UNKNOWN'"
    unknown = {payload for (payload,) in oms.db.execute(asked)}
    proxy.meddle = meddle = InPlaceOf(None, times=0)
    oms.push("DELTA", client=behind, **options | {"parallel": 1})

    begun_with = [body.decode() for body in meddle.seen[: len(unknown)]]
    assert unknown
    assert all(any(one in body for body in begun_with) for one in unknown)
    assert {oms.available(sku) for sku in skus} == {97}
    assert statuses(oms) == Counter(APPLIED=30)
    assert sorted(oms.applied()) == [(sku, -3) for sku in skus]


def test_a_redirect_stops_reading_as_well(oms: Bench, proxy: Proxy, behind: ShopifyClient):
    oms.open_shop("demo", {"A": 5})
    oms.move("A", 7)
    calls: list[str] = []
    moved = Answer(301, {"Location": ELSEWHERE})
    proxy.meddle = lambda exchange: [calls.append(exchange.operation) or moved.raw()]

    with pytest.raises(ShopAway, match=f"HTTP 301 to Location {ELSEWHERE}"):
        oms.push("RECENT", client=behind, push_seconds=60)

    assert calls == ["LevelsOfItems"] * FOREIGN_ANSWERS
    proxy.meddle = honest
    assert oms.push("RECENT", client=behind).applied == 1


def test_an_unknown_activation_is_repeated_under_its_key(oms: Bench, proxy: Proxy, behind: ShopifyClient):
    oms.open_shop("demo", {"A": 5, "X": {}})
    oms.move("A", 5)
    oms.move("X", 4)
    proxy.meddle = meddle = InPlaceOf(Answer(408), operation="ActivateLevel")

    oms.push("HARD", client=behind, activate_at_location=True, push_seconds=30)

    assert len(set(meddle.seen)) == 1 < len(meddle.seen)
    assert (oms.available("A"), oms.available("X")) == (5, 4)


def test_a_redirected_call_whose_key_is_old_is_told_by_the_levels(
    oms: Bench, proxy: Proxy, behind: ShopifyClient
):
    sold(oms)
    proxy.meddle = InPlaceOf(Answer(302, {"Location": ELSEWHERE}), times=None)
    with pytest.raises(ShopAway):
        oms.push("DELTA", client=behind, push_seconds=30)
    oms.db.execute("update oms.sync_batch set first_sent_at = now() - interval '24 hours'")
    proxy.meddle = meddle = InPlaceOf(None, times=0)

    oms.push("DELTA", client=behind)

    assert meddle.seen == []
    assert {status for _, _, status in oms.lines()} == {"APPLIED"}
    assert {oms.available(sku) for sku in SKUS} == {97}


def changed(old: bytes, new: bytes) -> Callable[[Answer], Answer]:
    """Answers in which some bytes are others."""
    return lambda answer: Answer(answer.status, answer.headers, answer.body.replace(old, new))


def replaced(body: bytes) -> Callable[[Answer], Answer]:
    """Answers that have another body."""
    return lambda answer: Answer(answer.status, JSON, body)


DAMAGED = {
    "another payload": changed(b"inventoryAdjustQuantities", b"inventoryAdjustQuantitiez"),
    "another group": changed(b"inventoryAdjustmentGroup", b"inventoryAdjustmentGroop"),
    "no user errors": changed(b"userErrors", b"userErrorz"),
    "no id": changed(b'"id"', b'"iD"'),
    "a list": replaced(b"[]"),
    "a number": replaced(b"1"),
    "data is a list": replaced(b'{"data":[1]}'),
    "data is empty": replaced(b'{"data":{}}'),
    "no payload": replaced(b'{"data":{"inventoryAdjustQuantities":null}}'),
    "payload is text": replaced(b'{"data":{"inventoryAdjustQuantities":"yes"}}'),
    "errors without code": replaced(b'{"errors":[null]}'),
    "errors are text": replaced(b'{"errors":"?"}'),
    "extensions of an error are a list": replaced(b'{"errors":[{"message":"?","extensions":[]}]}'),
    "half a character": replaced(
        b'{"data":{"inventoryAdjustQuantities":{"inventoryAdjustmentGroup":'
        b'{"id":"\\ud800","referenceDocumentUri":null},"userErrors":[]}}}'
    ),
    "an effect that failed to be told": replaced(
        b'{"data":{"inventoryAdjustQuantities":{"inventoryAdjustmentGroup":null,"userErrors":[]}},'
        b'"errors":[{"message":"?","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}'
    ),
    "a refusal before another error": replaced(
        b'{"errors":[{"message":"?","extensions":{"code":"BAD_REQUEST"}},{"message":"?"}]}'
    ),
    "throttled before another error": replaced(
        b'{"errors":[{"message":"?","extensions":{"code":"THROTTLED"}},'
        b'{"message":"?","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}'
    ),
    "a refusal before no error": replaced(
        b'{"errors":[{"message":"?","extensions":{"code":"BAD_REQUEST"}},7]}'
    ),
    "a code that is a list": replaced(b'{"errors":[{"message":"?","extensions":{"code":["THROTTLED"]}}]}'),
    "words that no database takes": replaced(b'{"errors":[{"message":"\\ud800\\u0000"}]}'),
    "of another batch": replaced(
        b'{"data":{"inventoryAdjustQuantities":{"inventoryAdjustmentGroup":'
        b'{"id":"gid://1","referenceDocumentUri":"gid://oms/SyncBatch/1"},"userErrors":[]}}}'
    ),
    "no JSON": replaced(b'{"data":{'),
    "deep": replaced(b"[" * 100_000),
}


def test_a_damaged_answer_leaves_its_own_batch_unknown_and_no_other(
    oms: Bench, proxy: Proxy, behind: ShopifyClient
):
    sold(oms)
    for number, (name, damaged) in enumerate(DAMAGED.items(), 1):
        bodies: list[bytes] = []
        calls = count()

        def meddle(exchange: Exchange, damaged=damaged, bodies=bodies, calls=calls) -> Pieces:
            is_first = next(calls) == 0
            bodies.insert(0 if is_first else 1, exchange.body)
            answer = exchange.forward()
            return [(damaged(answer) if is_first else answer).raw()]

        proxy.meddle = meddle
        report = oms.push("DELTA", client=behind, limit=2, push_seconds=60)

        assert (report.applied, report.calls) == (8, 5), name
        assert bodies.count(bodies[0]) == 2, name
        assert Counter(oms.batches()) == {(2, "APPLIED", 1): 3 * number, (2, "APPLIED", 2): number}, name
        assert sorted(oms.applied()) == sorted([(sku, -3) for sku in SKUS] * number), name
        for sku in SKUS:
            oms.move(sku, -3)


FIGURES = [
    ("currentlyAvailable", "NaN"),
    ("currentlyAvailable", "-1e300"),
    ("currentlyAvailable", "null"),
    ("restoreRate", '"x"'),
    ("restoreRate", "0"),
    ("maximumAvailable", "1" + "0" * 400),
    ("requestedQueryCost", "NaN"),
    ("requestedQueryCost", "[]"),
    ("actualQueryCost", '"x"'),
    ("throttleStatus", "7"),
    ("cost", "[]"),
]


def test_damaged_figures_of_the_budget_are_passed_over(oms: Bench, proxy: Proxy, behind: ShopifyClient):
    sold(oms)
    for name, value in FIGURES:
        figure = re.compile(rf'"{name}":(?:\{{[^{{}}]*(?:\{{[^{{}}]*\}})?[^{{}}]*\}}|[^,}}]+)'.encode())

        text = f'"{name}":{value}'.encode()

        def meddle(exchange: Exchange, figure=figure, text=text) -> Pieces:
            answer = exchange.forward()
            body, count = figure.subn(text, answer.body)
            assert count == 1
            return [Answer(answer.status, answer.headers, body).raw()]

        proxy.meddle = meddle
        report = oms.push("DELTA", client=behind, limit=2, push_seconds=20)

        assert (report.applied, report.calls) == (8, 4), (name, value)
        for sku in SKUS:
            oms.move(sku, -3)


@pytest.mark.parametrize(
    "wait",
    ["-1", "nan", "inf", "-inf", "0", "1e400", "1e300", "1764547200000", "1764547200", "soon", "", None],
)
def test_a_damaged_wait_is_the_default_wait(wait: str | None):
    assert seconds_asked(wait) is None


def test_a_call_that_is_to_wait_for_a_damaged_time_is_repeated_after_the_default_one(
    oms: Bench, proxy: Proxy, behind: ShopifyClient
):
    sold(oms)
    busy = [Answer(429, JSON | {"Retry-After": wait}, b'{"errors":"?"}').raw() for wait in ("-1", "nan")]
    proxy.meddle = lambda exchange: [busy.pop()] if busy else honest(exchange)

    report = oms.push("DELTA", client=behind, push_seconds=30)

    assert (report.applied, report.calls) == (8, 3)
    assert report.wait_seconds > 2


def test_a_wait_for_ever_of_one_call_leaves_the_others_their_answers(
    oms: Bench, proxy: Proxy, behind: ShopifyClient
):
    sold(oms)
    busy = [Answer(503, {"Retry-After": "1764547200000"}).raw()]

    def meddle(exchange: Exchange) -> Pieces:
        if busy:
            return [busy.pop()]
        return [0.1, exchange.forward().raw()]

    proxy.meddle = meddle
    report = oms.push("DELTA", client=behind, limit=2, parallel=2, push_seconds=30)

    assert report.applied == 8


def test_a_service_that_is_not_there_says_nothing_of_an_item(oms: Bench, proxy: Proxy, behind: ShopifyClient):
    sold(oms)
    error = b'{"code":"SERVICE_UNAVAILABLE","field":%s,"message":"later"}'
    body = b'{"data":{"inventoryAdjustQuantities":{"inventoryAdjustmentGroup":null,"userErrors":[%s]}}}'
    for field in (b"null", b'["input","changes","0"]'):
        proxy.meddle = lambda exchange, said=error % field: [Answer(200, JSON, body % said).raw()]

        with pytest.raises(LinesLeft, match="8 lines unanswered"):
            oms.push("DELTA", client=behind, push_seconds=1)

        assert set_aside(oms) == 0
        assert {count for count, status, _ in oms.batches() if status != "REJECTED"} == {8}

    oms.push("DELTA")
    assert {oms.available(sku) for sku in SKUS} == {97}
    assert sorted(oms.applied()) == [(sku, -3) for sku in SKUS]


@pytest.mark.parametrize("code", ["PARSE_ERROR", "undefinedField"])
def test_a_shop_that_does_not_understand_our_document_says_nothing_of_an_item(
    oms: Bench, proxy: Proxy, behind: ShopifyClient, code: str
):
    sold(oms)
    calls: list[str] = []
    body = b'{"errors":[{"message":"?","extensions":{"code":"%s"}}]}' % code.encode()
    proxy.meddle = lambda exchange: [calls.append(exchange.operation) or Answer(200, JSON, body).raw()]

    with pytest.raises(Misconfigured, match=code):
        oms.push("DELTA", client=behind)

    assert calls == [ADJUST]
    assert set_aside(oms) == 0
    oms.push("DELTA")
    assert {oms.available(sku) for sku in SKUS} == {97}


def test_a_second_copy_of_an_answer_does_not_pass_for_that_of_the_next_call(
    oms: Bench, proxy: Proxy, behind: ShopifyClient
):
    """Each second call is answered by a copy of the answer before, late, on the same connection."""
    sold(oms)
    last: list[bytes] = []

    def meddle(exchange: Exchange) -> Pieces:
        own = exchange.forward().raw()
        said = [last.pop()] if last and exchange.operation == ADJUST else [own]
        last[:] = [own] if said == [own] else []
        return said

    proxy.meddle = meddle
    report = oms.push("DELTA", client=behind, limit=1, parallel=1, push_seconds=60)

    assert report.applied == 8
    groups = oms.db.execute("select count(distinct adjustment_group_id) from oms.sync_batch").fetchone()
    assert groups == (8,)
    assert sorted(oms.applied()) == [(sku, -3) for sku in SKUS]


def test_levels_of_other_items_or_with_another_name_are_read_again(
    oms: Bench, proxy: Proxy, behind: ShopifyClient
):
    oms.open_shop("demo", {"A": 5, "B": 6})
    oms.move("A", 5)
    oms.move("B", 6)
    for damaged in (
        changed(b'"available"', b'"availabel"'),
        changed(b"gid://shopify/InventoryItem/7", b"gid://shopify/InventoryItem/9"),
        replaced(b'{"data":{"nodes":[]}}'),
        changed(b'"isActive":true', b'"isActive":null'),
        changed(b'"quantity":5', b'"quantity":1e5'),
        changed(b'"quantity":5', b'"quantity":5000000000'),
    ):
        damages = [damaged]

        def meddle(exchange: Exchange, damages=damages) -> Pieces:
            answer = exchange.forward()
            return [(damages.pop()(answer) if damages else answer).raw()]

        proxy.meddle = meddle
        report = oms.push("RECENT", client=behind, include_all=True, push_seconds=60)

        assert damages == []
        assert (report.candidates, report.unchanged, report.skipped.total()) == (2, 2, 0)


def test_data_beside_errors_is_no_reading(proxy: Proxy, behind: ShopifyClient):
    """An item that is null because the shop failed is not one that does not exist."""
    failed = b'{"message":"?","extensions":{"code":"INTERNAL_SERVER_ERROR"}}'
    said = b'{"data":{"nodes":[null]},"errors":[%s]}' % failed
    proxy.meddle = lambda exchange: [Answer(200, JSON, said).raw()]

    with pytest.raises(OutcomeUnknown, match="INTERNAL_SERVER_ERROR"):
        behind.execute("levels_of_items", {"ids": ["gid://shopify/InventoryItem/1"], "location": "gid://1"})


def test_the_message_names_what_answered(proxy: Proxy, behind: ShopifyClient):
    proxy.meddle = lambda exchange: [Answer(302, {"Location": ELSEWHERE}, HTML).raw()]

    with pytest.raises(ForeignAnswer, match=f"HTTP 302 to Location {ELSEWHERE}"):
        behind.execute("adjust_inventory", {"input": {}, "key": "k"})


def test_an_answer_that_drips_is_not_waited_for_without_end(oms: Bench, proxy: Proxy, behind: ShopifyClient):
    """Each byte is in time, the whole is not; the batch is repeated under its key."""
    sold(oms)
    sent: list[bytes] = []

    def drip(raw: bytes) -> Iterator[bytes | float]:
        yield raw[:-400]
        for byte in raw[-400:]:
            yield 0.05
            sent.append(bytes([byte]))
            yield sent[-1]

    slow = [True]

    def meddle(exchange: Exchange) -> Pieces:
        raw = exchange.forward().raw()
        return drip(raw) if slow and slow.pop() else [raw]

    proxy.meddle = meddle
    client = ShopifyClient(proxy.url + "/demo", TOKEN, timeout=(2.0, 1.0), patience=5.0)
    report = oms.push("DELTA", client=client, push_seconds=30)
    client.close()

    assert report.applied == 8
    assert len(sent) < 400
    assert oms.batches() == [(8, "APPLIED", 2)]
