"""The command `check` of the action: judge a pull request or a merge group, and say so everywhere.

The event names commits, which are fetched as objects and looked up. Where the target's
configuration names the forge, the forge is asked about the pull request, and its answer has to be
about the same head.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from itil_gate.cli.screen import color, now, out, say, width, write_file
from itil_gate.model.errors import GateError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from itil_gate.cli.action_run import Run
    from itil_gate.cli.hearing import Hearing
    from itil_gate.cli.runner import Event
    from itil_gate.git.discover import Repository
    from itil_gate.release.recorder import Recorded

DECISION = "itil-gate-decision.json"


def check(run: Run) -> int:
    """Judge what the event proposes to merge. Returns the exit code of the decision."""
    from itil_gate.cli.action_run import refuse_keys
    from itil_gate.cli.notifying import telling_failure
    from itil_gate.cli.posting import publish_failure
    from itil_gate.cli.runner import read_event

    event = _about(run, read_event(run.inputs))
    if event.head is None:
        raise GateError(
            "bad-event",
            f"the event {event.name} proposes no merge",
            hint="run the command `merged` on push; elsewhere name a pull request by the input "
            "pull-request",
        )
    name = run.text("NOTIFY")
    try:
        refuse_keys(run, event)
        with telling_failure(run.room / name if name else None, pull=event.number):
            return _judge(run, event, event.head)
    except Exception as error:
        # An earlier run may have said success of this commit.
        code = error.code if isinstance(error, GateError) else "internal-error"
        publish_failure(run, event, code)
        raise


def fetch_for(run: Run, repository: Repository, event: Event) -> None:
    """Bring the target's tip, the head and the records here, as objects; nothing is run.

    Without a remote, as in a check-out made by hand, what is here has to do.
    """
    from itil_gate.cli.runner import credentials
    from itil_gate.git.remote import fetch, remote_tip
    from itil_gate.git.user import has_remote
    from itil_gate.git.view import open_view
    from itil_gate.model.record import AUDIT_BRANCH
    from itil_gate.model.statement import APPROVALS_BRANCH

    if not has_remote(repository, "origin"):
        return
    os.environ.update(credentials(run.inputs.get("GITHUB_SERVER_URL", ""), run.text("TOKEN")))
    wanted = sorted({event.target, event.home} - {""})
    wanted += [
        ref
        for ref in (APPROVALS_BRANCH, AUDIT_BRANCH)
        if remote_tip(repository, "origin", ref) is not None
    ]
    places = [f"+{ref}:refs/remotes/origin/{ref.removeprefix('refs/heads/')}" for ref in wanted]
    if places:
        fetch(repository, "origin", places)
    head = event.head
    with open_view(repository) as view:
        here = head is None or next(iter(view.reader.info([head]))) is not None
    if not here:
        source = f"refs/pull/{event.number}/head" if event.number else str(head)
        fetch(repository, "origin", [f"+{source}:refs/itil-gate/head"])


def _about(run: Run, event: Event) -> Event:
    """Return the event, about the pull request that the input names where it names one."""
    from itil_gate.cli.posting import open_runners_forge
    from itil_gate.model.frozen import replace

    number = run.number("PULL_REQUEST")
    if number is None or number == event.number:
        return event
    if event.head is not None:
        raise GateError(
            "bad-input",
            f"the input pull-request says {number}, and this run was started by another proposal",
            hint="leave it out: the event itself says what is to be judged",
        )
    pull = open_runners_forge(run).place_of(number)
    return replace(event, target=pull.base_ref, head=pull.head, number=number, draft=pull.draft)


def _judge(run: Run, event: Event, head: str) -> int:
    from itil_gate.cli.action_run import refuse_foreign_keys
    from itil_gate.cli.posting import publish
    from itil_gate.git.discover import discover
    from itil_gate.model.decision import StoredDecision
    from itil_gate.report import action_report
    from itil_gate.report.json_report import stored_json
    from itil_gate.report.phrases import exit_code
    from itil_gate.report.text import decision_text

    repository = discover(run.place)
    fetch_for(run, repository, event)
    refuse_foreign_keys(run, repository, event.home)
    with _heard(run, repository, event, head=head) as heard:
        decision = heard.decision
        stored = StoredDecision(decision=decision, inputs=heard.inputs)
        file = run.room / DECISION
        write_file(file, stored_json(stored).encode())
        recorded = _record(heard, repository) if run.yes("RECORD") else None
    _reports(run, heard)
    run.step.write(
        action_report.decision_outputs(
            decision,
            file=str(file),
            index=recorded.indices[0] if recorded else None,
            checkpoint=recorded.note.decode("utf-8") if recorded else "",
        )
    )
    run.step.summarise(action_report.summary(decision))
    out(action_report.worst_annotations(decision))
    out(decision_text(decision, color=color(), width=width()))
    code = exit_code(decision)
    publish(run, event, decision, passed=code == 0, recorded=recorded)
    return code


@contextmanager
def _heard(run: Run, repository: Repository, event: Event, *, head: str) -> Iterator[Hearing]:
    """Judge the head; where the target names the forge, with what the forge says of it.

    A merge group is no pull request, and reviews are of one. If nothing but that one pull request
    is in the group, merging its head onto the target gives the very tree of the group, and it is
    judged in its place. Otherwise the group is judged without reviews, which waits where the
    target names the forge.
    """
    from itil_gate.cli.hearing import hearing
    from itil_gate.git.remote import fetch
    from itil_gate.git.tree import tree_id

    number = _number_to_ask(run, repository, event)
    judge = partial(
        hearing,
        run.place,
        base=None,
        target=event.target,
        now=now(),
        home=event.home,
        binding=True,
    )
    if event.queued is not None and number is not None:
        fetch(repository, "origin", [f"+refs/pull/{number}/head:refs/itil-gate/queued"])
        with judge(head="refs/itil-gate/queued", pull=number) as heard:
            if heard.inputs.facts.merged_tree == tree_id(heard.view, head):
                yield heard
                return
        say(f"the group is not pull request {number} alone: it is judged without reviews")
        number = None
    with judge(head=head, draft=event.draft, pull=number) as heard:
        if heard.decision.head != head:
            raise GateError(
                "forge-differs",
                f"this run is about {head}, and the pull request is at {heard.decision.head} by "
                "now",
                hint="the run that the later push started says what is so",
            )
        yield heard


def _number_to_ask(run: Run, repository: Repository, event: Event) -> int | None:
    """Return the number of the pull request if the target names the forge to be asked about it."""
    from itil_gate.cli.hearing import find_target
    from itil_gate.cli.posting import may_ask
    from itil_gate.gather.sources import read_judge
    from itil_gate.git.view import open_view
    from itil_gate.policy.compile import read_config

    number = event.number or event.queued
    if number is None:
        return None
    with open_view(repository) as view:
        _, tip = find_target(view, base=None, target=event.target)
        config = read_config({source.path: source for source in read_judge(view, tip)})
    return number if may_ask(run, config) else None


def _record(heard: Hearing, repository: Repository) -> Recorded:
    from itil_gate.cli.recording import Recording, tell
    from itil_gate.policy.compile import compile_policies
    from itil_gate.release.bookkeeping import record_decision

    config = compile_policies(heard.inputs.judge).config
    books = Recording(None, None, None, local=False, since=()).books(
        repository, config, now=heard.inputs.facts.now
    )
    recorded = record_decision(books, heard.view, heard.decision, heard.inputs)
    tell(recorded)
    return recorded


def _reports(run: Run, heard: Hearing) -> None:
    """Write the files of other formats that were asked for."""
    from itil_gate.cli.notifying import write_notification
    from itil_gate.report import DECISION_FORMATS

    for form in ("sarif", "junit"):
        if name := run.text(form.upper()):
            text = DECISION_FORMATS[form](heard.decision, color=False, width=100)
            write_file(run.room / name, text.encode())
    if name := run.text("NOTIFY"):
        write_notification(run.room / name, heard.decision, heard.inputs)
