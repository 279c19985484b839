"""What the commands share that change the audit log's keys and entries: its books, its pins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from itil_gate.cli.log_reading import read_bytes, target_config
from itil_gate.cli.screen import now, out, repository, say, write_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from itil_gate.cli.recording import Recording
    from itil_gate.git.discover import Repository
    from itil_gate.release.books import Books

base_option = click.option(
    "--base", help="Branch whose itil-gate.yaml counts; origin/main or main by default."
)
write_config_option = click.option(
    "--write-config", is_flag=True, help="Make the edit to itil-gate.yaml here, for you to commit."
)


def open_books(recording: Recording, path: Path, *, base: str | None, write: bool = True) -> Books:
    """Open the books by the configuration at the tip of the target branch."""
    place = repository(path)
    _, _, config = target_config(place, base=base)
    return recording.books(place, config, now=now(), write=write)


def named_human(path: Path, person: str, *, base: str | None, option: str) -> str:
    """Return the id of a human of the target branch. Raises GateError `unknown-person`."""
    from itil_gate.cli.persons import human_at

    place = repository(path)
    _, tip, config = target_config(place, base=base)
    return human_at(place, config, tip=tip, person=person, option=option)


def edit_config(place: Repository, edit: Callable[[str], str | None], *, by_hand: str) -> None:
    """Make an edit to itil-gate.yaml in the work tree, or print how it is made by hand.

    Raises GateError `no-work-tree` or `config-not-written`.
    """
    from itil_gate.model.config import CONFIG_PATH
    from itil_gate.model.errors import GateError
    from itil_gate.reading.yaml import decode

    if place.work_tree is None:
        out(by_hand)
        raise GateError("no-work-tree", f"{place.git_dir} is bare; nothing was written there")
    file = place.work_tree / CONFIG_PATH
    text = decode(read_bytes(file), file=CONFIG_PATH)
    new = edit(text)
    if new is None:
        out(by_hand)
        raise GateError(
            "config-not-written",
            f"{file} is written in a way that this program does not edit",
            hint="make the edit that was printed by hand",
        )
    if new == text:
        say(f"{file} says so already")
        return
    write_file(file, new.encode())
    say(f"changed {file}; have it reviewed and merged like any change")
