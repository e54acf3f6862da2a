"""Restocks of a shop, for tests: preparing them, running them, and what becomes of stock and shop."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from oms import catalog, database
from oms.parameters import resolve
from oms.restock import preparing, running, scheduling
from oms.restock.preparing import Chosen, Prepared
from oms.work import Work
from tests.oms.sync.bench import Bench

HEADER = (
    "Shopify Product SKU,Restock Quantity,Schedule Time,Facility,Product Store,Shopify Store,Restock Name\n"
)
AHEAD = "2099-12-01 09:00"
R1 = "".join(f"{sku},{units},{AHEAD},WH,STORE,demo,R1\n" for sku, units in (("X", 100), ("Y", 40), ("Z", 10)))
_runs = count(1)


@dataclass
class Yard:
    """A warehouse, a shop and their restocks; every step is committed."""

    oms: Bench

    @property
    def db(self) -> database.Connection:
        return self.oms.db

    def open(self, *skus: str, mode: str = "DELTA", units: int = 10, **more: Any) -> None:
        """The shop shows these units of each product, and has been compared."""
        self.oms.open_shop("demo", dict.fromkeys(skus, units), mode=mode, **more)
        for sku in skus:
            self.db.execute(
                """insert into oms.product_identification (product_id, identification_type_id, id_value)
                   values (%s, 'SKU', %s)""",
                (self.oms.world.products[sku], sku),
            )
            self.oms.move(sku, units)
        self.oms.push("HARD")

    def prepare(self, rows: str = R1, header: str = HEADER, **chosen: Any) -> Prepared:
        """Prepare a file, committed."""
        with self.db.transaction():
            content = (header + rows).encode()
            return preparing.prepare(self.db, content, "r.csv", Chosen(**chosen), "test")

    def prepared(self, rows: str = R1, **chosen: Any) -> int:
        """Prepare a file of one restock; return its shipment."""
        (restock,) = self.prepare(rows, **chosen).restocks
        return restock.shipment_id

    def due(self, minutes: float = 0) -> None:
        """The time of all restocks has come so many minutes ago."""
        self.db.execute(
            "update oms.scheduled_restock set run_at = now() - %s * interval '1 minute'", (minutes,)
        )

    def work(self, job: Any, open_sftp: Any = None, **params: Any) -> Work:
        return Work(
            conn=self.db,
            params=resolve(job, params),
            run_name=f"{job.dag_id}/run_{next(_runs)}",
            open_oms_db=lambda: database.connect(self.oms.dsn, autocommit=True),
            open_sftp=open_sftp or no_sftp,
            open_shop=self.oms.client,
        )

    def run(self, **params: Any) -> dict[str, Any]:
        """One run of the job that carries out what is due."""
        return running.run(self.work(catalog.SCHEDULED_RESTOCK, **params))

    def tick(self, run_type: str = "scheduled", **params: Any) -> list[dict[str, Any]]:
        """One run of the job as Airflow starts it; the runs it asks for."""
        work = replace(self.work(catalog.SCHEDULED_RESTOCK, **params), run_type=run_type)
        return running.carry_out_or_ask(work)

    def schedule(self, open_sftp: Any = None, **params: Any) -> dict[str, Any]:
        """One run of the job that prepares and changes."""
        return scheduling.schedule(self.work(catalog.SCHEDULE_RESTOCK, open_sftp, **params))

    def stock(self, *skus: str, facility: str = "WH") -> list[tuple[int, int]]:
        """QOH and ATP of products."""
        return [
            self.db.execute(
                "select qoh, atp from oms.inventory_item where product_id = %s and facility_id = %s",
                (self.oms.world.products[sku], facility),
            ).fetchone()
            for sku in skus
        ]

    def shown(self, *skus: str) -> list[int]:
        return [self.oms.available(sku) for sku in skus]

    def status(self, shipment_id: int) -> str:
        query = "select status from oms.scheduled_restock where shipment_id = %s"
        return self.db.execute(query, (shipment_id,)).fetchone()[0]

    def items(self, shipment_id: int) -> dict[str, int]:
        rows = self.db.execute(
            """select internal_name, quantity from oms.shipment_item join oms.product using (product_id)
                where shipment_id = %s order by 1""",
            (shipment_id,),
        )
        return dict(rows.fetchall())


def no_sftp(resource: str) -> AbstractContextManager[Any]:
    raise AssertionError(f"nobody needs {resource} here")
