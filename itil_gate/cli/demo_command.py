"""`itil-gate demo`: a denied, a pending and an approved change, played through for real."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from itil_gate.cli.screen import color, now, out, say, width

if TYPE_CHECKING:
    from datetime import datetime

    from itil_gate.release.playground import Playground

EXPECTED = {"uncovered": "deny", "pending": "pending", "approved": "allow"}
UNEXPECTED = 2


@click.command()
@click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the repository here, with its branches and keys, to play with.",
)
def command(directory: Path | None) -> int:
    """Show the gate at work on a real throw-away repository.

    It makes people with SSH keys, signs commits and an approval, and decides three pull requests.

    \b
    itil-gate demo
    itil-gate demo --dir playground
    """
    if directory is not None:
        return _tour(directory.resolve(), kept=True)
    with tempfile.TemporaryDirectory(prefix="itil-gate-demo-") as name:
        return _tour(Path(name) / "payments", kept=False)


def _tour(directory: Path, *, kept: bool) -> int:
    from itil_gate.cli.shipped import profile_files
    from itil_gate.release.playground import APPROVED, build_playground

    at = now()
    keys = directory.parent / f"{directory.name}-keys"
    ground = build_playground(directory, keys=keys, policies=profile_files("starter"), now=at)
    outcomes = {}
    for branch in ground.branches:
        out(f"\n{'=' * 78}\n{branch.story}\n")
        if branch.change == APPROVED:
            out(f"$ itil-gate approve {branch.change} --head {branch.head} --key {keys}/bob")
            _sign(ground, branch.head, at)
        out(f"$ itil-gate check --base main --head {branch.name}\n")
        outcomes[branch.name] = _check(ground, branch.head, at)
    if outcomes != EXPECTED:
        say(f"the demo did not go as it should: {outcomes}")
        return UNEXPECTED
    out("=" * 78)
    if kept:
        out(f"The repository is {directory}, the keys are {keys}. Go on with:")
        pending = next(branch for branch in ground.branches if branch.name == "pending")
        out(f"  cd {directory}")
        out(f"  itil-gate approve {pending.change} --head {pending.head} --key {keys / 'dave'}")
        out("  itil-gate check --base main --head pending")
    else:
        out("Denied, pending, allowed: as expected. Keep a copy with `itil-gate demo --dir DIR`.")
    return 0


def _sign(ground: Playground, head: str, at: datetime) -> None:
    """Let Bob approve, with his key, through the same door as everybody."""
    from itil_gate.cli.desk import Signing, find_signer, sign_and_file, statement_for
    from itil_gate.cli.hearing import hearing
    from itil_gate.release.playground import APPROVED

    with hearing(ground.directory, base="main", head=head, target=None, now=at) as heard:
        key = str(ground.makers["bob"].key)
        signer = find_signer(heard, key=key)
        statement = statement_for(
            "approve", heard, signer, change=APPROVED, roles=(), reason=None, now=at
        )
        sign_and_file(
            statement,
            signer,
            repository=heard.view.repository,
            signing=Signing(key, None, None, yes=True),
            now=at,
        )


def _check(ground: Playground, head: str, at: datetime) -> str:
    from itil_gate.cli.hearing import hearing
    from itil_gate.report.text import decision_text

    with hearing(ground.directory, base="main", head=head, target=None, now=at) as heard:
        out(decision_text(heard.decision, color=color(), width=width()))
        return heard.decision.outcome
