"""Tell the forge what was decided about a pull request, from anywhere but a runner of the action.

What is told, and to whom, goes by the configuration of the repository's default branch: anybody
may push a branch with one of their own, and open a pull request into it. So that branch has to be
guarded there, and has to name the same forge, before anything is asked with the token.

A post that fails never turns a refusal into a pass. A pass that cannot be posted is none.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from itil_gate.cli.posting import try_to_post
from itil_gate.cli.screen import repository
from itil_gate.model.errors import ConfigError, GateError
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import Any

    from itil_gate.forge.gitlab_checks import StatusChecks
    from itil_gate.forge.protocol import Forge, StatusState
    from itil_gate.forge.values import OpenPull
    from itil_gate.git.discover import Repository
    from itil_gate.model.config import Config, ForgeSettings
    from itil_gate.model.decision import Decision
    from itil_gate.release.recorder import Recorded

CHANNELS = ("comment", "status", "external-check")
"""Where an answer can be told, in the order in which it is."""


def post_option(
    *, required: bool = False, envvar: str | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return what adds --post to a command."""
    return click.option(
        "--post",
        "channels",
        multiple=True,
        required=required,
        type=click.Choice(CHANNELS),
        envvar=envvar,
        help="Tell the forge: a comment, a commit status, or the external status check of GitLab "
        "Ultimate. The token is in ITIL_GATE_FORGE_TOKEN.",
    )


@frozen
class Answering:
    """A forge that is told what is decided about pull requests into guarded branches.

    `home` is the full ref of the default branch, whose configuration `settings` and `targets` are
    from. `trouble` is why that could not be read, where the forge is known otherwise; then nothing
    can be decided, and that is told.
    """

    forge: Forge
    checks: StatusChecks | None
    settings: ForgeSettings
    home: str
    targets: tuple[str, ...]
    channels: tuple[str, ...]
    url: str | None
    trouble: GateError | None = None

    def open_pull(self, number: int) -> OpenPull:
        """Return an open pull request. Raises GateError `not-open`, and ForgeError."""
        for pull in self.forge.open_pulls():
            if pull.number == number:
                return pull
        raise GateError(
            "not-open",
            f"{self.settings.project} has no open pull request {number}",
            hint="there is nothing to tell of one that is closed; leave --post out",
        )

    def refuse_untrusted(self, place: Repository, target: str) -> None:
        """Refuse a target that the default branch does not guard, or that names another forge.

        Raises GateError `target-not-governed`, and ConfigError, also where it does not load.
        """
        from itil_gate.cli.hearing import refuse_unguarded
        from itil_gate.cli.job import refuse_elsewhere
        from itil_gate.gather.pulled import no_forge
        from itil_gate.git.view import open_view

        if self.trouble is not None:
            raise self.trouble
        with open_view(place) as view:
            refuse_unguarded(view, target, home=self.home)
        if "external-check" in self.channels and target not in self.settings.status_checks:
            raise _no_check(target)
        theirs = _config_at(place, target).forge
        if theirs is None:
            raise no_forge()
        refuse_elsewhere(theirs, os.environ)
        for one in ("kind", "url", "project"):
            if getattr(theirs, one) != getattr(self.settings, one):
                raise ConfigError(
                    "forge-differs",
                    f"forge.{one} is {getattr(theirs, one)} on {target}, and "
                    f"{getattr(self.settings, one)} on {self.home}, the default branch",
                    hint="one repository is on one forge; let both say the same",
                )

    def publish(
        self, decision: Decision, number: int, *, passed: bool, recorded: Recorded | None = None
    ) -> None:
        """Tell a decision where it was asked for, what a merge may wait for last.

        Raises GateError where `passed` could not be told; of anything else that fails it is only
        said, and the rest is told all the same.
        """
        from itil_gate.report import action_report

        state, description = action_report.status_of(decision)
        index = recorded.indices[0] if recorded else None
        note = recorded.note.decode("utf-8") if recorded else ""
        text = action_report.comment(decision, index=index, checkpoint=note)
        if "comment" in self.channels:
            try_to_post(lambda: self.forge.upsert_comment(number, text=text), passed=passed)
        self._marks(
            number, decision.head, decision.target, state, description=description, passed=passed
        )

    def publish_failure(self, pull: OpenPull, error: Exception) -> None:
        """Say of the head that it could not be decided, so that no earlier answer speaks for it."""
        code = error.code if isinstance(error, GateError) else "internal-error"
        if pull.head is not None:
            self._marks(
                pull.number,
                pull.head,
                pull.base_ref,
                "failure",
                description=f"could not decide: {code}",
                passed=False,
            )

    def _marks(
        self,
        number: int,
        head: str,
        target: str,
        state: StatusState,
        *,
        description: str,
        passed: bool,
    ) -> None:
        from itil_gate.forge.protocol import status_context

        def status() -> None:
            self.forge.post_status(
                head,
                state=state,
                description=description,
                url=self.url,
                context=status_context(target, home=self.home),
            )

        def external() -> None:
            check = self.settings.status_checks.get(target)
            if self.checks is None or check is None:
                raise _no_check(target)
            self.checks.answer(number, check=check, commit=head, state=state)

        if "status" in self.channels:
            try_to_post(status, passed=passed)
        if "external-check" in self.channels:
            try_to_post(external, passed=passed)


@frozen
class Told:
    """Where the answer about one pull request goes; nowhere if that was not asked for."""

    target: str | None
    home: str | None = None
    answering: Answering | None = None
    number: int = 0

    def publish(self, decision: Decision, *, passed: bool, recorded: Recorded | None) -> None:
        """Tell a decision; see `Answering.publish`."""
        if self.answering is not None:
            self.answering.publish(decision, self.number, passed=passed, recorded=recorded)


@contextmanager
def telling_forge(
    channels: Sequence[str],
    path: Path,
    *,
    pull: int | None,
    base: str | None,
    target: str | None,
    home: str | None,
) -> Iterator[Told]:
    """Run a block that decides about a pull request; where it cannot, tell the forge so.

    Without --base and --target the branch that the pull request is for is the target.
    """
    if not channels or pull is None:
        yield Told(target, home)
        return
    place = repository(path)
    answering = open_answering(place, channels, home=home)
    proposed = answering.open_pull(pull)
    with telling_failure_of(proposed, answering):
        answering.refuse_untrusted(place, proposed.base_ref)
        named = proposed.base_ref if base is None and target is None else target
        yield Told(named, answering.home, answering, pull)


@contextmanager
def telling_failure_of(pull: OpenPull, answering: Answering) -> Iterator[None]:
    """Run a block that decides about a pull request; where it cannot, tell the forge so."""
    try:
        yield
    except Exception as error:
        answering.publish_failure(pull, error)
        raise


def open_answering(
    place: Repository, channels: Sequence[str], *, home: str | None = None
) -> Answering:
    """Return the forge that the default branch names, to be told in these channels.

    `home` is the full name of the default branch; None for what the job or the clone was told.
    In a job of GitLab CI whose default branch cannot be read that is the job's own project, which
    is told so. Raises GateError `default-unknown`, `no-token`, `token-within-reach`, ConfigError.
    """
    from itil_gate.cli.job import jobs_forge, page_of, refuse_elsewhere, refuse_within_reach
    from itil_gate.forge.answers import TOKEN_VARIABLE
    from itil_gate.forge.opening import open_forge, open_status_checks
    from itil_gate.gather.pulled import no_forge

    refuse_within_reach(os.environ)
    token = os.environ.get(TOKEN_VARIABLE) or None
    if token is None:
        raise GateError(
            "no-token",
            f"{TOKEN_VARIABLE} is not set, and nobody posts without a token",
            hint="in GitLab CI, a protected variable is set on protected branches only",
        )
    home, trouble = home_branch(place, home), None
    try:
        config = _config_at(place, home)
        if config.forge is None:
            raise no_forge()
        settings, targets = config.forge, config.targets
        refuse_elsewhere(settings, os.environ)
    except GateError as error:
        ours = jobs_forge(os.environ)
        if ours is None:
            raise
        settings, targets, trouble = ours, (home,), error
    return Answering(
        forge=open_forge(settings, token=token, environment=os.environ),
        checks=open_status_checks(settings, token=token, environment=os.environ)
        if settings.status_checks
        else None,
        settings=settings,
        home=home,
        targets=targets,
        channels=tuple(one for one in CHANNELS if one in channels),
        url=page_of(os.environ),
        trouble=trouble,
    )


def home_branch(place: Repository, told: str | None = None) -> str:
    """Return the full ref of the default branch: as `told`, else as the job or the clone was.

    Raises GateError `default-unknown`: no guess may replace it, anybody may push a branch `main`.
    """
    from itil_gate.cli.job import home_of
    from itil_gate.cli.pulls import default_unknown
    from itil_gate.git.names import read_default, target_ref
    from itil_gate.git.view import open_view

    with open_view(place) as view:
        home = target_ref(view, told) if told else home_of(os.environ) or read_default(view)
    if home is None:
        raise default_unknown()
    return home


def _config_at(place: Repository, ref: str) -> Config:
    from itil_gate.cli.hearing import find_target
    from itil_gate.gather.sources import read_judge
    from itil_gate.git.view import open_view
    from itil_gate.policy.compile import read_config

    with open_view(place) as view:
        _, tip = find_target(view, base=None, target=ref)
        return read_config({source.path: source for source in read_judge(view, tip)})


def _no_check(target: str) -> ConfigError:
    return ConfigError(
        "no-status-check",
        f"itil-gate.yaml of the default branch names no external status check for {target}",
        hint="name its number under forge.statusChecks, or do not post `external-check`",
    )
