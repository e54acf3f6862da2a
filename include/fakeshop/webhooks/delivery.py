"""Sending webhooks: signed, at least once, with retries; what waits survives a restart (rows 129-133)."""

import asyncio
import base64
import hashlib
import heapq
import hmac
import logging
import random
import time
import uuid
from collections.abc import Mapping
from typing import Any

import orjson
import requests

from fakeshop.clock import iso_with_fraction
from fakeshop.records import App, Delivery, Subscription
from fakeshop.shop import Shop
from fakeshop.webhooks.filters import accepts
from fakeshop.webhooks.payloads import payload
from fakeshop.webhooks.topics import TOPICS

log = logging.getLogger(__name__)
CONNECT_SECONDS, TOTAL_SECONDS = 1, 5
AT_ONCE = 8
REORDER_SECONDS = 0.5


def signature(secret: str, body: bytes) -> str:
    """Return X-Shopify-Hmac-Sha256."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


class Postman:
    """Turns events into deliveries and carries them out, the earliest due first."""

    def __init__(self, shops: Mapping[str, Shop]) -> None:
        self.shops = shops
        self.random = random.Random(7)
        self._waiting: list[tuple[float, int, str]] = []
        self._ring = asyncio.Event()
        self._busy: set[asyncio.Task[None]] = set()

    def take_events(self, shop: Shop) -> None:
        """Write deliveries for what happened in a shop."""
        events, shop.events = shop.events, []
        settings = shop.settings
        if not settings.webhooks_on:
            return
        for topic, subject, event_id in events:
            wanted = [one for one in shop.all(Subscription).values() if one.topic == TOPICS[topic]]
            if not wanted:
                continue
            body = payload(shop, topic, subject)
            for subscription in wanted:
                self._write(shop, subscription, topic, body, event_id)
        if events:
            shop.commit()
            self._ring.set()

    def _write(self, shop: Shop, subscription: Subscription, topic: str, body: Any, event_id: str) -> None:
        settings = shop.settings
        if not accepts(subscription.filter, body) or self.random.random() < settings.webhook_drop:
            return
        if subscription.include_fields:
            body = {name: body[name] for name in subscription.include_fields if name in body}
        due = time.time() + settings.webhook_delay
        if settings.webhook_reorder:
            due += self.random.uniform(0, REORDER_SECONDS)
        webhook_id = str(uuid.uuid4())
        copies = 2 if self.random.random() < settings.webhook_duplicate else 1
        for _ in range(copies):
            delivery = Delivery(
                shop.new_id(),
                subscription.id,
                webhook_id,
                event_id,
                topic,
                orjson.dumps(body).decode(),
                shop.clock.precise(),
                due=due,
            )
            shop.put(delivery)
            heapq.heappush(self._waiting, (due, delivery.id, shop.handle))

    def load(self) -> None:
        """Take up what was waiting when the process ended."""
        for shop in self.shops.values():
            for delivery in shop.all(Delivery).values():
                heapq.heappush(self._waiting, (delivery.due, delivery.id, shop.handle))

    async def run(self) -> None:
        """Deliver until cancelled."""
        self.load()
        while True:
            self._ring.clear()
            while self._waiting and self._waiting[0][0] <= time.time() and len(self._busy) < AT_ONCE:
                _, number, handle = heapq.heappop(self._waiting)
                task = asyncio.create_task(self._deliver(handle, number))
                self._busy.add(task)
                task.add_done_callback(self._done)
            pause = self._waiting[0][0] - time.time() if self._waiting else 60.0
            if len(self._busy) >= AT_ONCE:
                pause = 60.0
            try:
                await asyncio.wait_for(self._ring.wait(), max(0.01, pause))
            except TimeoutError:
                continue

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._busy.discard(task)
        self._ring.set()
        if not task.cancelled() and task.exception() is not None:
            log.error("a webhook could not be handled", exc_info=task.exception())

    async def _deliver(self, handle: str, number: int) -> None:
        shop = self.shops.get(handle)
        delivery = shop.get(Delivery, number) if shop else None
        if shop is None or delivery is None:
            return
        subscription = shop.get(Subscription, delivery.subscription)
        if subscription is None:
            shop.drop(delivery)
            shop.commit()
            return
        request = self._request(shop, subscription, delivery)
        arrived = await asyncio.to_thread(send, subscription.uri, *request)
        if self.shops.get(handle) is not shop:
            return
        if arrived:
            shop.drop(delivery)
            subscription.failures = 0
        else:
            self._failed(shop, subscription, delivery)
        shop.commit()

    def _request(
        self, shop: Shop, subscription: Subscription, delivery: Delivery
    ) -> tuple[bytes, dict[str, str]]:
        raw = delivery.body.encode()
        headers = {
            "Content-Type": "application/json",
            "X-Shopify-Topic": delivery.topic,
            "X-Shopify-Hmac-Sha256": signature(shop.get(App, subscription.app).client_secret, raw),
            "X-Shopify-Shop-Domain": shop.settings.domain,
            "X-Shopify-API-Version": subscription.version,
            "X-Shopify-Webhook-Id": delivery.webhook_id,
            "X-Shopify-Event-Id": delivery.event_id,
            "X-Shopify-Triggered-At": iso_with_fraction(delivery.triggered),
        }
        if subscription.name:
            headers["X-Shopify-Name"] = subscription.name
        return raw, headers

    def _failed(self, shop: Shop, subscription: Subscription, delivery: Delivery) -> None:
        """Plan the next attempt; when the retries are used up, the subscription goes (row 131)."""
        delivery.attempts += 1
        subscription.failures += 1
        pauses = shop.settings.webhook_retry_seconds
        if delivery.attempts > len(pauses):
            log.warning("subscription %s is removed: %s did not answer", subscription.id, subscription.uri)
            shop.drop(delivery)
            if shop.get(Subscription, subscription.id):
                shop.drop(subscription)
            return
        delivery.due = time.time() + pauses[delivery.attempts - 1]
        shop.put(delivery)
        heapq.heappush(self._waiting, (delivery.due, delivery.id, shop.handle))


def send(uri: str, raw: bytes, headers: dict[str, str]) -> bool:
    """Post a webhook; anything but 2xx is a failure, redirects too."""
    try:
        answer = requests.post(
            uri, data=raw, headers=headers, timeout=(CONNECT_SECONDS, TOTAL_SECONDS), allow_redirects=False
        )
    except requests.RequestException as error:
        log.info("webhook to %s failed: %s", uri, type(error).__name__)
        return False
    return 200 <= answer.status_code < 300
