"""What expressions are shown of a change: each figure is the one that it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.edits import only_said, under, with_request
from support.rules import rule, rule_set
from support.scenes import SCAN, edited
from support.world import CONFIG, SERVICES, broken

from itil_gate.decide.gate import decide
from itil_gate.model.facts import ExternalResult, SignatureFact
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
    return "told" not in broken(decide(under(only_said(inputs), {"policies/told.yaml": text})))


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


def test_evidence_is_there_only_where_its_file_comes_with_the_change(scenes: Scenes) -> None:
    links = (
        "  evidence:\n    - {kind: test-report, path: src/app.py}\n"
        "    - {kind: review, path: gone.md}\n"
    )
    inputs = with_request(scenes.sealed, "  reason:", f"{links}  reason:")
    assert holds(inputs, "evidence.kinds == ['review', 'test-report']")
    assert holds(inputs, "evidence.present == ['test-report']")
    deleted = tuple(
        one.model_copy(update={"status": "D"}) if one.path == "src/app.py" else one
        for one in inputs.facts.diff
    )
    assert holds(edited(inputs, diff=deleted), "evidence.present.size() == 0")
