from __future__ import annotations

import pytest
from support.examples import REQUEST, REQUEST_FILE

from itil_gate.model.base import API_VERSION
from itil_gate.model.calendar import Calendar
from itil_gate.model.change import ChangeRequest
from itil_gate.model.config import Config
from itil_gate.model.decision import StoredDecision
from itil_gate.model.errors import SourceError
from itil_gate.model.finding import Finding, Place
from itil_gate.model.people import People
from itil_gate.model.policy import ApprovalPolicy
from itil_gate.model.risk import RiskModel
from itil_gate.model.services import Entity
from itil_gate.model.statement import ApprovalStatement
from itil_gate.reading.document import Document
from itil_gate.reading.faults import READING_RULES, line
from itil_gate.reading.ics import read_ics
from itil_gate.reading.patterns import PATTERNS
from itil_gate.reading.people import check_people
from itil_gate.reading.read import read, read_text, source_finding
from itil_gate.reading.requests import check_request
from itil_gate.reading.services import read_entities
from itil_gate.reading.yaml import decode, parse

RUN = [rule for rule in READING_RULES.values() if rule.where != "prose"]


def merged(base: object, patch: object) -> object:
    if isinstance(base, dict) and isinstance(patch, dict):
        return base | {key: merged(base.get(key), value) for key, value in patch.items()}
    return patch


def found_in_request(fragment: str) -> tuple[Finding, ...]:
    whole = parse(REQUEST, file=REQUEST_FILE)
    added = parse(fragment, file=REQUEST_FILE)
    data = merged(whole.data, added.data)
    assert isinstance(data, dict)
    if "model" not in added.data.get("spec", {}):
        data["spec"].pop("model")
    document = Document(data, REQUEST_FILE, whole.marks)
    request = read(document, ChangeRequest)
    return request if isinstance(request, tuple) else check_request(request, document)


def found_in_people(text: str) -> tuple[Finding, ...]:
    document = parse(text, file="people.yaml")
    people = read(document, People)
    return people if isinstance(people, tuple) else check_people(people, document)


def findings(where: str, text: str) -> tuple[object, ...]:
    data = text.encode("latin-1" if where == "bytes" else "utf-8")
    try:
        if where in {"text", "bytes"}:
            parse(text if where == "text" else decode(data, file="f"), file="f")
            return ()
        if where == "request":
            return found_in_request(text)
        if where == "people":
            return found_in_people(text)
    except SourceError as error:
        return (source_finding(error),)
    if where == "config":
        config = read_text(text, "itil-gate.yaml", Config)
        return config if isinstance(config, tuple) else ()
    if where == "ics":
        return read_ics(text, file="f.ics")
    assert where == "services"
    return tuple(found for found in read_entities(text, file="f") if isinstance(found, Finding))


@pytest.mark.parametrize("rule", RUN, ids=lambda rule: rule.id)
def test_the_bad_example_of_a_rule_breaks_it_and_only_it(rule: object) -> None:
    assert {found.rule for found in findings(rule.where, rule.bad)} == {rule.id}
    assert {found.effect for found in findings(rule.where, rule.bad)} == {rule.effect}


@pytest.mark.parametrize("rule", RUN, ids=lambda rule: rule.id)
def test_the_good_example_of_a_rule_finds_nothing(rule: object) -> None:
    assert findings(rule.where, rule.good) == ()


def test_every_rule_is_described_in_sentences() -> None:
    for rule in READING_RULES.values():
        for words in (rule.summary, rule.why, rule.remedy):
            assert words[0].isupper()
            assert words[-1] in '.".'
            assert "!" not in words


def test_a_finding_is_one_line_that_editors_can_jump_to() -> None:
    place = Place(file="a/b.yaml", line=3, column=7)
    finding = Finding(rule="wrong-type", message="title is empty", remedy="write one", place=place)
    assert line(finding) == "a/b.yaml:3:7: wrong-type: title is empty; write one"
    assert line(Finding(rule="r", message="m")) == "r: m"


@pytest.mark.parametrize(
    "model",
    [ChangeRequest, Config, People, Calendar, ApprovalPolicy, RiskModel, Entity, ApprovalStatement,
     StoredDecision],
)  # fmt: skip
def test_every_pattern_of_the_nouns_has_words(model: type[ChangeRequest]) -> None:
    def patterns(schema: object) -> set[str]:
        if isinstance(schema, dict):
            own = {schema["pattern"]} if isinstance(schema.get("pattern"), str) else set()
            if "format" in schema or (own and next(iter(own)).startswith("^(19|20|21)")):
                return set()  # dates say themselves how they are written
            return own.union(*map(patterns, schema.values()))
        return set().union(*map(patterns, schema)) if isinstance(schema, list) else set()

    assert patterns(model.model_json_schema()) <= set(PATTERNS)


def test_a_known_version_is_the_one_the_examples_use() -> None:
    assert API_VERSION in READING_RULES["unknown-version"].good
