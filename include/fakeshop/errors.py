"""The two ways in which the Admin API says no: top-level errors and user errors."""

from typing import Any

from graphql import GraphQLError

LIMITS_PAGE = "https://shopify.dev/api/usage/rate-limits"
SCOPES_PAGE = "https://shopify.dev/api/usage/access-scopes"


class AdminError(GraphQLError):
    """An entry of the top-level ``errors``; the code stands in ``extensions``."""

    def __init__(self, code: str, message: str, **extensions: Any) -> None:
        super().__init__(message, extensions={"code": code, **extensions})


def bad_request(message: str) -> AdminError:
    """Refuse the way a field is used (paging, keys, filters)."""
    return AdminError("BAD_REQUEST", message)


def not_simulated(what: str) -> AdminError:
    """Say that the schema has it and the local shop does not."""
    return AdminError("NOT_SIMULATED", f"{what} is in the schema, but the local shop does not simulate it.")


def access_denied(field: str, scopes: tuple[str, ...]) -> AdminError:
    """Refuse for want of a scope; any one of the scopes would do."""
    needed = " or ".join(f"`{scope}` access scope" for scope in scopes) + "."
    return AdminError(
        "ACCESS_DENIED",
        f"Access denied for {field} field. Required access: {needed}",
        documentation=SCOPES_PAGE,
        requiredAccess=needed,
    )


def user_error(field: list[str] | None, message: str, code: str | None = None) -> dict[str, Any]:
    """Build an entry of ``userErrors``; types without ``code`` never show it."""
    return {"field": field, "message": message, "code": code}
