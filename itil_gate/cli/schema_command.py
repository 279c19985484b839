"""`itil-gate schema`: the JSON Schemas of every file format."""

from __future__ import annotations

from pathlib import Path

import click

from itil_gate.cli.screen import out, say, write_file


@click.command()
@click.argument("name", required=False)
@click.option("--list", "listing", is_flag=True, help="Print the names, one a line.")
@click.option(
    "--output-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write every schema, or NAME, into this folder.",
)
def command(name: str | None, output_dir: Path | None, *, listing: bool) -> int:
    """Print the JSON Schema (2020-12) of a format, or write all of them.

    Editors check files by them while they are typed; `itil-gate lint` checks more: globs, time
    zones, and what two values say together.

    \b
    itil-gate schema --list
    itil-gate schema change-request
    itil-gate schema --output-dir .schemas
    """
    from itil_gate.reading.schema import NOUNS, schema

    if listing or (name is None and output_dir is None):
        out("\n".join(known.removesuffix(".json") for known in NOUNS))
        return 0
    names = list(NOUNS) if name is None else [_file_name(name)]
    if output_dir is None:
        out(schema(names[0]))
        return 0
    for file in names:
        write_file(output_dir / file, schema(file).encode())
    say(f"wrote {len(names)} schema(s) to {output_dir}")
    return 0


def _file_name(name: str) -> str:
    """Return the schema's file name for `people`, `people.json` or `People`."""
    import difflib

    from itil_gate.reading.schema import NOUNS

    wanted = name.removesuffix(".json").replace("-", "").casefold()
    by_word = {known.removesuffix(".json").replace("-", ""): known for known in NOUNS}
    if wanted in by_word:
        return by_word[wanted]
    close = difflib.get_close_matches(wanted, by_word, n=1)
    hint = f" Did you mean {by_word[close[0]].removesuffix('.json')!r}?" if close else ""
    raise click.UsageError(f"There is no schema {name!r}.{hint} `--list` shows all.")
