"""`itil-gate log verify-proof`: a receipt, verified without the log."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from itil_gate.cli.log_reading import BAD, find_log, read_bytes, telling
from itil_gate.cli.screen import out, repo_option

if TYPE_CHECKING:
    from itil_gate.log.pins import Pin
    from itil_gate.model.config import Config, LogSettings
    from itil_gate.signing.note import VerifierKey


@click.command(epilog="Exit codes: 0 it holds, 1 it does not, 2 it could not be looked at.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--entry",
    "entry_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The entry's file; it has to be the one that the receipt is about.",
)
@click.option(
    "--key",
    "vkeys",
    multiple=True,
    metavar="VKEY",
    help="Verifier key of the log, as `log checkpoint --vkey` prints it; may be repeated.",
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Take the keys from this itil-gate.yaml instead of the target branch's.",
)
@click.option("--base", help="Branch whose itil-gate.yaml counts; origin/main or main by default.")
@repo_option
def command(
    file: Path,
    entry_file: Path | None,
    vkeys: tuple[str, ...],
    config_file: Path | None,
    base: str | None,
    repo: Path,
) -> int:
    """Verify a receipt FILE that `log prove` or a recording wrote, offline.

    Without --entry it shows that an entry of this kind and digest is in the log. The keys come
    from --key, from --config, or from the target branch of the repository.

    \b
    itil-gate log verify-proof 17.tlog-proof --entry 17.intoto.json
    itil-gate log verify-proof 17.tlog-proof --key example.com/app/audit-log+1a2b3c4d+AY…
    """
    data = read_bytes(file)
    entry = None if entry_file is None else read_bytes(entry_file)
    trusted = _trusted(vkeys, config_file, base=base, repo=repo)
    return int(telling(lambda: _verify(data, entry, trusted)))


Trusted = tuple[str, "tuple[VerifierKey, ...]", "tuple[Pin, ...]", "LogSettings | None"]


def _trusted(
    vkeys: tuple[str, ...], config_file: Path | None, *, base: str | None, repo: Path
) -> Trusted:
    """Return the log's name, the keys under which it is read, and how they are pinned."""
    from itil_gate.log.pins import note_keys, origin_of, pins_of

    if vkeys:
        if config_file is not None:
            raise click.UsageError("give --key or --config, not both")
        return _by_keys(vkeys)
    if config_file is not None:
        config = _config(config_file)
        settings, name = config.log, config.repository
        if settings is None:
            raise click.BadParameter(f"{config_file} has no section log", param_hint="--config")
    else:
        place = find_log(repo, base=base, remote=None, local=True)
        settings, name = place.settings, place.config.repository
    origin, pins = origin_of(settings, name), pins_of(settings)
    return origin, note_keys(pins, origin=origin, settings=settings), pins, settings


def _by_keys(vkeys: tuple[str, ...]) -> Trusted:
    from itil_gate.signing.note import ED25519, NoteError, verifier_key

    try:
        keys = tuple(verifier_key(text) for text in vkeys)
    except NoteError as error:
        raise click.BadParameter(str(error), param_hint="--key") from error
    names = {key.name for key in keys if key.kind == ED25519}
    if len(names) != 1:
        raise click.BadParameter("the keys are not those of one log", param_hint="--key")
    return names.pop(), keys, (), None


def _config(file: Path) -> Config:
    from itil_gate.model.config import CONFIG_PATH
    from itil_gate.model.policy import Source
    from itil_gate.policy.compile import read_config
    from itil_gate.reading.yaml import decode

    text = decode(read_bytes(file, limit=1024 * 1024), file=str(file))
    return read_config({CONFIG_PATH: Source(path=CONFIG_PATH, blob="0" * 40, text=text)})


def _verify(data: bytes, entry: bytes | None, trusted: Trusted) -> int:
    from itil_gate.log.entry import parse_leaf
    from itil_gate.log.pins import signed_well
    from itil_gate.log.proof import parse, verify
    from itil_gate.report.escape import terminal

    origin, keys, pins, settings = trusted
    proof = parse(data)
    if proof.extra is None:
        out("does not hold: the receipt carries no leaf")
        return BAD
    leaf = parse_leaf(proof.extra)
    opened = verify(proof, keys, origin=origin, leaf=proof.extra)
    size, faults = opened.checkpoint.size, []
    if entry is not None and hashlib.sha256(entry).hexdigest() != leaf.sha256:
        faults.append("the receipt is about another file than this entry")
    if pins and not signed_well(pins, opened.signed, size=size):
        faults.append(f"the key that signed the log at {size} entries is not good for it")
    needed = settings.cosignatures if settings else 0
    if len({one.key.name for one in opened.cosigned}) < needed:
        faults.append(f"{len(opened.cosigned)} witnesses signed the head; {needed} have to")
    for fault in faults:
        out(f"does not hold: {fault}")
    if faults:
        return BAD
    out(
        terminal(
            f"holds: entry {proof.index} ({leaf.kind}, sha256 {leaf.sha256}) is in {origin}, "
            f"which had {size} entries"
        )
    )
    for one in opened.cosigned:
        out(terminal(f"  seen by {one.key.name}"))
    return 0
