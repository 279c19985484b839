"""Requirements: how many of whom, who counts for what, and who is asked for the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from support.edits import approved_by, asking, only_said, under, with_request
from support.pulls import forge_section
from support.scenes import edited
from support.world import ROLES, broken, only, people_file

from itil_gate.decide.gate import decide
from itil_gate.decide.requirements import Demand, can_speak, counting, settle
from itil_gate.model.facts import SignatureFact
from itil_gate.model.people import Account, Person
from itil_gate.policy.compile import compile_policies

if TYPE_CHECKING:
    from support.repository import Keyring
    from support.scenes import Scenes

    from itil_gate.model.decision import RequirementState
    from itil_gate.model.facts import Inputs
    from itil_gate.model.policy import Counting

ALL = "levels: [low, medium, high, critical]"


def demand(
    name: str,
    *people: str,
    needed: int = 1,
    role: str = "crew",
    speaks: dict[str, tuple[str, ...]] | None = None,
    **more: Any,
) -> Demand:
    """Return a requirement that these people may meet in a role."""
    eligible = frozenset(people)
    fields: dict[str, Any] = {
        "policy": "approvals",
        "service": None,
        "min": needed,
        "percent": None,
        "distinct": True,
        "holders": eligible,
        **more,
    }
    return Demand(
        id=name,
        role=role,
        needed=needed,
        eligible=eligible,
        by_role={role: eligible},
        stand_ins={one: frozenset(lenders) for one, lenders in (speaks or {}).items()},
        **fields,
    )


def settled(*wanted: Demand, by: dict[str, tuple[str, ...]]) -> dict[str, RequirementState]:
    approvals = {person: frozenset(roles) for person, roles in by.items()}
    return {one.id: one for one in settle(wanted, approvals, side="target").states}


def said(*people: str, role: str = "crew") -> dict[str, tuple[str, ...]]:
    return dict.fromkeys(people, (role,))


@pytest.mark.parametrize(
    ("needed", "by", "state", "counted", "eligible"),
    [
        (1, (), "PENDING", (), ("a", "b", "c")),
        (1, ("a",), "SATISFIED", ("a",), ("b", "c")),
        (2, ("a",), "PENDING", ("a",), ("b", "c")),
        (2, ("a", "b"), "SATISFIED", ("a", "b"), ("c",)),
        (3, ("a", "b", "c"), "SATISFIED", ("a", "b", "c"), ()),
        (4, ("a", "b", "c"), "UNSATISFIED", ("a", "b", "c"), ()),
        (4, (), "UNSATISFIED", (), ("a", "b", "c")),
    ],
)
def test_a_requirement_is_met_waits_or_can_never_be_met(
    needed: int,
    by: tuple[str, ...],
    state: str,
    counted: tuple[str, ...],
    eligible: tuple[str, ...],
) -> None:
    one = settled(demand("one", "a", "b", "c", needed=needed), by=said(*by))["one"]
    assert (one.state, one.counted, one.eligible) == (state, counted, eligible)
    shared = demand("one", "a", "b", "c", needed=needed, distinct=False)
    one = settled(shared, by=said(*by))["one"]
    assert one.state == state
    assert len(one.counted) == len(counted)


def test_what_is_missing_is_listed_once_for_each_approval_that_lacks() -> None:
    wanted = demand("one", "a", "b", "c", needed=3)
    result = settle([wanted], {"a": frozenset({"crew"})}, side="proposed")
    assert result.missing == ((wanted, ("b", "c")), (wanted, ("b", "c")))
    assert result.impossible == ()
    never = demand("never", "a", needed=2)
    result = settle([never], {}, side="proposed")
    assert (result.missing, result.impossible) == ((), (never,))
    assert {state.side for state in result.states} == {"proposed"}


def test_an_approval_counts_only_in_a_role_that_it_claims_and_that_is_asked() -> None:
    wanted = demand("one", "a", "b")
    assert settled(wanted, by={"a": ("peer",)})["one"].counted == ()
    assert settled(wanted, by={"a": ()})["one"].counted == ()
    assert settled(wanted, by={"z": ("crew",)})["one"].counted == ()
    assert settled(wanted, by={"a": ("peer", "crew")})["one"].counted == ("a",)


def test_one_person_counts_for_one_requirement_and_is_moved_where_that_helps() -> None:
    first, second = demand("first", "a", "b"), demand("second", "a")
    both = settled(first, second, by=said("a", "b"))
    assert (both["first"].counted, both["second"].counted) == (("b",), ("a",))
    one = settled(first, second, by=said("a"))
    assert len(one["first"].counted) + len(one["second"].counted) == 1
    assert {one["first"].state, one["second"].state} == {"SATISFIED", "PENDING"}
    alone = settled(demand("first", "a"), second, by=said("a"))
    assert "UNSATISFIED" in {alone["first"].state, alone["second"].state}


def test_a_shared_requirement_counts_whoever_counts_elsewhere() -> None:
    first, shared = demand("first", "a"), demand("shared", "a", distinct=False)
    both = settled(first, shared, by=said("a"))
    assert (both["first"].counted, both["shared"].counted) == (("a",), ("a",))
    assert {one.state for one in both.values()} == {"SATISFIED"}


def test_room_is_left_for_those_who_did_not_approve_yet() -> None:
    """Where b is the only one left for the second, a takes the first."""
    first, second = demand("first", "a", "b"), demand("second", "b", "c")
    by_b = settled(first, second, by=said("b"))
    assert {one.state for one in by_b.values()} == {"SATISFIED", "PENDING"}
    only_b = settled(first, demand("second", "b"), by=said("b"))
    assert (only_b["second"].counted, only_b["first"].counted) == (("b",), ())
    assert (only_b["first"].state, only_b["first"].eligible) == ("PENDING", ("a",))


def test_whoever_holds_a_role_counts_before_whoever_stands_in() -> None:
    wanted = demand("one", "a", "b", "c", speaks={"a": ("c",)})
    assert settled(wanted, by=said("a", "b"))["one"].counted == ("b",)
    assert settled(wanted, by=said("a"))["one"].counted == ("a",)


def test_a_lender_and_whoever_it_is_lent_to_are_one_voice() -> None:
    for distinct in (True, False):
        wanted = demand("one", "a", "b", needed=2, speaks={"a": ("b",)}, distinct=distinct)
        one = settled(wanted, by=said("a", "b"))["one"]
        assert len(one.counted) == 1
        assert one.state == "UNSATISFIED"
        two = demand("one", "a", "b", "c", needed=2, speaks={"a": ("b",)}, distinct=distinct)
        assert settled(two, by=said("a", "c"))["one"].state == "SATISFIED"
        waiting = settled(two, by=said("a"))["one"]
        assert (waiting.state, waiting.counted) == ("PENDING", ("a",))
        assert waiting.eligible == ("c",)


def test_two_who_stand_in_for_two_are_two_voices() -> None:
    speaks = {"a": ("x", "y"), "b": ("x", "y")}
    wanted = demand("one", "a", "b", needed=2, speaks=speaks)
    assert settled(wanted, by=said("a", "b"))["one"].state == "SATISFIED"
    one = demand("one", "a", "b", needed=2, speaks={"a": ("x",), "b": ("x",)})
    assert settled(one, by=said("a", "b"))["one"].state == "UNSATISFIED"


def built_in(*people: str) -> Demand:
    return replace(demand("more", *people, role="peer"), built_in=True, policy="built-in")


def test_one_human_more_is_somebody_whom_nothing_else_rests_on() -> None:
    shared = demand("shared", "a", "b", role="peer", distinct=False)
    everyone = ("a", "b", "c")
    rests = settled(shared, built_in(*everyone), by=said("a", role="peer"))
    assert rests["shared"].counted == ("a",)
    assert (rests["more"].counted, rests["more"].state) == ((), "PENDING")
    free = settled(shared, built_in(*everyone), by=said("a", "c", role="peer"))
    assert free["more"].counted == ("c",)
    both = settled(shared, built_in(*everyone), by=said("a", "b", role="peer"))
    assert both["more"].state == "SATISFIED"
    enough = demand("shared", "a", role="peer", distinct=False)
    nobody = settled(enough, built_in("a"), by=said("a", role="peer"))
    assert nobody["more"].state == "UNSATISFIED"


def test_one_human_more_is_nobody_on_whom_the_last_of_several_shared_rests() -> None:
    """The first has a voice to spare; the second has only a."""
    first = demand("first", "a", "b", role="peer", distinct=False)
    second = demand("second", "a", role="peer", distinct=False)
    for shared in ((first, second), (second, first)):
        found = settled(*shared, built_in("a"), by=said("a", "b", role="peer"))
        assert found["more"].state == "UNSATISFIED"


def test_whoever_approved_is_asked_again_only_where_nobody_else_is_left() -> None:
    first, second = demand("first", "a"), demand("second", "a", "b")
    both = settled(first, second, by=said("a"))
    assert (both["first"].counted, both["second"].eligible) == (("a",), ("b",))
    alone = settled(first, demand("second", "a"), by=said("a"))
    states = {one.state: one for one in alone.values()}
    assert states["UNSATISFIED"].eligible == ("a",)


def test_whoever_counts_already_is_not_hoped_for_elsewhere() -> None:
    """C approved and counts for the last, so b and e are all that the first can still have."""
    wanted = (demand("two", "b", "c", "e", needed=2), built_in("b"), demand("last", "c"))
    by_role = {"c": ("crew", "peer")}
    states = {name: one.state for name, one in settled(*wanted, by=by_role).items()}
    assert states == {"two": "PENDING", "more": "UNSATISFIED", "last": "SATISFIED"}


def test_the_key_of_a_demand_tells_all_demands_of_a_change_apart() -> None:
    keys = [
        demand("one").key,
        demand("two").key,
        demand("one", policy="other").key,
        demand("one", service="api").key,
        replace(demand("one"), built_in=True).key,
    ]
    assert len(set(keys)) == len(keys)


def test_what_is_signed_of_a_demand_is_all_that_can_tighten() -> None:
    bound = demand("one", role="owner", service="api", needed=2, distinct=False).bound()
    assert (bound.role, bound.service, bound.min, bound.percent, bound.distinct) == (
        "owner",
        "api",
        2,
        None,
        False,
    )
    assert demand("one", percent=51, min=None).bound().percent == 51


# Requirements of policies -------------------------------------------------------------------------


def needs(scenes: Scenes, requirement: str, *names: str) -> RequirementState:
    inputs = asking(scenes.sealed, requirement)
    states = only(approved_by(scenes, inputs, names)).requirements
    return next(one for one in states if one.policy == "approvals")


@pytest.mark.parametrize(
    ("asks", "needed"),
    [
        ("", 1),
        (", min: 2", 2),
        (", percent: 1", 1),
        (", percent: 20", 1),
        (", percent: 21", 2),
        (", percent: 40", 2),
        (", percent: 41", 3),
        (", percent: 100", 5),
    ],
)
def test_a_share_is_of_all_holders_and_rounded_up(scenes: Scenes, asks: str, needed: int) -> None:
    """Five people are listed."""
    one = needs(scenes, f"id: any, {ALL}, role: peer{asks}")
    assert (one.needed, one.role, one.service) == (needed, "peer", None)
    assert one.eligible == ("bob", "carol", "dave", "erin")


def test_more_than_two_thirds_of_three_are_three(scenes: Scenes, keyring: Keyring) -> None:
    three = people_file(keyring, roles={**ROLES, "service-owner": ("bob", "dave", "erin")})
    for percent, needed in ((66, 2), (67, 3)):
        asked = asking(scenes.sealed, f"id: owner, {ALL}, role: service-owner, percent: {percent}")
        (one,) = only(decide(only_said(under(asked, {"people.yaml": three})))).requirements
        assert one.needed == needed


def test_a_requirement_is_asked_only_at_its_levels_and_in_its_lanes(scenes: Scenes) -> None:
    """The change is of high risk and takes the lane board."""
    base = f"id: always, {ALL}, role: peer"
    for more, asked in (
        ("levels: [high], role: peer", True),
        ("levels: [low, medium, critical], role: peer", False),
        (f"{ALL}, lanes: [board], role: peer", True),
        (f"{ALL}, lanes: [peer, team, emergency], role: peer", False),
    ):
        verdict = only(decide(asking(scenes.sealed, base, f"id: extra, {more}")))
        assert ("extra" in {one.id for one in verdict.requirements}) is asked, more


def test_owners_are_asked_of_every_service_and_strangers_of_none(
    scenes: Scenes, keyring: Keyring
) -> None:
    roles = "roles:\n  - {role: crew, members: [erin], services: [other]}\n"
    people = people_file(keyring, roles=ROLES).replace("roles:\n", roles, 1)
    for of, services in (("footprint", "payments-api"), ("anyone", None)):
        inputs = asking(scenes.sealed, f"id: crew, {ALL}, role: crew, of: {of}")
        decision = decide(only_said(under(inputs, {"people.yaml": people})))
        (one,) = only(decision).requirements
        assert (one.service, one.state, one.eligible) == (services, "UNSATISFIED", ())


def test_a_fallback_stands_in_only_where_the_role_itself_is_not_enough(
    scenes: Scenes, keyring: Keyring
) -> None:
    asked = f"id: owner, {ALL}, role: service-owner, fallback: change-authority, min: 1"
    assert needs(scenes, asked).eligible == ("bob", "dave")
    alone = people_file(keyring, roles={**ROLES, "service-owner": ("alice",)})
    inputs = under(asking(scenes.sealed, asked), {"people.yaml": alone})
    (one,) = only(decide(only_said(inputs))).requirements
    assert (one.state, one.eligible) == ("PENDING", ("carol", "dave"))
    counted = only(approved_by(scenes, inputs, ["carol"])).requirements[0]
    assert (counted.state, counted.counted) == ("SATISFIED", ("carol",))
    two = asked.replace("min: 1", "min: 2")
    assert set(needs(scenes, two).eligible) == {"bob", "dave"}
    three = asked.replace("min: 1", "min: 3")
    assert set(needs(scenes, three).eligible) == {"bob", "carol", "dave"}


def test_a_name_in_a_commit_opens_no_fallback(scenes: Scenes, keyring: Keyring) -> None:
    """Somebody wrote bob, the sole owner, into a commit; he is excluded and not stood in for."""
    (commit, *rest) = scenes.sealed.facts.commits
    bob = commit.author.model_copy(update={"name": "Bob", "email": "bob@example.com"})
    asked = f"id: owner, {ALL}, role: service-owner, fallback: change-authority, min: 1"
    sole = people_file(keyring, roles={**ROLES, "service-owner": ("bob",)})
    inputs = under(asking(scenes.sealed, asked), {"people.yaml": sole})
    named = commit.model_copy(update={"co_authors": (bob,)})
    hinted = only(decide(only_said(edited(inputs, commits=(named, *rest))))).requirements[0]
    assert (hinted.state, hinted.eligible) == ("UNSATISFIED", ())
    for old, new in (("requester: alice", "requester: bob"),):
        requested = with_request(edited(inputs, commits=(named, *rest)), old, new)
        one = only(decide(only_said(requested))).requirements[0]
        assert (one.state, one.eligible) == ("PENDING", ("carol", "dave"))


def signed_by(scenes: Scenes, inputs: Inputs, name: str) -> Inputs:
    """Return inputs whose one commit is by somebody, and signed by them."""
    (commit, *rest) = inputs.facts.commits
    (key,) = {
        one.fingerprint
        for one in scenes.sealed.facts.statements
        if one.approval and one.approval.signer == name
    }
    who = commit.author.model_copy(update={"email": f"{name}@example.com"})
    mark = SignatureFact(kind="ssh", status="good", fingerprint=key)
    made = commit.model_copy(update={"author": who, "committer": who, "signature": mark})
    return edited(inputs, commits=(made, *rest))


def test_who_is_proved_to_have_made_it_opens_the_fallback(scenes: Scenes, keyring: Keyring) -> None:
    asked = f"id: owner, {ALL}, role: service-owner, fallback: change-authority, min: 1"
    sole = people_file(keyring, roles={**ROLES, "service-owner": ("bob",)})
    inputs = under(asking(scenes.sealed, asked), {"people.yaml": sole})
    (one,) = only(decide(only_said(signed_by(scenes, inputs, "bob")))).requirements
    assert (one.state, one.eligible) == ("PENDING", ("carol", "dave"))


def test_who_could_sign_nothing_anyway_opens_the_fallback_named_or_not(
    scenes: Scenes, keyring: Keyring
) -> None:
    asked = f"id: owner, {ALL}, role: service-owner, fallback: change-authority, min: 1"
    sole = people_file(keyring, roles={**ROLES, "service-owner": ("bob",)})
    mute = sole.replace(f"    keys: ['{keyring.bob.public}']\n", "")
    assert mute != sole
    inputs = under(asking(scenes.sealed, asked), {"people.yaml": mute})
    (commit, *rest) = inputs.facts.commits
    bob = commit.author.model_copy(update={"email": "bob@example.com"})
    named = edited(inputs, commits=(commit.model_copy(update={"co_authors": (bob,)}), *rest))
    for given in (inputs, named):
        (one,) = only(decide(only_said(given))).requirements
        assert (one.state, one.eligible) == ("PENDING", ("carol", "dave"))


def test_commits_that_nothing_proves_ask_for_one_human_more_at_low_risk_only(
    scenes: Scenes,
) -> None:
    unsigned = tuple(
        one.model_copy(update={"signature": SignatureFact()}) for one in scenes.sealed.facts.commits
    )
    low = edited(
        asking(scenes.sealed, f"id: any, {ALL}, role: peer"),
        commits=unsigned,
        diff=tuple(one for one in scenes.sealed.facts.diff if not one.path.startswith("de")),
    )
    calm = under(low, {"policies/risk.yaml": NO_FLOORS})
    first = only(approved_by(scenes, calm, ["bob"]))
    assert [(one.id, one.state) for one in first.requirements] == [
        ("any", "SATISFIED"),
        ("unproved-contributor", "PENDING"),
    ]
    more = first.requirements[1]
    assert (more.policy, more.role, more.needed) == ("built-in", "peer", 1)
    assert more.eligible == ("carol", "dave", "erin")
    assert approved_by(scenes, calm, ["bob", "erin"]).outcome == "allow"
    high = decide(only_said(low))
    assert [one.id for one in only(high).requirements] == ["any"]
    assert "unproved-contributor" in broken(high)
    unasked = only_said(asking(calm, "id: any, levels: [critical], role: peer"))
    assert only(decide(unasked)).requirements == ()
    assert "no-applicable-policy" in broken(decide(unasked))


def test_one_human_more_does_not_hide_that_nobody_is_asked(scenes: Scenes) -> None:
    inputs = asking(scenes.sealed, "id: any, levels: [critical], role: peer")
    by_agent = only_said(with_request(inputs, "requester: alice", "requester: helper"))
    decision = decide(by_agent)
    assert only(decision).requirements == ()
    assert "no-applicable-policy" in broken(decision)


NO_FLOORS = """\
apiVersion: itil-gate/v1
kind: RiskModel
metadata: {name: paths, owner: change-authority, reviewBy: 2027-01-01}
spec:
  default: low
"""


@pytest.mark.parametrize(
    ("old", "new", "more"),
    [
        ("requester: alice", "requester: alice", False),
        ("requester: alice", "requester: helper", True),
        ("requester: alice", "requester: robo", False),
        ("  reason:", "  implementer: helper\n  reason:", True),
        ("  reason:", "  implementer: erin\n  reason:", False),
    ],
)
def test_what_an_agent_asks_for_or_carries_out_one_human_more_has_to_see(
    scenes: Scenes, old: str, new: str, *, more: bool
) -> None:
    verdict = only(decide(only_said(with_request(scenes.sealed, old, new))))
    ids = [one.id for one in verdict.requirements]
    assert ("agent-contributor" in ids) is more
    assert ids[:2] == ["owner", "authority"]


def counted_as(scenes: Scenes, *entries: str) -> Counting:
    text = "".join(f"    - {{{one}}}\n" for one in entries)
    requirement = f"id: any, {ALL}, role: peer"
    inputs = asking(scenes.sealed, requirement)
    policy = next(one.text for one in inputs.judge if one.path == "policies/approvals.yaml")
    judged = under(inputs, {"policies/approvals.yaml": f"{policy}  counting:\n{text}"})
    return counting(compile_policies(judged.judge).approvals, level="high")


def test_the_strictest_of_all_ways_of_counting_holds(scenes: Scenes) -> None:
    plain = counting((), level="high")
    assert (plain.rank, plain.levels) == ("signed", ("high",))
    one = counted_as(
        scenes,
        "levels: [high], maxAge: 48h, carryOver: [exact, same-content]",
        "levels: [high, low], maxAge: 3d, carryOver: [clean-replay, exact]",
        "levels: [low], maxAge: 1h, carryOver: [exact]",
    )
    assert one.levels == ("high",)
    assert (one.max_age, one.carry_over) == ("48h", ("exact",))
    elsewhere = counted_as(scenes, "levels: [low], maxAge: 1h")
    assert elsewhere == plain


@pytest.mark.parametrize(
    ("entries", "rank"),
    [
        (("levels: [high], rank: forge-review",), "forge-review"),
        (("levels: [high], rank: forge-review", "levels: [high]"), "signed"),
        (("levels: [high], rank: forge-review", "levels: [low], rank: signed"), "forge-review"),
        (("levels: [low], rank: forge-review",), "signed"),
    ],
)
def test_signatures_are_asked_unless_every_way_of_counting_lets_reviews_do(
    scenes: Scenes, entries: tuple[str, ...], rank: str
) -> None:
    assert counted_as(scenes, *entries).rank == rank


@pytest.mark.parametrize(
    ("condition", "asked"),
    [('"true"', True), ('"false"', False), ("\"risk.level == 'high'\"", True)],
)
def test_a_requirement_with_a_condition_is_asked_where_it_holds(
    scenes: Scenes, condition: str, *, asked: bool
) -> None:
    inputs = asking(
        scenes.sealed,
        f"id: always, {ALL}, role: peer",
        f"id: extra, {ALL}, role: peer, when: {condition}",
    )
    states = only(decide(inputs)).requirements
    assert [one.id for one in states] == (["always", "extra"] if asked else ["always"])


def test_a_requirement_is_listed_as_it_was_written(scenes: Scenes) -> None:
    one = needs(scenes, f"id: any, {ALL}, role: peer, percent: 40, distinct: false")
    assert (one.side, one.policy, one.percent, one.min) == ("target", "approvals", 40, None)
    assert one.distinct is False
    plain = needs(scenes, f"id: any, {ALL}, role: peer")
    assert (plain.min, plain.percent, plain.distinct) == (1, None, True)


def test_what_the_gate_asks_by_itself_is_one_human_more_and_no_less(scenes: Scenes) -> None:
    (commit, *rest) = scenes.sealed.facts.commits
    helper = commit.author.model_copy(update={"email": "helper@example.com"})
    made = commit.model_copy(update={"author": helper, "committer": helper})
    inputs = asking(edited(scenes.sealed, commits=(made, *rest)), f"id: any, {ALL}, role: peer")
    states = only(approved_by(scenes, inputs, ["carol"])).requirements
    more = next(one for one in states if one.id == "agent-contributor")
    assert (more.needed, more.min, more.percent, more.distinct) == (1, 1, None, True)
    assert (more.policy, more.role, more.state) == ("built-in", "peer", "PENDING")
    assert "bob" not in more.eligible
    assert "alice" not in more.eligible
    assert approved_by(scenes, inputs, ["carol", "erin"]).outcome == "allow"


def test_a_fallback_lets_nobody_approve_who_took_part(scenes: Scenes, keyring: Keyring) -> None:
    (commit, *rest) = scenes.sealed.facts.commits
    carol = commit.author.model_copy(update={"email": "carol@example.com"})
    named = commit.model_copy(update={"co_authors": (carol,)})
    asked = f"id: owner, {ALL}, role: service-owner, fallback: change-authority"
    sole = people_file(keyring, roles={**ROLES, "service-owner": ("alice",)})
    inputs = under(
        asking(edited(scenes.sealed, commits=(named, *rest)), asked), {"people.yaml": sole}
    )
    (one,) = only(decide(only_said(inputs))).requirements
    assert (one.state, one.eligible) == ("PENDING", ("dave",))


def test_without_a_fallback_nobody_stands_in(scenes: Scenes, keyring: Keyring) -> None:
    sole = people_file(keyring, roles={**ROLES, "service-owner": ("alice",)})
    asked = asking(scenes.sealed, f"id: owner, {ALL}, role: service-owner")
    (one,) = only(decide(only_said(under(asked, {"people.yaml": sole})))).requirements
    assert (one.state, one.eligible) == ("UNSATISFIED", ())


def test_people_without_a_key_are_asked_for_no_signature(scenes: Scenes, keyring: Keyring) -> None:
    text = people_file(keyring).replace(f"    keys: ['{keyring.dave.public}']\n", "")
    inputs = under(scenes.sealed, {"people.yaml": text})
    states = {one.id: one for one in only(decide(only_said(inputs))).requirements}
    assert states["owner"].eligible == ("bob",)
    assert states["authority"].eligible == ("carol",)


def test_a_lender_and_their_delegate_meet_no_requirement_for_two(
    scenes: Scenes, keyring: Keyring
) -> None:
    lent = (
        "delegations:\n  - {delegator: bob, delegate: erin, role: service-owner,\n"
        "     start: 2026-01-01T00:00:00Z, end: 2027-01-01T00:00:00Z}\n"
    )
    people = people_file(keyring, extra=lent)
    for distinct in ("true", "false"):
        asked = asking(
            scenes.sealed, f"id: owner, {ALL}, role: service-owner, min: 2, distinct: {distinct}"
        )
        inputs = under(asked, {"people.yaml": people})
        said = [
            scenes.statement(inputs.facts, name, roles=("service-owner",))
            for name in ("bob", "erin", "dave")
        ]
        (one,) = only(decide(only_said(inputs, *said[:2]))).requirements
        assert (one.state, len(one.counted)) == ("PENDING", 1)
        assert one.eligible == ("dave",)
        for pair in (said[1:], (said[0], said[2])):
            (one,) = only(decide(only_said(inputs, *pair))).requirements
            assert (one.state, len(one.counted)) == ("SATISFIED", 2)


def test_a_share_of_nobody_is_still_somebody(scenes: Scenes) -> None:
    inputs = asking(scenes.sealed, f"id: none, {ALL}, role: nobodys-role, percent: 50")
    (one,) = only(decide(inputs)).requirements
    assert (one.needed, one.state, one.counted) == (1, "UNSATISFIED", ())


def test_every_voice_for_a_shared_requirement_is_listed_lenders_first() -> None:
    wanted = demand("one", "a", "b", "c", speaks={"a": ("c",)}, distinct=False)
    assert settled(wanted, by=said("a", "b"))["one"].counted == ("a", "b")
    assert settled(wanted, by=said("a", "c"))["one"].counted == ("c",)
    assert settled(wanted, by=said("a", "b", "c"))["one"].counted == ("b", "c")


def test_a_shared_requirement_takes_nobody_from_another_wherever_it_is_written() -> None:
    shared, second = demand("shared", "a", distinct=False), demand("second", "a")
    for wanted in ((shared, second), (second, shared)):
        both = settled(*wanted, by=said("a"))
        assert {one.state for one in both.values()} == {"SATISFIED"}


def test_of_a_lender_and_their_delegate_one_may_be_the_human_more() -> None:
    speaks = {"a": ("c",)}
    shared = demand("shared", "a", "c", role="peer", speaks=speaks, distinct=False)
    both = settled(shared, built_in("a", "c"), by=said("a", "c", role="peer"))
    assert [one.state for one in both.values()] == ["SATISFIED", "SATISFIED"]
    one = settled(shared, built_in("a", "c"), by=said("a", role="peer"))
    assert [state.state for state in one.values()] == ["SATISFIED", "PENDING"]


def test_where_reviews_count_people_without_a_key_are_asked_too(
    scenes: Scenes, keyring: Keyring
) -> None:
    text = people_file(keyring).replace(f"    keys: ['{keyring.dave.public}']\n", "")
    requirement = f"id: owner, {ALL}, role: service-owner"
    inputs = under(asking(scenes.sealed, requirement), {"people.yaml": text})
    policy = next(one.text for one in inputs.judge if one.path == "policies/approvals.yaml")
    config = next(one.text for one in inputs.judge if one.path == "itil-gate.yaml")
    for rank, host, eligible in (
        ("signed", "github.com", ("bob",)),
        ("forge-review", "github.com", ("bob", "dave")),
        ("forge-review", "git.example.com", ("bob",)),
        ("forge-review", None, ("bob",)),
    ):
        counted = f"{policy}  counting:\n    - {{levels: [high], rank: {rank}}}\n"
        adopted = config if host is None else config + forge_section(host)
        judged = under(inputs, {"policies/approvals.yaml": counted, "itil-gate.yaml": adopted})
        (one,) = only(decide(only_said(judged))).requirements
        assert one.eligible == eligible


def test_one_account_on_the_forge_is_enough_however_its_name_is_written() -> None:
    def known_on(*forges: str) -> Person:
        accounts = tuple(Account(forge=one, login="erin", id=7) for one in forges)
        return Person(id="erin", name="Erin", accounts=accounts)

    both = known_on("git.example.com", "github.com")
    assert can_speak(both, host="github.com")
    assert not can_speak(both, host="gitlab.com")
    assert not can_speak(both, host=None)
    assert not can_speak(known_on(), host="github.com")
    assert can_speak(known_on("GitHub.com"), host="github.com")
    assert can_speak(known_on("github.com"), host="GitHub.com")


def test_each_service_of_the_footprint_asks_those_who_hold_the_role_for_it(
    scenes: Scenes, keyring: Keyring
) -> None:
    website = (
        "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: website\n"
        '  annotations: {itil-gate.dev/tier: "3", itil-gate.dev/paths: "docs/**"}\n'
        "spec: {type: service, lifecycle: production}\n"
    )
    crews = (
        "  - {role: crew, members: [erin], services: [website]}\n"
        "  - {role: crew, members: [bob], services: [payments-api]}\n"
    )
    inputs = under(
        asking(scenes.sealed, f"id: crew, {ALL}, role: crew, of: footprint"),
        {"services/website.yaml": website, "people.yaml": people_file(keyring) + crews},
    )
    asked = with_request(inputs, "[payments-api]", "[payments-api, website]")
    found = only(decide(only_said(asked))).requirements
    assert {one.service: one.eligible for one in found} == {
        "payments-api": ("bob",),
        "website": ("erin",),
    }


def test_a_place_that_is_counted_apart_bars_nobody_from_being_the_human_more() -> None:
    """Who is counted there is not counted here; only places that are shared need a second look."""
    apart = demand("apart", "a", role="peer")
    asked = settled(apart, built_in("a", "b"), by={})
    assert asked["more"].eligible == ("a", "b")
    done = settled(apart, built_in("a", "b"), by=said("a", role="peer"))
    assert [(one.counted, one.state) for one in done.values()] == [
        (("a",), "SATISFIED"), ((), "PENDING"),
    ]  # fmt: skip
