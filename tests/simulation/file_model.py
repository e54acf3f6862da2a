"""What files mean, as the observer reads them: rows, faults, repairs, documents, and what becomes of rows.

Rules: inventory.md 3.1 (5), 3.5, 3.6, 5.4-5.10, 6.8, INV-17, INV-23, INV-52.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tests.simulation.model import KITS, RESET_REASON, SKUS, WRITES_NOTHING, Model, Moment, Movement

REJECT_COLUMNS = "error_line,error_column,error_code,error_message,error_log"
HEADS = {
    "reset": "facilityId,idType,idValue,availableQty,resetByAtp,asOf",
    "variance": "facilityId,idType,idValue,availableDelta,varianceReasonId,effectiveDate",
    "receipt": "externalFacilityId,idValue,idType,availableDelta,comments",
    "transfer": "externalFacilityId,idValue,idType,availableDelta,comments",
    "facility": "product-sku,facility-id,facility-safety-stock,allow-brokering",
    "threshold": "product-sku,facility-id,threshold",
    "shipment": "external-shipment-id,product-sku,quantity,origin-facility-id,destination-facility-id,"
    "item-external-id",
}
DOCUMENTS = {"receipt": "ItemReceipt", "transfer": "Inventory Transfer"}
DELTAS = ("variance", *DOCUMENTS)
STOCK = ("reset", *DELTAS)
SETTINGS = ("facility", "threshold")
FAULTS = ("product", "facility", "queue", "blank", "fraction", "short", "long")


def erp_place(facility: str) -> str:
    """What the ERP calls a facility."""
    return f"N-{facility}"


def erp_item(sku: str) -> str:
    """What the ERP calls a product."""
    return f"ERP-{sku}"


@dataclass(frozen=True)
class Row:
    """A row as its sender meant it, and the fault that came into it.

    quantity, sells: None leaves the setting as it is. at: when the count was taken or the change happened;
    until the file is dropped the number of a moment noted. document: the number of the ERP document, or
    shipment, it belongs to. origin: log and line of the refused line that it repairs, written in `prefix`.
    """

    sku: str
    facility: str
    quantity: int | None = None
    reason: str = RESET_REASON
    at: Moment | int | None = None
    document: int | None = None
    sells: bool | None = None
    fault: str | None = None
    origin: tuple[int, int] | None = None
    prefix: str = ""

    @property
    def place(self) -> tuple[str, str]:
        return self.sku, self.facility


@dataclass(frozen=True)
class File:
    """A file of one kind."""

    kind: str
    rows: tuple[Row, ...]
    by_atp: bool = True

    @property
    def is_repair(self) -> bool:
        return any(row.origin for row in self.rows)

    def content(self) -> bytes:
        came_back = any(row.prefix for row in self.rows)
        head = f"{REJECT_COLUMNS},{HEADS[self.kind]}" if came_back else HEADS[self.kind]
        return "".join(
            f"{line}\n" for line in (head, *(row.prefix + self.text(row) for row in self.rows))
        ).encode()

    def text(self, row: Row) -> str:
        """The row as it is written, without what says which line it repairs."""
        cells = self._cells(row)
        if row.fault == "short":
            cells = cells[:-1]
        return ",".join([*cells, "", ""] if row.fault == "long" else cells)

    def _cells(self, row: Row) -> list[str]:
        place = {"facility": "MARS", "queue": "_NA_"}.get(row.fault, row.facility)
        item = "NOPE" if row.fault == "product" else row.sku
        figure = "" if row.quantity is None else str(row.quantity)
        figure = {"blank": "", "fraction": "3.5"}.get(row.fault, figure)
        at = row.at.text if isinstance(row.at, Moment) else ""
        if self.kind == "reset":
            return [place, "SKU", item, figure, str(self.by_atp).lower(), at]
        if self.kind == "variance":
            return [place, "SKU", item, figure, row.reason, at]
        if self.kind in DOCUMENTS:
            about = f"Inventory Adjusted from {DOCUMENTS[self.kind]} # {row.document} in NetSuite"
            return [
                erp_place(place),
                erp_item(item),
                "NETSUITE_PRODUCT_ID",
                figure,
                about if row.document else "",
            ]
        if self.kind == "shipment":
            return [f"T{row.document}" if row.document else "", item, figure, "OUT", place, "1"]
        if self.kind == "facility":
            return [item, place, figure, {None: "", True: "Y", False: "N"}[row.sells]]
        return [item, place, figure]

    @property
    def is_refused(self) -> bool:
        """A file of changes whose last line is too short seems cut off: nothing of it is taken (INV-24).

        Nor of a file of shipments with a line that may belong to any of them (5.8).
        """
        if self.kind == "shipment":
            return any(row.fault in ("short", "long") for row in self.rows)
        return self.kind in DELTAS and self.rows[-1].fault == "short"

    def document_line(self, row: Row) -> str | None:
        """What equal lines of a document have in common; None: the row names none, or cannot be read."""
        if row.document is None or row.fault in ("short", "long"):
            return None
        place, item, *_ = self._cells(row)
        return f"{self.kind}:{row.document}:{place}:{item}"

    def resolved(self, moment_of: Callable[[int], Moment]) -> "File":
        """The file with its moments written out."""
        rows = (replace(row, at=moment_of(row.at)) if isinstance(row.at, int) else row for row in self.rows)
        return replace(self, rows=tuple(rows))


@dataclass
class Announced:
    """A shipment on its way; items: (SKU, units) in their order; receipts: (accepted, rejected) by item."""

    facility: str
    items: list[tuple[str, int]]
    receipts: dict[int, dict[int, tuple[int, int]]] = field(default_factory=dict)

    def outstanding(self) -> dict[int, int]:
        """Units of each item that are neither accepted nor rejected."""
        come: Counter[int] = Counter()
        for receipt in self.receipts.values():
            come.update({item: sum(units) for item, units in receipt.items()})
        return {item: units - come[item] for item, (_, units) in enumerate(self.items, 1)}

    def says_the_same(self, other: "Announced") -> bool:
        return (self.facility, sorted(self.items)) == (other.facility, sorted(other.items))


@dataclass(eq=False)
class Dropped:
    """A file that was dropped under a name, and what became of it.

    original: the earlier file that it repeats as a whole. held: it waits, or has waited, for a person, whose
    decision is APPROVED or REJECTED. counting: rows that count, by line. landed_at,
    started: when it was read and when its rows began to count, on the observer's clock.
    """

    name: str
    file: File
    log_id: int | None = None
    landed: bool = False
    taken: bool = False
    closed: bool = False
    undone: bool = False
    held: bool = False
    decision: str | None = None
    original: "Dropped | None" = None
    landed_at: int = 0
    started: int | None = None
    counts: Counter[str] = field(default_factory=Counter)
    counting: dict[int, Row] = field(default_factory=dict)
    rejects: dict[int, Row] = field(default_factory=dict)
    facilities: set[str] = field(default_factory=set)

    @property
    def is_passed(self) -> bool:
        """Whether nobody holds it back."""
        return not self.held or self.decision == "APPROVED"

    def reject(self, line: int, row: Row) -> None:
        self.rejects[line] = row
        self.counts["rejected"] += 1


class FileModel:
    """The observer's records of files."""

    def __init__(self, model: Model, max_drop: int | None = None) -> None:
        self.model = model
        self.max_drop = max_drop
        self.files: list[Dropped] = []
        self.repairs: dict[tuple[int, int], tuple[Dropped, str]] = {}
        self.documents: dict[str, tuple[int, Dropped, Row]] = {}
        self.shipments: dict[int, Announced] = {}

    def of_log(self, log_id: int) -> Dropped:
        return next(one for one in self.files if one.log_id == log_id)

    @staticmethod
    def is_coming_in(dropped: Dropped) -> bool:
        """Whether a file that may change stock has been seen and does not count yet."""
        is_open = dropped.log_id is not None and not dropped.taken and not dropped.closed
        return is_open and dropped.file.kind in STOCK and not dropped.file.is_refused and dropped.is_passed

    # landing

    def land(self, dropped: Dropped) -> None:
        """Decide what can be decided before the file counts: repetitions, faults, repairs."""
        dropped.landed, dropped.landed_at = True, self.model.tick()
        file = dropped.file
        dropped.counts["total"] = len(file.rows)
        dropped.original = self._original(dropped)
        if dropped.original:
            dropped.counts["duplicate"] = len(file.rows)
            return
        refused = self._refused_shipments(file) if file.kind == "shipment" else ()
        for line, row in enumerate(file.rows, 2):
            if row.origin and self._is_repaired(file, row):
                dropped.counts["duplicate"] += 1
            elif row.fault or row.document in refused or (row.origin and self._may_not_repair(dropped, row)):
                dropped.reject(line, row)
            else:
                dropped.counting[line] = row
                if row.origin:
                    self.repairs[row.origin] = dropped, file.text(row)
        if file.kind == "reset":
            dropped.facilities = {row.facility for row in dropped.counting.values()}
            dropped.held = self.max_drop is not None and not file.is_repair and self._drops_too_much(dropped)

    def _drops_too_much(self, dropped: Dropped) -> bool:
        """Whether a facility would lose more of its goods than a file may take unseen (inventory.md 5.4)."""
        last = {row.place: row.quantity for row in dropped.counting.values() if row.sku not in KITS}
        lost: Counter[str] = Counter()
        for (sku, facility), figure in last.items():
            position = self.model.stock[sku, facility]
            lost[facility] += (position.atp if dropped.file.by_atp else position.qoh) - figure
        return any(
            units * 100 > before * self.max_drop
            for facility, units in lost.items()
            if (before := sum(self.model.stock[sku, facility].qoh for sku in SKUS)) > 0
        )

    @staticmethod
    def _refused_shipments(file: File) -> set[int | None]:
        """A bad line, or one for another facility than the first, refuses its shipment, if it has one."""
        first: dict[int | None, str] = {}
        refused: set[int | None] = {None}
        for row in file.rows:
            if row.fault or first.setdefault(row.document, row.facility) != row.facility:
                refused.add(row.document)
        return refused

    def _original(self, dropped: Dropped) -> Dropped | None:
        """The first file that this one repeats: changes of stock, the same bytes, not taken back."""
        if dropped.file.kind not in DELTAS or dropped.file.is_repair:
            return None
        earlier = [
            one.original or one
            for one in sorted(self._logged(), key=lambda one: one.log_id)
            if one.log_id < dropped.log_id and one.file == dropped.file and one.landed
        ]
        return next((one for one in earlier if not one.undone), None)

    def _logged(self) -> list[Dropped]:
        return [one for one in self.files if one.log_id is not None]

    def _is_repaired(self, file: File, row: Row) -> bool:
        holder = self.repairs.get(row.origin)
        return holder is not None and (row.fault is not None or holder[1] == file.text(row))

    def _may_not_repair(self, dropped: Dropped, row: Row) -> bool:
        """Another row has repaired the line otherwise, or its file counts no more or is out of date."""
        if self.of_log(row.origin[0]).undone or row.origin in self.repairs:
            return True
        if dropped.file.kind != "reset" or row.at:
            return False
        return any(
            one.is_passed and row.facility in one.facilities and row.origin[0] < one.log_id != dropped.log_id
            for one in self._logged()
        )

    # counting

    def apply(self, dropped: Dropped, clock: int) -> None:
        """Let the rows of a landed file count, at a moment of the observer's clock."""
        dropped.taken = True
        if dropped.original or not dropped.counting:
            return
        dropped.started = clock
        if dropped.file.kind == "reset":
            self._reset(dropped)
        elif dropped.file.kind in DELTAS:
            self._vary(dropped)
        elif dropped.file.kind == "shipment":
            self._announce(dropped)
        else:
            self._set(dropped)

    def _reset(self, dropped: Dropped) -> None:
        counts, by_atp = dropped.counts, dropped.file.by_atp
        rows = [row for row in dropped.counting.values() if row.sku not in KITS]
        counts["skipped"] += len(dropped.counting) - len(rows)
        last = {row.place: row for row in rows}
        counts["superseded"] += len(rows) - len(last)
        for (sku, facility), row in last.items():
            at, home = row.at, row.origin and self.of_log(row.origin[0])
            if home and not at:
                at = Moment(home.landed_at if home.started is None else home.started, "")
            position = self.model.stock[sku, facility]
            if at and self.model.is_stale(sku, facility, at, home):
                counts["skipped"] += 1
                continue
            balance = position.atp if by_atp else position.qoh
            units = row.quantity - (self.model.balance_at(sku, facility, at, by_atp) if at else balance)
            counts["applied" if units else "unchanged"] += 1
            if not at:
                self.model.state(sku, facility, dropped.started, dropped)
            if units:
                when = at.clock if at else dropped.started
                self.model.move(
                    sku, facility, qoh=units, atp=units, clock=when, reason=RESET_REASON, file=dropped
                )
            if at and (position.counted is None or at.clock > position.counted):
                position.counted_before, position.counted = position.counted, at.clock
                position.counted_by = dropped

    def _vary(self, dropped: Dropped) -> None:
        file, counts = dropped.file, dropped.counts
        policy, reason = ("allow", "VAR_INTEGR") if file.kind in DOCUMENTS else ("floor", None)
        keys = self._document_keys(dropped)
        for line, row in dropped.counting.items():
            if row.sku in KITS:
                counts["skipped"] += 1
            elif line in keys and keys[line] in self.documents:
                if self.documents[keys[line]][0] == row.quantity:
                    counts["duplicate"] += 1
                else:
                    dropped.reject(line, row)
                    self.repairs.pop(row.origin, None)  # what is refused has repaired nothing
            else:
                if line in keys:
                    self.documents[keys[line]] = row.quantity, dropped, row
                moves = row.quantity != 0 and (reason or row.reason) != WRITES_NOTHING
                counts["applied" if moves else "unchanged"] += 1
                at = row.at or Moment(dropped.started, "")
                self.model.adjust(*row.place, row.quantity, reason or row.reason, policy, at, dropped)

    def _announce(self, dropped: Dropped) -> None:
        """A shipment is new, known, or replaced as long as nothing of it was received."""
        lines: dict[int, list[int]] = {}
        for line, row in dropped.counting.items():
            lines.setdefault(row.document, []).append(line)
        for name, own in lines.items():
            rows = [dropped.counting[line] for line in own]
            given = Announced(rows[0].facility, [(row.sku, row.quantity) for row in rows])
            known = self.shipments.get(name)
            if known and known.says_the_same(given):
                dropped.counts["duplicate"] += len(rows)
            elif known and known.receipts:
                for line, row in zip(own, rows, strict=True):
                    dropped.reject(line, row)
            else:
                self.shipments[name] = given
                dropped.counts["applied"] += len(rows)

    def _document_keys(self, dropped: Dropped) -> dict[int, str]:
        """Equal lines of a document are numbered over the file, bad ones too; repairs take free numbers."""
        keys: dict[int, str] = {}
        seen: Counter[str] = Counter()
        for line, row in enumerate(dropped.file.rows, 2):
            name = dropped.file.document_line(row)
            if name is None:
                continue
            if row.origin and line not in dropped.counting:
                continue
            seen[name] += 1
            number = seen[name]
            if row.origin:
                number = self._free_numbers(name, dropped, row.origin[0])[number - 1]
            if line in dropped.counting:
                keys[line] = f"{name}:{number}"
        return keys

    def _free_numbers(self, name: str, dropped: Dropped, origin: int) -> list[int]:
        """Numbers of a line that neither the refused file nor other repairs of it have taken."""

        def is_taken(number: int) -> bool:
            known = self.documents.get(f"{name}:{number}")
            if known is None or known[1] is dropped:
                return False
            return known[1].log_id == origin or bool(known[2].origin and known[2].origin[0] == origin)

        return [number for number in range(1, 20) if not is_taken(number)]

    def _set(self, dropped: Dropped) -> None:
        """Of several rows the last one that says something wins; a blank cell leaves what is."""
        model, counts = self.model, dropped.counts
        heard: dict[tuple[str, str, str], tuple[int, int | bool]] = {}
        speaking = set()
        for line, row in dropped.counting.items():
            for name, value in (("minimum", row.quantity), ("sells", row.sells)):
                if value is not None:
                    heard[(*row.place, name)] = line, value
                    speaking.add(line)
        changing = set()
        for place in {key[:2] for key in heard}:
            before = model.settings.get(place, (0, None))
            after = [before[0], before[1]]
            for number, name in enumerate(("minimum", "sells")):
                if (*place, name) in heard:
                    line, value = heard[(*place, name)]
                    if value != before[number]:
                        changing.add(line)
                        after[number] = value
            if tuple(after) != before:
                model.set(*place, *after)
        listened = {line for line, _ in heard.values()}
        counts["applied"] += len(changing)
        counts["superseded"] += len(speaking - listened)
        counts["unchanged"] += len(dropped.counting) - len(changing) - len(speaking - listened)

    # taking back

    def objection(self, dropped: Dropped) -> str | None:
        """Why a file cannot be taken back as a whole; None: it can (architecture.md 8.2)."""
        entries = [one for one in self.model.history if one.file is dropped and (one.qoh or one.atp)]
        if not dropped.closed or dropped.undone or dropped.original or not entries:
            return "there is nothing to take back"
        if any(key[0] == dropped.log_id for key in self.repairs):
            return "lines of it were repaired"
        first = {(one.sku, one.facility): one.number for one in reversed(entries)}
        for place, number in first.items():
            position = self.model.stock[place]
            if any(
                self._states(one, dropped) for one in self.model.history[number + 1 :] if one[1:3] == place
            ):
                return "a balance was stated later"
            own = [one for one in entries if one[1:3] == place]
            if (
                position.counted_by is not dropped
                and position.counted is not None
                and position.counted >= min(one.clock for one in own)
            ):
                return "it was counted later"
            units = sum(one.qoh for one in own)
            may_be_negative = dropped.file.kind in DOCUMENTS
            if not may_be_negative and units > 0 and position.qoh < units:
                return "stock would fall below 0"
        counted = {place for place, one in self.model.stock.items() if one.counted_by is dropped}
        if any(self._was_judged(one) for one in self.model.history if one[1:3] in counted):
            return "a movement was taken as contained in its count"
        facilities = {facility for _, facility in {*first, *counted}}
        if any(facilities & one.facilities and self._came_later(one, dropped) for one in self._logged()):
            return "a later file has set the facility"
        return None

    def _was_judged(self, entry: Movement) -> bool:
        """Whether an entry of 0 happened between the newest count of its position and the one before."""
        position = self.model.stock[entry.sku, entry.facility]
        after = position.counted_before is None or entry.clock > position.counted_before
        nothing = not (entry.qoh or entry.atp or (entry.file and entry.file.undone))
        return nothing and after and entry.clock <= position.counted

    @staticmethod
    def _states(entry, dropped: Dropped) -> bool:
        """Whether an entry says how much there is, by a file or by anybody."""
        file = entry.file
        if entry.takes_back or file is dropped or (file and file.undone):
            return False
        return entry.reason == RESET_REASON or bool(file and file.file.kind == "reset")

    @staticmethod
    def _came_later(one: Dropped, dropped: Dropped) -> bool:
        if one is dropped or one.undone or one.started is None:
            return False
        return (one.started, one.log_id) > (dropped.started, dropped.log_id)

    def undo(self, dropped: Dropped) -> None:
        """Every entry of the file gets one the other way, of the same moment and reason."""
        for one in [one for one in self.model.history if one.file is dropped and (one.qoh or one.atp)]:
            self.model.move(
                one.sku,
                one.facility,
                qoh=-one.qoh,
                atp=-one.atp,
                clock=one.clock,
                reason=one.reason,
                file=dropped,
                takes_back=True,
            )
        for position in self.model.stock.values():
            if position.counted_by is dropped:
                position.counted, position.counted_before = position.counted_before, None
                position.counted_by = None
        dropped.undone = True
        self.documents = {key: one for key, one in self.documents.items() if one[1] is not dropped}
        self.repairs = {key: one for key, one in self.repairs.items() if one[0] is not dropped}
