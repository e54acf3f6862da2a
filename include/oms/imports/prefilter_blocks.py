"""Compares the plain lines of a large file with the positions while they stream by, a block at a time.

A line that says what its position says already is noted and goes no further: storing, resolving and joining
millions of such rows is what makes a daily reset slow. Every line that differs, that names a position for
the second time, or whose names are not known here, is staged and judged like those of any other file.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

WORD = 8
LONGEST_NAME = 4 * WORD
"""Bytes of a name that is compared here; longer ones are looked up in the database."""
MASKS = np.array([(1 << 8 * width) - 1 for width in range(WORD + 1)], np.uint64)
FACTORS = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5], np.uint64
)
NOWHERE = np.iinfo(np.int32).min
"""The figure of a position that does not exist: no line agrees with it."""
MINUS, ZERO = b"-0"

Words = tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Cells:
    """One column of a block of lines: where each cell begins and ends in `letters`."""

    letters: np.ndarray
    """The bytes of the block, with at least LONGEST_NAME more behind them."""
    begins: np.ndarray
    ends: np.ndarray

    def words(self, count: int) -> Words:
        """The cells as `count` numbers each; a longer cell does not show its end."""
        view = np.ndarray((len(self.letters) - WORD + 1,), "<u8", self.letters, strides=(1,))
        widths = self.ends - self.begins
        return tuple(
            view[self.begins + at] & MASKS[np.clip(widths - at, 0, WORD)]
            for at in range(0, count * WORD, WORD)
        )

    def numbers(self) -> np.ndarray:
        """The whole numbers of cells that hold one of up to nine digits; 0 of a blank one."""
        minus = self.letters[self.begins] == MINUS
        begins = self.begins + minus
        digits = self.ends - begins
        found = np.zeros(len(begins), np.int32)
        for place in range(int(digits.max(initial=0))):
            found = np.where(digits > place, found * 10 + (self.letters[begins + place] - ZERO), found)
        return np.where(minus, -found, found)


class Names:
    """Numbers by name, looked up for many cells at a time: a hash table with open addressing."""

    def __init__(self, names: Iterable[tuple[str, int]]) -> None:
        """Names longer than LONGEST_NAME bytes, and blank ones, are left out."""
        known = [(name.encode(), number) for name, number in names]
        known = [(name, number) for name, number in known if 0 < len(name) <= LONGEST_NAME]
        longest = max((len(name) for name, _ in known), default=1)
        self._count = -(-longest // WORD)
        size = self._count * WORD
        text = b"".join(name.ljust(size, b"\0") for name, _ in known)
        table = np.frombuffer(text, "<u8").reshape(len(known), self._count)
        self._words: Words = tuple(np.ascontiguousarray(column) for column in table.T)
        self._numbers = np.array([number for _, number in known], np.int32)
        self._bits = max(4, (4 * len(known)).bit_length())
        self._slots = np.full(1 << self._bits, -1, np.int32)
        self._fill()

    def _fill(self) -> None:
        waiting = np.arange(len(self._numbers), dtype=np.int32)
        at = self._first_slot(self._words)
        while len(waiting):
            free = self._slots[at] < 0
            self._slots[at[free]] = waiting[free]
            left = self._slots[at] != waiting
            waiting, at = waiting[left], self._next_slot(at[left])

    def _first_slot(self, words: Words) -> np.ndarray:
        mixed = words[0] * FACTORS[0]
        for word, factor in zip(words[1:], FACTORS[1:], strict=False):
            mixed = (mixed ^ (mixed >> np.uint64(29))) + word * factor
        mixed = (mixed ^ (mixed >> np.uint64(32))) * FACTORS[0]
        return (mixed >> np.uint64(64 - self._bits)).astype(np.int64)

    def _next_slot(self, at: np.ndarray) -> np.ndarray:
        return (at + 1) & (len(self._slots) - 1)

    def find(self, cells: Cells) -> np.ndarray:
        """The number of each cell's name; -1: it is not known."""
        if not len(self._numbers):
            return np.full(len(cells.begins), -1, np.int32)
        words = cells.words(self._count)
        fits = cells.ends - cells.begins <= self._count * WORD
        if all((word == word[0]).all() for word in words) and fits.all():
            return np.broadcast_to(self._find(tuple(word[:1] for word in words)), len(fits))
        return np.where(fits, self._find(words), np.int32(-1))

    def _find(self, words: Words) -> np.ndarray:
        found = np.full(len(words[0]), -1, np.int32)
        waiting = np.arange(len(found))
        at = self._first_slot(words)
        while len(waiting):
            candidate = self._slots[at]
            same = candidate >= 0
            for own, word in zip(self._words, words, strict=True):
                same &= own[candidate] == word[waiting]
            found[waiting[same]] = self._numbers[candidate[same]]
            left = ~same & (candidate >= 0)
            waiting, at = waiting[left], self._next_slot(at[left])
        return found


class Prefilter:
    """The positions that a file may name, and what its lines have said of them so far."""

    def __init__(
        self, columns: dict[str, int], places: Names, types: Names, products: list[Names], figures: np.ndarray
    ) -> None:
        """
        columns: which column of a line is the `place`, the `product`, the `figure` and, if it has one, the
            `type` of the product's name.
        types: the kinds of names, as numbers into `products`; without the column all names are of kind 0.
        figures: units by number of place and of product, NOWHERE where there is no position.
        """
        self._columns, self._places, self._types, self._products = columns, places, types, products
        self.figures = figures
        self.lines = np.zeros(figures.shape, np.int32)
        """By position the line that agrees; the negative line if it was staged; 0: no line yet."""
        self.rows = 0
        """Lines left out."""
        self._again: list[np.ndarray] = []
        self._unknown: list[np.ndarray] = []

    @property
    def unknown(self) -> np.ndarray:
        """Lines that were staged because it is not known here which position they name."""
        return np.concatenate([np.empty(0, np.int64), *self._unknown])

    def pass_by(self, numbers: Sequence[int] | np.ndarray) -> None:
        """Lines that are staged without having been looked at here."""
        self._unknown.append(np.asarray(numbers, np.int64))

    def recall(self, positions: np.ndarray | None = None) -> np.ndarray:
        """Take back lines that were left out: of these positions, by default of those named again later.

        Returns a row for each: line, number of the place, of the product, units.
        """
        if positions is None:
            taken, self._again = np.concatenate([np.empty((0, 2), np.int64), *self._again]), []
            at, lines = taken.T
        else:
            at = np.unique(positions[self.lines.reshape(-1)[positions] > 0])
            lines = self.lines.reshape(-1)[at]
            self.lines.reshape(-1)[at] = -lines
            self.rows -= len(at)
        place, product = np.divmod(at, self.figures.shape[1])
        return np.stack((lines, place, product, self.figures.reshape(-1)[at]), axis=1)

    def differ(self, letters: np.ndarray, cells: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """Which lines of a block are to be staged; the others are noted.

        letters: the block, with LONGEST_NAME bytes behind it. cells: by line the place before each cell and
        the end of the line. numbers: of the lines.
        """
        place = self._places.find(self._column(letters, cells, "place"))
        product = self._find_products(letters, cells)
        known = (place >= 0) & (product >= 0)
        figure = self._column(letters, cells, "figure")
        at = np.where(known, place.astype(np.int64) * self.figures.shape[1] + product, 0)
        lines, figures = self.lines.reshape(-1), self.figures.reshape(-1)
        staged = ~known | (figure.begins == figure.ends) | (figures[at] != figure.numbers())
        before = np.where(known, lines[at], 0)
        lines[at[known]] = numbers[known]
        repeated = known & ((before != 0) | (lines[at] != numbers))
        if repeated.any():
            repeated |= known & np.isin(at, at[repeated])
            left_out = repeated & (before > 0)
            positions, first = np.unique(at[left_out], return_index=True)
            self._again.append(np.stack((positions, before[left_out][first]), axis=1).astype(np.int64))
            self.rows -= len(positions)
        staged |= repeated
        lines[at[known & staged]] = -numbers[known & staged]
        if not known.all():
            self._unknown.append(numbers[~known])
        self.rows += int(len(staged) - staged.sum())
        return staged

    def _column(self, letters: np.ndarray, cells: np.ndarray, name: str) -> Cells:
        place = self._columns[name]
        return Cells(letters, cells[:, place] + 1, cells[:, place + 1])

    def _find_products(self, letters: np.ndarray, cells: np.ndarray) -> np.ndarray:
        names = self._column(letters, cells, "product")
        if "type" not in self._columns:
            return self._products[0].find(names)
        kinds = self._types.find(self._column(letters, cells, "type"))
        blank = self._column(letters, cells, "type")
        kinds = np.where(blank.begins == blank.ends, 0, kinds)
        found = np.full(len(kinds), -1, np.int32)
        for kind in np.unique(kinds[kinds >= 0]):
            of_kind = kinds == kind
            part = Cells(letters, names.begins[of_kind], names.ends[of_kind])
            found[of_kind] = self._products[kind].find(part)
        return found
