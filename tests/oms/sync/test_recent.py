"""Mode RECENT: compare what changed with Shopify, send the differences (spec inventory.md 7.1, 7.2)."""

from tests.oms.sync.bench import Bench


def test_inv_01_only_what_changed_is_read_and_sent(oms: Bench):
    oms.open_shop("demo", {"A": 100, "B": 50, "C": 25, "D": 100, "E": 80})
    for sku, atp in {"A": 100, "B": 50, "C": 25, "D": 100, "E": 80}.items():
        oms.move(sku, atp)
    oms.push("RECENT")
    oms.move("A", -5)
    oms.move("C", +5)
    oms.server.clear_log()
    before = oms.db.execute("select snapshot::text from oms.sync_mark").fetchone()

    report = oms.push("RECENT")

    assert (report.candidates, report.planned, report.applied) == (2, 2, 2)
    assert oms.lines() == [("A", -5, "APPLIED"), ("C", +5, "APPLIED")]
    assert oms.batches() == [(2, "APPLIED", 1)]
    assert [oms.available(sku) for sku in "ABCDE"] == [95, 50, 30, 100, 80]
    assert len(oms.requests("AdjustInventory")) == 1
    assert oms.db.execute("select snapshot::text from oms.sync_mark").fetchone() != before
