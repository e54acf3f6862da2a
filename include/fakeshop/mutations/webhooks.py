"""Webhook subscriptions (shopify.md 4.2; rows 123-128)."""

import ipaddress
import re
from typing import Any
from urllib.parse import urlsplit

from fakeshop.errors import not_simulated, user_error
from fakeshop.gids import gid, number_of, parse
from fakeshop.mutations import Outcome, mutation, ref, wrong_type
from fakeshop.nodes.base import Context
from fakeshop.records import Subscription
from fakeshop.webhooks.filters import is_valid

NAME = re.compile(r"[A-Za-z0-9_-]+\Z")
BAD_FILTER = "The specified filter is invalid, please ensure you specify the field(s) you wish to filter on."
BAD_NAME = "Name name field can only contain alphanumeric characters, underscores, and hyphens"
ADDRESS_BYTES = 64 * 1024
OWN_DOMAINS = ("myshopify.com", "shopify.com")


def address_problem(ctx: Context, uri: str) -> str | None:
    """Return what is wrong with an address; http and private hosts depend on a switch."""
    if not uri:
        return "Address can't be blank"
    try:
        parts = urlsplit(uri)
    except ValueError:
        return "Address is invalid"
    if parts.scheme in ("pubsub", "arn"):
        raise not_simulated(f"Delivery to {parts.scheme}")
    if len(uri.encode()) > ADDRESS_BYTES:
        return f"Address is too big (maximum is {ADDRESS_BYTES // 1024} KB)"
    if parts.scheme and parts.scheme not in ("http", "https") and parts.netloc:
        return f"Address protocol {parts.scheme}:// is not supported"
    if parts.scheme not in ("http", "https") or not parts.hostname or " " in uri:
        return "Address is invalid"
    allowed = ctx.shop.settings.webhook_private_targets
    if parts.scheme == "http" and not allowed:
        return "Address protocol http:// is not supported"
    if parts.hostname.endswith(OWN_DOMAINS) or (is_private(parts.hostname) and not allowed):
        return "Address cannot be a Shopify or an internal domain"
    return None


def is_private(host: str) -> bool:
    """Say whether a host is inside."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host == "localhost" or "." not in host or host.endswith((".local", ".internal"))


def problems(ctx: Context, topic: str, given: dict[str, Any], own: int | None) -> list[dict[str, Any]]:
    """Check a subscription, new or changed."""
    others = [one for one in ctx.shop.all(Subscription).values() if one.app == ctx.app.id and one.id != own]
    found: list[tuple[list[str], str]] = []
    uri = address(given)
    if uri is not None:
        problem = address_problem(ctx, uri)
        if problem is None and any(one.topic == topic and one.uri == uri for one in others):
            problem = "Address for this topic has already been taken"
        if problem:
            found.append((["webhookSubscription", "callbackUrl"], problem))
    if given.get("filter") and not is_valid(given["filter"]):
        found.append((["webhookSubscription"], BAD_FILTER))
    name = given.get("name")
    place = ["webhookSubscription", "name"]
    if name == "":
        found.append((place, "Name name field can't be blank"))
    if name is not None and not NAME.match(name):
        found.append((place, BAD_NAME))
    elif name is not None and any((one.name or "").lower() == name.lower() for one in others):
        found.append((place, "Name already exists, no duplicate allowed"))
    return [user_error(field, message) for field, message in found]


def address(given: dict[str, Any]) -> str | None:
    """Return the trimmed address of an input; None when there is none."""
    uri = given.get("uri", given.get("callbackUrl"))
    return None if uri is None else uri.strip()


def change(subscription: Subscription, given: dict[str, Any]) -> None:
    """Take over the fields that were given."""
    uri = address(given)
    if uri is not None:
        subscription.uri = uri
    if "filter" in given:
        subscription.filter = given["filter"] or None
    if "includeFields" in given:
        subscription.include_fields = given["includeFields"] or []
    if "metafieldNamespaces" in given:
        subscription.metafield_namespaces = given["metafieldNamespaces"] or []
    if "name" in given:
        subscription.name = given["name"]


@mutation("webhookSubscriptionCreate", "webhookSubscription")
def create(ctx: Context, topic: str, webhookSubscription: dict[str, Any]) -> Outcome:
    """Subscribe."""
    if webhookSubscription.get("format", "JSON") != "JSON":
        raise not_simulated(f"Webhook format {webhookSubscription['format']}")
    given = {"uri": ""} | webhookSubscription
    if "callbackUrl" in webhookSubscription and "uri" not in webhookSubscription:
        given.pop("uri")
    errors = problems(ctx, topic, given, None)
    if errors:
        return {"webhookSubscription": None, "userErrors": errors}
    shop, now = ctx.shop, ctx.shop.clock.now()
    version = shop.settings.api_version
    subscription = Subscription(shop.new_id(), ctx.app.id, topic, "", version, now, now)
    change(subscription, given)
    shop.put(subscription)
    return {"webhookSubscription": ref(gid("WebhookSubscription", subscription.id)), "userErrors": []}


def known(ctx: Context, id: str) -> Subscription | None:
    """Find a subscription of the app; an id of another type is refused."""
    parsed = parse(id)
    if parsed is None or parsed.type != "WebhookSubscription":
        raise wrong_type(id)
    found = ctx.shop.get(Subscription, number_of(id, "WebhookSubscription"))
    return found if found is not None and found.app == ctx.app.id else None


UNKNOWN = user_error(["id"], "Webhook subscription does not exist")


@mutation("webhookSubscriptionUpdate", "webhookSubscription")
def update(ctx: Context, id: str, webhookSubscription: dict[str, Any]) -> Outcome:
    """Change a subscription."""
    subscription = known(ctx, id)
    if subscription is None:
        return {"webhookSubscription": None, "userErrors": [UNKNOWN]}
    errors = problems(ctx, subscription.topic, webhookSubscription, subscription.id)
    if not errors:
        change(subscription, webhookSubscription)
        subscription.updated = ctx.shop.clock.now()
        ctx.shop.put(subscription)
    return {"webhookSubscription": ref(id), "userErrors": errors}


@mutation("webhookSubscriptionDelete", "deletedWebhookSubscriptionId")
def delete(ctx: Context, id: str) -> Outcome:
    """Unsubscribe."""
    subscription = known(ctx, id)
    if subscription is None:
        return {"deletedWebhookSubscriptionId": None, "userErrors": [UNKNOWN]}
    ctx.shop.drop(subscription)
    return {"deletedWebhookSubscriptionId": id, "userErrors": []}
