"""The files of a setup: their columns, what they mean, and what happens to a row no longer named."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from oms.catalog import JOBS, ImportJob
from oms.feeds import times
from oms.filenames import BadPattern, check_pattern
from oms.numbers import readings
from oms.zones import is_zone

Value = str | int | bool | list[str] | None


class Gone(Enum):
    """What `--prune` does to a row that its file no longer names."""

    KEEP = "is kept"
    END = "ends"
    DELETE = "is removed"


@dataclass(frozen=True)
class Column:
    """A column of a file and of its table."""

    name: str
    meaning: str
    example: str
    required: bool = False
    default: Value = None
    read: Callable[[str], Value] = str
    references: str | None = None
    shown_default: str | None = None
    is_id: bool = False
    """Compared letter by letter, as are those of the table's key and those that refer to one."""

    @property
    def default_text(self) -> str:
        """The default as the help shows it."""
        if self.shown_default is not None:
            return self.shown_default
        if self.default is None:
            return ""
        if isinstance(self.default, list):
            return "|".join(self.default)
        return {True: "Y", False: "N"}.get(self.default, str(self.default))


@dataclass(frozen=True)
class Table:
    """A file, the table it fills, and its key (the first columns)."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    meaning: str
    gone: Gone = Gone.KEEP
    label: str = ""
    own_default: dict[str, Callable[[dict[str, Value]], Value]] = field(default_factory=dict)
    """Defaults that follow from the rest of the row."""

    @property
    def file(self) -> str:
        return f"{self.name}.csv"

    @property
    def relation(self) -> str:
        """The table: the file's name in the singular."""
        return "oms." + self.name.replace("facilities", "facility").removesuffix("s")


def yes_or_no(text: str) -> bool:
    """Read Y or N, yes or no, true or false."""
    word = text.lower()
    if word in ("y", "yes", "true"):
        return True
    if word in ("n", "no", "false"):
        return False
    raise ValueError("write Y or N")


def one_of(*values: str) -> Callable[[str], str]:
    """Read one word of a closed list, whatever its case."""

    def read(text: str) -> str:
        if text.upper() not in values:
            raise ValueError(f"write one of {', '.join(values)}")
        return text.upper()

    return read


def number(text: str) -> int:
    """Read a positive whole number, also at the end of a Shopify id (gid://shopify/Location/123)."""
    digits = text.rsplit("/", 1)[-1]
    if not (digits.isascii() and digits.isdigit()) or not 0 < int(digits) < 2**63:
        raise ValueError("write the number of the Shopify id, such as 7001")
    return int(digits)


def time_zone(text: str) -> str:
    """Read the name of a time zone."""
    if not is_zone(text):
        raise ValueError("write the name of a time zone, such as Asia/Tokyo")
    return text


def words(text: str) -> list[str]:
    """Read words with a vertical bar between them."""
    return [word.strip() for word in text.split("|") if word.strip()]


def position(text: str) -> int:
    """Read a whole number from 0 on: a turn, minutes, rows."""
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise ValueError(f"write a whole number, such as 10{readings(text)}")
    return int(text)


def minutes(text: str) -> int:
    """Read minutes, up to the longest time between two files that are told apart by them."""
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) > times.LONGEST_MINUTES:
        raise ValueError(f"write whole minutes from 0 to {times.LONGEST_MINUTES}, such as 60")
    return int(text)


def shop_id(text: str) -> str:
    """Read the id of a shop, which becomes part of addresses and file names."""
    if set(text) & set("/\\") or not text.strip("."):
        raise ValueError("write an id without / and \\ that is more than dots: it is part of file names")
    return text


def rule_id(text: str) -> str:
    """Read the id of a rule, which becomes part of file names."""
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,100}", text):
        raise ValueError("write letters, digits, and _ . - only, at most 100 of them")
    return text


def addresses(text: str) -> str:
    """Read mail addresses, with commas between them."""
    if not all(re.fullmatch(r"[^@\s,]+@[^@\s,]+", one.strip()) for one in text.split(",")):
        raise ValueError("write mail addresses, such as erp@example.com, with commas between them")
    return text


def file_pattern(text: str) -> str:
    """Read a glob or a regular expression."""
    try:
        check_pattern(text)
    except BadPattern as bad:
        raise ValueError(f"write {bad}") from bad
    return text


def expected_times(text: str) -> str:
    """Read times of day or a cron expression."""
    if not times.is_legal(text):
        raise ValueError("write times of day, such as 06:00 14:30, or a cron expression, such as 0 6 * * 1-5")
    return text


def config_of_files(text: str) -> str:
    """Read the configId of a file import."""
    known = sorted({one for job in JOBS.values() if isinstance(job, ImportJob) for one in job.config_ids})
    if text not in known:
        raise ValueError(f"write one of {', '.join(known)}")
    return text


STORE = Column("product_store_id", "the product store", "STORE", required=True, references="product_stores")
FACILITY = Column("facility_id", "the facility", "NEW_YORK", required=True, references="facilities")
SHOP = Column("shop_id", "the shop", "demo", required=True, references="shops")
GROUP = Column("facility_group_id", "the group", "FAC_GRP", required=True, references="facility_groups")
JOIN = one_of("AND", "OR")

TABLES = (
    Table(
        "product_stores",
        (
            Column("product_store_id", "id of the store", "STORE", required=True),
            Column("store_name", "name for people", "Our Brand", required=True),
            Column("time_zone", "time zone of the business", "Asia/Tokyo", default="UTC", read=time_zone),
            Column(
                "reserve_inventory",
                "N: orders neither reserve stock nor lower online ATP while they wait",
                "Y",
                default=True,
                read=yes_or_no,
            ),
            Column(
                "hold_preorder_physical_inventory",
                "Y: a product with a pre- or back-order queue shows 0 online",
                "N",
                default=False,
                read=yes_or_no,
            ),
            Column(
                "lock_packed_orders",
                "N: a packed order may be unpacked, rejected or cancelled",
                "Y",
                default=True,
                read=yes_or_no,
            ),
        ),
        ("product_store_id",),
        "Business units that sell under one set of rules.",
    ),
    Table(
        "facilities",
        (
            Column("facility_id", "id of the facility", "NEW_YORK", required=True),
            Column("facility_name", "name for people", "New York", required=True),
            Column("external_id", "its id in the ERP or POS", "101", is_id=True),
            Column(
                "facility_type_id",
                "WAREHOUSE, RETAIL_STORE, OUTLET_STORE, VIRTUAL_FACILITY (queue), CONFIGURATION (thresholds)",
                "RETAIL_STORE",
                required=True,
                read=one_of("WAREHOUSE", "RETAIL_STORE", "OUTLET_STORE", "VIRTUAL_FACILITY", "CONFIGURATION"),
            ),
            Column(
                "deplete_on_pack",
                "Y: QOH falls when an order is packed, not when it is shipped",
                "N",
                default=False,
                read=yes_or_no,
            ),
        ),
        ("facility_id",),
        "Places that hold stock. Queues such as _NA_ and the facility CONFIGURATION exist already.",
    ),
    Table(
        "facility_locations",
        (
            FACILITY,
            Column("location_seq_id", "storage location", "A-01", required=True),
            Column(
                "location_type",
                "FLT_PICKLOC (the pick face, default of the facility) or FLT_BULK",
                "FLT_PICKLOC",
                default="FLT_PICKLOC",
                read=one_of("FLT_PICKLOC", "FLT_BULK"),
            ),
        ),
        ("facility_id", "location_seq_id"),
        "Storage locations inside facilities; without any, stock lies at TLTLTLLL01.",
    ),
    Table(
        "product_store_facilities",
        (STORE, FACILITY),
        ("product_store_id", "facility_id"),
        "Which facilities serve a product store.",
        gone=Gone.END,
        label="link",
    ),
    Table(
        "facility_groups",
        (
            Column("facility_group_id", "id of the group", "FAC_GRP", required=True),
            Column("facility_group_name", "name for people", "Online", required=True),
            Column(
                "facility_group_type",
                "CHANNEL_FAC_GROUP (a selling channel), BROKERING_GROUP or OTHER",
                "CHANNEL_FAC_GROUP",
                default="CHANNEL_FAC_GROUP",
                read=one_of("CHANNEL_FAC_GROUP", "BROKERING_GROUP", "OTHER"),
            ),
            Column(
                "product_store_id",
                "store of the channel; a channel needs one",
                "STORE",
                references="product_stores",
            ),
        ),
        ("facility_group_id",),
        "Facilities with a shared purpose.",
    ),
    Table(
        "facility_group_members",
        (GROUP, FACILITY),
        ("facility_group_id", "facility_id"),
        "Which facilities sell through a channel; a CONFIGURATION facility in it holds its thresholds.",
        gone=Gone.END,
        label="membership",
    ),
    Table(
        "shops",
        (
            Column("shop_id", "our id of the shop", "demo", required=True, read=shop_id),
            Column("shop_name", "name for people", "Demo shop", required=True),
            Column(
                "connection_id",
                "Airflow connection with its address and access token",
                "shopify_demo",
                shown_default="shopify_<shop_id>",
                is_id=True,
            ),
            STORE,
            Column(
                "inventory_master",
                "OMS, or SHOPIFY if the shop's own figures lead",
                "OMS",
                default="OMS",
                read=one_of("OMS", "SHOPIFY"),
            ),
            Column(
                "product_identifier",
                "what makes a variant a known product: SKU, BARCODE or SHOPIFY_PRODUCT_ID",
                "SKU",
                default="SKU",
                read=one_of("SHOPIFY_PRODUCT_ID", "SKU", "BARCODE"),
            ),
            Column("push_enabled", "N stops all pushes to the shop", "Y", default=True, read=yes_or_no),
        ),
        ("shop_id",),
        "Shopify shops.",
        own_default={"connection_id": lambda row: f"shopify_{row['shop_id']}".lower()},
    ),
    Table(
        "shop_locations",
        (
            SHOP,
            Column("shopify_location_id", "number of the location", "7001", required=True, read=number),
            Column("location_name", "name for people", "Online", required=True),
            Column(
                "facility_group_id",
                "channel whose online ATP a consolidated location shows; blank for a physical one",
                "FAC_GRP",
                references="facility_groups",
            ),
            Column(
                "sync_mode",
                "RECENT (compares with Shopify), DELTA (compares with the book) or OFF",
                "RECENT",
                default="RECENT",
                read=one_of("RECENT", "DELTA", "OFF"),
            ),
            Column(
                "physical_basis",
                "what a physical location shows: ATP, COMPUTED_ATP (less safety stock) or QOH",
                "ATP",
                default="ATP",
                read=one_of("ATP", "COMPUTED_ATP", "QOH"),
            ),
            Column(
                "leave_units",
                "once no facility is mapped to it: Y leaves what it offers of ours, N has it taken off",
                "N",
                default=False,
                read=yes_or_no,
            ),
        ),
        ("shop_id", "shopify_location_id"),
        "Locations of a shop that receive our figures.",
    ),
    Table(
        "shop_location_facilities",
        (
            SHOP,
            Column(
                "facility_id",
                "the facility, or _NA_ for the channel",
                "_NA_",
                required=True,
                references="facilities",
            ),
            Column("shopify_location_id", "number of the location", "7001", required=True, read=number),
        ),
        ("shop_id", "facility_id"),
        "Facility to location: _NA_ or several facilities make it consolidated, a single one physical.",
        gone=Gone.DELETE,
        label="mapping",
    ),
    Table(
        "search_preferences",
        (
            Column("search_preference_id", "id of the rule", "SEARCH_PREF_001", required=True, read=rule_id),
            STORE,
            Column(
                "position",
                "turn among the rules of the store: of two that match a product, the later wins",
                "10",
                required=True,
                read=position,
            ),
            Column(
                "included_tags",
                "tags of the products, with | between them",
                "sale|summer",
                default=[],
                read=words,
            ),
            Column("included_tags_join", "OR: any of them, AND: all", "OR", default="OR", read=JOIN),
            Column("excluded_tags", "tags of products to leave out", "gift", default=[], read=words),
            Column("excluded_tags_join", "OR: any of them, AND: all", "OR", default="OR", read=JOIN),
            Column(
                "included_categories", "categories of the products", "SHIRTS|CAPS", default=[], read=words
            ),
            Column("included_categories_join", "OR: any of them, AND: all", "OR", default="OR", read=JOIN),
            Column("excluded_categories", "categories to leave out", "PRE_ORDER", default=[], read=words),
            Column("excluded_categories_join", "OR: any of them, AND: all", "OR", default="OR", read=JOIN),
            Column(
                "facility_ids",
                "CONFIGURATION facilities of the channels; blank: all of the store",
                "CONFIGURATION",
                default=[],
                read=words,
            ),
            Column(
                "threshold", "units to hold back; blank: exports show the present ones", "10", read=position
            ),
            Column("is_active", "N: the rule rests", "Y", default=True, read=yes_or_no),
        ),
        ("search_preference_id",),
        "Rules that give products of certain tags and categories a threshold (export_product_thresholds).",
        gone=Gone.DELETE,
        label="rule",
    ),
    Table(
        "feeds",
        (
            Column("feed_id", "id of the feed", "MORNING_COUNT", required=True),
            Column("feed_name", "name for people", "Morning count of the stores", required=True),
            Column(
                "config_id",
                "configuration that takes its files",
                "RESET_INVENTORY",
                required=True,
                read=config_of_files,
            ),
            Column(
                "connection_id",
                "Airflow connection of the SFTP server",
                "ftp_config",
                default="ftp_config",
                read=str.lower,
            ),
            Column("path", "folder; blank: every folder of the configuration", "pos/stores"),
            Column(
                "file_pattern",
                "which files are of this feed",
                "stores_*.csv",
                default="*",
                read=file_pattern,
            ),
            Column("expected", "local times, or cron", "06:00 14:30", required=True, read=expected_times),
            Column("time_zone", "of these times", "Asia/Tokyo", default="UTC", read=time_zone),
            Column("early_minutes", "how early the file may come", "60", default=60, read=minutes),
            Column("grace_minutes", "how late it may come", "30", default=30, read=minutes),
            Column("minimal_rows", "a file with fewer counts as empty", "1", default=1, read=position),
            Column("contact", "mail address of the sender", "erp@example.com", read=addresses),
            Column("is_active", "N: nothing is expected", "Y", default=True, read=yes_or_no),
        ),
        ("feed_id",),
        "Files that come at a time: check_feeds tells people when one does not, senders of refused lines.",
    ),
)


def column_tables() -> str:
    """The description of all files, as plain text for `--help`."""
    parts = []
    for table in TABLES:
        parts.append(f"{table.file}\n  {table.meaning} Key: {', '.join(table.key)}.")
        for column in table.columns:
            need = "required" if column.required else f"default {column.default_text or 'blank'}"
            parts.append(f"    {column.name:<34} {need:<28} e.g. {column.example:<14} {column.meaning}")
        parts.append("")
    return "\n".join(parts)
