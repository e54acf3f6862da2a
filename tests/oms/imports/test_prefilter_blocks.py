"""The pre-filter, against the same judgement line by line."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oms.imports import lines
from oms.imports.prefilter_blocks import LONGEST_NAME, NOWHERE, Cells, Names, Prefilter

PLACES = ["S", "STORE_12", "STORE_123", "A-STORE-WITH-A-NAME-OF-32-LETTERS"[:32], "店舗"]
PRODUCTS = ["1", "12345678", "123456789", "0123456789012345", "01234567890123456", "x" * 33, "ä"]
KINDS = ["SKU", "upca"]
FIGURES = np.random.default_rng(7).integers(-3, 3, (len(PLACES), len(PRODUCTS)), np.int32)
FIGURES[2, 3] = NOWHERE


def cells_of(texts):
    letters = "".join(texts).encode()
    ends = np.cumsum([len(text.encode()) for text in texts])
    begins = np.concatenate(([0], ends[:-1])).astype(np.int64)
    return Cells(np.frombuffer(letters + bytes(LONGEST_NAME), np.uint8), begins, ends)


def named(names):
    return Names((name, number) for number, name in enumerate(names))


def prefilter():
    names = named(PRODUCTS)
    columns = {"place": 0, "type": 1, "product": 2, "figure": 3}
    return Prefilter(columns, named(PLACES), named(KINDS), [names, names], FIGURES)


def sorted_lines(rows, taken):
    """What is staged of a file, by line number."""
    sorter = lines.LineSorter(4, ",", "utf-8", 3, prefilter=taken)
    text = "".join(",".join(row) + "\n" for row in rows).encode()
    blocks = [*sorter.feed(text), *sorter.finish()]
    assert sorter.rows == len(rows)
    plain = [line.split(",", 1) for block in blocks for line in block.plain.decode().splitlines()]
    return {int(number): rest for number, rest in plain} | {
        line.number: line.raw.decode() for block in blocks for line in block.odd
    }


def expected(rows):
    """Lines that are to be staged, those that are taken back, and those that stay out: one by one."""
    staged, last = {}, {}
    named_by = {}
    for number, row in enumerate(rows, 2):
        place, kind, product, figure = row
        known = (
            place in PLACES and kind in (*KINDS, "") and product in PRODUCTS and len(product) <= LONGEST_NAME
        )
        at = (PLACES.index(place), PRODUCTS.index(product)) if known else None
        if at is not None:
            named_by.setdefault(at, []).append(number)
        if at is None or figure == "" or FIGURES[at] != int(figure):
            staged[number] = ",".join(row)
        else:
            last[number] = at
    agreeing = {number: at for number, at in last.items() if len(named_by[at]) == 1}
    return staged, agreeing, {number: at for number, at in last.items() if number not in agreeing}


ROWS = st.lists(
    st.tuples(
        st.sampled_from([*PLACES, "", "STORE_1", "STORE_1234"]),
        st.sampled_from([*KINDS, "", "EAN"]),
        st.sampled_from([*PRODUCTS, "", "1234567", "0123456789012346", "y" * 33, "z" * 60]),
        st.sampled_from([*map(str, range(-3, 3)), "", "999999999"]),
    ).filter(any),  # a line of nothing but delimiters is no row
    min_size=1,
    max_size=60,
)


@settings(max_examples=150)
@given(ROWS, st.integers(20, 2000))
def test_it_takes_what_a_look_at_each_line_would_take(rows, block):
    taken = prefilter()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "BLOCK", block)
        staged = sorted_lines(rows, taken)
    must, agreeing, repeated = expected(rows)

    back = {line: (place, product) for line, place, product, _ in taken.recall().tolist()}

    assert {number: staged[number] for number in must} == must
    assert {number: repeated[number] for number in staged if number not in must} | back == repeated
    assert not set(staged) & set(back)
    assert taken.rows == len(agreeing) == (taken.lines > 0).sum()
    assert all(taken.lines[at] == number for number, at in agreeing.items())


@given(
    st.lists(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20),
        min_size=1,
        max_size=50,
        unique=True,
    )
)
@settings(max_examples=100)
def test_names_are_found_byte_for_byte(texts):
    known = texts[::2]
    found = named(known).find(cells_of(texts)).tolist()

    fits = {text: number for number, text in enumerate(known) if 0 < len(text.encode()) <= LONGEST_NAME}
    assert found == [fits.get(text, -1) for text in texts]


def test_a_row_can_be_taken_back_by_its_position():
    taken = prefilter()
    figure = str(FIGURES[1, 1])
    sorted_lines([(PLACES[1], "SKU", PRODUCTS[1], figure)], taken)
    at = np.array([1 * len(PRODUCTS) + 1, 0])

    assert taken.recall(at).tolist() == [[2, 1, 1, int(figure)]]
    assert taken.recall(at).tolist() == []
    assert taken.rows == 0


@given(st.lists(st.integers(-999_999_999, 999_999_999), min_size=1, max_size=30))
def test_numbers_are_read(numbers):
    assert cells_of([str(number) for number in numbers]).numbers().tolist() == numbers
