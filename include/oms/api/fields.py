"""The fields of one change of stock (inventory.md 5.17): what callers read of them, and what they must be."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from oms import texts

LARGEST = 1_000_000_000
"""Units in one change (inventory.md 3.5)."""
CLOCK_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True)
class Field:
    """A field of the body."""

    name: str
    type: str
    meaning: str
    example: Any
    check: Callable[[Any], str | None]
    """Says what is wrong with a value, None if nothing is."""
    required: bool = False


def text(longest: int) -> Callable[[Any], str | None]:
    """A check for texts of up to so many characters."""

    def check(value: Any) -> str | None:
        if not isinstance(value, str):
            hint = "; identifiers are texts, leading zeros count" if kind_of(value) == "a number" else ""
            return f"expected a text, not {kind_of(value)}{hint}"
        if len(value) > longest:
            return f"{len(value)} characters; at most {longest}"
        return "contains a NUL character" if "\0" in value else None

    return check


def units(value: Any) -> str | None:
    """A signed whole number."""
    if isinstance(value, float):
        return f"expected a whole number without a decimal point, such as -2, not {value}"
    if not isinstance(value, int) or isinstance(value, bool):
        return f"expected a whole number without quotes, such as -2, not {kind_of(value)}"
    return None if abs(value) <= LARGEST else f"{value} is beyond {LARGEST} either way"


def moment(value: Any) -> str | None:
    """A moment that has come, with its zone."""
    expected = "expected a moment with its zone, such as 2026-08-01T04:50:00+09:00"
    try:
        parsed = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return expected
    if parsed.tzinfo is None or not 1900 < parsed.year < 2100:
        return expected
    return f"{value} lies in the future" if parsed > datetime.now(UTC) + CLOCK_TOLERANCE else None


def policy(value: Any) -> str | None:
    """A negative policy (inventory.md 5.5)."""
    return None if value in ("allow", "floor", "reject") else "expected allow, floor or reject"


def kind_of(value: Any) -> str:
    """What a value is, for a message."""
    kinds = {bool: "true or false", str: "a text", list: "a list", dict: "an object", type(None): "null"}
    return kinds.get(type(value), "a number")


FIELDS = (
    Field(
        "idType",
        "string",
        "Kind of identifier: SKU, UPCA, EAN, Shopify_Prod_ID, …; case and punctuation do not matter.",
        "UPCA",
        text(60),
        required=True,
    ),
    Field(
        "idValue",
        "string",
        "The identifier; always text, leading zeros count.",
        "30065245099",
        text(255),
        required=True,
    ),
    Field(
        "availableDelta",
        "integer",
        "Change of QOH and ATP in units, with its sign; 0 changes nothing.",
        -2,
        units,
        required=True,
    ),
    Field(
        "facilityId",
        "string",
        "The facility: its OMS id or, failing that, its id in the ERP or POS.",
        "WH",
        text(255),
        required=True,
    ),
    Field(
        "varianceReasonId",
        "string",
        "Reason code, such as POS_SALE, VAR_FOUND, VAR_LOST, VAR_DAMAGED or VAR_MANUAL (all: oms.reason). "
        "NO_VARIANCE_LOG is accepted and writes nothing.",
        "POS_SALE",
        text(60),
        required=True,
    ),
    Field(
        "locationSeqId",
        "string",
        "Storage location; without it the pick face of the facility.",
        "TLTLTLLL01",
        text(60),
    ),
    Field("comments", "string", "Kept with the ledger entry.", "receipt 4711", text(255)),
    Field(
        "effectiveDate",
        "string",
        "When it happened, with its zone; without it now. A movement from before the newest count of its "
        "position changes nothing.",
        "2026-08-01T04:50:00+09:00",
        moment,
    ),
    Field(
        "negativePolicy",
        "string",
        "What a change may do to QOH below 0: allow it; floor: record only the units down to 0; reject it.",
        "allow",
        policy,
    ),
)
NAMES = {field.name: field for field in FIELDS}
UNKNOWN = f"is no field; known are {', '.join(NAMES)}"


def faults(element: Any) -> list[dict[str, str]]:
    """What is wrong with one change, by field; nothing: it can be carried out as far as its form goes."""
    if not isinstance(element, dict):
        return [{"field": "", "detail": f"expected an object, not {kind_of(element)}"}]
    wrong = []
    for field in FIELDS:
        value = element.get(field.name)
        if value is None or (isinstance(value, str) and not texts.trimmed(value)):
            if field.required:
                wrong.append({"field": field.name, "detail": f"is missing; {field.meaning}"})
        elif fault := field.check(value):
            wrong.append({"field": field.name, "detail": fault})
    return wrong + [{"field": name[:60], "detail": UNKNOWN} for name in element if name not in NAMES]
