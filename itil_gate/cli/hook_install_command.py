"""`itil-gate hook install`: write both hooks into a repository of a plain git server."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from itil_gate.cli.hooking import LONGEST, PATIENCE
from itil_gate.cli.screen import out, repository, say

if TYPE_CHECKING:
    from itil_gate.git.discover import Repository

MARK = "# Written by `itil-gate hook install`; run that again instead of editing this."
MODE = 0o755
_HOOK = """\
#!/bin/sh
{mark}
# Nothing of the environment of whoever pushes comes along, but for what git says about the push.
exec {env} -i PATH={path} HOME=/nonexistent LANG=C.UTF-8 \\
  GIT_QUARANTINE_PATH="$GIT_QUARANTINE_PATH" \\
  {python} -I -m itil_gate hook {command}
"""


@click.command(epilog="Exit codes: 0 written, 2 not: another hook is there, or a key is missing.")
@click.option(
    "--repo",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The repository that is pushed to.",
)
@click.option(
    "--log-key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Key file of the server that signs the log's head.",
)
@click.option(
    "--recorder-key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Key file of the server that signs entries; by default the log key.",
)
@click.option(
    "--timeout",
    type=click.IntRange(1, LONGEST),
    default=PATIENCE,
    show_default=True,
    help="Seconds that each hook may take.",
)
def command(repo: Path, log_key: Path | None, recorder_key: Path | None, timeout: int) -> int:
    """Write the hooks pre-receive and post-receive, which run this very interpreter, isolated.

    Hooks that somebody else wrote are never touched; those of an earlier run are renewed. Run it
    on the server, as the user that git runs as there.

    \b
    itil-gate hook install --repo /srv/git/payments.git
    itil-gate hook install --repo /srv/git/payments.git --log-key /etc/itil-gate/log
    """
    from itil_gate.git.server import hooks_directory
    from itil_gate.model.errors import GateError

    place = repository(repo)
    folder = hooks_directory(place)
    keys = (("--log-key", log_key), ("--recorder-key", recorder_key))
    named = [part for name, key in keys if key for part in (name, str(key.absolute()))]
    given = ["--timeout", str(timeout)]
    files = {
        folder / "pre-receive": _hook("pre-receive", given),
        folder / "post-receive": _hook("post-receive", [*given, *named]),
    }
    for file in files:
        if _is_others(file):
            raise GateError(
                "hook-exists",
                f"{file} is there already, and `itil-gate hook install` did not write it",
                hint="call `itil-gate hook` from it with the same standard input, or move it away",
            )
    for file, text in files.items():
        _place(file, text.encode("utf-8", "surrogateescape"))
        out(f"wrote {file}")
    _warn(place)
    return 0


def _hook(name: str, given: list[str]) -> str:
    from itil_gate.git.run import search_path

    return _HOOK.format(
        mark=MARK,
        env=shlex.quote(shutil.which("env", path="/usr/bin:/bin") or "/usr/bin/env"),
        path=shlex.quote(search_path()),
        python=shlex.quote(sys.executable),
        command=shlex.join([name, *given]),
    )


def _place(file: Path, data: bytes) -> None:
    """Write a hook whole and executable at once: git passes over one that it may not execute."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        beside.write_bytes(data)
        beside.chmod(MODE)
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)


def _is_others(file: Path) -> bool:
    if file.is_symlink():
        return True
    try:
        return MARK.encode() not in file.read_bytes()
    except FileNotFoundError:
        return False


def _warn(place: Repository) -> None:
    """Say what else is needed before the hooks let anything in."""
    from itil_gate.gather.sources import read_judge
    from itil_gate.git.names import read_head, ref_tip
    from itil_gate.git.view import open_view
    from itil_gate.model.errors import GateError

    with open_view(place) as view:
        try:
            home = read_head(view)
            tip = ref_tip(view, home)
            if tip is not None:
                read_judge(view, tip)
                return
            why = f"{home} has no commit yet"
        except GateError as error:
            why = error.message
    say(f"the hooks refuse every branch until the default branch has adopted the gate: {why}")
    say("  next: bring the first commit past them, here: `git fetch CLONE BRANCH:BRANCH`")
