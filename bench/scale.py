"""How much slower a check gets where history is long and requests are many.

The same change is checked in a small repository and in one with `count` commits and a tenth as
many requests. Checks are started in turn, small and big; medians are compared.
"""

from __future__ import annotations

import os
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

from startup import GATE
from support.repository import Keyring, Repo, make_keyring, synthetic_stream
from support.world import APPROVALS, CONFIG, RISK, SERVICES, World, people_file

if TYPE_CHECKING:
    from collections.abc import Iterator

FULL = 100_000
SMOKE = 1_000
ROUNDS = 9
TARGET = 2.0


def run(count: int) -> Iterator[Row]:
    """Yield the ratio of a check among `count` commits to one among ten."""
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        keyring = make_keyring(home)
        small = _world(home / "small", keyring, commits=10, requests=1)
        big = _world(home / "big", keyring, commits=count, requests=count // 10)
        taken: dict[str, list[float]] = {"small": [], "big": []}
        for _ in range(ROUNDS):
            taken["small"].append(_check(small))
            taken["big"].append(_check(big))
        medians = {name: statistics.median(values) for name, values in taken.items()}
        yield Row(
            what=f"check among {count:,} commits, times a small one",
            value=medians["big"] / medians["small"],
            target=TARGET,
            detail=f"{count // 10:,} requests; medians {medians['big'] * 1e3:.0f} and "
            f"{medians['small'] * 1e3:.0f} ms, n={ROUNDS}",
        )


def _world(path: Path, keyring: Keyring, *, commits: int, requests: int) -> Path:
    path.mkdir()
    repo = Repo(path)
    files = {
        "itil-gate.yaml": CONFIG,
        "people.yaml": people_file(keyring),
        "services/payments.yaml": SERVICES,
        "policies/risk.yaml": RISK,
        "policies/approvals.yaml": APPROVALS,
        "src/app.py": "print('old')\n",
    }
    repo.fast_import(synthetic_stream(commits=commits, requests=requests, files=files))
    repo.git("reset", "--quiet", "--hard")
    world = World(repo, keyring, now=datetime.now(tz=UTC).replace(microsecond=0))
    world.propose()
    world.approve("bob")
    return path


def _check(path: Path) -> float:
    start = time.perf_counter()
    done = subprocess.run(
        (GATE, "check", "--repo", path, "--base", "main", "--head", "feature"),
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        timeout=120,
        check=False,
    )
    taken = time.perf_counter() - start
    if done.returncode != 0:
        raise RuntimeError(done.stderr.decode())
    return taken
