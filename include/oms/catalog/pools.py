"""Places that tasks share, so that one kind of work cannot take them all.

`python -m oms.docs` writes them to config/pools.json, from which Airflow makes them when it starts: a task in
a pool that was never made waits for ever, in silence.
"""

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Pool:
    """So many tasks at a time."""

    name: str
    slots: int
    description: str


IMPORTS = "imports"
IMPORTS_NOW = "imports_now"
SHOPIFY = "shopify"
POOLS = (
    Pool(IMPORTS, 8, "Imports that take their turn (scheduleNow = false)"),
    Pool(IMPORTS_NOW, 4, "Imports ahead of the queue (scheduleNow = true)"),
    Pool(SHOPIFY, 4, "Tasks that talk to a shop; the shop's own budget is kept by the client"),
)


def as_json() -> str:
    """The file that Airflow reads."""
    made = {
        pool.name: {"slots": pool.slots, "description": pool.description, "include_deferred": False}
        for pool in POOLS
    }
    return json.dumps(made, indent=2) + "\n"
