"""What starts jobs beside their clocks: signals, each with its name, its words and where it comes from.

Airflow's side makes an asset of each (`oms_airflow.assets`), the texts of the jobs take the words.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Signal:
    """Says that there is something to do, not what: a run looks for itself."""

    name: str
    words: str
    """What has happened, as it is put behind "after"."""
    uri: str
    stock_shown_in: str | None = None
    """Given by the database when stock has changed that locations in this mode show."""
    webhook_topic: str | None = None
    """Given by the database when events of this topic have come into the inbox."""


SIGNALS: dict[str, Signal] = {}
"""Every signal by its name."""


def _signal(signal: Signal) -> str:
    SIGNALS[signal.name] = signal
    return signal.name


INVENTORY = _signal(
    Signal(name="inventory", words="an import that changed balances", uri="oms://inventory"),
)
INVENTORY_RESET = _signal(
    Signal(
        name="inventory_reset",
        words="an inventory reset that changed something",
        uri="oms://inventory/reset",
    )
)
"""Given only if some location is in DELTA mode, which does not send resets."""
FILE_HELD = _signal(Signal(name="file_held", words="a file was held", uri="oms://files/held"))
STOCK_CHANGED_RECENT = _signal(
    Signal(
        name="stock_changed_recent",
        words="a change of stock",
        uri="oms://inventory/changes/recent",
        stock_shown_in="RECENT",
    )
)
STOCK_CHANGED_DELTA = _signal(
    Signal(
        name="stock_changed_delta",
        words="a change of stock",
        uri="oms://inventory/changes/delta",
        stock_shown_in="DELTA",
    )
)
LEVEL_WEBHOOKS = _signal(
    Signal(
        name="level_webhooks",
        words="webhooks on stock levels",
        uri="oms://webhooks/inventory_levels/update",
        webhook_topic="inventory_levels/update",
    )
)
