"""All shops of one process, and where they keep their files."""

from collections import deque
from dataclasses import fields
from pathlib import Path
from typing import Any

import orjson

from fakeshop.clock import Clock
from fakeshop.faults import Faults
from fakeshop.records import BulkOperation, StagedUpload
from fakeshop.shop import Settings, Shop
from fakeshop.store import Store
from fakeshop.webhooks.delivery import Postman

LOG_LENGTH = 20_000


class World:
    """The shops by handle, the clock, the faults and the request log; the last two are not kept on disk."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.files = data / "files"
        self.files.mkdir(parents=True, exist_ok=True)
        self.store = Store(data / "fakeshop.sqlite")
        self.faults = Faults()
        self.log: deque[dict[str, Any]] = deque(maxlen=LOG_LENGTH)
        self.shops: dict[str, Shop] = {}
        self.postman = Postman(self.shops)
        settings = self.store.settings()
        self.clock = Clock(orjson.loads(settings.get("clock_offset", b"0")))
        self.last_number = orjson.loads(settings.get("last_number", b"0"))
        for key, body in settings.items():
            if key.startswith("shop/"):
                self._load(key.removeprefix("shop/"), orjson.loads(body))

    def _load(self, handle: str, body: dict[str, Any]) -> None:
        shop = Shop(body["number"], handle, Settings(**body["settings"]), self.store, self.clock)
        shop.next_id, shop.next_order = body["next_id"], body["next_order"]
        shop.load()
        self.shops[handle] = shop

    def add_shop(self, handle: str, **settings: Any) -> Shop:
        """Open a new, empty shop; the handle is the first part of its domain."""
        known = {field.name for field in fields(Settings)}
        unknown = set(settings) - known
        if unknown:
            raise ValueError(
                f"unknown settings of shop {handle}: {', '.join(sorted(unknown))}; known: {known}"
            )
        self.last_number += 1
        self.store.put_setting("last_number", orjson.dumps(self.last_number))
        values = {"domain": f"{handle}.myshopify.com", "name": handle} | settings
        shop = Shop(self.last_number, handle, Settings(**values), self.store, self.clock)
        self.shops[handle] = shop
        return shop

    def remove_shop(self, handle: str) -> None:
        """Close a shop and forget everything about it."""
        shop = self.shops.pop(handle)
        for upload in shop.all(StagedUpload).values():
            (self.files / f"upload-{upload.id}").unlink(missing_ok=True)
        for operation in shop.all(BulkOperation).values():
            (self.files / f"bulk-{operation.id}.jsonl").unlink(missing_ok=True)
        self.store.forget_shop(shop.number)
        self.store.delete_setting(f"shop/{handle}")
        self.store.commit()

    def set_clock_offset(self, seconds: float) -> None:
        """Move the clock of all shops."""
        self.clock.offset = seconds
        self.store.put_setting("clock_offset", orjson.dumps(seconds))
        self.store.commit()

    def by_domain(self, host: str) -> Shop | None:
        """Find a shop by the host name of a request."""
        name = host.split(":")[0].lower()
        return next((shop for shop in self.shops.values() if shop.settings.domain == name), None)

    def deliver(self, shop: Shop) -> None:
        """Hand over to the webhooks what happened since the last call."""
        if shop.events:
            self.postman.take_events(shop)
