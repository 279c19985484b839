"""Run every benchmark beside this file and print one table of ratios against their targets.

    python bench/run.py             all of them, at full size
    python bench/run.py startup     one of them
    python bench/run.py --smoke     small and quick: shows that they run, judges nothing

A benchmark is a module here with `run(count: int) -> Iterable[Row]`, and, where 200 is not its
size, `FULL: int` and `SMOKE: int`. Numbers are for people: a missed target ends 0, because two
runs on a shared machine may disagree. What must never slip is a test, not a benchmark. A benchmark
that fails to run ends 1.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from row import Row

NOT_BENCHMARKS = frozenset({"run", "row"})
FULL = 200
SMOKE = 2


def benchmarks() -> tuple[str, ...]:
    """Return the names of the benchmark modules beside this file, sorted."""
    here = Path(__file__).parent
    return tuple(sorted({path.stem for path in here.glob("*.py")} - NOT_BENCHMARKS))


def measure(name: str, *, smoke: bool) -> tuple[Row, ...]:
    """Run one benchmark and return its rows."""
    module = importlib.import_module(name)
    size = getattr(module, "SMOKE", SMOKE) if smoke else getattr(module, "FULL", FULL)
    return tuple(module.run(size))


def lines(name: str, rows: Iterable[Row], *, smoke: bool) -> Iterable[str]:
    """Write one benchmark's rows as lines of the table."""
    for row in rows:
        target = "-" if row.target is None else f"{row.want} {row.target:g}"
        verdict = {None: "", True: "met", False: "MISSED"}[None if smoke else row.met]
        yield f"{name:<10} {row.what:<46} {row.value:>9.2f}  {target:<14} {verdict:<7} {row.detail}"


def main(arguments: Sequence[str]) -> int:
    """Print the table; return 1 if a benchmark could not run."""
    parser = argparse.ArgumentParser(description="Ratios of this machine against their targets.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="benchmarks to run; default: all")
    parser.add_argument("--smoke", action="store_true", help="small and quick; judges nothing")
    options = parser.parse_args(arguments)
    known = benchmarks()
    if unknown := sorted(set(options.names) - set(known)):
        parser.error(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(known)}")
    failed = []
    print(f"{'benchmark':<10} {'what':<46} {'ratio':>9}  {'target':<14} {'':<7} detail", flush=True)
    for name in options.names or known:
        try:
            for line in lines(name, measure(name, smoke=options.smoke), smoke=options.smoke):
                print(line, flush=True)
        except Exception:  # noqa: BLE001 - one broken benchmark must not hide the others
            traceback.print_exc()
            failed.append(name)
    if failed:
        print(f"could not run: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
