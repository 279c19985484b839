"""`itil-gate check --merged`: whether what landed on the target was authorised."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from itil_gate.cli.hearing import find_target
from itil_gate.cli.recording import tell
from itil_gate.cli.screen import now, out, repository

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from itil_gate.cli.recording import Recording
    from itil_gate.git.view import View
    from itil_gate.model.errors import GateError

REFUSED = 1


def check_merged(
    path: Path,
    span: str,
    *,
    base: str | None,
    target: str | None,
    heads: Sequence[str],
    pushed_at: str | None,
    form: str,
    recording: Recording,
    record: bool,
) -> int:
    """Trace what landed since the record ends; with `record` write it down.

    `span` is BEFORE..AFTER of a push, `pushed_at` when the forge received it. Returns 1 if a part
    of it was not authorised.
    """
    from itil_gate.gather.dropped import log_config
    from itil_gate.gather.inputs import find_commit
    from itil_gate.gather.sources import read_judge
    from itil_gate.git.view import open_view
    from itil_gate.policy.compile import read_config
    from itil_gate.release.bookkeeping import record_landing
    from itil_gate.release.landing import trace
    from itil_gate.release.past import past_of
    from itil_gate.report.release_text import landing_text

    moment = _moment(pushed_at)
    with open_view(repository(path)) as view:
        before, after = _ends(view, span)
        ref, _ = find_target(view, base=base, target=target)
        config = read_config({source.path: source for source in read_judge(view, after)})
        config = log_config(view, config, tip=after)
        books = recording.books(view.repository, config, now=now(), write=record)
        commits = [find_commit(view, head) for head in heads]
        if record:
            tiles, recorded = record_landing(
                books,
                view,
                ref=ref,
                after=after,
                pushed=before,
                heads=commits,
                pushed_at=moment,
            )
            if recorded is not None:
                tell(recorded)
        else:
            with books.reading() as reader:
                past = past_of(reader, ref)
            tiles = trace(
                view,
                ref=ref,
                after=after,
                pushed=before,
                past=past,
                repository=config.repository,
                heads=commits,
                now=books.now,
                pushed_at=moment,
            )
    updates = [tile.update for tile in tiles]
    if form == "json":
        out(json.dumps([one.model_dump(mode="json", by_alias=True) for one in updates], indent=2))
    else:
        out(landing_text(updates))
    return REFUSED if any(one.standing == "unauthorised" for one in updates) else 0


def _moment(text: str | None) -> datetime | None:
    """Return when something was pushed; forges write a time or count seconds."""
    if text is None:
        return None
    try:
        if text.isascii() and text.isdecimal():
            return datetime.fromtimestamp(int(text), tz=UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError) as error:
        raise _bad_moment(text) from error
    if moment.tzinfo is None:
        raise _bad_moment(text)
    return moment.astimezone(UTC)


def _bad_moment(text: str) -> GateError:
    from itil_gate.model.errors import GateError

    return GateError(
        "bad-time",
        f"--pushed-at {text!r} is no time with its offset",
        hint="write it as 2026-11-25T21:00:00Z, or as seconds since 1970",
    )


def _ends(view: View, span: str) -> tuple[str | None, str]:
    """Return the two commits of BEFORE..AFTER; None for a branch that did not exist before."""
    from itil_gate.gather.inputs import find_commit
    from itil_gate.model.errors import GateError

    first, dots, last = span.partition("..")
    if not (first and dots and last) or last.startswith("."):
        raise GateError(
            "bad-range",
            f"{span!r} is not the range of a push",
            hint="write the two commits as BEFORE..AFTER",
        )
    before = None if set(first) == {"0"} else find_commit(view, first)
    return before, find_commit(view, last)
