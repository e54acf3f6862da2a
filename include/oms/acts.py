"""Acts on what a query selects: in batches, each in a transaction of its own (the shape "act").

A job hands in a query and an act on a set of ids; everything else is done here, so that no job can forget it:
one run at a time, refused items set aside with their reason, a dry run that is rolled back, and a failed run
where something is left.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

from oms import crashpoints, locks
from oms.database import Connection
from oms.errors import NeedsPerson
from oms.texts import first_of
from oms.work import Work

log = logging.getLogger(__name__)

BATCH_DONE = crashpoints.register("act.batch_done", "a batch is committed, the next one has not begun")

BATCH = 500
OF_ITEMS = (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.RaiseException)
"""What the database says of the values of an item: the same again fails again, others are all right."""


class ItemsLeft(NeedsPerson):
    """Items were refused, or are selected still although they were acted on; all others are done."""


class BatchUnaccounted(NeedsPerson):
    """What was done with a batch does not add up to its items: a fault of the job; it is rolled back."""


@dataclass(frozen=True)
class Refusal:
    """An item that is not acted on, with the code of the rule and what a person must know."""

    item: int
    code: str
    message: str


@dataclass(frozen=True)
class Counts:
    """What became of the items of a batch: how many of each end ("done", "passed"), and the refused ones."""

    ends: Mapping[str, int]
    refused: Sequence[Refusal] = ()


Perform = Callable[[Connection, list[int], Mapping[str, Any]], Counts]
"""Acts on a set of items inside one transaction. It locks their rows, looks again whether they are to be
acted on (others may have been quicker: such items are "passed"), and uses one statement for each step."""


@dataclass(frozen=True)
class Act:
    """One job of this shape.

    job: its DAG id, of which one run acts at a time. select: a query of ids, in the order in which they are
    to be acted on; it takes the parameters of the run. What is done must not be selected again.
    """

    job: str
    select: str
    perform: Perform
    batch: int = BATCH


@dataclass
class _Account:
    ends: Counter[str] = field(default_factory=Counter)
    refused: dict[int, Refusal] = field(default_factory=dict)

    def add(self, counts: Counts) -> None:
        self.ends.update(counts.ends)
        self.refused |= {one.item: one for one in counts.refused}


def act(work: Work, what: Act) -> dict[str, Any]:
    """Act on all that is selected; return how many items have ended how.

    For the task of a job. Parameters: perhaps `dryRun` (one transaction over all batches, which is rolled
    back) and `batchSize`. A run that is killed has done whole batches, and the next one goes on.

    Raises ItemsLeft when all is done that could be done, BatchUnaccounted at once.
    """
    conn, params = work.conn, work.params
    dry_run = bool(params.get("dryRun"))
    size = params.get("batchSize") or what.batch
    account = _Account()
    with locks.held(conn, locks.ACT.of(what.job)), _kept(conn, dry_run):
        ids = _selected(conn, what, params)
        for first in range(0, len(ids), size):
            _perform(conn, what, params, ids[first : first + size], account)
            crashpoints.point(BATCH_DONE)
        left = (set(ids) - account.refused.keys()) & set(_selected(conn, what, params))
    counts = {**account.ends, "refused": len(account.refused)} | ({"dryRun": True} if dry_run else {})
    log.info("%s: %s of %s selected", what.job, counts, len(ids))
    _raise_if_any_is_left(what, account, left)
    return counts


@contextmanager
def _kept(conn: Connection, dry_run: bool) -> Iterator[None]:
    """Roll everything back at the end of a dry run; otherwise each batch is a transaction of its own."""
    if not dry_run:
        yield
        return
    with conn.transaction(force_rollback=True):
        yield


def _selected(conn: Connection, what: Act, params: Mapping[str, Any]) -> list[int]:
    return [item for (item,) in conn.execute(what.select, params)]


def _perform(
    conn: Connection, what: Act, params: Mapping[str, Any], ids: list[int], account: _Account
) -> None:
    """Act on a batch; where the database refuses it, on halves of it, until the item at fault is alone."""
    try:
        with conn.transaction():
            counts = what.perform(conn, ids, params)
            _refuse_unaccounted(ids, counts)
    except OF_ITEMS as error:
        if len(ids) == 1:
            message = str(error.diag.message_primary or error)
            account.add(Counts({}, [Refusal(ids[0], "ERR_DATABASE", message)]))
            return
        middle = len(ids) // 2
        _perform(conn, what, params, ids[:middle], account)
        _perform(conn, what, params, ids[middle:], account)
    else:
        account.add(counts)


def _refuse_unaccounted(ids: Sequence[int], counts: Counts) -> None:
    told = sum(counts.ends.values()) + len(counts.refused)
    strange = sorted({one.item for one in counts.refused} - set(ids))
    if told != len(ids) or strange:
        raise BatchUnaccounted(
            f"{len(ids)} items were given; of them came back {dict(counts.ends)} and {len(counts.refused)} "
            f"refused{f', {strange} among these were not given' if strange else ''}"
        )


def _raise_if_any_is_left(what: Act, account: _Account, left: set[int]) -> None:
    words = [f"{one.item}: {one.code}: {one.message}" for one in account.refused.values()]
    words += [f"{item}: it was acted on and is selected still" for item in sorted(left)]
    if words:
        raise ItemsLeft(f"{what.job} has left {len(words)} items: {first_of(words)}")
