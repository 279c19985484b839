"""Hear a recorded decision again at the time when what it let in has landed.

The content that was decided upon does not change any more, and what git and the forge said of it is
in the record. What changes with time is heard anew: the policies and people of the commit before
the landing, rejections and withdrawals since, what was good until when, freezes and windows, and
how often a waiver was used. Nothing of the branch has to be left for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.decide.recognise import recognised_id
from itil_gate.gather.inputs import list_ids
from itil_gate.gather.sources import read_judge
from itil_gate.gather.statements import (
    approval_tips,
    content_looker,
    content_prover,
    list_statements,
    overrides_for,
    read_statements,
)
from itil_gate.gather.told import not_asked, told_by_forge
from itil_gate.git.history import last_change
from itil_gate.model.errors import HistoryError
from itil_gate.policy.compile import read_config

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from itil_gate.git.view import View
    from itil_gate.model.config import Config
    from itil_gate.model.facts import (
        Facts,
        Inputs,
        PullRequest,
        Review,
        StatementFact,
        WaiverUse,
    )

SHORT = 12


def hear_again(
    view: View,
    inputs: Inputs,
    *,
    before: str,
    after: str,
    since: Sequence[Facts] = (),
    uses: Iterable[WaiverUse] = (),
) -> Inputs:
    """Return the inputs of a recorded decision as they are where its content has landed.

    `inputs` are the recorded ones without the judge's texts, `before` and `after` the commits
    between which it landed, `since` what was recorded later about the same changes, newest first.
    The time is left as it was; see `at_time`. Raises HistoryError `landed-before` where a request
    of it has changed on the target since, and as `gather` does.
    """
    facts = inputs.facts
    for source in inputs.requests:
        changed = last_change(view, source.path, since=facts.tip, until=before)
        if changed is not None:
            raise HistoryError(
                "landed-before",
                f"the request {source.path} has changed on the target since it was decided upon, "
                f"with {changed[:SHORT]}",
                hint="amend the request and let it be decided upon anew",
            )
    judge = read_judge(view, before)
    config = read_config({source.path: source for source in judge})
    tips = approval_tips(view)
    folders = list_statements(view, tips) if tips else {}
    asked = list_ids(facts.diff, config) | frozenset(_recognised(folders, facts, config))
    told = told_by_forge((*since, facts), head=facts.head)
    named = (facts.head, *(commit.id for commit in facts.commits), *sorted(asked))
    proposed = inputs.proposed
    if proposed is not None:
        proposed = read_judge(view, after)
    # What was said of other requests with the same scope was heard with the decision; since then
    # it may have become other work.
    there = read_statements(view, [entry for name in asked for entry in folders.get(name, ())])
    copied = [item for one in since for item in one.statements if _folder(item) in asked]
    look = content_looker(
        view,
        tip=facts.tip,
        fork=facts.merge_base or facts.tip,
        head=facts.head,
        diff=facts.diff,
        content=facts.content,
    )
    prove = content_prover(look)
    known = {(item.path, item.digest) for item in facts.statements}
    more = {(item.path, item.digest): item for item in (*copied, *there)}
    heard = [prove(item) for mark, item in sorted(more.items()) if mark not in known]
    overrides = (*facts.overrides, *overrides_for(view, folders, named))
    edits = {
        "statements": (*facts.statements, *heard),
        "overrides": tuple({(one.path, one.digest): one for one in overrides}.values()),
        "reviews": _proved_before(told.reviews, facts),
        "pull_request": _as_it_was(told.pull, facts),
        "waiver_uses": tuple(uses) if config.log is not None else facts.waiver_uses,
    }
    faults = (*inputs.faults, *not_asked(config, told, head=facts.head, binding=True))
    return inputs.model_copy(
        update={
            "facts": facts.model_copy(update=edits),
            "judge": judge,
            "proposed": proposed,
            "faults": tuple(dict.fromkeys(faults)),
        }
    )


def _recognised(names: Iterable[str], facts: Facts, config: Config) -> Iterator[str]:
    """Yield those of the names that a recognised standard change of this content has."""
    for name in names:
        model = name.removeprefix("STD-").rpartition("-")[0]
        bound = {"repository": config.repository, "target": facts.target}
        if name == recognised_id(model, **bound, content=facts.content):
            yield name


def _folder(item: StatementFact) -> str:
    return item.path.partition("/")[0]


def _proved_before(reviews: Iterable[Review], facts: Facts) -> tuple[Review, ...]:
    """Return reviews with what git said of their commits when the content was decided upon."""
    proofs = {one.commit: one.approved for one in facts.reviews if one.approved}
    return tuple(one.model_copy(update={"approved": proofs.get(one.commit, ())}) for one in reviews)


def _as_it_was(pull: PullRequest | None, facts: Facts) -> PullRequest | None:
    """Return a pull request in the state in which it was decided upon: by now it is merged."""
    own = facts.pull_request
    if pull is None:
        return own
    state, draft = (own.state, own.draft) if own is not None else ("open", False)
    return pull.model_copy(update={"state": state, "draft": draft})
