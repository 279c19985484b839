"""Fetch from and push to remotes: the one place where the caller's git configuration counts.

Credentials, proxies, ssh commands and URL rewriting are the caller's own. Hooks are not run, tags,
submodules and maintenance are left alone. Everything else in the room ignores configuration.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from itil_gate.git.history import is_ancestor, read_commit
from itil_gate.git.names import ref_tip
from itil_gate.git.objects import is_oid
from itil_gate.git.refs import TRIES, busy, move_ref, open_store, wait, write_commit, write_tree
from itil_gate.git.run import Result, environment, git_program, run
from itil_gate.git.tree import FILE, ls_tree
from itil_gate.model.errors import GateError, HistoryError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from itil_gate.git.discover import Repository
    from itil_gate.git.view import View

TIMEOUT = 300.0
"""Seconds for one exchange with a remote."""

JOINER = ("itil-gate", "itil-gate")
"""Who commits the joining of two tips: nobody's statement, so nobody's name."""

CALLERS_OWN = re.compile(
    r"GIT_(?:SSH|SSH_COMMAND|SSH_VARIANT|ASKPASS|TERMINAL_PROMPT|PROXY_COMMAND|PROXY_SSL_\w+"
    r"|SSL_\w+|HTTP_\w+|CONFIG_GLOBAL|CONFIG_SYSTEM|CONFIG_NOSYSTEM|CONFIG_COUNT"
    r"|CONFIG_(?:KEY|VALUE)_\d+|CONFIG_PARAMETERS|ALLOW_PROTOCOL|PROTOCOL_FROM_USER)"
)
"""The variables of the caller that say how to reach a remote; all other `GIT_*` are dropped."""

_LATEST = 253_402_300_799
"""The last second of the year 9999, later than which no date can be written."""

_RACE = re.compile(
    r"fetch first|non-fast-forward|stale info|cannot lock ref|failed to update ref|incorrect old"
    r"|already exists|reference already|atomic transaction failed"
)
_BESIDE = re.compile(r"\(atomic push fail(?:ed|ure)\)")
"""Said of a ref that was only held back because another one of the same atomic push was."""
_PASSING = re.compile(
    r"Could not resolve host|unable to access|Connection (?:reset|refused|timed out|closed)"
    r"|early EOF|hung up unexpectedly|RPC failed|returned error: (?:429|5\d\d)"
)


def fetch(
    repository: Repository, remote: str, refspecs: Sequence[str], *, timeout: float = TIMEOUT
) -> None:
    """Fetch from a remote; no tags, no FETCH_HEAD.

    Raises HistoryError `fetch-failed` or `git-timeout`.
    """
    done = _patiently(
        repository,
        *("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance"),
        *("--no-recurse-submodules", "--end-of-options", _remote(remote), *refspecs),
        timeout=timeout,
    )
    if done.status != 0:
        raise HistoryError(
            "fetch-failed",
            f"{remote} could not be fetched from: {done.complaint}",
            hint="`git fetch` by hand shows whether it can be reached and you may read it",
        )


def remote_tip(
    repository: Repository, remote: str, ref: str, *, timeout: float = TIMEOUT
) -> str | None:
    """Return the id that a full ref holds on a remote; None if it is not there.

    Raises HistoryError `fetch-failed` or `git-timeout`.
    """
    done = _patiently(
        repository,
        *("ls-remote", "--quiet", "--end-of-options", _remote(remote), ref),
        timeout=timeout,
    )
    if done.status != 0:
        raise HistoryError("fetch-failed", f"{remote} could not be asked: {done.complaint}")
    lines = (line.split("\t") for line in done.out.decode("utf-8", "replace").splitlines())
    return next((words[0] for words in lines if words[1:] == [ref] and is_oid(words[0])), None)


def push(
    repository: Repository, remote: str, refspecs: Sequence[str], *, timeout: float = TIMEOUT
) -> bool:
    """Push refs to a remote, never by force; False if somebody else was first.

    Raises GateError `push-refused` where the remote declines, HistoryError `git-timeout`.
    """
    if any(refspec.startswith(("+", "-", ":")) for refspec in refspecs):
        raise GateError("bad-name", "nothing is pushed by force or removed here")
    done = _patiently(
        repository,
        *("push", "--porcelain", "--no-verify", "--no-follow-tags", "--recurse-submodules=no"),
        *("--end-of-options", _remote(remote), *refspecs),
        timeout=timeout,
    )
    return taken(done, remote)


def taken(done: Result, remote: str) -> bool:
    """Whether a remote took a `push --porcelain`; False if somebody else was first.

    Raises GateError `push-refused` where the remote declines.
    """
    if done.status == 0:
        return True
    lines = done.out.decode("utf-8", "replace").splitlines()
    refused = [line for line in lines if line.startswith("!")]
    rejected = [line for line in refused if not _BESIDE.search(line)] or refused
    if rejected and all(_RACE.search(line) for line in rejected):
        return False
    raise GateError(
        "push-refused",
        f"{remote} did not take the push: {'; '.join(rejected) or done.complaint}",
        hint="check that you may write this branch there; a signed statement can also be given "
        "to somebody who may",
    )


def push_branch(
    repository: Repository, remote: str, branch: str, *, timeout: float = TIMEOUT
) -> str:
    """Push a branch of added files, joined with what others added meanwhile; return its tip.

    Only for branches whose files are never rewritten: both sides' files are kept, and the local
    branch moves to the joined tip. Raises GateError `file-differs`, `branch-busy` or
    `push-refused`, and HistoryError `fetch-failed` or `git-timeout`.
    """
    for attempt in range(TRIES):
        theirs = remote_tip(repository, remote, branch, timeout=timeout)
        if theirs is not None:
            join(repository, remote, branch, theirs=theirs, timeout=timeout)
        if push(repository, remote, [f"{branch}:{branch}"], timeout=timeout):
            with open_store(repository) as store:
                return _tip(store, branch)
        wait(attempt)
    raise busy(branch)


def join(
    repository: Repository, remote: str, branch: str, *, theirs: str, timeout: float = TIMEOUT
) -> str:
    """Bring a remote's copy of a branch into the local one, keeping all files; return the tip.

    `theirs` is the tip seen there; it is fetched if it is not here. The result descends from
    both, and does not depend on who joins them when. Raises GateError `file-differs` where the
    two hold one path with different bytes.
    """
    with open_store(repository) as store:
        if next(store.reader.info([theirs])) is None:
            fetch(repository, remote, [branch], timeout=timeout)
        for attempt in range(TRIES):
            ours = ref_tip(store, branch)
            new = _joined(store, ours, theirs, branch=branch)
            if new == ours or move_ref(store, branch, new, old=ours):
                return new
            wait(attempt)
    raise busy(branch)


def _joined(store: View, ours: str | None, theirs: str, *, branch: str) -> str:
    if ours is None or is_ancestor(store, ours, theirs):
        return theirs
    if is_ancestor(store, theirs, ours):
        return ours
    here = {entry.path: entry for entry in ls_tree(store, ours)}
    there = {entry.path: entry for entry in ls_tree(store, theirs)}
    for path in sorted(here.keys() & there.keys()):
        if here[path] != there[path]:
            raise GateError(
                "file-differs", f"{path} on {branch} differs between here and the remote"
            )
    added = sorted(here.keys() - there.keys())
    odd = [path for path in added if here[path].mode != FILE]
    if odd:
        raise GateError("file-differs", f"{odd[0]} on {branch} is not a plain file")
    blobs = store.read_many(here[path].oid for path in added)
    files = {path: blob.data for path, blob in zip(added, blobs, strict=True)}
    tree = write_tree(store, theirs, files)
    message = f"Join {branch.rpartition('/')[2]}"
    latest = max(read_commit(store, tip).committed_at for tip in (ours, theirs))
    when = datetime.fromtimestamp(min(latest, _LATEST), tz=UTC)
    return write_commit(store, tree, [theirs, ours], message=message, identity=JOINER, when=when)


def _tip(store: View, branch: str) -> str:
    tip = ref_tip(store, branch)
    if tip is None:
        raise HistoryError("branch-gone", f"{branch} was removed while it was pushed")
    return tip


def _remote(name: str) -> str:
    if not name or name.startswith("-") or "::" in name or any(c < " " for c in name):
        raise GateError("bad-name", f"{name!r} is not a remote")
    return name


def callers_own() -> dict[str, str]:
    """Return the variables of the caller that say how to reach a remote."""
    import os  # noqa: PLC0415 - what the caller says about reaching remotes

    return {name: value for name, value in os.environ.items() if CALLERS_OWN.fullmatch(name)}


def exchange(
    git_dir: Path,
    arguments: Sequence[str],
    *,
    cwd: Path,
    own: Mapping[str, str],
    timeout: float = TIMEOUT,
    stdin: bytes | None = None,
) -> Result:
    """Run git with the variables `own`, again if the network failed in passing.

    Any status is an answer. Raises HistoryError `git-timeout`.
    """
    env = environment({"GIT_TERMINAL_PROMPT": "0", **own, "LC_ALL": "C"})
    command = [git_program(), "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"]
    command.append(f"--git-dir={git_dir}")
    for attempt in range(3):
        done = run(
            [*command, *arguments],
            cwd=cwd,
            env=env,
            stdin=stdin,
            ok=range(-256, 256),
            timeout=timeout,
        )
        if done.status == 0 or not _PASSING.search(done.complaint):
            break
        wait(attempt + 4)
    return done


def _patiently(repository: Repository, *arguments: str, timeout: float) -> Result:
    """Run git with the caller's configuration, again if the network failed in passing."""
    return exchange(
        repository.git_dir,
        arguments,
        cwd=repository.work_tree or repository.git_dir,
        own=callers_own(),
        timeout=timeout,
    )
