"""No letter of a file is lost between the lines, however its quotes and line breaks lie."""

import csv
import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from oms.imports.errors import FileRefused
from oms.imports.lines import BLANKS, LineSorter, Sorted

LETTERS = set("ab")
Row = tuple[str, list[str | None]]
"""A row as it came, and its cells; none of a line that fits no header."""


def letters_of(text: str) -> list[str]:
    return [letter for letter in text if letter in LETTERS]


def told(blocks: list[Sorted], delimiter: str = ",") -> dict[int, Row]:
    """What was made of the lines, by number."""
    rows: dict[int, Row] = {}
    for block in blocks:
        for line in block.plain.decode().split("\n")[:-1]:
            number, text = line.split(delimiter, 1)
            add(rows, number, text, text.split(delimiter))
        cleaned = io.StringIO(block.cleaned.decode(), newline="")
        for number, raw, *cells in csv.reader(cleaned, delimiter="\x01", quotechar="\x02"):
            add(rows, number, bytes.fromhex(raw[2:]).decode(), cells)
        for line in block.misshapen.decode().split("\n")[:-1]:
            number, _, raw = line.split("\x01")
            add(rows, number, bytes.fromhex(raw[2:]).decode(), [])
        for odd in block.odd:
            add(rows, odd.number, odd.raw.decode(), [])
    return rows


def add(rows: dict[int, Row], number: str | int, raw: str, cells: list[str | None]) -> None:
    assert int(number) not in rows, "each line once"
    rows[int(number)] = (raw, [cell or None for cell in cells])


def sort(text: str, columns: int, pieces: int = 1) -> tuple[dict[int, Row], LineSorter]:
    sorter = LineSorter(columns, ",", "utf-8")
    content = text.encode()
    size = max(1, -(-len(content) // pieces))
    blocks = [block for at in range(0, len(content), size) for block in sorter.feed(content[at : at + size])]
    return told([*blocks, *sorter.finish()]), sorter


@given(st.text('ab,, \t"\r\n\n\u00a0\x1a', max_size=60), st.integers(1, 3), st.integers(1, 9))
def test_what_a_line_says_is_in_its_cells_or_refused_with_it(text: str, columns: int, pieces: int):
    rows, sorter = sort(text, columns, pieces)

    for raw, cells in rows.values():
        if cells:
            assert letters_of("".join(cell or "" for cell in cells)) == letters_of(raw)
            assert len(cells) == columns
            assert all(cell is None or cell == cell.strip(BLANKS) for cell in cells)
    assert letters_of("".join(rows[number][0] for number in sorted(rows))) == letters_of(text)
    assert len(rows) == sorter.rows


@given(st.text("ab,, \t\u00a0\n", max_size=40), st.integers(1, 3))
def test_a_line_is_read_alike_alone_and_among_others(text: str, columns: int):
    """Whether a line is plain, cleaned or parsed says nothing about what is in it."""
    alone, _ = sort(text, columns)

    among, _ = sort("a,a,a\n" * 3 + text + '\n"a\nb"\n', columns)

    for number, row in alone.items():
        if number - 1 < text.count("\n"):  # the last one may end otherwise with another behind it
            assert among[number + 3] == row


def read_line_by_line(text: str, columns: int) -> dict[int, Row]:
    """What is to be made of a text: the rule, one letter after the other."""
    text += "" if text.endswith("\n") else "\n"
    rows: dict[int, Row] = {}
    number, at = 2, 0
    while at < len(text):
        cells, end = read_record(text, at)
        raw = text[at:end].removesuffix("\r")
        if not cells or raw.strip(f'{BLANKS}",'):
            rows[number] = (raw, cells if len(cells) == columns else [])
        number += text.count("\n", at, end) + 1
        at = end + 1
    return rows


def read_record(text: str, at: int) -> tuple[list[str | None], int]:
    """The cells of the record that begins here, and its end; the first line's of an open one."""
    cells: list[str | None] = []
    begin = at
    while not cells or text[at - 1] == ",":
        while text[at] in " \t":
            at += 1
        inside, after = read_quotes(text, at)
        if after is None:
            return [], text.index("\n", begin)
        at = after
        while text[at] not in ",\n":
            at += 1
        cells.append((inside + text[after:at]).strip(BLANKS) or None)
        at += 1
    return cells, at - 1


def read_quotes(text: str, at: int) -> tuple[str, int | None]:
    """What is between the quote here and the one that closes, and the place behind that, if there is one."""
    if text[at] != '"':
        return "", at
    inside = ""
    while (end := text.find('"', at + 1)) >= 0:
        inside += text[at + 1 : end]
        if text[end + 1] != '"':
            return inside, end + 1
        inside += '"'
        at = end + 1
    return "", None


@settings(max_examples=600)
@given(
    st.lists(
        st.sampled_from([*'"""",,a \n\n\r\t\x1a\x01\x02', "\r\n", '""', '",', ',"', "\u00a0"]), max_size=60
    ),
    st.integers(1, 3),
    st.integers(1, 9),
)
@example(['"a"b"\n', '"\n', 'a"b\n'], 1, 2)
@example(['"', "a\n" * 4, '"x","\x01\r\n\x02"\r\n'], 2, 3)
@example(['""x"y,', '"""\n"" "\n', ' "" "a"\n'], 2, 1)
def test_lines_are_sorted_in_bulk_as_one_after_the_other(parts: list[str], columns: int, pieces: int):
    text = "".join(parts)

    rows, sorter = sort(text, columns, pieces)

    assert rows == read_line_by_line(text, columns)
    assert sorter.misshapen == sum(not cells for _, cells in rows.values())


@pytest.mark.parametrize(
    "line",
    ["", " ", "\t \t", ",,,", ",,,,,,,", '"","",""', ' "" , ,', "\u00a0,,", "\x1a", '"\n"', '","', '""""'],
)
def test_a_line_of_nothing_but_delimiters_quotes_and_blanks_is_no_row(line: str):
    rows, sorter = sort(f"a,b,c\n{line}\nc,b,a\n", 3)

    assert [cells for _, cells in rows.values()] == [["a", "b", "c"], ["c", "b", "a"]]
    assert sorter.cut_off is None


@pytest.mark.parametrize(
    ("end", "unterminated"),
    [("\n", False), ("", True), ("\n\x1a", False), ("\x1a", False), ("\r\n\x1a\r\n", False), ("\n  ", False),
     ("\n,,", True), ("\na", True)],
)  # fmt: skip
def test_a_file_ends_with_a_line_end_or_the_mark_of_an_old_system(end: str, unterminated: bool):
    rows, sorter = sort(f"a,b,5{end}", 3)

    assert rows[2][1] == ["a", "b", "5"]
    assert sorter.unterminated == unterminated


BULK = {
    "blank": "\n",
    "blanks": " \n",
    "delimiters": ",,,,\n",
    "too few": "a\n",
    "too many": "a,b,a,b\n",
    "quoted": '"a","b","a"\r\n',
    "blank cells": '"a","",""\n',
    "delimiters in quotes": 'a,"b,b",a\n',
    "quotes in quotes": 'a,"b""b",a\n',
    "an inch": 'a,b 5",a\n',
    "misplaced quotes": 'a,"b"b,"a"b"\n',
    "line ends in quotes": 'a,"b\nb",a\n',
    "CRLF in quotes": 'a,"b\r\nb",a\r\n',
    "control characters": "a,b\x01b\x02b,a\n",
    "padded": "a , b, \u00a0a\n",
}


@pytest.mark.parametrize("kind", BULK)
def test_odd_lines_are_sorted_in_bulk(kind: str):
    """No line of a kind that a whole file may have is looked at by itself."""
    sorter = LineSorter(3, ",", "utf-8")
    blocks = [*sorter.feed(BULK[kind].encode() * 5000), *sorter.finish()]

    assert not any(block.odd for block in blocks)
    assert sorter.rows == (0 if kind in ("blank", "blanks", "delimiters") else 5000)
    assert sorter.misshapen == (5000 if kind in ("too few", "too many") else 0)


@pytest.mark.parametrize("text", ['"' + "a\n" * 3_000_000, '"x\n' + '""\n' * 1_000_000])
def test_an_open_quote_costs_one_line_and_is_looked_for_once(monkeypatch, text: str):
    taken = []
    kept = LineSorter._take_unclosed
    monkeypatch.setattr(LineSorter, "_take_unclosed", lambda *more: taken.append(more[1]) or kept(*more))

    rows, sorter = sort(text, 1, 3)

    assert taken == [0]
    assert rows[2] == (text.partition("\n")[0], [])
    assert sorter.last_problem.code == "ERR_UNCLOSED_QUOTE"


def test_a_file_has_no_more_lines_than_it_may():
    sorter = LineSorter(1, ",", "utf-8", most_lines=1000)

    with pytest.raises(FileRefused, match="maxLines = 1000"):
        list(sorter.feed(b"\n" * 1000))


def test_a_line_more_than_that_is_the_header():
    sorter = LineSorter(1, ",", "utf-8", most_lines=1000)

    assert [block.rows for block in sorter.feed(b"a\n" * 999)] == [999]


@pytest.mark.parametrize(
    "line", ["(1 rows affected)", "(12 rows)", "1247 rows selected.", " (1 row affected)"]
)
def test_a_row_count_line_is_named_for_what_it_is(line: str):
    _, sorter = sort(f"a,b,c\n{line}\n", 3)

    assert sorter.last_problem.code == "ERR_ROW_COUNT"
    assert sorter.cut_off is None
