"""Writes what the local shop lacks of the documents of the order jobs: `python tools/local_shop_gaps.py`."""

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "include"))

from graphql import FieldNode, TypeInfo, TypeInfoVisitor, Visitor, parse, visit  # noqa: E402

from fakeshop import execution, schema  # noqa: E402
from fakeshop.mutations import REGISTRY  # noqa: E402
from fakeshop.nodes.base import Node  # noqa: E402

DOCUMENTS = ROOT / "docs/spec/orders-documents.graphql"
TARGET = ROOT / "docs/spec/local-shop-gaps.txt"
HEADER = """\
# What the local shop (include/fakeshop) lacks of orders-documents.graphql: its known remaining work.
# To these fields it answers NOT_SIMULATED. Written by tools/local_shop_gaps.py; a test fails when it is old.
"""


def gaps() -> str:
    """Return the list, one field a line."""
    assert execution.SIMULATED, "importing it registers the mutations"
    types = TypeInfo(schema.load())
    missing = _Missing(types)
    visit(parse(DOCUMENTS.read_text()), TypeInfoVisitor(types, missing))
    return HEADER + "".join(f"{name}\n" for name in sorted(missing.found))


class _Missing(Visitor):
    """Collects fields of the schema that are not simulated.

    A type without a class is a payload, a plain dictionary: what that lacks shows only when it is asked for.
    """

    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self.types = types
        self.simulated = {type_: set(cls.FIELDS) | {"__typename"} for type_, cls in Node.CLASSES.items()}
        self.simulated["Mutation"] = set(REGISTRY)
        self.found: set[str] = set()

    def enter_field(self, node: FieldNode, *_: object) -> None:
        parent, name = self.types.get_parent_type().name, node.name.value
        if parent in self.simulated and name not in self.simulated[parent]:
            self.found.add(f"{parent}.{name}")


if __name__ == "__main__":
    TARGET.write_text(gaps())
