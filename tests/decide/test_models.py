"""Whether a request fits the change model it names: every finding, and both sides of each limit."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.change_models import FILE, change_model, entry, request_document, request_of

from itil_gate.decide.lane import lane_of
from itil_gate.decide.models import Fit, fit_model
from itil_gate.decide.rules import GATE_RULES
from itil_gate.model.base import LEVELS
from itil_gate.model.finding import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.model.base import Level
    from itil_gate.model.change_model import ChangeModel
    from itil_gate.model.decision import Lane

TODAY = date(2026, 3, 2)
ONE = (entry("certificates/a.pem"),)


def fit(
    *models: ChangeModel,
    diff: Sequence[Any] = ONE,
    services: Sequence[str] = ("payments-api",),
    environments: Sequence[str] = ("production",),
    level: Level = "low",
    judge: Sequence[str] = (),
    checks: tuple[Finding, ...] = (),
    **spec: Any,
) -> Fit:
    document = request_document(**spec)
    return fit_model(
        request_of(document),
        models=models,
        entries=diff,
        services=frozenset(services),
        environments=environments,
        level=level,
        today=TODAY,
        judge_paths=judge,
        place=document.place,
        checks=lambda _: checks,
    )


def only(found: Fit, rule: str) -> Finding:
    (finding,) = found.findings
    assert finding.rule == rule
    assert finding.rule in GATE_RULES
    assert finding.remedy
    assert finding.place is not None
    assert finding.place.file == FILE
    return finding


def stands(found: Finding, *path: str, **spec: Any) -> bool:
    """Tell whether a finding points to this key of the request."""
    return found.place == request_document(**spec).place(path)


def test_a_standard_change_within_its_model_fits() -> None:
    model = change_model(
        limits={
            "files": 1,
            "services": 1,
            "deletions": 0,
            "environments": ["production"],
            "risk": "low",
        }
    )
    assert fit(model) == Fit(model, ())


@pytest.mark.parametrize("kind", ["normal", "emergency", "registration"])
def test_other_types_need_no_model(kind: str) -> None:
    assert fit(change_model(), type=kind, model=None, judge=["people.yaml"]) == Fit(None, ())


def test_a_standard_change_names_a_model() -> None:
    finding = only(fit(change_model(), model=None), "unknown-model")
    assert "names no change model" in finding.message
    assert "certificates" in finding.remedy
    assert stands(finding, "spec", "type", model=None)


@pytest.mark.parametrize("kind", ["standard", "normal", "emergency", "registration"])
def test_a_model_that_is_named_must_be_published_whatever_the_type(kind: str) -> None:
    found = fit(change_model(), type=kind, model="certificate")
    assert found.model is None
    finding = only(found, "unknown-model")
    assert finding.message == "the change model certificate is not published"
    assert finding.remedy == "did you mean certificates?"
    assert stands(finding, "spec", "model", type=kind, model="certificate")
    assert finding.place != Place(file=FILE)


def test_where_no_model_is_published_the_remedy_says_so() -> None:
    assert "no model is published" in only(fit(), "unknown-model").remedy


def test_the_type_of_the_request_is_that_of_the_model() -> None:
    found = fit(change_model(type="normal"))
    finding = only(found, "model-type")
    assert "of type standard" in finding.message
    assert "`type: normal`" in finding.remedy
    assert found.model is not None
    assert stands(finding, "spec", "type")


def emergency(name: str = "certificates", **spec: Any) -> ChangeModel:
    return change_model(name, type="emergency", **spec)


def test_every_emergency_keeps_to_the_one_model_of_emergencies() -> None:
    small = emergency(limits={"files": 1})
    asked = {"type": "emergency", "model": None}
    assert fit(change_model("other"), small, **asked) == Fit(small, ())
    finding = only(fit(change_model("other"), small, diff=files(2), **asked), "model-limit")
    assert stands(finding, "spec", "type", **asked)
    assert fit(small, diff=files(2), type="normal", model=None) == Fit(None, ())
    assert fit(change_model(), type="normal", model=None, diff=files(2)) == Fit(None, ())


def test_of_several_models_of_emergencies_one_is_named() -> None:
    several = (emergency(), emergency("other", limits={"files": 1}))
    finding = only(fit(*several, type="emergency", model=None), "unknown-model")
    assert finding.message == "the request is of type emergency and names no change model"
    assert stands(finding, "spec", "type", type="emergency", model=None)
    assert fit(*several, type="emergency") == Fit(several[0], ())
    assert fit(*several, type="emergency", model="other", diff=files(2)).findings


@pytest.mark.parametrize("key", ["expires", "recertifyBy"])
def test_the_last_day_of_a_standard_model_is_a_day_of_use(key: str) -> None:
    assert not fit(change_model(**{key: "2026-03-02"})).findings
    finding = only(fit(change_model(**{key: "2026-03-01"})), "model-expired")
    assert finding.effect == "deny"
    assert "2026-03-01" in finding.message
    assert ("certified" in finding.message) == (key == "recertifyBy")


def test_a_model_may_be_both_expired_and_uncertified() -> None:
    found = fit(change_model(expires="2026-03-01", recertifyBy="2026-02-01"))
    assert [one.rule for one in found.findings] == ["model-expired", "model-expired"]


def test_a_late_certification_of_another_model_is_advice_and_its_expiry_is_not() -> None:
    late = change_model(type="normal", expires=None, recertifyBy="2026-03-01")
    assert only(fit(late, type="normal"), "model-expired").effect == "advise"
    over = change_model(type="normal", expires="2026-03-01")
    assert only(fit(over, type="normal"), "model-expired").effect == "deny"


def test_paths_outside_are_counted_and_ten_of_them_named() -> None:
    diff = [*ONE, *(entry(f"src/{number:02}.py") for number in range(12))]
    finding = only(fit(change_model(), diff=diff), "outside-model")
    assert finding.message.startswith("12 path(s) lie outside the change model certificates: ")
    assert "src/09.py and 2 more" in finding.message
    assert "src/10.py" not in finding.message
    assert finding.remedy.startswith("keep to certificates/**, or make it")
    assert stands(finding, "spec", "model")
    ten = [f"{number:02}/**" for number in range(10)]
    finding = only(fit(change_model(paths=ten), diff=diff), "outside-model")
    assert "09/**, or make it" in finding.remedy
    finding = only(fit(change_model(paths=[*ten, "10/**"]), diff=diff), "outside-model")
    assert "09/** and more, or make it" in finding.remedy


@pytest.mark.parametrize(
    "path",
    [
        "Certificates/a.pem",
        "certificates",
        "certificates.pem",
        "x/certificates/a.pem",
        "certificates\\\\a.pem",
        "certificates/../src/app.py/",
        "certificates//a.pem",
        "\\xffcertificates/a.pem",
        "",
    ],
)
def test_paths_that_only_resemble_a_models_are_outside(path: str) -> None:
    only(fit(change_model(), diff=[entry(path)]), "outside-model")


def test_both_ends_of_a_rename_lie_within() -> None:
    moved = [entry("certificates/a.pem", "A"), entry("src/a.pem", "D")]
    assert "src/a.pem" in only(fit(change_model(), diff=moved), "outside-model").message


def test_a_model_without_paths_is_for_any_path() -> None:
    assert not fit(change_model(type="normal", paths=None), type="normal").findings


@pytest.mark.parametrize("mode", ["120000", "160000"])
@pytest.mark.parametrize("kind", ["standard", "registration"])
def test_what_a_link_or_submodule_stands_for_is_outside(mode: str, kind: str) -> None:
    diff = [entry("certificates/a.pem", "T", new=mode)]
    only(fit(change_model(type=kind), type=kind, diff=diff), "outside-model")
    assert not fit(change_model(type="normal"), type="normal", diff=diff).findings


@pytest.mark.parametrize("kind", ["standard", "registration"])
def test_no_standard_or_registration_model_covers_the_judges_data(kind: str) -> None:
    model = change_model(type=kind, paths=["policies/**"])
    diff = [entry("policies/risk.yaml")]
    found = fit(model, type=kind, diff=diff, judge=["policies/risk.yaml"])
    assert "policies/risk.yaml" in only(found, "outside-model").message


def test_a_normal_model_may_be_about_the_judges_data() -> None:
    model = change_model(type="normal", paths=["policies/**"])
    diff = [entry("policies/risk.yaml")]
    assert not fit(model, type="normal", diff=diff, judge=["policies/risk.yaml"]).findings


def files(count: int, status: str = "M") -> list[Any]:
    return [entry(f"certificates/{number}.pem", status) for number in range(count)]


@pytest.mark.parametrize(
    ("limits", "within", "beyond", "figures", "key"),
    [
        ({"files": 2}, {"diff": files(2)}, {"diff": files(3)}, ("3 files", "at most 2"), "model"),
        (
            {"deletions": 0},
            {"diff": files(3, "A")},
            {"diff": files(1, "D")},
            ("1 files are deleted", "at most 0"),
            "model",
        ),
        (
            {"deletions": 2},
            {"diff": files(2, "D")},
            {"diff": files(3, "D")},
            ("3 files are deleted", "at most 2"),
            "model",
        ),
        (
            {"services": 1},
            {"services": ["a"]},
            {"services": ["b", "a"]},
            ("2 services", "at most 1", "a, b"),
            "services",
        ),
        (
            {"environments": ["staging", "test"]},
            {"environments": ["test", "staging"]},
            {"environments": ["test", "production"]},
            ("takes effect in production", "only staging, test"),
            "environments",
        ),
        (
            {"risk": "medium"},
            {"level": "medium"},
            {"level": "high"},
            ("risk is high", "at most medium"),
            "model",
        ),
    ],
)
def test_a_limit_holds_up_to_its_figure_and_no_further(
    limits: dict[str, Any],
    within: dict[str, Any],
    beyond: dict[str, Any],
    figures: tuple[str, ...],
    key: str,
) -> None:
    model = change_model(limits=limits)
    assert not fit(model, **within).findings
    finding = only(fit(model, **beyond), "model-limit")
    assert all(figure in finding.message for figure in figures)
    assert stands(finding, "spec", key)


def test_every_limit_that_is_passed_is_a_finding_of_its_own() -> None:
    limits = {
        "files": 1,
        "services": 1,
        "deletions": 0,
        "environments": ["staging"],
        "risk": "low",
    }
    found = fit(change_model(limits=limits), diff=files(2, "D"), services=["a", "b"], level="high")
    assert [one.rule for one in found.findings] == ["model-limit"] * 5


def demand(path: str, how: str, stage: str = "authorisation", **more: str) -> dict[str, Any]:
    return {"fields": [{"path": path, "is": how, "stage": stage, **more}]}


BACKOUT = "spec.plans.backout.steps"


@pytest.mark.parametrize(
    ("path", "spec"),
    [
        (BACKOUT, {"plans": {"backout": {"steps": "Put the old one back."}}}),
        ("spec.plans.backout.tested", {"plans": {"backout": {"steps": "x", "tested": False}}}),
        ("spec.plans", {"plans": {"test": "By hand."}}),
        (
            "spec.plans.backout.maxMinutes",
            {"plans": {"backout": {"steps": "x", "maxMinutes": 0}}},
        ),
        ("spec.expectedOutcome", {"expectedOutcome": "It works."}),
        ("spec.links", {"links": [{"type": "incident", "id": "INC-1"}]}),
        ("spec.x-ticket", {"x-ticket": "T-1"}),
        ("spec.x-ticket", {"x-ticket": {"no": "", "id": "T-1"}}),
    ],
)
def test_a_field_is_there_or_not(path: str, spec: dict[str, Any]) -> None:
    asked, hidden = (
        change_model(**demand(path, "mandatory")),
        change_model(**demand(path, "hidden")),
    )
    assert not fit(asked, **spec).findings
    assert not fit(hidden).findings
    finding = only(fit(asked), "model-field")
    assert finding.message.startswith(f"{path} is missing")
    finding = only(fit(hidden, **spec), "model-field")
    assert finding.message.startswith(f"{path} is given")
    assert finding.place is not None
    assert finding.place.line > 8


@pytest.mark.parametrize(
    ("path", "spec"),
    [
        ("spec.plans", {"plans": {}}),
        ("spec.plans", {"plans": {"test": "\u200b"}}),
        ("spec.plans.test", {"plans": {"test": "\u200b\u2060"}}),
        ("spec.links", {"links": []}),
        ("spec.impact.reversible", {"impact": {"users": "None."}}),
        ("spec.plans.backout.tested", {"plans": {"backout": {"steps": "x"}}}),
        ("spec.significant", {}),
        ("spec.x-ticket", {"x-ticket": " "}),
        ("spec.x-ticket", {"x-ticket": {"id": ""}}),
        ("spec.x-ticket", {"x-other": "T-1"}),
        ("spec.links.id", {"links": [{"type": "incident", "id": "INC-1"}]}),
        ("spec.nothing", {}),
    ],
)
def test_what_says_nothing_counts_as_missing(path: str, spec: dict[str, Any]) -> None:
    only(fit(change_model(**demand(path, "mandatory")), **spec), "model-field")


def test_a_missing_field_is_explained() -> None:
    model = change_model(**demand(BACKOUT, "mandatory", reason="Old ones must come back."))
    finding = only(fit(model), "model-field")
    assert "Old ones must come back." in finding.message
    assert finding.remedy == f"add {BACKOUT}: What is done, step by step, to go back"
    finding = only(fit(change_model(**demand("spec.x-ticket", "mandatory"))), "model-field")
    assert finding.message == "spec.x-ticket is missing, and certificates asks for it"
    assert finding.remedy == "add spec.x-ticket"


@pytest.mark.parametrize(("stage", "count"), [("proposal", 1), ("authorisation", 1), ("close", 0)])
def test_the_merge_gate_asks_what_is_due_by_authorisation(stage: str, count: int) -> None:
    assert len(fit(change_model(**demand(BACKOUT, "mandatory", stage))).findings) == count


def test_every_field_is_looked_at_whatever_the_ones_before_say() -> None:
    asked = [demand(BACKOUT, "mandatory", "close"), demand("spec.links", "hidden")]
    asked += [demand(BACKOUT, "mandatory"), demand("spec.plans.test", "mandatory")]
    whole = {"fields": [field for one in asked for field in one["fields"]]}
    found = fit(change_model(**whole))
    assert [one.message.partition(" ")[0] for one in found.findings] == [BACKOUT, "spec.plans.test"]


def test_what_the_models_own_checks_find_is_kept() -> None:
    found = Finding(rule="model-check", message="no window", remedy="add one")
    assert fit(change_model(), checks=(found,)).findings == (found,)
    assert fit(checks=(found,)).findings[0].rule == "unknown-model"


paths = st.sampled_from(
    ("certificates/a", "certificates/b/c", "src/app.py", "policies/x.yaml", "certificates/\u202e")
)
entries = st.builds(
    entry,
    paths,
    st.sampled_from("AMD"),
    new=st.sampled_from((None, "100755", "120000", "160000")),
)


@given(
    st.lists(entries, max_size=6),
    st.lists(entries, max_size=6),
    st.integers(1, 6),
    st.integers(0, 3),
    st.sampled_from(("standard", "normal", "registration")),
)
def test_adding_to_a_diff_never_makes_it_fit(
    diff: list[Any], more: list[Any], most: int, deletions: int, kind: str
) -> None:
    model = change_model(type=kind, limits={"files": most, "deletions": deletions})

    def judged(diff: list[Any]) -> set[str]:
        touched = [one.path for one in diff if one.path.startswith("policies/")]
        return {one.rule for one in fit(model, diff=diff, judge=touched, type=kind).findings}

    assert judged(diff) <= judged([*diff, *more])


ALL_LANES: frozenset[Lane] = frozenset({"express", "registration", "emergency", "peer"})


def lane(kind: str, found: Fit, level: Level = "high", lanes: frozenset[Lane] = ALL_LANES) -> Lane:
    model = found.model.metadata.name if found.model else None
    if kind == "standard" and model is None:
        model = "absent"
    change = request_of(request_document(type=kind, model=model))
    return lane_of(change, level=level, fit=found, policies_lanes=lanes)


def test_a_fitting_model_opens_the_lane_of_its_type() -> None:
    assert lane("standard", Fit(change_model()), "low") == "express"
    assert lane("standard", Fit(change_model()), "medium") == "express"
    assert lane("registration", Fit(change_model(type="registration")), "low") == "registration"
    assert lane("normal", Fit(change_model(type="normal"))) == "board"


def test_high_risk_is_never_express() -> None:
    assert lane("standard", Fit(change_model()), "high") == "board"
    assert lane("standard", Fit(change_model()), "critical") == "board"


def test_high_risk_is_registered_only_where_the_model_says_so() -> None:
    assert lane("registration", Fit(change_model(type="registration"))) == "board"
    model = change_model(type="registration", limits={"risk": "critical"})
    assert lane("registration", Fit(model)) == "registration"


@pytest.mark.parametrize("kind", ["standard", "registration", "emergency"])
def test_what_touches_the_judge_goes_by_risk(kind: str) -> None:
    change = request_of(request_document(type=kind))
    fit = Fit(change_model(type=kind))
    found = lane_of(change, level="high", fit=fit, policies_lanes=ALL_LANES, judge=True)
    assert found == "board"


@pytest.mark.parametrize("effect", ["deny", "pending", "advise"])
def test_any_finding_closes_that_lane(effect: Any) -> None:
    found = (Finding(rule="model-check", message="no", effect=effect),)
    assert lane("standard", Fit(change_model(), found), "low") == "peer"
    assert lane("registration", Fit(change_model(type="registration"), found), "low") == "peer"


def test_no_model_or_one_of_another_type_opens_no_lane() -> None:
    assert lane("standard", Fit(None)) == "board"
    assert lane("registration", Fit(None)) == "board"
    assert lane("standard", Fit(change_model(type="registration"))) == "board"
    assert lane("registration", Fit(change_model())) == "board"


def test_an_emergency_takes_its_lane_only_where_somebody_is_asked_in_it() -> None:
    assert lane("emergency", Fit(None)) == "emergency"
    assert lane("emergency", Fit(None), lanes=ALL_LANES - {"emergency"}) == "board"


def test_everything_else_goes_by_risk() -> None:
    lanes = [lane("normal", Fit(None), level) for level in LEVELS]
    assert lanes == ["peer", "team", "board", "board"]
