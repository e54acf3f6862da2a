"""Bulk queries: Shopify writes the answer to a file, which we read by lines (spec shopify.md 2.2, 2.6)."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import requests

from oms.shopify import bulk, transfers
from oms.shopify.client import ShopifyClient
from oms.shopify.errors import ExportDamaged, ExportFailed, ExportIncomplete, NotExecuted, Rejected, told

LONGEST_WAIT = timedelta(hours=2)
Read = TypeVar("Read")
OVER_IN_VAIN = ("FAILED", "CANCELED", "EXPIRED")


def start(client: ShopifyClient, query: str) -> str:
    """Ask for an export; return the id of its operation. Raises NotExecuted while too many others run."""
    try:
        payload = client.mutate("run_bulk_query", {"query": query})
    except Rejected as error:
        if error.code in ("OPERATION_IN_PROGRESS", "LIMIT_REACHED"):
            raise NotExecuted(f"other exports of the shop are running: {error}") from error
        raise
    return bulk.started(payload)


def wait(
    client: ShopifyClient, operation_id: str, sleep: Callable[[float], None] = time.sleep
) -> dict[str, Any]:
    """Poll an export until it has ended, often at first, then more rarely; return the operation.

    Raises ExportFailed, and NotExecuted after LONGEST_WAIT.
    """
    pause, give_up = 0.25, time.monotonic() + LONGEST_WAIT.total_seconds()
    while True:
        operation = bulk.state(client, operation_id)
        if operation is None:
            raise ExportFailed(f"the shop does not know the export {operation_id} any more")
        status = operation["status"]
        if status == "COMPLETED":
            return operation
        if status in OVER_IN_VAIN:
            code = f" ({operation['errorCode']})" if operation["errorCode"] else ""
            raise ExportFailed(f"the export {operation_id} ended {status}{code}")
        if time.monotonic() > give_up:
            raise NotExecuted(f"the export {operation_id} is still {status} after {LONGEST_WAIT}")
        sleep(pause)
        pause = min(5.0, pause * 1.3)


@contextmanager
def lines(operation: dict[str, Any]) -> Iterator[Iterator[bytes]]:
    """The lines of an export that has ended, as they come; one without objects has no file.

    While they are read, ExportIncomplete is raised where they break off or are fewer than Shopify says.
    """
    if operation["url"] is None:
        yield _counted(iter(()), operation)
        return
    try:
        response = transfers.send("get", operation["url"], stream=True, timeout=(5, 60))
    except transfers.BROKEN as error:
        raise ExportIncomplete(f"the file of the export did not answer: {type(error).__name__}") from error
    with response:
        if response.status_code != requests.codes.ok:
            raise ExportIncomplete(f"the file of the export answered HTTP {response.status_code}")
        yield _counted(response.iter_lines(chunk_size=1 << 20), operation)


def _counted(found: Iterator[bytes], operation: dict[str, Any]) -> Iterator[bytes]:
    count = 0
    try:
        for line in found:
            if line:
                count += 1
                yield line
    except transfers.BROKEN as error:
        raise ExportIncomplete(f"the file of the export broke off: {type(error).__name__}") from error
    if count != int(operation["objectCount"]):
        raise ExportIncomplete(f"{count} lines came of the {operation['objectCount']} of {operation['id']}")


def read(lines: Iterable[bytes], of_node: Callable[[dict[str, Any]], Read]) -> Iterator[Read]:
    """Yield what `of_node` makes of each line; raises ExportDamaged where it can make nothing of one."""
    for number, line in enumerate(lines, start=1):
        try:
            made = of_node(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ExportDamaged(
                f"line {number} of the export is not what was asked for ({type(error).__name__}: {error}):"
                f" {told(line[:200])}; nothing of it was taken, the next run asks for another export"
            ) from error
        yield made


def quantities(level: dict[str, Any], names: tuple[str, ...]) -> tuple[int | None, ...]:
    """Return the quantities of a level in the order of the names; None for one that it does not have."""
    found = {one["name"]: one["quantity"] for one in level["quantities"]}
    if not all(name in names and type(amount) is int for name, amount in found.items()):
        raise ValueError(f"quantities are {found}")
    return tuple(found.get(name) for name in names)
