"""`itil-gate demo`: six changes, each in its lane, from request to release, for real."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from itil_gate.cli.screen import color, now, out, say, width

if TYPE_CHECKING:
    from datetime import datetime

    from itil_gate.release.playground import Playground

EXPECTED = {
    "uncovered": "deny",
    "express": "allow",
    "approved": "allow",
    "pending": "pending",
    "board": "pending",
    "emergency": "allow",
}
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

    It makes people with SSH keys, signs commits and approvals, and decides six pull requests under
    the policies of the profile team: one that nobody asked for, and one in each lane. Two of them
    are merged and released, on the record of an audit log, which is verified; in copies, a push
    past the gate and a tampered entry are found.

    \b
    itil-gate demo
    itil-gate demo --dir playground
    """
    if directory is not None:
        return _kept_tour(directory.resolve())
    with tempfile.TemporaryDirectory(prefix="itil-gate-demo-") as name:
        return _tour(Path(name) / "payments", kept=False)


def _kept_tour(directory: Path) -> int:
    """Play in a directory that stays; what a tour cut short has made of it does not."""
    made = [path for path in (directory, _keys(directory)) if not path.exists()]
    whole = False
    try:
        code = _tour(directory, kept=True)
        whole = True
    finally:
        for path in () if whole else made:
            shutil.rmtree(path, ignore_errors=True)
    return code


def _keys(directory: Path) -> Path:
    return directory.parent / f"{directory.name}-keys"


def _tour(directory: Path, *, kept: bool) -> int:
    from itil_gate.release.playground import SIGNERS, build_playground

    at = now()
    keys = _keys(directory)
    ground = build_playground(directory, keys=keys, policies=_policies(at), now=at)
    from itil_gate.cli.demo_release import open_log, second_half

    surprises = open_log(ground, keys=keys)
    outcomes = {}
    for branch in ground.branches:
        out(f"\n{'=' * 78}\n{click.wrap_text(branch.story, 78)}\n")
        if branch.change in SIGNERS:
            signer = SIGNERS[branch.change]
            out(f"$ itil-gate approve {branch.change} --head {branch.head} --key {keys}/{signer}")
            _sign(ground, branch.change, head=branch.head, at=at)
        out(f"$ itil-gate check --base main --head {branch.name}\n")
        outcomes[branch.name] = _check(ground, branch.head, at)
    if outcomes != EXPECTED:
        say(f"the demo did not go as it should: {outcomes}")
        return UNEXPECTED
    surprises += second_half(ground)
    if surprises:
        say(f"the demo did not go as it should: {'; '.join(surprises)}")
        return UNEXPECTED
    out("=" * 78)
    if kept:
        out(f"The repository is {directory}, the keys are {keys}. Go on with:")
        pending = next(branch for branch in ground.branches if branch.name == "pending")
        out(f"  cd {directory}")
        out(f"  itil-gate approve {pending.change} --head {pending.head} --key {keys / 'dave'}")
        out("  itil-gate check --base main --head pending")
    else:
        out("Each as expected: refused, express, peer, team, board and emergency, in this order.")
        out("Keep a copy with `itil-gate demo --dir DIR`.")
    return 0


def _policies(at: datetime) -> dict[str, str]:
    """Return the policies of the tour, adopted today; their tests stay at home."""
    from itil_gate.cli.shipped import profile_files
    from itil_gate.policy.places import is_policy_test
    from itil_gate.report.adoption import dated

    return {
        path: dated(text, at.date())
        for path, text in profile_files("team").items()
        if not is_policy_test(f"policies/{path}", folder="policies")
    }


def _sign(ground: Playground, change: str, *, head: str, at: datetime) -> None:
    """Let a person approve, with their own key, through the same door as everybody."""
    from itil_gate.cli.desk import Signing, find_signer, sign_and_file, statement_for
    from itil_gate.cli.hearing import hearing
    from itil_gate.release.playground import SIGNERS

    with hearing(ground.directory, base="main", head=head, target=None, now=at) as heard:
        key = str(ground.makers[SIGNERS[change]].key)
        signer = find_signer(heard, key=key)
        statement = statement_for(
            "approve", heard, signer, change=change, roles=(), reason=None, now=at
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
