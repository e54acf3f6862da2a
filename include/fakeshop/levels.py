"""Inventory levels in columns: a million of them fit into a few hundred megabytes."""

from array import array
from collections.abc import Iterator

# Order of the stored columns; on_hand is the sum of all but incoming (shopify.md 1.2).
STORED = ("available", "committed", "reserved", "damaged", "safety_stock", "quality_control", "incoming")
COLUMN = {name: number for number, name in enumerate(STORED)}
IN_HAND = 6


class LevelTable:
    """Quantities for each (location, item), addressed by a row number that never changes."""

    def __init__(self) -> None:
        self.rows: dict[int, dict[int, int]] = {}
        self.location = array("q")
        self.item = array("q")
        self.quantities = [array("q") for _ in STORED]
        self.active = bytearray()
        self.created = array("q")
        self.updated = array("q")
        self.inactive: dict[int, int] = {}  # location -> number of inactive levels
        self._sorted: dict[int, array] = {}

    def __len__(self) -> int:
        return len(self.item)

    def row(self, location: int, item: int) -> int | None:
        """Return the row of a level, active or not; None when it never existed."""
        rows = self.rows.get(location)
        return None if rows is None else rows.get(item)

    def add(
        self,
        location: int,
        item: int,
        quantities: tuple[int, ...],
        *,
        active: bool,
        created: int,
        updated: int,
    ) -> int:
        """Add a level that does not exist yet; ``quantities`` are in the order of STORED."""
        row = len(self.item)
        self.rows.setdefault(location, {})[item] = row
        self.location.append(location)
        self.item.append(item)
        for column, quantity in zip(self.quantities, quantities, strict=True):
            column.append(quantity)
        self.active.append(active)
        if not active:
            self.inactive[location] = self.inactive.get(location, 0) + 1
        self.created.append(created)
        self.updated.append(updated)
        self._sorted.pop(location, None)
        return row

    def get(self, row: int, name: str) -> int:
        """Return one quantity, on_hand included."""
        if name == "on_hand":
            return sum(column[row] for column in self.quantities[:IN_HAND])
        return self.quantities[COLUMN[name]][row]

    def all(self, row: int) -> dict[str, int]:
        """Return every quantity of a level by name."""
        stored = {name: column[row] for name, column in zip(STORED, self.quantities, strict=True)}
        return stored | {"on_hand": self.get(row, "on_hand")}

    def items_at(self, location: int) -> array:
        """Return the item ids of a location in order, inactive levels included."""
        found = self._sorted.get(location)
        if found is None:
            found = self._sorted[location] = array("q", sorted(self.rows.get(location, ())))
        return found

    def inactive_at(self, location: int) -> bool:
        """Say whether a location has any inactive level."""
        return self.inactive.get(location, 0) > 0

    def set_active(self, row: int, active: bool) -> None:
        """Activate or deactivate a level."""
        if bool(self.active[row]) != active:
            location = self.location[row]
            self.inactive[location] = self.inactive.get(location, 0) + (-1 if active else 1)
            self.active[row] = active

    def rows_of(self, item: int) -> Iterator[int]:
        """Yield the rows of an item, by location id."""
        for location in sorted(self.rows):
            row = self.rows[location].get(item)
            if row is not None:
                yield row
