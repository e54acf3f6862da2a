"""What may go wrong with a file, by what the caller does about it."""

from oms.errors import ComesBack, NeedsPerson


class ImportFault(Exception):
    """Something about a file that a person has to read."""


class FileRefused(ImportFault, NeedsPerson):
    """The file as a whole cannot be processed; the same file fails again (inventory.md 3.2, DmlsFailed)."""

    def __init__(self, code: str, message: str) -> None:
        self.code, self.message = code, message
        super().__init__(f"{code}: {message}")


TOO_MANY_REJECTS = "ERR_TOO_MANY_REJECTS"


class TooManyRejects(FileRefused):
    """More lines are no rows than a file may have; its reading ended there (parameter maxRejects)."""

    def __init__(self, header: str, rows: int, max_rejects: int) -> None:
        self.header, self.rows, self.max_rejects = header, rows, max_rejects
        super().__init__(
            TOO_MANY_REJECTS,
            f"more than maxRejects = {max_rejects} lines are no rows of the header, and reading ended after "
            f"{rows} rows: nothing of the file is applied; check its header and delimiter, and send it again",
        )


class FileMissing(ImportFault, NeedsPerson):
    """The file named by remoteFilename is not there (inventory.md 3.3)."""


class FileUnstable(ImportFault, ComesBack):
    """The file changed or went away while it was read; what is there later is a new arrival."""


class OlderFileNotLanded(ImportFault, ComesBack):
    """An older file of the same domain has not landed; a later try may find that it has."""


class StagingLost(ImportFault, NeedsPerson):
    """The staged rows are gone and the file cannot be landed again; the log is held for a person."""


class UndoRefused(ImportFault, NeedsPerson):
    """The file cannot be taken back; the message says why and what to do instead. Nothing was changed."""


class NotHeld(ImportFault, NeedsPerson):
    """The file is not held, or somebody has decided otherwise; the message names the log and its state."""


class AccountOpen(ImportFault, NeedsPerson):
    """A file of the run is not applied to its last row; the next run goes on with it."""
