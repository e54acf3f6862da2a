"""How GraphQL fields find their values: a class for each type, a method or attribute for each field."""

import re
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, ClassVar

from graphql import GraphQLResolveInfo

from fakeshop.clock import iso
from fakeshop.errors import access_denied, not_simulated
from fakeshop.paging import page, whole
from fakeshop.records import App
from fakeshop.search import Fields, search
from fakeshop.shop import Shop


@dataclass
class Context:
    """One request: in which shop, by which app, in which version."""

    shop: Shop
    app: App
    version: str
    scopes: frozenset[str]
    base_url: str
    owner: object = field(default_factory=object)
    searches: list[dict[str, Any]] = field(default_factory=list)
    source: str = "api"
    crash_keys: bool = False
    unpaged: bool = False
    defer_commit: bool = False
    api: Any = None
    key: str | None = None
    event_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def need(self, name: str, scopes: tuple[str, ...]) -> None:
        """Refuse a field unless the token has one of the scopes."""
        if not self.scopes.intersection(scopes):
            raise access_denied(name, scopes)


def snake(name: str) -> str:
    """createdAt -> created_at."""
    return re.sub(r"([A-Z])", lambda match: "_" + match[1].lower(), name)


class Node:
    """A value of an object type. Public methods are fields; ``attributes`` and ``times`` list simple ones."""

    __slots__ = ("ctx", "it")
    TYPE = ""
    attributes = ""
    times = ""
    FIELDS: ClassVar[dict[str, Callable[..., Any]]] = {}
    CLASSES: ClassVar[dict[str, type["Node"]]] = {}
    """The classes of all modules, by type name: nodes lead to each other in circles."""

    def __init__(self, ctx: Context, it: Any) -> None:
        self.ctx = ctx
        self.it = it

    def __init_subclass__(cls) -> None:
        fields = dict(cls.FIELDS)
        for name in cls.attributes.split():
            fields[name] = reader(snake(name))
        for name in cls.times.split():
            fields[name] = time_reader(snake(name).removesuffix("_at"))
        for name, method in vars(cls).items():
            if callable(method) and not name.startswith("_"):
                fields[name.removesuffix("_")] = method
        cls.FIELDS = fields
        cls.TYPE = cls.__name__.removesuffix("Node")
        Node.CLASSES[cls.TYPE] = cls


def reader(attribute: str) -> Callable[[Node], Any]:
    """Read an attribute of the record, or an entry of a nested part."""

    def read(node: Node) -> Any:
        it = node.it
        return it[attribute] if type(it) is dict else getattr(it, attribute)

    return read


def time_reader(attribute: str) -> Callable[[Node], Any]:
    """Read a time."""
    read = reader(attribute)
    return lambda node: iso(read(node))


def resolve(source: Any, info: GraphQLResolveInfo, **args: Any) -> Any:
    """Resolve any field: of a node, or of a payload that is a plain dictionary."""
    name = info.field_name
    if type(source) is dict:
        if name in source:
            return source[name]
    else:
        method = source.FIELDS.get(name)
        if method is not None:
            return method(source, **args)
    raise not_simulated(f"{info.parent_type.name}.{name}")


def type_of(value: Any, _info: GraphQLResolveInfo, _type: Any) -> str | None:
    """Name the concrete type of a value of an interface or union."""
    return value.get("__typename") if type(value) is dict else value.TYPE


class ConnectionNode(Node):
    """A connection."""

    def nodes(self) -> list[Any]:
        return self.it.nodes()

    def edges(self) -> list[dict[str, Any]]:
        return self.it.edges()

    def pageInfo(self) -> dict[str, Any]:
        return self.it.page_info()


def connection(
    ctx: Context,
    keys: Any,
    args: dict[str, Any],
    make: Callable[[int], Any],
) -> ConnectionNode:
    """Build a connection over sort keys in ascending order."""
    if ctx.unpaged:
        return ConnectionNode(ctx, whole(keys, args, make))
    return ConnectionNode(ctx, page(keys, args, make))


def found(
    ctx: Context, path: str, records: Iterable[Any], args: dict[str, Any], fields: Fields
) -> Iterable[Any]:
    """Apply the ``query:`` argument to records; note its warnings in the answer."""
    text = args.get("query")
    if not text or not text.strip():
        return records
    parsed = search(text, replace(fields, now=ctx.shop.clock.now))
    if parsed.warnings:
        entry = {"path": [path], "query": text, "parsed": {}, "warnings": parsed.warnings}
        ctx.searches.append(entry)
    return filter(parsed.test, records)


def sort_keys(records: Iterable[Any], value: Callable[[Any], Any] | None) -> list[Any]:
    """Return the sort keys of records: by id, or by a value and then the id."""
    if value is None:
        return sorted(record.id for record in records)
    return sorted((value(record), record.id) for record in records)


def money(amount: str, currency: str) -> dict[str, Any]:
    """Build a MoneyV2: unlike a Money scalar it has no zero beyond the first decimal ("20.0", "6.75")."""
    whole_, _, decimals = f"{Decimal(amount):f}".partition(".")
    return {"amount": f"{whole_}.{decimals.rstrip('0') or '0'}", "currencyCode": currency}


def money_bag(amount: str, currency: str) -> dict[str, Any]:
    """Build a MoneyBag: the local shop sells in one currency."""
    return {"shopMoney": money(amount, currency), "presentmentMoney": money(amount, currency)}
