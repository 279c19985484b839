"""`itil-gate hook post-receive`: record what a push brought onto governed branches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from itil_gate.cli.hooking import LONGEST, PATIENCE, limited, pushed
from itil_gate.cli.recording import Recording, tell
from itil_gate.cli.screen import now, repo_option, repository, say

if TYPE_CHECKING:
    from pathlib import Path

    from itil_gate.git.view import View
    from itil_gate.model.errors import GateError
    from itil_gate.release.pushing import Push


@click.command(epilog="Exit codes: 0 always, since what is pushed is taken by then.")
@repo_option
@click.option("--log-key", metavar="FILE", help="Key that signs the log's head.")
@click.option(
    "--recorder-key", metavar="FILE", help="Key that signs entries; by default the log key."
)
@click.option(
    "--timeout",
    type=click.IntRange(1, LONGEST),
    default=PATIENCE,
    show_default=True,
    help="Seconds after which it gives up.",
)
def command(repo: Path, log_key: str | None, recorder_key: str | None, timeout: int) -> int:
    """Record decision and update of each governed branch of a push, in the log kept here.

    Git runs this once the push is taken, and says on standard input what was pushed. The keys are
    those of the server. Without a log there is nothing to do. What cannot be recorded is said and
    does not fail the push; giving the hook the same line again records it later.

    \b
    itil-gate hook post-receive --log-key /etc/itil-gate/log --recorder-key /etc/itil-gate/recorder
    """
    from itil_gate.cli.streams import settle

    settle()
    try:
        with limited(timeout):
            _record(repo, Recording(log_key, recorder_key, None, local=True, since=()))
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the push is taken already
        say(f"itil-gate: not recorded: {str(error) or 'it was stopped'}")
    return 0


def _record(repo: Path, recording: Recording) -> None:
    from itil_gate.git.view import open_view
    from itil_gate.model.errors import GateError
    from itil_gate.release.pushing import governed_pushes

    place = repository(repo)
    pushes = pushed()
    with open_view(place) as view:
        mine = governed_pushes(view, pushes)
    for push in mine:
        try:
            with open_view(place) as view:
                _one(view, push, recording)
        except GateError as error:
            _say(push, error)


def _one(view: View, push: Push, recording: Recording) -> None:
    """Record one branch: what is decided about the push, and then what landed."""
    from itil_gate.gather.dropped import log_config
    from itil_gate.gather.landing import lies_on_line
    from itil_gate.gather.sources import read_judge
    from itil_gate.model.errors import GateError
    from itil_gate.policy.compile import read_config
    from itil_gate.release.bookkeeping import record_decision, record_landing
    from itil_gate.release.past import past_of
    from itil_gate.release.pushing import hear

    judge = read_judge(view, push.new or "")
    config = read_config({source.path: source for source in judge})
    config = log_config(view, config, tip=push.new or "")
    if config.log is None:
        return
    moment = now()
    books = recording.books(view.repository, config, now=moment)
    with books.reading() as reader:
        end = past_of(reader, push.ref).end
    if lies_on_line(view, push.new or "", end):
        say(f"itil-gate: {push.ref}: is recorded up to {end[:12]} already")
        return
    heads: tuple[str, ...] = ()
    try:
        inputs, decision = hear(view, push, now=moment)
        tell(record_decision(books, view, decision, inputs))
        heads = (decision.head,)
    except GateError as error:
        # The update is recorded all the same: a hole in the record would hide it.
        _say(push, error)
    tiles, recorded = record_landing(
        books,
        view,
        ref=push.ref,
        after=push.new or "",
        pushed=push.old,
        heads=heads,
        pushed_at=moment,
    )
    if recorded is not None:
        tell(recorded)
    for tile in tiles:
        if tile.update.standing == "unauthorised":
            say(f"itil-gate: {push.ref}: recorded as unauthorised: {tile.update.reason}")


def _say(push: Push, error: GateError) -> None:
    say(f"itil-gate: {push.ref}: not recorded: {error.code}: {error.message}")
    # Decided again by the time of the commits, as `check --merged` would, an approval of a
    # fast-forward comes too late: it is given after they were made.
    say("  next: mend it, and before the next push give the hook the same line again, here:")
    say(f"    echo {push.old} {push.new} {push.ref} | hooks/post-receive")
