"""Parameters of the jobs as options, and the report a person reads."""

import pytest

from oms import database, shops
from oms.catalog import JOBS
from oms.parameters import BadParameter, resolve
from oms.sync.options import PARAMETERS, PreviewLine, PushOptions, Report


@pytest.mark.parametrize(
    "dag_id", ["upload_inventory", "upload_recent_inventory_changes", "push_inventory_deltas"]
)
def test_every_parameter_of_a_push_has_an_effect(dag_id):
    job = JOBS[dag_id]
    names = {parameter.name for parameter in job.parameters}

    assert names - set(PARAMETERS) == {"shopId"}
    assert PushOptions.of(resolve(job, {})).facility_groups == ("FAC_GRP",)


@pytest.mark.parametrize(("name", "value"), [("limit", 251), ("limit", 0), ("maxDropPct", 101)])
def test_a_value_out_of_range_is_named(name, value):
    with pytest.raises(ValueError, match=name):
        PushOptions.of({name: value})


class TestNames:
    """Names that a run gives beyond its shops."""

    @pytest.fixture
    def refuse(self, oms_dsn):
        with database.transaction(oms_dsn) as conn:
            conn.execute("insert into oms.facility_group values ('SHOPIFY_STORES', 'Stores', 'OTHER')")

        def run(**given):
            job = JOBS["push_inventory_deltas" if "reasonGroupId" in given else "upload_inventory"]
            with database.transaction(oms_dsn) as conn:
                shops.refuse_unknown_groups(conn, job, resolve(job, given))

        return run

    @pytest.mark.parametrize(
        ("name", "known"),
        [
            ("facilityGroupId", "SHOPIFY_STORES"),
            ("shopifyFacilityGroupId", "SHOPIFY_STORES"),
            ("reasonGroupId", "SHPFY_INV_DLT_REASON"),
        ],
    )
    def test_a_group_that_nobody_has_set_up_is_refused_with_those_that_are(self, refuse, name, known):
        refuse(**{name: known})

        with pytest.raises(BadParameter, match=f"{name} = 'TYPO': expected .* set up: .*{known}"):
            refuse(**{name: "TYPO"})

    def test_an_installation_without_channels_needs_no_default_one(self, refuse):
        refuse()


def test_the_table_shows_what_a_dry_run_would_send():
    report = Report("demo", "HARD", planned=1, preview=(PreviewLine(1, 2, 3, 10, 7, -3),))
    report.skipped["SKIPPED_UNTRACKED"] = 2

    assert "location 1 item 2 product 3: 10 -> 7 (-3)" in report.table()
    assert "skipped: SKIPPED_UNTRACKED" in report.table()
    assert report.counts()["warnings"] == 2
