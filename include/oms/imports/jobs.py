"""What an import is told: its run, and the settings that its files are processed with."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

DEFAULT_CONNECTION = "ftp_config"
GIBIBYTE = 1 << 30
MAX_LINES, MAX_REJECTS = 20_000_000, 100_000


@dataclass(frozen=True)
class Run:
    """The Airflow run that does the work."""

    dag_id: str
    run_id: str


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The parameters of one import, checked and filled in; stored with each log (inventory.md 3.3).

    What only files of one type have is in `own`: their `OwnSettings` read it.
    """

    config_id: str
    file_type: str
    connection_id: str
    import_path: str
    schedule_now: bool
    remote_filename: str | None = None
    file_name_regex: str | None = None
    group_by: str | None = None
    refuse_repeated: bool = False
    """The same content within 72 hours is refused instead of counted as a duplicate (inventory.md 5.20)."""
    encoding: str = "utf-8"
    """Of the text as it is read; a file in UTF-16 is changed into UTF-8 before."""
    from_utf_16: bool = False
    delimiter: str = ","
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
    own: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_insisted_on(self) -> bool:
        """Whether a person has named the file, to be taken whatever the server reports of it."""
        return self.force and self.remote_filename is not None

    def as_json(self) -> dict[str, Any]:
        """All of them by name, those of the file type among them."""
        shared = {name: getattr(self, name) for name in SHARED}
        return {**self.own, **shared}

    @classmethod
    def stored(cls, params: Mapping[str, Any]) -> "Settings":
        """The settings that a log was landed with, perhaps by another release: fields that only it knew are
        ignored, and those that it did not know have their defaults. So a new field needs a default.
        """
        shared = {name: value for name, value in params.items() if name in SHARED}
        return cls(**shared, own={name: value for name, value in params.items() if name not in SHARED})


SHARED = frozenset(field.name for field in fields(Settings)) - {"own"}
"""Settings that every file has."""


@dataclass(frozen=True, kw_only=True)
class OwnSettings:
    """Settings that files of one type have beside those of all: a subclass with a default for each.

    A parameter of the same name gives them, `reset_by_atp` for example `resetByAtp`.
    """

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Those of a file, as tolerantly as `Settings.stored`."""
        return cls(**{one.name: settings.own[one.name] for one in fields(cls) if one.name in settings.own})

    @classmethod
    def told(cls, told: Mapping[str, Any]) -> Self:
        """Those of a run, by the names of parameters or of settings that its configuration has."""
        given = {_snake_case(name): value for name, value in told.items()}
        return cls(**{one.name: given[one.name] for one in fields(cls) if one.name in given})

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def _snake_case(name: str) -> str:
    return re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name)
