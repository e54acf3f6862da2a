"""Folders as servers list them: entries without a type or with a strange one, links, spellings of paths."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import asyncssh
import pytest

from oms.imports import arrival, landing
from oms.imports.errors import FileMissing
from oms.remote import FILE, FOLDER, LINK, UNKNOWN, kind_of, listing
from sandbox import processes, sftp
from tests.oms.imports.conftest import RESET, RESET_JOB, VARIANCE, VARIANCE_JOB, Floor, sftp_client


@contextmanager
def server_that_tells(like: sftp.Server, mode: int | None, long_name: bytes) -> Iterator[sftp.Server]:
    """A second server over the folder of one; it lists what is in there with this mode and this long name."""
    server = sftp.Server(like.home, processes.free_port(0))
    loop = asyncio.new_event_loop()

    class Files(sftp._Files):
        async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
            async for entry in super().scandir(path):
                entry.attrs.permissions = mode
                yield entry

        def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
            found = super().stat(path)
            attrs = asyncssh.SFTPAttrs.from_local(found)
            attrs.permissions = mode
            return attrs

        def format_longname(self, name: asyncssh.SFTPName) -> None:
            name.longname = long_name + b" " + name.filename

    async def listen() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            server.host,
            server.port,
            server_factory=lambda: sftp._Login(server.password),
            server_host_keys=[str(server.home / "host_key")],
            sftp_factory=lambda channel: Files(channel, server.root),
        )

    async def end(listener: asyncssh.SSHAcceptor) -> None:
        listener.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    listener = asyncio.run_coroutine_threadsafe(listen(), loop).result(30)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(end(listener), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


@pytest.mark.parametrize(
    ("mode", "long_name"),
    [
        (None, b""),
        (None, b"-rw-r--r--    1 erp      erp"),
        (0o644, b"11-30-26  10:15AM                   24"),
        (0o644, b""),
        (0o170644, b""),
        (0xFFFF8000 | 0o644, b"-rw-r--r--"),
    ],
)
def test_an_entry_of_unknown_type_counts_as_a_file(
    floor: Floor, sftp_server: sftp.Server, mode: int | None, long_name: bytes
):
    floor.stock("A", 1, 1)
    floor.drop(RESET_JOB, "a.csv", RESET + "STORE_1,SKU,A,5\n")

    with server_that_tells(sftp_server, mode, long_name) as odd, sftp_client(odd) as session:
        floor.sftp, floor.open_sftp = session, lambda: sftp_client(odd)
        floor.run(RESET_JOB).raise_if_open()

    assert floor.position("A") == (5, 5)
    assert floor.files(RESET_JOB, "archive") == ["1_a.csv"]


@pytest.mark.parametrize(
    ("mode", "long_name", "kind"),
    [
        (0o100644, "drwxr-xr-x", FILE),
        (0o40755, "-rw-r--r--", FOLDER),
        (1 << 40 | 0o100644, "", FILE),
        (0o755, "drwxr-xr-x   2 erp erp", FOLDER),
        (None, b"lrwxrwxrwx   1 erp erp 5 Nov 30 a -> b", LINK),
        (0o644, "11-30-26  10:15AM       <DIR>          in", FOLDER),
        (0o644, "delta.csv", UNKNOWN),
        (None, b"\xff\xfe", UNKNOWN),
    ],
)
def test_the_type_bits_tell_what_it_is_else_the_long_name(mode: int | None, long_name: Any, kind: str):
    assert kind_of(mode, long_name) == kind


def test_our_own_folders_are_no_files_where_no_type_is_told(floor: Floor, sftp_server: sftp.Server):
    folder = floor.root / RESET_JOB.import_path
    for name in ("archive", "error"):
        (folder / name).mkdir()

    with server_that_tells(sftp_server, None, b"") as odd, sftp_client(odd) as session:
        assert listing(session, RESET_JOB.import_path).files == {}


def test_a_link_is_said_once_with_the_reason_and_other_files_are_taken(
    floor: Floor, caplog: pytest.LogCaptureFixture
):
    path = floor.drop(RESET_JOB, "a.csv", RESET + "STORE_1,SKU,A,5\n")
    path.with_name("link.csv").symlink_to("a.csv")

    floor.run(RESET_JOB).raise_if_open()

    assert floor.position("A") == (5, 5)
    assert said(caplog) == [f"left in {RESET_JOB.import_path}: 'link.csv' (it is a symbolic link, no file)"]


def test_a_size_that_is_none_hinders_no_other_file(floor: Floor, monkeypatch: pytest.MonkeyPatch):
    floor.drop(RESET_JOB, "a.csv", RESET + "STORE_1,SKU,A,5\n")
    there = floor.sftp.listdir_attr(RESET_JOB.import_path)
    odd = type(there[0]).from_stat(floor.root.stat(), "odd.csv")
    odd.st_mode, odd.st_size = 0o100644, 2**64 - 1
    monkeypatch.setattr(floor.sftp, "listdir_attr", lambda _: [*there, odd])

    assert [*arrival.find(floor.sftp, floor.params(RESET_JOB))] == ["a.csv"]


def spellings(path: str, login: str) -> list[str]:
    return [path, f"/{path}", f"/home/{login}/{path}", f"/home/{login}//{path}/", f"./{path}", f"{path}/."]


def test_one_folder_is_one_folder_however_it_is_spelled(floor: Floor, sftp_server: sftp.Server):
    """A file that is claimed under one spelling is not claimed again under another."""
    floor.drop(VARIANCE_JOB, "v.csv", VARIANCE + "STORE_1,,SKU,A,3,,,\n")
    spelled = spellings(VARIANCE_JOB.import_path, sftp_server.user)

    for path in reversed(spelled):
        floor.chunks = floor.land(VARIANCE_JOB, importPath=path)
    for chunk in floor.chunks:
        floor.apply(chunk)
    floor.close(VARIANCE_JOB).raise_if_open()

    assert floor.position("A") == (3, 3)
    assert floor.logs("remote_path") == [(f"{VARIANCE_JOB.import_path}/v.csv",)]


@pytest.mark.parametrize("step", ["claimed", "landed", "applied", "closed"])
@pytest.mark.parametrize("number", range(1, 6))
def test_a_log_of_a_release_that_kept_other_spellings_is_that_of_its_file(
    floor: Floor, sftp_server: sftp.Server, step: str, number: int
):
    """The file was open when the release was changed; its folder is spelled in the settings as it was."""
    content = VARIANCE + "STORE_1,,SKU,A,3,,,\n"
    path = VARIANCE_JOB.import_path
    old = spellings(path, sftp_server.user)[number].rstrip("/")
    floor.drop(VARIANCE_JOB, "v.csv", content)
    floor.chunks = floor.land(VARIANCE_JOB)
    if step == "claimed":
        floor.conn.execute("update oms.import_log set status = 'DmlsLanding', load_id = null")
        floor.conn.execute("delete from oms.import_chunk")
        floor.chunks = []
    if step in ("applied", "closed"):
        floor.apply(floor.chunks[0])
    if step == "closed":
        floor.close(VARIANCE_JOB).raise_if_open()
    floor.conn.execute("update oms.import_log set remote_path = %s || '/v.csv'", (old,))

    floor.run(VARIANCE_JOB, importPath=old).raise_if_open()

    assert floor.position("A") == (3, 3)
    assert floor.logs("remote_path, closed_at is not null") == [(f"{path}/v.csv", True)]
    assert floor.files(VARIANCE_JOB) == []


def test_a_folder_that_is_there_under_the_path_of_a_home_is_that_folder(
    floor: Floor, sftp_server: sftp.Server
):
    path = floor.root / "home" / sftp_server.user / "in"
    path.mkdir(parents=True)
    (path / "a.csv").write_text(RESET + "STORE_1,SKU,A,5\n")

    floor.run(RESET_JOB, importPath=f"/home/{sftp_server.user}/in").raise_if_open()

    assert floor.position("A") == (5, 5)
    assert [one.name for one in (path / "archive").iterdir()] == ["1_a.csv"]


def test_a_file_that_has_changed_since_it_was_seen_at_rest_is_left_for_the_next_run(
    floor: Floor, caplog: pytest.LogCaptureFixture
):
    """Its sender has gone on writing: what was seen was half of it."""
    path = floor.drop(RESET_JOB, "a.csv", RESET + "STORE_1,SKU,A,5\n")
    floor.drop(RESET_JOB, "b.csv", RESET + "STORE_1,SKU,B,6\n")
    gone = floor.drop(RESET_JOB, "c.csv", RESET + "STORE_1,SKU,C,7\n")
    params = floor.params(RESET_JOB)
    settled = arrival.find(floor.sftp, params)
    path.write_text(RESET + "STORE_1,SKU,A,5\nSTORE_1,SKU,D,8\n")
    gone.unlink()

    landing.land(floor.conn, floor.sftp, RESET_JOB, params, floor.new_run(RESET_JOB), settled)

    assert floor.logs("file_name") == [("b.csv",)]
    assert any("a.csv has changed since it was seen at rest" in one for one in said(caplog))
    assert any("c.csv is not on the server" in one for one in said(caplog))
    floor.run(RESET_JOB).raise_if_open()
    assert [floor.position(sku) for sku in "ABCD"] == [(5, 5), (6, 6), None, (8, 8)]


@pytest.mark.parametrize("what", ["changed", "gone"])
def test_a_file_asked_for_that_has_changed_since_it_was_seen_at_rest_fails_the_run(floor: Floor, what: str):
    """Nothing was done of what the run was asked for: green would say that it was."""
    path = floor.drop(RESET_JOB, "a.csv", RESET + "STORE_1,SKU,A,5\n")
    params = floor.params(RESET_JOB, remoteFilename="a.csv")
    settled = arrival.find(floor.sftp, params)
    path.unlink() if what == "gone" else path.write_text(RESET + "STORE_1,SKU,A,5\nSTORE_1,SKU,D,8\n")

    with pytest.raises(FileMissing, match=r"a\.csv was asked for and is not taken: it has changed or gone"):
        landing.land(floor.conn, floor.sftp, RESET_JOB, params, floor.new_run(RESET_JOB), settled)

    assert floor.logs() == []


def test_a_file_asked_for_that_another_run_has_taken_meanwhile_is_done(floor: Floor):
    floor.drop(RESET_JOB, "a.csv", RESET + "STORE_1,SKU,A,5\n")
    params = floor.params(RESET_JOB, remoteFilename="a.csv")
    settled = arrival.find(floor.sftp, params)
    floor.run(RESET_JOB).raise_if_open()

    assert landing.land(floor.conn, floor.sftp, RESET_JOB, params, floor.new_run(RESET_JOB), settled) == []


def test_a_new_file_asked_for_under_the_name_of_one_that_is_open_fails_the_run(floor: Floor):
    floor.drop(RESET_JOB, "a.csv", RESET + "STORE_1,SKU,A,5\n")
    floor.land(RESET_JOB)
    floor.drop(RESET_JOB, "a.csv", RESET + "STORE_1,SKU,A,5\nSTORE_1,SKU,D,8\n")

    with pytest.raises(FileMissing, match="or an earlier file of its name is still open"):
        floor.land(RESET_JOB, remoteFilename="a.csv")
