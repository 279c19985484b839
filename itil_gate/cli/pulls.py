"""Ask the forge that the target names about a pull request; its token is all that is from here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from itil_gate.forge.values import ForgePull
    from itil_gate.git.view import View
    from itil_gate.model.errors import GateError

HEAD = "head"


def ask_about(view: View, *, tip: str, number: int, home: str | None) -> ForgePull:
    """Return what the forge says of a pull request; `tip` is that of the target, which names it.

    `home` is the default branch, which guards that target: anybody may push a branch that names a
    server of theirs as the forge, and would be sent the token. Raises ConfigError `no-forge` where
    the target names none, `forge-differs` where a job of GitLab CI is of another one, GateError
    `default-unknown` where `home` is None, and ForgeError.
    """
    from itil_gate.cli.job import refuse_elsewhere
    from itil_gate.forge.answers import TOKEN_VARIABLE
    from itil_gate.forge.opening import open_forge
    from itil_gate.gather.pulled import no_forge
    from itil_gate.gather.sources import read_judge
    from itil_gate.policy.compile import read_config

    config = read_config({source.path: source for source in read_judge(view, tip)})
    if config.forge is None:
        raise no_forge()
    if home is None:
        raise default_unknown()
    refuse_elsewhere(config.forge, os.environ)
    token = os.environ.get(TOKEN_VARIABLE) or None
    return open_forge(config.forge, token=token, environment=os.environ).pull(number)


def default_unknown() -> GateError:
    """Return that nobody said which branch is the default one, whose word nothing replaces."""
    from itil_gate.model.errors import GateError

    return GateError(
        "default-unknown",
        "nothing here says which branch is the repository's default one, whose configuration "
        "says what is guarded",
        hint="name it by --default-branch, or let `git remote set-head origin --auto` ask",
    )


def head_of(pulled: ForgePull | None, head: str) -> str:
    """Return the commit to check: as the command line says, else what the forge says is the head.

    Whatever is named must be the forge's head all the same; gathering refuses another.
    """
    if pulled is None or _was_given():
        return head
    return pulled.pull.head


def _was_given() -> bool:
    context = click.get_current_context(silent=True)
    if context is None:
        return False
    return context.get_parameter_source(HEAD) is click.core.ParameterSource.COMMANDLINE
