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
    """Units of an order that the shop has cancelled; told: the OMS knows."""

    quantity: int
    restocked: bool
    told: bool = False


@dataclass
class Order:
    """An order of one line, as the shop and as the OMS know it; shop None: of another channel."""

    sku: str
    quantity: int
    shop: str | None = None
    location: str | None = None
    placed: dict | None = None
    order_id: int | None = None
    stands_at: str = "_NA_"
    reserved_at: str | None = None
    shipped: bool = False
    fulfilled: bool = False
    fulfilled_told: bool = False
    cancellations: list[Cancellation] = field(default_factory=list)

    @property
    def taken_in(self) -> bool:
        return self.order_id is not None

    def cancelled(self, **told: bool) -> int:
        """Units cancelled; told=True: as far as the OMS knows."""
        return sum(one.quantity for one in self.cancellations if one.told or not told)

    def held_by_shop(self) -> int:
        """Units the shop holds committed."""
        return 0 if self.fulfilled or self.shop is None else self.quantity - self.cancelled()

    def held_as_told(self) -> int:
        """Units the shop holds committed as far as the OMS was told (K)."""
        if not self.taken_in or self.fulfilled_told or self.shop is None:
            return 0
        return self.quantity - self.cancelled(told=True)

    def acts_done(self) -> int:
        """What the order did to the available of its level."""
        if self.shop is None:
            return 0
        return -self.quantity + sum(one.quantity for one in self.cancellations if one.restocked)

    def acts_booked(self) -> int:
        """What the OMS has learned of that."""
        if not self.taken_in or self.shop is None:
            return 0
        return -self.quantity + sum(one.quantity for one in self.cancellations if one.restocked and one.told)

    def open_units(self) -> int:
        """Units the OMS still has to deliver."""
        return 0 if self.shipped or not self.taken_in else self.quantity - self.cancelled(told=True)

    def waiting(self) -> int:
        """Demand without a reservation."""
        return 0 if self.reserved_at else self.open_units()

    def all_told(self) -> bool:
        return self.taken_in and all(one.told for one in self.cancellations)


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
        self.changed: Counter[str] = Counter()
        self.resets: list[tuple[int, str, str, int]] = []
        self.first_available: Counter[Level] = Counter()
        self.by_hand: Counter[Level] = Counter()
        self.not_found: Counter[Level] = Counter()
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

    def of_level(self, level: Level) -> list[Order]:
        return [
            one
            for one in self.orders
            if (one.shop, one.location, one.sku) == (level.shop, level.location, level.sku)
        ]

    def not_taken_in(self, level: Level) -> int:
        return sum(one.acts_booked() - one.acts_done() for one in self.of_level(level))

    def everything_told(self, level: Level) -> bool:
        return all(one.all_told() for one in self.of_level(level))

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
