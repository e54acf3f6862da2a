"""A file that does not come, is empty or comes twice is told once (architecture.md 1, inventory.md 3.5)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import Cursor
from psycopg.errors import CheckViolation

from oms.feeds.errors import MailFailed
from tests.oms.feeds.conftest import Watch
from tests.oms.imports.conftest import RESET, sftp_client


def test_a_missing_file_is_told_once_with_the_last_good_file_and_its_run_and_cleared_when_it_comes(
    watch: Watch,
):
    watch.feed(grace_minutes=30, since="2026-01-10")
    watch.came("stores_0110.csv", "2026-01-10T05:55Z")

    assert watch.look("2026-01-11T06:29Z") is None
    silent = watch.look("2026-01-11T06:30Z", alertTo="ops@example.com")
    assert watch.look("2026-01-11T06:35Z") is None

    assert "expected 2026-01-11 06:00 UTC" in silent
    (mail,) = watch.inbox.mails
    assert (mail["Subject"], mail["To"]) == ("[OMS] feed COUNT: no file", "pos@example.com, ops@example.com")
    assert "The last good file was stores_0110.csv, 1 rows, 2026-01-10 05:55 UTC" in mail.get_content()
    assert "https://airflow.example.com/dags/import_inventory_reset/runs/run_1" in mail.get_content()

    watch.came("stores_0111.csv", "2026-01-11T07:10Z")
    assert watch.look("2026-01-11T07:15Z") is None
    assert watch.look("2026-01-11T07:20Z") is None

    assert watch.inbox.subjects == ["feed COUNT: no file", "feed COUNT: no file - cleared"]
    assert "stores_0111.csv came 2026-01-11 07:10 UTC" in watch.inbox.mails[1].get_content()


def test_the_last_good_file_is_found_behind_many_of_other_feeds(watch: Watch):
    """A configuration may take a file for each of some hundred stores."""
    watch.feed(since="2026-01-10", file_pattern="store_1.csv")
    watch.came("store_1.csv", "2026-01-09T06:00Z")
    own = """select string_agg(column_name, ', ') from information_schema.columns
              where (table_schema, table_name) = ('oms', 'import_log') and is_generated = 'NEVER'"""
    (columns,) = watch.floor.conn.execute(own).fetchone()
    watch.floor.conn.execute(
        f"""insert into oms.import_log ({columns}) overriding system value
            select {columns}
              from generate_series(1, 999) as number
             cross join lateral (select to_jsonb(log) || jsonb_build_object(
                                            'log_id', log_id + number,
                                            'file_name', 'other_' || number || '.csv',
                                            'created_at', log.created_at + (number / 2) * interval '1 second')
                                   from oms.import_log as log) as copied (row)
             cross join lateral jsonb_populate_record(null::oms.import_log, copied.row)"""
    )

    silent = watch.look("2026-01-10T12:00Z")

    assert "The last good file was store_1.csv, 1 rows, 2026-01-09 06:00 UTC" in silent


def test_a_file_in_time_or_early_is_no_news(watch: Watch):
    watch.feed(since="2026-01-10", early_minutes=60)
    watch.came("a.csv", "2026-01-10T05:00Z")
    watch.came("b.csv", "2026-01-11T06:20Z")

    assert watch.look("2026-01-11T12:00Z") is None
    assert watch.inbox.mails == []


def test_an_empty_file_is_told_and_cleared_by_a_full_one(watch: Watch):
    watch.feed(since="2026-01-10", minimal_rows=2)
    watch.came("few.csv", "2026-01-10T06:00Z")
    assert "few.csv has 1 rows, at least 2 are expected" in watch.look("2026-01-10T06:05Z")

    watch.came("full.csv", "2026-01-10T06:20Z", RESET + "STORE_1,SKU,A,7\nSTORE_1,SKU,B,8\n")

    assert watch.look("2026-01-10T06:25Z") is None
    assert watch.inbox.subjects == ["feed COUNT: empty file", "feed COUNT: empty file - cleared"]


def test_a_header_without_rows_is_empty_even_where_no_row_is_demanded(watch: Watch):
    watch.feed(since="2026-01-10", minimal_rows=1)
    watch.came("header.csv", "2026-01-10T06:00Z", RESET)

    assert "header.csv has 0 rows" in watch.look("2026-01-10T06:05Z")


def test_a_second_file_is_told_one_after_a_bad_one_is_not(watch: Watch):
    watch.feed(since="2026-01-10")
    watch.came("bad.csv", "2026-01-10T05:50Z", "no,such,header\n1,2,3\n")
    assert "bad.csv was refused" in watch.look("2026-01-10T05:55Z")
    watch.came("first.csv", "2026-01-10T06:00Z")
    assert watch.look("2026-01-10T06:05Z") is None
    watch.came("second.csv", "2026-01-10T06:10Z")

    assert "second.csv came after first.csv" in watch.look("2026-01-10T06:15Z")
    assert watch.look("2026-01-10T06:20Z") is None
    assert watch.inbox.subjects == [
        "feed COUNT: file refused",
        "feed COUNT: file refused - cleared",
        "feed COUNT: file came twice",
    ]


def test_refused_lines_are_told_to_the_sender_once_a_file_with_the_first_of_them(watch: Watch):
    watch.feed(since="2026-01-10")
    rows = "STORE_1,SKU,A,7\n" + "".join(f"STORE_1,SKU,NOPE{number},{{{{ 7 * 6 }}}}\n" for number in range(4))
    watch.came("some.csv", "2026-01-10T06:00Z", RESET + rows)

    assert watch.look("2026-01-10T06:05Z", rejectLines=2, alertTo="ops@example.com") is None
    assert watch.look("2026-01-10T06:10Z") is None

    (mail,) = watch.inbox.mails
    text = mail.get_content()
    assert (mail["Subject"], mail["To"]) == ("[OMS] feed COUNT: lines refused", "pos@example.com")
    assert "4 of 5 lines of some.csv were refused" in text
    assert "/error/1_some.csv" in text
    assert "line 3" in text
    assert "STORE_1,SKU,NOPE1,{{ 7 * 6 }}" in text
    assert "NOPE2" not in text


RETURNED = "error_line,error_column,error_code,error_message,error_log," + RESET + "3,idValue,ERR,,1,"


def test_a_corrected_reject_file_is_not_the_file_that_was_expected(watch: Watch):
    watch.feed(since="2026-01-10", grace_minutes=30)
    watch.came("monday.csv", "2026-01-10T06:00Z", RESET + "STORE_1,SKU,A,7\nSTORE_1,SKU,NOPE,1\n")
    watch.look("2026-01-10T06:05Z")

    watch.came("1_monday.csv", "2026-01-11T05:50Z", RETURNED + "STORE_1,SKU,B,1\n")

    silent = watch.look("2026-01-11T06:30Z")
    assert silent is not None
    assert "expected 2026-01-11 06:00 UTC" in silent
    assert "The last good file was monday.csv" in silent


def test_a_corrected_reject_file_is_no_second_file_and_its_own_rejects_are_told(watch: Watch):
    watch.feed(since="2026-01-10")
    watch.came("monday.csv", "2026-01-10T06:00Z", RESET + "STORE_1,SKU,A,7\nSTORE_1,SKU,NOPE,1\n")
    watch.look("2026-01-10T06:05Z")

    watch.came("1_monday.csv", "2026-01-10T06:20Z", RETURNED + "STORE_1,SKU,NO,1\n")

    assert watch.look("2026-01-10T06:25Z") is None
    assert watch.inbox.subjects == ["feed COUNT: lines refused"] * 2


def test_files_of_other_patterns_and_folders_do_not_count(watch: Watch):
    folder = "pos/morning_inventory_sync/staging/incoming"
    watch.feed("BY_NAME", since="2026-01-10", file_pattern="erp_*.csv")
    watch.feed("BY_FOLDER", since="2026-01-10", path="elsewhere")
    watch.feed("HERE", since="2026-01-10", path=folder)
    watch.came("stores.csv", "2026-01-10T06:00Z")

    silent = watch.look("2026-01-10T06:40Z")

    assert "feed BY_NAME" in silent
    assert "feed BY_FOLDER" in silent
    assert "feed HERE" not in silent


@pytest.mark.parametrize("spelled", ["{}", "/{}", "/home/{user}/{}", "./{}/"])
def test_the_folder_of_a_feed_is_one_folder_however_it_is_spelled(watch: Watch, sftp_server, spelled: str):
    path = spelled.format("pos/morning_inventory_sync/staging/incoming", user=sftp_server.user)
    watch.feed("HERE", since="2026-01-10", path=path)
    watch.feed("ELSEWHERE", since="2026-01-10", path="/elsewhere")
    watch.came("stores.csv", "2026-01-10T06:00Z")

    silent = watch.look("2026-01-10T06:40Z", lambda _: sftp_client(sftp_server))

    assert "feed ELSEWHERE" in silent
    assert "feed HERE" not in silent


def test_where_the_server_does_not_say_the_folder_of_a_feed_is_taken_as_it_is_written(watch: Watch):
    watch.feed("HERE", since="2026-01-10", path="/pos/morning_inventory_sync/staging/incoming")
    watch.came("stores.csv", "2026-01-10T06:00Z")

    def is_gone(resource: str) -> Any:
        raise ConnectionRefusedError(resource)

    assert watch.look("2026-01-10T06:40Z", is_gone) is None


@pytest.mark.parametrize(
    ("expected", "last_quiet", "first_told"),
    [
        ("02:30", "2026-03-08T07:59Z", "2026-03-08T08:00Z"),
        ("01:30", "2026-11-01T05:59Z", "2026-11-01T06:00Z"),
    ],
)
def test_nights_in_which_clocks_change(watch: Watch, expected: str, last_quiet: str, first_told: str):
    """02:30 does not exist on 8 March 2026 in New York, 01:30 comes twice on 1 November: told once each."""
    watch.feed(expected=expected, time_zone="America/New_York", since=first_told[:10], grace_minutes=30)

    assert watch.look(last_quiet) is None
    assert watch.look(first_told) is not None
    assert watch.look(first_told.replace(":00Z", ":59Z")) is None
    assert len(watch.inbox.mails) == 1


@pytest.mark.parametrize(
    ("expected", "came"),
    [
        ("06:00 06:45", ["06:05", "06:50"]),
        ("06:00 06:45", ["06:29", "06:31"]),
        ("06:00 06:20", ["06:05", "06:21"]),
        ("05:00 06:00 07:00", ["05:01", "06:01", "07:29"]),
        ("05:00 06:00 07:00", ["04:10", "05:40", "06:40"]),
    ],
)
def test_of_times_close_to_each_other_each_has_its_file(watch: Watch, expected: str, came: list[str]):
    """A file that is late within the grace is not an early one of the next time."""
    watch.feed(since="2026-01-10", expected=expected, early_minutes=60, grace_minutes=30)
    for number, time in enumerate(came):
        watch.came(f"{number}.csv", f"2026-01-10T{time}Z", RESET + f"STORE_1,SKU,A,{number}\n")

    assert watch.look("2026-01-10T12:00Z") is None


def test_a_file_that_is_missing_is_noticed_between_times_close_to_each_other(watch: Watch):
    watch.feed(since="2026-01-10", expected="05:00 06:00 07:00", early_minutes=60, grace_minutes=30)
    for number, time in enumerate(("05:01", "07:01")):
        watch.came(f"{number}.csv", f"2026-01-10T{time}Z", RESET + f"STORE_1,SKU,A,{number}\n")

    assert "expected 2026-01-10 06:00 UTC" in watch.look("2026-01-10T12:00Z")
    assert len(watch.inbox.mails) == 1


def test_times_that_passed_while_nobody_looked_are_told(watch: Watch):
    watch.feed(since="2026-01-01")

    watch.look("2026-01-10T12:00Z", lookbackDays=3)

    days = watch.floor.conn.execute(
        "select expected_at::date::text from oms.feed_alert order by 1"
    ).fetchall()
    assert days == [("2026-01-08",), ("2026-01-09",), ("2026-01-10",)]


def test_a_feed_that_is_switched_off_expects_nothing_also_not_for_that_time_later(watch: Watch):
    watch.feed(since="2026-01-01", is_active=False)
    assert watch.look("2026-01-10T12:00Z") is None
    watch.floor.conn.execute("update oms.feed set is_active = true")

    assert watch.look("2026-01-10T12:05Z") is None
    assert watch.look("2026-01-11T12:00Z") is not None


def test_a_feed_that_is_changed_expects_nothing_of_before(watch: Watch):
    """What came was right by the description of its day."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    watch.feed(since=f"{now - timedelta(days=9):%Y-%m-%d}", expected="06:00", file_pattern="count_*.csv")
    for days in range(9):
        at = f"{now - timedelta(days=days):%Y-%m-%d}T06:00Z"
        watch.came(f"count_{days}.csv", at, RESET + f"STORE_1,SKU,A,{days}\n")
    watch.look(now.isoformat(), lookbackDays=3)
    assert watch.inbox.mails == []
    change = "update oms.feed set file_pattern = 'stores_*.csv', expected = '06:00 14:00'"
    watch.floor.conn.execute(change)

    assert watch.look((now + timedelta(minutes=2)).isoformat(), lookbackDays=3) is None
    assert "no file stores_*.csv" in watch.look((now + timedelta(days=1)).isoformat(), lookbackDays=3)


def test_a_feed_with_another_contact_still_expects_what_it_expected(watch: Watch):
    watch.feed(since="2026-01-10")
    watch.floor.conn.execute("update oms.feed set contact = 'erp@example.com', feed_name = 'Count'")

    assert watch.look("2026-01-10T12:00Z") is not None


def test_a_bad_file_after_a_good_one_is_not_cleared_by_that(watch: Watch):
    watch.feed(since="2026-01-10")
    watch.came("good.csv", "2026-01-10T06:00Z")
    watch.came("bad.csv", "2026-01-10T06:10Z", "no,such,header\n1,2,3\n")

    assert "bad.csv was refused" in watch.look("2026-01-10T06:15Z")
    assert watch.look("2026-01-10T06:20Z") is None

    assert watch.inbox.subjects == ["feed COUNT: file refused"]


def test_a_mail_server_that_refuses_is_asked_again_and_nothing_is_told_twice(watch: Watch):
    watch.feed("ONE", since="2026-01-10")
    watch.inbox.refuses = True
    with pytest.raises(MailFailed, match="feed ONE: no file"):
        watch.look("2026-01-10T12:00Z")
    watch.inbox.refuses = False

    assert watch.look("2026-01-10T12:05Z") is not None
    assert watch.look("2026-01-10T12:10Z") is None
    assert watch.inbox.subjects == ["feed ONE: no file"]


def test_without_a_mail_server_the_run_still_fails_and_says_so(
    watch: Watch, caplog: pytest.LogCaptureFixture
):
    watch.feed(since="2026-01-10")
    watch.inbox.send = lambda _: False

    assert watch.look("2026-01-10T12:00Z") is not None
    assert "there is no connection oms_smtp" in caplog.text
    told = watch.floor.conn.execute("select told_at is not null, told_to from oms.feed_alert").fetchall()
    assert told == [(True, [])]


def test_a_dry_run_tells_nobody_and_keeps_nothing(watch: Watch, caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO")
    watch.feed(since="2026-01-10")

    assert watch.look("2026-01-10T12:00Z", dryRun=True) is None

    assert "would tell of feed COUNT: no file" in caplog.text
    assert watch.inbox.mails == []
    assert watch.floor.conn.execute("select count(*) from oms.feed_alert").fetchone() == (0,)


def many(watch: Watch, feeds: int, files: int) -> None:
    """Feeds of one configuration, one a store, and files that are of the last of them."""
    for number in range(feeds):
        watch.feed(f"STORE_{number}", "6:00 14:00", since="2026-01-01", file_pattern=f"store_{number}_*.csv")
    watch.came(f"store_{feeds - 1}_0.csv", "2026-01-08T05:30Z")
    columns = """select string_agg(column_name, ', ') from information_schema.columns
                  where (table_schema, table_name) = ('oms', 'import_log') and is_generated = 'NEVER'"""
    (columns,) = watch.floor.conn.execute(columns).fetchone()
    watch.floor.conn.execute(
        f"""insert into oms.import_log ({columns}) overriding system value
            select {columns}
              from generate_series(1, {files}) as number
             cross join lateral (select to_jsonb(log) || jsonb_build_object(
                                            'log_id', log_id + number,
                                            'file_name', 'store_{feeds - 1}_' || number || '.csv',
                                            'created_at', log.created_at + number * interval '1 minute')
                                   from oms.import_log as log) as copied (row)
             cross join lateral jsonb_populate_record(null::oms.import_log, copied.row)"""
    )


def test_a_look_asks_for_the_files_of_a_configuration_once_however_many_feeds_there_are(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
):
    many(watch, feeds=40, files=500)
    asked = []
    execute = Cursor.execute
    monkeypatch.setattr(
        Cursor,
        "execute",
        lambda self, query, *rest, **more: (asked.append(query), execute(self, query, *rest, **more))[1],
    )

    watch.look("2026-01-11T05:00Z", lookbackDays=3)

    assert len([query for query in asked if "from oms.import_log" in str(query)]) <= 2
    assert len(asked) < 100  # one note for each mail, and no more for each time or file


def test_what_a_look_finds_of_a_feed_is_one_mail(watch: Watch):
    many(watch, feeds=3, files=0)

    silent = watch.look("2026-01-11T05:00Z", lookbackDays=3, alertTo="ops@example.com")

    assert sorted(watch.inbox.subjects) == [
        "feed STORE_0: no file (6)",
        "feed STORE_1: no file (6)",
        "feed STORE_2: no file (5)",
    ]
    assert "expected 2026-01-10 14:00 UTC" in watch.inbox.mails[0].get_content()
    assert silent.count("feed STORE_2") == 5


def test_a_look_that_was_interrupted_between_two_mails_tells_the_rest_under_the_same_ids(watch: Watch):
    many(watch, feeds=3, files=0)
    send = watch.inbox.send
    watch.inbox.send = lambda mail: (send(mail) and len(watch.inbox.mails) == 1) or _drop()
    with pytest.raises(MailFailed):
        watch.look("2026-01-11T05:00Z", lookbackDays=3)
    watch.inbox.send = send

    watch.look("2026-01-11T06:30Z", lookbackDays=3)

    ids = [mail["Message-ID"] for mail in watch.inbox.mails]
    assert len(set(ids)) == len(ids) - 2  # the two that nobody knows to have arrived came again as they were


def _drop() -> bool:
    raise ConnectionError("the mail server has gone")


def test_a_feed_that_names_no_times_is_told_and_does_not_stop_the_others(watch: Watch):
    """An older setup took cron signs that are drawn anew at each look, and zones of one machine."""
    watch.feed("DRAWN", "R R * * *", since="2026-01-10")
    watch.feed("HERE", since="2026-01-10", time_zone="localtime")
    watch.feed("GOOD", since="2026-01-10")

    silent = watch.look("2026-01-10T12:00Z")

    assert "feed DRAWN is not checked: expected 'R R * * *'" in silent
    assert "feed HERE is not checked" in silent
    assert "feed GOOD: no file" in silent
    assert "DRAWN is not checked" in watch.look("2026-01-10T12:05Z")


def test_minutes_beyond_a_month_are_refused_by_the_table(watch: Watch):
    with pytest.raises(CheckViolation):
        watch.feed(early_minutes=999_999_999)
