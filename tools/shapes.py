"""Writes what Shopify's schema promises of the answer to each document: `python tools/shapes.py`.

The shape of a field is a type such as `[object!]!` or `string`; an object stands in a list with its fields.
"""

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "include"))

from graphql import (  # noqa: E402
    GraphQLList,
    GraphQLNonNull,
    InlineFragmentNode,
    SelectionSetNode,
    get_named_type,
    parse,
)

from fakeshop import schema  # noqa: E402
from oms.shopify import documents  # noqa: E402

TARGET = ROOT / "include/oms/shopify/documents/shapes.json"
KINDS = {"Int": "int", "Boolean": "bool", "Float": "number"}
"""Of scalars; all others of those we ask for are strings in JSON, enums too."""


def shapes() -> str:
    """Return the shapes of the answers to all documents, as JSON."""
    found = {name: shape_of(documents.load(name).text) for name in documents.names()}
    return json.dumps(found, indent=1) + "\n"


def shape_of(text: str) -> dict[str, Any]:
    """Return the shape of `data` of the one operation of a document; a mutation that ran has its payload."""
    (operation,) = parse(text).definitions
    root = schema.load().get_root_type(operation.operation)
    fields = _fields(operation.selection_set, root)
    if operation.operation.value == "mutation":
        fields = {name: [f"{kind}!", inner] for name, (kind, inner) in fields.items()}
    return fields


def _fields(selection: SelectionSetNode, parent: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for node in selection.selections:
        if isinstance(node, InlineFragmentNode):
            found |= _fields(node.selection_set, schema.load().type_map[node.type_condition.name.value])
            continue
        kind = parent.fields[node.name.value].type
        name = node.alias.value if node.alias else node.name.value
        inner = node.selection_set
        found[name] = [_kind(kind), _fields(inner, get_named_type(kind))] if inner else _kind(kind)
    return found


def _kind(kind: Any) -> str:
    if isinstance(kind, GraphQLNonNull):
        return f"{_kind(kind.of_type)}!"
    if isinstance(kind, GraphQLList):
        return f"[{_kind(kind.of_type)}]"
    return "object" if hasattr(kind, "fields") or hasattr(kind, "types") else KINDS.get(kind.name, "string")


if __name__ == "__main__":
    TARGET.write_text(shapes())
