"""Fuzz one parser or all, guided by coverage: `python tests/fuzz/run.py --seconds 300`.

With atheris (`pip install atheris`, Linux, CPython up to 3.13) libFuzzer guides; without it our own
mutations are kept whenever they reach a new line of `itil_gate`. What reaches something new is
added to the corpus if it is small, what breaks the contract to `crashes/`, one for each place of
the code. Exit status 1 if anything was added there.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import re
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
for _path in (ROOT, ROOT / "tests"):
    sys.path.insert(0, str(_path))

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import CodeType, FrameType

CORPUS = HERE / "corpus"
CRASHES = HERE / "crashes"
SLOW = 1.0
"""Seconds of processor time that an input may take."""
INSTRUMENTED = 10.0
"""How many times longer it may take while coverage is recorded."""
MOST_NEW = 25
"""Inputs that one run adds to the corpus of a target at most."""
LONGEST_NEW = 600
"""Bytes of an input that is worth keeping for its coverage alone."""
MOST_MEMORY = 2048
"""Mebibytes."""


def main() -> int:
    """Fuzz the targets that the command line names."""
    from fuzz.mutation import TOKENS  # noqa: PLC0415 - once the path is set

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--target", action="append", choices=sorted(TOKENS), help="default: all")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--examples", type=int, default=0, help="at most so many; 0: no limit")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--child", metavar="FOLDER", help=argparse.SUPPRESS)
    parser.add_argument("--option", action="append", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        _child(asked.target[0], Path(asked.child), asked)
    before = set(CRASHES.glob("*"))
    for target in asked.target or sorted(TOKENS):
        guided = _has_atheris()
        _say(f"{target}: {'atheris' if guided else 'own mutations'}, {asked.seconds} seconds")
        (_guided if guided else _unguided)(target, asked)
    new = sorted(set(CRASHES.glob("*")) - before)
    for path in new:
        _say(f"BROKEN {path.relative_to(ROOT)}")
    return 1 if new else 0


def _guided(target: str, asked: argparse.Namespace) -> None:
    """Let libFuzzer run in a process of its own, and keep a minimised part of what it finds."""
    with tempfile.TemporaryDirectory() as scratch:
        found = Path(scratch, "found")
        found.mkdir()
        options = [f"-max_total_time={asked.seconds}", f"-seed={asked.seed}"]
        if asked.examples:
            options.append(f"-runs={asked.examples}")
        said = _libfuzzer(target, found, [str(CORPUS / target)], options)
        for line in said.splitlines():
            if re.search(r"INITED|DONE|ERROR|number_of_executed|peak_rss|slowest_unit", line):
                _say(f"  {line.strip()[:150]}")
        _keep(target, [path.read_bytes() for path in found.iterdir()])


def _libfuzzer(target: str, into: Path, others: list[str], options: list[str]) -> str:
    CRASHES.mkdir(exist_ok=True)
    command = [sys.executable, str(Path(__file__)), "--target", target, "--child", str(into)]
    limits = ["-max_len=65536", "-timeout=20", f"-rss_limit_mb={MOST_MEMORY}"]
    more = [f"-artifact_prefix={CRASHES}/{target}-", "-print_final_stats=1"]
    done = subprocess.run(
        [*command, *[f"--option={each}" for each in (*limits, *more, *options, *others)]],
        capture_output=True,
        check=False,
        cwd=ROOT,
    )
    return done.stderr.decode("utf-8", "replace")


def _child(target: str, into: Path, asked: argparse.Namespace) -> None:
    """Be the process in which libFuzzer runs; it ends the process itself."""
    import atheris  # type: ignore[import-not-found]  # noqa: PLC0415 - not one of our packages

    with atheris.instrument_imports(include=["itil_gate"]):
        from fuzz.targets import TARGETS  # noqa: PLC0415 - imported to be instrumented
    from fuzz.mutation import tokens  # noqa: PLC0415 - as above

    dictionary = into.with_suffix(".dict")
    lines = ["".join(f"\\x{byte:02x}" for byte in token) for token in tokens(target)]
    dictionary.write_text("".join(f'"{line}"\n' for line in lines))
    run = TARGETS[target]

    def once(data: bytes) -> None:
        _examine(target, run, data, limit=SLOW * INSTRUMENTED)

    once(b"")  # whatever is made with the first input is not that input's cost
    atheris.Setup([sys.argv[0], str(into), *asked.option, f"-dict={dictionary}"], once)
    atheris.Fuzz()


def _unguided(target: str, asked: argparse.Namespace) -> None:
    """Mutate seeds; an input that reaches a new line becomes a seed."""
    from fuzz.mutation import mutants  # noqa: PLC0415 - once the path is set
    from fuzz.targets import TARGETS  # noqa: PLC0415 - as above

    run, random = TARGETS[target], Random(asked.seed)  # noqa: S311 - not for secrets
    seeds = [path.read_bytes() for path in sorted((CORPUS / target).iterdir())]
    reached: set[tuple[CodeType, int]] = set()
    with _lines(reached):
        for seed in (b"", *seeds):
            _examine(target, run, seed, limit=SLOW * INSTRUMENTED)
    start, count, known = time.monotonic(), 0, len(seeds)
    lines = len(reached)
    for count, data in enumerate(mutants(target, seeds, random), start=1):
        before = len(reached)
        with _lines(reached):
            _examine(target, run, data, limit=SLOW * INSTRUMENTED)
        if len(reached) > before:
            seeds.append(data)
        if time.monotonic() - start > asked.seconds or count == asked.examples:
            break
    _say(f"  {count} inputs; {lines} lines reached by the corpus, {len(reached)} now")
    _keep(target, seeds[known:])


@contextlib.contextmanager
def _lines(reached: set[tuple[CodeType, int]]) -> Iterator[None]:
    """Note the lines of `itil_gate` that run."""
    ours = str(ROOT / "itil_gate")

    def local(frame: FrameType, event: str, _argument: object) -> Any:
        if event == "line":
            reached.add((frame.f_code, frame.f_lineno))
        return local

    def each(frame: FrameType, _event: str, _argument: object) -> Any:
        return local if frame.f_code.co_filename.startswith(ours) else None

    sys.settrace(each)
    try:
        yield
    finally:
        sys.settrace(None)


def _examine(target: str, run: Callable[[bytes], None], data: bytes, *, limit: float) -> None:
    """Run a target on an input; note, once for each place, what breaks the contract."""
    start = time.process_time()
    try:
        run(data)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
        frames = traceback.extract_tb(error.__traceback__)
        places = [f"{each.filename}:{each.lineno}" for each in frames]
        checked = [place for place in places if "/fuzz/" in place][-1:]
        inner = [place for place in places if "itil_gate" in place][-1:]
        _broken(target, data, f"{type(error).__name__}:{checked}:{inner}", repr(error))
    took = time.process_time() - start
    if took > limit:
        _broken(target, data, "slow", f"{took:.1f} seconds of processor time")


def _broken(target: str, data: bytes, kind: str, said: str) -> None:
    CRASHES.mkdir(exist_ok=True)
    path = CRASHES / f"{target}-{hashlib.sha256(kind.encode()).hexdigest()[:12]}"
    if not path.exists() or len(data) < path.stat().st_size:
        path.write_bytes(data)
        sys.stderr.write(f"ERROR {path.name}: {said[:300]}\n")


def _keep(target: str, found: Sequence[bytes]) -> None:
    """Add to the corpus what reaches lines that it does not reach, the smallest inputs first."""
    from fuzz.targets import TARGETS  # noqa: PLC0415 - once the path is set

    reached: set[tuple[CodeType, int]] = set()
    with _lines(reached), contextlib.suppress(Exception):
        TARGETS[target](b"")
    for path in sorted((CORPUS / target).iterdir()):
        with _lines(reached), contextlib.suppress(Exception):
            TARGETS[target](path.read_bytes())
    before, added = len(reached), 0
    for data in sorted((each for each in found if len(each) <= LONGEST_NEW), key=len):
        known = len(reached)
        with _lines(reached), contextlib.suppress(Exception):
            TARGETS[target](data)
        if len(reached) > known and added < MOST_NEW:
            name = f"found-{hashlib.sha256(data).hexdigest()[:16]}"
            (CORPUS / target / name).write_bytes(data)
            added += 1
    _say(f"  of {len(found)} finds {added} are added: {before} lines reached, {len(reached)} now")


def _has_atheris() -> bool:
    import importlib.util  # noqa: PLC0415 - only here

    return importlib.util.find_spec("atheris") is not None


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
