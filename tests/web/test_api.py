"""Changes of stock by API call (inventory.md 5.17, 5.18)."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from oms.inventory.why import why
from tests.web.conftest import Caller, sale


def test_inv_26_a_sale_at_the_till(caller: Caller):
    told = caller.sell(2, "k1")

    assert told.status_code == 200
    assert told.json() | {"inventoryItemId": 0} == sale(2) | {
        "webSiteId": "API",
        "inventoryItemId": 0,
        "qoh": 8,
        "atp": 8,
        "recordedDelta": -2,
        "outcome": "APPLIED",
        "duplicate": False,
    }
    assert caller.position() == (8, 8)
    assert caller.entries() == [(-2, -2, "POS_SALE", None)]


def test_inv_26_the_same_call_again_applies_nothing(caller: Caller):
    first = caller.sell(2, "k1").json()

    again = caller.sell(2, "k1")

    assert (again.status_code, again.json()) == (200, first | {"duplicate": True})
    assert caller.position() == (8, 8)


def test_inv_26_the_same_key_with_another_body(caller: Caller):
    caller.sell(2, "k1")

    told = caller.sell(3, "k1")

    assert (told.status_code, told.json()["code"]) == (409, "ERR_KEY_REUSED")
    assert told.headers["content-type"] == "application/problem+json"
    assert caller.position() == (8, 8)


def test_inv_26_a_reason_that_writes_nothing(caller: Caller):
    told = caller.sell(2, varianceReasonId="NO_VARIANCE_LOG")

    assert (told.status_code, told.json()["outcome"], told.json()["qoh"]) == (200, "UNCHANGED", 10)
    assert caller.entries() == []


def test_inv_26_an_unknown_upc(caller: Caller):
    told = caller.sell(2, idValue="999", key="k1")

    assert (told.status_code, told.json()["field"]) == (404, "idValue")
    assert "'999'" in told.json()["detail"]
    assert caller.entries() == []


def test_a_refused_call_may_be_repeated_with_its_key_once_its_cause_is_mended(caller: Caller):
    assert caller.sell(2, "k1", idType="SKU", idValue="C").status_code == 404
    caller.db.execute(
        """insert into oms.product_identification (product_id, identification_type_id, id_value)
           select product_id, 'SKU', 'C' from oms.product where internal_name = 'A'"""
    )
    caller.db.commit()

    assert caller.sell(2, "k1", idType="SKU", idValue="C").json()["duplicate"] is False
    assert caller.position() == (8, 8)


def test_without_a_key_two_equal_sales_are_two(caller: Caller):
    caller.sell(2)
    caller.sell(2)

    assert caller.position() == (6, 6)


def test_spaces_and_the_order_of_fields_do_not_make_another_body(caller: Caller):
    caller.sell(2, "k1")

    told = caller.send(dict(reversed(sale(2).items())), "k1")

    assert told.json()["duplicate"] is True


def test_a_key_is_kept_for_30_days(caller: Caller):
    caller.sell(2, "k1")
    caller.db.execute("update oms.api_call set called_at = now() - interval '30 days 1 minute'")
    caller.db.commit()

    told = caller.sell(3, "k1")

    assert told.status_code == 200, told.text
    assert caller.position() == (5, 5)


def test_two_clients_may_use_the_same_key(caller: Caller):
    caller.sell(2, "k1")
    caller.token = caller.new_token("other")

    assert caller.sell(2, "k1").json()["duplicate"] is False


def test_a_new_token_of_a_client_repeats_the_calls_of_the_old_one(caller: Caller):
    caller.sell(2, "k1")
    caller.token = caller.new_token("pos")

    assert caller.sell(2, "k1").json()["duplicate"] is True


def test_concurrent_calls_with_one_key_apply_once(caller: Caller):
    with ThreadPoolExecutor(8) as pool:
        told = [f.result().json() for f in [pool.submit(caller.sell, 1, "k1") for _ in range(8)]]

    assert sorted(one["duplicate"] for one in told) == [False] + [True] * 7
    assert {one["qoh"] for one in told} == {9}
    assert caller.position() == (9, 9)


def test_concurrent_lists_over_the_same_products_in_any_order(caller: Caller):
    pair = [sale(1), sale(1, idType="SKU", idValue="B")]
    with ThreadPoolExecutor(8) as pool:
        lists = [pair * 5 if n % 2 else pair[::-1] * 5 for n in range(16)]
        told = [f.result() for f in [pool.submit(caller.send, one) for one in lists]]

    assert {one["status"] for answer in told for one in answer.json()} == {200}
    assert caller.position("A") == (10 - 80, 10 - 80)
    assert caller.position("B") == (-80, -80)


def test_each_element_of_a_list_stands_alone(caller: Caller):
    told = caller.send(
        [
            sale(2),
            sale(1, idValue="999"),
            sale(3, negativePolicy="reject", availableDelta=-30),
            {"idType": "SKU"},
            "nonsense",
            sale(1),
        ]
    )

    assert told.status_code == 207
    assert [one["status"] for one in told.json()] == [200, 404, 422, 400, 400, 200]
    assert told.json()[3]["error"]["errors"][0]["field"] == "idValue"
    assert told.json()[5]["qoh"] == 7
    assert caller.position() == (7, 7)


def test_a_list_sent_again_tries_only_what_had_no_effect(caller: Caller):
    body = [sale(2), sale(1, idType="SKU", idValue="C"), sale(3)]
    first = caller.send(body, "k1").json()
    caller.db.execute(
        """insert into oms.product_identification (product_id, identification_type_id, id_value)
           select product_id, 'SKU', 'C' from oms.product where internal_name = 'A'"""
    )
    caller.db.commit()

    again = caller.send(body, "k1").json()

    assert [one["status"] for one in first] == [200, 404, 200]
    assert [one.get("duplicate") for one in again] == [True, False, True]
    assert again[0] == first[0] | {"duplicate": True}
    assert caller.position() == (4, 4)


def test_a_list_with_a_key_that_another_body_used(caller: Caller):
    caller.send([sale(2), sale(1)], "k1")

    assert caller.send([sale(2), sale(2)], "k1").status_code == 409
    assert caller.send(sale(2), "k1").status_code == 409
    assert caller.position() == (7, 7)


@pytest.mark.parametrize(
    ("policy", "status", "outcome", "qoh"),
    [(None, 200, "APPLIED", -2), ("allow", 200, "APPLIED", -2), ("floor", 200, "FLOORED", 0),
     ("reject", 422, None, 10)],
)  # fmt: skip
def test_below_zero_by_policy(caller: Caller, policy, status, outcome, qoh):
    told = caller.sell(12, "k1", negativePolicy=policy)

    assert (told.status_code, told.json().get("outcome")) == (status, outcome)
    assert caller.position() == (qoh, qoh)
    if policy == "floor":
        assert told.json()["note"] == "10 of 12 units recorded, 2 more would bring QOH below 0"
    if policy == "reject":
        assert told.json()["field"] == "availableDelta"


def test_rejecting_at_a_position_that_does_not_exist_leaves_none_behind(caller: Caller):
    before = caller.stored()

    told = caller.sell(1, "k1", idType="SKU", idValue="B", negativePolicy="reject")

    assert told.status_code == 422
    assert caller.stored() == before


def count_position(caller: Caller, as_of: str, qoh_diff: int = 0) -> int:
    """A reset file has counted product A; return its entry."""
    db = caller.db
    (log_id,) = db.execute(
        """insert into oms.import_log (config_id, dag_id, run_id, connection_id, remote_path, file_name,
                                       domain, kind, schedule_now)
           values ('RESET_INVENTORY', 'd', 'r', 'c', '/x', 'x', 'BALANCE', 'reset', false) returning log_id"""
    ).fetchone()
    (item,) = db.execute(
        "update oms.inventory_item set counted_as_of = %s returning inventory_item_id", (as_of,)
    ).fetchone()
    (entry,) = db.execute(
        """insert into oms.inventory_ledger
                  (inventory_item_id, qoh_diff, atp_diff, effective_at, log_id, line_number)
           values (%s, %s, %s, %s, %s, 2) returning entry_id""",
        (item, qoh_diff, qoh_diff, as_of, log_id),
    ).fetchone()
    db.commit()
    return entry


def test_a_sale_from_before_a_count_counts_nothing_and_names_the_count(caller: Caller):
    count = count_position(caller, "2026-08-01T05:00:00Z", -1)

    told = caller.sell(2, "k1", effectiveDate="2026-08-01T13:50:00+09:00").json()

    assert (told["outcome"], told["recordedDelta"], told["qoh"]) == ("ALREADY_COUNTED", 0, 9)
    assert "2026-08-01 05:00:00" in told["note"]
    assert caller.db.execute(
        "select qoh_diff, counted_by_entry from oms.inventory_ledger where source_key like 'api:%'"
    ).fetchall() == [(0, count)]


def test_a_sale_after_a_count_counts(caller: Caller):
    count_position(caller, "2026-08-01T05:00:00Z")

    assert caller.sell(2, effectiveDate="2026-08-01T05:00:01Z").json()["qoh"] == 8
    assert caller.sell(1).json()["qoh"] == 7


def test_a_moment_in_any_form_of_iso_8601(caller: Caller):
    count_position(caller, "2026-08-01T05:00:00Z")

    assert caller.sell(1, effectiveDate="2026-W31-6T04:59:59Z").json()["outcome"] == "ALREADY_COUNTED"
    assert caller.sell(1, effectiveDate="20260801T140001+0900").json()["outcome"] == "APPLIED"


def test_facility_by_its_external_id_and_location(caller: Caller):
    caller.db.execute("update oms.facility set external_id = '101' where facility_id = 'WH'")
    caller.db.execute("insert into oms.facility_location values ('WH', 'BIN-7', 'FLT_BULK')")
    caller.db.commit()

    assert caller.sell(-5, facilityId="101", locationSeqId="BIN-7").json()["qoh"] == 5
    assert caller.sell(1, facilityId="101").json()["qoh"] == 9
    assert caller.position() == (14, 14)


def test_the_id_type_in_any_spelling(caller: Caller):
    assert caller.sell(1, idType="upc-a").status_code == 200


@pytest.mark.parametrize(
    ("id_type", "form"), [("EAN", "{}"), ("barcode", "{}"), ("GTIN-14", "00{}"), ("ean13", " 0{}\u00a0")]
)
def test_a_barcode_in_any_kind_and_form(caller: Caller, id_type, form):
    caller.db.execute(
        "update oms.product_identification set id_value = '012345678905' where id_value = %s",
        (sale()["idValue"],),
    )
    caller.db.commit()

    told = caller.sell(1, idType=id_type, idValue=form.format("012345678905"))

    assert told.status_code == 200, told.json()


def test_a_sale_from_a_clock_that_is_ahead_happens_when_it_arrives(caller: Caller):
    ahead = datetime.now(UTC) + timedelta(minutes=4)

    caller.sell(1, effectiveDate=ahead.isoformat())

    (moved,) = caller.db.execute(
        "select effective_at = recorded_at from oms.inventory_ledger where source_key like 'api:%'"
    ).fetchone()
    assert moved


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"facilityId": "MARS"}, 404, "facilityId"),
        ({"facilityId": "_NA_"}, 422, "facilityId"),
        ({"locationSeqId": "NOWHERE"}, 404, "locationSeqId"),
        ({"idType": "RFID"}, 400, "idType"),
        ({"varianceReasonId": "BECAUSE"}, 400, "varianceReasonId"),
        ({"varianceReasonId": "VAR_SHIP_RECV"}, 400, "varianceReasonId"),
        ({"idType": "SKU", "idValue": "KIT"}, 422, "idValue"),
        ({"idType": "SKU", "idValue": "PARENT"}, 422, "idValue"),
        ({"idType": "SKU", "idValue": "TWICE"}, 422, "idValue"),
    ],
)
def test_what_cannot_be_found_or_must_not_be_changed(caller: Caller, change, status, field):
    for name, kind, is_virtual in (
        ("KIT", "MARKETING_PKG_PICK", False),
        ("PARENT", "FINISHED_GOOD", True),
    ):
        caller.db.execute(
            """with made as (
                   insert into oms.product (internal_name, product_name, product_type_id, is_virtual)
                   values (%(name)s, %(name)s, %(kind)s, %(is_virtual)s) returning product_id)
               insert into oms.product_identification (product_id, identification_type_id, id_value)
               select product_id, 'SKU', %(name)s from made""",
            {"name": name, "kind": kind, "is_virtual": is_virtual},
        )
    caller.db.execute(
        """insert into oms.product_identification (product_id, identification_type_id, id_value)
           select product_id, 'SKU', 'TWICE' from oms.product where internal_name in ('A', 'B')"""
    )
    caller.db.commit()
    before = caller.stored()

    told = caller.sell(1, "k1", **change)

    assert (told.status_code, told.json()["field"]) == (status, field)
    assert caller.stored() == before


def test_a_position_that_an_import_holds_is_answered_in_seconds(caller: Caller, oms_dsn: str):
    with psycopg.connect(oms_dsn) as importing:
        importing.execute("select from oms.inventory_item for update")

        told = caller.send([sale(1), sale(1, idType="SKU", idValue="B")], "k1").json()

    assert [one["status"] for one in told] == [503, 200]
    assert caller.send([sale(1), sale(1, idType="SKU", idValue="B")], "k1").json()[0]["qoh"] == 9


def test_a_unit_that_moves_rings_the_bell_of_the_pushes(caller: Caller, oms_dsn: str):
    with psycopg.connect(oms_dsn, autocommit=True) as listener:
        listener.execute("listen oms_stock_changed")

        caller.sell(1)

        assert [one.payload for one in listener.notifies(timeout=5, stop_after=1)] == ["WH"]


def test_a_position_stays_the_sum_of_its_entries_under_load(caller: Caller):
    stop = threading.Event()

    def keep_selling(key: str) -> int:
        sent = 0
        while not stop.is_set():
            caller.send([sale(1), sale(1)], f"{key}-{sent}")
            sent += 1
        return sent

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(keep_selling, name) for name in "abcd"]
        threading.Timer(1.0, stop.set).start()
        lists = sum(one.result() for one in running)

    assert lists > 0
    assert caller.position() == (10 - 2 * lists, 10 - 2 * lists)
    assert len(caller.entries()) == 2 * lists


def test_why_names_the_call(caller: Caller):
    caller.sell(1, "POS:101:7")
    caller.send([sale(1), sale(2)], "evening")
    caller.sell(1)

    found = why(caller.db, "30065245099", "WH", id_type="UPCA")

    assert [entry.cause for entry in found.entries][-4:] == [
        "call of pos, Idempotency-Key POS:101:7",
        "call of pos, Idempotency-Key evening, element 1",
        "call of pos, Idempotency-Key evening, element 2",
        "call of pos, no Idempotency-Key",
    ]
