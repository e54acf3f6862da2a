"""docker-compose.yaml is valid, complete and pinned. Needs the compose program, but no Docker engine."""

import base64
import json
import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import asyncssh
import pytest
import yaml

from oms import catalog
from sandbox import compose_env, stack
from sandbox.layout import PROJECT, Sandbox

COMPOSE_FILE = PROJECT / "docker-compose.yaml"
AIRFLOW_PARTS = ("api-server", "scheduler", "dag-processor", "triggerer", "worker", "init")


def compose_program() -> list[str]:
    docker = ["docker", "compose"]
    if shutil.which("docker") and subprocess.run([*docker, "version"], capture_output=True).returncode == 0:
        return docker
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    pytest.skip("neither `docker compose` nor `docker-compose` is installed (apt-get install docker-compose)")


def config(env_file: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [*compose_program(), "--file", COMPOSE_FILE, "--env-file", env_file, "config", *options]
    clean = {"PATH": subprocess.os.environ["PATH"], "HOME": str(env_file.parent)}
    return subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, env=clean)


@pytest.fixture(scope="module")
def env_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("compose") / ".env"
    path.write_text(compose_env.filled((PROJECT / ".env.example").read_text()))
    return path


@pytest.fixture(scope="module")
def services(env_file: Path) -> dict[str, dict]:
    done = config(env_file)
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)["services"]


def test_config_is_valid_without_a_word(env_file):
    done = config(env_file, "-q")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_without_its_secrets_it_is_refused():
    done = config(PROJECT / ".env.example", "-q")

    assert done.returncode != 0
    assert "run make env" in done.stderr


def test_every_image_is_pinned():
    images = re.findall(r"^\s+image: (\S+)$", COMPOSE_FILE.read_text(), re.MULTILINE)
    for dockerfile in (PROJECT / "Dockerfile", PROJECT / "docker" / "sftp" / "Dockerfile"):
        text = dockerfile.read_text()
        stages = re.findall(r"^FROM \S+ AS (\S+)$", text, re.MULTILINE)
        images += [one for one in re.findall(r"^FROM (\S+)", text, re.MULTILINE) if one not in stages]

    assert len(images) >= 7
    for image in images:
        assert re.search(r":[^:/]+$", image), image
        assert not image.endswith(":latest")


def test_the_image_has_the_airflow_of_the_lock():
    (version,) = re.findall(
        r"^apache-airflow==(\S+)", (PROJECT / "requirements.txt").read_text(), re.MULTILINE
    )

    assert (
        f"FROM apache/airflow:{version}-python3.11 AS job-manager\n" in (PROJECT / "Dockerfile").read_text()
    )


def test_every_lasting_service_has_a_health_check(services):
    assert [name for name, service in services.items() if "healthcheck" not in service] == ["init"]


def test_what_ends_is_started_again(services):
    assert {service["restart"] for name, service in services.items() if name != "init"} == {"unless-stopped"}


def test_what_a_dead_scheduler_or_worker_had_begun_is_taken_up_as_soon_as_in_the_sandbox(services, tmp_path):
    sandbox = Sandbox(tmp_path)
    sandbox.make()
    with sandbox.changing_state() as state:
        state.ports["airflow"] = 8080
    in_the_sandbox = stack.airflow_settings(stack.Run(sandbox, given={}))

    waits = {
        name: int(value)
        for name, value in in_the_sandbox.items()
        if name.endswith(("_THRESHOLD", "_CHECK_INTERVAL", "_TIMEOUT", "_DETECTION_INTERVAL"))
        and "BUNDLE" not in name
    }

    assert len(waits) == 5
    for part in AIRFLOW_PARTS:
        assert (
            waits.items()
            <= {
                name: int(value) for name, value in services[part]["environment"].items() if name in waits
            }.items()
        )
    stale = waits["AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD"]
    silent = waits["AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT"]
    assert stale + waits["AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL"] <= 30
    assert silent + waits["AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL"] <= 40


def test_airflow_knows_these_settings(services):
    """One that it does not know is passed over without a word."""
    known = yaml.safe_load(files("airflow.config_templates").joinpath("config.yml").read_text())
    named = {name for part in AIRFLOW_PARTS for name in services[part]["environment"]}

    for name in named:
        if name.startswith(("AIRFLOW__SCHEDULER__", "AIRFLOW__TRIGGERER__", "AIRFLOW__DAG_PROCESSOR__")):
            _, section, option = name.lower().split("__")
            assert option in known[section]["options"], name


def test_airflow_waits_for_the_migrations(services):
    for name in AIRFLOW_PARTS:
        if name != "init":
            assert services[name]["depends_on"]["init"]["condition"] == "service_completed_successfully"


def test_all_parts_of_airflow_share_their_secrets(services):
    shared = (
        "AIRFLOW__API_AUTH__JWT_SECRET",
        "AIRFLOW__API__SECRET_KEY",
        "AIRFLOW__CORE__FERNET_KEY",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
    )
    for name in shared:
        values = {services[part]["environment"][name] for part in AIRFLOW_PARTS}
        assert len(values) == 1
        assert all(values)


@pytest.mark.parametrize("name", ["OMS_DB", "FTP_CONFIG", "FTP_EXP_CONFIG", "SHOPIFY_DEMO"])
def test_connections_are_json_with_their_secret(services, name):
    connection = json.loads(services["worker"]["environment"][f"AIRFLOW_CONN_{name}"])

    assert connection["conn_type"] in ("postgres", "sftp", "http")
    assert len(connection["password"]) >= 32


def test_the_host_key_that_clients_check_is_the_servers(services):
    connection = json.loads(services["worker"]["environment"]["AIRFLOW_CONN_FTP_CONFIG"])
    private = base64.b64decode(services["sftp"]["environment"]["SFTP_HOST_KEY_BASE64"])
    public = asyncssh.import_private_key(private.decode()).export_public_key().decode()

    assert connection["extra"]["host_key"] == " ".join(public.split()[:2])


def test_the_sftp_server_has_the_folders_of_the_import_jobs(services):
    assert services["sftp"]["environment"]["SFTP_FOLDERS"].split() == stack.import_folders()


def test_ports_are_published_on_the_loopback_only(services):
    text = COMPOSE_FILE.read_text()

    assert {name for name, service in services.items() if service.get("ports")} == {
        "postgres",
        "sftp",
        "fakeshop",
        "api-server",
    }
    assert len(re.findall(r"^\s+- 127\.0\.0\.1:\$\{\w+:-\d+\}:\d+$", text, re.MULTILINE)) == 4


def test_the_example_holds_no_secret_and_two_fillings_differ():
    example = (PROJECT / ".env.example").read_text()
    first, second = compose_env.filled(example), compose_env.filled(example)
    secret_names = re.findall(r"^(\w*(?:PASSWORD|SECRET|TOKEN|KEY)\w*)=(.*)$", example, re.MULTILINE)

    assert len(secret_names) >= 12
    assert {value for _, value in secret_names} == {""}
    for name, _ in secret_names:
        values = [re.search(rf"^{name}=(.*)$", text, re.MULTILINE)[1] for text in (first, second)]
        assert (values[0] != values[1]) == (name not in compose_env.OPTIONAL)


def test_an_env_file_that_exists_is_kept(tmp_path):
    (tmp_path / ".env.example").write_text("A_PASSWORD=\n")
    compose_env.main(tmp_path)
    first = (tmp_path / ".env").read_text()
    compose_env.main(tmp_path)

    assert (tmp_path / ".env").read_text() == first
    assert re.fullmatch(r"A_PASSWORD=[0-9a-f]{48}\n", first)
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600


def test_every_pool_of_the_catalogue_is_created():
    pools = json.loads((PROJECT / "config" / "pools.json").read_text())

    assert {job.pool for job in catalog.JOBS.values()} - {"default_pool"} <= pools.keys()


@pytest.mark.parametrize(
    "script", sorted(PROJECT.glob("docker/**/*.sh")) + sorted(PROJECT.glob("tools/*.sh"))
)
def test_scripts_parse(script):
    shell = "bash" if "bash" in script.read_text().splitlines()[0] else "sh"

    done = subprocess.run([shell, "-n", script], capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
