"""Master data from CSV files: what a person writes is what the database has afterwards, or nothing is."""

import shutil
import unicodedata
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from oms import locks
from oms.__main__ import VARIABLE, main
from oms.addresses import dsn_of_connection
from oms.setup.applying import set_up
from oms.setup.errors import SetupRefused
from oms.setup.tables import TABLES
from sandbox import example_setup

pytestmark = pytest.mark.usefixtures("locks_in_order")

EXAMPLE = Path(example_setup.__file__).parent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the example set that a test may change."""
    for path in EXAMPLE.glob("*.csv"):
        shutil.copy(path, tmp_path)
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def everything(db) -> list:
    """All master data, row by row."""
    return [
        (table.name, *row)
        for table in TABLES
        for row in sorted(db.execute(f"select * from {table.relation}").fetchall(), key=str)
    ]


def test_the_example_is_entered_and_a_second_time_nothing_changes(oms_db):
    first = set_up(oms_db, EXAMPLE)
    before = everything(oms_db)

    second = set_up(oms_db, EXAMPLE)

    rows = sum(len(path.read_text().splitlines()) - 1 for path in EXAMPLE.glob("*.csv"))
    assert (first.added, first.changed, first.kept) == (rows, 0, 0)
    assert (second.added, second.changed, second.ended, second.lines) == (0, 0, 0, [])
    assert everything(oms_db) == before
    assert oms_db.execute("select online_atp from oms.online_atp('FAC_GRP')").fetchall() == []


def test_a_line_that_says_nothing_is_no_row(oms_db, folder):
    with (folder / "facilities.csv").open("a") as file:
        file.write(",,,\n\u200b,,,\n\x1a")

    set_up(oms_db, folder)

    assert set_up(oms_db, EXAMPLE).changed == 0


def test_a_dry_run_says_what_would_change_and_writes_nothing(oms_db, oms_dsn, folder, capsys):
    assert main(["--dsn", oms_dsn, "setup", str(folder)]) == 0
    before = everything(oms_db)
    oms_db.rollback()
    edit(folder / "facilities.csv", "Tokyo", "Tokyo Ginza")
    edit(folder / "facility_group_members.csv", "FAC_GRP,KOBE\n", "")
    capsys.readouterr()

    assert main(["--dsn", oms_dsn, "setup", str(folder), "--dry-run", "--prune"]) == 0

    assert capsys.readouterr().out.splitlines() == [
        "change facility TOKYO: facility_name Tokyo -> Tokyo Ginza (facilities.csv line 4)",
        "end    membership FAC_GRP / KOBE: facility_group_members.csv does not name it, so it ends",
        "would be: 0 added, 1 changed, 1 ended, 0 no longer named but kept;"
        " 0 products to be compared with the shops again",
        "nothing is written (dry run)",
    ]
    assert everything(oms_db) == before


@pytest.mark.parametrize("prune", [False, True])
def test_what_a_file_no_longer_names_ends_only_when_asked(oms_db, folder, prune):
    set_up(oms_db, folder)
    edit(folder / "facility_group_members.csv", "FAC_GRP,KOBE\n", "")
    edit(folder / "shop_location_facilities.csv", "demo,TOKYO,7003\n", "")
    edit(folder / "facilities.csv", "KOBE,Kobe,112,RETAIL_STORE\n", "")

    report = set_up(oms_db, folder, prune=prune)

    active = oms_db.execute(
        "select count(*) from oms.facility_group_member where facility_id = 'KOBE' and thru_date is null"
    ).fetchone()
    mapped = oms_db.execute("select count(*) from oms.shop_location_facility").fetchone()
    assert (active, mapped) == (((0,), (3,)) if prune else ((1,), (4,)))
    assert (report.ended, report.kept) == ((2, 1) if prune else (0, 3))


def test_a_membership_that_ended_comes_back(oms_db, folder):
    whole = (folder / "facility_group_members.csv").read_text()
    set_up(oms_db, folder)
    edit(folder / "facility_group_members.csv", "FAC_GRP,KOBE\n", "")
    set_up(oms_db, folder, prune=True)
    (folder / "facility_group_members.csv").write_text(whole)

    report = set_up(oms_db, folder)

    assert report.added == 1
    assert "membership FAC_GRP / KOBE again" in report.lines[0]


def test_a_file_that_is_not_there_and_a_column_it_lacks_change_nothing(oms_db, tmp_path):
    set_up(oms_db, EXAMPLE)
    (tmp_path / "shops.csv").write_text("shop_id,shop_name,product_store_id\ndemo,Renamed,STORE\n")
    oms_db.execute("update oms.shop set push_enabled = false")

    report = set_up(oms_db, tmp_path)

    assert (report.changed, len(report.lines)) == (1, 1)
    assert oms_db.execute("select shop_name, push_enabled from oms.shop").fetchall() == [("Renamed", False)]


def test_the_connection_of_a_shop_follows_from_its_id(oms_db, tmp_path):
    set_up(oms_db, EXAMPLE)
    (tmp_path / "shops.csv").write_text("shop_id,shop_name,product_store_id\nNEW_ERA,New Era,STORE\n")

    set_up(oms_db, tmp_path)

    assert oms_db.execute("select connection_id from oms.shop where shop_id = 'NEW_ERA'").fetchone() == (
        "shopify_new_era",
    )


def stocked_product(db, facility: str) -> int:
    (product,) = db.execute(
        "insert into oms.product (internal_name, product_name) values ('P', 'P') returning product_id"
    ).fetchone()
    db.execute(
        "insert into oms.inventory_item (product_id, facility_id) values (%s, %s)", (product, facility)
    )
    return product


@pytest.mark.parametrize(
    ("file", "old", "new", "moves"),
    [
        ("facility_group_members.csv", "FAC_GRP,KOBE\n", "", True),
        ("facility_group_members.csv", "FAC_GRP,OSAKA\n", "", False),
        ("product_store_facilities.csv", "STORE,KOBE\n", "", True),
        ("product_stores.csv", "Asia/Tokyo,Y,N", "Asia/Tokyo,Y,Y", True),
        ("product_stores.csv", "Demo Brand", "Other Brand", False),
        ("facilities.csv", "KOBE,Kobe,112", "KOBE,Kobe,113", False),
    ],
)
def test_a_change_that_moves_figures_marks_its_products(oms_db, folder, file, old, new, moves):
    set_up(oms_db, folder)
    product = stocked_product(oms_db, "KOBE")
    edit(folder / file, old, new)

    report = set_up(oms_db, folder, prune=True)

    marked = oms_db.execute("select product_id, cause from oms.product_change").fetchall()
    assert marked == ([(product, "setup")] if moves else [])
    assert report.products_marked == len(marked)


def test_a_changed_mapping_marks_the_products_of_the_shop(oms_db, folder):
    set_up(oms_db, folder)
    product = stocked_product(oms_db, "KOBE")
    oms_db.execute(
        """insert into oms.shop_product (shop_id, shopify_variant_id, shopify_product_id, product_id)
           values ('demo', 1, 1, %s)""",
        (product,),
    )
    edit(folder / "shop_locations.csv", "7002,New York,,RECENT,ATP", "7002,New York,,RECENT,QOH")

    assert set_up(oms_db, folder).products_marked == 1


def test_a_location_that_changes_to_delta_asks_for_a_hard_sync(oms_db, folder):
    set_up(oms_db, folder)
    oms_db.execute("update oms.shop_location set compared = pg_current_snapshot(), compared_at = now()")
    edit(folder / "shop_locations.csv", "7002,New York,,RECENT", "7002,New York,,DELTA")

    report = set_up(oms_db, folder)

    assert report.lines == [
        "change shop location demo / 7002: sync_mode RECENT -> DELTA; asks for a guarded hard sync"
        " (shop_locations.csv line 3)"
    ]
    assert oms_db.execute(
        "select shopify_location_id from oms.shop_location where compared is null"
    ).fetchall() == [(7002,)]


def test_a_location_changes_when_no_push_is_at_work_there(oms_db, oms_dsn, folder):
    """A hard sync under way would note its comparison after the location has asked for another one."""
    set_up(oms_db, folder)
    oms_db.commit()
    edit(folder / "shop_locations.csv", "7002,New York,,RECENT", "7002,New York,,DELTA")
    with psycopg.connect(oms_dsn, autocommit=True) as at_work:
        locks.take(at_work, locks.LOCATION.of("demo", 7002))
        oms_db.execute("set local lock_timeout = '100 ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            set_up(oms_db, folder)
        oms_db.rollback()
        locks.give_back(at_work, locks.LOCATION.of("demo", 7002))

    assert set_up(oms_db, folder).changed == 1


@pytest.mark.parametrize("location", [7002, 7003])
def test_a_mapping_changes_when_no_push_is_at_work_at_either_location(oms_db, oms_dsn, folder, location):
    """A push under way shows the facility that it has found, and its mark has seen this change."""
    set_up(oms_db, folder)
    oms_db.commit()
    edit(folder / "shop_location_facilities.csv", "demo,TOKYO,7003", "demo,TOKYO,7002")
    edit(folder / "shop_location_facilities.csv", "demo,NEW_YORK,7002", "demo,NEW_YORK,7003")
    with psycopg.connect(oms_dsn, autocommit=True) as at_work:
        locks.take(at_work, locks.LOCATION.of("demo", location))
        oms_db.execute("set local lock_timeout = '100 ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            set_up(oms_db, folder)
        oms_db.rollback()

    assert set_up(oms_db, folder).changed == 2


def test_a_mapping_that_ends_waits_for_the_push_at_its_location(oms_db, oms_dsn, folder):
    set_up(oms_db, folder)
    oms_db.commit()
    edit(folder / "shop_location_facilities.csv", "demo,TOKYO,7003\n", "")
    with psycopg.connect(oms_dsn, autocommit=True) as at_work:
        locks.take(at_work, locks.LOCATION.of("demo", 7003))
        oms_db.execute("set local lock_timeout = '100 ms'")
        assert set_up(oms_db, folder).kept == 1
        with pytest.raises(psycopg.errors.LockNotAvailable):
            set_up(oms_db, folder, prune=True)
        oms_db.rollback()


FAULTS = {
    "unknown value": (
        "shop_locations.csv",
        "FAC_GRP,RECENT",
        "FAC_GRP,SOMETIMES",
        r"line 2, sync_mode: 'SOMETIMES' write one of",
    ),
    "not a number": (
        "shop_locations.csv",
        "7002",
        "store 2",
        r"line 3, shopify_location_id: 'store 2' write the number",
    ),
    "neither yes nor no": (
        "shops.csv",
        "SKU,Y",
        "SKU,perhaps",
        r"line 2, push_enabled: 'perhaps' write Y or N",
    ),
    "no such zone": (
        "product_stores.csv",
        "Asia/Tokyo",
        "Tokio",
        r"line 2, time_zone: 'Tokio' write the name",
    ),
    "required": ("facilities.csv", "KOBE,Kobe", "KOBE,", r"line 14, facility_name: '' is required"),
    "named twice": (
        "facilities.csv",
        "KOBE,Kobe",
        "OSAKA,Kobe",
        r"line 14, facility_id: 'OSAKA' is already named in line 8",
    ),
    "external id twice": (
        "facilities.csv",
        "112",
        "111",
        r"line 14, external_id: '111' already belongs to another",
    ),
    "too few cells": ("shops.csv", ",OMS,SKU,Y", ",OMS", r"shops.csv line 2: has 5 cells, the header 7"),
    "unknown column": ("shops.csv", "push_enabled", "pushed", r"line 1: 'pushed' is no column of this file"),
    "missing column": (
        "facility_groups.csv",
        "facility_group_id,",
        "x,",
        r"facility_group_id: add this column",
    ),
    "unknown facility": (
        "facility_group_members.csv",
        "KOBE",
        "MARS",
        r"line 15, facility_id: 'MARS' is not known; add it to facilities.csv",
    ),
    "unknown location": (
        "shop_location_facilities.csv",
        "TOKYO,7003",
        "TOKYO,7009",
        r"line 4, shopify_location_id: '7009' is no location of shop demo",
    ),
    "virtual facility": (
        "shop_location_facilities.csv",
        "TOKYO,7003",
        "UNFILLABLE_PARKING,7003",
        r"line 4, facility_id: 'UNFILLABLE_PARKING' is virtual",
    ),
    "both kinds": (
        "shop_location_facilities.csv",
        "TOKYO,7003",
        "TOKYO,7001",
        r"line 2, shopify_location_id: '7001' is both",
    ),
    "no channel": (
        "shop_locations.csv",
        "Online,FAC_GRP",
        "Online,",
        r"line 2, facility_group_id: '' a consolidated location",
    ),
    "channel without store": (
        "facility_groups.csv",
        "CHANNEL_FAC_GROUP,STORE",
        "CHANNEL_FAC_GROUP,",
        r"line 2, product_store_id: '' a selling channel",
    ),
    "delta without reservations": (
        "product_stores.csv",
        "Asia/Tokyo,Y",
        "Asia/Tokyo,N",
        r"shop_locations.csv line 5, sync_mode: 'DELTA' needs a store that reserves",
    ),
    "letter that splits lines": (
        "facilities.csv",
        "Kobe",
        "Ko\u2028be",
        r"facilities.csv line 14, facility_name: .* holds U\+2028 \(line separator\) as letter 3; write it",
    ),
    "vertical tab": ("facilities.csv", "Kobe", "Ko\x0bbe", r"line 14, facility_name: .* holds U\+000B"),
    "form feed": ("shops.csv", "Demo shop", "Demo\x0cshop", r"shops.csv line 2, shop_name: .* holds U\+000C"),
    "next line": ("facilities.csv", "Kobe", "Ko\x85be", r"line 14, facility_name: .* holds U\+0085"),
    "nul": ("facilities.csv", "Kobe", "Ko\x00be", r"line 14, facility_name: .* holds U\+0000 \(a control"),
    "line break in a cell": ("facilities.csv", "Kobe", '"Ko\nbe"', r"facility_name: .* holds U\+000A"),
    "letter that nobody sees": (
        "facilities.csv",
        "KOBE,",
        "KO\u200bBE,",
        r"line 14, facility_id: .* holds U\+200B \(zero width space\) as letter 3",
    ),
    "blank that is none": (
        "shops.csv",
        "demo,",
        "de\u00a0mo,",
        r"shop_id: .* holds U\+00A0 \(no-break space",
    ),
    "id of another facility": (
        "facilities.csv",
        "112",
        "OSAKA",
        r"facilities.csv line 14, external_id: 'OSAKA' is the facility_id of another facility",
    ),
    "dots as a shop": ("shops.csv", "demo,", "..,", r"shops.csv line 2, shop_id: '..' write an id without /"),
    "path as a shop": (
        "shops.csv",
        "demo,",
        "a/b,",
        r"shops.csv line 2, shop_id: 'a/b' write an id without /",
    ),
    "long id": (
        "facilities.csv",
        "KOBE,",
        "K" * 3000 + ",",
        r"facility_id: .* has 3,000 letters; an id has 255",
    ),
    "channel of a single facility": (
        "shop_locations.csv",
        "New York,,",
        "New York,FAC_GRP,",
        r"line 3, facility_group_id: 'FAC_GRP' names a channel, but a single facility is mapped to it",
    ),
    "not utf-8": (
        "product_stores.csv",
        "Demo Brand",
        "Demo \udcff",
        r"product_stores.csv: save it as UTF-8 \(byte",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_names_its_place_and_the_remedy_and_nothing_is_applied(oms_db, folder, fault):
    file, old, new, message = FAULTS[fault]
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), errors="surrogateescape")

    with pytest.raises(SetupRefused, match=message), oms_db.transaction():
        set_up(oms_db, folder)

    assert oms_db.execute("select count(*) from oms.product_store").fetchone() == (0,)


def test_all_faults_are_told_at_once(oms_db, folder):
    edit(folder / "facilities.csv", "OUTLET_STORE", "KIOSK")
    edit(folder / "shops.csv", "OMS,SKU", "ERP,SKU")

    with pytest.raises(SetupRefused) as refused:
        set_up(oms_db, folder)

    assert len(refused.value.findings) == 2


@pytest.mark.parametrize(
    ("name", "message"), [(None, "no file of a setup here"), ("facility.csv", "no such file")]
)
def test_a_folder_without_its_files_is_refused(oms_db, tmp_path, name, message):
    if name:
        (tmp_path / name).write_text("facility_id\n")

    with pytest.raises(SetupRefused, match=message):
        set_up(oms_db, tmp_path)


def test_what_is_probably_not_meant_is_remarked(oms_db, folder):
    edit(folder / "product_store_facilities.csv", "STORE,KOBE\n", "")
    edit(folder / "shop_location_facilities.csv", "demo,TOKYO,7003\n", "")

    notes = [line for line in set_up(oms_db, folder).lines if line.startswith("note")]

    assert notes == [
        "note: facility_group_members.csv line 15: 'FAC_GRP / KOBE' counts nothing: the facility is not"
        " linked to product store STORE",
        "note: shop_locations.csv line 4: 'demo / 7003' no facility is mapped to it,"
        " so nothing is sent there",
    ]


@pytest.mark.parametrize(
    ("file", "row", "note"),
    [
        (
            "facilities.csv",
            "Kobe,Kobe west,991,RETAIL_STORE",
            "facilities.csv line 16, facility_id: 'Kobe' looks like 'KOBE'",
        ),
        (
            "facilities.csv",
            "WEST,Kobe west,kobe,RETAIL_STORE",
            "facilities.csv line 16, external_id: 'kobe' looks like 'KOBE'",
        ),
        (
            "shops.csv",
            "Demo,Demo shop,STORE,OMS,SKU,N",
            "shops.csv line 2, shop_id: 'demo' looks like 'Demo'",
        ),
        (
            "shops.csv",
            "Demo,Demo shop,STORE,OMS,SKU,N",
            "shops.csv line 2, connection_id: 'shopify_demo' is the connection of Demo too",
        ),
    ],
)
def test_ids_that_people_take_for_the_same_are_remarked(oms_db, folder, file, row, note):
    header, *_ = (folder / file).read_text().splitlines()
    cells = dict(zip(["shop_id", "shop_name", "product_store_id", "inventory_master", "product_identifier",
                      "push_enabled"], row.split(","), strict=False))  # fmt: skip
    if file == "shops.csv":
        row = ",".join(cells.get(name, "") for name in header.split(","))
    with (folder / file).open("a") as added:
        added.write(row + "\n")

    notes = [line for line in set_up(oms_db, folder).lines if line.startswith("note")]

    assert [line for line in notes if line.startswith(f"note: {note}")], notes


@pytest.mark.parametrize(
    ("rows", "column"),
    [
        (("KÖLN,Cologne,,RETAIL_STORE", "{},Cologne,,RETAIL_STORE"), "facility_id"),
        (("A1,Cologne,KÖLN,RETAIL_STORE", "A2,Cologne,{},RETAIL_STORE"), "external_id"),
        (("KÖLN,Cologne,,RETAIL_STORE", "A2,Cologne,{},RETAIL_STORE"), "external_id"),
    ],
)
def test_facilities_that_no_file_can_tell_apart_are_refused(oms_db, folder, rows, column):
    with (folder / "facilities.csv").open("a") as added:
        for row in rows:
            added.write(row.format(unicodedata.normalize("NFD", "KÖLN")) + "\n")

    with pytest.raises(SetupRefused) as refused:
        set_up(oms_db, folder)

    (finding,) = refused.value.findings
    assert (finding.file, finding.column) == ("facilities.csv", column)
    assert finding.line in (16, 17)
    assert "a file which names it could mean either" in finding.remedy


def test_storage_locations_that_people_take_for_the_same_are_remarked_within_a_facility(oms_db, folder):
    rows = "facility_id,location_seq_id\nTOKYO,A-01\nTOKYO,a-01\nKOBE,a-01\n"
    (folder / "facility_locations.csv").write_text(rows)

    notes = [line for line in set_up(oms_db, folder).lines if "looks like" in line]

    (note,) = notes
    assert note.startswith("note: facility_locations.csv line 3, location_seq_id: 'a-01' looks like 'A-01'")


def test_rows_are_counted_as_a_spreadsheet_does(oms_db, folder):
    """A letter that some programs take for the end of a line ends none."""
    edit(folder / "facilities.csv", "Kobe", "Kobe\u2028")
    edit(folder / "facilities.csv", "OUTLET_STORE", "KIOSK")

    with pytest.raises(SetupRefused) as refused:
        set_up(oms_db, folder)

    (finding,) = refused.value.findings
    lines = (folder / "facilities.csv").read_text().split("\n")
    assert "KIOSK" in lines[finding.line - 1]


def test_errors_of_the_command_go_to_stderr_with_exit_code_2(oms_dsn, tmp_path, capsys):
    assert main(["--dsn", oms_dsn, "setup", str(tmp_path)]) == 2
    assert "no file of a setup here" in capsys.readouterr().err


POSTGRES = {
    "host": "db",
    "port": "6432",
    "user": "me",
    "password": "p@ss",
    "dbname": "oms",
    "sslmode": "require",
}


@pytest.mark.parametrize(
    "connection",
    [
        "postgres://me:p%40ss@db:6432/oms?sslmode=require&unknown=x",
        """{"conn_type": "postgres", "host": "db", "port": 6432, "login": "me", "password": "p@ss",
            "schema": "oms", "extra": {"sslmode": "require"}}""",
    ],
)
def test_the_database_comes_from_an_airflow_connection(connection):
    assert conninfo_to_dict(dsn_of_connection(connection, VARIABLE)) == POSTGRES


@pytest.mark.parametrize(
    ("connection", "message"), [("", "set AIRFLOW_CONN_OMS_DB"), ("mysql://db/x", "mysql is no")]
)
def test_no_database_is_an_error_with_a_remedy(connection, message):
    with pytest.raises(ValueError, match=message):
        dsn_of_connection(connection, VARIABLE)


def test_online_atp_of_skus(oms_db, oms_dsn, capsys):
    set_up(oms_db, EXAMPLE)
    product = stocked_product(oms_db, "KOBE")
    oms_db.execute(
        """insert into oms.product_identification (product_id, identification_type_id, id_value)
           values (%s, 'SKU', 'HAT-1')""",
        (product,),
    )
    oms_db.execute(
        """insert into oms.inventory_ledger (inventory_item_id, qoh_diff, atp_diff, source_key)
           select inventory_item_id, 7, 7, 'k' from oms.inventory_item"""
    )
    oms_db.commit()

    assert main(["--dsn", oms_dsn, "online-atp", "HAT-1"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == ["HAT-1", "7", "7", "0", "0"]
    assert main(["--dsn", oms_dsn, "online-atp", "NOPE"]) == 1
    assert "NOPE: no product" in capsys.readouterr().err


def test_a_database_without_tables_is_told_to_migrate(postgres_server, capsys):
    name = postgres_server.create()
    dsn = postgres_server.dsn(name)
    try:
        assert main(["--dsn", dsn, "setup", str(EXAMPLE)]) == 2
        assert "run `python -m oms migrate` first" in capsys.readouterr().err
        assert main(["--dsn", dsn, "migrate"]) == 0
        assert main(["--dsn", dsn, "setup", str(EXAMPLE)]) == 0
    finally:
        postgres_server.drop(name)


FEEDS = (
    "feed_id,feed_name,config_id,file_pattern,expected,time_zone,grace_minutes,minimal_rows,contact\n"
    "COUNT,Morning count,RESET_INVENTORY,stores_*.csv,06:00,Asia/Tokyo,45,100,pos@example.com\n"
)


def test_feeds_are_entered_and_faults_of_times_addresses_and_configurations_named(oms_db, tmp_path):
    (tmp_path / "feeds.csv").write_text(FEEDS)
    set_up(oms_db, tmp_path)
    entered = oms_db.execute(
        """select feed_id, connection_id, expected, time_zone, early_minutes, grace_minutes, minimal_rows,
                  contact, is_active from oms.feed"""
    ).fetchall()
    assert entered == [("COUNT", "ftp_config", "06:00", "Asia/Tokyo", 60, 45, 100, "pos@example.com", True)]

    (tmp_path / "feeds.csv").write_text(
        FEEDS.replace("RESET_INVENTORY", "RESET")
        .replace("06:00", "6 o'clock")
        .replace("@", " at ")
        .replace("Asia/Tokyo", "localtime")
        .replace(",45,", ",999999999,")
        .replace("stores_*", r"(?!old)\w+")
    )
    with pytest.raises(SetupRefused) as refused:
        set_up(oms_db, tmp_path)
    columns = {finding.column for finding in refused.value.findings}
    assert columns == {"config_id", "file_pattern", "expected", "contact", "time_zone", "grace_minutes"}


def test_a_file_in_capital_letters_is_refused_and_what_a_mac_leaves_is_none(oms_db, folder):
    """Passed over, its rows would be missing without a word."""
    (folder / "._facilities.csv").write_bytes(b"\x00\x05\x16\x07")
    with oms_db.transaction(force_rollback=True):
        set_up(oms_db, folder)
    (folder / "facility_group_members.csv").rename(folder / "Facility_Group_Members.CSV")

    with pytest.raises(SetupRefused, match=r"Facility_Group_Members\.CSV.*no such file in a setup"):
        set_up(oms_db, folder)
