"""Files beside the shop: what their hosts answer is as little to be relied on as what proxies do.

The addresses are signed: requests go without our token, and nowhere else than there.
"""

from typing import Any

import requests
import urllib3

BROKEN = (requests.exceptions.RequestException, urllib3.exceptions.HTTPError)
"""What a transfer can end with: some damage goes past `requests`."""


class PlainSession(requests.Session):
    """One that leaves redirects alone: `requests` reads the address even where it does not follow it."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return that there is none."""


def send(method: str, url: str, **options: Any) -> requests.Response:
    """Send one request to a signed address; raises one of BROKEN."""
    with PlainSession() as session:
        return session.request(method, url, **options)
