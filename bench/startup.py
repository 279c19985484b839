"""How long a cold start takes, as a multiple of a bare interpreter's on the same machine.

Developers run the gate in hooks and CI runs it on every push, so start-up is most of what they
wait for. Commands are started in turn (bare, help, check, bare, …), so that a machine that slows
down slows all of them; medians are compared, minima stand in the detail. Where the time goes is
told by `-X importtime`, added up by package, and by room for our own.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from row import Row
from support.repository import Keyring, Repo, make_keyring
from support.world import World, adopt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

POLICIES = Path(__file__).parent.parent / "policies"
FULL = 25
SMOKE = 1
SHOWN_PACKAGES = 6
BARE = (sys.executable, "-I", "-c", "pass")
GATE = str(Path(sys.executable).with_name("itil-gate"))

HELP_TARGET = 6.0
"""A bare start reads no file of ours; help reads click, which alone costs about three more."""
CHECK_TARGET = 20.0
"""A quarter of a second where a bare start takes twelve milliseconds: nobody looks away."""


def run(count: int) -> Iterator[Row]:
    """Yield the ratios of `count` interleaved starts, and what the check imports."""
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        environment = {**os.environ, "HOME": directory, "NO_COLOR": "1"}
        keyring = make_keyring(home)
        check = approved_check(home, keyring, layers=("starter",))
        team = approved_check(home, keyring, layers=("starter", "team"))
        commands = {
            "bare": BARE,
            "help": (GATE, "--help"),
            "check": (GATE, *check),
            "check under team": (GATE, *team),
        }
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(count):
            for name, command in commands.items():
                taken[name].append(seconds(command, environment))
        bare = statistics.median(taken["bare"])
        targets = {"help": HELP_TARGET, "check": CHECK_TARGET, "check under team": None}
        for name, target in targets.items():
            median, least = statistics.median(taken[name]), min(taken[name])
            yield Row(
                what=f"cold {name}, times `python -I -c pass`",
                value=median / bare,
                target=target,
                detail=f"median {median * 1e3:.0f} ms, min {least * 1e3:.0f} ms, "
                f"bare {bare * 1e3:.1f} and {min(taken['bare']) * 1e3:.1f} ms, n={count}",
            )
        for package, cost in imports(check, environment, count=min(count, 5)):
            yield Row(
                what=f"check imports {package}",
                value=cost / bare,
                detail=f"{cost * 1e3:.1f} ms of its own code, counted by -X importtime",
            )


def approved_check(home: Path, keyring: Keyring, *, layers: Sequence[str]) -> tuple[str, ...]:
    """Make a repository with an approved change and return the arguments that check it.

    `layers` are profiles, lowest first. `starter` has no expression; where `team` is on top, the
    engine of expressions is loaded and the record of the files is read from history.
    """
    repo = Repo(home / layers[-1])
    adopt(repo, keyring)
    world = World(repo, keyring, now=datetime.now(tz=UTC))
    repo.git("rm", "-q", "-r", "policies")
    world.on_main(profile_files(layers))
    world.propose({"src/app.py": "print('new')\n"})
    world.approve("erin")
    return ("check", "--repo", str(repo.path), "--base", "main", "--head", "feature")


def profile_files(layers: Sequence[str]) -> dict[str, str]:
    """Return the policies of profiles by their paths in a repository."""
    return {
        f"policies/{layer}/{file.name}": file.read_text("utf-8")
        for layer in layers
        for file in sorted((POLICIES / layer).glob("*.yaml"))
    }


def seconds(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """Return the wall-clock time of one start."""
    start = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, timeout=120, check=False)
    taken = time.perf_counter() - start
    if done.returncode != 0:
        raise RuntimeError(f"{command} ended with {done.returncode}: {done.stderr.decode()}")
    return taken


def imports(
    check: Sequence[str], environment: Mapping[str, str], *, count: int
) -> tuple[tuple[str, float], ...]:
    """Return the packages a check spends most time importing, with the seconds in their code.

    The least of `count` runs is taken for each: everything above it is other people's work.
    """
    runs = [imported(check, environment) for _ in range(count)]
    least = Counter({name: min(run[name] for run in runs) for name in runs[0]})
    return tuple((name, micro / 1e6) for name, micro in least.most_common(SHOWN_PACKAGES))


def imported(check: Sequence[str], environment: Mapping[str, str]) -> Counter[str]:
    """Return the microseconds one check spends in the code of each package it imports."""
    program = "import sys; from itil_gate.cli import main; main(sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-I", "-X", "importtime", "-c", program, *check],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    spent: Counter[str] = Counter()
    for line in done.stderr.splitlines():
        fields = line.removeprefix("import time:").split("|")
        if line.startswith("import time:") and fields[0].strip().isdigit():
            parts = fields[2].strip().split(".")
            spent[".".join(parts[: 2 if parts[0] == "itil_gate" else 1])] += int(fields[0])
    return spent
