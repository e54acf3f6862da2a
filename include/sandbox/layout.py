"""The sandbox's folder: what is generated once, what runs now, and the environment of everything in it."""

import base64
import fcntl
import json
import os
import secrets
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from sandbox import postgres, processes
from sandbox.processes import Started

PROJECT = Path(__file__).resolve().parent.parent.parent
FOLDER_VARIABLE = "OMS_SANDBOX_FOLDER"

SECRETS: dict[str, Callable[[], str]] = {
    "fernet": lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    "api": lambda: secrets.token_hex(32),
    "jwt": lambda: secrets.token_hex(32),
    "admin": lambda: secrets.token_urlsafe(12),
    "oms database": lambda: secrets.token_urlsafe(24),
    "airflow database": lambda: secrets.token_urlsafe(24),
    "shop token": lambda: f"shpat_{secrets.token_hex(16)}",
    "shop secret": lambda: secrets.token_hex(16),
}


@dataclass
class State:
    """The processes that run since the last `up`, and its ports (the next one prefers them)."""

    started: list[Started] = field(default_factory=list)
    ports: dict[str, int] = field(default_factory=dict)
    wanted: list[str] = field(default_factory=list)
    """Parts that the watchdog starts, in this order, and again when they end."""
    ended: dict[str, list[str]] = field(default_factory=dict)
    """How each part came to its end and was started again, by its name; the last ones."""


@dataclass(frozen=True)
class Sandbox:
    """One sandbox; everything it writes is under `folder`."""

    folder: Path

    @classmethod
    def default(cls) -> "Sandbox":
        """`.sandbox` in the project, or the folder that OMS_SANDBOX_FOLDER names."""
        return cls(Path(os.environ.get(FOLDER_VARIABLE, PROJECT / ".sandbox")).absolute())

    @property
    def mark(self) -> str:
        return str(self.folder)

    @property
    def airflow_home(self) -> Path:
        return self.folder / "airflow"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def env_script(self) -> Path:
        return self.folder / "env.sh"

    def make(self) -> None:
        """Create the folder. Others may pass through it (the Postgres user must) but not list it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o711)
        self.airflow_home.mkdir(exist_ok=True)
        self.airflow_home.chmod(0o700)
        self.logs.mkdir(exist_ok=True)
        self.logs.chmod(0o700)
        self._make_secrets()

    def read_state(self) -> State:
        """The state of the last `up`; an empty one if there was none."""
        path = self.folder / "state.json"
        if not path.exists():
            return State()
        stored = json.loads(path.read_text())
        known = {one.name for one in fields(Started)}  # a release before this one kept other things of them
        started = [Started(**one) for one in stored["started"] if one.keys() == known]
        return State(started, stored["ports"], stored.get("wanted", []), stored.get("ended", {}))

    @contextmanager
    def changing_state(self) -> Iterator[State]:
        """The state, for one at a time; it is kept as it is at the end."""
        with (self.folder / "state.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = self.read_state()
            yield state
            stored = asdict(state)
            _replace(self.folder / "state.json", json.dumps(stored, indent=2))

    def read_environment(self) -> dict[str, str]:
        """What the last `up` gave to its processes; empty if there was none."""
        own, given = self._environment_parts()
        return own | given

    def own_environment(self) -> dict[str, str]:
        """The part of it that the sandbox made itself; the user gave the rest."""
        return self._environment_parts()[0]

    def _environment_parts(self) -> tuple[dict[str, str], dict[str, str]]:
        path = self.folder / "env.json"
        stored = json.loads(path.read_text()) if path.exists() else {"own": {}, "given": {}}
        return stored["own"], stored["given"]

    def write_environment(self, own: dict[str, str], given: dict[str, str]) -> None:
        """Keep the environment as env.json for programs and as env.sh for shells. Both hold passwords."""
        _replace(self.folder / "env.json", json.dumps({"own": own, "given": given}, indent=2))
        exports = [f"export {name}={shlex.quote(value)}" for name, value in (own | given).items()]
        # pg_dump refuses a server that is newer than itself
        programs = [Path(sys.executable).parent, postgres.binary_dir()]
        path = ":".join(shlex.quote(str(folder)) for folder in programs)
        _replace(self.env_script, "\n".join([*exports, f'export PATH={path}:"$PATH"', ""]))

    def secret(self, name: str) -> str:
        """A generated secret: the same from the first `make` of this folder on."""
        return json.loads((self.folder / "secrets.json").read_text())[name]

    def _make_secrets(self) -> None:
        path = self.folder / "secrets.json"
        known = json.loads(path.read_text()) if path.exists() else {}
        if missing := {name: new() for name, new in SECRETS.items() if name not in known}:
            _replace(path, json.dumps(known | missing, indent=2))


def _replace(path: Path, text: str) -> None:
    """Write a file that only we can read; a reader sees the old text or the new one."""
    fresh = path.with_name(path.name + ".new")
    processes.write_secret(fresh, text)
    fresh.replace(path)
