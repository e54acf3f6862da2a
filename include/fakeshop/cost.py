"""Calculated query cost: requested before execution, actual after it (shopify.md 3.2, 3.3)."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLObjectType,
    GraphQLSchema,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_leaf_type,
)

FREE = frozenset({
    "MoneyBag", "MoneyV2", "MailingAddress", "Image", "Weight", "InventoryItemMeasurement", "SEO", "PageInfo",
    "LocationAddress",
})  # fmt: skip
COUNT_COST = 10
MUTATION_COST = 10
DEAR_MUTATIONS = {
    "refundCreate": 20,
    "orderCapture": 20,
    "productCreateMedia": 20,
    "fileCreate": 20,
    "fulfillmentTrackingInfoUpdate": 50,
}
MAXIMUM = 1000


def weight(size: int) -> int:
    """Return F(n): how dear a page of n is."""
    return max(1, math.floor(2 * math.log(size))) if size > 0 else 0


class Cost:
    """Cost of one operation with its variables; ``data`` absent means the requested cost."""

    def __init__(
        self,
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: Mapping[str, Any],
    ) -> None:
        self.schema = schema
        self.operation = operation
        self.fragments = fragments
        self.variables = variables
        self.breakdown: list[dict[str, Any]] = []

    def requested(self) -> int:
        """Return the cost that the bucket must hold before execution."""
        self.breakdown = []
        return self._total(None)

    def actual(self, data: dict[str, Any] | None) -> int:
        """Return the cost of what was really returned."""
        return self._total(data or {})

    def _total(self, data: dict[str, Any] | None) -> int:
        root = self.schema.get_root_type(self.operation.operation)
        total = 0
        for field, _ in self.fields(self.operation.selection_set, root):
            value = self._value(field, data)
            if self.operation.operation.value == "mutation":
                cost = self._mutation(field, root, value, data is None)
            else:
                cost = self._field(field, root, value, data is None)
            total += cost
            if data is None:
                self.breakdown.append({"path": [key_of(field)], "requestedTotalCost": cost})
        return max(1, total)

    def _mutation(self, field: FieldNode, root: GraphQLObjectType, value: Any, requested: bool) -> int:
        if field.name.value.startswith("__"):
            return 0
        total = DEAR_MUTATIONS.get(field.name.value, MUTATION_COST)
        payload = get_named_type(root.fields[field.name.value].type)
        for direct, _ in self.fields(field.selection_set, payload):
            inner = self._type(direct, payload)
            if not is_composite_type(inner):
                continue
            below = self._value(direct, value)
            total += self._inside(direct.selection_set, inner, below, requested)
        return total

    def _field(self, field: FieldNode, parent: Any, value: Any, requested: bool) -> int:
        type_ = self._type(field, parent)
        if type_ is None or is_leaf_type(type_):
            return 0
        if type_.name == "Count":
            return COUNT_COST
        if type_.name.endswith("Connection"):
            return self._connection(field, type_, value, requested)
        if not requested and value is None:
            return 0
        below = self._inside(field.selection_set, type_, value, requested)
        return below if type_.name in FREE else 1 + below

    def _inside(self, selection: SelectionSetNode | None, type_: Any, value: Any, requested: bool) -> int:
        """Cost of the fields below an object, or of the dearest element of a list."""
        if selection is None:
            return 0
        if isinstance(value, list):
            return max((self._inside(selection, type_, one, requested) for one in value), default=0)
        if is_abstract_type(type_):
            return self._dearest(selection, type_, value, requested)
        return sum(
            self._field(f, p, self._value(f, value), requested) for f, p in self.fields(selection, type_)
        )

    def _dearest(self, selection: SelectionSetNode, type_: Any, value: Any, requested: bool) -> int:
        common = 0
        branches: dict[str, int] = {}
        for field, parent in self.fields(selection, type_):
            cost = self._field(field, parent, self._value(field, value), requested)
            if parent is type_ or is_abstract_type(parent):
                common += cost
            else:
                branches[parent.name] = branches.get(parent.name, 0) + cost
        return common + max(branches.values(), default=0)

    def _connection(self, field: FieldNode, type_: Any, value: Any, requested: bool) -> int:
        size = self._page_size(field)
        total = 0
        for part, _ in self.fields(field.selection_set, type_):
            if part.name.value not in ("nodes", "edges"):
                continue
            inner = self._type(part, type_)
            selections = [(part, inner)]
            if part.name.value == "edges":
                selections = [
                    (node, self._type(node, inner))
                    for node, _ in self.fields(part.selection_set, inner)
                    if node.name.value == "node"
                ]
            for node, node_type in selections:
                total += self._page(node, node_type, size, self._nodes(part, node, value), requested)
        return 2 + total

    def _page(self, node: FieldNode, type_: Any, size: int, found: list[Any], requested: bool) -> int:
        if requested:
            return weight(size) * (1 + self._inside(node.selection_set, type_, None, True))
        if not found or not size:
            return 0
        each = sum(1 + self._inside(node.selection_set, type_, one, False) for one in found) / len(found)
        return math.ceil(weight(size) * len(found) / size * each)

    def _nodes(self, part: FieldNode, node: FieldNode, value: Any) -> list[Any]:
        listed = value.get(key_of(part)) or [] if isinstance(value, dict) else []
        if part is node:
            return listed
        return [edge.get(key_of(node)) for edge in listed]

    def _page_size(self, field: FieldNode) -> int:
        given = [one for one in field.arguments or () if one.name.value in ("first", "last")]
        for argument in given:
            value = argument.value
            if isinstance(value, VariableNode):
                size = self.variables.get(value.name.value)
            elif isinstance(value, IntValueNode):
                size = int(value.value)
            else:
                size = None
            if size is not None:
                return max(0, size)
        return 10 if given else 0  # without either nothing is read: the page is refused

    def _type(self, field: FieldNode, parent: Any) -> Any:
        if field.name.value.startswith("__"):
            return None
        return get_named_type(parent.fields[field.name.value].type)

    def _value(self, field: FieldNode, data: Any) -> Any:
        return data.get(key_of(field)) if isinstance(data, dict) else None

    def fields(
        self, selection: SelectionSetNode | None, type_: Any
    ) -> Iterator[tuple[FieldNode, GraphQLCompositeType]]:
        """Yield the fields of a selection with the type that declares them; fragments are opened."""
        for node in selection.selections if selection else ():
            if skipped(node, self.variables):
                continue
            if isinstance(node, FieldNode):
                yield node, type_
            elif isinstance(node, FragmentSpreadNode):
                fragment = self.fragments[node.name.value]
                on = self.schema.type_map[fragment.type_condition.name.value]
                yield from self.fields(fragment.selection_set, on)
            else:
                on = self.schema.type_map[node.type_condition.name.value] if node.type_condition else type_
                yield from self.fields(node.selection_set, on)


def skipped(node: Any, variables: Mapping[str, Any]) -> bool:
    """Say whether @skip or @include removes a selection."""
    for directive in node.directives or ():
        if directive.name.value in ("skip", "include"):
            value = directive.arguments[0].value
            on = variables.get(value.name.value) if isinstance(value, VariableNode) else value.value
            if on is (directive.name.value == "skip"):
                return True
    return False


def key_of(field: FieldNode) -> str:
    """Return the name under which the answer holds a field."""
    return field.alias.value if field.alias else field.name.value
