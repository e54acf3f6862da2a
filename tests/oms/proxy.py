"""An HTTP proxy before the local shop that does to requests and answers what a test tells it to."""

import http.client
import re
import socketserver
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

OPERATION = re.compile(rb'"query": ?"(?:query|mutation) (\w+)')
HTML = b"<html><body>Sorry.</body></html>"
HOP_BY_HOP = ("transfer-encoding", "content-length", "connection", "content-encoding")


@dataclass(frozen=True)
class Answer:
    """An answer of the shop, or one in its place."""

    status: int
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "text/html"})
    body: bytes = HTML

    def raw(self) -> bytes:
        """Return the bytes as they travel."""
        lines = [f"HTTP/1.1 {self.status} Said"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines += [f"Content-Length: {len(self.body)}", "", ""]
        return "\r\n".join(lines).encode("latin-1") + self.body


@dataclass
class Exchange:
    """One request that reached the proxy; `forward` passes it on, as often as it is called."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    port: int

    @property
    def operation(self) -> str:
        """The name of the GraphQL operation, or the path."""
        found = OPERATION.search(self.body)
        return found[1].decode() if found else self.path

    def forward(self) -> Answer:
        """Let the shop answer."""
        shop = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            plain = {"Accept-Encoding": "identity"}
            shop.request(self.method, self.path, self.body, self.headers | plain)
            response = shop.getresponse()
            kept = {name: value for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP}
            return Answer(response.status, kept, response.read())
        finally:
            shop.close()


Pieces = Iterable[bytes | float]
"""What the proxy sends, and the seconds it waits in between."""
Meddle = Callable[[Exchange], Pieces | None]
"""None: the connection is cut; so it is behind an empty piece."""


class Proxy(socketserver.ThreadingTCPServer):
    """The proxy; `meddle` may be replaced at any time, `url` stands for the shop's."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.shop_port = port
        self.meddle: Meddle = honest
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(socketserver.StreamRequestHandler):
    """One connection of a client."""

    server: Proxy
    disable_nagle_algorithm = True

    def handle(self) -> None:
        """Answer requests until the client or `meddle` ends the connection."""
        while first := self._line():
            method, path, _ = first.split(" ")
            headers = dict(line.split(": ", 1) for line in iter(self._line, ""))
            body = self.rfile.read(int(headers.get("Content-Length", 0)))
            exchange = Exchange(method, path, headers, body, self.server.shop_port)
            pieces = self.server.meddle(exchange)
            if not self._send(pieces or (b"",)):
                return

    def _line(self) -> str:
        try:
            return self.rfile.readline().decode("latin-1").rstrip("\r\n")
        except ConnectionError:
            return ""

    def _send(self, pieces: Pieces) -> bool:
        """Send the pieces; say whether the connection goes on."""
        for piece in pieces:
            if isinstance(piece, float):
                time.sleep(piece)
            elif not piece:
                return False
            else:
                try:
                    self.wfile.write(piece)
                except OSError:
                    return False
        return True


def honest(exchange: Exchange) -> Pieces:
    """Pass on what the shop answers."""
    return [exchange.forward().raw()]


@contextmanager
def running_proxy(port: int) -> Iterator[Proxy]:
    """Run a proxy before the shop at a port of this machine."""
    proxy = Proxy(port)
    serving = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05})
    serving.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
        serving.join()
