"""What an API call is refused with (RFC 9457)."""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from oms.errors import NeedsPerson

REALM = 'Bearer realm="oms"'


@dataclass
class Problem(NeedsPerson):
    """The call is answered with this error, and has changed nothing."""

    status: int
    code: str
    detail: str
    errors: list[dict[str, str]] = field(default_factory=list)
    """Several faults at once, each with its field."""
    more: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """The problem document."""
        document: dict[str, Any] = {
            "type": f"urn:oms:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        return document | self.more | ({"errors": self.errors} if self.errors else {})


def unauthenticated(detail: str, error: str | None = None) -> Problem:
    """401: who calls is not known. error: the code of RFC 6750 for a token that was given."""
    challenge = f'{REALM}, error="{error}"' if error else REALM
    return Problem(401, "ERR_UNAUTHENTICATED", detail, headers={"WWW-Authenticate": challenge})


def forbidden(scope: str) -> Problem:
    """403: who calls may not do this."""
    challenge = f'{REALM}, error="insufficient_scope", scope="{scope}"'
    return Problem(
        403, "ERR_SCOPE", f"the token needs the scope {scope}", headers={"WWW-Authenticate": challenge}
    )


def unavailable(detail: str, code: str = "ERR_UNAVAILABLE") -> Problem:
    """503: the same call works later."""
    return Problem(503, code, detail, headers={"Retry-After": "2"})
