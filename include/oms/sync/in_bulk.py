"""Batches through bulk operations, where the shop's budget would take too long (spec shopify.md 8.2, 8.4.10).

Each line of a file is a batch with its own key. That makes everything after a crash, a lost answer or a
missing result line simple: such a batch goes out directly, under the same key.
"""

import itertools
import json
import logging
from collections.abc import Iterable, Iterator
from typing import Any

from oms import crashpoints
from oms.shopify import bulk, shapes
from oms.shopify.client import answered_data
from oms.shopify.errors import Misconfigured, NotExecuted, OutcomeUnknown, Rejected, ShopifyError
from oms.sync.sending import Batch, Sender, is_answer_to

log = logging.getLogger(__name__)

STARTED = crashpoints.register("push.bulk_started", "a bulk operation runs, its id is not stored")
FOLLOWED = crashpoints.register("push.bulk_stored", "a bulk operation runs and its id is stored")

FILE_BYTES = 30_000_000
FILES_AT_ONCE = 5
SLOWEST_RATE = 100.0
SETTLED_AT_ONCE = 100


def follow(sender: Sender, batches: Iterable[Batch]) -> list[Batch]:
    """Settle what bulk operations of earlier runs tell of unanswered batches; return the others.

    Batches whose operation is not over at the deadline are not returned: they stay SENT, and the next run
    follows the operation.
    """
    operations: dict[str, list[Batch]] = {}
    direct: list[Batch] = []
    for batch in batches:
        if batch.bulk_operation and not batch.key_expired:
            operations.setdefault(batch.bulk_operation, []).append(batch)
        else:
            direct.append(batch)
    try:
        for operation, members in operations.items():
            direct += _collect(sender, operation, members)
    except Misconfigured as error:
        sender.stop(error)
    return direct


def send_in_bulk(sender: Sender, batches: Iterable[Batch]) -> list[Batch]:
    """Send new batches through bulk operations, five at a time; return those that need a direct call."""
    direct: list[Batch] = []
    try:
        for files in _by_five(_files(batches)):
            direct += _run(sender, files)
    except Misconfigured as error:
        sender.stop(error)
    return direct


def is_much(sender: Sender, calls: int) -> bool:
    """Say whether direct calls would keep us waiting for points longer than the break-even (seconds)."""
    points = calls * sender.client.cost_of("adjust_inventory")
    longest = sender.options.bulk_above_seconds
    if calls < 2 or points / SLOWEST_RATE <= longest:
        return False
    sender.client.execute("access_scopes", {}, deadline=sender.deadline)  # tells what is in the bucket
    return sender.client.budget.seconds_for(points) > longest


def _files(batches: Iterable[Batch]) -> Iterator[list[Batch]]:
    """Cut batches into files, each in the order of its keys, so that its line numbers can be told later."""
    content: list[Batch] = []
    size = 0
    for batch in batches:
        if content and size + len(batch.payload) > FILE_BYTES:
            yield sorted(content, key=lambda one: one.batch_id)
            content, size = [], 0
        content.append(batch)
        size += len(batch.payload) + 100
    if content:
        yield sorted(content, key=lambda one: one.batch_id)


def _by_five(files: Iterator[list[Batch]]) -> Iterator[list[list[Batch]]]:
    while group := list(itertools.islice(files, FILES_AT_ONCE)):
        yield group


def _run(sender: Sender, files: list[list[Batch]]) -> list[Batch]:
    """Run some files side by side; return the batches that need a direct call."""
    direct: list[Batch] = []
    running: list[tuple[str, list[Batch]]] = []
    for batches in files:
        operation = _start(sender, batches)
        if operation is None:
            direct += batches
        else:
            running.append((operation, batches))
    for operation, batches in running:
        direct += _collect(sender, operation, batches)
    return direct


def _start(sender: Sender, batches: list[Batch]) -> str | None:
    """Upload and start one file; None when that did not work, and the batches go out directly."""
    lines = (f'{{"input":{batch.payload},"key":{json.dumps(str(batch.batch_id))}}}' for batch in batches)
    try:
        path = bulk.upload(sender.client, "\n".join(lines).encode(), sender.deadline)
    except (NotExecuted, OutcomeUnknown, Rejected) as error:
        log.warning("%s batches go out directly: %s", len(batches), error)
        return None
    sender.mark_sent(batches)
    try:
        operation = bulk.start(sender.client, "adjust_inventory", path, sender.deadline)
    except (NotExecuted, Rejected) as error:
        log.warning("%s batches go out directly: %s", len(batches), error)
        return None
    except OutcomeUnknown as error:
        log.warning("%s batches go out directly, it may run: %s", len(batches), error)
        return _all_unsure(batches)
    crashpoints.point(STARTED)
    sender.follow(operation, batches)
    crashpoints.point(FOLLOWED)
    return operation


def _all_unsure(batches: list[Batch]) -> None:
    for batch in batches:
        batch.status = "SENT"


def _collect(sender: Sender, operation_id: str, batches: list[Batch]) -> list[Batch]:
    """Settle what an operation tells; return its batches that it does not tell about."""
    _all_unsure(batches)
    open_batches = {batch.batch_id: batch for batch in batches}
    keys = sender.keys_of(operation_id)
    try:
        operation = bulk.wait_for(sender.client, operation_id, sender.deadline)
        if operation is None:
            return []
        told = (
            (open_batches.pop(keys[number]), _answer(answer, str(keys[number])))
            for number, answer in bulk.results(operation)
            if number < len(keys) and keys[number] in open_batches
        )
        while group := list(itertools.islice(told, SETTLED_AT_ONCE)):
            sender.settle(group)
    except (NotExecuted, OutcomeUnknown, Rejected) as error:
        log.warning("bulk operation %s: %s", operation_id, error)
    if open_batches:
        log.warning("bulk operation %s does not tell of %s batches", operation_id, len(open_batches))
    return list(open_batches.values())


def _answer(answer: dict[str, Any], key: str) -> dict[str, Any] | ShopifyError:
    try:
        data = shapes.checked("adjust_inventory", answered_data(answer, "bulk result"))
    except ShopifyError as error:
        return error
    payload = data["inventoryAdjustQuantities"]
    return payload if is_answer_to(key, payload) else OutcomeUnknown("the result names another batch")
