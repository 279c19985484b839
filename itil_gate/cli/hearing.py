"""Open a repository, find target and head, gather and decide: what several commands begin with."""

from __future__ import annotations

import os
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
    home: str | None = None,
    binding: bool = False,
) -> Iterator[Hearing]:
    """Gather and decide; the view stays open for as long as the block runs.

    `pull` is the number of a pull request that the forge is asked about, `home` the full name of
    the repository's default branch; None for what the clone was told. `binding` says that the
    decision is acted upon, and no advice.
    """
    from itil_gate.cli.job import home_of
    from itil_gate.cli.screen import repository
    from itil_gate.decide.gate import decide
    from itil_gate.gather.inputs import find_commit, gather
    from itil_gate.git.names import look_up, read_default
    from itil_gate.git.view import open_view
    from itil_gate.model.statement import APPROVALS_BRANCH

    with open_view(repository(path)) as view:
        named = (name for name in (base, target, head) if name is not None)
        look_up(view, named, copies_of=APPROVALS_BRANCH)
        ref, tip = find_target(view, base=base, target=target)
        if pull is not None:
            home = home or home_of(os.environ) or read_default(view)
        refuse_unguarded(view, ref, home=home)
        pulled = None
        if pull is not None:
            from itil_gate.cli.pulls import ask_about, head_of

            pulled = ask_about(view, tip=tip, number=pull, home=home)
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
            binding=binding,
        )
        yield Hearing(view, inputs, decide(inputs))


def find_target(view: View, *, base: str | None, target: str | None) -> tuple[str, str]:
    """Return the full name of the target branch and the commit at its tip.

    Without either it is the server's default branch where the clone was told, and a branch of a
    common name where it was not: anybody may push one of those, so what binds names its target.
    Raises GateError `unknown-revision`, `ambiguous-name` or `target-needed`.
    """
    from itil_gate.gather.inputs import find_commit, find_target_tip
    from itil_gate.git.names import read_default, resolve, target_ref
    from itil_gate.model.errors import GateError

    if base is None and target is None:
        default = read_default(view)
        if default is not None:
            return default, find_target_tip(view, default)
        for name in COMMON_TARGETS:
            places = (f"refs/remotes/origin/{name}", f"refs/heads/{name}")
            if any(resolve(view, place) is not None for place in places):
                return places[1], find_target_tip(view, places[1])
        raise GateError(
            "target-needed",
            "there is no branch main, master or trunk here",
            hint="name the branch to merge into: --base BRANCH",
        )
    ref = target_ref(view, target or base or "")
    if base is None:
        return ref, find_target_tip(view, ref)
    return ref, find_commit(view, base)


def guarded(view: View, home: str) -> tuple[str, ...]:
    """Return the branches that the configuration of the default branch `home` says are guarded.

    Raises GateError where that branch is not here, and ConfigError where it has no configuration.
    """
    from itil_gate.gather.sources import read_sources
    from itil_gate.git.tree import ls_tree
    from itil_gate.model.config import CONFIG_PATH
    from itil_gate.policy.compile import read_config

    _, tip = find_target(view, base=None, target=home)
    found = read_sources(view, ls_tree(view, tip, [CONFIG_PATH]))
    return read_config({source.path: source for source in found}).targets


def refuse_unguarded(view: View, target: str, *, home: str | None) -> None:
    """Raise GateError `target-not-governed` where the default branch guards no such target.

    Whoever may push a branch can put a configuration there that names it and allows whatever they
    like; what is allowed into it would then be shown as allowed. Where nobody told which branch
    is the default one, the target's own word has to do.
    """
    from itil_gate.git.names import read_default
    from itil_gate.model.errors import GateError

    home = home or read_default(view)
    if home is None or home == target:  # the decision asks the target itself
        return
    names = guarded(view, home)
    if target not in names:
        raise GateError(
            "target-not-governed",
            f"{target} is not among the targets in itil-gate.yaml of {home}, the default branch; "
            "what it says of itself does not count",
            hint=f"guarded are {', '.join(names)}; add it there if it should be",
        )
