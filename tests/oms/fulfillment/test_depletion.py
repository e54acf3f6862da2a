"""The POS hears of packed units once (inventory.md 5.19; orders.md 13)."""

import csv
from pathlib import Path
from typing import Any

import psycopg
import pytest

from oms import catalog, exports, parameters
from oms.__main__ import main
from oms.fulfillment import depletion, packing
from oms.work import Work
from tests.oms.fulfillment.conftest import Store, open_store
from tests.oms.imports.conftest import RESET, RESET_JOB, Floor, floor, sftp_client  # noqa: F401 - a fixture
from tests.oms.world import World

JOB = catalog.EXPORT_PACKED_ORDER_DEPLETION


class Till:
    """The store, and what its till software finds on SFTP."""

    def __init__(self, store: Store, server: Any, root: Path) -> None:
        self.store, self.server, self.root = store, server, root
        self.folder = root / "pos/store_fulfilled_orders/outgoing"

    def open_sftp(self, resource: str) -> Any:
        if resource == "OLD_SERVER":
            raise ConnectionRefusedError(f"{resource} is gone")
        return sftp_client(self.server)

    def export(self, run: str = "run_1", **conf: Any) -> dict[str, Any]:
        return depletion.export(
            Work(
                conn=self.store.world.db,
                params=parameters.resolve(JOB, conf),
                run_name=f"{JOB.dag_id}/{run}",
                open_oms_db=lambda: self.store.world.db,
                open_sftp=self.open_sftp,
                open_shop=lambda shop: None,
            )
        )

    def rows(self) -> list[tuple[str, str, str, int]]:
        """Store, order, SKU and quantity of every line of every file."""
        found = []
        for path in sorted(self.folder.glob("*")) if self.folder.exists() else []:
            with path.open(newline="") as file:
                found += [
                    (row["store_id"], row["order_name"], row["sku"], int(row["quantity"]))
                    for row in csv.DictReader(file)
                ]
        return found


@pytest.fixture
def till(oms_dsn: str, sftp_server: Any, sftp_root: Path):
    with psycopg.connect(oms_dsn, autocommit=True) as conn:
        store = open_store(World(conn))
        store.stock("A", 10)
        store.stock("B", 4)
        yield Till(store, sftp_server, sftp_root)


@pytest.mark.parametrize("exploded", [False, True])
@pytest.mark.parametrize("deplete", [True, False])
def test_inv_27_a_packed_order(till: Till, exploded: bool, deplete: bool):
    store = till.store
    store.world.db.execute(
        "update oms.facility set deplete_on_pack = %s where facility_id = 'TOKYO'", (deplete,)
    )
    order = store.order(*([("A", 1), ("A", 1)] if exploded else [("A", 2)]), ("B", 1))
    assert (store.position("A"), store.position("B")) == ((10, 8), (4, 3))

    shipment = store.pack(order)
    till.export()

    assert till.rows() == [("101", "NE#1001", "A", -2), ("101", "NE#1001", "B", -1)]
    at_once = ((8, 8), (3, 3)) if deplete else ((10, 8), (4, 3))
    assert (store.position("A"), store.position("B")) == at_once
    assert till.export("run_2") == {"lines": 0, "files": []}
    packing.ship(store.world.db, shipment)
    till.export("run_3")
    assert (store.position("A"), store.position("B")) == ((8, 8), (3, 3))
    assert len(till.rows()) == 2, "nothing is told again"


def test_the_file_says_all_of_a_line(till: Till):
    shipment = till.store.pack(till.store.order(("A", 2)))
    till.store.world.db.execute("update oms.shipment set packed_at = '2026-08-01T05:02:11Z'")

    (path,) = till.export()["files"]

    assert (till.root / path).read_text() == (
        "store_id,order_name,shipment_id,shipment_item_seq_id,sku,upc,quantity,packed_at\n"
        f"101,NE#1001,{shipment},00001,A,45A,-2,2026-08-01T14:02:11+09:00\n"
    )


def test_t_nec_04_a_message_that_was_not_written_is_written_once(till: Till, monkeypatch: pytest.MonkeyPatch):
    till.store.pack(till.store.order(("A", 1)))
    work = till.export
    till.server, server = None, till.server
    with pytest.raises(AttributeError):
        work("run_1")
    assert till.rows() == []
    till.server = server

    till.export("run_2")
    till.export("run_3")

    assert till.rows() == [("101", "NE#1001", "A", -1)]


def test_units_that_were_unpacked_by_force_are_told_as_coming_back(till: Till):
    shipment = till.store.pack(till.store.order(("A", 2)))
    till.export("run_1")

    packing.unpack(till.store.world.db, shipment, force=True)
    till.export("run_2")
    till.export("run_3")

    assert sorted(till.rows()) == [("101", "NE#1001", "A", -2), ("101", "NE#1001", "A", 2)]


def test_what_was_unpacked_before_any_file_is_never_told(till: Till):
    shipment = till.store.pack(till.store.order(("A", 2)))
    packing.unpack(till.store.world.db, shipment, force=True)

    assert till.export() == {"lines": 0, "files": []}


def test_a_dry_run_writes_and_marks_nothing(till: Till):
    till.store.pack(till.store.order(("A", 2)))

    assert till.export(dryRun=True) == {"lines": 1, "files": []}

    assert till.rows() == []
    assert till.export()["lines"] == 1


def test_only_tills_hear_of_it_unless_facilities_are_named(till: Till):
    till.store.world.db.execute(
        "update oms.facility set facility_type_id = 'WAREHOUSE' where facility_id = 'TOKYO'"
    )
    till.store.pack(till.store.order(("A", 2)))

    assert till.export("run_1")["lines"] == 0
    assert till.export("run_2", facilityId="TOKYO")["lines"] == 1


@pytest.mark.parametrize("facilities", [None, [], ""])
def test_an_empty_choice_of_facilities_is_none(till: Till, facilities: object):
    till.store.pack(till.store.order(("A", 2)))

    assert till.export(facilityId=facilities)["lines"] == 1


def test_an_order_name_that_looks_like_a_formula_is_made_harmless(till: Till):
    order = till.store.order(("A", 1))
    till.store.world.db.execute(
        "update oms.order_header set order_name = '=1+1' where order_id = %s", (order,)
    )
    till.store.pack(order)
    till.export()

    assert till.rows() == [("101", "'=1+1", "A", -1)]


@pytest.mark.parametrize(
    ("reset_by_atp", "other_order", "after"),
    [(False, False, (9, 9)), (False, True, (9, 8))],
    ids=["t_nec_02", "t_nec_05"],
)
def test_t_nec_02_05_the_morning_count_after_packing(
    floor: Floor,
    reset_by_atp: bool,
    other_order: bool,
    after: tuple[int, int],
):
    """The till counts 9 on the shelf while the packed unit waits for the carrier."""
    store = _store_of(floor)
    store.stock("A", 10)
    store.pack(store.order(("A", 1)))
    if other_order:
        store.order(("A", 1))

    floor.reset(RESET + "101,SKU,A,9\n", resetByAtp=reset_by_atp)

    assert store.position("A") == after
    assert floor.files(RESET_JOB) == []


def _store_of(one: Floor) -> Store:
    one.conn.execute("delete from oms.product_identification")
    one.conn.execute("update oms.facility set external_id = null where external_id = '101'")
    world = World(one.conn)
    return open_store(world)


def test_of_a_packed_kit_the_till_is_told_the_components(till):
    """It keeps no stock of kits; what is in a kit later does not count."""
    world = till.store.world
    kit = till.store.stock("K", 5)
    world.db.execute(
        """insert into oms.product_assoc (product_id, component_product_id, quantity)
           values (%s, %s, 2), (%s, %s, 1)""",
        (kit, world.products["A"], kit, world.products["B"]),
    )
    shipment = till.store.pack(till.store.order(("K", 1), ("A", 1)))
    world.db.execute("delete from oms.product_assoc")

    done = till.export()

    assert sorted((sku, quantity) for _, _, sku, quantity in till.rows()) == [("A", -2), ("A", -1), ("B", -1)]
    assert done["lines"] == 3
    assert till.export("run_2")["lines"] == 0
    packing.unpack(world.db, shipment, force=True)
    till.export("run_3")
    assert sum(quantity for _, _, _, quantity in till.rows()) == 0


@pytest.mark.parametrize("conf", [{"propertyResource": "OLD_SERVER"}, {"exportPath": "file.txt/typo"}])
def test_a_place_that_cannot_be_written_to_records_nothing_and_stops_no_later_run(till, conf):
    (till.root / "file.txt").write_text("no folder")
    till.store.pack(till.store.order(("A", 1)))
    with pytest.raises(OSError):  # noqa: PT011 - the server's own word
        till.export(**conf)
    assert till.store.world.db.execute("select count(*) from oms.export_file").fetchone() == (0,)

    assert till.export("run_2")["lines"] == 1
    assert [row[2:] for row in till.rows()] == [("A", -1)]


def waiting_file(till) -> int:
    """A file of an earlier run for a server that is gone since."""
    db = till.store.world.db
    till.export("run_0")
    (export_id,) = db.execute(
        """update oms.export_file set written_at = null, content = 'x', property_resource = 'OLD_SERVER'
            returning export_id"""
    ).fetchone()
    for path in till.folder.iterdir():
        path.unlink()
    return export_id


def test_a_file_for_a_server_that_is_gone_holds_up_no_new_one(till):
    till.store.pack(till.store.order(("A", 1)))
    waiting_file(till)
    till.store.pack(till.store.order(("B", 1)))

    with pytest.raises(exports.FilesWait, match=r"OLD_SERVER.*python -m oms exports"):
        till.export()

    assert [row[2:] for row in till.rows()] == [("B", -1)]


def test_what_waits_is_listed_and_given_up_and_its_lines_stand_in_the_next_file(till, oms_dsn, capsys):
    till.store.pack(till.store.order(("A", 1)))
    export_id = waiting_file(till)

    assert main(["--dsn", oms_dsn, "exports"]) == 1
    assert f"{export_id}  " in (listed := capsys.readouterr().out)
    assert "OLD_SERVER:pos/store_fulfilled_orders/outgoing/packed_orders_" in listed
    assert main(["--dsn", oms_dsn, "exports", "--discard", str(export_id), "--dry-run"]) == 0
    assert main(["--dsn", oms_dsn, "exports"]) == 1
    assert main(["--dsn", oms_dsn, "exports", "--discard", str(export_id), "--reason", "old till"]) == 0
    assert "the next run of export_packed_order_depletion tells its 1 rows" in capsys.readouterr().out
    assert main(["--dsn", oms_dsn, "exports"]) == 0
    assert main(["--dsn", oms_dsn, "exports", "--discard", str(export_id)]) == 1

    assert till.export()["lines"] == 1
    assert [row[2:] for row in till.rows()] == [("A", -1)]
