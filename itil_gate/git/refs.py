"""Write files to a branch without touching work tree, index or HEAD.

Objects are written first, then the ref moves by compare-and-swap; who loses the race starts again
on the new tip, so concurrent writers never lose a file. History is only ever added to. As in the
view, no configuration, hook or attribute of the repository is in force.
"""

from __future__ import annotations

import re
import secrets
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from itil_gate.git.history import is_ancestor
from itil_gate.git.names import ref_tip
from itil_gate.git.objects import ObjectReader, ObjectType, hash_object, listed_ids
from itil_gate.git.paths import to_bytes, to_text
from itil_gate.git.run import hardened
from itil_gate.git.server import refuse_quarantine
from itil_gate.git.tree import FILE, TREE, blob_at, parse_tree, tree_id
from itil_gate.git.view import View, furnish, missing_hint, read_format
from itil_gate.model.errors import GateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from itil_gate.git.discover import Repository

    Plan = Callable[[View, str | None], Mapping[str, bytes | None]]
    """From the branch's tip to the files to write there; None removes one."""

TRIES = 10
"""How often a lost race is run again."""

_SHARED = re.compile(r"\A(?:group|all|world|everybody|true|[0-7]{1,4})\Z")
_SETTINGS = "\tlogAllRefUpdates = true\n\tfilesRefLockTimeout = 1000\n\tfsync = committed\n"


def append_file(
    repository: Repository,
    branch: str,
    path: str,
    data: bytes,
    *,
    message: str,
    identity: tuple[str, str],
    when: datetime,
) -> str:
    """Add one file to a branch; see `append_files`."""
    return append_files(
        repository, branch, {path: data}, message=message, identity=identity, when=when
    )


def append_files(
    repository: Repository,
    branch: str,
    files: Mapping[str, bytes],
    *,
    message: str,
    identity: tuple[str, str],
    when: datetime,
) -> str:
    """Add files to a branch in one commit and return the id of its tip.

    `branch` is a full ref; the branch is begun without history if there is none. `identity` is
    name and e-mail. Files that are there with the same bytes are left alone; if all are, there is
    no commit. Raises GateError `file-differs`, `branch-busy` or `ref-refused`.
    """

    def plan(view: View, tip: str | None) -> dict[str, bytes | None]:
        new: dict[str, bytes | None] = {}
        for path, data in files.items():
            there = blob_at(view, tip, path) if tip else None
            if there is None:
                new[path] = data
            elif there != data:
                raise GateError(
                    "file-differs",
                    f"{branch} already holds {path} with other content",
                    hint="files of this branch are never rewritten; use another name",
                )
        return new

    return change_branch(repository, branch, plan, message=message, identity=identity, when=when)


def change_branch(
    repository: Repository,
    branch: str,
    plan: Plan,
    *,
    message: str,
    identity: tuple[str, str],
    when: datetime,
) -> str:
    """Commit to a branch what `plan` makes of its tip and return the id of the new tip.

    The plan is asked again whenever somebody else moved the branch in between; an empty plan ends
    it without a commit. Raises GateError `branch-busy` after ten lost races, `ref-refused` where
    git will not move the ref, and whatever the plan raises.
    """
    with open_store(repository) as store:
        for attempt in range(TRIES):
            tip = ref_tip(store, branch)
            files = plan(store, tip)
            if not files and tip is not None:
                return tip
            tree = write_tree(store, tip, files)
            parents = [tip] if tip else []
            new = write_commit(store, tree, parents, message=message, identity=identity, when=when)
            if move_ref(store, branch, new, old=tip):
                return new
            wait(attempt)
    raise busy(branch)


@contextmanager
def open_store(repository: Repository) -> Iterator[View]:
    """Open a view whose new objects and ref changes go to the repository itself.

    Raises GateError `in-quarantine` in a hook that runs before a push is accepted.
    """
    refuse_quarantine()
    stored = read_format(repository)
    algorithm = stored.get("objectformat", "sha1")
    shared = stored.get("sharedrepository", "")
    settings = _SETTINGS
    if _SHARED.match(shared):
        settings += f"\tsharedRepository = {shared}\n"
    with tempfile.TemporaryDirectory(prefix="itil-gate-") as name:
        directory = Path(name).resolve()
        furnish(directory, repository, algorithm=algorithm, settings=settings)
        (directory / "objects").symlink_to(repository.common_dir / "objects")
        if (repository.common_dir / "logs").is_dir():
            (directory / "logs").symlink_to(repository.common_dir / "logs")
        env = hardened({"GIT_DIR": str(directory)})
        hint = missing_hint(repository, shallow=False)
        reader = ObjectReader(directory, env, algorithm=algorithm, missing_hint=hint)
        try:
            yield View(repository, directory, algorithm, frozenset(), reader, env)
        finally:
            reader.close()


def write_tree(store: View, treeish: str | None, files: Mapping[str, bytes | None]) -> str:
    """Write a tree: the old one with these files set or removed; return its id.

    Raises GateError `bad-path`, or `path-taken` where a file stands in the way of a directory or
    the reverse.
    """
    blobs = {path: data for path, data in files.items() if data is not None}
    ids = dict(zip(blobs, _write(store, "blob", list(blobs.values())), strict=True))
    edits = {_parts(path): ids.get(path) for path in files}
    trees: list[bytes] = []
    root = _graft(store, tree_id(store, treeish) if treeish else None, edits, trees)
    _write(store, "tree", trees)
    return root or _write(store, "tree", [b""])[0]


def write_commit(
    store: View,
    tree: str,
    parents: Sequence[str],
    *,
    message: str,
    identity: tuple[str, str],
    when: datetime,
) -> str:
    """Write a commit, dated `when` in UTC, and return its id."""
    data = commit_bytes(tree, parents, message=message, identity=identity, when=when)
    return _write(store, "commit", [data])[0]


def commit_bytes(
    tree: str,
    parents: Sequence[str],
    *,
    message: str,
    identity: tuple[str, str],
    when: datetime,
) -> bytes:
    """Return a commit, unsigned, as git stores it, dated `when` in UTC."""
    name, email = (re.sub(r"[<>\x00-\x1f]", " ", part).strip() for part in identity)
    person = f"{name or 'unknown'} <{email}> {int(when.timestamp())} +0000"
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    lines += [f"author {person}", f"committer {person}", "", message.strip(), ""]
    return "\n".join(lines).encode("utf-8", "replace").replace(b"\0", b"")


def move_ref(store: View, ref: str, new: str, *, old: str | None) -> bool:
    """Move a full ref from `old` (None: it must not exist) to `new`; False if the race was lost.

    Raises GateError `ref-refused` if git refuses for another reason.
    """
    if not re.fullmatch(r"refs/(?:heads|itil-gate|tags/release)/[!-~]+", ref):
        raise GateError("bad-name", f"{ref!r} is not the full name of a branch")
    done = store.git(
        *("update-ref", "-m", "itil-gate", "--end-of-options"),
        *(ref, new, old or "0" * len(new)),
        ok=range(256),
        strict=False,
        env={
            "GIT_COMMITTER_NAME": "itil-gate",
            "GIT_COMMITTER_EMAIL": "itil-gate",
        },
    )
    if done.status == 0:
        tip = store.reader.held_by(ref)
        if tip == new:
            return True
        tip = ref_tip(store, ref)
        # Somebody may have gone on from there; but a statement that is not there was not filed.
        if tip == new or (tip is not None and is_ancestor(store, new, tip)):
            return True
        raise GateError("ref-refused", f"git said that it moved {ref}, which holds {tip}")
    if b".lock'" in done.err or ref_tip(store, ref) != old:
        return False
    raise GateError(
        "ref-refused",
        f"{ref} was not moved: {done.complaint}",
        hint="a branch cannot lie below another branch's name",
    )


def move_with_tag(
    store: View, ref: str, new: str, *, old: str | None, tag: tuple[str, str]
) -> bool:
    """Move a full ref as `move_ref` does and make a tag, both or neither; False if a race was lost.

    `tag` is its full ref and the object; it must not exist. Raises GateError `ref-refused`.
    """
    nothing = "0" * len(new)
    orders = [f"update {ref}\0{new}\0{old or nothing}\0", f"create {tag[0]}\0{tag[1]}\0"]
    done = store.git(
        *("update-ref", "-m", "itil-gate", "-z", "--stdin"),
        stdin="".join(orders).encode(),
        ok=range(256),
        strict=False,
        env={"GIT_COMMITTER_NAME": "itil-gate", "GIT_COMMITTER_EMAIL": "itil-gate"},
    )
    if done.status == 0:
        return True
    if b".lock'" in done.err or ref_tip(store, ref) != old or ref_tip(store, tag[0]) is not None:
        return False
    raise GateError(
        "ref-refused",
        f"{ref} and {tag[0]} were not moved: {done.complaint}",
        hint="a tag cannot lie below another tag's name",
    )


def wait(attempt: int) -> None:
    """Sleep for a random time that grows with the number of races lost."""
    time.sleep(secrets.randbelow(min(1000, 20 << attempt) + 1) / 1000)


def busy(branch: str) -> GateError:
    """Return the error for a branch that others kept moving, or hold a stale lock on."""
    return GateError(
        "branch-busy",
        f"{branch} was moved by others {TRIES} times in a row, or is locked",
        hint=f"try again; if nobody is writing, remove {branch}.lock from the git directory",
    )


def _parts(path: str) -> tuple[bytes, ...]:
    parts = tuple(to_bytes(path).split(b"/"))
    for part in parts:
        special = part in (b"", b".", b"..") or part.lower().startswith((b".git", b"git~"))
        if special or b"\0" in part:
            raise GateError("bad-path", f"{path!r} is not a path that can be checked out")
    return parts


def _graft(
    store: View,
    oid: str | None,
    edits: Mapping[tuple[bytes, ...], str | None],
    trees: list[bytes],
) -> str | None:
    """Append the bytes of every changed tree to `trees`; return this one's id, None if empty."""
    entries = {} if oid is None else parse_tree(store.read(oid).data, oid=oid)
    below: dict[bytes, dict[tuple[bytes, ...], str | None]] = {}
    for (name, *rest), blob in edits.items():
        if rest:
            below.setdefault(name, {})[tuple(rest)] = blob
        elif blob is None:
            entries.pop(name, None)
        elif name in entries and entries[name][0] == TREE:
            raise _taken(name)
        else:
            entries[name] = (FILE, blob)
    for name, inner in below.items():
        mode, child = entries.get(name, (TREE, None))
        if mode != TREE:
            raise _taken(name)
        tree = _graft(store, child, inner, trees)
        if tree is None:
            entries.pop(name, None)
        else:
            entries[name] = (TREE, tree)
    if not entries:
        return None
    order = sorted(entries, key=lambda name: name + b"/" if entries[name][0] == TREE else name)
    data = b"".join(
        b"%s %s\0%s" % (mode.lstrip("0").encode(), name, bytes.fromhex(child))
        for name in order
        for mode, child in [entries[name]]
    )
    trees.append(data)
    return hash_object("tree", data, algorithm=store.algorithm)


def _write(store: View, kind: ObjectType, contents: Sequence[bytes]) -> list[str]:
    """Store objects, checked by git as it does so, and return their ids."""
    if not contents:
        return []
    with tempfile.TemporaryDirectory(dir=store.directory) as name:
        files = [Path(name) / str(number) for number in range(len(contents))]
        for file, data in zip(files, contents, strict=True):
            file.write_bytes(data)
        done = store.git(
            *("hash-object", "-w", "-t", kind, "--no-filters", "--stdin-paths"),
            stdin="".join(f"{file}\n" for file in files).encode(),
        )
    return listed_ids(done.out, "hash-object", count=len(contents))


def _taken(name: bytes) -> GateError:
    return GateError(
        "path-taken", f"{to_text(name)} is a file in one place and a directory in the other"
    )
