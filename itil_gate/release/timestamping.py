"""RFC 3161 time-stamps of the log's head: a third party says that it was so by then.

What is stamped is the text of a checkpoint, whatever signatures stand below it: its root commits to
every entry before it. Stamps are kept on the branch under `timestamps/` and verified offline, under
the roots that the caller names. Needs the extra `tsa`; nothing here sends anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.git.audit_log import Addition, append
from itil_gate.log.checkpoint import Checkpoint
from itil_gate.log.merkle import tree_root
from itil_gate.log.proof import consistency
from itil_gate.log.reader import LogReader
from itil_gate.log.tiles import TileReader
from itil_gate.model.errors import GateError, LogError, SigningError
from itil_gate.model.frozen import frozen
from itil_gate.release.recorder import RECORDER, log_trailers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from types import ModuleType

    from itil_gate.git.audit_log import Landed
    from itil_gate.git.discover import Repository
    from itil_gate.git.snapshot import Snapshot
    from itil_gate.log.pins import Pin
    from itil_gate.log.tiles import Read
    from itil_gate.signing.ed25519 import Signer

FOLDER = "timestamps"
SUFFIX = ".tsr"
MOST_BYTES = 64 * 1024
"""The longest response that is taken; with its certificates one has some 6 kB."""
MOST_DIGITS = 19
"""Digits of a size; no log has more entries."""


@frozen
class Stamp:
    """A time-stamp on the branch: the size of the log, the moment, and what is wrong with it."""

    size: int
    moment: datetime | None
    fault: str = ""


def stamp_path(size: int) -> str:
    """Return where the time-stamp of the log at a size is kept."""
    return f"{FOLDER}/{size}{SUFFIX}"


def request_for(checkpoint: Checkpoint) -> bytes:
    """Return a TimeStampReq (RFC 3161 section 2.4.1, DER) over a checkpoint's text.

    The hash is SHA-256, the authority is asked for its certificate. There is no nonce: an older
    answer about the same root would say more, not less. Raises GateError `extra-missing`.
    """
    library = _library()
    builder = library.TimestampRequestBuilder().data(checkpoint.text.encode())
    builder = builder.hash_algorithm(library.HashAlgorithm.SHA256)
    made: bytes = builder.nonce(nonce=False).cert_request(cert_request=True).build().as_bytes()
    return made


def stamped_at(response: bytes, checkpoint: Checkpoint, *, roots: bytes) -> datetime:
    """Return when the authority says that it saw a checkpoint.

    `response` is a TimeStampResp (section 2.4.2, DER), `roots` are certificates in PEM; those of
    the authority have to lead to one of them and to be valid at that moment. Raises LogError
    `timestamp-bad` for a response that does not hold or is about something else, GateError
    `roots-unreadable` and `extra-missing`.
    """
    library = _library()
    if len(response) > MOST_BYTES:
        raise _bad(f"it has more than {MOST_BYTES >> 10} KiB")
    builder = library.VerifierBuilder()
    for one in _certificates(roots):
        builder = builder.add_root_certificate(one)
    try:
        said = library.decode_timestamp_response(response)
        builder.build().verify_message(said, checkpoint.text.encode())
        moment: datetime = said.tst_info.gen_time
    except (library.VerificationError, ValueError, TypeError, OverflowError) as error:
        raise _bad(str(error)) from error
    return moment


def checkpoint_at(size: int, present: Checkpoint, read: Read) -> Checkpoint:
    """Return the checkpoint that the log had at a size, by the tiles that lead to its present root.

    Raises LogError `log-damaged`, or `no-such-entry` for a size that the log has not reached.
    """
    if not 0 <= size <= present.size:
        raise LogError("no-such-entry", f"the log has {present.size} entries, and not yet {size}")
    root = tree_root(size, TileReader(present.size, read))
    then = Checkpoint(present.origin, size, root)
    consistency(then, present, read)
    return then


def keep_stamp(
    repository: Repository,
    response: bytes,
    *,
    roots: bytes,
    size: int | None,
    signer: Signer,
    pins: Sequence[Pin],
    origin: str,
    name: str,
    remote: str | None,
    now: datetime,
) -> tuple[Stamp, Landed]:
    """Verify a response and keep it on the branch; the first one about a size stays.

    `size` is that of the log in the request, by default the present one. The commit is signed with
    a checkpoint key. Raises as `stamped_at` and `git.audit_log.append` do, and SigningError
    `key-not-pinned`.
    """
    made: list[Stamp] = []

    def plan(at: Snapshot) -> Addition | None:
        reader = LogReader(at.read_many, pins=pins, origin=origin, repository=name)
        _refuse_signer(reader, signer)
        then = checkpoint_at(reader.size if size is None else size, reader.checkpoint, at.read)
        made.append(Stamp(then.size, stamped_at(response, then, roots=roots)))
        path = stamp_path(then.size)
        if at.read(path) is not None:
            return None
        subject = f"Keep the time-stamp of {then.size} entries"
        message = "\n".join([subject, "", *log_trailers(reader.checkpoint)])
        return Addition({path: response}, message)

    landed = append(repository, plan, remote=remote, signer=signer, identity=RECORDER, when=now)
    return made[-1], landed


def stamp_sizes(names: Iterable[str]) -> list[int]:
    """Return the sizes that time-stamps are about, ascending, by the names of their files."""
    stems = [one.removesuffix(SUFFIX) for one in names if one.endswith(SUFFIX)]
    digits = [one for one in stems if one.isascii() and one.isdigit() and len(one) <= MOST_DIGITS]
    return sorted(int(one) for one in digits if str(int(one)) == one)


def verify_stamps(
    sizes: Iterable[int], present: Checkpoint, read: Read, *, roots: bytes
) -> list[Stamp]:
    """Return the time-stamps about these sizes, with what is wrong with each if anything.

    `read` reads the files of the log. Raises GateError `roots-unreadable` and `extra-missing`.
    """
    found = []
    for size in sizes:
        try:
            then = checkpoint_at(size, present, read)
            moment = stamped_at(read(stamp_path(size)) or b"", then, roots=roots)
            found.append(Stamp(size, moment))
        except LogError as error:
            found.append(Stamp(size, None, error.message))
    return found


def _refuse_signer(reader: LogReader, signer: Signer) -> None:
    last = max(reader.size - 1, 0)
    if not any(
        pin.use == "checkpoint" and pin.public == signer.public and pin.good_at(last)
        for pin in reader.pins
    ):
        raise SigningError(
            "key-not-pinned",
            f"{signer.fingerprint} is no checkpoint key that is good at {reader.size} entries",
            hint="sign with one that is pinned in itil-gate.yaml on the target branch",
        )


def _certificates(roots: bytes) -> list[object]:
    from cryptography.x509 import load_pem_x509_certificates  # noqa: PLC0415 - few ask for stamps

    try:
        return list(dict.fromkeys(load_pem_x509_certificates(roots)))
    except ValueError as error:
        raise GateError(
            "roots-unreadable", f"the roots are no certificates in PEM: {error}"
        ) from error


def _library() -> ModuleType:
    try:
        import rfc3161_client  # noqa: PLC0415 - an extra, which most do without
    except ImportError as error:
        raise GateError(
            "extra-missing",
            "time-stamps need the extra tsa, which is not installed",
            hint="install it: pip install 'itil-gate[tsa]'",
        ) from error
    return rfc3161_client


def _bad(why: str) -> LogError:
    return LogError("timestamp-bad", f"the time-stamp does not hold: {why}")
