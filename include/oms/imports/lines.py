"""Sorts the lines of a CSV file: plain ones pass to COPY untouched, odd ones through a CSV parser.

A plain line has the right number of delimiters, no quotes, no blanks around its cells and only bytes that
need no decoding; whole blocks of them are recognised and numbered with numpy. Line numbers are physical,
the header is line 1; a record that spans several lines has the number of its first.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from oms.imports.errors import FileRefused
from oms.imports.sieve import LONGEST_NAME, Sieve

MAX_LINE_BYTES = 1 << 20
PREFIX = np.dtype([("high", "u2"), ("middle", "u4"), ("low", "u4"), ("separator", "u1")])
"""A line number in ten digits, and the separator."""
NO_LETTERS = np.dtype(f"V{PREFIX.itemsize}")
TWO_DIGITS = np.frombuffer(b"".join(b"%02d" % number for number in range(100)), "u2")
FOUR_DIGITS = np.frombuffer(b"".join(b"%04d" % number for number in range(10_000)), "u4")
BLOCK = 1 << 18
QUOTE, NEWLINE, RETURN, BLANK, TAB, MINUS, ZERO, NINE = b'"\n\r \t-09'
TOO_FEW, TOO_MANY, UNCLOSED = "ERR_TOO_FEW_COLUMNS", "ERR_TOO_MANY_COLUMNS", "ERR_UNCLOSED_QUOTE"


@dataclass(frozen=True)
class OddLine:
    """A line that COPY cannot take as it is: its cells, or what is wrong with it."""

    number: int
    raw: bytes
    cells: list[str | None] | None = None
    code: str | None = None
    message: str | None = None


@dataclass
class Sorted:
    """The lines of a block: `plain` is ready for COPY, with the line number as first column."""

    plain: bytes = b""
    odd: list[OddLine] = field(default_factory=list)
    rows: int = 0


class LineSorter:
    """Fed with the text after the header, in pieces of any size; blank lines are no rows."""

    def __init__(
        self,
        columns: int,
        delimiter: str,
        encoding: str,
        integer_column: int | None = None,
        sieve: Sieve | None = None,
    ) -> None:
        """`integer_column`: position of a column that holds a whole number, or nothing, in plain lines.

        `sieve`: plain lines that it takes are counted as rows and left out.
        """
        self._sieve = sieve
        self._columns = columns
        self._integer_column = integer_column
        self.delimiter = delimiter
        self._separator = ord(delimiter)
        self._encoding = encoding
        self._carry = b""
        self._next_line = 2
        self.rows = 0
        self.unterminated = False
        """The file does not end with a line end."""
        self.last_problem: OddLine | None = None
        self._last_row_line = 0

    @property
    def cut_off(self) -> OddLine | None:
        """The last row, if the file seems to end in the middle of it (inventory.md 3.5)."""
        problem = self.last_problem
        if problem is None:
            return None
        ends_here = problem.number == self._last_row_line and problem.code == TOO_FEW
        return problem if ends_here or problem.code == UNCLOSED else None

    def feed(self, piece: bytes) -> Iterator[Sorted]:
        """Sort the lines that are complete by now, in blocks that fit the processor's cache."""
        for start in range(0, len(piece), BLOCK):
            yield self._feed(piece[start : start + BLOCK])

    def _feed(self, piece: bytes) -> Sorted:
        text = self._carry + piece
        end = text.rfind(b"\n") + 1
        self._carry = text[end:]
        if len(self._carry) > MAX_LINE_BYTES:
            self._refuse_long(len(self._carry), self._next_line + text.count(b"\n", 0, end))
        return self._sort(text[:end], final=False) if end else Sorted()

    def finish(self) -> Iterator[Sorted]:
        """Sort what is left at the end of the file."""
        if self._carry and not self._carry.endswith(b"\n"):
            self.unterminated = True
            self._carry += b"\n"
        while self._carry:
            text, self._carry = self._carry, b""
            yield self._sort(text, final=True)

    def _sort(self, text: bytes, *, final: bool) -> Sorted:
        self._refuse_undecodable(text)
        if b"\r" in text and b'"' not in text:
            text = text.replace(b"\r\n", b"\n")
        letters = np.frombuffer(text, np.uint8)
        ends = np.flatnonzero(letters == NEWLINE)
        starts = np.concatenate(([0], ends[:-1] + 1))
        self._refuse_long(int((ends - starts).max()), self._next_line + int((ends - starts).argmax()))
        odd = self._find_odd(text, letters, starts, ends)
        done = Sorted()
        if odd.any():
            used = self._parse_odd(text, starts, ends, odd, done, final=final)
            if used < len(ends):
                self._carry = text[starts[used] :] + self._carry
                text, starts, ends, odd = text[: starts[used]], starts[:used], ends[:used], odd[:used]
                letters = np.frombuffer(text, np.uint8)
        plain = ~odd
        count = int(plain.sum())
        if count:
            numbers = self._next_line + np.flatnonzero(plain)
            self._last_row_line = max(self._last_row_line, int(numbers[-1]))
            if count < len(ends):
                letters, starts, ends = _picked(letters, starts, ends, plain)
            if self._sieve is not None:
                staged = self._sieve.differ(*self._cells(letters, starts, ends), numbers)
                letters, starts, ends = _picked(letters, starts, ends, staged)
                numbers = numbers[staged]
            if len(numbers):
                done.plain = numbered(letters, starts, numbers, self._separator)
        if done.odd:
            self._last_row_line = max(self._last_row_line, done.odd[-1].number)
            if self._sieve is not None:
                self._sieve.pass_by([line.number for line in done.odd if line.cells])
        done.rows = count + len(done.odd)
        self.rows += done.rows
        self._next_line += len(odd)
        return done

    def _cells(
        self, letters: np.ndarray, starts: np.ndarray, ends: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Plain lines as a sieve wants them: room behind them, and the borders of their cells."""
        marks = np.flatnonzero(letters == self._separator).reshape(len(starts), self._columns - 1)
        borders = np.concatenate((starts[:, None] - 1, marks, ends[:, None]), axis=1)
        return np.concatenate((letters, np.zeros(LONGEST_NAME, np.uint8))), borders

    def _find_odd(self, text: bytes, letters: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        odd = self._wrong_shape(letters, starts, ends)
        special = [byte for byte in (QUOTE, RETURN) if byte in text]
        for byte in special:
            odd[np.searchsorted(ends, np.flatnonzero(letters == byte))] = True
        if self._encoding != "utf-8" and not text.isascii():
            odd[np.searchsorted(ends, np.flatnonzero(letters >= 0x80))] = True
        self._mark_padded(text, letters, ends, odd)
        return odd

    def _wrong_shape(self, letters: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Lines with another number of columns, or without a plain number where one belongs."""
        wanted = self._columns - 1
        marks = np.flatnonzero(letters == self._separator)
        if wanted and len(marks) == wanted * len(ends):
            table = marks.reshape(len(ends), wanted)
            if (table[:, 0] >= starts).all() and (table[:, -1] < ends).all():
                return self._no_integer(letters, table, starts, ends)
        first = np.searchsorted(marks, np.concatenate((starts, [len(letters)])))
        odd = (np.diff(first) != wanted) | (starts == ends)
        right = np.flatnonzero(~odd)
        table = marks[first[right, None] + np.arange(wanted)] if wanted else np.empty((len(right), 0), int)
        odd[right] = self._no_integer(letters, table, starts[right], ends[right])
        return odd

    def _no_integer(
        self, letters: np.ndarray, marks: np.ndarray, starts: np.ndarray, ends: np.ndarray
    ) -> np.ndarray:
        """Lines whose integer column is neither blank nor a number as Postgres writes it, up to 9 digits."""
        column = self._integer_column
        if column is None or not len(starts):
            return np.zeros(len(starts), bool)
        begin = starts if column == 0 else marks[:, column - 1] + 1
        end = ends if column == self._columns - 1 else marks[:, column]
        width = end - begin
        first = letters[begin]
        minus = (first == MINUS) & (width > 1)
        digits = width - minus
        leading = np.where(minus, letters[np.minimum(begin + 1, end)], first)
        plain = (digits <= 9) & ((leading != ZERO) | ((digits == 1) & ~minus))
        begin = begin + minus
        for place in range(min(int(digits.max()), 9)):
            letter = letters[np.minimum(begin + place, end)]
            plain &= (letter - ZERO <= 9) | (digits <= place)
        return ~(plain | (width == 0))

    def _mark_padded(self, text: bytes, letters: np.ndarray, ends: np.ndarray, odd: np.ndarray) -> None:
        """Cells with blanks around them are trimmed by the parser."""
        border = (self.delimiter.encode(), b"\n")
        blanks = [blank for blank in (b" ", b"\t") if blank not in border and blank in text]
        if not any(
            text.startswith(blank) or any(edge + blank in text or blank + edge in text for edge in border)
            for blank in blanks
        ):
            return
        at_border = (letters == self._separator) | (letters == NEWLINE)
        blank = np.isin(letters, [ord(one) for one in blanks])
        after = np.concatenate(([True], at_border[:-1]))
        before = np.concatenate((at_border[1:], [True]))
        odd[np.searchsorted(ends, np.flatnonzero(blank & (after | before)))] = True

    def _parse_odd(
        self, text: bytes, starts: np.ndarray, ends: np.ndarray, odd: np.ndarray, done: Sorted, *, final: bool
    ) -> int:
        """Parse the odd lines into `done`; return how many lines of the block are dealt with.

        Lines inside an open quote become part of its record, and are marked as odd.
        """
        after_record = 0
        for first in np.flatnonzero(odd):
            if first < after_record:
                continue
            last, closed = self._end_of_record(text, starts, ends, int(first))
            if not closed and not final and ends[-1] - starts[first] < MAX_LINE_BYTES:
                return int(first)
            if not closed:
                last = int(first)
            raw = text[starts[first] : ends[last]].removesuffix(b"\r")
            odd[first : last + 1] = True
            after_record = last + 1
            line = self._parse(self._next_line + int(first), raw, closed=closed)
            if line is not None:
                done.odd.append(line)
                if line.code:
                    self.last_problem = line
        return len(ends)

    def _end_of_record(
        self, text: bytes, starts: np.ndarray, ends: np.ndarray, first: int
    ) -> tuple[int, bool]:
        """The last line of the record that begins in `first`, and whether its quotes are closed there."""
        inside = False
        for last in range(first, len(ends)):
            inside = quote_is_open(text[starts[last] : ends[last]], self._separator, inside=inside)
            if not inside:
                return last, True
            if ends[last] - starts[first] > MAX_LINE_BYTES:
                return last, False
        return len(ends) - 1, False

    def _parse(self, number: int, raw: bytes, *, closed: bool) -> OddLine | None:
        if not raw.strip():
            return None
        if not closed:
            return OddLine(number, raw, code=UNCLOSED, message='a quote (") is opened and never closed')
        try:
            text = raw.decode(self._encoding)
        except UnicodeDecodeError as error:
            raise self._undecodable(number, raw, error) from error
        cells = values_of(text, self.delimiter)
        if len(cells) != self._columns:
            code = TOO_FEW if len(cells) < self._columns else TOO_MANY
            message = f"{len(cells)} columns where the header has {self._columns}"
            return OddLine(number, raw, code=code, message=message)
        return OddLine(number, raw, cells=cells)

    def _refuse_long(self, length: int, number: int) -> None:
        if length > MAX_LINE_BYTES:
            raise FileRefused(
                "ERR_LINE_TOO_LONG",
                f"line {number} is longer than {MAX_LINE_BYTES} bytes; is the line end of this file missing?",
            )

    def _refuse_undecodable(self, text: bytes) -> None:
        if (at := text.find(b"\0")) >= 0:
            number = self._next_line + text.count(b"\n", 0, at)
            raise FileRefused(
                "ERR_ENCODING",
                f"line {number} contains a NUL byte; the file is binary or UTF-16: save it as CSV in UTF-8",
            )
        if self._encoding != "utf-8" or text.isascii():
            return
        try:
            text.decode()
        except UnicodeDecodeError as error:
            number = self._next_line + text.count(b"\n", 0, error.start)
            raise self._undecodable(number, text, error) from error

    def _undecodable(self, number: int, raw: bytes, error: UnicodeDecodeError) -> FileRefused:
        return FileRefused(
            "ERR_ENCODING",
            f"line {number}: byte 0x{raw[error.start]:02x} is not {self._encoding}; send the file in UTF-8, "
            'or name its encoding, such as additionalParameters {"encoding": "cp932"}',
        )


def quote_is_open(line: bytes, separator: int, *, inside: bool) -> bool:
    """Whether a quoted cell is still open at the end of a physical line.

    A quote opens only at the beginning of a cell; inside, two quotes stand for one.
    """
    at = 0
    while True:
        if not inside:
            while at < len(line) and line[at] in (BLANK, TAB) and line[at] != separator:
                at += 1
            inside = at < len(line) and line[at] == QUOTE
            at += inside
        while inside:
            at = line.find(b'"', at)
            if at < 0:
                return True
            if line[at + 1 : at + 2] == b'"':
                at += 2
                continue
            at += 1
            inside = False
        at = line.find(separator, at) + 1
        if at == 0:
            return False


@cache
def _cell(delimiter: str) -> re.Pattern[str]:
    """A cell as it stands; of one that begins with a quote, what is inside and what follows the quotes."""
    blanks = "[" + " \t".replace(delimiter, "") + "]*"
    other = f"[^{re.escape(delimiter)}]*"
    return re.compile(rf'{blanks}"([^"]*+(?:""[^"]*+)*+)(?:"({other})|\Z)|{other}')


def _cells(record: str, delimiter: str) -> Iterator[re.Match[str]]:
    pattern, at = _cell(delimiter), 0
    while at <= len(record):
        found = pattern.match(record, at)
        assert found is not None
        yield found
        at = found.end() + 1


def cells_of(record: str, delimiter: str) -> list[str]:
    """The cells of a record as they stand, quotes and all: joined with the delimiter they are the record."""
    return [found[0] for found in _cells(record, delimiter)]


def values_of(record: str, delimiter: str) -> list[str | None]:
    """What the cells of a record say: without quotes and blanks around; None of a blank one."""
    return [
        (found[0] if found[1] is None else found[1].replace('""', '"') + (found[2] or "")).strip() or None
        for found in _cells(record, delimiter)
    ]


def without_cells(record: bytes, places: Collection[int], delimiter: str, encoding: str) -> bytes:
    """The record without the cells at these places; the others stay byte for byte."""
    rest, kept = record, []
    for place, cell in enumerate(cells_of(record.decode(encoding, "surrogateescape"), delimiter)):
        size = len(cell.encode(encoding, "surrogateescape"))
        if place not in places:
            kept.append(rest[:size])
        rest = rest[size + 1 :]
    return delimiter.encode().join(kept)


def numbered(letters: np.ndarray, starts: np.ndarray, numbers: np.ndarray, separator: int) -> bytes:
    """The lines, each with its number and the separator in front."""
    prefix = np.empty(len(starts), PREFIX)
    high, prefix["low"] = _split(numbers.astype(np.uint32))
    high, prefix["middle"] = _split(high)
    prefix["high"] = TWO_DIGITS[high]
    prefix["separator"] = separator
    at = starts + PREFIX.itemsize * np.arange(len(starts))
    out = np.empty(len(letters) + prefix.nbytes, np.uint8)
    free = np.ones(len(out), bool)
    _prefixes(free)[at] = np.zeros((), NO_LETTERS)
    out[free] = letters
    _prefixes(out)[at] = prefix.view(NO_LETTERS)
    return out.tobytes()


def _picked(
    letters: np.ndarray, starts: np.ndarray, ends: np.ndarray, wanted: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Only the wanted lines of a block: their bytes, and where each begins and ends."""
    lengths = (ends - starts + 1)[wanted]
    after = np.cumsum(lengths)
    if len(lengths) * 10 < len(starts):
        pieces = [letters[start : end + 1] for start, end in zip(starts[wanted], ends[wanted], strict=True)]
        picked = np.concatenate(pieces) if pieces else letters[:0]
    else:
        picked = letters[np.repeat(wanted, ends - starts + 1)]
    return picked, after - lengths, after - 1


def _split(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The numbers without their last four digits, and these as letters."""
    high, low = np.divmod(numbers, np.uint32(10_000))
    return high, FOUR_DIGITS[low]


def _prefixes(letters: np.ndarray) -> np.ndarray:
    """The array seen as prefixes that begin at each of its places."""
    size = PREFIX.itemsize
    return np.ndarray((len(letters) - size + 1,), NO_LETTERS, letters, strides=(1,))
