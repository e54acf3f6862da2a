"""Turns what a run was given into checked parameters, before anything has happened (architecture.md 8.8)."""

import math
import re
from collections.abc import Mapping
from typing import Any

from oms.catalog import ImportJob, Job, Parameter
from oms.errors import NeedsPerson
from oms.filenames import BadPattern, check_pattern
from oms.remote import CONTROL

_JSON_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "array": list,
    "object": dict,
    "null": type(None),
}


class BadParameter(NeedsPerson, ValueError):
    """The run must not start. The message names the parameter, its value and what it should have been."""

    def __init__(self, name: str, value: Any, expected: str) -> None:
        self.name, self.value, self.expected = name, value, expected
        shown = repr(value)
        if len(shown) > LONGEST_SHOWN:
            shown = f"{shown[:LONGEST_SHOWN]}… ({len(shown)} characters)"
        super().__init__(f"parameter {name} = {shown}: expected {expected}")


LONGEST_SHOWN = 200
LONGEST_TEXT = 1_000
"""Characters of one text: what is longer is no path, name or id but something pasted by mistake."""
LARGEST = 2**63 - 1
"""What the database can hold of a whole number."""
LONGEST_NAME = 255
"""Bytes of a file or folder name, as file systems have it."""


def resolve(job: Job, conf: Mapping[str, Any], overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The value of every parameter of the job under its canonical name.

    A value of the run (`conf`) beats one of the installation (`overrides`, from jobs.yaml), which beats the
    catalogue's default. Seed spellings are accepted in both. A key of `additionalParameters` counts as the
    parameter of that name. For an import, `importPath` and `scheduleNow` come back filled in.

    Raises:
        BadParameter: unknown key, wrong type or value, a required parameter without a value.
    """
    installed = _canonical(job, overrides or {}, {})
    defaults = {p.name: installed.get(p.name, p.default) for p in job.parameters}
    given = defaults | _canonical(job, conf, defaults)
    for parameter in job.parameters:
        check(job, parameter, given[parameter.name])
    values = given | _additional(job, given, defaults)
    if isinstance(job, ImportJob):
        values["importPath"] = (values["importPath"] or job.config(values["configId"]).import_path).rstrip(
            "/"
        )
        if values["scheduleNow"] is None:
            values["scheduleNow"] = job.schedule_now
    return values


def is_given(
    job: Job, name: str, conf: Mapping[str, Any], overrides: Mapping[str, Any] | None = None
) -> bool:
    """Whether the run names a value of its own; the form sends the defaults along, which are none."""
    installed = _canonical(job, overrides or {}, {})
    defaults = {p.name: installed.get(p.name, p.default) for p in job.parameters}
    return _canonical(job, conf, defaults).get(name) not in (None, defaults[name])


def connection_id(property_resource: str) -> str:
    """The Airflow connection that a propertyResource stands for (inventory.md 3.3)."""
    return property_resource.lower()


def check(job: Job, parameter: Parameter, value: Any) -> None:
    """Refuse a value that the parameter does not allow."""
    if value is None and parameter.required:
        raise BadParameter(parameter.name, value, f"a value: {parameter.description}")
    if not any(_is(value, name) for name in parameter.types):
        raise BadParameter(parameter.name, value, " or ".join(parameter.types))
    if value is None:
        return
    values = value if isinstance(value, list) else [value]
    if isinstance(value, list) and not all(isinstance(item, str) for item in value):
        raise BadParameter(parameter.name, value, "a list of texts")
    if parameter.required and value in ("", []):
        raise BadParameter(parameter.name, value, f"a value: {parameter.description}")
    _check_texts(parameter.name, value)
    for item in values:
        if parameter.enum and item not in parameter.enum:
            raise BadParameter(parameter.name, value, f"one of {', '.join(map(repr, parameter.enum))}")
    if isinstance(value, float) and not math.isfinite(value):
        raise BadParameter(parameter.name, value, "a number")
    if isinstance(value, int | float) and abs(value) > LARGEST:
        raise BadParameter(parameter.name, value, f"a number from {-LARGEST} to {LARGEST}")
    if parameter.minimum is not None and value < parameter.minimum:
        raise BadParameter(parameter.name, value, f"at least {parameter.minimum}")
    if parameter.maximum is not None and value > parameter.maximum:
        raise BadParameter(parameter.name, value, f"at most {parameter.maximum}")
    if parameter.check:
        _CHECKS[parameter.check](job, parameter.name, value)


def _check_texts(name: str, value: Any) -> None:
    """Refuse texts that no column, file name or log line can hold, wherever they stand in the value."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        for item in value:
            _check_texts(name, item)
    if not isinstance(value, str):
        return
    if "\x00" in value or any("\ud800" <= sign <= "\udfff" for sign in value):
        raise BadParameter(name, value, "a text without NUL and without halves of characters (surrogates)")
    if len(value) > LONGEST_TEXT:
        raise BadParameter(name, value, f"at most {LONGEST_TEXT} characters")


def _is(value: Any, json_type: str) -> bool:
    if isinstance(value, bool) and json_type in ("integer", "number"):
        return False
    return isinstance(value, _JSON_TYPES[json_type])


def _canonical(job: Job, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The given values under canonical names; the form sends defaults along, which lose against an alias."""
    names = {spelling: p.name for p in job.parameters for spelling in (p.name, *p.aliases)}
    values: dict[str, Any] = {}
    types = {p.name: p.types for p in job.parameters}
    meant = {p.name: p.said_as for p in job.parameters}
    for key, value in given.items():
        if key not in names:
            raise BadParameter(
                key, value, f"one of {job.dag_id}'s parameters: {', '.join(sorted(set(names.values())))}"
            )
        name = names[key]
        value = as_meant(meant[name], value)
        if value in ("", []) and "null" in types[name]:
            value = None  # an emptied field of the form
        if name in values and values[name] != value:
            told = [one for one in (values[name], value) if one != defaults.get(name)]
            if len(told) != 1:
                raise BadParameter(
                    key, value, f"the same value as {name} = {values[name]!r}, or only one of the two"
                )
            value = told[0]
        values[name] = value
    return values


SWITCHES = {"enabled": True, "true": True, "disabled": False, "false": False}
TEXTS = {
    "switch": re.compile(rf"(?ai)^\s*({'|'.join(SWITCHES)})\s*$"),
    "minutes": re.compile(r"(?ai)^\s*([0-9]{1,9})\s*(?:min|mins|minute|minutes)?\s*$"),
}
"""What a text of the product documents looks like, by what it stands for; also Airflow's check of it."""


def as_meant(said_as: str | None, value: Any) -> Any:
    """The value behind a text of the product documents; any other value as it is."""
    if said_as is None or not isinstance(value, str) or not (found := TEXTS[said_as].search(value)):
        return value
    return SWITCHES[found[1].lower()] if said_as == "switch" else int(found[1])


def _additional(job: Job, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of additionalParameters as parameters of their own."""
    allowed = {p.name: p for p in job.parameters if p.additional}
    values: dict[str, Any] = {}
    for key, value in (given.get("additionalParameters") or {}).items():
        name = f"additionalParameters.{key}"
        if key not in allowed:
            raise BadParameter(name, value, f"one of {', '.join(sorted(allowed))}")
        try:
            check(job, allowed[key], value)
        except BadParameter as wrong:
            raise BadParameter(name, value, wrong.expected) from wrong
        if given[key] not in (defaults[key], value):
            raise BadParameter(
                name, value, f"the same value as {key} = {given[key]!r}, or only one of the two"
            )
        values[key] = value
    return values


def _check_path(_job: Job, name: str, value: str) -> None:
    parts = value.split("/")
    if ".." in parts or "\\" in value:
        raise BadParameter(name, value, "a folder of the SFTP server, without '..'")
    if parts[0].startswith("~"):
        raise BadParameter(name, value, "a folder relative to the login's home, as SFTP knows no '~'")
    if CONTROL.search(value) or any(part != part.strip() for part in parts):
        raise BadParameter(
            name,
            value,
            "folders whose names have no line breaks or control characters, and no blanks at their ends",
        )
    if any(len(part.encode()) > LONGEST_NAME for part in parts):
        raise BadParameter(name, value, f"folders whose names have at most {LONGEST_NAME} bytes")


def _check_file_name(_job: Job, name: str, value: str) -> None:
    if "/" in value or "\\" in value or value in (".", "..") or len(value.encode()) > LONGEST_NAME:
        raise BadParameter(
            name, value, f"the name of one file, without a folder, of at most {LONGEST_NAME} bytes"
        )
    if CONTROL.search(value):
        raise BadParameter(
            name, value, "a name without line breaks or control characters: others are never taken"
        )


def _check_file_pattern(_job: Job, name: str, value: str) -> None:
    try:
        check_pattern(value)
    except BadPattern as bad:
        raise BadParameter(name, value, str(bad)) from bad


def _check_config_id(job: Job, name: str, value: str) -> None:
    if isinstance(job, ImportJob) and value not in job.config_ids:
        raise BadParameter(name, value, f"one of {', '.join(job.config_ids)}")


def _check_property_resource(_job: Job, name: str, value: str) -> None:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]{0,99}", value):
        raise BadParameter(name, value, "the name of an SFTP connection, such as FTP_CONFIG")


_CHECKS = {
    "path": _check_path,
    "file_name": _check_file_name,
    "file_pattern": _check_file_pattern,
    "config_id": _check_config_id,
    "property_resource": _check_property_resource,
}
