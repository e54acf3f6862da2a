"""Finds files that did not come, came empty, failed or came twice; people are told once (architecture.md 1).

Each expected time has a window that ends where the next one begins; what came in it is what has come of it.
An alert is a row that is unique by feed, time, kind and file: it is raised once, told once, cleared once.
"""

import logging
import posixpath
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain, pairwise, takewhile
from typing import Any
from zoneinfo import ZoneInfo

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from oms import crashpoints, locks
from oms.database import Connection, statements
from oms.feeds.arrivals import REFUSED, Arrivals, Feed, File, Window
from oms.feeds.errors import FeedsSilent
from oms.feeds.strays import name_strays
from oms.feeds.telling import link, tell
from oms.feeds.times import instants, is_legal
from oms.filenames import BadPattern, check_pattern
from oms.remote import folder_of, server_failures
from oms.work import Work
from oms.zones import is_zone

sql = statements(__file__)
log = logging.getLogger(__name__)

RAISED = crashpoints.register("feeds.raised", "alerts are raised, nobody was told")

Row = dict[str, Any]
"""A row of oms.feed_alert."""
AlertKey = tuple[str, int | None]
"""Kind and file."""


@dataclass(frozen=True)
class Finding:
    """Something to tell about an expected file."""

    kind: str
    log_id: int | None
    message: str


def check(work: Work, now: datetime | None = None) -> dict[str, int]:
    """Look at every active feed, raise and clear alerts, tell people; return the counts.

    Times of the last `lookbackDays` are looked at, so that nothing is missed while the job did not run.
    With dryRun it only logs what it would tell. A crash between a mail and its note repeats the mail, under
    the same Message-ID. Raises FeedsSilent if files are missing, empty, failed or there twice and somebody
    was told of it just now, or if a feed is described in a way that cannot be checked; and MailFailed.
    """
    now = now or datetime.now(UTC)
    conn = work.conn
    with locks.held_if_free(conn, locks.FEEDS.of()) as is_ours:
        if not is_ours:
            log.info("another run is at it: nothing is left to do")
            return {}
        counts = _raise_alerts(work, now)
        told = []
        if not work.params["dryRun"]:
            crashpoints.point(RAISED)
            told = [*_unchecked(conn), *tell(work, now)]
        counts["unmatched"] = name_strays(work, now)
    if told:
        raise FeedsSilent("; ".join(told))
    return counts


def _raise_alerts(work: Work, now: datetime) -> dict[str, int]:
    conn, dry = work.conn, work.params["dryRun"]
    feeds = _in_one_spelling(work, [feed for feed in _feeds(conn) if _is_clear(feed)])
    if not dry:
        conn.execute(sql.pass_over, {"now": now})
    windows = {feed.feed_id: list(_windows(feed, now, work.params["lookbackDays"])) for feed in feeds}
    since = min((window.opens for some in windows.values() for window in some), default=None)
    arrivals = Arrivals(conn, feeds, since)
    known = _known(conn, min((one.expected_at for some in windows.values() for one in some), default=now))
    raised: list[Row] = []
    cleared: list[Row] = []
    for feed in feeds:
        files = arrivals.of_feed(feed)
        for window in windows[feed.feed_id]:
            alerts = known[feed.feed_id, window.expected_at]
            new, mended = _of_time(feed, window, window.files(files), alerts, now)
            for alert in new:
                alert["message"] += _last_good(work, arrivals, feed, files, window.opens)
                if dry:
                    log.info("would tell of feed %s: %s", feed.feed_id, alert["message"])
            raised += new
            cleared += mended
    if not dry:
        with conn.transaction():
            conn.execute(sql.raise_alerts, {"alerts": Jsonb(raised), "now": now})
            conn.execute(sql.clear_alerts, {"alerts": Jsonb(cleared), "now": now})
    return {
        "feeds": len(feeds),
        "expected": sum(map(len, windows.values())),
        "raised": len(raised),
        "cleared": len(cleared),
    }


def _feeds(conn: Connection) -> list[Feed]:
    with conn.cursor(row_factory=class_row(Feed)) as cursor:
        return cursor.execute(sql.feeds).fetchall()


def _in_one_spelling(work: Work, feeds: list[Feed]) -> list[Feed]:
    """The feeds with their folders spelled as those of files; the server knows it of a path from the root.

    Where it does not answer, such a path counts as it is written.
    """
    folders: dict[tuple[str, str], str] = {}
    written = {(feed.connection_id, feed.path) for feed in feeds if feed.path}
    for connection_id in sorted({one for one, path in written if path.startswith("/")}):
        paths = [path for one, path in written if one == connection_id]
        try:
            with work.open_sftp(connection_id) as sftp:
                folders |= {(connection_id, path): folder_of(sftp, path) for path in paths}
        except (*server_failures(), LookupError) as error:
            log.warning("%s cannot say which folders the feeds' paths mean: %s", connection_id, error)
    return [
        replace(feed, path=folders.get((feed.connection_id, feed.path), posixpath.normpath(feed.path)))
        if feed.path
        else feed
        for feed in feeds
    ]


def _is_clear(feed: Feed) -> bool:
    """Whether it says when to expect which file; what an older setup took may not."""
    return is_legal(feed.expected) and is_zone(feed.time_zone) and not _fault_of(feed.file_pattern)


def _fault_of(pattern: str) -> str | None:
    try:
        check_pattern(pattern)
    except BadPattern as bad:
        return f"file_pattern {pattern!r} must be {bad}"
    return None


def _unchecked(conn: Connection) -> list[str]:
    return [
        f"feed {feed.feed_id} is not checked: "
        + (_fault_of(feed.file_pattern) or f"expected {feed.expected!r} in {feed.time_zone!r} names no times")
        + "; correct it in feeds.csv and run the setup"
        for feed in _feeds(conn)
        if not _is_clear(feed)
    ]


def _known(conn: Connection, since: datetime) -> dict[tuple[str, datetime], dict[AlertKey, bool]]:
    """By feed and expected time: the alerts that were raised, each with whether it is still open."""
    known: dict[tuple[str, datetime], dict[AlertKey, bool]] = defaultdict(dict)
    for feed_id, expected_at, kind, log_id, is_open in conn.execute(sql.raised, {"since": since}):
        known[feed_id, expected_at][kind, log_id] = is_open
    return known


def _of_time(
    feed: Feed, window: Window, files: Sequence[File], alerts: dict[AlertKey, bool], now: datetime
) -> tuple[list[Row], list[Row]]:
    """What is to be raised and what to be cleared of one expected time; `alerts`: what was raised before."""
    row = {"feed_id": feed.feed_id, "expected_at": window.expected_at.isoformat()}
    raised = []
    for finding in judge(feed, window.expected_at, files, now):
        if (finding.kind, finding.log_id) not in alerts:
            alerts[finding.kind, finding.log_id] = True
            raised.append(row | {"kind": finding.kind, "log_id": finding.log_id, "message": finding.message})
    mended = _mended(feed, files)
    cleared = [
        row | {"kind": kind, "log_id": log_id, "cleared_by": mended[kind, log_id]}
        for (kind, log_id), is_open in alerts.items()
        if is_open and (kind, log_id) in mended
    ]
    return raised, cleared


def _windows(feed: Feed, now: datetime, lookback: int) -> Iterator[Window]:
    """Each time whose window has begun, with its window, which ends where that of the next time begins.

    A file that is late within the grace of the time before is not an early one of this time.
    """
    since = max(feed.watched_from, now - timedelta(days=lookback))
    early, grace = timedelta(minutes=feed.early_minutes), timedelta(minutes=feed.grace_minutes)

    def begin(before: datetime, expected_at: datetime) -> datetime:
        return max(expected_at - early, min(before + grace, expected_at))

    first = since - early - grace  # a time before that leaves the windows alone
    times = chain((first,), instants(feed.expected, feed.time_zone, first))
    begun = ((expected_at, begin(before, expected_at)) for before, expected_at in pairwise(times))
    for (expected_at, opens), (_, closes) in takewhile(lambda pair: pair[0][1] <= now, pairwise(begun)):
        if expected_at > since:
            yield Window(expected_at, opens, closes)


def judge(feed: Feed, expected_at: datetime, files: Sequence[File], now: datetime) -> Iterator[Finding]:
    """What is wrong with the files of one expected time, oldest first.

    A corrected reject file is neither that file nor a second one; what is wrong with it is told all the same.
    """
    if all(file.is_returned for file in files) and now >= expected_at + timedelta(minutes=feed.grace_minutes):
        local = expected_at.astimezone(ZoneInfo(feed.time_zone))
        yield Finding(
            "MISSING",
            None,
            f"no file {feed.file_pattern} has come; expected {local:%Y-%m-%d %H:%M} {feed.time_zone}, "
            f"{feed.grace_minutes} minutes of grace are over.",
        )
    good: File | None = None
    not_taken: set[str] = set()
    for file in files:
        if file.error_code == "ERR_NOT_TAKEN":  # again at every look, and told once
            if file.remote_path in not_taken:
                continue
            not_taken.add(file.remote_path)
        if file.status in REFUSED:
            yield Finding("FAILED", file.log_id, f"{file.file_name} was refused: {file.error_message}.")
        elif file.is_returned:
            pass
        elif file.is_duplicate or (good is not None and _is_good(feed, file)):
            first = f" after {good.file_name} (log {good.log_id})" if good else ", as it came before"
            yield Finding("TWICE", file.log_id, f"{file.file_name} came{first}.")
        elif file.status == "DmlsFinished" and file.total_count < feed.minimal_rows:
            rows = f"{file.total_count} rows, at least {feed.minimal_rows} are expected"
            yield Finding("EMPTY", file.log_id, f"{file.file_name} has {rows}.")
        elif _is_good(feed, file):
            good = file
        if file.is_closed and file.status == "DmlsFinished" and file.rejected_count:
            what = f"{file.rejected_count} of {file.total_count} lines of {file.file_name} were refused"
            yield Finding("REJECTS", file.log_id, f"{what}; they are in {file.reject_file}.")


def _is_good(feed: Feed, file: File) -> bool:
    """Whether the file has enough rows; one that is not read to its end yet has none."""
    return (
        file.status not in REFUSED and not file.is_duplicate and file.total_count >= max(feed.minimal_rows, 1)
    )


def _mended(feed: Feed, files: Sequence[File]) -> dict[AlertKey, int]:
    """The alerts that the files of the window have mended, each with the file that did it."""
    came = [file for file in files if not file.is_returned]
    mended: dict[AlertKey, int] = {("MISSING", None): came[0].log_id} if came else {}
    if good := [file for file in came if _is_good(feed, file)]:
        for file in files[: files.index(good[-1])]:
            mended |= {(kind, file.log_id): good[-1].log_id for kind in ("EMPTY", "FAILED")}
    return mended


def _last_good(work: Work, arrivals: Arrivals, feed: Feed, files: Sequence[File], before: datetime) -> str:
    last = arrivals.last_good(feed, files, before)
    if last is None:
        return " No good file came before."
    local = last.created_at.astimezone(ZoneInfo(feed.time_zone))
    return (
        f" The last good file was {last.file_name}, {last.total_count} rows, {local:%Y-%m-%d %H:%M} "
        f"{feed.time_zone}: {link(work, last.run)}"
    )
