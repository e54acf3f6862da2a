"""Lines with quotes, blanks around cells or another number of columns, many at a time with numpy.

What a cell says is found without looking at one line after the other: the quotes and blanks around it are
left out, and delimiters inside quotes are none. Only lines that cannot be judged alone (a quote that may go
on in the next line, a quote in an unusual place) are left to the parser of `lines`.
"""

import re
from dataclasses import dataclass

import numpy as np

QUOTE, NEWLINE, RETURN, BLANK, TAB = b'"\n\r \t'
BLANKS = "".join(chr(code) for code in range(0x3001) if chr(code).isspace()) + "\x1a"
"""What is trimmed from cells; 0x1A ends files of old systems."""
SEPARATOR, NO_QUOTE = b"\x01", b"\x02"
"""Between the columns of what is made here for COPY, and what COPY is to take for a quote: control characters
that cells do not have, since cells may have any delimiter and quote."""
IS_BLANK = np.isin(np.arange(256), [ord(blank) for blank in BLANKS if blank.isascii() and blank != "\n"])
WIDE_BLANKS = [blank.encode() for blank in BLANKS if not blank.isascii()]
WIDE_BLANK = re.compile(b"|".join(WIDE_BLANKS))
HEX = np.frombuffer(b"".join(b"%02x" % byte for byte in range(256)), "u2")
TWO_DIGITS = np.frombuffer(b"".join(b"%02d" % number for number in range(100)), "u2")
FOUR_DIGITS = np.frombuffer(b"".join(b"%04d" % number for number in range(10_000)), "u4")
TEN_DIGITS = np.dtype([("high", "u2"), ("middle", "u4"), ("low", "u4")])
BEFORE_RAW = b"\\x"
"""How a value of bytea in hexadecimal digits begins."""


@dataclass(frozen=True)
class Cleaned:
    """What became of lines, in their order."""

    letters: np.ndarray
    """The lines without what is no part of their cells, SEPARATOR between these."""
    ends: np.ndarray
    columns: np.ndarray
    blank: np.ndarray
    """Lines of nothing but delimiters, quotes and blanks."""
    hard: np.ndarray
    """Lines that cannot be judged here."""


def clean(letters: np.ndarray, ends: np.ndarray, separator: int) -> Cleaned:
    """Find the cells of lines in UTF-8, each ending at one of `ends`."""
    starts = np.concatenate(([0], ends[:-1] + 1))
    newline, delimiter = letters == NEWLINE, letters == separator
    content = ~(newline | delimiter | (letters == QUOTE))
    hard = np.zeros(len(ends), bool)
    around = np.zeros(len(letters), bool)
    quotes, line, opens = _quotes(letters, ends, newline | delimiter, separator)
    if len(quotes):
        counts = np.bincount(line, minlength=len(ends))
        odd_number = np.flatnonzero(counts % 2)
        hard[odd_number] = True
        toggles = np.zeros(len(letters), np.uint8)
        toggles[quotes] = toggles[ends[odd_number]] = 1
        delimiter &= np.cumsum(toggles, dtype=np.uint8) % 2 == 0
    border = newline | delimiter
    blank = np.zeros(len(letters), bool)
    low = np.flatnonzero(letters <= BLANK)
    blank[low] = IS_BLANK[letters[low]] & ~delimiter[low]
    if letters.max(initial=0) >= 0x80:
        for found in WIDE_BLANK.finditer(letters.tobytes()):
            blank[found.start() : found.end()] = True
    content &= ~blank
    if len(quotes):
        first = np.repeat(np.cumsum(counts) - counts, counts)
        closing = (np.arange(len(quotes)) - first) % 2 == 1
        doubled = np.zeros(len(quotes), bool)
        doubled[:-1] = closing[:-1] & (np.diff(quotes) == 1)
        second = np.concatenate(([False], doubled[:-1]))
        around[quotes[~doubled]] = True
    loose = blank | around
    before, after = _previous(~loose), _next(~loose)
    if len(quotes):
        opened = second | (opens < 0) | border[opens]
        closed = doubled | border[after[np.minimum(quotes + 1, len(letters) - 1)]]
        hard[line[np.where(closing, ~closed, ~opened)]] = True
    drop = around | (loose & (border[after] | (before < 0) | border[before]))
    special = (letters == SEPARATOR[0]) | (letters == NO_QUOTE[0]) | ((letters == RETURN) & ~drop)
    if special.any():
        hard[np.searchsorted(ends, np.flatnonzero(special))] = True
    is_blank = ~np.logical_or.reduceat(content, starts) & ~hard
    cells = np.where(delimiter, np.uint8(SEPARATOR[0]), letters)[~drop]
    new_ends = np.flatnonzero(newline[~drop])
    marks = np.searchsorted(np.flatnonzero(delimiter[~drop]), new_ends)
    return Cleaned(cells, new_ends, np.diff(marks, prepend=0) + 1, is_blank, hard)


def _quotes(
    letters: np.ndarray, ends: np.ndarray, border: np.ndarray, separator: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The quotes of lines that have one at the beginning of a cell; their lines, and the letters before
    their blanks.

    In other lines a quote is a letter, such as the sign for an inch.
    """
    quotes = np.flatnonzero(letters == QUOTE)
    if not len(quotes):
        return quotes, quotes, quotes
    narrow = ((letters == BLANK) | (letters == TAB)) & (letters != separator)
    opens = quotes - 1
    if narrow.any():
        opens = np.where(quotes > 0, _previous(~narrow)[opens], -1)
    line = np.searchsorted(ends, quotes)
    quoted = np.zeros(len(ends), bool)
    quoted[line[(opens < 0) | border[opens]]] = True
    wanted = quoted[line]
    return (quotes, line, opens) if wanted.all() else (quotes[wanted], line[wanted], opens[wanted])


def _previous(wanted: np.ndarray) -> np.ndarray:
    """By place the nearest wanted one at or before it; -1: there is none."""
    return np.maximum.accumulate(np.where(wanted, np.arange(len(wanted), dtype=np.int32), np.int32(-1)))


def _next(wanted: np.ndarray) -> np.ndarray:
    """By place the nearest wanted one at or behind it; the last place is always wanted."""
    last = np.int32(len(wanted) - 1)
    places = np.where(wanted, np.arange(len(wanted), dtype=np.int32), last)
    return np.minimum.accumulate(places[::-1])[::-1]


def rows_for_copy(
    numbers: np.ndarray, raw: np.ndarray, raw_ends: np.ndarray, cells: np.ndarray, ends: np.ndarray
) -> bytes:
    """Lines as COPY takes them: number, original bytes, cells."""
    lengths = np.diff(ends, prepend=-1)
    head = np.concatenate((_digits(numbers), _constant(SEPARATOR + BEFORE_RAW, len(numbers))), axis=1)
    return _joined(head, raw, raw_ends, cells, lengths)


def misshapen_for_copy(
    numbers: np.ndarray, columns: np.ndarray, raw: np.ndarray, raw_ends: np.ndarray
) -> bytes:
    """Lines as COPY takes them: number, number of columns, original bytes."""
    head = np.concatenate(
        (
            _digits(numbers),
            _constant(SEPARATOR, len(numbers)),
            _digits(columns),
            _constant(SEPARATOR + BEFORE_RAW, len(numbers)),
        ),
        axis=1,
    )
    return _joined(head, raw, raw_ends, None, np.zeros(len(numbers), np.int64))


def _joined(
    head: np.ndarray, raw: np.ndarray, raw_ends: np.ndarray, tail: np.ndarray | None, lengths: np.ndarray
) -> bytes:
    """For each line its head, its bytes in hexadecimal digits and, behind SEPARATOR, its tail, if any."""
    widths = np.diff(raw_ends, prepend=-1) - 1
    parts = np.empty((len(raw_ends), 4), np.int64)
    parts[:, 0], parts[:, 1], parts[:, 2], parts[:, 3] = head.shape[1], 2 * widths, 1, lengths
    kinds = np.repeat(np.tile(np.arange(4, dtype=np.uint8), len(raw_ends)), parts.reshape(-1))
    out = np.full(len(kinds), NEWLINE if tail is None else SEPARATOR[0], np.uint8)
    out[kinds == 0] = head.reshape(-1)
    out[kinds == 1] = HEX[np.delete(raw, raw_ends)].view(np.uint8)
    if tail is not None:
        out[kinds == 3] = tail
    return out.tobytes()


def _digits(numbers: np.ndarray) -> np.ndarray:
    """Each number in ten digits, a row of letters each."""
    digits = np.empty(len(numbers), TEN_DIGITS)
    write_digits(numbers, digits)
    return digits.view(np.uint8).reshape(len(numbers), TEN_DIGITS.itemsize)


def write_digits(numbers: np.ndarray, places: np.ndarray) -> None:
    """Write each number in ten digits to its place, which has the fields of TEN_DIGITS."""
    high, places["low"] = _split(numbers.astype(np.uint32))
    high, places["middle"] = _split(high)
    places["high"] = TWO_DIGITS[high]


def _split(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The numbers without their last four digits, and these as letters."""
    high, low = np.divmod(numbers, np.uint32(10_000))
    return high, FOUR_DIGITS[low]


def _constant(text: bytes, times: int) -> np.ndarray:
    return np.broadcast_to(np.frombuffer(text, np.uint8), (times, len(text)))
