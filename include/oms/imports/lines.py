"""Sorts the lines of a CSV file: plain ones pass to COPY untouched, odd ones are cleaned.

A plain line has the right number of delimiters, no quotes, no blanks around its cells and only bytes that
need no decoding; whole blocks of them are recognised and numbered with numpy. So are the others
(`cleaning`). Line numbers are physical, the header is line 1; a record that spans several lines has the
number of its first. A line of nothing but delimiters, quotes and blanks is no row.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from oms.imports import cleaning
from oms.imports.cleaning import BLANKS, TEN_DIGITS, WIDE_BLANKS, write_digits
from oms.imports.errors import FileRefused
from oms.imports.prefilter_blocks import LONGEST_NAME, Prefilter

MAX_LINE_BYTES = 1 << 20
MOST_LINES = 2_000_000_000
"""Line numbers must fit into four bytes."""
PREFIX = np.dtype([*TEN_DIGITS.descr, ("separator", "u1")])
"""A line number in ten digits, and the separator."""
QUOTE, NEWLINE, RETURN, BLANK, TAB, MINUS, ZERO, NINE = b'"\n\r \t-09'
IS_NOTHING = cleaning.IS_BLANK
"""Letters of lines that are no rows; so are delimiters, and quotes that are closed."""
NO_LETTERS = np.dtype(f"V{PREFIX.itemsize}")
BLOCK = 1 << 18
END_OF_FILE = b"\x1a"
"""What old systems write behind the last line."""
TOO_FEW, TOO_MANY, UNCLOSED = "ERR_TOO_FEW_COLUMNS", "ERR_TOO_MANY_COLUMNS", "ERR_UNCLOSED_QUOTE"
ROW_COUNT = "ERR_ROW_COUNT"
ROW_COUNT_PATTERN = r"^ *[(]?[0-9]+ (rows?|records?|lignes?|filas?|Zeilen?)([ .)][^,;|]*)?$"
ROW_COUNT_MESSAGE = (
    "this is what a database client says of its result, not a row; have it leave that out (such as by "
    "SET NOCOUNT ON)"
)
_ROW_COUNT = re.compile(ROW_COUNT_PATTERN.encode())


@dataclass(frozen=True)
class OddLine:
    """A line that is no row of the header, and what is wrong with it."""

    number: int
    raw: bytes
    code: str
    message: str


@dataclass
class Sorted:
    """The lines of a block: `plain` is ready for COPY, with the line number as first column."""

    plain: bytes = b""
    cleaned: bytes = b""
    """As `cleaning.rows_for_copy` makes them."""
    misshapen: bytes = b""
    """As `cleaning.misshapen_for_copy` makes them."""
    odd: list[OddLine] = field(default_factory=list)
    rows: int = 0

    def add_odd(self, other: "Sorted") -> None:
        """Take over the lines of another block that are not plain."""
        self.cleaned += other.cleaned
        self.misshapen += other.misshapen
        self.odd += other.odd


class LineSorter:
    """Fed with the text after the header, in pieces of any size; blank lines are no rows."""

    def __init__(
        self,
        columns: int,
        delimiter: str,
        encoding: str,
        integer_column: int | None = None,
        prefilter: Prefilter | None = None,
        most_lines: int = MOST_LINES,
    ) -> None:
        """`integer_column`: position of a column that holds a whole number, or nothing, in plain lines.

        `prefilter`: plain lines that it takes are counted as rows and left out.
        """
        self._prefilter = prefilter
        self._columns = columns
        self._integer_column = integer_column
        self.delimiter = delimiter
        self._separator = ord(delimiter)
        self._encoding = encoding
        self._carry = b""
        self._next_line = 2
        self._most_lines = most_lines
        self.rows = 0
        self.misshapen = 0
        """Rows with another number of columns than the header, or an open quote."""
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
        ended = self._carry.endswith(END_OF_FILE)
        if not self._carry.strip(b" \t\r" + END_OF_FILE):
            self._carry = b""
        if self._carry and not self._carry.endswith(b"\n"):
            self.unterminated = not ended
            self._carry += b"\n"
        if self._carry:
            text, self._carry = self._carry, b""
            yield self._sort(text, final=True)

    def _sort(self, text: bytes, *, final: bool) -> Sorted:
        self._refuse_undecodable(text)
        if b"\r" in text and b'"' not in text:
            text = text.replace(b"\r\n", b"\n")
        letters = np.frombuffer(text, np.uint8)
        ends = np.flatnonzero(letters == NEWLINE)
        self._refuse_many(len(ends))
        starts = np.concatenate(([0], ends[:-1] + 1))
        self._refuse_long(int((ends - starts).max()), self._next_line + int((ends - starts).argmax()))
        done = Sorted()
        if b'"' not in text:
            self._sort_records(letters, starts, ends, np.arange(len(ends)), None, None, done)
        else:
            self._sort_quoted(text, letters, starts, ends, done, final=final)
        self.rows += done.rows
        return done

    def _sort_quoted(
        self,
        text: bytes,
        letters: np.ndarray,
        starts: np.ndarray,
        ends: np.ndarray,
        done: Sorted,
        *,
        final: bool,
    ) -> None:
        """Sort lines some of which go on in the next one; a record that is not complete yet is kept."""
        roles, inside, unclosed, used = self._find_records(letters, starts, ends, final=final)
        for first in unclosed:
            self._take_unclosed(first, text[starts[first] : ends[first]].removesuffix(b"\r"), done)
        if used < len(ends):
            size = int(starts[used])
            self._carry = text[size:] + self._carry
            letters, ends, inside = letters[:size], ends[:used], inside[:used]
            roles = None if roles is None else roles[:size]
        if not used:
            return
        starts = np.concatenate(([0], ends[:-1] + 1))
        whole = ~inside
        lines = np.flatnonzero(np.concatenate(([True], whole[:-1])))
        starts, ends = starts[lines], ends[whole]
        if b"\r" in text:
            kept = np.ones(len(letters), bool)
            before = ends - 1
            kept[before[(before >= starts) & (letters[before] == RETURN)]] = False
            letters, roles = letters[kept], None if roles is None else roles[kept]
            ends = np.cumsum(kept, dtype=np.int32)[ends].astype(np.int64) - 1
            starts = np.concatenate(([0], ends[:-1] + 1))
        alone = np.isin(lines, unclosed) if unclosed else None
        self._sort_records(letters, starts, ends, lines, roles, alone, done)
        self._next_line += used - len(lines)

    def _find_records(
        self, letters: np.ndarray, starts: np.ndarray, ends: np.ndarray, *, final: bool
    ) -> tuple[np.ndarray | None, np.ndarray, list[int], int]:
        """Where records end: the roles of quotes, which line ends are inside of quotes, which lines open a
        quote that is never closed, and how many lines are dealt with.

        No roles where the text is not in UTF-8. A line with an open quote is a record, and the next one
        begins another.
        """
        clear = self._in_utf_8(letters, ends, np.arange(len(ends)))[0]
        clear_ends = ends if clear is letters else np.flatnonzero(clear == NEWLINE)
        roles = cleaning.roles_of_quotes(clear, self._separator)
        inside = cleaning.within_quotes(roles)[clear_ends]
        unclosed: list[int] = []
        while (first := self._first_unclosed(starts, ends, inside)) is not None:
            if inside[first:].all() and not final and ends[-1] - starts[first] < MAX_LINE_BYTES:
                return roles if clear is letters else None, inside, unclosed, first
            unclosed.append(first)
            inside[first] = False
            begin, rest = int(clear_ends[first - 1]) + 1 if first else 0, int(clear_ends[first]) + 1
            roles[begin:rest] = 0
            roles[rest:] = cleaning.roles_of_quotes(clear[rest:], self._separator)
            inside[first + 1 :] = cleaning.within_quotes(roles[rest:])[clear_ends[first + 1 :] - rest]
        return roles if clear is letters else None, inside, unclosed, len(ends)

    @staticmethod
    def _first_unclosed(starts: np.ndarray, ends: np.ndarray, inside: np.ndarray) -> int | None:
        """The first line of the first record that does not end, or is too long for one."""
        if not inside.any():
            return None
        whole = np.flatnonzero(~inside)
        firsts = np.concatenate(([0], whole + 1))
        sizes = np.concatenate((ends[whole] - starts[firsts[:-1]], [0]))
        wrong = sizes > MAX_LINE_BYTES
        wrong[-1] = firsts[-1] < len(ends)
        return int(firsts[wrong.argmax()]) if wrong.any() else None

    def _take_unclosed(self, first: int, raw: bytes, done: Sorted) -> None:
        line = OddLine(
            self._next_line + first, raw, code=UNCLOSED, message='a quote (") is opened and never closed'
        )
        done.odd.append(line)
        done.rows += 1
        self.misshapen += 1
        self._note_row(line.number)
        self._note_problem(line)

    def _sort_records(
        self,
        letters: np.ndarray,
        starts: np.ndarray,
        ends: np.ndarray,
        lines: np.ndarray,
        roles: np.ndarray | None,
        done_with: np.ndarray | None,
        done: Sorted,
    ) -> None:
        """Sort records, each beginning on one of `lines` of the block, except those that are done with."""
        text = letters.tobytes()
        odd = self._find_odd(text, letters, starts, ends)
        empty = ~odd & (ends - starts == self._columns - 1)
        odd &= starts < ends
        empty |= starts == ends
        plain = ~(odd | empty)
        if done_with is not None:
            odd &= ~done_with
            plain &= ~done_with
        if odd.any():
            self._sort_odd(letters, starts, ends, lines, roles, odd, done)
        count = int(plain.sum())
        if count:
            numbers = self._next_line + lines[plain]
            self._note_row(int(numbers[-1]))
            if count < len(ends):
                letters, starts, ends = _picked(letters, starts, ends, plain)
            if self._prefilter is not None:
                staged = self._prefilter.differ(*self._cells(letters, starts, ends), numbers)
                letters, starts, ends = _picked(letters, starts, ends, staged)
                numbers = numbers[staged]
            if len(numbers):
                done.plain = numbered(letters, starts, numbers, self._separator)
        done.rows += count
        self._next_line += len(lines)

    def _note_row(self, number: int) -> None:
        self._last_row_line = max(self._last_row_line, number)

    def _note_problem(self, line: OddLine) -> None:
        if self.last_problem is None or self.last_problem.number < line.number:
            self.last_problem = line

    def _sort_odd(
        self,
        letters: np.ndarray,
        starts: np.ndarray,
        ends: np.ndarray,
        lines: np.ndarray,
        roles: np.ndarray | None,
        odd: np.ndarray,
        done: Sorted,
    ) -> None:
        """Sort the odd records into `done`."""
        says_nothing = IS_NOTHING.copy()
        says_nothing[self._separator] = True
        told = odd & cleaning.having(~says_nothing[letters], ends)
        if not told.any():
            return
        places = lines[told]
        if told.all():
            raw, raw_ends = letters, ends
        else:
            raw, _, raw_ends = _picked(letters, starts, ends, told)
            roles = None if roles is None else roles[np.repeat(told, ends - starts + 1)]
        clear, clear_ends = self._in_utf_8(raw, raw_ends, places)
        if clear is not raw or roles is None:
            roles = cleaning.roles_of_quotes(clear, self._separator)
        if clear is not raw:
            clear_ends = np.flatnonzero((clear == NEWLINE) & ~cleaning.within_quotes(roles))
        cleaned = cleaning.clean(clear, clear_ends, self._separator, roles)
        right = cleaned.columns == self._columns
        self._take_cleaned(raw, raw_ends, places, cleaned, ~cleaned.blank & right, done)
        self._take_misshapen(raw, raw_ends, places, cleaned.columns, ~cleaned.blank & ~right, done)

    def _in_utf_8(
        self, letters: np.ndarray, ends: np.ndarray, places: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The same lines in UTF-8."""
        if self._encoding == "utf-8" or letters.max() < 0x80:
            return letters, ends
        raw = letters.tobytes()
        try:
            text = raw.decode(self._encoding)
        except UnicodeDecodeError as error:
            number = self._next_line + int(places[np.searchsorted(ends, error.start)])
            raise self._undecodable(number, raw, error) from error
        letters = np.frombuffer(text.encode(), np.uint8)
        return letters, np.flatnonzero(letters == NEWLINE)

    def _take_cleaned(
        self,
        raw: np.ndarray,
        raw_ends: np.ndarray,
        places: np.ndarray,
        cleaned: cleaning.Cleaned,
        wanted: np.ndarray,
        done: Sorted,
    ) -> None:
        """Add the wanted lines to `done` as rows."""
        numbers = self._next_line + places[wanted]
        if not len(numbers):
            return
        self._note_row(int(numbers[-1]))
        if self._prefilter is not None:
            self._prefilter.pass_by(numbers)
        done.rows += len(numbers)
        done.cleaned = cleaning.rows_for_copy(
            numbers, *_lines(raw, raw_ends, wanted), *_lines(cleaned.letters, cleaned.ends, wanted)
        )

    def _take_misshapen(
        self,
        raw: np.ndarray,
        raw_ends: np.ndarray,
        places: np.ndarray,
        columns: np.ndarray,
        wanted: np.ndarray,
        done: Sorted,
    ) -> None:
        """Add the wanted lines to `done` as lines that do not fit the header."""
        numbers = self._next_line + places[wanted]
        if not len(numbers):
            return
        done.rows += len(numbers)
        self.misshapen += len(numbers)
        letters, ends = _lines(raw, raw_ends, wanted)
        done.misshapen = cleaning.misshapen_for_copy(numbers, columns[wanted], letters, ends)
        last = ends[-2] + 1 if len(ends) > 1 else 0
        line = self._misshapen(int(numbers[-1]), letters[last : ends[-1]].tobytes(), int(columns[wanted][-1]))
        self._note_row(line.number)
        self._note_problem(line)

    def _misshapen(self, number: int, raw: bytes, columns: int) -> OddLine:
        """A line with another number of columns than the header."""
        if columns < self._columns and _ROW_COUNT.match(raw):
            return OddLine(number, raw, code=ROW_COUNT, message=ROW_COUNT_MESSAGE)
        code = TOO_FEW if columns < self._columns else TOO_MANY
        return OddLine(
            number, raw, code=code, message=f"{columns} columns where the header has {self._columns}"
        )

    def _cells(
        self, letters: np.ndarray, starts: np.ndarray, ends: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Plain lines as a pre-filter wants them: room behind them, and the borders of their cells."""
        marks = np.flatnonzero(letters == self._separator).reshape(len(starts), self._columns - 1)
        borders = np.concatenate((starts[:, None] - 1, marks, ends[:, None]), axis=1)
        return np.concatenate((letters, np.zeros(LONGEST_NAME, np.uint8))), borders

    def _find_odd(self, text: bytes, letters: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        odd = self._wrong_shape(letters, starts, ends)
        for byte in (QUOTE, RETURN):
            if byte in text:
                odd |= cleaning.having(letters == byte, ends)
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
        """Mark lines of cells with blanks around them, which are trimmed."""
        border = (self.delimiter.encode(), b"\n")
        blanks = [blank.encode() for blank in BLANKS if blank.isascii() and blank.encode() not in border]
        blanks = [blank for blank in blanks if blank in text]
        if any(
            text.startswith(blank) or any(edge + blank in text or blank + edge in text for edge in border)
            for blank in blanks
        ):
            at_border = (letters == self._separator) | (letters == NEWLINE)
            blank = np.isin(letters, [ord(one) for one in blanks])
            after = np.concatenate(([True], at_border[:-1]))
            before = np.concatenate((at_border[1:], [True]))
            odd[np.searchsorted(ends, np.flatnonzero(blank & (after | before)))] = True
        if self._encoding == "utf-8" and not text.isascii() and any(one in text for one in WIDE_BLANKS):
            found = [match.start() for match in _wide_padding(self.delimiter).finditer(text)]
            odd[np.searchsorted(ends, np.array(found, np.int64))] = True

    def _refuse_many(self, lines: int) -> None:
        if self._next_line - 1 + lines > self._most_lines:
            raise FileRefused(
                "ERR_TOO_MANY_LINES",
                f"the file has more than maxLines = {self._most_lines} lines; split it, or raise the limit",
            )

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


@cache
def _wide_padding(delimiter: str) -> re.Pattern[bytes]:
    """A blank beyond ASCII at the beginning or the end of a cell."""
    blank = b"(?:" + b"|".join(WIDE_BLANKS) + b")"
    border = b"[\n" + re.escape(delimiter.encode()) + b"]"
    return re.compile(rb"(?:\A|(?<=" + border + b"))" + blank + b"|" + blank + b"(?=" + border + b")")


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
        (found[0] if found[1] is None else found[1].replace('""', '"') + (found[2] or "")).strip(BLANKS)
        or None
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
    write_digits(numbers, prefix)
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


def _lines(letters: np.ndarray, ends: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Only the wanted lines: their bytes, and where each ends."""
    if wanted.all():
        return letters, ends
    starts = np.concatenate(([0], ends[:-1] + 1))
    picked, _, picked_ends = _picked(letters, starts, ends, wanted)
    return picked, picked_ends


def _prefixes(letters: np.ndarray) -> np.ndarray:
    """The array seen as prefixes that begin at each of its places."""
    size = PREFIX.itemsize
    return np.ndarray((len(letters) - size + 1,), NO_LETTERS, letters, strides=(1,))
