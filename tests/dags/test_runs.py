"""One run of every DAG from its first task to its last, with a real database, SFTP server and shop."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.utils.types import DagRunType

from oms import catalog
from oms_airflow import file_arrival
from oms_airflow.push import served_modes
from tests.dags.conftest import states
from tests.oms.sync.bench import Bench


def rings_of(dag_run: Any) -> list[str]:
    """The assets that a run rang, from Airflow's own table."""
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        rung = select(AssetModel.name).join(AssetEvent, AssetEvent.asset_id == AssetModel.id)
        return sorted(session.scalars(rung.where(AssetEvent.source_run_id == dag_run.run_id)))


@pytest.mark.parametrize(
    ("dag_id", "mode"), [("upload_recent_inventory_changes", "RECENT"), ("upload_inventory", "RECENT")]
)
def test_a_push_brings_the_figures_to_the_shop(oms: Bench, run: Callable, dag_id: str, mode: str):
    oms.open_shop("demo", {"A": 100, "B": 50}, mode=mode)
    oms.move("A", 95)
    oms.move("B", 50)

    done = run(dag_id)

    assert done.state == "success"
    assert states(done) == {"choose_shops": ["success"], "push": ["success"]}
    assert oms.server.available("demo") == {("A", "Main"): 95, ("B", "Main"): 50}
    assert oms.applied() == [("A", -5)]


def test_deltas_go_to_a_location_after_its_first_hard_sync(oms: Bench, run: Callable):
    oms.open_shop("demo", {"A": 5}, mode="DELTA")
    oms.move("A", 5)
    assert run("upload_inventory").state == "success"
    oms.server.place_order("demo", {"sku": "A", "quantity": 4})
    oms.move("A", -1, reason="VAR_DAMAGED")

    assert run("push_inventory_deltas").state == "success"

    assert oms.available("A") == 0, "5 - 4 sold in the shop - 1 damaged"


def test_each_shop_is_pushed_on_its_own(oms: Bench, run: Callable, monkeypatch: pytest.MonkeyPatch):
    oms.open_shop("demo", {"A": 1})
    oms.open_shop("other", {"B": 1})
    oms.db.execute("update oms.shop set connection_id = 'shopify_nobody_set' where shop_id = 'demo'")
    oms.move("A", 3)
    oms.move("B", 4)

    done = run("upload_recent_inventory_changes")

    assert states(done)["push"] == ["failed", "success"]
    assert done.state == "failed"
    assert (oms.available("A"), oms.available("B", shop="other")) == (1, 4)


def test_a_shop_without_locations_of_the_mode_is_not_asked(oms: Bench):
    from oms import shops

    oms.open_shop("demo", {"A": 1}, mode="RECENT")
    oms.open_shop("other", {"B": 1}, mode="DELTA")

    assert shops.to_serve(oms.db, None, ["DELTA"]) == ["other"]
    assert shops.to_serve(oms.db, None, ["RECENT", "DELTA"]) == ["demo", "other"]
    assert shops.to_serve(oms.db, "demo", ["DELTA"]) == ["demo"]
    oms.db.execute("update oms.shop set push_enabled = false where shop_id = 'other'")
    assert shops.to_serve(oms.db, None, ["DELTA"]) == []


def test_a_shop_that_shows_no_stock_of_a_facility_does_not_hear_of_it(oms: Bench, run: Callable):
    from oms import shops

    oms.world.facility("OUTLET", member=False)
    oms.open_shop("demo", {"A": 1})
    oms.open_shop("other", {"B": 1}, locations={"Outlet": ["OUTLET"]})
    oms.move("A", 3)
    oms.move("B", 4, "OUTLET")

    heard = ["demo", "other"]
    assert shops.to_serve(oms.db, None, ["RECENT"], ["WH"]) == heard, "neither has been planned for"
    run("upload_inventory")
    assert shops.to_serve(oms.db, None, ["RECENT"], ["WH"]) == ["demo"]
    assert shops.to_serve(oms.db, None, ["RECENT"], ["OUTLET"]) == ["other"]


def test_an_upload_of_a_warehouse_reaches_the_shop_in_its_own_run(oms: Bench, run: Callable, sftp_root: Path):
    job = catalog.IMPORT_WAREHOUSE_ALLOTMENT
    folder = sftp_root / job.import_path
    folder.mkdir(parents=True)
    oms.open_shop("demo", {"A": 10}, mode="DELTA")
    oms.move("A", 10)
    assert run("upload_inventory").state == "success"
    product_id = oms.world.products["A"]
    (folder / "sheet.csv").write_text(f"facilityId,productId,availableDelta\nWH,{product_id},5\n")

    done = run(job.dag_id, {"settleSeconds": 1})

    assert done.state == "success"
    assert states(done)["push"] == ["success"]
    assert oms.available("A") == 15
    assert states(run(job.dag_id, {"settleSeconds": 1}))["push"] == ["skipped"]


def test_an_import_is_undone_by_a_run_that_names_its_log(oms: Bench, run: Callable, sftp_root: Path):
    job = catalog.IMPORT_INVENTORY_VARIANCE
    folder = sftp_root / job.import_path
    folder.mkdir(parents=True)
    product_id = oms.world.product("A")
    (folder / "wrong.csv").write_text(f"facilityId,productId,availableDelta\nWH,{product_id},5\n")
    assert run(job.dag_id, {"settleSeconds": 1}).state == "success"

    assert run("undo_import", {"logId": 1, "reason": "wrong file"}).state == "success"

    assert oms.db.execute("select qoh from oms.inventory_item").fetchall() == [(0,)]


def test_an_unknown_shop_fails_the_run_before_any_push(oms: Bench, run: Callable):
    oms.open_shop("demo", {"A": 1})
    oms.move("A", 3)

    done = run("upload_inventory", {"shopId": ["demo", "atlantis"]})

    assert done.state == "failed"
    assert states(done)["choose_shops"] == ["failed"]
    assert oms.available("A") == 1


def test_an_unknown_parameter_fails_the_run_before_any_push(oms: Bench, run: Callable):
    oms.open_shop("demo", {"A": 1})
    oms.move("A", 3)

    done = run("upload_inventory", {"facility": "WH"})

    assert done.state == "failed"
    assert oms.available("A") == 1


def test_a_dry_run_sends_nothing(oms: Bench, run: Callable):
    oms.open_shop("demo", {"A": 1})
    oms.move("A", 3)

    done = run("upload_inventory", {"dryRun": True})

    assert done.state == "success"
    assert (oms.available("A"), oms.lines()) == (1, [])


class TestImports:
    """Files on a real SFTP server, conf as a person gives it."""

    RESETS = "pos/morning_inventory_sync/staging/incoming"
    VARIANCES = "pos/inventory_variance/incoming"

    @pytest.fixture
    def floor(self, oms: Bench) -> Bench:
        """Products A and B, known by their SKU."""
        for sku in "AB":
            product = oms.world.product(sku)
            oms.db.execute(
                "insert into oms.product_identification (product_id, identification_type_id, id_value) "
                "values (%s, 'SKU', %s)",
                (product, sku),
            )
        return oms

    @staticmethod
    def stock(oms: Bench) -> dict[str, tuple[int, int]]:
        """QOH and ATP by SKU."""
        rows = oms.db.execute(
            "select internal_name, qoh, atp from oms.inventory_item join oms.product using (product_id)"
        )
        return {sku: (qoh, atp) for sku, qoh, atp in rows}

    def test_a_reset_is_landed_applied_and_closed(self, floor: Bench, run: Callable, sftp_root: Path):
        folder = sftp_root / self.RESETS
        folder.mkdir(parents=True)
        (folder / "morning.csv").write_text("facilityId,idValue,availableQty\nWH,A,7\nWH,B,3\nWH,C,1\n")

        done = run("import_inventory_reset")

        assert done.state == "success"
        assert states(done) == {
            "wait_for_files": ["success"],
            "land": ["success"],
            "apply": ["success"],
            "close": ["success"],
            "confirm": ["skipped"],
        }
        assert self.stock(floor) == {"A": (7, 7), "B": (3, 3)}
        assert [path.name.split("_", 1)[1] for path in (folder / "archive").iterdir()] == ["morning.csv"]
        (rejects,) = (folder / "error").iterdir()
        assert "ERR_PRODUCT_NOT_FOUND" in rejects.read_text()
        assert not (folder / "morning.csv").exists()

    def test_the_same_reset_again_changes_nothing_and_rings_no_bell(
        self, floor: Bench, run: Callable, sftp_root: Path
    ):
        folder = sftp_root / self.RESETS
        folder.mkdir(parents=True)
        for _ in range(2):
            (folder / "morning.csv").write_text("facilityId,idValue,availableQty\nWH,A,7\n")
            done = run("import_inventory_reset")

        assert done.state == "success"
        assert states(done)["close"] == ["skipped"]
        assert states(done)["apply"] == ["success"]
        assert floor.db.execute("select count(*) from oms.inventory_ledger").fetchone() == (1,)

    @pytest.mark.parametrize(
        ("mode", "rung"), [("RECENT", ["inventory"]), ("DELTA", ["inventory", "inventory_reset"])]
    )
    def test_a_reset_rings_for_the_hard_sync_only_where_a_location_is_in_delta_mode(
        self, floor: Bench, run: Callable, sftp_root: Path, mode: str, rung: list[str]
    ):
        floor.open_shop("demo", {"A": 1}, mode=mode)
        folder = sftp_root / self.RESETS
        folder.mkdir(parents=True)
        (folder / "morning.csv").write_text("facilityId,idValue,availableQty\nWH,A,7\n")

        done = run("import_inventory_reset")

        assert done.state == "success"
        assert rings_of(done) == rung

    @pytest.mark.parametrize(("mode", "rung"), [("DELTA", ["inventory_reset"]), ("RECENT", [])])
    def test_undoing_a_reset_rings_like_the_reset(
        self, floor: Bench, run: Callable, sftp_root: Path, mode: str, rung: list[str]
    ):
        """DELTA holds both back; a dry run and a refusal move nothing and ring nothing."""
        floor.open_shop("demo", {"A": 1}, mode=mode)
        folder = sftp_root / self.RESETS
        folder.mkdir(parents=True)
        (folder / "morning.csv").write_text("facilityId,idValue,availableQty\nWH,A,7\n")
        run("import_inventory_reset")
        assert rings_of(run("undo_import", {"logId": 1, "dryRun": True})) == []

        done = run("undo_import", {"logId": 1})

        assert (str(done.state), rings_of(done)) == ("success", rung)
        assert rings_of(run("undo_import", {"logId": 1})) == []

    def test_a_run_that_leaves_files_rings_for_the_next_one(
        self, floor: Bench, run: Callable, sftp_root: Path, monkeypatch: pytest.MonkeyPatch
    ):
        """Seen only by the clock, which names no files; the last run of a backlog does not ring."""
        monkeypatch.setattr(file_arrival, "FOLLOWED", ("manual",))
        folder = sftp_root / self.VARIANCES
        folder.mkdir(parents=True)
        for number in range(5):
            (folder / f"{number}.csv").write_text(f"facilityId,idValue,availableDelta\nWH,A,{10**number}\n")
        own_bell = "import_inventory_variance_files"

        runs = [run("import_inventory_variance", {"maxFiles": 2}) for _ in range(3)]

        assert [str(done.state) for done in runs] == ["success"] * 3
        assert [own_bell in rings_of(done) for done in runs] == [True, True, False]
        assert self.stock(floor) == {"A": (11111, 11111)}

    def test_a_run_by_hand_takes_all_files_that_wait(self, floor: Bench, run: Callable, sftp_root: Path):
        folder = sftp_root / self.VARIANCES
        folder.mkdir(parents=True)
        for number in range(3):
            (folder / f"{number}.csv").write_text(f"facilityId,idValue,availableDelta\nWH,A,{10**number}\n")

        done = run("import_inventory_variance", {"maxFiles": 2})

        assert rings_of(done) == ["inventory"]
        assert self.stock(floor) == {"A": (111, 111)}

    def test_a_variance_is_booked(self, floor: Bench, run: Callable, sftp_root: Path):
        floor.move("A", 10)
        folder = sftp_root / self.VARIANCES
        folder.mkdir(parents=True)
        (folder / ("damaged.csv")).write_text(
            "facilityId,idValue,availableDelta,varianceReasonId\nWH,A,-2,VAR_DAMAGED\n"
        )

        done = run("import_inventory_variance")

        assert done.state == "success"
        assert self.stock(floor)["A"] == (8, 8)

    def test_no_file_is_a_run_with_nothing_to_do(self, floor: Bench, run: Callable):
        done = run("import_inventory_variance")

        assert done.state == "success"
        assert states(done) == {
            "wait_for_files": ["success"],
            "land": ["success"],
            "apply": ["skipped"],
            "close": ["skipped"],
            "confirm": ["skipped"],
        }

    def test_a_file_that_cannot_be_read_fails_the_run_and_changes_nothing(
        self, floor: Bench, run: Callable, sftp_root: Path
    ):
        folder = sftp_root / self.RESETS
        folder.mkdir(parents=True)
        (folder / "morning.csv").write_text("colour,size\nred,XL\n")

        done = run("import_inventory_reset")

        assert done.state == "failed"
        assert states(done)["close"] == ["failed"]
        assert self.stock(floor) == {}
        assert [path.name.split("_", 1)[1] for path in (folder / "error").glob("*morning.csv")] == [
            ("morning.csv")
        ]

    def test_a_refused_file_fails_the_run_but_not_the_bell_of_the_good_one(
        self, floor: Bench, run: Callable, sftp_root: Path
    ):
        folder = sftp_root / self.RESETS
        folder.mkdir(parents=True)
        (folder / "bad.csv").write_text("colour,size\nred,XL\n")
        (folder / "good.csv").write_text("facilityId,idValue,availableQty\nWH,A,7\n")

        done = run("import_inventory_reset")

        assert done.state == "failed"
        assert states(done)["close"] == ["success"], "it rings: A has changed"
        assert states(done)["confirm"] == ["failed"]
        assert self.stock(floor) == {"A": (7, 7)}

    def test_a_run_that_cannot_apply_what_an_earlier_one_has_left_fails(
        self, floor: Bench, run: Callable, sftp_root: Path, monkeypatch: pytest.MonkeyPatch
    ):
        """The sweep finds no file of its own; the chunk it goes on with cannot be applied either."""
        from oms.imports import applying
        from oms.imports.errors import StagingLost

        def lost(*_: Any) -> None:
            raise StagingLost("the staged rows keep vanishing")

        folder = sftp_root / self.RESETS
        folder.mkdir(parents=True)
        (folder / "morning.csv").write_text("facilityId,idValue,availableQty\nWH,A,7\n")
        with monkeypatch.context() as patch:
            patch.setattr(applying, "apply_chunk", lost)
            assert run("import_inventory_reset").state == "failed"
            sweep = run("import_inventory_reset", {"fileNameRegex": "nothing.*"})

        assert (sweep.state, states(sweep)["close"]) == ("failed", ["failed"])
        assert run("import_inventory_reset", {"fileNameRegex": "nothing.*"}).state == "success"
        assert self.stock(floor) == {"A": (7, 7)}

    def test_a_wrong_parameter_fails_the_run_and_leaves_the_file(
        self, floor: Bench, run: Callable, sftp_root: Path
    ):
        folder = sftp_root / self.RESETS
        folder.mkdir(parents=True)
        (folder / "morning.csv").write_text("facilityId,idValue,availableQty\nWH,A,7\n")

        done = run("import_inventory_reset", {"groupby": "facilityId"})

        assert done.state == "failed"
        assert states(done)["wait_for_files"] == ["failed"]
        assert states(done)["close"] == ["failed"]
        assert (folder / "morning.csv").exists()
        assert floor.db.execute("select count(*) from oms.import_log").fetchone() == (0,)

    def test_chunks_carry_their_groups_as_label(self, floor: Bench, run: Callable, sftp_root: Path):
        floor.world.facility("STORE_1")
        folder = sftp_root / self.RESETS
        folder.mkdir(parents=True)
        (folder / "morning.csv").write_text("facilityId,idValue,availableQty\nWH,A,7\nSTORE_1,A,3\n")

        done = run("import_inventory_reset", {"minChunkRows": 1})

        labels = [one.rendered_map_index for one in done.get_task_instances() if one.task_id == "apply"]
        assert len(labels) == 2
        assert any("WH" in label for label in labels)
        assert any("STORE_1" in label for label in labels)


@pytest.mark.parametrize(
    ("dag_id", "run_type", "modes"),
    [
        ("upload_recent_inventory_changes", DagRunType.SCHEDULED, ["RECENT"]),
        ("upload_recent_inventory_changes", DagRunType.ASSET_TRIGGERED, ["RECENT"]),
        ("upload_recent_inventory_changes", DagRunType.OPERATOR_TRIGGERED, ["RECENT"]),
        ("upload_recent_inventory_changes", DagRunType.MANUAL, ["RECENT", "DELTA"]),
        ("push_inventory_deltas", DagRunType.SCHEDULED, ["DELTA"]),
        ("push_inventory_deltas", DagRunType.MANUAL, ["RECENT", "DELTA"]),
        ("upload_inventory", DagRunType.SCHEDULED, ["RECENT", "DELTA"]),
        ("upload_inventory", DagRunType.ASSET_TRIGGERED, ["DELTA"]),
    ],
)
def test_clock_and_bell_serve_the_locations_of_the_job_s_mode(dag_id: str, run_type: str, modes: list[str]):
    context: Any = {"dag_run": SimpleNamespace(run_type=run_type)}

    assert served_modes(catalog.JOBS[dag_id], context) == modes
