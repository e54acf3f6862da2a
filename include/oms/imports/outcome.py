"""What becomes of the rows of a file."""

from dataclasses import asdict, dataclass, fields


@dataclass(frozen=True)
class Counts:
    """Rows by what became of them; their sum is the number of rows (architecture.md 4.6)."""

    applied: int = 0
    unchanged: int = 0
    superseded: int = 0
    duplicate: int = 0
    skipped: int = 0
    rejected: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            **{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)}
        )

    @property
    def total(self) -> int:
        return sum(asdict(self).values())


@dataclass(frozen=True)
class Part:
    """The rows of one file that belong to one chunk."""

    log_id: int
    load_id: int
    chunk_no: int
    grouped: bool
    """False: the chunk is the only one of its load and has all rows."""
    run_id: str


@dataclass(frozen=True)
class JointPart(Part):
    """The rows that several files, which share staging tables, have in one chunk."""

    log_ids: tuple[int, ...] = ()
    """Oldest first; `log_id` is the one whose number the tables have."""
