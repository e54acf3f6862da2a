"""The committed schemas are the whole Admin API, and other versions can be served."""

import gzip
import json

import pytest
from graphql import build_schema, introspection_from_schema

from fakeshop import schema


@pytest.mark.parametrize(("version", "types", "mutations", "queries"), [
    ("2026-07", 3535, 518, 287),
    ("2026-10", 3546, 524, 288),
])  # fmt: skip
def test_the_whole_schema_is_there(version, types, mutations, queries):
    whole = schema.load(version)

    assert len([name for name in whole.type_map if not name.startswith("__")]) >= types - 20
    assert len(whole.mutation_type.fields) == mutations
    assert len(whole.query_type.fields) == queries
    assert whole.get_directive("idempotent").args["key"].type.of_type.name == "String"


def test_documents_are_checked_against_the_version_named():
    text = (
        "mutation ($id: ID!) { orderCancel(orderId: $id, reason: OTHER, restock: true) { jobResult { id } }}"
    )

    assert schema.validate_document("2026-10", text) == []
    assert "jobResult" in schema.validate_document("2026-07", text)[0]
    assert schema.validate_document("2026-10", "{ shop {") != []


def test_another_schema_can_be_served(tmp_path, monkeypatch):
    other = introspection_from_schema(build_schema("type Query { hello: String }"))
    path = tmp_path / "other.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"data": other}).encode()))
    monkeypatch.setenv("FAKESHOP_SCHEMA", str(path))
    schema.load.cache_clear()
    try:
        assert list(schema.load("2026-10").query_type.fields) == ["hello"]
    finally:
        schema.load.cache_clear()


def test_an_unknown_version_is_named():
    with pytest.raises(KeyError, match="2031-13"):
        schema.load("2031-13")
