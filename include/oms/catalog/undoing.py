"""Taking back a file that should not have been imported (architecture.md 8.2)."""

from oms.catalog.model import Parameter, TaskJob
from oms.catalog.shared import SAFETY

UNDO_IMPORT = TaskJob(
    dag_id="undo_import",
    name="Undo an import",
    category="inventory",
    runs_alone="a person says which file is taken back",
    direction="internal",
    function="oms.inventory.undoing:run",
    sets_balances=True,
    purpose=(
        "Takes back what a file has booked: every entry of it gets one that moves as much the other way. All "
        "or nothing; the history of both stays. Afterwards the same file may be imported again."
    ),
    when="By hand, with the number of the file's log (the files in archive/ begin with it).",
    repeat="Safe: a file is undone once.",
    on_failure=(
        "Nothing has changed. The file is not undone where that would be wrong: a later reset or count "
        "contains or has overridden it, sales from before its own count (asOf) have come since and were "
        "taken as contained in it, stock would fall below 0, lines of it were repaired by another file, "
        "or it has booked nothing."
    ),
    what_to_do=(
        "Read the message: it names the positions in the way. Count those, or book the difference as an "
        "inventory variance."
    ),
    parameters=(
        Parameter(
            name="logId",
            types=("integer",),
            example=4711,
            minimum=1,
            required=True,
            description="Log of the file: the number in front of its name in archive/.",
        ),
        Parameter(
            name="reason",
            example="the file of the wrong day",
            description="Why, for the record; it is kept with the entries.",
        ),
        Parameter(
            name="dryRun",
            types=("boolean",),
            default=False,
            example=True,
            section=SAFETY,
            description="Say what would be taken back, or why it cannot be, and change nothing.",
        ),
    ),
)
