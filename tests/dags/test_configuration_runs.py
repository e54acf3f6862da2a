"""One run of every DAG for settings of products, on a real SFTP server."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from oms import catalog
from sandbox import sftp
from tests.dags.conftest import states
from tests.dags.test_runs import rings_of
from tests.oms.sync.bench import Bench

APPLIED = {
    "wait_for_files": ["success"],
    "land": ["success"],
    "apply": ["success"],
    "close": ["success"],
    "confirm": ["skipped"],
}


@pytest.fixture
def floor(
    oms: Bench, sftp_server: sftp.Server, connections: Callable[[str, str], None], sftp_root: Path
) -> Bench:
    """Product A of ten units, and the server of the exports."""
    connections("ftp_exp_config", json.dumps(sftp_server.connection(by_key=True)))
    product = oms.world.product("A")
    oms.db.execute(
        "insert into oms.product_identification (product_id, identification_type_id, id_value) "
        "values (%s, 'SKU', 'A')",
        (product,),
    )
    oms.move("A", 10)
    for job in (catalog.IMPORT_PRODUCT_FACILITY, catalog.IMPORT_PRODUCT_THRESHOLDS):
        (sftp_root / job.import_path).mkdir(parents=True)
    return oms


def settings(oms: Bench) -> list[tuple]:
    return oms.db.execute(
        "select facility_id, minimum_stock, allow_pickup from oms.product_facility order by facility_id"
    ).fetchall()


def test_product_facility_files_set_what_they_say(floor: Bench, run: Callable, sftp_root: Path):
    folder = sftp_root / catalog.IMPORT_PRODUCT_FACILITY.import_path
    (folder / "PRODUCT_FACILITY_2026-01-31.csv").write_text(
        "product-sku,facility-id,facility-safety-stock,allow-pickup\nA,WH,4,N\nNOPE,WH,1,\n"
    )

    done = run(
        "import_product_facility", {"configID": "IMP_PROD_FACILITY", "propertyResources": "FTP_CONFIG"}
    )

    assert (done.state, states(done)) == ("success", APPLIED)
    assert settings(floor) == [("WH", 4, False)]
    assert rings_of(done) == [], "no balance has changed"
    assert "ERR_PRODUCT_NOT_FOUND" in next((folder / "error").iterdir()).read_text()


def test_inv_29_thresholds_go_out_and_come_in(floor: Bench, run: Callable, sftp_root: Path):
    folder = sftp_root / catalog.IMPORT_PRODUCT_THRESHOLDS.import_path
    floor.db.execute(
        """insert into oms.search_preference (search_preference_id, product_store_id, position, threshold)
           values ('SEARCH_PREF_001', 'STORE', 1, 3)"""
    )

    exported = run("export_product_thresholds", {"threshold": "4 units", "includeAll": True})

    assert (exported.state, states(exported)) == ("success", {"work": ["success"]})
    (path,) = folder.iterdir()
    assert path.name.startswith("product_threshold_SEARCH_PREF_001_")
    imported = run("import_product_thresholds")
    assert (imported.state, states(imported)) == ("success", APPLIED)
    assert settings(floor) == [("CONFIGURATION", 4, None)]
    assert floor.db.execute("select online_atp from oms.online_atp('FAC_GRP')").fetchall() == [(6,)]


def test_an_export_without_a_product_is_a_success_without_a_file(
    floor: Bench, run: Callable, sftp_root: Path
):
    floor.db.execute(
        """insert into oms.search_preference (search_preference_id, product_store_id, position, included_tags)
           values ('SP', 'STORE', 1, '{nobody}')"""
    )

    assert run("export_product_thresholds").state == "success"
    assert list((sftp_root / catalog.IMPORT_PRODUCT_THRESHOLDS.import_path).iterdir()) == []


def test_an_export_of_an_unknown_rule_fails(floor: Bench, run: Callable, sftp_root: Path):
    assert run("export_product_thresholds", {"searchPreferenceId": "NOPE"}).state == "failed"


def test_inv_30_a_shipment_is_announced_by_a_file_and_received_later(
    floor: Bench, run: Callable, sftp_root: Path, oms_dsn: str
):
    from oms.__main__ import main

    folder = sftp_root / catalog.IMPORT_INBOUND_SHIPMENT.import_path
    folder.mkdir(parents=True)
    (folder / "fulfillment.csv").write_text(
        "external-shipment-id,product-sku,quantity,origin-facility-id,destination-facility-id,item-external-id\n"
        "S1,A,6,STORE_9,WH,1\nS2,A,4,WH,WH,1\n"
    )

    done = run("import_inbound_shipment")

    assert (done.state, states(done)) == ("success", APPLIED)
    assert rings_of(done) == [], "no balance has changed"
    assert floor.db.execute("select external_id, status from oms.shipment").fetchall() == [("S2", "SHIPPED")]
    assert main(["--dsn", oms_dsn, "receive", "S2"]) == 0
    assert floor.db.execute("select qoh, atp from oms.inventory_item").fetchall() == [(14, 14)]
