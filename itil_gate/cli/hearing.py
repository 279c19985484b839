"""Open a repository, find target and head, gather and decide: what several commands begin with."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from itil_gate.git.view import View
    from itil_gate.model.decision import ChangeVerdict, Decision
    from itil_gate.model.facts import Inputs

COMMON_TARGETS = ("main", "master", "trunk")


@frozen
class Hearing:
    """One proposed merge with everything that was gathered and decided about it."""

    view: View
    inputs: Inputs
    decision: Decision

    def verdict(self, change: str) -> ChangeVerdict:
        """Return the verdict on one change. Raises GateError `no-such-change`."""
        from itil_gate.model.errors import GateError

        for verdict in self.decision.changes:
            if verdict.id == change:
                return verdict
        names = ", ".join(one.id for one in self.decision.changes) or "none"
        raise GateError(
            "no-such-change",
            f"the proposed merge holds no readable request {change}; it holds: {names}",
            hint="`itil-gate check` says what is wrong with the others",
        )


def merge_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --base, --head and --target. They judge, so no environment variable sets them."""
    options = (
        click.option("--base", help="Branch to merge into; origin/main or main by default."),
        click.option("--head", default="HEAD", show_default=True, help="Commit to be merged."),
        click.option("--target", help="Full name of the target branch where --base is a commit."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@contextmanager
def hearing(
    path: Path,
    *,
    base: str | None,
    head: str,
    target: str | None,
    now: datetime,
    draft: bool = False,
    external: Mapping[str, bytes] | None = None,
    pull: int | None = None,
) -> Iterator[Hearing]:
    """Gather and decide; the view stays open for as long as the block runs.

    `pull` is the number of a pull request that the forge is asked about.
    """
    from itil_gate.cli.screen import repository
    from itil_gate.decide.gate import decide
    from itil_gate.gather.inputs import find_commit, gather
    from itil_gate.git.names import look_up
    from itil_gate.git.view import open_view
    from itil_gate.model.statement import APPROVALS_BRANCH

    with open_view(repository(path)) as view:
        named = (name for name in (base, target, head) if name is not None)
        look_up(view, named, copies_of=APPROVALS_BRANCH)
        ref, tip = find_target(view, base=base, target=target)
        pulled = None
        if pull is not None:
            from itil_gate.cli.pulls import ask_about, head_of

            pulled = ask_about(view, tip=tip, number=pull)
            head = head_of(pulled, head)
        inputs = gather(
            view,
            target=ref,
            base=tip,
            head=find_commit(view, head),
            now=now,
            draft=draft,
            external=external,
            pulled=pulled,
        )
        yield Hearing(view, inputs, decide(inputs))


def find_target(view: View, *, base: str | None, target: str | None) -> tuple[str, str]:
    """Return the full name of the target branch and the commit at its tip.

    Raises GateError `unknown-revision`, `ambiguous-name` or `target-needed`.
    """
    from itil_gate.gather.inputs import find_commit, find_target_tip
    from itil_gate.git.names import resolve, target_ref
    from itil_gate.model.errors import GateError

    if base is None and target is None:
        for name in COMMON_TARGETS:
            for place in (f"refs/remotes/origin/{name}", f"refs/heads/{name}"):
                tip = resolve(view, place)
                if tip is not None:
                    return f"refs/heads/{name}", tip
        raise GateError(
            "target-needed",
            "there is no branch main, master or trunk here",
            hint="name the branch to merge into: --base BRANCH",
        )
    ref = target_ref(view, target or base or "")
    if base is None:
        return ref, find_target_tip(view, ref)
    return ref, find_commit(view, base)
