"""The ledger at its edges: what just counts, what just does not, and how both are told."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from support.edits import under, with_request
from support.scenes import CLAIMS, edited
from support.world import NOW, broken, entry, findings, only, people_file

from itil_gate.decide.gate import decide

if TYPE_CHECKING:
    from support.repository import Keyring
    from support.scenes import Scenes

    from itil_gate.model.decision import ChangeVerdict, Decision
    from itil_gate.model.facts import StatementFact


def judged(scenes: Scenes, *statements: StatementFact, judge: str = "plain") -> Decision:
    """Decide on the sealed merge as if nothing but these statements had been filed."""
    inputs = edited(scenes.sealed, statements=statements)
    return decide(inputs.model_copy(update={"judge": scenes.judge(judge)}))


def counted(verdict: ChangeVerdict) -> dict[str, tuple[str, ...]]:
    """Return who counts for which requirement."""
    return {one.id: one.counted for one in verdict.requirements}


@pytest.mark.parametrize(
    ("ahead", "code"),
    [
        (timedelta(), "approved"),
        (timedelta(minutes=5), "approved"),
        (timedelta(minutes=5, seconds=1), "issued-in-future"),
    ],
)
def test_a_clock_may_be_five_minutes_fast_and_no_more(
    scenes: Scenes, ahead: timedelta, code: str
) -> None:
    said = scenes.statement(scenes.sealed.facts, "bob", issued_at=NOW + ahead)
    assert entry(judged(scenes, said), "bob").code == code


@pytest.mark.parametrize(
    ("left", "code"), [(timedelta(seconds=1), "approved"), (timedelta(), "expired")]
)
def test_an_approval_counts_until_it_expires_and_not_at_that_moment(
    scenes: Scenes, left: timedelta, code: str
) -> None:
    said = scenes.statement(scenes.sealed.facts, "bob", expires_at=NOW + left)
    assert entry(judged(scenes, said), "bob").code == code


@pytest.mark.parametrize(
    ("risk", "code"), [("critical", "approved"), ("high", "approved"), ("medium", "stale")]
)
def test_an_approval_of_less_risk_than_there_is_now_is_stale(
    scenes: Scenes, risk: str, code: str
) -> None:
    """What is proposed is of high risk."""
    said = scenes.statement(scenes.sealed.facts, "bob", risk=risk)
    assert entry(judged(scenes, said), "bob").code == code


def test_two_approvals_side_by_side_count_in_the_roles_of_both(scenes: Scenes) -> None:
    facts = scenes.sealed.facts
    owner = scenes.statement(facts, "dave", roles=("service-owner",))
    authority = scenes.statement(facts, "dave", roles=("change-authority",))
    alone, both = judged(scenes, authority), judged(scenes, owner, authority)
    assert counted(only(alone)) == {"owner": (), "authority": ("dave",)}
    assert "dave" in {name for people in counted(only(both)).values() for name in people}
    bob = scenes.statement(facts, "bob", roles=("service-owner",))
    decision = judged(scenes, owner, authority, bob)
    assert counted(only(decision)) == {"owner": ("bob",), "authority": ("dave",)}
    carol = scenes.statement(facts, "carol", roles=("change-authority",))
    for said in ((owner, authority, carol), (carol, authority, owner)):
        decision = judged(scenes, *said)
        assert counted(only(decision)) == {"owner": ("dave",), "authority": ("carol",)}
        assert decision.outcome == "allow"


@pytest.mark.parametrize(
    "status", ["bad-signature", "unsupported-key", "wrong-namespace", "malformed"]
)
def test_a_statement_that_does_not_check_out_counts_nothing_whatever_it_says(
    scenes: Scenes, status: str
) -> None:
    said = [scenes.statement(scenes.sealed.facts, who) for who in ("bob", "carol")]
    bad = [one.model_copy(update={"status": status, "detail": "it is off"}) for one in said]
    decision = judged(scenes, *bad)
    assert decision.outcome == "pending"
    for one in only(decision).ledger:
        assert (one.person, one.verdict, one.counted) == (None, "unknown", False)
        assert (one.code, one.detail) == (status, "it is off")


def test_a_statement_without_an_approval_in_it_is_malformed(scenes: Scenes) -> None:
    said = scenes.statement(scenes.sealed.facts, "bob").model_copy(update={"approval": None})
    (one,) = only(judged(scenes, said)).ledger
    assert (one.verdict, one.code, one.counted) == ("unknown", "malformed", False)


def test_a_statement_by_nobodys_key_names_the_key(scenes: Scenes) -> None:
    said = scenes.statement(scenes.sealed.facts, "bob")
    (one,) = only(judged(scenes, said.model_copy(update={"fingerprint": "SHA256:x"}))).ledger
    assert (one.code, one.person, one.counted) == ("unknown-key", None, False)
    assert one.detail == "the key SHA256:x belongs to nobody in people.yaml"
    (one,) = only(judged(scenes, said.model_copy(update={"fingerprint": None}))).ledger
    assert (one.code, one.person) == ("unknown-key", None)


def test_the_ledger_is_the_same_in_whatever_order_statements_arrive(scenes: Scenes) -> None:
    said = list(scenes.sealed.facts.statements)
    first = only(judged(scenes, *said)).ledger
    assert only(judged(scenes, *reversed(said))).ledger == first
    unread = [one.model_copy(update={"status": "bad-signature"}) for one in said]
    assert only(judged(scenes, *unread)).ledger == only(judged(scenes, *reversed(unread))).ledger
    assert [one.person for one in first] == sorted(str(one.person) for one in first)


def test_a_statement_in_the_folder_of_another_change_is_not_read_here(scenes: Scenes) -> None:
    said = scenes.statement(scenes.sealed.facts, "bob")
    name = said.path.partition("/")[2]
    for folder in ("CHG-2026-AAAA00012", "vouch", "x/CHG-2026-AAAA0001"):
        moved = said.model_copy(update={"path": f"{folder}/{name}"})
        assert only(judged(scenes, moved)).ledger == ()


def test_whoever_replaced_their_word_is_told_so(scenes: Scenes) -> None:
    facts = scenes.sealed.facts
    first = scenes.statement(facts, "bob")
    second = scenes.statement(facts, "bob", "withdraw", previous=(first.digest,))
    decision = judged(scenes, first, second)
    assert entry(decision, "bob", counted=False).code == "superseded"
    assert entry(decision, "bob", counted=False).detail == (
        "a later statement of the same person stands instead"
    )
    taken_back = entry(decision, "bob", counted=True)
    assert (taken_back.code, taken_back.verdict) == ("withdrawn", "withdraw")
    assert counted(only(decision))["owner"] == ()


def test_a_withdrawn_change_is_denied_until_that_is_taken_back(scenes: Scenes) -> None:
    facts = scenes.sealed.facts
    approved = [scenes.statement(facts, who) for who in ("bob", "carol")]
    gone = scenes.statement(facts, "alice", "withdraw-change")
    decision = judged(scenes, *approved, gone)
    assert (decision.outcome, broken(decision)) == ("deny", {"withdrawn-change"})
    (found,) = findings(decision, "withdrawn-change")
    assert found.message == "alice withdrew the change"
    assert entry(decision, "alice").code == "change-withdrawn"
    back = scenes.statement(facts, "alice", "withdraw", previous=(gone.digest,))
    assert judged(scenes, *approved, gone, back).outcome == "allow"


def test_the_word_of_anybody_else_withdraws_no_change(scenes: Scenes) -> None:
    gone = scenes.statement(scenes.sealed.facts, "carol", "withdraw-change")
    approved = [scenes.statement(scenes.sealed.facts, who) for who in ("bob", "dave")]
    decision = judged(scenes, *approved, gone)
    assert decision.outcome == "allow"
    one = entry(decision, "carol")
    assert (one.code, one.counted) == ("not-the-requester", False)


def test_a_rejection_is_listed_with_its_reason_and_the_roles_it_was_made_in(
    scenes: Scenes,
) -> None:
    facts = scenes.sealed.facts
    said = scenes.statement(facts, "carol", "reject", roles=CLAIMS, reason="Not now.")
    one = entry(judged(scenes, said), "carol")
    assert (one.code, one.counted, one.detail) == ("rejected", True, "Not now.")
    assert one.roles == ("peer", "change-authority")
    assert one.issued_at == NOW
    mute = entry(judged(scenes, scenes.statement(facts, "carol", "reject", reason=None)), "carol")
    assert mute.detail == "no reason given"


def test_an_approval_that_counts_is_listed_with_all_that_it_is(scenes: Scenes) -> None:
    said = scenes.statement(scenes.sealed.facts, "bob", roles=CLAIMS)
    one = entry(judged(scenes, said), "bob")
    assert (one.code, one.counted, one.detail) == (
        "approved",
        True,
        "the signer does not hold change-authority now",
    )
    assert (one.digest, one.rank, one.carry_over) == (said.digest, "signed", "exact")
    assert (one.roles, one.issued_at) == (("peer", "service-owner"), NOW)
    plain = scenes.statement(scenes.sealed.facts, "bob", roles=("service-owner",))
    assert entry(judged(scenes, plain), "bob").detail == ""


@pytest.mark.parametrize(("roles", "words"), [((), "none"), (("board", "crew"), "board, crew")])
def test_an_approval_in_no_role_that_is_held_says_which_were_claimed(
    scenes: Scenes, roles: tuple[str, ...], words: str
) -> None:
    one = entry(judged(scenes, scenes.statement(scenes.sealed.facts, "bob", roles=roles)), "bob")
    assert (one.code, one.counted, one.roles) == ("role-not-held", False, roles)
    assert one.detail == f"claimed roles: {words}; the signer holds none of them now"


@pytest.mark.parametrize(
    ("edits", "code", "detail"),
    [
        (
            {"change": "CHG-2026-AAAA0002"},
            "not-this-change",
            "it is about CHG-2026-AAAA0002, not CHG-2026-AAAA0001",
        ),
        (
            {"repository": "example.com/other"},
            "not-this-repository",
            "it is about example.com/other, not example.com/acme/payments",
        ),
        (
            {"target": "refs/heads/release"},
            "not-this-target",
            "it is about refs/heads/release, not refs/heads/main",
        ),
    ],
)
def test_a_statement_about_something_else_counts_nothing_here(
    scenes: Scenes, edits: dict[str, str], code: str, detail: str
) -> None:
    said = scenes.statement(scenes.sealed.facts, "bob", **edits)
    name = said.path.rpartition("/")[2]
    here = said.model_copy(update={"path": f"CHG-2026-AAAA0001/{name}"})
    decision = judged(scenes, here)
    one = entry(decision, "bob")
    assert (one.code, one.detail, one.counted) == (code, detail, False)
    assert counted(only(decision))["owner"] == ()


def test_whoever_signs_in_the_name_of_another_is_told_so(scenes: Scenes) -> None:
    said = scenes.statement(scenes.sealed.facts, "bob")
    posed = said.model_copy(
        update={"fingerprint": scenes.statement(scenes.sealed.facts, "erin").fingerprint}
    )
    (one,) = only(judged(scenes, posed)).ledger
    assert (one.person, one.code, one.counted) == ("erin", "signer-mismatch", False)
    assert one.detail == "it speaks for bob, but the key belongs to erin"


def test_a_rejection_ends_with_the_role_it_was_made_in_and_stands_where_it_named_none(
    scenes: Scenes,
) -> None:
    facts = scenes.sealed.facts
    lost = judged(scenes, scenes.statement(facts, "erin", "reject", roles=("service-owner",)))
    assert lost.outcome == "pending"
    assert findings(lost, "open-rejection") == ()
    one = entry(lost, "erin")
    assert (one.code, one.counted) == ("role-lost", False)
    assert one.detail == "the signer no longer holds a role they rejected in"
    bare = judged(scenes, scenes.statement(facts, "erin", "reject", roles=()))
    assert (bare.outcome, entry(bare, "erin").code) == ("deny", "rejected")


def test_an_approval_whose_predecessor_is_missing_says_so(scenes: Scenes) -> None:
    said = scenes.statement(scenes.sealed.facts, "bob", previous=("0" * 64,))
    one = entry(judged(scenes, said), "bob")
    assert (one.code, one.counted) == ("missing-predecessor", False)
    assert one.detail == (
        "a statement it follows is missing, or a later one is, so what the signer last said is "
        "not known"
    )


def test_of_two_words_side_by_side_the_milder_says_so(scenes: Scenes) -> None:
    facts = scenes.sealed.facts
    decision = judged(
        scenes, scenes.statement(facts, "bob"), scenes.statement(facts, "bob", "withdraw")
    )
    one = entry(decision, "bob", counted=False)
    assert (one.code, one.verdict) == ("forked", "approve")
    assert one.detail == "the signer made two statements side by side; the more negative one holds"


def test_an_approval_of_other_content_is_stale(scenes: Scenes) -> None:
    said = scenes.statement(scenes.sealed.facts, "bob", content="0" * 64, head="b" * 40)
    assert said.approved is not None
    other = said.approved.model_copy(update={"replay_tree": None})
    one = entry(judged(scenes, said.model_copy(update={"approved": other})), "bob")
    assert (one.code, one.counted, one.carry_over) == ("stale", False, None)


def test_policy_may_take_no_approval_that_was_carried_over(scenes: Scenes) -> None:
    inputs = edited(
        scenes.sealed, statements=(scenes.statement(scenes.sealed.facts, "bob", head="b" * 40),)
    )
    assert entry(decide(inputs), "bob").carry_over == "same-content"
    policy = next(one.text for one in inputs.judge if one.path == "policies/approvals.yaml")
    text = f"{policy}  counting:\n    - {{levels: [high], rank: signed, carryOver: [exact]}}\n"
    one = entry(decide(under(inputs, {"policies/approvals.yaml": text})), "bob")
    assert (one.code, one.counted, one.carry_over) == ("carry-over-forbidden", False, None)
    assert (
        one.detail == "the content is the same by same-content, which policy does not accept here"
    )


def test_an_approval_in_a_lent_role_names_the_lenders(scenes: Scenes) -> None:
    said = scenes.statement(scenes.sealed.facts, "erin", roles=("peer", "change-authority"))
    one = entry(judged(scenes, said, judge="lent"), "erin")
    assert (one.counted, one.detail) == (True, "change-authority on behalf of carol, dave")


@pytest.mark.parametrize("kind", ["bot", "forge"])
def test_a_machine_with_a_key_approves_nothing(scenes: Scenes, keyring: Keyring, kind: str) -> None:
    head, mark, tail = people_file(keyring).partition("  - id: erin\n")
    assert mark
    machine = f"{head}{mark}    kind: {kind}\n{tail}"
    inputs = edited(scenes.sealed, statements=(scenes.statement(scenes.sealed.facts, "erin"),))
    one = entry(decide(under(inputs, {"people.yaml": machine})), "erin")
    assert (one.code, one.counted) == (kind, False)
    assert one.detail == f"erin is a {kind}; only humans approve"


@pytest.mark.parametrize(
    ("who", "old", "new", "why"),
    [
        ("erin", "requester: alice", "requester: erin", "requester"),
        ("dave", "  services:", "  implementer: dave\n  services:", "implementer"),
        ("bob", "requester: alice", "requester: helper", "sponsor of helper, the requester"),
        (
            "bob",
            "  services:",
            "  implementer: helper\n  services:",
            "sponsor of helper, the implementer",
        ),
    ],
)
def test_who_asks_or_carries_out_and_the_sponsor_of_an_agent_may_not_approve(
    scenes: Scenes, who: str, old: str, new: str, why: str
) -> None:
    inputs = with_request(scenes.sealed, old, new)
    decision = decide(edited(inputs, statements=(scenes.statement(inputs.facts, who),)))
    one = entry(decision, who)
    assert (one.code, one.counted, one.detail) == ("contributor", False, why)
