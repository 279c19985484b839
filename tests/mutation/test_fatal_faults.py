"""Faults that would open the gate, and for each a case that notices: the cases are no decoration.

`run.py` beside this file tries every small fault there is; that takes long, and this does not.
"""

from __future__ import annotations

import importlib
import inspect
from typing import TYPE_CHECKING

import pytest
from mutation.plant import named, planted

if TYPE_CHECKING:
    from support.world import World

FATAL = [
    pytest.param(fault, case, id=name)
    for name, fault, case in (
        (
            "separation of duties is dropped",
            ("ledger", "_barred", "reasons", "False"),
            "test_identity_contributors.test_the_author_cannot_approve",
        ),
        (
            "staleness is ignored",
            (
                "staleness",
                "carried",
                "bound.content == facts.content and bound.request == request",
                "True",
            ),
            "test_binding_push.test_a_push_after_the_approval_blocks_and_is_named",
        ),
        (
            "rejections are ignored",
            ("consent", "check_consent", "ledger.rejections", "()"),
            "test_identity_rejections.test_a_contributor_may_reject",
        ),
        (
            "rejections die with the request's name",
            ("rejections", "inherited_rejections", "sorted(by_chain.items())", "()"),
            "test_identity_rejections.test_a_request_under_a_new_id_inherits_the_rejection",
        ),
        (
            "a hole in a chain takes a rejection away",
            (
                "chains",
                "resolve",
                "_most_negative(lasting, nodes) or tips - lost",
                "tips - lost",
            ),
            "test_identity_rejections.test_a_hole_in_a_chain_takes_no_rejection_away",
        ),
        (
            "statements that were replaced count",
            ("ledger", "keep_ledger", "item.digest in chain.standing", "True"),
            "test_binding_push.test_a_force_push_back_does_not_revive_a_retracted_approval",
        ),
        (
            "people speak for each other",
            ("ledger", "_not_for_us", "person.id != predicate.signer", "False"),
            "test_identity_persons.test_nobody_signs_for_somebody_else",
        ),
        (
            "what no request covers passes",
            ("coverage", "check_coverage", "not bare", "True"),
            "test_skeleton.test_a_change_without_a_request_is_denied",
        ),
        (
            "waiting for approvals ends at once",
            ("requirements", "settle", "lacking > 0", "False"),
            "test_skeleton.test_a_change_waits_for_its_approval",
        ),
        (
            "everybody holds every role",
            (
                "roster",
                "Roster._has",
                (
                    "grant.role == role and person in grant.members "
                    "and _covers(grant.services, service)"
                ),
                "grant.role == role and _covers(grant.services, service)",
            ),
            "test_identity_roles.test_a_role_that_is_claimed_and_never_was_held_counts_nowhere",
        ),
        (
            "the milder outcome holds",
            (
                "gate",
                "decide",
                "max(outcomes, key=SEVERITY.index)",
                "min(outcomes, key=SEVERITY.index)",
            ),
            "test_skeleton.test_a_change_waits_for_its_approval",
        ),
        (
            "what is proposed is not judged",
            ("gate", "decide", "then is None", "True"),
            "test_found_judge.test_a_proposed_set_that_nobody_could_satisfy_is_refused",
        ),
        (
            "freezes are passed over",
            (
                "schedule",
                "freezes_met",
                "item.source.means == 'freeze'",
                "item.source.means != 'freeze'",
            ),
            "test_fail_open_policy.test_a_freeze_blocks_whoever_asks_and_however_many_approve",
        ),
    )
]


@pytest.mark.parametrize(("fault", "case"), FATAL)
def test_a_fault_that_opens_the_gate_is_noticed(
    request: pytest.FixtureRequest, fault: tuple[str, str, str, str], case: str
) -> None:
    file, _, name = case.partition(".")
    play = getattr(importlib.import_module(f"cases.{file}"), name)
    given = {key: request.getfixturevalue(key) for key in inspect.signature(play).parameters}
    module, *fault_in_it = fault
    with (
        planted(named(f"itil_gate.decide.{module}", *fault_in_it)),
        pytest.raises((AssertionError, ValueError)),
    ):
        play(**given)


def test_a_fault_is_gone_when_its_block_ends(world: World) -> None:
    world.propose()
    fault = named("itil_gate.decide.requirements", "settle", "lacking > 0", "False")
    with planted(fault):
        assert world.check().outcome == "allow"
    assert world.check().outcome == "pending"
