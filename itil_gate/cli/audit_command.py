"""`itil-gate audit`: look again at what was decided and at what landed. One file a command."""

from __future__ import annotations

import importlib

import click

COMMANDS: dict[str, str] = {
    "reconcile": "List every update of the governed branches: authorised, or not.",
    "replay": "Decide again on what was decided, stored or logged.",
    "continuity": "Say when the gate was in force, and when it was not.",
    "dossier": "Tell one change's whole story, with its evidence.",
    "approvers": "Say how often, how fast and for whom people approve.",
}


class Audit(click.Group):
    """The commands are imported by name when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order in which they are used."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"itil_gate.cli.audit_{cmd_name}_command")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Audit)
def command() -> None:
    """Look again at what was decided and at what landed, offline, and without trust in whoever did.

    \b
    itil-gate audit reconcile
    itil-gate audit replay --all
    itil-gate audit dossier CHG-2026-7K3QX9ZB --dir dossier
    """
