"""`itil-gate log rotate`: a new key takes over from an old one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from itil_gate.cli.log_reading import telling
from itil_gate.cli.log_writing import base_option, edit_config, open_books, write_config_option
from itil_gate.cli.recording import recording_options, tell
from itil_gate.cli.screen import out, repo_option, say

if TYPE_CHECKING:
    from pathlib import Path

    from itil_gate.cli.recording import Recording
    from itil_gate.release.books import Books
    from itil_gate.signing.ed25519 import Signer

TO_BE_PINNED = 3


@click.command(
    epilog="Exit codes: 0 handed over, 3 the new key is to be pinned first, 1 tampered, 2 could "
    "not."
)
@click.option(
    "--use",
    required=True,
    type=click.Choice(("checkpoint", "recorder")),
    help="What the key is for: the log's head, or its entries.",
)
@click.option(
    "--new-key",
    required=True,
    metavar="KEY",
    help="The key that takes over: a file or agent:SHA256:….",
)
@click.option(
    "--reason", default="Routine rotation.", show_default=True, help="Why; it goes into the log."
)
@write_config_option
@base_option
@recording_options
@repo_option
def command(
    use: Literal["checkpoint", "recorder"],
    new_key: str,
    reason: str,
    base: str | None,
    recording: Recording,
    repo: Path,
    *,
    write_config: bool,
) -> int:
    """Let a new key take over, in two runs: nothing is signed by a key that is not believed.

    The first run prints the row that pins the new key in itil-gate.yaml beside the old one, and
    records nothing. When that is merged, give the new key to the jobs that record, and run it again
    with the old key in its usual place: it records the hand-over, signed by both, and prints the
    edit that ends the old key. Until either edit is merged the log goes on with the old key.

    \b
    itil-gate log rotate --use recorder --new-key ~/.ssh/recorder-2027 --write-config
    """
    from os import environ

    from itil_gate.model.errors import SigningError
    from itil_gate.release.key_changes import is_pinned
    from itil_gate.release.keys import KeySource, open_key

    new = open_key(KeySource(new_key), agent=environ.get("SSH_AUTH_SOCK"))
    if new is None:
        raise SigningError("no-log-key", "--new-key is empty", hint="name a file or agent:SHA256:…")

    def run() -> int:
        books = open_books(recording, repo, base=base, write=False)
        pinned, size = is_pinned(books, use, new.public)
        if not pinned:
            return _pin(books, use, new, size=size, write_config=write_config)
        books = open_books(recording, repo, base=base)
        return _hand_over(books, use, new, reason=reason, write_config=write_config)

    return int(telling(run))


def _pin(
    books: Books,
    use: Literal["checkpoint", "recorder"],
    new: Signer,
    *,
    size: int,
    write_config: bool,
) -> int:
    from itil_gate.release.pinning import key_row, with_key

    row = key_row(use, new.public, since=size)
    say(f"{new.fingerprint} is not pinned as a {use} key yet; nothing was recorded")
    if write_config:
        edit_config(
            books.repository,
            lambda text: with_key(text, use, new.public, since=size),
            by_hand=row,
        )
    else:
        say("add to log.keys in itil-gate.yaml on the target branch, and leave the old key there:")
        out(f"    {row}")
    say("next: merge that, give the new key to the jobs that record, then run this again")
    return TO_BE_PINNED


def _hand_over(
    books: Books,
    use: Literal["checkpoint", "recorder"],
    new: Signer,
    *,
    reason: str,
    write_config: bool,
) -> int:
    from itil_gate.release.key_changes import hand_over
    from itil_gate.release.pinning import with_end

    made = hand_over(books, use, new, reason=reason)
    if made.recorded is not None:
        tell(made.recorded)
    else:
        say(f"the hand-over was recorded before, as entry {made.index}")
    end = f"until: {made.size}"
    if write_config:
        edit_config(
            books.repository,
            lambda text: with_end(text, use, made.old.public, until=made.size),
            by_hand=end,
        )
    else:
        say(f"add to the row of the old {use} key {made.old.fingerprint} in itil-gate.yaml:")
        out(f"      {end}")
    say("before that is merged, see that no job signs with the old key any more; if one did since,")
    say("run this again for a later end")
    return 0
