"""`itil-gate policy lint`: check policies and what they rest on, offline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from itil_gate.cli.screen import color, now, out, repo_option, say

if TYPE_CHECKING:
    from pathlib import Path

    from itil_gate.cli.policy_files import PolicyFiles
    from itil_gate.model.finding import Finding

FORMATS = ("text", "markdown", "json", "sarif", "junit", "github", "gitlab")


@click.command(epilog="Exit codes: 0 fine or advice only, 1 findings, 2 could not be read.")
@click.option("--profile", help="Check a shipped profile instead of the work tree.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="text",
    envvar="ITIL_GATE_FORMAT",
    show_default=True,
    help="How to print the findings.",
)
@repo_option
def command(profile: str | None, form: str, repo: Path) -> int:
    """Check policies and their tests, with the people and services they rest on.

    Beside what keeps a set from loading: bands and change models that nothing reaches, conditions
    that are always true, globs behind other globs, waivers that are over, roles nobody holds,
    approvals nobody is left to give, rules without a test. `itil-gate lint` does the same for
    whole repositories, requests too, and leaves out the tests.

    \b
    itil-gate policy lint
    itil-gate policy lint --format sarif > policies.sarif
    itil-gate policy lint --profile team
    """
    from itil_gate.cli.policy_files import policy_files
    from itil_gate.report import FINDINGS_FORMATS

    files = policy_files(repo, profile)
    findings = _findings(files)
    out(FINDINGS_FORMATS[form](findings, color=color()))
    say(f"{len(files.policies) + len(files.world)} file(s) were read")
    return 1 if any(finding.effect != "advise" for finding in findings) else 0


def _findings(files: PolicyFiles) -> tuple[Finding, ...]:
    from itil_gate.model.config import CONFIG_PATH
    from itil_gate.model.errors import GateError
    from itil_gate.policy.files import inspect_file, kind_by_place
    from itil_gate.prove.inspection import inspect_alone, inspect_judge
    from itil_gate.prove.suites import suites

    if not files.policies:
        raise GateError(
            "no-policy",
            f"there is no policy in {files.config.locations.policies}/",
            hint="`itil-gate init` writes a starting set",
        )
    found: list[Finding] = []
    for source in (*files.world, *files.policies):
        kind = kind_by_place(files.config, source.path)
        if kind is not None:
            found += inspect_file(source.text, file=source.path, kind=kind)
    proved, faults = suites(files.policies, config=files.config)
    tests = [written.test for suite in proved for written in suite.tests]
    found += faults
    judge = (*files.world, *files.policies)
    if any(source.path == CONFIG_PATH for source in files.world):
        found += inspect_judge(judge, now=now(), tests=tests)
    else:
        found += inspect_alone(files.policies, config=files.config, now=now(), tests=tests)
    return tuple(dict.fromkeys(found))
