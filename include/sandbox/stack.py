"""The whole sandbox: Postgres, SFTP, the local shop and Airflow, brought up and taken down together.

`up` lays out what is needed, has the watchdog start it, and returns when Airflow answers. The watchdog is the
parent of every part, which alone is told how a process ends, and starts again what ends.
`down` ends all of it, whole process groups, and keeps the data for the next `up`. A connection that is set in
the environment replaces the sandbox's own service.
"""

import contextlib
import fcntl
import importlib.metadata
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import sql

from oms import catalog, database
from oms.addresses import dsn_of_connection
from sandbox import connections, postgres, processes, sftp
from sandbox.airflow_api import AirflowApi
from sandbox.layout import PROJECT, Sandbox
from sandbox.processes import LOOPBACK, MARK, Started
from sandbox.progress import say, step

FAKESHOP_PORT = 18090
AIRFLOW_PORT = 8080
COMPONENTS = {
    "api-server": [],
    # The log servers would listen on every address of the machine; the API server reads the same files.
    "scheduler": ["--skip-serve-logs"],
    "dag-processor": [],
    "triggerer": ["--skip-serve-logs"],
}
TITLES = {"postgres": "Postgres", "sftp": "SFTP server", "fakeshop": "local shop"}
OWN_DATABASES = ("oms", "airflow")
SHOP = "demo"
API_VERSION = "2026-10"
POOLS = PROJECT / "config" / "pools.json"


class AlreadyUp(RuntimeError):
    """The sandbox runs already; nothing was changed."""


@dataclass
class Run:
    """What `up` and the watchdog start processes with."""

    sandbox: Sandbox
    given: dict[str, str]
    """Connections and Airflow settings of the user's: they win over ours."""
    empty: bool = False
    environment: dict[str, str] = field(default_factory=dict)
    """What we tell our processes; kept for shells and programs in env.sh and env.json."""

    def start(self, name: str, command: list[str], log: str) -> Started:
        """Start a Python module as a process of this sandbox."""
        process = processes.start(
            name,
            [sys.executable, "-m", *command],
            log=self.sandbox.logs / log,
            env=self.process_environment(),
            cwd=PROJECT,
        )
        return self.started(process)

    def process_environment(self) -> dict[str, str]:
        """The user's environment without what would lead Python, Airflow or libpq elsewhere, then ours."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "AIRFLOW", "PG"))}
        paths = [str(Path(sys.executable).parent), inherited.get("PATH", os.defpath)]
        return inherited | {
            "PATH": os.pathsep.join(paths),
            "PYTHONUNBUFFERED": "1",
            MARK: self.sandbox.mark,
            "SPT_NOENV": "1",  # or Airflow's new process names are written over the mark
            **self.environment,
            **self.given,
        }

    def port(self, name: str, default: int) -> int:
        """The port of last time or the default, or a free one when it is taken; then it says so."""
        with self.sandbox.changing_state() as state:
            preferred = state.ports.get(name, default)
            port = state.ports[name] = processes.free_port(preferred)
        if port != preferred:
            say(f"         port {preferred} is taken: {name} uses {port}")
        return port

    def want(self, names: list[str]) -> None:
        """Have the watchdog start these parts, and again whenever they end."""
        with self.sandbox.changing_state() as state:
            state.wanted += names

    def wait_for(self, name: str) -> None:
        """Return when the part is up; raise ProcessFailed if some part has ended instead."""
        deadline = time.monotonic() + 120
        while not self.is_up(name):
            raise_what_ended(self.sandbox)
            if time.monotonic() > deadline:
                log = processes.end_of_log(str(self.sandbox.logs / "watchdog.log"))
                raise processes.ProcessFailed(f"{name} is not up after 120 s. {log}")
            time.sleep(0.05)

    def is_up(self, name: str) -> bool:
        """Whether the watchdog has started the part and it listens."""
        state = self.sandbox.read_state()
        return name in {one.name for one in state.started} and processes.listening(state.ports[name])

    def started(self, process: Started) -> Started:
        """Remember a process at once, so that a failure or a crash after this still finds it."""
        with self.sandbox.changing_state() as state:
            state.started = [one for one in state.started if one.name != process.name] + [process]
        return process

    def ended(self, process: Started) -> None:
        """Forget a process that has done its work."""
        with self.sandbox.changing_state() as state:
            state.started.remove(process)


def run_of(sandbox: Sandbox) -> Run:
    """What the last `up` has started processes with."""
    return Run(sandbox, given={}, environment=sandbox.read_environment())


@contextlib.contextmanager
def _alone(sandbox: Sandbox) -> Iterator[None]:
    """Keep a second `up` or `down` on the same folder out."""
    sandbox.make()
    with (sandbox.folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyUp(f"another command is at work on {sandbox.folder}") from None
        yield


def up(sandbox: Sandbox, *, empty: bool = False) -> dict[str, str]:
    """Bring everything up; return the environment of its processes (connections, Airflow settings).

    empty: the sandbox's own OMS database and SFTP folders start without what earlier runs left there.

    Raises AlreadyUp if it is up, ProcessFailed with the end of the log if a part does not come up; then
    nothing is left running.
    """
    with _alone(sandbox):
        state = sandbox.read_state()
        alive = [one for one in state.started if one.process()]
        if alive and len(alive) == len(state.started):
            raise AlreadyUp(f"the sandbox in {sandbox.folder} is up already")
        if state.started or processes.marked(sandbox.mark):
            with step("clearing what an earlier run left"):
                _end_everything(sandbox)
        given = connections.given(sandbox.own_environment())
        run = Run(sandbox, given, empty=empty)
        try:
            _bring_up(run)
        except BaseException:
            _end_everything(sandbox)
            raise
        return run.environment | run.given


def _bring_up(run: Run) -> None:
    run.environment = _base_environment(run.sandbox)
    with step("data, keys and ports"):
        services = [*_prepare_shop(run), *_prepare_sftp(run), *_prepare_databases(run)]
        _prepare_airflow(run)
        run.sandbox.write_environment(run.environment, run.given)
    run.want(services)
    run.start("watchdog", ["sandbox.watchdog", str(run.sandbox.folder)], "watchdog.log")
    for name in services:
        with step(TITLES[name]) as current:
            run.wait_for(name)
            current.note = f"{LOOPBACK}:{run.sandbox.read_state().ports[name]}"
    _databases(run)
    _airflow(run)


def _results(tasks: list[Future]) -> None:
    for task in tasks:
        task.result()


def _base_environment(sandbox: Sandbox) -> dict[str, str]:
    """What our processes, and a shell that sources env.sh, need to find our code."""
    return {
        "PYTHONPATH": os.pathsep.join([str(PROJECT / "include"), str(PROJECT / "plugins")]),
        "TZ": "UTC",
        # Airflow's own; it would stand in the log of every task
        "PYTHONWARNINGS": "ignore:GitWildMatchPattern",
        "AIRFLOW_HOME": str(sandbox.airflow_home),
    }


def _prepare_databases(run: Run) -> list[str]:
    """Lay out our own Postgres unless both databases are given."""
    if connections.OMS_DB in run.given:
        say("         AIRFLOW_CONN_OMS_DB is set: that database is used")
        run.environment["OMS_DSN"] = dsn_of_connection(run.given[connections.OMS_DB], connections.OMS_DB)
    if connections.OMS_DB in run.given and connections.METADATA_DB in run.given:
        return []
    cluster = postgres.prepare(run.sandbox.folder / "postgres")
    postgres.stop(cluster)
    port = run.port("postgres", postgres.DEFAULT_PORT)
    dsn, metadata = (
        replace(cluster, port=port).dsn(name, user=name, password=run.sandbox.secret(f"{name} database"))
        for name in OWN_DATABASES
    )
    run.environment.setdefault("OMS_DSN", dsn)
    run.environment[connections.OMS_DB] = connections.postgres(
        LOOPBACK, port, "oms", run.sandbox.secret("oms database"), "oms"
    )
    run.environment[connections.METADATA_DB] = metadata.replace("postgresql:", "postgresql+psycopg2:")
    return ["postgres"]


def _databases(run: Run) -> None:
    """Make both databases if Postgres is our own; bring both schemas up to date."""
    state = run.sandbox.read_state()
    if "postgres" in state.wanted:
        cluster = postgres.prepare(run.sandbox.folder / "postgres", port=state.ports["postgres"])
        for name in OWN_DATABASES:
            postgres.ensure_database(cluster, name, run.sandbox.secret(f"{name} database"))
    with ThreadPoolExecutor(max_workers=2) as pool:
        _results([pool.submit(_migrate_airflow, run), pool.submit(_migrate_oms, run)])


def _start_postgres(run: Run) -> None:
    home, port = run.sandbox.folder / "postgres", run.sandbox.read_state().ports["postgres"]
    cluster = postgres.prepare(home, port=port)
    run.started(postgres.start(cluster, env=run.process_environment()))


def _migrate_oms(run: Run) -> None:
    with step("tables of the OMS"):
        if run.empty and connections.OMS_DB not in run.given:
            with psycopg.connect(run.environment["OMS_DSN"]) as conn:
                conn.execute("drop schema if exists oms, oms_staging cascade")
        database.migrate(run.environment["OMS_DSN"])


def _migrate_airflow(run: Run) -> None:
    """Migrate Airflow's own database unless this version of Airflow has done it already."""
    address = (run.environment | run.given)[connections.METADATA_DB]
    dsn = address.replace("postgresql+psycopg2:", "postgresql:").replace("postgresql+psycopg:", "postgresql:")
    version = f"Airflow {importlib.metadata.version('apache-airflow-core')}"
    if _database_comment(dsn) == version:
        return
    with step(f"tables of {version} (only the first time)"):
        migration = run.start("airflow db migrate", ["airflow", "db", "migrate"], "airflow-db-migrate.log")
        processes.finish(migration, seconds=300)
        run.ended(migration)
        _set_database_comment(dsn, version)


def _database_comment(dsn: str) -> str | None:
    query = "select shobj_description(oid, 'pg_database') from pg_database where datname = current_database()"
    with psycopg.connect(dsn) as conn:
        return conn.execute(query).fetchone()[0]


def _set_database_comment(dsn: str, text: str) -> None:
    with psycopg.connect(dsn) as conn:
        name = sql.Identifier(conn.info.dbname)
        conn.execute(sql.SQL("comment on database {} is {}").format(name, sql.Literal(text)))


def _prepare_sftp(run: Run) -> list[str]:
    if {connections.FTP_CONFIG, connections.FTP_EXP_CONFIG} <= run.given.keys():
        say("         both AIRFLOW_CONN_FTP_ connections are set: those servers are used")
        return []
    server = sftp.prepare(run.sandbox.folder / "sftp", port=run.port("sftp", sftp.DEFAULT_PORT))
    if run.empty:
        shutil.rmtree(server.root)
    for folder in import_folders():
        (server.root / folder).mkdir(parents=True, exist_ok=True)
    run.environment[connections.FTP_CONFIG] = json.dumps(server.connection(by_key=True))
    run.environment[connections.FTP_EXP_CONFIG] = json.dumps(server.connection(by_key=False))
    return ["sftp"]


def _start_sftp(run: Run) -> None:
    server = sftp.prepare(run.sandbox.folder / "sftp", port=run.sandbox.read_state().ports["sftp"])
    run.started(sftp.start(server, env=run.process_environment()))


def import_folders() -> list[str]:
    """The SFTP folders in which jobs look for files, as the catalogue has them."""
    folders = set()
    for job in catalog.JOBS.values():
        if isinstance(job, catalog.ImportJob):
            folders |= {config.import_path for config in job.configs}
        else:
            folders |= {one.default for one in job.parameters if one.name == "importPath"}
    return sorted(folders)


def _prepare_shop(run: Run) -> list[str]:
    shops = [name for name in run.given if name.startswith(connections.SHOPIFY_PREFIX)]
    if shops:
        say(f"         {', '.join(shops)} set: the local shop is not started")
        return []
    token, secret = run.sandbox.secret("shop token"), run.sandbox.secret("shop secret")
    url = f"http://{LOOPBACK}:{run.port('fakeshop', FAKESHOP_PORT)}"
    shop = {"shop": SHOP, "access_token": token, "client_secret": secret}
    processes.write_secret(run.sandbox.folder / "fakeshop.json", json.dumps({"shops": [shop]}))
    run.environment["FAKESHOP_URL"] = url
    run.environment[f"{connections.SHOPIFY_PREFIX}{SHOP.upper()}"] = connections.shopify(
        f"{url}/{SHOP}", token, API_VERSION, client_secret=secret, domain=f"{SHOP}.myshopify.com"
    )
    return ["fakeshop"]


def _start_shop(run: Run) -> None:
    folder, port = run.sandbox.folder, run.sandbox.read_state().ports["fakeshop"]
    options = [
        "--port",
        str(port),
        "--data",
        str(folder / "fakeshop"),
        "--config",
        str(folder / "fakeshop.json"),
    ]
    run.start("fakeshop", ["fakeshop", *options], "fakeshop.log")


def airflow_settings(run: Run) -> dict[str, str]:
    """Airflow's settings: LocalExecutor, our folders, generated secrets, short loops for quick hops."""
    sandbox, port = run.sandbox, run.sandbox.read_state().ports["airflow"]
    url = f"http://{LOOPBACK}:{port}"
    return {
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAG_DISCOVERY_SAFE_MODE": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": str(max(8, 2 * (os.cpu_count() or 1))),
        "AIRFLOW__CORE__FERNET_KEY": sandbox.secret("fernet"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        "AIRFLOW__API__HOST": LOOPBACK,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": sandbox.secret("api"),
        "AIRFLOW__API_AUTH__JWT_SECRET": sandbox.secret("jwt"),
        "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(sandbox.airflow_home / "logs"),
        "AIRFLOW__LOGGING__NAMESPACE_LEVELS": "asyncssh=WARNING paramiko=WARNING",
        "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
        "AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC": "2",
        "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2",
        # Airflow waits five minutes before it takes up again what a dead scheduler or worker had begun.
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "20",
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
        "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "20",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "2",
        "AIRFLOW__DAG_PROCESSOR__DAG_VERSION_INFLATION_CHECK_LEVEL": "error",
    }


def _prepare_airflow(run: Run) -> None:
    run.port("airflow", AIRFLOW_PORT)
    run.environment |= airflow_settings(run)
    processes.write_secret(
        run.sandbox.airflow_home / "simple_auth_manager_passwords.json.generated",
        json.dumps({"admin": run.sandbox.secret("admin")}),
    )


def _airflow(run: Run) -> None:
    since = datetime.now(UTC)
    api = api_of(run.sandbox)
    with step("Airflow") as current:
        run.want([f"airflow {name}" for name in COMPONENTS])
        _wait_for_airflow(run, api, since)
        api.warm_up()
        api.ensure_pools(json.loads(POOLS.read_text()))
        current.note = api.base_url


def _wait_for_airflow(run: Run, api: AirflowApi, since: datetime) -> None:
    deadline = time.monotonic() + 300
    waiting: list[str] = []
    while silent := api.silent_components(since):
        raise_what_ended(run.sandbox)
        if time.monotonic() > deadline:
            raise processes.ProcessFailed(f"Airflow is not up in 300 s: no sign of {', '.join(silent)}")
        if silent != waiting:
            say(f"         waiting for {', '.join(silent)}")
            waiting = silent
        time.sleep(0.3)


def raise_what_ended(sandbox: Sandbox) -> None:
    """The watchdog starts everything again; while the sandbox comes up, that means that it cannot."""
    state = sandbox.read_state()
    logs = {one.name: one.log for one in state.started}
    ended = {name: hows[0] for name, hows in state.ended.items()}
    ended |= {one.name: one.ending() for one in state.started if one.name == "watchdog" and not one.process()}
    for name, how in ended.items():
        if name not in logs:
            raise processes.ProcessFailed(how)
        end = processes.end_of_log(logs[name])
        raise processes.ProcessFailed(f"{name} ended while the sandbox was starting: {how}. {end}")


def _start_component(name: str) -> Callable[[Run], object]:
    command = ["airflow", name, *COMPONENTS[name]]
    return lambda run: run.start(f"airflow {name}", command, f"airflow-{name}.log")


PARTS: dict[str, Callable[[Run], object]] = {
    "postgres": _start_postgres,
    "sftp": _start_sftp,
    "fakeshop": _start_shop,
    **{f"airflow {name}": _start_component(name) for name in COMPONENTS},
}
"""What starts each part, the first time or again, in the folder and with the ports that `up` has prepared."""


def api_of(sandbox: Sandbox) -> AirflowApi:
    """A client for the REST API of a sandbox that is up or coming up."""
    url = sandbox.read_environment()["AIRFLOW__API__BASE_URL"]
    return AirflowApi(url, "admin", sandbox.secret("admin"))


def down(sandbox: Sandbox) -> int:
    """End every process that `up` started; return how many parts were running."""
    with _alone(sandbox):
        alive = len([one for one in sandbox.read_state().started if one.process()])
        _end_everything(sandbox)
        return alive


def _end_everything(sandbox: Sandbox) -> None:
    """The watchdog first, Airflow, what it talks to, Postgres; then whatever carries the sandbox's mark."""
    processes.end_all([one for one in sandbox.read_state().started if one.name == "watchdog"])
    started = sandbox.read_state().started
    airflow = [one for one in started if one.name.startswith("airflow")]
    others = [one for one in started if one not in airflow and one.name != "postgres"]
    # SIGINT, since the triggerer takes ten seconds over a SIGTERM; running tasks are not waited for.
    processes.end_all(airflow, first=signal.SIGINT, grace=4)
    processes.end_all(others)
    home = sandbox.folder / "postgres"
    for cluster in postgres.clusters_of(home):
        postgres.stop(cluster)
    processes.end_marked(sandbox.mark)
    with sandbox.changing_state() as state:
        state.started.clear()
        state.ended.clear()
        state.wanted.clear()


def status(sandbox: Sandbox) -> list[tuple[str, int, str, str]]:
    """Name, pid, state and log of every part; the state says how it ended before, if it did."""
    state = sandbox.read_state()
    rows = []
    for one in state.started:
        ended = state.ended.get(one.name, [])
        again = f"; started again {len(ended)}x, last: {ended[-1]}" if ended else ""
        rows.append((one.name, one.pid, ("running" if one.process() else "ended") + again, one.log))
    return rows


def has_database(sandbox: Sandbox) -> bool:
    """Whether the OMS database of the last `up` answers."""
    dsn = sandbox.read_environment().get("OMS_DSN")
    if dsn is None:
        return False
    try:
        psycopg.connect(dsn, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def clean(sandbox: Sandbox) -> None:
    """Take everything down and delete the sandbox's folder: data, keys, passwords, logs."""
    down(sandbox)
    postgres.clean(sandbox.folder / "postgres")
    shutil.rmtree(sandbox.folder)


def addresses(sandbox: Sandbox) -> list[str]:
    """Where a person finds things, with the login."""
    environment = sandbox.read_environment()
    login = f"user admin, password {sandbox.secret('admin')}"
    lines = [f"Airflow     {environment['AIRFLOW__API__BASE_URL']}   {login}"]
    if url := environment.get("FAKESHOP_URL"):
        lines.append(f"Local shop  {url}")
    lines.append(f"Airflow CLI source {os.path.relpath(sandbox.env_script)}")
    return lines
