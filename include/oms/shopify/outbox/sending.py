"""Sends what the outbox holds: the oldest message of each lane, several lanes at a time.

SENT is committed before each call. All writing is done by the one thread that holds the locks of the lanes;
the others only wait for whoever is told. Several senders may be at work: a lane is one's at a time.
"""

import logging
from collections import Counter
from collections.abc import Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Protocol

from psycopg import sql as composed

from oms import crashpoints, locks
from oms.database import Connection, statements
from oms.shopify.budget import Deadline
from oms.shopify.outbox import messages
from oms.shopify.outbox.calls import ShopCalls
from oms.shopify.outbox.errors import CopiedDatabase, MessagesLeft, MessagesSetAside
from oms.shopify.outbox.kinds import QUIET_AFTER, Kind, Message, Proof
from oms.shopify.outbox.outcomes import Outcome
from oms.texts import first_of
from oms.work import Work

log = logging.getLogger(__name__)
sql = statements(__file__)
IS_NEXT = composed.SQL(sql.is_next)

MARKED_SENT = crashpoints.register("outbox.marked_sent", "messages are SENT in the database, not yet called")
SETTLED = crashpoints.register("outbox.settled", "what became of a message is stored")

FIRST_PAUSE = 30.0
LONGEST_PAUSE = 3600.0
MOST_FAILURES = 8
"""After so many calls and proofs in a row that tell nothing a person has to decide."""
REFUSALS = 3
"""After so many refusals of a kind in a row no more of it is sent in a run."""


class Calls(Protocol):
    """Tells messages to somebody, and finds out what became of those whose answer was lost."""

    def call(self, kind: Kind, message: Message) -> Outcome: ...

    def prove(self, kind: Kind, message: Message) -> Outcome: ...


@dataclass
class Report:
    """What a run has done, by the last status of each message."""

    ends: dict[int, str] = field(default_factory=dict)
    aside: list[str] = field(default_factory=list)
    """What a person has to look at, said in words."""
    is_over: bool = False
    """The time was over before all were sent."""

    def counts(self) -> dict[str, int]:
        """Return how many messages have ended how."""
        return dict(Counter(status.lower() for status in self.ends.values()))

    @property
    def left(self) -> int:
        return sum(status in ("PLANNED", "UNKNOWN") for status in self.ends.values())


class Sender:
    """One run over the messages of a shop, or over mails."""

    def __init__(
        self,
        conn: Connection,
        calls: Calls,
        kinds: Collection[Kind],
        shop_id: str | None,
        run_id: str,
        *,
        parallel: int = 4,
        quiet_after: float = QUIET_AFTER,
        deadline: Deadline | None = None,
    ) -> None:
        """`conn` in autocommit mode. quiet_after: seconds after which a call cannot be under way any more."""
        self.conn = conn
        self.report = Report()
        self.stopped_by: Exception | None = None
        self.refused_by: Exception | None = None
        self.failed: Exception | None = None
        self._calls = calls
        self._kinds = {kind.name: kind for kind in kinds}
        self._run_id = run_id
        self._parallel = parallel
        self._deadline = deadline or Deadline(LONGEST_PAUSE)
        self._values: dict[str, Any] = {
            "shop_id": shop_id,
            "quiet_after": timedelta(seconds=quiet_after),
        }
        self._busy: set[str] = set()
        """Lanes of others and of our own calls."""
        self._refusals: Counter[str] = Counter()

    def run(self) -> Report:
        """Send until nothing is due, the time is over or nobody is there to be told."""
        running: dict[Future[Outcome], Message] = {}
        with ThreadPoolExecutor(self._parallel, thread_name_prefix="outbox") as pool:
            while True:
                for act, message in self._claim(self._parallel - len(running)):
                    running[pool.submit(act, self._kinds[message.kind], message)] = message
                if not running:
                    return self.report
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    message = running.pop(future)
                    self._settle(message, self._outcome_of(future, message))
                    self._leave(message.lane)

    def _outcome_of(self, future: Future[Outcome], message: Message) -> Outcome:
        """What a call has told. A kind that stumbles over a message keeps only that; it is raised last."""
        error = future.exception()
        if error is None:
            return future.result()
        if not isinstance(error, Exception):
            raise error
        return self._fault(message, error)

    def _fault(self, message: Message, error: Exception) -> Outcome:
        log.error("message %s (%s, %s)", message.number, message.kind, message.subject, exc_info=error)
        self.failed = self.failed or error
        return Outcome("UNKNOWN", code="FAULT", text=repr(error), counts=True)

    def _claim(self, room: int) -> Iterator[tuple[Any, Message]]:
        """Take lanes and mark what may go; yield each message with what is to be done about it."""
        while room > 0 and self.stopped_by is None:
            if self._deadline.left() <= 0:
                self.report.is_over = bool(self._candidates(1))
                return
            lanes = self._take_lanes(room)
            if lanes is None:
                return
            going = list(self._marked(self._heads(lanes)))
            for lane in lanes - {message.lane for _, message in going}:
                self._leave(lane)
            room -= len(going)
            yield from going

    def _take_lanes(self, room: int) -> set[str] | None:
        """Take lanes that nobody else has; None: there are no more of them."""
        found = self._candidates(room)
        if not found:
            return None
        self._busy |= set(found)
        return {lane for lane in found if locks.take_if_free(self.conn, locks.OUTBOX_LANE.of(lane))}

    def _candidates(self, room: int) -> list[str]:
        values = {"kinds": self._going_kinds(), "taken": sorted(self._busy), "room": room}
        query = composed.SQL(sql.candidates).format(is_next=IS_NEXT)
        return [lane for (lane,) in self.conn.execute(query, self._values | values)]

    def _going_kinds(self) -> list[str]:
        return [name for name in self._kinds if self._refusals[name] < REFUSALS]

    def _leave(self, lane: str) -> None:
        locks.give_back(self.conn, locks.OUTBOX_LANE.of(lane))
        self._busy.discard(lane)

    def _heads(self, lanes: set[str]) -> list[Message]:
        values = self._values | {"lanes": sorted(lanes), "kinds": self._going_kinds()}
        return messages.read(self.conn, sql.heads, values, is_next=IS_NEXT)

    def _marked(self, heads: list[Message]) -> Iterator[tuple[Any, Message]]:
        sending, proving = [], []
        for message in heads:
            kind = self._kinds[message.kind]
            if message.status == "PLANNED" and message.is_superseded:
                self._end(message, "WITHDRAWN", code="SUPERSEDED", text="a newer message took its place")
            elif _must_look(kind, message):
                proving.append(message)
            else:
                sending.append(message)
        numbers = {"messages": [message.message_id for message in sending]}
        marked = {
            number: {"first_sent_at": first, "last_sent_at": last}
            for number, first, last in (self.conn.execute(sql.mark_sent, numbers) if sending else ())
        }
        if proving:
            self.conn.execute(sql.mark_unknown, {"messages": [message.message_id for message in proving]})
        if marked:
            crashpoints.point(MARKED_SENT)
        for message in sending:
            if message.message_id in marked:
                yield self._calls.call, replace(message, **marked[message.message_id])
        for message in proving:
            yield self._calls.prove, message

    def _settle(self, message: Message, outcome: Outcome) -> None:
        """Store what a call or a proof has told."""
        self._note(message, outcome)
        if outcome.status in ("PLANNED", "UNKNOWN"):
            self._put_back(message, outcome)
        elif outcome.status == "RENEWED":
            with self.conn.transaction():
                messages.end(self.conn, None, message, "WITHDRAWN", code="RENEWED", text=outcome.text)
                messages.replace(self.conn, message.message_id, self._run_id)
            self.report.ends[message.number] = "RENEWED"
        else:
            self._end(
                message,
                outcome.status,
                shopify_id=outcome.shopify_id,
                code=outcome.code,
                text=outcome.text,
            )
        crashpoints.point(SETTLED)

    def _note(self, message: Message, outcome: Outcome) -> None:
        """What the answer says of those that follow."""
        self.stopped_by = self.stopped_by or outcome.stop
        if outcome.refused is None:
            self._refusals[message.kind] = 0
            return
        self.refused_by = self.refused_by or outcome.refused
        self._refusals[message.kind] += 1
        if self._refusals[message.kind] == REFUSALS:
            log.error("no more messages %s in this run: %s", message.kind, outcome.refused)

    def _end(self, message: Message, status: str, **how: Any) -> None:
        """Store an end. A topic that cannot take it keeps only its own message; the error is raised last."""
        try:
            ended = messages.end(self.conn, self._kinds[message.kind], message, status, **how)
        except Exception as error:
            fault = self._fault(message, error)
            self._put_back(message, fault if status != "WITHDRAWN" else replace(fault, status="PLANNED"))
            return
        if ended:
            self.report.ends[message.number] = status
        if status == "REJECTED":
            self._set_aside(message, f"{how['code']}: {how['text']}")

    def _put_back(self, message: Message, outcome: Outcome) -> None:
        failures = message.failures + 1 if outcome.counts else message.failures
        is_persons = outcome.status == "UNKNOWN" and (outcome.person or failures >= MOST_FAILURES)
        pause = max(outcome.pause, pause_after(failures) if outcome.counts else 0.0)
        values = {
            "message_id": message.message_id,
            "status": outcome.status,
            "failures": failures,
            "pause": None if is_persons else pause,
            "code": outcome.code,
            "text": outcome.text,
        }
        self.conn.execute(sql.put_back, values)
        self.report.ends[message.number] = "PERSON" if is_persons else outcome.status
        log.warning("message %s is %s: %s: %s", message.number, outcome.status, outcome.code, outcome.text)
        if is_persons:
            self._set_aside(message, f"nobody knows whether it arrived: {outcome.text}")

    def _set_aside(self, message: Message, words: str) -> None:
        about = f"message {message.number} ({message.kind}, {message.subject}): {words}"
        log.error("%s", about)
        self.report.aside.append(about)


def pause_after(failures: int) -> float:
    """Return the seconds before the next try, each time twice as long."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** max(0, failures - 1))


def _must_look(kind: Kind, message: Message) -> bool:
    """Whether a message may not be sent before it is proven that it has not arrived."""
    if not message.is_unsure or kind.proof is Proof.SET:
        return False
    return kind.proof is not Proof.KEYED or message.key_expired


def send(
    work: Work,
    shop_id: str,
    kinds: Collection[Kind],
    *,
    seconds: float = 600.0,
    parallel: int = 4,
) -> dict[str, int]:
    """Tell a shop what the outbox holds for it of some kinds; return how many messages have ended how.

    For the task of a job: `send(work, shop_id, [TAG])`. Two runs at the same time share the work and send
    nothing twice; one that is killed leaves what it had SENT to the next, which proves it first. Repeating
    it is safe. seconds: after so many no further message is begun.

    Raises, after everything that could be done is done: MessagesSetAside (a person has to decide, see
    `python -m oms outbox`), MessagesLeft (the next run goes on), or why the shop takes nothing at all
    (NotExecuted, Misconfigured). CopiedDatabase before any effect.
    """
    refuse_copies(work.conn)
    deadline = Deadline(seconds)
    calls = ShopCalls(work.open_shop(shop_id), deadline)
    sender = Sender(work.conn, calls, kinds, shop_id, work.run_name, parallel=parallel, deadline=deadline)
    return conclude(sender, sender.run())


def refuse_copies(conn: Connection) -> None:
    """Raise CopiedDatabase where another database may have sent the same messages."""
    if conn.execute(sql.is_copied).fetchone()[0]:
        raise CopiedDatabase(
            "this database was restored or copied: nothing is sent until "
            "`python -m oms after-restore` has run"
        )


def conclude(sender: Sender, report: Report) -> dict[str, int]:
    """Return the counts of a run, or raise what somebody has to know of it."""
    log.info("outbox: %s", report.counts() or "nothing to tell")
    if error := sender.stopped_by or sender.refused_by or sender.failed:
        raise error
    if report.aside:
        raise MessagesSetAside(
            first_of(report.aside)
            + ". `python -m oms outbox` lists them, and sends again or discards what you decide"
        )
    if report.left or report.is_over:
        raise MessagesLeft(f"{report.left} messages are not answered for; the next run goes on with them")
    return report.counts()
