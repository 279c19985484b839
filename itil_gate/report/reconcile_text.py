"""What reconciling found, for people and for programs, one row after the other.

Rows are written as they are found, so that a long history takes no memory; what they come to stands
at the end. Names, addresses and reasons were written by strangers and are shown, never obeyed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from itil_gate.report.escape import clip, terminal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from itil_gate.audit.rows import Found, Row, Who

VERSION = "itil-gate/reconciliation/v1"
_WORDS = {
    "authorised": "AUTHORISED",
    "overridden": "OVERRIDDEN",
    "before-adoption": "BEFORE ADOPTION",
    "unauthorised": "UNAUTHORISED",
    "unrecorded": "UNRECORDED",
    "rewritten": "REWRITTEN",
}
_WIDTH = 17
_LONGEST = 300
_SIGNATURES = {
    "absent": "not signed",
    "bad": "BAD signature",
    "unsupported": "signed in a way that is not believed",
    "not-verified-here": "{kind} signature, not verified here",
}


def rows_text(rows: Iterable[Row]) -> Iterator[str]:
    """Yield each row as lines: what it is, when, which commits, who, and how it was found."""
    for row in rows:
        yield "\n".join(_lines(row)) + "\n"


def totals_text(counts: Mapping[Found, int], *, earlier: int = 0) -> str:
    """Return how many of each kind there are, the last line of the report."""
    said = ", ".join(f"{number:,} {found}" for found, number in counts.items())
    before = f"; {earlier:,} of them by an earlier audit" if earlier else ""
    return f"{sum(counts.values()):,} updates: {said}{before}\n"


def rows_json(rows: Iterable[Row], counts: Mapping[Found, int]) -> Iterator[str]:
    """Yield one JSON document; `counts` is read when the rows are exhausted."""
    yield f'{{"apiVersion": "{VERSION}", "updates": ['
    first = True
    for row in rows:
        plain = json.dumps(_plain(row)).replace("##", "#\\u0023").replace("\x7f", "\\u007f")
        yield ("\n" if first else ",\n") + plain
        first = False
    yield f'\n], "totals": {json.dumps(dict(counts))}}}\n'


def _plain(row: Row) -> dict[str, Any]:
    """Return a row as `as_json` does, quicker: there may be a hundred thousand."""
    return {
        "found": row.found,
        "ref": row.ref,
        "before": row.before,
        "after": row.after,
        "how": row.how,
        "who": [
            {
                "commit": one.commit,
                "author": one.author,
                "authorEmail": one.author_email,
                "committer": one.committer,
                "committerEmail": one.committer_email,
                "at": one.at.isoformat().replace("+00:00", "Z") if one.at else None,
                "signature": one.signature,
                "status": one.status,
                "fingerprint": one.fingerprint,
                "person": one.person,
            }
            for one in row.who
        ],
        "entry": row.entry,
        "decision": row.decision,
        "changes": list(row.changes),
        "late": row.late,
        "remedy": row.remedy,
    }


def who_text(who: Who) -> str:
    """Return who made a commit, as it says and as its signature proves."""
    said = f"{who.committer} <{who.committer_email}>"
    if (who.author, who.author_email) != (who.committer, who.committer_email):
        said = f"{who.author} <{who.author_email}>, committed by {said}"
    if who.status == "good":
        whose = f"{who.person}, proved" if who.person else "nobody in people.yaml"
        proof = f"key {who.fingerprint} of {whose}"
    else:
        proof = _SIGNATURES[who.status].format(kind=who.signature)
        proof = f"{proof}, so nobody is proved"
    return terminal(f"{clip(said, _LONGEST)}; {proof}")


def _lines(row: Row) -> Iterator[str]:
    gap = " " * _WIDTH
    when = next((f"{one.at:%Y-%m-%d %H:%M}" for one in row.who if one.at), "-")
    span = f"{row.before[:12] if row.before else ''}..{row.after[:12]}"
    late = ", recorded late" if row.late else ""
    yield f"{_WORDS[row.found]:<{_WIDTH}}{when:<18}{span}  {terminal(row.ref)}{late}"
    for number, who in enumerate(row.who):
        if number == 3:  # noqa: PLR2004 - what a person reads; JSON has all of them
            yield f"{gap}and {len(row.who) - number} more commits"
            break
        yield f"{gap}by {who_text(who)}"
    if row.changes:
        yield gap + terminal(clip(", ".join(row.changes), _LONGEST))
    yield gap + terminal(clip(row.how, _LONGEST))
    if row.remedy:
        yield gap + terminal(row.remedy)
