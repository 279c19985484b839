"""What is owed after a rule was bent or a change went wrong, by whom, until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from itil_gate.model.config import Config, Override
from itil_gate.model.record import (
    DeployDecision,
    Obligation,
    ObligationMet,
    Overriding,
    RefUpdate,
    ReleaseOutcome,
    ReleaseRecord,
)
from itil_gate.release.obligations import met_event, obligations_for, overdue

if TYPE_CHECKING:
    from itil_gate.log.append import Event
    from itil_gate.model.record import Standing

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
REPOSITORY = "example.com/acme/payments"
CHG = "CHG-2026-AAAA0001"
ARTIFACT = f"sha256:{'d' * 64}"


def config(override: Override | None = None) -> Config:
    return Config(
        api_version="itil-gate/v1", kind="Config", repository=REPOSITORY, override=override
    )


def update(standing: Standing, **fields: object) -> RefUpdate:
    said = {
        "repository": REPOSITORY, "ref": "refs/heads/main", "before": "a" * 40, "after": "b" * 40,
        "standing": standing, "reason": "because", "changes": (CHG,), "services": ("payments",),
        "recorded_at": NOW,
    }  # fmt: skip
    return RefUpdate.model_validate(said | fields, by_name=True)


def release() -> ReleaseRecord:
    return ReleaseRecord(
        repository=REPOSITORY, nonce="REL-2026-AAAAAAAA", environment="production",
        commit="b" * 40, artifact=ARTIFACT, changes=(CHG,), deployer="dora", started_at=NOW,
        decision=4,
    )  # fmt: skip


def judged(outcome: str) -> DeployDecision:
    said = {
        "repository": REPOSITORY, "nonce": "REL-2026-AAAAAAAA", "environment": "production",
        "commit": "b" * 40, "artifact": ARTIFACT, "target": "refs/heads/main", "tip": "b" * 40,
        "now": NOW, "deployer": "dora", "outcome": outcome,
        "overrides": (
            Overriding(
                digest="e" * 64, person="carol", counted=outcome == "overridden",
                code="overrides", incident="INC-1",
            ),
        ),
    }  # fmt: skip
    return DeployDecision.model_validate(said, by_name=True)


def outcome(word: str) -> ReleaseOutcome:
    said = {
        "repository": REPOSITORY, "nonce": "REL-2026-AAAAAAAA", "release": 5,
        "environment": "production", "outcome": word, "started_at": NOW, "finished_at": NOW,
        "recorded_at": NOW,
    }  # fmt: skip
    return ReleaseOutcome.model_validate(said, by_name=True)


def read(events: tuple[Event, ...]) -> list[Obligation]:
    return [Obligation.model_validate(one.statement["predicate"], strict=False) for one in events]


def test_an_authorised_update_owes_nothing() -> None:
    assert obligations_for(update("authorised"), source=3, config=config()) == ()


def test_an_overridden_update_owes_an_approval_and_a_review() -> None:
    terms = Override(role="incident-lead", retro_approval="12h", review="3d")
    found = read(obligations_for(update("overridden"), source=3, config=config(terms)))
    assert [(one.duty, one.due - NOW) for one in found] == [
        ("retro-approval", timedelta(hours=12)),
        ("review", timedelta(days=3)),
    ]
    assert {(one.change, one.source, one.services) for one in found} == {(CHG, 3, ("payments",))}


def test_what_no_request_covers_owes_by_its_commit() -> None:
    found = read(obligations_for(update("overridden", changes=()), source=3, config=config()))
    assert {one.change for one in found} == {"b" * 40}


def test_an_unauthorised_update_owes_a_review_by_nobody_in_particular() -> None:
    (one,) = read(obligations_for(update("unauthorised"), source=3, config=config()))
    assert (one.duty, one.owner, one.due) == ("review", "nobody", NOW + timedelta(days=7))


def test_whoever_overrode_a_release_owes() -> None:
    found = read(
        obligations_for(release(), source=5, config=config(), decision=judged("overridden"))
    )
    assert [(one.duty, one.owner) for one in found] == [
        ("retro-approval", "carol"),
        ("review", "carol"),
    ]
    assert "INC-1" in found[0].because


def test_an_allowed_release_owes_nothing() -> None:
    events = obligations_for(release(), source=5, config=config(), decision=judged("allow"))
    assert events == ()


@pytest.mark.parametrize("word", ["failed", "backed-out"])
def test_a_release_that_went_wrong_owes_a_review(word: str) -> None:
    events = obligations_for(
        outcome(word), source=6, config=config(), release=release(), owners={CHG: "alice"}
    )
    (one,) = read(events)
    assert (one.duty, one.owner, one.change) == ("review", "alice", CHG)


def test_a_release_that_succeeded_owes_nothing() -> None:
    events = obligations_for(outcome("success"), source=6, config=config(), release=release())
    assert events == ()


def test_the_same_cause_gives_the_same_ids_and_another_gives_others() -> None:
    first = obligations_for(update("overridden"), source=3, config=config())
    again = obligations_for(update("overridden"), source=3, config=config())
    other = obligations_for(update("overridden", after="c" * 40), source=3, config=config())
    assert first == again
    assert not {one.key for one in first} & {one.key for one in other}
    assert len({one.key for one in (*first, *other)}) == 4


def test_an_obligation_is_met_under_its_own_id() -> None:
    (one, _) = read(obligations_for(update("overridden"), source=3, config=config()))
    event = met_event(one, index=8, by="erin", evidence="f" * 64, at=NOW)
    met = ObligationMet.model_validate(event.statement["predicate"], strict=False)
    assert (event.kind, event.key) == ("obligation-met", one.id)
    assert (met.id, met.obligation, met.by) == (one.id, 8, "erin")


def test_what_is_due_now_is_overdue() -> None:
    (approval, review) = read(obligations_for(update("overridden"), source=3, config=config()))
    assert overdue((approval, review), now=approval.due) == (approval,)
    assert overdue((approval, review), now=approval.due - timedelta(seconds=1)) == ()
