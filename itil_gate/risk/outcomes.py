"""Outcomes: which landed changes failed, read from the reverts that came after them.

A change failed if a later one says within 30 days that it takes it back, and does not say that this
was planned. Commit messages are believed as they are: whoever can land changes can write a false
one. Nothing in a message can make this code fail.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

DAY = 86_400
WITHIN = 30 * DAY
"""Seconds after which taking a change back no longer says that it failed."""
TITLE = 300
"""Characters of a title that are read."""
BODY = 8_000
"""Characters of the rest of a message that are read."""
REACH = 400
"""Characters after `This reverts commit` in which ids are looked for."""
SHORT = 7
"""Characters of the shortest commit id that is believed."""

_TAKES_BACK = r"(?:revert|back(?:s|ed|ing)? ?-?out|roll(?:s|ed|ing)? ?-?back)"
_KIND = r"(?:\w{1,20}(?:\([^()]*\))?!?: )?"
_SIGN = re.compile(rf"{_KIND}(?:partial(?:ly)? |re-?)?{_TAKES_BACK}\w{{0,3}}\b", re.IGNORECASE)
_AGAIN = re.compile(r"(?:reapply|re-?land)\b", re.IGNORECASE)
# Forges cut long titles, and the closing quotation mark with the rest.
_QUOTED = re.compile(
    rf"{_KIND}(?:partial(?:ly)? )?{_TAKES_BACK}(?:ed|ing|s)?:?\s+[\"'](?P<title>.*(?=[\"'])|.*)",
    re.IGNORECASE,
)
_NAMED = re.compile(r"revert(?::|\s+[A-Z]\d+:)\s*(?P<title>\S.*)", re.IGNORECASE)
_COMMIT = re.compile(r"(?:\bThis reverts commits?|^Reverts)\s+(?=[0-9a-f]{7,64}\b)", re.MULTILINE)
_LINE = re.compile(r"^Reverts [0-9a-f]{7,64}\.?$", re.MULTILINE)
_END = re.compile(r"reversing|\.\s|\n\s*\n")
_HEX = re.compile(r"\b[0-9a-f]{7,64}\b")
_REVERTS_NUMBERS = re.compile(
    r"\breverts? (?:(?:pull request|merge request|PR|MR)s? )?"
    r"((?:[\w.-]+(?:/[\w.-]+)+)?[#!]\d+(?:(?:,| and|, and) [#!]\d+)*)",
    re.IGNORECASE,
)
_MARKED = re.compile(r"[#!](\d+)")
_MERGE = re.compile(
    r"merge (?:pull request #(?P<number>\d+)(?: from \S*?/(?P<branch>\S+))?"
    r"|branch\b|remote-tracking branch\b)",
    re.IGNORECASE,
)
_GERRIT = re.compile(r"merge \"(?P<title>.*)\"(?: into \S+)?$", re.IGNORECASE)
_BRANCH = re.compile(r"(?P<again>revert-\d+-)?revert-(?P<number>\d+)-")
_CUT = ("…", "...")
_SEE = re.compile(r"^See merge request \S*!(\d+)\s*$", re.MULTILINE)
_REVIEW = re.compile(r"^Differential Revision: \S*\b(D\d+)\s*$", re.MULTILINE)
_REVIEWED = re.compile(r"\bD\d{4,}\b")
_PLANNED_TITLE = re.compile(
    r"\b(?:temporar(?:y|ily)|planned|for maintenance|de-?pool(?:ing)?|re-?pool(?:ing)?"
    r"|disable (?:\w+ )?(?:notifications?|alerts?|paging))\b",
    re.IGNORECASE,
)
_PLANNED_TEXT = re.compile(
    r"\b(?:as (?:planned|scheduled|agreed)|(?:was|were|is|only) (?:planned|temporary)"
    r"|planned (?:revert|reversal|removal|roll-?back|back-?out)|no longer needed)\b",
    re.IGNORECASE,
)
_DENIED = re.compile(r"\b(?:not|never)\b|n't\b", re.IGNORECASE)


class Reversal(NamedTuple):
    """What a change says it takes back: by commit ids, by numbers of pull requests, or by title."""

    ids: tuple[str, ...]
    numbers: tuple[str, ...]
    title: str
    planned: bool


class Said(NamedTuple):
    """What a commit message says about its change."""

    title: str
    numbers: tuple[str, ...]
    """Of the pull or merge request it came by, or of the review at Phabricator (`D123`)."""
    reversal: Reversal | None


class Landed(NamedTuple):
    """A change as it landed: one first-parent commit of the target. Paths are git's bytes."""

    id: str
    also: str
    """Id of the commit that it merged, or nothing."""
    at: int
    """Seconds since 1970 by its committer."""
    author: str
    said: Said
    paths: tuple[bytes, ...]


def read_message(message: str) -> Said:
    """Return title, number and reversal of a commit message, whatever it holds.

    Of a merge it is what was merged: the messages of GitHub, GitLab and Gerrit are known.
    """
    title, _, body = message[: TITLE + BODY].lstrip().partition("\n")
    title = title[:TITLE].strip()
    merge = branch = own = review = ""
    if title[:5].lower() == "merge":
        title, merge, branch = _of_merge(title, body)
    if title.endswith(")"):
        title, own = _without_number(title)
    if "Differential Revision: " in body:
        review = _first(_REVIEW, body)
    numbers = tuple(filter(None, (merge, own, review))) if merge or own or review else ()
    if _takes_back(title, body) or (branch and _BRANCH.match(branch)):
        return Said(title, numbers, _reversal(title, body, branch))
    return Said(title, numbers, None)


def failures(landed: Sequence[Landed]) -> Mapping[int, int]:
    """Return which changes failed, and the seconds since 1970 at which that became known.

    `landed` is newest first; keys and what they stand for are positions in it. A reversal itself
    never counts as failed: taking it back lands the change again.
    """
    reversals = [
        (position, change.said.reversal)
        for position, change in enumerate(landed)
        if change.said.reversal is not None and not change.said.reversal.planned
    ]
    if not reversals:
        return {}
    index = _Index(landed, [reversal for _, reversal in reversals])
    failed: dict[int, int] = {}
    for position, reversal in reversals:
        known = landed[position].at
        older = index.named(reversal, after=position)
        if not older and reversal.title:
            same = index.titled(reversal.title, after=position)
            older = [other for other in same if other not in failed][:1]
        for other in older:
            change = landed[other]
            if known - change.at <= WITHIN and not is_planned(change.said.title, ""):
                failed.setdefault(other, max(known, change.at))
    return failed


def is_planned(title: str, body: str) -> bool:
    """Whether a message says of itself that it was planned, or only for a time."""
    return any(
        not _DENIED.search(text, max(0, found.start() - 40), found.start())
        for pattern, text in ((_PLANNED_TITLE, title), (_PLANNED_TEXT, body))
        for found in pattern.finditer(text)
    )


class _Index:
    """Where the changes are that reversals name, by position; reversals are not among them."""

    def __init__(self, landed: Sequence[Landed], reversals: Sequence[Reversal]) -> None:
        self._landed = landed
        # Only what is asked for is kept: a long history has few reversals.
        self._ids = _wanted(oid[:SHORT] for reversal in reversals for oid in reversal.ids)
        self._numbers = _wanted(number for reversal in reversals for number in reversal.numbers)
        titles = [reversal.title.casefold() for reversal in reversals]
        self._titles = _wanted(title for title in titles if not title.endswith(_CUT))
        self._starts = _wanted(filter(None, map(_start, titles)))
        lengths = {len(start) for start in self._starts}
        for position, change in enumerate(landed):
            said = change.said
            if said.reversal:
                continue
            for oid in _ids(change):
                _keep(self._ids, oid[:SHORT], position)
            for number in said.numbers:
                _keep(self._numbers, number, position)
            title = said.title.casefold()
            _keep(self._titles, title, position)
            for length in lengths:
                if len(title) >= length:
                    _keep(self._starts, title[:length], position)

    def named(self, reversal: Reversal, *, after: int) -> list[int]:
        """Return the changes further back than `after` that are named by id or number."""
        found = [
            other
            for oid in reversal.ids
            for other in self._ids[oid[:SHORT]]
            if any(own.startswith(oid) for own in _ids(self._landed[other]))
        ]
        found += [other for number in reversal.numbers for other in self._numbers[number]]
        return [other for other in dict.fromkeys(found) if other > after]

    def titled(self, title: str, *, after: int) -> list[int]:
        """Return the changes further back than `after` of that title, the nearest first."""
        wanted = title.casefold()
        start = _start(wanted)
        found = self._starts.get(start, []) if wanted.endswith(_CUT) else self._titles[wanted]
        return [other for other in found if other > after]


def _ids(change: Landed) -> tuple[str, ...]:
    return (change.id, change.also) if change.also else (change.id,)


def _start(title: str) -> str:
    """Return what is left of a title that a forge cut; nothing for one that is whole."""
    return title.rstrip("….") if title.endswith(_CUT) else ""


def _wanted(keys: Iterable[str]) -> dict[str, list[int]]:
    return {key: [] for key in keys}


def _keep(wanted: dict[str, list[int]], key: str, position: int) -> None:
    if key in wanted:
        wanted[key].append(position)


def _of_merge(title: str, body: str) -> tuple[str, str, str]:
    """Return title and number of what was merged, and its branch; nothing for what is unsaid."""
    if merged := _MERGE.match(title):
        number = merged["number"] or _first(_SEE, body)
        first = body.lstrip().partition("\n")[0][:TITLE].strip()
        return first or title, number, merged["branch"] or ""
    merged = _GERRIT.match(title)
    return merged["title"].strip() if merged else title, "", ""


def _takes_back(title: str, body: str) -> bool:
    """Whether a message is a reversal's; a squashed change may mention reversals within it."""
    lower = title.lower()
    return (
        # Every sign holds one of these, and to look for them is ten times as fast.
        (("revert" in lower or "back" in lower) and _SIGN.match(title) is not None)
        or body.lstrip().startswith("This reverts commit")
        or ("\nReverts " in body and _LINE.search(body) is not None)
    )


def _reversal(title: str, body: str, branch: str) -> Reversal | None:
    """Return what is taken back; None where a reversal is taken back, which lands it again."""
    made = _BRANCH.match(branch)
    inner = _taken_back(title)
    depth, rest = 0, title
    while rest := _taken_back(rest):
        depth += 1
    if _AGAIN.match(title) or (made and made["again"]) or (depth and depth % 2 == 0):
        return None
    ids: list[str] = []
    for found in _COMMIT.finditer(body):
        listed = body[found.end() : found.end() + REACH]
        end = _END.search(listed)
        ids += _HEX.findall(listed[: end.start()] if end else listed)
    plain, number = _without_number(inner)
    merged = _MERGE.match(inner)
    numbers = [
        *_MARKED.findall(" ".join(_REVERTS_NUMBERS.findall(f"{title}\n{body}"))),
        *_REVIEWED.findall(title),
        number,
        made["number"] if made else "",
        (merged["number"] or "") if merged else "",
    ]
    return Reversal(
        ids=tuple(dict.fromkeys(ids)),
        numbers=tuple(dict.fromkeys(filter(None, numbers))),
        title=plain,
        planned=is_planned(title, body),
    )


def _taken_back(title: str) -> str:
    """Return the title that a reversal's title names, or nothing."""
    quoted = _QUOTED.match(title) or _NAMED.match(title)
    return quoted["title"].strip() if quoted else ""


def _without_number(title: str) -> tuple[str, str]:
    """Return a title without the number that forges append to it, `(#12)`, and that number."""
    start = title.rfind("(")
    number = title[start + 2 : -1]
    if title.endswith(")") and start >= 0 and title[start + 1] in "#!" and number.isdecimal():
        return title[:start].rstrip(), number
    return title, ""


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""
