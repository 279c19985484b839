"""What expressions are shown of a change: each figure is the one that it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.edits import only_said, under, with_request
from support.rules import rule, rule_set
from support.scenes import SCAN, edited
from support.world import APPROVALS, CHG, CONFIG, SERVICES, only

from itil_gate.decide.gate import decide
from itil_gate.decide.values import Values
from itil_gate.model.facts import DiffEntry, ExternalResult, HistoryFacts, SignatureFact
from itil_gate.model.finding import Finding

if TYPE_CHECKING:
    from support.scenes import Scenes

    from itil_gate.model.facts import Inputs

WINDOW = "  window: {start: 2026-03-04T10:00, end: 2026-03-04T11:30, timezone: UTC, soak: 30m}\n"
FREEZE = """\
apiVersion: itil-gate/v1
kind: Calendar
metadata: {name: frozen, owner: change-authority, reviewBy: 2027-01-01}
spec:
  freezes:
    - {id: quarter, reason: Books close., start: "2026-03-04T11:45", end: "2026-03-09T00:00",
       timezone: UTC}
"""
WORLD = (
    SERVICES
    + "---\n"
    + SERVICES.replace("payments-api", "shop")
    .replace("src/** deploy/** db/**", "shop/**")
    .replace(
        "lifecycle: production", "lifecycle: experimental, dependsOn: [component:payments-api]"
    )
)


def holds(inputs: Inputs, expression: str) -> bool:
    """Tell whether an expression of a hard rule holds for the inputs."""
    text = rule_set(rule(expression, name="told", enforcement="hard"))
    decision = decide(under(only_said(inputs), {"policies/told.yaml": text}))
    (state,) = (one.state for one in only(decision).rules if one.rule == "told")
    assert state in ("SATISFIED", "UNSATISFIED")
    return state == "SATISFIED"


@pytest.mark.parametrize(
    "expression",
    [
        "diff.files == 5 && diff.added == 1 && diff.modified == 4 && diff.deleted == 0",
        "diff.requests == 1 && !diff.judge && !diff.judgeOnly",
        "!diff.placed",
        "'src/app.py' in diff.paths && diff.paths.size() == 5",
        "people.contributors == 1 && people.unproved == 0 && !people.agents",
        "risk.level == 'high' && risk.rank == 2 && risk.declared == ''",
        "lane == 'board'",
        "services.size() == 1 && services.all(s, s.name == 'payments-api' && s.known)",
        "services.all(s, s.tier == 2 && s.lifecycle == 'production')",
        "services.all(s, s.declared && s.owned && s.dependents == 0)",
        "!schedule.planned && !schedule.inFreeze && schedule.freezes.size() == 0",
        "evidence.kinds.size() == 0 && evidence.checks.size() == 0",
        "change.metadata.requester == 'alice'",
    ],
)
def test_the_sealed_merge_is_shown_as_it_is(scenes: Scenes, expression: str) -> None:
    assert holds(scenes.sealed, expression)
    assert not holds(scenes.sealed, f"!({expression})")


SCORED = """\
apiVersion: itil-gate/v1
kind: RiskModel
metadata: {name: scored, owner: change-authority, reviewBy: 2027-01-01}
spec:
  impact: {unknownTier: 4}
  card: change-failure
  matrix: [[0, 1, 2, 3], [10, 11, 12, 13], [20, 21, 22, 23], [30, 31, 32, 33], [40, 41, 42, 43]]
  bands: [{level: low, upTo: 100}]
"""
QUIET = HistoryFacts(
    changes=500, failures=1, complete=True, base_ppm=2000, hours_since_failure=5, file_ratio=9000
)


def test_a_score_is_shown_with_what_it_is_made_of(scenes: Scenes) -> None:
    inputs = under(scenes.sealed, {"policies/risk.yaml": SCORED})
    assert holds(inputs, "has(risk.score) && risk.score == 32 && risk.level == 'low'")
    assert holds(inputs, "has(risk.impact) && risk.impact == 4 && risk.likelihood == 'unknown'")
    known = edited(inputs, history=QUIET)
    found = only(decide(known)).risk.likelihood
    assert found is not None
    assert found.points != 0
    assert holds(
        known,
        f"has(risk.points) && risk.points == {found.points} && "
        f"risk.likelihood == '{found.likelihood}'",
    )
    assert holds(scenes.sealed, "!has(risk.score) && !has(risk.impact) && !has(risk.points)")
    raised = with_request(scenes.sealed, "  reason:", "  risk: critical\n  reason:")
    assert holds(raised, "risk.declared == 'critical' && risk.rank == 3")


def test_every_stage_sees_the_ones_before(scenes: Scenes) -> None:
    asked = APPROVALS.replace(
        "role: change-authority, min: 1}",
        "role: change-authority, min: 1, when: \"risk.rank >= 0 && lane == 'board'\"}",
    )
    assert asked != APPROVALS
    inputs = under(scenes.sealed, {"policies/approvals.yaml": asked})
    assert holds(inputs, "risk.rank == 2 && lane == 'board' && diff.files == 5")


def test_without_an_expression_there_is_nothing_to_show() -> None:
    with pytest.raises(TypeError, match="no expression"):
        _ = Values(None).all


def test_functions_see_the_changed_paths_and_the_day(scenes: Scenes) -> None:
    assert holds(scenes.sealed, "touches('src/**') && count('db/*') == 1 && !touches('lib/**')")
    assert holds(scenes.sealed, "daysUntil('2026-03-05') == 3")
    assert holds(scenes.sealed, "now == timestamp('2026-03-02T12:00:00Z')")


def test_what_the_catalogue_does_not_say_is_shown_as_not_said(scenes: Scenes) -> None:
    bare = SERVICES.replace('itil-gate.dev/tier: "2", ', "").replace(", lifecycle: production", "")
    inputs = under(scenes.sealed, {"services/payments.yaml": bare})
    assert holds(
        inputs,
        "services.all(s, s.tier == 0 && s.lifecycle == '' && s.dataClass == '' && s.known)",
    )
    more = SERVICES.replace(
        "annotations: {", "annotations: {itil-gate.dev/data-class: secret, itil-gate.dev/pci: yes, "
    ).replace("pci: yes", 'pci: "yes"')
    inputs = with_request(
        under(scenes.sealed, {"services/payments.yaml": more}),
        "[payments-api]",
        "[payments-api, zoo]",
    )
    assert holds(
        inputs,
        "services.map(s, s.dataClass) == ['secret', ''] && "
        "services.map(s, 'pci' in s.annotations) == [true, false]",
    )


def test_all_dependents_are_counted_however_far(scenes: Scenes) -> None:
    chain = "".join(
        f"---\n{SERVICES}".replace("payments-api", f"s{number}")
        .replace("src/** deploy/** db/**", f"s{number}/**")
        .replace("lifecycle:", f"dependsOn: [component:{before}], lifecycle:")
        for number, before in enumerate(["payments-api", "s0", "s1", "s2", "s3"])
    )
    inputs = under(scenes.sealed, {"services/payments.yaml": SERVICES + chain})
    assert holds(inputs, "services.all(s, s.dependents == 5)")


def test_a_diff_that_needs_no_request_is_not_the_judges_alone(scenes: Scenes) -> None:
    docs = tuple(one for one in scenes.sealed.facts.diff if one.path.startswith("docs/"))
    assert docs
    assert holds(edited(scenes.sealed, diff=docs), "!diff.judge && !diff.judgeOnly")


def test_a_freeze_now_is_shown_to_what_is_not_planned(scenes: Scenes) -> None:
    now = FREEZE.replace("2026-03-04T11:45", "2026-03-02T11:45")
    inputs = under(scenes.sealed, {"calendar/frozen.yaml": now})
    assert holds(
        inputs, "!schedule.planned && schedule.inFreeze && schedule.freezes == ['quarter']"
    )
    assert holds(inputs, "!has(schedule.start) && !has(schedule.minutes)")


def test_a_plan_for_today_gives_no_notice(scenes: Scenes) -> None:
    today = WINDOW.replace("2026-03-04", "2026-03-02")
    inputs = with_request(
        scenes.sealed, "  reason:", today.replace("T11:30", "T19:30") + "  reason:"
    )
    assert holds(inputs, "has(schedule.noticeDays) && schedule.noticeDays == 0")


def test_deletions_and_changes_of_kind_are_counted(scenes: Scenes) -> None:
    kinds = dict(zip(("src/app.py", "db/schema.sql"), "DT", strict=True))
    diff = tuple(
        one.model_copy(update={"status": kinds.get(one.path, one.status)})
        for one in scenes.sealed.facts.diff
    )
    inputs = edited(scenes.sealed, diff=diff)
    assert holds(inputs, "diff.deleted == 1 && diff.modified == 3 && diff.added == 1")


def test_the_judge_is_told_apart_from_what_it_judges(scenes: Scenes) -> None:
    (one, *_) = (entry for entry in scenes.sealed.facts.diff if entry.path == "src/app.py")
    judge = one.model_copy(update={"path": "policies/risk.yaml"})
    rest = scenes.sealed.facts.diff
    assert holds(edited(scenes.sealed, diff=(*rest, judge)), "diff.judge && !diff.judgeOnly")
    assert holds(edited(scenes.sealed, diff=(judge,)), "diff.judge && diff.judgeOnly")
    placed = CONFIG.replace('paths: ["deploy/**"]', 'paths: ["deploy/**", "src/**", "db/**"]')
    inputs = under(edited(scenes.sealed, diff=(*rest, judge)), {"itil-gate.yaml": placed})
    assert holds(inputs, "diff.placed")


def test_people_are_counted_with_what_is_not_proved(scenes: Scenes) -> None:
    (commit, *rest) = scenes.sealed.facts.commits
    helper = commit.author.model_copy(update={"email": "helper@example.com"})
    odd = commit.model_copy(update={"author": helper, "signature": SignatureFact()})
    inputs = edited(scenes.sealed, commits=(odd, *rest))
    assert holds(inputs, "people.contributors == 3 && people.unproved == 1 && people.agents")


def test_services_are_shown_with_what_hangs_on_them(scenes: Scenes) -> None:
    inputs = under(scenes.sealed, {"services/payments.yaml": WORLD})
    assert holds(inputs, "services.all(s, s.dependents == 1)")
    more = with_request(inputs, "[payments-api]", "[payments-api, shop, zoo]")
    assert holds(
        more,
        "services.map(s, s.name) == ['payments-api', 'shop', 'zoo'] && "
        "services.map(s, s.owned) == [true, false, false] && "
        "services.map(s, s.known) == [true, true, false] && "
        "services.map(s, s.declared) == [true, true, true] && "
        "services.map(s, s.lifecycle) == ['production', 'experimental', ''] && "
        "services.map(s, s.tier) == [2, 2, 0]",
    )


def test_a_plan_is_shown_without_its_soak_and_frozen_with_it(scenes: Scenes) -> None:
    inputs = with_request(scenes.sealed, "  reason:", WINDOW + "  reason:")
    assert holds(inputs, "has(schedule.minutes) && schedule.minutes == 90")
    assert holds(inputs, "has(schedule.noticeDays) && schedule.noticeDays == 2")
    assert holds(inputs, "schedule.planned")
    assert holds(inputs, "!schedule.inFreeze")
    frozen = under(inputs, {"calendar/frozen.yaml": FREEZE})
    assert holds(frozen, "schedule.inFreeze && schedule.freezes == ['quarter']")
    assert holds(
        frozen,
        "has(schedule.start) && has(schedule.end) && "
        "schedule.end - schedule.start == duration('2h')",
    )


def result(tests: int = 3, fault: str = "", *failures: Finding) -> ExternalResult:
    return ExternalResult(
        name="scan", digest="e" * 64, format="sarif", tests=tests, fault=fault, failures=failures
    )


@pytest.mark.parametrize(
    ("given", "told", "failed"),
    [
        (result(), True, False),
        (result(1), True, False),
        (result(0), False, True),
        (result(3, "it is no JSON"), False, True),
        (result(3, "", Finding(rule="CVE", message="It is unsafe.")), True, True),
        (None, False, False),
    ],
)
def test_a_report_without_a_test_is_no_report(
    scenes: Scenes, given: ExternalResult | None, *, told: bool, failed: bool
) -> None:
    inputs = edited(scenes.sealed, external=(given,) if given else ())
    inputs = under(inputs, {"policies/scan.yaml": SCAN})
    assert holds(inputs, "'scan' in evidence.checks") is told
    assert holds(inputs, "'scan' in evidence.failed") is failed


def filed(scenes: Scenes, links: str, **edits: str) -> Inputs:
    """Return inputs whose request names evidence, and whose diff adds a report with these edits."""
    inputs = with_request(scenes.sealed, "  reason:", f"  evidence:\n    - {links}\n  reason:")
    report = DiffEntry(
        old_mode="000000", new_mode="100644", old_id="0" * 40, new_id="a" * 40, status="A",
        path="reports/scan.sarif",
    ).model_copy(update=edits)  # fmt: skip
    diff = sorted((*inputs.facts.diff, report), key=lambda one: one.path)
    return edited(inputs, diff=tuple(diff))


SARIF = "{kind: sarif, path: reports/scan.sarif}"


def test_a_report_that_is_added_and_named_is_there(scenes: Scenes) -> None:
    inputs = filed(scenes, f"{SARIF}\n    - {{kind: junit, path: gone.xml}}")
    assert holds(inputs, "evidence.kinds == ['junit', 'sarif']")
    assert holds(inputs, "evidence.present == ['sarif']")
    both = filed(scenes, f"{SARIF}\n    - {SARIF}\n    - {{kind: sarif, path: gone.sarif}}")
    assert holds(both, "evidence.present == ['sarif']")


@pytest.mark.parametrize(
    ("links", "edits"),
    [
        ("{kind: sarif, path: src/app.py}", {}),
        (SARIF, {"status": "M", "old_mode": "100644", "old_id": "b" * 40}),
        (SARIF, {"status": "M", "old_mode": "100755", "old_id": "a" * 40}),
        (SARIF, {"status": "D", "new_mode": "000000", "new_id": "0" * 40}),
        (SARIF, {"new_mode": "120000"}),
        (SARIF, {"new_mode": "160000"}),
        (SARIF, {"new_mode": "100755"}),
        (SARIF, {"new_id": "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"}),
        (f"{SARIF}\n    - {{kind: sbom, path: reports/scan.sarif}}", {}),
        ("{kind: sarif, path: policies/scan.sarif}", {"path": "policies/scan.sarif"}),
        ("{kind: sarif, path: .github/scan.sarif}", {"path": ".github/scan.sarif"}),
        (f"{{kind: sarif, path: changes/2026/{CHG}.yaml}}", {}),
    ],
)
def test_what_was_there_or_is_the_change_itself_is_no_evidence(
    scenes: Scenes, links: str, edits: dict[str, str]
) -> None:
    inputs = filed(scenes, links, **edits)
    assert holds(inputs, "evidence.present.size() == 0")
    assert holds(inputs, "'sarif' in evidence.kinds")
