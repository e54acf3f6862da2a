"""What a bulk document may be (shopify.md 2.3, 2.6; rows 70-76)."""

from collections.abc import Iterator
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
    parse,
)

from fakeshop.documents import syntax_message
from fakeshop.errors import user_error

TEXT_LIMIT = 65_535
CONNECTIONS = 5
DEPTH = 3  # connection levels, which the vendor counts as a nesting depth of 2
BULK_FIELDS = ("bulkOperationRunQuery", "bulkOperationRunMutation", "bulkOperationCancel")
NEED_EDGES = (
    "All connection fields in a bulk query must select their contents using 'edges' > 'node', e.g: "
    "'products { edges { node {' (not 'nodes')."
)
NEED_ID = (
    "The parent 'node' field for a nested connection must select the 'id' field without an alias "
    "and must be of a type that has an id."
)
IN_LIST = "Queries that contain a connection field within a list field are not currently supported."


class Refused(Exception):
    """The document is refused; carries the user error."""

    def __init__(self, field: list[str] | None, message: str, code: str | None) -> None:
        super().__init__(message)
        self.error = user_error(field, message, code)


class Fields:
    """Reads selections with fragments opened."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self.schema = schema
        self.fragments = {
            one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)
        }

    def of(
        self, selection: SelectionSetNode | None, type_: Any
    ) -> Iterator[tuple[FieldNode, Any, str | None]]:
        """Yield the fields of a selection, the type that declares them, and a type condition."""
        for node in selection.selections if selection else ():
            if isinstance(node, FieldNode):
                yield node, type_, None
                continue
            body = self.fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
            name = body.type_condition.name.value if body.type_condition else type_.name
            inner = self.schema.type_map[name]
            for field, owner, condition in self.of(body.selection_set, inner):
                yield field, owner, condition or (name if name != type_.name else None)


def operation_in(document: DocumentNode) -> OperationDefinitionNode:
    """Return the operation of a document."""
    return next(one for one in document.definitions if isinstance(one, OperationDefinitionNode))


def type_of_field(field: FieldNode, owner: Any) -> Any:
    """Return the declared type of a field; None for ``__typename``."""
    definition = owner.fields.get(field.name.value) if not field.name.value.startswith("__") else None
    return definition and get_nullable_type(definition.type)


def is_connection(type_: Any) -> bool:
    """Say whether a type is a connection."""
    return get_named_type(type_).name.endswith("Connection")


def check_query(schema: GraphQLSchema, text: str, errors: list[dict[str, Any]]) -> DocumentNode:
    """Return the document of a bulk query; raises Refused. ``errors`` are those of plain validation."""
    if len(text.encode()) > TEXT_LIMIT:
        message = f"Query is too large ({len(text.encode())} bytes; maximum is {TEXT_LIMIT} bytes)"
        raise Refused(["query"], message, "INVALID")
    try:
        document = parse(text)
    except GraphQLSyntaxError as error:
        raise Refused(["query"], f"Invalid bulk query: {syntax_message(error)}", "INVALID") from None
    operation = operation_in(document)
    if operation.operation.value != "query":
        message = "Invalid operation type. Only `query` operations are supported."
        raise Refused(["query"], message, "INVALID")
    if errors:
        raise Refused(["query"], f"Invalid bulk query: {errors[0]['message']}", "INVALID")
    fields = Fields(schema, document)
    names = [field.name.value for field, _, _ in fields.of(operation.selection_set, schema.query_type)]
    for name in ("node", "nodes"):
        if name in names:
            message = f"Bulk queries cannot contain a top level `{name}` field."
            raise Refused(["query"], message, "INVALID")
    found = Connections(fields)
    found.walk(operation.selection_set, schema.query_type, 0, in_list=False, parent_has_id=True)
    problem = None
    if found.count == 0:
        problem = "Bulk queries must contain at least one connection."
    elif found.count > CONNECTIONS:
        problem = f"Bulk queries cannot contain more than {CONNECTIONS} connections."
    elif found.depth > DEPTH:
        problem = "Bulk queries cannot contain connections with a nesting depth greater than 2."
    elif found.problems:
        problem = found.problems[0]
    if problem:
        raise Refused(["query"], problem, "INVALID")
    return document


class Connections:
    """Counts connections, and notes how they are written."""

    def __init__(self, fields: Fields) -> None:
        self.fields = fields
        self.count = 0
        self.depth = 0
        self.problems: list[str] = []

    def walk(self, selection: Any, type_: Any, depth: int, *, in_list: bool, parent_has_id: bool) -> None:
        """Look at a selection; ``depth`` is the number of connections around it."""
        for field, owner, _ in self.fields.of(selection, type_):
            declared = type_of_field(field, owner)
            if declared is None or not is_composite_type(get_named_type(declared)):
                continue
            inner = get_named_type(declared)
            if is_connection(declared):
                self._connection(field, inner, depth + 1, in_list, parent_has_id)
            else:
                listed = in_list or is_list_type(declared)
                self.walk(field.selection_set, inner, depth, in_list=listed, parent_has_id=parent_has_id)

    def _connection(
        self, field: FieldNode, type_: Any, depth: int, in_list: bool, parent_has_id: bool
    ) -> None:
        self.count += 1
        self.depth = max(self.depth, depth)
        if in_list:
            self.problems.append(IN_LIST)
        if not parent_has_id:
            self.problems.append(NEED_ID)
        parts = [part for part, _, _ in self.fields.of(field.selection_set, type_)]
        names = {part.name.value for part in parts}
        if "nodes" in names or "edges" not in names:
            self.problems.append(NEED_EDGES)
            return
        edges = next(part for part in parts if part.name.value == "edges")
        edge_type = get_named_type(type_.fields["edges"].type)
        for node, _, _ in self.fields.of(edges.selection_set, edge_type):
            if node.name.value != "node":
                continue
            node_type = get_named_type(edge_type.fields["node"].type)
            inner = [one for one, _, _ in self.fields.of(node.selection_set, node_type)]
            has_id = any(one.name.value == "id" and one.alias is None for one in inner)
            self.walk(node.selection_set, node_type, depth, in_list=False, parent_has_id=has_id)


def check_mutation(schema: GraphQLSchema, text: str, errors: list[dict[str, Any]]) -> DocumentNode:
    """Return the document of a bulk mutation; raises Refused."""
    size = len(text.encode())
    if size > TEXT_LIMIT:
        message = f"is too large ({size} bytes; maximum is {TEXT_LIMIT} bytes)"
        raise Refused(["query"], message, "INVALID_MUTATION")
    try:
        document = parse(text)
    except GraphQLSyntaxError as error:
        message = f"Failed to parse the mutation - {syntax_message(error)}"
        raise Refused(None, message, "INVALID_MUTATION") from None
    operation = operation_in(document)
    if operation.operation.value != "mutation":
        message = "Invalid operation type. Only `mutation` operations are supported."
        raise Refused(None, message, "INVALID_MUTATION")
    fields = Fields(schema, document)
    roots = [field for field, _, _ in fields.of(operation.selection_set, schema.mutation_type)]
    if len(roots) != 1:
        raise Refused(["mutation"], "You must specify a single top level mutation.", None)
    if roots[0].name.value in BULK_FIELDS:
        raise Refused(["mutation"], "You must use an allowed mutation name.", None)
    if errors:
        raise Refused(["mutation"], errors[0]["message"], "INVALID_MUTATION")
    found = Connections(fields)
    found.walk(operation.selection_set, schema.mutation_type, 0, in_list=False, parent_has_id=True)
    if found.count > 1:
        raise Refused(["mutation"], "Bulk mutations cannot contain more than 1 connection.", None)
    return document
