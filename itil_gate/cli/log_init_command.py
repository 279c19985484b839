"""`itil-gate log init`: open the audit log of a repository."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from itil_gate.cli.log_reading import read_bytes, target_config
from itil_gate.cli.recording import recording_options
from itil_gate.cli.screen import now, out, repo_option, repository, say, write_file

if TYPE_CHECKING:
    from itil_gate.cli.recording import Recording
    from itil_gate.git.discover import Repository
    from itil_gate.model.config import LogSettings
    from itil_gate.release.keys import LogKeys


@click.command(epilog="Exit codes: 0 opened, 2 could not, or there is a log.")
@click.option("--base", help="Branch that is guarded; origin/main or main by default.")
@click.option(
    "--make-keys",
    "keys_dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Make both keys in this directory: audit-log and audit-recorder.",
)
@click.option("--write-config", is_flag=True, help="Add the section to itil-gate.yaml here.")
@recording_options
@repo_option
def command(
    recording: Recording,
    base: str | None,
    keys_dir: Path | None,
    repo: Path,
    *,
    write_config: bool,
) -> int:
    """Open the audit log: its first entry says whose it is and where its account begins.

    It lives on the branch audit-log, in the remote if there is one. The keys are taken as for all
    commands that record, or made with --make-keys; keep the private halves where only default
    branch runs can read them. Prints the section to add to itil-gate.yaml, by which the keys are
    pinned: until it is merged, nothing is recorded.

    \b
    itil-gate log init --make-keys ~/audit-keys --write-config
    itil-gate log init --log-key agent:SHA256:… --remote origin
    """
    from itil_gate.gather.remembered import memory_file
    from itil_gate.release.recorder import open_new_log

    place = repository(repo)
    target, tip, config = target_config(place, base=base)
    if keys_dir is not None:
        recording = _with_new_keys(recording, keys_dir)
    keys = recording.keys()
    section = _section(keys)
    settings = config.log or _settings(keys)
    recorded = open_new_log(
        place,
        keys=keys,
        settings=settings,
        name=config.repository,
        target=target,
        adopted=tip,
        remote=recording.place(place),
        now=now(),
    )
    say(f"opened {recorded.checkpoint.origin}; its tip is {recorded.tip}")
    say(f"this clone remembers it in {memory_file(place)}")
    if config.log is None:
        if write_config:
            _write_config(place, section)
        else:
            say("")
            say("add to itil-gate.yaml on the target branch:")
            out(section)
    _next_steps(place, recording)
    return 0


def _with_new_keys(recording: Recording, directory: Path) -> Recording:
    """Make the two keys, never over a file that is there."""
    from itil_gate.git.sshkeygen import make_key
    from itil_gate.model.frozen import replace

    if recording.log_key or recording.recorder_key:
        raise click.UsageError("give keys or --make-keys, not both")
    files = directory / "audit-log", directory / "audit-recorder"
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    for file in files:
        make_key(file, comment=f"itil-gate {file.name}")
        say(f"made {file}")
    return replace(recording, log_key=str(files[0]), recorder_key=str(files[1]))


def _settings(keys: LogKeys) -> LogSettings:
    from itil_gate.model.config import LogKey, LogSettings
    from itil_gate.signing.ed25519 import public_line

    return LogSettings(
        keys=(
            *(
                LogKey(use="checkpoint", key=public_line(one.public), since=0, until=None)
                for one in keys.checkpoints
            ),
            *(
                LogKey(use="recorder", key=public_line(one.public), since=0, until=None)
                for one in keys.recorders
            ),
        )
    )


def _section(keys: LogKeys) -> str:
    rows = [f"    - {{use: {key.use}, key: {key.key}}}" for key in _settings(keys).keys]
    return "\n".join(["log:", "  keys:", *rows]) + "\n"


def _write_config(place: Repository, section: str) -> None:
    from itil_gate.model.config import CONFIG_PATH
    from itil_gate.model.errors import GateError
    from itil_gate.model.policy import Source
    from itil_gate.policy.compile import read_config
    from itil_gate.reading.yaml import decode

    if place.work_tree is None:
        raise GateError("no-work-tree", f"{place.git_dir} is bare; nothing was written there")
    file = place.work_tree / CONFIG_PATH
    text = decode(read_bytes(file), file=CONFIG_PATH)
    new = f"{text.rstrip()}\n{section}"
    # What would not load is not written; the log is open, and the section is printed instead.
    try:
        read_config({CONFIG_PATH: Source(path=CONFIG_PATH, blob="0" * 40, text=new)})
    except GateError as error:
        out(section)
        raise GateError(
            "config-not-written",
            f"{CONFIG_PATH} would not load: {error.message}",
            hint="add the section that was printed by hand",
        ) from error
    write_file(file, new.encode())
    say(f"added the section log to {file}; commit it")


def _next_steps(place: Repository, recording: Recording) -> None:
    where = recording.place(place) or "this repository"
    say("")
    say("next:")
    say("  - bring the section onto the target branch as a change that the gate lets in, like any")
    say("    other: what is pushed past it is recorded as unauthorised, and judges nobody. Or pin")
    say("    the public keys with the adoption, and open the log after it")
    say(f"  - protect the branch audit-log in {where}: no force pushes, no deletion, and only")
    say("    the account that records may push; no required reviews there")
    say("  - put the private keys into secrets that only default-branch runs can read")
    say("    (ITIL_GATE_LOG_KEY, ITIL_GATE_RECORDER_KEY), in an environment limited to that branch")
    say("  - keep a checkpoint somewhere else: itil-gate log checkpoint > seen.checkpoint")
