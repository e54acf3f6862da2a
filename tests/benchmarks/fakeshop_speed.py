"""Memory of the local shop at a million levels, and milliseconds for an adjust of 250 changes.

Run: ``PYTHONPATH=include:. python tests/benchmarks/fakeshop_speed.py [levels]``. Not a pass/fail test.
"""

import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from fakeshop.testing import TOKEN, ShopServer, new_key, running_shop
from tests.benchmarks.report import Measured, record

CALLS = 200
ADJUST = """mutation ($input: InventoryAdjustQuantitiesInput!, $key: String!) {
  inventoryAdjustQuantities(input: $input) @idempotent(key: $key) {
    inventoryAdjustmentGroup { id } userErrors { code field message } } }"""
PAGE = """query ($id: ID!, $after: String) { location(id: $id) { inventoryLevels(first: 250, after: $after) {
  nodes { id isActive item { id sku } quantities(names: ["available"]) { name quantity updatedAt } }
  pageInfo { hasNextPage endCursor } } } }"""


def memory_mb(server: ShopServer) -> float:
    """Resident memory of the shop's process."""
    assert server.process
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


def adjust_times(server: ShopServer, items: list[int], location: int) -> list[float]:
    """Milliseconds of each call, as a client sees them."""
    rng = random.Random(1)
    times = []
    for _ in range(CALLS):
        changes = [
            {
                "inventoryItemId": f"gid://shopify/InventoryItem/{item}",
                "locationId": f"gid://shopify/Location/{location}",
                "delta": 1,
                "changeFromQuantity": None,
            }
            for item in rng.sample(items, 250)
        ]
        given = {"name": "available", "reason": "correction", "changes": changes}
        variables = {"input": given, "key": new_key()}
        start = time.perf_counter()
        body = server.graphql("bench", ADJUST, variables)
        times.append((time.perf_counter() - start) * 1000)
        assert body["data"]["inventoryAdjustQuantities"]["userErrors"] == [], body
    return times


def page_times(server: ShopServer, location: int) -> list[float]:
    """Milliseconds for each page of 250 levels."""
    times, after = [], None
    for _ in range(20):
        start = time.perf_counter()
        body = server.graphql("bench", PAGE, {"id": f"gid://shopify/Location/{location}", "after": after})
        times.append((time.perf_counter() - start) * 1000)
        after = body["data"]["location"]["inventoryLevels"]["pageInfo"]["endCursor"]
    return times


def show(what: str, times: list[float]) -> None:
    """Print median and spread."""
    ordered = sorted(times)
    p95 = ordered[int(len(ordered) * 0.95)]
    print(f"{what}: median {statistics.median(times):.1f} ms, p95 {p95:.1f} ms, worst {ordered[-1]:.1f} ms")


def main() -> None:
    """Measure."""
    levels = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    locations = 10
    with tempfile.TemporaryDirectory() as name, running_shop(Path(name)) as server:
        server.seed({"shops": [{"shop": "bench", "access_token": TOKEN, "plan": "enterprise"}]})
        print(f"empty: {memory_mb(server):.0f} MB")
        start = time.perf_counter()
        print(server.generate("bench", levels, locations=locations))
        print(f"{levels:,} levels: {memory_mb(server):.0f} MB, seeded in {time.perf_counter() - start:.1f} s")
        place = server.describe("bench")["locations"][3]["id"]
        items = [one["item"] for one in server.levels("bench", location=str(place))]
        print(f"levels at the location: {len(items):,}; after dumping them {memory_mb(server):.0f} MB")
        memory, adjusted = memory_mb(server), adjust_times(server, items, place)
        show("adjust of 250 changes", adjusted)
        record(
            Measured(f"local shop: memory with {levels:,} levels", "≤ 2 GB", f"{memory / 1024:.2f} GB"),
            Measured("local shop: adjust of 250 changes", "≤ 20 ms", f"{statistics.median(adjusted):.1f} ms"),
        )
        show("page of 250 levels", page_times(server, place))
        server.kill()
        start = time.perf_counter()
        server.start()
        print(f"restart after kill -9: {time.perf_counter() - start:.1f} s, {memory_mb(server):.0f} MB")
        show("adjust after the restart", adjust_times(server, items, place))


if __name__ == "__main__":
    main()
