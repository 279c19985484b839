"""`itil-gate log timestamp`: have a third party say when the log's head was there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from itil_gate.cli.log_reading import BAD, find_log, pinned_roots, read_bytes, telling
from itil_gate.cli.log_writing import base_option
from itil_gate.cli.recording import recording_options
from itil_gate.cli.screen import now, out, repo_option, say, write_file

if TYPE_CHECKING:
    from itil_gate.cli.log_reading import LogPlace
    from itil_gate.cli.recording import Recording

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(epilog="Exit codes: 0 done, 1 a time-stamp does not hold, or tampered, 2 could not.")
@click.option("--request", type=_FILE, help="Write a request (TimeStampReq) about the head here.")
@click.option("--response", type=_FILE, help="Verify this answer, and keep it on the branch.")
@click.option("--verify", is_flag=True, help="Verify all that are kept, offline.")
@click.option(
    "--roots",
    type=_FILE,
    help="Certificates of the authorities you trust, in PEM; by default those that "
    "log.timestampRoots names on the target branch.",
)
@click.option(
    "--size",
    type=click.IntRange(min=0),
    help="Size of the log in the request, if entries came since; `--request` says it.",
)
@base_option
@recording_options
@repo_option
def command(
    request: Path | None,
    response: Path | None,
    roots: Path | None,
    size: int | None,
    base: str | None,
    recording: Recording,
    repo: Path,
    *,
    verify: bool,
) -> int:
    """Ask for an RFC 3161 time-stamp of the log's head, keep the answer, or verify what is kept.

    Nothing is sent: take the request to the authority yourself. A stamp shows that everything below
    that head was there by then, also to whoever trusts nobody with the log's keys. Needs the extra
    tsa.

    \b
    itil-gate log timestamp --request head.tsq
    curl --data-binary @head.tsq -H 'Content-Type: application/timestamp-query' \\
        https://tsa.example/tsr > head.tsr
    itil-gate log timestamp --response head.tsr --roots tsa-roots.pem
    """
    if sum((request is not None, response is not None, verify)) != 1:
        raise click.UsageError("give one of --request, --response and --verify")
    place = find_log(repo, base=base, remote=recording.remote, local=recording.local)
    trusted = b"" if request is not None else _roots(place, roots)

    def run() -> int:
        if request is not None:
            return _request(place, request)
        if response is not None:
            return _keep(place, response, recording, roots=trusted, size=size)
        return _verify(place, roots=trusted)

    return int(telling(run))


def _roots(place: LogPlace, file: Path | None) -> bytes:
    from itil_gate.model.errors import GateError

    found = pinned_roots(place) if file is None else read_bytes(file)
    if found is None:
        raise GateError(
            "no-roots",
            "nobody says which time-stamping authorities are believed",
            hint="name their certificates: --roots FILE, or log.timestampRoots in itil-gate.yaml",
        )
    return found


def _request(place: LogPlace, file: Path) -> int:
    from itil_gate.release.timestamping import request_for

    with place.reading() as (_, reader):
        write_file(file, request_for(reader.checkpoint))
        say(f"wrote {file}: a request about {place.origin} at {reader.size} entries")
    return 0


def _keep(
    place: LogPlace, file: Path, recording: Recording, *, roots: bytes, size: int | None
) -> int:
    from itil_gate.model.errors import LogError
    from itil_gate.release.timestamping import keep_stamp, stamp_path

    keys = recording.keys()
    with place.reading():
        pass  # the log extends what is remembered of it, or nothing is signed
    try:
        stamp, landed = keep_stamp(
            place.repository,
            read_bytes(file),
            roots=roots,
            size=size,
            signer=keys.checkpoint,
            pins=place.pins,
            origin=place.origin,
            name=place.config.repository,
            remote=place.remote,
            now=now(),
        )
    except LogError as error:
        if error.code != "timestamp-bad":
            raise
        out(f"does not hold: {error.message}")
        return BAD
    out(f"{place.origin} had {stamp.size} entries by {stamp.moment:%Y-%m-%dT%H:%M:%SZ}")
    kept = "kept as" if landed.commit else "there is one already:"
    say(f"{kept} {stamp_path(stamp.size)}")
    return 0


def _verify(place: LogPlace, *, roots: bytes) -> int:
    from itil_gate.release.timestamping import FOLDER, stamp_sizes, verify_stamps
    from itil_gate.report.escape import terminal

    with place.reading() as (at, reader):
        sizes = stamp_sizes(at.names(FOLDER))
        stamps = verify_stamps(sizes, reader.checkpoint, at.read, roots=roots)
    for one in stamps:
        said = one.fault or f"there by {one.moment:%Y-%m-%dT%H:%M:%SZ}"
        out(terminal(f"{one.size} entries: {said}"))
    if not stamps:
        say(f"{place.origin} has no time-stamps")
    return BAD if any(one.fault for one in stamps) else 0
