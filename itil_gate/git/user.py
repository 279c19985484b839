"""What the caller's git configuration says about the caller: name, e-mail, key, remote.

Asked through GitPython, which is imported late: checking a change never comes here. Nothing that
judges is read here.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from itil_gate.git.run import git_program
from itil_gate.model.errors import GateError

if TYPE_CHECKING:
    from itil_gate.git.discover import Repository

_SCP = re.compile(r"(?:[^@/:]+@)?(?P<host>[^/:]+):(?!//)(?P<path>.+)")


def identity(repository: Repository) -> tuple[str, str]:
    """Return the caller's name and e-mail, `user.name` and `user.email`.

    Raises GateError `identity-unknown` where one is not set.
    """
    name, email = (_setting(repository, key) for key in ("user.name", "user.email"))
    if not name or not email:
        raise GateError(
            "identity-unknown",
            "git does not know your name and e-mail address",
            hint='`git config --global user.name "…"` and `git config --global user.email …`',
        )
    return name, email


def signing_key(repository: Repository) -> str | None:
    """Return `user.signingKey` if git signs with SSH, else None; a path or `key::…`."""
    if _setting(repository, "gpg.format") != "ssh":
        return None
    key = _setting(repository, "user.signingKey")
    if key and key.startswith("~"):
        return os.path.expanduser(key)  # noqa: PTH111 - text in, text out
    return key


def repository_id_guess(repository: Repository, *, remote: str = "origin") -> str | None:
    """Return `host/path` of a remote, as `forge.example.com/team/app`; None if it has no host.

    Only ever a proposal: the id that counts is the one in itil-gate.yaml.
    """
    url = _ask(repository, "remote", "get-url", "--", remote)
    return url_id(url) if url else None


def url_id(url: str) -> str | None:
    """Return `host/path` of a git URL in any of its forms; None for one without a host."""
    if "://" in url:
        parts = urlsplit(url)
        host, path = parts.hostname or "", parts.path
    else:
        found = _SCP.fullmatch(url)
        host, path = (found["host"].lower(), found["path"]) if found else ("", "")
    path = path.strip("/").removesuffix(".git").rstrip("/")
    return f"{host}/{path}" if host and path else None


def _setting(repository: Repository, key: str) -> str | None:
    return _ask(repository, "config", "--get", key)


def _ask(repository: Repository, *command: str) -> str | None:
    program = git_program()
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    from git import Git  # noqa: PLC0415 - costs a tenth of a second
    from git.exc import GitCommandError  # noqa: PLC0415

    asker = Git(str(repository.work_tree or repository.git_dir))
    try:
        said = asker.execute(
            [program, f"--git-dir={repository.git_dir}", *command],
            env={"LC_ALL": "C"},
            kill_after_timeout=20,
        )
    except GitCommandError:
        return None
    return str(said).strip() or None
