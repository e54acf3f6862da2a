"""What rings between jobs: files that arrived, balances that changed."""

from airflow.sdk import Asset, AssetAlias, AssetWatcher

from oms import catalog
from oms.catalog import ImportJob
from oms.config import job_settings
from oms.parameters import connection_id, resolve
from oms_airflow.file_arrival import SftpFileTrigger
from oms_airflow.row_changes import StockChangedTrigger, WebhooksTrigger

INVENTORY = Asset(catalog.INVENTORY, uri="oms://inventory")
INVENTORY_RESET = Asset(catalog.INVENTORY_RESET, uri="oms://inventory/reset")
FILE_HELD = Asset(catalog.FILE_HELD, uri="oms://files/held")
HOLDS = AssetAlias("holds")
"""Through it an import rings FILE_HELD only if a file waits for a person."""
DECISIONS = AssetAlias("decisions")
"""Through it a person's answer wakes the import that the file belongs to."""
BACKLOGS = AssetAlias("backlogs")
"""Through it an import rings for its own next run while more files wait than one takes."""
RESETS = AssetAlias("resets")
"""Through it an import rings INVENTORY_RESET only where somebody needs to hear it."""


def changes_for(mode: str, name: str) -> Asset:
    """Rings when stock has changed that locations in this mode show."""
    watcher = AssetWatcher(name="ledger", trigger=StockChangedTrigger(mode=mode))
    return Asset(name, uri=f"oms://inventory/changes/{mode.lower()}", watchers=[watcher])


def webhooks_on(topic: str, name: str) -> Asset:
    """Rings when events of a topic have come into the inbox."""
    watcher = AssetWatcher(name="inbox", trigger=WebhooksTrigger(topic=topic))
    return Asset(name, uri=f"oms://webhooks/{topic}", watchers=[watcher])


SIGNALS = {
    asset.name: asset
    for asset in (
        INVENTORY_RESET,
        FILE_HELD,
        changes_for("RECENT", catalog.STOCK_CHANGED_RECENT),
        changes_for("DELTA", catalog.STOCK_CHANGED_DELTA),
        webhooks_on("inventory_levels/update", catalog.LEVEL_WEBHOOKS),
    )
}


def arrivals_of(job: ImportJob) -> Asset:
    """Rings when a file has come to rest where this job's runs look for one by default."""
    params = resolve(job, {}, job_settings(job).parameters)
    trigger = SftpFileTrigger(
        connection_id=connection_id(params["propertyResource"]),
        path=params["importPath"],
        file_name=params["remoteFilename"],
        file_pattern=params["fileNameRegex"],
        settle_seconds=params["settleSeconds"],
    )
    return Asset(
        f"{job.dag_id}_files",
        uri=f"oms://files/{job.dag_id}",
        watchers=[AssetWatcher(name="folder", trigger=trigger)],
    )
