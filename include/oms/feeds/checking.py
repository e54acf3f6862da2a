"""Finds files that did not come, came empty, failed or came twice, and tells people once (design 1).

Each expected time has a window that ends where the next one begins; what came in it is what has come of it.
An alert is a row that is unique by feed, time, kind and file: it is raised once, told once, cleared once.
"""

import csv
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain, pairwise, takewhile
from posixpath import dirname
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from psycopg.rows import class_row, dict_row

from oms import crashpoints
from oms.database import Connection, statements
from oms.feeds.errors import FeedsSilent, MailFailed
from oms.feeds.times import instants
from oms.filenames import wanted
from oms.imports.contracts import reject_places
from oms.mail import Mail
from oms.work import Work

sql = statements(__file__)
log = logging.getLogger(__name__)

RAISED = crashpoints.register("feeds.raised", "alerts are raised, nobody was told")
MAILED = crashpoints.register("feeds.mailed", "a mail is sent, its alert does not say so yet")

REFUSED = ("DmlsFailed", "DmlsCancelled")


@dataclass(frozen=True)
class Feed:
    """A row of oms.feed."""

    feed_id: str
    feed_name: str
    config_id: str
    connection_id: str
    path: str | None
    file_pattern: str
    expected: str
    time_zone: str
    early_minutes: int
    grace_minutes: int
    minimal_rows: int
    contact: str | None
    watched_from: datetime

    def takes(self, file: "File") -> bool:
        """Whether a file of the configuration is one of this feed."""
        if self.path is not None and dirname(file.remote_path).strip("/") != self.path.strip("/"):
            return False
        return wanted(file.file_name, file_name=None, pattern=self.file_pattern)


@dataclass(frozen=True)
class File:
    """A file that came: a row of oms.import_log."""

    log_id: int
    file_name: str
    remote_path: str
    status: str
    total_count: int
    rejected_count: int
    is_duplicate: bool
    is_closed: bool
    error_message: str | None
    reject_file: str | None
    header: str | None
    delimiter: str
    run: str
    created_at: datetime

    @property
    def is_returned(self) -> bool:
        """Whether it is a reject file that came back: none that was expected."""
        names = next(csv.reader([self.header or ""], delimiter=self.delimiter), [])
        return bool(reject_places([name.strip() for name in names]))


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
    was told of it just now, and MailFailed.
    """
    now = now or datetime.now(UTC)
    conn = work.conn
    if not conn.execute(sql.one_at_a_time).fetchone()[0]:
        log.info("another run is at it: nothing is left to do")
        return {}
    try:
        counts = _raise_alerts(work, now)
        if work.params["dryRun"]:
            return counts
        crashpoints.point(RAISED)
        told = _tell(work, now)
    finally:
        if not conn.closed:
            conn.execute(sql.let_others)
    if told:
        raise FeedsSilent("; ".join(told))
    return counts


def _raise_alerts(work: Work, now: datetime) -> dict[str, int]:
    conn, dry = work.conn, work.params["dryRun"]
    counts = {"feeds": 0, "expected": 0, "raised": 0, "cleared": 0}
    with conn.cursor(row_factory=class_row(Feed)) as cursor:
        feeds = cursor.execute(sql.feeds).fetchall()
    if not dry:
        conn.execute(sql.pass_over, {"now": now})
    for feed in feeds:
        counts["feeds"] += 1
        with conn.transaction(force_rollback=dry):
            for expected_at, begin, until in _windows(feed, now, work.params["lookbackDays"]):
                counts["expected"] += 1
                files = [one for one in _files(conn, feed, begin) if one.created_at < until]
                key = {"feed_id": feed.feed_id, "expected_at": expected_at, "now": now}
                known = set(conn.execute(sql.raised, key).fetchall())
                for finding in judge(feed, expected_at, files, now):
                    if (finding.kind, finding.log_id) in known:
                        continue
                    message = finding.message + _last_good(conn, work, feed, begin)
                    values = key | {"kind": finding.kind, "log_id": finding.log_id, "message": message}
                    raised = conn.execute(sql.raise_alert, values).rowcount
                    counts["raised"] += raised
                    if dry and raised:
                        log.info("would tell of feed %s: %s", feed.feed_id, message)
                counts["cleared"] += _clear(conn, feed, files, key)
    return counts


def _windows(feed: Feed, now: datetime, lookback: int) -> Iterator[tuple[datetime, datetime, datetime]]:
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
            yield expected_at, opens, closes


def _files(conn: Connection, feed: Feed, since: datetime) -> list[File]:
    values = {"config_id": feed.config_id, "connection_id": feed.connection_id, "since": since}
    with conn.cursor(row_factory=class_row(File)) as cursor:
        return [one for one in cursor.execute(sql.files, values).fetchall() if feed.takes(one)]


def judge(feed: Feed, expected_at: datetime, files: list[File], now: datetime) -> Iterator[Finding]:
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
    for file in files:
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


def _clear(conn: Connection, feed: Feed, files: list[File], key: dict[str, Any]) -> int:
    """Clear what the files of the window have mended."""
    cleared = 0
    came = [file for file in files if not file.is_returned]
    if came:
        values = key | {"kinds": ["MISSING"], "mended": [], "log_id": came[0].log_id}
        cleared += conn.execute(sql.clear_alerts, values).rowcount
    if good := [file for file in came if _is_good(feed, file)]:
        mended = [file.log_id for file in files[: files.index(good[-1])]]
        values = key | {"kinds": ["EMPTY", "FAILED"], "mended": mended, "log_id": good[-1].log_id}
        cleared += conn.execute(sql.clear_alerts, values).rowcount
    return cleared


def _last_good(conn: Connection, work: Work, feed: Feed, before: datetime) -> str:
    values = {
        "config_id": feed.config_id,
        "connection_id": feed.connection_id,
        "minimal_rows": feed.minimal_rows,
        "before": before,
    }
    with conn.cursor("files_before", row_factory=class_row(File)) as files:  # other feeds may have thousands
        files.execute(sql.last_files, values)
        last = next((file for file in files if feed.takes(file) and not file.is_returned), None)
    if last is None:
        return " No good file came before."
    local = last.created_at.astimezone(ZoneInfo(feed.time_zone))
    return (
        f" The last good file was {last.file_name}, {last.total_count} rows, {local:%Y-%m-%d %H:%M} "
        f"{feed.time_zone}: {_link(work, last.run)}"
    )


def _tell(work: Work, now: datetime) -> list[str]:
    """Tell people what they were not told yet; return what is bad news."""
    bad, failed = [], []
    rows = work.conn.cursor(row_factory=dict_row).execute(sql.to_tell).fetchall()
    for alert in rows:
        mail = _mail(work, alert)
        log.log(logging.INFO if alert["is_clearing"] else logging.WARNING, "%s: %s", mail.subject, mail.text)
        try:
            sent = bool(mail.to) and work.send_mail(mail)
        except OSError as error:
            failed.append(f"{mail.subject}: {error}")
            continue
        if not sent:
            log.warning(
                "no mail was sent: %s",
                "there is no connection oms_smtp" if mail.to else "neither contact nor alertTo names anybody",
            )
        crashpoints.point(MAILED)
        told_to = list(mail.to) if sent else []
        values = {"alert_id": alert["alert_id"], "now": now, "told_to": told_to}
        work.conn.execute(sql.note_told, values | {"is_clearing": alert["is_clearing"]})
        if not alert["is_clearing"] and alert["kind"] != "REJECTS":
            bad.append(f"feed {alert['feed_id']}: {alert['message']}")
    if failed:
        raise MailFailed("; ".join(failed))
    return bad


def _link(work: Work, run: str) -> str:
    """The page of a run in the Airflow UI, by its `dag_id/run_id`; the name alone where no address is set."""
    dag_id, _, run_id = run.partition("/")
    base = (work.base_url or "").rstrip("/")
    return f"{base}/dags/{quote(dag_id)}/runs/{quote(run_id, safe='')}" if base else run


SUBJECTS = {
    "MISSING": "no file",
    "EMPTY": "empty file",
    "FAILED": "file refused",
    "TWICE": "file came twice",
    "REJECTS": "lines refused",
}


def _mail(work: Work, alert: dict[str, Any]) -> Mail:
    subject = f"[OMS] feed {alert['feed_id']}: {SUBJECTS[alert['kind']]}"
    text = [f"Feed {alert['feed_id']} ({alert['feed_name']})", ""]
    if alert["is_clearing"]:
        subject += " - cleared"
        at = alert["came_at"].astimezone(ZoneInfo(alert["time_zone"]))
        text.append(f"{alert['came']} came {at:%Y-%m-%d %H:%M} {alert['time_zone']}. This was told before:")
    text.append(alert["message"])
    if alert["kind"] == "REJECTS":
        text += ["", *_first_rejects(work, alert)]
    if alert["run"]:
        text += ["", f"Run: {_link(work, alert['run'])}"]
    operations = [] if alert["kind"] == "REJECTS" else _addresses(work.params["alertTo"])
    to = dict.fromkeys([*_addresses(alert["contact"]), *operations])
    kind = "cleared" if alert["is_clearing"] else "raised"
    message_id = f"<feed-alert-{alert['alert_id']}-{kind}-{alert['expected_at']:%Y%m%d%H%M}@oms.invalid>"
    return Mail(tuple(to), " ".join(subject.split()), "\n".join(text), message_id)


def _first_rejects(work: Work, alert: dict[str, Any]) -> Iterator[str]:
    values = {"log_id": alert["log_id"], "lines": work.params["rejectLines"]}
    rows = work.conn.execute(sql.first_rejects, values).fetchall()
    yield f"Correct the lines and send {alert['reject_file']} as a new file. The first of them:"
    for number, column, code, message, raw in rows:
        yield f"line {number}{f', {column}' if column else ''}: {code}: {message}"
        yield f"    {bytes(raw).decode(alert['encoding'], 'replace')}"


def _addresses(given: str | list[str] | None) -> list[str]:
    listed = [given] if isinstance(given, str) else given or []
    return [address for one in listed for address in one.replace(";", ",").replace(",", " ").split()]
