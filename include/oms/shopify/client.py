"""The Admin GraphQL client of one shop: one request at a time, waiting as the shop asks, errors by class.

It repeats what certainly had no effect (and queries); a mutation whose outcome is unknown is the
caller's to repeat, with the same idempotency key (spec shopify.md 3.8, 8.4).
"""

import json
import logging
import random
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from oms.shopify import documents
from oms.shopify.budget import Budget, Deadline
from oms.shopify.documents import Document
from oms.shopify.errors import (
    Misconfigured,
    NotExecuted,
    NotSent,
    OutcomeUnknown,
    Rejected,
    SearchWarning,
    ShopifyError,
    Throttled,
    UnsupportedVersion,
    UserError,
)

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
WAIT_STATUS = (429, 430)
REFUSED_CODES = frozenset(
    [
        "PARSE_ERROR",
        "undefinedField",
        "undefinedDirective",
        "missingRequiredArguments",
        "argumentNotAccepted",
        "argumentLiteralsIncompatible",
        "variableNotUsed",
        "selectionMismatch",
        "INVALID_VARIABLE",
        "INVALID_FIELD_ARGUMENTS",
        "BAD_REQUEST",
        "MAX_INPUT_SIZE_EXCEEDED",
        "MAX_COST_EXCEEDED",
        "RESOURCE_NOT_FOUND",
    ]
)
LONGEST_PAUSE = 60.0


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

        base_url: `https://shop.myshopify.com`. timeout: seconds to connect, seconds to answer.
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
        self._session = requests.Session()
        self._session.headers.update(
            {"X-Shopify-Access-Token": token, "Content-Type": "application/json", "Accept-Encoding": "gzip"}
        )
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

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
    ) -> dict[str, Any]:
        """Send one operation and return `data`.

        variables: a dict, or JSON text that is sent byte for byte. key: the idempotency key in it, for logs.
        Waits for points, and repeats what was not executed (and queries of unknown outcome), up to
        the deadline. Raises Throttled or NotSent (certainly not executed), OutcomeUnknown, Rejected,
        SearchWarning, Misconfigured; user errors of a mutation are part of `data`.
        """
        document = documents.load(document_name)
        body = self._body(document, variables)
        deadline = deadline or Deadline(self._patience)
        pause = 1.0
        while True:
            self._refuse_other_version()
            try:
                return self._call(document, body, deadline, key)
            except (NotExecuted, OutcomeUnknown) as error:
                if isinstance(error, OutcomeUnknown) and not document.is_query:
                    raise
                asked = getattr(error, "asked_seconds", None)
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

    def _call(self, document: Document, body: bytes, deadline: Deadline, key: str | None) -> dict[str, Any]:
        """One request, answer classified."""
        cost = self.cost_of(document.name)
        self.usage.add(waited=self.budget.take(cost, deadline))
        status: dict[str, Any] | None = None
        try:
            response = self._post(body)
            answer = parsed(response)
            charge = ((answer.get("extensions") or {}).get("cost")) or {}
            status = charge.get("throttleStatus")
            if asked := charge.get("requestedQueryCost"):
                self._costs[document.name] = float(asked)
            self.usage.add(points=float(charge.get("actualQueryCost") or 0))
            log.debug(
                "%s: HTTP %s, request %s, cost %s, key %s",
                document.name,
                response.status_code,
                response.headers.get("x-request-id"),
                charge.get("actualQueryCost"),
                key,
            )
        finally:
            self.budget.answered(cost, status)
        served = response.headers.get("X-Shopify-API-Version")
        if served and served != self.api_version:
            self._served_version = served
            if document.is_query:
                self._refuse_other_version()
        return data_of(answer, response, short_of_points=status is not None and _is_short(status, cost))

    def _post(self, body: bytes) -> requests.Response:
        self.usage.add(calls=1)
        url = f"{self.base_url}/admin/api/{self.api_version}/graphql.json"
        try:
            return self._session.post(url, data=body, timeout=self._timeout, allow_redirects=False)
        except requests.exceptions.RequestException as error:
            raise _connection_error(error) from error


def _is_short(status: dict[str, Any], cost: float) -> bool:
    return float(status["currentlyAvailable"]) < cost


def _connection_error(error: requests.exceptions.RequestException) -> ShopifyError:
    """Tell a connection that never came about from one that broke after the request may have left."""
    reason = error.args[0] if error.args else None
    reason = getattr(reason, "reason", reason)
    never = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)
    if isinstance(error, requests.exceptions.ConnectTimeout) or isinstance(reason, never):
        return NotSent(f"no connection: {type(reason).__name__}")
    return OutcomeUnknown(f"no answer: {type(error).__name__}")


def parsed(response: requests.Response) -> dict[str, Any]:
    """Return the body as a JSON object; raises by HTTP status (spec shopify.md 3.7)."""
    request = f"request {response.headers.get('x-request-id')}"
    code = response.status_code
    if code in WAIT_STATUS:
        error = Throttled(f"HTTP {code}, {request}")
        with suppress(ValueError):  # a date, as something between us and Shopify may write, counts as nothing
            error.asked_seconds = float(response.headers.get("Retry-After", "")) or None  # 0 says no more
        raise error
    if code in REFUSED_STATUS:
        raise Misconfigured(f"HTTP {code}: {REFUSED_STATUS[code]} ({request})", f"HTTP_{code}")
    if code >= 500:
        raise OutcomeUnknown(f"HTTP {code}, {request}")
    if code != 200:
        raise Rejected(f"HTTP {code}, {request}", f"HTTP_{code}")
    try:
        answer = response.json()
    except ValueError as error:
        raise OutcomeUnknown(f"HTTP 200 without JSON, {request}") from error
    if not isinstance(answer, dict):
        raise OutcomeUnknown(f"HTTP 200 with {type(answer).__name__}, {request}")
    return answer


def data_of(
    answer: dict[str, Any], response: requests.Response, *, short_of_points: bool = False
) -> dict[str, Any]:
    """Return `data` of an executed operation; raises by the codes of the top-level errors."""
    request = f"request {response.headers.get('x-request-id')}"
    for search in (answer.get("extensions") or {}).get("search") or []:
        if search.get("warnings"):
            raise SearchWarning(f"search {search.get('query')!r}: {search['warnings']} ({request})", "SEARCH")
    try:
        return answered_data(answer, request)
    except Throttled as error:
        if short_of_points:  # the budget knows by now how long; anything else is answered by growing pauses
            error.asked_seconds = 0.0
        raise


def answered_data(answer: dict[str, Any], where: str) -> dict[str, Any]:
    """Return `data` of one answer (a response, or a line of a bulk result); raises by its error codes."""
    data = answer.get("data")
    errors = answer.get("errors")
    if data is not None and any(value is not None for value in data.values()):
        return data
    if not errors:
        if data is not None:
            return data
        raise OutcomeUnknown(f"neither data nor errors, {where}")
    if not isinstance(errors, list):
        raise OutcomeUnknown(f"{errors!r:.200}, {where}")
    code = ((errors[0].get("extensions") or {}).get("code")) or "OTHER"
    message = f"{code}: {errors[0].get('message')!s:.300} ({where})"
    if code == "THROTTLED":
        raise Throttled(message)
    if code == "ACCESS_DENIED":
        raise Misconfigured(message, code)
    if code in REFUSED_CODES:
        raise Rejected(message, code)
    raise OutcomeUnknown(message)  # INTERNAL_SERVER_ERROR and whatever we do not know


def user_errors(payload: dict[str, Any]) -> tuple[UserError, ...]:
    """Return the user errors of a mutation payload; codes we do not know stay as they are."""
    return tuple(
        UserError(error.get("code") or "OTHER", tuple(error.get("field") or ()), error.get("message") or "")
        for error in payload.get("userErrors") or ()
    )


def gid(kind: str, number: int) -> str:
    """Return the global id of a record, such as `gid://shopify/Location/1`."""
    return f"gid://shopify/{kind}/{number}"
