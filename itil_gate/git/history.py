"""Commits between two points, by whom, and whether enough history is here to say so.

Everything is counted over all parents. A clone too shallow to know is an error with the command
that deepens it, never a shorter answer. Names and trailers are hints and parsed to exclude:
nothing written in a commit can make this code fail or keep a person out of sight.
"""

from __future__ import annotations

import codecs
import functools
import re
from typing import TYPE_CHECKING

from itil_gate.git.objects import GitObject, is_oid, listed_ids
from itil_gate.git.paths import to_bytes, to_text
from itil_gate.model.errors import HistoryError
from itil_gate.model.facts import Identity
from itil_gate.model.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from itil_gate.git.view import View

LIMIT = 5 * 1024 * 1024
"""Bytes of one commit."""

_CO_AUTHOR = re.compile(r"(?im)^[ \t>]*co[-_ ]?authored[-_ ]?by[ \t]*:(.*)$")
_PERSON = re.compile(r"(?:(?<![^<>])|(?=<))([^<>]*+)<([^<>]*+)>?")
"""Name and address; a name is only looked for where one can begin, or long lines take for ever."""
_CHARSET = re.compile(r"(?:iso-?8859|windows-?125|cp125|koi8|latin|us-ascii|utf-?8|gb|big5|euc)")


@frozen
class RawCommit:
    """A commit as git stores it, and the people it names. Times are seconds since 1970, UTC."""

    id: str
    tree: str
    parents: tuple[str, ...]
    author: Identity
    committer: Identity
    committed_at: int
    co_authors: tuple[Identity, ...]
    message: str
    raw: bytes


def read_commit(view: View, oid: str) -> RawCommit:
    """Return one commit. Raises HistoryError `object-missing` or `not-a-commit`."""
    return parse_commit(view.read(oid, limit=LIMIT))


def merge_base(view: View, a: str, b: str) -> str:
    """Return the one best common ancestor of two commits.

    Raises HistoryError `unrelated-histories`, `history-too-shallow` or `ambiguous-merge-base`.
    """
    refuse_shallow(view, a, b)
    done = view.git("merge-base", "--all", "--end-of-options", a, b, ok=(0, 1))
    bases = listed_ids(done.out, "merge-base")
    if not bases and view.shallow:
        raise _too_shallow("no common ancestor is in this shallow clone")
    if not bases:
        raise HistoryError(
            "unrelated-histories",
            f"{a} and {b} have no commit in common",
            hint="base the change on the target branch",
        )
    if len(bases) > 1:
        raise HistoryError(
            "ambiguous-merge-base",
            f"{a} and {b} have several merge bases: {', '.join(sorted(bases))}",
            hint="merge the target branch into the change once more, or rebase it",
        )
    return bases[0]


def commits_between(view: View, base: str | None, head: str) -> tuple[RawCommit, ...]:
    """Return the commits reachable from `head` and not from `base`, newest first.

    None for `base` is an unborn branch: everything reachable from `head`. Raises HistoryError
    `history-too-shallow` where the clone ends between the two.
    """
    refuse_shallow(view, base, head)
    exclude = [f"^{base}"] if base else []
    done = view.git("rev-list", "--topo-order", "--end-of-options", head, *exclude)
    oids = listed_ids(done.out, "rev-list")
    return tuple(parse_commit(thing) for thing in view.read_many(oids, limit=LIMIT))


def last_change(view: View, path: str, *, since: str, until: str) -> str | None:
    """Return the newest commit reachable from `until` and not from `since` that changed a path.

    All parents are walked, and a merge counts where it differs from any parent: rather one commit
    too many than one overlooked. Raises HistoryError `history-too-shallow`.
    """
    refuse_shallow(view, since, until)
    done = view.git(
        *("rev-list", "--max-count=1", "--full-history", "--end-of-options", until, f"^{since}"),
        *("--", to_bytes(path)),
    )
    return next(iter(listed_ids(done.out, "rev-list")), None)


def paths_touched(view: View, base: str, head: str, *, below: str) -> frozenset[str]:
    """Return the paths below a folder that a commit from `base` to `head` changed, undone or not.

    A merge counts for what it has of none of its parents.
    """
    done = view.git(
        *("log", "--full-history", "--format=", "--name-only", "-z", "--no-renames"),
        "--diff-merges=combined",
        *("--end-of-options", f"{base}..{head}", "--", to_bytes(below)),
    )
    return frozenset(to_text(name.lstrip(b"\n")) for name in done.out.split(b"\0") if name.strip())


def is_ancestor(view: View, a: str, b: str) -> bool:
    """Whether commit `a` is `b` or one of its ancestors.

    Raises HistoryError `history-too-shallow` where the clone ends before that can be denied.
    """
    if a == b and view.read(a, limit=LIMIT).type == "commit":
        return True  # asked often, and no program needs to be started to say so
    if view.git("merge-base", "--is-ancestor", "--", a, b, ok=(0, 1)).status == 0:
        return True
    refuse_shallow(view, a, b)
    return False


def parse_commit(thing: GitObject) -> RawCommit:
    """Return the commit that these bytes hold.

    Raises HistoryError `not-a-commit` only for a missing tree or a parent that is no id; every
    other oddity is read as far as it can be, and people it names twice are all kept.
    """
    header, _, body = thing.data.partition(b"\n\n")
    fields = [line.partition(b" ") for line in header.split(b"\n")]
    values = {
        key: [value for name, _, value in fields if name == key]
        for key in (b"tree", b"parent", b"author", b"committer", b"encoding")
    }
    tree = _ids(values[b"tree"])
    if thing.type != "commit" or len(tree) != 1:
        raise HistoryError("not-a-commit", f"{thing.id} is not a well-formed commit")
    charset = _charset(values[b"encoding"])
    authors = [_identity(_text(line, charset)) for line in values[b"author"]]
    committers = [_identity(_text(line, charset)) for line in values[b"committer"]]
    message = _text(body, charset)
    return RawCommit(
        id=thing.id,
        tree=tree[0],
        parents=_ids(values[b"parent"]),
        author=authors[0] if authors else _person("", ""),
        committer=committers[0] if committers else _person("", ""),
        committed_at=_seconds(values[b"committer"]),
        co_authors=(*authors[1:], *committers[1:], *co_authors(message)),
        message=message,
        raw=thing.data,
    )


def co_authors(message: str) -> tuple[Identity, ...]:
    """Return everybody a message calls a co-author, wherever in it and however spaced.

    More is found than git would call a trailer, because it is only used to exclude.
    """
    lines = message.replace("\r", "\n")
    found = (person for line in _CO_AUTHOR.findall(lines) for person in _people(line))
    return tuple(dict.fromkeys(found))


def _people(line: str) -> Iterable[Identity]:
    people = [
        Identity(name=name.strip(" \t,;&"), email=email.strip())
        for name, email in _PERSON.findall(line)
    ]
    if people or not line.strip():
        return people
    name = line.strip()  # once: a copy of a long line for each address fills the memory
    emails = [word.strip("(),;") for word in line.split() if "@" in word]
    return [Identity(name=name, email=email) for email in emails or [""]]


def _identity(line: str) -> Identity:
    name, opened, rest = line.partition("<")
    email = rest.partition(">")[0] if opened else ""
    return _person(name.strip(), email.strip())


@functools.lru_cache(maxsize=4096)
def _person(name: str, email: str) -> Identity:
    return Identity(name=name, email=email)


def _seconds(lines: list[bytes]) -> int:
    found = re.search(rb">[ ]*(\d{1,12}) [+-]\d+\s*\Z", lines[0]) if lines else None
    return int(found[1]) if found else 0


def _ids(values: list[bytes]) -> tuple[str, ...]:
    ids = tuple(value.decode("ascii", "replace") for value in values)
    if not all(is_oid(oid) for oid in ids):
        raise HistoryError("not-a-commit", f"a commit names {ids!r} as tree or parent")
    return ids


def _charset(values: list[bytes]) -> str:
    name = values[0].decode("ascii", "replace").strip().lower() if values else "utf-8"
    if not _CHARSET.match(name):
        return "utf-8"
    try:
        return codecs.lookup(name).name
    except (LookupError, ValueError):  # ValueError: the name holds a zero byte
        return "utf-8"


def _text(data: bytes, charset: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode(charset, "backslashreplace")


def refuse_shallow(view: View, base: str | None, head: str) -> None:
    """Raise HistoryError `history-too-shallow` if the clone ends between two commits.

    What lies between is everything reachable from exactly one of them: with all of it here, their
    common commits are known, and so is what a merge of the two would start from.
    """
    if not view.shallow:
        return
    ends = [head] if base is None else [f"{base}...{head}"]
    between = listed_ids(view.git("rev-list", "--end-of-options", *ends).out, "rev-list")
    if view.shallow.intersection(between):
        raise _too_shallow("this shallow clone ends between the target and the change")


def _too_shallow(message: str) -> HistoryError:
    return HistoryError(
        "history-too-shallow",
        message,
        hint="`git fetch --unshallow origin`, or `git fetch --deepen=1000 origin` until it"
        " is enough; in GitHub Actions `fetch-depth: 0`",
    )
