"""Files arriving on a real SFTP server: what rings, when, and what does not stop the watch."""

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from oms.catalog import IMPORT_INVENTORY_RESET, IMPORT_INVENTORY_VARIANCE
from oms.imports.errors import FileMissing
from oms.parameters import BadParameter
from oms_airflow import file_arrival
from oms_airflow.assets import arrivals_of
from oms_airflow.connections import MissingConnection
from oms_airflow.file_arrival import Arrivals, Look, SftpFileSensor, SftpFileTrigger
from sandbox import processes, sftp
from tests.oms.imports.odd_server import Habits, odd_server

FOLDER = "pos/in"


@pytest.fixture
def folder(sftp_server: sftp.Server, sftp_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The watched folder on the server's own disk; the connection ftp_config leads there."""
    monkeypatch.setenv("AIRFLOW_CONN_FTP_CONFIG", json.dumps(sftp_server.connection(by_key=True)))
    path = sftp_root / FOLDER
    path.mkdir(parents=True)
    return path


def trigger(**options: Any) -> SftpFileTrigger:
    defaults = {"connection_id": "ftp_config", "path": FOLDER, "settle_seconds": 0.3, "poll_seconds": 0.1}
    return SftpFileTrigger(**(defaults | options))


async def names(events: AsyncIterator[Any], seconds: float = 10) -> list[str]:
    """The names in the next event."""
    async with asyncio.timeout(seconds):
        event = await anext(events)
    return [file["name"] for file in event.payload["files"]]


async def nothing(events: AsyncIterator[Any], seconds: float = 1.0) -> bool:
    """Whether no event comes for a while."""
    waiting = asyncio.ensure_future(anext(events))
    done, _ = await asyncio.wait([waiting], timeout=seconds)
    waiting.cancel()
    await asyncio.wait([waiting])
    return not done


class TestArrivals:
    """The rule of settling, without a server."""

    @pytest.fixture
    def arrivals(self) -> Arrivals:
        return Arrivals(file_name=None, file_pattern="*.csv", settle_seconds=2)

    def test_a_file_settles_when_two_looks_that_far_apart_agree(self, arrivals: Arrivals):
        assert arrivals.take(Look(10.0, {"a.csv": (5, 1)})) == {}
        assert arrivals.take(Look(11.9, {"a.csv": (5, 1)})) == {}
        assert arrivals.take(Look(12.0, {"a.csv": (5, 1)})) == {"a.csv": (5, 1)}
        assert arrivals.take(Look(20.0, {"a.csv": (5, 1)})) == {}, "it has been reported"

    def test_a_growing_file_starts_anew_with_every_change(self, arrivals: Arrivals):
        for second in range(10):
            assert arrivals.take(Look(10.0 + second, {"a.csv": (second, 1)})) == {}
        assert arrivals.take(Look(21.0, {"a.csv": (9, 1)})) == {"a.csv": (9, 1)}

    def test_a_file_that_was_away_or_changed_is_new(self, arrivals: Arrivals):
        there, changed = {"a.csv": (5, 1)}, {"a.csv": (5, 2)}
        looks = [there, there, {}, there, there, changed]
        taken = [arrivals.take(Look(10.0 * i, files)) for i, files in enumerate(looks)]
        assert [bool(files) for files in taken] == [False, True, False, False, True, False]
        assert arrivals.take(Look(100.0, changed)) == changed

    def test_a_look_that_failed_says_nothing_about_the_files(self, arrivals: Arrivals):
        assert arrivals.take(Look(10.0, {"a.csv": (5, 1)})) == {}
        assert arrivals.take(Look(11.0, None)) == {}
        assert arrivals.take(Look(12.0, {"a.csv": (5, 1)})) == {"a.csv": (5, 1)}

    @pytest.mark.parametrize(
        ("pattern", "name", "taken"),
        [
            ("*.csv", "a.csv", True),
            ("*.csv", "a.csv.tmp", False),
            (None, "a.PART", False),
            (None, "a.filepart", False),
            (None, "anything.txt", True),
            (r"inv_\d+\.csv", "inv_12.csv", True),
            (r"inv_\d+\.csv", "inv_12.csv.gz", True),
            (r"inv_\d+\.csv", "inv_12.csv.bz2", False),
            ("*.csv", "a.csv.gz.part", False),
            ("*.*", "noextension", False),
        ],
    )
    def test_only_wanted_names_arrive(self, pattern: str | None, name: str, taken: bool):
        arrivals = Arrivals(file_name=None, file_pattern=pattern, settle_seconds=0)
        assert bool(arrivals.take(Look(0.0, {name: (1, 1)}))) is taken

    def test_a_file_asked_for_by_name_is_the_only_one(self):
        arrivals = Arrivals(file_name="b.csv", file_pattern="*.csv", settle_seconds=0)
        assert arrivals.take(Look(0.0, {"a.csv": (1, 1), "b.csv": (2, 2)})) == {"b.csv": (2, 2)}

    def test_a_look_costs_as_much_as_it_has_news(self, arrivals: Arrivals, monkeypatch: pytest.MonkeyPatch):
        asked = []
        monkeypatch.setattr(file_arrival, "wanted", lambda name, **_: asked.append(name) or True)
        old = {f"old_{number}.csv": (1, 1) for number in range(1000)}
        arrivals.take(Look(0.0, old))
        arrivals.take(Look(5.0, old, before=old))
        asked.clear()
        new = old | {"new.csv": (1, 1)}

        assert arrivals.take(Look(6.0, new, before=old, changed={"new.csv": (1, 1)})) == {}
        assert arrivals.take(Look(9.0, new, before=new)) == {"new.csv": (1, 1)}
        assert asked == ["new.csv"]

    def test_one_that_joins_late_or_has_missed_a_look_compares_for_itself(self, arrivals: Arrivals):
        first, second, third = {"a.csv": (1, 1)}, {"a.csv": (1, 1), "b.csv": (2, 1)}, {"b.csv": (2, 1)}
        arrivals.take(Look(0.0, second, before=first, changed={"b.csv": (2, 1)}))

        assert arrivals.take(Look(5.0, third, before=third)) == {"b.csv": (2, 1)}
        assert arrivals.take(Look(9.0, second, before=third, changed={"a.csv": (1, 1)})) == {}
        assert arrivals.take(Look(12.0, second, before=second)) == {"a.csv": (1, 1)}


def test_a_closed_file_rings_with_name_size_and_time(folder: Path):
    async def watch() -> dict[str, Any]:
        (folder / "stock.csv").write_bytes(b"12345")
        os.utime(folder / "stock.csv", (1_700_000_000, 1_700_000_000))
        async with aclosing(trigger().run()) as events, asyncio.timeout(10):
            return (await anext(events)).payload

    assert asyncio.run(watch()) == {
        "path": FOLDER,
        "files": [{"name": "stock.csv", "size": 5, "mtime": 1_700_000_000}],
    }


def test_a_file_that_grows_rings_only_when_it_is_complete(folder: Path):
    async def watch() -> list[str]:
        path = folder / "stock.csv"
        async with aclosing(trigger(settle_seconds=0.6).run()) as events:
            waiting = asyncio.ensure_future(anext(events))
            for _ in range(12):
                with path.open("ab") as file:
                    file.write(b"x" * 100)
                await asyncio.sleep(0.15)
                assert not waiting.done(), "still being written"
            event = await asyncio.wait_for(waiting, 10)
            return [file["size"] for file in event.payload["files"]]

    assert asyncio.run(watch()) == [1200]


def test_folders_and_unfinished_names_do_not_ring(folder: Path):
    async def watch() -> bool:
        (folder / "archive.csv").mkdir()
        (folder / "stock.csv.part").write_text("x")
        return await nothing(trigger().run())

    assert asyncio.run(watch())


def test_a_file_name_that_is_no_utf_8_is_said_once_and_the_others_ring(
    folder: Path, caplog: pytest.LogCaptureFixture
):
    name = "在庫.csv".encode("cp932")
    Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_text("x")

    async def watch() -> list[str]:
        (folder / "stock.csv").write_text("x")
        async with aclosing(trigger().run()) as events, asyncio.timeout(10):
            return await names(events)

    assert asyncio.run(watch()) == ["stock.csv"]
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(said) == 1
    assert repr(name) in said[0]


def test_a_link_is_said_once_and_the_others_ring(folder: Path, caplog: pytest.LogCaptureFixture):
    (folder / "link.csv").symlink_to("stock.csv")

    async def watch() -> list[str]:
        (folder / "stock.csv").write_text("x")
        async with aclosing(trigger().run()) as events, asyncio.timeout(10):
            return await names(events)

    assert asyncio.run(watch()) == ["stock.csv"]
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert said == [f"left in {FOLDER} of ftp_config: 'link.csv' (it is a symbolic link, no file)"]


def test_a_path_from_the_server_s_root_is_the_same_folder_where_the_home_is_the_root(
    folder: Path, sftp_server: sftp.Server
):
    async def watch() -> list[str]:
        (folder / "stock.csv").write_text("x")
        path = f"/home/{sftp_server.user}/{FOLDER}"
        async with aclosing(trigger(path=path).run()) as events, asyncio.timeout(10):
            return await names(events)

    assert asyncio.run(watch()) == ["stock.csv"]


def test_a_folder_that_grows_is_looked_at_less_often_and_said_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(file_arrival, "NAMES_A_SECOND", 10)

    async def watch() -> list[float]:
        place = file_arrival._Folder("ftp_config", FOLDER)
        pauses = []
        for number in (5, 50, 80, 1000):
            for one in range(number):
                (folder / f"{one}.csv").touch()
            await place.look()
            pauses.append(place.pause)
        await place.close()
        return pauses

    small, full, fuller, brimming = asyncio.run(watch())
    assert small < 1 < 5 <= full < 6 < 8 <= fuller < 9
    assert brimming == file_arrival.LONGEST_PAUSE
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(said) == 1
    assert "holds more than 10 files: it is looked at less often" in said[0]


def test_other_triggers_have_their_turn_while_a_full_folder_is_listed(folder: Path):
    for one in range(1000):
        (folder / f"{one}.csv").touch()

    async def watch() -> int:
        place = file_arrival._Folder("ftp_config", FOLDER)
        await place.look()
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        beside = asyncio.ensure_future(other())
        look = await place.look()
        beside.cancel()
        await asyncio.wait([beside])
        await place.close()
        assert look.files is not None
        assert len(look.files) == 1000
        assert (look.changed, look.gone) == ({}, [])
        return turns

    assert asyncio.run(watch()) >= 1000 / 128, "one for each packet of names"


def test_an_event_names_a_bounded_number_of_files(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(file_arrival, "MOST_IN_EVENT", 3)
    monkeypatch.setattr(file_arrival, "NAMES_A_SECOND", 4)
    for number in range(5):
        (folder / f"{number}.csv").touch()
        os.utime(folder / f"{number}.csv", (100 + number, 100 + number))

    async def watch() -> dict[str, Any]:
        async with aclosing(trigger().run()) as events, asyncio.timeout(30):
            return (await anext(events)).payload

    payload = asyncio.run(watch())
    assert [file["name"] for file in payload["files"]] == ["0.csv", "1.csv", "2.csv"]
    assert payload["more"] == 2


def test_a_listing_that_ends_because_a_file_went_announces_no_file_again(
    folder: Path, sftp_server: sftp.Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    (folder / "stock.csv").write_text("x")

    async def watch(habits: Habits) -> bool:
        async with aclosing(trigger().run()) as events:
            assert await names(events) == ["stock.csv"]
            habits.ends_listings = 1
            return await nothing(events, 3.5)

    with odd_server(sftp_server) as (server, habits):
        monkeypatch.setenv("AIRFLOW_CONN_FTP_CONFIG", json.dumps(server.connection(by_key=False)))
        assert asyncio.run(watch(habits))
    assert habits.ends_listings == 0
    assert "does not exist" not in caplog.text


def test_a_folder_that_is_not_there_yet_is_watched_and_said_once(
    folder: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, logger=file_arrival.__name__)
    folder.rmdir()

    async def watch() -> list[str]:
        async with aclosing(trigger().run()) as events:
            waiting = asyncio.ensure_future(names(events))
            await asyncio.sleep(1)
            assert not waiting.done()
            folder.mkdir()
            (folder / "stock.csv").write_text("x")
            return await waiting

    assert asyncio.run(watch()) == ["stock.csv"]
    said = [record.getMessage() for record in caplog.records if record.name == file_arrival.__name__]
    assert len(said) == 2
    assert "does not exist yet" in said[0]
    assert "is there and listed" in said[1]


def test_a_server_that_goes_away_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(file_arrival, "LONGEST_PAUSE", 0.2)
    server = sftp.prepare(tmp_path / "sftp", port=processes.free_port(0))
    monkeypatch.setenv("AIRFLOW_CONN_FTP_CONFIG", json.dumps(server.connection(by_key=True)))
    incoming = server.root / FOLDER
    incoming.mkdir(parents=True)

    async def watch() -> list[list[str]]:
        first = sftp.start(server, ends_with_us=True)
        async with aclosing(trigger().run()) as events:
            (incoming / "a.csv").write_text("x")
            seen = [await names(events)]
            processes.end(first)
            waiting = asyncio.ensure_future(names(events, 20))
            await asyncio.sleep(1)
            second = sftp.start(server, ends_with_us=True)
            (incoming / "b.csv").write_text("x")
            seen.append(await waiting)
        processes.end(second)
        return seen

    assert asyncio.run(watch()) == [["a.csv"], ["b.csv"]]


def test_a_missing_connection_does_not_end_the_watch(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(file_arrival, "LONGEST_PAUSE", 0.2)
    login = os.environ["AIRFLOW_CONN_FTP_CONFIG"]
    monkeypatch.delenv("AIRFLOW_CONN_FTP_CONFIG")
    (folder / "stock.csv").write_text("x")

    async def watch() -> list[str]:
        async with aclosing(trigger().run()) as events:
            waiting = asyncio.ensure_future(names(events))
            await asyncio.sleep(1)
            assert not waiting.done()
            monkeypatch.setenv("AIRFLOW_CONN_FTP_CONFIG", login)
            return await waiting

    assert asyncio.run(watch()) == ["stock.csv"]
    assert "AIRFLOW_CONN_FTP_CONFIG" in caplog.text


def test_triggers_on_one_folder_share_one_listing(folder: Path, monkeypatch: pytest.MonkeyPatch):
    from airflow.triggers.shared_stream import SharedStreamManager

    sessions = []
    opened = file_arrival._Folder._open

    async def counted(self: file_arrival._Folder, patience: Any) -> Any:
        sessions.append(self.path)
        return await opened(self, patience)

    monkeypatch.setattr(file_arrival._Folder, "_open", counted)

    async def watch() -> list[list[str]]:
        manager = SharedStreamManager()
        resets, variances = trigger(file_pattern="reset*.csv"), trigger(file_pattern="variance*.csv")
        assert resets.shared_stream_key() == variances.shared_stream_key()
        events = [
            one.filter_shared_stream(
                manager.subscribe(trigger_id=i, trigger=one, key=one.shared_stream_key())
            )
            for i, one in enumerate((resets, variances))
        ]
        (folder / "reset1.csv").write_text("x")
        (folder / "variance1.csv").write_text("x")
        seen = [await names(one) for one in events]
        await manager.stop_all()
        return seen

    assert asyncio.run(watch()) == [["reset1.csv"], ["variance1.csv"]]
    assert sessions == [FOLDER]


def test_a_trigger_is_made_again_from_what_airflow_keeps_of_it():
    from airflow.sdk.module_loading import import_string

    path, arguments = trigger(file_pattern="*.csv", give_up_at=5.0).serialize()

    assert import_string(path)(**arguments).serialize() == (path, arguments)


FILE = {"name": "a.csv", "size": 1, "mtime": 100}


NOW = datetime(2026, 11, 30, tzinfo=UTC)


def ring(name: str, seconds: float = 0, **file: Any) -> SimpleNamespace:
    """An event as the watcher makes it, so many seconds after that of the run."""
    payload = {"path": FOLDER, "files": [FILE | {"name": name} | file]}
    return SimpleNamespace(
        extra={"from_trigger": True, "payload": payload},
        timestamp=NOW + timedelta(seconds=seconds),
        source_dag_id=None,
    )


def sensor_of(job: Any) -> SftpFileSensor:
    return SftpFileSensor(task_id="wait_for_files", job=job, arrivals=arrivals_of(job))


class Latest(tuple):
    """Events of an asset as Airflow hands them to a task that has it as inlet."""

    def ascending(self, _ascending: bool) -> "Latest":
        return self

    def limit(self, number: int) -> "Latest":
        return Latest(self[:number])


class TestSensor:
    @pytest.fixture
    def look(self) -> Callable[..., list[dict[str, Any]]]:
        def run(
            conf: dict[str, Any],
            job: Any = IMPORT_INVENTORY_RESET,
            events: tuple[Any, ...] = (),
            merged: tuple[Any, ...] = (),
        ) -> Any:
            dag_run = SimpleNamespace(
                conf={"settleSeconds": 1} | conf, consumed_asset_events=events, run_type="asset_triggered"
            )
            context = {"dag_run": dag_run, "inlet_events": [Latest((*merged, *events))]}
            return sensor_of(job).execute(context)

        return run

    def test_it_returns_what_waits_oldest_first(self, folder: Path, look: Callable):
        for name, when in (("b.csv", 100), ("a.csv", 200), ("c.txt", 50)):
            (folder / name).write_text("x")
            os.utime(folder / name, (when, when))

        found = look({"importPath": FOLDER})

        assert found == [
            {"name": "b.csv", "size": 1, "mtime": 100},
            {"name": "a.csv", "size": 1, "mtime": 200},
        ]

    def test_a_file_name_that_is_no_utf_8_is_passed_over(self, folder: Path, look: Callable):
        (folder / "a.csv").write_text("x")
        Path(os.fsdecode(os.fsencode(folder) + b"/" + "在庫.csv".encode("cp932"))).write_text("x")

        assert [file["name"] for file in look({"importPath": FOLDER})] == ["a.csv"]

    def test_a_folder_with_nothing_but_a_name_that_is_no_utf_8_is_passed_over(
        self, folder: Path, look: Callable, caplog: pytest.LogCaptureFixture
    ):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + "在庫.csv".encode("cp932"))).write_text("x")

        assert look({"importPath": FOLDER}) == []
        assert "no UTF-8: rename it" in caplog.text

    @pytest.mark.parametrize(("started_by", "taken"), [(None, 2), (IMPORT_INVENTORY_RESET.dag_id, 10)])
    def test_a_run_that_follows_another_takes_more_files(self, started_by: str | None, taken: int):
        event = ring("a.csv")
        event.source_dag_id = started_by
        run = SimpleNamespace(conf={"maxFiles": 2}, consumed_asset_events=[event], run_type="asset_triggered")

        assert file_arrival.run_parameters(IMPORT_INVENTORY_RESET, {"dag_run": run})["maxFiles"] == taken

    def test_a_run_names_the_files_of_the_next_one_too(self, folder: Path, look: Callable, monkeypatch):
        monkeypatch.setattr(file_arrival, "_unclaimed", lambda _params, _folder, names: list(names))
        for number in range(15):
            (folder / f"{number}.csv").write_text("x")

        assert len(look({"importPath": FOLDER, "maxFiles": 2})) == 2 + 10

    def test_an_announced_file_needs_no_second_look(self, folder: Path, look: Callable, monkeypatch):
        monkeypatch.setattr(file_arrival.time, "sleep", lambda _: pytest.fail("looked twice"))
        (folder / "a.csv").write_text("x")
        os.utime(folder / "a.csv", (100, 100))
        file = {"name": "a.csv", "size": 1, "mtime": 100}

        assert look({"importPath": FOLDER}, events=(ring("a.csv"),)) == [file]

    def test_an_announced_file_that_has_changed_since_is_looked_at_twice(
        self, folder: Path, look: Callable, monkeypatch
    ):
        (folder / "a.csv").write_text("xx")

        def grow(_seconds: float) -> None:
            (folder / "a.csv").write_text("xxx")

        monkeypatch.setattr(file_arrival.time, "sleep", grow)
        assert look({"importPath": FOLDER}, events=(ring("a.csv"),)) == [], "it grew between the looks"

    def test_a_file_that_is_just_coming_does_not_keep_an_announced_one_waiting(
        self, folder: Path, look: Callable, monkeypatch
    ):
        monkeypatch.setattr(file_arrival.time, "sleep", lambda _: pytest.fail("looked twice"))
        (folder / "coming.csv").write_text("half")
        (folder / "a.csv").write_text("x")
        os.utime(folder / "a.csv", (100, 100))

        assert look({"importPath": FOLDER}, events=(ring("a.csv"),)) == [FILE]

    def test_a_file_whose_event_was_merged_with_that_of_the_run_is_taken_too(
        self, folder: Path, look: Callable, monkeypatch
    ):
        monkeypatch.setattr(file_arrival.time, "sleep", lambda _: pytest.fail("looked twice"))
        for name in ("a.csv", "b.csv", "coming.csv"):
            (folder / name).write_text("x")
            os.utime(folder / name, (100, 100))

        found = look({"importPath": FOLDER}, events=(ring("a.csv"),), merged=(ring("b.csv"),))

        assert [file["name"] for file in found] == ["a.csv", "b.csv"]

    def test_where_an_event_could_not_name_all_files_all_are_looked_at(
        self, folder: Path, look: Callable, monkeypatch
    ):
        looked = []
        monkeypatch.setattr(file_arrival.time, "sleep", looked.append)
        for name in ("a.csv", "b.csv"):
            (folder / name).write_text("x")
            os.utime(folder / name, (100, 100))
        event = ring("a.csv")
        event.extra["payload"]["more"] = 1

        found = look({"importPath": FOLDER}, events=(event,))

        assert [file["name"] for file in found] == ["a.csv", "b.csv"]
        assert looked == [1], "the second look, after settleSeconds"

    def test_so_they_are_where_such_an_event_was_merged_with_that_of_the_run(
        self, folder: Path, look: Callable, monkeypatch
    ):
        looked = []
        monkeypatch.setattr(file_arrival.time, "sleep", looked.append)
        for name in ("a.csv", "b.csv", "unnamed.csv"):
            (folder / name).write_text("x")
            os.utime(folder / name, (100, 100))
        cut = ring("b.csv", seconds=1)
        cut.extra["payload"]["more"] = 1

        found = look({"importPath": FOLDER}, events=(ring("a.csv"),), merged=(cut,))

        assert [file["name"] for file in found] == ["a.csv", "b.csv", "unnamed.csv"]
        assert looked == [1]

    def test_an_event_of_before_that_could_not_name_all_its_files_costs_no_second_look(
        self, folder: Path, look: Callable, monkeypatch
    ):
        """Its own run looked for itself, or one that came after it."""
        monkeypatch.setattr(file_arrival.time, "sleep", lambda _: pytest.fail("looked twice"))
        for name in ("a.csv", "coming.csv"):
            (folder / name).write_text("x")
            os.utime(folder / name, (100, 100))
        cut = ring("b.csv", seconds=-60)
        cut.extra["payload"]["more"] = 1

        assert look({"importPath": FOLDER}, events=(ring("a.csv"),), merged=(cut,)) == [FILE]

    def test_where_the_announced_file_is_gone_the_others_are_looked_at_twice(
        self, folder: Path, look: Callable
    ):
        (folder / "b.csv").write_text("x")
        os.utime(folder / "b.csv", (100, 100))

        assert look({"importPath": FOLDER}, events=(ring("a.csv"),)) == [FILE | {"name": "b.csv"}]

    def test_no_file_is_nothing_to_do(self, folder: Path, look: Callable):
        assert look({"importPath": FOLDER}) == []

    def test_a_folder_that_the_run_names_must_exist(self, folder: Path, look: Callable):
        with pytest.raises(FileMissing) as missing:
            look({"importPath": "no/such/folder"}, IMPORT_INVENTORY_VARIANCE)

        assert "the folder no/such/folder does not exist on FTP_CONFIG (127.0.0.1:" in str(missing.value)
        assert "check importPath" in str(missing.value)

    def test_the_folder_of_the_job_s_own_may_come_later_and_is_said_once(
        self, folder: Path, look: Callable, caplog: pytest.LogCaptureFixture
    ):
        own = IMPORT_INVENTORY_VARIANCE.import_path
        as_the_form_sends_it = {parameter.name: parameter.default for parameter in self.job_parameters()}

        assert look({}, IMPORT_INVENTORY_VARIANCE) == []
        assert look(as_the_form_sends_it, IMPORT_INVENTORY_VARIANCE) == []

        said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        assert len(said) == 2, "once for each run"
        assert all(line.startswith(f"the folder {own} does not exist on FTP_CONFIG (") for line in said)

    @staticmethod
    def job_parameters() -> Any:
        return [one for one in IMPORT_INVENTORY_VARIANCE.parameters if one.name != "settleSeconds"]

    def test_a_run_that_waits_for_a_folder_names_it_when_it_gives_up(self, folder: Path, look: Callable):
        from airflow.sdk.exceptions import TaskDeferred

        conf = {"importPath": "no/such/folder", "waitMinutes": 30}
        with pytest.raises(TaskDeferred):
            look(conf)
        context = {"dag_run": SimpleNamespace(conf=conf, consumed_asset_events=(), run_type="manual")}
        with pytest.raises(FileMissing, match="folder no/such/folder does not exist on FTP_CONFIG"):
            sensor_of(IMPORT_INVENTORY_RESET).arrived(context, {"path": FOLDER, "files": []})

    def test_the_log_says_why_files_are_left_where_they_are(
        self, folder: Path, look: Callable, caplog: pytest.LogCaptureFixture
    ):
        for name in ("reset.CSV.bak", "reset.txt", "b.csv.part", "._b.csv"):
            (folder / name).write_text("x")
        for name in ("c.csv", "archive", "error"):
            (folder / name).mkdir()

        assert look({"importPath": FOLDER, "fileNameRegex": "*.csv"}) == []

        said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        assert said == [
            "left in pos/in: '._b.csv' (left there by an operating system)",
            "left in pos/in: 'b.csv.part' (the name of an unfinished file, waits to be renamed)",
            "left in pos/in: 'c.csv' (no file but a folder)",
            "left in pos/in: 'reset.CSV.bak', 'reset.txt' (does not match fileNameRegex '*.csv')",
        ]

    def test_a_file_that_is_asked_for_and_still_grows_is_not_called_absent(
        self, folder: Path, look: Callable, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ):
        file = folder / "a.csv"
        file.write_text("x")
        monkeypatch.setattr(file_arrival.time, "sleep", lambda _: file.write_text("xx"))

        with pytest.raises(FileMissing, match="not at rest yet"):
            look({"importPath": FOLDER, "remoteFilename": "a.csv"})

        assert (
            "left in pos/in: 'a.csv' (not at rest yet: it was still changing, or has just come)"
            in caplog.messages
        )

    def test_a_file_asked_for_by_name_must_be_there(self, folder: Path, look: Callable):
        with pytest.raises(FileMissing, match=r"sample_file\.txt is not in pos/in"):
            look({"importPath": FOLDER, "remoteFilename": "sample_file.txt"})

    def test_a_wrong_parameter_fails_before_the_server_is_asked(self, look: Callable):
        with pytest.raises(BadParameter, match="importPath"):
            look({"importPath": "../secret"})

    def test_a_missing_connection_is_named_with_how_to_set_it(self, look: Callable):
        with pytest.raises(MissingConnection, match="AIRFLOW_CONN_ERP_SFTP") as missing:
            look({"propertyResource": "ERP_SFTP"})
        assert "connection erp_sftp" in str(missing.value)

    def test_it_waits_deferred_and_fails_when_no_file_comes(self, folder: Path, look: Callable):
        from airflow.sdk.exceptions import TaskDeferred

        with pytest.raises(TaskDeferred) as deferred:
            look({"importPath": FOLDER, "waitMinutes": 30})
        waiting = deferred.value.trigger
        waiting.give_up_at = 0.0

        async def given_up() -> Any:
            async with aclosing(waiting.run()) as events:
                return (await anext(events)).payload

        event = asyncio.run(given_up())
        dag_run = SimpleNamespace(
            conf={"importPath": FOLDER, "waitMinutes": 30}, consumed_asset_events=(), run_type="manual"
        )
        sensor = sensor_of(IMPORT_INVENTORY_RESET)
        with pytest.raises(FileMissing, match=r"\*\.csv did not come to pos/in in 30 minutes"):
            sensor.arrived({"dag_run": dag_run}, event)


@pytest.mark.parametrize(
    "extra",
    [
        None,
        [],
        "ring",
        {"payload": None},
        {"payload": "pos"},
        {"payload": {"files": None}},
        {"payload": {"files": {"a.csv": 1}}},
        {"payload": {"files": [None, 7, "a.csv", {}, {"name": "a.csv"}, {"name": 1, "size": 2, "mtime": 3}]}},
        {"payload": {"files": [{"name": "a.csv", "size": "many", "mtime": 3}]}},
    ],
)
def test_an_event_with_damaged_words_is_a_ring_without_words(extra: Any):
    """Anybody with the right may write an asset event through Airflow's API."""
    whole = SimpleNamespace(extra={"payload": {"files": [{"name": "b.csv", "size": 2, "mtime": 3}]}})

    assert file_arrival.announced_files([SimpleNamespace(extra=extra), whole]) == {"b.csv": {(2, 3)}}
