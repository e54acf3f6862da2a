"""Calls from outside: changes of stock by API, and webhooks on levels, over the apps that serve them."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from httpx import ASGITransport, AsyncClient, Response
from oms_web import service, webhooks
from oms_web.pool import Database

from fakeshop.webhooks.delivery import signature
from oms import catalog, database, parameters
from oms.api import tokens
from oms.stock_pulls import webhooks as levels
from oms.webhooks.receiving import Sender
from oms.work import Work
from tests.simulation.model import KITS, RESET_REASON, WRITES_NOTHING, Level, Moment
from tests.simulation.stage import Crash, Stage
from tests.web.conftest import mounted, nobody

SERVICE = f"{service.PREFIX}/updateInventoryByIdentification"
SECRET = "secret of the plays"
FOLLOWED = "tills"
"""A shop whose stock the OMS follows: its location Counter is the facility S2 (inventory_master SHOPIFY)."""
COUNTER, COUNTER_ID = "Counter", 777
FIRST_EVENT = datetime(2026, 11, 3, 10, tzinfo=UTC)
BETWEEN_EVENTS = timedelta(seconds=0.4)


@dataclass(frozen=True)
class Change:
    """An element of a call; at: when it happened, until it is sent the number of a moment noted."""

    sku: str
    facility: str
    units: int
    reason: str = "POS_SALE"
    policy: str = "allow"
    at: Moment | int | None = None


@dataclass(frozen=True)
class Call:
    """A body with its Idempotency-Key; one change that is no list is an object."""

    changes: tuple[Change, ...]
    key: int | None
    is_list: bool = False


@dataclass
class Said:
    """A word of a shop on a level; words are numbered in the order of their events.

    delivered: how often; arrived: as which of all.
    """

    number: int
    level: Level
    available: int
    delivered: int = 0
    arrived: int = 0
    is_worked_off: bool = False

    @property
    def webhook_id(self) -> str:
        return f"w{self.number}"

    @property
    def happened(self) -> datetime:
        return FIRST_EVENT + self.number * BETWEEN_EVENTS

    def repeats(self, other: "Said") -> bool:
        """Whether it says of the same second the same: of such words the balance follows the first."""
        return self.available == other.available and self.second == other.second

    @property
    def second(self) -> str:
        """What a shop says of when it happened."""
        return self.happened.strftime("%Y-%m-%dT%H:%M:%SZ")

    def body(self, item: int, location: int) -> bytes:
        """What the shop sends."""
        said = {
            "inventory_item_id": item,
            "location_id": location,
            "available": self.available,
            "updated_at": self.second,
        }
        return json.dumps(said).encode()


class Calls(Stage):
    """Callers of the API and shops that deliver webhooks."""

    def open_outside(self) -> None:
        """Set up what callers and shops need."""
        self.calls: list[Call] = []
        self.answers: dict[int, tuple[Call, dict[int, dict[str, Any]]]] = {}
        self.words: list[Said] = []
        self.heard: dict[Level, Said] = {}
        self._loop = asyncio.Runner()
        self._data = Database(lambda: self.bench.dsn)
        self._client: AsyncClient | None = None
        self.bench.world.shop(shop_id=FOLLOWED, location=COUNTER_ID)
        self.db.execute("update oms.shop set inventory_master = 'SHOPIFY' where shop_id = %s", (FOLLOWED,))
        self.db.execute("delete from oms.shop_location_facility where shop_id = %s", (FOLLOWED,))
        self.db.execute(
            "insert into oms.shop_location_facility values (%s, 'S2', %s)", (FOLLOWED, COUNTER_ID)
        )
        self.bench.locations[FOLLOWED, COUNTER] = COUNTER_ID
        for sku in self.skus:
            product = self.bench.world.products[sku]
            self.bench.items[FOLLOWED, sku] = item = product + 1_000_000
            self.db.execute(
                """insert into oms.shop_product (shop_id, shopify_variant_id, shopify_product_id, product_id,
                                                 shopify_inventory_item_id)
                   values (%s, %s, %s, %s, %s)""",
                (FOLLOWED, item, item, product, item),
            )

    def close_outside(self) -> None:
        if self._client is not None:
            self._loop.run(self._client.aclose())
        self._loop.run(self._data.close())
        self._loop.close()

    def post(self, path: str, *bodies: bytes, **headers: str) -> list[Response]:
        """Send requests to the web apps, all at once; return their answers."""
        if self._client is None:
            self._client = self._open_apps()
        given = {"Content-Type": "application/json"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }

        async def send() -> list[Response]:
            requests = (self._client.post(path, content=body, headers=given) for body in bodies)
            return await asyncio.gather(*requests)

        return self._loop.run(send())

    def _open_apps(self) -> AsyncClient:
        api = service.service_app(self._data, nobody)
        inbox = webhooks.webhook_app(self._data, lambda _: Sender("shop.example", (SECRET,)))
        app = mounted((service.PREFIX, api), (webhooks.PREFIX, inbox))
        token = tokens.create(self.db, "pos", ["inventory:write"])
        return AsyncClient(
            transport=ASGITransport(app),
            base_url="http://oms.example",
            headers={"Authorization": f"Bearer {token}"},
        )

    # the API

    def call(self, call: Call, times: int = 1, *, at_once: bool = False) -> None:
        """A system calls, and calls again because it got no answer; at once: from two places.

        Whichever of the two is first with an element has its effect. An element that may be refused is not
        sent so: the second may find what lets it pass.
        """
        call = replace(call, changes=tuple(map(self._dated, call.changes)))
        if at_once and call.key is not None and all(one.policy != "reject" for one in call.changes):
            pairs = zip(*map(self._answers, self._send(call, call)), strict=True)
            told = zip(
                *(sorted(pair, key=lambda one: one.get("duplicate", False)) for pair in pairs), strict=True
            )
            for answers in told:
                self._judge(call, answers)
        else:
            for _ in range(times):
                (response,) = self._send(call)
                self._judge(call, self._answers(response))
        self.calls.append(call)

    @staticmethod
    def _answers(response: Response) -> list[dict[str, Any]]:
        """What is told of each element; of an object, or where the call as a whole is refused, of that."""
        told = response.json()
        return told if isinstance(told, list) else [told | {"status": response.status_code}]

    def call_again(self, number: int, more: int) -> None:
        """An old call comes once more; more: its key with another body."""
        if self.calls:
            old = self.calls[number % len(self.calls)]
            first, *rest = old.changes
            self.call(replace(old, changes=(replace(first, units=first.units + more), *rest)))

    def _dated(self, one: Change) -> Change:
        return replace(one, at=self.moment(one.at)) if isinstance(one.at, int) else one

    def _send(self, *calls: Call) -> list[Response]:
        key = calls[0].key
        bodies = [json.dumps(self._body(call)).encode() for call in calls]
        return self.post(SERVICE, *bodies, **({} if key is None else {"Idempotency_Key": f"key-{key}"}))

    def _body(self, call: Call) -> Any:
        elements = [self._element(one) for one in call.changes]
        return elements if call.is_list else elements[0]

    def _element(self, one: Change) -> dict[str, Any]:
        element = {
            "idType": "SKU",
            "idValue": one.sku,
            "availableDelta": one.units,
            "facilityId": one.facility,
            "varianceReasonId": one.reason,
            "negativePolicy": one.policy,
        }
        return element if one.at is None else element | {"effectiveDate": one.at.text}

    def _judge(self, call: Call, answers: Sequence[dict[str, Any]]) -> None:
        kept = self.answers.get(call.key) if call.key is not None else None
        if kept and self._body(kept[0]) != self._body(call):
            assert [(one["status"], one["code"]) for one in answers] == [(409, "ERR_KEY_REUSED")]
            return
        known = kept[1] if kept else {}
        expected = {
            n: known[n] | {"duplicate": True} if n in known else self._adjust(change)
            for n, change in enumerate(call.changes)
        }
        found = [{name: answer.get(name) for name in expected[n]} for n, answer in enumerate(answers)]
        assert found == list(expected.values()), answers
        applied = {n: one | {"duplicate": False} for n, one in expected.items() if one["status"] == 200}
        if call.key is not None and applied:
            self.answers[call.key] = call, known | applied

    def _adjust(self, one: Change) -> dict[str, Any]:
        """What an element does, and what its sender is told of it (inventory.md 5.17)."""
        if one.facility == "MARS":
            return {"status": 404}
        if one.sku in KITS:
            return {"status": 422 if one.sku in self.skus else 404}
        position = self.model.stock[one.sku, one.facility]
        counted = one.at and position.counted is not None and one.at.clock <= position.counted
        recorded = self.model.adjust(one.sku, one.facility, one.units, one.reason, one.policy, one.at)
        if recorded is None:
            return {"status": 422}
        outcome = "APPLIED"
        if one.units == 0 or one.reason == WRITES_NOTHING:
            outcome = "UNCHANGED"
        elif counted:
            outcome = "ALREADY_COUNTED"
        elif recorded != one.units:
            outcome = "FLOORED"
        told = {"qoh": position.qoh, "atp": position.atp, "recordedDelta": recorded, "outcome": outcome}
        return {"status": 200, "duplicate": False} | told

    # webhooks

    def say(self, sku: str, available: int | None) -> None:
        """Something happens to a level, and its shop will tell; None: one we push to, as it is."""
        if sku not in self.skus:
            return
        level = Level(FOLLOWED, COUNTER, sku)
        if available is None:
            level = Level("demo", "Main", sku)
            available = self._shown()[level]
        self.words.append(Said(len(self.words), level, available))

    def deliver(self, number: int) -> None:
        """A word arrives: late, before an older one, or once more."""
        if not self.words:
            return
        word = self.words[number % len(self.words)]
        level = word.level
        body = word.body(
            self.bench.items[level.shop, level.sku], self.bench.locations[level.shop, level.location]
        )
        (told,) = self.post(
            f"{webhooks.PREFIX}/shopify/{level.shop}",
            body,
            X_Shopify_Topic=levels.TOPIC,
            X_Shopify_Hmac_Sha256=signature(SECRET, body),
            X_Shopify_Shop_Domain="shop.example",
            X_Shopify_Webhook_Id=word.webhook_id,
            X_Shopify_Triggered_At=word.happened.isoformat().replace("+00:00", "Z"),
        )
        assert told.json() == {"result": "duplicate" if word.delivered else "stored"}, told.text
        word.arrived = word.arrived or self.model.tick()
        word.delivered += 1

    def receive(self, limit: int, crash_at: str | None = None) -> None:
        """The job works off what has arrived, or dies over it."""
        job = catalog.RECEIVE_INVENTORY_LEVEL_WEBHOOKS
        conn = database.connect(self.bench.dsn, autocommit=True)
        params = parameters.resolve(job, {}) | {"limit": limit}
        work = Work(
            conn=conn,
            params=params,
            run_name=f"receive/{next(self._runs)}",
            open_oms_db=lambda: database.connect(self.bench.dsn, autocommit=True),
            open_sftp=self._not_needed,
            open_shop=self._not_needed,
        )
        try:
            with self._crashing(crash_at):
                levels.receive(work)
        except Crash:
            pass
        finally:
            server = conn.info.backend_pid
            conn.close()
            self._wait_for_end([server])
        self._note_words(limit, is_done=crash_at is None)

    def _note_words(self, limit: int, *, is_done: bool) -> None:
        """Of words worked off together the newest on a level counts, unless a newer one has before."""
        status = dict(self.db.execute("select webhook_id, status from oms.webhook_inbox").fetchall())
        if is_done:
            assert "NEW" not in status.values(), status
        new = [one for one in self.words if one.arrived and not one.is_worked_off]
        new = sorted((one for one in new if status[one.webhook_id] != "NEW"), key=lambda one: one.arrived)
        for first in range(0, len(new), limit):
            for word in sorted(new[first : first + limit], key=lambda one: -one.number):
                word.is_worked_off = True
                self._hear(word, status[word.webhook_id])
        self.check_observations()

    def _hear(self, word: Said, status: str) -> None:
        if word.level.shop == FOLLOWED and word.level.sku in KITS:
            assert status == "IGNORED", "a kit follows its components"
            return
        newest = self.heard.get(word.level)
        is_newer = newest is None or word.number > newest.number
        counts = is_newer and not (word.level.shop == FOLLOWED and newest and word.repeats(newest))
        assert status == ("DONE" if counts else "STALE"), word
        if is_newer:
            self.heard[word.level] = word
        if counts and word.level.shop == FOLLOWED:
            units = word.available - self.model.stock[word.level.sku, "S2"].atp
            clock = self.model.tick()
            self.model.state(word.level.sku, "S2", clock)
            if units:
                self.model.move(word.level.sku, "S2", qoh=units, atp=units, clock=clock, reason=RESET_REASON)

    def check_observations(self) -> None:
        """Where the OMS owns the stock, the newest word is noted and nothing else happens (5.16)."""
        rows = self.db.execute(
            """select shop_id, shopify_location_id, shopify_inventory_item_id, shopify_available, webhook_id
                 from oms.shop_level_drift"""
        ).fetchall()
        noted = {self._level(*place): (available, name) for *place, available, name in rows}
        words = {level: word for level, word in self.heard.items() if level.shop != FOLLOWED}
        assert noted == {level: (word.available, word.webhook_id) for level, word in words.items()}
