"""The arithmetic of reconciling one line, as a model that can be run (docs/spec/orders-addendum.md E.2, E.3).

A line lies at two locations of ours and one that is not. `Shop` is what Shopify does to it, `Oms` what we
conclude from the state that we read, at any moment. No stock, no money, no restock flags, no pending acts.
"""

import random
from dataclasses import dataclass, field

OURS, FOREIGN = ("A", "B"), ("X",)
LOCATIONS = (*OURS, *FOREIGN)


class Violation(AssertionError):
    """The conclusion differs from what the shop shows."""


@dataclass
class Fulfilment:
    """Units that left a location; cancelled ones are not live."""

    location: str
    units: int
    live: bool = True


@dataclass
class Shop:
    """One line as Shopify keeps it: its quantity, what remains where, what was fulfilled from where."""

    quantity: int = 0
    remaining: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LOCATIONS, 0))
    fulfilments: list[Fulfilment] = field(default_factory=list)

    def add(self, units: int, location: str) -> None:
        self.quantity += units
        self.remaining[location] += units

    def remove(self, units: int, location: str) -> None:
        """Take units off by an edit or a cancellation; the line's quantity stays."""
        self.remaining[location] -= units

    def fulfil(self, units: int, location: str) -> None:
        self.remaining[location] -= units
        self.fulfilments.append(Fulfilment(location, units))

    def unfulfil(self, number: int, location: str) -> None:
        """Cancel a fulfilment; Shopify may route its units elsewhere."""
        self.fulfilments[number].live = False
        self.remaining[location] += self.fulfilments[number].units

    def move(self, units: int, location: str, target: str) -> None:
        self.remaining[location] -= units
        self.remaining[target] += units

    def fulfilled(self, locations: tuple[str, ...]) -> int:
        return sum(one.units for one in self.fulfilments if one.live and one.location in locations)

    def left(self, locations: tuple[str, ...]) -> int:
        return sum(self.remaining[location] for location in locations)


@dataclass
class Item:
    """One unit of the line as we keep it."""

    location: str | None
    state: str = "OPEN"
    fulfilment: int | None = None


@dataclass
class Oms:
    """Our items of the line, and the fulfilments we know with whether they were live."""

    items: list[Item] = field(default_factory=list)
    known: dict[int, bool] = field(default_factory=dict)

    def count(self, state: str, location: str | None = None) -> int:
        return sum(item.state == state and location in (None, item.location) for item in self.items)

    def open_at(self, location: str) -> Item:
        found = [item for item in self.items if item.state == "OPEN" and item.location == location]
        if not found:
            raise Violation(f"no open item at {location}")
        return found[0]

    def reconcile(self, shop: Shop, unfulfil_first: bool = True) -> None:
        """Bring the items to what the shop shows, in the sequence of E.3.

        `unfulfil_first=False` takes moves before cancelled fulfilments, which is wrong.
        """
        gone, cancelled_ids, new = self._differences(shop)
        away = max(0, -new)
        self._take_in(gone, max(0, new))
        if unfulfil_first:
            self._unfulfil(shop, cancelled_ids)
            self._move(gone)
        else:
            self._move(gone)
            self._unfulfil(shop, cancelled_ids)
        self._fulfil(shop)
        self._cancel(gone, away)
        self._check(shop)

    def _differences(self, shop: Shop) -> tuple[dict[str, int], list[int], int]:
        """Return gone(L), the fulfilments cancelled since, and the new units, as E.2 defines them."""
        cancelled = [n for n, live in self.known.items() if live and not shop.fulfilments[n].live]
        not_ours = shop.left(FOREIGN) + shop.fulfilled(FOREIGN)
        new = (shop.quantity - not_ours) - (len(self.items) - self.count("NOT_OURS"))
        gone = {}
        for location in OURS:
            unknown = sum(
                one.units
                for n, one in enumerate(shop.fulfilments)
                if one.live and one.location == location and n not in self.known
            )
            back = sum(
                item.fulfilment in cancelled and shop.fulfilments[item.fulfilment].location == location
                for item in self.items
            )
            gone[location] = self.count("OPEN", location) + back - unknown - shop.remaining[location]
        return gone, cancelled, new

    def _take_in(self, gone: dict[str, int], new: int) -> None:
        """Step 2: new units belong where units are missing; those beyond that are born cancelled."""
        for _ in range(new):
            location = next((one for one in OURS if gone[one] < 0), None)
            self.items.append(Item(location, "OPEN" if location else "CANCELLED"))
            if location:
                gone[location] += 1

    def _unfulfil(self, shop: Shop, cancelled: list[int]) -> None:
        """Step 3: units of a cancelled fulfilment are held again where it was."""
        for number in cancelled:
            for item in self.items:
                if item.fulfilment == number:
                    item.location = shop.fulfilments[number].location
                    item.state, item.fulfilment = "OPEN", None
            self.known[number] = False

    def _move(self, gone: dict[str, int]) -> None:
        """Step 4: what left one location and is missing at another was moved."""
        for target in OURS:
            while gone[target] < 0:
                source = next((one for one in OURS if gone[one] > 0), None)
                if source is None:
                    raise Violation(f"nothing to move to {target}: {gone}")
                self.open_at(source).location = target
                gone[source] -= 1
                gone[target] += 1

    def _fulfil(self, shop: Shop) -> None:
        """Step 5: fulfilments that are new to us."""
        for number, one in enumerate(shop.fulfilments):
            if number in self.known:
                continue
            self.known[number] = one.live
            if one.live and one.location in OURS:
                for _ in range(one.units):
                    item = self.open_at(one.location)
                    item.state, item.fulfilment = "DONE", number

    def _cancel(self, gone: dict[str, int], away: int) -> None:
        """Step 6: what left and found no pair was cancelled, or went to a location that is not ours."""
        if away > sum(units for units in gone.values() if units > 0):
            raise Violation(f"{away} units went away, but only {gone} are gone")
        for location in OURS:
            for _ in range(max(0, gone[location])):
                self.open_at(location).state = "NOT_OURS" if away else "CANCELLED"
                away -= bool(away)

    def _check(self, shop: Shop) -> None:
        ours = shop.quantity - shop.left(FOREIGN) - shop.fulfilled(FOREIGN)
        expected = {
            "held": {location: shop.remaining[location] for location in OURS},
            "done": shop.fulfilled(OURS),
            "items": ours,
            "cancelled": ours - shop.fulfilled(OURS) - shop.left(OURS),
        }
        found = {
            "held": {location: self.count("OPEN", location) for location in OURS},
            "done": self.count("DONE"),
            "items": len(self.items) - self.count("NOT_OURS"),
            "cancelled": self.count("CANCELLED"),
        }
        if found != expected:
            raise Violation(f"{found} instead of {expected}")


def step(shop: Shop, rnd: random.Random) -> str:
    """Let one thing happen in the shop; return what."""
    target, kind = rnd.choice("AABBX"), rnd.random()
    if kind < 0.25:
        shop.add(units := rnd.randint(1, 2), target)
        return f"add {units} {target}"
    stocked = [location for location in LOCATIONS if shop.remaining[location]]
    if kind < 0.80 and stocked:
        source = rnd.choice(stocked)
        units = rnd.randint(1, shop.remaining[source])
        if kind < 0.45:
            shop.remove(units, source)
            return f"remove {units} {source}"
        if kind < 0.65:
            shop.fulfil(units, source)
            return f"fulfil {units} {source}"
        shop.move(units, source, target)
        return f"move {units} {source} -> {target}"
    live = [number for number, one in enumerate(shop.fulfilments) if one.live]
    if live:
        shop.unfulfil(number := rnd.choice(live), target)
        return f"unfulfil {number} -> {target}"
    return "-"


def violation(seed: int, events: int, unfulfil_first: bool = True) -> str | None:
    """Play one history, reconciled at random moments, each time twice; return what is wrong, if anything."""
    rnd = random.Random(seed)
    shop, oms, log = Shop(), Oms(), []
    for _ in range(events):
        log.append(step(shop, rnd))
        if rnd.random() >= 0.4:
            continue
        log.append("|")
        try:
            oms.reconcile(shop, unfulfil_first)
            before = [Item(**vars(item)) for item in oms.items]
            oms.reconcile(shop, unfulfil_first)
        except Violation as wrong:
            return f"seed {seed}: {wrong} after {log}"
        if before != oms.items:
            return f"seed {seed}: the second reconciliation changed something after {log}"
    return None
