"""What matters where a repository is pushed to: its hooks, git's quarantine, symbolic refs.

Nothing is decided here, and nothing is written.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from itil_gate.git.run import QUARANTINE, environment, git_program, run
from itil_gate.model.errors import GateError, HistoryError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from itil_gate.git.discover import Repository
    from itil_gate.git.view import View


def symbolic_refs(view: View) -> dict[str, str]:
    """Return each symbolic ref with the ref that it ends at: pushing to one moves the other."""
    done = view.git("for-each-ref", "--format=%(symref) %(refname)%00", strict=False)
    lines = done.out.decode("utf-8", "surrogateescape").split("\0")
    pairs = (line.strip("\n").partition(" ") for line in lines)
    found = {name: target for target, _, name in pairs if target}
    # Git follows five of them; a circle it refuses itself.
    for _ in range(5):
        found = {name: found.get(target, target) for name, target in found.items()}
    return found


def hooks_directory(repository: Repository) -> Path:
    """Return where git looks for the hooks of a repository, as its configuration says.

    Raises HistoryError `git-failed`.
    """
    done = run(
        [git_program(), f"--git-dir={repository.common_dir}", "rev-parse", "--git-path", "hooks"],
        cwd=repository.common_dir,
        env=environment(),
    )
    return repository.common_dir / os.fsdecode(done.out.removesuffix(b"\n"))


def quarantine(repository: Repository, given: Mapping[str, str]) -> dict[str, str]:
    """Return the variables under which the objects of a push are seen, from those of a hook.

    Only git's own directory for them counts, which lies below the repository's objects; a push
    without objects has none. Raises HistoryError `quarantine-strange`.
    """
    named = given.get(QUARANTINE[2], "")
    if not named:
        return {}
    store = (repository.common_dir / "objects").resolve()
    place = (repository.common_dir / named).resolve()
    if place.parent != store or not place.is_dir():
        raise HistoryError(
            "quarantine-strange",
            f"{place} is not a place where git keeps what is pushed to {repository.common_dir}",
            hint="git sets GIT_QUARANTINE_PATH for its hooks; nobody else should",
        )
    return {QUARANTINE[0]: str(place)}


def refuse_quarantine() -> None:
    """Refuse to write while git holds a push in quarantine. Raises GateError `in-quarantine`.

    The push may still be refused, and what was written about it would stay.
    """
    if os.environ.get(QUARANTINE[2]):
        raise GateError(
            "in-quarantine",
            "nothing is recorded while a push is not accepted yet",
            hint="record it in the hook post-receive, which runs once it is",
        )
