"""Which metafields may be written: namespaces, keys, types and values (shopify.md 5.3)."""

import json
import re
from datetime import date, datetime
from urllib.parse import urlsplit

Problem = tuple[str, str, str]
NAMESPACE_LENGTH, KEY_LENGTH = (3, 255), (2, 64)
CHARACTERS = re.compile(r"[A-Za-z0-9_-]+\Z")
INTEGER_LIMIT = 9_007_199_254_740_991
SINGLE = (
    "boolean", "color", "date", "date_time", "dimension", "id", "json", "language", "link", "money",
    "multi_line_text_field", "number_decimal", "number_integer", "rating", "rich_text_field",
    "single_line_text_field", "url", "volume", "weight", "article_reference", "collection_reference",
    "company_reference", "customer_reference", "file_reference", "metaobject_reference", "mixed_reference",
    "order_reference", "page_reference", "product_reference", "product_taxonomy_value_reference",
    "variant_reference",
)  # fmt: skip
NO_LISTS = ("boolean", "id", "json", "language", "money", "multi_line_text_field", "rich_text_field")
TYPES = (*SINGLE, *(f"list.{one}" for one in SINGLE if one not in NO_LISTS))
OBJECTS = ("dimension", "link", "money", "rating", "rich_text_field", "volume", "weight")


def resolved(namespace: str | None, app: int) -> str:
    """Return a namespace as it is kept: ``$app`` and none at all are the app's own."""
    if namespace is None or namespace == "$app":
        return f"app--{app}"
    if namespace.startswith("$app:"):
        return f"app--{app}--{namespace.removeprefix('$app:')}"
    return namespace


def name_problem(namespace: str, key: str, app: int) -> Problem | None:
    """Return field, message and code of what is wrong with a resolved namespace and a key."""
    mine = namespace == f"app--{app}" or namespace.startswith(f"app--{app}--")
    if namespace.startswith(("app--", "shopify--")) and not mine:
        message = "Access to this namespace and key on Metafields for this resource type is not allowed."
        return "namespace", message, "APP_NOT_AUTHORIZED"
    for field, text, (least, most) in (
        ("namespace", namespace, NAMESPACE_LENGTH),
        ("key", key, KEY_LENGTH),
    ):
        shown = field.capitalize()
        if len(text) < least:
            return field, f"{shown} is too short (minimum is {least} characters)", "TOO_SHORT"
        if len(text) > most:
            return field, f"{shown} is too long (maximum is {most} characters)", "TOO_LONG"
        if not CHARACTERS.match(text):
            return field, f"{shown} can only contain letters, numbers, underscores and hyphens", "INVALID"
    return None


def value_problem(type_: str, value: str) -> Problem | None:
    """Return field, message and code of what is wrong with a type or with a value of it."""
    if type_ not in TYPES:
        return "type", f"Type must be one of the following: {', '.join(TYPES)}.", "INCLUSION"
    if not value:
        return "value", "Value can't be blank.", "BLANK"
    if not type_.startswith("list."):
        message = complaint(type_, value)
        return ("value", message, "INVALID_VALUE") if message else None
    values = parsed(value)
    if not isinstance(values, list):
        return "value", "Value must be an array.", "INVALID_VALUE"
    for one in values:
        message = complaint(type_.removeprefix("list."), one if isinstance(one, str) else json.dumps(one))
        if message:
            return "value", message, "INVALID_VALUE"
    return None


def parsed(text: str) -> object:
    """Return what a text says as JSON; an exception's class, which no JSON is, when it says nothing."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return ValueError


def complaint(type_: str, value: str) -> str | None:
    """Return what is wrong with one value."""
    if type_ == "boolean" and value not in ("true", "false"):
        return "Value must be true or false."
    if type_ == "number_integer" and not (
        re.fullmatch(r"-?[0-9]{1,16}", value) and abs(int(value)) <= INTEGER_LIMIT
    ):
        return "Value must be an integer."
    if type_ == "number_decimal" and not re.fullmatch(r"-?[0-9]{1,13}(\.[0-9]{1,9})?", value):
        return "Value must be a decimal."
    if type_ == "date" and not is_date(value):
        return "Value must be in YYYY-MM-DD format."
    if type_ == "date_time" and not is_moment(value):
        return "Value must be in “YYYY-MM-DDTHH:MM:SS” format. For example: 2022-06-01T15:30:00"
    if type_ == "single_line_text_field" and ("\n" in value or "\r" in value):
        return "Value must be a single line text string."
    if type_ == "json" and parsed(value) is ValueError:
        return "Value is invalid JSON."
    if type_ in OBJECTS and not isinstance(parsed(value), dict):
        return "Value must be a JSON object."
    if type_ == "color" and not re.fullmatch(r"#[0-9A-Fa-f]{6}", value):
        return "Value must be a hex color code in the format #RRGGBB."
    if type_ == "url" and not is_url(value):
        return "Value must be a valid URL."
    if type_.endswith("_reference") and not value.startswith("gid://shopify/"):
        return "Value must be a valid gid."
    return None


def is_date(value: str) -> bool:
    """Say whether a text is a day."""
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return len(value) == len("2026-01-31")


def is_moment(value: str) -> bool:
    """Say whether a text is a day and a time."""
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return "T" in value


def is_url(value: str) -> bool:
    """Say whether a text is an address that may be linked."""
    try:
        return urlsplit(value).scheme in ("http", "https", "mailto", "sms", "tel")
    except ValueError:
        return False
