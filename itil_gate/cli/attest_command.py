"""`itil-gate attest`: sign what a tool found about a commit, so that the gate can believe it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from itil_gate.cli.screen import repo_option, say, write_file

if TYPE_CHECKING:
    from itil_gate.model.external import ReportFormat

REPORT_KEY = "ITIL_GATE_REPORT_KEY"


@click.command(epilog="Exit codes: 0 signed, 2 could not.")
@click.argument("report", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--commit",
    required=True,
    metavar="COMMIT",
    help="The commit that the tool looked at: the head of the pull request.",
)
@click.option(
    "--key",
    metavar="KEY",
    help="The scanner's Ed25519 key: a file or agent:SHA256:…. By default the text of "
    f"{REPORT_KEY}.",
)
@click.option(
    "--predicate-type",
    metavar="URI",
    help="What kind of report it is; by default by its format. The check on the target names it.",
)
@click.option(
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the signed report is written, for `check --external NAME=FILE`.",
)
@repo_option
def command(
    report: Path, commit: str, key: str | None, predicate_type: str | None, output: Path, repo: Path
) -> int:
    """Sign REPORT, what a tool found about one commit, for an external check.

    REPORT is SARIF, conftest's JSON or an in-toto test result. It is wrapped as an in-toto
    Statement about the commit in a DSSE envelope. Run this where the scanner runs and nowhere that
    the head's own code can reach: whoever can use the key can write any report.

    \b
    itil-gate attest scan.sarif --commit HEAD --key scanner --output scan.dsse.json
    itil-gate check --external scan=scan.dsse.json
    """
    import os

    from itil_gate.gather.inputs import find_commit
    from itil_gate.git.discover import discover
    from itil_gate.git.view import open_view
    from itil_gate.model.errors import SigningError
    from itil_gate.model.external import PREDICATE_TYPES
    from itil_gate.release.keys import KeySource, open_key
    from itil_gate.signing.report import seal_report

    predicate, form = _read(report)
    signer = open_key(
        KeySource(key, os.environ.get(REPORT_KEY), REPORT_KEY),
        agent=os.environ.get("SSH_AUTH_SOCK"),
    )
    if signer is None:
        raise SigningError(
            "no-report-key",
            "nothing says with which key the report is signed",
            hint=f"name one: --key FILE or --key agent:SHA256:…, or set {REPORT_KEY}",
        )
    with open_view(discover(repo)) as view:
        oid = find_commit(view, commit)
    kind = predicate_type or PREDICATE_TYPES[form]
    envelope = seal_report(
        predicate, predicate_type=kind, commit=oid, subject=report.name, signer=signer
    )
    write_file(output, envelope.data + b"\n")
    say(f"{signer.fingerprint} signed {report} ({form}) about commit {oid}")
    say(f"as {kind}")
    say(f"wrote {output}")
    return 0


def _read(report: Path) -> tuple[object, ReportFormat]:
    """Return the predicate and its format; what the gate could not read is not signed."""
    from itil_gate.model.errors import GateError
    from itil_gate.reading.external import read_external
    from itil_gate.reading.results import MAX_BYTES, parse_json

    with report.open("rb") as stream:
        data = stream.read(MAX_BYTES + 1)
    found = read_external(data, name="report")
    if found.format is None:
        raise GateError(
            "unreadable-report",
            f"{report} is no report that the gate reads: {found.fault}",
            hint="give SARIF, the JSON of conftest or an in-toto test result",
        )
    document = parse_json(data)
    return ({"results": document} if isinstance(document, list) else document), found.format
