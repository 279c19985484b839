"""What was approved is what may land: any other byte makes every approval stale."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hypothesis import assume, given
from hypothesis import strategies as st
from support.scenes import Scenes, edited, inputs, stored, trials

from itil_gate.decide.gate import decide
from itil_gate.git.diff import content_digest
from itil_gate.model.facts import DiffEntry

if TYPE_CHECKING:
    from itil_gate.model.decision import LedgerEntry
    from itil_gate.model.facts import Inputs

MODES = ("000000", "100644", "100755", "120000", "160000")
IDS = st.sampled_from(["0" * 40, "a" * 40, "b" * 40, "0" * 39 + "1"])
NAMES = st.text("ab/.\\ \n\té\u202e", min_size=1, max_size=8).map(
    lambda text: text.replace("\\", "\\\\")
)
ENTRIES = st.builds(
    DiffEntry,
    old_mode=st.sampled_from(MODES),
    new_mode=st.sampled_from(MODES),
    old_id=IDS,
    new_id=IDS,
    status=st.sampled_from(["A", "D", "M", "T"]),
    path=NAMES,
)
DIFFS = st.lists(ENTRIES, max_size=3, unique_by=lambda entry: entry.path)
ELSEWHERE = "e" * 40


@trials(300)
@given(one=DIFFS, other=DIFFS, data=st.data())
def test_two_diffs_have_one_digest_only_if_they_are_one(
    one: list[DiffEntry], other: list[DiffEntry], data: st.DataObject
) -> None:
    again = data.draw(st.permutations(one))
    assert content_digest(again) == content_digest(one)
    same = sorted(map(repr, one)) == sorted(map(repr, other))
    assert (content_digest(one) == content_digest(other)) == same


@st.composite
def changed_diff(draw: st.DrawFn, diff: tuple[DiffEntry, ...]) -> tuple[DiffEntry, ...]:
    """The same diff with one field of one entry changed, or an entry more or less."""
    *before, entry = draw(st.permutations(diff))
    what = draw(st.sampled_from(["mode", "id", "status", "path", "more", "less"]))
    update = {
        "mode": {"new_mode": "100755"},
        "id": {"new_id": draw(st.text("0123456789abcdef", min_size=40, max_size=40))},
        "status": {"status": "T"},
        "path": {"path": f"{entry.path}{draw(st.sampled_from(['x', ' ', '.', '/y']))}"},
    }
    if what == "less":
        return tuple(sorted(before, key=lambda one: one.path))
    other = entry.model_copy(update=update.get(what, {"path": "zz"}))
    assume(other != entry)
    kept = (*before, entry, other) if what == "more" else (*before, other)
    return tuple(sorted(kept, key=lambda one: one.path))


def counted(asked: Inputs) -> list[LedgerEntry]:
    """Return the approvals that count."""
    entries = (entry for change in decide(asked).changes for entry in change.ledger)
    return [entry for entry in entries if entry.counted and entry.verdict == "approve"]


@trials(150)
@given(data=st.data())
def test_no_approval_counts_for_another_diff(scenes: Scenes, data: st.DataObject) -> None:
    """Unless merging what was approved is proved to give the very tree that would land."""
    before = data.draw(inputs(scenes, calm=True))
    diff = data.draw(changed_diff(before.facts.diff))
    edit = {"diff": diff, "content": content_digest(diff), "head": "c" * 40}
    assert not counted(edited(before, **edit, merged_tree=ELSEWHERE))
    carried = counted(edited(before, **edit))
    assert {entry.carry_over for entry in carried} <= {"clean-replay"}


@trials(100)
@given(data=st.data())
def test_no_approval_counts_for_another_request(scenes: Scenes, data: st.DataObject) -> None:
    """A space more is another request, whatever else is the same."""
    before = data.draw(inputs(scenes, calm=True))
    (asked,) = before.requests
    edit = data.draw(st.sampled_from([" ", "\n", "# more\n", "  x-note: more\n"]))
    after = stored(asked.path, asked.text + edit)
    assert (
        hashlib.sha256(after.text.encode()).hexdigest()
        != hashlib.sha256(asked.text.encode()).hexdigest()
    )
    assert not counted(before.model_copy(update={"requests": (after,)}))


@trials(100)
@given(data=st.data())
def test_what_is_the_same_is_the_same_at_another_head(scenes: Scenes, data: st.DataObject) -> None:
    """A push that changes nothing of the content takes no approval away."""
    before = data.draw(inputs(scenes, calm=True))
    after = counted(edited(before, head="c" * 40, merge_base="d" * 40))
    assert {entry.carry_over for entry in after} <= {"same-content"}
    assert [entry.digest for entry in after] == [entry.digest for entry in counted(before)]
