"""Audits of a world with a log: reconciled in process, and as the command line does it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from itil_gate.audit.branches import Audit, Scope
from itil_gate.audit.replaying import Bench, decisions
from itil_gate.decide.roster import build_roster
from itil_gate.gather.sources import read_judge
from itil_gate.git.audit_log import open_branch
from itil_gate.git.discover import discover
from itil_gate.git.view import open_view
from itil_gate.log.pins import origin_of, pins_of
from itil_gate.log.reader import LogReader
from itil_gate.policy.compile import compile_policies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from itil_gate.audit.replaying import Replayed
    from itil_gate.audit.rows import Row
    from itil_gate.git.view import View
    from support.books import Bookish


@contextmanager
def audited(books: Bookish) -> Iterator[tuple[View, LogReader, Audit]]:
    """Open everything that an audit reads."""
    place = discover(books.world.repo.path)
    settings = books.books.settings
    with open_view(place) as view, open_branch(place, remote=None) as at:
        config = books.config
        reader = LogReader(
            at.read_many, pins=pins_of(settings), origin=origin_of(settings, config.repository)
        )
        tip = books.world.repo.tip("main")
        roster = build_roster(compile_policies(read_judge(view, tip)).people)
        yield view, reader, Audit(view, reader, at.read_many, config=config, roster=roster)


def reconciled(books: Bookish, **scope: object) -> tuple[list[Row], Audit]:
    """Return the rows of a reconciliation, newest first, and what they come to."""
    with audited(books) as (_, _, audit):
        return list(audit.rows(Scope(**scope))), audit  # type: ignore[arg-type]


def founds(books: Bookish, **scope: object) -> list[str]:
    """Return only what each row was found to be."""
    return [row.found for row in reconciled(books, **scope)[0]]


def replayed(books: Bookish, *, since: int = 0) -> list[Replayed]:
    """Decide again on every logged decision."""
    with audited(books) as (view, reader, _):
        bench = Bench(view, reader)
        return [bench.again(entry) for entry in decisions(reader, since=since)]
