"""Release tags: annotated, signed tags below refs/tags/release/, made and read as git objects.

A tag is written before anything names it, and its name comes to be in the same step as the commit
of the audit log that it belongs to: one transaction here, one atomic push elsewhere. What a tag's
message says is not known here, and no tag is ever moved.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from itil_gate.git.objects import is_oid
from itil_gate.git.paths import to_text
from itil_gate.model.errors import GateError, HistoryError
from itil_gate.model.frozen import frozen
from itil_gate.signing.ed25519 import armored

if TYPE_CHECKING:
    from datetime import datetime

    from itil_gate.git.view import View
    from itil_gate.signing.ed25519 import Signer

RELEASE_TAGS = "refs/tags/release/"
_SEGMENT = r"[A-Za-z0-9](?:[A-Za-z0-9._+-]{0,80}[A-Za-z0-9])?"
_NAME = re.compile(rf"(?!.*(?:\.\.|\.lock(?:/|\Z))){_SEGMENT}(?:/{_SEGMENT}){{0,3}}", re.ASCII)
_FORMAT = "%(refname)%00%(objectname)%00%(objecttype)%00%(*objectname)"


@frozen
class TagDraft:
    """A tag to be made: its full ref, the commit it is on, and its message without a signature."""

    ref: str
    commit: str
    message: str


@frozen
class SeenTag:
    """A tag as it was found.

    `name` is without `refs/tags/`, `commit` what it leads to; `raw` is the tag object, empty for a
    ref that is no annotated tag.
    """

    name: str
    oid: str
    commit: str
    raw: bytes


def tag_ref(name: str) -> str:
    """Return the full ref of a release tag by the name a person gave it.

    `1.4.0` and `release/1.4.0` are the same. Raises GateError `bad-tag`.
    """
    short = name.removeprefix("refs/tags/").removeprefix("release/")
    if not _NAME.fullmatch(short):
        raise GateError(
            "bad-tag",
            f"{name!r} is no name of a release tag",
            hint="write it as in --tag 1.4.0 or --tag staging/1.4.0; the tag is release/1.4.0",
        )
    return f"{RELEASE_TAGS}{short}"


def tag_bytes(
    draft: TagDraft, *, signer: Signer, identity: tuple[str, str], when: datetime
) -> bytes:
    """Return a signed tag as git stores it (git-mktag; the signature ends it, gitformat-signature).

    It is dated `when` in UTC and signed in the namespace `git`, as `git tag --sign` does.
    """
    name, email = identity
    lines = [
        *(f"object {draft.commit}", "type commit", f"tag {draft.ref.removeprefix('refs/tags/')}"),
        *(f"tagger {name} <{email}> {int(when.timestamp())} +0000", ""),
        *(draft.message.strip("\n"), ""),
    ]
    payload = "\n".join(lines).encode()
    return payload + armored(signer, payload, namespace="git").encode()


def tags_below(view: View, prefix: str = RELEASE_TAGS) -> tuple[SeenTag, ...]:
    """Return every tag whose ref is below a prefix, which is left off; sorted by name.

    The names are those that the tags have below refs/tags/release/. Raises HistoryError
    `object-missing` where a tag object is not here.
    """
    done = view.git("for-each-ref", f"--format={_FORMAT}", "--", prefix)
    rows = [line.split("\0") for line in to_text(done.out).splitlines()]
    found = []
    for row in rows:
        if len(row) != 4 or not is_oid(row[1]):  # noqa: PLR2004 - the fields of _FORMAT
            raise HistoryError("git-failed", f"`git for-each-ref` said {row!r:.200}")
        ref, oid, kind, peeled = row
        raw = view.read(oid).data if kind == "tag" else b""
        found.append(SeenTag(f"release/{ref.removeprefix(prefix)}", oid, peeled or oid, raw))
    return tuple(sorted(found, key=lambda tag: tag.name))


def tag_exists(ref: str, *, where: str) -> GateError:
    """Return the error for a tag that is there already; tags are not moved."""
    return GateError(
        "tag-exists",
        f"there is a tag {ref.removeprefix('refs/tags/')} {where} already",
        hint="a release tag is made once and never moved: choose another name",
    )
