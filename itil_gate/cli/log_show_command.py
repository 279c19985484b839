"""`itil-gate log show`: what is in the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from itil_gate.cli.log_reading import log_options
from itil_gate.cli.screen import out, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from itil_gate.cli.log_reading import LogPlace
    from itil_gate.log.reader import Entry, LogReader


@click.command(epilog="Exit codes: 0 shown, 1 tampered, 2 could not look, or no such entry.")
@click.argument("indices", nargs=-1, type=click.IntRange(min=0), metavar="[INDEX]...")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True)
@click.option("--before", type=click.IntRange(min=0), help="Begin with the entry below this one.")
@click.option("--kind", help="Only entries of this kind, such as gate-decision.")
@click.option("--format", "form", type=click.Choice(("text", "json")), default="text")
@log_options
def command(
    place: LogPlace,
    indices: tuple[int, ...],
    limit: int,
    before: int | None,
    kind: str | None,
    form: str,
) -> int:
    """List the newest entries, newest first, or show those of INDEX whole.

    Each is held against the signed tree, and its signature against the pinned keys; an entry that
    no key good at its position signed is shown and marked.

    \b
    itil-gate log show
    itil-gate log show --kind release-record --limit 5
    itil-gate log show 17 18 --format json
    """
    from itil_gate.report.log_text import entries_json, entry_line, entry_text

    if kind is not None:
        _refuse_unknown(kind)
    with place.reading() as (_, reader):
        if indices:
            found = [reader.entry(index, lost=True) for index in dict.fromkeys(indices)]
        else:
            found = list(_newest(reader, limit=limit, before=before, kind=kind))
        origin, size = reader.checkpoint.origin, reader.size
    if form == "json":
        out(entries_json(found, origin=origin, size=size))
    elif indices:
        out("\n".join(entry_text(entry) for entry in found))
    elif found:
        out("\n".join(entry_line(entry) for entry in found))
    if form == "text" and not indices:
        last = found[-1].index if found else 0
        more = f"; more: --before {last}" if last else ""
        say(f"{len(found)} of {size} entries of {origin}{more}")
    return 0


def _refuse_unknown(kind: str) -> None:
    """Refuse a kind that no entry can have, with those that are near."""
    from itil_gate.log.entry import KINDS
    from itil_gate.reading.wording import listed, near_words

    if kind in KINDS:
        return
    starting = [name for name in KINDS if name.startswith(kind)]
    near = starting or near_words(kind, KINDS) or KINDS
    raise click.BadParameter(
        f"{kind!r} is no kind of entry; meant is perhaps {listed(near)}", param_hint="--kind"
    )


def _newest(
    reader: LogReader, *, limit: int, before: int | None, kind: str | None
) -> Iterator[Entry]:
    """Yield the newest entries of a kind; a page at a time is read, and no more."""
    high = reader.size if before is None else min(before, reader.size)
    count = 0
    while high > 0 and count < limit:
        low = max(0, high - (limit if kind is None else max(limit, 64)))
        for entry in reader.entries(range(high - 1, low - 1, -1), lost=True):
            if count < limit and kind in (None, entry.kind):
                count += 1
                yield entry
        high = low
