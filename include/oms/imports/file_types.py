"""The file types by the name the catalogue gives them."""

from typing import Protocol

from oms.database import Connection
from oms.imports import reset, variance
from oms.imports.contracts import FileContract
from oms.imports.errors import FileRefused
from oms.imports.jobs import Settings
from oms.imports.outcome import Counts, Part


class FileType(Protocol):
    """A module of this package: what a file must look like, and how its rows are applied."""

    CONTRACT: FileContract

    @staticmethod
    def apply(conn: Connection, part: Part, settings: Settings) -> Counts: ...


FILE_TYPES: dict[str, FileType] = {"reset": reset, "variance": variance}


def file_type(name: str) -> FileType:
    """The file type of this name; FileRefused (ERR_CONFIG) if there is none."""
    if name not in FILE_TYPES:
        raise FileRefused("ERR_CONFIG", f"file type {name!r} is unknown; use one of {', '.join(FILE_TYPES)}")
    return FILE_TYPES[name]
