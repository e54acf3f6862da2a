"""What the framework asks of file types: a scope for every row, own settings, a place to be found at."""

import re
import subprocess
import sys
from dataclasses import replace

import psycopg
import pytest

from oms import catalog
from oms.catalog.model import DELTA, SETTING, ImportConfig
from oms.imports.errors import FileRefused
from oms.imports.file_types import file_type
from oms.imports.jobs import Settings
from oms.imports.parameters import settings_of
from oms.parameters import resolve
from tests.oms.imports import order_notes
from tests.oms.imports.conftest import RESET_JOB, VARIANCE_JOB

NOTES_JOB = replace(
    catalog.IMPORT_PRODUCT_FACILITY,
    dag_id="import_order_notes",
    configs=(
        ImportConfig(
            config_id="IMP_PROD_FACILITY",
            file_type="orders.notes",
            import_path="orders/notes",
            meaning="The file states what to keep of orders.",
        ),
    ),
    kind=SETTING,
    domain="ORDERS",
)


@pytest.fixture
def notes(floor, monkeypatch):
    """The shop floor with a job whose files are about orders."""
    monkeypatch.setitem(sys.modules, "oms.orders.files.notes", order_notes)
    (floor.root / NOTES_JOB.import_path).mkdir(parents=True)
    return floor


def landed(floor, order, *, job=NOTES_JOB, schedule_now):
    floor.drop(job, f"{order}_{schedule_now}.csv", f"orderId,note\n{order},gift\n")
    return floor.land(job, scheduleNow=schedule_now)[-1]


def applied(floor):
    return floor.conn.execute(
        "select scopes, applied_at is not null from oms.import_chunk order by load_id"
    ).fetchall()


def test_an_urgent_file_without_facilities_waits_for_an_older_one_about_the_same_order(notes):
    landed(notes, "1001", schedule_now=False)
    urgent = landed(notes, "1001", schedule_now=True)

    notes.apply(urgent)

    assert applied(notes) == [(["1001"], True), (["1001"], True)]


def test_it_does_not_wait_for_one_about_another_order(notes):
    landed(notes, "1001", schedule_now=False)
    urgent = landed(notes, "1002", schedule_now=True)

    notes.apply(urgent)

    assert applied(notes) == [(["1001"], False), (["1002"], True)]


def test_nor_for_one_that_says_what_has_changed(notes):
    landed(notes, "1001", job=replace(NOTES_JOB, kind=DELTA), schedule_now=False)
    urgent = landed(notes, "1001", schedule_now=True)

    notes.apply(urgent)

    assert [done for _, done in applied(notes)] == [False, True]


def test_orders_are_no_facilities_to_push_for(notes):
    landed(notes, "1001", schedule_now=True)

    assert notes.conn.execute("select facility_ids from oms.import_chunk").fetchall() == [([],)]


def test_a_chunk_of_the_release_before_is_waited_for_by_its_facilities(floor):
    floor.drop(RESET_JOB, "old.csv", "facilityId,idType,idValue,availableQty\nSTORE_1,SKU,A,5\n")
    floor.land(RESET_JOB)
    floor.conn.execute("update oms.import_chunk set scopes = default")
    floor.drop(VARIANCE_JOB, "new.csv", "facilityId,idType,idValue,availableDelta\nSTORE_1,SKU,A,1\n")
    (urgent,) = floor.land(VARIANCE_JOB)

    floor.apply(urgent)

    assert floor.position("A") == (6, 6)


def test_a_good_row_without_a_scope_fails_its_landing(notes):
    job = replace(NOTES_JOB, configs=(replace(NOTES_JOB.configs[0], settings={"strict": False}),))
    notes.drop(job, "a.csv", "orderId,note\n,gift\n")

    with pytest.raises(ValueError, match="good rows without order_id"):
        notes.land(job)
    assert applied(notes) == []


def test_no_chunk_has_a_scope_that_is_null(floor):
    (load_id,) = floor.conn.execute(
        "insert into oms.import_load (dag_id, run_id) values ('x', 'y') returning load_id"
    ).fetchone()
    with pytest.raises(psycopg.errors.CheckViolation):
        floor.conn.execute(
            """insert into oms.import_chunk (load_id, chunk_no, label, row_count, scopes)
               values (%s, 0, 'x', 1, array[null])""",
            (load_id,),
        )


@pytest.mark.parametrize("name", ["nothing", "lines", "orders.nothing", "nowhere.orders", "a.b.c", ""])
def test_a_file_type_that_is_not_there_is_refused_by_name(name):
    with pytest.raises(FileRefused, match=re.escape(repr(name))):
        file_type(name)


@pytest.mark.parametrize("config", [c for job in catalog.jobs_of(catalog.ImportJob) for c in job.configs])
def test_what_a_configuration_sets_is_a_setting_of_its_file_type(config):
    known = file_type(config.file_type).settings().as_json()

    assert config.settings.keys() <= known.keys()


@pytest.mark.parametrize("job", catalog.jobs_of(catalog.ImportJob), ids=lambda job: job.dag_id)
def test_settings_come_back_as_they_were_stored(job):
    settings = settings_of(job, resolve(job, {}))

    assert Settings.stored(settings.as_json()) == settings


def test_settings_of_other_file_types_are_not_stored():
    stored = settings_of(RESET_JOB, resolve(RESET_JOB, {})).as_json()

    assert "max_drop_pct" in stored
    assert not {"negative_policy", "document", "told_at"} & stored.keys()


def test_the_framework_loads_no_file_type():
    """It finds one when a file of it comes."""
    script = (
        "import pkgutil, sys, oms.imports\n"
        "for one in pkgutil.iter_modules(oms.imports.__path__): __import__(f'oms.imports.{one.name}')\n"
        "print([name for name in sys.modules if name.startswith('oms.') and '.files' in name])"
    )

    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert said.stdout.strip() == "[]"
