"""What an audit log costs that is kept on a remote, and what is left of it when writers go wrong.

A remote of 100,000 entries on this machine, so that what is timed is git and not a network. The
whole of an append there is held against the least that git itself does for it: to ask the remote
for its tip and to push one commit, on the same repository. Sixteen writers and writers that are
killed leave what plain git and an independent reading of every file find in the log.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from log import SyntheticLog
from row import Row
from support.audit_branch import make_hub, numbers_in, open_log, start_writer
from support.log import CHECKPOINT, KEYS, ORIGIN, REPOSITORY, WRITERS, event
from support.repository import isolated

from itil_gate.git.audit_log import Addition, append
from itil_gate.git.discover import discover
from itil_gate.log.append import plan_append
from itil_gate.model.record import AUDIT_BRANCH
from itil_gate.release.recorder import bring

if TYPE_CHECKING:
    from collections.abc import Iterator

    from itil_gate.git.audit_log import Landed
    from itil_gate.git.snapshot import Snapshot

FULL = 100_000
SMOKE = 300
ROUNDS = 9
HALF_A_MEGABYTE = 500_000
WRITERS_AT_ONCE = 16
KILLS = 150


def run(count: int) -> Iterator[Row]:
    """Yield the rows of a remote log of `count` entries, of many writers and of killed ones."""
    os.environ |= isolated({})
    with tempfile.TemporaryDirectory() as name:
        yield from _remote(Path(name), count)
    small = count < FULL
    with tempfile.TemporaryDirectory() as name:
        yield from _crowd(Path(name), 2 if small else WRITERS_AT_ONCE)
    with tempfile.TemporaryDirectory() as name:
        yield _killed(Path(name), 2 if small else KILLS)


def _remote(where: Path, count: int) -> Iterator[Row]:
    remote = SyntheticLog(where / "remote", count).where
    for setting in ("uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"):
        _git(remote, "config", setting, "true")
    _git(where, "init", "--quiet", "user")
    _git(where / "user", "remote", "add", "origin", str(remote))
    plain = _plain_clone(where, remote)
    landed: list[Landed] = []
    ours: list[float] = []
    least: list[float] = []
    for number in range(ROUNDS):
        start = time.perf_counter()
        landed.append(_append(where / "user", count + number))
        ours += [time.perf_counter() - start] if number else []  # the first one fetches the store
        least.append(_push_plainly(plain, remote))
    mine, git = statistics.median(ours), statistics.median(least)
    yield Row(
        what=f"fetch, append, push at {count:,}, times git's ls-remote and push",
        value=mine / git,
        target=3,
        detail=f"{mine * 1e3:.0f} and {git * 1e3:.0f} ms, n={len(ours)}",
    )
    for what, several in (("fetched", landed[:1]), ("fetched again", landed[1:])):
        most = max(one.fetched for one in several)
        yield Row(
            what=f"bytes {what}, of half a megabyte",
            value=most / HALF_A_MEGABYTE,
            target=1,
            detail=f"{most:,} bytes",
        )
    most = max(one.sent for one in landed)
    yield Row(
        what="bytes sent, of half a megabyte",
        value=most / HALF_A_MEGABYTE,
        target=1,
        detail=f"{most:,} bytes",
    )


def _append(user: Path, number: int) -> Landed:
    events = [event(number, kind="outcome")]

    def plan(at: Snapshot) -> Addition:
        bring(at, events, size=number, name=REPOSITORY, old=())
        made = plan_append(
            events, at.read, repository=REPOSITORY, origin=ORIGIN, keys=KEYS, writers=WRITERS
        )
        return Addition(made.files, f"Append\n\nLog-Size: {made.checkpoint.size}\n")

    return append(
        discover(user),
        plan,
        remote="origin",
        signer=CHECKPOINT,
        identity=("bench", "bench"),
        when=datetime.now(tz=UTC),
    )


def _plain_clone(where: Path, remote: Path) -> Path:
    """Return a repository that holds the whole branch, from which git can push by itself."""
    _git(where, "clone", "--quiet", "--bare", str(remote), "plain")
    return where / "plain"


def _push_plainly(plain: Path, remote: Path) -> float:
    """Return the seconds in which git asks for a tip and pushes one empty commit on it.

    It goes to a branch of its own, which is as large, so that the log is not disturbed.
    """
    tip = _git(plain, "rev-parse", AUDIT_BRANCH).strip()
    words = ("-c", "user.name=b", "-c", "user.email=b")
    commit = _git(
        plain, *words, "commit-tree", "-m", str(time.time()), "-p", tip, f"{tip}^{{tree}}"
    )
    start = time.perf_counter()
    _git(plain, "ls-remote", "--quiet", str(remote), AUDIT_BRANCH)
    _git(plain, "push", "--quiet", "--force", str(remote), f"{commit.strip()}:refs/heads/other")
    return time.perf_counter() - start


def _crowd(where: Path, count: int) -> Iterator[Row]:
    hub = make_hub(where / "hub.git")
    open_log(hub.clone(where / "first"), remote="origin")
    clones = [hub.clone(where / f"clone{number}", "--depth=1") for number in range(count)]
    writers = [start_writer(repo, "origin", 10 * at, 3) for at, repo in enumerate(clones)]
    said = [writer.communicate(timeout=600)[0] for writer in writers]
    tries = [int(line.split()[2]) for text in said for line in text.splitlines()]
    told = sorted(int(line.split()[0]) for text in said for line in text.splitlines())
    found = Counter(numbers_in(hub))
    lost = sum(1 for number in told if number not in found)
    doubled = sum(times - 1 for times in found.values())
    yield Row(
        what=f"{count} writers at once, events lost or doubled",
        value=lost + doubled + (len(told) != 3 * count),
        target=0,
        detail=f"{len(told)} events of {3 * count} reported, {lost} lost, {doubled} doubled",
    )
    yield Row(
        what=f"{count} writers at once, mean tries an append",
        value=statistics.mean(tries),
        target=5,
        detail=f"{max(tries)} at most, n={len(tries)}",
    )


def _killed(where: Path, kills: int) -> Row:
    hub = make_hub(where / "hub.git")
    clone = hub.clone(where / "clone")
    open_log(clone, remote="origin")
    broken = 0
    reported: set[int] = set()
    for number in range(1, kills + 1):
        writer = start_writer(clone, "origin", 1000 * number, 1000)
        first = writer.stdout.readline() if writer.stdout else ""
        time.sleep(0.003 * (number * 37 % 75))
        os.killpg(writer.pid, signal.SIGKILL)
        whole = (first + writer.communicate()[0]).split("\n")[:-1]
        reported |= {int(line.split()[0]) for line in whole}
        if number % 15 == 0 or number == kills:
            try:
                broken += not reported <= set(numbers_in(hub))
            except (AssertionError, subprocess.CalledProcessError) as error:
                print(f"broken: {error}", file=sys.stderr)
                broken += 1
    return Row(
        what=f"kill -9 of a writer, {kills} times, broken logs",
        value=broken,
        target=0,
        detail=f"{len(reported)} events were reported, all of them looked for",
    )


def _git(where: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=where, check=True, capture_output=True, text=True, env=isolated({})
    )
    return done.stdout
