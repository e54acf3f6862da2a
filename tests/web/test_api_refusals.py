"""Who may call the API, and what it makes of bodies that are none (issue: bad input; RFC 9457)."""

import json
import re

import pytest
import requests

from oms.__main__ import main
from oms.api import tokens
from tests.web.conftest import PATH, Caller, sale


def assert_problem(told: requests.Response, status: int, code: str) -> None:
    assert (told.status_code, told.headers["content-type"]) == (status, "application/problem+json"), told.text
    problem = told.json()
    assert (problem["status"], problem["code"], problem["type"]) == (status, code, f"urn:oms:problem:{code}")
    assert problem["title"]
    assert problem["detail"]


def tampered(token: str) -> str:
    return token[:-1] + ("A" if token[-1] != "A" else "B")


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Basic cG9zOnBvcw==", "Bearer", "Bearer x", "Bearer oms_0123456789ab_" + 43 * "x", "{token}",
     "Bearer {token}x", "Bearer {other}", "Bearer {token}\x00"],
)  # fmt: skip
def test_without_a_valid_token_nothing_is_done(caller: Caller, authorization):
    before = caller.stored()
    headers = {"Content-Type": "application/json"}
    if authorization is not None:
        filled = authorization.replace("{token}", caller.token).replace("{other}", tampered(caller.token))
        headers["Authorization"] = filled.replace("\x00", "%00")

    told = requests.post(
        caller.url + PATH,
        json.dumps(sale(2)),
        headers=headers,
        timeout=9,
    )

    assert_problem(told, 401, "ERR_UNAUTHENTICATED")
    assert told.headers["www-authenticate"].startswith("Bearer")
    assert caller.stored() == before


def test_a_revoked_token_ends_at_once(caller: Caller):
    assert caller.sell(1).status_code == 200
    tokens.revoke(caller.db, caller.token.split("_")[1])
    caller.db.commit()

    told = caller.sell(1)

    assert_problem(told, 401, "ERR_UNAUTHENTICATED")
    assert "revoked" in told.json()["detail"]
    assert caller.position() == (9, 9)


def test_an_expired_token(caller: Caller):
    caller.token = caller.new_token("pos", expires="1d")
    assert caller.sell(1).status_code == 200
    caller.db.execute("update oms.api_token set expires_at = now() - interval '1 second'")
    caller.db.commit()

    told = caller.sell(1)

    assert_problem(told, 401, "ERR_UNAUTHENTICATED")
    assert "expired" in told.json()["detail"]


def test_a_token_without_the_scope(caller: Caller):
    caller.token = caller.new_token("reader", scopes=("docs:read",))

    told = caller.sell(1)

    assert_problem(told, 403, "ERR_SCOPE")
    assert 'scope="inventory:write"' in told.headers["www-authenticate"]
    assert caller.position() == (10, 10)


BAD_FIELDS = [
    ("idValue", None, "is missing"),
    ("idValue", "  ", "is missing"),
    ("idValue", 30065245099, "leading zeros"),
    ("idValue", "x" * 256, "at most 255"),
    ("idValue", "A\0B", "NUL"),
    ("idType", ["UPCA"], "not a list"),
    ("availableDelta", "-2", "without quotes"),
    ("availableDelta", -2.5, "whole number"),
    ("availableDelta", -2.0, "whole number without a decimal point"),
    ("availableDelta", "1.000", "without quotes"),
    ("availableDelta", True, "not true or false"),
    ("availableDelta", None, "is missing"),
    ("availableDelta", 10**9 + 1, "beyond"),
    ("availableDelta", 10**40, "whole number"),
    ("facilityId", {"id": "WH"}, "not an object"),
    ("varianceReasonId", 7, "expected a text"),
    ("comments", "x" * 256, "at most 255"),
    ("effectiveDate", "2026-08-01", "with its zone"),
    ("effectiveDate", "2026-08-01T10:00:00", "with its zone"),
    ("effectiveDate", "yesterday", "with its zone"),
    ("effectiveDate", 1785542400, "with its zone"),
    ("effectiveDate", "0001-01-01T00:00:00Z", "with its zone"),
    ("effectiveDate", "2099-01-01T00:00:00Z", "future"),
    ("negativePolicy", "maybe", "allow, floor or reject"),
    ("availabledelta", -2, "no field"),
]


@pytest.mark.parametrize(("field", "value", "words"), BAD_FIELDS)
def test_a_field_that_is_wrong_is_named(caller: Caller, field, value, words):
    before = caller.stored()

    told = caller.send(sale(2) | {field: value}, "k1")

    assert_problem(told, 400, "ERR_VALIDATION")
    assert told.json()["field"] == field
    assert words in told.json()["errors"][0]["detail"]
    assert caller.stored() == before


def test_all_wrong_fields_are_named_at_once(caller: Caller):
    told = caller.send({"idType": "SKU", "availableDelta": "x"})

    assert [one["field"] for one in told.json()["errors"]] == [
        "idValue",
        "availableDelta",
        "facilityId",
        "varianceReasonId",
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "ERR_JSON"),
        (b"{", "ERR_JSON"),
        (b'{"idType": NaN}', "ERR_JSON"),
        (b"\xff\xfe{}", "ERR_JSON"),
        (b'"text"', "ERR_BODY"),
        (b"null", "ERR_BODY"),
        (b"[]", "ERR_BODY"),
        (b"[" + b",".join([b"{}"] * 1001) + b"]", "ERR_BODY"),
        (b"[" * 100_000, "ERR_JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "ERR_JSON"),
        (b"[" * 500 + b"]" * 500, "ERR_JSON"),
        (b'{"a":' * 500 + b"1" + b"}" * 500, "ERR_JSON"),
    ],
)
def test_a_body_that_is_no_call(caller: Caller, body, code):
    told = caller.send(data=body, headers={"Content-Type": "application/json"})

    assert_problem(told, 400, code)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_huge_body_is_refused(caller: Caller, chunked):
    body = json.dumps([sale(1, comments="x" * 200)] * 4000).encode()
    assert len(body) > 1 << 20

    told = caller.send(
        data=iter([body[:700_000], body[700_000:]]) if chunked else body,
        headers={"Content-Type": "application/json"},
    )

    assert_problem(told, 413, "ERR_TOO_LARGE")
    assert caller.entries() == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
def test_another_kind_of_body(caller: Caller, headers):
    told = caller.send(data=json.dumps(sale(1)), headers=headers)

    assert told.status_code == 415
    assert caller.entries() == []


@pytest.mark.parametrize("key", ["x" * 65, "", "with blank", "käse".encode()])
def test_a_key_that_cannot_be_kept(caller: Caller, key):
    told = caller.sell(1, key)

    assert_problem(told, 400, "ERR_KEY")
    assert caller.entries() == []


def test_a_key_of_64_characters(caller: Caller):
    key = "POS:101:" + "9" * 56

    assert caller.sell(1, key).status_code == 200
    assert caller.sell(1, key).json()["duplicate"] is True


@pytest.mark.parametrize("policy", ["allow", "floor", "reject"])
def test_a_position_beyond_the_range_of_figures(caller: Caller, policy: str):
    assert caller.sell(-(10**9 - 10)).status_code == 200

    told = caller.sell(-1, "k1", negativePolicy=policy)

    assert_problem(told, 422, "ERR_RANGE")
    assert "1,000,000,000" in told.json()["detail"]
    assert caller.position() == (10**9,) * 2
    assert caller.sell(3, "k1").status_code == 200


def test_a_position_below_the_range_of_figures(caller: Caller):
    assert caller.sell(10**9, "k1").status_code == 200

    assert_problem(caller.sell(11, "k2"), 422, "ERR_RANGE")
    assert caller.sell(10, "k3").status_code == 200
    assert caller.position() == (-(10**9),) * 2


def test_other_addresses_and_methods_are_problems_too(caller: Caller):
    assert_problem(requests.get(caller.url + "/api/service/nothing", timeout=9), 404, "ERR_HTTP_404")
    told = requests.get(caller.url + PATH, timeout=9)
    assert_problem(told, 405, "ERR_HTTP_405")


def test_the_description_is_for_holders_of_a_token(caller: Caller):
    headers = {"Authorization": f"Bearer {caller.token}"}

    openapi = requests.get(caller.url + "/api/service/openapi.json", headers=headers, timeout=9).json()
    page = requests.get(caller.url + "/api/service/docs", headers=headers, timeout=9)

    operation = openapi["paths"]["/updateInventoryByIdentification"]["post"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]["oneOf"][0]
    assert body["required"] == ["idType", "idValue", "availableDelta", "facilityId", "varianceReasonId"]
    assert {"200", "207", "401", "409", "422"} <= set(operation["responses"])
    assert openapi["servers"] == [{"url": "/api/service"}]
    assert page.headers["content-type"].startswith("text/html")
    assert "negativePolicy" in page.text
    assert "<script" not in page.text


def test_tokens_by_command(caller: Caller, oms_dsn: str, capsys: pytest.CaptureFixture):
    assert (
        main(["--dsn", oms_dsn, "token", "create", "erp", "--scope", "inventory:write", "--expires", "90d"])
        == 0
    )
    caller.token = capsys.readouterr().out.strip()
    assert caller.sell(1).status_code == 200

    assert main(["--dsn", oms_dsn, "token", "list"]) == 0
    listed = capsys.readouterr().out
    assert re.search(r"erp .* inventory:write +valid until \d{4}-", listed)
    assert caller.token.split("_", 2)[2] not in listed

    assert main(["--dsn", oms_dsn, "token", "revoke", "erp"]) == 0
    assert caller.sell(1).status_code == 401
    assert main(["--dsn", oms_dsn, "token", "revoke", "erp"]) == 1
    capsys.readouterr()
    main(["--dsn", oms_dsn, "token", "list"])
    assert re.search(r"erp .* revoked \d{4}-", capsys.readouterr().out)


@pytest.mark.parametrize("expires", ["2020-01-01", "0d", "soon"])
def test_a_token_that_would_never_be_valid(oms_dsn: str, capsys: pytest.CaptureFixture, expires):
    given = ["--dsn", oms_dsn, "token", "create", "erp", "--scope", "inventory:write", "--expires", expires]

    assert main(given) == 2
    assert expires in capsys.readouterr().err


def test_the_database_holds_no_secret(caller: Caller):
    secret = caller.token.split("_", 2)[2]

    row = caller.db.execute("select t::text, secret_hash from oms.api_token t").fetchone()

    assert secret not in row[0]
    assert secret.encode() not in bytes(row[1])
