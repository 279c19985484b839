"""`itil-gate log`: open, look at, prove and hand out the audit log. One file a command."""

from __future__ import annotations

import importlib

import click

COMMANDS: dict[str, str] = {
    "init": "Open the audit log of a repository.",
    "show": "List entries, newest first, or show some of them.",
    "verify": "Verify the whole log and what it means.",
    "checkpoint": "Print the signed head, or the keys it is verified with.",
    "prove": "Write a receipt: proof that an entry is in the log.",
    "verify-proof": "Verify a receipt, offline.",
    "consistency": "Prove that the log extends an older checkpoint.",
    "cosign": "Add a witness's signature to the head.",
    "witness-request": "Print what a public witness asks for.",
    "timestamp": "Have a third party say when the head was there.",
    "rotate": "Let a new key take over.",
    "revoke": "Believe a key no more, from a position on.",
    "expunge": "Take an entry's content away, and say so.",
    "export": "Write tiles, entries and checkpoint as plain files.",
}


def module_of(name: str) -> str:
    """Return the module that a command lives in."""
    return f"itil_gate.cli.log_{name.replace('-', '_')}_command"


class Log(click.Group):
    """The commands are imported by name when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order in which they are used."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(module_of(cmd_name)).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Log)
def command() -> None:
    """Open, look at, prove and hand out the audit log on the branch audit-log.

    Entries are signed, and the tree over them too; other people's tools read both. A log proves
    nothing against whoever holds its key, unless somebody remembers a checkpoint of it: this clone
    does, and so do witnesses and whoever keeps a receipt.

    \b
    itil-gate log init --log-key ~/.ssh/audit_log
    itil-gate log show
    itil-gate log prove 17 --output 17.tlog-proof
    """
