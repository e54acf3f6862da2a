"""The files that came, for all feeds at once: one query a configuration, whatever the number of feeds."""

import csv
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from posixpath import dirname

from psycopg.rows import class_row

from oms.database import Connection, statements
from oms.filenames import which
from oms.imports.contracts import reject_places

sql = statements(__file__)

REFUSED = ("DmlsFailed", "DmlsCancelled")


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
    error_code: str | None
    error_message: str | None
    reject_file: str | None
    header: str | None
    delimiter: str
    run: str
    created_at: datetime

    @cached_property
    def folder(self) -> str:
        return dirname(self.remote_path).strip("/")

    @cached_property
    def is_returned(self) -> bool:
        """Whether it is a reject file that came back: none that was expected."""
        names = next(csv.reader([self.header or ""], delimiter=self.delimiter), [])
        return bool(reject_places([name.strip() for name in names]))


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

    @property
    def source(self) -> tuple[str, str]:
        """Configuration and connection: what the files of the feed share with those of others."""
        return self.config_id, self.connection_id

    def is_in_its_folder(self, file: File) -> bool:
        return self.path is None or file.folder == self.path.strip("/")


@dataclass(frozen=True)
class Window:
    """The time in which a file counts as the one of an expected time."""

    expected_at: datetime
    opens: datetime
    closes: datetime

    def files(self, files: Sequence[File]) -> Sequence[File]:
        """Those that came in it, of files in the order they came."""
        first = bisect_left(files, self.opens, key=lambda file: file.created_at)
        return files[first : bisect_left(files, self.closes, key=lambda file: file.created_at)]


@dataclass
class Arrivals:
    """What came for some feeds since the first of their windows opened, and the last good files before."""

    conn: Connection
    feeds: Sequence[Feed]
    since: datetime | None
    _files: dict[tuple[str, str], dict[str, list[File]]] = field(default_factory=dict)
    _before: dict[tuple[str, str], dict[str, File]] = field(default_factory=dict)

    def of_feed(self, feed: Feed) -> list[File]:
        """The feed's files, oldest first."""
        if self.since is None:
            return []
        if feed.source not in self._files:
            values = {"config_id": feed.config_id, "connection_id": feed.connection_id, "since": self.since}
            with self.conn.cursor(row_factory=class_row(File)) as cursor:
                self._files[feed.source] = self._by_pattern(feed.source, cursor.execute(sql.files, values))
        return [file for file in self._files[feed.source][feed.file_pattern] if feed.is_in_its_folder(file)]

    def _of_source(self, source: tuple[str, str]) -> list[Feed]:
        return [feed for feed in self.feeds if feed.source == source]

    def _by_pattern(self, source: tuple[str, str], files: Iterable[File]) -> dict[str, list[File]]:
        """By the pattern of a feed: the files that it means, in their order."""
        meant_by = which(feed.file_pattern for feed in self._of_source(source))
        found: dict[str, list[File]] = defaultdict(list)
        for file in files:
            for pattern in meant_by(file.file_name):
                found[pattern].append(file)
        return found

    def last_good(self, feed: Feed, files: Sequence[File], before: datetime) -> File | None:
        """The newest file with rows enough that came before, among the feed's files or older than them."""
        young = (file for file in reversed(files) if file.created_at < before)
        if good := next((file for file in young if was_good(feed, file)), None):
            return good
        if feed.source not in self._before:
            self._before[feed.source] = self._older(feed.source)
        return self._before[feed.source].get(feed.feed_id)

    def _older(self, source: tuple[str, str]) -> dict[str, File]:
        """By feed: the last good file from before. One pass back through the files serves all feeds."""
        open_ones = self._of_source(source)
        meant_by = which(feed.file_pattern for feed in open_ones)
        found: dict[str, File] = {}
        values = {"config_id": source[0], "connection_id": source[1], "before": self.since}
        with self.conn.transaction(), self.conn.cursor("files_before", row_factory=class_row(File)) as files:
            files.itersize = 1_000
            for file in files.execute(sql.files_before, values):
                patterns = meant_by(file.file_name)
                hits = [
                    feed
                    for feed in open_ones
                    if feed.file_pattern in patterns and feed.is_in_its_folder(file) and was_good(feed, file)
                ]
                found |= {feed.feed_id: file for feed in hits}
                open_ones = [feed for feed in open_ones if feed not in hits] if hits else open_ones
                if not open_ones:
                    break
        return found


def was_good(feed: Feed, file: File) -> bool:
    """Whether the file was finished with rows enough for the feed, and is no reject file that came back."""
    return file.status == "DmlsFinished" and file.total_count >= feed.minimal_rows and not file.is_returned
