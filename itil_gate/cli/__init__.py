"""The command line: one file a command, loaded when it is called.

The only room that prints, exits, reads the environment or the clock.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
import types
from typing import TYPE_CHECKING, Any, NoReturn

import click

from itil_gate import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

UNDECIDED = 2
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("adopting", "Write a configuration, policies, people and an example."),
    "doctor": ("adopting", "Look whether real people can satisfy the rules."),
    "demo": ("adopting", "Play changes through from request to release and audit."),
    "policy": ("adopting", "Prove the policies: lint, test, doc."),
    "new": ("developing", "Write a change request from the diff."),
    "lint": ("developing", "Check requests and policies as files, offline."),
    "check": ("developing", "The merge gate: allow, deny or pending, with reasons."),
    "sweep": ("developing", "Judge every open pull request anew, and tell the forge."),
    "attest": ("developing", "Sign what a tool found about a commit."),
    "vouch": ("developing", "Vouch for an outsider's commit, signed."),
    "explain": ("developing", "Say why: a rule, a change or a stored decision."),
    "status": ("developing", "Derived state of one change or of all open ones."),
    "approve": ("approving", "Sign an approval of exactly this content."),
    "reject": ("approving", "Sign a rejection; it holds through new pushes."),
    "withdraw": ("approving", "Take back one's own statement, or one's own change."),
    "override": ("approving", "Break the glass, signed, for one head or one release."),
    "import": ("approving", "Add a statement that somebody else signed."),
    "release": ("releasing", "The deploy gate: let an artefact in, and say how it went."),
    "review": ("releasing", "Write the review of a change after it took place."),
    "debt": ("releasing", "What is owed since rules were bent, by whom, until when."),
    "correct": ("auditing", "Say, signed, why an update had to land past the rules."),
    "log": ("auditing", "The audit log: open, show, prove, hand out."),
    "audit": ("auditing", "Reconcile what landed, replay decisions, tell a change's story."),
    "hook": ("everyday", "Guard a plain git server by its hooks."),
    "action": ("everyday", "What action.yml runs on a forge's runner."),
    "schema": ("everyday", "Print the JSON Schemas of every file format."),
    "migrate": ("everyday", "Bring files to the current format version."),
}
"""Command, the group it is shown in, and its one line of help; the rest is in its own file."""


class Gate(click.Group):
    """Commands are imported by name when called; help needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order of a change's life."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"itil_gate.cli.{cmd_name}_command")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands by what they are for."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for name, (group, text) in COMMANDS.items():
            groups.setdefault(group, []).append((name, text))
        for group, rows in groups.items():
            with formatter.section(group.capitalize()):
                formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the nearest name for one that does not exist."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            close = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)


@click.group(
    cls=Gate,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 allow or fine, 1 deny or tampered, 2 could not decide, 3 pending.",
)
@click.version_option(__version__, prog_name="itil-gate")
def gate() -> None:
    """Guard merges with a change-management gate that lives in git.

    Change requests are YAML files; a pull request that touches governed paths carries one.

    \b
    Try it:      itil-gate demo
    Adopt it:    itil-gate init
    Every day:   itil-gate new      then      itil-gate check --base main --head HEAD
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Refusals exit 1 and waiting 3, by the command's own word. Everything else that is not a plain
    success is 2: a mistake of the operator, missing evidence, an error of ours.
    """
    _refuse_plugins()
    try:
        result: Any = gate.main(
            args=list(arguments) if arguments is not None else None,
            prog_name="itil-gate",
            standalone_mode=False,
        )
    except click.exceptions.Abort as end:
        if isinstance(end.__cause__, EOFError):
            # Nobody stopped it: a file ended early, perhaps a compiled one that a full disk cut.
            sys.exit(_report(end.__cause__))
        click.echo("stopped", err=True)
        sys.exit(UNDECIDED)
    except click.ClickException as error:
        error.show()
        sys.exit(UNDECIDED)
    except SystemExit as end:
        # Click's own ways out: 0 after shell completion, and 1 where nobody reads our output,
        # which would look like a refusal.
        sys.exit(UNDECIDED if end.code else 0)
    except Exception as error:  # noqa: BLE001 - the last line: whatever happens, never a pass
        sys.exit(_report(error))
    # A command that does not say how it ended is a fault of ours, and no fault is a pass.
    sys.exit(result if type(result) is int else UNDECIDED)


def start() -> NoReturn:
    """Run the command line as a process of its own: what `itil-gate` on the command line does.

    Memory is collected seldom and not given back piece by piece, since the process ends after one
    command: that was an eighth of a check. mypy ends in the same way.
    """
    from itil_gate.cli.streams import settle

    gc.set_threshold(200_000)
    code = UNDECIDED
    try:
        settle()
        main()
    except SystemExit as end:
        code = end.code if type(end.code) is int else UNDECIDED
    except (Exception, KeyboardInterrupt):  # noqa: BLE001, S110 - could not even be told
        # Python itself would end with 1, which is a refusal.
        pass
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, AttributeError):
        code = UNDECIDED
    os._exit(code)


def _refuse_plugins() -> None:
    """Keep pydantic from searching every installed distribution for plug-ins.

    The judge takes none, and the search takes a tenth of a check. Where a later pydantic looks
    elsewhere this does nothing, and its own variable still applies.
    """
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
    loader = types.ModuleType("pydantic.plugin._loader")
    loader.get_plugins = tuple  # type: ignore[attr-defined]
    sys.modules.setdefault(loader.__name__, loader)


def _report(error: Exception) -> int:
    from itil_gate.model.errors import ConfigError, GateError, SourceError
    from itil_gate.report.escape import terminal

    if isinstance(error, GateError):
        where = f"{error.place}: " if isinstance(error, SourceError) else ""
        click.echo(f"itil-gate: {error.code}: {terminal(where + error.message)}", err=True)
        if isinstance(error, ConfigError):
            for finding in error.findings[:20]:
                place = f"{finding.place}: " if finding.place else ""
                said = f"{finding.message}; {finding.remedy}" if finding.remedy else finding.message
                click.echo(terminal(f"  {place}{finding.rule}: {said}"), err=True)
        if error.hint:
            click.echo(f"  next: {terminal(error.hint)}", err=True)
        return UNDECIDED
    if (refusal := _of_the_machine(error)) is not None:
        code, message, hint = refusal
        click.echo(f"itil-gate: {code}: {terminal(message)}", err=True)
        click.echo(f"  next: {hint}", err=True)
        return UNDECIDED
    import traceback

    for line in traceback.format_exc().splitlines():
        click.echo(terminal(line), err=True)
    click.echo("itil-gate: internal-error: a fault of the gate; nothing was allowed", err=True)
    return UNDECIDED


def _of_the_machine(error: Exception) -> tuple[str, str, str] | None:
    """Return code, message and hint for what the machine refused; None for a fault of ours."""
    import errno

    if isinstance(error, MemoryError):
        return "out-of-memory", "there was not enough memory", "run it where there is more"
    if not isinstance(error, OSError):
        return None
    message = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "disk-full", message, "make room, here and where TMPDIR points; then run it again"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "not-permitted", message, "look at who may read and write there"
    if error.errno in (errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM, errno.EIO):
        return "machine-exhausted", message, "try again on a less busy or healthier machine"
    if isinstance(error, FileNotFoundError):
        return "file-gone", message, "see that nobody moves or removes the repository meanwhile"
    return None
