"""The deploy gate by itself: each rule speaks up for its own reason and for no other."""

from __future__ import annotations

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

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CHG = "CHG-2026-AAAA0001"
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
    assert set(RULES) > UNBENDING
    assert "unauthorised-update" not in UNBENDING


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
