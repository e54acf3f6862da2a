"""Starting and cancelling bulk operations; staging their input (shopify.md 2)."""

import base64
import uuid
from pathlib import Path
from typing import Any

import orjson

from fakeshop.bulk.rules import Refused, check_mutation, check_query
from fakeshop.bulk.walker import compiled
from fakeshop.errors import AdminError, user_error
from fakeshop.gids import gid, number_of, parse
from fakeshop.mutations import Outcome, mutation, ref, wrong_type
from fakeshop.nodes.base import Context
from fakeshop.records import UNDER_WAY, BulkOperation, StagedUpload

CONCURRENT = 5
INPUT_BYTES = 104_857_600
SHORTEST_CLIENT, LONGEST_CLIENT = 10, 255
NO_FILE = (
    "The JSONL file could not be found. Try uploading the file again, and check that you've entered the URL"
    " correctly for the stagedUploadPath mutation argument."
)


def nothing(error: dict[str, Any]) -> Outcome:
    """Answer without an operation."""
    return {"bulkOperation": None, "userErrors": [error]}


def busy(ctx: Context, kind: str) -> dict[str, Any] | None:
    """Refuse a sixth operation of a type (row 67)."""
    running = [
        gid("BulkOperation", one.id)
        for one in ctx.shop.all(BulkOperation).values()
        if one.type == kind and one.app == ctx.app.id and one.status in UNDER_WAY
    ]
    if len(running) < CONCURRENT:
        return None
    message = (
        f"A bulk {kind.lower()} operation for this app and shop is already in progress: {', '.join(running)}."
    )
    return user_error(None, message, "OPERATION_IN_PROGRESS")


def create(ctx: Context, kind: str, text: str, **more: Any) -> Outcome:
    """Create an operation; the runner takes it from there."""
    shop = ctx.shop
    operation = BulkOperation(shop.new_id(), kind, text, shop.clock.now(), ctx.version, ctx.app.id, **more)
    shop.put(operation)
    shop.new_bulk.append(operation)
    return {"bulkOperation": ref(gid("BulkOperation", operation.id)), "userErrors": []}


@mutation("bulkOperationRunQuery", "bulkOperation")
def run_query(ctx: Context, query: str, groupObjects: bool = False) -> Outcome:
    """Start a bulk query."""
    try:
        document = check_query(ctx.api.schema, query, ctx.api.documents.prepare(query).errors)
    except Refused as refused:
        return nothing(refused.error)
    compiled(ctx.api.schema, document)  # raises NOT_SIMULATED before anything runs
    occupied = busy(ctx, "QUERY")
    return nothing(occupied) if occupied else create(ctx, "QUERY", query, group_objects=groupObjects)


@mutation("bulkOperationRunMutation", "bulkOperation")
def run_mutation(
    ctx: Context,
    mutation: str,
    stagedUploadPath: str,
    clientIdentifier: str | None = None,
    groupObjects: bool = True,
) -> Outcome:
    """Start a bulk mutation (rows 67-73)."""
    if clientIdentifier is not None and not SHORTEST_CLIENT <= len(clientIdentifier) <= LONGEST_CLIENT:
        short = len(clientIdentifier) < SHORTEST_CLIENT
        words = ("short", "minimum", SHORTEST_CLIENT) if short else ("long", "maximum", LONGEST_CLIENT)
        message = "is too {} ({} is {} characters)".format(*words)
        return nothing(user_error(["clientIdentifier"], message, "INVALID_MUTATION"))
    try:
        check_mutation(ctx.api.schema, mutation, ctx.api.documents.prepare(mutation).errors)
    except Refused as refused:
        return nothing(refused.error)
    uploads = ctx.shop.all(StagedUpload).values()
    upload = next((one for one in uploads if one.key == stagedUploadPath and one.size is not None), None)
    if upload is None:
        return nothing(user_error(None, NO_FILE, "NO_SUCH_FILE"))
    if upload.size == 0:
        return nothing(user_error(None, "The input file is empty.", "INVALID_STAGED_UPLOAD_FILE"))
    if upload.size > INPUT_BYTES:
        message = "The input file size exceeds the maximum allowed size of 100 MB."
        return nothing(user_error(None, message, "INVALID_STAGED_UPLOAD_FILE"))
    occupied = busy(ctx, "MUTATION")
    return nothing(occupied) if occupied else create(ctx, "MUTATION", mutation, path=stagedUploadPath)


@mutation("bulkOperationCancel", "bulkOperation")
def cancel(ctx: Context, id: str) -> Outcome:
    """Cancel a bulk operation (row 81)."""
    parsed = parse(id)
    if parsed is None or parsed.type != "BulkOperation":
        raise wrong_type(id)
    operation = ctx.shop.get(BulkOperation, number_of(id, "BulkOperation"))
    if operation is None:
        return nothing(user_error(["id"], "Bulk operation does not exist"))
    if operation.status not in UNDER_WAY:
        message = f"A bulk operation cannot be canceled when it is {operation.status.lower()}"
        return {"bulkOperation": ref(id), "userErrors": [user_error(None, message)]}
    operation.status = "CANCELING"
    ctx.shop.put(operation)
    return {"bulkOperation": ref(id), "userErrors": []}


@mutation("stagedUploadsCreate", "stagedTargets")
def staged_uploads(ctx: Context, input: list[dict[str, Any]]) -> Outcome:
    """Hand out places to upload to (shopify.md 2.4)."""
    other = next((one["resource"] for one in input if one["resource"] != "BULK_MUTATION_VARIABLES"), None)
    if other is not None:
        raise AdminError("NOT_SIMULATED", f"Staged uploads of {other} are not simulated by the local shop.")
    return {"stagedTargets": [target(ctx, one) for one in input], "userErrors": []}


def target(ctx: Context, given: dict[str, Any]) -> dict[str, Any]:
    """Describe one place: a form to post, or an address to put to."""
    shop = ctx.shop
    method = given.get("httpMethod", "PUT")
    name = Path(given["filename"]).name
    key = f"tmp/{shop.number}/bulk/{uuid.uuid4()}/{name}"
    now = shop.clock.now()
    root = f"{ctx.base_url}/_storage/"
    if method == "PUT":
        fields = {"content_type": given["mimeType"], "acl": "private"}
        shop.put(StagedUpload(shop.new_id(), key, "PUT", now, fields))
        url = f"{root}{key}"
    else:
        fields = form_fields(given["mimeType"], key, now)
        shop.put(StagedUpload(shop.new_id(), key, "POST", now, fields))
        url = root
    parameters = [{"name": name, "value": value} for name, value in fields.items()]
    return {"url": url, "resourceUrl": url, "parameters": parameters}


def form_fields(content_type: str, key: str, now: int) -> dict[str, str]:
    """Return the fields of the upload form, in their order."""
    policy = {
        "conditions": [["content-length-range", 1, INPUT_BYTES], {"key": key}],
        "expiration": now + 86_400,
    }
    return {
        "Content-Type": content_type,
        "success_action_status": "201",
        "acl": "private",
        "key": key,
        "x-goog-date": str(now),
        "x-goog-credential": "fakeshop",
        "x-goog-algorithm": "GOOG4-RSA-SHA256",
        "x-goog-signature": uuid.uuid4().hex,
        "policy": base64.b64encode(orjson.dumps(policy)).decode(),
    }
