"""`itil-gate policy`: prove policies before they judge anybody. One file a command."""

from __future__ import annotations

import importlib

import click

COMMANDS: dict[str, str] = {
    "lint": "Check policies and what they rest on, offline.",
    "test": "Run the tests beside the policies.",
    "doc": "Write what the policies say as a page.",
}


class Policy(click.Group):
    """The commands are imported by name when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order in which they are used."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"itil_gate.cli.policy_{cmd_name}_command")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Policy)
def command() -> None:
    """Prove policies before they judge anybody: lint, test, doc.

    Reads the work tree, offline; `--profile` takes a shipped profile instead.

    \b
    itil-gate policy lint
    itil-gate policy test --coverage
    itil-gate policy doc --output POLICY.md
    """
