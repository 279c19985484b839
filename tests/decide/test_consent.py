"""Consent: what is told where approvals are missing, cannot be given, or were refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.edits import approved_by, asking, only_said, under, with_request
from support.pulls import forge_section
from support.reviewing import COUNTING
from support.scenes import PATHS, edited
from support.world import CHG, ROLES, broken, findings, only, people_file

from itil_gate.decide.gate import decide

if TYPE_CHECKING:
    from support.repository import Keyring
    from support.scenes import Scenes

    from itil_gate.model.facts import Inputs

HIGH = "levels: [low, medium, high, critical]"


def impossible(inputs: Inputs) -> list[str]:
    decision = decide(only_said(inputs))
    found = findings(decision, "unsatisfiable-requirement")
    assert bool(found) is (decision.outcome == "deny")
    return [one.message for one in found]


def test_a_requirement_that_nobody_can_meet_says_who_is_left(scenes: Scenes) -> None:
    """Alice makes the change; bob and dave own the service."""
    owners = asking(
        scenes.sealed, f"id: owners, {HIGH}, role: service-owner, of: footprint, min: 3"
    )
    assert impossible(owners) == ["owners needs 3 service-owner for payments-api; left: bob, dave"]
    nobody = asking(scenes.sealed, f"id: board, {HIGH}, role: nothing, min: 1")
    assert impossible(nobody) == ["board needs 1 nothing, and nobody holds that role"]
    enough = asking(scenes.sealed, f"id: owners, {HIGH}, role: service-owner, min: 2")
    assert impossible(enough) == []


def test_it_says_who_took_part_and_who_has_no_key(scenes: Scenes, keyring: Keyring) -> None:
    roles = {**ROLES, "crew": ("alice", "erin", "bob")}
    text = people_file(keyring, roles=roles)
    mute = text.replace(f"    keys: ['{keyring.erin.public}']\n", "")
    assert mute != text
    asked = asking(scenes.sealed, f"id: crew, {HIGH}, role: crew, min: 3")
    assert impossible(under(asked, {"people.yaml": text})) == [
        "crew needs 3 crew; left: bob, erin; alice took part in the change"
    ]
    (said,) = impossible(under(asked, {"people.yaml": mute}))
    assert said == (
        "crew needs 3 crew; left: bob; alice took part in the change; "
        "without a key in people.yaml: erin"
    )


def test_it_says_of_whom_nothing_proves_that_they_took_part(scenes: Scenes) -> None:
    (commit, *rest) = scenes.sealed.facts.commits
    named = commit.model_copy(update={"co_authors": (bob_of(scenes),)})
    inputs = edited(scenes.sealed, commits=(named, *rest))
    asked = asking(inputs, f"id: owners, {HIGH}, role: service-owner, min: 2")
    assert impossible(asked) == [
        (
            "owners needs 2 service-owner; left: dave; bob took part in the change, "
            "which nothing proves of bob"
        )
    ]
    alone = asking(inputs, f"id: owners, {HIGH}, role: alone, min: 1")
    text = next(one.text for one in inputs.judge if one.path == "people.yaml")
    with_role = text.replace("roles:\n", "roles:\n  - {role: alone, members: [bob]}\n", 1)
    assert impossible(under(alone, {"people.yaml": with_role})) == [
        (
            "owners needs 1 alone; left: nobody; bob took part in the change, "
            "which nothing proves of bob"
        )
    ]


def bob_of(scenes: Scenes) -> object:
    (commit, *_) = scenes.sealed.facts.commits
    return commit.author.model_copy(update={"name": "Bob", "email": "bob@example.com"})


def test_what_is_missing_names_who_could_approve_what(scenes: Scenes) -> None:
    decision = approved_by(scenes, scenes.sealed, ["carol"])
    assert (decision.outcome, broken(decision)) == ("pending", {"missing-approval"})
    (found,) = findings(decision, "missing-approval")
    assert found.message == "owner: 0 of 1 service-owner of payments-api"
    assert found.remedy == (
        f"one of bob, dave can run `itil-gate approve {CHG} --head {scenes.sealed.facts.head}`"
    )
    assert found.effect == "pending"
    (step,) = decision.unblock
    assert step.who == ("bob", "dave")
    assert step.why == "owner: service-owner of payments-api"


def test_where_no_requirement_applies_the_change_is_refused(scenes: Scenes) -> None:
    decision = decide(asking(scenes.sealed, "id: review, levels: [low], role: peer, min: 1"))
    assert (decision.outcome, broken(decision)) == ("deny", {"no-applicable-policy"})
    (found,) = findings(decision, "no-applicable-policy")
    assert found.message == "no approval requirement applies to high risk in the lane board"
    assert found.place is not None
    assert found.place.file == "policies"


def test_a_rejection_outweighs_every_approval(scenes: Scenes) -> None:
    facts = scenes.sealed.facts
    said = [scenes.statement(facts, who) for who in ("bob", "dave")]
    no = scenes.statement(facts, "carol", "reject", reason="Not now.")
    decision = decide(only_said(scenes.sealed, *said, no))
    assert (decision.outcome, broken(decision)) == ("deny", {"open-rejection"})
    (found,) = findings(decision, "open-rejection")
    assert found.message == "carol rejected the change: Not now."
    assert [one.state for one in only(decision).requirements] == ["SATISFIED"] * 2


def test_a_rejection_of_another_request_for_the_same_paths_is_inherited_by_name(
    scenes: Scenes,
) -> None:
    no = scenes.statement(scenes.sealed.facts, "carol", "reject", change="CHG-2026-AAAA0002")
    yes = [scenes.statement(scenes.sealed.facts, who) for who in ("bob", "dave")]
    decision = decide(only_said(scenes.sealed, *yes, no))
    assert (decision.outcome, broken(decision)) == ("deny", {"open-rejection"})
    (found,) = findings(decision, "open-rejection")
    assert found.message == "carol rejected CHG-2026-AAAA0002, which asked for the same work"


def inherits(scenes: Scenes, proof: dict[str, object], **said: object) -> bool:
    """Tell whether carol's rejection of another request holds for the sealed one."""
    edits = {"requester": "erin", **said, "change": "CHG-2026-AAAA0002"}
    no = scenes.statement(scenes.sealed.facts, "carol", "reject", **edits)
    assert no.approved is not None
    unlike = {"in_history": False, "changed": ("src/app.py",), **proof}
    no = no.model_copy(update={"approved": no.approved.model_copy(update=unlike)})
    return bool(findings(decide(only_said(scenes.sealed, no)), "open-rejection"))


def test_a_rejection_is_inherited_by_the_same_work_and_by_no_other(scenes: Scenes) -> None:
    request = scenes.sealed.requests[0].path
    assert not inherits(scenes, {})
    assert inherits(scenes, {"in_history": True})
    assert inherits(scenes, {"changed": (request,)})
    assert inherits(scenes, {"changed": ()})
    assert not inherits(scenes, {"changed": (request, "src/app.py")})
    assert not inherits(scenes, {"changed": (), "known": False})
    assert inherits(scenes, {}, requester="alice")


def test_whoever_asks_again_inherits_also_without_a_commit_of_their_own(scenes: Scenes) -> None:
    no = scenes.statement(
        scenes.sealed.facts, "carol", "reject", change="CHG-2026-AAAA0002", requester="erin"
    )
    assert no.approved is not None
    unlike = no.approved.model_copy(update={"in_history": False, "changed": ("src/app.py",)})
    inputs = only_said(scenes.sealed, no.model_copy(update={"approved": unlike}))
    assert not findings(decide(inputs), "open-rejection")
    asked_by_erin = with_request(inputs, "requester: alice", "requester: erin")
    assert findings(decide(asked_by_erin), "open-rejection")


def test_statements_that_prove_nothing_hide_no_rejection_behind_them(scenes: Scenes) -> None:
    no = scenes.statement(scenes.sealed.facts, "carol", "reject", change="CHG-2026-AAAA0002")
    bad = scenes.statement(scenes.sealed.facts, "bob", change="CHG-2026-AAAA0003")
    for edit in ({"status": "malformed"}, {"fingerprint": None}, {"approval": None}):
        first = bad.model_copy(update=edit)
        assert findings(decide(only_said(scenes.sealed, first, no)), "open-rejection"), edit


def test_a_rejection_of_paths_that_do_not_change_now_is_not_inherited(scenes: Scenes) -> None:
    assert inherits(scenes, {"in_history": True}, scope=(PATHS[0],))
    assert not inherits(scenes, {"in_history": True}, scope=("elsewhere/**",))
    assert not inherits(scenes, {"in_history": True}, scope=("docs/**",))
    assert inherits(scenes, {"in_history": True}, scope=("elsewhere/**", "db/**"))


def test_a_scope_that_cannot_be_read_holds_everything(scenes: Scenes) -> None:
    assert inherits(scenes, {"in_history": True}, scope=("!elsewhere",))


def test_a_rejection_for_another_target_or_repository_is_not_inherited(scenes: Scenes) -> None:
    assert not inherits(scenes, {"in_history": True}, target="refs/heads/release")
    assert not inherits(scenes, {"in_history": True}, repository="example.com/other")


def test_a_rejection_in_roles_that_were_lost_is_not_inherited(scenes: Scenes) -> None:
    assert not inherits(scenes, {"in_history": True}, roles=("service-owner",))
    assert inherits(scenes, {"in_history": True}, roles=("service-owner", "peer"))
    assert inherits(scenes, {"in_history": True}, roles=())


def test_a_request_that_reached_the_target_leaves_no_rejection_to_who_asks_again(
    scenes: Scenes,
) -> None:
    no = scenes.statement(
        scenes.sealed.facts, "carol", "reject", change="CHG-2026-AAAA0002", requester="alice"
    )
    assert no.approved is not None
    unlike = no.approved.model_copy(update={"in_history": False, "changed": ("src/app.py",)})
    inputs = only_said(scenes.sealed, no.model_copy(update={"approved": unlike}))
    assert findings(decide(inputs), "open-rejection")
    landed = edited(inputs, target_requests=("CHG-2026-AAAA0002",))
    assert not findings(decide(landed), "open-rejection")
    other = edited(inputs, target_requests=("CHG-2026-AAAA0003",))
    assert findings(decide(other), "open-rejection")


def test_an_inherited_rejection_has_to_be_its_signers_own_good_word(scenes: Scenes) -> None:
    facts = scenes.sealed.facts
    no = scenes.statement(facts, "carol", "reject", change="CHG-2026-AAAA0002")
    for edit in (
        {"status": "bad-signature"},
        {"fingerprint": None},
        {"fingerprint": "SHA256:x"},
        {"approval": None},
    ):
        inputs = only_said(scenes.sealed, no.model_copy(update=edit))
        assert not findings(decide(inputs), "open-rejection"), edit
    other = scenes.statement(facts, "dave", "reject", change="CHG-2026-AAAA0002")
    forged = no.model_copy(update={"fingerprint": other.fingerprint})
    assert not findings(decide(only_said(scenes.sealed, forged)), "open-rejection")
    assert findings(decide(only_said(scenes.sealed, no)), "open-rejection")


def test_an_inherited_rejection_ends_with_its_signers_later_word(scenes: Scenes) -> None:
    facts = scenes.sealed.facts
    edits = {"change": "CHG-2026-AAAA0002"}
    no = scenes.statement(facts, "carol", "reject", **edits)
    back = scenes.statement(facts, "carol", "withdraw", previous=(no.digest,), **edits)
    assert not findings(decide(only_said(scenes.sealed, no, back)), "open-rejection")
    by_another = scenes.statement(facts, "dave", "withdraw", previous=(no.digest,), **edits)
    assert findings(decide(only_said(scenes.sealed, no, by_another)), "open-rejection")


def test_two_rejections_of_two_requests_are_both_inherited(scenes: Scenes) -> None:
    facts = scenes.sealed.facts
    said = [
        scenes.statement(facts, who, "reject", change=f"CHG-2026-AAAA000{number}")
        for who, number in (("dave", 3), ("carol", 2), ("bob", 2))
    ]
    for order in (said, said[::-1]):
        found = findings(decide(only_said(scenes.sealed, *order)), "open-rejection")
        assert [one.message for one in found] == [
            f"{who} rejected CHG-2026-AAAA000{number}, which asked for the same work"
            for who, number in (("bob", 2), ("carol", 2), ("dave", 3))
        ]


def test_a_rejection_of_which_git_knows_nothing_is_inherited_by_who_asks_again(
    scenes: Scenes,
) -> None:
    for requester, told in (("alice", True), ("erin", False)):
        no = scenes.statement(
            scenes.sealed.facts, "carol", "reject", change="CHG-2026-AAAA0002", requester=requester
        )
        inputs = only_said(scenes.sealed, no.model_copy(update={"approved": None}))
        assert bool(findings(decide(inputs), "open-rejection")) is told


def test_where_reviews_count_it_says_who_has_neither_a_key_nor_an_account(
    scenes: Scenes, keyring: Keyring
) -> None:
    text = people_file(keyring, roles={**ROLES, "crew": ("alice", "erin", "bob")})
    without = text.replace(f"    keys: ['{keyring.erin.public}']\n", "")
    asked = asking(scenes.sealed, f"id: crew, {HIGH}, role: crew, min: 3")
    policy = next(one.text for one in asked.judge if one.path == "policies/approvals.yaml")
    config = next(one.text for one in asked.judge if one.path == "itil-gate.yaml")
    judged = under(
        asked,
        {
            "people.yaml": without,
            "policies/approvals.yaml": policy + COUNTING,
            "itil-gate.yaml": config + forge_section("git.example.com"),
        },
    )
    assert impossible(judged) == [
        (
            "crew needs 3 crew; left: bob; alice took part in the change; "
            "without a key or an account on git.example.com in people.yaml: erin"
        )
    ]
