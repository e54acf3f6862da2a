"""Every document of the product under the real schema of both API versions."""

import pytest

from fakeshop import schema
from oms.shopify import documents
from tools import shapes


def test_there_are_documents():
    assert "adjust_inventory" in documents.names()


@pytest.mark.parametrize("version", ["2026-07", "2026-10"])
@pytest.mark.parametrize("name", documents.names())
def test_a_document_is_valid(name, version):
    assert schema.validate_document(version, documents.load(name).text) == []


def test_the_shapes_of_the_answers_are_those_of_the_schema():
    assert shapes.TARGET.read_text() == shapes.shapes(), "run: python tools/shapes.py"
