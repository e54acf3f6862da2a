"""What survives, what a seed may be, who may use the side door."""

import re
import socket
import time

import pytest
import requests

from fakeshop.testing import TOKEN, ShopServer, new_key, running_shop
from tests.fakeshop.conftest import CATALOGUE, Demo
from tests.fakeshop.test_bulk import DONE, READ, ROW, jsonl, line, run_mutation, upload
from tests.fakeshop.test_webhooks import Receiver, subscribe


@pytest.fixture
def own(tmp_path) -> ShopServer:
    with running_shop(tmp_path / "state") as server:
        server.seed(CATALOGUE)
        yield server


def reborn(server: ShopServer) -> Demo:
    server.kill()
    server.start()
    return Demo(server)


def test_everything_survives_kill_9(own: ShopServer):
    demo = Demo(own)
    key = new_key()
    first = demo.adjust(demo.change("MUG-R", -1), key=key)
    order = own.place_order("demo", {"sku": "MUG-R", "quantity": 2, "location": "Store"})
    own.switch("demo", plan="plus")
    own.clock(600)
    subscribe(demo, "ORDERS_CREATE", "http://127.0.0.1:9/hook")
    before = (own.levels("demo"), own.orders("demo"), own.journal("demo"), own.describe("demo"))

    demo = reborn(own)

    assert (own.levels("demo"), own.orders("demo"), own.journal("demo"), own.describe("demo")) == before
    assert own.door("POST", "clock", {"offset": 600})["offset"] == 600
    assert demo.adjust(demo.change("MUG-R", -1), key=key) == first
    assert demo.level("MUG-R")["available"] == 7
    again = own.place_order("demo", {"sku": "MUG-R", "quantity": 1})
    assert (again["id"] > order["id"], again["number"]) == (True, order["number"] + 1)


def test_an_answered_change_is_never_lost(own: ShopServer):
    demo = Demo(own)
    for number in range(1, 3):
        demo.adjust(demo.change("MUG-R", -1))
        demo = reborn(own)
        assert demo.level("MUG-R")["available"] == 10 - number


def test_a_bulk_mutation_goes_on_after_kill_9_and_applies_once(own: ShopServer):
    demo = Demo(own)
    rows = [line(demo, "MUG-R", -1) for _ in range(400)]
    operation = run_mutation(demo, upload(demo, jsonl(*rows)), ROW)["bulkOperation"]["id"]
    deadline = time.monotonic() + 60
    while demo.level("MUG-R")["available"] > 0 and time.monotonic() < deadline:
        time.sleep(0.005)

    demo = reborn(own)

    while True:
        found = demo.call(READ, {"id": operation})["data"]["bulkOperation"]
        if found["status"] in DONE:
            break
        assert time.monotonic() < deadline + 20
        time.sleep(0.05)
    assert (found["status"], found["objectCount"]) == ("COMPLETED", "400")
    assert demo.level("MUG-R")["available"] == 10 - 400
    assert len({entry["key"] for entry in own.journal("demo")}) == 400
    assert len(requests.get(found["url"], timeout=10).text.splitlines()) == 400


def test_a_waiting_webhook_is_delivered_after_a_restart(own: ShopServer):
    demo = Demo(own)
    receiver = Receiver()
    own.switch("demo", webhook_delay=1.0)
    subscribe(demo, "ORDERS_CREATE", receiver.url)
    order = own.place_order("demo", {"sku": "MUG-R", "quantity": 1})

    reborn(own)

    ((_, body),) = receiver.wait(1)
    assert body["id"] == order["id"]
    receiver.server.shutdown()
    receiver.server.server_close()


def test_shops_are_strangers_to_each_other(server: ShopServer):
    server.reset()
    two = [CATALOGUE["shops"][0] | {"shop": name, "access_token": f"shpat_{name}"} for name in ("one", "two")]
    server.seed({"shops": two})

    server.adjust("one", "MUG-R", "Store", delta=-3)

    assert server.available("one")["MUG-R", "Store"] == 7
    assert server.available("two")["MUG-R", "Store"] == 10
    assert server.post("two", "{ shop { name } }", token="shpat_one").status_code == 401
    ids = [{one["item"] for one in server.levels(name)} for name in ("one", "two")]
    assert not ids[0] & ids[1]
    server.seed({"shops": two[:1]})
    assert server.available("one")["MUG-R", "Store"] == 10
    assert not ids[0] & {one["item"] for one in server.levels("one")}


@pytest.mark.parametrize(("change", "named"), [
    ({"colour": "red"}, "colour"),
    ({"locations": [{"nome": "Store"}]}, "nome"),
    ({"products": [{"title": "A", "variants": [{"sku": "A", "levels": {"Nowhere": 1}}]}]}, "Nowhere"),
    ({"settings": {"speed": 1}}, "speed"),
    ({"locations": [{"name": "A", "id": 5}, {"name": "B", "id": 5}]}, "id 5 is there twice"),
])  # fmt: skip
def test_a_wrong_seed_is_refused_and_named(server: ShopServer, change, named):
    server.reset()
    with pytest.raises(RuntimeError, match=named):
        server.seed({"shops": [{"shop": "bad", "access_token": TOKEN} | change]})
    assert server.door("GET", "health")["levels"] == {}


def test_a_seed_may_choose_its_ids(server: ShopServer):
    server.reset()
    beyond = 2**53 + 1
    variant = {"sku": "A", "id": beyond, "inventory_item_id": beyond + 2, "levels": {"Store": 1}}
    server.seed({
        "shops": [
            {
                "shop": "demo",
                "access_token": TOKEN,
                "locations": [{"name": "Store", "id": 501}],
                "products": [{"title": "A", "id": 101, "variants": [variant]}],
            }
        ]
    })  # fmt: skip

    body = server.graphql("demo", "{ productVariants(first: 1) { nodes { id inventoryItem { id } } } }")

    (node,) = body["data"]["productVariants"]["nodes"]
    assert node["id"] == f"gid://shopify/ProductVariant/{beyond}"
    assert node["inventoryItem"]["id"] == f"gid://shopify/InventoryItem/{beyond + 2}"


def test_faults_that_do_not_exist_are_refused(demo: Demo):
    with pytest.raises(RuntimeError, match="unknown fault"):
        demo.server.fault("earthquake")
    with pytest.raises(RuntimeError, match="phase"):
        demo.server.fault("delay", phase="sometimes")


def test_by_hand_and_journal(demo: Demo):
    demo.server.adjust("demo", "MUG-R", "Store", value=42)
    demo.adjust(demo.change("MUG-R", -2), key="k1")
    demo.server.place_order("demo", {"sku": "MUG-R", "quantity": 1, "location": "Store"})

    entries = demo.server.journal("demo")

    assert [(one["source"], one["event"], one["key"]) for one in entries] == [
        ("hand", "hand", None),
        ("api", "adjust", "k1"),
        ("customer", "order", None),
    ]
    assert [change[:2] for change in entries[2]["changes"]] == [["available", -1], ["committed", 1]]
    assert demo.level("MUG-R")["available"] == 39


def test_the_side_door_is_closed_to_other_machines(tmp_path):
    address = other_address()
    if address is None:
        pytest.skip("this machine has no address but loopback")
    with running_shop(tmp_path / "open", host="0.0.0.0") as server:
        server.seed(CATALOGUE)
        base = f"http://{address}:{server.port}"
        for path in ("/_fakeshop/health", "/"):
            assert requests.get(base + path, timeout=5).status_code == 403
        answer = requests.post(
            f"{base}/demo/admin/api/2026-10/graphql.json",
            json={"query": "{ shop { name } }"},
            headers={"X-Shopify-Access-Token": TOKEN},
            timeout=5,
        )
        assert answer.json()["data"] == {"shop": {"name": "demo"}}


def other_address() -> str | None:
    """Return an address of this machine that is not loopback; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = probe.getsockname()[0]
    return None if re.match(r"127\.", address) else address


def test_the_state_is_readable_by_its_owner_only(own: ShopServer):
    """It holds the shops' access tokens."""
    files = list((own.data).glob("fakeshop.sqlite*"))

    assert len(files) == 3  # with those of its write-ahead log
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
