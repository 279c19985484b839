from __future__ import annotations

import pytest
from support.examples import REQUEST, REQUEST_FILE

from itil_gate.model.change import ChangeRequest
from itil_gate.reading.read import MOST_FINDINGS, read, read_text
from itil_gate.reading.requests import check_request, read_request, read_request_document
from itil_gate.reading.yaml import parse


def rules(text: str, file: str = REQUEST_FILE) -> list[str]:
    found = read_request(text, file=file)
    return [finding.rule for finding in found] if isinstance(found, tuple) else []


def test_the_example_of_the_architecture_is_a_request() -> None:
    request = read_request(REQUEST, file=REQUEST_FILE)
    assert isinstance(request, ChangeRequest)
    assert request.spec.scope == ("deploy/payments/**", "certs/**")
    assert request.spec.plans is not None
    assert request.spec.plans.backout is not None
    assert request.spec.plans.backout.max_minutes == 15


def test_a_document_is_read_as_its_text_is() -> None:
    document = parse(REQUEST, file=REQUEST_FILE)
    assert read_request_document(document) == read_request(REQUEST, file=REQUEST_FILE)


@pytest.mark.parametrize(
    ("file", "faults"),
    [
        ("CHG-2026-7K3QX9ZB.yaml", 0),
        ("requests/CHG-2026-7K3QX9ZB.yaml", 0),
        ("changes/2026/CHG-2026-7K3QX9ZB.yaml", 0),
        ("changes/20260/CHG-2026-7K3QX9ZB.yaml", 0),
        ("changes/2025/CHG-2026-7K3QX9ZB.yaml", 1),
        ("changes/2026/CHG-2026-7K3QX9ZB.yml", 1),
        ("changes/2026/chg-2026-7k3qx9zb.yaml", 1),
        ("changes/2025/CHG-2026-7K3QX9ZC.yaml", 2),
    ],
)
def test_a_file_is_named_after_its_request(file: str, faults: int) -> None:
    assert rules(REQUEST, file) == ["wrong-file-name"] * faults


def test_fields_of_the_organisation_are_gathered_and_keep_their_places() -> None:
    text = REQUEST + "  x-cost: 12\n  x-teams: [a, {b: [c]}]\n"
    request = read_request(text, file=REQUEST_FILE)
    assert isinstance(request, ChangeRequest)
    assert request.spec.extensions == {"x-cost": 12, "x-teams": ["a", {"b": ["c"]}]}
    assert parse(text, file="f").place(("spec", "x-teams", 1, "b", 0)).line == text.count("\n")


def test_a_request_that_was_dumped_is_read_again() -> None:
    request = read_request(REQUEST + "  x-cost: 12\n", file=REQUEST_FILE)
    assert isinstance(request, ChangeRequest)
    dumped = request.model_dump_json(by_alias=True)
    assert ChangeRequest.model_validate_json(dumped) == request


@pytest.mark.parametrize(
    "extra",
    [
        "  extensions: {x-cost: 12}\n",
        "  extensions: {}\n",
        "  extensions: {cost: 12}\n",
        "  extensions: {x-cost: 12}\n  x-cost: 13\n",
        "  x-: 1\n",
        "  X-cost: 1\n",
    ],
)
def test_fields_of_the_organisation_have_one_place_and_form(extra: str) -> None:
    assert rules(REQUEST + extra) == ["unknown-key"]


def test_a_key_in_another_spelling_is_unknown_even_beside_the_right_one() -> None:
    assert rules(REQUEST + "  expected_outcome: x\n") == ["unknown-key"]


def test_a_misspelt_key_is_not_called_missing_as_well() -> None:
    assert rules(REQUEST.replace("  reason:", "  reson:")) == ["unknown-key"]


def test_an_ambiguous_time_is_advice_and_no_denial() -> None:
    text = REQUEST.replace("2026-11-25T22:00", "2026-10-25T02:30")
    document = parse(text.replace("2026-11-25T23:00", "2026-10-25T04:00"), file=REQUEST_FILE)
    request = read_request_document(document)
    assert isinstance(request, ChangeRequest)
    (found,) = check_request(request, document)
    assert (found.rule, found.effect) == ("ambiguous-time", "advise")


def test_a_window_needs_no_date_that_tools_may_read_differently() -> None:
    for written in ("1795640400", '"1795640400"', "2026-11-25 22:00", "2026-11-25", "25.11.2026"):
        text = REQUEST.replace('"2026-11-25T22:00"', written)
        assert rules(text) in (["wrong-value"], ["wrong-type"]), written


def test_findings_are_sorted_by_place_and_limited() -> None:
    text = "".join(f"key{number}: 1\n" for number in range(200))
    found = read_text(text, "f", ChangeRequest)
    assert isinstance(found, tuple)
    assert len(found) == MOST_FINDINGS + 1
    lines = [finding.place.line for finding in found[:-1] if finding.place]
    assert lines == sorted(lines)
    assert "more faults" in found[-1].message


@pytest.mark.parametrize(
    "text", ["just a text", "12", "null", "[]", "{}", "spec: 1", "spec: {}", "x: "]
)
def test_a_document_of_another_shape_gives_findings(text: str) -> None:
    found = read(parse(text, file="f"), ChangeRequest)
    assert isinstance(found, tuple)
    assert all(finding.place and finding.place.line == 1 for finding in found)


def test_a_key_of_a_megabyte_is_refused_in_short_words() -> None:
    (found, *_) = read_text(f"? {'k' * 900_000}\n: 1\n", "f", ChangeRequest)
    assert len(found.message) < 200
