"""The demonstration is the end-to-end test: a real scheduler, real files, and a check of every number."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.layout import FOLDER_VARIABLE, PROJECT


@pytest.mark.e2e
@pytest.mark.timeout(600)
def test_every_number_of_the_demo_is_right(tmp_path: Path):
    tmp_path.chmod(0o711)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    paths = os.pathsep.join(str(PROJECT / folder) for folder in ("include", "plugins"))
    environment = inherited | {"EXIT": "1", "PYTHONPATH": paths, FOLDER_VARIABLE: str(tmp_path / "sandbox")}

    done = subprocess.run(
        [sys.executable, "-m", "sandbox", "demo"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
    assert "WRONG" not in done.stdout
