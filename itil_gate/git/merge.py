"""What a merge would give, computed from objects alone.

Done in the view, where no attributes, merge drivers or configuration are in force, and where the
resulting objects stay. Nothing is merged anywhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.git.history import is_ancestor, read_commit, refuse_shallow
from itil_gate.git.objects import listed_ids
from itil_gate.git.paths import to_text
from itil_gate.model.errors import HistoryError
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from itil_gate.git.view import View

_OURS = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "itil-gate"), ("EMAIL", "itil-gate"), ("DATE", "@1 +0000"))
}


@frozen
class MergeResult:
    """The tree of a merge; on conflict no tree, and the paths that conflict, sorted."""

    tree: str | None
    conflicts: tuple[str, ...] = ()


def merge_tree(view: View, ours: str, theirs: str) -> MergeResult:
    """Return what merging commit `theirs` into commit `ours` would give.

    Raises HistoryError `unrelated-histories`, `history-too-shallow` or `object-missing`.
    """
    refuse_shallow(view, ours, theirs)
    done = view.git(
        *("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages"),
        *("--end-of-options", ours, theirs),
        ok=(0, 1),
    )
    first, *names = done.out.split(b"\0")
    # Conflict or not, git names a tree first; else its status is not an answer to the question.
    (tree,) = listed_ids(first, "merge-tree", count=1)
    if done.status == 0:
        return MergeResult(tree)
    return MergeResult(None, tuple(to_text(name) for name in sorted(set(names)) if name))


def clean_replay(
    view: View, *, approved_tree: str, approved_merge_base: str, onto: str
) -> str | None:
    """Return the tree of merging what was approved onto another commit; None on conflict.

    What was approved is put into a commit of our own whose only parent is the merge base of that
    time, so that the merge sees exactly the difference that was looked at.
    """
    made = view.git("commit-tree", "-p", approved_merge_base, approved_tree, stdin=b"", env=_OURS)
    (commit,) = listed_ids(made.out, "commit-tree", count=1)
    return merge_tree(view, onto, commit).tree


def is_update_merge(view: View, commit: str, target_tip: str) -> bool:
    """Whether a commit only brings the target in: it adds no content of its own.

    True for a merge of two parents of which exactly one is reachable from the target's tip, if
    merging the two again gives, without conflict, a tree equal to the commit's.
    """
    found = read_commit(view, commit)
    if len(found.parents) != 2:  # noqa: PLR2004
        return False
    ours, theirs = found.parents
    if is_ancestor(view, ours, target_tip) == is_ancestor(view, theirs, target_tip):
        return False
    try:
        return merge_tree(view, ours, theirs).tree == found.tree
    except HistoryError as error:
        if error.code == "unrelated-histories":
            return False
        raise
