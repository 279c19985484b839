"""What git's configuration says about the caller."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from itil_gate.git.discover import discover
from itil_gate.git.user import identity, repository_id_guess, signing_key, url_id
from itil_gate.model.errors import GateError

if TYPE_CHECKING:
    from pathlib import Path

    from support.repository import Repo


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home directory with an empty configuration."""
    for name in [n for n in os.environ if n.startswith(("GIT_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_the_repository_says_more_than_the_user_about_the_identity(repo: Repo, home: Path) -> None:
    (home / ".gitconfig").write_text('[user]\n\tname = "Alice # A"\n\temail = a@home\n')
    assert identity(discover(repo.path)) == ("Alice # A", "a@home")
    repo.git("config", "user.email", "a@work")
    assert identity(discover(repo.path)) == ("Alice # A", "a@work")


def test_included_configuration_counts(repo: Repo, home: Path) -> None:
    (home / "work.inc").write_text("[user]\n\temail = a@work\n")
    (home / ".gitconfig").write_text(
        f'[user]\n\tname = A\n[includeIf "gitdir:{repo.path}/"]\n\tpath = work.inc\n'
    )
    assert identity(discover(repo.path)) == ("A", "a@work")


def test_an_unknown_caller_is_told_the_commands(repo: Repo) -> None:
    with pytest.raises(GateError) as caught:
        identity(discover(repo.path))
    assert caught.value.code == "identity-unknown"
    assert "git config --global user.email" in caught.value.hint


def test_the_signing_key_is_that_of_ssh_signing_only(repo: Repo, home: Path) -> None:
    found = discover(repo.path)
    assert signing_key(found) is None
    repo.git("config", "user.signingKey", "~/.ssh/id_ed25519.pub")
    assert signing_key(found) is None
    repo.git("config", "gpg.format", "ssh")
    assert signing_key(found) == f"{home}/.ssh/id_ed25519.pub"
    repo.git("config", "user.signingKey", "key::ssh-ed25519 AAAA bob")
    assert signing_key(found) == "key::ssh-ed25519 AAAA bob"


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("git@forge.example.com:team/app.git", "forge.example.com/team/app"),
        ("forge.example.com:team/app", "forge.example.com/team/app"),
        (
            "https://user:secret@Forge.Example.com/team/sub/app.git/",
            "forge.example.com/team/sub/app",
        ),
        ("ssh://git@forge.example.com:2222/team/app.git", "forge.example.com/team/app"),
        ("git://forge.example.com/app", "forge.example.com/app"),
        ("file:///srv/git/app.git", None),
        ("/srv/git/app.git", None),
        ("../app", None),
        ("https://forge.example.com/", None),
        ("", None),
    ],
)
def test_a_remote_address_gives_host_and_path(url: str, wanted: str | None) -> None:
    assert url_id(url) == wanted


def test_the_guess_follows_the_remote_asked_for(repo: Repo) -> None:
    found = discover(repo.path)
    assert repository_id_guess(found) is None
    repo.git("remote", "add", "origin", "git@one.example.com:a/b.git")
    repo.git("remote", "add", "mirror", "https://two.example.com/c/d")
    assert repository_id_guess(found) == "one.example.com/a/b"
    assert repository_id_guess(found, remote="mirror") == "two.example.com/c/d"


def test_a_git_dir_of_the_caller_is_not_asked(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.git("config", "user.name", "A")
    repo.git("config", "user.email", "a@x")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert identity(discover(repo.path)) == ("A", "a@x")


def test_gitpython_is_not_imported_by_what_a_check_needs() -> None:
    rooms = [
        "view",
        "diff",
        "tree",
        "history",
        "merge",
        "names",
        "refs",
        "remote",
        "sshkeygen",
        "user",
        "discover",
    ]
    code = "import sys\n" + "".join(f"import itil_gate.git.{room}\n" for room in rooms)
    code += "print([m for m in ('git', 'cryptography', 'yaml') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.decode().strip() == "[]"
