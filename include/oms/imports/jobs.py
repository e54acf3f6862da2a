"""What an import is told: its job, its run, and the parameters of both."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Protocol

from oms.imports.errors import FileRefused

DEFAULT_LOCATION = "TLTLTLLL01"
DEFAULT_CONNECTION = "ftp_config"
KIT = "MARKETING_PKG_PICK"
COUNT_CONFIG = "REC_INV_COUNT"
ALL_OR_NOTHING = ("delta", "document")
"""Kinds of files of which a cut one is refused as a whole (inventory.md 3.5)."""
ENCODINGS = ("utf-8", "cp932", "cp1252", "windows-1252", "latin-1", "utf-16")
DELIMITERS = {"tab": "\t"}
"""Names of characters that are hard to type."""
GIBIBYTE = 1 << 30
MAX_LINES, MAX_REJECTS = 20_000_000, 100_000


class Config(Protocol):
    """What a configId stands for (`oms.catalog.ImportConfig`)."""

    config_id: str
    file_type: str
    import_path: str
    document: str | None
    default_reason: str | None
    refuse_repeated: bool


class ImportJob(Protocol):
    """What the framework needs to know of a job (`oms.catalog.ImportJob`)."""

    dag_id: str
    kind: str
    domain: str
    config_id: str
    schedule_now: bool

    def config(self, config_id: str) -> Config: ...


@dataclass(frozen=True)
class Run:
    """The Airflow run that does the work."""

    dag_id: str
    run_id: str


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The parameters of one import, checked and filled in; stored with each log (inventory.md 3.3)."""

    config_id: str
    file_type: str
    connection_id: str
    import_path: str
    schedule_now: bool
    remote_filename: str | None = None
    file_name_regex: str | None = None
    group_by: str | None = None
    location_seq_id: str = DEFAULT_LOCATION
    default_id_type: str = "SKU"
    facility_id: str | None = None
    """Facility of rows that name none, where the file type allows that."""
    reset_by_atp: bool = True
    counting: bool = False
    """The figures are counts: QOH becomes the figure, ATP the figure less open reservations."""
    negative_policy: str = "floor"
    default_reason: str | None = None
    """Reason of rows that name none; None: that of the file type."""
    refuse_repeated: bool = False
    """The same content within 72 hours is refused instead of counted as a duplicate (inventory.md 5.20)."""
    mode: str = "VARIANCE"
    """Whether the figures of an upload are changes (VARIANCE) or balances on hand (RESET)."""
    document: str | None = None
    """How comments name the document of a row, such as "Inventory Transfer" (inventory.md 3.6)."""
    quantity_name: str = "available"
    """Levels of Shopify: the quantity that the balance follows, available (ATP) or on_hand (QOH)."""
    target_facility_id: str | None = None
    """Levels of Shopify: the facility that consolidated locations stand for."""
    initial_stock: bool = False
    """Levels of Shopify: also of shops whose stock the OMS owns, for facilities without any entry."""
    told_at: str | None = None
    """Levels of Shopify: when it began to tell them."""
    reject_connection_id: str | None = None
    """Levels of Shopify: the server for their reject file, below import_path; None: no file is written."""
    max_drop_pct: float | None = None
    max_row_deviation_pct: float | None = None
    hold_missing_facilities: bool = False
    excluded_product_types: list[str] = field(default_factory=lambda: [KIT])
    origin_facility_id: str | None = None
    destination_facility_id: str | None = None
    """Facilities of shipments that name none."""
    encoding: str = "utf-8"
    """Of the text as it is read; a file in UTF-16 is changed into UTF-8 before."""
    from_utf_16: bool = False
    delimiter: str = ","
    decimal_separator: str | None = None
    """What decimals follow; None: a number that may be thousands as well is refused."""
    require_final_newline: bool = False
    force: bool = False
    max_files: int | None = 200
    """Files that a run claims; None: all that it finds."""
    max_chunks: int = 16
    min_chunk_rows: int = 3000
    settle_seconds: float = 2
    max_uncompressed_bytes: int = 4 * GIBIBYTE
    max_lines: int = MAX_LINES
    max_rejects: int = MAX_REJECTS
    """Lines that are no rows of their header; reading a file with more of them ends there."""
    created_by_job_id: str | None = None

    @property
    def is_insisted_on(self) -> bool:
        """Whether a person has named the file, to be taken whatever the server reports of it."""
        return self.force and self.remote_filename is not None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def stored(cls, params: Mapping[str, Any]) -> "Settings":
        """The settings that a log was landed with, perhaps by another release: fields that only it knew are
        ignored, and those that it did not know have their defaults. So a new field needs a default.
        """
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in params.items() if name in known})


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
        "default_reason": config.default_reason,
        "document": config.document,
        "refuse_repeated": config.refuse_repeated,
        "schedule_now": told.get("scheduleNow", job.schedule_now),
        "require_final_newline": told.get("requireFinalNewline", job.kind in ALL_OR_NOTHING),
    }
    if "maxFiles" in params:
        values["max_files"] = params["maxFiles"]
    for name, key in _PARAMETERS.items():
        if name in told:
            values[key] = told[name]
    values["counting"] = config_id == COUNT_CONFIG
    if values.get("mode") == "RESET":
        values["reset_by_atp"] = False
    if "excluded_product_types" in values:
        values["excluded_product_types"] = sorted({KIT, *values["excluded_product_types"]})
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


_PARAMETERS = {
    "remoteFilename": "remote_filename",
    "fileNameRegex": "file_name_regex",
    "groupBy": "group_by",
    "locationSeqId": "location_seq_id",
    "defaultIdType": "default_id_type",
    "facilityId": "facility_id",
    "originFacilityId": "origin_facility_id",
    "destinationFacilityId": "destination_facility_id",
    "resetByAtp": "reset_by_atp",
    "negativePolicy": "negative_policy",
    "quantityName": "quantity_name",
    "targetFacilityId": "target_facility_id",
    "initialStock": "initial_stock",
    "mode": "mode",
    "maxDropPct": "max_drop_pct",
    "maxRowDeviationPct": "max_row_deviation_pct",
    "holdMissingFacilities": "hold_missing_facilities",
    "excludedProductTypes": "excluded_product_types",
    "encoding": "encoding",
    "delimiter": "delimiter",
    "decimalSeparator": "decimal_separator",
    "force": "force",
    "maxChunks": "max_chunks",
    "minChunkRows": "min_chunk_rows",
    "settleSeconds": "settle_seconds",
    "maxUncompressedBytes": "max_uncompressed_bytes",
    "maxLines": "max_lines",
    "maxRejects": "max_rejects",
    "createdByJobID": "created_by_job_id",
}


def checked_path(name: str, path: str) -> str:
    """A folder or file below the login's folder; refused if it leads out of it."""
    if ".." in path.split("/") or "\x00" in path:
        raise FileRefused("ERR_PATH", f"{name} {path!r} leads out of the folder: remove '..'")
    return path.rstrip("/") or "/"
