"""Tells people what a look at the feeds has found: one mail a feed and look, each thing once."""

import logging
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from psycopg.rows import dict_row

from oms import crashpoints
from oms.database import statements
from oms.feeds.errors import MailFailed
from oms.mail import Mail
from oms.work import Work

sql = statements(__file__)
log = logging.getLogger(__name__)

MAILED = crashpoints.register("feeds.mailed", "a mail is sent, its alerts do not say so yet")

SUBJECTS = {
    "MISSING": "no file",
    "EMPTY": "empty file",
    "FAILED": "file refused",
    "TWICE": "file came twice",
    "REJECTS": "lines refused",
}
SHOWN = 50
"""Alerts that a mail describes one by one; of the others it says how many there are."""

Alert = dict[str, Any]


def tell(work: Work, now: datetime) -> list[str]:
    """Tell people what they were not told yet; return what is bad news.

    What one look has found of a feed is one mail. A look that was interrupted is told by the next one under
    the Message-ID that it had. Raises MailFailed.
    """
    bad, failed = [], []
    rows = work.conn.cursor(row_factory=dict_row).execute(sql.to_tell).fetchall()
    for _, group in groupby(rows, key=lambda alert: (alert["found_at"], alert["feed_id"])):
        alerts = list(group)
        mail = _mail(work, alerts)
        bad_ones = [one for one in alerts if _is_bad(one)]
        log.log(logging.WARNING if bad_ones else logging.INFO, "%s: %s", mail.subject, mail.text)
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
        _note(work, alerts, list(mail.to) if sent else [], now)
        bad += [f"feed {one['feed_id']}: {one['message']}" for one in bad_ones[:SHOWN]]
    if failed:
        raise MailFailed("; ".join(failed))
    return bad


def link(work: Work, run: str) -> str:
    """The page of a run in the Airflow UI, by its `dag_id/run_id`; the name alone where no address is set."""
    dag_id, _, run_id = run.partition("/")
    base = (work.base_url or "").rstrip("/")
    return f"{base}/dags/{quote(dag_id)}/runs/{quote(run_id, safe='')}" if base else run


def _is_bad(alert: Alert) -> bool:
    return not alert["is_clearing"] and alert["kind"] != "REJECTS"


def _note(work: Work, alerts: list[Alert], told_to: list[str], now: datetime) -> None:
    values = {
        "raised": [alert["alert_id"] for alert in alerts if not alert["is_clearing"]],
        "cleared": [alert["alert_id"] for alert in alerts if alert["is_clearing"]],
        "told_to": told_to,
        "now": now,
    }
    work.conn.execute(sql.note_told, values)


def _mail(work: Work, alerts: list[Alert]) -> Mail:
    first = alerts[0]
    text = [f"Feed {first['feed_id']} ({first['feed_name']})"]
    for alert in alerts[:SHOWN]:
        text += ["", *_paragraph(work, alert)]
    if alerts[SHOWN:]:
        text += ["", f"And {len(alerts) - SHOWN} more; all of them are in oms.feed_alert."]
    operations = _addresses(work.params["alertTo"]) if any(one["kind"] != "REJECTS" for one in alerts) else []
    to = dict.fromkeys([*_addresses(first["contact"]), *operations])
    message_id = f"<feed-alert-{first['alert_id']}-{first['found_at']:%Y%m%d%H%M%S%f}@oms.invalid>"
    return Mail(tuple(to), " ".join(_subject(alerts).split()), "\n".join(text), message_id)


def _subject(alerts: list[Alert]) -> str:
    """What was found, the most frequent first: "feed COUNT: no file (3), lines refused - cleared"."""
    found = Counter(
        SUBJECTS[alert["kind"]] + (" - cleared" if alert["is_clearing"] else "") for alert in alerts
    )
    parts = [f"{what} ({count})" if count > 1 else what for what, count in found.most_common()]
    return f"[OMS] feed {alerts[0]['feed_id']}: {', '.join(parts)}"


def _paragraph(work: Work, alert: Alert) -> Iterator[str]:
    if alert["is_clearing"]:
        at = alert["came_at"].astimezone(ZoneInfo(alert["time_zone"]))
        yield f"{alert['came']} came {at:%Y-%m-%d %H:%M} {alert['time_zone']}. This was told before:"
    yield alert["message"]
    if alert["kind"] == "REJECTS":
        yield from _first_rejects(work, alert)
    if alert["run"]:
        yield f"Run: {link(work, alert['run'])}"


def _first_rejects(work: Work, alert: Alert) -> Iterator[str]:
    values = {"log_id": alert["log_id"], "lines": work.params["rejectLines"]}
    rows = work.conn.execute(sql.first_rejects, values).fetchall()
    yield f"Correct the lines and send {alert['reject_file']} as a new file. The first of them:"
    for number, column, code, message, raw in rows:
        yield f"line {number}{f', {column}' if column else ''}: {code}: {message}"
        yield f"    {bytes(raw).decode(alert['encoding'], 'replace')}"


def _addresses(given: str | list[str] | None) -> list[str]:
    listed = [given] if isinstance(given, str) else given or []
    return [address for one in listed for address in one.replace(";", ",").replace(",", " ").split()]
