"""Sending frozen batches, several at a time, and settling what comes back (spec inventory.md 6.4, 6.6).

SENT is committed before each call. All writing is done by the one thread that holds the locks of the
locations; the others only wait for Shopify.
"""

import heapq
import itertools
import logging
import random
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

from oms import crashpoints
from oms.books import entries, findings
from oms.database import Connection, statements
from oms.shopify.budget import Deadline
from oms.shopify.client import ShopifyClient, user_errors
from oms.shopify.errors import (
    Misconfigured,
    NotExecuted,
    NotSent,
    OutcomeUnknown,
    Rejected,
    ShopAway,
    ShopifyError,
    UserError,
)
from oms.shopify.levels import Reading, read_levels
from oms.sync.options import Push
from oms.sync.storing import NewBatch

log = logging.getLogger(__name__)
sql = statements(__file__)

MARKED_SENT = crashpoints.register("push.marked_sent", "batches are SENT in the database, not yet called")
ANSWERED = crashpoints.register("push.answered", "Shopify has answered, the answer is not stored")
SETTLED = crashpoints.register("settle.stored", "an answer is stored")
REJECTED_STORED = crashpoints.register("settle.moved", "refused lines left, the others moved to a new batch")

RUNNING = "IDEMPOTENCY_CONCURRENT_REQUEST"
ATTEMPT_FAILED = "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"
UNDECIDED = "UNDECIDED"
OTHER_PAYLOAD = "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"
SERVICE_AWAY = "SERVICE_UNAVAILABLE"
TRY_AGAIN = frozenset({SERVICE_AWAY, "ADJUST_QUANTITIES_FAILED"})
MISCONFIGURED = frozenset({"INVALID_REASON", "INVALID_QUANTITY_NAME", "INVALID_REFERENCE_DOCUMENT"})
TRIES_BEFORE_BISECTING = 3
KEY_LIVES = timedelta(hours=23)
"""How long a key is trusted to keep a second call from being applied; Shopify forgets it after 24 hours."""
CLEAR = 10
"""Levels that must say the same for each that says the opposite, to tell what became of their batch."""
AHEAD = 2
"""Batches handed out for each request at a time: one under way, one to follow while answers are stored."""


@dataclass
class Batch:
    """A batch on its way. unsure: an earlier call of it may have been executed.

    failures: calls of this run that brought no verdict.
    """

    batch_id: uuid.UUID
    payload: str
    status: str
    line_count: int
    attempts: int
    mode: str
    bulk_operation: str | None
    key_expired: bool
    failures: int = 0

    @classmethod
    def new(cls, stored: NewBatch, mode: str) -> "Batch":
        """Return a batch of a plan of this run."""
        return cls(stored.batch_id, stored.payload, "PLANNED", stored.line_count, 0, mode, None, False)

    @property
    def unsure(self) -> bool:
        return self.status in ("SENT", "UNKNOWN")


@dataclass(order=True)
class _Waiting:
    ready_at: float
    number: int
    batch: Batch = field(compare=False)


class Sender:
    """Sends batches of one shop, unless its answers show that there is no use in it (`stopped_by`)."""

    def __init__(self, push: Push) -> None:
        self.push = push
        self.conn = push.conn
        self.client = push.client
        self.options = push.options
        self.deadline = Deadline(push.options.push_seconds)
        self._queue: list[_Waiting] = []
        self._numbers = itertools.count()
        self._refused_by: Misconfigured | None = None

    @property
    def stopped_by(self) -> Misconfigured | ShopAway | None:
        """Why nothing more is sent: the shop refuses us, or it is not the shop that answers."""
        return self._refused_by or self.client.away

    def stop(self, error: Misconfigured) -> None:
        """Send nothing more."""
        self._refused_by = self._refused_by or error

    def send(self, batches: Iterable[Batch], parts: Iterable[Sequence[Batch]] = ()) -> None:
        """Send until all are answered for, the deadline is over or the shop refuses us.

        parts: more batches, each part stored when it is asked for, which happens while others are under way.
        After the deadline the rest is still asked for, so that it is stored for the next run.
        """
        for batch in batches:
            self._put(batch)
        waiting = iter(parts)
        running: dict[Future, Batch] = {}
        handed_out = AHEAD * self.options.parallel
        with ThreadPoolExecutor(self.options.parallel, thread_name_prefix="push") as pool:
            while self._feed(waiting) or running or (self._queue and not self._is_over()):
                for batch in self._with_live_keys(self._ready(handed_out - len(running))):
                    running[pool.submit(self._call, batch)] = batch
                pause = self._next_ready() if len(running) < handed_out else None
                if not running:
                    time.sleep(min(pause or 0.0, self.deadline.left()))
                    continue
                done, _ = wait(running, timeout=pause, return_when=FIRST_COMPLETED)
                self.settle([(running.pop(future), future.result()) for future in done])

    def restart_clock(self) -> None:
        """Begin a new stage with the whole time for sending."""
        self.deadline = Deadline(self.options.push_seconds)

    def _feed(self, parts: Iterator[Sequence[Batch]]) -> bool:
        """Ask for the next part when few batches wait; say whether there was one."""
        if self.stopped_by is not None or (
            len(self._queue) >= AHEAD * self.options.parallel and not self._is_over()
        ):
            return False
        part = next(parts, None)
        for batch in part or ():
            self._put(batch)
        return part is not None

    def _put(self, batch: Batch, delay: float = 0.0) -> None:
        heapq.heappush(self._queue, _Waiting(time.monotonic() + delay, next(self._numbers), batch))

    def _put_again(self, batch: Batch, asked: float) -> None:
        batch.failures += 1
        pause = max(asked, min(60.0, self.options.retry_pause * 2 ** (batch.failures - 1)))
        self._put(batch, pause * random.uniform(1.0, 1.3))

    def _is_over(self) -> bool:
        return self.stopped_by is not None or self.deadline.left() <= 0

    def _next_ready(self) -> float | None:
        """Return the seconds until a waiting batch may go; None when none waits or nothing may go."""
        if not self._queue or self._is_over():
            return None
        return max(0.001, self._queue[0].ready_at - time.monotonic())

    def _ready(self, room: int) -> list[Batch]:
        ready: list[Batch] = []
        now = time.monotonic()
        while len(ready) < room and self._queue and self._queue[0].ready_at <= now and not self._is_over():
            ready.append(heapq.heappop(self._queue).batch)
        return ready

    def _with_live_keys(self, batches: list[Batch]) -> list[Batch]:
        """Mark batches as sent; those whose key no longer protects them are reconciled instead."""
        for batch in batches:
            if batch.key_expired:
                self._reconcile(batch)
        return self.mark_sent([batch for batch in batches if not batch.key_expired])

    def mark_sent(self, batches: list[Batch]) -> list[Batch]:
        """Commit that batches are on their way, before anything of them leaves."""
        if batches:
            self.conn.execute(sql.mark_sent, {"batches": [batch.batch_id for batch in batches]})
            self.push.report.sent += sum(batch.line_count for batch in batches if not batch.failures)
            crashpoints.point(MARKED_SENT)
        return batches

    def follow(self, operation_id: str, batches: Sequence[Batch]) -> None:
        """Store which bulk operation batches went into."""
        numbers = [batch.batch_id for batch in batches]
        self.conn.execute(sql.follow, {"operation": operation_id, "batches": numbers})

    def keys_of(self, operation_id: str) -> list[uuid.UUID]:
        """Return the batches of a bulk operation by the line of its file."""
        return [row[0] for row in self.conn.execute(sql.keys_of, {"operation": operation_id})]

    def _call(self, batch: Batch) -> dict[str, Any] | ShopifyError:
        """Run in a thread: one call, its answer or its error."""
        if self._refused_by is not None:
            return NotSent("the shop has refused another call")
        key = str(batch.batch_id)
        try:
            data = self.client.execute(
                "adjust_inventory",
                f'{{"input":{batch.payload},"key":"{key}"}}',
                deadline=self.deadline,
                key=key,
                is_ours=lambda data: is_answer_to(key, data["inventoryAdjustQuantities"]),
            )
        except ShopifyError as error:
            return error
        crashpoints.point(ANSWERED)
        return data["inventoryAdjustQuantities"]

    def settle(self, answers: Sequence[tuple[Batch, dict[str, Any] | ShopifyError]]) -> None:
        """Store what came back; what needs another call is put into the queue."""
        applied = []
        for batch, answer in answers:
            if isinstance(answer, dict) and not answer["userErrors"] and answer["inventoryAdjustmentGroup"]:
                applied.append((batch, answer["inventoryAdjustmentGroup"]["id"]))
            else:
                self._settle_other(batch, answer)
        if applied:
            self._applied(applied)

    def _applied(self, answers: Sequence[tuple[Batch, str | None]]) -> None:
        numbers = [batch.batch_id for batch, _ in answers]
        with self.conn.transaction():
            self.conn.execute(
                sql.mark_applied, {"batches": numbers, "groups": [group for _, group in answers]}
            )
            self.conn.execute(sql.mark_lines, {"batches": numbers, "status": "APPLIED"})
        self.push.report.applied += sum(batch.line_count for batch, _ in answers)
        crashpoints.point(SETTLED)

    def _settle_other(self, batch: Batch, answer: dict[str, Any] | ShopifyError) -> None:
        """Everything but a plain success; each class of answer has its consequence here (6.6)."""
        if isinstance(answer, dict):
            if errors := user_errors(answer):
                self._settle_user_errors(batch, errors)
            else:
                self._no_effect(batch)
        elif isinstance(answer, NotExecuted):
            self._not_executed(batch, answer)
        elif isinstance(answer, Misconfigured):
            self._misconfigured(batch, answer)
        elif isinstance(answer, Rejected):
            if batch.unsure:
                self._unknown(batch, answer.code, str(answer), again=False)
            else:
                self._bisect(batch, answer.code, str(answer))
        elif isinstance(answer, OutcomeUnknown):
            self._unknown(batch, answer.code, str(answer), asked=answer.asked_seconds)
        else:
            raise answer

    def _not_executed(self, batch: Batch, error: NotExecuted) -> None:
        """The client has waited until the deadline. A throttled repetition says nothing of the first call."""
        if batch.unsure:
            self._unknown(batch, "OUTCOME_UNKNOWN", str(error), again=False)
            return
        values = {"batches": [batch.batch_id], "code": type(error).__name__, "message": str(error)}
        self.conn.execute(sql.mark_unsent, values)
        crashpoints.point(SETTLED)

    def _unknown(
        self, batch: Batch, code: str, message: str, *, again: bool = True, asked: float | None = None
    ) -> None:
        """Keep key and payload; the same call is repeated here (after `asked` seconds) or by the next run."""
        values = {"batches": [batch.batch_id], "code": code, "message": message}
        with self.conn.transaction():
            self.conn.execute(sql.mark_unknown, values)
            self.conn.execute(sql.mark_lines, values | {"status": "UNKNOWN"})
        batch.status = "UNKNOWN"
        crashpoints.point(SETTLED)
        if again:
            self._put_again(batch, asked or 0.0)

    def _misconfigured(self, batch: Batch, error: Misconfigured) -> None:
        """Stop the shop. A refused first call did nothing, so that its lines leave the book."""
        self.stop(error)
        if batch.unsure:
            self._unknown(batch, error.code, str(error), again=False)
        else:
            self._reject_whole(batch, error.code, str(error), set_aside=False)

    def _settle_user_errors(self, batch: Batch, errors: tuple[UserError, ...]) -> None:
        codes = {error.code for error in errors}
        first = errors[0]
        if OTHER_PAYLOAD in codes:
            words = f"batch {batch.batch_id}: its key was used for another payload, which must never happen"
            self.stop(Misconfigured(words, OTHER_PAYLOAD))
            self._unknown(batch, OTHER_PAYLOAD, first.message, again=False)
        elif RUNNING in codes:
            self._unknown(batch, RUNNING, first.message)
        elif ATTEMPT_FAILED in codes:
            self._reconcile(batch, said_failed=True)
        elif codes & MISCONFIGURED:
            code = next(error.code for error in errors if error.code in MISCONFIGURED)
            self.stop(Misconfigured(f"{code}: {first.message}", code))
            self._reject_whole(batch, code, first.message, set_aside=False)
        elif codes <= TRY_AGAIN and batch.failures < TRIES_BEFORE_BISECTING:
            self._unknown(batch, first.code, first.message)
        elif SERVICE_AWAY in codes:
            self._renew(batch, SERVICE_AWAY, first.message)
        else:
            self._refuse_lines(batch, errors)

    def _renew(self, batch: Batch, code: str, message: str) -> None:
        """Let the lines of a batch that was refused whole go on under a new key, as the old may be spent."""
        with self.conn.transaction():
            self.conn.execute(sql.mark_rejected, {"batch": batch.batch_id, "code": code, "message": message})
            (renewed,) = self._new_batches(batch, [self._lines(batch)])
        crashpoints.point(REJECTED_STORED)
        renewed.failures = batch.failures
        self._put_again(renewed, 0.0)

    def _refuse_lines(self, batch: Batch, errors: tuple[UserError, ...]) -> None:
        """Drop the lines that are named, send the rest as a new batch; nobody named: look by halves."""
        lines = self._lines(batch)
        named = {error.line(): error for error in errors}
        named = {
            number: error for number, error in named.items() if number is not None and number < len(lines)
        }
        if not named:
            self._bisect(batch, errors[0].code, errors[0].message)
            return
        rest = [line for number, line in enumerate(lines) if number not in named]
        with self.conn.transaction():
            self.conn.execute(
                sql.mark_rejected,
                {"batch": batch.batch_id, "code": errors[0].code, "message": errors[0].message},
            )
            self._reject([(lines[number][0], error.code, error.message) for number, error in named.items()])
            moved = self._new_batches(batch, [rest] if rest else [])
        self._send_moved(moved)

    def _bisect(self, batch: Batch, code: str, message: str) -> None:
        """Isolate what is wrong in a refused batch by sending its halves as batches of their own."""
        lines = self._lines(batch)
        if len(lines) == 1:
            self._reject_whole(batch, code, message, set_aside=True)
            return
        middle = len(lines) // 2
        with self.conn.transaction():
            self.conn.execute(sql.mark_rejected, {"batch": batch.batch_id, "code": code, "message": message})
            moved = self._new_batches(batch, [lines[:middle], lines[middle:]])
        self._send_moved(moved)

    def _reject_whole(self, batch: Batch, code: str, message: str, *, set_aside: bool) -> None:
        lines = self._lines(batch)
        with self.conn.transaction():
            self.conn.execute(sql.mark_rejected, {"batch": batch.batch_id, "code": code, "message": message})
            self._reject([(line[0], code, message) for line in lines], set_aside=set_aside)
        crashpoints.point(REJECTED_STORED)

    def _reject(self, lines: Sequence[tuple[int, str, str]], *, set_aside: bool = True) -> None:
        """Take lines out of the book, inside the caller's transaction; (line_id, code, message)."""
        numbers, codes, messages = zip(*lines, strict=True)
        values = {"lines": list(numbers), "codes": list(codes), "messages": list(messages)}
        entries.add(self.conn, sql.reject_lines, values)
        if set_aside:
            findings.set_aside(self.conn, self.conn.execute(sql.levels_of_lines, values).fetchall())
        self.push.report.rejected.update(codes)

    def _lines(self, batch: Batch) -> list[tuple[int, int, int, int]]:
        return self.conn.execute(sql.lines_of_batch, {"batch": batch.batch_id}).fetchall()

    def _new_batches(self, old: Batch, groups: Sequence[Sequence[tuple[int, int, int, int]]]) -> list[Batch]:
        """Move lines to new batches with keys of their own, inside the caller's transaction."""
        batches = []
        for lines in groups:
            number = uuid.uuid4()
            values = {
                "batch": number,
                "replaces": old.batch_id,
                "run_id": self.push.run_id,
                "run_in_uri": quote(self.push.run_id, safe=""),
                "lines": [line[0] for line in lines],
            }
            (payload,) = self.conn.execute(sql.add_batch, values).fetchone()
            self.conn.execute(sql.move_lines, values)
            batches.append(Batch(number, payload, "PLANNED", len(lines), 0, old.mode, None, False, 1))
        return batches

    def _send_moved(self, batches: Iterable[Batch]) -> None:
        crashpoints.point(REJECTED_STORED)
        for batch in batches:
            self._put(batch)

    def _no_effect(self, batch: Batch) -> None:
        """A success without an adjustment group changed nothing (shopify.md 1.3): find out why."""
        try:
            readings = self._read_back(self._lines(batch))
        except ShopifyError as error:
            self._unknown(batch, "NO_EFFECT", f"answered without effect; reading it back failed: {error}")
            return
        lines = []
        for line_id, location, item, _ in self._lines(batch):
            code = "NO_EFFECT" if readings[location, item].active else "NOT_STOCKED"
            lines.append((line_id, code, "Shopify accepted the change and changed nothing"))
        with self.conn.transaction():
            self.conn.execute(
                sql.mark_rejected,
                {"batch": batch.batch_id, "code": "NO_EFFECT", "message": "no adjustment group"},
            )
            self._reject(lines)
        crashpoints.point(REJECTED_STORED)

    def _read_back(self, lines: Sequence[tuple]) -> dict[tuple[int, int], Reading]:
        return read_back(self.client, lines, self.deadline)

    def _reconcile(self, batch: Batch, *, said_failed: bool = False) -> None:
        """Find out by reading whether a batch was applied; its key no longer tells (6.6, shopify.md 8.4).

        Not applied: the lines go on under a new key. Undecided: the batch stays UNKNOWN for a person
        (`settling`), unless Shopify itself says that it failed.
        """
        lines = known_lines(self.conn, batch.batch_id)
        try:
            readings = self._read_back(lines)
        except ShopifyError as error:
            self._unknown(batch, "NOT_READ_BACK", str(error), again=False)
            return
        landed = was_applied(lines, readings, said_failed=said_failed)
        if landed:
            self._applied([(batch, None)])
        elif landed is not None:
            with self.conn.transaction():
                values = {"code": ATTEMPT_FAILED if said_failed else "KEY_EXPIRED", "message": "not applied"}
                self.conn.execute(sql.mark_rejected, values | {"batch": batch.batch_id})
                moved = self._new_batches(batch, [self._lines(batch)])
            self._send_moved(moved)
        else:
            log.error(
                "shop %s: batch %s is older than 23 hours, and its levels do not tell whether it was applied:"
                " a person must decide, `python -m oms settle %s` says what to look at",
                self.push.shop_id,
                batch.batch_id,
                batch.batch_id,
            )
            self.push.report.undecided += 1
            self._unknown(batch, UNDECIDED, "the levels do not tell whether it was applied", again=False)


def is_answer_to(key: str, payload: dict[str, Any]) -> bool:
    """Say whether an answer does not name another batch: the reference is what the input gave it."""
    group = payload["inventoryAdjustmentGroup"]
    return group is None or group["referenceDocumentUri"] is None or key in group["referenceDocumentUri"]


class KnownLine(NamedTuple):
    """A line of a batch with what the OMS knows of its level."""

    line_id: int
    shopify_location_id: int
    shopify_inventory_item_id: int
    delta: int
    guarded: bool
    compared_with: int
    book: int
    told: int
    by_on_hand: bool
    location_name: str
    sku: str

    def shown(self, reading: Reading) -> int | None:
        """Return the figure that the level shows, on hand or available; None where it shows none."""
        if reading.available is None or reading.on_hand is None:
            return None
        return reading.on_hand if self.by_on_hand else reading.available

    def if_applied(self, reading: Reading) -> int:
        """Return what it would show if the line was applied and nobody else has changed the level."""
        if not self.guarded:
            return self.compared_with + self.delta
        known = self.book + self.told
        return known if self.by_on_hand else known - reading.committed - reading.reserved

    def verdict(self, reading: Reading) -> bool | None:
        """Say whether the line shows as applied (True), as not applied (False), or as neither (None)."""
        shown = self.shown(reading)
        return None if shown is None else {0: True, self.delta: False}.get(self.if_applied(reading) - shown)


def known_lines(conn: Connection, batch_id: uuid.UUID) -> list[KnownLine]:
    """Return the lines of a batch, by location and item."""
    return [KnownLine(*row) for row in conn.execute(sql.known_of_batch, {"batch": batch_id})]


def read_back(
    client: ShopifyClient, lines: Iterable[tuple], deadline: Deadline | None = None
) -> dict[tuple[int, int], Reading]:
    """Return what Shopify shows at the levels of lines (line id, location, item, …)."""
    levels = sorted((line[1], line[2]) for line in lines)
    readings = read_levels(client, levels, parallel=1, deadline=deadline)
    return {(one.shopify_location_id, one.shopify_inventory_item_id): one for one in readings}


def was_applied(
    lines: Sequence[KnownLine], readings: Mapping[tuple[int, int], Reading], *, said_failed: bool = False
) -> bool | None:
    """Say by its levels whether a batch was applied; None: they do not tell.

    All lines of a batch are applied or none, so that a level that somebody has since moved by the very same
    amount stands against many others. Against Shopify's word that the batch failed, all must agree, and one
    level is no proof.
    """
    said = Counter(
        one.verdict(readings[one.shopify_location_id, one.shopify_inventory_item_id]) for one in lines
    )
    if said_failed:
        return said[True] > 0 and not said[False] and len(lines) > 1
    if said[True] and said[True] >= CLEAR * said[False]:
        return True
    if said[False] and said[False] >= CLEAR * said[True]:
        return False
    return None
