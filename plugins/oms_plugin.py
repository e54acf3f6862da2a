"""What the OMS adds to Airflow's API server: the REST API and the receiver of webhooks."""

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin


class WhenAsked:
    """The web apps, made when the API server asks for them: other processes import none of their code."""

    def __get__(self, _plugin: object, _class: type) -> list[dict[str, Any]]:
        from oms_web.apps import web_apps

        return web_apps()


class OmsPlugin(AirflowPlugin):
    name = "oms"
    fastapi_apps: ClassVar[Any] = WhenAsked()
