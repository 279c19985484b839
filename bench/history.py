"""What the record of a long history costs, beside the pass of git that it takes anyway.

Both walk the same `count` first-parent changes with the names of what they changed; they take
turns, and medians are compared. One in fifty changes takes an earlier one back.
"""

from __future__ import annotations

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

from support.repository import ALICE, START, Repo

from itil_gate.gather.record import read_history
from itil_gate.git.diff import raw_diff
from itil_gate.git.discover import discover
from itil_gate.git.history import commits_between
from itil_gate.git.view import open_view

if TYPE_CHECKING:
    from collections.abc import Iterator

    from itil_gate.git.view import View

FULL = 100_000
SMOKE = 1_000
ROUNDS = 7
TARGET = 1.5
WIDE = 40
PASS = (
    *("log", "--first-parent", "--diff-merges=first-parent", "--no-renames", "-z", "--name-only"),
    "--format=%H %ct %P%x00%ae%x00%an%x00%B",
)


def run(count: int) -> Iterator[Row]:
    """Yield the ratio of reading the record of `count` changes to git's own pass over them."""
    with tempfile.TemporaryDirectory() as directory:
        repo = Repo(Path(directory))
        repo.fast_import(stream(count))
        repo.git("reset", "--quiet", "--hard")
        repo.git("repack", "-adq")
        repo.checkout("topic", create=True)
        repo.commit("Widen the pool", files={"src/part1/file1.txt": "new\n"}, when=START)
        taken: dict[str, list[float]] = {"git": [], "record": []}
        with open_view(discover(repo.path)) as view:
            tip, head = repo.tip("main"), repo.tip("topic")
            for _ in range(ROUNDS):
                taken["git"].append(_git(view, tip))
                taken["record"].append(_record(view, tip, head))
        medians = {name: statistics.median(values) for name, values in taken.items()}
        yield Row(
            what=f"record of {count:,} changes, times git's own pass",
            value=medians["record"] / medians["git"],
            target=TARGET,
            detail=f"medians {medians['record'] * 1e3:.0f} and {medians['git'] * 1e3:.0f} ms, "
            f"n={ROUNDS}",
        )


def stream(count: int) -> bytes:
    """Return a `git fast-import` stream of changes to a thousand files within ten months."""
    step = 300 * 86_400 // count
    out = [b"feature done\n"]
    for number in range(count):
        file = number * 7 % 1000
        title = f"Edit file {file} for the {number}th time (#{number})"
        if number % 50 == 49:
            title = f'Revert "Edit file {(number - 3) * 7 % 1000} for the {number - 3}th time"'
        message = f"{title}\n\n" + "It says at some length why this is done so.\n" * (number % 7)
        when = START - step * (count - number)
        out.append(
            f"commit refs/heads/main\ncommitter {ALICE[0]} <{ALICE[1]}> {when} +0000\n"
            f"data {len(message)}\n{message}\n"
            f"M 100644 inline src/part{file % WIDE}/file{file}.txt\n"
            f"data {len(title)}\n{title}\n".encode()
        )
    return b"".join((*out, b"done\n"))


def _git(view: View, tip: str) -> float:
    start = time.perf_counter()
    subprocess.run(
        ("git", *PASS, tip),
        cwd=view.directory,
        env=dict(view.env) | {"GIT_FLUSH": "0"},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - start


def _record(view: View, tip: str, head: str) -> float:
    start = time.perf_counter()
    read_history(
        view,
        tip=tip,
        base=tip,
        head=head,
        diff=raw_diff(view, tip, head),
        commits=commits_between(view, tip, head),
        now=datetime.fromtimestamp(START, UTC),
    )
    return time.perf_counter() - start
