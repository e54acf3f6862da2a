"""The whole sandbox with a shop, its products and stores: what the benchmarks through Airflow run on."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sandbox import demo_data as data
from sandbox import stack
from sandbox.demo import Demo
from sandbox.layout import FOLDER_VARIABLE, Sandbox
from sandbox.progress import step
from sandbox.story import JOBS, SETUP, Scene

SHOP = "demo"
VARIANTS_OF_A_PRODUCT = 5
RUN = f"BENCH-{int(time.time()):x}".upper()


@contextmanager
def sandbox_up() -> Iterator[Sandbox]:
    """A sandbox in a throw-away folder; one that runs in OMS_SANDBOX_FOLDER is used and left as it is."""
    given = os.environ.get(FOLDER_VARIABLE)
    sandbox = Sandbox(Path(given or tempfile.mkdtemp(prefix="oms-live-")).absolute())
    try:
        stack.up(sandbox)
    except stack.AlreadyUp:
        yield sandbox
        return
    try:
        yield sandbox
    finally:
        with step("taking the sandbox down"):
            stack.down(sandbox) if given else stack.clean(sandbox)


@contextmanager
def business(variants: int) -> Iterator[Scene]:
    """The example stores and a shop with that many variants, known to the OMS, nothing in stock anywhere."""
    with sandbox_up() as sandbox:
        scene = Scene(Demo(sandbox, stack.api_of(sandbox), sandbox.read_environment()))
        token = json.loads(scene.demo.environment["AIRFLOW_CONN_SHOPIFY_DEMO"])["password"]
        with step(f"a shop with {variants:,} variants"):
            scene.shop.reset()
            scene.shop.seed(shop_seed(variants, token))
        with step("facilities, groups and locations"):
            command = [sys.executable, "-m", "oms", "setup", str(SETUP)]
            environment = os.environ | scene.demo.environment
            subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        with step("initial_load"):
            scene.until("Airflow to know the jobs", lambda: len(scene.airflow.dags()) >= len(JOBS))
            run = scene.airflow.trigger("initial_load", {"shopId": [SHOP]})
            state = scene.airflow.wait_for_run("initial_load", run, seconds=300)
            known = scene.query("select count(*) from oms.shop_product where thru_date is null")[0][0]
            if (state, known) != ("success", variants):
                raise RuntimeError(f"initial_load: {state}, {known} of {variants} variants")
            scene.until_at_rest()
        with contextlib.closing(scene):
            yield scene


def sku(number: int) -> str:
    """The SKU of a variant, counted from 0; never that of an earlier run on the same sandbox."""
    return f"{RUN}-{number:06d}"


def shop_seed(variants: int, token: str) -> dict[str, Any]:
    """The local shop for its side door: every variant active with 0 at all locations."""
    levels = dict.fromkeys(data.LOCATION_IDS, 0)
    products = [
        {
            "title": f"Product {first:06d}",
            "variants": [
                {"sku": sku(number), "title": f"Size {number - first}", "levels": levels}
                for number in range(first, min(first + VARIANTS_OF_A_PRODUCT, variants))
            ],
        }
        for first in range(0, variants, VARIANTS_OF_A_PRODUCT)
    ]
    locations = [{"id": number, "name": name} for name, number in data.LOCATION_IDS.items()]
    return {"shops": [{"shop": SHOP, "access_token": token, "locations": locations, "products": products}]}
