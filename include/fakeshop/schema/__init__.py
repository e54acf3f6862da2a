"""The real Admin schemas, for the local shop and for tests that check the product's documents."""

import functools
import gc
import gzip
import os
from pathlib import Path

from graphql import GraphQLError, GraphQLSchema, build_client_schema, build_schema, parse, validate

HERE = Path(__file__).parent
LATEST = "2026-10"


def versions() -> tuple[str, ...]:
    """Return the API versions that are committed, oldest first."""
    return tuple(sorted(path.name.removesuffix(".graphql.gz") for path in HERE.glob("*.graphql.gz")))


@functools.cache
def load(version: str = LATEST) -> GraphQLSchema:
    """Return the schema of an API version; raises KeyError for one that is not served.

    The environment variable FAKESHOP_SCHEMA (an introspection result, ``.json`` or ``.json.gz``) replaces
    the newest.
    """
    other = os.environ.get("FAKESHOP_SCHEMA")
    if other and version == LATEST:
        from fakeshop.schema.build import introspection_of

        return build_client_schema(introspection_of(Path(other)), assume_valid=True)
    if version not in versions():
        raise KeyError(f"API version {version} is not served; there are {', '.join(versions())}")
    sdl = gzip.decompress((HERE / f"{version}.graphql.gz").read_bytes()).decode()
    collecting = gc.isenabled()
    gc.disable()  # the collector would walk a growing syntax tree again and again: a third of the time
    try:
        return build_schema(sdl, assume_valid=True, assume_valid_sdl=True, no_location=True)
    finally:
        if collecting:
            gc.enable()


def validate_document(version: str, text: str) -> list[str]:
    """Return what is wrong with a GraphQL document under a version's schema; an empty list if nothing is."""
    try:
        document = parse(text)
    except GraphQLError as error:
        return [error.message]
    return [error.message for error in validate(load(version), document)]
