"""Logs that another release has left open: their stored settings are read whatever it knew or did not know.

`releases/` holds the settings that a release stored, by DAG, under the number of its last migration. A file
is added with a release and never changed.
"""

import json
from pathlib import Path

import pytest

from oms import catalog
from oms.imports.jobs import Settings
from tests.oms.imports.conftest import RESET, RESET_JOB, VARIANCE, VARIANCE_JOB, empty_staging

SAMPLES = {
    (path.stem, dag_id): settings
    for path in sorted((Path(__file__).parent / "releases").glob("settings_*.json"))
    for dag_id, settings in json.loads(path.read_text()).items()
}
JOBS = {job.dag_id for job in catalog.jobs_of(catalog.ImportJob)}


def rewrite(floor, params: dict) -> None:
    """The open log as if another release had landed it with these settings."""
    floor.conn.execute("update oms.import_log set params = %s where closed_at is null", (json.dumps(params),))


@pytest.mark.parametrize("sample", SAMPLES, ids="/".join)
def test_the_settings_that_a_release_stored_are_read(sample):
    stored = SAMPLES[sample]

    assert Settings.stored(stored).as_json().items() >= stored.items()


def test_every_job_has_a_sample():
    assert {dag_id for _, dag_id in SAMPLES} >= JOBS


@pytest.mark.parametrize("lost", ["staging", "nothing"])
def test_a_log_of_an_earlier_release_is_applied_and_closed(floor, lost):
    floor.drop(VARIANCE_JOB, "a.csv", VARIANCE + "STORE_1,,SKU,A,5,,,\nSTORE_1,,SKU,NONE,5,,,\n")
    floor.chunks = floor.land(VARIANCE_JOB)
    rewrite(floor, SAMPLES["settings_0041", VARIANCE_JOB.dag_id])
    if lost == "staging":
        empty_staging(floor.conn)

    floor.apply(floor.chunks[0])
    floor.close(VARIANCE_JOB).raise_if_open()

    assert floor.position("A") == (5, 5)
    assert floor.counts() == {"total": 2, "applied": 1, "rejected": 1}
    assert len(floor.files(VARIANCE_JOB, "error")) == 1, "its reject file"


def test_fields_that_this_release_does_not_know_are_ignored_and_missing_ones_have_their_defaults(floor):
    floor.drop(RESET_JOB, "a.csv", RESET + "STORE_1,SKU,A,5\n")
    floor.chunks = floor.land(RESET_JOB)
    stored = SAMPLES["settings_0041", RESET_JOB.dag_id] | {"a_field_of_later": [1], "another": None}
    del stored["delimiter"], stored["reset_by_atp"], stored["excluded_product_types"]
    rewrite(floor, stored)

    floor.apply(floor.chunks[0] | {"a_count_of_later": 7})
    floor.close(RESET_JOB).raise_if_open()

    assert floor.position("A") == (5, 5)


def test_a_landing_that_an_earlier_release_began_is_taken_over(floor):
    floor.drop(RESET_JOB, "a.csv", RESET + "STORE_1,SKU,A,5\n")
    floor.land(RESET_JOB)
    rewrite(floor, SAMPLES["settings_0041", RESET_JOB.dag_id] | {"a_field_of_later": 1})
    floor.conn.execute("update oms.import_log set status = 'DmlsLanding', load_id = null, landed_at = null")

    floor.run(RESET_JOB).raise_if_open()

    assert floor.position("A") == (5, 5)
