"""The settings of this installation: schedules and parameter defaults, from a file, never a database."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from oms.catalog import JOBS, Job, Json, Parameter
from oms.errors import NeedsPerson
from oms.parameters import BadParameter, as_meant, resolve
from oms.zones import is_zone

JOBS_YAML = Path(__file__).parent / "jobs.yaml"


class BadSettings(NeedsPerson, ValueError):
    """jobs.yaml says something the catalogue does not know; the message names the file and the entry."""


@dataclass(frozen=True)
class JobSettings:
    """What holds for one job here."""

    schedule: str | None
    """Cron, null: no clock."""
    time_zone: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Defaults that differ from the catalogue's, as written in the file."""

    def default_of(self, parameter: Parameter) -> Json:
        """The value that a run has when it gives none."""
        spellings = (parameter.name, *parameter.aliases)
        written = next((self.parameters[s] for s in spellings if s in self.parameters), parameter.default)
        return as_meant(parameter.said_as, written)


def job_settings(job: Job) -> JobSettings:
    """The job's schedule and parameter defaults in this installation.

    Raises:
        BadSettings: the file cannot be read, or names what the catalogue does not have.
    """
    path = Path(os.environ.get("OMS_JOBS_YAML") or JOBS_YAML)
    try:
        written = _read(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise BadSettings(f"cannot read {path} (OMS_JOBS_YAML): {error}") from error
    entry = written["jobs"].get(job.dag_id) or {}
    return JobSettings(
        entry.get("schedule", job.schedule), written["time_zone"], entry.get("parameters") or {}
    )


@lru_cache(maxsize=4)
def _read(path: Path, _mtime_ns: int) -> dict[str, Any]:
    try:
        written = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise BadSettings(f"{path} is not valid YAML: {error}") from error
    _known(path, "", written, {"time_zone", "jobs"})
    settings = {"time_zone": written.get("time_zone") or "UTC", "jobs": written.get("jobs") or {}}
    if not is_zone(str(settings["time_zone"])):
        raise BadSettings(f"{path}: time_zone {settings['time_zone']!r} is not a known time zone")
    _known(path, "jobs.", settings["jobs"], set(JOBS))
    for dag_id, entry in settings["jobs"].items():
        _known(path, f"jobs.{dag_id}.", entry or {}, {"schedule", "parameters"})
        _check_parameters(path, JOBS[dag_id], (entry or {}).get("parameters") or {})
    return settings


def _known(path: Path, prefix: str, entries: Any, known: set[str]) -> None:
    if not isinstance(entries, dict):
        raise BadSettings(
            f"{path}: {prefix or 'the file'} must be a list of names with values, not {entries!r}"
        )
    for name in entries:
        if name not in known:
            raise BadSettings(f"{path}: {prefix}{name} is unknown; known are {', '.join(sorted(known))}")


def _check_parameters(path: Path, job: Job, parameters: Mapping[str, Any]) -> None:
    left_to_the_run = {p.name: _stand_in(p.types) for p in job.parameters if p.required and p.default is None}
    try:
        resolve(job, {}, left_to_the_run | dict(parameters))
    except BadParameter as wrong:
        raise BadSettings(f"{path}: jobs.{job.dag_id}.parameters: {wrong}") from wrong


def _stand_in(types: tuple[str, ...]) -> Any:
    """Some value of the type: what a run must give itself is not this file's to give."""
    return ["?"] if "array" in types else "?"
