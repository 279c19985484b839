"""What commands share about the screen and the clock. No command lives here."""

from __future__ import annotations

import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from itil_gate.git.discover import Repository

repo_option = click.option(
    "--repo",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="Where the repository is; the current directory by default.",
)


def now() -> datetime:
    """Return the host's clock in UTC, to the second. Read once a command."""
    return datetime.now(tz=UTC).replace(microsecond=0)


def repository(path: Path) -> Repository:
    """Return the repository at a path or above it. Raises GateError `not-a-repository`."""
    from itil_gate.git.discover import discover

    return discover(path)


def color() -> bool:
    """Tell whether results may be coloured: a terminal that can, and NO_COLOR not set."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout.isatty()


def width() -> int:
    """Return the width to wrap at, in characters."""
    return min(shutil.get_terminal_size((100, 24)).columns, 120) if sys.stdout.isatty() else 100


def out(text: str) -> None:
    """Write a result to standard output. Raises GateError `output-failed`."""
    try:
        click.echo(text, nl=not text.endswith("\n"), color=True)
    except OSError as error:
        from itil_gate.model.errors import GateError

        # What nobody could read must not look like a pass, nor like a refusal.
        raise GateError(
            "output-failed",
            f"the result could not be written to standard output: {error.strerror}",
        ) from error


def say(text: str) -> None:
    """Write anything that is not the result to standard error."""
    from itil_gate.report.escape import terminal

    for line in text.splitlines():
        click.echo(terminal(line), err=True)


def write_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: beside it first, then moved into its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        beside.write_bytes(data)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_new_file(path: Path, data: bytes) -> bool:
    """Write a file that must not exist yet, whole or not at all; False if something is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        beside.write_bytes(data)
        path.hardlink_to(beside)
    except FileExistsError:
        return False
    finally:
        beside.unlink(missing_ok=True)
    return True
