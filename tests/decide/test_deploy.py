"""The deploy gate by itself: each rule speaks up for its own reason and for no other."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from support.world import APPROVALS, CONFIG, RISK, SERVICES, request_file

from itil_gate.decide.deploy import RULES, UNBENDING, judge_release
from itil_gate.decide.deploy_facts import (
    Attempt,
    DeployFacts,
    Landed,
    Provenance,
    Released,
    in_force,
)
from itil_gate.decide.gate import read_requests
from itil_gate.model.frozen import replace
from itil_gate.model.policy import Source
from itil_gate.model.record import Obligation, RefUpdate, ReleaseRecord
from itil_gate.policy.compile import compile_policies

if TYPE_CHECKING:
    from itil_gate.model.change import ChangeRequest
    from itil_gate.model.policy import PolicySet
    from itil_gate.model.record import Reason

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CHG, OTHER = "CHG-2026-AAAA0001", "CHG-2026-AAAA0002"
A, B, C, D = ("a" * 40, "b" * 40, "c" * 40, "d" * 40)
DIGEST = "sha256:" + "1" * 64
PEOPLE = """\
apiVersion: itil-gate/v1
kind: People
persons: [{id: alice, name: Alice, emails: [alice@example.com]}]
roles: [{role: change-authority, members: [alice]}]
"""
FREEZE = """\
apiVersion: itil-gate/v1
kind: Calendar
metadata: {name: closing, owner: change-authority, reviewBy: 2027-01-01}
spec:
  freezes:
    - id: month-end
      reason: Accounts are closed.
      start: "2026-03-02T00:00"
      end: "2026-03-03T00:00"
      timezone: UTC
"""


def _policies(more: str = "", **files: str) -> PolicySet:
    texts = {
        "itil-gate.yaml": CONFIG + more,
        "people.yaml": PEOPLE,
        "services/payments.yaml": SERVICES,
        "policies/risk.yaml": RISK,
        "policies/approvals.yaml": APPROVALS,
        **files,
    }
    return compile_policies(
        Source(path=path, blob="0" * 40, text=text) for path, text in sorted(texts.items())
    )


def _update(before: str, after: str, **given: object) -> RefUpdate:
    said: dict[str, object] = {
        "repository": "example.com/acme/payments",
        "ref": "refs/heads/main",
        "before": before,
        "after": after,
        "standing": "authorised",
        "reason": "it was",
        "changes": (CHG,),
        "services": ("payments-api",),
        "recorded_at": NOW,
    }
    return RefUpdate.model_validate(said | given)


def _release(commit: str, environment: str = "production", **given: object) -> ReleaseRecord:
    said: dict[str, object] = {
        "repository": "example.com/acme/payments",
        "nonce": "REL-2026-00000001",
        "environment": environment,
        "commit": commit,
        "artifact": DIGEST,
        "deployer": "pipeline",
        "started_at": NOW,
        "decision": 3,
    }
    return ReleaseRecord.model_validate(said | given)


def _requests(extra: str = "", *, kind: str = "normal") -> tuple[ChangeRequest, ...]:
    text = request_file(CHG, extra=extra, kind=kind)
    asked, faults = read_requests([Source(path=f"changes/{CHG}.yaml", blob="0" * 40, text=text)])
    assert not faults
    return tuple(one.change for one in asked)


ATTEMPT = Attempt("production", B, DIGEST, (), NOW, backout=False)
GOOD = DeployFacts(
    attempt=ATTEMPT,
    on_target=True,
    steps=((A, B),),
    backward=False,
    updates=(Landed(5, _update(A, B)),),
    releases=(),
    requests=_requests(),
    paths=("src/app.py",),
)


def _failed(facts: DeployFacts, policies: PolicySet | None = None) -> list[str]:
    return [one.rule for one in judge_release(facts, policies or _policies()).failed]


def test_what_is_authorised_is_let_in_and_every_rule_is_answered() -> None:
    found = judge_release(GOOD, _policies())
    assert not found.failed
    assert {one.rule for one in found.reasons} == set(RULES) - {"not-released-before"}
    assert (found.updates, found.changes) == ((5,), (CHG,))


def test_an_environment_that_is_not_listed_is_refused() -> None:
    listed = _policies("release: {environments: [production]}\n")
    assert _failed(GOOD, listed) == []
    elsewhere = replace(GOOD, attempt=replace(ATTEMPT, environment="prod"))
    assert _failed(elsewhere, listed) == ["unknown-environment"]


@pytest.mark.parametrize("standing", ["unauthorised", "before-adoption"])
def test_what_was_not_authorised_is_refused(standing: str) -> None:
    facts = replace(GOOD, updates=(Landed(5, _update(A, B, standing=standing)),))
    assert _failed(facts) == ["unauthorised-update"]


def test_what_was_overridden_is_let_in() -> None:
    facts = replace(GOOD, updates=(Landed(5, _update(A, B, standing="overridden")),))
    assert _failed(facts) == []


def test_every_step_has_to_be_recorded() -> None:
    facts = replace(GOOD, steps=((A, B), (B, C)), attempt=replace(ATTEMPT, commit=C))
    assert _failed(facts) == ["unrecorded-update"]


def test_an_update_that_ends_elsewhere_says_nothing_about_these_steps() -> None:
    facts = replace(GOOD, updates=(Landed(5, _update(A, D)),))
    assert _failed(facts) == ["unrecorded-update"]


def test_the_last_word_on_a_step_counts() -> None:
    bad, good = _update(A, B, standing="unauthorised"), _update(A, B)
    assert _failed(replace(GOOD, updates=(Landed(5, bad), Landed(9, good)))) == []
    assert _failed(replace(GOOD, updates=(Landed(5, good), Landed(9, bad)))) == [
        "unauthorised-update"
    ]


def test_an_update_over_several_steps_holds_them_all() -> None:
    facts = replace(
        GOOD,
        steps=((A, B), (B, C)),
        attempt=replace(ATTEMPT, commit=C),
        updates=(Landed(5, _update(A, C)),),
    )
    assert _failed(facts) == []


def test_a_window_is_kept() -> None:
    window = '  window: {start: "2026-03-02T13:00", end: "2026-03-02T14:00", timezone: UTC}\n'
    facts = replace(GOOD, requests=_requests(window))
    for minutes, failed in ((0, True), (60, False), (119, False), (120, True)):
        attempt = replace(ATTEMPT, now=NOW + timedelta(minutes=minutes))
        expected = ["outside-window"] if failed else []
        assert _failed(replace(facts, attempt=attempt)) == expected, minutes


def test_a_window_for_another_environment_does_not_bind() -> None:
    window = '  window: {start: "2026-03-05T13:00", end: "2026-03-05T14:00", timezone: UTC}\n'
    facts = replace(GOOD, requests=_requests(window))
    assert _failed(replace(facts, attempt=replace(ATTEMPT, environment="staging"))) == []


def test_a_freeze_holds_back_all_but_emergencies() -> None:
    frozen = _policies(**{"policies/calendar.yaml": FREEZE})
    assert _failed(GOOD, frozen) == ["in-freeze"]
    urgent = replace(GOOD, updates=(Landed(5, _update(A, B, urgent=True)),))
    assert _failed(urgent, frozen) == []
    claimed = replace(GOOD, requests=_requests(kind="emergency"))
    assert _failed(claimed, frozen) == ["in-freeze"]  # the request's word alone is none


def test_an_artefact_has_one_commit() -> None:
    facts = replace(GOOD, releases=(Released(3, _release(C, "staging"), "failed"),))
    assert _failed(facts) == ["digest-of-another-commit"]


def test_an_artefact_has_to_succeed_where_policy_says_first() -> None:
    policies = _policies("release: {after: {production: staging}}\n")
    assert _failed(GOOD, policies) == ["promotion-skipped"]
    for outcome, expected in (("failed", ["promotion-skipped"]), (None, ["promotion-skipped"])):
        tried = (Released(3, _release(B, "staging"), outcome),)
        assert _failed(replace(GOOD, releases=tried), policies) == expected
    done = (Released(3, _release(B, "staging"), "success"),)
    assert _failed(replace(GOOD, releases=done), policies) == []
    urgent = replace(GOOD, updates=(Landed(5, _update(A, B, urgent=True)),))
    assert _failed(urgent, policies) == []


def test_provenance_has_to_hold_where_it_is_given_and_be_there_where_it_is_asked_for() -> None:
    asking = _policies("release: {provenance: attested}\n")
    good = Provenance("builder", frozenset({DIGEST}), frozenset({B}))
    assert _failed(GOOD) == []
    assert _failed(GOOD, asking) == ["provenance"]
    assert _failed(replace(GOOD, provenance=good), asking) == []
    for bad in (
        replace(good, artifacts=frozenset()),
        replace(good, commits=frozenset({C})),
        replace(good, fault="it proves nothing"),
    ):
        assert _failed(replace(GOOD, provenance=bad)) == ["provenance"]


def test_a_commit_has_to_follow_what_runs() -> None:
    assert _failed(replace(GOOD, backward=True)) == ["out-of-order"]


def test_what_was_released_with_success_can_be_taken_back_in_at_any_time() -> None:
    frozen = _policies(**{"policies/calendar.yaml": FREEZE})
    back = replace(GOOD, attempt=replace(ATTEMPT, backout=True), backward=True, updates=())
    assert _failed(back, frozen) == ["not-released-before"]
    for outcome, expected in (("success", []), ("failed", ["not-released-before"])):
        before = (Released(3, _release(B), outcome),)
        assert _failed(replace(back, releases=before), frozen) == expected
    other = (Released(3, _release(B, artifact="sha256:" + "2" * 64), "success"),)
    assert _failed(replace(back, releases=other), frozen) == ["not-released-before"]


def _owed(**given: object) -> Obligation:
    said: dict[str, object] = {
        "repository": "example.com/acme/payments",
        "id": "OBL-1",
        "duty": "review",
        "change": CHG,
        "because": "it failed",
        "source": 4,
        "owner": "alice",
        "services": ("payments-api",),
        "due": NOW,
        "opened_at": NOW - timedelta(days=7),
    }
    return Obligation.model_validate(said | given)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ["obligation-overdue"]),
        ({"due": NOW + timedelta(seconds=1)}, []),
        ({"services": ("webshop",)}, []),
        ({"services": ()}, ["obligation-overdue"]),
    ],
)
def test_what_is_overdue_holds_back_the_services_it_is_about(
    given: dict[str, object], expected: list[str]
) -> None:
    assert _failed(replace(GOOD, debts=(_owed(**given),))) == expected


def test_what_is_overdue_never_holds_back_an_emergency() -> None:
    urgent = (Landed(5, _update(A, B, urgent=True)),)
    facts = replace(GOOD, debts=(_owed(),), updates=urgent)
    assert _failed(facts) == []
    mixed = replace(
        facts,
        steps=((A, B), (B, C)),
        updates=(*urgent, Landed(6, _update(B, C))),
        attempt=replace(ATTEMPT, commit=C),
    )
    assert _failed(mixed) == ["obligation-overdue"]


def test_a_request_that_is_gone_is_noticed() -> None:
    assert _failed(replace(GOOD, requests=())) == ["request-unreadable"]


def test_what_says_that_a_thing_is_not_what_it_is_said_to_be_cannot_be_bent() -> None:
    listed = _policies("release: {environments: [production]}\n")
    bad = Provenance("builder", frozenset(), frozenset({B}))
    for facts, rule in (
        (replace(GOOD, attempt=replace(ATTEMPT, environment="prod")), "unknown-environment"),
        (replace(GOOD, on_target=False), "not-on-target"),
        (replace(GOOD, releases=(Released(3, _release(C), None),)), "digest-of-another-commit"),
        (replace(GOOD, provenance=bad), "provenance"),
        (replace(GOOD, attempt=replace(ATTEMPT, changes=(OTHER,))), "change-not-included"),
        (replace(GOOD, attempt=replace(ATTEMPT, backout=True)), "not-released-before"),
    ):
        assert _failed(facts, listed) == [rule]
        assert rule in UNBENDING
        assert rule in RULES
    assert set(RULES) - UNBENDING == {
        *("out-of-order", "unrecorded-update", "unauthorised-update", "request-unreadable"),
        *("outside-window", "in-freeze", "promotion-skipped", "obligation-overdue"),
        "undeclared-environment",
    }


def test_rules_are_listed_in_the_order_in_which_they_are_answered() -> None:
    answered = [one.rule for one in judge_release(GOOD, _policies()).reasons]
    assert [rule for rule in RULES if rule != "not-released-before"] == answered


# What is said -------------------------------------------------------------------------------------


def _told(facts: DeployFacts, rule: str, policies: PolicySet | None = None) -> Reason:
    (one,) = (
        one for one in judge_release(facts, policies or _policies()).reasons if one.rule == rule
    )
    return one


def _line(length: int) -> tuple[tuple[str, str], ...]:
    commits = [f"{number:02d}" * 20 for number in range(length + 1)]
    return tuple(itertools.pairwise(commits))


@pytest.mark.parametrize(("steps", "more"), [(1, ""), (10, ""), (11, " and 1 more")])
def test_ten_steps_that_nobody_recorded_are_named_with_what_would_record_all(
    steps: int, more: str
) -> None:
    line = _line(steps)
    facts = replace(GOOD, steps=line, updates=(), requests=())
    found = judge_release(facts, _policies())
    assert found.gaps == line
    one = _told(facts, "unrecorded-update")
    names = ", ".join(after[:12] for _, after in line[:10])
    assert one.message == f"nobody recorded how {names}{more} came onto the target"
    assert one.remedy == f"run `itil-gate check --merged {line[0][0]}..{line[-1][1]} --record`"
    assert _told(GOOD, "unrecorded-update").remedy is None


def test_what_lies_behind_a_hole_in_the_record_is_still_found() -> None:
    facts = replace(GOOD, steps=((A, B), (B, C)), updates=(Landed(5, _update(B, C)),))
    found = judge_release(facts, _policies())
    assert (found.gaps, found.updates) == (((A, B),), (5,))


def test_an_update_that_leads_back_holds_no_step() -> None:
    facts = replace(GOOD, steps=((A, B), (B, C), (C, D)), updates=(Landed(5, _update(C, B)),))
    assert judge_release(facts, _policies()).gaps == facts.steps
    both = replace(facts, updates=(Landed(5, _update(A, B)), Landed(6, _update(B, C))))
    assert judge_release(both, _policies()).gaps == ((C, D),)


def test_of_updates_that_begin_alike_the_one_recorded_last_holds() -> None:
    short, long = _update(A, B, standing="unauthorised"), _update(A, C)
    facts = replace(GOOD, steps=((A, B), (B, C)), attempt=replace(ATTEMPT, commit=C))
    for first, second in ((5, 9), (9, 5)):
        for updates in (
            (Landed(first, short), Landed(second, long)),
            (Landed(second, long), Landed(first, short)),
        ):
            failed = _failed(replace(facts, updates=updates))
            late = first == 9
            assert failed == (["unrecorded-update", "unauthorised-update"] if late else [])


def test_the_changes_of_a_release_are_listed_by_name() -> None:
    facts = replace(
        GOOD,
        steps=((A, B), (B, C)),
        updates=(
            Landed(5, _update(A, B, changes=("E", "B", "D"))),
            Landed(6, _update(B, C, changes=("A", "C"))),
        ),
    )
    assert judge_release(facts, _policies()).changes == ("A", "B", "C", "D", "E")
    assert _told(facts, "change-not-included").message == (
        "the changes of this release: A, B, C, D, E"
    )
    assert _told(facts, "request-unreadable").message == (
        "the request of A, B, C, D, E cannot be read at this commit"
    )
    none = replace(GOOD, updates=(Landed(5, _update(A, B, changes=())),))
    assert _told(none, "change-not-included").message == "the changes of this release: none"


def test_a_change_that_is_named_has_to_be_in_the_release() -> None:
    named = replace(GOOD, attempt=replace(ATTEMPT, changes=(CHG,)))
    assert _failed(named) == []
    more = replace(GOOD, attempt=replace(ATTEMPT, changes=(OTHER, CHG)))
    assert _failed(more) == ["change-not-included"]
    assert _told(more, "change-not-included").message == (
        f"{OTHER} is not in this release, which holds {CHG}"
    )


def test_a_recognised_change_has_no_request_to_read() -> None:
    name = "STD-text-0123456789ab"
    facts = replace(GOOD, updates=(Landed(5, _update(A, B, changes=(name,))),), requests=())
    assert _failed(facts) == []
    ends = replace(facts, updates=(Landed(5, _update(A, B, changes=("x-STD-",))),))
    assert _failed(ends) == ["request-unreadable"]


def test_the_windows_of_a_release_are_those_of_its_changes_here() -> None:
    window = '  window: {start: "2026-03-02T12:00", end: "2026-03-02T13:00", timezone: UTC}\n'
    (planned,) = judge_release(replace(GOOD, requests=_requests(window)), _policies()).windows
    assert (planned.start, planned.end) == (NOW, NOW + timedelta(hours=1))
    assert judge_release(GOOD, _policies()).windows == ()


def test_when_a_window_begins_or_when_it_ended_is_said() -> None:
    window = '  window: {start: "2026-03-02T13:00", end: "2026-03-02T14:00", timezone: UTC}\n'
    facts = replace(GOOD, requests=_requests(window))
    for hours, said in ((0, "begins at 2026-03-02 13:00"), (3, "ended at 2026-03-02 14:00")):
        attempt = replace(ATTEMPT, now=NOW + timedelta(hours=hours))
        one = _told(replace(facts, attempt=attempt), "outside-window")
        assert one.message == f"{CHG}: its window {said} UTC"


def test_what_was_not_authorised_is_named_with_its_entry() -> None:
    bad = _update(A, B, standing="unauthorised", reason="somebody pushed it")
    one = _told(replace(GOOD, updates=(Landed(5, bad),)), "unauthorised-update")
    assert one.message == "not authorised: bbbbbbbbbbbb (entry 5): somebody pushed it"


def test_a_commit_is_named_by_its_first_twelve_digits() -> None:
    assert _told(GOOD, "not-on-target").message.startswith("bbbbbbbbbbbb lies on ")
    away = _told(replace(GOOD, on_target=False), "not-on-target")
    assert away.message.startswith("bbbbbbbbbbbb does not lie on ")


def test_the_last_release_from_another_commit_is_named() -> None:
    releases = (Released(3, _release(C), "failed"), Released(7, _release(D), "success"))
    one = _told(replace(GOOD, releases=releases), "digest-of-another-commit")
    assert "from dddddddddddd before (entry 7)" in one.message
    others = (Released(3, _release(C, artifact="sha256:" + "2" * 64), "success"),)
    assert _failed(replace(GOOD, releases=others)) == []


def test_whether_a_builder_attests_is_said() -> None:
    good = Provenance("builder", frozenset({DIGEST}), frozenset({B}))
    assert _told(GOOD, "provenance").message.startswith("nobody attests ")
    attested = _told(replace(GOOD, provenance=good), "provenance")
    assert attested.message.startswith("the builder attests ")


def test_what_was_released_elsewhere_is_no_way_back_here() -> None:
    back = replace(GOOD, attempt=replace(ATTEMPT, backout=True))
    there = (Released(3, _release(B, "staging"), "success"),)
    assert _failed(replace(back, releases=there)) == ["not-released-before"]
    moved = (Released(3, _release(C), "success"),)
    assert "not-released-before" in _failed(replace(back, releases=moved))
    twice = (Released(3, _release(B), "success"), Released(8, _release(B), "success"))
    one = _told(replace(back, releases=twice), "not-released-before")
    assert (one.passed, one.message) == (
        True, "it was released there with success before (entry 8)",
    )  # fmt: skip


def test_only_this_artefact_in_the_environment_before_is_promoted() -> None:
    policies = _policies("release: {after: {production: staging}}\n")
    elsewhere = Released(3, _release(B, "review"), "success")
    another = Released(4, _release(B, "staging", artifact="sha256:" + "2" * 64), "success")
    for releases in ((), (elsewhere,), (another,), (elsewhere, another)):
        assert _failed(replace(GOOD, releases=releases), policies) == ["promotion-skipped"]


def test_what_is_released_again_is_promoted_too() -> None:
    """Nothing new landed, which is no emergency."""
    policies = _policies("release: {after: {production: staging}}\n")
    again = replace(GOOD, steps=(), updates=())
    assert _failed(again, policies) == ["promotion-skipped"]
    assert _failed(replace(again, debts=(_owed(services=()),))) == ["obligation-overdue"]


def test_why_no_environment_has_to_come_first_is_said() -> None:
    after = _policies("release: {after: {production: staging}}\n")
    done = replace(GOOD, releases=(Released(3, _release(B, "staging"), "success"),))
    urgent = replace(GOOD, updates=(Landed(5, _update(A, B, urgent=True)),))

    def said(facts: DeployFacts, policies: PolicySet) -> str:
        one = _told(facts, "promotion-skipped", policies)
        assert one.passed
        return one.message

    assert said(GOOD, _policies()) == "no environment has to come first"
    assert said(urgent, _policies()) == "no environment has to come first"
    assert said(done, after) == "it succeeded in staging before"
    assert said(urgent, after) == "an emergency goes where it is needed, without staging"


def test_what_is_overdue_is_named_with_who_owes_it() -> None:
    one = _told(replace(GOOD, debts=(_owed(),)), "obligation-overdue")
    assert one.message == (
        f"overdue: OBL-1 (review of {CHG}, owed by alice since 2026-03-02 12:00 UTC)"
    )


# Freezes ------------------------------------------------------------------------------------------

SHOP = """\
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: shop, annotations: {itil-gate.dev/paths: "shop/**"}}
spec: {type: service, lifecycle: production, dependsOn: ["component:payments-api"]}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: archive, annotations: {itil-gate.dev/paths: "db/**"}}
spec: {type: service, lifecycle: production}
"""


@pytest.mark.parametrize(
    ("scope", "paths", "met"),
    [
        ("{services: [payments-api]}", (), True),
        ("{services: [shop]}", (), True),
        ("{services: [archive]}", ("src/app.py",), False),
        ("{services: [archive]}", ("db/schema.sql",), True),
        ("{tiers: [2]}", (), True),
        ("{tiers: [1]}", (), False),
        ("{environments: [production]}", (), True),
        ("{environments: [staging]}", (), False),
    ],
)
def test_a_freeze_meets_what_changes_and_what_depends_on_it(
    scope: str, paths: tuple[str, ...], *, met: bool
) -> None:
    calendar = FREEZE.replace("      timezone: UTC", f"      timezone: UTC\n      scope: {scope}")
    files = {"policies/calendar.yaml": calendar, "services/payments.yaml": SERVICES + SHOP}
    expected = ["in-freeze"] if met else []
    assert _failed(replace(GOOD, paths=paths), _policies(**files)) == expected


def test_a_freeze_is_met_in_its_first_second_and_in_none_before() -> None:
    later = FREEZE.replace("2026-03-02T00:00", "2026-03-02T12:00")
    policies = _policies(**{"policies/calendar.yaml": later})
    assert _failed(GOOD, policies) == ["in-freeze"]
    before = replace(GOOD, attempt=replace(ATTEMPT, now=NOW - timedelta(seconds=1)))
    assert _failed(before, policies) == []


def test_a_freeze_holds_back_what_comes_beside_an_emergency() -> None:
    frozen = _policies(**{"policies/calendar.yaml": FREEZE})
    (first,) = _requests()
    second = first.model_copy(update={"metadata": first.metadata.model_copy(update={"id": OTHER})})
    facts = replace(
        GOOD,
        steps=((A, B), (B, C)),
        attempt=replace(ATTEMPT, commit=C),
        updates=(
            Landed(5, _update(A, B, urgent=True)),
            Landed(6, _update(B, C, changes=(OTHER,))),
        ),
        requests=(first, second),
    )
    one = _told(facts, "in-freeze", frozen)
    assert (one.passed, one.message) == (False, f"{OTHER} meets month-end")


def test_the_release_in_force_is_the_last_that_succeeded() -> None:
    releases = (
        Released(1, _release(A), "success"),
        Released(3, _release(B), "success"),
        Released(5, _release(C), "failed"),
        Released(7, _release(D), None),
        Released(9, _release(D, "staging"), "success"),
    )
    found = in_force(releases, "production")
    assert found is not None
    assert found.index == 3
    assert in_force(releases, "nowhere") is None


FROZEN_HERE = FREEZE.replace(
    "      timezone: UTC\n", "      timezone: UTC\n      scope: {environments: [production]}\n"
)
LISTED = "release: {environments: [staging, production], after: {production: staging}}\n"


def _declared(*environments: str) -> tuple[ChangeRequest, ...]:
    (request,) = _requests()
    spec = request.spec.model_copy(update={"environments": environments})
    return (request.model_copy(update={"spec": spec}),)


@pytest.mark.parametrize(
    ("change", "requests"), [(CHG, _declared("staging")), ("STD-text-0123456789ab", ())]
)
def test_a_freeze_asks_nobody_where_a_change_is_for(
    change: str, requests: tuple[ChangeRequest, ...]
) -> None:
    """The environment is that of the attempt: a request elsewhere, or none, is no way round it."""
    frozen = _policies(**{"calendar/freeze.yaml": FROZEN_HERE})
    update = Landed(5, _update(A, B, changes=(change,)))
    facts = replace(GOOD, updates=(update,), requests=requests)
    assert _failed(facts, frozen) == ["in-freeze"]
    (said,) = judge_release(facts, frozen).failed
    assert said.message == f"{change} meets month-end"
    elsewhere = replace(facts, attempt=replace(ATTEMPT, environment="staging"))
    assert _failed(elsewhere, frozen) == []


def test_a_freeze_holds_back_what_has_no_change_at_all() -> None:
    frozen = _policies(**{"calendar/freeze.yaml": FROZEN_HERE})
    bare = replace(GOOD, updates=(Landed(5, _update(A, B, changes=())),), requests=())
    assert [one.message for one in judge_release(bare, frozen).failed] == [
        "bbbbbbbbbbbb meets month-end"
    ]
    assert _failed(replace(GOOD, updates=()), frozen) == ["unrecorded-update", "in-freeze"]


def test_a_freeze_of_a_service_is_met_by_what_an_update_names() -> None:
    scoped = FREEZE.replace(
        "      timezone: UTC\n", "      timezone: UTC\n      scope: {services: [payments-api]}\n"
    )
    frozen = _policies(**{"calendar/freeze.yaml": scoped})
    named = replace(GOOD, paths=("docs/x.md",), requests=_declared("staging"))
    assert _failed(named, frozen) == ["in-freeze"]
    other = Landed(5, _update(A, B, changes=(), services=()))
    assert _failed(replace(named, updates=(other,), requests=()), frozen) == []


@pytest.mark.parametrize(
    ("named", "here", "rules"),
    [
        (("production",), "staging", []),
        (("staging",), "staging", []),
        (("staging",), "production", ["undeclared-environment"]),
        (("staging", "production"), "production", []),
    ],
)
def test_a_change_goes_where_it_was_declared_for_and_to_what_comes_before(
    named: tuple[str, ...], here: str, rules: list[str]
) -> None:
    listed = _policies(LISTED)
    before = Released(3, _release(B, "staging"), "success")
    facts = replace(
        GOOD,
        attempt=replace(ATTEMPT, environment=here),
        requests=_declared(*named),
        releases=(before,) if here == "production" else (),
    )
    assert _failed(facts, listed) == rules
    if rules:
        (said,) = judge_release(facts, listed).failed
        assert said.message == f"{CHG} is declared for staging, and was not judged for production"
    assert _failed(facts) == []


def test_a_recognised_change_goes_where_its_model_let_it() -> None:
    update = _update(A, B, changes=("STD-text-0123456789ab",), environments=("staging",))
    facts = replace(GOOD, updates=(Landed(5, update),), requests=())
    listed = _policies("release: {environments: [staging, production]}\n")
    assert _failed(facts, listed) == ["undeclared-environment"]
    here = replace(facts, attempt=replace(ATTEMPT, environment="staging"))
    assert _failed(here, listed) == []


def test_nothing_begins_in_the_time_after_a_window() -> None:
    """The soak is support for what was done; the merge gate still counts it for freezes."""
    window = (
        '  window: {{start: "2026-03-02T{}", end: "2026-03-02T{}", timezone: UTC, soak: 24h}}\n'
    )
    over = replace(GOOD, requests=_requests(window.format("10:00", "11:00")))
    (said,) = judge_release(over, _policies()).failed
    assert (said.rule, said.message) == (
        "outside-window",
        f"{CHG}: its window ended at 2026-03-02 11:00 UTC",
    )
    within = replace(GOOD, requests=_requests(window.format("11:30", "12:30")))
    found = judge_release(within, _policies())
    assert not found.failed
    assert [f"{one.end:%H:%M}" for one in found.windows] == ["12:30"]


def test_the_way_back_leads_backward() -> None:
    other = "sha256:" + "2" * 64
    first = Released(3, _release(A), "success")
    second = Released(7, _release(B, artifact=other), "success")
    back = Released(9, _release(A), "success")
    to_second = replace(ATTEMPT, artifact=other, backout=True)
    facts = replace(GOOD, attempt=to_second, releases=(first, second, back), forward=True)
    assert _failed(facts) == ["not-released-before"]
    (said,) = judge_release(facts, _policies()).failed
    assert "entry 9" in said.message
    # Of two artefacts of one commit too, and where neither commit follows the other.
    assert _failed(replace(facts, forward=False)) == ["not-released-before"]
    # Back from the second to the first, and to what runs there while a release that failed is left.
    to_first = replace(GOOD, attempt=replace(ATTEMPT, commit=A, backout=True))
    assert _failed(replace(to_first, releases=(first, second))) == []
    failed = Released(11, _release(C, artifact="sha256:" + "3" * 64), "failed")
    assert _failed(replace(facts, releases=(first, second, failed), forward=False)) == []


def test_what_follows_what_runs_is_no_way_back_though_it_ran_there_first() -> None:
    """A release out of order was overridden: the newer commit ran before the older one."""
    newer = Released(3, _release(B), "success")
    older = Released(7, _release(A, artifact="sha256:" + "2" * 64), "success")
    facts = replace(
        GOOD, attempt=replace(ATTEMPT, backout=True), releases=(newer, older), forward=True
    )
    assert _failed(facts) == ["not-released-before"]
    assert _failed(replace(facts, forward=False)) == []
