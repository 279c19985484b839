"""Plant faults into a room of the package, one at a time, and see whether any test notices.

    nice python tests/mutation/run.py --report mutants.json itil_gate.decide.ledger

The tests are collected and run once, without a fault, while it is noted which lines each of them
reaches and which inputs it had decided. Then every fault is tried in a forked process: first the
quick tests that reach its line, then those tests of real repositories whose recorded inputs are
decided otherwise with the fault, then the slow laws. The first test that fails kills it. Exit
status 1 if no test notices a fault that `argued.txt` beside this file does not list.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import inspect
import json
import os
import pkgutil
import re
import select
import signal
import sys
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
for _path in (ROOT, ROOT / "tests"):
    if str(_path) not in sys.path:
        sys.path.insert(0, str(_path))

import coverage  # noqa: E402 - once the path is set
import pytest  # noqa: E402
from _pytest.runner import runtestprotocol  # noqa: E402
from mutation.plant import Mutant, Stillborn, forget, mutants, plant  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

QUICK = 0.4
"""Seconds up to which a test counts as quick."""
FAST = 0.05
"""Seconds up to which a test is tried first if it noticed other faults."""
MOST = {"own": 4.0, "first": 0.5, "quick": 2.0, "slow": 15.0}
"""Seconds of tests, as they took without a fault, that one fault is worth."""
DECIDED = "decided:"
MOST_INPUTS = 250
LONG = 0.2
"""Seconds from which a decision is not repeated for every fault."""
MOST_DIFFERENT = 8
"""Tests that are run because their inputs are decided otherwise."""
PATIENCE = 20
"""Seconds until a fault counts as an endless loop, which everybody notices."""
MEMORY = 3 << 29


@dataclass
class Known:
    """What one run without a fault has shown."""

    items: dict[str, pytest.Item] = field(default_factory=dict)
    took: dict[str, float] = field(default_factory=dict)
    reached: dict[tuple[str, int], set[str]] = field(default_factory=lambda: defaultdict(set))
    """Test ids by file and line."""
    decided: list[tuple[str, Any, Any]] = field(default_factory=list)
    """Test id, inputs and what was decided."""
    sorts: list[Any] = field(default_factory=list)
    """What sort of decision each of `decided` is."""
    by_line: dict[tuple[str, int], list[int]] = field(default_factory=lambda: defaultdict(list))
    """Numbers of `decided` by file and line."""


class Runner:
    """A pytest plugin that tries faults where pytest would run the tests."""

    def __init__(self, asked: argparse.Namespace) -> None:
        self.asked = asked
        self.known = Known()
        self.killers: list[str] = []
        self.results: list[dict[str, Any]] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Let properties be tried on few examples, always the same, without looking for less."""
        import hypothesis  # noqa: PLC0415 - pytest wants to see it first

        hypothesis.settings.register_profile(
            "mutation",
            max_examples=self.asked.examples,
            deadline=None,
            derandomize=True,
            database=None,
            phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        hypothesis.settings.load_profile("mutation")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the tests once, then once more for every fault."""
        self._learn(session.items)
        chosen = [one for module in self.asked.modules for one in mutants(module)]
        if self.asked.only:
            chosen = [one for one in chosen if one.name in self.asked.only]
        started = time.monotonic()
        for number, mutant in enumerate(chosen):
            self.results.append({**asdict(mutant), "name": mutant.name, **self._try(mutant)})
            if number % 50 == 0:
                _say(f"{number}/{len(chosen)} {mutant.module} {time.monotonic() - started:.0f} s")
                self._write()
        self._write()
        return True

    def _write(self) -> None:
        if self.asked.report:
            Path(self.asked.report).write_text(json.dumps(self.results, indent=1), "utf-8")

    def _learn(self, items: Sequence[pytest.Item]) -> None:
        """Run every test once without a fault."""
        known = self.known
        files = [importlib.import_module(one).__file__ or "" for one in self.asked.modules]
        gate: Any = importlib.import_module("itil_gate.decide.gate")
        judge = gate._judge_at_target
        noted: list[tuple[str, Any]] = []
        here = ""

        def note(inputs: Any) -> Any:
            if "tests/laws/" not in here:
                noted.append((here, inputs))
            return judge(inputs)

        gate._judge_at_target = note
        seen = coverage.Coverage(data_file=None, config_file=False, include=files)
        seen.set_option("run:disable_warnings", ["no-data-collected"])  # of tables nothing runs
        seen.start()
        for item, following in zip(items, [*items[1:], items[0]], strict=True):
            here = item.nodeid
            seen.switch_context(here)
            forget()  # what a cache spares one test, it may be the only one to notice
            begun = time.monotonic()
            if all(one.passed for one in runtestprotocol(item, log=False, nextitem=following)):
                known.items[here] = item
                known.took[here] = time.monotonic() - begun
            else:
                _say(f"left out, it does not pass: {here}")
        gate._judge_at_target = judge
        self._decide_again(noted, gate.decide, seen)
        seen.stop()
        for file in files:
            for line, contexts in seen.get_data().contexts_by_lineno(file).items():
                known.reached[file, line] = known.items.keys() & contexts
                known.by_line[file, line] = sorted(
                    int(one.removeprefix(DECIDED)) for one in contexts if one.startswith(DECIDED)
                )
        gc.freeze()
        _say(f"{len(known.items)} tests, {len(known.decided)} decisions")

    def _decide_again(
        self, noted: Sequence[tuple[str, Any]], decide: Callable[[Any], Any], seen: Any
    ) -> None:
        """Decide what tests had decided, to see which lines each decision reaches."""
        for number, (test, inputs) in enumerate(noted):
            seen.switch_context(f"{DECIDED}{number}")
            begun = time.monotonic()
            before = _outcome(decide, inputs)
            dear = time.monotonic() - begun > LONG
            self.known.decided.append((test, None if dear else inputs, before))
            self.known.sorts.append(_sort(before))

    def _try(self, mutant: Mutant) -> dict[str, Any]:
        reading, writing = os.pipe()
        begun = time.monotonic()
        child = os.fork()
        if child == 0:
            os.setpgid(0, 0)
            os.close(reading)
            said = {"state": "killed", "by": "the process ended"}
            try:
                import resource  # noqa: PLC0415 - only here

                resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
                sys.setrecursionlimit(3000)
                said = self._verdict(mutant)
            finally:
                os.write(writing, json.dumps(said).encode())
                os._exit(0)
        os.close(writing)
        ready, _, _ = select.select([reading], [], [], PATIENCE)
        said = {"state": "killed", "by": "an endless loop"}
        if ready:
            said = json.loads(os.read(reading, 65536) or b'{"state": "killed", "by": "a crash"}')
        else:
            os.killpg(child, signal.SIGKILL)
        os.close(reading)
        os.waitpid(child, 0)
        if said["by"] in self.known.items:
            self.killers = [said["by"], *(one for one in self.killers if one != said["by"])][:400]
        return {**said, "seconds": round(time.monotonic() - begun, 2)}

    def _verdict(self, mutant: Mutant) -> dict[str, Any]:
        known = self.known
        file = importlib.import_module(mutant.module).__file__ or ""
        lines = [(file, line) for line in range(mutant.line, mutant.end + 1)]
        constant = _is_constant(mutant)
        if constant:
            lines = self._uses(mutant.function)
        name = mutant.module.rpartition(".")[2]
        reaching = {test for line in lines for test in known.reached.get(line, ())}
        if constant:  # tests may read it themselves
            reaching |= {one for one in known.items if f"/test_{name}" in one}
        numbers = sorted({one for line in lines for one in known.by_line.get(line, ())})
        try:
            plant(mutant)
        except Stillborn:
            return {"state": "killed", "by": "it does not load", "reached": len(reaching)}
        order = sorted(reaching, key=known.took.__getitem__)
        first = [one for one in self.killers if one in reaching and known.took[one] < FAST][:10]
        rest = [one for one in order if one not in first and "tests/cases/" not in one]
        own = [one for one in order if f"/test_{name}" in one]
        stages: list[Iterable[str]] = [
            first,
            _within(own, known.took, least=0, most=QUICK, budget=MOST["own"]),
            _within(rest, known.took, least=0, most=FAST, budget=MOST["first"]),
        ]
        if not self.asked.quick:
            stages += [
                self._different(numbers),
                _within(rest, known.took, least=0, most=QUICK, budget=MOST["quick"]),
            ]
        if self.asked.slow:
            stages.append(
                _within(
                    [one for one in order if one not in first],
                    known.took,
                    least=0,
                    most=99,
                    budget=MOST["slow"],
                )
            )
        ran: set[str] = set()
        self._otherwise: list[str] = []
        for stage in stages:
            for test in stage:
                if test not in ran:
                    ran.add(test)
                    if self._fails(test):
                        return {"state": "killed", "by": test, "reached": len(reaching)}
        return {
            "state": "survived" if reaching else "not reached",
            "by": "",
            "reached": len(reaching),
            "ran": len(ran),
            "otherwise": self._otherwise,
        }

    def _uses(self, name: str) -> list[tuple[str, int]]:
        """Return the lines that name a constant; that of its own definition is run by nobody."""
        word = re.compile(rf"\b{name}\b")
        return [
            (file, number)
            for file in {file for file, _ in self.known.reached}
            for number, text in enumerate(Path(file).read_text("utf-8").splitlines(), 1)
            if word.search(text)
        ]

    def _different(self, numbers: Sequence[int]) -> Iterable[str]:
        gate = importlib.import_module("itil_gate.decide.gate")
        noticed = {test: rank for rank, test in enumerate(self.killers[:30])}
        likely = [one for one in numbers if self.known.decided[one][0] in noticed]
        likely.sort(key=lambda one: noticed[self.known.decided[one][0]])
        for number in dict.fromkeys([*likely, *self._rarest(numbers)]):
            test, inputs, before = self.known.decided[number]
            if inputs is None or test in self._otherwise or test not in self.known.items:
                continue
            if _outcome(gate.decide, inputs) != before:
                self._otherwise.append(test)
                yield test
                if len(self._otherwise) >= MOST_DIFFERENT:
                    return

    def _rarest(self, numbers: Sequence[int]) -> list[int]:
        """Return so many of the decisions that every sort of them is there, the rare ones first."""
        sorts: dict[Any, list[int]] = defaultdict(list)
        for number in numbers:
            sorts[self.known.sorts[number]].append(number)
        turns = [
            (turn, len(of_a_sort), number)
            for of_a_sort in sorts.values()
            for turn, number in enumerate(of_a_sort)
        ]
        return [number for _, _, number in sorted(turns)[:MOST_INPUTS]]

    def _fails(self, test: str) -> bool:
        item = self.known.items[test]
        item.session._setupstate.teardown_exact(item)
        reports = runtestprotocol(item, log=False, nextitem=item)
        return any(one.failed for one in reports)


def _is_constant(mutant: Mutant) -> bool:
    """Whether a fault is in a constant or table, whose own lines no test runs."""
    module = importlib.import_module(mutant.module)
    held = getattr(module, mutant.function, None) if "." not in mutant.function else _is_constant
    return not inspect.isfunction(inspect.unwrap(held) if callable(held) else held)


def _outcome(decide: Callable[[Any], Any], inputs: Any) -> Any:
    try:
        return decide(inputs)
    except Exception as error:  # noqa: BLE001 - an error is an outcome here
        return repr(error)


def _sort(decision: Any) -> Any:
    """Return what is remarkable about a decision, without names and ids."""
    if isinstance(decision, str):
        return decision.partition("(")[0]
    rules = [*decision.rules, *(rule for one in decision.changes for rule in one.rules)]
    return (
        decision.outcome,
        frozenset((one.rule, one.side, one.state) for one in rules if one.state != "SATISFIED"),
        frozenset(
            (entry.code, entry.verdict, entry.carry_over)
            for one in decision.changes
            for entry in one.ledger
        ),
        tuple((one.lane, one.risk.level, len(one.requirements)) for one in decision.changes),
    )


def _within(
    tests: Iterable[str], took: dict[str, float], *, least: float, most: float, budget: float
) -> Iterable[str]:
    spent = 0.0
    for test in tests:
        if least <= took[test] <= most:
            spent += took[test]
            if spent > budget:
                return
            yield test


def _say(text: str) -> None:
    print(text, file=sys.__stderr__, flush=True)


def main() -> int:
    """Try the faults that the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("modules", nargs="+", help="modules, or packages for all of theirs")
    parser.add_argument("--tests", action="append", help="default: decide, laws, prove and cases")
    parser.add_argument("--report", help="where to write every fault and what became of it")
    parser.add_argument("--examples", type=int, default=20, help="of each property")
    parser.add_argument("--slow", action="store_true", help="try slow tests on what survives")
    parser.add_argument("--quick", action="store_true", help="try only the quickest tests")
    parser.add_argument("--only", help="a file with names of faults, one a line")
    asked = parser.parse_args()
    if asked.only:
        asked.only = set(Path(asked.only).read_text("utf-8").split("\n"))
    asked.modules = [
        name
        for one in asked.modules
        for module in [importlib.import_module(one)]
        for name in (
            [f"{one}.{inner.name}" for inner in pkgutil.iter_modules(module.__path__)]
            if hasattr(module, "__path__")
            else [one]
        )
    ]
    argued = set((HERE / "argued.txt").read_text("utf-8").split("\n"))
    tests = asked.tests or ["decide", "laws", "prove", "cases"]
    runner = Runner(asked)
    # A test reaches a line only where it takes its steps itself.
    os.environ["ITIL_GATE_TESTS_ANEW"] = "1"
    pytest.main(
        [
            *(str(ROOT / "tests" / one) for one in tests),
            *("-q", "--capture=sys", "-p", "no:randomly", "-p", "no:cacheprovider"),
            *("-p", "no:xdist", "-p", "no:cov", "--rootdir", str(ROOT)),
        ],
        plugins=[runner],
    )
    unnoticed = [one for one in runner.results if one["state"] != "killed"]
    left = [one for one in unnoticed if one["name"] not in argued]
    for one in left:
        _say(f"{one['state']}: {one['name']}")
    _say(
        f"{len(runner.results)} faults, {len(runner.results) - len(unnoticed)} noticed, "
        f"{len(unnoticed) - len(left)} argued, {len(left)} left"
    )
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
