"""Read signed statements from the approvals branch, with what git says about what they name.

Every copy of the branch is read, the local one and those fetched from remotes: a statement that
one of them lacks is still there in the other. A malformed file is a fact about its change only.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from itil_gate.git.diff import content_digest, raw_diff
from itil_gate.git.history import is_ancestor, last_change
from itil_gate.git.merge import clean_replay
from itil_gate.git.names import branch_tips
from itil_gate.git.tree import blob_at, ls_tree, tree_id
from itil_gate.model.errors import GateError
from itil_gate.model.facts import ApprovedContent
from itil_gate.model.frozen import frozen
from itil_gate.model.statement import APPROVALS_BRANCH, OVERRIDE_FOLDER, VOUCH_FOLDER
from itil_gate.signing.statement import read_statement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from itil_gate.git.tree import TreeEntry
    from itil_gate.git.view import View
    from itil_gate.model.facts import DiffEntry, StatementFact

SHOWN_PATHS = 20
MOST_BYTES = 256 * 1024
UNFIT = frozenset(
    {
        *("object-missing", "object-too-large", "tree-damaged", "history-too-shallow"),
        *("not-a-commit", "unrelated-histories", "path-text", "not-a-file"),
    }
)
"""Errors that what a statement names may lead to; they are its own fault, not the decision's."""


def approval_tips(view: View) -> tuple[str, ...]:
    """Return the tips of the approvals branch: the local one and every fetched copy, sorted."""
    return branch_tips(view, APPROVALS_BRANCH)


def list_statements(view: View, tips: Sequence[str]) -> dict[str, tuple[TreeEntry, ...]]:
    """Return the files of the approvals branch by folder, over all copies of the branch."""
    found: dict[tuple[str, str], TreeEntry] = {}
    for tip in tips:
        for entry in ls_tree(view, tip):
            found[entry.path, entry.oid] = entry
    folders: dict[str, list[TreeEntry]] = {}
    for entry in found.values():
        folder, _, name = entry.path.partition("/")
        if name:
            folders.setdefault(folder, []).append(entry)
    return {folder: tuple(entries) for folder, entries in folders.items()}


def read_statements(view: View, entries: Iterable[TreeEntry]) -> tuple[StatementFact, ...]:
    """Return the statements in these files; hostile ones come back as what is wrong with them."""
    return tuple(read_statement(entry.path, _data(view, entry)) for entry in entries)


def vouches_for(
    view: View, folders: dict[str, tuple[TreeEntry, ...]], commits: Sequence[str]
) -> tuple[StatementFact, ...]:
    """Return the vouches that name one of the given commits."""
    return _naming(view, folders.get(VOUCH_FOLDER, ()), commits)


def overrides_for(
    view: View, folders: dict[str, tuple[TreeEntry, ...]], names: Sequence[str]
) -> tuple[StatementFact, ...]:
    """Return the overrides that name one of the given commits or changes, sorted by digest."""
    found = _naming(view, folders.get(OVERRIDE_FOLDER, ()), names)
    return tuple(sorted(found, key=lambda item: (item.digest, item.path)))


def statements_in(view: View, folder: str) -> tuple[StatementFact, ...]:
    """Return all statements of one folder, over all copies of the approvals branch."""
    folders = list_statements(view, approval_tips(view))
    return read_statements(view, folders.get(folder, ()))


def _naming(
    view: View, entries: Sequence[TreeEntry], names: Sequence[str]
) -> tuple[StatementFact, ...]:
    """Return the statements whose bytes hold one of the names."""
    wanted = {name.encode() for name in names}
    about = []
    for entry in entries:
        data = _data(view, entry)
        if any(name in data for name in wanted):
            about.append(read_statement(entry.path, data))
    return tuple(about)


def _data(view: View, entry: TreeEntry) -> bytes:
    """Return the bytes of a file, or none for what is too large or no file to be a statement."""
    if not entry.is_file:
        return b""
    try:
        return view.read(entry.oid, limit=MOST_BYTES).data
    except GateError as error:
        if error.code != "object-too-large":
            raise
        return b""


@frozen
class Named:
    """The content that somebody spoke about: between which commits, and in which request.

    `content` is the digest that they signed; None for a review, which names no more than a commit.
    """

    merge_base: str
    head: str
    request_path: str
    content: str | None


def content_looker(
    view: View, *, tip: str, fork: str, head: str, diff: Sequence[DiffEntry], content: str
) -> Callable[[Named], ApprovedContent]:
    """Return a function that says what git says about content that was named; each asked once."""
    now = _Now(tip=tip, fork=fork, head=head, content=content, diff={one.path: one for one in diff})
    known: dict[tuple[str, str, str, bool], ApprovedContent] = {}

    def look(said: Named) -> ApprovedContent:
        key = (said.merge_base, said.head, said.request_path, said.content == content)
        if key not in known:
            known[key] = _look(view, said, now)
        return known[key]

    return look


def content_prover(
    look: Callable[[Named], ApprovedContent],
) -> Callable[[StatementFact], StatementFact]:
    """Return a function that adds to a statement what git says about the content it names."""

    def prove(item: StatementFact) -> StatementFact:
        said = item.approval
        if said is None:
            return item
        named = Named(said.merge_base, said.head, said.request_path, said.content)
        return item.model_copy(update={"approved": look(named)})

    return prove


@frozen
class _Now:
    """What is proposed now: target's tip, merge base, head, content digest, diff by path."""

    tip: str
    fork: str
    head: str
    content: str
    diff: Mapping[str, DiffEntry]


def _look(view: View, said: Named, now: _Now) -> ApprovedContent:
    """Return what git says; a statement that names what does not fit proves nothing, no more."""
    infos = view.reader.info([said.merge_base, said.head])
    based, whole = (thing is not None and thing.type == "commit" for thing in infos)
    if not based:
        return ApprovedContent(known=False)
    try:
        landed = None
        if now.tip != said.merge_base:
            landed = last_change(view, said.request_path, since=said.merge_base, until=now.tip)
        found = ApprovedContent(known=False, untouched=landed is None, landed=landed)
        if not whole:
            return found
        tree = tree_id(view, said.head)
        same = (said.merge_base, said.head) == (now.fork, now.head)
        if same:
            then = tuple(now.diff.values())
        else:
            then = raw_diff(view, tree_id(view, said.merge_base), tree)
        request = blob_at(view, said.head, said.request_path, limit=MOST_BYTES)
        content = content_digest(then)
        replayed = None
        if (said.content or content) != now.content and is_ancestor(view, said.merge_base, now.tip):
            # From a merge base that the target has left, a replay would bring back what it left.
            replayed = clean_replay(
                view, approved_tree=tree, approved_merge_base=said.merge_base, onto=now.tip
            )
        in_history = same or is_ancestor(view, said.head, now.head)
    except GateError as error:
        if error.code not in UNFIT:
            raise
        return ApprovedContent(known=False)
    before = {entry.path: entry for entry in then}
    changed = sorted(
        path for path in before.keys() | now.diff.keys() if before.get(path) != now.diff.get(path)
    )
    return found.model_copy(
        update={
            "known": True,
            "content": content,
            "request": hashlib.sha256(request).hexdigest() if request is not None else None,
            "request_text": request.decode("utf-8", "replace") if request is not None else None,
            "in_history": in_history,
            "replay_tree": replayed,
            "changed": tuple(changed[:SHOWN_PATHS]),
        }
    )
