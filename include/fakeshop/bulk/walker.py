"""Walking a bulk query without pages: compiled once, then one JSON line for each node (shopify.md 2.6)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_composite_type,
)
from graphql.execution.values import VariableValues, get_argument_values

from fakeshop.bulk.rules import Fields, is_connection, operation_in, type_of_field
from fakeshop.errors import not_simulated
from fakeshop.nodes.base import Context, Node
from fakeshop.paging import number_in
from fakeshop.queries import QueryRoot
from fakeshop.scopes import NEEDED

NO_VARIABLES = VariableValues({}, {})
GROUP = 50


@dataclass
class Step:
    """One field of a plan; ``plan`` is what is selected below it, ``on`` the types it applies to."""

    key: str
    name: str
    args: dict[str, Any]
    connection: bool
    plan: "Plan | None"
    on: frozenset[str] | None


Plan = list[Step]


class Compiler:
    """Turns selections into plans; a field that is not simulated is refused before anything runs."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self.schema = schema
        self.fields = Fields(schema, document)

    def plan(self, selection: Any, type_: Any) -> Plan:
        """Compile a selection on a type."""
        return [
            self._step(field, owner, condition)
            for field, owner, condition in self.fields.of(selection, type_)
        ]

    def _step(self, field: FieldNode, owner: Any, condition: str | None) -> Step:
        key, name = field.alias.value if field.alias else field.name.value, field.name.value
        on = self._types(condition)
        declared = type_of_field(field, owner)
        if declared is None:
            return Step(key, name, {}, False, None, on)
        node = QueryRoot if owner is self.schema.query_type else Node.CLASSES.get(owner.name)
        if node is not None and name not in node.FIELDS:
            raise not_simulated(f"{owner.name}.{name}")
        args = get_argument_values(owner.fields[name], field, NO_VARIABLES)
        inner = get_named_type(declared)
        if is_connection(declared):
            return Step(key, name, args, True, self._of_connection(field, inner), on)
        below = self.plan(field.selection_set, inner) if is_composite_type(inner) else None
        return Step(key, name, args, False, below, on)

    def _of_connection(self, field: FieldNode, type_: Any) -> Plan:
        edge_type = get_named_type(type_.fields["edges"].type)
        node_type = get_named_type(edge_type.fields["node"].type)
        steps: Plan = []
        for edges, _, _ in self.fields.of(field.selection_set, type_):
            if edges.name.value != "edges":
                continue
            for node, _, _ in self.fields.of(edges.selection_set, edge_type):
                if node.name.value == "node":
                    steps.extend(self.plan(node.selection_set, node_type))
        return steps

    def _types(self, condition: str | None) -> frozenset[str] | None:
        if condition is None:
            return None
        type_ = self.schema.type_map[condition]
        if is_abstract_type(type_):
            return frozenset(one.name for one in self.schema.get_possible_types(type_))
        return frozenset([condition])


def compiled(schema: GraphQLSchema, document: DocumentNode) -> Plan:
    """Compile the query of a document."""
    operation = operation_in(document)
    return Compiler(schema, document).plan(operation.selection_set, schema.query_type)


class Walker:
    """Yields the lines of a bulk query; ``ctx.unpaged`` makes connections hand out everything."""

    def __init__(self, ctx: Context, *, grouped: bool) -> None:
        self.ctx = ctx
        self.grouped = grouped
        self.roots = 0

    def lines(self, plan: Plan) -> Iterator[bytes]:
        """Walk the whole query."""
        root = QueryRoot(self.ctx, None)
        for step in plan:
            if step.name in NEEDED:
                self.ctx.need(step.name, NEEDED[step.name])
            value = QueryRoot.FIELDS[step.name](root, **step.args)
            if step.connection:
                yield from self._connection(step, value, None)
            elif value is not None:
                self.roots += 1
                yield from self._flat(step.plan or [], [value], None)

    def _connection(self, step: Step, value: Any, parent: str | None) -> Iterator[bytes]:
        page = value.it
        nodes = (page.make(number_in(key)) for key in page.keys)
        if parent is not None or self.grouped:
            for node in nodes:
                self.roots += parent is None
                yield from self._flat(step.plan or [], [node], parent)
            return
        group: list[Any] = []
        for node in nodes:
            self.roots += 1
            group.append(node)
            if len(group) == GROUP:
                yield from self._flat(step.plan or [], group, None)
                group = []
        yield from self._flat(step.plan or [], group, None)

    def _flat(self, plan: Plan, nodes: list[Any], parent: str | None) -> Iterator[bytes]:
        """Yield the lines of some nodes, then those of their connections."""
        later: list[tuple[Step, Any, str]] = []
        for node in nodes:
            waiting: list[tuple[Step, Any]] = []
            entry = self._object(plan, node, waiting)
            later.extend((step, value, entry["id"]) for step, value in waiting)
            if parent is not None:
                entry["__parentId"] = parent
            yield orjson.dumps(entry).replace(b"/", b"\\/")
        for step, value, own in later:
            yield from self._connection(step, value, own)

    def _object(self, plan: Plan, source: Any, waiting: list[tuple[Step, Any]]) -> dict[str, Any]:
        plain = type(source) is dict
        entry: dict[str, Any] = {}
        for step in plan:
            type_ = source.get("__typename") if plain else source.TYPE
            if step.on is not None and type_ not in step.on:
                continue
            if step.name == "__typename":
                entry[step.key] = type_
                continue
            if plain:
                if step.name not in source:
                    raise not_simulated(f"{type_}.{step.name}")
                value = source[step.name]
            else:
                value = source.FIELDS[step.name](source, **step.args)
            if step.connection:
                if value is not None:
                    waiting.append((step, value))
            else:
                entry[step.key] = value if step.plan is None else self._below(step.plan, value, waiting)
        return entry

    def _below(self, plan: Plan, value: Any, waiting: list[tuple[Step, Any]]) -> Any:
        if value is None:
            return None
        if isinstance(value, list):
            return [self._below(plan, one, waiting) for one in value]
        return self._object(plan, value, waiting)
