"""From the text of a request to a document that may be executed, or to the Admin API's errors for it."""

import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLSchema,
    GraphQLSyntaxError,
    Node,
    OperationDefinitionNode,
    StringValueNode,
    ValidationRule,
    get_named_type,
    parse,
    specified_rules,
    validate,
)

from fakeshop.gids import parse as parse_gid

CACHED = 500


@dataclass
class Prepared:
    """A checked document; with ``errors`` it is not executed."""

    document: DocumentNode | None
    errors: list[dict[str, Any]]
    fragments: dict[str, FragmentDefinitionNode]
    operations: list[OperationDefinitionNode]


class GlobalIdLiterals(ValidationRule):
    """A literal in the place of an ID must be a global id."""

    def enter_string_value(self, node: StringValueNode, *_args: Any) -> None:
        type_ = self.context.get_input_type()
        if type_ and get_named_type(type_).name == "ID" and parse_gid(node.value) is None:
            self.report_error(GraphQLError(f"Invalid global id '{node.value}'", node))


RULES = [*specified_rules, GlobalIdLiterals]

# What graphql-core says -> the code of the Admin API, its wording, and the extension each group stands for.
TRANSLATIONS: list[tuple[str, str, str, tuple[str, ...]]] = [
    (
        r"Cannot query field '(\w+)' on type '(\w+)'",
        "undefinedField",
        "Field '{0}' doesn't exist on type '{1}'",
        ("fieldName", "typeName"),
    ),
    (
        r"Argument '@(\w+)\((\w+):\)' of type .* is required",
        "missingRequiredArguments",
        "Directive '{0}' is missing required arguments: {1}",
        ("name", "arguments"),
    ),
    (
        r"Argument '(?:\w+\.)?(\w+)\((\w+):\)' of type .* is required",
        "missingRequiredArguments",
        "Field '{0}' is missing required arguments: {1}",
        ("name", "arguments"),
    ),
    (
        r"Unknown argument '(\w+)' on directive '@(\w+)'",
        "argumentNotAccepted",
        "Directive '{1}' doesn't accept argument '{0}'",
        ("argumentName", "name"),
    ),
    (
        r"Unknown argument '(\w+)' on field '\w+\.(\w+)'",
        "argumentNotAccepted",
        "Field '{1}' doesn't accept argument '{0}'",
        ("argumentName", "name"),
    ),
    (
        r"Variable '\$(\w+)' is never used",
        "variableNotUsed",
        "Variable ${0} is declared by {operation} but not used",
        ("variableName",),
    ),
    (
        r"Variable '\$(\w+)' is not defined",
        "variableNotDefined",
        "Variable ${0} is used by {operation} but not declared",
        ("variableName",),
    ),
    (
        r"Field '(\w+)' of type '(\S+)' must have",
        "selectionMismatch",
        "Field must have selections (field '{0}' returns {1} but has no selections."
        " Did you mean '{0} {{ ... }}'?)",
        ("nodeName", "typeName"),
    ),
    (
        r"Field '(\w+)' must not have a selection since type '(\S+)'",
        "selectionMismatch",
        "Selections can't be made on scalars (field '{0}' returns {1} but has selections)",
        ("nodeName", "typeName"),
    ),
    (
        r"Unknown directive '@(\w+)'",
        "undefinedDirective",
        "Directive @{0} is not defined",
        ("directiveName",),
    ),
    (r"Unknown type '(\w+)'", "undefinedType", "{0} isn't a defined input type (on ${0})", ("typeName",)),
    (
        r"Variable '\$(\w+)' of type '(\S+)' used in position expecting type '(\S+)'",
        "variableMismatch",
        "Type mismatch on variable ${0} ({1} / {2})",
        ("variableName", "typeName", "argumentName"),
    ),
    (
        r"Unknown fragment '(\w+)'",
        "useAndDefineFragment",
        "Fragment {0} was used, but not defined",
        ("fragmentName",),
    ),
    (r"Fragment '(\w+)' is never used", "useAndDefineFragment", "Fragment {0} was defined, but not used", ()),
    (
        r"Expected value of type '(\w+)' to include required field '(\w+)'",
        "missingRequiredInputObjectAttribute",
        "Argument '{1}' on InputObject '{0}' is required. Expected type {expected}",
        ("inputObjectType", "argumentName"),
    ),
    (
        r"Expected value of type '(\w+)' not to include unknown field '(\w+)'",
        "argumentNotAccepted",
        "InputObject '{0}' doesn't accept argument '{1}'",
        ("name", "argumentName"),
    ),
    (r"(Invalid global id '.*')", "argumentLiteralsIncompatible", "{0}", ()),
]


def path_to(document: DocumentNode, target: Node) -> list[str]:
    """Return the path of a node as the Admin API writes it: the operation first, then the fields."""

    def walk(node: Any, path: list[str]) -> list[str] | None:
        if isinstance(node, (list, tuple)):
            return next((found for child in node if (found := walk(child, path)) is not None), None)
        if not isinstance(node, Node):
            return None
        if isinstance(node, OperationDefinitionNode):
            path = [operation_label(node)]
        elif isinstance(node, FragmentDefinitionNode):
            path = [f"fragment {node.name.value}"]
        elif isinstance(node, FieldNode):
            path = [*path, node.alias.value if node.alias else node.name.value]
        if node is target:
            return path
        children = [getattr(node, key) for key in node.keys if key != "loc"]
        return walk(children, path)

    return walk(document, []) or []


def operation_label(operation: OperationDefinitionNode) -> str:
    """Return e.g. ``query Levels``, or ``mutation`` for one without a name."""
    kind = operation.operation.value
    return f"{kind} {operation.name.value}" if operation.name else kind


def expected_type(schema: GraphQLSchema, groups: tuple[str, ...]) -> str:
    """Return the type of the input field that two groups name; empty for groups that name something else."""
    type_ = schema.type_map.get(groups[0]) if len(groups) > 1 else None
    field = type_.fields.get(groups[1]) if isinstance(type_, GraphQLInputObjectType) else None
    return str(field.type) if field else ""


def translated(schema: GraphQLSchema, error: GraphQLError, document: DocumentNode) -> dict[str, Any]:
    """Turn a validation error of graphql-core into the Admin API's form (shopify.md 7.1, rows 12-19)."""
    label = next(
        (operation_label(d) for d in document.definitions if isinstance(d, OperationDefinitionNode)), "query"
    )
    message, extensions = error.message, {"code": "argumentLiteralsIncompatible"}
    for pattern, code, wording, names in TRANSLATIONS:
        match = re.match(pattern, error.message)
        if match:
            expected = expected_type(schema, match.groups())
            message = wording.format(*match.groups(), operation=label, expected=expected)
            extensions = {"code": code, **dict(zip(names, match.groups(), strict=False))}
            break
    answer: dict[str, Any] = {"message": message}
    if error.locations:
        answer["locations"] = [{"line": at.line, "column": at.column} for at in error.locations[:1]]
    answer["path"] = path_to(document, error.nodes[0]) if error.nodes else [label]
    return answer | {"extensions": extensions}


def syntax_message(error: GraphQLSyntaxError) -> str:
    """Word a syntax error as the Admin API does."""
    at = error.locations[0]
    found = error.message.removeprefix("Syntax Error: ").rstrip(".")
    found = "unexpected end of file" if "<EOF>" in found else found[:1].lower() + found[1:]
    return f"syntax error, {found} at [{at.line}, {at.column}]"


def prepare(schema: GraphQLSchema, text: str) -> Prepared:
    """Parse and validate the text of a request."""
    try:
        document = parse(text)
    except GraphQLSyntaxError as error:
        at = error.locations[0]
        entry = {
            "message": syntax_message(error),
            "locations": [{"line": at.line, "column": at.column}],
            "extensions": {"code": "PARSE_ERROR"},
        }
        return Prepared(None, [entry], {}, [])
    errors = [
        translated(schema, error, document) for error in validate(schema, document, RULES, max_errors=20)
    ]
    definitions = document.definitions
    return Prepared(
        document,
        errors,
        {d.name.value: d for d in definitions if isinstance(d, FragmentDefinitionNode)},
        [d for d in definitions if isinstance(d, OperationDefinitionNode)],
    )


class Documents:
    """The prepared documents of one schema: the same text is checked once."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self._cache: OrderedDict[str, Prepared] = OrderedDict()

    def prepare(self, text: str) -> Prepared:
        """Return the prepared document for a text."""
        found = self._cache.get(text)
        if found is None:
            found = self._cache[text] = prepare(self.schema, text)
            if len(self._cache) > CACHED:
                self._cache.popitem(last=False)
        return found
