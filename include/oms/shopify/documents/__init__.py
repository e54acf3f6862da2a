"""The GraphQL documents: one operation in each .graphql file beside this module."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Document:
    """A document as it is sent: `json_text` is its text as a JSON string."""

    name: str
    text: str
    json_text: str
    is_query: bool


def names() -> tuple[str, ...]:
    """Return the names of all documents."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.graphql")))


@cache
def load(name: str) -> Document:
    """Return a document; comments and indentation stay behind, they would only travel."""
    lines = (FOLDER / f"{name}.graphql").read_text().splitlines()
    text = "\n".join(line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#"))
    return Document(name, text, json.dumps(text), text.startswith("query"))
