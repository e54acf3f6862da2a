"""The apps in Airflow's own API server: their addresses, and that nothing answers whoever asks."""

import json
import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import requests
from fastapi import FastAPI
from fastapi.routing import APIRoute

from oms.api import tokens
from tests.dags.conftest import airflow_db, connections, oms_connection  # noqa: F401 - fixtures
from tests.oms.world import World
from tests.web.conftest import PATH, Caller, Postman, served

SHOP = {
    "conn_type": "http",
    "host": "https://demo.myshopify.com",
    "password": "shpat_x",
    "extra": {"client_secret": "current-secret"},
}


@pytest.fixture(scope="module")
def airflow_app(airflow_db) -> FastAPI:
    """The API server with the plugins of this project."""
    from airflow.api_fastapi.app import create_app

    return create_app(apps="core")


@pytest.fixture
def url(airflow_app: FastAPI, oms_dsn: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("AIRFLOW_CONN_OMS_DB", oms_connection(oms_dsn))
    monkeypatch.setenv("AIRFLOW_CONN_SHOPIFY_DEMO", json.dumps(SHOP))
    with served(airflow_app) as address:
        yield address


def plugin_routes() -> list[tuple[str, str]]:
    """Method and address of every route of every app that a plugin registers, parameters filled in."""
    from airflow.plugins_manager import get_fastapi_plugins

    found = []
    for registered in get_fastapi_plugins()[0]:
        for route in registered["app"].routes:
            path = registered["url_prefix"] + re.sub(r"\{[^}]*\}", "x", route.path)
            found += [(method, path) for method in sorted(getattr(route, "methods", None) or {"GET"})]
            assert isinstance(route, APIRoute), f"{path}: say here how {type(route).__name__} is closed"
    return found


def test_nothing_answers_without_a_login_a_token_or_a_signature(url: str):
    routes = plugin_routes()

    answers = {
        (method, path): requests.request(method, url + path, timeout=30, allow_redirects=False).status_code
        for method, path in routes
    }

    assert {
        ("POST", PATH),
        ("GET", "/api/service/openapi.json"),
        ("GET", "/api/service/docs"),
        ("POST", "/webhooks/shopify/x"),
    } <= answers.keys()
    assert {route: status for route, status in answers.items() if status not in (401, 403)} == {}


def test_the_usual_addresses_of_descriptions_are_not_served(url: str):
    for prefix in ("/api/service", "/webhooks"):
        for page in ("redoc", "docs/oauth2-redirect"):
            assert requests.get(f"{url}{prefix}/{page}", timeout=30).status_code == 404
    assert requests.get(f"{url}/webhooks/docs", timeout=30).status_code == 404
    assert requests.get(f"{url}/webhooks/openapi.json", timeout=30).status_code == 404


def test_inv_26_at_exactly_this_address(url: str, oms_db: psycopg.Connection, shop_floor: World):
    assert PATH == "/api/service/updateInventoryByIdentification"
    caller = Caller(url, oms_db)

    told = caller.sell(2, "k1")

    assert (told.status_code, told.json()["qoh"], told.json()["webSiteId"]) == (200, 8, "API")
    assert caller.sell(2, "k1").json()["duplicate"] is True
    assert caller.position() == (8, 8)


def test_inv_25_a_delivery_with_the_secret_of_the_airflow_connection(
    url: str, oms_db: psycopg.Connection, shops: World
):
    postman = Postman(url, oms_db)

    assert postman.deliver(secret="guess").status_code == 401
    assert postman.deliver(shop="unset").status_code == 401
    assert postman.deliver().json() == {"result": "stored"}
    assert postman.inbox() == [("w1", "NEW")]


def airflow_token(role: str = "viewer") -> str:
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    return get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=role, role=role))


def as_admin(url: str, method: str, path: str, body: Any = None) -> requests.Response:
    header = {"Authorization": f"Bearer {airflow_token('admin')}"}
    return requests.request(method, f"{url}/api/v2/{path}", json=body, headers=header, timeout=60)


@pytest.mark.parametrize(
    ("name", "said", "status"),
    [
        ("frequency", "15 minutes", 200),
        ("bufferTime", "5 minutes", 200),
        ("bufferTime", 5, 200),
        ("scheduleNow", "Enabled", 200),
        ("scheduleNow", "Disabled", 200),
        ("scheduleNow", False, 200),
        ("frequency", "often", 400),
        ("frequency", True, 400),
        ("scheduleNow", "Enabledd", 400),
        ("scheduleNow", 1, 400),
    ],
)
def test_airflow_takes_the_texts_of_the_product_documents(url: str, name: str, said: Any, status: int):
    run = {"logical_date": None, "conf": {name: said}}

    told = as_admin(url, "POST", "dags/sync_inventory_from_shopify/dagRuns", run)

    assert told.status_code == status, told.text
    assert status == 200 or f"Invalid input for param {name}" in told.text


@pytest.mark.parametrize(
    ("name", "field"), [("frequency", "integer"), ("bufferTime", "integer"), ("scheduleNow", "boolean")]
)
def test_the_form_still_shows_a_switch_or_a_number_where_a_text_is_taken(url: str, name: str, field: str):
    """What Airflow's form does with several types: a text area, or beside examples the first type's field."""
    page = as_admin(url, "GET", "dags/sync_inventory_from_shopify/details").json()

    schema = page["params"][name]["schema"]

    assert [kind for kind in schema["type"] if kind != "null"] == [field, "string"]
    assert schema["examples"]
    assert "enum" not in schema, "of a number it would make a list"


def test_the_description_is_for_a_logged_in_airflow_user(url: str):
    page = requests.get(f"{url}/api/service/docs", cookies={"_token": airflow_token()}, timeout=30)
    openapi = requests.get(
        f"{url}/api/service/openapi.json", headers={"Authorization": f"Bearer {airflow_token()}"}, timeout=30
    )

    assert (page.status_code, openapi.status_code) == (200, 200)
    assert "/updateInventoryByIdentification" in openapi.json()["paths"]
    assert requests.get(f"{url}/api/service/docs", cookies={"_token": "x"}, timeout=30).status_code == 401


def test_a_login_to_airflow_is_no_token(url: str, oms_db: psycopg.Connection, shop_floor: World):
    caller = Caller(url, oms_db)
    caller.token = airflow_token()

    assert caller.sell(1).status_code == 401
    told = requests.post(url + PATH, json={}, cookies={"_token": airflow_token()}, timeout=30)
    assert told.status_code == 401
    assert caller.position() == (10, 10)


def test_a_token_of_ours_opens_nothing_of_airflow_s(url: str, oms_db: psycopg.Connection):
    token = tokens.create(oms_db, "pos", ["inventory:write"])
    oms_db.commit()

    told = requests.get(f"{url}/api/v2/dags", headers={"Authorization": f"Bearer {token}"}, timeout=30)

    assert told.status_code in (401, 403)


def test_without_its_database_the_api_says_so(airflow_app: FastAPI, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AIRFLOW_CONN_OMS_DB", raising=False)
    with served(airflow_app) as address:
        told = requests.post(
            address + PATH, headers={"Authorization": "Bearer oms_0123456789ab_" + 43 * "x"}, timeout=30
        )

    assert (told.status_code, told.headers["content-type"]) == (503, "application/problem+json")
    assert told.headers["retry-after"] == "2"
