"""`itil-gate release`: the deploy gate, and the end of a release."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from itil_gate.cli.hearing import find_target
from itil_gate.cli.naming import a_line, a_name, lines
from itil_gate.cli.recording import Recording, recording_options, tell
from itil_gate.cli.screen import now, out, repo_option, repository, say, write_file

if TYPE_CHECKING:
    from itil_gate.git.discover import Repository
    from itil_gate.git.view import View
    from itil_gate.model.config import Config

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
REFUSED = 1
OUTCOMES = ("success", "failed", "backed-out")

target_option = click.option(
    "--target", help="Full name of the target branch; main by default, as `check` finds it."
)
format_option = click.option(
    "--format",
    "form",
    type=click.Choice(("text", "json")),
    default="text",
    show_default=True,
    help="How to print the result.",
)


@click.group()
def command() -> None:
    """Let an artefact into an environment, and say how that went."""


@command.command(epilog="Exit codes: 0 allow, 1 deny, 2 could not decide.")
@click.argument("changes", nargs=-1, metavar="[CHG]...")
@click.option(
    "--environment",
    required=True,
    metavar="NAME",
    callback=a_name,
    help="Where it is to be released.",
)
@click.option("--commit", required=True, metavar="SHA", help="Commit it was built from.")
@click.option(
    "--artifact",
    required=True,
    metavar="DIGEST|FILE",
    help="sha256:… of what is released, or the file itself.",
)
@click.option(
    "--purl",
    metavar="PURL",
    help="Package URL of the artefact, with its version; attested for other tools.",
)
@click.option(
    "--tag",
    metavar="NAME",
    help="On allow, also sign the tag release/NAME; it arrives with the log or not at all.",
)
@click.option(
    "--provenance",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="SLSA provenance of the artefact by a listed builder: a DSSE envelope, or a Sigstore "
    "bundle; several, one a line.",
)
@click.option("--backout", is_flag=True, help="Go back to an earlier release of this environment.")
@click.option("--deployer", callback=a_line, help="Who releases; git's user by default.")
@target_option
@recording_options
@format_option
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Also write the receipts here, one .tlog-proof file an entry.",
)
@repo_option
def start(
    changes: tuple[str, ...],
    environment: str,
    commit: str,
    artifact: str,
    purl: str | None,
    tag: str | None,
    provenance: Path | None,
    deployer: str | None,
    target: str | None,
    recording: Recording,
    form: str,
    output: Path | None,
    repo: Path,
    *,
    backout: bool,
) -> int:
    """Decide whether this artefact may be released, and record the answer.

    Asked is about every update of the target since the release that is in force in the
    environment, named or not: each must be authorised, in its window and not frozen.

    \b
    itil-gate release start --environment production --commit "$SHA" --artifact app.tar.gz
    itil-gate release start --environment production --commit "$SHA" --artifact sha256:… --tag 1.4.0
    """
    from itil_gate.decide.deploy_facts import Attempt
    from itil_gate.gather.inputs import find_commit
    from itil_gate.git.view import open_view
    from itil_gate.release.deploying import artifact_digest, is_digest
    from itil_gate.release.releasing import start_release
    from itil_gate.report.release_text import deploy_text

    moment = now()
    with open_view(repository(repo)) as view:
        ref, tip = find_target(view, base=None, target=target)
        config = _config(view, tip)
        books = recording.books(view.repository, config, now=moment)
        attempt = Attempt(
            environment=environment,
            commit=find_commit(view, commit),
            artifact=artifact_digest(artifact, file=Path(artifact)),
            changes=tuple(changes),
            now=moment,
            backout=backout,
        )
        examined, recorded, release = start_release(
            books,
            view,
            attempt,
            target=ref,
            tip=tip,
            nonce=_nonce(moment),
            deployer=deployer or _deployer(view.repository),
            purl=purl,
            provenance=provenance.read_bytes() if provenance else None,
            tag=tag,
            file=None if is_digest(artifact) else Path(artifact).name,
        )
    tell(recorded)
    _receipts(output, recorded.indices, recorded.proofs)
    decision = examined.decision
    if form == "json":
        said = decision.model_dump(mode="json", by_alias=True, exclude_none=True)
        if release is not None:
            said["release"] = release.model_dump(mode="json", by_alias=True, exclude_none=True)
        out(json.dumps(said, indent=2))
    else:
        out(deploy_text(decision, release))
    return REFUSED if decision.outcome == "deny" else 0


@command.command(epilog="Exit codes: 0 recorded, 2 could not.")
@click.argument("release", metavar="RELEASE")
@click.option("--outcome", required=True, type=click.Choice(OUTCOMES), help="How the release went.")
@click.option("--started", metavar="TIME", help="When it began in truth; RFC 3339.")
@click.option("--finished", metavar="TIME", help="When it was over; RFC 3339, now by default.")
@click.option(
    "--incident",
    "incidents",
    multiple=True,
    metavar="ID",
    callback=lines,
    help="An incident that it caused or touched.",
)
@click.option("--remarks", help="What others should know about it.")
@target_option
@recording_options
@format_option
@repo_option
def finish(
    release: str,
    outcome: str,
    started: str | None,
    finished: str | None,
    incidents: tuple[str, ...],
    remarks: str | None,
    target: str | None,
    recording: Recording,
    form: str,
    repo: Path,
) -> int:
    """Record how a release ended. It ends once.

    \b
    itil-gate release finish REL-2026-7K3QX9ZB --outcome success
    itil-gate release finish REL-2026-7K3QX9ZB --outcome backed-out --incident INC-42
    """
    from itil_gate.gather.recorded import refuse_early
    from itil_gate.git.view import open_view
    from itil_gate.model.record import Incident
    from itil_gate.release.deploying import known_of
    from itil_gate.release.releasing import finish_release
    from itil_gate.report.release_text import outcome_text

    with open_view(repository(repo)) as view:
        ref, tip = find_target(view, base=None, target=target)
        books = recording.books(view.repository, _config(view, tip), now=now())
        with books.reading() as reader:
            refuse_early(reader, books.now)
            known = known_of(reader, ref)
    said, recorded = finish_release(
        books,
        known,
        release,
        outcome=outcome,
        started=_moment(started),
        finished=_moment(finished),
        incidents=[Incident(id=one) for one in incidents],
        remarks=remarks if remarks and remarks.strip() else None,
    )
    tell(recorded)
    if form == "json":
        out(json.dumps(said.model_dump(mode="json", by_alias=True, exclude_none=True), indent=2))
    else:
        out(outcome_text(said))
    return 0


def _config(view: View, tip: str) -> Config:
    from itil_gate.gather.sources import read_judge
    from itil_gate.policy.compile import read_config

    return read_config({source.path: source for source in read_judge(view, tip)})


def _deployer(place: Repository) -> str:
    from itil_gate.git.user import identity
    from itil_gate.model.errors import GateError

    try:
        name, email = identity(place)
    except GateError as error:
        raise GateError(
            "deployer-needed",
            "nobody is named who releases, and git knows no user here",
            hint="name who or what releases: --deployer NAME",
        ) from error
    return f"{name} <{email}>"


def _nonce(moment: datetime) -> str:
    return f"REL-{moment.year}-{''.join(secrets.choice(CROCKFORD) for _ in range(8))}"


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    from itil_gate.model.errors import GateError

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise GateError(
            "bad-time",
            f"{text!r} is not a moment",
            hint="write it with its offset, for example 2026-11-25T21:00:00Z",
        )
    return moment.astimezone(UTC)


def _receipts(folder: Path | None, indices: tuple[int, ...], proofs: tuple[bytes, ...]) -> None:
    if folder is None:
        return
    for index, proof in zip(indices, proofs, strict=True):
        write_file(folder / f"{index}.tlog-proof", proof)
    say(f"receipts are in {folder}")
