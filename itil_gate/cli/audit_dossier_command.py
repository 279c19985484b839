"""`itil-gate audit dossier`: one change's whole story, with its evidence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from itil_gate.cli.log_reading import log_options
from itil_gate.cli.screen import out, say, write_file

if TYPE_CHECKING:
    from itil_gate.audit.dossier import Story
    from itil_gate.audit.told import Dossier
    from itil_gate.cli.log_reading import LogPlace
    from itil_gate.git.snapshot import Snapshot
    from itil_gate.log.reader import LogReader


@click.command(
    epilog="Exit codes: 0 told, also where something is missing, 1 the log is tampered with, 2 it "
    "could not be told."
)
@click.argument("change")
@click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write a folder with the story, every entry, its receipt, and how to verify them.",
)
@click.option("--format", "form", type=click.Choice(("text", "json", "markdown")), default="text")
@log_options
def command(place: LogPlace, change: str, directory: Path | None, form: str) -> int:
    """Tell everything about CHANGE in the order of time, and what is missing.

    Its request in every version, risk and decisions with their reasons, approvals and rejections
    with the roles that were held, landings, releases, outcomes, incidents, obligations and what met
    them; each with its entry in the log, its digest and how it is proved.

    \b
    itil-gate audit dossier CHG-2026-7K3QX9ZB
    itil-gate audit dossier CHG-2026-7K3QX9ZB --dir dossier
    """
    from itil_gate.audit.dossier import Story
    from itil_gate.cli.progress import Progress
    from itil_gate.decide.roster import build_roster
    from itil_gate.gather.sources import read_judge
    from itil_gate.git.view import open_view
    from itil_gate.model.errors import GateError
    from itil_gate.policy.compile import compile_policies
    from itil_gate.report.dossier_text import dossier_json, dossier_markdown, dossier_text

    if directory is not None and directory.exists() and any(directory.iterdir()):
        raise GateError(
            "not-empty", f"{directory} is not empty", hint="name a directory that does not exist"
        )
    progress = Progress()
    with open_view(place.repository) as view, place.reading() as (at, reader):
        at.complete()
        people = compile_policies(read_judge(view, place.tip)).people
        story = Story(view, reader, config=place.config, tip=place.tip, roster=build_roster(people))
        dossier = story.tell(change, progress=lambda done: progress("entries", done, reader.size))
        progress.end()
        if directory is not None:
            _write(directory, dossier, story, place=place, at=at, reader=reader)
    writers = {"text": dossier_text, "json": dossier_json, "markdown": dossier_markdown}
    if directory is None:
        out(writers[form](dossier))
    else:
        say(f"wrote {directory}: {len(dossier.told)} things told, {len(dossier.missing)} missing")
    return 0


def _write(
    directory: Path,
    dossier: Dossier,
    story: Story,
    *,
    place: LogPlace,
    at: Snapshot,
    reader: LogReader,
) -> None:
    """Write the folder; nothing in it has a name that a stranger chose."""
    from itil_gate.log.entry import entry_path
    from itil_gate.log.proof import prove
    from itil_gate.log.tiles import TileReader, read_leaf
    from itil_gate.report.dossier_text import (
        dossier_json,
        dossier_markdown,
        dossier_text,
        folder_page,
    )

    nodes = TileReader(reader.size, at.read)
    for entry in story.entries:
        leaf = read_leaf(entry.index, size=reader.size, read=at.read)
        proof = prove(
            entry.index, leaf=leaf, note=reader.note, checkpoint=reader.checkpoint, nodes=nodes
        )
        write_file(directory / "entries" / f"{entry.index}.tlog-proof", proof.data)
        file = at.read(entry_path(entry.index))
        if file is not None:
            write_file(directory / "entries" / f"{entry.index}.intoto.json", file)
    for digest, data in story.requests.items():
        write_file(directory / "requests" / f"{digest}.yaml", data)
    texts = {fact.digest: fact.text for fact in story.statements if fact.text}
    for entry in story.entries:
        if entry.kind in ("approval", "override"):
            texts.setdefault(str(entry.predicate["statement"]), str(entry.predicate["text"]))
    for digest, text in texts.items():
        # What a forge told of a review is JSON that nobody signed.
        ending = "json" if text.startswith("{") and "\n" not in text else "stmt"
        write_file(directory / "statements" / f"{digest}.{ending}", text.encode())
    write_file(directory / "checkpoint", reader.note)
    write_file(directory / "dossier.txt", dossier_text(dossier).encode())
    write_file(directory / "dossier.md", dossier_markdown(dossier).encode())
    write_file(directory / "dossier.json", dossier_json(dossier).encode())
    keys = [one.key for one in place.settings.keys if one.use == "recorder"]
    page = folder_page(dossier, vkeys=[key.text for key in place.keys], keys=keys)
    write_file(directory / "README.md", page.encode())
