"""`itil-gate init`: the files that adopt the gate, beside whatever is there already."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from itil_gate.cli.screen import now, out, repository, say, write_new_file

if TYPE_CHECKING:
    from itil_gate.git.discover import Repository
    from itil_gate.git.view import View
    from itil_gate.report.adoption import Founder

_NOT_A_NAME = re.compile(r"[^a-z0-9._-]+")


@click.command()
@click.option(
    "--profile",
    default="starter",
    show_default=True,
    metavar="starter|team|regulated",
    help="Shipped policies to begin with.",
)
@click.option(
    "--dir",
    "directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="The repository; the current directory by default.",
)
def command(profile: str, directory: Path) -> int:
    """Write what a repository needs to adopt the gate; never over a file that is there.

    A configuration, people with the role each plays, a service, policies with their tests, a
    calendar, a workflow for GitHub and one example request. All of it can be edited, and passes
    `itil-gate lint` and `itil-gate policy test`.

    \b
    starter    approvals by the paths a change touches, and nothing else to learn
    team       starter, and control in proportion to measured risk; standard changes need nobody
    regulated  team, and what an auditor asks of every change, with the controls it answers

    \b
    itil-gate init
    itil-gate init --profile team --dir ~/payments
    """
    from itil_gate.cli.new_command import new_id
    from itil_gate.cli.shipped import profile_files
    from itil_gate.git.user import repository_id_guess
    from itil_gate.git.view import open_view
    from itil_gate.model.errors import GateError
    from itil_gate.report.adoption import Adoption, adoption_files

    policies = profile_files(profile)
    place = repository(directory)
    if place.work_tree is None:
        raise GateError(
            "no-work-tree",
            f"{place.git_dir} is a bare repository",
            hint="run it in a clone",
        )
    root = place.work_tree
    when = now()
    with open_view(place) as view:
        target = _target(view)
    guess = repository_id_guess(place)
    files = adoption_files(
        Adoption(
            repository=guess or f"localhost/{root.name}",
            target=target,
            founder=_founder(place),
            change=new_id(when),
            today=when.date(),
        ),
        policies,
    )
    there = _requests(root)
    for path, text in files.items():
        if path.startswith("changes/") and there:
            out(f"left alone  changes/ ({there} file(s) are there)")
        elif write_new_file(root / path, text.encode()):
            out(f"wrote       {path}")
        else:
            out(f"left alone  {path}")
    _next_steps(target.removeprefix("refs/heads/"), known=guess is not None)
    return 0


def _target(view: View) -> str:
    """Return the branch to guard: the usual ones first, else the one checked out."""
    from itil_gate.cli.hearing import COMMON_TARGETS
    from itil_gate.git.names import read_head, ref_tip

    for name in COMMON_TARGETS:
        for place in (f"refs/remotes/origin/{name}", f"refs/heads/{name}"):
            if ref_tip(view, place) is not None:
                return f"refs/heads/{name}"
    head = read_head(view)
    return head if head.startswith("refs/heads/") else "refs/heads/main"


def _founder(place: Repository) -> Founder | None:
    """Return whoever is at the keyboard, as git and SSH know them."""
    from itil_gate.git.user import identity
    from itil_gate.model.errors import GateError
    from itil_gate.report.adoption import Founder

    try:
        name, email = identity(place)
    except GateError:
        return None
    local = _NOT_A_NAME.sub("-", email.partition("@")[0].lower()).strip("-._")
    return Founder(id=local[:60] or "me", name=name, email=email, key=_public_key(place))


def _public_key(place: Repository) -> str | None:
    """Return the public key that git signs with, or the usual one of ~/.ssh."""
    from itil_gate.cli.desk import usual_key
    from itil_gate.git.sshkeygen import public_key
    from itil_gate.git.user import signing_key
    from itil_gate.model.errors import GateError

    key = signing_key(place) or usual_key()
    if key is None:
        return None
    try:
        return public_key(key)
    except GateError:
        return None


def _requests(root: Path) -> int:
    return sum(1 for _ in (root / "changes").rglob("*.yaml")) if (root / "changes").is_dir() else 0


def _next_steps(branch: str, *, known: bool) -> None:
    say("")
    say("next:")
    if not known:
        say("  - itil-gate.yaml: give the repository an id of its own (no remote says one)")
    say("  - people.yaml: replace the example people; they have no keys and cannot approve")
    say("  - itil-gate lint      tells whether the files are in order")
    say("  - itil-gate policy test   plays the cases that say what the policies are for")
    say("  - itil-gate doctor    tells whether real people can satisfy the rules, once committed")
    say(f"  - commit the files and let an administrator merge them into {branch}; that merge is")
    say("    the adoption, and every later one is judged by what it brought")
