"""A forge's HTTP server on this machine, that answers what a test tells it to, or misbehaves.

It is a real server on a real socket; only what it knows is made up.
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    port: int = 0
    """The port that it came from: one for each connection."""


@dataclass(frozen=True)
class Say:
    """An answer: JSON unless a type is given, and bytes as they are."""

    value: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: str = "application/json; charset=utf-8"

    def body(self) -> bytes:
        return self.value if isinstance(self.value, bytes) else json.dumps(self.value).encode()


class ForgeServer:
    """What the server knows: answers by method and path, used in turn, the last one for ever."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.moment: datetime | None = None
        self.fallback: Callable[[Asked], Say] | None = None
        self.hold: Callable[[Asked, Say], Say] | None = None
        """What every answer goes through, with what was asked, before it is sent."""
        self.faults: list[str] = []
        """What went wrong in the server; the fixture fails on it."""
        self.url = ""
        self._answers: dict[tuple[str, str], list[Any]] = {}

    def on(self, method: str, path: str, *answers: Any) -> None:
        """Answer so from now on: a Say, a function of what was asked, or JSON as it is."""
        self._answers[method, path] = list(answers)

    def answer(self, asked: Asked) -> Any:
        self.asked.append(asked)
        known = self._answers.get((asked.method, asked.path))
        if not known:
            if self.fallback is not None:
                return self.fallback(asked)
            return Say({"message": "Not Found"}, status=404)
        return known.pop(0) if len(known) > 1 else known[0]


def pages(rows: list[Any], *, size: int = 2, by: str = "page") -> Callable[[Asked], Say]:
    """Page a list as GitHub and GitLab do, with `Link`, however long a page is asked.

    `by` is the parameter that tells the page: a number, or for some lists a cursor.
    """

    def answer(asked: Asked) -> Say:
        page = int(asked.query.get(by, "1"))
        last = max(1, -(-len(rows) // size))
        query = {key: value for key, value in asked.query.items() if key != by}
        rest = "".join(f"&{key}={value}" for key, value in query.items())
        links = [
            f'<http://{asked.headers["host"]}{asked.path}?{by}={number}{rest}>; rel="{name}"'
            for name, number in (("prev", page - 1), ("next", page + 1), ("last", last))
            if 1 <= number <= last
        ]
        return Say(rows[(page - 1) * size : page * size], headers={"Link": ", ".join(links)})

    return answer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    forge: ForgeServer

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        moment = self.forge.moment
        if moment is None:
            return super().date_time_string(timestamp)
        return format_datetime(moment, usegmt=True)

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - http.server's names

    def _serve(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = Asked(
            method=self.command,
            path=url.path,
            query=dict(parse_qsl(url.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=json.loads(body) if body else None,
            port=self.client_address[1],
        )
        answer = self.forge.answer(asked)
        if getattr(answer, "raw", False):
            self.close_connection = True
            try:
                answer(self.wfile)
            except OSError:  # who asked has hung up, which is what such a test is for
                return
            return
        if callable(answer):
            answer = answer(asked)
        if not isinstance(answer, Say):
            answer = Say(answer)
        if self.forge.hold is not None:
            try:
                answer = self.forge.hold(asked, answer)
            except AssertionError as error:
                self.forge.faults.append(str(error))
                answer = Say({"message": str(error)}, status=418)
        data = answer.body()
        self.send_response(answer.status)
        for name, value in {"Content-Type": answer.kind, **answer.headers}.items():
            self.send_header(name, value)
        if "Content-Length" not in answer.headers:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def raw(write: Callable[[Any], None]) -> Callable[[Any], None]:
    """Mark a function that writes bytes to the socket itself."""
    write.raw = True  # type: ignore[attr-defined]
    return write


@contextmanager
def forge_server() -> Iterator[ForgeServer]:
    """Run a server on a free port of this machine."""
    forge = ForgeServer()
    handler = type("Handler", (_Handler,), {"forge": forge})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    forge.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield forge
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
