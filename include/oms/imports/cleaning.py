"""Records with quotes, blanks around cells or another number of columns, many at a time with numpy.

What a cell says is found without looking at one record after the other: the quotes and blanks around it are
left out, and delimiters and line ends inside quotes are none. A record is a line, or more of them.
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
IS_BLANK = np.isin(np.arange(256), [ord(blank) for blank in BLANKS if blank.isascii()])
IS_SPECIAL = np.isin(np.arange(256), [NEWLINE, RETURN, SEPARATOR[0], NO_QUOTE[0]])
"""Letters that COPY takes for something else, unless their cell is quoted."""
WIDE_BLANKS = [blank.encode() for blank in BLANKS if not blank.isascii()]
WIDE_BLANK = re.compile(b"|".join(WIDE_BLANKS))
HEX = np.frombuffer(b"".join(b"%02x" % byte for byte in range(256)), "u2")
TWO_DIGITS = np.frombuffer(b"".join(b"%02d" % number for number in range(100)), "u2")
FOUR_DIGITS = np.frombuffer(b"".join(b"%04d" % number for number in range(10_000)), "u4")
TEN_DIGITS = np.dtype([("high", "u2"), ("middle", "u4"), ("low", "u4")])
BEFORE_RAW = b"\\x"
"""How a value of bytea in hexadecimal digits begins."""
LINE_END = np.frombuffer(b"\r\n", "u2")[0]
HEAD, LONG_HEAD = (
    np.dtype([*TEN_DIGITS.descr, ("separator", "u1"), ("columns", digits), ("before", "V3")])
    for digits in ("u2", TEN_DIGITS)
)
"""Of lines with another number of columns than the header."""
TOGGLE, SECOND = 1, 2
"""What a quote does: it opens or closes a cell, or is the second of two that stand for one."""


@dataclass(frozen=True)
class Cleaned:
    """What became of records, in their order."""

    letters: np.ndarray
    """The records without what is no part of their cells, SEPARATOR between these; NO_QUOTE is around cells
    with a line end, and those with such letters."""
    ends: np.ndarray
    columns: np.ndarray
    blank: np.ndarray
    """Records of nothing but delimiters, quotes and blanks."""


def clean(letters: np.ndarray, ends: np.ndarray, separator: int, roles: np.ndarray) -> Cleaned:
    """Find the cells of records in UTF-8, each ending at one of `ends`; `roles`: of their quotes."""
    newline, delimiter, dropped = letters == NEWLINE, letters == separator, roles > 0
    content = ~(newline | delimiter | (letters == QUOTE))
    if dropped.any():
        outside = ~within_quotes(roles)
        delimiter &= outside
        newline &= outside
    border = newline | delimiter
    low = np.flatnonzero((letters <= BLANK) & ~border)
    blank = low[IS_BLANK[letters[low]]]
    if letters.max(initial=0) >= 0x80:
        wide = WIDE_BLANK.finditer(letters.tobytes())
        blank = np.append(blank, [place for found in wide for place in range(*found.span())]).astype(np.int64)
    if len(blank):
        content[blank] = False
        dropped[_around_cells(blank, dropped, border)] = True
    told = having(content, ends)
    kept = ~dropped
    cells = np.where(delimiter, np.uint8(SEPARATOR[0]), letters)[kept]
    after = np.cumsum(kept, dtype=np.int32)
    new_ends = after[ends] - 1
    odd = low[IS_SPECIAL[letters[low]]]
    odd = odd[kept[odd]]
    if len(odd):
        quoted = _to_quote(letters, odd, np.flatnonzero(border))
        places = np.sort(after[quoted] - kept[quoted])
        cells = np.insert(cells, places, NO_QUOTE[0])
        new_ends = new_ends + np.searchsorted(places, new_ends, side="right")
    return Cleaned(cells, new_ends, counted(delimiter, ends) + 1, ~told)


def counted(wanted: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """How many of these letters each line has."""
    return np.diff(np.cumsum(wanted, dtype=np.int32)[ends], prepend=np.int32(0))


def having(wanted: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Which lines have one of these letters."""
    return counted(wanted, ends) > 0


def within_quotes(roles: np.ndarray) -> np.ndarray:
    """By letter: whether it is behind a quote that opens a cell and before the one that closes it."""
    return np.cumsum(roles & TOGGLE, dtype=np.int32) & 1 != 0


def _around_cells(blank: np.ndarray, dropped: np.ndarray, border: np.ndarray) -> np.ndarray:
    """Blanks, and quotes between them, that have nothing of their cell before or behind them."""
    loose = dropped.copy()
    loose[blank] = True
    places = np.flatnonzero(loose)
    begins = np.flatnonzero(np.diff(places, prepend=-2) != 1)
    lengths = np.diff(begins, append=len(places))
    outer = border[places[begins] - 1] | border[places[begins + lengths - 1] + 1]
    return places[np.repeat(outer, lengths)]


def _to_quote(letters: np.ndarray, odd: np.ndarray, borders: np.ndarray) -> np.ndarray:
    """Before which letters COPY wants NO_QUOTE, so that it takes these odd ones for letters."""
    cells = np.searchsorted(borders, odd)
    cells = cells[np.diff(cells, prepend=-1) > 0]
    begins = np.where(cells > 0, borders[cells - 1] + 1, 0)
    return np.concatenate((begins, borders[cells], odd[letters[odd] == NO_QUOTE[0]]))


def roles_of_quotes(letters: np.ndarray, separator: int) -> np.ndarray:
    """What each quote of a text does that begins with a record, by letter; zero: it is a letter.

    A quote opens a cell only at its beginning, behind blanks at most. Inside, two stand for one, and one
    closes: what follows to the delimiter belongs to the cell, further quotes too.

    Between two borders (delimiters, line ends) the text either begins inside of an open cell or not, which
    the text before it decides. An even number of quotes in a row leaves that as it is, whatever it means.
    The first odd number closes an open cell. In text that begins a cell it opens one where it is the
    beginning, and the next odd number closes that.
    """
    roles = np.zeros(len(letters), np.uint8)
    quotes = np.flatnonzero(letters == QUOTE)
    if not len(quotes):
        return roles
    border = (letters == NEWLINE) | (letters == separator)
    if len(quotes) % 2 == 0 and border[quotes[::2] - 1].all() and border[quotes[1::2] + 1].all():
        roles[quotes] = TOGGLE  # by turns, each in its place
        return roles
    runs = np.flatnonzero(np.diff(quotes, prepend=-2) != 1)
    begin, length = quotes[runs], np.diff(runs, append=len(quotes))
    odd = (length & 1).astype(np.int32)
    first = np.diff(np.cumsum(border, dtype=np.int32)[begin], prepend=np.int32(-1)) != 0
    opens = first & _behind_border(letters, border, begin, separator)
    piece, leads = np.cumsum(first, dtype=np.int32) - 1, np.flatnonzero(first)
    total = np.cumsum(odd, dtype=np.int32)
    before = total - odd - (total - odd)[leads][piece]
    odds = np.add.reduceat(odd, leads)
    flips = opens[leads] & (odd[leads] == 1) & (odds == 1)
    flipped = np.cumsum(flips, dtype=np.int32)
    within = np.zeros(len(leads) + 1, np.int32)
    within[1:] = (flipped - np.maximum.accumulate(np.where((odds > 0) & ~flips, flipped, 0))) & 1
    inside = within[piece] == 1
    opened = (opens & (odd == 1))[leads][piece]
    opener = opens & ~inside
    active = np.where(inside, before == 0, opener | (opened & (before == 1)))
    inner = length - opener
    roles[begin[opener]] = TOGGLE
    roles[(begin + length - 1)[active & (inner & 1 == 1)]] = TOGGLE
    pairs = np.where(active, inner >> 1, 0)
    if pairs.any():
        nth = np.arange(pairs.sum()) - np.repeat(np.cumsum(pairs) - pairs, pairs)
        roles[np.repeat(begin + opener + 1, pairs) + 2 * nth] = SECOND
    return roles


def _behind_border(letters: np.ndarray, border: np.ndarray, places: np.ndarray, separator: int) -> np.ndarray:
    """Which places have only blanks between them and the beginning of a cell."""
    before = places - 1
    narrow = (letters[before] == BLANK) | ((letters[before] == TAB) & (separator != TAB))
    if narrow.any():
        blank = ((letters == BLANK) | (letters == TAB)) & ~border
        before[narrow] = _previous(~blank)[before[narrow]]
    return (before < 0) | border[before]


def _previous(wanted: np.ndarray) -> np.ndarray:
    """By place the nearest wanted one at or before it; -1: there is none."""
    return np.maximum.accumulate(np.where(wanted, np.arange(len(wanted), dtype=np.int32), np.int32(-1)))


def rows_for_copy(
    numbers: np.ndarray, raw: np.ndarray, raw_ends: np.ndarray, cells: np.ndarray, ends: np.ndarray
) -> bytes:
    """Records as COPY takes them: number, original bytes, cells."""
    head = np.concatenate((_digits(numbers), _constant(SEPARATOR + BEFORE_RAW, len(numbers))), axis=1)
    widths = np.diff(raw_ends, prepend=-1) - 1
    parts = np.empty((len(raw_ends), 4), np.int64)
    parts[:, 0], parts[:, 1], parts[:, 2] = head.shape[1], 2 * widths, 1
    parts[:, 3] = np.diff(ends, prepend=-1)
    kinds = np.repeat(np.tile(np.arange(4, dtype=np.uint8), len(raw_ends)), parts.reshape(-1))
    out = np.full(len(kinds), SEPARATOR[0], np.uint8)
    out[kinds == 0] = head.reshape(-1)
    out[kinds == 1] = HEX[np.delete(raw, raw_ends)].view(np.uint8)
    out[kinds == 3] = cells
    return out.tobytes()


def misshapen_for_copy(
    numbers: np.ndarray, columns: np.ndarray, raw: np.ndarray, raw_ends: np.ndarray
) -> bytes:
    """Records as COPY takes them: number, number of columns, original bytes.

    The heads, the hexadecimal digits and the line ends are made of pairs of letters, and put in their places
    as such.
    """
    few = columns.max() < len(TWO_DIGITS)
    heads = np.empty(len(numbers), HEAD if few else LONG_HEAD)
    write_digits(numbers, heads)
    if few:
        heads["columns"] = TWO_DIGITS[columns]
    else:
        write_digits(columns, heads["columns"])
    heads["separator"], heads["before"] = SEPARATOR[0], np.void(SEPARATOR + BEFORE_RAW)
    size, whole = heads.itemsize // 2, np.dtype(f"V{heads.itemsize}")
    steps = np.ones(len(raw), np.int32)
    steps[0], steps[raw_ends[:-1] + 1] = size, size + 1
    places = np.cumsum(steps, dtype=np.int32)
    out = np.empty(len(raw) + size * len(numbers), "u2")
    out[places] = HEX[raw]
    out[places[raw_ends]] = LINE_END
    begins = places[np.concatenate(([0], raw_ends[:-1] + 1))] - size
    np.ndarray((len(out) - size + 1,), whole, out, strides=(2,))[begins] = heads.view(whole)
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
