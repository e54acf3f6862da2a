"""What an entry of the catalogue says: a job by its shape, its parameters, the configurations of its files.

The marks of a parameter's `source` are those of the spec: S = stated by a product document, D = by the
vendor's public documentation, C = our choice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from oms.catalog.pools import SHOPIFY

Json = Any
"""A value as JSON has it: text, number, boolean, list, object or null."""

BALANCE = "BALANCE"
"""Ordering domain of everything that changes QOH or ATP (inventory.md 3.4)."""
SETTINGS = "SETTINGS"
"""Ordering domain of what holds for products at facilities: safety stock, thresholds, brokering."""
SHIPMENTS = "SHIPMENTS"
"""Ordering domain of what is on its way."""

CATEGORIES = (
    "initial_load",
    "products",
    "orders",
    "brokering",
    "pre_order",
    "fulfillment",
    "inventory",
    "miscellaneous",
)
DIRECTIONS = ("sftp-in", "sftp-out", "shopify-in", "shopify-out", "internal")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What the rows of a file say, and what follows from that on the file's way (inventory.md 3.6)."""

    name: str
    """As logs keep it (`import_log.kind`)."""
    states: bool = False
    """Rows say how things are, not what has changed: younger files wait for it, also ahead of the queue."""
    balances: bool = False
    """Rows state balances of stock: each is one of its moment, and those of a moment replace older ones."""
    dated: bool = False
    """Rows may say when something was so."""
    whole: bool = False
    """A file that is cut off is refused."""
    once: bool = False
    """The same content a second time is a duplicate, of which nothing is applied."""
    repairable: bool = True
    """Refused lines may come back one by one. Documents know by themselves what came before, and no part of
    one may be left out."""


RESET = Kind(name="reset", states=True, balances=True, dated=True)
DELTA = Kind(name="delta", dated=True, whole=True, once=True)
SETTING = Kind(name="settings", states=True)
DOCUMENT = Kind(name="document", states=True, whole=True, repairable=False)
KINDS = {kind.name: kind for kind in (RESET, DELTA, SETTING, DOCUMENT)}


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A parameter of a job: one field of its form, one key of its `conf`."""

    name: str
    description: str
    types: tuple[str, ...] = ("string", "null")
    """JSON types; "null" among them: the parameter may be left out."""
    default: Json = None
    example: Json = None
    enum: tuple[Json, ...] = ()
    """The only values allowed; empty: any of the types."""
    minimum: int | None = None
    maximum: int | None = None
    said_as: str | None = None
    """What a text that the product documents give instead stands for: "switch" (Enabled, Disabled) or
    "minutes" (15 minutes)."""
    required: bool = False
    """A run without a value fails before any effect."""
    aliases: tuple[str, ...] = ()
    """Other spellings, as they stand in the product documents."""
    check: str | None = None
    """A rule beyond the type: "path", "file_name", "file_pattern", "config_id" or "property_resource"."""
    additional: bool = False
    """May also be given as a key of `additionalParameters`."""
    section: str = "What to do"
    source: str = "C"


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job: a DAG of its own."""

    dag_id: str
    name: str
    """As the product documents call it."""
    category: str
    direction: str
    parameters: tuple[Parameter, ...]
    enum_id: str | None = None
    aliases: tuple[str, ...] = ()
    """Other ids of the same job."""
    other_names: tuple[str, ...] = ()
    schedule: str | None = None
    """Cron in the installation's time zone, null: only by hand, by a file or by a change."""
    signals: tuple[str, ...] = ()
    """Start it beside its schedule (`oms.catalog.signals`)."""
    pool: str = "default_pool"
    """One of `oms.catalog.pools`, or Airflow's own."""
    runs_alone: str | None = None
    """Why a run of the category leaves it out; null: it has its place there (`oms.catalog.categories`)."""
    purpose: str
    """What it does for the business."""
    when: str
    repeat: str
    """Whether running it again is safe, and why."""
    on_failure: str
    what_to_do: str
    """What a person does then."""

    def parameter(self, name: str) -> Parameter:
        """The parameter of this canonical name; KeyError if the job has none."""
        return {parameter.name: parameter for parameter in self.parameters}[name]


@dataclass(frozen=True, kw_only=True)
class ImportConfig:
    """What a `configId` stands for: the kind of file, what it means and where it arrives."""

    config_id: str
    file_type: str
    """The rules of its rows: the name of a file type (`oms.imports.file_types`)."""
    import_path: str
    """SFTP folder below the login's folder."""
    meaning: str
    settings: Mapping[str, Json] = field(default_factory=dict)
    """Settings of the file type that no parameter gives, by name, such as `document` or `default_reason`."""
    refuse_repeated: bool = False
    """The same content within 72 hours is refused, for a person to see, instead of counted as a duplicate."""


IMPORT_REPAIR = (
    "Lines that were refused are in `error/` beside the folder, each with its reason in front: "
    "correct them and drop that file into the folder again; a line is applied once, however often it comes. "
    "If the run itself failed, clear its failed task, or leave"
    " it to the next run: it takes up open files by itself."
)
"""Of every import of files."""
IMPORT_FAILURE = (
    "Good lines are applied, bad ones are set aside one by one. A file that cannot be read at all goes "
    "to `error/` as a whole and changes nothing."
)
"""Of every import that says nothing else."""


@dataclass(frozen=True, kw_only=True)
class ImportJob(Job):
    """A job that reads files from SFTP."""

    configs: tuple[ImportConfig, ...]
    """The first one is the default."""
    kind: Kind
    """RESET: the file states balances; DELTA: it states changes (inventory.md 3.6); SETTING: it states what
    holds for products; DOCUMENT: it brings documents, each of them whole or not at all."""
    domain: str = BALANCE
    direction: str = "sftp-in"
    when: str = (
        "As soon as a file has arrived completely; every 15 minutes the folder is looked through as a safety "
        "net."
    )
    on_failure: str = IMPORT_FAILURE
    what_to_do: str = IMPORT_REPAIR
    pushes_at_once: bool = False
    """The shops are told of what moved right after the files are closed (inventory.md 5.20)."""

    @property
    def config_id(self) -> str:
        return self.configs[0].config_id

    @property
    def config_ids(self) -> tuple[str, ...]:
        return tuple(config.config_id for config in self.configs)

    @property
    def import_path(self) -> str:
        return self.configs[0].import_path

    @property
    def schedule_now(self) -> bool:
        """Default of `scheduleNow`: true = applied ahead of the queue of its domain."""
        return self.parameter("scheduleNow").default

    @property
    def group_by(self) -> str | None:
        """Default of `groupBy`."""
        return self.parameter("groupBy").default

    def config(self, config_id: str) -> ImportConfig:
        """The configuration of this id; KeyError if it is not one of this job's."""
        return {config.config_id: config for config in self.configs}[config_id]


@dataclass(frozen=True, kw_only=True)
class SyncJob(Job):
    """A job that brings stock figures to Shopify: one task for each shop."""

    mode: str
    """RECENT, HARD or DELTA (inventory.md 6.1)."""
    direction: str = "shopify-out"
    pool: str = SHOPIFY


@dataclass(frozen=True, kw_only=True)
class TaskJob(Job):
    """A job that is one task: a function that is handed an `oms.work.Work`."""

    function: str
    """Where the work is done, as "module:function"; it returns counts or short strings."""
    minutes: int = 120
    """After so long the task is ended."""
    starts_runs: bool = False
    """It returns the runs of its own that it asks for, each as trigger_run_id and conf."""
    sets_balances: bool = False
    """It returns `facilities`, too, where it has moved stock that mode DELTA leaves to the hard sync."""


@dataclass(frozen=True, kw_only=True)
class ExportJob(TaskJob):
    """A job that writes files for others, each exactly once (`oms.exports`)."""

    direction: str = "sftp-out"
    repeat: str = "Safe: a line that stands in a file never stands in another one."
    on_failure: str = (
        "What was not written stays on the list. A file that was recorded and not written yet is written by "
        "the next run, under the same name with the same bytes."
    )
    what_to_do: str = (
        "Correct the connection or the folder, then start the job again or wait for the next run."
    )


@dataclass(frozen=True, kw_only=True)
class ActJob(TaskJob):
    """A job that does something with what a query selects, in batches (`oms.acts`)."""

    direction: str = "internal"
    repeat: str = "Safe: what is done is not selected again."
    on_failure: str = (
        "Batches that were done stay done. An item that was refused is named with its reason and stops no "
        "other; it is tried again by the next run."
    )
    what_to_do: str = (
        "Read the log: it names each item that is left, and why. Correct that, then start the job again or "
        "wait for the next run."
    )


@dataclass(frozen=True, kw_only=True)
class MailJob(TaskJob):
    """A job that sends the mails of the outbox (`oms.shopify.outbox.mails`)."""

    direction: str = "internal"
    repeat: str = "Safe: a mail is planned once for its cause."
    on_failure: str = (
        "Mails that were not sent wait and go out with the next run. A mail whose sending broke off waits "
        "for a person, who decides whether it is sent again."
    )
    what_to_do: str = (
        "Read the log. Mail needs the Airflow connection oms_smtp; `python -m oms outbox` lists what waits."
    )


@dataclass(frozen=True, kw_only=True)
class ShopJob(Job):
    """A job with a task for each shop: a function that is handed a `Work` and the id of the shop."""

    function: str
    """Where the work is done, as "module:function"; returns counts, and `facilities` whose stock it set."""
    everyone: str | None = None
    """Which shops a run without shopId is for: those with this inventory_master; None: all."""
    minutes: int = 240
    """After so long the task of a shop is ended."""
    verb: str = "pull"
    """The id of that task."""
    pool: str = SHOPIFY


@dataclass(frozen=True, kw_only=True)
class PullJob(ShopJob):
    """A job that reads from Shopify by bulk queries (`oms.shopify.exports`)."""

    direction: str = "shopify-in"


@dataclass(frozen=True, kw_only=True)
class WindowPullJob(ShopJob):
    """A job that reads what has changed in Shopify since the last time (`oms.shopify.windows`)."""

    direction: str = "shopify-in"
    repeat: str = "Safe: a record that comes twice is taken in once."
    on_failure: str = (
        "What was taken in stays, and the next run asks for the same time again. A record that could not be "
        "taken in is named with its reason, stops no other and is tried again by itself."
    )
    what_to_do: str = (
        "Read the log of the shop's task. If the shop was down, nothing needs to be done. Correct what the "
        "rejects name; they are taken up by the next run."
    )


@dataclass(frozen=True, kw_only=True)
class OutboxJob(ShopJob):
    """A job that tells Shopify something, exactly once (`oms.shopify.outbox`)."""

    verb: str = "send"
    direction: str = "shopify-out"
    repeat: str = "Safe: a message is told once; one whose answer was lost is proven first."
    on_failure: str = (
        "What was not told stays in the outbox and goes out with the next run. A message that the shop "
        "refused is set aside with its reason and stops no other."
    )
    what_to_do: str = (
        "Read the log. If the shop was down, nothing needs to be done. `python -m oms outbox` lists what "
        "waits for a person, and sends again or discards what you decide."
    )


@dataclass(frozen=True, kw_only=True)
class ApprovalJob(Job):
    """A job that asks a person about held files."""


@dataclass(frozen=True, kw_only=True)
class CategoryJob(Job):
    """Runs the jobs of a category, one after the other."""

    jobs: tuple[str, ...]
    """DAG ids in their mandatory order (orders.md 11, inventory.md 4.1)."""
    forwarded: tuple[str, ...] = ()
    """Parameters handed on to every job that has one of that name."""
    left_out: tuple[tuple[str, str], ...] = ()
    """Jobs of the category that it never runs, by DAG id, each with the reason."""
    direction: str = "internal"
    when: str = "By hand. Each job also has a schedule, parameters and a history of its own."
    repeat: str = "As safe as its jobs: each of them may be run again."
    on_failure: str = (
        "The jobs after the failed one are not started. A job that is switched off fails at once instead of "
        "waiting."
    )
    what_to_do: str = (
        "Open the run of the failed job through its task, follow that job's own text, then clear the task "
        "here."
    )
