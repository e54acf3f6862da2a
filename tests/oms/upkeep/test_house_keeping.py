"""What has served its time goes; what is still needed stays (spec inventory.md 3.5, 3.6, 6.7)."""

import uuid
from collections.abc import Callable
from dataclasses import replace

import paramiko
import psycopg
import pytest

from oms import catalog, locks
from oms.imports.errors import UndoRefused
from oms.inventory import undoing
from oms.inventory.checking import breaches
from oms.servers import OtherServer
from oms.upkeep.house_keeping import RULES, keep_house
from tests.oms.imports.conftest import RESET, RESET_JOB, VARIANCE, VARIANCE_JOB, Floor, sftp_client
from tests.oms.imports.odd_server import odd_server
from tests.oms.upkeep.conftest import work_of

JOB = catalog.HOUSE_KEEPING


def keep(floor: Floor, **conf) -> dict[str, int]:
    """One run; the figures that are not 0."""
    return {what: count for what, count in keep_house(work_of(floor, JOB, **conf)).items() if count}


def count(floor: Floor, table: str) -> int:
    return floor.conn.execute(f"select count(*) from {table}").fetchone()[0]


def test_contents_of_closed_files_go_after_15_days_the_account_and_the_ledger_stay(
    floor: Floor, later: Callable
):
    floor.vary(VARIANCE + "STORE_1,,SKU,A,7,,,\nSTORE_1,,SKU,NOPE,1,,,\nSTORE_1,,SKU,B,-3,,,\n")
    assert keep(floor) == {}
    later("import_log", 16)

    removed = keep(floor)

    assert removed["rejected lines of closed files"] == 1
    assert removed["remarks on rows of closed files"] == 1
    assert removed["chunks of closed files"] == 1
    tables = ("import_reject", "import_row_note", "import_chunk", "import_chunk_count", "import_group")
    assert [count(floor, f"oms.{table}") for table in tables] == [0] * 5
    assert floor.counts() == {"total": 3, "applied": 2, "rejected": 1}
    assert (floor.position("A"), floor.entries()) == ((7, 7), 2)
    assert breaches(floor.conn) == []
    assert keep(floor) == {}


def test_a_file_of_the_same_name_and_content_is_recognised_ever_after(floor: Floor, later: Callable):
    content = VARIANCE + "STORE_1,,SKU,A,7,,,\n"
    floor.vary(content)
    later("import_log", 400)
    keep(floor, logDays=4, archiveDays=4)

    floor.vary(content)

    assert floor.counts() == {"total": 1, "duplicate": 1}
    assert floor.position("A") == (7, 7)


def test_open_files_keep_everything(floor: Floor, later: Callable):
    floor.drop(VARIANCE_JOB, "open.csv", VARIANCE + "STORE_1,,SKU,A,7,,,\nSTORE_1,,SKU,NOPE,1,,,\n")
    (chunk,) = floor.land(VARIANCE_JOB)
    later("import_log", 400)

    assert keep(floor) == {}

    floor.apply(chunk)
    floor.close(VARIANCE_JOB).raise_if_open()
    assert (floor.position("A"), floor.rejects()) == ((7, 7), [(3, "ERR_PRODUCT_NOT_FOUND")])


def test_archived_files_and_reject_files_go_and_nothing_else_in_the_folder(floor: Floor, later: Callable):
    floor.reset(RESET + "STORE_1,SKU,A,7\nSTORE_1,SKU,NOPE,1\n", "old.csv")
    later("import_log", 91)
    floor.reset(RESET + "STORE_1,SKU,A,8\n", "young.csv")
    floor.drop(RESET_JOB, "archive/1_mine.csv", "a person's own file")

    assert keep(floor)["files in archive/ and error/"] == 2

    assert [name.split("_")[1] for name in floor.files(RESET_JOB, "archive")] == ["mine.csv", "young.csv"]
    assert floor.files(RESET_JOB, "error") == []
    assert "files in archive/ and error/" not in keep(floor)


def test_reject_files_of_levels_go_from_the_server_they_are_on(floor: Floor, later: Callable):
    """Their log names the shop as where they came from."""
    floor.reset(RESET + "STORE_1,SKU,NOPE,1\n", "old.csv")
    floor.conn.execute(
        """update oms.import_log set connection_id = 'shopify_demo', moved_to = null,
                  params = params || '{"reject_connection_id": "ftp_config"}'"""
    )
    later("import_log", 91)
    asked = []
    work = work_of(floor, JOB)
    open_sftp = work.open_sftp
    work = replace(work, open_sftp=lambda server: (asked.append(server), open_sftp(server))[1])

    assert keep_house(work)["files in archive/ and error/"] == 1

    assert (asked, floor.files(RESET_JOB, "error")) == (["ftp_config"], [])


@pytest.mark.parametrize(
    ("error", "others_go"),
    [
        (ConnectionRefusedError("a_server"), True),
        (paramiko.SSHException("a_server"), True),
        (OtherServer("a_server"), True),
        (KeyError("a_server"), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_server_that_is_gone_keeps_no_file_on_another(
    floor: Floor, later: Callable, error: Exception, others_go: bool
):
    """What is no server's fault is ours: it ends the run."""
    for name in ("gone.csv", "here.csv"):
        floor.reset(RESET + "STORE_1,SKU,A,7\n", name)
    later("import_log", 91)
    floor.conn.execute("update oms.import_log set connection_id = 'a_server' where file_name = 'gone.csv'")

    def open_sftp(connection_id: str):
        if connection_id == "a_server":
            raise error
        return floor.open_sftp()

    with pytest.raises(type(error), match="a_server"):
        keep_house(replace(work_of(floor, JOB), open_sftp=open_sftp))

    removed = "select file_name, files_removed_at is not null from oms.import_log order by file_name"
    assert floor.conn.execute(removed).fetchall() == [("gone.csv", False), ("here.csv", others_go)]


def test_a_file_that_its_server_does_not_let_us_remove_keeps_no_other_and_is_named(
    floor: Floor, later: Callable, sftp_server
):
    for name in ("a.csv", "b.csv", "c.csv"):
        floor.reset(RESET + "STORE_1,SKU,A,7\n", name)
    later("import_log", 91)
    with odd_server(sftp_server) as (server, habits):
        work = replace(work_of(floor, JOB), open_sftp=lambda _: sftp_client(server))
        habits.refuses.add(("remove", "b.csv"))

        with pytest.raises(OSError, match=r"removing .*/archive/2_b\.csv: the server says 'Failure'"):
            keep_house(work)

        assert floor.files(RESET_JOB, "archive") == ["2_b.csv"]
        habits.refuses.clear()
        assert keep_house(work)["files in archive/ and error/"] == 1


def test_staging_left_behind_goes_that_of_open_files_stays(floor: Floor):
    floor.drop(RESET_JOB, "open.csv", RESET + "STORE_1,SKU,A,7\n")
    floor.land(RESET_JOB)
    (log_id,) = floor.logs("log_id")[-1]
    floor.conn.execute("create table oms_staging.file_4711 (); create table oms_staging.rows_4711 ()")

    assert keep(floor) == {"staging tables left behind": 2}

    left = floor.conn.execute("select tablename from pg_tables where tablename ~ '^(file|rows)_[0-9]+$'")
    assert {name for (name,) in left} <= {f"file_{log_id}", f"rows_{log_id}"}


@pytest.fixture
def shop(floor: Floor) -> Floor:
    floor.conn.execute("insert into oms.product_store (product_store_id, store_name) values ('STORE', 'S')")
    floor.conn.execute(
        """insert into oms.shop (shop_id, shop_name, connection_id, product_store_id)
           values ('demo', 'demo', 'shopify_demo', 'STORE')"""
    )
    floor.conn.execute(
        """insert into oms.shop_location (shop_id, shopify_location_id, location_name)
           values ('demo', 1, 'Main'), ('demo', 2, 'Second')"""
    )
    return floor


def test_webhooks_worked_off_go_what_waits_or_failed_stays(shop: Floor, later: Callable):
    for status in ("NEW", "DONE", "STALE", "IGNORED", "FAILED"):
        shop.conn.execute(
            """insert into oms.webhook_inbox (shop_id, webhook_id, topic, payload, status, processed_at)
               values ('demo', %(status)s, 'orders/create', '{}', %(status)s,
                       case when %(status)s <> 'NEW' then now() end)""",
            {"status": status},
        )
    later("webhook_inbox", 16)

    assert keep(shop) == {"webhooks worked off": 3}
    left = shop.conn.execute("select status from oms.webhook_inbox order by 1").fetchall()
    assert left == [("FAILED",), ("NEW",)]


def test_a_change_that_some_mark_has_not_seen_stays(shop: Floor, later: Callable):
    def change() -> int:
        return shop.conn.execute(
            """insert into oms.product_change (product_id, cause)
               select product_id, 'test' from oms.product where internal_name = 'A' returning change_id"""
        ).fetchone()[0]

    def mark(location: int) -> None:
        shop.conn.execute(
            """insert into oms.sync_mark (shop_id, shopify_location_id, snapshot, planned_by)
               values ('demo', %s, pg_current_snapshot(), 'test')""",
            (location,),
        )

    shop.conn.execute("delete from oms.product_change")
    change()
    with psycopg.connect(shop.dsn) as open_one:
        open_one.execute(
            """insert into oms.product_change (product_id, cause)
               select product_id, 'open' from oms.product where internal_name = 'A'"""
        )
        mark(1)
        unseen = change()
        mark(2)
        open_one.commit()
    later("product_change", 16)

    assert keep(shop) == {"changes of products seen by every mark": 1}
    left = shop.conn.execute("select cause, change_id from oms.product_change order by change_id").fetchall()
    assert [cause for cause, _ in left] == ["open", "test"]
    assert left[-1][1] == unseen


def test_answers_to_api_calls_stay_for_the_30_days_they_are_promised_for(shop: Floor, later: Callable):
    shop.conn.execute("insert into oms.api_call values ('pos', 'k1', 0, '', '{}')")
    later("api_call", 29)
    assert keep(shop, answerDays=2) == {}

    later("api_call", 2)

    assert keep(shop) == {"answers to API calls": 1}


def test_a_change_that_the_kits_have_not_seen_stays(shop: Floor, later: Callable):
    shop.conn.execute("delete from oms.product_change")
    shop.conn.execute(
        "insert into oms.kit_mark (snapshot, planned_by) values (pg_current_snapshot(), 'test')"
    )
    shop.conn.execute(
        "insert into oms.product_change (product_id, cause) select product_id, 'test' from oms.product"
    )
    later("product_change", 16)

    assert keep(shop) == {}


def test_of_the_imports_of_orders_the_newest_that_serves_for_all_before_it_stays(shop: Floor):
    def took_in(parts: str, days_ago: int, covers: int | None = 0, *, ended: bool = True) -> None:
        shop.conn.execute(
            """insert into oms.order_import (shop_id, parts, run_id, covers_to, ended_at)
               values ('demo', %s, %s, now() - %s * interval '1 day',
                       case when %s then now() - %s * interval '1 day' end)""",
            (parts, f"{parts} {days_ago}", covers, ended, days_ago),
        )

    took_in("{orders}", 30, 30)
    took_in("{changes}", 29, 29)
    took_in("{orders}", 28, 28)
    took_in("{orders}", 27, 27, ended=False)
    took_in("{orders}", 26, 40)  # by hand, of a time long ago: it serves for no other

    assert keep(shop) == {"imports of orders that a later one covers": 1}
    left = shop.conn.execute("select run_id from oms.order_import order by import_id").fetchall()
    assert [run_id for (run_id,) in left] == ["{changes} 29", "{orders} 28", "{orders} 27", "{orders} 26"]


def test_messages_that_have_ended_go_after_a_year_what_a_person_must_decide_stays(shop: Floor):
    for status, days in (("DONE", 400), ("REJECTED", 400), ("GIVEN_UP", 300), ("PLANNED", 400)):
        shop.conn.execute(
            """insert into oms.outbox_message (kind, subject, lane, payload, status, run_id, answered_at)
               values ('MAIL', %(status)s, %(status)s, '{}', %(status)s, 'r',
                       case when %(status)s <> 'PLANNED' then now() - %(days)s * interval '1 day' end)""",
            {"status": status, "days": days},
        )

    assert keep(shop) == {"messages to shops and people that have ended": 1}
    left = shop.conn.execute("select status from oms.outbox_message order by number").fetchall()
    assert left == [("REJECTED",), ("GIVEN_UP",), ("PLANNED",)]


def test_rejects_of_a_pull_go_when_they_were_taken_in_open_ones_stay(shop: Floor):
    for number, days in enumerate((20, 10, None)):
        shop.conn.execute(
            """insert into oms.pull_reject (shop_id, kind, shopify_id, code, message, attempts, resolved_at)
               values ('demo', 'ORDER', %s, 'X', 'x', 1, now() - %s * interval '1 day')""",
            (str(number), days),
        )

    assert keep(shop) == {"rejects of pulls that were taken in after all": 1}
    left = shop.conn.execute("select shopify_id from oms.pull_reject order by 1").fetchall()
    assert left == [("1",), ("2",)]


def test_alerts_that_were_told_go_after_a_year_what_nobody_knows_stays(shop: Floor):
    shop.conn.execute(
        """insert into oms.feed (feed_id, feed_name, config_id, expected)
           values ('F', 'F', 'RESET_INVENTORY', '06:00')"""
    )
    for days, told, cleared in ((400, True, True), (400, False, False), (300, True, False)):
        shop.conn.execute(
            """insert into oms.feed_alert (feed_id, expected_at, kind, message, told_at, cleared_at,
                                           clearing_told_at)
               values ('F', now() - %(days)s * interval '1 day', 'MISSING', %(days)s,
                       case when %(told)s then now() end, case when %(cleared)s then now() end,
                       case when %(cleared)s then now() end)""",
            {"days": days, "told": told, "cleared": cleared},
        )

    assert keep(shop) == {"what was told about feeds": 1}
    left = shop.conn.execute("select message, told_at is not null from oms.feed_alert order by 1").fetchall()
    assert left == [("300", True), ("400", False)]


def test_answered_calls_lose_their_bytes_open_ones_nothing(shop: Floor, later: Callable):
    for status in ("PLANNED", "UNKNOWN", "APPLIED", "REJECTED"):
        shop.conn.execute(
            """insert into oms.sync_batch (batch_id, shop_id, mode, payload, line_count, run_id, status,
                                           first_sent_at, answered_at, adjustment_group_id)
               values (%(id)s, 'demo', 'RECENT', '{"x": 1}', 1, 'r', %(status)s, now(),
                       case when %(status)s in ('APPLIED', 'REJECTED') then now() end, %(status)s)""",
            {"id": uuid.uuid4(), "status": status},
        )
    shop.conn.execute(
        """insert into oms.sync_line (batch_id, shop_id, shopify_location_id, shopify_inventory_item_id,
                                      product_id, delta, desired, compared_with, guarded)
           select batch_id, 'demo', 1, 1, (select min(product_id) from oms.product), 1, 1, 0, false
             from oms.sync_batch where status = 'APPLIED'"""
    )
    later("sync_batch", 31)

    assert keep(shop) == {
        "batches whose lines went on in others": 1,
        "payloads of answered calls": 1,
    }
    left = shop.conn.execute("select status, payload, adjustment_group_id from oms.sync_batch order by 1")
    assert left.fetchall() == [
        ("APPLIED", "", "APPLIED"),
        ("PLANNED", '{"x": 1}', "PLANNED"),
        ("UNKNOWN", '{"x": 1}', "UNKNOWN"),
    ]
    for statement in (
        "update oms.sync_batch set payload = '' where status = 'UNKNOWN'",
        "update oms.sync_batch set payload = 'other' where status = 'APPLIED'",
    ):
        with pytest.raises(psycopg.errors.RestrictViolation, match="frozen"):
            shop.conn.execute(statement)


def test_records_of_exports_go_unless_a_line_was_told_in_them(shop: Floor):
    """What waits to be written stays as well."""
    for name, written, days in (("old", True, 400), ("waiting", False, 400), ("young", True, 300)):
        shop.conn.execute(
            """insert into oms.export_file (dag_id, run_id, property_resource, path, content, content_sha256,
                                            row_count, recorded_at, written_at)
               values ('d', 'r', 'FTP', %(name)s, ''::bytea, ''::bytea, 1, now(),
                       case when %(written)s then now() - %(days)s * interval '1 day' end)""",
            {"name": name, "written": written, "days": days},
        )

    assert keep(shop) == {"records of exported files": 1}
    assert shop.conn.execute("select path from oms.export_file order by 1").fetchall() == [
        ("waiting",),
        ("young",),
    ]


def test_decisions_on_held_files_go_with_the_years(floor: Floor, later: Callable):
    def held(log_id: int) -> None:
        floor.conn.execute(
            """insert into oms.import_hold (log_id, reasons, decision, decided_at, decided_by)
               values (%s, '[]', 'APPROVED', now(), 'ana')""",
            (log_id,),
        )

    floor.reset(RESET + "STORE_1,SKU,A,7\n", "1.csv")
    held(1)
    later("import_log", 366)
    floor.reset(RESET + "STORE_1,SKU,A,8\n", "2.csv")
    held(2)

    assert keep(floor)["decisions on held files"] == 1
    assert floor.conn.execute("select log_id from oms.import_hold").fetchall() == [(2,)]


def test_of_resets_the_last_ten_of_a_facility_stay_and_the_last_three_of_a_feed(
    floor: Floor, later: Callable
):
    """The guard and an undoing ask for them, however old they are."""
    floor.reset(RESET + "STORE_2,SKU,A,1\n", "other_feed.csv")
    floor.reset(RESET + "STORE_1,SKU,C,1\n", "feed_0.csv")
    for number in range(1, 12):
        floor.reset(RESET + f"STORE_1,SKU,A,{number}\n", f"feed_{number}.csv")
    undoing.undo(floor.conn, 13, run_name="undo_import/1")
    later("import_log", 400)

    assert keep(floor)["rows by facility of older resets"] == 1

    left = floor.conn.execute(
        "select log_id, facility_id from oms.import_facility_rows order by 1"
    ).fetchall()
    assert left == [(1, "STORE_2"), *((log_id, "STORE_1") for log_id in range(3, 14))]
    with pytest.raises(UndoRefused, match="has set since"):
        undoing.undo(floor.conn, 2, run_name="undo_import/2")


def test_a_dry_run_counts_the_same_and_removes_nothing(floor: Floor, later: Callable):
    floor.vary(VARIANCE + "STORE_1,,SKU,A,7,,,\nSTORE_1,,SKU,NOPE,1,,,\n")
    floor.conn.execute("create table oms_staging.file_4711 ()")
    later("import_log", 100)
    state = {table: count(floor, f"oms.{table}") for table in ("import_reject", "import_chunk_count")}

    promised = keep(floor, dryRun=True)

    assert state == {table: count(floor, f"oms.{table}") for table in state}
    assert promised.pop("chunks of closed files", 0) == 0, "they wait for their counts to go first"
    kept = keep(floor)
    kept.pop("chunks of closed files")
    assert promised == kept


def test_rows_go_in_batches(floor: Floor, later: Callable):
    floor.vary(VARIANCE + "STORE_1,,SKU,NOPE,1,,,\n" * 7)
    later("import_log", 16)

    assert keep(floor, batchSize=2)["rejected lines of closed files"] == 7
    assert count(floor, "oms.import_reject") == 0


def test_two_runs_never_work_side_by_side(floor: Floor):
    with psycopg.connect(floor.dsn, autocommit=True) as other:
        locks.take(other, locks.HOUSE_KEEPING.of())
        assert keep_house(work_of(floor, JOB)) == {}
        locks.give_back(other, locks.HOUSE_KEEPING.of())
    assert keep_house(work_of(floor, JOB)) != {}


def test_no_rule_touches_what_must_stay_for_ever(floor: Floor):
    tables = {rule.table for rule in RULES}

    assert not tables & {
        "oms.inventory_ledger",
        "oms.sync_book",
        "oms.sync_line",
        "oms.import_log",
        "oms.import_document_line",
        "oms.ledger_commit",
    }
    assert {rule.days for rule in RULES} <= {parameter.name for parameter in JOB.parameters}
