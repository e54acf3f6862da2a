"""Idempotency keys: one per app and shop, 24 hours (shopify.md 1.10; rows 57-65)."""

import hashlib
from collections.abc import Callable
from typing import Any, Protocol

import orjson

from fakeshop.errors import AdminError, user_error
from fakeshop.nodes.base import Context

LIFE = 86_400
CONCURRENT = "This request is currently in progress, please try again."
MISMATCH = "The same idempotency key cannot be used with different operation parameters."
FAILED = "The previous attempt with this idempotency key failed; use a new key."


class Mutation(Protocol):
    """A mutation that has a key; ``empty`` is its payload without a result."""

    run: Callable[..., dict[str, Any]]
    empty: dict[str, Any]


def internal_error() -> AdminError:
    """Say that the server failed."""
    return AdminError(
        "INTERNAL_SERVER_ERROR",
        "Internal error. Looks like something went wrong on our end.",
        requestId="fakeshop",
    )


def run(ctx: Context, name: str, mutation: Mutation, args: dict[str, Any], key: str) -> dict[str, Any]:
    """Run a mutation once for its key, or answer from what the key already stands for."""
    shop, slot = ctx.shop, (ctx.app.id, key)
    fingerprint = hashlib.sha256(orjson.dumps([name, args])).hexdigest()
    if shop.running_keys.get(slot, ctx.owner) is not ctx.owner:
        return refused(mutation, "IDEMPOTENCY_CONCURRENT_REQUEST", CONCURRENT)
    stored = recall(ctx, key)
    if stored is not None:
        if stored["fingerprint"] != fingerprint:
            return refused(mutation, "IDEMPOTENCY_KEY_PARAMETER_MISMATCH", MISMATCH)
        if stored["failed"]:
            return refused(mutation, "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED", FAILED)
        return stored["payload"]
    if ctx.crash_keys:
        remember(ctx, key, {"fingerprint": fingerprint, "failed": True, "payload": None})
        raise internal_error()
    ctx.key = key
    payload = mutation.run(ctx, **args)
    ctx.key = None
    remember(ctx, key, {"fingerprint": fingerprint, "failed": False, "payload": payload})
    return payload


def refused(mutation: Mutation, code: str, message: str) -> dict[str, Any]:
    """Answer with a user error about the key."""
    return mutation.empty | {"userErrors": [user_error(None, message, code)]}


def recall(ctx: Context, key: str) -> dict[str, Any] | None:
    """Return what a key stands for; None when it is new or older than its life."""
    shop = ctx.shop
    query = "select at, body from idempotency where shop = ? and app = ? and key = ?"
    row = next(iter(shop.store.read(query, shop.number, ctx.app.id, key)), None)
    if row is None or shop.clock.now() - row[0] >= LIFE:
        return None
    return orjson.loads(row[1])


def remember(ctx: Context, key: str, body: dict[str, Any]) -> None:
    """Keep what a key stands for, in the transaction of its effect."""
    shop = ctx.shop
    row = (shop.number, ctx.app.id, key, shop.clock.now(), orjson.dumps(body))
    shop.store.write("insert or replace into idempotency values (?, ?, ?, ?, ?)", [row])
