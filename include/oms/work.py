"""What a job that is one task is handed: its parameters, and how to open what it works on."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from oms.database import Connection
from oms.mail import Mail
from oms.shopify.client import ShopifyClient


@dataclass(frozen=True)
class Work:
    """One run of a job: the function named by `TaskJob.function` gets it and nothing else."""

    conn: Connection
    """In autocommit mode: the function opens its own transactions."""
    params: Mapping[str, Any]
    """Effective parameters, canonical names (`oms.parameters.resolve`)."""
    run_name: str
    """`dag_id/run_id`, for the record."""
    open_oms_db: Callable[[], Connection]
    """A further connection in autocommit mode; the caller closes it."""
    open_sftp: Callable[[str], AbstractContextManager[Any]]
    """An SFTP session by propertyResource, such as FTP_EXP_CONFIG."""
    open_shop: Callable[[str], ShopifyClient]
    """A client by shop id."""
    shop_extra: Callable[[str], Mapping[str, Any]] = field(default=lambda shop_id: {})
    """Extras of a shop's connection by shop id."""
    base_url: str | None = None
    """The address of this Airflow, as its settings name it."""
    send_mail: Callable[[Mail], bool] = lambda _: False
    """False: there is no mail server. Raises what the server answers."""
    run_type: str = "manual"
    """How the run was started: manual, scheduled, asset_triggered, operator_triggered."""
