"""Jobs that look after the OMS itself (spec inventory.md 3.5)."""

from oms.catalog.model import Parameter, TaskJob
from oms.catalog.shared import SAFETY


def _days(name: str, default: int, minimum: int, description: str, source: str = "C") -> Parameter:
    return Parameter(
        name=name,
        types=("integer",),
        default=default,
        example=default * 2,
        minimum=minimum,
        maximum=36_500,
        section="How long to keep",
        source=source,
        description=f"{description}, days.",
    )


CHECK_FEEDS = TaskJob(
    dag_id="check_feeds",
    name="Check Feeds",
    category="miscellaneous",
    direction="internal",
    schedule="3-59/5 * * * *",
    function="oms.feeds.checking:check",
    minutes=10,
    purpose=(
        "Notices silence: tells people when an expected file (feeds.csv of the setup) has not come, is "
        "empty, was refused or came twice, and tells the sender of a file which of its lines were refused. "
        "Once a day its log names the files in the watched folders that match no job's pattern."
    ),
    when="Every five minutes.",
    repeat="Safe: everything is told once, and once more when the missing file has come.",
    on_failure=(
        "A run that has bad news fails on purpose, so that it can be seen here too: its log names feed, file "
        "and the last good run. The next run is green again. If the mail server does not answer, what could "
        "not be told is told by the next attempt."
    ),
    what_to_do=(
        "Call the sender of the feed that is named, or look at the run of its import. When the file comes, "
        "it is said so; nothing needs to be reset."
    ),
    parameters=(
        Parameter(
            name="alertTo",
            types=("array", "string", "null"),
            example=["operations@example.com"],
            section="Whom to tell",
            description=(
                "Mail addresses that are told of every file beside the feed's contact. Mail needs the "
                "Airflow connection oms_smtp."
            ),
        ),
        Parameter(
            name="rejectLines",
            types=("integer",),
            default=10,
            example=20,
            minimum=1,
            maximum=1000,
            section="Whom to tell",
            description="How many refused lines a mail quotes.",
        ),
        Parameter(
            name="lookbackDays",
            types=("integer",),
            default=7,
            example=2,
            minimum=1,
            maximum=60,
            description="How far back expected files are looked at, days.",
        ),
        Parameter(
            name="dryRun",
            types=("boolean",),
            default=False,
            example=True,
            section=SAFETY,
            description="Log what would be told, and tell nobody.",
        ),
    ),
)

HOUSE_KEEPING = TaskJob(
    dag_id="house_keeping",
    name="House-keeping",
    category="miscellaneous",
    direction="internal",
    schedule="40 3 * * *",
    function="oms.upkeep.house_keeping:keep_house",
    purpose=(
        "Removes what has served its time: contents of finished files, archived files, webhooks worked off, "
        "bytes of answered calls. Balances, their history, the books of the shops and what recognises a file "
        "that comes twice stay for ever."
    ),
    when="Every night at 3:40; by hand after a change of the days.",
    repeat="Safe: what is gone is gone, and nothing younger than the days is touched.",
    on_failure="What was removed stays removed; the rest goes with the next run. Nothing else depends on it.",
    what_to_do=(
        "Read the log: mostly an SFTP server that does not let us remove files in archive/ or error/. "
        "Correct that and start the job again."
    ),
    parameters=(
        _days("logDays", 15, 4, "Rejected lines, remarks and chunks of closed files", "D"),
        _days("archiveDays", 90, 4, "Files in archive/ and error/ on SFTP, and reject files"),
        _days("webhookDays", 15, 3, "Webhooks worked off"),
        _days("changeDays", 15, 1, "Notes that a product changed, once every push has seen them"),
        _days(
            "reportDays",
            365,
            61,
            "Drift reports, what was told about feeds, records of exported files, decisions on held files, "
            "which facilities a reset has set, messages to shops and people that have ended",
        ),
        _days("answerDays", 30, 2, "Bytes of calls to Shopify that are answered"),
        Parameter(
            name="batchSize",
            types=("integer",),
            default=10_000,
            example=1_000,
            minimum=1,
            maximum=1_000_000,
            section=SAFETY,
            description="Rows removed in one transaction.",
        ),
        Parameter(
            name="dryRun",
            types=("boolean",),
            default=False,
            example=True,
            section=SAFETY,
            description="Count what would be removed, and remove nothing.",
        ),
    ),
)
