"""SFTP servers that can less, or have no room: a simulated lack of it, before the real server."""

import pytest

from oms.remote import write_whole
from tests.oms.imports.conftest import RESET_JOB

HEADER = "facilityId,idType,idValue,availableQty\n"


class WithoutExtension:
    """A client whose server does not know `posix-rename@openssh.com`, and says so as such servers do."""

    def __init__(self, sftp):
        self._sftp = sftp

    def __getattr__(self, name):
        return getattr(self._sftp, name)

    def posix_rename(self, old, new):
        raise OSError("Operation unsupported")


@pytest.fixture
def old_server(floor):
    floor.sftp = WithoutExtension(floor.sftp)
    return floor


def test_files_are_moved_and_rejects_written(old_server):
    old_server.drop(RESET_JOB, "a.csv", HEADER + "STORE_1,SKU,A,5\nSTORE_1,SKU,NOPE,1\n")

    old_server.run(RESET_JOB).raise_if_open()

    assert old_server.position("A") == (5, 5)
    folders = (None, "archive", "error")
    assert [old_server.files(RESET_JOB, *filter(None, [one])) for one in folders] == [
        [],
        ["1_a.csv"],
        ["1_a.csv"],
    ]


def test_an_old_file_is_replaced(old_server):
    for content in (b"first", b"second"):
        write_whole(old_server.sftp, "out/levels.csv", [content])

    with old_server.sftp.open("out/levels.csv", "rb") as file:
        assert file.read() == b"second"
    assert old_server.sftp.listdir("out") == ["levels.csv"]


def test_what_is_wrong_otherwise_is_said(old_server):
    old_server.sftp.mkdir("out")
    old_server.sftp.mkdir("out/levels.csv")

    with pytest.raises(OSError) as error:  # noqa: PT011 - the words are the server's
        write_whole(old_server.sftp, "out/levels.csv", [b"x"])

    assert "unsupported" not in str(error.value)
    assert old_server.sftp.listdir("out") == ["levels.csv"]


def test_a_file_of_which_a_part_is_missing_is_not_given_its_name(floor):
    class Full(WithoutExtension):
        def stat(self, path):
            found = self._sftp.stat(path)
            found.st_size -= path.endswith(".part")
            return found

    with pytest.raises(OSError, match="2 bytes were written, 1 are there"):
        write_whole(Full(floor.sftp), "out/levels.csv", [b"x", b"y"])

    assert floor.sftp.listdir("out") == []


def test_an_old_file_that_cannot_be_replaced_stays(old_server):
    class Busy(WithoutExtension):
        def rename(self, old, new):
            if old.endswith(".part"):
                raise OSError("Failure")
            self._sftp.rename(old, new)

    write_whole(old_server.sftp, "out/levels.csv", [b"first"])

    with pytest.raises(OSError, match=r"moving out/levels.csv.part to out/levels.csv: .*Failure"):
        write_whole(Busy(old_server.sftp), "out/levels.csv", [b"second"])

    assert old_server.sftp.listdir("out") == ["levels.csv"]
    with old_server.sftp.open("out/levels.csv", "rb") as file:
        assert file.read() == b"first"
