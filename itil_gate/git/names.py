"""From a name that a person typed to an object id or a target ref.

A name found in two places is refused, not guessed; REMOTE/BRANCH is no name of a tag. Understood:
full object ids, `HEAD`, full refs, short names of branches, tags and remote branches, each with
`^`, `^N` and `~N` behind. Nothing else of git's revision language is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from itil_gate.git.objects import is_oid
from itil_gate.model.errors import GateError, HistoryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from itil_gate.git.view import View

_SUFFIX = re.compile(r"(?:[~^][0-9]{0,4})*\Z")
_STEP = re.compile(r"([~^])([0-9]*)")
_REFUSED = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|\Z)|/\Z|\.\Z|\A[-./]")
_DEEPEST_TAG = 20


def resolve(view: View, name: str) -> str | None:
    """Return the id of the commit that `name` stands for; None if there is no such name.

    Raises GateError `bad-name`, `ambiguous-name` or `not-a-commit`, and HistoryError
    `object-missing` for a full id or a parent that is not in the repository.
    """
    stem = _SUFFIX.sub("", name)
    oid = _stem(view, stem)
    if oid is None:
        return None
    commit = _peel(view, oid, name)
    for kind, number in _STEP.findall(name[len(stem) :]):
        commit = _step(view, commit, kind, int(number) if number else 1)
    return commit


def target_ref(view: View, name: str) -> str:
    """Return the full name of the branch that a change would be merged into.

    `main`, `refs/heads/main`, `origin/main` and `refs/remotes/origin/main` all name
    `refs/heads/main`, whether it exists here or not. Raises GateError `target-needed` for what
    names no branch, such as a commit id or a tag.
    """
    _check(name)
    if name == "HEAD":
        head = read_head(view)
        if head.startswith("refs/heads/"):
            return head
        raise _target_needed(name)
    if name.startswith("refs/remotes/"):
        return _of_remote(name, name.removeprefix("refs/remotes/"))
    if name.startswith("refs/heads/"):
        return name
    if is_oid(name) or name.startswith("refs/"):
        raise _target_needed(name)
    found = _meant(view, name)
    refs = sorted({ref for ref in found if not ref.startswith("refs/tags/")})
    if len(refs) > 1:
        raise _ambiguous(name, refs)
    if found and not refs:
        raise _target_needed(name)
    if (refs and refs[0].startswith("refs/remotes/")) or (not refs and _is_remote(view, name)):
        return _of_remote(name, name)
    return f"refs/heads/{name}"


def ref_tip(view: View, ref: str) -> str | None:
    """Return the id that a full ref `refs/…` holds, not peeled; None if there is no such ref."""
    _check(ref)
    if not ref.startswith("refs/"):
        raise GateError("bad-name", f"{ref!r} is not a full ref")
    return _existing(view, (ref,)).get(ref)


def branch_tips(view: View, branch: str) -> tuple[str, ...]:
    """Return the ids that a branch holds here and in every remote's fetched copy, sorted.

    `branch` is a full name below `refs/heads/`.
    """
    return tips_of(view, (branch,))[branch]


def tips_of(view: View, branches: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return what `branch_tips` does, for many branches asked at once."""
    tips = {branch: view.copies.get(branch) for branch in branches}
    wanted = [branch for branch, known in tips.items() if known is None]
    found = _look_up(view, [ref for branch in wanted for ref in _copies(branch)]) if wanted else {}
    return {
        branch: _tips(found, branch) if known is None else known for branch, known in tips.items()
    }


def look_up(view: View, names: Iterable[str], *, copies_of: str) -> None:
    """Ask at once for everything that these names may mean; `resolve` then has it already.

    So has `branch_tips` for the branch `copies_of`. Names that are not understood are left for
    `resolve` to refuse.
    """
    wanted: list[str] = []
    for name in names:
        stem = _SUFFIX.sub("", name)
        if stem == "HEAD":
            head = read_head(view)
            wanted += [] if is_oid(head) else [head]
        elif stem and not is_oid(stem) and not _REFUSED.search(stem):
            wanted += [stem] if stem.startswith("refs/") else _places(stem)
    if view.refs is None:
        return
    found = _look_up(view, (*dict.fromkeys(wanted), *_copies(copies_of)))
    for ref in wanted:
        view.refs.setdefault(ref, found.get(ref))
    view.copies.setdefault(copies_of, _tips(found, copies_of))


def read_head(view: View) -> str:
    """Return what HEAD of the work tree we were called in holds: a full ref or an object id."""
    head = view.repository.git_dir / "HEAD"
    try:
        text = str(head.readlink()) if head.is_symlink() else head.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise HistoryError("head-unreadable", f"{head} cannot be read: {error}") from error
    ref = text.removeprefix("ref:").strip()
    if is_oid(ref) or (ref.startswith("refs/") and not _REFUSED.search(ref)):
        return ref
    raise HistoryError("head-unreadable", f"{head} holds neither a ref nor an object id")


def read_default(view: View) -> str | None:
    """Return the full ref of the default branch, as this repository knows it.

    A bare one is the server, or a mirror of it, and has it in HEAD; a clone was told by the server.
    None where it was not, as in many a check-out made for a pipeline.
    """
    if view.repository.work_tree is None:
        head = read_head(view)
        born = head.startswith("refs/heads/") and ref_tip(view, head) is not None
        return head if born else None
    told = view.repository.common_dir / "refs" / "remotes" / "origin" / "HEAD"
    try:
        text = told.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    ref = text.removeprefix("ref:").strip()
    short = ref.removeprefix("refs/remotes/origin/")
    if short == ref or not short or _REFUSED.search(short):
        return None
    return f"refs/heads/{short}"


def _stem(view: View, stem: str) -> str | None:
    if is_oid(stem):
        return stem
    _check(stem)
    if stem == "HEAD":
        head = read_head(view)
        return head if is_oid(head) else _existing(view, (head,)).get(head)
    found = _existing(view, (stem,)) if stem.startswith("refs/") else _meant(view, stem)
    if len(found) > 1:
        raise _ambiguous(stem, sorted(found))
    return next(iter(found.values()), None)


def _check(name: str) -> None:
    if not name or _REFUSED.search(name) or ("/" not in name and name.startswith("@")):
        raise GateError(
            "bad-name",
            f"{name!r} is not a name of a commit that is understood here",
            hint="give a branch, a tag, a full ref or a full commit id",
        )


def _places(name: str) -> tuple[str, ...]:
    return tuple(f"refs/{kind}/{name}" for kind in ("heads", "tags", "remotes"))


def _meant(view: View, name: str) -> dict[str, str]:
    """Return the ids of the branches and tags that a short name may mean.

    REMOTE/BRANCH never means a tag: anybody who may push one could otherwise have every clone
    fetch a second meaning of the target's name, or of a branch that is not fetched yet.
    """
    found = _existing(view, _places(name))
    tag = f"refs/tags/{name}"
    if tag in found and _is_remote(view, name):
        del found[tag]
    return found


def _existing(view: View, refs: Sequence[str]) -> dict[str, str]:
    """Return the id held by each of these full refs that exists; a view to judge by remembers."""
    if view.refs is None:
        return {ref: oid for ref, oid in _look_up(view, refs).items() if ref in refs}
    if any(ref not in view.refs for ref in refs):
        found = _look_up(view, refs)
        for ref in refs:
            view.refs.setdefault(ref, found.get(ref))
    held = ((ref, view.refs[ref]) for ref in refs)
    return {ref: oid for ref, oid in held if oid is not None}


def _look_up(view: View, refs: Sequence[str]) -> dict[str, str]:
    done = view.git("for-each-ref", "--format=%(objectname) %(refname)%00", "--", *refs)
    if done.err:
        raise HistoryError(
            "ref-broken",
            f"a ref cannot be read: {done.complaint}",
            hint="`git fsck` tells which refs are damaged",
        )
    listed = (line.strip() for line in done.out.decode("utf-8", "surrogateescape").split("\0"))
    pairs = [line.partition(" ") for line in listed if line]
    odd = next((line for line in pairs if not is_oid(line[0]) or not line[2]), None)
    if odd is not None:
        raise HistoryError("git-failed", f"`git for-each-ref` said {''.join(odd)[:200]!r}")
    return {ref: oid for oid, _, ref in pairs}


def _copies(branch: str) -> tuple[str, str]:
    return branch, f"refs/remotes/*/{branch.removeprefix('refs/heads/')}"


def _tips(found: Mapping[str, str], branch: str) -> tuple[str, ...]:
    return tuple(sorted({oid for ref, oid in found.items() if _is_copy(ref, branch)}))


def _is_copy(ref: str, branch: str) -> bool:
    """Whether a ref is the branch, or a remote's copy of it; a remote's name has no slash."""
    remote = ref.removeprefix("refs/remotes/").partition("/")[0]
    return ref in (branch, f"refs/remotes/{remote}/{branch.removeprefix('refs/heads/')}")


def _peel(view: View, oid: str, name: str) -> str:
    for _ in range(_DEEPEST_TAG):
        thing = view.read(oid)
        if thing.type == "commit":
            return oid
        if thing.type != "tag":
            break
        oid = thing.data.partition(b"\n")[0].removeprefix(b"object ").decode("ascii", "replace")
    raise GateError("not-a-commit", f"{name!r} does not lead to a commit")


def _step(view: View, commit: str, kind: str, number: int) -> str:
    picks = [0] * number if kind == "~" else [number - 1] * (number > 0)
    for pick in picks:
        header = view.read(commit).data.partition(b"\n\n")[0]
        parents = re.findall(rb"^parent ([0-9a-f]+)$", header, re.MULTILINE)
        if pick >= len(parents):
            raise GateError("not-a-commit", f"commit {commit} has no parent number {pick + 1}")
        commit = parents[pick].decode()
    return commit


def _is_remote(view: View, name: str) -> bool:
    """Whether a name begins with that of a remote: `origin`, or one with branches fetched here."""
    first, slash, _ = name.partition("/")
    if not slash:
        return False
    listed = view.git("for-each-ref", "--count=1", "--format=x", "--", f"refs/remotes/{first}/")
    return first == "origin" or bool(listed.out)


def _of_remote(name: str, rest: str) -> str:
    _, slash, branch = rest.partition("/")
    if not slash or branch == "HEAD":
        raise _target_needed(name)
    return f"refs/heads/{branch}"


def _ambiguous(name: str, refs: Sequence[str]) -> GateError:
    return GateError(
        "ambiguous-name",
        f"{name!r} may mean {' or '.join(refs)}",
        hint="give the full ref",
    )


def _target_needed(name: str) -> GateError:
    return GateError(
        "target-needed",
        f"{name!r} does not say which branch the change is meant for",
        hint="name the target branch with --target",
    )
