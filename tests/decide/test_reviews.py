"""Which reviews count, and the one reason why each of the others does not."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from support.edits import under, with_request
from support.pulls import forge_section
from support.reviewing import EARLIER, on_forge, proved, pulled_by, review
from support.scenes import edited
from support.world import ROLES, broken, findings, only, people_file

from itil_gate.decide.gate import decide
from itil_gate.decide.prospects import survey_prospects
from itil_gate.model.canonical import digest
from itil_gate.model.people import PEER
from itil_gate.policy.compile import compile_policies

if TYPE_CHECKING:
    from support.repository import Keyring
    from support.scenes import Scenes

    from itil_gate.model.decision import Decision, LedgerEntry
    from itil_gate.model.facts import Inputs, Review

TEN = timedelta(minutes=10)


@pytest.fixture
def asked(scenes: Scenes) -> Inputs:
    """What alice proposes, nobody has said anything about, and a forge has told of."""
    sealed = scenes.sealed
    vouches = tuple(one for one in sealed.facts.statements if one.vouch)
    facts = {"statements": vouches, "pull_request": pulled_by(sealed.facts)}
    return edited(sealed, **facts).model_copy(update={"judge": on_forge(sealed.judge)})


def by(asked: Inputs, who: str | int, **edits: Any) -> Review:
    """Return a review of what is proposed, ten minutes old."""
    parts: dict[str, Any] = {"of": asked.facts.head, "at": asked.facts.now - TEN}
    if edits.get("state", "approved") == "approved":
        parts["approved"] = proved(asked.facts, asked.requests[0])
    return review(who, **(parts | edits))


def heard(asked: Inputs, *reviews: Review, **facts: Any) -> Decision:
    return decide(edited(asked, reviews=reviews, **facts))


def told(decision: Decision) -> list[tuple[str | None, str, bool]]:
    """Return person, code and whether it counts, for every entry of the ledger."""
    return [(one.person, one.code, one.counted) for one in only(decision).ledger]


def alone(asked: Inputs, one: Review, **facts: Any) -> LedgerEntry:
    (entry,) = only(heard(asked, one, **facts)).ledger
    return entry


def test_reviews_of_enough_people_are_an_approval(asked: Inputs) -> None:
    decision = heard(asked, by(asked, "bob"), by(asked, "dave", sequence=2))
    assert decision.outcome == "allow", broken(decision)
    entry = next(one for one in only(decision).ledger if one.person == "bob")
    assert (entry.rank, entry.verdict, entry.carry_over) == ("forge-review", "approve", "exact")
    assert entry.roles == (PEER, "service-owner")
    assert entry.review is not None
    assert entry.review.approved == ()


def test_a_review_and_a_signature_meet_two_requirements(scenes: Scenes, asked: Inputs) -> None:
    signed = scenes.statement(asked.facts, "dave")
    decision = heard(asked, by(asked, "bob"), statements=(*asked.facts.statements, signed))
    assert decision.outcome == "allow", broken(decision)


def test_a_review_and_a_signature_of_one_person_are_one_approval(
    scenes: Scenes, asked: Inputs
) -> None:
    signed = scenes.statement(asked.facts, "dave")
    decision = heard(asked, by(asked, "dave"), statements=(*asked.facts.statements, signed))
    assert decision.outcome == "pending"
    assert told(decision) == [("dave", "approved", True)] * 2


def test_where_policy_asks_for_signatures_a_review_counts_for_nothing(
    scenes: Scenes, asked: Inputs
) -> None:
    strict = asked.model_copy(update={"judge": on_forge(scenes.sealed.judge, rank="signed")})
    decision = heard(strict, by(asked, "bob"), by(asked, "dave", sequence=2))
    assert decision.outcome == "pending"
    assert told(decision) == [
        ("bob", "signature-needed", False),
        ("dave", "signature-needed", False),
    ]


@pytest.mark.parametrize(
    ("edits", "code"),
    [
        ({"of": None}, "no-commit"),
        ({"of": "c" * 40}, "push-time-unknown"),
        ({"dismissed": True}, "dismissed"),
        ({"state": "unknown", "dismissed": True}, "dismissed"),
        ({"state": "commented"}, "commented"),
        ({"approved": ()}, "stale"),
        ({"forge": "git.example.com"}, "unknown-account"),
    ],
)
def test_a_review_that_says_too_little_does_not_count(
    asked: Inputs, edits: dict[str, Any], code: str
) -> None:
    entry = alone(asked, by(asked, "bob", **edits))
    assert (entry.code, entry.counted) == (code, False)


@pytest.mark.parametrize(
    ("ago", "code"),
    [
        (timedelta(minutes=59, seconds=59), "approved"),
        (timedelta(hours=1), "given-before-push"),
        (timedelta(hours=1, seconds=1), "given-before-push"),
        (timedelta(minutes=-5), "approved"),
        (timedelta(minutes=-5, seconds=-1), "issued-in-future"),
        (timedelta(days=30), "expired"),
    ],
)
def test_a_review_is_younger_than_the_push_and_good_for_so_long(
    asked: Inputs, ago: timedelta, code: str
) -> None:
    """In the same second nobody knows which came first, so that is too early."""
    assert alone(asked, by(asked, "bob", at=asked.facts.now - ago)).code == code


def test_a_review_of_an_earlier_head_carries_over_where_its_content_does(asked: Inputs) -> None:
    since = asked.facts.now - timedelta(minutes=90)
    entry = alone(asked, by(asked, "bob", of=EARLIER, at=since))
    assert (entry.code, entry.carry_over) == ("approved", "same-content")
    replayed = proved(asked.facts, asked.requests[0], content="0" * 64)
    entry = alone(asked, by(asked, "bob", of=EARLIER, at=since, approved=replayed))
    assert (entry.code, entry.carry_over) == ("approved", "clean-replay")
    other = proved(asked.facts, asked.requests[0], content="0" * 64, replay_tree=None)
    entry = alone(asked, by(asked, "bob", of=EARLIER, at=since, approved=other))
    assert (entry.code, entry.counted) == ("stale", False)
    assert EARLIER[:12] in entry.detail


@pytest.mark.parametrize("ago", [timedelta(hours=2), timedelta(hours=3)])
def test_a_review_from_before_an_earlier_head_was_pushed_is_no_review_of_it(
    asked: Inputs, ago: timedelta
) -> None:
    """The forge moved it there on a force-push, before the branch moved on."""
    entry = alone(asked, by(asked, "bob", of=EARLIER, at=asked.facts.now - ago))
    assert (entry.code, entry.counted) == ("given-before-push", False)


def test_a_head_that_came_back_is_reviewed_anew(asked: Inputs) -> None:
    pull = asked.facts.pull_request
    assert pull is not None
    once = pull.heads[0].model_copy(update={"commit": pull.head})
    again = edited(asked, pull_request=pull.model_copy(update={"heads": (once,)}))
    entry = alone(again, by(asked, "bob", at=asked.facts.now - timedelta(minutes=90)))
    assert entry.code == "given-before-push"
    lost = pull.model_copy(update={"heads": (once,), "head_since": None})
    entry = alone(asked, by(asked, "bob"), pull_request=lost)
    assert entry.code == "push-time-unknown"


def test_policy_may_take_no_carry_over(asked: Inputs) -> None:
    policy = next(one.text for one in asked.judge if one.path == "policies/approvals.yaml")
    text = policy.replace("rank: forge-review}", "rank: forge-review, carryOver: [exact]}")
    strict = under(asked, {"policies/approvals.yaml": text})
    entry = alone(strict, by(asked, "bob", of=EARLIER, at=asked.facts.now - 9 * TEN))
    assert (entry.code, entry.counted) == ("carry-over-forbidden", False)
    assert alone(strict, by(asked, "bob")).code == "approved"


def test_a_review_from_before_the_pull_request_was_pointed_here_does_not_count(
    asked: Inputs,
) -> None:
    facts = asked.facts
    for since, code in (
        (facts.now - 2 * TEN, "approved"),
        (facts.now - TEN, "not-this-target"),
        (None, "target-time-unknown"),
    ):
        entry = alone(asked, by(asked, "bob"), pull_request=pulled_by(facts, base_since=since))
        assert entry.code == code


def test_without_a_pull_request_no_push_is_known(asked: Inputs) -> None:
    assert alone(asked, by(asked, "bob"), pull_request=None).code == "push-time-unknown"


def test_only_the_number_of_an_account_says_whose_it_is(asked: Inputs) -> None:
    assert alone(asked, by(asked, "bob", login="renamed")).person == "bob"
    taken = alone(asked, by(asked, 77, login="bob"))
    assert (taken.person, taken.code) == (None, "unknown-account")
    assert "77 of github.com" in taken.detail


def test_a_bot_reviews_for_nothing_and_may_ask_for_changes(asked: Inputs, keyring: Keyring) -> None:
    text = people_file(keyring).replace(
        "{id: robo, name: Robo, kind: bot,",
        "{id: robo, name: Robo, kind: bot, accounts: [{forge: github.com, login: r, id: 99}],",
    )
    known = under(asked, {"people.yaml": text})
    assert alone(known, by(asked, 99)).code == "bot"
    assert heard(known, by(asked, 99, state="changes-requested")).outcome == "deny"


@pytest.mark.parametrize("part", ["opener", "pusher", "implementer"])
def test_who_took_part_reviews_for_nothing(asked: Inputs, part: str) -> None:
    facts = asked.facts
    if part == "implementer":
        asked = with_request(asked, "  services:", "  implementer: bob\n  services:")
        entry = alone(asked, by(asked, "bob"))
    else:
        pull = pulled_by(facts, *(("bob", "alice") if part == "opener" else ("alice", "bob")))
        entry = alone(asked, by(asked, "bob"), pull_request=pull)
    assert (entry.code, entry.counted) == ("contributor", False)


def test_the_latest_review_of_a_person_is_the_one(asked: Inputs) -> None:
    first, second = by(asked, "bob"), by(asked, "bob", sequence=2, id="2")
    assert told(heard(asked, first, second)) == [
        ("bob", "superseded", False), ("bob", "approved", True),
    ]  # fmt: skip
    comment = by(asked, "bob", sequence=3, id="3", state="commented")
    assert told(heard(asked, second, comment)) == [
        ("bob", "approved", True), ("bob", "commented", False),
    ]  # fmt: skip


def test_the_latest_is_that_of_all_accounts_of_a_person(asked: Inputs, keyring: Keyring) -> None:
    text = people_file(keyring).replace("login: bob, id: 1002}", "login: bob, id: 1002}, "
                                        "{forge: github.com, login: bob2, id: 88}")  # fmt: skip
    assert "bob2" in text
    known = under(asked, {"people.yaml": text})
    no = by(asked, 88, sequence=2, id="2", state="changes-requested")
    assert told(heard(known, by(asked, "bob"), no)) == [
        ("bob", "superseded", False), ("bob", "rejected", True),
    ]  # fmt: skip


def test_a_dismissed_approval_brings_no_earlier_one_back(asked: Inputs) -> None:
    for state in ("approved", "unknown"):
        later = by(asked, "bob", sequence=2, id="2", state=state, dismissed=True)
        assert told(heard(asked, by(asked, "bob"), later)) == [
            ("bob", "superseded", False), ("bob", "dismissed", False),
        ]  # fmt: skip


def test_requested_changes_reject_whatever_else_is_said(asked: Inputs) -> None:
    decision = heard(
        asked,
        by(asked, "bob"),
        by(asked, "dave", sequence=2),
        by(asked, "erin", sequence=3, state="changes-requested"),
    )
    assert decision.outcome == "deny"
    (found,) = findings(decision, "open-rejection")
    assert found.message == "erin rejected the change: requested changes on github.com"
    assert found.remedy == "settle it with erin, who can approve the pull request on github.com"


@pytest.mark.parametrize("rank", ["signed", "forge-review"])
@pytest.mark.parametrize("dismissed", [False, True])
def test_requested_changes_reject_dismissed_or_not_at_every_rank(
    scenes: Scenes, asked: Inputs, rank: str, *, dismissed: bool
) -> None:
    judged = asked.model_copy(update={"judge": on_forge(scenes.sealed.judge, rank=rank)})
    no = by(asked, "erin", state="changes-requested", dismissed=dismissed, of=None)
    assert heard(judged, no).outcome == "deny"


def test_requested_changes_end_with_a_later_approval_of_the_same_person(asked: Inputs) -> None:
    no = by(asked, "erin", state="changes-requested")
    yes = by(asked, "erin", sequence=2, id="2", of=None)
    assert told(heard(asked, no, yes)) == [
        ("erin", "superseded", False), ("erin", "no-commit", False),
    ]  # fmt: skip
    gone = yes.model_copy(update={"dismissed": True})
    assert told(heard(asked, no, gone)) == [
        ("erin", "superseded", False), ("erin", "dismissed", False),
    ]  # fmt: skip
    hidden = gone.model_copy(update={"state": "unknown"})
    assert told(heard(asked, no, hidden)) == [
        ("erin", "rejected", True), ("erin", "dismissed", False),
    ]  # fmt: skip
    other = by(asked, "dave", sequence=2)
    assert heard(asked, no, other).outcome == "deny"


def test_of_yes_and_no_at_one_place_no_holds(asked: Inputs) -> None:
    yes, no = by(asked, "bob"), by(asked, "bob", id="0", state="changes-requested")
    assert told(heard(asked, yes, no)) == told(heard(asked, no, yes)) == [
        ("bob", "superseded", False), ("bob", "rejected", True),
    ]  # fmt: skip


def test_requested_changes_of_somebody_unknown_reject_nothing(asked: Inputs) -> None:
    entry = alone(asked, by(asked, 77, state="changes-requested"))
    assert (entry.code, entry.counted) == ("unknown-account", False)


def test_a_contributor_may_request_changes(asked: Inputs) -> None:
    assert heard(asked, by(asked, "alice", state="changes-requested")).outcome == "deny"


def test_a_signed_no_is_not_taken_back_by_a_review(scenes: Scenes, asked: Inputs) -> None:
    for verdict in ("reject", "withdraw"):
        signed = scenes.statement(asked.facts, "bob", verdict)
        decision = heard(asked, by(asked, "bob"), statements=(*asked.facts.statements, signed))
        assert ("bob", "negative-elsewhere", False) in told(decision)
        assert decision.outcome == ("deny" if verdict == "reject" else "pending")


def test_requested_changes_are_not_taken_back_by_a_signature(scenes: Scenes, asked: Inputs) -> None:
    signed = scenes.statement(asked.facts, "bob")
    no = by(asked, "bob", state="changes-requested")
    decision = heard(asked, no, statements=(*asked.facts.statements, signed))
    assert told(decision) == [("bob", "negative-elsewhere", False), ("bob", "rejected", True)]
    assert decision.outcome == "deny"
    assert all("bob" not in state.counted for state in only(decision).requirements)


def test_a_dismissal_takes_no_signature_away(scenes: Scenes, asked: Inputs) -> None:
    signed = scenes.statement(asked.facts, "bob")
    gone = by(asked, "bob", dismissed=True)
    decision = heard(asked, gone, statements=(*asked.facts.statements, signed))
    assert told(decision) == [("bob", "approved", True), ("bob", "dismissed", False)]


def test_of_several_requests_a_review_holds_for_each_that_its_commit_holds(
    asked: Inputs,
) -> None:
    elsewhere = tuple(
        one.model_copy(update={"path": "changes/2026/other.yaml"})
        for one in proved(asked.facts, asked.requests[0])
    )
    assert alone(asked, by(asked, "bob", approved=elsewhere)).code == "stale"
    both = (*elsewhere, *proved(asked.facts, asked.requests[0]))
    assert alone(asked, by(asked, "bob", approved=both)).code == "approved"


def test_a_role_that_was_lent_is_named(scenes: Scenes, asked: Inputs) -> None:
    lent = asked.model_copy(update={"judge": on_forge(scenes.judge("lent"))})
    entry = alone(lent, by(asked, "erin"))
    assert entry.counted
    assert entry.detail == "change-authority on behalf of carol, dave"


def test_the_steps_that_unblock_name_the_review(asked: Inputs) -> None:
    decision = heard(asked)
    (found, *_) = findings(decision, "missing-approval")
    assert found.remedy.endswith(", or approve pull request 1 on github.com")
    assert all(
        action.command.endswith(", or approve pull request 1 on github.com")
        for action in decision.unblock
    )
    away = heard(asked, pull_request=None)
    (found, *_) = findings(away, "missing-approval")
    assert found.remedy.endswith(", or approve the pull request on github.com")


@pytest.mark.parametrize(
    ("rank", "host", "possible"),
    [
        ("forge-review", "github.com", True),
        ("forge-review", "git.example.com", False),
        ("signed", "github.com", False),
    ],
)
def test_people_without_a_key_can_approve_where_they_can_review(
    scenes: Scenes, rank: str, host: str, *, possible: bool
) -> None:
    judge = on_forge(scenes.sealed.judge, rank=rank)
    files = [
        source.model_copy(update={"text": source.text.replace("host: github.com", f"host: {host}")})
        if source.path == "itil-gate.yaml"
        else source
        for source in judge
    ]
    policies = compile_policies(files)
    keyless = policies.people.model_copy(
        update={
            "persons": tuple(one.model_copy(update={"keys": ()}) for one in policies.people.persons)
        }
    )
    prospects = survey_prospects(
        policies.model_copy(update={"people": keyless}),
        now=scenes.sealed.facts.now,
        unable=[one.id for one in keyless.persons],
    )
    assert [one.possible for one in prospects] == [possible] * 4


def test_under_proposed_policies_a_review_counts_only_where_both_take_it(
    scenes: Scenes, asked: Inputs
) -> None:
    strict = on_forge(scenes.sealed.judge, rank="signed")
    both = asked.model_copy(update={"proposed": strict})
    entry = alone(both, by(asked, "bob"))
    assert (entry.code, entry.counted) == ("signature-needed", False)
    assert entry.detail.startswith("under the proposed policies: ")


def test_settings_of_a_forge_are_read(asked: Inputs) -> None:
    config = next(one.text for one in asked.judge if one.path == "itil-gate.yaml")
    assert config.endswith(forge_section())


def test_a_comment_and_a_hidden_state_are_called_so(asked: Inputs) -> None:
    assert alone(asked, by(asked, "bob", state="commented")).verdict == "comment"
    assert alone(asked, by(asked, "bob", state="unknown", dismissed=True)).verdict == "unknown"


def test_what_nobody_knows_any_more_is_no_approval_and_hides_none_at_its_place(
    asked: Inputs,
) -> None:
    """Also where the forge does not say that it was dismissed."""
    seen = proved(asked.facts, asked.requests[0])
    lost = by(asked, "bob", id="0", state="unknown", approved=seen)
    entry = alone(asked, lost)
    assert (entry.code, entry.counted) == ("dismissed", False)
    assert told(heard(asked, by(asked, "bob"), lost)) == [
        ("bob", "superseded", False), ("bob", "dismissed", False),
    ]  # fmt: skip
    no = by(asked, "bob", id="4", state="changes-requested")
    assert told(heard(asked, no, lost.model_copy(update={"id": "5"}))) == [
        ("bob", "dismissed", False), ("bob", "rejected", True),
    ]  # fmt: skip


def test_an_approval_that_was_dismissed_is_the_later_one_at_its_place(asked: Inputs) -> None:
    gone = by(asked, "bob", id="0", dismissed=True)
    assert told(heard(asked, by(asked, "bob"), gone)) == [
        ("bob", "superseded", False), ("bob", "dismissed", False),
    ]  # fmt: skip


def test_reviews_at_one_place_stand_in_the_same_order_however_they_arrive(asked: Inputs) -> None:
    said = [by(asked, "bob", id=name) for name in ("1", "2", "3")]
    first = only(heard(asked, *said)).ledger
    assert only(heard(asked, *reversed(said))).ledger == first
    assert [one.review.id for one in first if one.review] == ["1", "2", "3"]


def test_what_one_person_said_belongs_together_whoever_spoke_between(asked: Inputs) -> None:
    decision = heard(
        asked,
        by(asked, "bob"),
        by(asked, "dave", sequence=2),
        by(asked, "bob", sequence=3, id="3", dismissed=True),
    )
    assert told(decision) == [
        ("bob", "superseded", False),
        ("bob", "dismissed", False),
        ("dave", "approved", True),
    ]
    assert decision.outcome == "pending"


def test_whoever_withdrew_the_change_does_not_approve_it_by_a_review(
    scenes: Scenes, asked: Inputs
) -> None:
    asked = with_request(asked, "requester: alice", "requester: bob")
    request = asked.requests[0]
    gone = scenes.statement(
        asked.facts,
        "bob",
        "withdraw-change",
        request=hashlib.sha256(request.text.encode()).hexdigest(),
    )
    decision = heard(asked, by(asked, "bob"), statements=(*asked.facts.statements, gone))
    assert told(decision) == [
        ("bob", "change-withdrawn", True), ("bob", "negative-elsewhere", False),
    ]  # fmt: skip


def test_a_signed_no_that_was_taken_back_keeps_no_review_from_counting(
    scenes: Scenes, asked: Inputs
) -> None:
    no = scenes.statement(asked.facts, "bob", "reject")
    yes = scenes.statement(asked.facts, "bob", previous=(no.digest,))
    decision = heard(asked, by(asked, "bob"), statements=(*asked.facts.statements, no, yes))
    assert sorted(told(decision)) == [
        ("bob", "approved", True), ("bob", "approved", True), ("bob", "superseded", False),
    ]  # fmt: skip


def test_requested_changes_that_do_not_stand_reject_nothing(asked: Inputs) -> None:
    over = (
        by(asked, "bob", state="changes-requested"),
        by(asked, "bob", sequence=2, id="2"),
        by(asked, 77, sequence=3, state="changes-requested"),
    )
    decision = heard(asked, *over, by(asked, "dave", sequence=4))
    assert findings(decision, "open-rejection") == ()
    assert decision.outcome == "allow", broken(decision)


def test_a_dismissed_request_for_changes_says_that_this_settles_nothing(asked: Inputs) -> None:
    no = by(asked, "erin", state="changes-requested", dismissed=True)
    assert alone(asked, no).detail == (
        "requested changes on github.com; that it was dismissed does not settle it"
    )


@pytest.mark.parametrize(
    ("edits", "code"),
    [
        ({"of": None}, "no-commit"),
        ({"approved": ()}, "stale"),
        ({"of": EARLIER, "content": "0" * 64}, "stale"),
        ({"of": EARLIER}, "carry-over-forbidden"),
    ],
)
def test_what_does_not_count_still_tells_in_which_roles_and_when_it_was_given(
    asked: Inputs, edits: dict[str, Any], code: str
) -> None:
    policy = next(one.text for one in asked.judge if one.path == "policies/approvals.yaml")
    text = policy.replace("rank: forge-review}", "rank: forge-review, carryOver: [exact]}")
    strict = under(asked, {"policies/approvals.yaml": text})
    edits = dict(edits)
    if "content" in edits:
        other = {"content": edits.pop("content"), "replay_tree": None}
        edits["approved"] = proved(asked.facts, asked.requests[0], **other)
    given = asked.facts.now - 9 * TEN if edits.get("of") == EARLIER else asked.facts.now - TEN
    entry = alone(strict, by(asked, "bob", at=given, **edits))
    assert (entry.code, entry.counted) == (code, False)
    assert entry.roles == (PEER, "service-owner")
    assert entry.issued_at == given


def test_a_role_that_was_lent_to_a_reviewer_is_one_they_hold(scenes: Scenes, asked: Inputs) -> None:
    lent = asked.model_copy(update={"judge": on_forge(scenes.judge("lent"))})
    assert alone(lent, by(asked, "erin")).roles == (PEER, "change-authority", "service-owner")


def test_requested_changes_leave_what_else_was_signed_as_it_was(
    scenes: Scenes, asked: Inputs
) -> None:
    no = by(asked, "alice", state="changes-requested")
    mine = scenes.statement(asked.facts, "alice")
    decision = heard(asked, no, statements=(*asked.facts.statements, mine))
    assert told(decision) == [("alice", "contributor", False), ("alice", "rejected", True)]
    signed = scenes.statement(asked.facts, "alice", "reject")
    decision = heard(asked, no, statements=(*asked.facts.statements, signed))
    assert told(decision) == [("alice", "rejected", True)] * 2


def test_a_signature_that_requested_changes_overrule_says_so_and_carries_nothing(
    scenes: Scenes, asked: Inputs
) -> None:
    no = by(asked, "bob", state="changes-requested")
    signed = scenes.statement(asked.facts, "bob")
    decision = heard(asked, no, statements=(*asked.facts.statements, signed))
    entry = next(one for one in only(decision).ledger if one.review is None)
    assert (entry.code, entry.carry_over) == ("negative-elsewhere", None)
    assert entry.detail == (
        "a review of the same person requests changes; it stands until they approve on the forge"
    )


def test_whoever_requests_changes_is_among_those_who_may_approve_later(asked: Inputs) -> None:
    decision = heard(asked, by(asked, "bob", state="changes-requested"))
    owner = next(one for one in only(decision).requirements if one.id == "owner")
    assert (owner.counted, owner.eligible) == ((), ("bob", "dave"))


def test_the_roles_of_a_reviewer_are_told_in_one_order(asked: Inputs, keyring: Keyring) -> None:
    more = dict.fromkeys(("keeper", "banker", "driver", "pilot", "clerk"), ("bob",))
    known = under(asked, {"people.yaml": people_file(keyring, roles={**ROLES, **more})})
    assert alone(known, by(asked, "bob")).roles == (PEER, *sorted({*more, "service-owner"}))


def test_a_review_is_named_by_the_digest_of_what_the_forge_told(asked: Inputs) -> None:
    one = by(asked, "bob")
    assert alone(asked, one).digest == digest(one.model_copy(update={"approved": ()}))
