"""`itil-gate log revoke`: a key is believed no more, from a position in the log on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from itil_gate.cli.log_reading import telling
from itil_gate.cli.log_writing import (
    base_option,
    edit_config,
    named_human,
    open_books,
    write_config_option,
)
from itil_gate.cli.recording import recording_without_since, tell
from itil_gate.cli.screen import out, repo_option, say

if TYPE_CHECKING:
    from pathlib import Path

    from itil_gate.cli.recording import Recording
    from itil_gate.release.books import Books
    from itil_gate.release.key_changes import Revoked


@click.command(epilog="Exit codes: 0 revoked, 1 tampered, 2 could not.")
@click.argument("fingerprint", metavar="FINGERPRINT")
@click.option(
    "--since",
    "position",
    required=True,
    type=click.IntRange(min=0),
    metavar="INDEX",
    help="The first entry that it is no longer believed for; may lie in the past.",
)
@click.option("--reason", required=True, help="Why; it goes into the log.")
@click.option(
    "--correct-by",
    metavar="PERSON",
    help="Also record, in this person's name, that entries which lose their only signature do not "
    "count.",
)
@write_config_option
@base_option
@recording_without_since
@repo_option
def command(
    fingerprint: str,
    position: int,
    reason: str,
    correct_by: str | None,
    base: str | None,
    recording: Recording,
    repo: Path,
    *,
    write_config: bool,
) -> int:
    """Record that the key FINGERPRINT is believed no more from entry INDEX on.

    Another pinned key has to say so: a stolen key could revoke the others as well. Whatever the key
    signed before that position stays believed; from it on, neither entries nor heads are, and
    nothing more is signed with it. End the key in itil-gate.yaml too: receipts are verified offline
    by what stands there, and that file has the last word where two keys revoke each other.

    \b
    itil-gate log revoke SHA256:… --since 412 --reason "The runner was compromised." \\
        --recorder-key ~/.ssh/recorder-2027
    """

    def run() -> int:
        from itil_gate.release.key_changes import revoke_key

        books = open_books(recording, repo, base=base)
        if correct_by is not None:
            named_human(repo, correct_by, base=base, option="--correct-by")
        made = revoke_key(
            books, fingerprint, since=position, reason=reason, corrected_by=correct_by
        )
        return _said(books, fingerprint, made, corrected=correct_by, write_config=write_config)

    return int(telling(run))


def _said(
    books: Books, fingerprint: str, made: Revoked, *, corrected: str | None, write_config: bool
) -> int:
    if made.recorded is None:
        say(f"entry {made.index} revokes {fingerprint} from entry {made.since} on already")
    else:
        tell(made.recorded)
    if made.lost:
        many = ", ".join(str(index) for index in made.lost)
        say(f"believed no more, since only that key signed them: {many}")
        if corrected is None:
            say("`itil-gate log verify` calls them bad until they are corrected: --correct-by")
        say("what they said and was true is to be recorded again")
    _end(books, fingerprint, made.since, write_config=write_config)
    return 0


def _end(books: Books, fingerprint: str, since: int, *, write_config: bool) -> None:
    from itil_gate.log.pins import pins_of
    from itil_gate.release.pinning import with_end

    mine = [pin for pin in pins_of(books.settings) if pin.fingerprint == fingerprint]
    if all(pin.until is not None and pin.until <= since for pin in mine):
        return

    def edit(text: str) -> str | None:
        new: str | None = text
        for pin in mine:
            new = None if new is None else with_end(new, pin.use, pin.public, until=since)
        return new

    if write_config:
        edit_config(books.repository, edit, by_hand=f"until: {since}")
    else:
        say(f"add to every row of {fingerprint} in itil-gate.yaml on the target branch:")
        out(f"      until: {since}")
