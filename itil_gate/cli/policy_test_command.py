"""`itil-gate policy test`: run the tests beside the policies."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from itil_gate.cli.screen import out, repo_option, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from itil_gate.prove.proof import Proof

FORMATS = ("text", "json", "junit")


@click.command(
    epilog="Exit codes: 0 all passed, 1 a test failed or too little is covered, 2 could not be run."
)
@click.option("--coverage", is_flag=True, help="Say which answers no test has seen.")
@click.option(
    "--mutate", is_flag=True, help="Put small faults into the policies: do the tests notice?"
)
@click.option(
    "--fail-under",
    type=click.IntRange(0, 100),
    metavar="PERCENT",
    help="Fail below this coverage, and with --mutate below this mutation score.",
)
@click.option("--profile", help="Test a shipped profile instead of the work tree.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="text",
    envvar="ITIL_GATE_FORMAT",
    show_default=True,
    help="How to print the results.",
)
@repo_option
def command(
    *,
    coverage: bool,
    mutate: bool,
    fail_under: int | None,
    profile: str | None,
    form: str,
    repo: Path,
) -> int:
    """Run the policy tests: `tests/*.yaml` in or below the policy folder.

    Each case is a made-up change; the policies of the work tree decide about it as they would
    about a real one. Coverage counts answers: each rule, requirement, floor and factor has to be
    seen to apply and not to apply. A fault that no test notices names the test that is missing.

    \b
    itil-gate policy test
    itil-gate policy test --coverage --fail-under 90
    itil-gate policy test --mutate
    itil-gate policy test --profile team
    """
    from itil_gate.cli.policy_files import policy_files
    from itil_gate.model.errors import ConfigError, GateError
    from itil_gate.prove.proof import prove
    from itil_gate.prove.suites import suites
    from itil_gate.report.policy_results import PROOF_FORMATS

    files = policy_files(repo, profile)
    found, faults = suites(files.policies, config=files.config)
    if faults:
        raise ConfigError(
            "invalid-policy-test",
            f"the tests do not load: {len(faults)} fault(s)",
            findings=faults,
            hint="mend the files that are named above",
        )
    folder = files.config.locations.policies
    if profile is not None:
        # The tests of the layers below prove those, and not this profile.
        folder = f"{folder}/{profile}"
        found = tuple(one for one in found if one.tests[0].document.file.startswith(f"{folder}/"))
    if not found:
        raise GateError(
            "no-policy-tests",
            f"there is no test in {folder}/tests",
            hint="write one: `itil-gate schema policy-test` shows the format",
        )
    with _progress() as progress:
        proof = prove(
            found,
            coverage=coverage or fail_under is not None,
            mutation=mutate,
            progress=progress,
        )
    out(PROOF_FORMATS[form](proof))
    if proof.failed and mutate:
        say("mutation was left out: it begins when all tests pass")
    low = _too_low(proof, fail_under or 0)
    for line in low:
        say(line)
    return 1 if proof.failed or low else 0


def _too_low(proof: Proof, least: int) -> list[str]:
    return [
        f"the {what} is {part.percent} %, and at least {least} % is asked for"
        for what, part in (
            ("outcome coverage", proof.coverage),
            ("mutation score", proof.mutation),
        )
        if part is not None and part.percent < least
    ]


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None] | None]:
    """Show on a terminal how far it is."""
    if not sys.stderr.isatty():
        yield None
        return

    def show(what: str, done: int, total: int) -> None:
        click.echo(f"\r{done} of {total} {what}", nl=False, err=True)

    yield show
    click.echo("\r\x1b[K", nl=False, err=True)
