"""Changes of stock by API call (inventory.md 5.17, 5.18): what a body must be, and its effect."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from psycopg import AsyncConnection

from oms import crashpoints, texts
from oms.api.errors import Problem, unavailable
from oms.api.fields import faults, kind_of
from oms.api.tokens import Bearer, ended
from oms.database import statements

sql = statements(__file__)

APPLIED = crashpoints.register("api.applied", "the effect of a call is committed, the caller not answered")
RECEIVED = crashpoints.register("api.received", "a call is understood, nothing is written")

MOST_BYTES = 1 << 20
MOST_ELEMENTS = 1000
LONGEST_KEY = 64
PATIENCE = timedelta(seconds=20)
"""Elements that were not begun by then are answered with 503."""
LOCK_WAIT = timedelta(seconds=5)
"""How long a call waits for a position that something else is changing."""
_KEY = re.compile(r"[!-~]{1,64}", re.ASCII)

Answer = dict[str, Any]
Results = list[dict[str, Any]]
"""What the database did with each element of a call that is a change of stock."""


@dataclass(frozen=True)
class Call:
    """A body that can be carried out, at least in part, and who sent it."""

    bearer: Bearer
    key: str | None
    elements: list[Any]
    """As they came, to be echoed."""
    is_list: bool
    faults: dict[int, Problem]
    """Elements, by their index, that are no change of stock."""
    body_hash: bytes
    """Of the content: the order of fields and blanks between them do not matter."""


def read(bearer: Bearer, key: str | None, body: bytes) -> Call:
    """Understand a body: an object, or a list of 1 to 1,000 of them. Raises Problem 400."""
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem(400, "ERR_JSON", f"the body is not JSON: {error}") from error
    if not isinstance(content, dict | list):
        raise Problem(400, "ERR_BODY", f"expected an object or a list of objects, not {kind_of(content)}")
    is_list = isinstance(content, list)
    elements: list[Any] = content if is_list else [content]
    if not 1 <= len(elements) <= MOST_ELEMENTS:
        raise Problem(400, "ERR_BODY", f"a list of {len(elements)} elements; expected 1 to {MOST_ELEMENTS}")
    try:
        canonical = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError as error:
        raise Problem(400, "ERR_JSON", f"the body is nested too deeply: {error}") from error
    judged = ((number, faults(element)) for number, element in enumerate(elements))
    refused = {number: _invalid(wrong) for number, wrong in judged if wrong}
    if refused and not is_list:
        raise refused[0]
    return Call(bearer, key, elements, is_list, refused, hashlib.sha256(canonical).digest())


def _invalid(wrong: list[dict[str, str]]) -> Problem:
    detail = "; ".join(f"{one['field']}: {one['detail']}" if one["field"] else one["detail"] for one in wrong)
    return Problem(400, "ERR_VALIDATION", detail, errors=wrong, more={"field": wrong[0]["field"]})


def checked_key(key: str | None) -> str | None:
    """An Idempotency-Key that can be kept. Raises Problem 400."""
    if key is not None and not _KEY.fullmatch(key):
        raise Problem(
            400,
            "ERR_KEY",
            f"the header Idempotency-Key must be 1 to {LONGEST_KEY} visible ASCII characters",
            more={"field": "Idempotency-Key"},
        )
    return key


async def send(
    conn: AsyncConnection, calls: Sequence[Call], lock_wait: timedelta = LOCK_WAIT
) -> list[Results | None]:
    """Carry calls out in one round trip, each element in its own transaction; return what each call led to.

    conn: in autocommit mode. With a key, elements that had an effect before are answered as then and nothing
    is applied. None: the token of a call is valid no more. Nothing that a call contains fails another one.
    """
    crashpoints.point(RECEIVED)
    values = {
        "calls": orjson.dumps([_sent(call) for call in calls]).decode(),
        "patience": PATIENCE,
        "lock_wait": lock_wait // timedelta(milliseconds=1),
    }
    (answers,) = await (await conn.execute(sql.adjust, values)).fetchone()
    crashpoints.point(APPLIED)
    return orjson.loads(answers)


def _sent(call: Call) -> dict[str, Any]:
    return {
        "token_id": call.bearer.token_id,
        "key": call.key,
        "body_hash": call.body_hash.hex(),
        "elements": [
            _trimmed(element) | {"element_no": number + 1 if call.is_list else 0}
            for number, element in enumerate(call.elements)
            if number not in call.faults
        ],
    }


def met_a_lock(results: Results | None) -> bool:
    """Whether something in a call was left alone because something else was changing its position."""
    return results is not None and any(one["code"] == "ERR_BUSY" for one in results if one["status"] == 503)


def told(call: Call, results: Results | None) -> Answer | list[Answer]:
    """What the caller is told.

    Raises Problem for an object that is refused, for a key that another body was sent with, and for a token
    that is valid no more.
    """
    if results is None:
        raise ended()
    left = iter(results)
    outcomes = [
        call.faults[number] if number in call.faults else _outcome(next(left))
        for number in range(len(call.elements))
    ]
    if not call.is_list or all(_is_key_reused(one) for one in outcomes):
        for outcome in outcomes:
            if isinstance(outcome, Problem):
                raise outcome
    answers = [_told(element, outcome) for element, outcome in zip(call.elements, outcomes, strict=True)]
    if not call.is_list:
        del answers[0]["status"]
    return answers if call.is_list else answers[0]


def _is_key_reused(outcome: Problem | Answer) -> bool:
    return isinstance(outcome, Problem) and outcome.code == "ERR_KEY_REUSED"


def _trimmed(element: dict[str, Any]) -> dict[str, Any]:
    """Without blanks around texts, and without fields that are blank: both count as absent."""
    trimmed = {
        name: texts.trimmed(value) if isinstance(value, str) else value for name, value in element.items()
    }
    sent = {name: value for name, value in trimmed.items() if value not in (None, "")}
    if happened_at := sent.get("effectiveDate"):  # Postgres does not read all forms that Python does
        sent["effectiveDate"] = datetime.fromisoformat(happened_at).astimezone(UTC).isoformat()
    return sent


def _outcome(result: dict[str, Any]) -> Problem | Answer:
    if result["status"] == 200:
        return result
    if result["status"] == 503:
        return unavailable(result["detail"], result["code"])
    more = {"field": result["field"]} if result["field"] else {}
    return Problem(result["status"], result["code"], result["detail"], more=more)


def _told(element: Any, outcome: Problem | Answer) -> Answer:
    """The element echoed, with what became of it."""
    echo = {**element} if isinstance(element, dict) else {}
    if isinstance(outcome, Problem):
        return echo | {"webSiteId": "API", "status": outcome.status, "error": outcome.body()}
    return echo | {"webSiteId": "API", "inventoryItemId": None} | outcome
