"""How to draw what happens in a play: single events, and stories of what goes together.

Strategies are made once (`cache`): each new one would be checked by hypothesis in every play.
"""

from functools import cache

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from oms.crashpoints import POINTS
from tests.simulation.actions import (
    LATEST,
    TIMES,
    TROUBLES,
    Action,
    Age,
    ByHand,
    CallAgain,
    CallApi,
    Cancel,
    CancelHere,
    ChangeRestock,
    CloseCircle,
    Decide,
    DefineKit,
    Deliver,
    Drop,
    DropAgain,
    Fault,
    HoldAt,
    ImportOrders,
    Keep,
    LoseStaging,
    MakeKits,
    NoteMoment,
    OtherChannel,
    Pack,
    Place,
    PrepareRestock,
    Push,
    Receive,
    ReceiveGoods,
    Repair,
    Reserve,
    ReturnToTill,
    RunImport,
    RunRestocks,
    Say,
    SellAtTill,
    Setting,
    Ship,
    SideBySide,
    TakeIn,
    TakeInTillSale,
    Tell,
    Undo,
    Unpack,
    Upload,
)
from tests.simulation.calling import Call, Change
from tests.simulation.file_model import FAULTS, HEADS, File, Row
from tests.simulation.model import BOX, CHANNEL, KIT, KITS, RESET_REASON, SKUS, WRITES_NOTHING

THROTTLED = Fault("throttled", stubborn=True)


@cache
def happenings(shops: tuple[str, ...]) -> SearchStrategy[list[Action]]:
    """Draw what happens in a play with these shops: stories of what goes together, single actions between."""
    # lists of one, for groups that are drawn equally often however many actions each has
    groups = (events(shops), files(), outside(), pushes(shops))
    single = st.one_of(*(group.map(lambda one: [one]) for group in groups))
    story = st.one_of(
        st.just([]),
        lives(shops),
        lives(shops),
        troubles(),
        counts(),
        recounts(),
        looks(shops),
        documents(),
        shipments(),
        restocks(),
        second_thoughts(),
        held_files(),
        repeated_calls(),
        words(),
        kit_sales(),
    )
    between = st.lists(single, max_size=3).map(lambda lists: [one for part in lists for one in part])
    parts = st.tuples(story, between, story, between, story, between)
    return parts.map(lambda lists: [one for part in lists for one in part])


@st.composite
def lives(draw: st.DrawFn, shops: tuple[str, ...]) -> list[Action]:
    """Draw the life of an order, or a part of it, with pushes in between."""
    few = st.integers(1, 4)
    places = st.builds(
        Place,
        products(),
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
        Pack(LATEST, draw(st.booleans())),
        draw(st.sampled_from((Tell(LATEST), Cancel(LATEST, 1, True), Reserve(LATEST), Unpack(LATEST, True)))),
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
    sku = draw(products())
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
    sku, shop = draw(products()), draw(st.sampled_from(shops))
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
    """Draw a count of a position and what its store reports afterwards, pushed or not, told twice or not.

    The count may name its moment, and the store may report of before and after it (INV-17, INV-52).
    """
    place = draw(st.sampled_from(SKUS)), draw(st.sampled_from(("WH", "S1")))
    moment = draw(st.sampled_from((None, None, 0, LATEST, LATEST)))
    counted = Row(*place, draw(st.integers(-4, 8)), at=moment)
    at = st.sampled_from((None, None, 1, LATEST, LATEST - 1))
    moved = Row(*place, draw(st.integers(-5, 5)), "VAR_DAMAGED", at=draw(at))
    report = Drop(File("variance", (moved, moved)))
    story: list[Action] = []
    if moment is not None:
        story = [
            *draw(st.lists(st.just(NoteMoment()), max_size=1)),
            *draw(st.lists(events(("demo",)), max_size=1)),
        ]
        if draw(st.booleans()):
            story += [report, NoteMoment()]
    story.append(Drop(File("reset", (counted,), draw(st.booleans()))))
    if draw(st.booleans()):
        story.append(Push("DELTA"))
    story.append(report)
    if draw(st.booleans()):
        story.append(DropAgain(LATEST, draw(st.booleans())))
    if draw(st.booleans()):
        story.append(DropAgain(LATEST - 1, draw(st.booleans())))
    return [*story, Push(draw(st.sampled_from(("RECENT", "DELTA", "HARD"))))]


@st.composite
def recounts(draw: st.DrawFn) -> list[Action]:
    """Draw counts and resets of one position in any order of arrival and of the moments they name, if any.

    Between them goods move, a shop that is followed tells its figure, files are taken back (INV-52 e).
    """
    place = draw(st.sampled_from((("A", "WH"), ("A", "S2"))))
    at = st.sampled_from((None, None, LATEST, LATEST - 1, LATEST - 2))
    moved = st.builds(
        Row, *map(st.just, place), st.integers(-3, 3), st.sampled_from(("POS_SALE", "VAR_FOUND")), at=at
    )
    stated = st.builds(Row, *map(st.just, place), st.sampled_from((0, 2, 2, 5)), at=at)
    step = st.one_of(
        st.just(NoteMoment()),
        st.builds(Drop, st.builds(File, st.just("reset"), stated.map(lambda row: (row,)), st.booleans())),
        st.builds(Drop, st.builds(File, st.just("reset"), stated.map(lambda row: (row,)), st.booleans())),
        st.builds(Drop, st.builds(File, st.just("variance"), moved.map(lambda row: (row,)))),
        st.builds(Undo, st.sampled_from((LATEST, LATEST - 1))),
        st.sampled_from((2, 5)).map(lambda units: Say("A", units)),
        st.just(Deliver(LATEST)),
        st.just(Receive()),
    )
    return [NoteMoment(), *draw(st.lists(step, min_size=5, max_size=9))]


@st.composite
def documents(draw: st.DrawFn) -> list[Action]:
    """Draw what the ERP exports: documents, some of them again in another file (INV-23)."""
    kind = draw(st.sampled_from(("receipt", "transfer")))
    first = draw(st.lists(document_rows(), min_size=1, max_size=3))
    again = draw(
        st.lists(st.one_of(document_rows(), st.sampled_from(first), st.sampled_from(first)), max_size=3)
    )
    story: list[Action] = [Drop(File(kind, tuple(first)), draw(crashes("land.", "apply.", "close.")))]
    if again:
        story.append(Drop(File(kind, tuple(again))))
    story += draw(st.lists(second_thought(), max_size=2))
    return [*story, Push(draw(st.sampled_from(("RECENT", "DELTA"))))]


@cache
def document_rows() -> SearchStrategy[Row]:
    """Draw a line of a document of the ERP, or one that names none."""
    return st.builds(
        Row,
        st.sampled_from(SKUS),
        st.sampled_from(("WH", "S1")),
        st.integers(-3, 4),
        document=st.sampled_from((1, 1, 2, None)),
        fault=faults("product", "fraction", "blank"),
    )


@st.composite
def shipments(draw: st.DrawFn) -> list[Action]:
    """Draw shipments that are announced, perhaps otherwise later, and taken in in parts (INV-30)."""
    announced = File("shipment", tuple(draw(st.lists(shipment_rows(), min_size=1, max_size=4))))
    crash = crashes("land.", "apply.", "close.")
    story: list[Action] = [Drop(announced, draw(crash))]
    other = st.lists(shipment_rows(), min_size=1, max_size=2).map(lambda rows: File("shipment", tuple(rows)))
    steps = st.one_of(
        st.builds(DropAgain, st.just(LATEST), st.booleans(), crash),
        st.builds(Drop, other),
        receipts(),
        receipts(),
        st.builds(Push, st.sampled_from(("RECENT", "DELTA"))),
        events(("demo",)),
    )
    return [*story, *draw(st.lists(steps, min_size=1, max_size=4)), draw(receipts()), Push("DELTA")]


@cache
def shipment_rows() -> SearchStrategy[Row]:
    """Draw a line of an announced shipment, most of which go to the same facility."""
    return st.builds(
        Row,
        st.sampled_from(SKUS),
        st.sampled_from(("WH", "WH", "WH", "S1")),
        st.integers(1, 6),
        document=st.sampled_from((1, 1, 1, 2, 2, None)),
        fault=faults(*FAULTS),
    )


@cache
def receipts() -> SearchStrategy[Action]:
    """Draw what a facility takes in of a shipment: all of it, or some units of an item."""
    part = st.tuples(st.integers(0, 2), st.integers(0, 4), st.sampled_from((0, 0, 0, 1, 2)))
    number = st.integers(-2, 1)
    return st.builds(
        ReceiveGoods, number, st.one_of(st.none(), part), st.sampled_from((1, 1, 2)), crashes("receive.")
    )


@st.composite
def restocks(draw: st.DrawFn) -> list[Action]:
    """Draw restocks that are prepared, changed, and carried out by several runs (INV-32, INV-46)."""
    units = st.lists(st.tuples(products(), st.integers(1, 6)), min_size=1, max_size=3).map(tuple)
    prepared = st.builds(
        PrepareRestock, units, st.sampled_from(("WH", "WH", "S1", "OUT")), st.sampled_from((1, 1, 2))
    )
    steps = st.one_of(
        changed_restocks(),
        prepared,
        restock_runs(),
        restock_runs(),
        events(("demo",)),
        st.builds(Push, st.sampled_from(("RECENT", "DELTA", "HARD"))),
        st.just(Drop(File("reset", (Row("A", "WH", 7),)))),
    )
    return [draw(prepared), *draw(st.lists(steps, min_size=1, max_size=4)), RunRestocks(), Push("DELTA")]


@cache
def changed_restocks() -> SearchStrategy[Action]:
    """Draw a change of a restock, some of which make no sense."""
    items = st.tuples(products(), st.integers(0, 4))
    change = st.one_of(st.sampled_from(("CANCEL", *TIMES)), items, items)
    return st.builds(ChangeRestock, st.integers(-2, 1), change)


@cache
def restock_runs() -> SearchStrategy[Action]:
    """Draw a run of the restocks: undisturbed, with a fault, a crash, or something in the middle."""
    number, limit = st.one_of(st.none(), st.none(), st.integers(0, 2)), st.sampled_from((1, 100))
    once = st.builds(Fault, st.sampled_from(sorted(TROUBLES)), st.just(False), st.integers(0, 1))
    dies = st.sampled_from(points("receive.", "restock.", "push.", "plan.stored", "plan.superseded"))
    between = st.sampled_from(points("push.", "restock.", "plan.stored"))
    meanwhile = st.one_of(events(("demo",)), files(), st.builds(CallApi, calls()))
    return st.one_of(
        st.builds(RunRestocks, number, limit),
        st.builds(RunRestocks, number, limit, once),
        st.builds(RunRestocks, number, limit, st.just(THROTTLED)),
        st.builds(RunRestocks, number, limit, st.none(), dies),
        st.builds(RunRestocks, number, limit, st.one_of(st.none(), once), between, meanwhile),
    )


@cache
def second_thought() -> SearchStrategy[Action]:
    """Draw what may happen to a file after it was imported."""
    number = st.sampled_from((LATEST, LATEST, LATEST - 1, 0, 1))
    mended = st.lists(st.booleans(), min_size=1, max_size=2).map(tuple)
    return st.one_of(
        st.builds(Undo, number, crashes("undo.")),
        st.builds(Undo, number),
        st.builds(DropAgain, number, st.booleans(), crashes("land.", "apply.", "close.")),
        st.builds(Repair, number, st.one_of(st.just((True,)), mended), st.sampled_from((0, 0, 1))),
        st.builds(Repair, number, mended, st.just(0), crashes("land.", "apply.", "close.")),
    )


@st.composite
def second_thoughts(draw: st.DrawFn) -> list[Action]:
    """Draw a file with bad lines, and what comes of it: repairs, undoing, the same again."""
    story: list[Action] = [Drop(draw(a_file(faulty=True)))]
    for _ in range(draw(st.integers(1, 4))):
        story.append(draw(second_thought()))
        if draw(st.sampled_from((True, False, False))):
            story.append(
                draw(
                    st.one_of(
                        events(("demo",)), files(), st.builds(Push, st.sampled_from(("DELTA", "RECENT")))
                    )
                )
            )
    return story


@st.composite
def held_files(draw: st.DrawFn) -> list[Action]:
    """Draw resets that cut a facility, what happens until a person decides, and what follows."""
    figure, by_atp = st.integers(0, 3), draw(st.booleans())
    sku = st.sampled_from((*SKUS, *SKUS, KIT))
    at = st.sampled_from((None, None, None, 0, LATEST))
    rows = st.builds(Row, sku, st.sampled_from(("WH", "WH", "S1")), figure, at=at, fault=faults("product"))
    low = File("reset", tuple(draw(st.lists(rows, min_size=2, max_size=4))), by_atp)
    story: list[Action] = [Drop(low, draw(crashes("land.", "apply.", "close.")))]
    number = st.integers(-2, 1)
    steps = st.one_of(
        decisions(),
        decisions(),
        files(),
        second_thought(),
        st.builds(RunImport, st.sampled_from(("reset", "reset", "variance"))),
        st.builds(DropAgain, number, st.booleans()),
        st.builds(Push, st.sampled_from(("RECENT", "DELTA", "HARD"))),
    )
    return story + draw(st.lists(steps, min_size=2, max_size=5))


@cache
def decisions() -> SearchStrategy[Action]:
    """Draw what a person decides of a held file, mostly to apply it."""
    return st.builds(Decide, st.integers(-2, 1), st.sampled_from((True, True, False)), crashes("hold."))


@cache
def changes() -> SearchStrategy[Change]:
    """Draw a change that another system asks for."""
    return st.builds(
        Change,
        products(),
        st.sampled_from(("WH", "WH", "S1", "S2", "MARS")),
        st.integers(-4, 3),
        st.sampled_from(("POS_SALE", "POS_SALE", "VAR_FOUND", "VAR_DAMAGED", WRITES_NOTHING, RESET_REASON)),
        st.sampled_from(("allow", "allow", "floor", "reject")),
        st.sampled_from((None, None, None, 1, LATEST)),
    )


@cache
def calls() -> SearchStrategy[Call]:
    """Draw a call, with one of few keys or without."""
    key = st.one_of(st.none(), st.integers(0, 3), st.integers(0, 3))
    several = st.lists(changes(), min_size=1, max_size=3).map(tuple)
    return st.one_of(st.builds(Call, st.tuples(changes()), key), st.builds(Call, several, key, st.just(True)))


@st.composite
def repeated_calls(draw: st.DrawFn) -> list[Action]:
    """Draw calls that come again: the answer was lost, or their sender was mistaken."""
    shops = ("demo",)
    story: list[Action] = []
    for _ in range(draw(st.integers(1, 2))):
        story.append(
            CallApi(draw(calls()), draw(st.integers(1, 2)), draw(st.sampled_from((False, False, True))))
        )
        story += draw(st.lists(st.one_of(events(shops), files()), max_size=1))
        story.append(CallAgain(draw(st.sampled_from((LATEST, LATEST, 0))), draw(st.sampled_from((0, 0, 1)))))
    return [*story, Push(draw(st.sampled_from(("RECENT", "DELTA"))))]


@st.composite
def words(draw: st.DrawFn) -> list[Action]:
    """Draw words of shops on their levels, delivered in any order, twice or late, worked off in pieces."""
    sku = draw(products())
    told = draw(st.lists(st.one_of(st.none(), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=4))
    story: list[Action] = [Say(sku, available) for available in told]
    deliveries = draw(st.lists(st.integers(-4, -1), min_size=1, max_size=5))
    for number in deliveries:
        story.append(Deliver(number))
        if draw(st.sampled_from((True, False, False))):
            story.append(Receive(draw(st.sampled_from((1, 2, 100))), draw(crashes("webhooks."))))
        if draw(st.sampled_from((True, False, False, False))):
            story.append(draw(st.one_of(st.builds(CallApi, calls()), events(("demo",)))))
    return [
        *story,
        Receive(draw(st.sampled_from((1, 100)))),
        Push(draw(st.sampled_from(("RECENT", "DELTA")))),
    ]


@st.composite
def kit_sales(draw: st.DrawFn) -> list[Action]:
    """Draw kits and components that are sold and counted, and balances of kits that follow, in any order."""
    few = st.integers(1, 3)
    steps = st.one_of(
        st.builds(Place, st.sampled_from((KIT, *KITS, *SKUS)), few),
        st.just(TakeIn(LATEST)),
        st.builds(Reserve, st.just(LATEST), st.sampled_from(("WH", "S1"))),
        st.builds(OtherChannel, st.sampled_from((*KITS, *SKUS)), few),
        st.builds(
            Setting, st.sampled_from((*KITS, *SKUS)), st.sampled_from(("WH", "S1", "CONFIGURATION")), few
        ),
        st.builds(DefineKit, st.tuples(few, few), st.sampled_from(KITS)),
        st.just(CloseCircle()),
        st.builds(Cancel, st.just(LATEST), few, st.booleans()),
        st.just(Tell(LATEST)),
        st.builds(Pack, st.just(LATEST), st.booleans()),
        st.just(Ship(LATEST)),
        files(),
        st.builds(Push, st.sampled_from(("RECENT", "DELTA", "HARD"))),
    )
    kits = st.builds(MakeKits, st.booleans(), crashes("kits."))
    story: list[Action] = []
    for step in draw(st.lists(steps, min_size=2, max_size=5)):
        story += [step, *draw(st.lists(kits, max_size=1))]
    return [*story, MakeKits(), Push(draw(st.sampled_from(("RECENT", "DELTA", "DELTA"))))]


@cache
def outside() -> SearchStrategy[Action]:
    """Draw what other systems do: calls, words of shops, kits made by the clock."""
    number = st.integers(-3, 3)
    return st.one_of(
        st.builds(CallApi, calls(), st.integers(1, 2)),
        st.builds(CallAgain, number, st.sampled_from((0, 0, 1))),
        st.builds(Say, st.sampled_from(SKUS), st.one_of(st.none(), st.integers(0, 9))),
        st.builds(Deliver, number),
        st.builds(Receive, st.sampled_from((1, 2, 100)), crashes("webhooks.")),
        st.builds(MakeKits, st.booleans(), crashes("kits.")),
        st.just(NoteMoment()),
        receipts(),
        st.just(RunRestocks()),
        decisions(),
        st.builds(Undo, number, crashes("undo.")),
    )


@cache
def products() -> SearchStrategy[str]:
    """Draw a product, sometimes a kit."""
    return st.sampled_from((*SKUS, *SKUS, *SKUS, KIT, KIT, BOX))


@cache
def crashes(*steps: str) -> SearchStrategy[str | None]:
    """Draw where a run dies, if it does."""
    return st.one_of(st.none(), st.none(), st.sampled_from(points(*steps)))


@cache
def faults(*names: str) -> SearchStrategy[str | None]:
    """Draw what is wrong with a row, mostly nothing."""
    return st.sampled_from((*(None,) * 4 * len(names), *names))


@cache
def events(shops: tuple[str, ...]) -> SearchStrategy[Action]:
    """Draw something that is no job."""
    sku, number, few = products(), st.integers(0, 5), st.integers(1, 4)
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
        st.builds(Pack, number, st.booleans()),
        st.builds(Unpack, number, st.booleans()),
        st.builds(ByHand, sku, st.integers(-3, 3).filter(bool), location),
        st.builds(
            Setting, sku, st.sampled_from(("WH", "S1", "CONFIGURATION")), st.integers(0, 6), st.just(True)
        ),
        st.builds(Setting, sku, st.sampled_from(("WH", "S1")), st.integers(0, 3), st.booleans()),
    )


@cache
def a_file(*, faulty: bool = False) -> SearchStrategy[File]:
    """Draw a small file with some bad lines; faulty: mostly bad ones."""
    sku, place = st.sampled_from((*SKUS, *SKUS, *SKUS, KIT, BOX)), st.sampled_from(("WH", "S1", "S2", "OUT"))
    at = st.sampled_from((None, None, None, None, 0, 1, LATEST))
    fault = st.sampled_from((None, *FAULTS)) if faulty else faults(*FAULTS)
    reasons = st.sampled_from(("VAR_DAMAGED", "POS_SALE", "VAR_FOUND", WRITES_NOTHING, RESET_REASON))
    stated = st.builds(Row, sku, place, st.integers(-3, 12), at=at, fault=fault)
    changed = st.builds(Row, sku, place, st.integers(-6, 6), reasons, at=at, fault=fault)
    # a row of settings may leave its figure out
    wrong = (
        st.sampled_from((None, "product", "facility", "fraction", "queue"))
        if faulty
        else faults("product", "queue")
    )
    minimum = st.one_of(st.none(), st.integers(0, 6), st.integers(0, 6))
    held = st.builds(
        Row,
        sku,
        st.sampled_from(("WH", "S1", "S2", CHANNEL)),
        minimum,
        sells=st.sampled_from((None, None, True, False)),
        fault=wrong,
    )
    threshold = st.builds(Row, sku, st.just(CHANNEL), minimum, fault=wrong)

    def rows(one: SearchStrategy[Row]) -> SearchStrategy[tuple[Row, ...]]:
        return st.lists(one, min_size=1, max_size=4).map(tuple)

    return st.one_of(
        st.builds(File, st.just("reset"), rows(stated), st.booleans()),
        st.builds(File, st.just("variance"), rows(changed)),
        st.builds(File, st.just("variance"), rows(changed)),
        st.builds(File, st.sampled_from(("receipt", "transfer")), rows(document_rows())),
        st.builds(File, st.just("facility"), rows(held)),
        st.builds(File, st.just("threshold"), rows(threshold)),
        st.builds(File, st.just("shipment"), rows(shipment_rows())),
    )


@cache
def files() -> SearchStrategy[Action]:
    """Draw something about files."""
    crash = crashes("land.", "apply.", "close.")
    return st.one_of(
        st.builds(Drop, a_file(), crash, st.sampled_from((True, True, True, False))),
        st.builds(Drop, a_file(), crash),
        st.builds(DropAgain, st.integers(0, 3), st.booleans(), crash),
        st.builds(RunImport, st.sampled_from(tuple(HEADS)), crash),
        st.just(LoseStaging()),
    )


@cache
def pushes(shops: tuple[str, ...]) -> SearchStrategy[Action]:
    """Draw a push: undisturbed, or with a fault, a crash or an event in the middle of it."""
    once = st.builds(Fault, st.sampled_from(sorted(TROUBLES)), st.just(False), st.integers(0, 1))
    stubborn = st.builds(
        Fault, st.sampled_from(sorted(set(TROUBLES) - {"attempt failed"})), st.just(True), st.integers(0, 1)
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
    meanwhile = st.one_of(events(shops), events(shops), files(), outside())
    return st.one_of(
        calm,
        calm,
        st.one_of(bulky, st.builds(SideBySide, calm, calm)),
        st.builds(Push, mode, shop, run_type, limit, st.one_of(once, once, stubborn, reading)),
        st.builds(Push, mode, shop, run_type, limit, st.one_of(st.none(), once), at),
        st.builds(Push, mode, shop, run_type, limit, st.one_of(st.none(), once), at, meanwhile),
    )


def points(*steps: str) -> tuple[str, ...]:
    """The registered crash points of some steps."""
    found = tuple(sorted(name for name in POINTS if name.startswith(steps)))
    assert found, f"no crash points of {steps} are registered"
    return found
