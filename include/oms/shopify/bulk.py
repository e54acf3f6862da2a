"""Bulk mutations: an uploaded file of variables, one mutation for each line (spec shopify.md 2.4, 2.5)."""

import itertools
import json
import logging
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from oms.shopify import documents, transfers
from oms.shopify.budget import Deadline
from oms.shopify.client import ShopifyClient
from oms.shopify.errors import OutcomeUnknown, Rejected

log = logging.getLogger(__name__)

FILE_NAME = "changes.jsonl"
MIME_TYPE = "text/jsonl"
OVER = frozenset({"COMPLETED", "FAILED", "CANCELED", "EXPIRED"})
TRANSFER_SECONDS = (10, 300)


def upload(client: ShopifyClient, content: bytes, deadline: Deadline) -> str:
    """Put an input file where Shopify finds it; return its path. Raises OutcomeUnknown if that failed."""
    wish = {
        "resource": "BULK_MUTATION_VARIABLES",
        "filename": FILE_NAME,
        "mimeType": MIME_TYPE,
        "httpMethod": "POST",
        "fileSize": str(len(content)),
    }
    targets = client.mutate("stage_upload", {"input": [wish]}, deadline=deadline)["stagedTargets"]
    fields = [(one["name"], one["value"]) for one in targets[0]["parameters"]] if targets else []
    if not targets or targets[0]["url"] is None or "key" not in dict(fields):
        raise OutcomeUnknown(f"upload of {len(content)} bytes: no place was given")
    try:
        response = transfers.send(
            "post",
            targets[0]["url"],
            data=fields,
            files={"file": (FILE_NAME, content, MIME_TYPE)},
            timeout=TRANSFER_SECONDS,
        )
    except transfers.BROKEN as error:
        raise OutcomeUnknown(f"upload of {len(content)} bytes: {type(error).__name__}") from error
    if response.status_code != 201:
        raise OutcomeUnknown(f"upload of {len(content)} bytes: HTTP {response.status_code}")
    return dict(fields)["key"]


def start(client: ShopifyClient, document_name: str, path: str, deadline: Deadline) -> str:
    """Run a mutation document for each line of an uploaded file; return the operation's id.

    Raises Rejected when Shopify does not take it (five are running, the file is not there).
    """
    variables = {
        "mutation": documents.load(document_name).text,
        "path": path,
        "client": f"oms-{uuid.uuid4()}",
    }
    return started(client.mutate("run_bulk_mutation", variables, deadline=deadline))


def started(payload: dict[str, Any]) -> str:
    """Return the id of the operation that a mutation has started. Raises OutcomeUnknown if it names none."""
    if payload["bulkOperation"] is None:
        raise OutcomeUnknown("neither a bulk operation nor why there is none")
    return payload["bulkOperation"]["id"]


def state(
    client: ShopifyClient, operation_id: str, deadline: Deadline | None = None
) -> dict[str, Any] | None:
    """Return an operation; None if the shop does not know it."""

    def is_it(data: dict[str, Any]) -> bool:
        said = data["bulkOperation"]
        return said is None or (said["id"] == operation_id and said["objectCount"].isdecimal())

    wanted = {"id": operation_id}
    return client.execute("bulk_operation", wanted, deadline=deadline, is_ours=is_it)["bulkOperation"]


def wait_for(client: ShopifyClient, operation_id: str, deadline: Deadline) -> dict[str, Any] | None:
    """Poll an operation until it is over; return it, or None when the deadline comes first."""
    for number in itertools.count():
        operation = state(client, operation_id, deadline)
        if operation is None:
            raise Rejected(f"there is no bulk operation {operation_id}", "RESOURCE_NOT_FOUND")
        if operation["status"] in OVER:
            log.info("bulk operation %s: %s, %s objects", operation_id, operation["status"],
                     operation["objectCount"])  # fmt: skip
            return operation
        pause = 1.0 if number < 10 else 5.0
        if pause > deadline.left():
            return None
        time.sleep(pause)
        client.usage.add(waited=pause)
    return None


def results(operation: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """Return (line number of the input, answer) for what an operation that is over tells, in any order.

    A number that stands there twice is damaged, and nothing is told of it. Raises OutcomeUnknown when the
    result file cannot be fetched.
    """
    url = operation["url"] or operation["partialDataUrl"]
    if url is None:
        return []
    try:
        with transfers.send("get", url, stream=True, timeout=TRANSFER_SECONDS) as response:
            if response.status_code != 200:
                raise OutcomeUnknown(f"result of {operation['id']}: HTTP {response.status_code}")
            found = list(_numbered(response.iter_lines()))
    except transfers.BROKEN as error:
        raise OutcomeUnknown(f"result of {operation['id']}: {type(error).__name__}") from error
    seen = Counter(number for number, _ in found)
    return [(number, answer) for number, answer in found if seen[number] == 1]


def _numbered(lines: Iterable[bytes]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number the answers; a partial file may end within a line, and a line may be damaged."""
    for line in lines:
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            answer = None
        number = answer.pop("__lineNumber", None) if isinstance(answer, dict) else None
        if type(number) is int and number >= 0:
            yield number, answer
        else:
            log.warning("a line of a bulk result is no answer: %.80r", line)
