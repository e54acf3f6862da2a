"""Files: dropped, imported, dropped again, repaired and taken back."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import paramiko
from psycopg.rows import namedtuple_row

from oms import catalog, database, parameters
from oms.imports import applying, arrival, closing, guard, landing
from oms.imports.errors import FileRefused, OlderFileNotLanded, UndoRefused
from oms.imports.jobs import Run
from oms.inventory import undoing
from tests.simulation.file_model import DELTAS, REJECT_COLUMNS, SETTINGS, Dropped, File
from tests.simulation.model import SKUS, Moment
from tests.simulation.stage import Crash, Stage

JOBS = {
    "reset": catalog.IMPORT_INVENTORY_RESET,
    "variance": catalog.IMPORT_INVENTORY_VARIANCE,
    "receipt": catalog.IMPORT_ITEM_RECEIPT,
    "transfer": catalog.IMPORT_INVENTORY_TRANSFER,
    "facility": catalog.IMPORT_PRODUCT_FACILITY,
    "threshold": catalog.IMPORT_PRODUCT_THRESHOLDS,
    "shipment": catalog.IMPORT_INBOUND_SHIPMENT,
}
ERROR_LINE, ERROR_LOG = (REJECT_COLUMNS.split(",").index(name) for name in ("error_line", "error_log"))


class Imports(Stage):
    """Runs of the import jobs, and the files they take."""

    def note_moment(self) -> None:
        """Somebody looks at the clock: counts and sales may refer to this moment later."""
        (now,) = self.db.execute("select clock_timestamp()").fetchone()
        self.moments.append(Moment(self.model.tick(), now.isoformat()))

    def moment(self, number: int) -> Moment:
        return self.moments[number % len(self.moments)]

    def drop(self, file: File, name: str | None = None) -> None:
        """A sender puts a complete file into the folder of its job."""
        rows = (row if row.sku in self.skus else replace(row, sku=SKUS[0]) for row in file.rows)
        file = replace(file, rows=tuple(rows)).resolved(self.moment)
        name = name or f"{file.kind}_{next(self._drops)}.csv"
        (self._root / self._folder / file.kind / name).write_bytes(file.content())
        self.files.files.append(Dropped(name, file))

    def drop_again(self, number: int, same_name: bool, crash_at: str | None) -> None:
        first = self._file(number)
        if first is None:
            return
        if same_name and not all(one.closed for one in self.files.files if one.name == first.name):
            return
        self.drop(first.file, first.name if same_name else None)
        self.run_import(first.file.kind, crash_at)

    def repair(self, number: int, mended: tuple[bool, ...], more: int, crash_at: str | None) -> None:
        """Somebody corrects lines of a reject file, or not, and drops it again; more: with other figures."""
        refused = [one for one in self.files.files if one.closed and one.rejects and one.is_passed]
        if not refused:
            return
        first = refused[number % len(refused)]
        lines = self.reject_file(first).read_text().splitlines()[1:]
        rows = []
        for place, (line, (_, row)) in enumerate(zip(lines, sorted(first.rejects.items()), strict=True)):
            cells = next(csv.reader([line]))
            prefix = line.removesuffix(first.file.text(row))
            if mended[place % len(mended)]:
                row = replace(row, fault=None, quantity=(row.quantity or 0) + more)
            # a shipment knows by itself what came before
            known = first.file.kind == "shipment"
            origin = None if known else (int(cells[ERROR_LOG]), int(cells[ERROR_LINE]))
            rows.append(replace(row, origin=origin, prefix=prefix))
        self.drop(replace(first.file, rows=tuple(rows)))
        self.run_import(first.file.kind, crash_at)

    def undo(self, number: int, crash_at: str | None) -> None:
        """Somebody takes a file back; twice in one run, as a task that is repeated."""
        dropped = self._file(number)
        if dropped is None or dropped.log_id is None:
            return
        objection = self.files.objection(dropped)
        run_name = f"undo/{next(self._runs)}"
        for attempt in (crash_at, None):
            try:
                with self._crashing(attempt):
                    undoing.undo(self.db, dropped.log_id, run_name=run_name)
            except Crash:
                continue
            except UndoRefused:
                if objection is None:
                    raise
                return
            assert not objection, f"{dropped} was taken back although {objection}"
        self.files.undo(dropped)

    def decide(self, number: int, approve: bool, crash_at: str | None) -> None:
        """A person approves or rejects a file that was held; whoever decides otherwise later is refused."""
        held = [one for one in self.files.files if one.held]
        if not held:
            return
        dropped, decision = held[number % len(held)], guard.APPROVED if approve else guard.REJECTED
        fits = dropped.decision in (None, decision)
        for attempt in (crash_at, None):
            try:
                with self._crashing(attempt):
                    guard.decide(self.db, dropped.log_id, decision, "a person")
            except Crash:
                continue
            except guard.NotHeld:
                if fits:
                    raise
                return
            assert fits, f"{dropped} was {dropped.decision} before"
        dropped.decision = decision

    def _file(self, number: int) -> Dropped | None:
        files = self.files.files
        return files[number % len(files)] if files else None

    def run_import(self, kind: str, crash_at: str | None = None) -> None:
        """What a DAG run does: land, apply each chunk, close; or the same until it dies."""
        conn = database.connect(self.bench.dsn, autocommit=True)
        abandoned = self._abandoned()
        try:
            with self._crashing(crash_at):
                self._import(conn, kind)
        except Crash:
            pass
        except OlderFileNotLanded:
            assert abandoned & self._waits_for(kind), "nothing older is open"
        except FileRefused:
            assert any(one.file.is_refused for one in self.files.files), "all files were whole"
        finally:
            server = conn.info.backend_pid
            conn.close()
            self._wait_for_end([server])
        self._note_files()

    @staticmethod
    def _waits_for(kind: str) -> set[str]:
        """Kinds of older files without which a file of this kind does not count (inventory.md 3.4)."""
        if kind in SETTINGS:
            return {"settings"}
        if kind == "shipment":
            return {"document"}
        return {"reset"} if kind in DELTAS else {"reset", "delta"}

    def _import(self, conn: database.Connection, kind: str) -> None:
        job = JOBS[kind]
        run = Run(job.dag_id, f"import__{next(self._runs)}")
        given = {"importPath": f"{self._folder}/{kind}"}
        if kind == "reset":
            given |= {"maxDropPct": self.world.max_drop}
        params = parameters.resolve(job, given) | {"settleSeconds": 0}
        for chunk in landing.land(conn, self.sftp, job, params, run, arrival.find(self.sftp, params)):
            applying.apply_chunk(conn, chunk, self._open_sftp)
        account = closing.close(conn, self.sftp, job, run)
        account.raise_if_open()

    @contextmanager
    def _open_sftp(self) -> Iterator[paramiko.SFTPClient]:
        yield self.sftp

    def _abandoned(self) -> set[str]:
        """Kinds of files whose landing was broken off."""
        rows = self.db.execute("select kind from oms.import_log where status = 'DmlsLanding'")
        return {kind for (kind,) in rows}

    def lose_staging(self) -> None:
        tables = self.db.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname = 'oms_staging'"
        ).fetchall()
        for (name,) in tables:
            self.db.execute(f"truncate {name}")

    def _note_files(self) -> None:
        """Let the observer land and take what was since the last look, in the order in which it was."""
        logs = self.db.cursor(row_factory=namedtuple_row).execute(
            """select log.log_id, log.file_name, log.status, log.closed_at is not null as closed,
                      min(chunk.applied_at) as applied_at, bool_and(chunk.applied_at is not null) as applied
                 from oms.import_log as log
                 left join oms.import_chunk as chunk using (load_id)
                group by log.log_id
                order by min(chunk.applied_at) nulls last, log.log_id"""
        )
        found = [(log, self._dropped(log.log_id, log.file_name)) for log in logs.fetchall()]
        for log, dropped in sorted(found, key=lambda one: one[0].log_id):
            dropped.closed = log.closed
            if not dropped.landed and log.status not in ("DmlsLanding", "DmlsFailed"):
                self.files.land(dropped)
        clocks: dict = {}
        for log, dropped in found:
            if dropped.taken or log.status == "DmlsFailed":
                continue
            if log.applied or (log.status == "DmlsFinished" and log.applied_at is None):
                assert dropped.is_passed, f"{dropped} counts although nobody has approved it"
                self.files.apply(dropped, clocks.setdefault(log.applied_at, self.model.tick()))

    def _dropped(self, log_id: int, name: str) -> Dropped:
        for one in self.files.files:
            if one.log_id == log_id:
                return one
        found = next(one for one in self.files.files if one.log_id is None and one.name == name)
        found.log_id = log_id
        return found
