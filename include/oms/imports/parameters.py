"""The settings of an import from the parameters of its run."""

from collections.abc import Mapping
from typing import Any

from oms.catalog.model import ImportJob
from oms.imports.errors import FileRefused
from oms.imports.file_types import file_type
from oms.imports.jobs import DEFAULT_CONNECTION, Settings

ENCODINGS = ("utf-8", "cp932", "cp1252", "windows-1252", "latin-1", "utf-16")
DELIMITERS = {"tab": "\t"}
"""Names of characters that are hard to type."""
PARAMETERS = {
    "remoteFilename": "remote_filename",
    "fileNameRegex": "file_name_regex",
    "groupBy": "group_by",
    "encoding": "encoding",
    "delimiter": "delimiter",
    "force": "force",
    "maxChunks": "max_chunks",
    "minChunkRows": "min_chunk_rows",
    "settleSeconds": "settle_seconds",
    "maxUncompressedBytes": "max_uncompressed_bytes",
    "maxLines": "max_lines",
    "maxRejects": "max_rejects",
    "createdByJobID": "created_by_job_id",
}
"""Parameters that stand for a setting as they are."""


def settings_of(job: ImportJob, params: Mapping[str, Any]) -> Settings:
    """The settings of a run from its effective parameters, canonical names (inventory.md 3.3).

    A key of `additionalParameters` beats the parameter of its name; null counts as not given.
    """
    given = {**params, **(params.get("additionalParameters") or {})}
    told = {name: value for name, value in given.items() if value is not None and value != ""}
    config_id = told.get("configId", job.config_id)
    try:
        config = job.config(config_id)
    except KeyError:
        raise FileRefused(
            "ERR_CONFIG", f"configId {config_id!r} is not a configuration of {job.dag_id}"
        ) from None
    values = {
        "config_id": config_id,
        "file_type": config.file_type,
        "connection_id": told.get("propertyResource", DEFAULT_CONNECTION).lower(),
        "import_path": checked_path("importPath", told.get("importPath", config.import_path)),
        "refuse_repeated": config.refuse_repeated,
        "schedule_now": params["scheduleNow"],
        "require_final_newline": told.get("requireFinalNewline", job.kind.whole),
        "own": file_type(config.file_type).settings.told({**config.settings, **told}).as_json(),
    }
    if "maxFiles" in params:
        values["max_files"] = params["maxFiles"]
    values |= {key: told[name] for name, key in PARAMETERS.items() if name in told}
    if (name := values.get("remote_filename")) and ("/" in name or name in (".", "..")):
        raise FileRefused(
            "ERR_FILE_NAME", f"remoteFilename {name!r}: give the name of one file, without a folder"
        )
    if values.get("encoding", "utf-8") not in ENCODINGS:
        raise FileRefused(
            "ERR_ENCODING", f"encoding {values['encoding']!r}: use one of {', '.join(ENCODINGS)}"
        )
    if values.get("encoding") == "utf-16":
        values |= {"encoding": "utf-8", "from_utf_16": True}
    if "delimiter" in values:
        values["delimiter"] = DELIMITERS.get(values["delimiter"], values["delimiter"])
    return Settings(**values)


def checked_path(name: str, path: str) -> str:
    """A folder or file below the login's folder; refused if it leads out of it."""
    if ".." in path.split("/") or "\x00" in path:
        raise FileRefused("ERR_PATH", f"{name} {path!r} leads out of the folder: remove '..'")
    return path.rstrip("/") or "/"
