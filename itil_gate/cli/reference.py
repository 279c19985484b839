"""The page of all commands, made from their own help; committed, and never by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from itil_gate.cli import COMMANDS, gate
from itil_gate.report.reference import GENERATED

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTH = 100


def cli_reference() -> str:
    """Return docs/reference/cli.md."""
    lines = [
        "# Commands",
        "",
        GENERATED,
        "",
        "Results go to standard output, everything else to standard error. Exit codes: 0 allow or",
        "fine, 1 deny or tampered, 2 could not decide, 3 pending. `NO_COLOR` is honoured.",
        "",
    ]
    lines += [f"- [{name}](#itil-gate-{name}): {text}" for name, (_, text) in COMMANDS.items()]
    lines.append("")
    with click.Context(gate, info_name="itil-gate", **gate.context_settings) as context:
        context.terminal_width = WIDTH
        for name in COMMANDS:
            command = gate.get_command(context, name)
            if command is not None:
                lines += _command(context, name, command)
    return "\n".join(lines).rstrip("\n") + "\n"


def _command(parent: click.Context, name: str, command: click.Command) -> Iterator[str]:
    with click.Context(command, info_name=name, parent=parent) as context:
        context.terminal_width = WIDTH
        yield f"## {context.command_path}"
        yield ""
        yield "```text"
        yield from (line.rstrip() for line in command.get_help(context).splitlines())
        yield "```"
        yield ""
        if isinstance(command, click.Group):
            for inner in command.list_commands(context):
                below = command.get_command(context, inner)
                if below is not None:
                    yield from _command(context, inner, below)
