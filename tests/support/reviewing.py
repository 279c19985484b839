"""Reviews of a forge as values: by whom, of which commit, and what git would say about it."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from itil_gate.decide.gate import decide
from itil_gate.forge.values import ForgePull
from itil_gate.gather.inputs import find_commit, gather
from itil_gate.git.discover import discover
from itil_gate.git.view import open_view
from itil_gate.model.facts import (
    AccountRef,
    ApprovedContent,
    Review,
    ReviewedContent,
    SeenHead,
)
from support.pulls import forge_section, pull_request
from support.repository import Repo
from support.scenes import NUMBERS, inputs, stored
from support.world import APPROVALS, CONFIG, World, adopt

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from itil_gate.model.decision import Decision
    from itil_gate.model.facts import Facts, Inputs, PullRequest
    from itil_gate.model.policy import Source
    from support.repository import Keyring
    from support.scenes import Scenes

EARLIER = "b" * 40
"""A head that the pull request had before."""
COUNTING = "  counting:\n    - {levels: [low, medium, high, critical], rank: forge-review}\n"
"""What an approval policy says where reviews count."""


def review(
    who: str | int,
    *,
    of: str | None,
    at: datetime,
    sequence: int = 1,
    state: Any = "approved",
    **more: Any,
) -> Review:
    """Return a review by one of the five, or by an account of that number."""
    number = NUMBERS[who] if isinstance(who, str) else who
    parts = {
        "id": str(sequence),
        "forge": "github.com",
        "login": str(who),
        "dismissed": False,
    }
    return Review(
        account=number,
        state=state,
        commit=of,
        submitted_at=at,
        sequence=sequence,
        **(parts | more),
    )


def proved(facts: Facts, request: Source, **edits: Any) -> tuple[ReviewedContent, ...]:
    """Return what git says of a commit that holds what is proposed now; `edits` change that."""

    proof = ApprovedContent(
        known=True,
        content=facts.content,
        request=hashlib.sha256(request.text.encode()).hexdigest(),
        in_history=True,
        replay_tree=facts.merged_tree,
        untouched=True,
    ).model_copy(update=edits)
    assert facts.merge_base is not None
    return (ReviewedContent(path=request.path, merge_base=facts.merge_base, proof=proof),)


def on_forge(judge: Sequence[Source], *, rank: str = "forge-review") -> tuple[Source, ...]:
    """Return the judge's texts with a forge, and reviews counting as approvals everywhere."""
    texts = []
    for source in judge:
        text = source.text
        if source.path == "itil-gate.yaml":
            text += forge_section()
        if source.path == "policies/approvals.yaml":
            text += COUNTING.replace("forge-review", rank)
        texts.append(stored(source.path, text))
    return tuple(texts)


def pulled_by(facts: Facts, opener: str = "alice", *pushers: str, **more: Any) -> PullRequest:
    """Return what a forge says of a pull request that is two hours old, its head one."""
    accounts = [
        AccountRef(forge="github.com", id=NUMBERS[name], login=name)
        for name in (opener, *(pushers or (opener,)))
    ]
    now = facts.now
    parts = {
        "head_since": now - timedelta(hours=1),
        "heads": (SeenHead(commit=EARLIER, since=now - timedelta(hours=2)),),
        "base_since": now - timedelta(hours=2),
    }
    return pull_request(*accounts, of=facts, **(parts | more))


@st.composite
def reviews(draw: st.DrawFn, facts: Facts, request: Source) -> Review:
    """One review by anybody, of anything, most often of what is proposed now."""
    who = draw(st.sampled_from([*NUMBERS, 7]))
    state = draw(st.sampled_from(["approved"] * 6 + ["changes-requested", "commented", "unknown"]))
    sequence = draw(st.integers(1, 5))
    good = proved(facts, request)
    other = proved(facts, request, content="0" * 64, replay_tree=None)
    return review(
        who,
        of=draw(st.sampled_from([facts.head] * 6 + [EARLIER, "c" * 40, None])),
        at=facts.now - timedelta(minutes=draw(st.sampled_from([10] * 6 + [60, 90, 70000, -20]))),
        sequence=sequence,
        state=state,
        id=str(draw(st.integers(1, 9))),
        dismissed=state == "unknown" or draw(st.sampled_from([False] * 6 + [True])),
        approved=draw(st.sampled_from([good] * 6 + [other, ()])) if state == "approved" else (),
    )


@st.composite
def reviewed(draw: st.DrawFn, scenes: Scenes, *, statements: bool = True) -> Inputs:
    """Inputs of a merge with reviews, where reviews count, or mostly."""
    name = draw(st.sampled_from(["plain", "quorum", "lent"]))
    before = draw(inputs(scenes, judges=[name], calm=draw(st.booleans())))
    rank = draw(st.sampled_from(["forge-review"] * 5 + ["signed"]))
    facts = before.facts
    opener = draw(st.sampled_from(sorted(NUMBERS)))
    pull = draw(
        st.sampled_from(
            [
                *(pulled_by(facts, who) for who in ("alice", "alice", opener)),
                pulled_by(facts, head_since=None),
                None,
            ]
        )
    )
    said = draw(st.lists(reviews(facts, before.requests[0]), max_size=5))
    kept = facts.statements if statements and draw(st.booleans()) else ()
    return before.model_copy(
        update={
            "judge": on_forge(before.judge, rank=rank),
            "facts": facts.model_copy(
                update={"pull_request": pull, "reviews": tuple(said), "statements": kept}
            ),
        }
    )


def pulled(
    world: World,
    *reviews: Review,
    head: str = "feature",
    opener: str = "alice",
    pushers: Sequence[str] = (),
    **more: Any,
) -> ForgePull:
    """Return what a forge tells of a branch of the world, as the rim would hand it in."""
    accounts = [
        AccountRef(forge="github.com", id=NUMBERS[name], login=name)
        for name in (opener, *(pushers or (opener,)))
    ]
    parts: dict[str, Any] = {
        "head": world.repo.tip(head),
        "head_since": world.now - timedelta(minutes=30),
        "base_since": world.now - timedelta(hours=2),
    }
    return ForgePull(
        pull=pull_request(*accounts, **(parts | more)),
        reviews=reviews,
        source=1,
        from_fork=False,
        server_time=world.now,
    )


def forge_world(path: Path, keyring: Keyring, *, rank: str = "forge-review") -> World:
    """Return a world whose target names a forge, and where reviews count as approvals."""
    repo = Repo(path)
    adopt(
        repo,
        keyring,
        config=CONFIG + forge_section(),
        approvals=APPROVALS + COUNTING.replace("forge-review", rank),
    )
    return World(repo, keyring)


def gathered(
    world: World, pulled: ForgePull | None, *, head: str = "feature", base: str = "main"
) -> Inputs:
    """Gather for merging a branch, with what the forge told of its pull request."""
    with open_view(discover(world.repo.path)) as view:
        return gather(
            view,
            target=f"refs/heads/{base}",
            base=find_commit(view, f"refs/heads/{base}"),
            head=find_commit(view, head),
            now=world.now,
            pulled=pulled,
        )


def judged(world: World, *reviews: Review, head: str = "feature", **pull: Any) -> Decision:
    """Decide on merging a branch into main, as the forge tells of it and of these reviews."""
    return decide(gathered(world, pulled(world, *reviews, head=head, **pull), head=head))
