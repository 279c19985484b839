"""How the caller's own git reaches a remote, handed to a git that runs in another repository.

Credentials, headers, proxies, ssh commands and rewritten URLs stand in any of git's configuration
files, and `includeIf` goes by where the repository is. So git is asked in the caller's repository,
and the answers that are about reaching remotes go on through GIT_CONFIG_COUNT and its kin. Nothing
is written to a file, and everything else that is configured there stays there.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from itil_gate.git.remote import callers_own
from itil_gate.git.run import environment, git_program, run
from itil_gate.model.errors import GateError, HistoryError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from itil_gate.git.discover import Repository

NAME = "log"
"""What the remote is called in the other repository, whatever the caller calls it."""
_ABOUT_REACHING = re.compile(
    r"(?s)(?:http|credential|url|protocol)\..+|core\.(?:sshcommand|gitproxy|askpass)|ssh\.variant"
)
_OF_THE_REMOTE = frozenset(
    "url pushurl proxy proxyauthmethod uploadpack receivepack vcs serveroption".split()  # noqa: SIM905
)
_READ_ALREADY = re.compile(
    r"GIT_CONFIG_(?:GLOBAL|SYSTEM|NOSYSTEM|PARAMETERS|COUNT|KEY_\d+|VALUE_\d+)"
)


def reaching(repository: Repository, remote: str) -> dict[str, str]:
    """Return the variables under which git reaches the caller's remote as `NAME`.

    `remote` is the name of one that is configured, or a URL or path. Raises GateError `bad-name`,
    HistoryError `config-unreadable`.
    """
    if not remote or remote.startswith("-") or "::" in remote or any(c < " " for c in remote):
        raise GateError("bad-name", f"{remote!r} is not a remote")
    own = callers_own()
    settings = list(_settings(repository, remote, own))
    if not any(key == f"remote.{NAME}.url" for key, _ in settings):
        settings.append((f"remote.{NAME}.url", remote))
    kept = {name: value for name, value in own.items() if not _READ_ALREADY.fullmatch(name)}
    kept |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    kept["GIT_CONFIG_COUNT"] = str(len(settings))
    for number, (key, value) in enumerate(settings):
        kept |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return kept


def _settings(
    repository: Repository, remote: str, own: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield what the caller's configuration says about reaching remotes, in git's order."""
    done = run(
        [git_program(), f"--git-dir={repository.git_dir}", "config", "--list", "--includes", "-z"],
        cwd=repository.work_tree or repository.git_dir,
        env=environment(own | {"LC_ALL": "C"}),
        ok=range(-256, 256),
        timeout=20,
    )
    if done.status != 0:
        raise HistoryError(
            "config-unreadable",
            f"git cannot read its configuration: {done.complaint}",
            hint="`git config --list` shows what is wrong",
        )
    for item in done.out.split(b"\0")[:-1]:
        name, given, said = item.partition(b"\n")
        key, value = os.fsdecode(name), os.fsdecode(said) if given else "true"
        if _ABOUT_REACHING.fullmatch(key):
            yield key, value
        elif key.startswith(f"remote.{remote}."):
            last = key.removeprefix(f"remote.{remote}.")
            if last in _OF_THE_REMOTE:
                yield f"remote.{NAME}.{last}", value
