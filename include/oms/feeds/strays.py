"""Names, once a day, the files in the watched folders that match no job's pattern: nobody would miss them."""

import logging
from collections import defaultdict
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any

from oms import crashpoints
from oms.catalog import JOBS, ImportJob
from oms.config import job_settings
from oms.database import statements
from oms.filenames import is_junk, is_unfinished, wanted
from oms.imports.arrival import named
from oms.parameters import resolve
from oms.remote import Listing, folder_of, listing, server_failures
from oms.work import Work

sql = statements(__file__)
log = logging.getLogger(__name__)

NAMED = crashpoints.register("feeds.named", "the files that no job takes are named, nobody noted that yet")

STUCK = timedelta(days=1)
"""A file that has not got its final name by then will not get one."""

Takers = list[Mapping[str, Any]]
"""Parameters of the jobs that watch a folder."""


def name_strays(work: Work, now: datetime) -> int:
    """Log a line for each watched folder with files that no job takes; return how many files there are.

    Once a day (UTC). Where a server does not answer, the next run tries again. With dryRun nothing is noted.
    """
    today = {"today": now.date()}
    if work.conn.execute(sql.was_named, today).fetchone()[0]:
        return 0
    count, answered = 0, True
    for resource, folders in _watched().items():
        try:
            count += _name_on(work, resource, folders, now)
        except server_failures() as error:
            answered = False
            log.warning("cannot look for files that no job takes on %s: %s", resource, error)
    crashpoints.point(NAMED)
    if answered and not work.params["dryRun"]:
        work.conn.execute(sql.note_named, today)
    return count


def _watched() -> dict[str, dict[str, Takers]]:
    """By propertyResource and folder: what the jobs that look there take."""
    watched: dict[str, dict[str, Takers]] = defaultdict(lambda: defaultdict(list))
    for job in JOBS.values():
        if isinstance(job, ImportJob):
            params = resolve(job, {}, job_settings(job).parameters)
            watched[params["propertyResource"]][params["importPath"]].append(params)
    return watched


def _name_on(work: Work, resource: str, folders: Mapping[str, Takers], now: datetime) -> int:
    count = 0
    with ExitStack() as stack:
        try:
            sftp = stack.enter_context(work.open_sftp(resource))
        except LookupError as error:  # a server that nobody has set up holds no files
            log.info("%s is not looked at: %s", resource, error)
            return 0
        by_folder: dict[str, Takers] = defaultdict(list)  # two spellings may mean one
        for path, takers in folders.items():
            by_folder[folder_of(sftp, path)] += takers
        for folder, takers in by_folder.items():
            try:
                strays = _strays(listing(sftp, folder), takers, now)
            except FileNotFoundError:
                continue
            if strays:
                many = "1 file matches" if len(strays) == 1 else f"{len(strays)} files match"
                log.warning("%s of %s: %s no job's pattern: %s", folder, resource, many, named(strays))
            count += len(strays)
    return count


def _strays(there: Listing, takers: Takers, now: datetime) -> list[str]:
    """The names of files that no job takes; one that is still being sent has a day's time."""
    begun = (now - STUCK).timestamp()
    return [
        name
        for name, (_, mtime) in sorted(there.files.items())
        if not is_junk(name)
        and (not is_unfinished(name) or mtime < begun)
        and not any(
            wanted(name, file_name=one["remoteFilename"], pattern=one["fileNameRegex"]) for one in takers
        )
    ]
