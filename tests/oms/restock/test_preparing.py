"""Restocks from a file: what it says, what a person has chosen, and changes while they wait (5.13)."""

import unicodedata
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from oms import __main__
from oms.imports import arrival
from oms.imports.errors import FileMissing
from oms.inventory.receiving import Units, receive_shipment
from oms.parameters import BadParameter
from oms.restock import preparing
from oms.restock.errors import RestockRefused
from tests.oms.imports.conftest import sftp_client
from tests.oms.imports.odd_server import odd_server
from tests.oms.restock.yard import AHEAD, HEADER, R1, Yard

pytestmark = pytest.mark.usefixtures("locks_in_order")


@pytest.fixture
def open_yard(yard: Yard) -> Yard:
    yard.open("X", "Y", "Z")
    yard.db.execute("update oms.product_store set time_zone = 'Europe/Berlin'")
    yard.oms.world.facility("BROADWAY")
    yard.db.execute("update oms.facility set facility_name = 'Broadway' where facility_id = 'BROADWAY'")
    yard.db.execute("update oms.shop set shop_name = 'Demo Store'")
    yard.db.execute("update oms.product_store set store_name = 'Not_Naked'")
    return yard


def test_inv_32_a_file_becomes_a_shipment_that_waits(open_yard: Yard):
    (restock,) = open_yard.prepare().restocks

    assert (restock.name, restock.status, restock.facility_id, restock.shop_id) == (
        "R1",
        "PENDING",
        "WH",
        "demo",
    )
    assert restock.local_time == "2099-12-01 09:00:00 Europe/Berlin"
    assert open_yard.items(restock.shipment_id) == {"X": 100, "Y": 40, "Z": 10}
    assert open_yard.db.execute(
        "select shipment_type_id, status, destination_facility_id from oms.shipment"
    ).fetchall() == [("INCOMING_SHIPMENT", "APPROVED", "WH")]
    assert open_yard.stock("X") == [(10, 10)], "nothing moves before its time"


def test_names_of_the_product_document_are_understood(open_yard: Yard):
    shipment = open_yard.prepared("X,100,09:00:00,Broadway,Not_Naked,Demo Store,January_Restock\n")

    restock = preparing.read(open_yard.db, shipment)
    assert (restock.facility_id, restock.shop_id, restock.units) == ("BROADWAY", "demo", 100)
    assert restock.local_time.endswith("09:00:00 Europe/Berlin")


def test_names_are_compared_without_their_form_of_unicode_and_blanks_of_no_width(open_yard: Yard):
    composed, decomposed = "KÖLN", unicodedata.normalize("NFD", "KÖLN")
    open_yard.db.execute("update oms.facility set facility_name = %s where facility_id = 'WH'", (decomposed,))
    open_yard.db.execute("update oms.product_identification set id_value = 'Ö' where id_value = 'X'")

    shipment = open_yard.prepared(f"O\u0308\u200b,1,{AHEAD},{composed}\u00a0,STORE,demo\ufeff,R1\n")
    preparing.change_items(open_yard.db, shipment, {"\u2060Ö": 7})

    assert open_yard.items(shipment) == {"X": 7}


def test_a_line_that_says_nothing_is_no_row(open_yard: Yard):
    (restock,) = open_yard.prepare(",,,,,,\n" + R1 + "\u200b,,,,,,\n\x1a").restocks

    assert restock.units == 150


def test_rows_of_several_places_and_times_are_restocks_of_their_own(open_yard: Yard):
    rows = R1 + f"X,1,{AHEAD},Broadway,STORE,demo,R1\nX,2,2099-12-02 09:00,WH,STORE,demo,R1\n"

    assert [one.units for one in open_yard.prepare(rows).restocks] == [150, 1, 2]


def test_what_is_chosen_counts_instead_of_the_columns(open_yard: Yard):
    rows = "SKU is no column\n"
    header = "Shopify Product SKU,Restock Quantity\n"

    chosen = {
        "run_time": AHEAD,
        "facility": "BROADWAY",
        "product_store": "STORE",
        "shop": "demo",
        "name": "N",
    }
    (restock,) = open_yard.prepare("X,5\nX,2\nY,1\n", header, **chosen).restocks
    with pytest.raises(RestockRefused, match="no column Schedule Time, Facility"):
        open_yard.prepare(rows, header)

    assert open_yard.items(restock.shipment_id) == {"X": 7, "Y": 1}
    assert open_yard.prepare(facility="BROADWAY").restocks[0].facility_id == "BROADWAY"


def test_unknown_products_and_kits_are_dropped_with_their_reason(open_yard: Yard):
    open_yard.db.execute(
        "update oms.product set product_type_id = 'MARKETING_PKG_PICK' where internal_name = 'Z'"
    )

    prepared = open_yard.prepare(R1 + f"NOPE,1,{AHEAD},WH,STORE,demo,R1\n")

    assert prepared.restocks[0].items == 2
    assert prepared.dropped == [
        "NOPE: no product has this SKU",
        "Z: it is a kit, whose stock follows from its components",
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("X,0,{},WH,STORE,demo,R1", "line 2: Restock Quantity '0' is not a whole number from 1"),
        ("X,1.5,{},WH,STORE,demo,R1", "Restock Quantity '1.5'"),
        ("X,1.000,{},WH,STORE,demo,R1", "it may be 1000 or 1: write it without a separator"),
        ("X,-1,{},WH,STORE,demo,R1", "Restock Quantity '-1'"),
        ("X,1,{},WH,STORE,demo", "line 2: 6 columns where the header has 7"),
        (",1,{},WH,STORE,demo,R1", "line 2: Shopify Product SKU is blank"),
        ("X,1,,WH,STORE,demo,R1", "line 2: Schedule Time is blank"),
        ("X,1,soon,WH,STORE,demo,R1", "'soon' is no time"),
        ("X,1,2020-01-01 09:00,WH,STORE,demo,R1", "is over"),
        ("X,1,{},MARS,STORE,demo,R1", "Facility 'MARS': none has this id or name"),
        ("X,1,{},_NA_,STORE,demo,R1", "_NA_ is a queue or a setting"),
        ("X,1,{},WH,NOWHERE,demo,R1", "Product Store 'NOWHERE'"),
        ("X,1,{},WH,STORE,other,R1", "Shopify Store 'other'"),
        ("NOPE,1,{},WH,STORE,demo,R9", "no product of restock R9 is known"),
        ("X,1,{},WH,STORE,demo," + "R" * 256, "line 2: 'R+'… has 256 characters"),
        ("X\0,1,{},WH,STORE,demo,R1", "line 2: a cell holds the letter NUL"),
        ("", "has no rows"),
    ],
)
def test_a_file_with_a_mistake_is_refused_as_a_whole(open_yard: Yard, row: str, reason: str):
    with pytest.raises(RestockRefused, match=reason.replace("(", r"\(")):
        open_yard.prepare(row.format(AHEAD) + "\n" + ("" if not row else R1))

    assert open_yard.db.execute("select count(*) from oms.shipment").fetchone() == (0,)


def test_a_shop_of_another_store_is_refused(open_yard: Yard):
    open_yard.db.execute("insert into oms.product_store (product_store_id, store_name) values ('B', 'B')")

    with pytest.raises(RestockRefused, match="shop demo belongs to STORE, not to B"):
        open_yard.prepare(product_store="B")


def test_a_file_that_is_not_utf_8_is_refused_with_its_line(open_yard: Yard):
    with pytest.raises(RestockRefused, match="line 2: the file is not UTF-8"):
        preparing.prepare(open_yard.db, HEADER.encode() + b"\xff\xfe", "r.csv", preparing.Chosen(), "test")


def test_the_same_file_again_prepares_nothing_new(open_yard: Yard):
    first = open_yard.prepared()

    (again,) = open_yard.prepare().restocks

    assert (again.shipment_id, again.is_new) == (first, False)
    assert open_yard.db.execute("select count(*) from oms.scheduled_restock").fetchone() == (1,)


def test_a_file_whose_restock_was_cancelled_can_be_prepared_again(open_yard: Yard):
    first = open_yard.prepared()
    open_yard.schedule(action="cancel", shipmentId=first)

    (again,) = open_yard.prepare().restocks

    assert (again.is_new, again.status, again.shipment_id != first) == (True, "PENDING", True)


def test_a_file_that_was_left_behind_prepares_nothing_new_once_its_time_has_come(open_yard: Yard):
    """09:00 is that of the next day by then: a run that died before it could move the file is repeated."""
    content = (HEADER + "X,5,09:00,WH,STORE,demo,R1\n").encode()

    def found(at: str, lies_at: str = "r.csv, written on Monday") -> list[preparing.Restock]:
        with open_yard.db.transaction():
            now = datetime.fromisoformat(at)
            given = preparing.Chosen()
            return preparing.prepare(
                open_yard.db, content, "r.csv", given, "test", lies_at=lies_at, now=now
            ).restocks

    (first,) = found("2098-12-01T07:59Z")
    (same,) = found("2098-12-01T08:01Z")
    assert (same.shipment_id, same.is_new) == (first.shipment_id, False)

    preparing.note_moved(open_yard.db, [same])
    (later,) = found("2098-12-01T08:01Z")
    assert (later.is_new, later.local_time) == (True, "2098-12-02 09:00:00 Europe/Berlin")
    (other,) = found("2098-12-02T08:01Z", "r.csv, written on Tuesday")
    assert (other.is_new, other.local_time) == (True, "2098-12-03 09:00:00 Europe/Berlin")


def test_inv_32_a_restock_that_waits_may_be_rescheduled_but_not_into_the_past(open_yard: Yard):
    shipment = open_yard.prepared()

    open_yard.schedule(action="reschedule", shipmentId=str(shipment), runTime="2099-12-02 10:00")
    with pytest.raises(RestockRefused, match="is over"):
        open_yard.schedule(action="reschedule", shipmentId=shipment, runTime="2020-01-01 10:00")

    assert preparing.read(open_yard.db, shipment).local_time == "2099-12-02 10:00:00 Europe/Berlin"


def test_items_may_be_changed_while_it_waits(open_yard: Yard):
    shipment = open_yard.prepared(f"X,1,{AHEAD},WH,STORE,demo,R1\nY,2,{AHEAD},WH,STORE,demo,R1\n")

    open_yard.schedule(action="change_items", shipmentId=shipment, items={"X": 7, "Y": 0, "Z": 3})
    assert open_yard.items(shipment) == {"X": 7, "Z": 3}
    for items, reason in (({"X": 0, "Z": 0}, "no product left"), ({"NOPE": 1}, "NOPE"), ({"X": -1}, "-1")):
        with pytest.raises(RestockRefused, match=reason):
            open_yard.schedule(action="change_items", shipmentId=shipment, items=items)

    assert open_yard.items(shipment) == {"X": 7, "Z": 3}


def test_a_product_that_was_received_by_hand_is_not_taken_out(open_yard: Yard):
    shipment = open_yard.prepared(f"X,1,{AHEAD},WH,STORE,demo,R1\nY,2,{AHEAD},WH,STORE,demo,R1\n")
    (item,) = open_yard.db.execute(
        """select shipment_item_seq from oms.shipment_item join oms.product using (product_id)
            where shipment_id = %s and internal_name = 'Y'""",
        (shipment,),
    ).fetchone()
    with open_yard.db.transaction():
        receive_shipment(open_yard.db, shipment, items={item: Units(1, 0)}, received_by="a person")

    with pytest.raises(RestockRefused, match="received already"):
        open_yard.schedule(action="change_items", shipmentId=shipment, items={"Y": 0})
    open_yard.schedule(action="change_items", shipmentId=shipment, items={"Y": 1})

    assert open_yard.items(shipment) == {"X": 1, "Y": 1}


def test_a_cancelled_restock_is_not_run_and_not_changed(open_yard: Yard):
    shipment = open_yard.prepared()

    open_yard.schedule(action="cancel", shipmentId=shipment)
    open_yard.due()

    assert open_yard.run()["due"] == 0
    with pytest.raises(RestockRefused, match="cancelled"):
        open_yard.run(shipmentId=shipment)
    for action in ("cancel", "reschedule"):
        with pytest.raises(RestockRefused, match="is CANCELLED"):
            open_yard.schedule(action=action, shipmentId=shipment, runTime=AHEAD)
    assert open_yard.stock("X") == [(10, 10)]


def test_a_dry_run_writes_nothing(open_yard: Yard):
    shipment = open_yard.prepared()

    open_yard.schedule(action="cancel", shipmentId=shipment, dryRun=True)

    assert open_yard.status(shipment) == "PENDING"


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"action": "cancel"}, "shipmentId"),
        ({"action": "cancel", "shipmentId": "R1"}, "shipmentId"),
        ({"action": "reschedule", "shipmentId": 1}, "runTime"),
        ({"scheduleDate": "tomorrow"}, "scheduleDate"),
    ],
)
def test_a_parameter_that_is_missing_or_wrong_is_named(open_yard: Yard, params: dict, name: str):
    with pytest.raises(BadParameter, match=name):
        open_yard.schedule(**params)


def test_an_unknown_restock_is_refused(open_yard: Yard):
    with pytest.raises(RestockRefused, match="no scheduled restock with the shipment 4711"):
        open_yard.schedule(action="cancel", shipmentId=4711)


class TestFiles:
    """Files on a real SFTP server."""

    @pytest.fixture
    def folder(self, sftp_root: Path) -> Path:
        made = sftp_root / "restock/incoming"
        made.mkdir(parents=True)
        return made

    @pytest.fixture
    def open_sftp(self, sftp_server: Any) -> Iterator[Any]:
        return lambda resource: sftp_client(sftp_server)

    def test_files_are_prepared_and_moved(self, open_yard: Yard, folder: Path, open_sftp):
        (folder / "january.csv").write_text(HEADER + R1)

        told = open_yard.schedule(open_sftp, settleSeconds=0)

        (shipment,) = told["restocks"]
        assert (told["files"], told["new"], told["units"]) == (1, 1, 150)
        assert [path.name for path in folder.iterdir()] == ["archive"]
        assert [path.name for path in (folder / "archive").iterdir()] == [f"{shipment}_january.csv"]
        assert open_yard.schedule(action="list")["restocks"] == [shipment]

    def test_a_bad_file_stays_and_keeps_no_other_waiting(self, open_yard: Yard, folder: Path, open_sftp):
        (folder / "a.csv").write_text(HEADER + R1.replace("100", "many"))
        (folder / "b.csv").write_text(HEADER + R1)

        with pytest.raises(RestockRefused, match=r"a\.csv line 2"):
            open_yard.schedule(open_sftp, settleSeconds=0)

        assert sorted(path.name for path in folder.iterdir()) == ["a.csv", "archive"]
        assert len(preparing.listed(open_yard.db)) == 1

    def test_what_a_server_refuses_about_one_file_keeps_no_other_waiting_and_books_none_twice(
        self, open_yard: Yard, folder: Path, sftp_server: Any
    ):
        for name in ("a.csv", "b.csv", "c.csv"):
            (folder / name).write_text(HEADER + R1.replace("R1", name))
        with odd_server(sftp_server) as (server, habits):
            habits.refuses |= {("read", "a.csv"), ("rename", "b.csv")}

            with pytest.raises(RestockRefused, match=r"a\.csv cannot be read.*b\.csv is prepared and stays"):
                open_yard.schedule(lambda _: sftp_client(server), settleSeconds=0)

            assert sorted(path.name for path in folder.iterdir()) == ["a.csv", "archive", "b.csv"]
            habits.refuses.clear()
            assert open_yard.schedule(lambda _: sftp_client(server), settleSeconds=0)["new"] == 1
        assert [path.name for path in folder.iterdir()] == ["archive"]
        assert len(preparing.listed(open_yard.db)) == 3

    def test_a_folder_that_does_not_exist_fails_the_run(self, open_yard: Yard, open_sftp):
        with pytest.raises(FileMissing, match="the folder restock/incomming does not exist on FTP_CONFIG"):
            open_yard.schedule(open_sftp, importPath="restock/incomming")

    def test_a_file_asked_for_that_changes_meanwhile_is_not_passed_over(
        self, open_yard: Yard, folder: Path, open_sftp, monkeypatch: pytest.MonkeyPatch
    ):
        (folder / "january.csv").write_text(f"{HEADER}\n{R1}")
        seen = arrival.find

        def find_and_write_on(*given: Any, **more: Any) -> Any:
            found = seen(*given, **more)
            (folder / "january.csv").write_text(f"{HEADER}\n{R1}\n{R1}")
            return found

        monkeypatch.setattr(arrival, "find", find_and_write_on)

        with pytest.raises(RestockRefused, match=r"january\.csv has changed or gone away"):
            open_yard.schedule(open_sftp, remoteFilename="january.csv", settleSeconds=0)

    def test_a_dry_run_leaves_the_file(self, open_yard: Yard, folder: Path, open_sftp):
        (folder / "january.csv").write_text(HEADER + R1)

        assert open_yard.schedule(open_sftp, remoteFilename="january.csv", dryRun=True)["units"] == 150

        assert (folder / "january.csv").exists()
        assert preparing.listed(open_yard.db) == []


def test_the_commands(open_yard: Yard, tmp_path: Path, capsys: pytest.CaptureFixture):
    def oms(*arguments: str) -> tuple[int, str]:
        code = __main__.main(["--dsn", open_yard.oms.dsn, "restock", *arguments])
        out = capsys.readouterr()
        return code, out.out + out.err

    file = tmp_path / "r.csv"
    file.write_text(HEADER + R1 + f"NOPE,1,{AHEAD},WH,STORE,demo,R1\n")
    code, told = oms("prepare", str(file), "--dry-run")
    assert (code, "150 units for WH" in told, "dropped: NOPE" in told) == (0, True, True)
    assert oms("list") == (0, "")
    assert oms("prepare", str(file))[0] == 0
    number = str(preparing.listed(open_yard.db)[0].shipment_id)
    assert "2099-12-24 18:00:00" in oms("reschedule", number, "2099-12-24 18:00")[1]
    assert "111 units" in oms("items", number, "X=101", "Y=0")[1]
    assert oms("reschedule", number, "2020-01-01 09:00")[0] == 2
    assert "CANCELLED" in oms("cancel", number)[1]
    assert oms("list") == (0, "")
    assert "CANCELLED" in oms("list", "--all")[1]
