"""What the caller's git configuration says about the caller: name, e-mail, key, remote.

Asked through GitPython, which is imported late: checking a change never comes here. Nothing that
judges is read here.
"""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from itil_gate.git.run import git_program, patience
from itil_gate.model.errors import GateError, HistoryError

if TYPE_CHECKING:
    from itil_gate.git.discover import Repository

TIMEOUT = 20.0
"""Seconds for one question; nothing but small files is read."""

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
    # What is no UTF-8 could not be written into a statement or a file.
    name, email = (text.encode("utf-8", "replace").decode() for text in (name, email))
    return name, email


def signing_key(repository: Repository) -> str | None:
    """Return `user.signingKey` if git signs with SSH, else None; a path or `key::…`."""
    if _setting(repository, "gpg.format") != "ssh":
        return None
    key = _setting(repository, "user.signingKey")
    if key and key.startswith("~"):
        return os.path.expanduser(key)  # noqa: PTH111 - text in, text out
    return key


def has_remote(repository: Repository, name: str) -> bool:
    """Tell whether a remote of this name is configured."""
    return _ask(repository, "remote", "get-url", "--", name) is not None


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
    from git.exc import GitCommandNotFound  # noqa: PLC0415

    asker = Git(str(repository.work_tree or repository.git_dir))
    seconds = patience(TIMEOUT)
    try:
        # GitPython's own time-out asks `ps` whom to stop, and never ends where there is no `ps`.
        asked: Any = asker.execute(
            [program, f"--git-dir={repository.git_dir}", *command],
            env={"LC_ALL": "C"},
            as_process=True,
        )
    except GitCommandNotFound as error:
        raise GateError("program-failed", f"git could not be started: {error}") from error
    try:
        said, _ = asked.proc.communicate(timeout=seconds)
    except subprocess.TimeoutExpired as error:
        raise HistoryError(
            "git-timeout",
            f"`git {command[0]}` took more than {seconds:g} seconds and was stopped",
            hint="try again on a less busy machine",
        ) from error
    finally:
        if asked.proc.poll() is None:
            asked.proc.kill()
            asked.proc.wait()
    status = asked.proc.returncode
    if status < 0:
        raise HistoryError("git-failed", f"`git {command[0]}` was stopped by signal {-status}")
    if status != 0:
        return None
    return said.decode("utf-8", "surrogateescape").strip() or None
