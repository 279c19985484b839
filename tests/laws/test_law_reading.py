"""Whatever a file holds, it is a value or a fault at a place inside it, and nothing else."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from hypothesis import given
from hypothesis import strategies as st
from support.scenes import Scenes, inputs, stored, trials

from itil_gate.decide.gate import decide
from itil_gate.git.diff import _entry
from itil_gate.model.change import ChangeRequest
from itil_gate.model.decision import Decision
from itil_gate.model.errors import ConfigError, GateError, HistoryError, SourceError
from itil_gate.model.facts import DiffEntry
from itil_gate.model.finding import Finding, Place
from itil_gate.model.people import People
from itil_gate.policy.conditions import environment
from itil_gate.policy.files import inspect_file, read_policy_test
from itil_gate.reading.ics import read_ics
from itil_gate.reading.people import read_people
from itil_gate.reading.requests import read_request
from itil_gate.reading.services import read_entities
from itil_gate.reading.yaml import decode, parse, parse_all
from itil_gate.signing.sshsig import parse_armored
from itil_gate.signing.statement import read_statement
from itil_gate.signing.wire import WireError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

V = TypeVar("V")
ROOT = Path(__file__).parents[2]
STRANGE = (
    "\t", "\r", "\x00", "\x1b[2J", "\u202e", "\u2028", "\ufeff", "\U0001f600", "\u00a0", "\x85",
    "&a ", "*a", "!!python/object:os.system ", "<<: ", "? ", "%YAML 1.1\n", "---\n", "...\n",
    "[" * 80, "{a: " * 80, "- " * 80, "9" * 400, "-9223372036854775809", "1e999", ".inf", "0x1F",
    "''", '"', "|\n", ">-\n", "#", ": ", "~", "2026-02-30", "2026-13-01T25:61:61Z", "a" * 400,
    "BEGIN:VEVENT\n", "RRULE:FREQ=SECONDLY\n", ";TZID=Nowhere/Else", "${", "}", "\\", "\ud800",
)  # fmt: skip
"""What people never write and attackers do, or a program in between."""


@st.composite
def damaged(draw: st.DrawFn, text: str) -> str:
    """A text with a few lines lost, doubled, moved, or with strange signs put in."""
    for _ in range(draw(st.integers(0, 3))):
        lines = text.split("\n")
        at = draw(st.integers(0, len(lines) - 1))
        how = draw(st.sampled_from(["lose", "double", "move", "indent", "strange", "cut", "swap"]))
        if how == "lose":
            del lines[at]
        elif how == "double":
            lines.insert(at, lines[at])
        elif how == "move":
            lines.insert(draw(st.integers(0, len(lines) - 1)), lines.pop(at))
        elif how == "indent":
            lines[at] = " " * draw(st.integers(1, 4)) + lines[at]
        else:
            line = lines[at]
            column = draw(st.integers(0, len(line)))
            more = draw(st.sampled_from(STRANGE)) if how == "strange" else ""
            rest = line[column:] if how != "cut" else ""
            lines[at] = line[:column] + more + (rest[::-1] if how == "swap" else rest)
        text = "\n".join(lines)
    return text


@cache
def golden(prefix: str, ending: str = "yaml") -> tuple[str, ...]:
    """Return the texts of the golden files of a kind, good ones and bad ones."""
    files = sorted((ROOT / "tests" / "golden").glob(f"{prefix}-*.{ending}"))
    return tuple(file.read_bytes().decode("utf-8", "replace") for file in files)


@cache
def shipped() -> tuple[tuple[str, str], ...]:
    """Return path and text of every policy and policy test of the shipped profiles."""
    files = sorted((ROOT / "policies").rglob("*.yaml"))
    return tuple((str(file.relative_to(ROOT)), file.read_text("utf-8")) for file in files)


def check_place(place: Place | None, text: str, file: str) -> None:
    """Assert that a place lies in a text; a column just behind the end of a line is inside."""
    if place is None:
        return
    assert place.file == file
    lines = re.split("\r\n|[\r\n\x85\u2028\u2029]", text)
    assert 0 <= place.line <= len(lines) + 1
    longest = max(len(line) for line in lines)
    assert 0 <= place.column <= longest + 2


def check_findings(found: Sequence[object], text: str, file: str) -> None:
    """Assert that all of it are findings that say something about this text."""
    for finding in found:
        assert isinstance(finding, Finding)
        assert finding.rule
        assert finding.message
        check_place(finding.place, text, file)


def attempt(call: Callable[[], V], *declared: type[Exception]) -> V | Exception:
    """Return what a call returns, or the error of a declared kind that it raises."""
    try:
        return call()
    except declared as error:
        return error


def test_there_is_something_to_damage() -> None:
    assert len(golden("request")) > 30
    assert len(golden("ics", "ics")) > 3
    assert len(shipped()) > 8


FILE = "changes/2026/CHG-2026-AAAA0001.yaml"
READERS: dict[str, Callable[[str], object]] = {
    "request": lambda text: read_request(text, file=FILE),
    "people": lambda text: read_people(text, file=FILE),
    "services": lambda text: read_entities(text, file=FILE),
}


@trials(250)
@given(data=st.data(), kind=st.sampled_from(sorted(READERS)))
def test_a_damaged_file_is_a_value_or_has_faults_in_it(data: st.DataObject, kind: str) -> None:
    text = data.draw(st.sampled_from(golden(kind)).flatmap(damaged))
    read = READERS[kind](text)
    if isinstance(read, tuple) and any(isinstance(one, Finding) for one in read):
        check_findings(read, text, FILE)
    else:
        assert isinstance(read, (ChangeRequest, People, tuple))


@trials(100)
@given(text=st.sampled_from(golden("ics", "ics")).flatmap(damaged))
def test_a_damaged_calendar_file_can_be_used_or_has_faults_in_it(text: str) -> None:
    check_findings(read_ics(text, file="calendar/a.ics"), text, "calendar/a.ics")


@trials(100)
@given(data=st.binary(max_size=120) | st.text(max_size=80).map(str.encode))
def test_any_bytes_are_a_document_or_a_fault_in_them(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    for reader in (parse, parse_all):
        found = attempt(lambda read=reader: read(decode(data, file="f"), file="f"), SourceError)
        if isinstance(found, SourceError):
            assert found.message
            check_place(found.place, text, "f")


@trials(80)
@given(data=st.data())
def test_a_damaged_policy_or_policy_test_has_faults_in_it(data: st.DataObject) -> None:
    path, text = data.draw(st.sampled_from(shipped()))
    text = data.draw(damaged(text))
    if "/tests/" in path:
        try:
            documents = parse_all(text, file=path)
        except SourceError as error:
            check_place(error.place, text, path)
            return
        for document in documents:
            read = read_policy_test(document)
            if isinstance(read, tuple):
                check_findings(read, text, path)
        return
    check_findings(inspect_file(text, file=path, kind="policy"), text, path)


@trials(150)
@given(data=st.data())
def test_the_gate_decides_or_says_that_it_cannot(scenes: Scenes, data: st.DataObject) -> None:
    """Whatever text of the judge, of the request or of the proposal is damaged."""
    asked = data.draw(inputs(scenes))
    part = data.draw(st.sampled_from(["judge", "requests", "proposed"]))
    texts = list(getattr(asked, part) or asked.judge)
    at = data.draw(st.integers(0, len(texts) - 1))
    texts[at] = stored(texts[at].path, data.draw(damaged(texts[at].text).filter(storable)))
    made = attempt(lambda: decide(asked.model_copy(update={part: tuple(texts)})), GateError)
    if isinstance(made, GateError):
        assert part == "judge"
        found = made.findings if isinstance(made, ConfigError) else ()
    else:
        assert isinstance(made, Decision)
        states = [*made.rules, *(rule for one in made.changes for rule in one.rules)]
        found = tuple(one for state in states for one in state.findings)
    damage = texts[at]
    # A rule that is broken under the target's own set may point at the same path there.
    for one in found if part != "proposed" else ():
        if one.place is not None and one.place.file == damage.path:
            check_place(one.place, damage.text, damage.path)


def storable(text: str) -> bool:
    """Tell whether git could have handed a text over: half a surrogate pair is no UTF-8."""
    return not re.search("[\ud800-\udfff]", text)


WORDS = (
    "change.spec.risk", "diff.files", "services", ".all(s, ", ".exists(", "has(", "(", ")", "[",
    "]", " && ", " || ", "!", " == ", " < ", " in ", "1", "-9223372036854775808", "1.5", "'x'", '"',
    "b'x'", "null", "true", "{", "}", "? ", ": ", "size(", "matches(", ".map(x, ", "now", "\u202e",
    "\x00", "//", "timestamp('x')", "duration('1h')", "risk.level", "lane", "\\", "\ud800", "%",
    "+",
)  # fmt: skip


@trials(150)
@given(parts=st.lists(st.sampled_from(WORDS), max_size=8), again=st.integers(1, 60))
def test_any_expression_is_compiled_or_has_faults(parts: list[str], again: int) -> None:
    text = "".join(parts) * (again if len(parts) < 3 else 1)
    made = environment().compile(text, expect="bool", place=Place(file="f", line=1, column=1))
    if isinstance(made, tuple):
        assert made
        assert all(isinstance(one, Finding) and one.message for one in made)


@trials(150)
@given(data=st.data())
def test_a_damaged_statement_is_never_good(scenes: Scenes, data: st.DataObject) -> None:
    original = data.draw(st.sampled_from(scenes.sealed.facts.statements))
    text = data.draw(damaged(original.text))
    fact = read_statement(original.path, text.encode("utf-8", "surrogatepass"))
    if text != original.text:
        # A last newline more or less is the same armor; the signed bytes are others or the same.
        same = text.rstrip("\n") == original.text.rstrip("\n")
        assert (fact.status != "good") or same
        said = (fact.approval, fact.vouch, fact.override, fact.retro, fact.correction)
        assert sum(one is not None for one in said) == (fact.status == "good")
    else:
        assert fact.status == "good"
    assert attempt(lambda: parse_armored(text.partition("\n")[2]), WireError)


@trials(150)
@given(path=st.binary(max_size=12), header=st.binary(max_size=40) | st.builds(
    lambda *words: b" ".join(words),
    *[st.sampled_from([b":100644", b"100755", b"0" * 40, b"A", b"M100", b"", b":", b"\xff"])] * 5,
))  # fmt: skip
def test_any_line_of_a_raw_diff_is_an_entry_or_refused(path: bytes, header: bytes) -> None:
    entry = attempt(lambda: _entry(path, header), HistoryError)
    if isinstance(entry, HistoryError):
        assert entry.code == "git-failed"
    else:
        assert isinstance(entry, DiffEntry)
        assert entry.status in "ADMT"
