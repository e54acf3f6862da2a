"""The documents of the coming order jobs: valid in both versions, and what the local shop lacks of them."""

import pytest
from graphql import TypeInfo, TypeInfoVisitor, Visitor, parse, visit

from fakeshop import schema
from tools import local_shop_gaps


@pytest.mark.parametrize("version", schema.versions())
def test_the_documents_of_the_order_jobs_are_valid(version):
    assert schema.validate_document(version, local_shop_gaps.DOCUMENTS.read_text()) == []


def test_they_select_nothing_deprecated():
    deprecated = _Deprecated(types := TypeInfo(schema.load()))
    visit(parse(local_shop_gaps.DOCUMENTS.read_text()), TypeInfoVisitor(types, deprecated))

    assert deprecated.found == []


def test_the_list_of_what_the_local_shop_lacks_is_true():
    assert local_shop_gaps.TARGET.read_text() == local_shop_gaps.gaps(), (
        "run: python tools/local_shop_gaps.py"
    )


class _Deprecated(Visitor):
    def __init__(self, types):
        super().__init__()
        self.types, self.found = types, []

    def enter_field(self, node, *_):
        if self.types.get_field_def().deprecation_reason:
            self.found.append(node.name.value)
