"""Every DAG file, without running anything: ids, texts, tags, pools, time limits, forms, parse time."""

import json
import os
import socket
import subprocess
import sys
import time
from copy import deepcopy
from itertools import pairwise
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG, Asset
from airflow.sdk.definitions.context import _AIRFLOW_PARSING_CONTEXT_DAG_ID

from oms import catalog, config, docs
from oms.imports.file_types import file_type
from oms.inventory.files import inbound_shipment
from oms.parameters import resolve
from tests.conftest import PROJECT

DAGS = PROJECT / "dags"
FILES = {
    f"{category}.py": [job for job in catalog.JOBS.values() if job.category == category]
    for category in catalog.CATEGORIES
}


@pytest.fixture(params=sorted(catalog.JOBS))
def job(request: pytest.FixtureRequest) -> catalog.Job:
    return catalog.JOBS[request.param]


@pytest.fixture
def dag(bag: DagBag, job: catalog.Job) -> DAG:
    return bag.dags[job.dag_id]


def assets_of(dag: DAG) -> list[Asset]:
    """What starts the DAG beside its clock."""
    return [*getattr(getattr(dag.timetable, "asset_condition", None), "objects", ())]


def test_a_task_builds_no_dag_but_its_own(job: catalog.Job, monkeypatch: pytest.MonkeyPatch):
    (file,) = (name for name, jobs in FILES.items() if job in jobs)
    monkeypatch.setenv(_AIRFLOW_PARSING_CONTEXT_DAG_ID, job.dag_id)

    own = DagBag(dag_folder=str(DAGS / file), collect_dags=True)

    assert own.import_errors == {}
    assert list(own.dags) == [job.dag_id]


def test_every_file_yields_its_dags(bag: DagBag):
    assert bag.import_errors == {}
    found: dict[str, set[str]] = {}
    for one in bag.dags.values():
        found.setdefault(Path(one.fileloc).name, set()).add(one.dag_id)
    assert found == {name: {job.dag_id for job in jobs} for name, jobs in FILES.items() if jobs}
    assert {path.name for path in DAGS.glob("*.py")} == set(FILES)


def test_the_bag_holds_exactly_the_jobs_of_the_catalogue(bag: DagBag):
    assert set(bag.dags) == set(catalog.JOBS)


def test_a_dag_is_named_and_described_as_in_the_catalogue(dag: DAG, job: catalog.Job):
    assert dag.dag_display_name == job.name
    assert dag.doc_md == docs.page_of(job)
    for part in ("**When it runs:**", "**Run it again?**", "**If it fails:**", "**What to do then:**"):
        assert part in dag.doc_md
    assert dag.description


@pytest.mark.parametrize("job", catalog.jobs_of(catalog.ImportJob), ids=lambda job: job.dag_id)
def test_the_page_of_an_import_names_every_column_of_its_files(bag: DagBag, job: catalog.ImportJob):
    page = bag.dags[job.dag_id].doc_md
    for one in job.configs:
        contract = file_type(one.file_type).contract
        rows = [line for line in page.splitlines() if line.startswith("- `")]
        assert [row.split("`")[1] for row in rows] == [column.name for column in contract.columns]
        assert ["*needed*" in row for row in rows] == [column.required for column in contract.columns]


def test_the_json_on_a_page_says_what_the_examples_of_the_columns_say(bag: DagBag):
    page = bag.dags["import_inbound_shipment"].doc_md
    example = json.loads(page.split("```json\n")[1].split("```")[0], parse_int=str)
    columns = {column.name: column.example for column in inbound_shipment.CONTRACT.columns}
    (row,) = inbound_shipment.rows_of_json(example)
    assert row == {name: columns[name] for name in row}


def test_tags_are_category_direction_and_ids(dag: DAG, job: catalog.Job):
    ids = {i for one in catalog.JOBS.values() for i in (one.enum_id, *one.aliases) if i}
    assert dag.tags <= ids | set(catalog.CATEGORIES) | set(catalog.DIRECTIONS)
    assert {job.category, job.direction} <= dag.tags
    assert job.enum_id is None or job.enum_id in dag.tags


def test_every_task_has_a_time_limit_and_a_pool_that_is_created(dag: DAG):
    pools = json.loads((PROJECT / "config" / "pools.json").read_text())
    for task in dag.tasks:
        assert task.execution_timeout is not None, task.task_id
        assert task.pool in {*pools, "default_pool"}, (
            f"{task.task_id} would wait for ever in pool {task.pool}"
        )


def test_tasks_retry_by_the_class_of_their_error(dag: DAG, job: catalog.Job):
    for task in dag.tasks:
        assert task.retry_policy is not None, task.task_id
        assert task.retries == (0 if isinstance(job, catalog.CategoryJob) else 3), task.task_id


def test_the_form_shows_every_parameter_of_the_catalogue(dag: DAG, job: catalog.Job):
    assert set(dag.params) == {p.name for p in job.parameters}
    for parameter in job.parameters:
        field = dag.params.get_param(parameter.name)
        assert field.value == config.job_settings(job).default_of(parameter)
        assert parameter.description in field.description
        assert field.schema["section"]
        if parameter.enum and "array" not in parameter.types:
            assert set(parameter.enum) <= set(field.schema["enum"])


def test_the_form_s_defaults_and_examples_pass_airflow_s_own_check(dag: DAG, job: catalog.Job):
    dag.params.validate()
    for parameter in job.parameters:
        field = deepcopy(dag.params.get_param(parameter.name))
        for value in (parameter.example, *docs.SAID.get(parameter.said_as, ())):
            field.resolve(value=value)


def test_what_the_form_sends_is_accepted(dag: DAG, job: catalog.Job):
    required = {p.name: p.example for p in job.parameters if p.required and p.default is None}

    resolve(job, dict(dag.params.dump()) | required)


def test_a_schedule_is_the_catalogue_s_clock_and_bells(dag: DAG, job: catalog.Job):
    clock = getattr(dag.timetable, "timetable", dag.timetable)
    assert getattr(clock, "expression", None) == job.schedule
    watched = {asset.name for asset in assets_of(dag)}
    if isinstance(job, catalog.ImportJob):
        assert watched == {f"{job.dag_id}_files"}
    else:
        assert watched == set(job.signals)


def test_a_job_with_a_schedule_is_switched_on_from_the_start(dag: DAG, job: catalog.Job):
    assert dag.is_paused_upon_creation is (False if job.schedule else None)


def test_an_import_waits_lands_applies_and_closes_whatever_happened(bag: DagBag):
    for job in catalog.jobs_of(catalog.ImportJob):
        dag = bag.dags[job.dag_id]
        tasks = [task.task_id for task in dag.topological_sort()]
        after = ["choose_shops", "push"] if job.pushes_at_once else []
        assert [name for name in tasks if name not in after] == [
            "wait_for_files",
            "land",
            "apply",
            "close",
            "confirm",
        ]
        assert [name for name in tasks if name in after] == after
        assert dag.task_dict["apply"].is_mapped
        close = dag.task_dict["close"]
        assert close.trigger_rule == "all_done"
        last = {"confirm", *after[-1:]}
        assert {task.task_id for task in dag.leaves} == last, "the run's state is that of its last tasks"
        assert dag.task_dict["confirm"].upstream_task_ids == {"close"}
        assert dag.task_dict["confirm"].trigger_rule == "all_success"
        assert dag.task_dict["confirm"].is_mapped, "without a fault there is nothing to start"
        rings = "inventory" in {asset.name for asset in close.outlets}
        assert rings == (job.domain == catalog.BALANCE), "only what changes balances rings"
        assert dag.max_active_runs > 1, "an urgent run must not wait behind one that waits"


@pytest.mark.parametrize(
    "category", [catalog.INITIAL_LOAD, catalog.JOBS["inventory"]], ids=lambda c: c.dag_id
)
def test_a_category_runs_its_jobs_in_order_and_waits_for_each(bag: DagBag, category: catalog.CategoryJob):
    tasks = bag.dags[category.dag_id].topological_sort()

    assert [task.task_id for task in tasks] == list(category.jobs)
    for task, following in pairwise(tasks):
        assert task.downstream_task_ids == {following.task_id}
    for task in tasks:
        assert task.trigger_dag_id == task.task_id
        assert task.wait_for_completion
        assert task.deferrable
        assert task.fail_when_dag_is_paused, "a paused job would keep the category waiting for ever"
        assert task.trigger_rule == "none_failed", "a job that was left out does not stop the next"


@pytest.mark.parametrize(
    "category", [catalog.INITIAL_LOAD, catalog.JOBS["inventory"]], ids=lambda c: c.dag_id
)
def test_a_category_runs_each_of_its_jobs_or_says_why_not(bag: DagBag, category: catalog.CategoryJob):
    others = {one.dag_id for one in catalog.JOBS.values() if one.category == category.category} - {
        category.dag_id
    }
    reasons = dict(category.left_out)

    assert others - set(category.jobs) == set(reasons)
    page = bag.dags[category.dag_id].doc_md
    for dag_id, reason in reasons.items():
        assert f"- `{dag_id}`: {reason}" in page


def test_the_inventory_category_begins_with_the_shops_whose_stock_shopify_owns():
    assert catalog.JOBS["inventory"].jobs[0] == "sync_inventory_from_shopify"
    assert catalog.SYNC_INVENTORY_FROM_SHOPIFY.everyone == "SHOPIFY"


def test_parsing_needs_neither_network_nor_database_and_is_quick(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_arguments: object) -> None:
        raise AssertionError("a DAG file opens a connection while it is parsed")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    DagBag(dag_folder=str(DAGS), collect_dags=True)
    started = time.process_time()

    bag = DagBag(dag_folder=str(DAGS), collect_dags=True)

    assert bag.import_errors == {}
    assert time.process_time() - started <= 2


def test_the_list_of_jobs_is_not_stale():
    front_page = docs.FRONT_PAGE.read_text(encoding="utf-8")

    assert docs.README.read_text(encoding="utf-8") == docs.readme(), "run: python -m oms.docs"
    assert front_page == docs.with_jobs_table(front_page), "run: python -m oms.docs"
    assert docs.POOLS.read_text(encoding="utf-8") == catalog.pools.as_json(), "run: python -m oms.docs"


def test_an_installation_s_file_changes_schedule_form_and_watch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    settings = tmp_path / "jobs.yaml"
    settings.write_text(
        "time_zone: Asia/Tokyo\n"
        "jobs:\n"
        "  import_inventory_reset:\n"
        "    schedule: 30 5 * * *\n"
        "    parameters: {importpath: erp/in, propertyResource: ERP_SFTP}\n"
    )
    monkeypatch.setenv("OMS_JOBS_YAML", str(settings))

    dag = DagBag(dag_folder=str(DAGS), collect_dags=True).dags["import_inventory_reset"]

    assert dag.timetable.timetable.expression == "30 5 * * *"
    assert str(dag.timetable.timetable.timezone) == "Asia/Tokyo"
    assert dag.params["importPath"] == "erp/in"
    (asset,) = assets_of(dag)
    assert (asset.watchers[0].trigger.connection_id, asset.watchers[0].trigger.path) == ("erp_sftp", "erp/in")


def test_dag_files_alone_import_no_pandas_and_no_driver_of_a_server():
    """The dag processor starts a process for each parse: what the files import is paid every time."""
    script = (
        "import sys; from airflow.dag_processing.dagbag import DagBag;"
        f"bag = DagBag(dag_folder={str(DAGS)!r}, collect_dags=True);"
        "assert bag.dags and not bag.import_errors;"
        "print([m for m in ('pandas', 'paramiko', 'graphql', 'pyarrow') if m in sys.modules])"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(PROJECT / "include"), str(PROJECT / "plugins")])}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=env, cwd=PROJECT
    )

    assert done.stdout.splitlines()[-1] == "[]"
