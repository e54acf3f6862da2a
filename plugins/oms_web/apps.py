"""The web apps as Airflow serves them: with its connections and its logins."""

import logging
from typing import Any

from airflow.sdk.configuration import conf
from fastapi import HTTPException, Request

from oms.api.limits import Limit
from oms.webhooks.receiving import Sender, sender_of
from oms_airflow.connections import OMS_DB, MissingConnection, connection, dsn_of, shop_login
from oms_web import service, webhooks
from oms_web.pool import Database

log = logging.getLogger(__name__)


def web_apps() -> list[dict[str, Any]]:
    """Every app with the address it is mounted at. Nothing is connected before the first request."""
    database = Database(lambda: dsn_of(connection(OMS_DB)))
    return [
        {
            "name": "OMS API",
            "app": service.service_app(database, is_signed_in, limit),
            "url_prefix": service.PREFIX,
        },
        {
            "name": "OMS webhooks",
            "app": webhooks.webhook_app(database, sender),
            "url_prefix": webhooks.PREFIX,
        },
    ]


def limit() -> Limit | None:
    """What a token may change, from Airflow's settings, section `oms_api`; None: no limit was asked for."""
    usual = Limit()
    per_second = conf.getfloat("oms_api", "changes_per_second", fallback=usual.per_second)
    if not per_second:
        return None
    return Limit(per_second, conf.getint("oms_api", "changes_at_once", fallback=usual.burst))


async def is_signed_in(request: Request) -> bool:
    """Whether Airflow knows who sent a request, by its cookie or by a token of Airflow's."""
    from airflow.api_fastapi.core_api.security import bearer_scheme, get_user

    try:
        await get_user(request, None, await bearer_scheme(request))
    except HTTPException:
        return False
    return True


def sender(connection_id: str) -> Sender | None:
    """Who delivers webhooks for a shop's connection; None if it is not set."""
    try:
        host, _, extra = shop_login(connection_id)
    except MissingConnection:
        log.warning("a webhook came for a shop whose connection %s is not set", connection_id)
        return None
    return sender_of(host, extra)
