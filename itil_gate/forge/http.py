"""One client for the APIs of forges: bounded in time, size and number, and true to one host.

It refuses: an answer that is not JSON, is too big, broke off or took too long, and a redirect to
another host. The token goes to the configured host and nowhere else. A request is tried again
only where that is safe: it never left, the forge asks to wait, or it only reads.
"""

from __future__ import annotations

import json
import random
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urljoin

from itil_gate.forge.answers import (
    SERVER,
    Answer,
    host,
    is_limit,
    limited,
    refused,
    seconds_to_wait,
    unusable,
)
from itil_gate.forge.protocol import ForgeError
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from urllib3 import BaseHTTPResponse, PoolManager

Query = tuple[tuple[str, str], ...]
_CHUNK = 65_536
_REDIRECTS = 3
_MOVED = frozenset({301, 302, 303, 307, 308})
_BAD = 300


@frozen
class Limits:
    """How long, how much and how often. Times in seconds, sizes in bytes."""

    connect: float = 10
    read: float = 30
    whole: float = 120
    """One question with every request it takes, drips, name look-ups and waiting included."""
    page: int = 8 * 2**20
    items: int = 10_000
    tries: int = 4
    pause: float = 0.5
    """The first wait before trying again; it doubles, give or take half."""
    patience: float = 60
    """The longest wait that the forge may ask for."""


LIMITS = Limits()


@frozen
class Client:
    """A forge's API at one base address, with the headers that carry its token."""

    base: str
    headers: Mapping[str, str]
    limits: Limits = LIMITS
    proxy: str | None = None

    def conversation(self) -> Conversation:
        """Begin to ask: everything asked in it together is bounded by `limits.whole`."""
        return Conversation(self)


class Conversation:
    """One question to a forge: the requests that it takes, under one deadline."""

    def __init__(self, client: Client) -> None:
        self.base, self.limits = client.base.rstrip("/"), client.limits
        self._headers = {
            "User-Agent": "itil-gate",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            **client.headers,
        }
        self._manager = _manager(client.proxy)
        self._deadline = time.monotonic() + client.limits.whole
        self._moment: datetime | None = None

    @property
    def server_time(self) -> datetime:
        """The `Date` of the last answer. Raises ForgeError where the forge sends none."""
        if self._moment is None:
            raise ForgeError(
                "forge-answer",
                f"{self.base} does not say what time it is: its answers have no usable Date",
                hint="a proxy in between may drop the header; the clocks cannot be compared",
            )
        return self._moment

    def get(
        self, path: str, *, query: Query = (), needs: str, accept: frozenset[int] = frozenset()
    ) -> Answer:
        """Read one thing, or one page. `needs` names the permission it takes, for messages.

        Answers of a status in `accept` are handed out; others of 300 and above raise ForgeError.
        """
        return self._ask("GET", self.address(path, query), None, needs=needs, accept=accept)

    def send(self, method: str, path: str, *, body: Mapping[str, Any], needs: str) -> Answer:
        """Write one thing, as JSON."""
        return self._ask(method, self.address(path), json.dumps(body).encode(), needs=needs)

    def address(self, path: str, query: Query = ()) -> str:
        """Return the address of a path below the base; an address of the same host stays.

        Raises ForgeError for one of another host: that is not whom the token is for.
        """
        url = path if "://" in path else self.base + path
        if not url.startswith(f"{host(self.base)}/"):  # parsers differ about \\ and @, texts do not
            raise ForgeError(
                "forge-answer",
                f"{host(self.base)} points at {host(url)}, and the token is not sent there",
                hint="if the forge has moved, change forge.url on the target branch",
            )
        return f"{url}?{urlencode(query)}" if query else url

    def _ask(
        self,
        method: str,
        url: str,
        body: bytes | None,
        *,
        needs: str,
        accept: frozenset[int] = frozenset(),
    ) -> Answer:
        for _ in range(_REDIRECTS + 1):
            answer = self._tried(method, url, body)
            self._moment = answer.moment or self._moment
            if answer.status not in _MOVED:
                break
            target = urljoin(url, answer.headers.get("location", ""))
            if method != "GET":
                raise unusable(
                    answer,
                    f"is a redirect ({answer.status}), and what is written is not sent on; "
                    "a repository that was renamed is answered so",
                )
            url = self.address(target)
        else:
            raise unusable(answer, "leads in a circle of redirects")
        if answer.status < _BAD or answer.status in accept:
            return answer
        raise refused(answer, needs=needs)

    def _tried(self, method: str, url: str, body: bytes | None) -> Answer:
        """Ask until there is an answer to go on with, or no reason to ask once more."""
        for tried in range(1, self.limits.tries + 1):
            last = tried == self.limits.tries
            try:
                answer = self._once(method, url, body)
            except _AgainError as again:
                if last or not (again.unsent or method == "GET"):
                    raise again.told from again.__cause__
                self._wait(self._pause(tried))
                continue
            if is_limit(answer):
                wait = seconds_to_wait(answer)
                patience = min(self.limits.patience, self._left())
                if last or (wait is not None and wait >= patience):
                    raise limited(answer, wait)
                self._wait(self._pause(tried) if wait is None else wait)
            elif answer.status >= SERVER and method == "GET" and not last:
                self._wait(self._pause(tried))
            else:
                return answer
        raise AssertionError("the last try answers or raises")

    def _once(self, method: str, url: str, body: bytes | None) -> Answer:
        """Ask once, in a thread of its own: looking up a name and slow headers know no time-out."""
        answers: list[Answer] = []
        errors: list[Exception] = []
        done = threading.Event()

        def ask() -> None:
            try:
                answers.append(self._exchange(method, url, body))
            except (_AgainError, ForgeError) as error:
                errors.append(error)
            finally:
                done.set()

        threading.Thread(target=ask, daemon=True, name="itil-gate-forge").start()
        if not done.wait(max(0.0, self._left())):
            raise self._late(method, url)
        if errors:
            raise errors[0]
        return answers[0]

    def _exchange(self, method: str, url: str, body: bytes | None) -> Answer:
        from urllib3 import Timeout, exceptions  # noqa: PLC0415 - only where a forge is asked

        asked = f"{method} {url}"
        headers = self._headers | ({"Content-Type": "application/json"} if body else {})
        left = max(0.001, self._left())
        waits = Timeout(connect=min(self.limits.connect, left), read=min(self.limits.read, left))
        try:
            response = self._manager.request(
                method,
                url,
                body=body,
                headers=headers,
                timeout=waits,
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            try:
                return self._received(response, asked)
            finally:
                response.close()
        except (exceptions.NewConnectionError, exceptions.ConnectTimeoutError) as error:
            raise _AgainError(_unreachable(asked, error), unsent=True) from error
        except (exceptions.SSLError, exceptions.ProxyError) as error:
            raise _unreachable(asked, error) from error
        except exceptions.TimeoutError as error:
            raise _AgainError(
                ForgeError(
                    "forge-timeout",
                    f"{asked} was not answered within {self.limits.read:g} s",
                    hint="try again; nothing was decided",
                )
            ) from error
        except (exceptions.HTTPError, OSError) as error:
            raise _AgainError(
                ForgeError(
                    "forge-answer",
                    f"the answer to {asked} broke off",
                    hint="try again; nothing was decided",
                )
            ) from error

    def _received(self, response: BaseHTTPResponse, asked: str) -> Answer:
        head = {name.lower(): value for name, value in response.headers.items()}
        parts: list[bytes] = []
        size = 0
        while part := response.read1(_CHUNK):
            size += len(part)
            if size > self.limits.page:
                raise ForgeError(
                    "forge-answer",
                    f"the answer to {asked} is longer than {self.limits.page} bytes",
                )
            if self._left() <= 0:
                raise self._late(*asked.split(" ", 1))
            parts.append(part)
        return Answer(asked=asked, status=response.status, headers=head, body=b"".join(parts))

    def _left(self) -> float:
        return self._deadline - time.monotonic()

    def _late(self, method: str, url: str) -> ForgeError:
        return ForgeError(
            "forge-timeout",
            f"{method} {url} was not answered in full when {self.limits.whole:g} s were over",
            hint="try again; nothing was decided",
        )

    def _pause(self, tried: int) -> float:
        middle = self.limits.pause * 2.0 ** (tried - 1)
        return middle * random.uniform(0.5, 1.5)  # noqa: S311 - so that many do not ask at once

    def _wait(self, seconds: float) -> None:
        time.sleep(max(0.0, min(seconds, self._left())))


class _AgainError(Exception):
    """A request that may be made once more; `told` is what to say if it is not."""

    def __init__(self, told: ForgeError, *, unsent: bool = False) -> None:
        super().__init__(told.message)
        self.told, self.unsent = told, unsent


def _unreachable(asked: str, error: Exception) -> ForgeError:
    return ForgeError(
        "forge-unreachable",
        f"{asked} did not reach the forge: {str(error)[:300]}",
        hint="check forge.url, the network, the proxy and the certificates of this machine",
    )


def _manager(proxy: str | None) -> PoolManager:
    """Return urllib3's pool: certificates are checked against those of the machine."""
    from urllib3 import PoolManager, ProxyManager, make_headers  # noqa: PLC0415
    from urllib3.util import parse_url  # noqa: PLC0415

    if proxy is None:
        return PoolManager(num_pools=1, cert_reqs="CERT_REQUIRED")
    auth = parse_url(proxy).auth
    return ProxyManager(
        proxy,
        num_pools=1,
        cert_reqs="CERT_REQUIRED",
        proxy_headers=make_headers(proxy_basic_auth=auth) if auth else None,
    )
