"""Entries that are signed and in the tree, and make no sense: seen by what they mean alone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from support.attacks import entry_event
from support.log import RECORDER, event

from itil_gate.log.append import Event
from itil_gate.log.entry import PREDICATE_TYPES, STATEMENT_TYPE, entry_path
from itil_gate.model.canonical import as_json
from itil_gate.model.record import Expunged, Obligation, ObligationMet
from itil_gate.signing import dsse, jcs

if TYPE_CHECKING:
    from support.attacks import Victim

OPENED, MERGE, APPROVAL, UPDATE, DEPLOY, RELEASE, OUTCOME = range(7)
MERGE_2, APPROVAL_2, UPDATE_2, DEPLOY_2, RELEASE_2, OUTCOME_2 = range(7, 13)
NONCE = "REL-2026-ZZZZZZZZ"
ELSEWHERE = "e" * 40


def fault(victim: Victim) -> str:
    """Return the one thing that the rules about meaning see, and nothing else does."""
    found = victim.verify()
    assert {one.check for one in found.verdicts if one.state == "bad"} == {"meaning"}
    faults = found.verdict("meaning").faults
    assert {one.index for one in faults} == {13} or len(faults) == 1
    return "; ".join(one.message for one in faults)


def moment(victim: Victim, **later: int) -> Any:
    return as_json(victim.world.now + timedelta(**later))


def test_an_entry_that_is_replayed_is_the_same_event_twice(victim: Victim) -> None:
    file = victim.read(entry_path(APPROVAL_2))
    assert file
    victim.append_raw("approval", file)
    assert victim.bad() == {"meaning", "ids"}
    assert f"as entry {APPROVAL_2}" in victim.verify().verdict("meaning").faults[0].message


def test_a_decision_of_the_deploy_gate_that_is_replayed_is_seen_too(victim: Victim) -> None:
    file = victim.read(entry_path(DEPLOY))
    assert file
    victim.append_raw("gate-decision", file)
    assert f"as entry {DEPLOY}" in fault(victim)


def test_an_entry_of_one_kind_is_not_replayed_as_another(victim: Victim) -> None:
    file = victim.read(entry_path(APPROVAL))
    assert file
    victim.append_raw("override", file)
    assert "the tree calls it override" in fault(victim)


def test_an_entry_of_another_repository_is_not_of_this_log(victim: Victim) -> None:
    other = victim.said(OUTCOME, repository="forge.example/org/other", nonce=NONCE)
    victim.append([other])
    assert "another repository" in victim.verify().verdict("meaning").faults[0].message


def test_a_decision_about_another_repository_is_not_of_this_log(victim: Victim) -> None:
    said = victim.statement(MERGE)
    ours = said["predicate"]["itilGate"]["decision"]
    ours["repository"] = "forge.example/org/other"
    said["predicate"]["resourceUri"] = "git+https://forge.example/org/other"
    victim.append([Event("gate-decision", "x", said)])
    assert "another repository" in victim.verify().verdict("meaning").faults[0].message


def test_a_log_is_opened_once(victim: Victim) -> None:
    victim.append([victim.said(OPENED, origin="forge.example/org/other/audit-log")])
    assert "it opens a log" in fault(victim)


# --- time ---------------------------------------------------------------------------------------


def test_a_back_dated_entry_is_seen(victim: Victim) -> None:
    early = moment(victim, minutes=-6)
    victim.append([victim.said(UPDATE_2, **update(victim), recordedAt=early)])
    assert "before entry" in fault(victim)


def test_clocks_may_disagree_by_five_minutes(victim: Victim) -> None:
    early = moment(victim, minutes=-4)
    victim.append([victim.said(UPDATE_2, **update(victim), recordedAt=early)])
    assert not victim.bad()


def test_an_entry_from_the_future_is_seen(victim: Victim) -> None:
    late = moment(victim, minutes=6)
    victim.append([victim.said(UPDATE_2, **update(victim), recordedAt=late)])
    assert "in the future" in fault(victim)


def test_an_incremental_run_knows_when_the_last_entry_was_recorded(victim: Victim) -> None:
    since = victim.checkpoint
    early = moment(victim, minutes=-30)
    victim.append([victim.said(UPDATE_2, **update(victim), recordedAt=early)])
    assert victim.bad(since=since) == {"meaning"}


# --- updates ------------------------------------------------------------------------------------


def update(victim: Victim, **changes: Any) -> dict[str, Any]:
    """Return what an update that follows the last one says, resting on nothing."""
    last = victim.statement(UPDATE_2)["predicate"]
    return {"before": last["after"], "after": ELSEWHERE, "standing": "authorised"} | changes


def plain(victim: Victim, **changes: Any) -> Event:
    """Return an update that nothing authorised, and says so."""
    made = victim.said(UPDATE_2, **update(victim, standing="unauthorised", **changes))
    predicate = made.statement["predicate"]
    for name in ("decision", "proof", "head", "content"):
        if name not in changes:
            predicate.pop(name, None)
    return made


def test_an_update_begins_where_the_last_one_ended(victim: Victim) -> None:
    victim.append([plain(victim)])
    assert not victim.bad()
    victim.append([plain(victim, before="d" * 40, after="c" * 40)])
    assert "the record of refs/heads/main ends at eeeeeeeeeeee" in (
        victim.verify().verdict("meaning").faults[0].message
    )


def test_an_incremental_run_knows_where_the_record_ended(victim: Victim) -> None:
    since = victim.checkpoint
    victim.append([plain(victim, before="d" * 40)])
    assert victim.bad(since=since) == {"meaning"}
    assert not victim.bad(since=victim.checkpoint)


def test_what_was_unauthorised_may_be_recorded_once_more(victim: Victim) -> None:
    victim.append([plain(victim)])
    again = victim.said(UPDATE_2, **update(victim))
    victim.append([again])
    assert not victim.bad()
    victim.append([plain(victim, before=ELSEWHERE, after="f" * 40)])
    assert not victim.bad()


def test_an_update_rests_on_a_decision_before_it(victim: Victim) -> None:
    victim.append([victim.said(UPDATE_2, **update(victim, decision=13))])
    assert "by no decision that stands before it" in fault(victim)


@pytest.mark.parametrize("index", [DEPLOY, APPROVAL, RELEASE])
def test_an_update_rests_on_a_decision_about_a_merge(victim: Victim, index: int) -> None:
    victim.append([victim.said(UPDATE_2, **update(victim, decision=index))])
    assert "by no decision that stands before it" in fault(victim)


def test_an_approval_of_another_change_authorises_nothing(victim: Victim) -> None:
    victim.append([victim.said(UPDATE_2, **update(victim, decision=MERGE))])
    assert "another branch or content" in fault(victim)


def test_a_decision_that_denied_authorises_nothing(victim: Victim) -> None:
    said = victim.statement(MERGE_2)
    said["predicate"]["itilGate"]["decision"]["outcome"] = "deny"
    said["predicate"] |= {"verificationResult": "FAILED", "verifiedLevels": []}
    (index,) = victim.append([Event("gate-decision", "denied", said)])
    assert victim.bad() == {"ids"}  # it was not written under its own id
    victim.append([victim.said(UPDATE_2, **update(victim, decision=index))])
    assert "is deny" in victim.verify().verdict("meaning").faults[0].message


def test_what_is_unauthorised_names_no_decision(victim: Victim) -> None:
    victim.append([plain(victim, decision=MERGE)])
    assert "names a decision" in fault(victim)


def test_a_subject_that_lies_to_other_tools_is_seen(victim: Victim) -> None:
    made = plain(victim)
    made.statement["subject"][0]["digest"]["gitCommit"] = "a" * 40
    victim.append([made])
    assert "its subject" in fault(victim)


def test_a_summary_that_says_something_else_than_its_decision_is_seen(victim: Victim) -> None:
    said = victim.statement(DEPLOY)
    said["predicate"]["itilGate"]["deploy"]["outcome"] = "deny"
    victim.append([Event("gate-decision", "x", said)])
    assert "says something else than its decision" in fault(victim)


# --- releases -----------------------------------------------------------------------------------


def release(victim: Victim, **changes: Any) -> None:
    victim.append([victim.said(RELEASE_2, **changes)])


def decided(victim: Victim, **changes: Any) -> int:
    """Append a decision of the deploy gate like the last one, but for some of what it says."""
    said = victim.statement(DEPLOY_2)
    said["predicate"]["itilGate"]["deploy"] |= {"nonce": NONCE} | changes
    if changes.get("outcome") == "deny":
        said["predicate"] |= {"verificationResult": "FAILED", "verifiedLevels": []}
    (index,) = victim.append([Event("gate-decision", "decided", said)])
    return index


def test_a_release_that_was_decided_is_well(victim: Victim) -> None:
    release(victim, nonce=NONCE, decision=decided(victim))
    assert not victim.bad()


def test_a_release_rests_on_a_decision_about_it(victim: Victim) -> None:
    release(victim, nonce=NONCE)
    assert "another nonce" in fault(victim)


@pytest.mark.parametrize(
    ("name", "value"),
    [("environment", "staging"), ("commit", "c" * 40), ("artifact", "sha256:" + "c" * 64)],
)
def test_a_decision_lets_nothing_else_begin(victim: Victim, name: str, value: str) -> None:
    index = decided(victim)
    made = victim.said(RELEASE_2, nonce=NONCE, decision=index, **{name: value})
    made.statement["predicate"].pop("previous", None)
    for subject in made.statement["subject"]:
        if name == "commit" and "gitCommit" in subject["digest"]:
            subject["digest"]["gitCommit"] = value
        if name == "artifact" and "sha256" in subject["digest"]:
            subject["digest"]["sha256"] = "c" * 64
    victim.append([made])
    assert f"another {name}" in victim.verify().verdict("meaning").faults[0].message


def test_a_release_that_was_denied_is_seen(victim: Victim) -> None:
    index = decided(victim, outcome="deny")
    release(victim, nonce=NONCE, decision=index)
    assert "denies it" in victim.verify().verdict("meaning").faults[0].message


@pytest.mark.parametrize("index", [MERGE, OUTCOME, 99])
def test_a_release_rests_on_nothing_else(victim: Victim, index: int) -> None:
    release(victim, nonce=NONCE, decision=index)
    assert "no decision of the deploy gate" in fault(victim)


def test_a_release_brings_updates_that_are_there(victim: Victim) -> None:
    release(victim, nonce=NONCE, decision=decided(victim), updates=[UPDATE_2, RELEASE])
    assert f"entry {RELEASE}, which is none" in victim.verify().verdict("meaning").faults[0].message


def test_a_release_brings_nothing_unauthorised_unless_it_is_overridden(victim: Victim) -> None:
    (index,) = victim.append([plain(victim)])
    release(victim, nonce=NONCE, decision=decided(victim), updates=[index])
    assert "unauthorised" in victim.verify().verdict("meaning").faults[0].message


def test_an_overridden_release_may(victim: Victim) -> None:
    (index,) = victim.append([plain(victim)])
    release(victim, nonce=NONCE, decision=decided(victim, outcome="overridden"), updates=[index])
    assert not victim.bad()


@pytest.mark.parametrize(("start", "end", "well"), [(-1, 1, True), (1, 2, False), (-2, -1, False)])
def test_a_release_begins_in_its_window(
    victim: Victim, start: int, end: int, *, well: bool
) -> None:
    release(
        victim,
        nonce=NONCE,
        decision=decided(victim),
        windowStart=moment(victim, hours=start),
        windowEnd=moment(victim, hours=end),
    )
    assert victim.bad() == (set() if well else {"meaning"})


def test_a_release_follows_one_in_its_environment(victim: Victim) -> None:
    release(victim, nonce=NONCE, decision=decided(victim), previous=OUTCOME)
    assert "no release in the same environment" in (
        victim.verify().verdict("meaning").faults[0].message
    )


def test_an_outcome_is_of_a_release(victim: Victim) -> None:
    victim.append([victim.said(OUTCOME_2, nonce=NONCE, release=UPDATE)])
    assert "no release" in fault(victim)


def test_an_outcome_is_of_its_own_release(victim: Victim) -> None:
    victim.append([victim.said(OUTCOME_2, nonce=NONCE, release=RELEASE_2)])
    assert "another release" in fault(victim)


def test_a_release_ends_once(victim: Victim) -> None:
    made = victim.said(OUTCOME_2, outcome="failed")
    victim.append([Event(made.kind, "another key", made.statement)])
    seen = victim.verify()
    assert victim.bad() == {"meaning", "ids"}
    assert any("has ended with entry 12" in one.message for one in seen.verdict("meaning").faults)


# --- the rest -----------------------------------------------------------------------------------


def owed(victim: Victim, **changes: Any) -> Obligation:
    said: dict[str, Any] = {
        "repository": victim.config.repository,
        "id": "OBL-1",
        "duty": "review",
        "change": "CHG-2026-AAAA0001",
        "because": "It was an emergency.",
        "source": UPDATE,
        "owner": "bob",
        "due": victim.world.now,
        "opened_at": victim.world.now,
    }
    return Obligation(**(said | changes))


def met(victim: Victim, index: int, name: str = "OBL-1") -> ObligationMet:
    return ObligationMet(
        repository=victim.config.repository,
        id=name,
        obligation=index,
        by="carol",
        evidence="reviews/1.md",
        met_at=victim.world.now,
    )


def test_an_obligation_that_is_met_was_there(victim: Victim) -> None:
    (index,) = victim.append([entry_event("obligation", "OBL-1", owed(victim))])
    victim.append([entry_event("obligation-met", "OBL-1", met(victim, index))])
    assert not victim.bad()


@pytest.mark.parametrize(("index", "name"), [(UPDATE, "OBL-1"), (13, "OBL-2"), (99, "OBL-1")])
def test_an_obligation_that_is_not_there_is_not_met(victim: Victim, index: int, name: str) -> None:
    victim.append([entry_event("obligation", "OBL-1", owed(victim))])
    victim.append([entry_event("obligation-met", name, met(victim, index, name))])
    assert "not the obligation" in victim.verify().verdict("meaning").faults[0].message


def test_an_obligation_has_a_source_before_it(victim: Victim) -> None:
    victim.append([entry_event("obligation", "OBL-1", owed(victim, source=13))])
    assert "does not stand before it" in fault(victim)


@pytest.mark.parametrize(("index", "well"), [(UPDATE_2, True), (UPDATE, False), (DEPLOY, False)])
def test_a_change_of_policies_is_recorded_beside_its_update(
    victim: Victim, index: int, *, well: bool
) -> None:
    update = victim.statement(UPDATE_2)["predicate"]
    said = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": "x", "digest": {"gitCommit": update["after"]}}],
        "predicateType": PREDICATE_TYPES["policy-change"],
        "predicate": {name: update[name] for name in ("repository", "ref", "before", "after")}
        | {"update": index, "paths": ["policies/risk.yaml"], "recordedAt": moment(victim)},
    }
    key = tuple(str(update[name]) for name in ("ref", "before", "after"))
    victim.append([Event("policy-change", key, said)])
    assert victim.bad() == (set() if well else {"meaning"})


def test_what_is_expunged_is_named_by_its_digest(victim: Victim) -> None:
    said = Expunged(
        repository=victim.config.repository, entry=3, sha256="0" * 64, reason="So.", ordered_by="x"
    )
    victim.append([entry_event("expunged", "3", said)])
    assert "not the one whose digest" in fault(victim)


def test_a_predicate_that_its_kind_does_not_have_is_seen(victim: Victim) -> None:
    victim.append([event(1)])
    assert "its predicate is not that of a outcome" in fault(victim)


def test_a_copied_statement_is_the_one_that_is_named(victim: Victim) -> None:
    said = victim.said(APPROVAL, text="something else")
    victim.append([Event("approval", "other", said.statement)])
    assert "not the one that is named" in fault(victim)


def test_a_kind_of_a_later_version_is_counted_and_not_judged(victim: Victim) -> None:
    said = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": "x", "digest": {"sha256": "0" * 64}}],
        "predicateType": "https://itil-gate.dev/later/v1",
        "predicate": {},
    }
    assert said["predicateType"] not in PREDICATE_TYPES.values()
    file = dsse.compose(jcs.encode(said), payload_type=dsse.IN_TOTO, signers=[RECORDER]).data
    victim.append_raw("later", file)
    found = victim.verify()
    assert not found.tampered
    assert "1 are of kinds" in found.verdict("meaning").detail
