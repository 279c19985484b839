"""Pull requests as a forge would tell of them, for the facts of a decision."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from itil_gate.model.facts import PullRequest

if TYPE_CHECKING:
    from itil_gate.model.facts import AccountRef, Facts

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def pull_request(
    opener: AccountRef, *pushers: AccountRef, of: Facts | None = None, **more: Any
) -> PullRequest:
    """Return an open pull request, by default number 1; `of` are the facts it is about."""
    parts = {
        "number": 1,
        "head": "0" * 40 if of is None else of.head,
        "base_ref": "refs/heads/main" if of is None else of.target,
        "head_since": LONG_AGO if of is None else of.now,
        "base_since": LONG_AGO if of is None else of.now,
    }
    return PullRequest(opener=opener, pushers=pushers, **(parts | more))


def forge_section(host: str = "github.com", *, url: str = "https://api.github.com") -> str:
    """Return what itil-gate.yaml says of a forge."""
    return f"forge: {{kind: github, url: '{url}', host: {host}, project: acme/payments}}\n"
