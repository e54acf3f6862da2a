"""kill -9 at every point of an export: its file comes once, under one name, with the same bytes."""

from pathlib import Path

import pytest

from oms import catalog, crashpoints, database, exports, parameters
from oms.inventory.thresholds import export_thresholds
from oms.work import Work
from sandbox import sftp
from tests.faults.killing import killed_at
from tests.oms.imports.conftest import Floor, floor, sftp_client  # noqa: F401 - a fixture
from tests.oms.inventory.test_thresholds import Shelf, shelf  # noqa: F401 - a fixture

POINTS = [name for name in crashpoints.POINTS if name.startswith("export.")]


def run_export(dsn: str, server: sftp.Server) -> None:
    with database.connect(dsn, autocommit=True) as conn:
        params = parameters.resolve(catalog.EXPORT_PRODUCT_THRESHOLDS, {})
        run_name = "export_product_thresholds/killed"
        work = Work(conn, params, run_name, lambda: conn, lambda _: sftp_client(server), lambda _: None)
        export_thresholds(work)


def crash(one: Shelf, server: sftp.Server, point: str) -> None:
    """Run an export that is killed at the point; it must get there."""
    killed_at(point, run_export, one.floor.dsn, server)


@pytest.mark.parametrize("point", POINTS)
def test_an_export(shelf: Shelf, sftp_server: sftp.Server, point: str):
    shelf.rule("SP1", 1, included_tags=["sale"], threshold=9)
    shelf.rule("SP2", 2, included_tags=["summer"], threshold=3)
    crash(shelf, sftp_server, point)
    recorded = shelf.db.execute("select path, content_sha256 from oms.export_file").fetchall()
    before = shelf.files()
    assert len(recorded) == 1
    assert len(before) == (0 if point == exports.RECORDED else 1)

    shelf.export("scheduled")

    after = shelf.files()
    assert Path(recorded[0][0]).name in after, "the recorded file has kept its name"
    assert all(after[name] == rows for name, rows in before.items())
    assert [name.split("_")[2] for name in after] == ["SP1", "SP2"]
    assert not list((shelf.floor.root / "hotwax/threshold").glob("*.part"))
    assert shelf.db.execute("select count(*) from oms.export_file where written_at is null").fetchone() == (
        0,
    )


def test_a_file_is_written_again_with_the_same_bytes(shelf: Shelf, sftp_server: sftp.Server):
    shelf.rule("SP1", included_tags=["sale"], threshold=9)
    crash(shelf, sftp_server, exports.WRITTEN)
    (path,) = (shelf.floor.root / "hotwax/threshold").iterdir()
    bytes_before = path.read_bytes()
    shelf.db.execute("update oms.product set internal_name = 'A2' where internal_name = 'A'")
    path.unlink()

    shelf.export("scheduled")

    assert path.read_bytes() == bytes_before
