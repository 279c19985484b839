"""What the rules of a branch come to: nothing that was not read is well."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import pytest

from itil_gate.audit.checked import RANK, Check, worst
from itil_gate.audit.forge_health import judge_books, judge_target
from itil_gate.audit.guarded import Guarded
from itil_gate.forge.values import Bypass, ForgeRules, RequiredCheck

if TYPE_CHECKING:
    from collections.abc import Iterable

CHANGED = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
APP = RequiredCheck(context="itil-gate", source="app:77")
ACTIONS = RequiredCheck(context="itil-gate", source="app:15368")
LOOSE = RequiredCheck(context="itil-gate", source=None)
TIGHT: dict[str, Any] = {
    "branch": "refs/heads/main",
    "protected": True,
    "checks": (APP,),
    "strict_checks": True,
    "pull_required": True,
    "approvals": 1,
    "dismiss_stale": True,
    "force_push": False,
    "deletion": False,
    "signed_commits": False,
    "merge_queue": False,
    "merge_methods": ("merge", "squash", "rebase"),
    "admins_included": True,
    "bypass": (),
    "workflow": "pinned",
    "on_creation": (),
    "changed_at": CHANGED,
}
Kind = Literal["github", "gitlab", "gitea"]


def target(kind: Kind = "github", *, recorded: bool = True, **loose: Any) -> dict[str, Check]:
    at = CHANGED + timedelta(days=1) if recorded else None
    guarded = Guarded(ForgeRules(**{**TIGHT, **loose}), kind, at)
    return by_topic(judge_target(guarded))


def books(kind: Kind = "github", **loose: Any) -> dict[str, Check]:
    rules = {"branch": "refs/heads/main", "protected": True, **loose}
    guarded = Guarded(ForgeRules(**rules), kind)
    return by_topic(judge_books(guarded, holds="approvals and rejections"))


def by_topic(checks: Iterable[Check]) -> dict[str, Check]:
    return {check.name.removeprefix("main "): check for check in checks}


def test_a_branch_whose_rules_are_tight_is_well() -> None:
    found = target()
    assert {check.status for check in found.values()} == {"OK"}
    assert len(found) == 15
    assert not any(check.mend for check in found.values())


def test_what_was_not_read_is_never_well() -> None:
    why = "branch protection: needs Administration: read"
    rules = ForgeRules(branch="refs/heads/main", unread=(why,))
    found = judge_target(Guarded(rules, "github"))
    assert {check.status for check in found} == {"NOT KNOWN"}
    assert {check.mend for check in found} == {why}
    assert RANK[worst(found)] == 1
    assert {one.status for one in judge_books(Guarded(rules, "github"), holds="x")} == {"NOT KNOWN"}


@pytest.mark.parametrize("name", sorted(set(TIGHT) - {"branch", "approvals", "merge_queue"}))
def test_each_thing_that_was_not_read_is_told_by_itself(name: str) -> None:
    found = target(**{name: None})
    unread = {topic for topic, check in found.items() if check.status == "NOT KNOWN"}
    assert unread, name
    assert all("no permission shows it here" in found[topic].mend for topic in unread)


def test_a_branch_without_protection_is_a_failure_and_not_an_allowance() -> None:
    (check,) = target(protected=False).values()
    assert check.status == "FAIL"
    assert "whoever may write can push to it" in check.message


def test_people_who_are_exempt_are_named_for_the_trace_they_do_not_leave() -> None:
    listed = (
        Bypass(who="deploy-keys", mode="exempt"),
        Bypass(who="team:3", mode="pull-request"),
        Bypass(who="user:9", mode="exempt"),
    )
    check = target(bypass=listed)["who is not bound"]
    assert check.status == "ATTENTION"
    assert "deploy-keys, user:9: exempt, which leaves no trace" in check.message
    assert "team:3 (pull-request) may pass the rules" in check.message
    assert "override" in check.mend


def test_signed_commits_and_a_queue_that_signs_none_are_told() -> None:
    check = target(signed_commits=True, merge_queue=True)["signed commits"]
    assert check.status == "ATTENTION"
    assert "merge queue makes commits that may be unsigned" in check.message
    rebased = target(signed_commits=True)["signed commits"]
    assert rebased.status == "ATTENTION"
    assert "rebase" in rebased.message
    assert target(signed_commits=True, merge_methods=("merge",))["signed commits"].status == "OK"
    unread = target(signed_commits=True, merge_methods=("merge",), merge_queue=None)
    assert unread["signed commits"].status == "NOT KNOWN"


def test_what_each_kind_of_rule_lets_in_on_a_new_branch_is_told() -> None:
    classic = target(on_creation=("unsigned",), deletion=True)["made anew"]
    ruled = target(on_creation=("unsigned-elsewhere", "unchecked"), deletion=True)["made anew"]
    assert (classic.status, ruled.status) == ("ATTENTION", "ATTENTION")
    assert "branch protection asks no commit for a signature" in classic.message
    assert "commits that another branch holds" in ruled.message
    assert "required checks are not asked for" in ruled.message
    kept = target(on_creation=("unsigned",), deletion=False)["made anew"]
    assert kept.status == "OK"
    assert "cannot be deleted" in kept.message
    assert target(on_creation=("unsigned",), deletion=None)["made anew"].status == "ATTENTION"


def test_rules_that_changed_after_the_newest_record_are_told() -> None:
    assert target()["changes of the rules"].status == "OK"
    later = CHANGED + timedelta(days=2)
    check = target(changed_at=later)["changes of the rules"]
    assert check.status == "ATTENTION"
    assert "2026-11-22 08:00" in check.message
    assert "2026-11-21 08:00" in check.message
    assert check.mend == "itil-gate audit reconcile"
    unrecorded = target(recorded=False)["changes of the rules"]
    assert unrecorded.status == "ATTENTION"
    assert "no landing is on record here" in unrecorded.message


def test_a_forge_that_does_not_wait_for_the_gate_is_a_failure() -> None:
    other = RequiredCheck(context="tests", source="app:77")
    check = target(checks=(other,), workflow="writers")["required check"]
    assert check.status == "FAIL"
    assert "required are tests" in check.message
    assert target(checks=(other,))["required check"].status == "ATTENTION"
    assert target("gitea", checks=(other,))["required check"].status == "FAIL"


@pytest.mark.parametrize(
    ("checks", "workflow", "source", "flow"),
    [
        ((APP,), "writers", "OK", "OK"),
        ((APP, LOOSE), "writers", "OK", "OK"),
        ((ACTIONS,), "writers", "ATTENTION", "ATTENTION"),
        ((ACTIONS,), "restricted", "ATTENTION", "OK"),
        ((ACTIONS,), "pinned", "OK", "OK"),
        ((LOOSE,), "pinned", "ATTENTION", "OK"),
        ((LOOSE,), "writers", "ATTENTION", "ATTENTION"),
    ],
)
def test_who_can_answer_for_the_gate_depends_on_app_and_workflow(
    checks: tuple[RequiredCheck, ...], workflow: str, source: str, flow: str
) -> None:
    found = target(checks=checks, workflow=workflow)
    assert (found["source of the check"].status, found["workflow"].status) == (source, flow)


def test_a_pipeline_of_another_project_binds_on_gitlab() -> None:
    pipeline = RequiredCheck(context="pipeline", source=None)
    bound = target("gitlab", checks=(pipeline,))
    assert (bound["required check"].status, bound["workflow"].status) == ("OK", "OK")
    own = target("gitlab", checks=(pipeline,), workflow="writers")
    assert own["workflow"].status == "ATTENTION"
    assert "another project" in own["workflow"].mend
    assert target("gitea", checks=(pipeline,))["required check"].status == "FAIL"


def test_an_external_check_of_gitlab_is_known_by_its_number_and_binds_less() -> None:
    named = RequiredCheck(context="change management", source="external-check:12")
    rules = ForgeRules(**{**TIGHT, "checks": (named,)})
    found = by_topic(judge_target(Guarded(rules, "gitlab", CHANGED, check=12)))
    assert found["required check"].status == "OK"
    assert found["source of the check"].status == "ATTENTION"
    assert "whoever may approve on GitLab can answer" in found["source of the check"].message
    for other in (11, None):
        found = by_topic(judge_target(Guarded(rules, "gitlab", CHANGED, check=other)))
        assert found["required check"].status == "FAIL"


def test_no_permission_is_named_for_what_is_never_asked_of_a_forge() -> None:
    why = ("approval rules: need GitLab Premium",)
    found = target("gitlab", changed_at=None, dismiss_stale=None, unread=why)
    assert found["stale reviews"].mend == why[0]
    assert "no permission shows it here" in found["changes of the rules"].mend


@pytest.mark.parametrize(
    ("loose", "topic", "status"),
    [
        ({"force_push": True}, "force-push", "FAIL"),
        ({"deletion": True}, "deletion", "FAIL"),
        ({"pull_required": False}, "direct pushes", "ATTENTION"),
        ({"pull_required": False, "checks": ()}, "direct pushes", "FAIL"),
        ({"admins_included": False}, "administrators", "ATTENTION"),
        ({"dismiss_stale": False}, "stale reviews", "ATTENTION"),
        ({"strict_checks": False}, "up to date", "ATTENTION"),
        ({"strict_checks": False, "merge_queue": True}, "up to date", "OK"),
        ({"merge_methods": ()}, "merge methods", "ATTENTION"),
        ({"bypass": (Bypass(who="role:admin"),)}, "who is not bound", "ATTENTION"),
    ],
)
def test_each_rule_that_is_loose_is_told(loose: dict[str, Any], topic: str, status: str) -> None:
    check = target(**loose)[topic]
    assert check.status == status
    assert bool(check.mend) == (status != "OK")


def test_every_merge_method_that_is_on_is_listed_with_the_queue() -> None:
    message = target(merge_queue=True)["merge methods"].message
    assert message.startswith("merge, squash, rebase, queue: ")
    untold = target(merge_queue=None)["merge methods"]  # whichever it is, it is proved
    assert untold.status == "OK"
    assert "whether a queue is on too is not told" in untold.message


def test_branches_of_evidence_have_to_grow_and_nothing_else() -> None:
    well = {"force_push": False, "deletion": False, "bypass": ()}
    assert {one.status for one in books(**well).values()} == {"OK"}
    assert books(**{**well, "force_push": True})["force-push"].status == "FAIL"
    assert books(**{**well, "deletion": True})["deletion"].status == "FAIL"
    (open_,) = books(protected=False).values()
    assert open_.status == "FAIL"
    assert "can drop approvals and rejections" in open_.message


def test_branches_of_evidence_that_nobody_can_add_to_are_told() -> None:
    well = {"force_push": False, "deletion": False, "bypass": ()}
    assert books(**well, pull_required=True)["pushes"].status == "ATTENTION"
    assert books(**well, checks=(APP,))["pushes"].status == "ATTENTION"
    listed = {**well, "bypass": (Bypass(who="user:gate"),)}
    assert "pushes" not in books("gitea", **listed, pull_required=True)
