"""`itil-gate review`: the review of a change after it took place, as a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from itil_gate.cli.log_reading import find_log, telling
from itil_gate.cli.recording import Recording, recording_options, tell
from itil_gate.cli.screen import now, out, repo_option, say, write_new_file

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from itil_gate.cli.log_reading import LogPlace
    from itil_gate.log.reader import LogReader
    from itil_gate.release.deploying import Known

REFUSED = 1
OUTCOMES = ("success", "failed", "backed-out")
LEVELS = ("low", "medium", "high", "critical")
PARTS_OF_AN_ACTION = 3


@click.command(epilog="Exit codes: 0 written or recorded, 1 refused, 2 could not.")
@click.argument("change", metavar="CHG")
@click.option("--as", "reviewer", metavar="PERSON", help="Who reviews; by git's e-mail otherwise.")
@click.option("--outcome", type=click.Choice(OUTCOMES), help="How it went; from the log otherwise.")
@click.option("--summary", help="How it went, in a sentence or more.")
@click.option("--lesson", "lessons", multiple=True, help="What was learnt; at least one.")
@click.option(
    "--action",
    "actions",
    multiple=True,
    metavar="OWNER:DAY:WHAT",
    help="What somebody does because of it, until when.",
)
@click.option("--risk", type=click.Choice(LEVELS), help="The risk that it turned out to be.")
@click.option("--minutes", type=click.IntRange(0), help="How long it took in truth.")
@click.option("--impact", help="What users or other services noticed.")
@click.option("--incident", "incidents", multiple=True, metavar="ID", help="Incidents it caused.")
@click.option("--base", help="Branch whose itil-gate.yaml counts; origin/main or main.")
@click.option("--record", is_flag=True, help="Record that the review on the target meets the debt.")
@recording_options
@repo_option
def command(
    change: str, base: str | None, recording: Recording, repo: Path, *, record: bool, **said: Any
) -> int:
    """Write the review of change CHG: predicted against actual, lessons, actions.

    The file goes below `reviews/` of the work tree, filled in from the audit log as far as it
    knows; complete it, and bring it onto the target branch. With --record the review that is there
    is written down as what meets the obligation.

    \b
    itil-gate review CHG-2026-7K3QX9ZB --summary "…" --lesson "…" \\
        --action "bob:2026-12-24:alert on queue length"
    itil-gate review CHG-2026-7K3QX9ZB --record
    """

    def run() -> int:
        place = find_log(repo, base=base, remote=recording.remote, local=recording.local)
        if record:
            return _record(change, place, recording)
        return _write(change, place, repo, said)

    code: int = telling(run)
    return code


def _record(change: str, place: LogPlace, recording: Recording) -> int:
    from itil_gate.git.view import open_view
    from itil_gate.release.debts import accounts, record_met

    at = now()
    with open_view(place.repository) as view, place.reading() as (_, reader):
        found = [
            one
            for one in accounts(view, reader, target=place.target, tip=place.tip, now=at)
            if one.debt.obligation.duty == "review" and one.debt.obligation.change == change
        ]
        books = recording.books(place.repository, place.config, now=at)
        recorded = record_met(books, view, found, tip=place.tip)
    if recorded is None:
        short = place.target.removeprefix("refs/heads/")
        folder = place.config.locations.reviews
        if found:
            why = f"{short} holds no review below {folder}/ that is later than what it is about"
        else:
            why = "none is owed"
        say(f"refused: no review of {change} to record: {why}")
        return REFUSED
    tell(recorded)
    for one in found:
        if one.met is not None:
            out(f"met: {one.debt.obligation.id} by {one.met.evidence}")
    return 0


def _write(change: str, place: LogPlace, repo: Path, said: dict[str, Any]) -> int:
    from itil_gate.model.errors import GateError
    from itil_gate.model.review import ChangeReview
    from itil_gate.reading.read import read_text
    from itil_gate.release.deploying import known_of

    at = now()
    with place.reading() as (_, reader):
        known = known_of(reader, place.target)
        risk = _risk(reader, known, change)
    path = f"{place.config.locations.reviews}/{at.year}/{change}.yaml"
    text = _text(change, place, known, said, risk=risk, at=at)
    review = read_text(text, path, ChangeReview)
    if not isinstance(review, ChangeReview):
        raise GateError(
            "invalid-review",
            f"this would be no review: {review[0].message}",
            hint=review[0].remedy,
        )
    file = repo / path
    if not write_new_file(file, text.encode()):
        say(f"refused: {path} is there already; edit it")
        return REFUSED
    out(path)
    short = place.target.removeprefix("refs/heads/")
    if _needs_request(path, place):
        say(f"note: on {short} this path needs a change request, as nothing exempts it")
        say(
            f"  an entry exempt in itil-gate.yaml for {place.config.locations.reviews}/** spares it"
        )
    say(f"next: read it over, bring it onto {short}, then `itil-gate review {change} --record`")
    return 0


def _needs_request(path: str, place: LogPlace) -> bool:
    """Tell whether the gate of the target asks for a change request for a new file there."""
    from itil_gate.decide.coverage import REGULAR, survey
    from itil_gate.model.facts import DiffEntry

    nothing = "0" * len(place.tip)
    new = DiffEntry(
        status="A", path=path, old_mode="000000", new_mode=REGULAR, old_id=nothing, new_id=place.tip
    )
    return bool(survey([new], place.config).governed)


def _text(
    change: str,
    place: LogPlace,
    known: Known,
    said: dict[str, Any],
    *,
    risk: str | None,
    at: datetime,
) -> str:
    """Return the review as YAML, what was not said taken from the log."""
    from itil_gate.model.errors import GateError
    from itil_gate.report.review_file import review_file

    ended = [one for one in known.releases if change in (*one.record.changes, one.record.commit)]
    outcome = said["outcome"] or next(
        (one.outcome for one in reversed(ended) if one.outcome is not None), None
    )
    for name, value in (
        ("--summary", said["summary"]),
        ("--lesson", said["lessons"]),
        ("--outcome", outcome),
    ):
        if not value:
            raise GateError(
                "incomplete-review",
                f"a review needs {name}, and the log does not say it",
                hint=f"add {name} …",
            )
    spec: dict[str, Any] = {"outcome": outcome, "summary": said["summary"]}
    predicted: dict[str, Any] = {"risk": risk}
    windows = [one.record for one in ended if one.record.window_start and one.record.window_end]
    if windows and windows[-1].window_start and windows[-1].window_end:
        length = windows[-1].window_end - windows[-1].window_start
        predicted["minutes"] = int(length.total_seconds()) // 60
    actual = {"risk": said["risk"], "minutes": said["minutes"], "impact": said["impact"]}
    for name, part in (("predicted", predicted), ("actual", actual)):
        known_part = {key: value for key, value in part.items() if value is not None}
        if known_part:
            spec[name] = known_part
    if said["incidents"]:
        spec["incidents"] = list(said["incidents"])
    spec["lessons"] = list(said["lessons"])
    if said["actions"]:
        spec["actions"] = [_action(one, place) for one in said["actions"]]
    metadata = {
        "change": change,
        "reviewer": _human(place, said["reviewer"], "--as") if said["reviewer"] else _me(place),
        "reviewedAt": at.isoformat().replace("+00:00", "Z"),
    }
    return review_file(metadata, spec)


def _risk(reader: LogReader, known: Known, change: str) -> str | None:
    """Return the risk that the merge gate saw in a change, if its decision is in the log."""
    from itil_gate.release.entries import decision_of

    mine = [one.update for one in known.updates if change in one.update.changes]
    if not mine or mine[-1].decision is None:
        return None
    said = decision_of(reader.entry(mine[-1].decision).statement or {})
    verdicts = said[0].changes if said else ()
    return next((one.risk.level for one in verdicts if one.id == change), None)


def _human(place: LogPlace, person: str, option: str) -> str:
    from itil_gate.cli.persons import human_at

    return human_at(place.repository, place.config, tip=place.tip, person=person, option=option)


def _action(text: str, place: LogPlace) -> dict[str, str]:
    from itil_gate.model.errors import GateError

    parts = text.split(":", PARTS_OF_AN_ACTION - 1)
    if len(parts) != PARTS_OF_AN_ACTION:
        raise GateError(
            "bad-action",
            f"{text!r} does not say who does what until when",
            hint="write OWNER:DAY:WHAT, for example bob:2026-12-24:alert on queue length",
        )
    owner, day, what = parts
    return {
        "what": what.strip(),
        "owner": _human(place, owner.strip(), "--action"),
        "due": day.strip(),
    }


def _me(place: LogPlace) -> str:
    """Return the person whose e-mail git knows. Raises GateError `unknown-person`."""
    from itil_gate.decide.roster import build_roster
    from itil_gate.gather.sources import read_judge
    from itil_gate.git.user import identity
    from itil_gate.git.view import open_view
    from itil_gate.model.errors import GateError
    from itil_gate.policy.compile import compile_policies

    _, email = identity(place.repository)
    with open_view(place.repository) as view:
        people = compile_policies(read_judge(view, place.tip)).people
    person = build_roster(people).by_address(email)
    if person is None:
        raise GateError(
            "unknown-person",
            f"{email} belongs to nobody in people.yaml on the target",
            hint="say who reviews: --as PERSON",
        )
    return person.id
