"""The search syntax of ``query:`` arguments (shopify.md 5.1; row 100)."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fakeshop.clock import seconds_of
from fakeshop.errors import bad_request, not_simulated
from fakeshop.gids import parse as parse_gid

TOKEN = re.compile(
    r"""\s*(?: (?P<paren>[()])
      | (?P<word>OR|AND|NOT)(?=\s|\(|$)
      | (?P<minus>-)(?=[\w("'])
      | (?P<term>(?:(?P<field>[A-Za-z_][\w.]*):)?(?P<op>>=|<=|>|<|)
          (?P<value>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^\s()"']+)) )""",
    re.VERBOSE,
)
Test = Callable[[Any], bool]


@dataclass(frozen=True)
class Filter:
    """How a field is compared: as ``text``, ``exact``, ``id``, ``time``, ``number`` or ``bool``."""

    kind: str
    value: Callable[[Any], Any]


@dataclass
class Fields:
    """The filters of one connection; ``others`` exist in the real API but not here."""

    filters: dict[str, Filter]
    words: tuple[str, ...] = ()
    others: frozenset[str] = frozenset()
    now: Callable[[], int] = lambda: int(time.time())


@dataclass
class Search:
    """A parsed search: the test for a record, and what the Admin API warns about."""

    test: Test
    warnings: list[dict[str, str]] = field(default_factory=list)
    exact: dict[str, str] = field(default_factory=dict)


def search(text: str, fields: Fields) -> Search:
    """Parse a search; unknown fields match everything and warn; a malformed one is refused."""
    parser = Parser(tokens_of(text), fields)
    return Search(parser.parse(), parser.warnings)


def tokens_of(text: str) -> list[re.Match[str]]:
    """Split a search into its tokens."""
    tokens, at = [], 0
    text = text.strip()
    while at < len(text):
        match = TOKEN.match(text, at)
        if not match:
            raise bad_request(f"Invalid search syntax at {text[at : at + 20]!r}")
        tokens.append(match)
        at = match.end()
        while at < len(text) and text[at].isspace():
            at += 1
    return tokens


class Parser:
    """Recursive descent: blanks mean AND, OR binds tighter than AND."""

    def __init__(self, tokens: list[re.Match[str]], fields: Fields) -> None:
        self.tokens = tokens
        self.fields = fields
        self.at = 0
        self.warnings: list[dict[str, str]] = []

    def parse(self) -> Test:
        """Parse everything."""
        if not self.tokens:
            return lambda record: True
        test = self._all()
        if self.at < len(self.tokens):
            raise bad_request("Invalid search syntax: unbalanced parenthesis")
        return test

    def _peek(self, kind: str, value: str) -> bool:
        return self.at < len(self.tokens) and self.tokens[self.at][kind] == value

    def _all(self) -> Test:
        tests = [self._any()]
        while self.at < len(self.tokens) and not self._peek("paren", ")"):
            if self._peek("word", "AND"):
                self.at += 1
            tests.append(self._any())
        return tests[0] if len(tests) == 1 else lambda record: all(test(record) for test in tests)

    def _any(self) -> Test:
        tests = [self._one()]
        while self._peek("word", "OR"):
            self.at += 1
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda record: any(test(record) for test in tests)

    def _one(self) -> Test:
        if self.at >= len(self.tokens):
            raise bad_request("Invalid search syntax: something is missing at the end")
        token = self.tokens[self.at]
        self.at += 1
        if token["minus"] or token["word"] == "NOT":
            inner = self._one()
            return lambda record: not inner(record)
        if token["paren"] == "(":
            inner = self._all()
            if not self._peek("paren", ")"):
                raise bad_request("Invalid search syntax: unbalanced parenthesis")
            self.at += 1
            return inner
        if not token["term"]:
            raise bad_request(f"Invalid search syntax at {token[0]!r}")
        return self._term(token["field"], token["op"], unquoted(token["value"]))

    def _term(self, name: str | None, operator: str, value: str) -> Test:
        if name is None:
            readers = [self.fields.filters[word].value for word in self.fields.words]
            wanted = value.lower().rstrip("*")
            return lambda record: any(wanted in str(read(record) or "").lower() for read in readers)
        if name in self.fields.others or name.startswith("metafields."):
            raise not_simulated(f"The search filter `{name}`")
        if name not in self.fields.filters:
            message = "Invalid search field for this query."
            self.warnings.append({"field": name, "message": message, "code": "invalid_field"})
            return lambda record: True
        chosen = self.fields.filters[name]
        return compare(chosen, operator, self._value(name, chosen.kind, value))

    def _value(self, name: str, kind: str, value: str) -> Any:
        if kind == "time" and value.lower() == "now":
            return self.fields.now()
        return wanted_value(name, kind, value)


def unquoted(value: str) -> str:
    """Take the quotes off."""
    if value[:1] in "\"'" and len(value) > 1:
        return re.sub(r"\\(.)", r"\1", value[1:-1])
    return value


def wanted_value(name: str, kind: str, value: str) -> Any:
    """Convert the value of a term to what the field is compared as."""
    if kind == "time":
        try:
            return seconds_of(value)
        except ValueError:
            raise bad_request(f"Invalid timestamp for query filter `{name}`.") from None
    if kind in ("id", "number"):
        found = parse_gid(value)
        number = str(found.number) if found else value
        return int(number) if re.fullmatch(r"-?\d+", number) else None
    if kind == "bool":
        return value.lower() == "true"
    return value.lower()


def compare(chosen: Filter, operator: str, wanted: Any) -> Test:
    """Build the test of one term."""
    read = chosen.value
    if operator:
        orders: dict[str, Callable[[Any, Any], bool]] = {
            ">=": lambda a, b: a >= b,
            "<=": lambda a, b: a <= b,
            ">": lambda a, b: a > b,
            "<": lambda a, b: a < b,
        }
        order = orders[operator]

        def ranged(record: Any) -> bool:
            value = read(record)
            return value is not None and wanted is not None and order(value, wanted)

        return ranged
    if chosen.kind in ("id", "number", "time", "bool"):
        return lambda record: read(record) == wanted
    if wanted.endswith("*"):
        return lambda record: any(one.startswith(wanted[:-1]) for one in texts(read(record)))
    if chosen.kind == "text":
        return lambda record: any(wanted in one for one in texts(read(record)))
    return lambda record: wanted in texts(read(record))


def texts(value: Any) -> list[str]:
    """Return a value, or each of its parts, in lower case."""
    values = value if isinstance(value, list) else [value]
    return [str(one).lower() for one in values if one is not None]
