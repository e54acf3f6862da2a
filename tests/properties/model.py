"""What an observer of both worlds knows: stock, orders, settings, and what every level should show.

Plain Python that shares nothing with the product: rules are read from the specification (inventory.md 2, 5.4,
5.5, 6.3, 6.5, 6.7), figures are computed from the observer's own records.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

RESET_REASON = "VAR_EXT_RESET"
WRITES_NOTHING = "NO_VARIANCE_LOG"
MEMBERS = ("WH", "S1")
STORES = {"Store": "S1"}


class Level(NamedTuple):
    """One number that a shop shows."""

    shop: str
    location: str
    sku: str


@dataclass
class Position:
    """Units of a product at a facility."""

    qoh: int = 0
    atp: int = 0


@dataclass
class Cancellation:
    """Units of an order that were cancelled; done: in the shop; told: the OMS knows.

    local: by the OMS alone, which does not tell the shop. kept: the OMS delivers them all the same.
    """

    quantity: int
    restocked: bool
    done: bool = True
    told: bool = False
    local: bool = False
    kept: bool = False
    location: str | None = None


@dataclass
class Order:
    """An order of one line, as the shop and as the OMS know it; shop None: of another channel.

    sold_at: where the shop took the units from. location, told_location: where it holds what is left of them,
    and where it does as far as the OMS has decided.
    """

    sku: str
    quantity: int
    shop: str | None = None
    sold_at: str | None = None
    placed: dict | None = None
    order_id: int | None = None
    stands_at: str = "_NA_"
    reserved_at: str | None = None
    shipped: bool = False
    fulfilling: bool = False
    fulfilled: bool = False
    fulfilled_told: bool = False
    cancellations: list[Cancellation] = field(default_factory=list)
    moved: list[tuple[str, str, int]] = field(default_factory=list)
    decided: list[tuple[str, str, int]] = field(default_factory=list)

    @property
    def taken_in(self) -> bool:
        return self.order_id is not None

    @property
    def location(self) -> str | None:
        return self.moved[-1][1] if self.moved else self.sold_at

    @property
    def told_location(self) -> str | None:
        return self.decided[-1][1] if self.decided else self.sold_at

    @property
    def is_on_its_way(self) -> bool:
        """A move or a cancellation was decided and the shop has not heard of it."""
        return self.location != self.told_location or any(not one.done for one in self.cancellations)

    def held_by_shop(self) -> int:
        """Units the shop holds committed."""
        if self.fulfilled or self.shop is None:
            return 0
        return self.quantity - sum(one.quantity for one in self.cancellations if one.done and not one.local)

    def held_as_told(self) -> int:
        """Units the shop holds committed as far as the OMS was told (K)."""
        if not self.taken_in or self.fulfilled_told or self.shop is None:
            return 0
        return self.quantity - sum(one.quantity for one in self.cancellations if one.told and not one.local)

    def acts_done(self, location: str) -> int:
        """What the order did to the available of a level."""
        if self.shop is None:
            return 0
        back = [one for one in self.cancellations if one.restocked and one.done and not one.local]
        return self._acts(location, back, self.moved)

    def acts_booked(self, location: str) -> int:
        """What the OMS has learned of that, or decided."""
        if not self.taken_in or self.shop is None:
            return 0
        back = [one for one in self.cancellations if one.restocked and one.told and not one.local]
        return self._acts(location, back, self.decided)

    def _acts(self, location: str, back: list[Cancellation], moves: list[tuple[str, str, int]]) -> int:
        total = -self.quantity if location == self.sold_at else 0
        total += sum(one.quantity for one in back if one.location == location)
        total += sum(units for source, _, units in moves if source == location)
        return total - sum(units for _, target, units in moves if target == location)

    def open_units(self) -> int:
        """Units the OMS still has to deliver."""
        if self.shipped or not self.taken_in:
            return 0
        return self.quantity - sum(one.quantity for one in self.cancellations if one.told and not one.kept)

    def cancellable(self) -> int:
        """Units that the OMS may still cancel by itself."""
        kept = sum(one.quantity for one in self.cancellations if one.kept)
        return min(self.open_units() - kept, self.held_by_shop(), self.held_as_told())

    def waiting(self) -> int:
        """Demand without a reservation."""
        return 0 if self.reserved_at else self.open_units()

    def all_told(self) -> bool:
        return self.taken_in and all(one.told for one in self.cancellations)


@dataclass
class TillSale:
    """Units sold and handed over at once; back, back_told: returned, and as far as the OMS knows."""

    shop: str
    location: str
    sku: str
    quantity: int
    placed: dict
    order_id: int | None = None
    back: int = 0
    back_told: int = 0

    def done(self) -> int:
        return self.back - self.quantity

    def booked(self) -> int:
        return self.back_told - self.quantity if self.order_id else 0


@dataclass(frozen=True)
class File:
    """A file as its sender meant it: rows are (sku, facility, quantity, reason), or a bad line as text."""

    kind: str
    rows: tuple[tuple[str, str, int, str] | str, ...]
    by_atp: bool = True

    def content(self) -> bytes:
        head = {
            "reset": "facilityId,idType,idValue,availableQty,resetByAtp",
            "variance": "facilityId,idType,idValue,availableDelta,varianceReasonId",
        }[self.kind]
        return "".join(f"{line}\n" for line in (head, *map(self._line, self.rows))).encode()

    def _line(self, row: tuple[str, str, int, str] | str) -> str:
        if isinstance(row, str):
            return row
        sku, facility, quantity, reason = row
        last = str(self.by_atp).lower() if self.kind == "reset" else reason
        return f"{facility},SKU,{sku},{quantity},{last}"

    def good(self) -> list[tuple[str, str, int, str]]:
        return [row for row in self.rows if not isinstance(row, str)]

    def bad(self) -> list[tuple[int, bytes]]:
        """Physical line numbers (header = 1) and bytes of the lines that must be rejected."""
        return [(n, row.encode()) for n, row in enumerate(self.rows, 2) if isinstance(row, str)]

    @property
    def is_refused(self) -> bool:
        """A file of changes whose last line is too short seems cut off: nothing of it is taken (INV-24)."""
        last = self.rows[-1]
        return self.kind == "variance" and isinstance(last, str) and last.count(",") < 4

    def facilities(self) -> set[str]:
        return {facility for _, facility, *_ in self.good()}


@dataclass(frozen=True)
class Seen:
    """What a plan knew: everything up to a moment, and which lines had left the book by then."""

    moment: int
    left: frozenset[int] = frozenset()


class Model:
    """The observer's records. Moments are numbers that grow with every event."""

    def __init__(self) -> None:
        self.moment = 0
        self.stock: defaultdict[tuple[str, str], Position] = defaultdict(Position)
        self.safety: Counter[tuple[str, str]] = Counter()
        self.threshold: Counter[str] = Counter()
        self.switched_off: set[tuple[str, str]] = set()
        self.orders: list[Order] = []
        self.till_sales: list[TillSale] = []
        self.changed: Counter[str] = Counter()
        self.resets: list[tuple[int, str, str, int]] = []
        self.first_available: Counter[Level] = Counter()
        self.by_hand: Counter[Level] = Counter()
        self.not_found: Counter[Level] = Counter()
        self.touched_by_hand: set[Level] = set()
        self.planned: dict[tuple[str, str], Seen] = {}
        self.compared: Counter[Level] = Counter()

    # events

    def touch(self, sku: str) -> None:
        """Something happened that may move what a product shows."""
        self.moment += 1
        self.changed[sku] = self.moment

    def move(self, sku: str, facility: str, *, qoh: int = 0, atp: int = 0) -> None:
        position = self.stock[sku, facility]
        position.qoh += qoh
        position.atp += atp
        if qoh or atp:
            self.touch(sku)

    def apply(self, file: File) -> Counter[str]:
        """Apply a file that is no repetition; return what becomes of its rows (inventory.md 5.4, 5.5)."""
        counts = Counter(total=len(file.rows), rejected=len(file.bad()))
        if file.kind == "variance":
            for sku, facility, quantity, reason in file.good():
                counts["unchanged" if quantity == 0 or reason == WRITES_NOTHING else "applied"] += 1
                if reason != WRITES_NOTHING:
                    qoh = self.stock[sku, facility].qoh
                    recorded = max(quantity, min(0, -qoh)) if quantity < 0 else quantity
                    self.move(sku, facility, qoh=recorded, atp=recorded)
                    if reason == RESET_REASON:
                        self.resets.append((self.moment, sku, facility, recorded))
            return counts
        last = {(sku, facility): quantity for sku, facility, quantity, _ in file.good()}
        counts["superseded"] = len(file.good()) - len(last)
        for (sku, facility), quantity in last.items():
            position = self.stock[sku, facility]
            diff = quantity - (position.atp if file.by_atp else position.qoh)
            counts["applied" if diff else "unchanged"] += 1
            self.move(sku, facility, qoh=diff, atp=diff)
            self.resets.append((self.moment, sku, facility, diff))
        return counts

    # what a level should show

    def of_shop(self, level: Level) -> list[Order]:
        return [one for one in self.orders if (one.shop, one.sku) == (level.shop, level.sku)]

    def at_tills(self, level: Level) -> list[TillSale]:
        return [one for one in self.till_sales if (one.shop, one.location, one.sku) == level]

    def acts_done(self, level: Level) -> int:
        """What the shop did to the available of a level, apart from our calls."""
        orders = sum(one.acts_done(level.location) for one in self.of_shop(level))
        return orders + sum(one.done() for one in self.at_tills(level))

    def acts_booked(self, level: Level) -> int:
        """What the OMS has learned of that, or decided."""
        orders = sum(one.acts_booked(level.location) for one in self.of_shop(level))
        return orders + sum(one.booked() for one in self.at_tills(level))

    def held_by_shop(self, level: Level) -> int:
        return sum(one.held_by_shop() for one in self.of_shop(level) if one.location == level.location)

    def held_as_told(self, level: Level) -> int:
        return sum(one.held_as_told() for one in self.of_shop(level) if one.told_location == level.location)

    def is_fulfilling(self, level: Level) -> bool:
        return any(one.fulfilling for one in self.of_shop(level) if one.told_location == level.location)

    def not_taken_in(self, level: Level) -> int:
        return self.acts_booked(level) - self.acts_done(level)

    def everything_told(self, level: Level) -> bool:
        orders = [one for one in self.of_shop(level) if level.location in (one.sold_at, one.location)]
        return all(one.all_told() and not one.is_on_its_way for one in orders) and all(
            one.done() == one.booked() for one in self.at_tills(level)
        )

    def held_back(self, level: Level) -> Counter[str]:
        """ATP by facility that mode DELTA leaves out until a comparison has seen it (inventory.md 6.5)."""
        held: Counter[str] = Counter()
        for moment, sku, facility, atp in self.resets:
            if sku == level.sku and moment > self.compared[level]:
                held[facility] += atp
        return held

    def desired(self, level: Level, held: Counter[str] | None = None) -> int:
        """The figure of a level (inventory.md 2.2, 2.4, 6.8), less what is held back."""
        held = held or Counter()
        if store := STORES.get(level.location):
            return self._of_store(level.sku, store, held[store])
        sku = level.sku
        places = [place for place in MEMBERS if (sku, place) not in self.switched_off]
        atp = {place: self.stock[sku, place].atp - held[place] for place in places}
        if sum(atp.values()) < 0:
            return 0
        sellable = sum(max(0, atp[place] - self.safety[sku, place]) for place in places)
        queue = sum(one.waiting() for one in self.orders if one.sku == sku)
        return max(0, sellable - self.threshold[sku] - queue)

    def _of_store(self, sku: str, store: str, held: int) -> int:
        if (sku, store) in self.switched_off:
            return 0
        standing = sum(one.waiting() for one in self.orders if one.sku == sku and one.stands_at == store)
        return max(0, self.stock[sku, store].atp - held - standing)
