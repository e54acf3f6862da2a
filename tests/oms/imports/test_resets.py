"""Resets: the worked examples of spec inventory.md 5.4, 7.3 and 7.4, on a real database and SFTP server."""

import pytest

from tests.oms.imports.conftest import RESET, RESET_JOB

BAD_ROWS = RESET + (
    "STORE_1,SKU,A,20\n"
    "STORE_1,SKU,NOPE,5\n"
    "MARS,SKU,A,5\n"
    "STORE_2,SKU,A,\n"
    "STORE_2,SKU,C,abc\n"
    "STORE_1,SKU,B,-2\n"
    "STORE_1,SKU,A,22\n"
    "_NA_,SKU,A,5\n"
    "STORE_2,SKU,B,3.5\n"
    "STORE_1,,C,4\n"
)


def test_inv_21_bad_rows(floor):
    floor.stock("A", 18, 15)
    floor.stock("B", 0, 0)
    floor.stock("C", 4, 4)

    account = floor.reset(BAD_ROWS)

    account.raise_if_open()
    assert floor.counts() == {"total": 10, "applied": 2, "unchanged": 1, "superseded": 1, "rejected": 6}
    assert floor.rejects() == [
        (3, "ERR_PRODUCT_NOT_FOUND"),
        (4, "ERR_FACILITY_NOT_FOUND"),
        (5, "ERR_REQUIRED"),
        (6, "ERR_INVALID_NUMBER"),
        (9, "ERR_VIRTUAL_FACILITY"),
        (10, "ERR_INVALID_NUMBER"),
    ]
    assert (floor.position("A"), floor.position("B"), floor.position("C")) == ((25, 22), (-2, -2), (4, 4))
    assert account.changed == 2
    assert floor.files(RESET_JOB) == []
    assert floor.files(RESET_JOB, "archive") == ["1_reset.csv"]


def test_inv_21_the_reject_file_has_the_reason_in_front_of_the_untouched_line(floor):
    floor.reset(BAD_ROWS)

    written = (floor.root / RESET_JOB.import_path / "error" / "1_reset.csv").read_text().splitlines()
    lines = BAD_ROWS.splitlines()
    assert (
        written[0]
        == "error_line,error_column,error_code,error_message,facilityId,idType,idValue,availableQty"
    )
    assert [one.split(",")[:3] for one in written[1:3]] == [
        ["3", "idValue", "ERR_PRODUCT_NOT_FOUND"],
        ["4", "facilityId", "ERR_FACILITY_NOT_FOUND"],
    ]
    for one in written[1:]:
        assert one.endswith(lines[int(one.split(",")[0]) - 1])


@pytest.mark.parametrize(
    ("before", "by_atp", "file", "after"),
    [((10, 5), "true", 4, (9, 4)), ((10, 5), "false", 4, (4, -1))],
)
def test_inv_15_reset_modes(floor, before, by_atp, file, after):
    floor.stock("A", *before)

    floor.reset(f"facilityId,idValue,availableQty,resetByAtp\nSTORE_1,A,{file},{by_atp}\n").raise_if_open()

    assert floor.position("A") == after
