"""Staleness: what still binds, what does not, and what is said about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from itil_gate.decide.staleness import carry_over, tightened, what_changed
from itil_gate.model.statement import BoundRequirement

if TYPE_CHECKING:
    from support.scenes import Scenes

    from itil_gate.model.facts import Facts, StatementFact

OTHER = "f" * 40
DIGEST = "f" * 64


def approval(scenes: Scenes, *, said: dict[str, Any] | None = None, **proof: Any) -> StatementFact:
    """Return bob's approval of the sealed merge with edits to what he said and what git says."""
    one = scenes.statement(scenes.sealed.facts, "bob")
    assert one.approval is not None
    assert one.approved is not None
    return one.model_copy(
        update={
            "approval": one.approval.model_copy(update=said or {}),
            "approved": one.approved.model_copy(update=proof),
        }
    )


def carried(scenes: Scenes, one: StatementFact, **facts: Any) -> str | None:
    edited: Facts = scenes.sealed.facts.model_copy(update=facts)
    return carry_over(one, facts=edited, request=scenes.request_digest)


def test_the_same_head_on_the_same_base_is_exact(scenes: Scenes) -> None:
    assert carried(scenes, approval(scenes)) == "exact"


@pytest.mark.parametrize("said", [{"head": OTHER}, {"merge_base": OTHER}])
def test_the_same_content_from_elsewhere_is_the_same_content(
    scenes: Scenes, said: dict[str, Any]
) -> None:
    assert carried(scenes, approval(scenes, said=said)) == "same-content"


def test_other_content_holds_only_if_replaying_it_gives_what_would_land(scenes: Scenes) -> None:
    said = {"content": DIGEST}
    replayed = {"content": DIGEST, "replay_tree": scenes.sealed.facts.merged_tree}
    assert carried(scenes, approval(scenes, said=said, **replayed)) == "clean-replay"
    for edit in (
        {"known": False},
        {"content": scenes.sealed.facts.content},
        {"content": None},
        {"request": DIGEST},
        {"replay_tree": None},
        {"replay_tree": OTHER},
        {"untouched": False},
    ):
        assert carried(scenes, approval(scenes, said=said, **{**replayed, **edit})) is None, edit


def test_another_request_is_another_change_whatever_the_content(scenes: Scenes) -> None:
    replayed = {"replay_tree": scenes.sealed.facts.merged_tree}
    said = {"request": DIGEST}
    assert carried(scenes, approval(scenes, said=said, **replayed)) is None
    assert carried(scenes, approval(scenes, said=said, request=DIGEST, **replayed)) is None


def test_nothing_carries_over_what_is_unproved_or_lands_nowhere(scenes: Scenes) -> None:
    good = approval(scenes)
    assert carried(scenes, approval(scenes, untouched=False)) is None
    assert carried(scenes, good, merged_tree=None) is None
    assert carried(scenes, good.model_copy(update={"approved": None})) is None
    assert carried(scenes, good.model_copy(update={"approval": None})) is None
    conflicting = approval(scenes, said={"content": DIGEST}, content=DIGEST, replay_tree=None)
    assert carried(scenes, conflicting, merged_tree=None) is None


def bound(role: str = "owner", *, service: str | None = None, **more: Any) -> BoundRequirement:
    return BoundRequirement(role=role, service=service, **more)


@pytest.mark.parametrize(
    ("today", "signed", "missing"),
    [
        ([bound()], [bound()], None),
        ([bound()], [], "1 owner"),
        ([], [bound()], None),
        ([bound()], [bound("board")], "1 owner"),
        ([bound(service="api")], [bound()], "1 owner of api"),
        ([bound()], [bound(service="api")], "1 owner"),
        ([bound(service="api")], [bound(service="web")], "1 owner of api"),
        ([bound(min=2)], [bound(min=2)], None),
        ([bound(min=2)], [bound(min=3)], None),
        ([bound(min=3)], [bound(min=2)], "3 owner"),
        ([bound(min=1)], [bound()], None),
        ([bound(min=2)], [bound()], "2 owner"),
        ([bound()], [bound(min=1)], None),
        ([bound(percent=50)], [bound(percent=50)], None),
        ([bound(percent=51)], [bound(percent=50)], "51 % of owner"),
        ([bound(percent=50)], [bound(min=100)], "50 % of owner"),
        ([bound(min=1)], [bound(percent=100)], "1 owner"),
        ([bound()], [bound(), bound()], None),
        ([bound(), bound()], [bound()], "1 owner"),
        ([bound(distinct=False)] * 2, [bound()], None),
        ([bound(distinct=False)], [bound(distinct=False)], None),
        ([bound(distinct=False)], [bound("board")], "1 owner"),
        ([bound(distinct=False)], [], "1 owner"),
        ([bound(distinct=False)], [bound("board"), bound()], None),
        ([bound(distinct=False), bound()], [bound()], None),
        ([bound()], [bound(distinct=False)], "1 owner"),
        ([bound("peer")], [bound("board")], None),
        ([bound("peer", min=2)], [bound("board")], "2 peer"),
        ([bound("peer", percent=10)], [bound("board", percent=100)], "10 % of peer"),
        ([bound("peer", percent=10)], [bound("peer", percent=10)], None),
        ([bound("board")], [bound("peer", min=9)], "1 board"),
        ([bound(), bound("board")], [bound("board"), bound()], None),
        ([bound("peer"), bound()], [bound()], "1 owner"),
    ],
)
def test_a_demand_of_today_is_covered_by_one_as_strong_that_was_signed(
    today: list[BoundRequirement], signed: list[BoundRequirement], missing: str | None
) -> None:
    assert tightened(today, signed) == missing


def changed(scenes: Scenes, one: StatementFact, *, text: str = "", **facts: Any) -> str:
    edited: Facts = scenes.sealed.facts.model_copy(update=facts)
    return what_changed(one, facts=edited, text=text or scenes.sealed.requests[0].text)


def test_what_landed_already_is_said_first(scenes: Scenes) -> None:
    one = approval(scenes, landed=OTHER, known=False)
    assert changed(scenes, one) == (
        "the request changed on the target after approval, with ffffffffffff"
    )


def test_a_commit_that_is_gone_is_said_with_its_base(scenes: Scenes) -> None:
    one = approval(scenes, said={"head": OTHER, "merge_base": "e" * 40}, known=False)
    assert changed(scenes, one) == (
        "it is bound to commit ffffffffffff on eeeeeeeeeeee, which are not both to be had here"
    )


def test_a_statement_that_binds_nothing_is_said_to_bind_nothing(scenes: Scenes) -> None:
    for part in ("approval", "approved"):
        one = approval(scenes).model_copy(update={part: None})
        assert changed(scenes, one) == "it binds no content"


def test_a_push_names_five_paths_and_both_commits(scenes: Scenes) -> None:
    head = scenes.sealed.facts.head[:12]
    paths = tuple(f"src/{letter}" for letter in "abcdef")
    one = approval(scenes, said={"head": OTHER}, changed=paths)
    assert changed(scenes, one) == (
        "src/a, src/b, src/c, src/d, src/e and 1 more changed after approval: "
        f"ffffffffffff was approved, {head} is proposed"
    )
    one = approval(scenes, changed=paths[:5])
    assert changed(scenes, one) == "src/a, src/b, src/c, src/d, src/e changed after approval"
    one = approval(scenes, said={"head": OTHER}, changed=paths[:1], in_history=False)
    assert changed(scenes, one) == (
        f"src/a changed after approval: ffffffffffff was approved, {head} is proposed; "
        "commit ffffffffffff is not part of this pull request"
    )


def test_edited_keys_of_the_request_are_named_before_any_path(scenes: Scenes) -> None:
    before = scenes.sealed.requests[0].text
    after = before.replace("A change", "Another change") + "  risk: high\n"
    one = approval(scenes, request_text=before, changed=("src/a",))
    assert changed(scenes, one, text=after) == "metadata.title, risk changed after approval"
    assert changed(scenes, one, text=before) == "src/a changed after approval"
    removed = approval(scenes, request_text=after)
    assert changed(scenes, removed, text=before) == "metadata.title, risk changed after approval"
    unread = approval(scenes, request_text="a: [", changed=("src/a",))
    assert changed(scenes, unread) == "src/a changed after approval"


def test_a_statement_that_names_what_its_commit_is_not_is_told_so(scenes: Scenes) -> None:
    one = approval(scenes, content=DIGEST)
    assert changed(scenes, one).startswith("the content it names is not that of commit ")
    one = approval(scenes, request=DIGEST)
    assert changed(scenes, one).startswith("the request it names is not that of commit ")
    assert changed(scenes, approval(scenes)) == (
        "the target moved in a way that changes the result of the merge"
    )
