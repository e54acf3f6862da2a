"""Removes what has served its time: a list of rules, each with its table, its age and what must stay.

The ledger, the books and what names them as a cause are never touched (spec inventory.md 3.5, 3.6, 6.7).
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from psycopg import sql as composed

from oms import crashpoints, locks, servers
from oms.database import Connection, statements
from oms.errors import NeedsPerson
from oms.remote import is_about_a_file, server_failures, step
from oms.work import Work

sql = statements(__file__)
log = logging.getLogger(__name__)

FORGOTTEN = crashpoints.register("keep.forgotten", "logs say that their contents go, the rows are there")
REMOVED = crashpoints.register("keep.removed", "one batch of rows is removed, more are due")
FILE_GONE = crashpoints.register("keep.file_gone", "a file is removed from SFTP, its log does not say so yet")


@dataclass(frozen=True)
class Rule:
    """One kind of rows: in which table, and how many days they stay; `due` selects the ctids of old ones."""

    what: str
    table: str
    days: str
    """Name of the job's parameter."""
    due: str


def _rule(what: str, table: str, days: str, schema: str = "oms") -> Rule:
    return Rule(what, f"{schema}.{table}", days, getattr(sql, table))


RULES = (
    _rule("rejected lines of closed files", "import_reject", "logDays"),
    _rule("remarks on rows of closed files", "import_row_note", "logDays"),
    _rule("counts by chunk of closed files", "import_chunk_count", "logDays"),
    _rule("groups of closed files", "import_group", "logDays"),
    _rule("chunks of closed files", "import_chunk", "logDays"),
    _rule("rejects of older product imports", "product_import_reject", "logDays"),
    _rule("staged lines of ended product imports", "catalogue_line", "logDays", "oms_staging"),
    _rule("webhooks worked off", "webhook_inbox", "webhookDays"),
    _rule("answers to API calls", "api_call", "answerDays"),
    _rule("changes of products seen by every mark", "product_change", "changeDays"),
    _rule("imports of orders that a later one covers", "order_import", "logDays"),
    _rule("rejects of pulls that were taken in after all", "pull_reject", "logDays"),
    _rule("uploaded products that were pushed", "upload_product", "answerDays"),
    _rule("what was told about feeds", "feed_alert", "reportDays"),
    _rule("drift reports", "drift_report", "reportDays"),
    _rule("records of exported files", "export_file", "reportDays"),
    _rule("decisions on held files", "import_hold", "reportDays"),
    _rule("rows by facility of older resets", "import_facility_rows", "reportDays"),
    _rule("what older resets found right", "confirmed_balance", "reportDays"),
    _rule("batches whose lines went on in others", "sync_batch", "answerDays"),
    _rule("messages to shops and people that have ended", "outbox_message", "reportDays"),
)
"""In the order in which one table refers to another. A further table is one line here and one query."""


def keep_house(work: Work) -> dict[str, int]:
    """Remove what is older than the parameters say, in batches; return how many of each kind.

    With dryRun nothing is removed and the figures are what would be. Two runs never work at a time: the
    second one finds nothing to do. May be killed at any point and run again.
    """
    with locks.held_if_free(work.conn, locks.HOUSE_KEEPING.of()) as is_ours:
        if not is_ours:
            log.info("another run is at it: nothing is left to do")
            return {}
        removed = _work_off(work)
    would = "would be removed" if work.params["dryRun"] else "removed"
    for what, count in removed.items():
        log.info("%s: %s %s", what, f"{count:,}", would)
    return removed


def _work_off(work: Work) -> dict[str, int]:
    conn, params, now = work.conn, work.params, datetime.now(UTC)
    before = {name: now - timedelta(days=days) for name, days in params.items() if name.endswith("Days")}
    dry, limit = params["dryRun"], params["batchSize"]

    def forget(due: str, act: str, days: str) -> int:
        if dry:
            return conn.execute(due, {"before": before[days]}).fetchone()[0]
        return _in_batches(lambda: conn.execute(act, {"before": before[days], "limit": limit}).rowcount)

    removed = {"files whose contents go": forget(sql.contents_due, sql.forget_contents, "logDays")}
    crashpoints.point(FORGOTTEN)
    for rule in RULES:
        removed[rule.what] = _apply(conn, rule, before[rule.days], limit, dry)
    removed["payloads of answered calls"] = forget(sql.payloads_due, sql.forget_payloads, "answerDays")
    removed["staging tables left behind"] = _drop_staging(conn, dry)
    removed["files in archive/ and error/"] = _remove_files(work, before["archiveDays"], dry)
    return removed


def _apply(conn: Connection, rule: Rule, before: datetime, limit: int, dry: bool) -> int:
    """Remove the rows of one rule, each batch a transaction of its own; return how many."""
    values = {"before": before, "limit": limit}
    due = composed.SQL(rule.due)
    if dry:
        counted = composed.SQL("select count(*) from ({}) as due").format(due)
        return conn.execute(counted, values).fetchone()[0]
    delete = composed.SQL("delete from {} where ctid = any (array({} limit %(limit)s))").format(
        composed.Identifier(*rule.table.split(".")), due
    )
    return _in_batches(lambda: conn.execute(delete, values).rowcount)


def _in_batches(act: Callable[[], int]) -> int:
    total = 0
    while done := act():
        total += done
        crashpoints.point(REMOVED)
    return total


def _drop_staging(conn: Connection, dry: bool) -> int:
    tables = [name for (name,) in conn.execute(sql.staging_left)]
    for name in [] if dry else tables:
        conn.execute(composed.SQL("drop table if exists {}").format(composed.Identifier("oms_staging", name)))
    return len(tables)


def _remove_files(work: Work, before: datetime, dry: bool) -> int:
    """Remove archived files and reject files from SFTP; one that is gone already counts as removed.

    A server that refuses keeps only its own files; what was wrong with it is raised at the end.
    """
    due = work.conn.execute(sql.files_due, {"before": before}).fetchall()
    if dry:
        return sum(path is not None for _, _, *paths in due for path in paths)
    removed = 0
    refused: list[Exception] = []
    for connection_id, logs in groupby(due, key=lambda row: row[1]):
        try:
            for count in _remove_from(work, connection_id, logs):
                removed += count
        except (NeedsPerson, *server_failures()) as error:
            log.warning("old files on %s cannot be removed and stay: %s", connection_id, error)
            refused.append(error)
    if refused:
        raise refused[0]
    return removed


def _remove_from(work: Work, connection_id: str, logs: Iterable[tuple[Any, ...]]) -> Iterator[int]:
    """Remove the files of logs from one server; how many there were of each log.

    One that cannot be removed keeps no other; the first of them is raised at the end.
    """
    stays: OSError | None = None
    with work.open_sftp(connection_id) as sftp:
        servers.recognise(work.conn, connection_id, sftp)
        for log_id, _, *paths in logs:
            try:
                count = sum(_remove(sftp, path) for path in paths if path is not None)
            except OSError as error:
                if not is_about_a_file(sftp, error):
                    raise
                stays = stays or error
                continue
            crashpoints.point(FILE_GONE)
            work.conn.execute(sql.note_files_removed, {"log_id": log_id})
            yield count
    if stays:
        raise stays


def _remove(sftp: Any, path: str) -> bool:
    try:
        with step(f"removing {path}"):
            sftp.remove(path)
    except FileNotFoundError:
        return False
    return True
