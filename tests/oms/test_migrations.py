"""The database itself refuses what must not happen."""

import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest


def position(db):
    (product_id,) = db.execute(
        "insert into oms.product (internal_name, product_name) values ('A', 'A') returning product_id"
    ).fetchone()
    db.execute("insert into oms.facility values ('S1', 'Store 1', '101', 'RETAIL_STORE')")
    return db.execute(
        """insert into oms.inventory_item (product_id, facility_id) values (%s, 'S1')
           returning inventory_item_id""",
        (product_id,),
    ).fetchone()[0]


def entry(db, item, diff, key):
    db.execute(
        """insert into oms.inventory_ledger (inventory_item_id, qoh_diff, atp_diff, source_key)
           values (%s, %s, %s, %s)""",
        (item, diff, diff, key),
    )


def test_a_ledger_entry_moves_its_position(oms_db):
    item = position(oms_db)

    entry(oms_db, item, 5, "k1")
    entry(oms_db, item, -2, "k2")

    assert oms_db.execute("select qoh, atp from oms.inventory_item").fetchall() == [(3, 3)]


@pytest.mark.parametrize(
    "statement",
    [
        "update oms.inventory_ledger set qoh_diff = 9",
        "delete from oms.inventory_ledger",
        "truncate oms.inventory_ledger cascade",
        "delete from oms.sync_book",
    ],
)
def test_the_ledger_is_append_only(oms_db, statement):
    entry(oms_db, position(oms_db), 5, "k1")

    with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
        oms_db.execute(statement)


def test_a_cause_counts_once(oms_db):
    item = position(oms_db)
    entry(oms_db, item, 5, "k1")

    with pytest.raises(psycopg.errors.UniqueViolation):
        entry(oms_db, item, 5, "k1")


def test_an_entry_without_a_cause_is_refused(oms_db):
    with pytest.raises(psycopg.errors.CheckViolation):
        entry(oms_db, position(oms_db), 5, None)


def test_a_finished_log_must_account_for_every_row(oms_db):
    with pytest.raises(psycopg.errors.CheckViolation, match="every_row_is_accounted_for"):
        oms_db.execute(
            """insert into oms.import_log (config_id, dag_id, run_id, connection_id, remote_path, file_name,
                                           domain, kind, schedule_now, status, total_count, applied_count)
               values ('C', 'd', 'r', 'ftp', '/x', 'x', 'BALANCE', 'delta', true, 'DmlsFinished', 3, 2)"""
        )


def test_books_are_the_sum_of_their_entries(oms_db):
    add = """insert into oms.sync_book
                    (shop_id, shopify_location_id, shopify_inventory_item_id, kind, amount, cause_key)
             values ('demo', 1, 2, %s, %s, %s)"""
    oms_db.execute(add, ("opening", 10, "o"))
    oms_db.execute(add, ("act", -4, "a"))

    assert oms_db.execute("select book from oms.sync_level").fetchall() == [(6,)]


def test_every_table_has_a_comment_and_a_primary_key(oms_db):
    bare = oms_db.execute(
        """select relname from pg_class
            where relnamespace = 'oms'::regnamespace and relkind in ('r', 'p')
              and relname <> 'alembic_version'
              and (obj_description(oid, 'pg_class') is null
                   or not exists (select from pg_index where indrelid = pg_class.oid and indisprimary))"""
    ).fetchall()
    assert bare == []


def test_a_webhook_rings_the_bell_of_its_topic(oms_dsn, oms_db):
    oms_db.execute("insert into oms.product_store (product_store_id, store_name) values ('PS', 'PS')")
    oms_db.execute("insert into oms.shop values ('S', 'S', 'shopify_s', 'PS')")
    with psycopg.connect(oms_dsn, autocommit=True) as listener:
        listener.execute("listen oms_webhook_received")

        oms_db.execute(
            """insert into oms.webhook_inbox (shop_id, webhook_id, topic, payload)
               values ('S', 'w1', 'orders/create', '{}'), ('S', 'w2', 'inventory_levels/update', '{}')"""
        )
        oms_db.commit()

        heard = {one.payload for one in listener.notifies(timeout=5, stop_after=2)}
    assert heard == {"orders/create", "inventory_levels/update"}


def test_receipts_are_append_only(oms_db):
    position(oms_db)
    oms_db.execute(
        """with made as (insert into oms.shipment (shipment_type_id, status, destination_facility_id)
                         values ('IN_TRANSFER', 'SHIPPED', 'S1') returning shipment_id)
           insert into oms.shipment_item (shipment_id, shipment_item_seq, product_id, quantity)
           select shipment_id, 1, product_id, 5 from made, oms.product"""
    )
    oms_db.execute(
        """insert into oms.shipment_receipt (shipment_id, shipment_item_seq, receipt_no, quantity_accepted,
                                             reason_id, received_by)
           select shipment_id, 1, 1, 5, 'VAR_SHIP_RECV', 'test' from oms.shipment"""
    )

    with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
        oms_db.execute("update oms.shipment_receipt set quantity_accepted = 6")


@pytest.mark.parametrize(
    ("item", "diff", "reason", "log_id"),
    [(999, 1, None, None), (999, 0, None, None), (None, 1, "NO_SUCH_REASON", None), (None, 0, None, 999)],
)
def test_an_entry_names_only_what_exists(oms_db, item, diff, reason, log_id):
    own = position(oms_db)

    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        oms_db.execute(
            """insert into oms.inventory_ledger
                      (inventory_item_id, qoh_diff, atp_diff, reason_id, log_id, line_number, source_key)
               values (%s, 1, 1, 'VAR_LOST', null, null, 'good'), (%s, %s, %s, %s, %s, %s, 'k')""",
            (own, item or own, diff, diff, reason, log_id, log_id),
        )


def log_of(db):
    return db.execute(
        """insert into oms.import_log (config_id, dag_id, run_id, connection_id, remote_path, file_name,
                                       domain, kind, schedule_now, status)
           values ('C', 'd', 'r', 'c', 'p', 'f', 'X', 'reset', true, 'DmlsPending') returning log_id"""
    ).fetchone()[0]


@pytest.mark.parametrize(
    "statement",
    [
        "delete from oms.import_log",
        "delete from oms.reason where reason_id = 'VAR_LOST'",
        "update oms.reason set reason_id = 'GONE' where reason_id = 'VAR_LOST'",
    ],
)
def test_what_an_entry_names_stays(oms_db, statement):
    oms_db.execute(
        """insert into oms.inventory_ledger
                  (inventory_item_id, qoh_diff, atp_diff, reason_id, log_id, line_number)
           values (%s, 1, 1, 'VAR_LOST', %s, 2)""",
        (position(oms_db), log_of(oms_db)),
    )

    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="ledger entries name this row"):
        oms_db.execute(statement)


def test_positions_stay(oms_db):
    position(oms_db)

    with pytest.raises(psycopg.errors.RestrictViolation):
        oms_db.execute("delete from oms.inventory_item")


def test_a_log_that_no_entry_names_can_go(oms_db):
    log_of(oms_db)

    assert oms_db.execute("delete from oms.import_log").rowcount == 1


def test_a_log_is_not_deleted_beside_the_entries_that_name_it(oms_db):
    item, log_id = position(oms_db), log_of(oms_db)
    oms_db.commit()
    with psycopg.connect(oms_db.info.dsn, password=oms_db.info.password) as applying:
        applying.execute(
            """insert into oms.inventory_ledger (inventory_item_id, qoh_diff, atp_diff, log_id, line_number)
               values (%s, 1, 1, %s, 2)""",
            (item, log_id),
        )
        with ThreadPoolExecutor(1) as pool:
            deleting = pool.submit(oms_db.execute, "delete from oms.import_log")
            time.sleep(0.3)
            assert not deleting.done()
            applying.commit()
            with pytest.raises(psycopg.errors.ForeignKeyViolation):
                deleting.result(timeout=20)
