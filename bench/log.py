"""What the audit log costs: verifying, appending and proving, and how it grows with the log.

Structure is verified beside a loop that hashes blocks of 64 bytes, the least that a tree could
take, and beside tessera's fsck on the same files where `go` can build it. Appends are timed on a
small log and on one a thousand times as long; both are made synthetically, and the files of their
older entries say nothing, since an append never reads them.
"""

from __future__ import annotations

import hashlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from row import Row

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from support.log import CHECKPOINT, KEYS, ORIGIN, RECORDER, REPOSITORY, WRITERS, event
from support.peers import FSCK, MissingPeerError, go_tool

from itil_gate.audit.log_folder import FolderFiles
from itil_gate.git.audit_log import Addition, append
from itil_gate.git.discover import discover
from itil_gate.log.append import plan_append
from itil_gate.log.checkpoint import PATH, Checkpoint, sign_checkpoint
from itil_gate.log.entry import entry_path, ids_path
from itil_gate.log.merkle import inclusion_proof, leaf_hash, verify_inclusion
from itil_gate.log.pins import Pin
from itil_gate.log.structure import verify_structure
from itil_gate.log.tiles import TileReader, grow
from itil_gate.log.verdict import Check
from itil_gate.log.verify import Terms, verify_log
from itil_gate.model.record import AUDIT_BRANCH, Obligation, statement_of
from itil_gate.model.statement import Subject
from itil_gate.release.recorder import bring
from itil_gate.signing import dsse, jcs
from itil_gate.signing.primitives import ed25519_holds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from itil_gate.git.snapshot import Snapshot

FULL = 100_000
SMOKE = 300
ROUNDS = 5
LATER = datetime(2026, 1, 1, tzinfo=UTC)
TERMS = Terms(
    ORIGIN,
    REPOSITORY,
    (
        Pin("checkpoint", CHECKPOINT.public, CHECKPOINT.fingerprint),
        Pin("recorder", RECORDER.public, RECORDER.fingerprint),
    ),
    KEYS,
)


def run(count: int) -> Iterator[Row]:
    """Yield the rows of a log of `count` entries, and of one ten times as long."""
    with tempfile.TemporaryDirectory() as name:
        where = Path(name)
        yield from _structure(where / "structure", count)
        yield from _signatures(where / "signatures", max(10, count // 20))
        yield from _appends(where, small=max(10, count // 100), large=10 * count)
        yield from _proof(10 * count)


def _structure(where: Path, count: int) -> Iterator[Row]:
    checkpoint = _export(where, [_leaf(number) for number in range(count)])
    files = FolderFiles(where)
    taken: dict[str, list[float]] = {"ours": [], "hashes": []}
    for _ in range(ROUNDS):
        check = Check("tree", "entries")
        taken["ours"].append(
            _timed(lambda c=check: verify_structure(files.read_many, checkpoint, c))
        )
        if check.bad or check.looked != count:
            raise AssertionError(check.verdict())
        taken["hashes"].append(_timed(lambda: _hashes(count)))
    ours, hashes = statistics.median(taken["ours"]), statistics.median(taken["hashes"])
    yield Row(
        what=f"structure of {count:,} entries, times their bare hashes",
        value=ours / hashes,
        target=4,
        detail=f"{count / ours:,.0f} entries/s; {2 * count / hashes:,.0f} hashes/s, n={ROUNDS}",
    )
    theirs = _fsck(where)
    if theirs is not None:
        yield Row(
            what="structure, times tessera fsck on the same files, one core each",
            value=ours / theirs[0],
            target=1,
            detail=f"{ours * 1e3:.0f} and {theirs[0] * 1e3:.0f} ms; on all cores it takes "
            f"{theirs[1] * 1e3:.0f} ms",
        )


def _signatures(where: Path, count: int) -> Iterator[Row]:
    bodies = [_entry(number) for number in range(count)]
    leaves = [_leaf_of(body) for body in bodies]
    _export(where, leaves, bodies=bodies)
    files = FolderFiles(where)
    taken: list[float] = []
    for _ in range(3):
        start = time.perf_counter()
        found = verify_log(files, TERMS, now=time.time(), full=True).verification
        taken.append(time.perf_counter() - start)
        if found.verdict("signatures").bad or found.verdict("entries").bad:
            raise AssertionError(found.verdicts)
    message, signature = b"x" * 1000, RECORDER.sign(b"x" * 1000)
    bare = _timed(lambda: _bare(message, signature, count))
    ours = statistics.median(taken)
    yield Row(
        what=f"full verify of {count:,} entries, times bare Ed25519",
        value=ours / bare,
        target=2.2,
        detail=f"{count / ours:,.0f} entries/s on one core; {count / bare:,.0f} signatures/s",
    )


def _appends(where: Path, *, small: int, large: int) -> Iterator[Row]:
    logs = {size: SyntheticLog(where / f"log-{size}", size) for size in (small, large)}
    taken: dict[int, list[float]] = {small: [], large: []}
    for number in range(ROUNDS * 4):
        for size, log in logs.items():  # in turns, since the machine is not always the same
            took = _timed(lambda log=log: log.append(1))
            taken[size] += [took] if number else []  # the first one is cold
    medians = {size: statistics.median(times) for size, times in taken.items()}
    batch = statistics.median(_timed(lambda: logs[small].append(256)) for _ in range(ROUNDS))
    work = {
        size: statistics.median(_processor(lambda log=log: log.append(256)) for _ in range(ROUNDS))
        for size, log in logs.items()
    }
    yield Row(
        what=f"append at {large:,} entries, times at {small:,}",
        value=medians[large] / medians[small],
        target=2,
        detail=f"medians {medians[large] * 1e3:.1f} and {medians[small] * 1e3:.1f} ms, "
        f"n={ROUNDS * 4 - 1}",
    )
    yield Row(
        what="a batch of 256, times one append",
        value=batch / medians[small],
        target=2,
        detail=f"{256 / batch:,.0f} entries/s in a batch",
    )
    bare = statistics.median(_processor(lambda: _signed(256)) for _ in range(ROUNDS))
    for size, took in work.items():
        yield Row(
            what=f"a batch of 256 at {size:,}, times its bare signatures",
            value=took / bare,
            target=6 if size == small else None,
            detail=f"{256 / took:,.0f} entries/s of processor, git's included; "
            f"{256 / bare:,.0f} signatures/s",
        )


def _proof(count: int) -> Iterator[Row]:
    leaves = [_leaf(number) for number in range(count)]
    made = grow(0, leaves, lambda _: None)
    read: list[str] = []

    def reading(path: str) -> bytes | None:
        read.append(path)
        return made.files.get(path)

    worst: list[float] = []
    tiles = 0
    for index in range(count // 3, count, max(1, count // 50)):
        read.clear()
        start = time.perf_counter()
        proof = inclusion_proof(index, size=count, node=TileReader(count, reading))
        worst.append(time.perf_counter() - start)
        tiles = max(tiles, len(read))
        hashed = leaf_hash(leaves[index])
        if not verify_inclusion(hashed, index=index, size=count, proof=proof, root=made.root):
            raise AssertionError(index)
    took = statistics.median(worst)
    bare = _timed(lambda: _hashes(1000)) / 2000
    yield Row(
        what=f"inclusion proof at {count:,}, tiles read",
        value=tiles,
        target=6,
        detail=f"median {took * 1e3:.2f} ms, as long as {took / bare:,.0f} hashes",
    )


class SyntheticLog:
    """A bare repository with a log of a size; all but the newest entries are without files."""

    def __init__(self, where: Path, size: int) -> None:
        self.where = where
        subprocess.run(["git", "init", "--quiet", "--bare", where], check=True)
        self._repository = discover(where)
        self._number = size
        made = grow(0, [_leaf(number) for number in range(size)], lambda _: None)
        checkpoint = Checkpoint(ORIGIN, made.size, made.root)
        files: dict[str, bytes] = {path: data for path, data in made.files.items() if data}
        files[PATH] = sign_checkpoint(checkpoint, CHECKPOINT)
        for number in range(size):
            name = hashlib.sha256(b"%d" % number).hexdigest()
            files[ids_path(name)] = b"%d\n" % number
        files |= {entry_path(number): b"x" for number in range(size)}
        subprocess.run(
            ["git", "-C", where, "fast-import", "--quiet"], input=_stream(files), check=True
        )
        subprocess.run(["git", "-C", where, "repack", "-adq", "--window=0"], check=True)

    def append(self, count: int) -> None:
        """Append events that are not there yet, in one commit."""
        events = [event(self._number + n, kind="outcome") for n in range(count)]
        size, self._number = self._number, self._number + count

        def plan(at: Snapshot) -> Addition:
            bring(at, events, size=size, name=REPOSITORY, old=())
            made = plan_append(
                events, at.read, repository=REPOSITORY, origin=ORIGIN, keys=KEYS, writers=WRITERS
            )
            return Addition(made.files, f"Append\n\nLog-Size: {made.checkpoint.size}\n")

        append(
            self._repository,
            plan,
            remote=None,
            signer=CHECKPOINT,
            identity=("bench", "bench"),
            when=datetime.now(tz=UTC),
        )


def _stream(files: Mapping[str, bytes]) -> bytes:
    out = [b"commit %s\ncommitter b <b> 1700000000 +0000\ndata 0\n" % AUDIT_BRANCH.encode()]
    blob: dict[bytes, int] = {}
    head = []
    for data in files.values():
        if data not in blob:
            blob[data] = len(blob) + 1
            head.append(b"blob\nmark :%d\ndata %d\n%b\n" % (blob[data], len(data), data))
    out += [b"M 100644 :%d %b\n" % (blob[data], path.encode()) for path, data in files.items()]
    return b"".join([*head, *out])


def _leaf(number: int) -> bytes:
    return b'{"sha256":"%064x","t":"gate-decision"}' % (number * 2_654_435_761)


def _entry(number: int) -> bytes:
    owed = Obligation(
        repository=REPOSITORY,
        id=f"OBL-{number}",
        duty="review",
        change="CHG-2026-AAAA0001",
        because="An override stood in at the merge gate. " * 12,
        source=0,
        owner="carol",
        services=("payments-api", "ledger", "webshop"),
        due=LATER,
        opened_at=LATER,
    )
    said = statement_of("obligation", owed, (Subject(name="x", digest={"sha256": "0" * 64}),))
    return dsse.compose(jcs.encode(said), payload_type=dsse.IN_TOTO, signers=[RECORDER]).data


def _leaf_of(body: bytes) -> bytes:
    return b'{"sha256":"%b","t":"obligation"}' % hashlib.sha256(body).hexdigest().encode()


def _export(where: Path, leaves: list[bytes], *, bodies: list[bytes] | None = None) -> Checkpoint:
    made = grow(0, leaves, lambda _: None)
    checkpoint = Checkpoint(ORIGIN, made.size, made.root)
    files: dict[str, bytes] = {path: data for path, data in made.files.items() if data}
    files[PATH] = sign_checkpoint(checkpoint, CHECKPOINT)
    for number, body in enumerate(bodies or ()):
        files[entry_path(number)] = body
    for path, data in files.items():
        file = where / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return checkpoint


def _fsck(where: Path) -> tuple[float, float] | None:
    """Return what tessera's fsck takes on one core and on all; None where it cannot be had."""
    try:
        fsck = go_tool(*FSCK)
    except MissingPeerError as error:
        print(f"no fsck: {error}", file=sys.stderr)
        return None
    key = where.parent / "key"
    key.write_text(KEYS[0].text)
    taken: dict[str, list[float]] = {"1": [], "4": []}
    for threads in list(taken) * ROUNDS:
        command = [
            *(fsck, "-ui=false", f"-N={threads}", "-logtostderr", f"-storage_url=file://{where}"),
            *(f"-origin={ORIGIN}", f"-public_key={key}"),
        ]
        cores = {"GOMAXPROCS": "1"} if threads == "1" else {}
        start = time.perf_counter()
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env={**os.environ, **cores}
        )
        taken[threads].append(time.perf_counter() - start)
        if "Successfully fsck'd log" not in done.stderr:  # its exit code does not say so
            raise AssertionError(done.stderr[-1000:])
    return statistics.median(taken["1"]), statistics.median(taken["4"])


def _hashes(count: int) -> None:
    block, sha256 = b"x" * 64, hashlib.sha256
    for _ in range(2 * count):
        sha256(block).digest()


def _bare(message: bytes, signature: bytes, count: int) -> None:
    for _ in range(count):
        ed25519_holds(RECORDER.public, signature=signature, data=message)


def _signed(count: int) -> None:
    for number in range(count):
        RECORDER.sign(b"%d" % number + b"x" * 600)


def _processor(run: Callable[[], object]) -> float:
    """Return the seconds of processor that something takes here and in programs it starts."""

    def spent() -> float:
        own, others = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime

    start = spent()
    run()
    return spent() - start


def _timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
