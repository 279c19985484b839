"""`itil-gate hook`: guard a plain git server. One file a command."""

from __future__ import annotations

import importlib

import click

COMMANDS: dict[str, str] = {
    "install": "Write both hooks into a repository of the server.",
    "pre-receive": "The merge gate of a plain git server: take a push, or say why not.",
    "post-receive": "Record what a push brought onto governed branches.",
}


class Hook(click.Group):
    """The commands are imported by name when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order in which they are used."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = importlib.import_module(
            f"itil_gate.cli.hook_{name}_command"
        ).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Hook)
def command() -> None:
    """Guard a repository on a plain git server by hooks that nobody who pushes can change.

    \b
    itil-gate hook install --repo /srv/git/payments.git --log-key /etc/itil-gate/log
    """
