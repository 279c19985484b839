"""What is owed after a rule was bent or a change went wrong, by whom, until when."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from support.decisions import pending

from itil_gate.model.config import Config, Override
from itil_gate.model.decision import Decision, OverrideEntry
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
    from itil_gate.model.decision import Lane
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


# Who owes, and for what ---------------------------------------------------------------------------

OTHER = "CHG-2026-AAAA0002"
AFTER = "b" * 40


def merging(*changes: tuple[str, str, Lane], overrides: tuple[OverrideEntry, ...] = ()) -> Decision:
    """Return a decision on changes, each with its requester and lane."""
    told = pending()
    (verdict,) = told.changes
    edited = [
        verdict.model_copy(update={"id": name, "requester": who, "lane": lane})
        for name, who, lane in changes
    ]
    return told.model_copy(update={"changes": tuple(edited), "overrides": overrides})


def heard(person: str, *, counted: bool, incident: str = "") -> OverrideEntry:
    return OverrideEntry(
        digest="e" * 64, person=person, counted=counted, code="x", incident=incident
    )


def owed(events: tuple[Event, ...]) -> list[tuple[str, str, str, str]]:
    return [(one.duty, one.change, one.owner, one.because) for one in read(events)]


def test_an_overridden_update_is_owed_by_whoever_overrode_it() -> None:
    stood_in = "an override stood in at the merge gate"
    decision = merging(
        (CHG, "alice", "board"),
        overrides=(heard("bob", counted=False), heard("carol", counted=True, incident="INC-7")),
    )
    events = obligations_for(
        update("overridden"), source=3, config=config(), decision=decision, owners={CHG: "dora"}
    )
    because = f"{stood_in} for INC-7"
    assert owed(events) == [
        ("retro-approval", CHG, "carol", because),
        ("review", CHG, "carol", because),
    ]
    for entries in ((), (heard("bob", counted=False, incident="INC-7"),)):
        plain = merging((CHG, "alice", "board"), overrides=entries)
        events = obligations_for(update("overridden"), source=3, config=config(), decision=plain)
        assert owed(events)[0] == ("retro-approval", CHG, "alice", stood_in)
    unknown = merging((CHG, "alice", "board"), overrides=(heard("carol", counted=True),))
    events = obligations_for(update("overridden"), source=3, config=config(), decision=unknown)
    assert owed(events)[0] == ("retro-approval", CHG, "carol", stood_in)


def test_an_emergency_owes_by_its_requester_and_what_came_with_it_owes_nothing() -> None:
    decision = merging((OTHER, "bob", "board"), (CHG, "alice", "emergency"))
    both = update("authorised", changes=(OTHER, CHG))
    because = "it was merged as an emergency"
    for owners, owner in (({}, "alice"), ({CHG: "erin"}, "erin"), (None, "alice")):
        events = obligations_for(both, source=3, config=config(), decision=decision, owners=owners)
        assert owed(events) == [
            ("retro-approval", CHG, owner, because),
            ("review", CHG, owner, because),
        ]
    assert obligations_for(both, source=3, config=config(), decision=judged("overridden")) == ()
    events = obligations_for(
        update("overridden"), source=3, config=config(), decision=judged("overridden")
    )
    assert {one[2] for one in owed(events)} == {"nobody"}  # a release does not answer for a merge


def test_a_correction_owes_an_approval_for_the_reason_it_gives_and_no_second_review() -> None:
    corrected = update("overridden", correction=2, reason="It was wrongly refused.")
    events = obligations_for(corrected, source=3, config=config(), owners={CHG: "alice"})
    assert owed(events) == [("retro-approval", CHG, "alice", "It was wrongly refused.")]


def test_what_came_without_authority_is_owed_by_the_requester_where_one_is_known() -> None:
    events = obligations_for(
        update("unauthorised", changes=(CHG, OTHER)),
        source=3,
        config=config(),
        owners={OTHER: "alice"},
    )
    because = f"{AFTER[:12]} came onto refs/heads/main without authority"
    assert owed(events) == [
        ("review", CHG, "nobody", because),
        ("review", OTHER, "alice", because),
    ]


def test_who_owes_is_a_person_by_their_id() -> None:
    for name, owner in (("Al Ice", "nobody"), ("", "nobody"), ("a" * 101, "nobody"), ("al", "al")):
        events = obligations_for(
            update("unauthorised"), source=3, config=config(), owners={CHG: name}
        )
        assert [one[2] for one in owed(events)] == [owner]
    strange = merging((CHG, "alice", "board"), overrides=(heard("Carol C.", counted=True),))
    events = obligations_for(update("overridden"), source=3, config=config(), decision=strange)
    assert {one[2] for one in owed(events)} == {"alice"}


def test_an_overridden_release_is_owed_by_its_requester_or_deployer_where_nobody_overrode() -> None:
    silent = judged("overridden").model_copy(update={"overrides": ()})
    because = "an override stood in at the deploy gate"
    two = release().model_copy(update={"changes": (CHG, OTHER)})
    events = obligations_for(two, source=5, config=config(), decision=silent, owners={CHG: "alice"})
    assert owed(events) == [
        ("retro-approval", CHG, "alice", because),
        ("review", CHG, "alice", because),
        ("retro-approval", OTHER, "dora", because),
        ("review", OTHER, "dora", because),
    ]
    bare = release().model_copy(update={"changes": ()})
    events = obligations_for(bare, source=5, config=config(), decision=silent)
    assert [one[:3] for one in owed(events)] == [
        ("retro-approval", AFTER, "dora"),
        ("review", AFTER, "dora"),
    ]


def test_of_the_overrides_of_a_release_the_one_that_counted_is_told() -> None:
    said = judged("overridden")
    (counted,) = said.overrides
    other = counted.model_copy(update={"person": "bob", "counted": False, "incident": "INC-0"})
    both = said.model_copy(update={"overrides": (other, counted)})
    events = obligations_for(release(), source=5, config=config(), decision=both)
    because = "an override stood in at the deploy gate for INC-1"
    assert {one[2:] for one in owed(events)} == {("carol", because)}


def test_a_release_without_a_decision_of_its_own_owes_nothing() -> None:
    assert obligations_for(release(), source=5, config=config()) == ()
    merged = merging((CHG, "alice", "emergency")).model_copy(update={"outcome": "overridden"})
    assert obligations_for(release(), source=5, config=config(), decision=merged) == ()


def test_a_release_that_went_wrong_is_owed_by_its_deployer_where_no_requester_is_known() -> None:
    because = "REL-2026-AAAAAAAA in production ended as failed"
    events = obligations_for(outcome("failed"), source=6, config=config(), release=release())
    assert owed(events) == [("review", CHG, "dora", because)]
    bare = release().model_copy(update={"changes": ()})
    events = obligations_for(outcome("failed"), source=6, config=config(), release=bare)
    assert owed(events) == [("review", AFTER, "dora", because)]
    events = obligations_for(outcome("failed"), source=6, config=config())
    assert owed(events) == [("review", "REL-2026-AAAAAAAA", "nobody", because)]


# How it is recorded -------------------------------------------------------------------------------


def named(*parts: str) -> str:
    return f"OBL-{hashlib.sha256(chr(0).join((REPOSITORY, *parts)).encode()).hexdigest()[:16]}"


def test_the_id_follows_from_the_cause_the_duty_and_the_change() -> None:
    tile = ("ref-update", "refs/heads/main", "a" * 40, AFTER, "overridden")
    events = obligations_for(update("overridden"), source=3, config=config())
    assert [one.key for one in events] == [
        named(*tile, "retro-approval", CHG),
        named(*tile, "review", CHG),
    ]
    events = obligations_for(release(), source=5, config=config(), decision=judged("overridden"))
    assert [one.key for one in events] == [
        named("release-record", "REL-2026-AAAAAAAA", "retro-approval", CHG),
        named("release-record", "REL-2026-AAAAAAAA", "review", CHG),
    ]
    (event,) = obligations_for(outcome("failed"), source=6, config=config(), release=release())
    assert event.key == named("outcome", "REL-2026-AAAAAAAA", "review", CHG)


def test_an_obligation_is_about_the_commit_or_else_the_release() -> None:
    (failed,) = obligations_for(outcome("failed"), source=6, config=config(), release=release())
    (alone,) = obligations_for(outcome("failed"), source=6, config=config())
    landed, _ = obligations_for(update("overridden"), source=3, config=config())
    released, _ = obligations_for(
        release(), source=5, config=config(), decision=judged("overridden")
    )
    for event in (failed, landed, released):
        assert event.statement["subject"] == [
            {"name": "obligation", "digest": {"gitCommit": AFTER}}
        ]
        assert event.kind == "obligation"
    assert alone.statement["subject"] == [
        {"name": "obligation", "digest": {"nonce": "REL-2026-AAAAAAAA"}}
    ]


def test_the_services_of_a_release_are_told_once_each_and_in_order() -> None:
    services = ("web", "api", "db", "web", "mail", "auth")
    (one,) = read(
        obligations_for(
            outcome("failed"), source=6, config=config(), release=release(), services=services
        )
    )
    assert one.services == ("api", "auth", "db", "mail", "web")


def test_what_meets_an_obligation_is_digested() -> None:
    (one, _) = read(obligations_for(update("overridden"), source=3, config=config()))
    event = met_event(one, index=8, by="erin", evidence="reviews/a.md", at=NOW)
    digest = hashlib.sha256(b"reviews/a.md").hexdigest()
    assert event.statement["subject"] == [{"name": "obligation-met", "digest": {"sha256": digest}}]
