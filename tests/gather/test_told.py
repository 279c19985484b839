"""Which of the facts that were recorded say what a forge tells of a head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.repository import Repo
from support.reviewing import pulled_by, review
from support.scenes import seal
from support.world import World, adopt

from itil_gate.gather.told import told_by_forge

if TYPE_CHECKING:
    from support.repository import Keyring

    from itil_gate.model.facts import Facts

OTHER = "c" * 40


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> Facts:
    repo = Repo(tmp_path_factory.mktemp("told") / "repo")
    adopt(repo, keyring)
    return seal(World(repo, keyring)).sealed.facts


def seen(sealed: Facts, number: int, *, head: str, states: dict[str, str]) -> Facts:
    """Return facts that saw a pull request at a head, with reviews by their ids."""
    pull = pulled_by(sealed).model_copy(update={"number": number, "head": head})
    reviews: list[Any] = [
        review("bob", of=head, at=sealed.now, id=name, state=state, sequence=place)
        for place, (name, state) in enumerate(states.items(), start=1)
    ]
    return sealed.model_copy(update={"pull_request": pull, "reviews": tuple(reviews)})


def heard(*records: Facts, head: str) -> dict[str, str]:
    return {one.id: one.state for one in told_by_forge(records, head=head).reviews}


def test_another_pull_request_of_the_same_name_takes_no_approval_away(sealed: Facts) -> None:
    ours = seen(sealed, 7, head=sealed.head, states={"1": "approved"})
    theirs = seen(sealed, 9, head=OTHER, states={"5": "approved"})
    told = told_by_forge((theirs, ours), head=sealed.head)
    assert (told.asked, told.pull and told.pull.number) == (True, 7)
    assert heard(theirs, ours, head=sealed.head) == {"1": "approved"}


def test_requested_changes_of_either_are_heard(sealed: Facts) -> None:
    ours = seen(sealed, 7, head=sealed.head, states={"1": "approved"})
    theirs = seen(sealed, 9, head=OTHER, states={"5": "changes-requested"})
    assert heard(theirs, ours, head=sealed.head) == {"1": "approved", "5": "changes-requested"}


def test_what_the_same_pull_request_lost_since_does_not_count(sealed: Facts) -> None:
    """Somebody took the approval back while the branch was at another head."""
    before = seen(sealed, 7, head=sealed.head, states={"1": "approved"})
    after = seen(sealed, 7, head=OTHER, states={"2": "commented"})
    told = told_by_forge((after, before), head=sealed.head)
    assert [one.id for one in told.reviews] == ["2"]
    assert told.asked
    assert told.pull is not None
    assert told.pull.head_since is None


def test_where_no_record_is_about_the_head_the_newest_speaks(sealed: Facts) -> None:
    newest = seen(sealed, 9, head=OTHER, states={"5": "approved"})
    older = seen(sealed, 7, head="d" * 40, states={"1": "approved"})
    told = told_by_forge((newest, older), head=sealed.head)
    assert (told.asked, [one.id for one in told.reviews]) == (False, ["5"])
