"""Many batches through bulk operations, exactly once (spec inventory.md 6.4, shopify.md 8.2)."""

from collections.abc import Callable

import pytest

from oms.shopify.client import ShopifyClient
from tests.oms.proxy import Answer, Exchange, Pieces, Proxy
from tests.oms.sync.bench import Bench

IN_BULK = {"bulk_above_seconds": 0.5, "limit": 1, "push_seconds": 20}
SKUS = [f"P{number:02d}" for number in range(23)]


@pytest.fixture
def changed(oms: Bench) -> Bench:
    oms.open_shop("demo", dict.fromkeys(SKUS, 10), mode="DELTA")
    for sku in SKUS:
        oms.move(sku, 10)
    oms.push("HARD")
    for sku in SKUS:
        oms.move(sku, -1)
    oms.server.bucket("demo", 0)  # 23 calls now take over two seconds
    oms.server.clear_log()
    return oms


def all_applied_once(oms: Bench) -> bool:
    return sorted(oms.applied()) == [(sku, -1) for sku in SKUS] and {line[2] for line in oms.lines()} == {
        "APPLIED"
    }


def test_batches_go_as_one_operation(changed: Bench):
    report = changed.push("DELTA", **IN_BULK)

    assert report.applied == 23
    assert all_applied_once(changed)
    assert changed.requests("AdjustInventory") == []
    assert len(changed.requests("RunBulkMutation")) == 1


def test_little_goes_directly_without_asking_for_the_bucket(changed: Bench):
    changed.server.bucket("demo", 2000)

    report = changed.push("DELTA", limit=5)

    assert (report.calls, report.applied) == (5, 23)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"kind": "bulk_partial", "rows": 2}, id="lines missing in the result"),
        pytest.param(
            {"kind": "bulk_failure", "rows": 2, "code": "INTERNAL_SERVER_ERROR"}, id="failed halfway"
        ),
        pytest.param({"kind": "lost_answer", "operation": "RunBulkMutation"}, id="start answered to nobody"),
        pytest.param({"kind": "internal_error", "operation": "RunBulkMutation"}, id="start failed"),
        pytest.param({"kind": "lost_answer", "operation": "StageUpload"}, id="no upload"),
    ],
)
def test_what_the_result_does_not_tell_goes_out_directly_under_its_key(changed: Bench, fault):
    changed.server.fault(**fault)

    changed.push("DELTA", **IN_BULK)

    assert len(changed.requests("StageUpload")) >= 1
    assert len(changed.requests("AdjustInventory")) >= 2
    assert all_applied_once(changed)


def test_an_operation_that_outlives_the_run_is_followed_by_the_next(changed: Bench):
    changed.server.switch("demo", bulk_seconds=2.5)

    report = changed.push("DELTA", **IN_BULK | {"push_seconds": 1.2}, may_fail=True)
    assert report.left == 23
    changed.move("P00", -1)
    changed.push("DELTA", **IN_BULK)

    assert sorted(changed.applied()) == sorted([(sku, -1) for sku in SKUS] + [("P00", -1)])
    assert len(changed.requests("RunBulkMutation")) == 1


def test_a_refused_line_of_a_file_is_dropped_alone(changed: Bench):
    changed.db.execute(
        "update oms.shop_product set shopify_inventory_item_id = 404404 where product_id = %s",
        (changed.world.products["P07"],),
    )
    changed.db.execute(
        "update oms.sync_level set shopify_inventory_item_id = 404404 where shopify_inventory_item_id = %s",
        (changed.items["demo", "P07"],),
    )

    report = changed.push("DELTA", **IN_BULK)

    assert len(changed.requests("RunBulkMutation")) == 1
    assert report.rejected == {"INVALID_INVENTORY_ITEM": 1}
    assert sorted(changed.applied()) == [(sku, -1) for sku in SKUS if sku != "P07"]


def test_five_running_operations_of_others_mean_direct_calls(changed: Bench):
    changed.server.switch("demo", bulk_seconds=30)
    for _ in range(5):
        changed.start_foreign_bulk()

    changed.push("DELTA", **IN_BULK)

    assert all_applied_once(changed)


NOWHERE = {"Content-Type": "text/html", "Location": "http://["}


def elsewhere(name: bytes) -> Callable[[Answer], Answer]:
    """Answers that name another address."""
    return lambda answer: Answer(
        answer.status, answer.headers, answer.body.replace(b'"%s":"' % name, b'"%s":"http://a..b/?' % name)
    )


def cut(answer: Answer) -> Answer:
    """Half an answer, whose length nothing tells."""
    return Answer(answer.status, answer.headers, answer.body[: len(answer.body) // 2])


UPLOAD, POLL, RESULT = "POST /_storage", "BulkOperationState", "GET /_storage"
BETWEEN = [
    ("StageUpload", elsewhere(b"url")),
    ("StageUpload", lambda answer: Answer(200)),
    (UPLOAD, lambda answer: Answer(302, NOWHERE)),
    (UPLOAD, lambda answer: Answer(307, {"Location": "http://127.0.0.1:9/"})),
    (UPLOAD, lambda answer: Answer(200)),
    (UPLOAD, lambda answer: None),
    ("RunBulkMutation", lambda answer: Answer(302, NOWHERE)),
    (POLL, elsewhere(b"url")),
    (POLL, lambda answer: Answer(200)),
    (RESULT, lambda answer: Answer(302, NOWHERE)),
    (RESULT, lambda answer: Answer(200)),
    (RESULT, lambda answer: Answer(206, answer.headers, answer.body)),
    (RESULT, lambda answer: Answer(200, {"Content-Encoding": "gzip"}, answer.body)),
    (RESULT, cut),
    (RESULT, lambda answer: None),
]


def test_what_stands_between_us_and_a_bulk_operation_costs_no_line_and_doubles_none(
    changed: Bench, proxy: Proxy, behind: ShopifyClient
):
    expected: list[tuple[str, int]] = []
    for number, (operation, said) in enumerate(BETWEEN):
        struck: list[str] = []

        def meddle(exchange: Exchange, operation=operation, said=said, struck=struck) -> Pieces | None:
            answer = exchange.forward()
            names = (exchange.operation, f"{exchange.method} {exchange.path[:9]}")
            is_early = operation == POLL and b'"url":"' not in answer.body
            if struck or operation not in names or is_early:
                return [answer.raw()]
            struck.append(operation)
            answer = said(answer)
            return None if answer is None else [answer.raw()]

        proxy.meddle = meddle
        expected += [(sku, 1 if number % 2 else -1) for sku in SKUS]
        report = changed.push("DELTA", client=behind, limit=8, bulk_above_seconds=-1.0, push_seconds=20)

        assert struck, (number, operation)
        assert report.applied == len(SKUS), (number, operation)
        assert sorted(changed.applied()) == sorted(expected), (number, operation)
        for sku in SKUS:
            changed.move(sku, -1 if number % 2 else 1)
