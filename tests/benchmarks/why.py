"""`why` on a ledger of 10,000,000 entries: how long one question takes.

Run: ``PYTHONPATH=include:. python -m tests.benchmarks.why [entries] [questions]``. Not a pass/fail test.

Positions are of three kinds: most have 50 entries, a few 2,000, some 20,000. A fifth of the questions goes
to each of the two long kinds, and every other question is about a past instant.
"""

import random
import statistics
import sys
import time
from datetime import UTC, datetime, timedelta

from oms.database import Connection
from oms.inventory.why import why
from tests.benchmarks.figures import filled_database
from tests.benchmarks.report import Measured, percentile, record

KINDS = (("50 entries", 0, 50, 3), ("2,000 entries", 1, 2_000, 1), ("20,000 entries", 2, 20_000, 1))
"""Name, facility, entries of each position, share of the questions in fifths."""
TRANSACTIONS = 10_000


def fill(conn: Connection, entries: int) -> dict[str, int]:
    """Entries at three facilities, spread over time as they come in; return the positions of each kind."""
    conn.execute("alter table oms.inventory_ledger disable trigger user")
    conn.execute("alter table oms.ledger_commit disable trigger user")
    conn.execute("truncate oms.inventory_item cascade")
    positions = {}
    for name, place, length, _ in KINDS:
        share = entries * 8 // 10 if place == 0 else entries // 10
        positions[name] = max(1, share // length)
        values = {
            "place": f"F{place}",
            "positions": positions[name],
            "length": length,
            "start": place * 10**6,
        }
        conn.execute(
            """insert into oms.inventory_item (product_id, facility_id, qoh, atp)
               select number, %(place)s, %(length)s, %(length)s
                 from generate_series(1, %(positions)s) as number""",
            values,
        )
        conn.execute(
            """insert into oms.inventory_ledger (inventory_item_id, qoh_diff, atp_diff, reason_id, source_key,
                                                 recorded_at, tx)
               select inventory_item_id, 1, 1, 'VAR_MANUAL', facility_id || product_id || ':' || number,
                      timestamptz '2026-01-01Z' + number * interval '1 year' / %(length)s,
                      (number %% 10000 + 1)::text::xid8
                 from generate_series(1, %(length)s) as number, oms.inventory_item
                where facility_id = %(place)s""",
            values,
        )
    conn.execute("alter table oms.inventory_ledger enable trigger user")
    conn.execute(
        """insert into oms.ledger_commit (tx, began_at, committed_at)
           select number::text::xid8, began_at, began_at + interval '1 minute'
             from generate_series(1, %(all)s) as number,
                  lateral (select timestamptz '2026-01-01Z' + number * interval '1 year' / %(all)s)
                       as span (began_at)""",
        {"all": TRANSACTIONS},
    )
    conn.execute("vacuum analyze")
    return positions


def main(entries: int = 10_000_000, questions: int = 500) -> None:
    """Print p50 and p95 in all and of each kind."""
    chance = random.Random(1)
    with filled_database(max(entries // 50, 1000)) as conn:
        positions = fill(conn, entries)
        (count,) = conn.execute("select count(*) from oms.inventory_ledger").fetchone()
        taken: dict[str, list[float]] = {name: [] for name, *_ in KINDS}
        for number in range(questions):
            name, place, *_ = chance.choices(KINDS, [share for *_, share in KINDS])[0]
            product = str(chance.randint(1, positions[name]))
            at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=chance.randint(0, 365))
            started = time.monotonic()
            found = why(conn, product, f"F{place}", id_type="PRODUCT_ID", at=at if number % 2 else None)
            taken[name].append((time.monotonic() - started) * 1000)
            assert found.adds_up
    everything = [one for times in taken.values() for one in times]
    print(f"{count:,} ledger entries, {questions} questions, half of them about a past instant")
    for name, times in (*taken.items(), ("all", everything)):
        print(f"  {name:<16} p50 {statistics.median(times):6.1f} ms   p95 {percentile(times, 95):6.1f} ms")
    p50, p95 = statistics.median(everything), percentile(everything, 95)
    record(Measured(f"why, {count:,} ledger entries, p95 (p50)", "≤ 20 ms", f"{p95:.0f} ms ({p50:.0f} ms)"))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
