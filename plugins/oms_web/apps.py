"""The web apps as Airflow serves them: with its connections and its logins."""

from typing import Any

from fastapi import HTTPException, Request

from oms_airflow.connections import OMS_DB, connection, dsn_of
from oms_web import service
from oms_web.pool import Database


def web_apps() -> list[dict[str, Any]]:
    """Every app with the address it is mounted at. Nothing is connected before the first request."""
    database = Database(lambda: dsn_of(connection(OMS_DB)))
    return [
        {
            "name": "OMS API",
            "app": service.service_app(database, is_signed_in),
            "url_prefix": service.PREFIX,
        },
    ]


async def is_signed_in(request: Request) -> bool:
    """Whether Airflow knows who sent a request, by its cookie or by a token of Airflow's."""
    from airflow.api_fastapi.core_api.security import bearer_scheme, get_user

    try:
        await get_user(request, None, await bearer_scheme(request))
    except HTTPException:
        return False
    return True
