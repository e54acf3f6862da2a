"""The server of a connection is known by its host key; a second one is refused until a person accepts it."""

from contextlib import nullcontext

import pytest

from oms import __main__ as commands
from oms import exports, servers
from oms.servers import OtherServer
from sandbox import processes, sftp
from tests.oms.imports.conftest import RESET, RESET_JOB, sftp_client

GOOD = "STORE_1,SKU,A,10\n"


@pytest.fixture(scope="module")
def second_server(tmp_path_factory):
    """Another installation's, with the same folders."""
    server = sftp.prepare(tmp_path_factory.mktemp("second"), port=processes.free_port(0))
    (server.root / RESET_JOB.import_path).mkdir(parents=True)
    started = sftp.start(server, ends_with_us=True)
    yield server
    processes.end(started)


def known(conn):
    return conn.execute(
        "select connection_id, fingerprint, accepted_by, replaced_at is not null from oms.sftp_server"
    ).fetchall()


def test_a_second_installation_neither_closes_nor_takes_and_no_reset_is_applied_twice(floor, second_server):
    floor.drop(RESET_JOB, "a.csv", RESET + GOOD)
    (chunk,) = floor.land(RESET_JOB)
    floor.apply(chunk)
    own = floor.sftp
    with sftp_client(second_server) as other:
        floor.sftp = other
        with pytest.raises(OtherServer, match=r"python -m oms servers accept ftp_config SHA256:"):
            floor.close(RESET_JOB)
        with pytest.raises(OtherServer, match="an OMS database of its own"):
            floor.run(RESET_JOB)
    floor.move(1, -4, -4)
    floor.sftp = own
    floor.run(RESET_JOB).raise_if_open()

    assert floor.position("A") == (6, 6)
    assert floor.logs("status, server") == [("DmlsFinished", servers.fingerprint(own))]
    assert known(floor.conn) == [("ftp_config", servers.fingerprint(own), None, False)]


def test_a_server_that_moved_is_accepted_by_a_person_and_goes_on_with_the_open_files(
    floor, second_server, capsys
):
    floor.drop(RESET_JOB, "a.csv", RESET + GOOD)
    (chunk,) = floor.land(RESET_JOB)
    folder = second_server.root / RESET_JOB.import_path
    (floor.root / RESET_JOB.import_path / "a.csv").rename(folder / "a.csv")
    with sftp_client(second_server) as moved:
        key = servers.fingerprint(moved)
        assert commands.main(["--dsn", floor.dsn, "servers", "accept", "FTP_CONFIG", key]) == 0
        own, floor.sftp = floor.sftp, moved
        floor.apply(chunk)
        floor.close(RESET_JOB).raise_if_open()
    assert (floor.position("A"), floor.logs("closed_at is not null")) == ((10, 10), [(True,)])
    assert [path.name for path in (folder / "archive").iterdir()] == ["1_a.csv"]
    assert commands.main(["--dsn", floor.dsn, "servers"]) == 0
    assert key in capsys.readouterr().out

    floor.sftp = own
    with pytest.raises(OtherServer, match="until now it was"):
        floor.run(RESET_JOB)


def test_several_keys_can_stand_for_one_server(floor, second_server):
    floor.run(RESET_JOB)
    with sftp_client(second_server) as other:
        servers.accept(floor.conn, "ftp_config", servers.fingerprint(other), "Eva", also=True)
        for session in (other, floor.sftp, other):
            floor.sftp = session
            floor.run(RESET_JOB).raise_if_open()


def test_a_key_that_is_none_is_not_accepted(floor, capsys):
    assert commands.main(["--dsn", floor.dsn, "servers", "accept", "ftp_config", "SHA256:abc"]) == 2
    assert "as `ssh-keygen -l` prints it" in capsys.readouterr().err


def test_files_for_others_do_not_go_to_a_second_installation(oms_db, sftp_server, sftp_root, second_server):
    exports.record(
        oms_db,
        run_name="job/run",
        subject="",
        property_resource="FTP_EXP_CONFIG",
        folder="out",
        name=lambda stamp: f"f_{stamp}.csv",
        content=b"x",
        rows=1,
    )
    with sftp_client(sftp_server) as own:
        servers.recognise(oms_db, "FTP_EXP_CONFIG", own)
    with sftp_client(second_server) as other:
        writer = exports.Writer(oms_db, lambda _: nullcontext(other), "job")
        with pytest.raises(OtherServer):
            writer.open_place("FTP_EXP_CONFIG", "out")
        writer.write()
        with pytest.raises(exports.FilesWait, match="OtherServer"):
            writer.raise_if_any_waits()

    assert not (second_server.root / "out").exists()
