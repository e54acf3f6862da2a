"""Refunds of units and money, each under its idempotency key."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from oms.shopify.errors import Rejected
from oms.shopify.outbox.errors import Undecided
from oms.shopify.outbox.kinds import Ask, Done, Kind, Message, Proof, Request, register

CLOCKS_DIFFER = timedelta(seconds=60)
AT_ONCE = 100
"""Refunds of an order and lines of a refund that the document reads."""


def _request(message: Message) -> Request:
    """Payload: `input`, a RefundInput."""
    return Request("refund_units", {"input": message.payload["input"]})


def _look(ask: Ask, message: Message) -> Request | Done:
    """Ours is one of the same lines and note, made since the first call, that no other message has made."""
    wanted = message.payload["input"]
    order = ask("refunds_of_order", {"id": wanted["orderId"]})["order"]
    if order is None:
        raise Rejected(f"order {wanted['orderId']} does not exist", "NOT_FOUND")
    if len(order["refunds"]) == AT_ONCE:
        raise Undecided(f"order {order['id']} has {AT_ONCE} refunds or more")
    like_ours = [one["id"] for one in order["refunds"] if _is_like(one, wanted, message)]
    if len(like_ours) > 1:
        raise Undecided(f"refunds that could be this one: {', '.join(like_ours)}")
    return Done(like_ours[0]) if like_ours else _request(message)


def _is_like(refund: Mapping[str, Any], wanted: Mapping[str, Any], message: Message) -> bool:
    if refund["id"] in message.claimed:
        return False
    made_at = datetime.fromisoformat(refund["createdAt"])
    if message.first_sent_at is not None and made_at < message.first_sent_at - CLOCKS_DIFFER:
        return False
    if (refund["note"] or "") != (wanted.get("note") or ""):
        return False
    if refund["refundLineItems"]["pageInfo"]["hasNextPage"]:
        raise Undecided(f"refund {refund['id']} has more than {AT_ONCE} lines")
    lines = ((line["lineItem"]["id"], line["quantity"]) for line in refund["refundLineItems"]["nodes"])
    ours = ((line["lineItemId"], line["quantity"]) for line in wanted.get("refundLineItems") or ())
    return _units(lines) == _units(ours)


def _units(lines: Iterable[tuple[str, int]]) -> Counter[str]:
    units: Counter[str] = Counter()
    for line, quantity in lines:
        units[line] += quantity
    return units


REFUND = register(
    Kind(
        name="REFUND",
        proof=Proof.KEYED,
        about=("input", "orderId"),
        request=_request,
        look=_look,
        result=lambda payload: payload["refund"] and payload["refund"]["id"],
        is_ours=lambda payload, message: (
            payload["order"] in (None, {"id": message.payload["input"]["orderId"]})
        ),
    )
)
