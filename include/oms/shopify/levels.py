"""Reading inventory levels: up to 250 items of one location in each request, several at a time."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, NamedTuple

from oms.shopify.budget import Deadline
from oms.shopify.client import ShopifyClient, gid
from oms.shopify.errors import Rejected

PAGE = 250
QUANTITIES = {"available", "committed", "reserved", "on_hand"}
"""What the document asks for; another name in the answer was damaged on the way."""


class Reading(NamedTuple):
    """One answer for one level; `active` None: the item has no level there, quantities None: not told."""

    shopify_location_id: int
    shopify_inventory_item_id: int
    item_exists: bool
    tracked: bool | None
    active: bool | None
    available: int | None
    committed: int | None
    reserved: int | None
    on_hand: int | None


def read_levels(
    client: ShopifyClient,
    levels: Iterable[tuple[int, int]],
    *,
    parallel: int = 8,
    deadline: Deadline | None = None,
) -> Iterator[Reading]:
    """Yield a reading for each (location, item); give the pairs sorted by location.

    Raises what `ShopifyClient.execute` raises; then nothing is known of the rest.
    """
    with ThreadPoolExecutor(parallel, thread_name_prefix="read") as pool:
        pages = _pages(levels)
        while group := list(islice(pages, parallel * 4)):
            for readings in pool.map(lambda page: _read_page(client, *page, deadline), group):
                yield from readings


def _pages(levels: Iterable[tuple[int, int]]) -> Iterator[tuple[int, list[int]]]:
    items: list[int] = []
    at: int | None = None
    for location, item in levels:
        if items and (location != at or len(items) == PAGE):
            yield at, items
            items = []
        at = location
        items.append(item)
    if items:
        yield at, items


def _read_page(
    client: ShopifyClient, location: int, items: Sequence[int], deadline: Deadline | None
) -> list[Reading]:
    wanted = [gid("InventoryItem", item) for item in items]

    def are_they(data: dict[str, Any]) -> bool:
        nodes = data["nodes"]
        return len(nodes) == len(wanted) and all(
            node is None or (node["id"] == asked and _names(node) <= QUANTITIES)
            for node, asked in zip(nodes, wanted, strict=True)
        )

    variables = {"ids": wanted, "location": gid("Location", location)}
    try:
        nodes = client.execute("levels_of_items", variables, deadline=deadline, is_ours=are_they)["nodes"]
    except Rejected as error:
        if error.code != "MAX_COST_EXCEEDED" or len(items) == 1:
            raise
        middle = len(items) // 2
        return _read_page(client, location, items[:middle], deadline) + _read_page(
            client, location, items[middle:], deadline
        )
    return [_reading(location, item, node) for item, node in zip(items, nodes, strict=True)]


def _names(node: dict[str, Any]) -> set[str]:
    level = node["inventoryLevel"]
    return {row["name"] for row in level["quantities"]} if level else set()


def _reading(location: int, item: int, node: dict[str, Any] | None) -> Reading:
    if node is None:
        return Reading(location, item, False, None, None, None, None, None, None)
    level = node["inventoryLevel"]
    if level is None:
        return Reading(location, item, True, node["tracked"], None, None, None, None, None)
    amounts = {row["name"]: row["quantity"] for row in level["quantities"]}
    return Reading(
        location,
        item,
        True,
        node["tracked"],
        level["isActive"],
        amounts.get("available"),
        amounts.get("committed"),
        amounts.get("reserved"),
        amounts.get("on_hand"),
    )
