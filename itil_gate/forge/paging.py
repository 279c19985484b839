"""Whole lists, page by page: by `Link` (GitHub, GitLab) or by count (Gitea).

Half a list of reviews is worse than none: a page that is missing, comes twice or repeats an
entry is an error, and so is a list that does not end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from itil_gate.forge.answers import next_page, rows, unusable
from itil_gate.forge.protocol import ForgeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from itil_gate.forge.answers import Answer
    from itil_gate.forge.http import Conversation, Query

_LINKED = "100"
_COUNTED = 50
"""Gitea's default for the longest page it hands out; a longer one is cut to it."""


def linked(talk: Conversation, path: str, *, query: Query = (), needs: str) -> Iterator[Any]:
    """Yield the entries of a list whose pages name the next one. Raises ForgeError."""
    guard = _Guard(talk.limits.items)
    url: str | None = talk.address(path, (*query, ("per_page", _LINKED)))
    while url is not None:
        answer = talk.get(url, needs=needs)
        yield from guard.fresh(answer)
        url = next_page(answer)
        if url is not None:
            url = talk.address(url)


def counted(talk: Conversation, path: str, *, query: Query = (), needs: str) -> Iterator[Any]:
    """Yield the entries of a list that says in X-Total-Count how many it has. Raises ForgeError.

    A page may be shorter than asked for, where Gitea hides entries from the token; so the pages
    are counted, not the entries.
    """
    guard = _Guard(talk.limits.items)
    page, total = 1, None
    while total is None or (page - 1) * _COUNTED < total:
        paged = (*query, ("page", str(page)), ("limit", str(_COUNTED)))
        answer = talk.get(path, query=paged, needs=needs)
        told = answer.headers.get("x-total-count", "")
        if not (told.isascii() and told.isdigit()):
            raise unusable(answer, "does not say how many entries there are (X-Total-Count)")
        if total is not None and int(told) != total:
            raise changed(answer)
        total = int(told)
        if total > talk.limits.items:
            raise _endless(answer, talk.limits.items)
        yield from guard.fresh(answer)
        page += 1


def visible(talk: Conversation, path: str, *, query: Query = (), needs: str) -> Iterator[Any]:
    """Yield entries up to the first page with none, of a list that does not say how many it has.

    Gitea's timeline leaves out what the token may not see and does not count it, so there may be
    more entries behind an empty page: what is not found here may be there. Raises ForgeError.
    """
    guard = _Guard(talk.limits.items)
    page, found = 1, True
    while found:
        paged = (*query, ("page", str(page)), ("limit", str(_COUNTED)))
        entries = guard.fresh(talk.get(path, query=paged, needs=needs))
        yield from entries
        found, page = bool(entries), page + 1


def changed(answer: Answer) -> ForgeError:
    """Return the error for what is not the same on its second page."""
    return ForgeError(
        "forge-differs",
        f"what {answer.asked} lists changed while it was read",
        hint="check again; nothing was decided",
    )


def _endless(answer: Answer, most: int) -> ForgeError:
    return ForgeError(
        "forge-answer",
        f"what {answer.asked} lists has more than {most} entries",
        hint="a list of this length is not read; open a new pull request",
    )


class _Guard:
    """Sees every entry of a list once, by its id, and no more of them than allowed."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._asked: set[str] = set()
        self._ids: set[Any] = set()
        self._count = 0

    def fresh(self, answer: Answer) -> tuple[Any, ...]:
        """Return the entries of the next page. Raises ForgeError where it is no new one."""
        if answer.asked in self._asked:
            raise unusable(answer, "is a page that names itself or an earlier one as the next")
        self._asked.add(answer.asked)
        found = rows(answer)
        self._count += len(found)
        if self._count > self._most:
            raise _endless(answer, self._most)
        for entry in found:
            if not isinstance(entry, dict):
                raise unusable(answer, "lists something that is not an object")
            self._see(entry.get("node_id") or entry.get("id"), answer)
        return found

    def _see(self, number: object, answer: Answer) -> None:
        if not isinstance(number, int | str):
            return
        if number in self._ids:
            raise changed(answer)
        self._ids.add(number)
