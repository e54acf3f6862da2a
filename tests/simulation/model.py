"""What an observer of both worlds knows: stock, orders, settings, and what every level should show.

Plain Python that shares nothing with the product: rules are read from the specification (inventory.md 2, 5.4,
5.5, 5.12, 5.16, 5.17, 6.3, 6.5, 6.7, 6.8), figures are computed from the observer's own records.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import product
from typing import Any, NamedTuple

RESET_REASON = "VAR_EXT_RESET"
WRITES_NOTHING = "NO_VARIANCE_LOG"
SKUS = ("A", "B")
KIT = "K"
BOX = "X"
"""A kit of kits: what is in it are units of K and of A."""
KITS = (KIT, BOX)
FACILITIES = ("WH", "S1", "S2", "OUT")
MEMBERS = ("WH", "S1", "S2")
STORES = {"Store": "S1"}
DEPLETES_ON_PACK = "S1"
CHANNEL = "CONFIGURATION"


class Level(NamedTuple):
    """One number that a shop shows."""

    shop: str
    location: str
    sku: str


@dataclass
class Position:
    """Units of a product at a facility; counted: the latest moment of which a count was accepted.

    counted_by: the file that it came with; counted_before: what it was before.
    """

    qoh: int = 0
    atp: int = 0
    counted: int | None = None
    counted_by: Any = None
    counted_before: int | None = None


class Moment(NamedTuple):
    """A moment, on the clock of the observer and as it is written."""

    clock: int
    text: str


class Statement(NamedTuple):
    """How much there is was said, by a file or else; clock: when it was taken, or processed."""

    sku: str
    facility: str
    clock: int
    file: Any


class Movement(NamedTuple):
    """An entry of the ledger; clock: when it happened. file: the one that brought it."""

    number: int
    sku: str
    facility: str
    qoh: int
    atp: int
    clock: int
    reason: str | None
    file: Any
    takes_back: bool


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
    and where it does as far as the OMS has decided. parts: what one unit has reserved. shipment: the units
    are packed; has_left_shelf: they were issued when they were.
    """

    sku: str
    quantity: int
    shop: str | None = None
    sold_at: str | None = None
    placed: dict | None = None
    order_id: int | None = None
    stands_at: str = "_NA_"
    reserved_at: str | None = None
    parts: dict[str, int] = field(default_factory=dict)
    shipment: int | None = None
    has_left_shelf: bool = False
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

    def acts_on_hand_done(self, location: str) -> int:
        """What the order did to on_hand of a level: units leave it when they are delivered or lost."""
        done = [one for one in self.cancellations if one.done and not one.local]
        return self._left_on_hand(location, done, self.location if self.fulfilled else None)

    def acts_on_hand_booked(self, location: str) -> int:
        """What the OMS has learned of that, or will tell the shop of what has left the shelf."""
        told = [one for one in self.cancellations if one.told and not one.local]
        return self._left_on_hand(location, told, self.told_location if self.has_left_qoh else None)

    def _left_on_hand(self, location: str, gone: list[Cancellation], delivered_at: str | None) -> int:
        lost = sum(one.quantity for one in gone if not one.restocked and one.location == location)
        delivered = self.quantity - sum(one.quantity for one in gone)
        return -lost - (delivered if location == delivered_at else 0)

    @property
    def has_left_qoh(self) -> bool:
        return self.shipped or self.has_left_shelf

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


@dataclass
class Restock:
    """A shipment that is received, and pushed, at its time; items: units by SKU."""

    shipment_id: int
    facility: str
    items: dict[str, int]
    status: str = "PENDING"


@dataclass(frozen=True)
class Seen:
    """What a plan knew: everything up to a moment, and which lines had left the book by then."""

    moment: int
    left: frozenset[int] = frozenset()


class Model:
    """The observer's records. Moments are numbers that grow with every event."""

    def __init__(self, basis: str = "ATP") -> None:
        self.basis = basis
        self.moment = 0
        self.clock = 0
        self.stock: defaultdict[tuple[str, str], Position] = defaultdict(Position)
        self.history: list[Movement] = []
        self.statements: list[Statement] = []
        self.kits: dict[str, dict[str, int]] = {}
        self.settings: dict[tuple[str, str], tuple[int, bool | None]] = {}
        self.orders: list[Order] = []
        self.till_sales: list[TillSale] = []
        self.restocks: list[Restock] = []
        self.changed: Counter[str] = Counter()
        self.resets: list[tuple[int, str, str, int]] = []
        self.first_available: Counter[Level] = Counter()
        self.by_hand: Counter[Level] = Counter()
        self.not_found: Counter[Level] = Counter()
        self.touched_by_hand: set[Level] = set()
        self.planned: dict[tuple[str, str], Seen] = {}
        self.compared: Counter[Level] = Counter()

    # events

    def tick(self) -> int:
        """A moment later than all before."""
        self.clock += 1
        return self.clock

    def touch(self, sku: str) -> None:
        """Something happened that may move what a product shows, or what depends on it (kits)."""
        self.moment += 1
        inside = self.parts_of(sku)
        for one in {*inside, *(kit for kit in self.kits if self.parts_of(kit).keys() & inside.keys())}:
            self.changed[one] = self.moment

    def move(
        self,
        sku: str,
        facility: str,
        *,
        qoh: int = 0,
        atp: int = 0,
        clock: int | None = None,
        reason: str | None = None,
        file: Any = None,
        takes_back: bool = False,
    ) -> None:
        """An entry of the ledger; clock None: it happens now."""
        position = self.stock[sku, facility]
        position.qoh += qoh
        position.atp += atp
        clock = self.tick() if clock is None else clock
        number = len(self.history)
        self.history.append(Movement(number, sku, facility, qoh, atp, clock, reason, file, takes_back))
        if qoh or atp:
            self.touch(sku)
        if reason == RESET_REASON and (qoh or atp) and not takes_back:
            self.state(sku, facility, clock, file)
        if reason == RESET_REASON:
            self.resets.append((self.moment, sku, facility, atp))

    def state(self, sku: str, facility: str, clock: int, file: Any = None) -> None:
        """A balance without a moment of its own is taken when it is processed (inventory.md 6.8)."""
        self.statements.append(Statement(sku, facility, clock, file))

    def is_stale(self, sku: str, facility: str, moment: Moment, home: Any = None) -> bool:
        """Whether a count is older than what was last accepted; home: the file that has refused its line."""
        counted = self.stock[sku, facility].counted
        return (counted is not None and moment.clock < counted) or any(
            one.clock > moment.clock and not (one.file and (one.file is home or one.file.undone))
            for one in self.statements
            if one[:2] == (sku, facility)
        )

    def parts_of(self, sku: str) -> dict[str, int]:
        """What one unit of a product takes: itself and, of a kit, all that is in it."""
        parts = Counter({sku: 1})
        for part, units in self.kits.get(sku, {}).items():
            for inner, each in self.parts_of(part).items():
                parts[inner] += units * each
        return dict(parts)

    def goods_in(self, kit: str) -> dict[str, int]:
        """What one unit of a kit is made of in the end."""
        return {sku: units for sku, units in self.parts_of(kit).items() if sku not in self.kits}

    def move_order(self, order: Order, *, qoh: int = 0, atp: int = 0) -> None:
        """Move units of an order, with what each reserved, at the facility of its reservation."""
        for sku, units in order.parts.items():
            self.move(sku, order.reserved_at, qoh=qoh * units, atp=atp * units)

    def set(self, sku: str, facility: str, minimum: int, sells: bool | None) -> None:
        """What holds for a product at a facility from now on."""
        if self.settings.get((sku, facility)) != (minimum, sells):
            self.settings[sku, facility] = (minimum, sells)
            self.touch(sku)

    def balance_at(self, sku: str, facility: str, moment: Moment, by_atp: bool) -> int:
        """The balance of a position less what goods have done since a moment, not what was corrected."""
        later = [
            one
            for one in self.history
            if (one.sku, one.facility) == (sku, facility)
            and one.clock > moment.clock
            and one.reason != RESET_REASON
        ]
        position = self.stock[sku, facility]
        return (position.atp if by_atp else position.qoh) - sum(
            one.atp if by_atp else one.qoh for one in later
        )

    def adjust(
        self,
        sku: str,
        facility: str,
        units: int,
        reason: str,
        policy: str,
        at: Moment | None,
        file: Any = None,
    ) -> int | None:
        """A change of stock with a reason: units recorded, or None where the policy refuses it.

        What happened before the last count is in it already (inventory.md 6.8); see 5.5 for the policies.
        """
        if units == 0 or reason == WRITES_NOTHING:
            return 0
        position = self.stock[sku, facility]
        if at and position.counted is not None and at.clock <= position.counted:
            units = 0
        recorded = max(units, min(0, -position.qoh)) if units < 0 and policy != "allow" else units
        if policy == "reject" and recorded != units:
            return None
        clock = at.clock if at else None
        self.move(sku, facility, qoh=recorded, atp=recorded, reason=reason, clock=clock, file=file)
        return recorded

    def make_kits(self) -> None:
        """The balance of a kit follows what it is made of (inventory.md 2.5, 5.12)."""
        for kit, facility in product(self.kits, FACILITIES):
            goods = self.goods_in(kit).items()
            most = min(max(0, self.stock[sku, facility].atp) // units for sku, units in goods)
            units = most - self.stock[kit, facility].atp
            if units:
                self.move(kit, facility, qoh=units, atp=units, reason="VAR_INTEGR")

    # what a level should show

    def of_shop(self, level: Level) -> list[Order]:
        return [one for one in self.orders if (one.shop, one.sku) == (level.shop, level.sku)]

    def at_tills(self, level: Level) -> list[TillSale]:
        return [one for one in self.till_sales if (one.shop, one.location, one.sku) == level]

    def by_on_hand(self, level: Level) -> bool:
        """Whether a level shows QOH, and its figure in the shop is on_hand (inventory.md 6.3, INV-50)."""
        return self.basis == "QOH" and level.location in STORES

    def acts_done(self, level: Level) -> int:
        """What the shop did to the figure of a level, apart from our calls."""
        act = Order.acts_on_hand_done if self.by_on_hand(level) else Order.acts_done
        orders = sum(act(one, level.location) for one in self.of_shop(level))
        return orders + sum(one.done() for one in self.at_tills(level))

    def acts_booked(self, level: Level) -> int:
        """What the OMS has learned of that, or decided."""
        act = Order.acts_on_hand_booked if self.by_on_hand(level) else Order.acts_booked
        orders = sum(act(one, level.location) for one in self.of_shop(level))
        return orders + sum(one.booked() for one in self.at_tills(level))

    def held_by_shop(self, level: Level) -> int:
        """Units the shop holds beside the figure; on_hand has them in it."""
        if self.by_on_hand(level):
            return 0
        return sum(one.held_by_shop() for one in self.of_shop(level) if one.location == level.location)

    def held_as_told(self, level: Level) -> int:
        """Units beside the book as far as the OMS was told (K); of on_hand those that have left QOH."""
        orders = [one for one in self.of_shop(level) if one.told_location == level.location]
        if self.by_on_hand(level):
            orders = [one for one in orders if one.has_left_qoh]
        return sum(one.held_as_told() for one in orders)

    def one_sided(self, level: Level) -> int:
        """Units by which what a look sees falls short of what is known, though nobody did it by hand."""
        known = self.acts_booked(level) + self.held_as_told(level)
        return known - self.acts_done(level) - self.held_by_shop(level)

    def is_fulfilling(self, level: Level) -> bool:
        return any(one.fulfilling for one in self.of_shop(level) if one.told_location == level.location)

    def not_taken_in(self, level: Level) -> int:
        return self.acts_booked(level) - self.acts_done(level)

    def everything_told(self, level: Level) -> bool:
        orders = [one for one in self.of_shop(level) if level.location in (one.sold_at, one.location)]
        return all(one.all_told() and not one.is_on_its_way for one in orders) and all(
            one.done() == one.booked() for one in self.at_tills(level)
        )

    def held_back(self, level: Level) -> dict[str, Counter[str]]:
        """ATP by product and facility that mode DELTA leaves out until a comparison has seen it (6.5).

        Each product has its own comparison; a kit's figure depends on its components.
        """
        held: dict[str, Counter[str]] = {sku: Counter() for sku in self.parts_of(level.sku)}
        for moment, sku, facility, atp in self.resets:
            if sku in held and moment > self.compared[level._replace(sku=sku)]:
                held[sku][facility] += atp
        return held

    def minimum(self, sku: str, facility: str) -> int:
        return self.settings.get((sku, facility), (0, None))[0]

    def sells(self, sku: str, facility: str) -> bool:
        return self.settings.get((sku, facility), (0, None))[1] is not False

    def queue(self, sku: str, standing_at: str | None = None) -> int:
        """Demand for a product without a reservation, also through a kit; all, or what stands somewhere."""
        return sum(
            one.waiting() * self.parts_of(one.sku).get(sku, 0)
            for one in self.orders
            if standing_at in (None, one.stands_at)
        )

    def desired(self, level: Level, held: dict[str, Counter[str]] | None = None) -> int:
        """The figure of a level (inventory.md 2.2, 2.4, 2.5, 6.8), less what is held back of each product."""
        held = held or {}
        store = STORES.get(level.location)
        figure = self._of_store(level.sku, store, held) if store else self._online(level.sku, held)
        if level.sku not in self.kits or self.by_on_hand(level):
            return figure
        goods = self.goods_in(level.sku).items()
        return min(figure, *(self._free(sku, store, held) // units for sku, units in goods))

    def _left(self, sku: str, facility: str, held: dict[str, Counter[str]]) -> int:
        return self.stock[sku, facility].atp - held.get(sku, Counter())[facility]

    def _online(self, sku: str, held: dict[str, Counter[str]]) -> int:
        atp = {place: self._left(sku, place, held) for place in MEMBERS if self.sells(sku, place)}
        if sum(atp.values()) < 0 or not self.sells(sku, CHANNEL):
            return 0
        sellable = sum(max(0, units - self.minimum(sku, place)) for place, units in atp.items())
        return max(0, sellable - self.minimum(sku, CHANNEL) - self.queue(sku))

    def _of_store(self, sku: str, store: str, held: dict[str, Counter[str]]) -> int:
        if not self.sells(sku, store):
            return 0
        if self.basis == "QOH":
            return max(0, self.stock[sku, store].qoh - held.get(sku, Counter())[store])
        safety = self.minimum(sku, store) if self.basis == "COMPUTED_ATP" else 0
        return max(0, self._left(sku, store, held) - safety - self.queue(sku, store))

    def _free(self, sku: str, store: str | None, held: dict[str, Counter[str]]) -> int:
        """Units of a component that kits may be made of, everywhere or at a store."""
        if store:
            return self._of_part(self._left(sku, store, held), self.queue(sku, store))
        places = [place for place in MEMBERS if self.sells(sku, place)]
        return self._of_part(sum(max(0, self._left(sku, place, held)) for place in places), self.queue(sku))

    @staticmethod
    def _of_part(atp: int, queue: int) -> int:
        return max(0, atp - queue)
