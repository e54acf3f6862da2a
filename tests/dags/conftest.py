"""Runs of whole DAGs in this process: Airflow's own database in a file, ours and the shop's for real."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import BundleDagBag, DagBag, sync_bag_to_db
from psycopg.conninfo import conninfo_to_dict

from fakeshop.testing import ShopServer
from sandbox import sftp
from tests.conftest import PROJECT
from tests.oms.sync.bench import Bench, bench


def oms_connection(dsn: str) -> str:
    """The Airflow connection (JSON) of a libpq address."""
    found = conninfo_to_dict(dsn)
    return json.dumps(
        {
            "conn_type": "postgres",
            "host": found["host"],
            "port": int(found["port"]),
            "login": found["user"],
            "password": found.get("password"),
            "schema": found["dbname"],
        }
    )


@pytest.fixture(scope="session")
def airflow_db() -> None:
    """Airflow's own tables and the DAGs in them, once."""
    from airflow.utils.db import initdb

    initdb()
    manager = DagBundlesManager()
    manager.sync_bundles_to_db()
    for bundle in manager.get_all_dag_bundles():
        bundle.initialize()
        found = BundleDagBag(dag_folder=bundle.path, bundle_path=bundle.path, bundle_name=bundle.name)
        sync_bag_to_db(found, bundle.name, bundle.version)


@pytest.fixture(scope="session")
def bag() -> DagBag:
    return DagBag(dag_folder=str(PROJECT / "dags"), collect_dags=True)


@pytest.fixture
def connections(
    oms_dsn: str, sftp_server: sftp.Server, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, str], None]:
    """The connections oms_db and ftp_config; the result sets further ones."""

    def set_connection(connection_id: str, value: str) -> None:
        monkeypatch.setenv(f"AIRFLOW_CONN_{connection_id.upper()}", value)

    set_connection("oms_db", oms_connection(oms_dsn))
    set_connection("ftp_config", json.dumps(sftp_server.connection(by_key=True)))
    return set_connection


@pytest.fixture
def oms(shop_server: ShopServer, oms_dsn: str, connections: Callable[[str, str], None]) -> Iterator[Bench]:
    """A warehouse and a shop server without shops; the connection of the shop `demo` is set."""
    connections("shopify_demo", shop_server.connection_uri("demo"))
    connections("shopify_other", shop_server.connection_uri("other"))
    with bench(shop_server, oms_dsn) as made:
        yield made


@pytest.fixture
def run(airflow_db: None, bag: DagBag) -> Callable[..., Any]:
    """Run a DAG to its end: `run("dag_id", {"parameter": value})` returns Airflow's run."""

    def start(dag_id: str, conf: dict[str, Any] | None = None) -> Any:
        with pytest.MonkeyPatch.context() as patch:  # or each run parses and stores all DAGs anew
            patch.setattr(DagBundlesManager, "get_all_dag_bundles", lambda _: [])
            return bag.dags[dag_id].test(run_conf=conf)

    return start


def states(dag_run: Any) -> dict[str, list[str]]:
    """The states of a run's tasks, one for each mapped instance."""
    found: dict[str, list[str]] = {}
    for instance in sorted(dag_run.get_task_instances(), key=lambda one: (one.task_id, one.map_index)):
        found.setdefault(instance.task_id, []).append(str(instance.state))
    return found
