"""Idempotency keys (shopify.md 7.3, rows 57-65)."""

import threading
import time

import pytest
import requests

from fakeshop.testing import new_key
from tests.fakeshop.conftest import Demo, codes, top


def test_row_057_the_same_key_answers_the_same_and_applies_once(demo: Demo):
    key = new_key()

    first = demo.adjust(demo.change("MUG-R", -1), key=key)
    second = demo.adjust(demo.change("MUG-R", -1), key=key)

    assert second == first
    assert demo.level("MUG-R")["available"] == 9
    assert [entry["key"] for entry in demo.server.journal("demo")] == [key]


def test_row_058_other_parameters_under_the_same_key(demo: Demo):
    key = new_key()
    demo.adjust(demo.change("MUG-R", -1), key=key)

    payload = demo.adjust(demo.change("MUG-R", -2), key=key)

    assert payload["userErrors"] == [
        {
            "code": "IDEMPOTENCY_KEY_PARAMETER_MISMATCH",
            "field": None,
            "message": "The same idempotency key cannot be used with different operation parameters.",
        }
    ]
    assert demo.level("MUG-R")["available"] == 9


def test_row_059_the_first_request_still_runs(demo: Demo):
    key = new_key()
    demo.server.fault("delay", phase="during", seconds=1.0)
    answers = []
    first = threading.Thread(target=lambda: answers.append(demo.adjust(demo.change("MUG-R", -1), key=key)))
    first.start()
    deadline = time.monotonic() + 60
    while not demo.server.door("GET", "faults")[0]["hits"] and time.monotonic() < deadline:
        time.sleep(0.01)

    second = requests.Session()
    demo.server.session, kept = second, demo.server.session
    try:
        payload = demo.adjust(demo.change("MUG-R", -1), key=key)
    finally:
        demo.server.session = kept
    first.join()

    assert payload["userErrors"] == [
        {
            "code": "IDEMPOTENCY_CONCURRENT_REQUEST",
            "field": None,
            "message": "This request is currently in progress, please try again.",
        }
    ]
    assert codes(answers[0]) == []
    assert codes(demo.adjust(demo.change("MUG-R", -1), key=key)) == []
    assert demo.level("MUG-R")["available"] == 9


def test_row_060_after_a_crash_the_key_is_spent(demo: Demo):
    key = new_key()
    demo.server.fault("attempt_failed", operation="inventoryAdjustQuantities")

    first = demo.adjust_body(demo.change("MUG-R", -1), key=key)
    again = demo.adjust(demo.change("MUG-R", -1), key=key)

    assert top(first)[0] == "INTERNAL_SERVER_ERROR"
    assert codes(again) == ["IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"]
    assert demo.level("MUG-R")["available"] == 10
    assert codes(demo.adjust(demo.change("MUG-R", -1))) == []
    assert demo.level("MUG-R")["available"] == 9


def test_row_061_a_key_lives_24_hours(demo: Demo):
    key = new_key()
    demo.adjust(demo.change("MUG-R", -1), key=key)

    demo.server.clock(86_400 - 60)
    demo.adjust(demo.change("MUG-R", -1), key=key)
    assert demo.level("MUG-R")["available"] == 9

    demo.server.clock(86_400 + 60)
    demo.adjust(demo.change("MUG-R", -1), key=key)
    assert demo.level("MUG-R")["available"] == 8


@pytest.mark.parametrize("key", ["", "  "])
def test_row_062_a_blank_key(demo: Demo, key):
    given = {"name": "available", "reason": "correction", "changes": [demo.change("MUG-R", -1)]}
    from tests.fakeshop.conftest import ADJUST

    body = demo.call(ADJUST, {"input": given, "key": key})

    assert top(body)[0] == "BAD_REQUEST"
    assert demo.level("MUG-R")["available"] == 10


def test_row_063_the_answer_is_lost_after_applying(demo: Demo):
    key = new_key()
    demo.server.fault("lost_answer", operation="Adjust", shop="demo")

    with pytest.raises(requests.ConnectionError):
        demo.adjust(demo.change("MUG-R", -1), key=key)

    assert demo.level("MUG-R")["available"] == 9
    assert demo.adjust(demo.change("MUG-R", -1), key=key)["inventoryAdjustmentGroup"]
    assert demo.level("MUG-R")["available"] == 9
    demo.adjust(demo.change("MUG-R", -1))
    assert demo.level("MUG-R")["available"] == 8


def test_row_064_a_throttled_request_does_not_use_its_key(demo: Demo):
    key = new_key()
    demo.server.bucket("demo", -500)

    assert top(demo.adjust_body(demo.change("MUG-R", -1), key=key))[0] == "THROTTLED"
    assert demo.level("MUG-R")["available"] == 10

    demo.server.bucket("demo", 2000)
    assert codes(demo.adjust(demo.change("MUG-R", -2), key=key)) == []
    assert demo.level("MUG-R")["available"] == 8


def test_row_065_user_errors_use_the_key(demo: Demo):
    key = new_key()
    first = demo.adjust(demo.change("MUG-R", -1), key=key, reason="nonsense")

    assert demo.adjust(demo.change("MUG-R", -1), key=key, reason="nonsense") == first
    other = demo.adjust(demo.change("MUG-R", -1), key=key)
    assert codes(other) == ["IDEMPOTENCY_KEY_PARAMETER_MISMATCH"]
