"""A workshop for throw-away repositories: real commits, signed with real keys.

For the demo and for nothing else: it writes work trees and runs git with a configuration of its
own. It refuses a directory that is not empty.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from itil_gate.git.run import environment, run
from itil_gate.model.errors import GateError
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from git import Repo

KEYGEN_TIMEOUT = 60


@frozen
class Maker:
    """A person at work in the workshop: name, e-mail, key files."""

    id: str
    name: str
    email: str
    key: Path
    public: str
    """The public key as OpenSSH writes it, one line."""


def open_workshop(directory: Path) -> Repo:
    """Return a new repository with an unborn branch main.

    Raises GateError `not-empty` for a directory that holds anything.
    """
    from git import Repo  # noqa: PLC0415 - GitPython costs a tenth of a second to import

    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise GateError(
            "not-empty",
            f"{directory} is not empty",
            hint="name a directory that does not exist yet",
        )
    with _plainly():
        return Repo.init(directory, initial_branch="main")


def workshop_at(directory: Path) -> Repo:
    """Return a repository that `open_workshop` made."""
    from git import Repo  # noqa: PLC0415 - GitPython costs a tenth of a second to import

    return Repo(directory)


def make_person(folder: Path, person: str, *, name: str) -> Maker:
    """Return a person with a fresh Ed25519 key, without passphrase, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = folder / person
    run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", person, "-f", str(key)],
        cwd=folder,
        env=environment(),
        timeout=KEYGEN_TIMEOUT,
    )
    public = key.with_suffix(".pub").read_text(encoding="ascii").strip()
    return Maker(person, name, f"{person}@example.com", key, public)


def commit(
    repo: Repo,
    files: Mapping[str, str],
    *,
    message: str,
    maker: Maker,
    when: datetime,
    signed: bool = True,
) -> str:
    """Write files, commit them on the current branch and return the commit's id."""
    root = Path(str(repo.working_tree_dir))
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    with _plainly():
        repo.index.add(list(files))
    sign = "-S" if signed else "--no-gpg-sign"
    return _sign(repo, "commit", "-q", sign, "-m", message, maker=maker, when=when)


def merge(repo: Repo, branch: str, *, message: str, maker: Maker, when: datetime) -> str:
    """Merge a branch into the current one, with a commit of its own, and return that one's id."""
    return _sign(
        repo, "merge", "-q", "--no-ff", "-S", "-m", message, branch, maker=maker, when=when
    )


def _sign(repo: Repo, *command: str, maker: Maker, when: datetime) -> str:
    """Run a command that makes a commit in somebody's name and with their key."""
    stamp = f"{int(when.timestamp())} +0000"
    who = {
        f"GIT_{role}_{field}": value
        for role in ("AUTHOR", "COMMITTER")
        for field, value in (("NAME", maker.name), ("EMAIL", maker.email), ("DATE", stamp))
    }
    settings = [
        *("-c", "gpg.format=ssh", "-c", f"user.signingKey={maker.key}"),
        *("-c", "core.hooksPath=/dev/null"),
    ]
    with _plainly(), repo.git.custom_environment(**who):
        repo.git.execute(["git", *settings, *command])
    return repo.head.commit.hexsha


def start_branch(repo: Repo, name: str) -> None:
    """Begin a branch at main and check it out."""
    with _plainly():
        repo.git.checkout("-q", "-b", name, "main")


def return_to_main(repo: Repo) -> None:
    """Check main out again."""
    switch(repo, "main")


def switch(repo: Repo, branch: str) -> None:
    """Check a branch out."""
    with _plainly():
        repo.git.checkout("-q", branch)


@contextmanager
def _plainly() -> Iterator[None]:
    """Raise GateError `git-failed` for what GitPython says went wrong."""
    from git.exc import GitCommandError  # noqa: PLC0415 - costs a tenth of a second

    try:
        yield
    except GitCommandError as error:
        raise GateError(
            "git-failed",
            f"git ended with status {error.status}: {str(error.stderr).strip()}",
            hint="see that there is room on the disk, and that git works there by hand",
        ) from error
