"""Whether a published change model is sound: each fault, and the model that has it mended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.change_models import change_model

from itil_gate.model.change import ChangeRequest
from itil_gate.model.finding import Finding, Place
from itil_gate.policy.model_rules import check_models, field_fault
from itil_gate.policy.rules import POLICY_RULES
from itil_gate.reading.wording import keys_at

if TYPE_CHECKING:
    from itil_gate.model.change_model import ChangeModel
    from itil_gate.reading.document import Path

BACKOUT = "spec.plans.backout.steps"


def place_of(model: ChangeModel, path: Path) -> Place:
    return Place(file=f"{model.metadata.name}:{'.'.join(map(str, path))}")


def found(**spec: Any) -> tuple[Finding, ...]:
    sound = {"limits": {"files": 3, "risk": "low"}}
    return check_models([change_model(**(sound | spec))], place_of)


def only(rule: str, **spec: Any) -> Finding:
    (finding,) = found(**spec)
    assert finding.rule == rule
    assert finding.remedy
    assert POLICY_RULES[rule].effect == finding.effect
    return finding


def at(finding: Finding) -> str:
    return str(finding.place).removeprefix("certificates:")


def fields(*entries: tuple[str, str] | tuple[str, str, str]) -> list[dict[str, str]]:
    return [dict(zip(("path", "is", "stage"), entry, strict=False)) for entry in entries]


def test_a_sound_model_has_no_findings() -> None:
    assert not found()
    assert not found(recognise=True, fields=fields(("spec.reason", "mandatory")))
    assert not found(fields=fields((BACKOUT, "mandatory"), ("spec.readiness", "hidden")))
    assert not found(type="normal", paths=None, expires=None, limits={})
    assert not found(type="registration", expires=None, limits={})


@pytest.mark.parametrize("kind", ["standard", "registration"])
def test_what_stands_in_for_an_approval_says_where_it_ends(kind: str) -> None:
    finding = only("unsound-model", type=kind, paths=None)
    assert "has no paths" in finding.message
    assert at(finding) == "spec"
    for glob in ("**", "**/*", "**/**"):
        finding = only("unsound-model", type=kind, paths=["a/**", glob])
        assert f"the path {glob}, which is every path" in finding.message
        assert at(finding) == "spec.paths.1"
    assert not found(type="normal", paths=["**"])


def test_a_standard_model_expires() -> None:
    assert "never expires" in only("unsound-model", expires=None).message


def test_a_standard_model_of_no_or_high_risk_is_advised_against() -> None:
    assert not found(limits={"risk": "medium"})
    finding = only("risky-standard-model", limits={"risk": "high"})
    assert "allows high risk" in finding.message
    assert finding.remedy == "set limits.risk to low or medium"
    assert at(finding) == "spec.limits.risk"
    assert "sets no highest risk" in only("risky-standard-model", limits={}).message


def test_only_standard_models_recognise_and_only_so_many_files() -> None:
    finding = only("unsound-model", recognise=True, limits={"risk": "low"})
    assert "however large" in finding.message
    finding = only("unsound-model", recognise=True, type="normal")
    assert "is a normal model" in finding.message
    assert at(finding) == "spec.recognise"


def test_a_recognised_change_has_no_field_that_only_a_request_can_have() -> None:
    finding = only("unsound-model", recognise=True, fields=fields((BACKOUT, "mandatory")))
    assert BACKOUT in finding.message
    assert at(finding) == "spec.fields.0.path"
    assert not found(recognise=True, fields=fields((BACKOUT, "hidden")))
    assert not found(recognise=True, fields=fields((BACKOUT, "mandatory", "close")))


@pytest.mark.parametrize(
    ("path", "remedy"),
    [
        ("spec.plans.backOut.steps", "did you mean spec.plans.backout?"),
        ("spec.expectedoutcome", "did you mean spec.expectedOutcome?"),
        ("metadata.requestor", "did you mean metadata.requester?"),
        ("spec.extensions", None),
        ("spec.plans.zzzz", "name backout, communication, implementation or test"),
        ("spec.links.id", "ask for spec.links"),
        ("spec.scope.path", "ask for spec.scope"),
        ("spec.reason.text", "ask for spec.reason"),
        ("spec.window.start.hour", "ask for spec.window.start"),
    ],
)
def test_a_field_that_no_request_has_is_named_with_what_was_meant(
    path: str, remedy: str | None
) -> None:
    finding = only("unknown-field", fields=fields(("spec.reason", "mandatory"), (path, "hidden")))
    assert path in finding.message
    assert at(finding) == "spec.fields.1.path"
    assert remedy in {None, finding.remedy}


def test_every_field_that_a_request_can_have_is_known() -> None:
    for part in ("metadata", "spec"):
        for key in keys_at(ChangeRequest, (part,)):
            assert field_fault(f"{part}.{key}") is None
    assert field_fault("spec.x-ticket") is None
    assert field_fault("spec.plans.backout.maxMinutes") is None


@pytest.mark.parametrize("path", ["metadata.id", "spec.reason", "spec.services", "spec.model"])
def test_what_every_request_has_cannot_be_hidden(path: str) -> None:
    assert path in only("unsound-model", fields=fields((path, "hidden"))).message
    assert not found(fields=fields((path, "mandatory")))


def test_what_is_required_only_within_something_optional_can_be_hidden() -> None:
    assert not found(fields=fields(("spec.window.start", "hidden"), (BACKOUT, "hidden")))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((BACKOUT, "mandatory"), (BACKOUT, "hidden")),
        ((BACKOUT, "hidden", "proposal"), (BACKOUT, "mandatory", "close")),
        ((BACKOUT, "mandatory"), ("spec.plans", "hidden")),
        (("spec.plans", "hidden"), (BACKOUT, "mandatory")),
    ],
)
def test_a_field_is_not_both_asked_for_and_hidden(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    finding = only("contradicting-fields", fields=fields(one, other))
    assert other[0] in finding.message
    assert one[0] in finding.message
    assert at(finding) == "spec.fields.1.path"


def test_entries_that_can_both_hold_do_not_contradict() -> None:
    assert not found(fields=fields(("spec.plans", "mandatory"), (BACKOUT, "hidden")))
    assert not found(fields=fields((BACKOUT, "mandatory", "proposal"), (BACKOUT, "mandatory")))
    assert not found(fields=fields(("spec.x-a", "hidden"), ("spec.x-ab", "mandatory")))


def test_what_is_no_path_of_a_field_is_told_so_in_words() -> None:
    with pytest.raises(AssertionError, match=r"such as spec\.plans\.backout\.steps"):
        found(fields=fields(("spec.expected_outcome", "hidden")))


def test_checks_have_ids_of_their_own() -> None:
    check = {"id": "window", "expect": "true", "message": "There is a window."}
    finding = only("duplicate-name", checks=[check, check])
    assert at(finding) == "spec.checks.1.id"


def test_findings_come_in_the_order_of_the_models() -> None:
    models = [change_model("b", expires=None), change_model("a", expires=None)]
    said = [str(one.place) for one in check_models(models, place_of) if one.effect == "deny"]
    assert said == ["b:spec", "a:spec"]
