"""Many batches through bulk operations, exactly once (spec inventory.md 6.4, shopify.md 8.2)."""

import pytest

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
