"""Files by name on the command line: `--external NAME=FILE`, `--report FORMAT=FILE`."""

from __future__ import annotations

import re
from pathlib import Path

import click

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


def external_results(pairs: tuple[str, ...]) -> dict[str, bytes]:
    """Return the bytes of each file by the name of the check it answers.

    What stands in a file is judged later; a name given twice, or a file that cannot be read, is a
    wrong command line. At most one byte more than the reader accepts is read, also from a pipe.
    """
    from itil_gate.reading.results import MAX_BYTES

    found: dict[str, bytes] = {}
    for pair in pairs:
        name, mark, file = pair.partition("=")
        if not mark or not file or not _NAME.fullmatch(name):
            raise click.BadParameter(f"{pair!r} is not NAME=FILE", param_hint="--external")
        if name in found:
            raise click.BadParameter(f"{name} is given twice", param_hint="--external")
        try:
            with Path(file).open("rb") as stream:
                found[name] = stream.read(MAX_BYTES + 1)
        except OSError as error:
            raise click.BadParameter(
                f"{file} cannot be read: {error.strerror}", param_hint="--external"
            ) from error
    return found


def report_files(pairs: tuple[str, ...]) -> tuple[tuple[str, Path], ...]:
    """Return format and file of each report that is asked for; a wrong pair is a wrong command."""
    from itil_gate.report import DECISION_FORMATS

    found: list[tuple[str, Path]] = []
    for pair in pairs:
        form, _, file = pair.partition("=")
        if form not in DECISION_FORMATS or not file:
            forms = ", ".join(DECISION_FORMATS)
            raise click.BadParameter(
                f"{pair!r} is not FORMAT=FILE; formats are {forms}", param_hint="--report"
            )
        if any(Path(file) == other for _, other in found):
            raise click.BadParameter(f"{file} is named twice", param_hint="--report")
        found.append((form, Path(file)))
    return tuple(found)
