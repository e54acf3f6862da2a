"""What the framework asks of a file type, and where the types are found.

A type is an object TYPE in a module of its own, named in the catalogue as `room.module`, such as
`purchasing.orders` for `oms.purchasing.files.orders`. A name without a room is one of `inventory`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from oms.catalog.model import Kind
from oms.database import Connection
from oms.imports.contracts import FileContract, Header
from oms.imports.errors import FileRefused
from oms.imports.guard import Doubts
from oms.imports.jobs import OwnSettings, Settings
from oms.imports.outcome import Counts, JointPart, Part
from oms.imports.staging import FACILITY, Content, Judged

DEFAULT_ROOM = "inventory"
MOVED = {"shop_levels": "stock_pulls.shop_levels"}
"""Names under which the logs of older releases still know a type."""


class Judge(Protocol):
    """Makes `staging.resolved_table` from the landed one: ids and a verdict for every row.

    `again`: the file was landed before; what was rejected then stays rejected.
    """

    def __call__(
        self, conn: Connection, log_id: int, content: Content, settings: Settings, *, again: bool
    ) -> Judged: ...


@dataclass(frozen=True, kw_only=True)
class FileType:
    """What a file must look like, which rows are good, and how they are applied."""

    contract: FileContract
    settings: type[OwnSettings]
    judge: Judge
    set_rejects_aside: Callable[[Connection, int, Header, Settings], int]
    """Writes the bad rows to oms.import_reject; returns how many were not there before."""
    apply: Callable[[Connection, Part, Settings], Counts]
    """Applies the good rows of the part; returns what became of them."""
    scope: str = FACILITY
    """The column of the resolved rows that says what a row is about. A file ahead of the queue waits for
    older ones about the same."""
    kind_of: Callable[[Kind, Settings], Kind] = lambda kind, settings: kind
    """The kind of a file from that of its job, where its settings say otherwise."""
    apply_joint: Callable[[Connection, JointPart, Settings], dict[int, Counts]] | None = None
    """Applies rows of small files that share tables, as if one came after the other; None: they never do."""
    may_share: Callable[[Header, Settings], bool] = lambda header, settings: True
    """Whether small files with this header and these settings may share tables."""
    compare: Callable[..., Any] | None = None
    """What may take rows of a large file while it streams by."""
    doubts: Doubts = lambda conn, log_id, settings: ()
    """What speaks against applying the landed rows unseen."""
    landed: Callable[[Connection, list[int]], None] = lambda conn, log_ids: None
    """Is told which files have landed, outside of any transaction."""
    instead_of_undoing: str | None = None
    """Why a file of the type cannot be taken back, and what a person does; None: it can."""


def file_type(name: str) -> FileType:
    """The file type of this name; FileRefused (ERR_CONFIG) if there is none."""
    room, _, module = MOVED.get(name, name).rpartition(".")
    path = f"oms.{room or DEFAULT_ROOM}.files.{module}"
    try:
        return import_module(path).TYPE
    except (ModuleNotFoundError, AttributeError) as error:
        if error.name != "TYPE" and not f"{path}.".startswith(f"{error.name}."):
            raise
        raise FileRefused(
            "ERR_CONFIG", f"there is no file type {name!r}: {path} has no TYPE, or does not exist"
        ) from None
