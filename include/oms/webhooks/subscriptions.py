"""Subscribes to webhooks, looks after the subscriptions and ends them (orders.md 10, shopify.md 4.2, 4.3).

The wish is recorded first and the shop is made to match it: a run that was killed in between, and a
subscription that the shop removed after failed deliveries, are both made good by the next run.
"""

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from oms import crashpoints, locks, shops
from oms.catalog.webhook_topics import BY_ENUM, TOPICS
from oms.database import Connection, statements
from oms.parameters import BadParameter
from oms.shopify.client import ShopifyClient
from oms.shopify.errors import Rejected, ShopifyError
from oms.webhooks.errors import SubscriptionsLeft
from oms.work import Work

sql = statements(__file__)
log = logging.getLogger(__name__)

RECORDED = crashpoints.register("subscribe.recorded", "a wish is recorded, the shop does not know of it")
CHANGED = crashpoints.register("subscribe.changed", "the shop has one subscription more or less, others wait")

TAKEN = "has already been taken"
GONE = "does not exist"


@dataclass(frozen=True)
class Wish:
    """What is recorded of a topic."""

    uri: str
    is_wanted: bool


@dataclass(frozen=True)
class Found:
    """A subscription that the shop has."""

    id: str
    topic: str
    """In the form of the header."""
    uri: str


@dataclass(frozen=True)
class Step:
    """One thing to do in the shop so that it has what is recorded."""

    what: str
    """create, move or delete."""
    topic: str
    uri: str
    id: str | None = None


def manage(work: Work) -> dict[str, int]:
    """Do what the parameter `action` says for each shop; return how many subscriptions it made or ended.

    With dryRun nothing is changed, here or in a shop, and the counts are what would be done. Raises
    BadParameter before any effect, and SubscriptionsLeft, a ShopifyError or a LookupError (a connection is
    not set) when all others are done.
    """
    chosen = topics_of(work.params["category"], work.params["topics"])
    if work.params["action"] == "subscribe":
        chosen = _worked_off(chosen, work.params)
    addresses = {shop_id: _address(work, shop_id) for shop_id in _shops_of(work)}
    if not addresses:
        log.info("no shop has subscriptions that we asked for: nothing to look after")
    done: Counter[str] = Counter()
    refusals: list[str] = []
    silent: list[ShopifyError | LookupError] = []
    for shop_id, address in addresses.items():
        try:
            with locks.held(work.conn, locks.SUBSCRIPTIONS.of(shop_id)):
                refusals += _serve(work, shop_id, address, chosen, done)
        except (ShopifyError, LookupError) as error:
            log.warning("%s: %s", shop_id, error)
            silent.append(error)
    if silent:
        raise silent[0]
    if refusals:
        raise SubscriptionsLeft("; ".join(refusals))
    return dict(done)


def topics_of(category: str | None, headers: list[str] | None) -> list[str]:
    """The topics that a run is about: those named, those of a category, or all. Raises BadParameter."""
    for header in headers or ():
        if header not in TOPICS:
            raise BadParameter("topics", headers, f"some of {', '.join(TOPICS)}")
    return [
        topic.header
        for topic in TOPICS.values()
        if (headers is None or topic.header in headers) and category in (None, topic.category)
    ]


def _worked_off(chosen: list[str], params: Mapping[str, Any]) -> list[str]:
    """Those that a job works off; what nobody would read is not asked for. Raises BadParameter.

    Only a topic that was named, or a category without any other, is refused: "all" means all that are read.
    """
    worked_off = [header for header in chosen if TOPICS[header].job]
    unread = [header for header in chosen if not TOPICS[header].job]
    if unread and (params["topics"] is not None or not worked_off):
        name = "category" if params["topics"] is None else "topics"
        known = ", ".join(topic.header for topic in TOPICS.values() if topic.job)
        raise BadParameter(name, params[name], f"topics that a job works off: {known}; not {unread[0]}")
    return worked_off


def _shops_of(work: Work) -> list[str]:
    wanted = work.params["shopId"]
    if wanted is not None:
        return shops.named(work.conn, wanted)
    if work.params["action"] in ("subscribe", "unsubscribe"):
        raise BadParameter("shopId", wanted, f"the shops to {work.params['action']}")
    return [shop_id for (shop_id,) in work.conn.execute(sql.shops_with_subscriptions)]


def _address(work: Work, shop_id: str) -> str | None:
    """Where a shop is to deliver to; only `subscribe` needs to know."""
    if work.params["action"] != "subscribe":
        return None
    base = work.params["publicUrl"] or work.shop_extra(shop_id).get("public_url") or work.base_url or ""
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise BadParameter(
            "publicUrl", base, "where Shopify reaches this server, such as https://oms.example.com"
        )
    return f"{base.rstrip('/')}{path_of(shop_id)}"


def path_of(shop_id: str) -> str:
    """The path of the address that a shop delivers to."""
    return f"/webhooks/shopify/{quote(shop_id, safe='')}"


def _serve(work: Work, shop_id: str, address: str | None, chosen: list[str], done: Counter[str]) -> list[str]:
    """Record the wish for one shop and make the shop match it; return what the shop refused."""
    conn, action, dry = work.conn, work.params["action"], work.params["dryRun"]
    client = work.open_shop(shop_id)
    found = in_shop(client)
    ours = [one for one in found if urlsplit(one.uri).path.endswith(path_of(shop_id))]
    rows = conn.execute(sql.recorded, {"shop_id": shop_id})
    wishes = {
        topic: Wish(uri, is_wanted and TOPICS[topic].job is not None)
        for topic, uri, is_wanted in rows
        if topic in chosen
    }
    if action == "subscribe" and address is not None:
        wishes = dict.fromkeys(chosen, Wish(address, True))
    elif action == "unsubscribe":
        known = {one.topic: one.uri for one in ours} | {topic: wish.uri for topic, wish in wishes.items()}
        wishes = {topic: Wish(known[topic], False) for topic in chosen if topic in known}
    steps = steps_to(wishes, ours)
    if action == "list" or dry:
        log.info("%s:\n%s", shop_id, overview(wishes, found, steps))
    if action == "list":
        return []
    if dry:
        done.update(step.what for step in steps)
        return []
    _record(conn, shop_id, wishes, work.run_name)
    crashpoints.point(RECORDED)
    refused: dict[str, str] = {}
    for step in steps:
        if refusal := _refusal(client, step):
            refused[step.topic] = f"{shop_id} {step.topic}: {step.what} at {step.uri} refused: {refusal}"
        else:
            done[step.what] += 1
            log.info("%s: %s %s at %s", shop_id, step.what, step.topic, step.uri)
        crashpoints.point(CHANGED)
    for topic in wishes.keys() - refused:
        conn.execute(sql.forget, {"shop_id": shop_id, "topic": topic})
    return list(refused.values())


def in_shop(client: ShopifyClient) -> list[Found]:
    """All subscriptions of our app in a shop; topics that the OMS does not know keep the name of the enum."""
    found: list[Found] = []
    after: str | None = None
    while True:
        page = client.execute("webhook_subscriptions", {"after": after})["webhookSubscriptions"]
        for node in page["nodes"]:
            topic = BY_ENUM[node["topic"]].header if node["topic"] in BY_ENUM else node["topic"]
            found.append(Found(node["id"], topic, node["uri"]))
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


def steps_to(wishes: dict[str, Wish], ours: list[Found]) -> list[Step]:
    """What to do so that a wanted topic has one subscription, at its address, and an unwanted one has none.

    ours: subscriptions that deliver to this shop's path, on whatever server; those of others are left alone.
    """
    steps: list[Step] = []
    for topic, wish in sorted(wishes.items()):
        there = sorted((one for one in ours if one.topic == topic), key=lambda one: one.uri != wish.uri)
        if wish.is_wanted:
            if not there:
                steps.append(Step("create", topic, wish.uri))
            elif there[0].uri != wish.uri:
                steps.append(Step("move", topic, wish.uri, there[0].id))
            there = there[1:]
        steps += [Step("delete", topic, one.uri, one.id) for one in there]
    return steps


def overview(wishes: dict[str, Wish], found: list[Found], steps: list[Step]) -> str:
    """A table of what the shop has and what is to be done."""
    lines = [f"{'to do':<8} {'topic':<28} address"]
    lines += [f"{step.what:<8} {step.topic:<28} {step.uri}" for step in steps]
    changing = {step.id for step in steps}
    for one in found:
        if one.id not in changing:
            whose = "" if one.topic in wishes else "  (not looked after)"
            lines.append(f"{'-':<8} {one.topic:<28} {one.uri}{whose}")
    return "\n".join(lines)


def _record(conn: Connection, shop_id: str, wishes: dict[str, Wish], run_name: str) -> None:
    with conn.transaction():
        for topic, wish in sorted(wishes.items()):
            values = {"shop_id": shop_id, "topic": topic, "uri": wish.uri, "run_name": run_name}
            conn.execute(sql.want if wish.is_wanted else sql.unwant, values)


def _refusal(client: ShopifyClient, step: Step) -> str | None:
    """Do one step; return why the shop refused it. What is so already is no refusal."""
    try:
        if step.what == "create":
            values = {"topic": TOPICS[step.topic].enum, "uri": step.uri}
            client.mutate("create_webhook_subscription", values)
        elif step.what == "move":
            client.mutate("move_webhook_subscription", {"id": step.id, "uri": step.uri})
        else:
            client.mutate("delete_webhook_subscription", {"id": step.id})
    except Rejected as refusal:
        if (step.what, True) in (("create", TAKEN in str(refusal)), ("delete", GONE in str(refusal))):
            return None
        return str(refusal)
    return None
