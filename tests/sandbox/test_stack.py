"""The whole sandbox up and down with a real Airflow, in a folder and on ports of its own."""

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import requests

from sandbox import connections, processes, stack
from sandbox.airflow_api import AirflowApi
from sandbox.layout import Sandbox

pytestmark = pytest.mark.e2e

DAG = """
import os
import subprocess
from datetime import timedelta
from pathlib import Path

from airflow.sdk import Param, dag, get_current_context, task

@dag(schedule=None)
def two_tasks():
    @task
    def first() -> int:
        from oms import database  # include/ is importable
        return 1

    @task(pool="imports")
    def second(value: int) -> None:
        pass

    second(first())

@dag(schedule=None)
def for_ever():
    @task
    def sleep() -> None:
        subprocess.run(["sleep", "1000"])

    sleep()

@dag(schedule=None, params={"mark": Param("", type="string")})
def ends_at_the_second_try():
    @task(retries=2, retry_delay=timedelta(seconds=1))
    def work() -> None:
        mark = Path(get_current_context()["params"]["mark"])
        if not mark.exists():
            mark.with_suffix(".part").write_text(str(os.getpid()))
            mark.with_suffix(".part").rename(mark)
            subprocess.run(["sleep", "1000"])

    work()

two_tasks()
for_ever()
ends_at_the_second_try()
"""
SERVICES = ("postgres", "sftp", "fakeshop", "airflow")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    folder = Path(tempfile.mkdtemp(prefix="oms-stack-"))
    folder.chmod(0o711)  # no folder of pytest's: Postgres does not run as root and must get in
    (folder / "dags").mkdir()
    (folder / "dags" / "try.py").write_text(DAG)
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in stack.os.environ if n.startswith("AIRFLOW_")]:
            patch.delenv(name)
        patch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(folder / "dags"))
        shop = connections.shopify("https://shop.example", "token", "2026-10", client_secret="s", domain="d")
        patch.setenv("AIRFLOW_CONN_SHOPIFY_DEMO", shop)
        box = Sandbox(folder / "box")
        box.make()
        with box.changing_state() as state:
            state.ports = {name: processes.free_port(0) for name in ("postgres", "sftp", "airflow")}
        stack.up(box)
        yield box
        stack.clean(box)
    shutil.rmtree(folder)


def marked_names(sandbox: Sandbox) -> list[str]:
    return [" ".join(process.cmdline()) for process in processes.marked(sandbox.mark)]


def test_a_run_reaches_its_end(sandbox):
    api = stack.api_of(sandbox)
    until(lambda: "two_tasks" in {dag["dag_id"] for dag in api.dags()} or api.import_errors() != [])
    assert api.import_errors() == []

    assert api.wait_for_run("two_tasks", api.trigger("two_tasks"), seconds=180) == "success"


def test_the_pools_exist(sandbox):
    wanted = json.loads(stack.POOLS.read_text())

    found = {pool["name"]: pool["slots"] for pool in stack.api_of(sandbox).call("GET", "pools")["pools"]}

    assert wanted
    assert {name: found[name] for name in wanted} == {name: pool["slots"] for name, pool in wanted.items()}


def test_the_oms_database_is_migrated(sandbox):
    with psycopg.connect(sandbox.read_environment()["OMS_DSN"]) as conn:
        assert conn.execute("select count(*) > 10 from pg_tables where schemaname = 'oms'").fetchone() == (
            True,
        )


def test_the_given_connection_is_used_and_no_local_shop_runs(sandbox):
    names = [name for name, *_ in stack.status(sandbox)]

    assert "shop.example" in sandbox.read_environment()["AIRFLOW_CONN_SHOPIFY_DEMO"]
    assert "fakeshop" not in names
    assert {"postgres", "sftp", "airflow scheduler"} <= set(names)


def test_everything_listens_on_the_loopback_only(sandbox):
    listening = [
        connection.laddr.ip
        for process in processes.marked(sandbox.mark)
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]

    assert len(listening) >= 3
    assert set(listening) == {"127.0.0.1"}


def test_up_again_changes_nothing(sandbox):
    before = stack.status(sandbox)

    with pytest.raises(stack.AlreadyUp):
        stack.up(sandbox)

    assert stack.status(sandbox) == before


def pid_of(sandbox: Sandbox, name: str) -> int:
    (pid,) = [one.pid for one in sandbox.read_state().started if one.name == name]
    return pid


def the_task(sandbox: Sandbox, task: psutil.Process) -> list[psutil.Process]:
    return [task]


def all_workers(sandbox: Sandbox, task: psutil.Process) -> list[psutil.Process]:
    """Also those that wait: one of them holds the lock of the queue, and no new one takes a task."""
    idle = "LocalExecutor: <idle>"
    waiting = [one for one in the_scheduler(sandbox).children() if idle in " ".join(one.cmdline())]
    assert waiting
    return [task.parent(), *waiting]


def the_scheduler_and_a_backend_of_postgres(sandbox: Sandbox, task: psutil.Process) -> list[psutil.Process]:
    """All other backends end with one, and with them the triggerer and the DAG processor."""
    children = psutil.Process(pid_of(sandbox, "postgres")).children()
    backend = next(child for child in children if " airflow " in " ".join(child.cmdline()))
    return [the_scheduler(sandbox), backend]


def the_scheduler(sandbox: Sandbox) -> psutil.Process:
    return psutil.Process(pid_of(sandbox, "airflow scheduler"))


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("killed", [the_task, all_workers, the_scheduler_and_a_backend_of_postgres])
def test_what_is_killed_goes_on_without_a_person(sandbox, tmp_path, killed: Callable):
    api, mark = stack.api_of(sandbox), tmp_path / "begun"
    run = api.trigger("ends_at_the_second_try", {"mark": str(mark)})
    until(mark.exists)
    victims = killed(sandbox, psutil.Process(int(mark.read_text())))
    assert victims

    for victim in victims:
        victim.kill()

    began = time.monotonic()
    until(lambda: answer_of(api, run) == "success")
    until(lambda: all(state.startswith("running") for _, _, state, _ in stack.status(sandbox)))
    print(f"{killed.__name__}: {time.monotonic() - began:.0f} s")
    if killed is all_workers:
        assert "its worker" in sandbox.read_state().ended["airflow scheduler"][-1]
    assert not [how for hows in sandbox.read_state().ended.values() for how in hows if "not known" in how]


def until(seen: Callable[[], bool], seconds: float = 600) -> None:
    """Wait, on a machine that may be busy; the limit only ends what would never come."""
    deadline = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def answer_of(api: AirflowApi, run: str) -> str | None:
    """The state of the run; None while Airflow does not answer."""
    try:
        return api.run_state("ends_at_the_second_try", run)
    except (requests.ConnectionError, requests.HTTPError, requests.Timeout):
        return None


def test_down_ends_even_a_running_task_and_up_works_again(sandbox):
    api = stack.api_of(sandbox)
    api.trigger("for_ever")
    until(lambda: "sleep 1000" in marked_names(sandbox))

    stack.down(sandbox)

    assert marked_names(sandbox) == []
    assert not any(processes.listening(port) for port in sandbox.read_state().ports.values())

    stack.up(sandbox)
    assert {state for _, _, state, _ in stack.status(sandbox)} == {"running"}


def test_up_after_a_crash_of_the_machine_and_with_the_local_shop(sandbox, monkeypatch):
    monkeypatch.delenv("AIRFLOW_CONN_SHOPIFY_DEMO")
    for process in processes.marked(sandbox.mark):
        process.kill()
    psutil.wait_procs(processes.marked(sandbox.mark), timeout=10)

    stack.up(sandbox)

    assert {state for _, _, state, _ in stack.status(sandbox)} == {"running"}
    shop = json.loads(sandbox.read_environment()["AIRFLOW_CONN_SHOPIFY_DEMO"])
    url = f"{shop['host']}/admin/api/{shop['extra']['api_version']}/graphql.json"
    query = {"query": "{ shop { name } }"}
    answer = requests.post(url, json=query, headers={"X-Shopify-Access-Token": shop["password"]}, timeout=10)
    assert answer.json()["data"] == {"shop": {"name": "demo"}}


def test_a_part_that_does_not_start_is_shown_and_nothing_stays(sandbox, monkeypatch, tmp_path: Path):
    stack.down(sandbox)
    with monkeypatch.context() as patch:
        patch.setenv("AIRFLOW__CORE__EXECUTOR", "NoSuchExecutor")
        with pytest.raises(processes.ProcessFailed, match="NoSuchExecutor"):
            stack.up(sandbox)

    assert marked_names(sandbox) == []
