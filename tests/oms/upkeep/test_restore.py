"""A backup restored into another cluster: nothing is pushed before marks and books have started over, and
then nothing is lost or counted twice (architecture.md 5, 8.5)."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from oms import database
from oms.__main__ import main
from oms.inventory.checking import breaches
from oms.inventory.why import why
from oms.sync.errors import SyncMisconfigured
from oms.upkeep import backup
from oms.upkeep.backup import NotEmpty, after_restore
from sandbox import postgres, processes
from tests.oms.sync.bench import Bench


@pytest.fixture(autouse=True)
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """pg_dump and pg_restore of the server's own version."""
    monkeypatch.setenv("PATH", f"{postgres.binary_dir()}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture(scope="module")
def other_cluster() -> Iterator[postgres.Cluster]:
    home = Path(tempfile.mkdtemp(prefix="oms-restore-"))
    home.chmod(0o711)
    cluster = postgres.prepare(home, port=processes.free_port(0))
    try:
        postgres.start(cluster, settings=postgres.THROW_AWAY, ends_with_us=True)
        yield cluster
    finally:
        postgres.destroy(cluster)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def elsewhere(other_cluster: postgres.Cluster) -> Iterator[str]:
    """An empty database in another cluster."""
    with database.connect(other_cluster.dsn(), autocommit=True) as conn:
        conn.execute("drop database if exists oms_restored with (force)")
        conn.execute("create database oms_restored")
    return other_cluster.dsn("oms_restored")


def move_house(oms: Bench, elsewhere: str, file: Path) -> None:
    """The bench goes on with the restored database."""
    backup.restore(elsewhere, file)
    oms.db.close()
    oms.dsn = elsewhere
    oms.db = database.connect(elsewhere, autocommit=True)
    oms.world.db = oms.db


def test_after_a_restore_and_a_hard_sync_no_number_is_lost_or_doubled(
    oms: Bench, elsewhere: str, tmp_path: Path
):
    oms.open_shop("demo", {"A": 10, "B": 5}, mode="DELTA")
    oms.move("A", 20)
    oms.move("B", 5)
    oms.push("HARD")
    oms.server.fault("lost_answer", operation="AdjustInventory", count=None)
    oms.move("A", -3, reason="VAR_DAMAGED")
    oms.push("DELTA", may_fail=True)
    assert oms.batches()[-1][1] == "UNKNOWN", "applied in the shop, and nobody here knows"
    oms.server.clear_faults()
    backup.backup(oms.dsn, tmp_path / "oms.dump")
    oms.push("DELTA")
    oms.move("B", 4, reason="VAR_FOUND")
    oms.push("DELTA")
    order = oms.server.place_order("demo", {"sku": "A", "quantity": 2})
    assert (oms.available("A"), oms.available("B")) == (15, 9)

    move_house(oms, elsewhere, tmp_path / "oms.dump")

    with pytest.raises(SyncMisconfigured, match="after-restore"):
        oms.push("HARD")
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="restored or copied"):
        oms.db.execute("update oms.sync_batch set status = 'SENT' where status = 'UNKNOWN'")
    assert main(["--dsn", elsewhere, "after-restore"]) == 0
    assert after_restore(oms.db) is None
    assert oms.push("DELTA").needs_hard_sync
    oms.move("B", 4, reason="VAR_FOUND")  # its file, dropped again
    oms.push("HARD")

    assert (oms.available("A"), oms.available("B")) == (15, 9)
    oms.import_order(order)
    oms.move("A", -1, reason="VAR_DAMAGED")
    oms.push("DELTA")
    assert (oms.available("A"), oms.online("A")) == (14, 14)
    assert oms.push("DELTA").planned == 0
    assert oms.push("HARD").planned == 0
    assert oms.drifts() == []
    assert breaches(oms.db) == []
    product = str(oms.world.products["A"])
    assert why(oms.db, product, "WH", id_type="PRODUCT_ID").adds_up


def test_a_reset_of_before_the_restore_is_held_back_no_longer(oms: Bench, elsewhere: str, tmp_path: Path):
    """Numbers of transactions of the old cluster would be in the future of the new one for ever."""
    oms.open_shop("demo", {"A": 10}, mode="DELTA")
    for _ in range(30):
        oms.move("A", 1, reason="VAR_EXT_RESET")
    oms.db.execute(
        "do $$ begin for i in 1..20000 loop perform pg_current_xact_id(); commit; end loop; end $$"
    )
    oms.move("A", 1, reason="VAR_EXT_RESET")
    backup.backup(oms.dsn, tmp_path / "oms.dump")
    move_house(oms, elsewhere, tmp_path / "oms.dump")
    assert oms.db.execute("select max(tx::text::numeric) > pg_current_xact_id()::text::numeric"
                          " from oms.inventory_ledger").fetchone() == (True,)  # fmt: skip

    after_restore(oms.db)
    oms.push("HARD")
    oms.move("A", -2, reason="VAR_DAMAGED")
    oms.push("DELTA")

    assert oms.available("A") == 29


def test_the_figures_of_a_past_instant_outlive_a_restore(oms: Bench, elsewhere: str, tmp_path: Path):
    oms.open_shop("demo", {"A": 10})
    oms.move("A", 5)
    product = str(oms.world.products["A"])
    (between,) = oms.db.execute("select clock_timestamp()").fetchone()
    oms.move("A", 2)
    backup.backup(oms.dsn, tmp_path / "oms.dump")

    move_house(oms, elsewhere, tmp_path / "oms.dump")
    after_restore(oms.db)
    oms.move("A", 1)

    assert why(oms.db, product, "WH", id_type="PRODUCT_ID", at=between).qoh == 5
    assert why(oms.db, product, "WH", id_type="PRODUCT_ID").qoh == 8


def test_no_snapshot_of_another_cluster_is_left_anywhere(oms: Bench):
    """Whatever keeps a snapshot is named here: after_restore must forget it, oms.oldest_mark know it."""
    columns = oms.db.execute(
        """select table_name || '.' || column_name from information_schema.columns
            where table_schema = 'oms' and udt_name = 'pg_snapshot' order by 1"""
    ).fetchall()
    assert [name for (name,) in columns] == [
        "kit_mark.snapshot",
        "shop_location.compared",
        "sync_level.compared",
        "sync_look.snapshot",
        "sync_mark.snapshot",
    ]


def test_no_number_of_a_transaction_stays_in_the_future(oms: Bench):
    oms.open_shop("demo", {"A": 10}, mode="DELTA")
    oms.move("A", 5)
    oms.push("HARD")
    oms.db.execute("insert into oms.order_import (shop_id, parts, run_id) values ('demo', '{orders}', 'r')")
    oms.db.execute("update oms.database_identity set identity = 'the old server'")

    after_restore(oms.db)

    numbers = oms.db.execute(
        """select tx from oms.inventory_ledger union select tx from oms.product_change
           union select tx from oms.sync_line union select began_tx from oms.order_import"""
    ).fetchall()
    assert numbers == [(3,)] or numbers == [("3",)]
    with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
        oms.db.execute("delete from oms.inventory_ledger")
    with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
        oms.db.execute("update oms.sync_learned set kind = 'sold'")


def test_a_database_that_was_never_copied_is_left_alone(oms: Bench):
    oms.open_shop("demo", {"A": 10})
    oms.move("A", 5)
    oms.push("RECENT")

    assert after_restore(oms.db) is None
    assert oms.mark() is not None


def test_a_copy_made_for_tests_pushes_nothing(oms: Bench, postgres_server):
    oms.open_shop("demo", {"A": 10})
    oms.move("A", 5)
    (name,) = oms.db.execute("select current_database()").fetchone()
    oms.db.close()
    oms.dsn = postgres_server.dsn(postgres_server.create(template=name))
    oms.db = database.connect(oms.dsn, autocommit=True)

    with pytest.raises(SyncMisconfigured, match="copied"):
        oms.push("RECENT")
    assert oms.available("A") == 10


def test_a_database_in_use_is_not_restored_into(oms: Bench, tmp_path: Path):
    backup.backup(oms.dsn, tmp_path / "oms.dump")

    with pytest.raises(NotEmpty, match="give an empty database"):
        backup.restore(oms.dsn, tmp_path / "oms.dump")
    assert not (tmp_path / "oms.dump.part").exists()


def test_a_failed_tool_says_why(oms: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    assert main(["--dsn", oms.dsn, "restore", str(tmp_path / "nothing.dump")]) == 2
    assert main(["--dsn", oms.dsn, "backup", str(tmp_path / "no" / "folder.dump")]) == 2
    assert "folder.dump" in capsys.readouterr().err
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["--dsn", oms.dsn, "backup", str(tmp_path / "oms.dump")]) == 2
    assert "install the client programs" in capsys.readouterr().err
