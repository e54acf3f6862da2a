"""The demo's afternoon: an ERP, merchandisers, a till and the shop itself send, all at once.

Every kind of file comes with a row that must be refused; one file is corrected, one is undone. At the end
ledger, shop and drift report must show what was sent, added up.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any

import requests

from fakeshop.webhooks.delivery import signature
from oms.inventory import checking
from sandbox import demo_data as data
from sandbox.afternoon_data import (
    BASKET,
    CALL_CHANGES,
    RESTOCK,
    RESTOCK_FOLDER,
    RESTOCK_NAME,
    RESTOCKED,
    RIGHT_FIGURE,
    SOLD,
    WRONG_FIGURE,
    Afternoon,
    SentFile,
)
from sandbox.progress import heading, say, step, table
from sandbox.story import Levels, Scene

JOBS = (
    "import_item_receipt",
    "import_inventory_transfer",
    "import_inventory_adjustment",
    "import_inbound_shipment",
    "import_product_facility",
    "import_product_thresholds",
    "import_warehouse_allotment",
    "schedule_restock",
    "scheduled_restock",
    "undo_import",
    "manage_webhook_subscriptions",
    "receive_inventory_level_webhooks",
    "reconcile_inventory",
)
OUTCOMES = ("applied", "unchanged", "superseded", "duplicate", "skipped", "rejected")
LEVELS = "inventory_levels/update"
CALL = "/api/service/updateInventoryByIdentification"
ENTRY = re.compile(r" *\d+ +([+-]\d+) +([+-]\d+) +-?\d+ +-?\d+  \S")
OPENING = re.compile(r" +(-?\d+) +(-?\d+)  opening balance")

Log = dict[str, Any]


def tell(scene: Scene) -> None:
    """The whole afternoon; every number goes to `scene.demo.expect`."""
    heading("The afternoon: an ERP, a merchandiser, a till and the shop's customers, all at once")
    sent = Afternoon(scene.counts)
    before = scene.shop.available("demo")
    token, subscribing = prepare(scene, sent)
    with step("eight files dropped at once, each with a row that must be refused") as current:
        restock = (RESTOCK_FOLDER, "restock.csv", RESTOCK)
        after = drop(scene, restock, *((file.folder, file.name, file.text) for file in sent.files))
        preparing = scene.airflow.trigger("schedule_restock", {})
        current.note = ", ".join(["restock", *(file.what for file in sent.files)])
    calls(scene, token)
    subscribed(scene, subscribing)
    restocking = restock_by_hand(scene, preparing)
    logs = imported(scene, sent, after)
    settle(scene, sent, logs, after)
    state = scene.airflow.wait_for_run("scheduled_restock", restocking)
    scene.demo.expect("restock: the run that carries it out", "success", state)
    in_the_shop(scene, sent, before)
    account(scene, sent, logs)
    explained(scene, sent)


def prepare(scene: Scene, sent: Afternoon) -> tuple[str, str]:
    """What was set up once at a retailer; return the till's token and the run that subscribes to webhooks."""
    with step("a token for the till, NetSuite's ids of five products, webhooks asked for") as current:
        for dag_id in JOBS:
            scene.airflow.set_paused(dag_id, False)
        subscribing = scene.airflow.trigger(
            "manage_webhook_subscriptions",
            {
                "action": "subscribe",
                "category": "inventory",
                "shopId": "demo",
                "publicUrl": scene.airflow.base_url,
            },
        )
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "netsuite_ids.csv")
            file.write_text(sent.identifiers())
            identify = begin(scene, "identify", str(file))
            create = begin(scene, "token", "create", "till", "--scope", "inventory:write", "--expires", "1d")
            token, current.note = answer(create).strip(), answer(identify).strip()
    return token, subscribing


def begin(scene: Scene, *arguments: str) -> subprocess.Popen[str]:
    """Start a command of the OMS, as a person does in a shell."""
    return subprocess.Popen(
        [sys.executable, "-m", "oms", *arguments],
        env=os.environ | scene.demo.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answer(command: subprocess.Popen[str]) -> str:
    """What a command has printed. Raises RuntimeError if it was refused."""
    printed, errors = command.communicate(timeout=60)
    if command.returncode:
        raise RuntimeError(f"{command.args}: {command.returncode}\n{printed}{errors}")
    return printed


def drop(scene: Scene, *files: tuple[str, str, str]) -> int:
    """Put files (folder, name, text) on SFTP in one session; return the id of the last log before them."""
    (last,) = scene.query("select coalesce(max(log_id), 0) from oms.import_log")[0]
    with scene.demo.sftp() as sftp:
        for folder, name, text in files:
            with sftp.open(f"{folder}/{name}.part", "w") as file:
                file.write(text)
        for folder, name, _ in files:
            sftp.posix_rename(f"{folder}/{name}.part", f"{folder}/{name}")
    return last


def calls(scene: Scene, token: str) -> None:
    """The till sells, repeats itself, and somebody without a token tries, too."""
    expect = scene.demo.expect

    def call(body: object, key: str, token: str = token) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        return requests.post(scene.airflow.base_url + CALL, json=body, headers=headers, timeout=30)

    with step(
        "the till calls: a sale, the same again, a list of three, and calls that are refused"
    ) as current:
        first = call(SOLD[0], "POS:106:4711:1")
        again = call(SOLD[0], "POS:106:4711:1")
        listed = call(list(BASKET), "POS:106:4712")
        reused = call(BASKET[0], "POS:106:4711:1")
        nobody = call(SOLD[0], "POS:106:4713:1", token=token[:-1] + ("b" if token[-1] == "a" else "a"))
        current.note = f"{SOLD[0]['idValue']} has {first.json()['qoh']} left at {first.json()['facilityId']}"
    found = [(one.status_code, one.json().get("duplicate")) for one in (first, again)]
    expect("call, and the same again with its key", [(200, False), (200, True)], found)
    expect("call again: the same figures", first.json()["atp"], again.json()["atp"])
    expect(
        "list of three: status of each",
        (207, [200, 200, 404]),
        (listed.status_code, [one["status"] for one in listed.json()]),
    )
    expect("another sale with a used key", 409, reused.status_code)
    expect("a call with a token that nobody made", 401, nobody.status_code)


def subscribed(scene: Scene, run: str) -> None:
    """The shop's customers cancel what they ordered; it tells us, signed, and somebody else tries to."""
    with step("four customers cancel their orders of F: the shop tells us by signed webhooks") as current:
        state = scene.airflow.wait_for_run("manage_webhook_subscriptions", run)
        orders = [order for order in scene.shop.orders("demo") if order["cancelled"] is None]
        for order in orders:
            scene.shop.order_action("demo", order["id"], "cancel", restock=True)
        current.note = f"{len(orders)} orders"
    scene.demo.expect("webhooks: the run that subscribes", "success", state)
    level = scene.shop.levels("demo", sku="SEED-F", location=data.OUTLET)[0]
    body = {"inventory_item_id": level["item"], "location_id": level["location"], "available": 999}
    raw = json.dumps(body | {"updated_at": "2026-11-21T15:00:00Z"}).encode()
    forged = requests.post(
        f"{scene.airflow.base_url}/webhooks/shopify/demo",
        data=raw,
        headers={
            "Content-Type": "application/json",
            "X-Shopify-Topic": LEVELS,
            "X-Shopify-Shop-Domain": "demo.myshopify.com",
            "X-Shopify-Webhook-Id": str(uuid.uuid4()),
            "X-Shopify-Hmac-Sha256": signature("not the secret of this shop", raw),
        },
        timeout=30,
    )
    scene.demo.expect("webhooks: one signed with another secret", 401, forged.status_code)


def restock_by_hand(scene: Scene, preparing: str) -> str:
    """Carry the restock out now, though it is prepared for nine o'clock; return the run that does."""
    with step("a restock prepared for nine o'clock, and carried out by hand") as current:
        state = scene.airflow.wait_for_run("schedule_restock", preparing)
        ((shipment,),) = scene.query(
            "select shipment_id from oms.scheduled_restock where restock_name = %s", RESTOCK_NAME
        )
        run = scene.airflow.trigger("scheduled_restock", {"shipmentId": shipment})
        current.note = f"shipment {shipment}"
    scene.demo.expect("restock: the run that prepares it", "success", state)
    return run


def imported(scene: Scene, sent: Afternoon, after: int) -> dict[str, Log]:
    """Wait until all imports are closed; return their logs by what they are."""
    with step("all of them imported") as current:
        names = {file.name: file.what for file in sent.files}

        def closed() -> dict[str, Log] | None:
            logs = closed_logs(scene, after)
            return logs if names.keys() <= logs.keys() else None

        logs = scene.until("their logs to be closed", closed, seconds=300)
        refused = sum(log["rejected_count"] for log in logs.values())
        current.note = f"{refused} rows refused, each in the reject file of its import"
    return {what: logs[name] for name, what in names.items()}


def closed_logs(scene: Scene, after: int) -> dict[str, Log]:
    """Logs of closed files, by file name."""
    found = scene.query(
        """select file_name, row_to_json(log) from oms.import_log as log
            where log_id > %s and closed_at is not null""",
        after,
    )
    return dict(found)


def settle(scene: Scene, sent: Afternoon, logs: dict[str, Log], after: int) -> None:
    """Correct one file, undo another, receive the shipment; wait until all of it is done."""
    with step(
        "the adjustment's reject file corrected and dropped again, the transfer undone, a shipment received"
    ) as current:
        wrong = logs[sent.adjustment.what]
        with scene.demo.sftp() as sftp, sftp.open(wrong["reject_file"]) as file:
            rejects = file.read().decode()
        corrected = rejects.replace(WRONG_FIGURE, RIGHT_FIGURE)
        drop(scene, (sent.adjustment.folder, "corrected.csv", corrected))
        transfer = logs[sent.transfer.what]["log_id"]
        run = scene.airflow.trigger("undo_import", {"logId": transfer, "reason": "the file of another day"})
        receive = begin(scene, "receive", "INBOUND-1001", "--item", "1=5/1", "--item", "2=4")
        repaired = scene.until("corrected.csv", lambda: closed_logs(scene, after).get("corrected.csv"))
        undone = scene.airflow.wait_for_run("undo_import", run)
        current.note = answer(receive).strip().splitlines()[-1]
    logs["correction"] = repaired
    scene.demo.expect("reject file: line that was wrong", True, rejects != corrected)
    scene.demo.expect("undo of the transfer: the run", "success", undone)
    open_rejects = scene.query(
        "select count(*) from oms.open_reject where log_id in (%s, %s)", wrong["log_id"], repaired["log_id"]
    )
    scene.demo.expect("rejects of the adjustment that nobody has repaired", 0, open_rejects[0][0])


def in_the_shop(scene: Scene, sent: Afternoon, before: Levels) -> None:
    """Wait for the shop and what it tells of itself; compare every level, and let the report do so."""
    expected = sent.levels()
    with step("the shop shows all of it, and its webhooks are worked off") as current:
        scene.until_shop_shows(expected)
        scene.until("the webhooks", lambda: worked_off(scene))
        (events,) = scene.query("select count(*) from oms.webhook_inbox")[0]
        current.note = f"{events} webhooks"
    with step("reconcile_inventory compares every level with the shop") as current:
        run = scene.airflow.trigger("reconcile_inventory", {"shopId": "demo"})
        state = scene.airflow.wait_for_run("reconcile_inventory", run)
        run_id = f"reconcile_inventory/{run}"
        ((levels, path),) = scene.query(
            "select our_levels, csv_file from oms.drift_report where run_id = %s", run_id
        )
        current.note = f"{state}, {levels:,} levels, {path}"
    shown = scene.shop.available("demo")
    moved = [level for level in expected if before[level] != expected[level]]
    rows = [(*level, before[level], expected[level], shown[level]) for level in sorted(moved)]
    table("  In the shop", ["product", "location", "before", "expected", "shown"], rows)
    right = sum(shown[level] == quantity for level, quantity in expected.items())
    scene.demo.expect(f"afternoon: levels right in the shop ({len(moved)} moved)", len(expected), right)
    scene.demo.expect("drift report: levels compared", len(expected), levels)
    drifts = scene.query(
        """select sku, cause, detail from oms.drift_line join oms.drift_report using (report_id)
            where run_id = %s""",
        run_id,
    )
    scene.demo.expect("drift report: levels that differ", [], drifts)
    webhooks(scene)


def worked_off(scene: Scene) -> bool:
    """The shop has delivered everything, and nothing of it waits."""
    waiting = scene.query("select count(*) from oms.webhook_inbox where status = 'NEW'")[0][0]
    return not waiting and not scene.shop.describe("demo")["deliveries_waiting"]


def webhooks(scene: Scene) -> None:
    """Four of them tell of F at the outlet; the forged one is not among them."""
    told = scene.query(
        """select count(*) filter (where status in ('DONE', 'STALE')), count(*), max(payload ->> 'available')
             from oms.webhook_inbox
            where payload ->> 'inventory_item_id' in (select shopify_inventory_item_id::text
                                                        from oms.shop_product
                                                        join oms.product using (product_id)
                                                       where internal_name = 'SEED-F')"""
    )
    scene.demo.expect("webhooks on F: worked off, received, highest figure", (4, 4, "5"), told[0])
    bad = "select count(*) from oms.webhook_inbox where status = 'FAILED'"
    scene.demo.expect("webhooks that failed", 0, scene.query(bad)[0][0])
    drifting = "select count(*) from oms.shop_level_drift where drift <> 0"
    scene.demo.expect("webhooks: levels they say differ", 0, scene.query(drifting)[0][0])


def account(scene: Scene, sent: Afternoon, logs: dict[str, Log]) -> None:
    """What was sent, beside what became of it: rows, units in the ledger, positions."""
    rows = [imported_row(scene, file, logs[file.what]) for file in sent.files]
    log = logs["correction"]
    (units,) = scene.query(MOVED_BY_LOG, log["log_id"])[0]
    corrected = abs(sent.correction.units)
    rows.append(("ERP", "adjustment, corrected", log["total_count"], outcome(log), corrected, units))
    scene.demo.expect(
        "correction: rows, units", (1, "1 applied", corrected), (log["total_count"], outcome(log), units)
    )
    (units, entries) = scene.query(MOVED_BY_CALLS)[0]
    sold = sum(abs(change.units) for change in CALL_CHANGES)
    scene.demo.expect("calls: entries and units in the ledger", (len(CALL_CHANGES), sold), (entries, units))
    rows.append(
        (
            "till",
            "calls: 1, the same again, 3 in a list",
            5,
            f"{entries} applied, 1 duplicate, 1 refused",
            sold,
            units,
        )
    )
    (units, entries) = scene.query(MOVED_BY_SHIPMENTS, "VAR_SCH_SHIP_RECV")[0]
    scene.demo.expect("restock: entries and units", (1, RESTOCKED.units), (entries, units))
    rows.append(("merchandiser", "restock", 2, f"{entries} applied, 1 dropped", RESTOCKED.units, units))
    (units, entries) = scene.query(MOVED_BY_SHIPMENTS, "VAR_SHIP_RECV")[0]
    received = sum(change.units for change in sent.received)
    scene.demo.expect(
        "shipment received: entries and units", (len(sent.received), received), (entries, units)
    )
    rows.append(("store", "receipt of INBOUND-1001", 2, f"{entries} applied", received, units))
    (units, entries) = scene.query(TAKEN_BACK, logs[sent.transfer.what]["log_id"])[0]
    scene.demo.expect(
        "undo of the transfer: entries and units",
        (len(sent.transfer.changes), sent.transfer.units),
        (entries, units),
    )
    rows.append(("we", "undo of the transfer", 2, f"{entries} taken back", sent.transfer.units, units))
    table(
        "  What was sent and what came out",
        ["from", "what", "rows", "became", "units sent", "in the ledger"],
        rows,
    )
    positions(scene, sent)


MOVED_BY_LOG = "select coalesce(sum(abs(qoh_diff)), 0)::integer from oms.inventory_ledger where log_id = %s"
MOVED_BY_CALLS = """select coalesce(sum(abs(qoh_diff)), 0)::integer, count(*) from oms.inventory_ledger
                     where source_key like 'api:%%'"""
MOVED_BY_SHIPMENTS = """select coalesce(sum(qoh_diff), 0)::integer, count(*) from oms.inventory_ledger
                         where shipment_id is not null and reason_id = %s"""
TAKEN_BACK = """select coalesce(sum(abs(entry.qoh_diff)), 0)::integer, count(*)
                  from oms.inventory_ledger as entry
                  join oms.inventory_ledger as undone on undone.entry_id = entry.undoes_entry
                 where undone.log_id = %s"""


def imported_row(scene: Scene, file: SentFile, log: Log) -> tuple:
    """A file's line in the table; its account, its refusals and its units are compared."""
    good = file.rows - len(file.refused)
    (units,) = scene.query(MOVED_BY_LOG, log["log_id"])[0]
    expected = (file.rows, f"{good} applied, {len(file.refused)} rejected", file.units)
    scene.demo.expect(f"{file.what}: rows, units", expected, (log["total_count"], outcome(log), units))
    found = scene.query("select error_code from oms.import_reject where log_id = %s", log["log_id"])
    codes = sorted(code for (code,) in found)
    scene.demo.expect(f"{file.what}: refused because of", sorted(file.refused), codes)
    return file.sender, file.what, log["total_count"], outcome(log), file.units, units


def outcome(log: Log) -> str:
    """What became of the rows of a file; the account of all of them."""
    return ", ".join(f"{log[f'{name}_count']} {name}" for name in OUTCOMES if log[f"{name}_count"])


def positions(scene: Scene, sent: Afternoon) -> None:
    """Every position of the OMS against the sum of what was sent."""
    expected = sent.positions()
    found = {
        (sku, facility): (qoh, atp)
        for sku, facility, qoh, atp in scene.query(
            """select internal_name, facility_id, sum(qoh)::integer, sum(atp)::integer
                 from oms.inventory_item join oms.product using (product_id) group by 1, 2"""
        )
    }
    places = expected.keys() | found.keys()
    right = sum(found.get(place, (0, 0)) == (expected.get(place, 0),) * 2 for place in places)
    scene.demo.expect("afternoon: positions right, QOH and ATP", len(places), right)
    breaches = checking.breaches(scene.db)
    scene.demo.expect("afternoon: sums that do not add up (check)", [], breaches)


def explained(scene: Scene, sent: Afternoon) -> None:
    """`why` of one level: its entries, as a person reads them, sum to its number."""
    sku, facility = "SEED-C", data.RECENT_STORE
    with step(f"python -m oms why {sku} {facility}"):
        lines = answer(begin(scene, "why", sku, facility)).splitlines()
    entries = [match for line in lines if (match := ENTRY.match(line) or OPENING.match(line))]
    for line in lines:
        if ENTRY.match(line) or OPENING.match(line) or line in (lines[0], lines[-1]):
            say(f"    {line.strip()}")
    units = sent.positions()[sku, facility]
    sums = tuple(sum(int(match[part]) for match in entries) for part in (1, 2))
    scene.demo.expect(f"why {sku} {facility}: printed entries sum to QOH, ATP", (units, units), sums)
    scene.demo.expect(
        f"why {sku} {facility}: its number", f"QOH {units}, ATP {units}", lines[0].split(": ")[-1]
    )
