"""No letter of a file is lost between the lines, however its quotes and line breaks lie."""

from hypothesis import given
from hypothesis import strategies as st

from oms.imports.lines import LineSorter

LETTERS = set("ab")


def letters_of(text: str) -> list[str]:
    return [letter for letter in text if letter in LETTERS]


@given(st.text('ab,, \t"\r\n\n', max_size=60), st.integers(1, 3))
def test_what_a_line_says_is_in_its_cells_or_refused_with_it(text: str, columns: int):
    sorter = LineSorter(columns, ",", "utf-8")
    blocks = [*sorter.feed(text.encode()), *sorter.finish()]

    rows = {}
    for block in blocks:
        for line in block.plain.decode().splitlines():
            number, rest = line.split(",", 1)
            rows[int(number)] = rest
        for odd in block.odd:
            rows[odd.number] = odd.raw.decode()
            if odd.cells:
                assert letters_of("".join(cell or "" for cell in odd.cells)) == letters_of(odd.raw.decode())
    assert letters_of("".join(rows[number] for number in sorted(rows))) == letters_of(text)
    assert len(rows) == sorter.rows
