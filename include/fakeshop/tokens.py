"""The client credentials grant (shopify.md 6.2; rows 6-8)."""

import secrets
from urllib.parse import parse_qs

import orjson
from fastapi import Request
from fastapi.responses import Response

from fakeshop.records import App
from fakeshop.shop import TOKEN_LIFE, Shop

LIFE_TOLD = TOKEN_LIFE - 1


async def access_token(request: Request, shop: Shop | None) -> Response:
    """Issue a token of 24 hours."""
    if shop is None:
        return Response(orjson.dumps({"errors": "Not Found"}), 404, media_type="application/json")
    raw = await request.body()
    given = form_of(request.headers.get("content-type", ""), raw)
    app = next((one for one in shop.all(App).values() if one.client_id == given.get("client_id")), None)
    error = refusal(app, given)
    if error or app is None:
        return Response(orjson.dumps({"error": error}), 400, media_type="application/json")
    token = f"shpat_{secrets.token_hex(16)}"
    now = shop.clock.now()
    app.tokens = {old: at for old, at in app.tokens.items() if at is None or now - at <= TOKEN_LIFE}
    app.tokens[token] = now
    shop.put(app)
    shop.commit()
    body = {"access_token": token, "scope": ",".join(app.scopes), "expires_in": LIFE_TOLD}
    return Response(orjson.dumps(body), media_type="application/json")


def form_of(content_type: str, raw: bytes) -> dict[str, str]:
    """Read the request, a form or JSON; what cannot be read is empty and refused later."""
    if not content_type.startswith("application/json"):
        return {name: values[0] for name, values in parse_qs(raw.decode("utf-8", "replace")).items()}
    try:
        given = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {}
    return given if isinstance(given, dict) else {}


def refusal(app: App | None, given: dict[str, str]) -> str | None:
    """Return the error of a request for a token; None when it is in order."""
    if given.get("grant_type") != "client_credentials":
        return "unsupported_grant_type"
    if app is None or not secrets.compare_digest(app.client_secret, given.get("client_secret", "")):
        return "invalid_client"
    if not app.installed:
        return "app_not_installed"
    return None if app.same_organisation else "shop_not_permitted"
