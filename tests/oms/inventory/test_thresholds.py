"""Thresholds by stored rules: the export, and the import that reads it (inventory.md 5.10, 5.11; INV-29)."""

import csv
from contextlib import contextmanager

import pytest

from oms import catalog, parameters
from oms.__main__ import main
from oms.inventory import figures
from oms.inventory.thresholds import export_thresholds, units_of
from oms.parameters import BadParameter
from oms.setup.applying import set_up
from oms.setup.errors import SetupRefused
from oms.work import Work
from tests.oms.imports.conftest import Floor, floor  # noqa: F401 - a fixture
from tests.oms.world import World

IMPORT = catalog.IMPORT_PRODUCT_THRESHOLDS
FOLDER = IMPORT.import_path


@pytest.fixture
def shelf(floor: Floor) -> "Shelf":
    return Shelf(floor)


class Shelf:
    """A store with a channel of two facilities, and products with tags and categories."""

    def __init__(self, floor: Floor) -> None:
        self.floor, self.db = floor, floor.conn
        self.world = World(self.db)
        for facility in ("STORE_1", "STORE_2"):
            self.world.member(facility)
            self.db.execute(
                "insert into oms.product_store_facility (product_store_id, facility_id) values ('STORE', %s)",
                (facility,),
            )
        self.tag("A", "Sale", "summer")
        self.tag("B", "sale")
        self.tag("C", "winter")
        self.db.execute("update oms.product set category = 'Caps' where internal_name in ('A', 'C')")
        self.db.execute("update oms.product set updated_at = now() - interval '3 days'")

    def tag(self, sku: str, *tags: str) -> None:
        self.db.execute("update oms.product set tags = %s where internal_name = %s", (list(tags), sku))

    def rule(self, name: str = "SP1", position: int = 1, **columns) -> str:
        columns |= {"search_preference_id": name, "position": position, "product_store_id": "STORE"}
        names = ", ".join(columns)
        marks = ", ".join(f"%({one})s" for one in columns)
        self.db.execute(f"insert into oms.search_preference ({names}) values ({marks})", columns)
        return name

    def export(self, run_type: str = "manual", **conf) -> dict:
        @contextmanager
        def open_sftp(resource):
            assert resource == "FTP_EXP_CONFIG"
            yield self.floor.sftp

        params = parameters.resolve(catalog.EXPORT_PRODUCT_THRESHOLDS, conf)
        run_name = "export_product_thresholds/run"
        return export_thresholds(
            Work(
                conn=self.db,
                params=params,
                run_name=run_name,
                open_oms_db=lambda: self.db,
                open_sftp=open_sftp,
                open_shop=lambda shop: None,
                run_type=run_type,
            )
        )

    def files(self) -> dict[str, list[dict[str, str]]]:
        """The rows of each file on the server, by its name, in their order."""
        folder = self.floor.root / FOLDER
        return {
            path.name: list(csv.DictReader(path.read_text().splitlines()))
            for path in sorted(folder.iterdir())
            if path.is_file()
        }

    def exported(self) -> list[list[tuple[str, str]]]:
        """SKU and threshold of the rows of each file; the files are taken away."""
        found = self.files()
        for name in found:
            (self.floor.root / FOLDER / name).unlink()
        return [[(row["internal-name"], row["threshold"]) for row in rows] for rows in found.values()]

    def thresholds(self) -> dict[str, int]:
        rows = self.db.execute(
            """select internal_name, minimum_stock from oms.product_facility
                 join oms.product using (product_id) where facility_id = 'CONFIGURATION'"""
        )
        return dict(rows.fetchall())


def test_inv_29_round_trip(shelf):
    shelf.rule("SEARCH_PREF_001", included_tags=["SALE"])
    shelf.floor.stock("A", 220, 220)

    done = shelf.export(searchPreferenceId="SEARCH_PREF_001", threshold="10 units", includeAll=True)

    ((name, rows),) = shelf.files().items()
    assert done["files"] == [f"{FOLDER}/{name}"]
    prefix, stamp = name.removesuffix(".csv").rsplit("_", 1)
    assert (prefix, len(stamp)) == ("product_threshold_SEARCH_PREF_001", 14)
    assert list(rows[0]) == [
        "product-id", "internal-name", "product-id-value", "facility-id", "external-id", "ATP", "threshold",
        "inv-group-member",
    ]  # fmt: skip
    assert [
        (r["internal-name"], r["facility-id"], r["ATP"], r["threshold"], r["inv-group-member"]) for r in rows
    ] == [
        ("A", "CONFIGURATION", "220", "10", "Online"),
        ("B", "CONFIGURATION", "0", "10", "Online"),
    ]
    assert shelf.thresholds() == {}, "the export changes nothing"

    shelf.floor.run(IMPORT).raise_if_open()

    assert shelf.thresholds() == {"A": 10, "B": 10}
    assert [row.online_atp for row in figures.online_atp(shelf.db, "FAC_GRP", ["A"])] == [210]
    changed = shelf.db.execute(
        "select distinct internal_name from oms.product_change join oms.product using (product_id)"
    )
    assert ("A",) in changed.fetchall()


def test_inv_29_the_present_thresholds_come_back_as_they_were(shelf):
    shelf.db.execute("insert into oms.facility values ('-ODD', '=x', '@9', 'CONFIGURATION')")
    shelf.world.member("-ODD")
    shelf.db.execute("update oms.product set internal_name = '=B' where internal_name = 'B'")
    shelf.db.execute(
        """insert into oms.product_facility (product_id, facility_id, minimum_stock)
           select product_id, facility_id, product_id %% 7 + 1 from oms.product, oms.facility
            where internal_name in ('A', '=B') and facility_type_id = 'CONFIGURATION'""".replace("%%", "%")
    )
    before = shelf.db.execute("select * from oms.product_facility order by 1, 2").fetchall()

    shelf.export()
    (rows,) = shelf.files().values()
    shelf.floor.run(IMPORT).raise_if_open()

    assert "'-ODD" in {row["facility-id"] for row in rows}
    assert "'=B" in {row["internal-name"] for row in rows}
    counts = shelf.floor.counts()
    assert (counts["unchanged"], counts["total"]) == (len(rows), len(rows))
    assert shelf.db.execute("select * from oms.product_facility order by 1, 2").fetchall() == before


def test_without_product_ids_the_file_is_read_by_its_skus(shelf):
    shelf.db.execute("update oms.product set internal_name = '=B' where internal_name = 'B'")
    shelf.db.execute("update oms.product_identification set id_value = '=B' where id_value = 'B'")

    shelf.floor.bring(
        IMPORT, "internal-name,facility-id,threshold\n'=B,'CONFIGURATION,3\n'=B,CONFIGURATION,4\n"
    )

    assert shelf.thresholds() == {"=B": 4}
    assert shelf.floor.rejects() == [(2, "ERR_FACILITY_NOT_FOUND")], "only what an export writes is undone"


@pytest.mark.parametrize(
    ("columns", "skus"),
    [
        ({}, ["A", "B", "C", "D", "W", "KIT", "CARD"]),
        ({"included_tags": ["sale"]}, ["A", "B"]),
        ({"included_tags": ["sale", "summer"], "included_tags_join": "AND"}, ["A"]),
        ({"included_tags": ["sale", "winter"]}, ["A", "B", "C"]),
        ({"included_tags": ["sale"], "excluded_tags": ["SUMMER"]}, ["B"]),
        (
            {"included_tags": ["sale"], "excluded_tags": ["sale", "summer"], "excluded_tags_join": "AND"},
            ["B"],
        ),
        ({"included_categories": ["caps"]}, ["A", "C"]),
        ({"included_categories": ["caps", "LAUNCH"], "included_categories_join": "AND"}, ["C"]),
        ({"included_tags": ["sale"], "included_categories": ["caps"]}, ["A"]),
        ({"included_categories": ["caps"], "excluded_categories": ["LAUNCH"]}, ["A"]),
        ({"included_tags": ["nobody"]}, []),
    ],
)
def test_tags_and_categories_choose_the_products(shelf, columns, skus):
    shelf.db.execute(
        """insert into oms.product_category_member (category_id, product_id)
           select 'LAUNCH', product_id from oms.product where internal_name = 'C'"""
    )
    shelf.rule(threshold=5, **columns)

    done = shelf.export()

    assert shelf.exported() == ([[(sku, "5") for sku in skus]] if skus else [])
    assert done["message"] == (f"1 files, {len(skus)} thresholds" if skus else "no product matches: no file")


def test_rules_of_a_store_follow_one_another_and_the_later_wins(shelf):
    shelf.rule("A", 2, included_tags=["summer"], threshold=3)
    shelf.rule("Z", 1, included_tags=["sale"], threshold=9)

    done = shelf.export()
    assert [name.split("_")[2] for name in done["files"]] == ["Z", "A"]
    shelf.floor.run(IMPORT).raise_if_open()

    assert shelf.thresholds() == {"A": 3, "B": 9}


def test_a_rule_named_alone_takes_those_behind_it_along(shelf):
    shelf.rule("SP1", 1, included_tags=["sale"], threshold=9)
    shelf.rule("SP2", 2, included_tags=["summer"], threshold=3)

    shelf.export(searchPreferenceId="SP1", threshold="8")

    assert shelf.exported() == [[("A", "8"), ("B", "8")], [("A", "3")]]
    shelf.export(searchPreferenceId="SP2")
    assert shelf.exported() == [[("A", "3")]]


def test_every_night_what_changed_and_all_of_a_changed_rule(shelf):
    shelf.rule("SP1", 1, included_tags=["sale"], threshold=9)
    shelf.rule("SP2", 2, included_tags=["summer"], threshold=3)
    shelf.export("scheduled")
    assert shelf.exported() == [[("A", "9"), ("B", "9")], [("A", "3")]], "new rules: all their products"

    shelf.export("scheduled")
    assert shelf.exported() == [], "nothing has changed"

    shelf.db.execute("update oms.product set updated_at = now() where internal_name = 'B'")
    shelf.export("scheduled")
    assert shelf.exported() == [[("B", "9")]]

    shelf.db.execute("update oms.search_preference set threshold = 4 where search_preference_id = 'SP1'")
    shelf.export("scheduled")
    assert shelf.exported() == [[("A", "4"), ("B", "4")], [("A", "3")]], "or SP1 would overrule SP2"


def test_what_changed_while_the_job_rested_is_not_missed(shelf):
    shelf.rule("SP1", included_tags=["sale"], threshold=9)
    shelf.export("scheduled")
    shelf.exported()
    shelf.db.execute("alter table oms.search_preference disable trigger note_rule_change")
    shelf.db.execute(
        """update oms.search_preference set changed_at = now() - interval '9 days',
                                            exported_at = now() - interval '4 days'"""
    )

    shelf.export("scheduled")

    assert shelf.exported() == [[("A", "9"), ("B", "9")]], "both changed three days ago"


def test_what_a_transaction_changed_that_was_open_during_the_last_export_is_not_missed(shelf):
    shelf.rule("SP1", included_tags=["sale"], threshold=9)
    shelf.export("scheduled")
    shelf.exported()
    shelf.db.execute("alter table oms.search_preference disable trigger note_rule_change")
    shelf.db.execute(
        """update oms.search_preference set changed_at = now() - interval '9 days',
                                            exported_at = now() - interval '25 hours'"""
    )
    shelf.db.execute(
        """update oms.product set updated_at = now() - interval '25 hours 10 minutes'
            where internal_name = 'B'"""
    )

    shelf.export("scheduled")

    assert shelf.exported() == [[("B", "9")]]


def test_include_all_decides_where_it_is_given(shelf):
    shelf.rule("SP1", included_tags=["sale"], threshold=9)

    shelf.export(includeAll=False)
    assert shelf.exported() == []
    shelf.export("scheduled")
    assert shelf.exported() == [[("A", "9"), ("B", "9")]], "the rule was still due as a whole"
    shelf.export("scheduled", includeAll=True)
    assert shelf.exported() == [[("A", "9"), ("B", "9")]]


def test_a_product_that_joins_a_category_has_changed(shelf):
    shelf.rule("SP1", included_categories=["LAUNCH"], threshold=9)
    shelf.export("scheduled")
    shelf.db.execute(
        """insert into oms.product_category_member (category_id, product_id)
           select 'LAUNCH', product_id from oms.product where internal_name = 'C'"""
    )

    shelf.export("scheduled")

    assert shelf.exported() == [[("C", "9")]]


def test_without_a_threshold_the_present_one_is_shown(shelf):
    shelf.floor.bring(IMPORT, "product-sku,threshold\nA,7\n")
    shelf.rule("SP1", included_tags=["sale"])

    shelf.export()

    assert shelf.exported() == [[("A", "7"), ("B", "0")]]


def test_by_night_there_is_nothing_to_do_without_rules(shelf):
    assert shelf.export("scheduled")["message"] == "no product matches: no file"
    shelf.export()
    assert [name[:22] for name in shelf.files()] == ["product_threshold_all_"], "by hand: all products"


@pytest.mark.parametrize("facility", ["OUTLET_CONFIG", ["OUTLET_CONFIG"]])
def test_the_channels_of_a_run_and_of_a_rule(shelf, facility):
    shelf.db.execute("insert into oms.facility values ('OUTLET_CONFIG', 'Outlet', '77', 'CONFIGURATION')")
    shelf.db.execute(
        """insert into oms.facility_group (facility_group_id, facility_group_name, product_store_id)
           values ('OUTLET', 'Outlet', 'STORE')"""
    )
    shelf.world.member("OUTLET_CONFIG", "OUTLET")
    shelf.rule("SP1", included_tags=["summer"], threshold=9)

    shelf.export()
    (rows,) = shelf.files().values()
    assert [(row["facility-id"], row["external-id"]) for row in rows] == [
        ("CONFIGURATION", "CONFIGURATION"),
        ("OUTLET_CONFIG", "77"),
    ]
    shelf.exported()
    shelf.export(facilityId=facility)
    (rows,) = shelf.files().values()
    assert [row["facility-id"] for row in rows] == ["OUTLET_CONFIG"]


@pytest.mark.parametrize(
    ("conf", "words"),
    [
        ({"facilityId": "STORE_1"}, "a CONFIGURATION facility: CONFIGURATION"),
        ({"searchPreferenceId": "NOPE"}, "an active search preference: SP1"),
        ({"threshold": "some"}, "such as 10 or 10 units"),
        ({"threshold": "-1"}, "threshold"),
        ({"exportPath": "../x"}, "exportPath"),
        ({"limit": 1}, "limit"),
    ],
)
def test_a_bad_parameter_has_no_effect(shelf, conf, words):
    shelf.rule("SP1", threshold=1)

    with pytest.raises(BadParameter, match=words):
        shelf.export(**conf)

    assert shelf.files() == {}


@pytest.mark.parametrize(
    ("text", "units"), [("10 units", 10), ("10", 10), (" 7 pcs. ", 7), (12, 12), (None, None)]
)
def test_the_unit_of_a_threshold_is_ignored(text, units):
    assert units_of(text) == units


@pytest.mark.parametrize("text", ["1.5", "1,000", "ten", "", "10 units 5", "2000000000"])
def test_a_threshold_that_is_no_number_is_refused(text):
    with pytest.raises(BadParameter, match="threshold"):
        units_of(text)


def test_a_dry_run_writes_nothing(shelf):
    shelf.rule("SP1", included_tags=["sale"], threshold=9)

    done = shelf.export(dryRun=True)

    assert (shelf.files(), done["rows"]) == ({}, 2)
    assert shelf.db.execute("select count(*) from oms.export_file").fetchone() == (0,)


class TestSetup:
    HEADER = "search_preference_id,product_store_id,position,included_tags,facility_ids,threshold,is_active\n"

    def test_rules_are_entered_changed_and_removed(self, world, tmp_path):
        path = tmp_path / "search_preferences.csv"
        path.write_text(self.HEADER + "SP1,STORE,1,sale|summer,CONFIGURATION,10,\nSP2,STORE,2,,,,N\n")
        assert set_up(world.db, tmp_path).added == 2
        assert set_up(world.db, tmp_path).lines == []
        path.write_text(self.HEADER + "SP1,STORE,2,sale,,11,\n")

        report = set_up(world.db, tmp_path, prune=True)

        assert (report.changed, report.ended) == (1, 1)
        assert world.db.execute(
            """select search_preference_id, position, included_tags, facility_ids, threshold
                 from oms.search_preference"""
        ).fetchall() == [("SP1", 2, ["sale"], [], 11)]

    @pytest.mark.parametrize(
        ("row", "words"),
        [
            ("SP1,NOPE,1,,,,", "add it to product_stores.csv"),
            ("SP/1,STORE,1,,,,", "letters, digits"),
            ("SP1,STORE,first,,,,", "whole number"),
            ("SP1,STORE,1,,,1.000,", "it may be 1000 or 1: write it without a separator"),
            ("SP1,STORE,1,,_NA_,,", "no CONFIGURATION facility"),
            ("SP1,STORE,1,,,-1,", "whole number"),
            ("SP1,STORE,1,,,,\nSP2,STORE,1,,,,", "the turn of SP1 too"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, world, tmp_path, row, words):
        (tmp_path / "search_preferences.csv").write_text(self.HEADER + row + "\n")

        with pytest.raises(SetupRefused, match=words):
            set_up(world.db, tmp_path)


def test_a_rule_with_a_very_long_id_has_a_file_too(shelf):
    shelf.rule("R" * 300, included_tags=["sale"], threshold=3)

    shelf.export()

    (name,) = shelf.files()
    assert name.startswith("product_threshold_" + "R" * 100 + "_")


def test_a_rule_whose_file_was_given_up_is_due_in_full_again(shelf):
    shelf.rule("SP1", included_tags=["sale"], threshold=3)
    shelf.export("scheduled")
    (export_id,) = shelf.db.execute(
        """update oms.export_file set written_at = null, content = 'x', property_resource = 'OLD'
            returning export_id"""
    ).fetchone()
    shelf.exported()
    assert main(["--dsn", shelf.floor.dsn, "exports", "--discard", str(export_id)]) == 0

    shelf.export("scheduled")

    assert shelf.exported() == [[("A", "3"), ("B", "3")]]
