"""kill -9 while settings or shipments are imported: the next run ends where an undisturbed one ends."""

import pytest

from oms import catalog
from tests.faults.test_imports_crash import POINTS, crash
from tests.oms.imports.conftest import Floor, floor  # noqa: F401 - a fixture
from tests.oms.imports.test_settings import HEADER, THRESHOLD, settings
from tests.oms.imports.test_shipments import SHORT, items, line

FACILITIES, THRESHOLDS = catalog.IMPORT_PRODUCT_FACILITY, catalog.IMPORT_PRODUCT_THRESHOLDS
SHIPMENTS = catalog.IMPORT_INBOUND_SHIPMENT
FILES = {
    FACILITIES.dag_id: (
        HEADER + "A,STORE_1,1,N,,\nNOPE,STORE_1,1,,,\nB,STORE_1,0,,,\n",
        HEADER + "A,STORE_1,2,,Y,\nA,STORE_2,3,,,\n",
    ),
    THRESHOLDS.dag_id: (
        THRESHOLD + "A,CONFIGURATION,1\nB,STORE_1,1\n",
        THRESHOLD + "A,CONFIGURATION,2\nC,CONFIGURATION,\n",
    ),
    SHIPMENTS.dag_id: (
        SHORT + line("S1", "A", 1) + line("S2", "A", 2) + line("S2", "NOPE", 1, 2) + line("S3", "B", 3),
        SHORT + line("S1", "A", 1) + line("S3", "B", 4) + line("S3", "C", 1, 2),
    ),
}


def end_state(one: Floor, job: catalog.ImportJob) -> dict[str, object]:
    """What people can see afterwards; run ids and times left out."""
    counts = ", ".join(
        f"{name}_count" for name in ("total", "applied", "unchanged", "superseded", "duplicate")
    )
    return {
        "settings": settings(one),
        "items": items(one),
        "logs": sorted(one.logs(f"file_name, status, {counts}, rejected_count, closed_at is not null")),
        "rejects": sorted(code for _, code in one.rejects()),
        "notes": sorted(outcome for _, outcome in one.notes()),
        "folders": [
            [name.split("_")[-1] for name in one.files(job, folder)] for folder in ("", "archive", "error")
        ],
    }


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, dict[str, object]]:
    return {}


@pytest.mark.parametrize("job", [FACILITIES, THRESHOLDS, SHIPMENTS], ids=lambda job: job.dag_id)
@pytest.mark.parametrize("point", [None, *POINTS])
def test_an_import_killed_anywhere_is_finished_by_the_next_run(floor, sftp_server, undisturbed, point, job):
    for name, content in zip(("a.csv", "b.csv"), FILES[job.dag_id], strict=True):
        floor.drop(job, name, content)
    if point is not None:
        crash(floor, sftp_server, job, point)

    floor.run(job, minChunkRows=1).raise_if_open()

    found = end_state(floor, job)
    assert found == undisturbed.setdefault(job.dag_id, found)
    assert found["folders"][:2] == [[], ["a.csv", "b.csv"]]
    assert found["rejects"], "each has a bad row"
