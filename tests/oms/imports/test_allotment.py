"""The warehouse's share for online orders: booked, and told to the shops at once (spec inventory.md 5.20)."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from oms import catalog, crashpoints, database
from oms.inventory import undoing
from oms.sync import storing, uploads
from tests.oms.imports.conftest import Floor, identify, sftp_client
from tests.oms.sync.bench import Bench
from tests.oms.sync.conftest import oms  # noqa: F401 - a fixture

JOB = catalog.IMPORT_WAREHOUSE_ALLOTMENT
CHANGES = "facilityId,idType,idValue,availableDelta\n"
BALANCES = "facilityId,idType,idValue,availableQty\n"


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Desk:
    """A merchandiser's desk: upload a sheet, see what shops show."""

    floor: Floor
    oms: Bench

    def open_shop(self, *skus: str, mode: str = "DELTA", shop: str = "demo") -> None:
        """A shop that shows 10 of each product, as the OMS has at WH; its levels are compared."""
        self.oms.open_shop(shop, dict.fromkeys(skus, 10), mode=mode)
        for sku in skus:
            if not self.floor.position(sku, "WH"):
                identify(self.floor.conn, self.oms.world.products[sku], "SKU", sku)
                self.oms.move(sku, 10)
        self.oms.push("HARD", shop)

    def upload(self, content: str, name: str = "sheet.csv", **conf):
        self.floor.drop(JOB, name, content)
        return self.floor.run(JOB, **conf)

    def tell(self, run: str = "allotment/1", shop: str = "demo"):
        return uploads.push(lambda: database.connect(self.oms.dsn), self.oms.client(shop), shop, run)


@pytest.fixture
def desk(oms, sftp_server, sftp_root) -> Iterator[Desk]:
    (sftp_root / JOB.import_path).mkdir(parents=True)
    with sftp_client(sftp_server) as sftp:
        floor = Floor(oms.db, sftp, sftp_root, oms.dsn, lambda: sftp_client(sftp_server))
        yield Desk(floor, oms)


@pytest.mark.parametrize("mode", ["DELTA", "RECENT"])
def test_5_20_an_upload_is_booked_and_told_at_once_and_never_again(desk, mode):
    desk.open_shop("P", "Q", mode=mode)

    desk.upload(CHANGES + "WH,SKU,P,5\n").raise_if_open()
    desk.tell()

    assert desk.floor.position("P", "WH") == (15, 15)
    assert desk.oms.available("P") == 15
    assert desk.floor.conn.execute(
        "select reason_id from oms.inventory_ledger order by entry_id desc"
    ).fetchone() == ("VAR_MANUAL",)
    assert desk.tell("allotment/2") is None
    assert desk.oms.push("DELTA").planned == desk.oms.push("RECENT").planned == 0
    assert desk.oms.lines() == [("P", +5, "APPLIED")]


def test_inv_47_deltas_before_the_push_leave_it_nothing(desk):
    desk.open_shop("P")
    desk.upload(CHANGES + "WH,SKU,P,5\n")
    desk.oms.push("DELTA")

    assert (desk.tell().planned, desk.oms.available("P")) == (0, 15)


def test_5_20_a_sheet_of_balances_is_on_hand_and_reaches_a_delta_location(desk):
    """Its entries are not held back like those of a reset, whatever their reason."""
    desk.open_shop("P", "Q")
    desk.oms.world.db.execute("update oms.inventory_item set counted_as_of = null")

    desk.upload(
        "facilityId,idValue,availableQty,varianceReasonId\nWH,P,24,\nWH,Q,3,VAR_EXT_RESET\n", mode="RESET"
    ).raise_if_open()
    desk.tell()

    assert (desk.oms.available("P"), desk.oms.available("Q")) == (24, 3)
    assert desk.floor.conn.execute("select kind from oms.import_log").fetchall() == [("reset",)]
    assert desk.oms.push("DELTA").planned == 0


def test_5_20_balances_are_not_added_to_the_stock(desk):
    desk.open_shop("P")

    desk.upload(BALANCES + "WH,SKU,P,24\n")

    assert desk.floor.fault()[:2] == ("DmlsFailed", "ERR_HEADER")
    assert "set mode to RESET" in desk.floor.fault()[2]
    assert desk.floor.position("P", "WH") == (10, 10)


@pytest.mark.parametrize(("mode", "sheet"), [("VARIANCE", CHANGES), ("RESET", BALANCES), ("RESET", CHANGES)])
def test_5_20_stock_goes_to_zero_and_not_below(desk, mode, sheet):
    desk.open_shop("P")

    desk.upload(sheet + "WH,SKU,P,-12\n", mode=mode)
    desk.tell()

    assert (desk.floor.position("P", "WH"), desk.oms.available("P")) == ((0, 0), 0)
    assert desk.floor.notes() == [(2, "FLOORED")]


def test_5_20_the_same_content_within_72_hours_is_refused_with_the_earlier_log(desk):
    desk.open_shop("P")
    desk.upload(CHANGES + "WH,SKU,P,5\n")

    desk.upload(CHANGES + "WH,SKU,P,5\n", name="sheet (2).csv")
    status, code, message = desk.floor.fault()
    assert (status, code) == ("DmlsFailed", "ERR_REPEATED")
    assert "sheet.csv (log 1)" in message
    assert desk.floor.position("P", "WH") == (15, 15)
    desk.upload(CHANGES + "WH,SKU,P,5\n", name="sheet (2).csv", force=True)
    assert desk.floor.position("P", "WH") == (20, 20)
    desk.floor.conn.execute("update oms.import_log set created_at = created_at - interval '73 hours'")
    desk.upload(CHANGES + "WH,SKU,P,5\n")
    assert desk.floor.position("P", "WH") == (25, 25)


def test_5_20_a_row_may_name_the_shop_that_is_told(desk):
    desk.open_shop("P", "Q")
    desk.open_shop("P", "Q", shop="other")

    desk.upload(
        CHANGES.rstrip() + ",shopId\nWH,SKU,P,5,demo\nWH,SKU,Q,5,\nWH,SKU,Q,1,nobody\n"
    ).raise_if_open()

    assert desk.floor.rejects() == [(4, "ERR_SHOP_NOT_FOUND")]
    assert (desk.floor.raw_rejects(), desk.floor.counts()) == (
        [b"WH,SKU,Q,1,nobody"],
        {"total": 3, "applied": 2, "rejected": 1},
    )
    assert uploads.shops_waiting(desk.floor.conn, "run") == ["demo", "other"]
    assert (desk.tell().planned, desk.tell(shop="other").planned) == (2, 1)


def test_5_20_a_push_killed_after_its_lines_were_stored_sends_them_once(desk, monkeypatch):
    desk.open_shop("P")
    desk.upload(CHANGES + "WH,SKU,P,5\n")

    def die(name: str) -> None:
        if name == storing.STORED:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(crashpoints, "point", die)
        with pytest.raises(Killed):
            desk.tell()
    assert desk.oms.available("P") == 10
    assert uploads.shops_waiting(desk.floor.conn, "allotment/1") == ["demo"]

    desk.tell()

    assert (desk.oms.available("P"), desk.oms.lines()) == (15, [("P", +5, "APPLIED")])


def test_5_20_a_shop_that_does_not_answer_is_told_by_its_next_push(desk):
    desk.open_shop("P")
    desk.upload(CHANGES + "WH,SKU,P,5\n")
    desk.oms.db.execute("update oms.shop set push_enabled = false")
    assert desk.tell().message == "pushes to this shop are switched off"

    desk.oms.db.execute("update oms.shop set push_enabled = true")
    desk.oms.push("DELTA")

    assert (desk.oms.available("P"), desk.tell("allotment/2")) == (15, None)


@pytest.mark.parametrize("mode", ["VARIANCE", "RESET"])
def test_an_upload_that_is_undone_is_taken_back_in_the_shop(desk, mode):
    desk.open_shop("P")
    desk.upload("facilityId,idValue,availableDelta,varianceReasonId\nWH,P,25,VAR_EXT_RESET\n", mode=mode)
    desk.tell()

    undoing.undo(desk.floor.conn, 1, run_name="undo_import/1")
    desk.oms.push("DELTA")

    assert (desk.floor.position("P", "WH"), desk.oms.available("P")) == ((10, 10), 10)
