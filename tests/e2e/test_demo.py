"""The demonstration is the end-to-end test: a real scheduler, real files, and a check of every number.

It runs under trouble: at eight points of the way a task is killed (kill -9), and Airflow's retry goes on.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from sandbox.layout import FOLDER_VARIABLE, PROJECT

KILLED_AT = (
    "land.copied",
    "apply.written",
    "close.rejects",
    "plan.stored",
    "push.answered",
    "settle.stored",
    "webhooks.written",
    "undo.written",
)


def sandbox(command: str, environment: dict[str, str], seconds: int) -> subprocess.CompletedProcess[str]:
    """Run a command of the sandbox. Raises TimeoutExpired."""
    return subprocess.run(
        [sys.executable, "-m", "sandbox", command],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )


@pytest.mark.e2e
@pytest.mark.timeout(1260)
def test_every_number_of_the_demo_is_right_though_tasks_are_killed():
    folder = Path(tempfile.mkdtemp(prefix="oms-demo-"))
    folder.chmod(0o711)  # no folder of pytest's: Postgres does not run as root and must get in
    killed = folder / "killed"
    killed.mkdir()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    paths = os.pathsep.join(str(PROJECT / folder) for folder in ("include", "plugins"))
    environment = inherited | {
        "EXIT": "1",
        "SCENE": "all",
        "PYTHONPATH": paths,
        FOLDER_VARIABLE: str(folder / "sandbox"),
        "OMS_CRASH_AT": ",".join(KILLED_AT),
        "OMS_CRASH_ONCE_FOLDER": str(killed),
    }

    try:
        done = sandbox("demo", environment, seconds=1200)
    finally:  # a demo that hangs must not leave its stack behind
        sandbox("down", environment, seconds=60)

    assert done.returncode == 0, f"{folder}\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
    assert "WRONG" not in done.stdout
    assert {point.name for point in killed.iterdir()} == set(KILLED_AT)
    sandbox("clean", environment, seconds=60)
    shutil.rmtree(folder)
