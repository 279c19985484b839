"""Wrong inputs and exactly what is said about them.

A case is a pair in tests/golden: NAME.yaml (or .ics) and NAME.txt. The part of the name before the
first hyphen says what the input is. A comment `# file: PATH` names the file the text pretends to
be. After a change of words: `python tests/reading/regenerate.py`, and read the difference.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from itil_gate.model.calendar import Calendar
from itil_gate.model.config import Config
from itil_gate.model.errors import SourceError
from itil_gate.model.finding import Finding
from itil_gate.model.people import People
from itil_gate.model.policy import ApprovalPolicy, ExtensionSchema
from itil_gate.model.risk import RiskModel
from itil_gate.reading.extensions import check_extensions
from itil_gate.reading.faults import READING_RULES, line
from itil_gate.reading.ics import read_ics
from itil_gate.reading.migrate import migrate
from itil_gate.reading.people import check_people
from itil_gate.reading.read import read, read_text, source_finding
from itil_gate.reading.requests import read_request
from itil_gate.reading.services import read_entities
from itil_gate.reading.yaml import decode, parse

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = Path(__file__).parent.parent / "golden"
CASES = sorted(path for path in GOLDEN.iterdir() if path.suffix in {".yaml", ".ics"})


def _findings(value: object) -> tuple[Finding, ...]:
    if not isinstance(value, tuple):
        return ()
    return tuple(item for item in value if isinstance(item, Finding))


def _people(text: str, file: str) -> tuple[Finding, ...]:
    document = parse(text, file=file)
    people = read(document, People)
    return people if isinstance(people, tuple) else check_people(people, document)


def _extension(text: str, file: str) -> tuple[Finding, ...]:
    request = read_request(text, file=file)
    assert not isinstance(request, tuple)
    schema = (GOLDEN / "extension.schema.json").read_text(encoding="utf-8")
    document = parse(text, file=file)
    checked = ExtensionSchema(path="changes/fields.json", text=schema)
    return check_extensions(request.spec.extensions, checked, document)


READERS: dict[str, Callable[[str, str], object]] = {
    "request": lambda text, file: read_request(text, file=file),
    "people": _people,
    "config": lambda text, file: read_text(text, file, Config),
    "policy": lambda text, file: read_text(text, file, ApprovalPolicy),
    "risk": lambda text, file: read_text(text, file, RiskModel),
    "calendar": lambda text, file: read_text(text, file, Calendar),
    "services": lambda text, file: read_entities(text, file=file),
    "ics": lambda text, file: read_ics(text, file=file),
    "extension": _extension,
    "migrate": lambda text, file: migrate(text, file=file).findings,
}


def said_about(case: Path) -> str:
    data = case.read_bytes()
    file = case.name
    for comment in data.decode("latin-1").splitlines()[:3]:
        if comment.startswith("# file: "):
            file = comment.removeprefix("# file: ")
    try:
        found = READERS[case.stem.split("-")[0]](decode(data, file=file), file)
    except SourceError as error:
        found = (source_finding(error),)
    return "".join(f"{line(finding)}\n" for finding in _findings(found))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_wrong_text_is_answered_in_exactly_these_words(case: Path) -> None:
    assert said_about(case) == case.with_suffix(".txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_every_answer_names_place_rule_and_remedy(case: Path) -> None:
    for said in said_about(case).splitlines():
        place, rule, message = said.split(": ", 2)
        assert place.count(":") == 2, "file, line and column"
        assert rule in READING_RULES
        assert "; " in message, "what is so; what would satisfy"


def test_there_are_enough_cases_and_each_finds_something() -> None:
    assert len(CASES) >= 34
    assert all(said_about(case) for case in CASES)


def test_no_expected_text_is_without_its_input() -> None:
    stems = {case.stem for case in CASES}
    assert {path.stem for path in GOLDEN.glob("*.txt")} == stems
