"""What it costs to reconcile a long signed history with the log, beside git's own look at it.

`count` first-parent commits are made with `git fast-import` and then signed, each with a real
SSHSIG made in process; the log lets one in twenty in, with a decision and an update each. What is
compared is processor time, that of git and ssh-keygen below a command included, because the clock
says more about who else works here. `git log --show-signature` verifies a sample of the same
commits in the same run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from row import Row

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from support.books import MAIN, Bookish, open_books
from support.log import CHECKPOINT
from support.repository import Repo, isolated, make_keyring
from support.world import World, adopt

from itil_gate.git.discover import discover
from itil_gate.git.line import landed_digest, steps
from itil_gate.git.packing import pack_stream
from itil_gate.git.view import open_view
from itil_gate.log.append import Event
from itil_gate.model.record import VSA_TYPE, RefUpdate
from itil_gate.model.statement import STATEMENT_TYPE
from itil_gate.release.entries import update_event
from itil_gate.signing.ed25519 import KeySigner, armored
from itil_gate.signing.primitives import ed25519_holds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from itil_gate.git.objects import ObjectType

FULL = 100_000
SMOKE = 2_000
RECORDED = 20
"""One update in so many is in the log."""
SAMPLE = 300
"""Commits that `git log --show-signature` verifies, each with a program of its own."""
BATCH = 512
WIDE = 40
TIMES_GIT = 30.0
COMMAND = """
import sys
from itil_gate.cli import main
try:
    main(sys.argv[1:])
finally:
    print(next(line.split()[1] for line in open("/proc/self/status") if line[:6] == "VmHWM:"))
"""
"""The command, and at its end the memory that it had at most, without that of git below it. (What
wait4 tells would begin with the memory of this process.)"""
NAME = "example.com/acme/payments"


@dataclass(frozen=True)
class Cost:
    """What a run took: seconds on the clock and of processors, and memory at its peak."""

    clock: float
    processor: float
    mebibytes: float


def run(count: int) -> Iterator[Row]:
    """Yield how fast, how flat and how quick the second time."""
    with tempfile.TemporaryDirectory() as name:
        where = Path(name)
        small, large = (_made(where / str(size), size) for size in (count // 10, count))
        git = _show_signature(large, min(SAMPLE, count), where)
        first, whole = _reconcile(small), _reconcile(large)
        again = _reconcile(large, "--since", "last")
        yield Row(
            what=f"reconcile {count:,} signed commits, times git",
            value=count / whole.processor / git,
            target=TIMES_GIT,
            want="at least",
            detail=f"{whole.processor:.1f} s of processor, {whole.clock:.1f} s on the clock; "
            f"OpenSSL's part {count * _verification():.1f} s; "
            f"git log --show-signature: {git:.0f}/s of {min(SAMPLE, count)}",
        )
        yield Row(
            what="peak memory, times that of a tenth",
            value=whole.mebibytes / first.mebibytes,
            target=1.6,
            detail=f"{whole.mebibytes:.0f} and {first.mebibytes:.0f} MiB",
        )
        yield Row(
            what="again with --since last, of the first time",
            value=again.processor / whole.processor,
            target=0.05,
            detail=f"{again.processor:.2f} s of processor, {again.clock:.2f} s on the clock",
        )


def _made(where: Path, count: int) -> Repo:
    """Make a repository with a log and `count` signed commits after adoption."""
    where.mkdir()
    keyring = make_keyring(where)
    repo = Repo(where / "repo")
    adopt(repo, keyring)
    books = open_books(World(repo, keyring))
    adopted = repo.tip("main")
    repo.fast_import(_stream(count, adopted))
    _sign(repo, adopted, keyring.alice.key)
    _record(books, adopted)
    repo.git("repack", "-adq")
    return repo


def _stream(count: int, adopted: str) -> bytes:
    """Return a `git fast-import` stream of changes to a thousand files, unsigned."""
    out = [b"feature done\n"]
    for number in range(count):
        file = number * 7 % 1000
        text = f"Edit file {file} for the {number}th time\n"
        start = f"from {adopted}\n" if number == 0 else ""
        out.append(
            f"commit refs/heads/unsigned\ncommitter Alice Adams <alice@example.com> "
            f"{1_772_450_000 + number} +0000\ndata {len(text)}\n{text}{start}"
            f"M 100644 inline src/part{file % WIDE}/file{file}.txt\n"
            f"data {len(text)}\n{text}\n".encode()
        )
    return b"".join((*out, b"done\n"))


def _sign(repo: Repo, adopted: str, key: Path) -> None:
    """Write every commit again, signed, on top of the one before, and point main at the last."""
    import hashlib  # noqa: PLC0415

    signer = KeySigner.from_openssh(Path(key).read_bytes())
    listed = repo.git(
        "log", "--reverse", "--format=%T %ct %s", f"{adopted}..refs/heads/unsigned"
    ).splitlines()
    parent = adopted
    objects: list[tuple[ObjectType, bytes]] = []
    for line in listed:
        tree, when, subject = line.split(" ", 2)
        who = f"Alice Adams <alice@example.com> {when} +0000"
        head = f"tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n".encode()
        tail = f"\n{subject}\n".encode()
        signature = armored(signer, head + tail, namespace="git").strip().replace("\n", "\n ")
        data = head + f"gpgsig {signature}\n".encode() + tail
        objects.append(("commit", data))
        parent = hashlib.sha1(b"commit %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
    for low in range(0, len(objects), 20_000):
        pack = pack_stream(objects[low : low + 20_000], algorithm="sha1")
        repo.raw("index-pack", "--stdin", stdin=pack)
    repo.git("update-ref", MAIN, parent)
    repo.git("update-ref", "-d", "refs/heads/unsigned")


def _record(books: Bookish, adopted: str) -> None:
    """Let the log account for one commit in RECORDED, by a decision of its own."""
    repo = books.world.repo
    with open_view(discover(repo.path)) as view:
        chosen = [
            step
            for number, step in enumerate(steps(view, repo.tip("main"), since=adopted))
            if number % RECORDED == 0
        ]
    place = books.books
    index = len(books.entries())
    for low in range(0, len(chosen), BATCH):
        events = []
        for step in reversed(chosen[low : low + BATCH]):
            content = landed_digest([step])
            events.append(_decision(step.id, content))
            update = RefUpdate(
                repository=NAME,
                ref=MAIN,
                before=step.parents[0],
                after=step.id,
                standing="authorised",
                reason="it was let in",
                decision=index,
                content=content,
                recorded_at=place.now,
            )
            events.append(update_event(update))
            index += 2
        place.write(events)


def _decision(head: str, content: str) -> Event:
    """Return a decision with as much in it as reconciling reads."""
    said = {"repository": NAME, "target": MAIN, "outcome": "allow", "content": content}
    facts = {"approvalsTips": [], "diff": [{"path": "src/file"}]}
    return Event(
        "gate-decision",
        head,
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": "head", "digest": {"gitCommit": head}}],
            "predicateType": VSA_TYPE,
            "predicate": {"itilGate": {"decision": said | {"head": head}, "facts": facts}},
        },
    )


def _show_signature(repo: Repo, sample: int, where: Path) -> float:
    """Return how many commits a second git verifies."""
    allowed = where / "allowed"
    public = next(where.rglob("*alice*.pub")).read_text()
    allowed.write_text(f"alice@example.com {public}")
    command = [
        *("git", "-c", f"gpg.ssh.allowedSignersFile={allowed}", "log", "--show-signature"),
        *("--first-parent", f"--max-count={sample}", "--format=%G?", "main"),
    ]
    cost, _, said = _run(command, repo)
    if said.split().count(b"G") != sample:
        raise RuntimeError(f"git does not take the signatures: {said[:500]!r}")
    return sample / cost.processor


def _verification() -> float:
    """Return how many seconds OpenSSL takes to verify one signature, here and now."""
    data = b"x" * 150
    signature = CHECKPOINT.sign(data)
    start = time.process_time()
    for _ in range(2000):
        ed25519_holds(CHECKPOINT.public, signature=signature, data=data)
    return (time.process_time() - start) / 2000


def _reconcile(repo: Repo, *options: str) -> Cost:
    """Run the command once, and return what it took. It must find what is not in the log."""
    command = [
        *(sys.executable, "-P", "-c", COMMAND, "audit", "reconcile", "--local", "--target"),
        *("refs/heads/main", "--format", "json", "--output", str(repo.path / "found.json")),
        *("--base", "main", "--repo", str(repo.path), *options),
    ]
    cost, status, said = _run(command, repo)
    if status != 1:
        raise RuntimeError(f"it ended with {status}")
    return replace(cost, mebibytes=int(said.split()[-1]) / 1024)


def _run(command: list[str], repo: Repo) -> tuple[Cost, int, bytes]:
    """Run a program; return what it and those below it took, its status and its output."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=repo.path, env=isolated(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    said = process.stdout.read() if process.stdout else b""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    cost = Cost(time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
    return cost, process.returncode, said


if __name__ == "__main__":
    for row in run(int(sys.argv[1]) if len(sys.argv) > 1 else SMOKE):
        print(row)
