"""The parsers of strangers' bytes keep their contract: for the corpus, for mutants, for long ones.

`targets` says what the contract is, `run` looks for more inputs. An input that broke it once stays
in `corpus/`; one that still does lies in `crashes/`, and fails here.
"""

from __future__ import annotations

import time
from functools import cache
from itertools import islice
from pathlib import Path
from random import Random

import pytest
from fuzz.mutation import LONGEST, TOKENS, mutants
from fuzz.targets import TARGETS

from itil_gate.reading.ics import read_ics
from itil_gate.reading.read import MOST_FINDINGS

HERE = Path(__file__).parent
SLOWEST = 2.0
"""Seconds of processor time for one input, which every target reads twice or more."""
MUTANTS = 300
MANY = 100_000
"""For each target; all of it takes about three minutes of one core."""

# Beginning, piece that is repeated, end: shapes that cost superlinear time in some parser once.
LONG: dict[str, list[tuple[bytes, bytes, bytes]]] = {
    "yaml": [
        (b"", b"- ", b""), (b"", b"[", b""), (b"[", b"a, ", b"]"), (b"", b"a:\n", b""),
        (b"'", b"a\n\n", b"'"), (b"{", b"'a': ", b""), (b"a: |\n", b" \n", b""), (b"", b"#\n", b""),
    ],
    "request": [(b"", b"k: 1\n", b""), (b"spec:\n", b" scopf: 1\n", b""),
                (b"spec: [", b"1,", b"]")],
    "sshsig": [(b"-----BEGIN SSH SIGNATURE-----\n", b"A\n", b"")],
    "key": [(b"ssh-ed25519 ", b"A", b""), (b"", b" ", b"")],
    "statement": [(b"", b"[", b"\n"), (b"[", b"1,", b"1]\n"), (b"", b"9", b"\n")],
    "signed": [(b"tree " + b"3" * 40 + b"\n", b"gpgsig\n", b""),
               (b"object ", b"\n-----BEGIN ", b"")],
    "template": [(b"", b"${", b""), (b"", b"$${", b""), (b"", b"${1}", b""), (b"${", b"'", b"")],
    "diff": [(b"", b"\0", b""), (b":000000 100644 ", b"0", b" A\0p\0")],
    "tree": [(b"", b"1 a\0" + bytes(20), b"")],
    "log-note": [(b"", b"\n\n", b""), (b"a\n\n", b"\xe2\x80\x94 a AAAAAAAA\n", b""),
                 (b"", b"+", b"")],
    "log-proof": [(b"c2sp.org/tlog-proof@v1\nindex 1\n", b"AAAA\n", b"\n\na"),
                  (b"c2sp.org/tlog-proof@v1\nindex ", b"9", b"\n\n")],
    "log-entry": [(b"", b"[", b""), (b"", b'{"a":', b""), (b"", b"9", b"")],
    "log-bundle": [(b"", b"\0\0", b""), (b"", b"\0\x01a", b"")],
    "ics-reading": [
        (b"BEGIN:VCALENDAR\nX", b";A=B", b"\nEND:VCALENDAR\n"),
        (b"BEGIN:VCALENDAR\n", b"A:\n", b"END:VCALENDAR\n"),
        (b"BEGIN:VCALENDAR\n", b"A;TZID=Europe/Berlim:\n", b"END:VCALENDAR\n"),
    ],
    "ics-deciding": [
        (b"BEGIN:VCALENDAR\nX", b';A="', b"\nEND:VCALENDAR\n"),
        (b"BEGIN:VCALENDAR\nX:", b"\n ", b"\nEND:VCALENDAR\n"),
    ],
}  # fmt: skip
CASES = [(target, *shape) for target, shapes in LONG.items() for shape in shapes]


def _took(target: str, data: bytes) -> float:
    _warm(target)
    start = time.process_time()
    TARGETS[target](data)
    return time.process_time() - start


def _judge(target: str, data: bytes) -> None:
    took = _took(target, data)
    if took >= SLOWEST:  # a machine short of memory can stall; an input that is slow stays slow
        took = _took(target, data)
    assert took < SLOWEST, f"{len(data)} bytes took {took:.1f} seconds: {data[:80]!r}"


@cache
def _warm(target: str) -> None:
    """Load what the first input of a target loads, which is not that input's cost."""
    for path in sorted((HERE / "corpus" / target).iterdir()):
        TARGETS[target](path.read_bytes())


@cache
def _seeds(target: str) -> tuple[bytes, ...]:
    return tuple(path.read_bytes() for path in sorted((HERE / "corpus" / target).iterdir()))


def _play(target: str, count: int, *, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - the same inputs each time
    for number, data in enumerate(islice(mutants(target, _seeds(target), random), count)):
        try:
            _judge(target, data)
        except Exception as error:
            error.add_note(f"input {number} of {target}, seed {seed}: {data!r}"[:2000])
            raise


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_the_corpus_ends_in_values_or_declared_errors(target: str) -> None:
    assert _seeds(target)
    for data in _seeds(target):
        _judge(target, data)


def test_nothing_breaks_the_contract_any_more() -> None:
    for path in sorted((HERE / "crashes").glob("*-*")):
        _judge(path.name.rpartition("-")[0], path.read_bytes())


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_mutants_end_in_values_or_declared_errors(target: str) -> None:
    _play(target, MUTANTS, seed=20260302)


@pytest.mark.parametrize(("target", "before", "piece", "after"), CASES)
def test_what_is_repeated_costs_in_proportion(
    target: str, before: bytes, piece: bytes, after: bytes
) -> None:
    times = LONGEST // len(piece)
    whole = _took(target, before + piece * times + after)
    if whole > SLOWEST:  # a slow machine is no fault; twice the proportion is one
        again = _took(target, before + piece * times + after)
        assert min(whole, again) < 8 * _took(target, before + piece * (times // 4) + after)


@pytest.mark.parametrize("piece", [b"a", b"a@b ", b"co-authored-by:"])
def test_trailers_cost_in_proportion(piece: bytes) -> None:
    start, times = b"tree " + b"3" * 40 + b"\n\nCo-authored-by: ", 5000 // len(piece)
    whole = _took("commit", start + piece * times)
    assert whole < max(8 * _took("commit", start + piece * (times // 4)), 0.05)


def test_an_encoding_that_is_no_word_is_none() -> None:
    TARGETS["commit"](b"tree " + b"3" * 40 + b"\nencoding utf-8\0\n\n\xff")


def test_a_calendar_of_unknown_zones_is_not_told_of_each() -> None:
    lines = "".join(f"X;TZID=Europe/Berl{number}:\n" for number in range(2000))
    start = time.process_time()
    found = read_ics(f"BEGIN:VCALENDAR\n{lines}END:VCALENDAR\n", file="freezes.ics")
    assert time.process_time() - start < SLOWEST
    assert len(found) == MOST_FINDINGS + 1
    assert found[-1].message == "there are more faults than are shown"


@pytest.mark.heavy
@pytest.mark.parametrize(
    "target",
    sorted(TARGETS),
)
def test_many_mutants_end_in_values_or_declared_errors(target: str) -> None:
    _play(target, MANY, seed=1)


def test_every_target_has_words_and_seeds() -> None:
    assert TOKENS.keys() == TARGETS.keys() == {path.name for path in (HERE / "corpus").iterdir()}


def test_the_corpus_stays_small() -> None:
    files = [path for path in (HERE / "corpus").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 200_000
