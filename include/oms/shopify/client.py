"""The Admin GraphQL client of one shop: one request at a time, waiting as the shop asks, errors by class.

It repeats what certainly had no effect (and queries); a mutation whose outcome is unknown is the
caller's to repeat, with the same idempotency key (spec shopify.md 3.8, 8.4).
"""

import json
import logging
import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from oms.shopify import documents, shapes
from oms.shopify.budget import BucketState, Budget, Deadline
from oms.shopify.documents import Document
from oms.shopify.errors import (
    ForeignAnswer,
    Misconfigured,
    NotExecuted,
    NotSent,
    OutcomeUnknown,
    Rejected,
    SearchWarning,
    ShopAway,
    ShopifyError,
    Throttled,
    UnsupportedVersion,
    UserError,
    told,
)
from oms.shopify.transfers import PlainSession

log = logging.getLogger(__name__)

LATEST_VERSION = "2026-10"
OLDEST_VERSION = "2026-07"
FIRST_COST = {"levels_of_items": 4.0, "locations": 13.0, "bulk_operation": 1.0}
MUTATION_COST = 10.0
REFUSED_STATUS = {
    401: "the access token is not accepted",
    402: "the shop is frozen",
    403: "the app may not use this shop",
    404: "there is no such shop or API version at this address",
    423: "the shop is locked",
}
"""Believed only of an answer that is the shop's own, a JSON object with `errors`."""
TOKEN_REFUSED = "[API] Invalid API key or access token"
WAIT_STATUS = (429, 430)
FOREIGN_ANSWERS = 3
"""After so many in a run nothing more is asked of a shop: whoever answers, it is not the shop."""
DEAREST = 1000.0
"""Points of one request, at most."""
VERSION = re.compile(r"\d{4}-\d\d|unstable")
MISUNDERSTOOD_CODES = frozenset(
    [
        "PARSE_ERROR",
        "undefinedField",
        "undefinedDirective",
        "missingRequiredArguments",
        "argumentNotAccepted",
        "argumentLiteralsIncompatible",
        "variableNotUsed",
        "selectionMismatch",
    ]
)
"""The shop cannot read our document: that says nothing of the values that were sent with it."""
REFUSED_CODES = frozenset(
    [
        "INVALID_VARIABLE",
        "INVALID_FIELD_ARGUMENTS",
        "BAD_REQUEST",
        "MAX_INPUT_SIZE_EXCEEDED",
        "MAX_COST_EXCEEDED",
        "RESOURCE_NOT_FOUND",
    ]
)
PIECE = 1 << 20
LONGEST_PAUSE = 60.0
LONGEST_ASKED = 86_400.0
"""No shop asks for a longer wait; it is a moment (seconds since 1970), or damage."""


@dataclass
class Usage:
    """What the client has done so far: requests sent, points charged, seconds spent waiting for the shop."""

    calls: int = 0
    points: float = 0.0
    wait_seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, *, calls: int = 0, points: float = 0.0, waited: float = 0.0) -> None:
        """Count something; called from several threads."""
        with self._lock:
            self.calls += calls
            self.points += points
            self.wait_seconds += waited


class ShopifyClient:
    """Requests to one shop; safe to share between threads."""

    def __init__(
        self,
        base_url: str,
        token: str,
        api_version: str = LATEST_VERSION,
        *,
        connections: int = 16,
        timeout: tuple[float, float] = (5.0, 30.0),
        patience: float = 60.0,
    ) -> None:
        """Prepare a client; nothing is sent.

        base_url: `https://shop.myshopify.com`. timeout: seconds to connect, seconds to answer (to begin, and
        then to end).
        patience: seconds that a call waits for the shop when its caller names no deadline.
        Raises UnsupportedVersion for an API version before 2026-07.
        """
        if api_version < OLDEST_VERSION:
            raise UnsupportedVersion(f"API version {api_version} is older than {OLDEST_VERSION}")
        self.base_url = base_url.rstrip("/")
        self.api_version = api_version
        self.budget = Budget()
        self.usage = Usage()
        self._patience = patience
        self._timeout = timeout
        self._costs: dict[str, float] = {}
        self._served_version = api_version
        self._foreign: list[ForeignAnswer] = []
        self._session = PlainSession()
        self._session.headers.update(
            {"X-Shopify-Access-Token": token, "Content-Type": "application/json", "Accept-Encoding": "gzip"}
        )
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        self._session.close()

    def begin_run(self) -> None:
        """Ask the shop again, whatever answered in its place during the run before."""
        self._foreign = []

    @property
    def away(self) -> ShopAway | None:
        """Why nothing more is asked in this run; None while the shop itself answers."""
        if len(self._foreign) < FOREIGN_ANSWERS:
            return None
        return ShopAway(
            f"{self.base_url}: {len(self._foreign)} answers were not the shop's own, the last one"
            f" {self._foreign[-1]}; nothing more is asked of it in this run"
        )

    def cost_of(self, document_name: str) -> float:
        """Return the points that a request of this document asks for, as far as we know."""
        return self._costs.get(document_name) or FIRST_COST.get(document_name, MUTATION_COST)

    def execute(
        self,
        document_name: str,
        variables: dict[str, Any] | str,
        *,
        deadline: Deadline | None = None,
        key: str | None = None,
        repeat: bool = False,
        is_ours: Callable[[dict[str, Any]], bool] | None = None,
    ) -> dict[str, Any]:
        """Send one operation and return `data`, which has the shape that the schema promises.

        variables: a dict, or JSON text that is sent byte for byte. key: the idempotency key in it, for logs.
        repeat: the key allows to repeat a mutation here when its outcome is unknown, as a query is. is_ours:
        tells by what `data` names that it is no answer to another request; without it the connection is not
        used again. Waits for points, and repeats
        what was not executed, up to the deadline. Raises Throttled, NotSent or ShopAway (certainly not
        executed), OutcomeUnknown, Rejected, SearchWarning, Misconfigured; user errors of a mutation are part
        of `data`.
        """
        document = documents.load(document_name)
        body = self._body(document, variables)
        deadline = deadline or Deadline(self._patience)
        pause = 1.0
        while True:
            self._refuse_other_version()
            if self.away is not None:
                raise self.away
            try:
                return self._call(document, body, deadline, key, is_ours)
            except (NotExecuted, OutcomeUnknown) as error:
                if isinstance(error, ForeignAnswer):
                    self._foreign.append(error)
                if isinstance(error, OutcomeUnknown) and not (document.is_query or repeat):
                    raise
                if self.away is not None:
                    raise self.away from error
                asked = error.asked_seconds
                wait = pause * random.uniform(0.8, 1.2) if asked is None else asked
                if wait >= deadline.left():
                    raise
                log.info("%s: %s; again in %.1f s", document_name, error, wait)
                time.sleep(wait)
                self.usage.add(waited=wait)
                pause = min(LONGEST_PAUSE, pause * 2)

    def mutate(self, document_name: str, variables: dict[str, Any], **options: Any) -> dict[str, Any]:
        """Execute a mutation of one field and return its payload; raises Rejected for its user errors."""
        (payload,) = self.execute(document_name, variables, **options).values()
        if errors := user_errors(payload):
            raise Rejected(
                f"{document_name}: " + "; ".join(error.message for error in errors), errors[0].code, errors
            )
        return payload

    def _body(self, document: Document, variables: dict[str, Any] | str) -> bytes:
        text = variables if isinstance(variables, str) else json.dumps(variables)
        return f'{{"query":{document.json_text},"variables":{text}}}'.encode()

    def _refuse_other_version(self) -> None:
        if self._served_version != self.api_version:
            raise UnsupportedVersion(f"asked for API {self.api_version}, {self._served_version} answered")

    def _call(
        self,
        document: Document,
        body: bytes,
        deadline: Deadline,
        key: str | None,
        is_ours: Callable[[dict[str, Any]], bool] | None,
    ) -> dict[str, Any]:
        """One request, answer classified."""
        cost = self.cost_of(document.name)
        self.usage.add(waited=self.budget.take(cost, deadline))
        status: Any = None
        is_clean = False
        try:
            response = self._post(body)
            answer = parsed(response)
            charge = _part(_part(answer, "extensions"), "cost")
            status = charge.get("throttleStatus")
            asked, paid = (_points(charge.get(name)) for name in ("requestedQueryCost", "actualQueryCost"))
            if asked:
                self._costs[document.name] = asked
            self.usage.add(points=paid or 0.0)
            log.debug(
                "%s: HTTP %s, request %s, cost %s, key %s",
                document.name,
                response.status_code,
                told(response.headers.get("x-request-id")),
                paid,
                key,
            )
            self._note_version(document, response)
            state = BucketState.of(status)
            short = state is not None and state.available < cost
            data = data_of(answer, response, short_of_points=short, whole=document.is_query)
            shapes.checked(document.name, data)
            if is_ours is not None and not is_ours(data):
                raise OutcomeUnknown(f"the answer to another request came ({document.name})")
            is_clean = is_ours is not None and (document.is_query or not _is_nameless(data))
            return data
        finally:
            self.budget.answered(cost, status)
            if not is_clean:
                self.close()  # a second copy of such an answer would pass for that of the next request

    def _note_version(self, document: Document, response: requests.Response) -> None:
        served = response.headers.get("X-Shopify-API-Version")
        if served and VERSION.fullmatch(served) and served != self.api_version:
            self._served_version = served
            if document.is_query:
                self._refuse_other_version()

    def _post(self, body: bytes) -> requests.Response:
        self.usage.add(calls=1)
        url = f"{self.base_url}/admin/api/{self.api_version}/graphql.json"
        try:
            response = self._session.post(
                url, data=body, timeout=self._timeout, stream=True, allow_redirects=False
            )
            with response:
                _read_whole(response, Deadline(self._timeout[1]))
            return response
        except requests.exceptions.RequestException as error:
            raise _connection_error(error) from error
        except urllib3.exceptions.HTTPError as error:  # some damage goes past `requests`
            raise OutcomeUnknown(f"no answer: {type(error).__name__}") from error


def _read_whole(response: requests.Response, deadline: Deadline) -> None:
    """Read the body as it comes. The time-out of the socket is one of each piece, and pieces can be small."""
    pieces = []
    while piece := response.raw.read1(PIECE, decode_content=True):
        pieces.append(piece)
        if not deadline.left():
            raise OutcomeUnknown(f"no whole answer: {sum(map(len, pieces))} bytes came in time")
    response._content = b"".join(pieces)  # what `requests` itself keeps of a body that it reads
    response._content_consumed = True


def _part(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return an object within an answer; an empty one where something else stands there."""
    part = whole.get(name)
    return part if isinstance(part, dict) else {}


def _points(value: Any) -> float | None:
    """Return the points of a request; None for what cannot be that."""
    return float(value) if type(value) in (int, float) and 0 <= value <= DEAREST else None


def _tells(payload: Any) -> bool:
    """Say whether the payload of a mutation tells its outcome, though it stands beside errors."""
    return isinstance(payload, dict) and (bool(payload.get("userErrors")) or None not in payload.values())


def _is_nameless(data: Mapping[str, Any]) -> bool:
    """Say whether an answer has nothing in it that tells which request it answers."""
    return any(payload.get("userErrors") or None in payload.values() for payload in data.values())


def _connection_error(error: requests.exceptions.RequestException) -> ShopifyError:
    """Tell a connection that never came about from one that broke after the request may have left."""
    reason = error.args[0] if error.args else None
    reason = getattr(reason, "reason", reason)
    never = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)
    if isinstance(error, requests.exceptions.ConnectTimeout) or isinstance(reason, never):
        return NotSent(f"no connection: {type(reason).__name__}")
    return OutcomeUnknown(f"no answer: {type(error).__name__}")


def parsed(response: requests.Response) -> dict[str, Any]:
    """Return the body as a JSON object; raises by HTTP status (spec shopify.md 3.7).

    A status is believed of the shop's own answers only: what stands between us may have sent the request on,
    and answers as it likes.
    """
    code = response.status_code
    said = _json_object(response)
    where = f"HTTP {code}, request {told(response.headers.get('x-request-id'))}"
    is_own = said is not None and bool(said.get("errors"))
    if code == 200:
        if said is not None:
            return said
        if "json" in response.headers.get("Content-Type", ""):
            raise OutcomeUnknown(f"damaged JSON, {where}")
    elif code >= 500 or code in WAIT_STATUS:
        error = Throttled(where) if is_own and code in WAIT_STATUS else OutcomeUnknown(where)
        error.asked_seconds = seconds_asked(response.headers.get("Retry-After"))
        raise error
    elif is_own and code in REFUSED_STATUS and (code != 401 or _refuses_token(said)):
        raise Misconfigured(f"{REFUSED_STATUS[code]} ({where})", f"HTTP_{code}")
    location = response.headers.get("Location")
    to = f" to Location {told(location)}" if location else ""
    kind = told(response.headers.get("Content-Type"), 60)
    raise ForeignAnswer(f"HTTP {code}{to} ({kind}), which no shop answers to a request", f"HTTP_{code}")


def _json_object(response: requests.Response) -> dict[str, Any] | None:
    try:
        answer = response.json()
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _refuses_token(said: dict[str, Any] | None) -> bool:
    return said is not None and str(said["errors"]).startswith(TOKEN_REFUSED)


def seconds_asked(text: str | None) -> float | None:
    """Return the wait that `Retry-After` asks for; None for a date, for 0 and for what cannot be a wait."""
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    return seconds if 0 < seconds <= LONGEST_ASKED else None


def data_of(
    answer: dict[str, Any], response: requests.Response, *, short_of_points: bool = False, whole: bool = False
) -> dict[str, Any]:
    """Return `data` of an executed operation; raises by the codes of the top-level errors."""
    request = f"request {told(response.headers.get('x-request-id'))}"
    searches = _part(answer, "extensions").get("search") or []
    for search in searches if isinstance(searches, list) else [searches]:
        if not isinstance(search, dict):
            raise OutcomeUnknown(f"damaged answer: a search is {type(search).__name__}, {request}")
        if search.get("warnings"):
            words = f"search {told(search.get('query'))!r}: {told(search['warnings'])} ({request})"
            raise SearchWarning(words, "SEARCH")
    try:
        return answered_data(answer, request, whole=whole)
    except Throttled as error:
        if short_of_points:  # the budget knows by now how long; anything else is answered by growing pauses
            error.asked_seconds = 0.0
        raise


def answered_data(answer: dict[str, Any], where: str, *, whole: bool = False) -> dict[str, Any]:
    """Return `data` of one answer (a response, or a line of a bulk result); raises by its error codes.

    whole: data beside errors is not taken: what is null there was not found out. Else it is taken where it
    tells what became of the request: an effect or the shop's own user errors.
    """
    data = answer.get("data")
    errors = answer.get("errors")
    if data is not None and not isinstance(data, dict):
        raise OutcomeUnknown(f"damaged answer: data is {type(data).__name__}, {where}")
    if data is not None and not errors:
        return data
    if data and not whole and all(_tells(payload) for payload in data.values()):
        return data
    if not errors:
        raise OutcomeUnknown(f"neither data nor errors, {where}")
    if not isinstance(errors, list) or not all(isinstance(error, dict) for error in errors):
        raise OutcomeUnknown(f"damaged answer: errors are {told(errors, 200)!r}, {where}")
    found = [_refusal(error, where) for error in errors]
    # one that we do not know says that something may have been done, whatever stands beside it
    raise next((error for error in found if isinstance(error, OutcomeUnknown)), found[0])


def _refusal(error: dict[str, Any], where: str) -> ShopifyError:
    """Return what one top-level error says of its request."""
    code = told(_part(error, "extensions").get("code") or "OTHER")
    message = f"{code}: {told(error.get('message'))} ({where})"
    if code == "THROTTLED":
        return Throttled(message)
    if code == "ACCESS_DENIED" or code in MISUNDERSTOOD_CODES:
        return Misconfigured(message, code)
    if code in REFUSED_CODES:
        return Rejected(message, code)
    return OutcomeUnknown(message)  # INTERNAL_SERVER_ERROR and whatever we do not know


def user_errors(payload: dict[str, Any]) -> tuple[UserError, ...]:
    """Return the user errors of a mutation payload; codes we do not know stay as they are."""
    return tuple(
        UserError(
            told(error.get("code") or "OTHER"),
            tuple(error.get("field") or ()),
            told(error.get("message") or ""),
        )
        for error in payload.get("userErrors") or ()
    )


def gid(kind: str, number: int) -> str:
    """Return the global id of a record, such as `gid://shopify/Location/1`."""
    return f"gid://shopify/{kind}/{number}"
