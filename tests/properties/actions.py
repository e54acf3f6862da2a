"""What people, shops, files and jobs may do in a play, and how to draw it.

Orders and files are named by number, modulo how many there are; an action that makes no sense where it
stands does nothing.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from oms.crashpoints import POINTS
from oms.sync.options import Mode
from tests.properties.model import RESET_REASON, WRITES_NOTHING, File

if TYPE_CHECKING:
    from tests.properties.play import Play

SKUS = ("A", "B")
LATEST = -1
FACILITIES = ("WH", "S1", "OUT")
FAULTS = {
    "answer lost": {"kind": "lost_answer"},
    "connection reset": {"kind": "reset"},
    "throttled": {"kind": "throttle"},
    "429": {"kind": "status", "code": 429, "retry_after": 0},
    "503 before": {"kind": "status", "code": 503},
    "503 after": {"kind": "status", "code": 503, "phase": "after"},
    "internal error before": {"kind": "internal_error"},
    "internal error after": {"kind": "internal_error", "phase": "after"},
    "attempt failed": {"kind": "attempt_failed"},
}


@dataclass(frozen=True)
class Fault:
    """Something goes wrong with an operation at the shop; stubborn: for as long as the run tries."""

    name: str
    stubborn: bool = False
    skip: int = 0
    operation: str = "AdjustInventory"

    def values(self) -> dict:
        count = None if self.stubborn else 1
        return FAULTS[self.name] | {"count": count, "skip": self.skip, "operation": self.operation}


@dataclass(frozen=True)
class Action:
    """Something that happens; `do` lets it happen in both worlds and in the observer's records."""

    def do(self, play: "Play") -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class Place(Action):
    """A customer buys units at a shop."""

    sku: str
    quantity: int
    location: str = "Main"
    shop: str = "demo"

    def do(self, play: "Play") -> None:
        play.place(self.shop, self.location, self.sku, self.quantity)


@dataclass(frozen=True)
class TakeIn(Action):
    """The OMS learns of an order; it stands at the queue or, to be picked up, at the store."""

    order: int
    stands_at: str = "_NA_"

    def do(self, play: "Play") -> None:
        play.take_in(self.order, self.stands_at)


@dataclass(frozen=True)
class OtherChannel(Action):
    """An order that no shop knows of."""

    sku: str
    quantity: int

    def do(self, play: "Play") -> None:
        play.other_channel(self.sku, self.quantity)


@dataclass(frozen=True)
class Reserve(Action):
    """An order is brokered to a facility, or taken from it if it is there already."""

    order: int
    facility: str = "WH"

    def do(self, play: "Play") -> None:
        play.reserve(self.order, self.facility)


@dataclass(frozen=True)
class Cancel(Action):
    """Units of an order are cancelled in its shop (of another channel: in the OMS)."""

    order: int
    quantity: int
    restocked: bool

    def do(self, play: "Play") -> None:
        play.cancel(self.order, self.quantity, self.restocked)


@dataclass(frozen=True)
class CancelHere(Action):
    """The OMS cancels units of an order of a shop; upload: the shop is to hear of it."""

    order: int
    quantity: int
    upload: bool

    def do(self, play: "Play") -> None:
        play.cancel_here(self.order, self.quantity, self.upload)


@dataclass(frozen=True)
class HoldAt(Action):
    """The OMS decides that a shop is to hold an order at another location."""

    order: int
    location: str

    def do(self, play: "Play") -> None:
        play.hold_at(self.order, self.location)


@dataclass(frozen=True)
class Upload(Action):
    """The shop hears what the OMS has decided of an order, or never will."""

    order: int
    given_up: bool = False

    def do(self, play: "Play") -> None:
        play.upload(self.order, self.given_up)


@dataclass(frozen=True)
class Keep(Action):
    """The OMS learns of cancellations too late: the units are packed (INV-41)."""

    order: int

    def do(self, play: "Play") -> None:
        play.keep(self.order)


@dataclass(frozen=True)
class SellAtTill(Action):
    """Units are sold at a till of a shop and handed over."""

    sku: str
    quantity: int
    location: str = "Main"
    shop: str = "demo"

    def do(self, play: "Play") -> None:
        play.sell_at_till(self.shop, self.location, self.sku, self.quantity)


@dataclass(frozen=True)
class ReturnToTill(Action):
    """A unit sold at a till comes back and is put on sale again by the shop."""

    sale: int

    def do(self, play: "Play") -> None:
        play.return_to_till(self.sale)


@dataclass(frozen=True)
class TakeInTillSale(Action):
    """The OMS learns of a sale at a till and of what came back."""

    sale: int

    def do(self, play: "Play") -> None:
        play.take_in_till_sale(self.sale)


@dataclass(frozen=True)
class ImportOrders(Action):
    """All imports of orders of a shop run once: a drift seen before may be acted on."""

    shop: str = "demo"

    def do(self, play: "Play") -> None:
        play.import_orders(self.shop)


@dataclass(frozen=True)
class Tell(Action):
    """The OMS learns what happened to an order in its shop."""

    order: int

    def do(self, play: "Play") -> None:
        play.tell(self.order)


@dataclass(frozen=True)
class Ship(Action):
    """A reserved order leaves its facility; at the second call the shop hears of it, from us or not."""

    order: int
    ours: bool = False

    def do(self, play: "Play") -> None:
        play.ship(self.order, self.ours)


@dataclass(frozen=True)
class ByHand(Action):
    """Somebody changes a figure in the shop."""

    sku: str
    delta: int
    location: str = "Main"

    def do(self, play: "Play") -> None:
        play.by_hand(self.sku, self.delta, self.location)


@dataclass(frozen=True)
class Setting(Action):
    """Safety stock (facility) or threshold (CONFIGURATION) of a product; sells=False: not from there."""

    sku: str
    facility: str
    minimum: int
    sells: bool = True

    def do(self, play: "Play") -> None:
        play.setting(self.sku, self.facility, self.minimum, self.sells)


@dataclass(frozen=True)
class Drop(Action):
    """A file arrives, and the job runs unless it is held up; crash_at: where the run dies."""

    file: File
    crash_at: str | None = None
    run: bool = True

    def do(self, play: "Play") -> None:
        play.drop(self.file)
        if self.run:
            play.run_import(self.file.kind, self.crash_at)


@dataclass(frozen=True)
class DropAgain(Action):
    """The same bytes arrive again, under the same or another name."""

    file: int
    same_name: bool
    crash_at: str | None = None

    def do(self, play: "Play") -> None:
        play.drop_again(self.file, self.same_name, self.crash_at)


@dataclass(frozen=True)
class RunImport(Action):
    """An import job runs, with or without anything to do."""

    kind: Literal["reset", "variance"]
    crash_at: str | None = None

    def do(self, play: "Play") -> None:
        play.run_import(self.kind, self.crash_at)


@dataclass(frozen=True)
class LoseStaging(Action):
    """The database crashes: unlogged tables are empty afterwards."""

    def do(self, play: "Play") -> None:
        play.lose_staging()


@dataclass(frozen=True)
class Push(Action):
    """A push job runs. at: where the run dies, or `then` happens meanwhile. again: it is run once more."""

    mode: Mode
    shop: str = "demo"
    run_type: str = "manual"
    limit: int = 250
    fault: Fault | None = None
    at: str | None = None
    then: Action | None = None
    again: bool = False
    bulk: bool = False

    def do(self, play: "Play") -> None:
        play.push(self)


@dataclass(frozen=True)
class SideBySide(Action):
    """Two push jobs run at once."""

    one: Push
    other: Push

    def do(self, play: "Play") -> None:
        play.push_side_by_side(self.one, self.other)


@dataclass(frozen=True)
class Age(Action):
    """More than a day passes before anybody comes back to unanswered calls: their keys tell nothing now."""

    def do(self, play: "Play") -> None:
        play.age()


def happenings(shops: tuple[str, ...]) -> SearchStrategy[list[Action]]:
    """Draw what happens in a play with these shops: single actions and stories of what goes together."""
    single = st.one_of(events(shops), files(), pushes(shops), pushes(shops)).map(lambda one: [one])
    stories = st.one_of(lives(shops), lives(shops), troubles(), counts(), looks(shops))
    parts = st.lists(st.one_of(single, single, stories), min_size=2, max_size=8)
    return parts.map(lambda lists: [one for part in lists for one in part])


@st.composite
def lives(draw: st.DrawFn, shops: tuple[str, ...]) -> list[Action]:
    """Draw the life of an order, or a part of it, with pushes in between."""
    few = st.integers(1, 4)
    places = st.builds(
        Place,
        st.sampled_from(SKUS),
        few,
        st.sampled_from(("Main", "Main", "Store")),
        st.sampled_from(shops),
    )
    steps = [
        draw(places),
        TakeIn(LATEST, draw(st.sampled_from(("_NA_", "_NA_", "S1")))),
        Reserve(LATEST, draw(st.sampled_from(("WH", "S1")))),
        HoldAt(LATEST, draw(st.sampled_from(("Main", "Store", "Store")))),
        Upload(LATEST, draw(st.booleans())),
        Cancel(LATEST, draw(few), draw(st.booleans())),
        draw(st.sampled_from((Keep(LATEST), Tell(LATEST)))),
        CancelHere(LATEST, draw(few), draw(st.booleans())),
        Upload(LATEST, draw(st.booleans())),
        Ship(LATEST),
        Tell(LATEST),
        Ship(LATEST, draw(st.booleans())),
        Tell(LATEST),
    ]
    life: list[Action] = [steps.pop(0)]
    for step in steps:
        if draw(st.sampled_from((True, True, False))):
            life.append(step)
        if draw(st.sampled_from((True, False, False))):
            life.append(draw(pushes(shops)))
    return life


@st.composite
def troubles(draw: st.DrawFn) -> list[Action]:
    """Draw a change whose lines meet one trouble after the other before a calm run comes by."""
    sku = draw(st.sampled_from(SKUS))
    change = st.one_of(
        st.builds(Setting, st.just(sku), st.sampled_from(("WH", "CONFIGURATION")), st.integers(0, 6)),
        st.builds(OtherChannel, st.just(sku), st.integers(1, 4)),
        st.builds(ByHand, st.just(sku), st.sampled_from((-2, 2))),
    )
    mode = st.sampled_from(("RECENT", "DELTA", "HARD"))
    fault = st.builds(Fault, st.sampled_from(("throttled", "answer lost", "503 after", "429")), st.just(True))
    at = st.sampled_from(("push.marked_sent", "push.answered", "plan.stored", "plan.superseded"))
    bulk = st.builds(Push, mode, limit=st.just(1), at=st.sampled_from(points("push.")), bulk=st.just(True))
    troubled = st.one_of(st.builds(Push, mode, fault=fault), st.builds(Push, mode, at=at), bulk)
    story = [draw(change), *draw(st.lists(troubled, min_size=1, max_size=3))]
    if draw(st.booleans()):
        story.append(Age())
    return [*story, Push(draw(mode)), Push("DELTA")]


@st.composite
def looks(draw: st.DrawFn, shops: tuple[str, ...]) -> list[Action]:
    """Draw what two looks see: a change by hand or one that the OMS learns of, or both."""
    sku, shop = draw(st.sampled_from(SKUS)), draw(st.sampled_from(shops))
    size = draw(st.integers(1, 2))
    seen = st.one_of(
        st.builds(ByHand, st.just(sku), st.sampled_from((-size, size))),
        st.just(SellAtTill(sku, size, shop=shop)),
        st.just(ReturnToTill(LATEST)),
        st.builds(Cancel, st.just(LATEST), st.just(size), st.just(False)),
        st.builds(Ship, st.just(LATEST), st.booleans()),
        st.just(TakeInTillSale(LATEST)),
    )
    learns = st.sampled_from((ImportOrders(shop), ImportOrders(shop), Tell(LATEST), TakeInTillSale(LATEST)))
    look = st.builds(Push, st.sampled_from(("HARD", "HARD", "RECENT")), st.just(shop))
    story: list[Action] = [SellAtTill(sku, size, shop=shop)] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(2, 3))):
        story += [*draw(st.lists(seen, max_size=2)), draw(look), *draw(st.lists(learns, max_size=2))]
    return [*story, draw(look)]


@st.composite
def counts(draw: st.DrawFn) -> list[Action]:
    """Draw a count of a position and what its store reports afterwards, pushed or not, told twice or not."""
    sku, facility = draw(st.sampled_from(SKUS)), draw(st.sampled_from(("WH", "S1")))
    counted = (sku, facility, draw(st.integers(-4, 8)), RESET_REASON)
    moved = (sku, facility, draw(st.integers(-5, 5)), "VAR_DAMAGED")
    story: list[Action] = [Drop(File("reset", (counted,), draw(st.booleans())))]
    if draw(st.booleans()):
        story.append(Push("DELTA"))
    story.append(Drop(File("variance", (moved, moved))))
    if draw(st.booleans()):
        story.append(DropAgain(LATEST, draw(st.booleans())))
    return [*story, Push(draw(st.sampled_from(("RECENT", "DELTA", "HARD"))))]


def events(shops: tuple[str, ...]) -> SearchStrategy[Action]:
    """Draw something that is no job."""
    sku, number, few = st.sampled_from(SKUS), st.integers(0, 5), st.integers(1, 4)
    location, shop = st.sampled_from(("Main", "Store")), st.sampled_from(shops)
    return st.one_of(
        st.builds(Place, sku, few, location, shop),
        st.builds(Place, sku, few, location, shop),
        st.builds(TakeIn, number, st.sampled_from(("_NA_", "_NA_", "S1"))),
        st.builds(TakeIn, number, st.sampled_from(("_NA_", "_NA_", "S1"))),
        st.builds(OtherChannel, sku, few),
        st.builds(Reserve, number, st.sampled_from(("WH", "S1"))),
        st.builds(Cancel, number, few, st.booleans()),
        st.builds(Tell, number),
        st.builds(Keep, number),
        st.builds(CancelHere, number, few, st.booleans()),
        st.builds(HoldAt, number, location),
        st.builds(Upload, number, st.booleans()),
        st.builds(SellAtTill, sku, few, location, shop),
        st.builds(ReturnToTill, number),
        st.builds(TakeInTillSale, number),
        st.builds(ImportOrders, shop),
        st.builds(Ship, number, st.booleans()),
        st.builds(ByHand, sku, st.integers(-3, 3).filter(bool), location),
        st.builds(
            Setting, sku, st.sampled_from(("WH", "S1", "CONFIGURATION")), st.integers(0, 6), st.just(True)
        ),
        st.builds(Setting, sku, st.sampled_from(("WH", "S1")), st.integers(0, 3), st.booleans()),
    )


BAD_LINES = (
    "WH,SKU,NOPE,5,",
    "MARS,SKU,A,5,",
    "WH,SKU,A,,",
    "WH,SKU,B,3.5,",
    "_NA_,SKU,A,5,",
    'WH,SKU,"A",5',
    "WH,SKU,A,5,,,",
)


def a_file() -> SearchStrategy[File]:
    """Draw a small file with some bad lines."""

    def row(quantities: SearchStrategy[int], reasons: SearchStrategy[str]) -> SearchStrategy:
        good = st.tuples(st.sampled_from(SKUS), st.sampled_from(FACILITIES), quantities, reasons)
        return st.one_of(good, good, good, good, st.sampled_from(BAD_LINES))

    def rows(one: SearchStrategy) -> SearchStrategy[tuple]:
        return st.lists(one, min_size=1, max_size=4).map(tuple)

    reasons = st.sampled_from(("VAR_DAMAGED", "POS_SALE", "VAR_FOUND", WRITES_NOTHING, RESET_REASON))
    return st.one_of(
        st.builds(
            File, st.just("reset"), rows(row(st.integers(-3, 12), st.just(RESET_REASON))), st.booleans()
        ),
        st.builds(File, st.just("variance"), rows(row(st.integers(-6, 6), reasons))),
    )


def files() -> SearchStrategy[Action]:
    """Draw something about files."""
    crash = st.one_of(st.none(), st.none(), st.sampled_from(points("land.", "apply.", "close.")))
    return st.one_of(
        st.builds(Drop, a_file(), crash, st.sampled_from((True, True, True, False))),
        st.builds(Drop, a_file(), crash),
        st.builds(DropAgain, st.integers(0, 3), st.booleans(), crash),
        st.builds(RunImport, st.sampled_from(("reset", "variance")), crash),
        st.just(LoseStaging()),
    )


def pushes(shops: tuple[str, ...]) -> SearchStrategy[Action]:
    """Draw a push: undisturbed, or with a fault, a crash or an event in the middle of it."""
    once = st.builds(Fault, st.sampled_from(sorted(FAULTS)), st.just(False), st.integers(0, 1))
    stubborn = st.builds(
        Fault, st.sampled_from(sorted(set(FAULTS) - {"attempt failed"})), st.just(True), st.integers(0, 1)
    )
    reading = st.builds(
        Fault,
        st.sampled_from(("connection reset", "throttled", "503 before")),
        st.booleans(),
        st.just(0),
        st.just("LevelsOfItems"),
    )
    mode = st.sampled_from(("RECENT", "DELTA", "DELTA", "HARD"))
    run_type = st.sampled_from(("manual", "scheduled", "asset_triggered"))
    limit = st.sampled_from((1, 2, 250))
    shop = st.sampled_from(shops)
    at = st.sampled_from(points("plan.", "push.", "settle."))
    calm = st.builds(Push, mode, shop, run_type, limit, st.none(), again=st.booleans())
    bulky = st.builds(Push, mode, shop, run_type, st.just(1), bulk=st.just(True))
    return st.one_of(
        calm,
        calm,
        st.one_of(bulky, st.builds(SideBySide, calm, calm)),
        st.builds(Push, mode, shop, run_type, limit, st.one_of(once, once, stubborn, reading)),
        st.builds(Push, mode, shop, run_type, limit, st.one_of(st.none(), once), at),
        st.builds(Push, mode, shop, run_type, limit, st.one_of(st.none(), once), at, events(shops)),
    )


def points(*steps: str) -> tuple[str, ...]:
    """The registered crash points of some steps."""
    found = tuple(sorted(name for name in POINTS if name.startswith(steps)))
    assert found, f"no crash points of {steps} are registered"
    return found
