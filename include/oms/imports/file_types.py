"""The file types by the name the catalogue gives them."""

from typing import Protocol

from oms.database import Connection
from oms.imports import (
    allotment,
    inbound_shipment,
    prefilter,
    product_facility,
    reset,
    shop_levels,
    thresholds,
    variance,
)
from oms.imports.contracts import FileContract, Header
from oms.imports.errors import FileRefused
from oms.imports.jobs import Settings
from oms.imports.outcome import Counts, Part
from oms.imports.staging import Content, Judged


class FileType(Protocol):
    """A module of this package: what a file must look like, which rows are good, and how they are applied."""

    CONTRACT: FileContract

    @staticmethod
    def judge(conn: Connection, log_id: int, content: Content, settings: Settings, *, again: bool) -> Judged:
        """Make `staging.resolved_table` from the landed one: ids and a verdict for every row.

        `again`: the file was landed before; what was rejected then stays rejected.
        """

    @staticmethod
    def set_rejects_aside(conn: Connection, log_id: int, header: Header, settings: Settings) -> int:
        """Write the bad rows to oms.import_reject; return how many were not there before."""

    @staticmethod
    def apply(conn: Connection, part: Part, settings: Settings) -> Counts:
        """Apply the good rows of the part; return what became of them."""


FILE_TYPES: dict[str, FileType] = {
    "reset": reset,
    "shop_levels": shop_levels,
    "variance": variance,
    "allotment": allotment,
    "product_facility": product_facility,
    "thresholds": thresholds,
    "inbound_shipment": inbound_shipment,
}


JOINT = {"variance": variance.apply_joint}
"""File types of which small files share tables, and how rows of several files are applied at once."""

COMPARISONS = {"reset": prefilter.compare}
"""What may take rows of a large file while it streams by."""


def file_type(name: str) -> FileType:
    """The file type of this name; FileRefused (ERR_CONFIG) if there is none."""
    if name not in FILE_TYPES:
        raise FileRefused("ERR_CONFIG", f"file type {name!r} is unknown; use one of {', '.join(FILE_TYPES)}")
    return FILE_TYPES[name]
