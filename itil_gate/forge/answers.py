"""What a forge's HTTP answers mean: JSON within bounds, how long to wait, or a typed error.

Pure: bytes and headers in, values or ForgeErrors out. The text of a forge in a message is cut and
kept to one line; whoever prints it escapes it.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from itil_gate.forge.protocol import ForgeError
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

T = TypeVar("T")

TOKEN_VARIABLE = "ITIL_GATE_FORGE_TOKEN"  # noqa: S105 - the name of a variable, not a secret
UNAUTHORISED, FORBIDDEN, NOT_FOUND, TOO_MANY, SERVER = 401, 403, 404, 429, 500
_UNAVAILABLE = 503
_NEXT = re.compile(r'<([^<>\s]+)>\s*;[^,<]*\brel\s*=\s*"?next"?(?=[\s;,]|$)')
_MESSAGE = 300


@frozen
class Answer:
    """An answer as it came: status, headers by their names in lower case, and the body."""

    asked: str
    """Method and address, for messages."""
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def moment(self) -> datetime | None:
        """The forge's clock, from `Date`; None where that is missing or no date."""
        try:
            moment = parsedate_to_datetime(self.headers.get("date", ""))
        except ValueError:
            return None
        return moment.astimezone(timezone.utc) if moment.tzinfo else None  # noqa: UP017


def document(answer: Answer) -> Any:
    """Return the JSON of an answer. Raises ForgeError for anything that is not."""
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise unusable(answer, f"is {kind or 'of no type'}, where JSON was expected")
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise unusable(answer, "is compressed, though that was not asked for")
    try:
        return json.loads(
            answer.body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:
        raise unusable(answer, f"is not JSON: {_line(str(error))}") from error


def rows(answer: Answer) -> tuple[Any, ...]:
    """Return the list that an answer is; `null` is an empty one, as Gitea writes it."""
    found = document(answer)
    if found is None:
        return ()
    if not isinstance(found, list):
        raise unusable(answer, "is not a list")
    return tuple(found)


def read(kind: type[T], value: Any, *, asked: str) -> T:
    """Read a part of an answer strictly as a model or other type. Raises ForgeError."""
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - only where a forge is asked

    try:
        return TypeAdapter(kind).validate_json(json.dumps(value))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "it"
        raise ForgeError(
            "forge-answer",
            f"the answer to {asked} is not what its API describes: {where}: {_line(first['msg'])}",
            hint="is forge.kind right, and forge.url the base of the API?",
        ) from error


def next_page(answer: Answer) -> str | None:
    """Return the address of the next page, from the header `Link` (RFC 8288)."""
    found = _NEXT.search(answer.headers.get("link", ""))
    return found.group(1) if found else None


def is_limit(answer: Answer) -> bool:
    """Tell whether the forge says: too many requests."""
    spent = answer.headers.get("x-ratelimit-remaining") == "0"
    asked = "retry-after" in answer.headers
    return (
        answer.status == TOO_MANY
        or (answer.status == FORBIDDEN and (spent or asked))
        or (answer.status == _UNAVAILABLE and asked)
    )


def seconds_to_wait(answer: Answer) -> float | None:
    """Return how long the forge asks to wait, by its own clock; None where it does not say."""
    told = answer.headers.get("retry-after", "").strip()
    if told.isascii() and told.isdigit():
        return float(told[:9])
    if told:
        try:
            return _until(parsedate_to_datetime(told).timestamp(), answer.moment)
        except ValueError:
            return None
    for name in ("x-ratelimit-reset", "ratelimit-reset"):
        reset = answer.headers.get(name, "")
        if reset.isascii() and reset.isdigit():
            return _until(float(reset[:12]), answer.moment)
    return None


def refused(answer: Answer, *, needs: str) -> ForgeError:
    """Return the error that a status of 400 and above means, and what to grant."""
    said = _said(answer)
    tail = f": {said}" if said else ""
    if answer.status == UNAUTHORISED:
        return ForgeError(
            "forge-refused",
            f"{answer.asked} was refused (401){tail}",
            hint=f"set {TOKEN_VARIABLE} to a valid token with {needs}",
        )
    if answer.status == FORBIDDEN:
        accepted = answer.headers.get("x-accepted-github-permissions", "")
        named = f" (the forge accepts: {_line(accepted)})" if accepted else ""
        return ForgeError(
            "forge-refused",
            f"{answer.asked} was refused (403){tail}",
            hint=f"grant the token {needs}{named}",
        )
    if answer.status == NOT_FOUND:
        return ForgeError(
            "forge-not-found",
            f"{answer.asked} was not found (404){tail}",
            hint="is forge.project right? Forges also say this of what a token may not see: "
            f"grant it {needs}",
        )
    if answer.status >= SERVER:
        return ForgeError(
            "forge-unreachable",
            f"{answer.asked} failed at the forge ({answer.status}){tail}",
            hint="try again; if it stays so, look at the forge's own status",
        )
    return ForgeError("forge-answer", f"{answer.asked} was not taken ({answer.status}){tail}")


def limited(answer: Answer, wait: float | None) -> ForgeError:
    """Return the error for too many requests."""
    when = f"in {wait:.0f} s" if wait is not None else "later"
    return ForgeError(
        "forge-limited",
        f"{answer.asked} was refused ({answer.status}): too many requests with this token",
        hint=f"try again {when}, or use a token of the gate's own",
    )


def unusable(answer: Answer, why: str) -> ForgeError:
    """Return the error for an answer that came and cannot be used."""
    return ForgeError(
        "forge-answer",
        f"the answer to {answer.asked} {why}",
        hint="is forge.url the base of the API, and no proxy or login page in between?",
    )


def host(url: str) -> str:
    """Return scheme, host and port of an address, without names and passwords."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _until(then: float, now: datetime | None) -> float | None:
    return max(0.0, then - now.timestamp()) if now is not None else None


def _said(answer: Answer) -> str:
    """Return what the forge says for itself, where it says it in JSON."""
    try:
        found = document(answer)
    except ForgeError:
        return ""
    if not isinstance(found, dict):
        return ""
    parts = [found.get(key) for key in ("message", "error", "error_description", "scope")]
    return _line("; ".join(str(part) for part in parts if part))


def _line(text: str) -> str:
    """Put foreign text on one line without control characters, and cut it."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _MESSAGE else line[: _MESSAGE - 1] + "…"


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice in one object")
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
