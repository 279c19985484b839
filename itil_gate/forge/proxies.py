"""Which proxy leads to an address, by the variables that every program knows.

The variables are handed in: this room does not read the environment. A machine's own addresses
need no proxy and get none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


def proxy_for(url: str, environment: Mapping[str, str]) -> str | None:
    """Return the proxy of HTTPS_PROXY, or else ALL_PROXY, unless NO_PROXY names the host.

    Names in lower case come first. NO_PROXY lists hosts, with or without port, and domains with
    or without a leading dot; `*` means every host.
    """
    parts = urlsplit(url)
    name = (parts.hostname or "").lower()
    if name in _HERE or _spared(name, parts.port, _told(environment, "no_proxy")):
        return None
    proxy = _told(environment, f"{parts.scheme}_proxy") or _told(environment, "all_proxy")
    if not proxy:
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _told(environment: Mapping[str, str], name: str) -> str:
    return (environment.get(name) or environment.get(name.upper()) or "").strip()


def _spared(name: str, port: int | None, listed: str) -> bool:
    for entry in (part.strip().lower() for part in listed.split(",")):
        wanted, _, number = entry.partition(":")
        wanted = wanted.lstrip(".")
        if entry == "*":
            return True
        if number and number != str(port):
            continue
        if wanted and (name == wanted or name.endswith(f".{wanted}")):
            return True
    return False
