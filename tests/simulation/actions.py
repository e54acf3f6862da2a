"""What people, shops, files and jobs may do in a play.

Orders and files are named by number, modulo how many there are; an action that makes no sense where it
stands does nothing.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from oms.sync.options import Mode
from tests.simulation.calling import Call
from tests.simulation.file_model import File
from tests.simulation.model import KIT

if TYPE_CHECKING:
    from tests.simulation.play import Play

LATEST = -1
TIMES = LATER, OVER = "2099-12-02 09:00", "2020-12-01 09:00"
"""When a restock may be due; OVER never comes again."""
TROUBLES = {
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
        return TROUBLES[self.name] | {"count": count, "skip": self.skip, "operation": self.operation}


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

    kind: Literal["reset", "variance", "receipt", "transfer", "facility", "threshold", "shipment"]
    crash_at: str | None = None

    def do(self, play: "Play") -> None:
        play.run_import(self.kind, self.crash_at)


@dataclass(frozen=True)
class ReceiveGoods(Action):
    """A facility receives a shipment: all that is outstanding, or of one item (number, accepted, rejected).

    times: how often the receipt comes.
    """

    shipment: int
    part: tuple[int, int, int] | None = None
    times: int = 1
    crash_at: str | None = None

    def do(self, play: "Play") -> None:
        play.receive_goods(self.shipment, self.part, self.times, self.crash_at)


@dataclass(frozen=True)
class PrepareRestock(Action):
    """Units of products (SKU, units) are to be received and shown at a set time."""

    units: tuple[tuple[str, int], ...]
    facility: str = "WH"
    times: int = 1

    def do(self, play: "Play") -> None:
        play.prepare_restock(self.units, self.facility, self.times)


@dataclass(frozen=True)
class ChangeRestock(Action):
    """Somebody gives a restock another time (one that is over is refused), other units, or cancels it."""

    restock: int
    change: str | tuple[str, int] = "CANCEL"

    def do(self, play: "Play") -> None:
        play.change_restock(self.restock, self.change)


@dataclass(frozen=True)
class RunRestocks(Action):
    """The time of all restocks has come, or somebody runs one. at: where the run dies, or `then` happens."""

    restock: int | None = None
    limit: int = 100
    fault: Fault | None = None
    at: str | None = None
    then: Action | None = None

    def do(self, play: "Play") -> None:
        play.run_restocks(self)


@dataclass(frozen=True)
class NoteMoment(Action):
    """A count begins, or a till sells while it has no line: files and calls may name this moment later."""

    def do(self, play: "Play") -> None:
        play.note_moment()


@dataclass(frozen=True)
class Repair(Action):
    """A reject file comes back; mended: which of its lines in turn. more: with other figures than meant."""

    file: int
    mended: tuple[bool, ...] = (True,)
    more: int = 0
    crash_at: str | None = None

    def do(self, play: "Play") -> None:
        play.repair(self.file, self.mended, self.more, self.crash_at)


@dataclass(frozen=True)
class Decide(Action):
    """A person approves or rejects a file that looked wrong and was held."""

    file: int
    approve: bool
    crash_at: str | None = None

    def do(self, play: "Play") -> None:
        play.decide(self.file, self.approve, self.crash_at)


@dataclass(frozen=True)
class Undo(Action):
    """Somebody takes a file back, if nothing speaks against it."""

    file: int
    crash_at: str | None = None

    def do(self, play: "Play") -> None:
        play.undo(self.file, self.crash_at)


@dataclass(frozen=True)
class CallApi(Action):
    """Another system changes stock; times: how often it sends the call. at_once: twice side by side."""

    call: Call
    times: int = 1
    at_once: bool = False

    def do(self, play: "Play") -> None:
        play.call(self.call, self.times, at_once=self.at_once)


@dataclass(frozen=True)
class CallAgain(Action):
    """An old call comes again; more: its key with another body."""

    call: int
    more: int = 0

    def do(self, play: "Play") -> None:
        play.call_again(self.call, self.more)


@dataclass(frozen=True)
class Say(Action):
    """A shop has a word to say on a level: of its own stock, or (available None) of what we pushed to it."""

    sku: str
    available: int | None

    def do(self, play: "Play") -> None:
        play.say(self.sku, self.available)


@dataclass(frozen=True)
class Deliver(Action):
    """A word of a shop arrives, whatever arrived before."""

    word: int

    def do(self, play: "Play") -> None:
        play.deliver(self.word)


@dataclass(frozen=True)
class Receive(Action):
    """The job works off what has arrived; limit: so many words at a time."""

    limit: int = 100
    crash_at: str | None = None

    def do(self, play: "Play") -> None:
        play.receive(self.limit, self.crash_at)


@dataclass(frozen=True)
class MakeKits(Action):
    """Kits get their balances from what their components allow."""

    include_all: bool = False
    crash_at: str | None = None

    def do(self, play: "Play") -> None:
        play.make_kits(self.include_all, self.crash_at)


@dataclass(frozen=True)
class DefineKit(Action):
    """A kit contains so many units of each of its parts from now on."""

    units: tuple[int, int]
    kit: str = KIT

    def do(self, play: "Play") -> None:
        play.define_kit(self.kit, self.units)


@dataclass(frozen=True)
class CloseCircle(Action):
    """Somebody tries to make a kit contain itself."""

    def do(self, play: "Play") -> None:
        play.close_circle()


@dataclass(frozen=True)
class Pack(Action):
    """A reserved order is packed; again: the request comes twice."""

    order: int
    again: bool = False

    def do(self, play: "Play") -> None:
        play.pack(self.order, self.again)


@dataclass(frozen=True)
class Unpack(Action):
    """Somebody tries to open a packed order again; with force it works."""

    order: int
    force: bool = False

    def do(self, play: "Play") -> None:
        play.unpack(self.order, self.force)


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
