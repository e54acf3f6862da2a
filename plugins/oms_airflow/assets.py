"""What rings between jobs: files that arrived, balances that changed."""

from airflow.sdk import Asset, AssetAlias, AssetWatcher

from oms.catalog import ImportJob, signals
from oms.catalog.signals import Signal
from oms.config import job_settings
from oms.parameters import connection_id, resolve
from oms_airflow.file_arrival import SftpFileTrigger
from oms_airflow.row_changes import StockChangedTrigger, WebhooksTrigger


def _asset_of(signal: Signal) -> Asset:
    """The asset that stands for a signal, watched where the database gives it."""
    watchers = []
    if signal.stock_shown_in is not None:
        trigger = StockChangedTrigger(mode=signal.stock_shown_in)
        watchers.append(AssetWatcher(name="ledger", trigger=trigger))
    if signal.webhook_topic is not None:
        watchers.append(AssetWatcher(name="inbox", trigger=WebhooksTrigger(topic=signal.webhook_topic)))
    return Asset(signal.name, uri=signal.uri, watchers=watchers)


SIGNALS = {name: _asset_of(signal) for name, signal in signals.SIGNALS.items()}
INVENTORY = SIGNALS[signals.INVENTORY]
INVENTORY_RESET = SIGNALS[signals.INVENTORY_RESET]
FILE_HELD = SIGNALS[signals.FILE_HELD]
HOLDS = AssetAlias("holds")
"""Through it an import rings FILE_HELD only if a file waits for a person."""
DECISIONS = AssetAlias("decisions")
"""Through it a person's answer wakes the import that the file belongs to."""
BACKLOGS = AssetAlias("backlogs")
"""Through it an import rings for its own next run while more files wait than one takes."""
RESETS = AssetAlias("resets")
"""Through it an import rings INVENTORY_RESET only where somebody needs to hear it."""


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
