"""Exports the thresholds that stored rules give to products by tags and categories (inventory.md 5.11)."""

import logging
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row

from oms import exports
from oms.database import Connection, statements
from oms.numbers import readings
from oms.parameters import BadParameter
from oms.work import Work

log = logging.getLogger(__name__)
sql = statements(__file__)

DAG_ID = "export_product_thresholds"
HEADER = (
    "product-id", "internal-name", "product-id-value", "facility-id", "external-id", "ATP", "threshold",
    "inv-group-member",
)  # fmt: skip
APART = 1.0
"""Seconds between two files: SFTP tells times in whole ones, and the import takes the older file first."""
ALL = "all"
"""Stands for the preference in the name of a file without one."""
LONGEST_RULE = 100
"""Letters of a rule's id in the name of its file, which a file system may cut off or refuse at 255 bytes."""


@dataclass(frozen=True)
class Rule:
    """A stored choice of products; without an id: every product."""

    search_preference_id: str | None = None
    product_store_id: str | None = None
    facility_ids: Sequence[str] = ()
    threshold: int | None = None
    since: datetime | None = None
    """Products that changed before are left out; None: all are in."""
    is_new: bool = False
    """It has not been exported since it was stored or changed."""

    @property
    def name(self) -> str:
        return self.search_preference_id or ALL


def export_thresholds(work: Work) -> dict[str, Any]:
    """Write a file for each rule that matches a product, in the order of the rules; return what was done.

    Rules of a store follow one another, and a file that a dead run has left behind is written first, so
    that their import ends with the later rule. A rule named alone takes those behind it along, or the import
    would give its products a threshold that a later rule overrules.

    Raises:
        BadParameter: a parameter names nothing, or is no number.
        FilesWait: an earlier file could not be written; those of this run are.
    """
    params = work.params
    threshold = units_of(params["threshold"])
    facilities = _facilities(work.conn, params["facilityId"])
    with exports.one_at_a_time(work.conn, DAG_ID):
        rules = _due(work.conn, params, work.run_type)
        if params["dryRun"]:
            return _preview(work.conn, params, rules, facilities, threshold)
        writer = exports.Writer(work.conn, work.open_sftp, DAG_ID)
        writer.write()
        rows = 0
        for rule in rules:
            found = _record(work, writer, rule, facilities, threshold)
            if found and writer.written:
                time.sleep(APART)
            writer.write()
            rows += found
        writer.raise_if_any_waits()
    files = writer.written
    message = f"{len(files)} files, {rows} thresholds" if files else "no product matches: no file"
    log.info("%s", message)
    return {"files": files, "rows": rows, "message": message}


def units_of(text: str | int | None) -> int | None:
    """The number of a threshold such as "10 units"; None if there is none. Raises BadParameter."""
    if text is None:
        return None
    text = str(text)
    found = re.fullmatch(r"\s*(\d{1,10})\s*(?:[^\W\d_]+[.\s]*)*", text)
    if not found or int(found[1]) > 1_000_000_000:
        expected = "a whole number from 0 to 1000000000, such as 10 or 10 units"
        raise BadParameter("threshold", text, expected + readings(text))
    return int(found[1])


def _facilities(conn: Connection, given: str | list[str] | None) -> list[str]:
    """The CONFIGURATION facilities that a run names; none: those of the rules."""
    named = [given] if isinstance(given, str) else list(given or ())
    known = {facility for (facility,) in conn.execute(sql.configuration_facilities).fetchall()}
    if unknown := [facility for facility in named if facility not in known]:
        raise BadParameter("facilityId", unknown[0], f"a CONFIGURATION facility: {', '.join(sorted(known))}")
    return named


def _due(conn: Connection, params: Any, run_type: str) -> list[Rule]:
    """The rules of the run in their order, each with the moment from which changes of products count."""
    wanted, include_all = params["searchPreferenceId"], params["includeAll"]
    if include_all is None and run_type == "manual":
        include_all = True
    rules = (
        conn.cursor(row_factory=class_row(Rule))
        .execute(sql.rules, {"wanted": wanted, "all": include_all})
        .fetchall()
    )
    if wanted is not None and wanted not in [rule.search_preference_id for rule in rules]:
        known = ", ".join(name for (name,) in conn.execute(sql.known_rules).fetchall()) or "none is stored"
        raise BadParameter("searchPreferenceId", wanted, f"an active search preference: {known}")
    if not rules and run_type == "manual":
        since = None if include_all else conn.execute(sql.yesterday).fetchone()[0]
        return [Rule(since=since)]
    return rules


def _values(rule: Rule, facilities: list[str], threshold: int | None, params: Any) -> dict[str, Any]:
    """What a rule exports: a run's own threshold is for the rule that it names, or for all."""
    is_meant = params["searchPreferenceId"] in (None, rule.search_preference_id)
    return {
        "rule": rule.search_preference_id,
        "store": rule.product_store_id,
        "facilities": facilities or list(rule.facility_ids) or None,
        "threshold": threshold if threshold is not None and is_meant else rule.threshold,
        "since": rule.since,
    }


def _record(
    work: Work, writer: exports.Writer, rule: Rule, facilities: list[str], threshold: int | None
) -> int:
    """Record the file of a rule; return its rows, 0 if there is nothing to tell."""
    values = _values(rule, facilities, threshold, work.params)
    with work.conn.transaction():
        rows = work.conn.execute(sql.thresholds, values).fetchall()
        if rows:
            resource = work.params["propertyResource"]
            folder = writer.open_place(resource, work.params["exportPath"])
            exports.record(
                work.conn,
                run_name=work.run_name,
                subject=rule.name,
                property_resource=resource,
                folder=folder,
                name=lambda stamp: f"product_threshold_{rule.name[:LONGEST_RULE]}_{stamp}.csv",
                content=exports.csv_bytes(HEADER, rows),
                rows=len(rows),
            )
        if not facilities and values["threshold"] == rule.threshold and not (rule.is_new and rule.since):
            work.conn.execute(sql.mark_exported, values)
    log.info("rule %s: %s thresholds", rule.name, len(rows))
    return len(rows)


def forget(conn: Connection, export_id: int) -> None:
    """Make the rule of a file due in full again: the file was given up."""
    conn.execute(sql.forget_export, {"export_id": export_id})


def _preview(
    conn: Connection, params: Any, rules: list[Rule], facilities: list[str], threshold: int | None
) -> dict[str, Any]:
    counts = {
        rule.name: len(conn.execute(sql.thresholds, _values(rule, facilities, threshold, params)).fetchall())
        for rule in rules
    }
    message = f"dry run: nothing is written; thresholds by rule: {counts or 'no rule is due'}"
    log.info("%s", message)
    return {"files": [], "rows": sum(counts.values()), "message": message}
