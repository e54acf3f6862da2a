"""``python -m fakeshop``: serve the shops of a state folder."""

import argparse
import gc
import json
import logging
from pathlib import Path

import uvicorn

from fakeshop import seed
from fakeshop.app import Gate, create_app
from fakeshop.world import World

log = logging.getLogger("fakeshop")


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="fakeshop", description="A local Shopify.")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: only this machine)"
    )
    parser.add_argument("--port", type=int, default=8099, help="port (default 8099)")
    parser.add_argument("--data", type=Path, default=Path(".fakeshop"), help="folder of the state")
    parser.add_argument(
        "--config", type=Path, help="JSON catalogue; shops that are not there yet are created"
    )
    return parser.parse_args()


def add_missing_shops(world: World, path: Path) -> None:
    """Create the shops of a catalogue that the state does not have."""
    catalogue = json.loads(path.read_text())
    missing = [
        spec for spec in catalogue["shops"] if spec["shop"].removesuffix(".myshopify.com") not in world.shops
    ]
    seed.seed(world, {"shops": missing})


def main() -> None:
    """Serve until told to stop."""
    given = arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    world = World(given.data)
    if given.config:
        add_missing_shops(world, given.config)
    gc.collect()
    gc.freeze()  # a million records need not be looked at again and again
    gc.set_threshold(50_000, 20, 100)
    log.info("serving %s on http://%s:%s", sorted(world.shops) or "no shop yet", given.host, given.port)
    uvicorn.run(
        Gate(create_app(world)),
        host=given.host,
        port=given.port,
        log_level="warning",
        access_log=False,
        timeout_keep_alive=75,
    )


if __name__ == "__main__":
    main()
