"""A small shop floor, an SFTP folder with files dropped into it, and runs of an import from end to end."""

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paramiko
import psycopg
import pytest

from oms import catalog, parameters
from oms.imports import applying, arrival, closing, landing
from oms.imports.closing import Account
from oms.imports.jobs import Run

RESET_JOB, VARIANCE_JOB = catalog.IMPORT_INVENTORY_RESET, catalog.IMPORT_INVENTORY_VARIANCE
RESET = "facilityId,idType,idValue,availableQty\n"
VARIANCE = (
    "facilityId,externalFacilityId,idType,idValue,availableDelta,locationSeqId,varianceReasonId,comments\n"
)
COUNTS = ("total", "applied", "unchanged", "superseded", "duplicate", "skipped", "rejected")


@contextmanager
def sftp_client(server: Any) -> Iterator[paramiko.SFTPClient]:
    """A client of the test server, its host key checked."""
    with paramiko.SSHClient() as ssh:
        kind, key = server.host_key.split()
        name = f"[{server.host}]:{server.port}"
        ssh.get_host_keys().add(name, kind, paramiko.Ed25519Key(data=base64.b64decode(key)))
        login = {"password": server.password, "look_for_keys": False, "allow_agent": False}
        ssh.connect(server.host, server.port, server.user, timeout=10, **login)
        with ssh.open_sftp() as files:
            yield files


def seed(conn: psycopg.Connection) -> None:
    """Two stores, a warehouse with a pick face, products A to D and W, a kit, a gift card, a parent."""
    conn.execute(
        """insert into oms.facility (facility_id, facility_name, external_id, facility_type_id)
           values ('STORE_1', 'Store 1', '101', 'RETAIL_STORE'),
                  ('STORE_2', 'Store 2', '102', 'RETAIL_STORE'),
                  ('WH', 'Warehouse', '900', 'WAREHOUSE')"""
    )
    conn.execute(
        """insert into oms.facility_location (facility_id, location_seq_id, location_type)
           values ('WH', 'PICK_1', 'FLT_PICKLOC'), ('WH', 'BULK_1', 'FLT_BULK')"""
    )
    for sku in "ABCDW":
        product(conn, sku)
    product(conn, "KIT", kind="MARKETING_PKG_PICK")
    product(conn, "CARD", kind="GIFT_CARD")
    product(conn, "PARENT", is_virtual=True)


def product(
    conn: psycopg.Connection, sku: str, kind: str = "FINISHED_GOOD", *, is_virtual: bool = False
) -> int:
    """A product known by its SKU."""
    (product_id,) = conn.execute(
        """insert into oms.product (internal_name, product_name, product_type_id, is_virtual)
           values (%s, %s, %s, %s) returning product_id""",
        (sku, sku, kind, is_virtual),
    ).fetchone()
    identify(conn, product_id, "SKU", sku)
    return product_id


def identify(conn: psycopg.Connection, product_id: int, kind: str, value: str) -> None:
    conn.execute(
        """insert into oms.product_identification (product_id, identification_type_id, id_value)
           values (%s, %s, %s)""",
        (product_id, kind, value),
    )


@dataclass
class Floor:
    """The shop floor of a test: drop files, run imports, look at stock."""

    conn: psycopg.Connection
    sftp: paramiko.SFTPClient
    root: Path
    dsn: str
    open_sftp: Callable[[], Any]
    runs: int = 0
    chunks: list[dict[str, Any]] = field(default_factory=list)

    def drop(self, job: catalog.ImportJob, name: str, content: str | bytes) -> Path:
        """Put a complete file into the job's folder."""
        path = self.root / job.import_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def params(self, job: catalog.ImportJob, **conf: Any) -> dict[str, Any]:
        return parameters.resolve(job, conf) | {"settleSeconds": 0}

    def new_run(self, job: catalog.ImportJob) -> Run:
        self.runs += 1
        return Run(job.dag_id, f"run_{self.runs}")

    def land(self, job: catalog.ImportJob, run: Run | None = None, **conf: Any) -> list[dict[str, Any]]:
        """What a DAG run's first two tasks do."""
        run, params = run or self.new_run(job), self.params(job, **conf)
        settled = arrival.find(self.sftp, params)
        return landing.land(self.conn, self.sftp, job, params, run, settled)

    def apply(self, chunk: dict[str, Any]) -> dict[str, int]:
        return applying.apply_chunk(self.conn, chunk, self.open_sftp)

    def close(self, job: catalog.ImportJob, run: Run | None = None) -> Account:
        run = run or Run(job.dag_id, f"run_{self.runs}")
        return closing.close(
            self.conn, self.sftp, job, run, loads={chunk["load_id"] for chunk in self.chunks}
        )

    def run(self, job: catalog.ImportJob, **conf: Any) -> Account:
        """What a DAG run does: land, apply each chunk, close."""
        run = self.new_run(job)
        self.chunks = self.land(job, run, **conf)
        for chunk in self.chunks:
            self.apply(chunk)
        return self.close(job, run)

    def reset(self, content: str | bytes, name: str = "reset.csv", **conf: Any) -> Account:
        self.drop(RESET_JOB, name, content)
        return self.run(RESET_JOB, **conf)

    def vary(self, content: str | bytes, name: str = "inv_var.csv", **conf: Any) -> Account:
        self.drop(VARIANCE_JOB, name, content)
        return self.run(VARIANCE_JOB, **conf)

    def bring(
        self, job: catalog.ImportJob, content: str | bytes, name: str = "a.csv", **conf: Any
    ) -> Account:
        """Drop a file and run its job."""
        self.drop(job, name, content)
        return self.run(job, **conf)

    def stock(self, sku: str, qoh: int, atp: int, facility: str = "STORE_1") -> int:
        """Bring a new position to these figures; return its id."""
        (item,) = self.conn.execute(
            """insert into oms.inventory_item (product_id, facility_id)
               select product_id, %s from oms.product where internal_name = %s
               returning inventory_item_id""",
            (facility, sku),
        ).fetchone()
        self.move(item, qoh, atp)
        return item

    def move(self, item: int, qoh: int, atp: int, at: str = "2026-01-01T00:00:00Z") -> None:
        """Some other event at that time: a sale, a receipt."""
        self.conn.execute(
            """insert into oms.inventory_ledger
                      (inventory_item_id, qoh_diff, atp_diff, effective_at, source_key)
               values (%s, %s, %s, %s, gen_random_uuid()::text)""",
            (item, qoh, atp, at),
        )

    def position(
        self, sku: str, facility: str = "STORE_1", location: str | None = None
    ) -> tuple[int, int] | None:
        """QOH and ATP; None where there is no position."""
        return self.conn.execute(
            """select qoh, atp from oms.inventory_item join oms.product using (product_id)
                where internal_name = %s and facility_id = %s
                  and (%s::text is null or location_seq_id = %s)""",
            (sku, facility, location, location),
        ).fetchone()

    def logs(self, columns: str = "status") -> list[tuple]:
        return self.conn.execute(f"select {columns} from oms.import_log order by log_id").fetchall()

    def counts(self) -> dict[str, int]:
        """The counts of the newest log that are not 0."""
        row = self.logs(", ".join(f"{name}_count" for name in COUNTS))[-1]
        return {name: count for name, count in zip(COUNTS, row, strict=True) if count}

    def fault(self) -> tuple[str, str, str]:
        """Status, error code and message of the newest log."""
        return self.logs("status, error_code, error_message")[-1]

    def rejects(self) -> list[tuple[int, str]]:
        return self.conn.execute(
            "select line_number, error_code from oms.import_reject order by log_id, line_number"
        ).fetchall()

    def raw_rejects(self) -> list[bytes]:
        found = self.conn.execute("select raw from oms.import_reject order by log_id, line_number").fetchall()
        return [bytes(raw) for (raw,) in found]

    def notes(self) -> list[tuple[int, str]]:
        return self.conn.execute(
            "select line_number, outcome from oms.import_row_note order by log_id, line_number"
        ).fetchall()

    def entries(self) -> int:
        """Ledger entries that files have written."""
        return self.conn.execute(
            "select count(*) from oms.inventory_ledger where log_id is not null"
        ).fetchone()[0]

    def files(self, job: catalog.ImportJob, folder: str = "") -> list[str]:
        path = self.root / job.import_path / folder
        return sorted(entry.name for entry in path.iterdir() if entry.is_file()) if path.exists() else []


def now(floor: "Floor", minutes: int = 0) -> str:
    """The moment of now, or so many minutes later, as a file writes it."""
    return floor.conn.execute(
        'select to_char(clock_timestamp() + make_interval(mins => %s), \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\')',
        (minutes,),
    ).fetchone()[0]


@pytest.fixture
def floor(oms_dsn: str, sftp_server: Any, sftp_root: Path) -> Iterator[Floor]:
    with psycopg.connect(oms_dsn, autocommit=True) as conn, sftp_client(sftp_server) as sftp:
        conn.execute("set time zone 'UTC'")
        seed(conn)
        for job in catalog.jobs_of(catalog.ImportJob):
            for config in job.configs:
                (sftp_root / config.import_path).mkdir(parents=True)
        yield Floor(conn, sftp, sftp_root, oms_dsn, lambda: sftp_client(sftp_server))
        assert_sums_match(conn)


def empty_staging(conn):
    """What a crash of the database does to unlogged tables."""
    for (table,) in conn.execute(
        "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname = 'oms_staging'"
    ).fetchall():
        conn.execute(f"truncate {table}")


def assert_sums_match(conn: psycopg.Connection) -> None:
    """Position = sum of the ledger (architecture.md 8.1)."""
    differing = conn.execute(
        """select item.inventory_item_id from oms.inventory_item as item
             left join oms.inventory_ledger as entry using (inventory_item_id)
            group by item.inventory_item_id
           having item.qoh <> coalesce(sum(entry.qoh_diff), 0)
               or item.atp <> coalesce(sum(entry.atp_diff), 0)"""
    ).fetchall()
    assert differing == []
