"""What a release tag says of the log, and whether tags and log say the same.

A tag carries the checkpoint under which its release is recorded, so whoever has the tag sees a log
that was cut off, rewritten or begun anew. The log in turn names each tag that it made: one that is
gone, was moved, or says something else is found, and so is one that nothing was recorded for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from itil_gate.log.checkpoint import in_text, open_checkpoint
from itil_gate.log.commits import Signers
from itil_gate.log.proof import consistency
from itil_gate.model.errors import LogError
from itil_gate.model.frozen import frozen
from itil_gate.signing.commit import SignedObjectError, split_tag, tag_signature

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from itil_gate.log.belief import Belief
    from itil_gate.log.checkpoint import Checkpoint
    from itil_gate.log.extract import Extract
    from itil_gate.log.tiles import Read
    from itil_gate.log.verdict import Check
    from itil_gate.log.verify import Terms
    from itil_gate.model.record import ReleaseRecord

TAGS = "tags"
_RELEASE = re.compile(r"(?m)^Release-Id: (REL-[0-9A-Z-]{1,20})$", re.ASCII)
_ENTRY = re.compile(r"(?m)^Log-Entry: (0|[1-9][0-9]{0,18})$", re.ASCII)
_NAME = re.compile(rb"\Aobject \S+\ntype commit\ntag ([!-~]+)\n")


@frozen
class Tag:
    """A tag below refs/tags/release/ as it was found: its name, the commit, and the tag object."""

    name: str
    commit: str
    raw: bytes


@frozen
class Side:
    """What tags are held against: the log as it stands now, and how it is believed."""

    terms: Terms
    present: Checkpoint
    belief: Belief
    read: Read
    behind: bool = False
    """Whether this copy of the log may be older than the tags, and they older than it."""


@frozen
class _Said:
    release: str
    entry: int
    note: str


def tag_message(record: ReleaseRecord, *, index: int, note: bytes) -> str:
    """Return the message of the tag of a release: which one it is, and the log's signed head.

    `index` is the entry of the record, `note` the checkpoint of a log that holds it.
    """
    return "\n".join(
        [
            f"Release {record.nonce} to {record.environment}",
            "",
            f"Release-Id: {record.nonce}",
            f"Environment: {record.environment}",
            f"Artifact: {record.artifact}",
            f"Log-Entry: {index}",
            "",
            note.decode("utf-8"),
        ]
    )


def verify_tags(
    check: Check,
    tags: Sequence[Tag],
    releases: Iterable[Extract],
    side: Side,
    *,
    adopted: Callable[[str], bool],
) -> None:
    """Hold every release tag against the log, and every release that names a tag against it.

    `releases` are the believed records that name a tag, in their order. `adopted` tells whether a
    commit is from before the log was opened: what is tagged there is not the gate's.
    """
    named: dict[str, Extract] = {}
    for one in releases:
        name = str(one.said["tag"])
        if name in named:
            check.fault(f"the tag {name} is that of entry {named[name].index} too", index=one.index)
        named.setdefault(name, one)
    there = {tag.name: tag for tag in tags}
    check.looked = len(there.keys() | named.keys())
    for name, one in named.items():
        if name in there:
            _recorded(check, there[name], one, side)
        elif not side.behind:
            check.fault(
                f"release {one.said['nonce']} names the tag {name}, which is not there: it was "
                "removed or never arrived",
                index=one.index,
            )
    absent = [name for name in named if name not in there]
    if absent and side.behind:
        check.skip(
            f"{len(absent)} tags are not in this clone, {absent[0]} among them; "
            "`git fetch --tags` gets them"
        )
    strays = [tag for name, tag in there.items() if name not in named]
    _unrecorded(check, strays, side, used=bool(named), adopted=adopted)
    if not check.looked:
        check.skip("no release names a tag")


def _recorded(check: Check, tag: Tag, one: Extract, side: Side) -> None:
    """Hold a tag against the entry that names it."""

    def fault(message: str) -> None:
        check.fault(f"the tag {tag.name}: {message}", index=one.index)

    if tag.commit != one.said["commit"]:
        fault(
            f"it is on {tag.commit[:12]}, and release {one.said['nonce']} is of "
            f"{str(one.said['commit'])[:12]}: it was moved"
        )
        return
    if why := _faulty(tag, one, side):
        fault(why)


def _faulty(tag: Tag, one: Extract, side: Side) -> str:
    """Say what is wrong with a tag on the right commit; empty if nothing is."""
    said = _said(tag, side.terms.origin)
    if said is None:
        return "it does not carry the head of this log: it was replaced"
    if said.release != one.said["nonce"] or said.entry != one.index:
        return f"it says that it is of release {said.release}, entry {said.entry}"
    try:
        opened = open_checkpoint(said.note.encode(), side.terms.keys, origin=side.terms.origin)
    except LogError as error:
        return f"the checkpoint in it is not believed: {error.message}"
    old = opened.checkpoint
    if old.size <= one.index:
        return f"its checkpoint has {old.size} entries, and its release is entry {one.index}"
    signature = tag_signature(tag.raw)
    may = Signers(side.belief.pins, frozenset()).may(signature.fingerprint, old.size)
    if signature.status != "good" or not may:
        what = signature.detail or signature.fingerprint or "nothing"
        return f"no checkpoint key that is good for entry {old.size - 1} signed it ({what})"
    return _led_to(old, side)


def _led_to(old: Checkpoint, side: Side) -> str:
    if old.size > side.present.size:
        if side.behind:
            return ""
        return (
            f"it remembers the log with {old.size} entries, and it has {side.present.size}: the "
            "log was cut off or moved back"
        )
    try:
        consistency(old, side.present, side.read)
    except LogError as error:
        if error.code == "log-inconsistent":
            return "the log does not lead to the checkpoint in it: one of them was rewritten"
        return f"whether the log leads to its checkpoint cannot be told: {error.message}"
    return ""


def _unrecorded(
    check: Check,
    strays: Sequence[Tag],
    side: Side,
    *,
    used: bool,
    adopted: Callable[[str], bool],
) -> None:
    """Name tags that no entry names: the gate's own always, others once the gate makes tags."""
    others = 0
    for tag in strays:
        said = _said(tag, side.terms.origin)
        if said is not None and said.entry in side.belief.expunged:
            continue
        if said is not None and not (side.behind and _size(said) > side.present.size):
            check.fault(
                f"the tag {tag.name} says that it is of release {said.release}, entry "
                f"{said.entry}, and the log says nothing of such a tag"
            )
        elif said is None and used and not adopted(tag.commit):
            check.fault(f"the tag {tag.name} is on {tag.commit[:12]}, and no release names it")
        else:
            others += 1
    if others and not check.detail:
        check.detail = f"{others} below release/ are not of the gate"


def _said(tag: Tag, origin: str) -> _Said | None:
    """Return what the signed part of a tag says; None for one that is not of this log."""
    try:
        payload = split_tag(tag.raw).payload
    except SignedObjectError:
        return None
    text = payload.decode("utf-8", "replace")
    named = _NAME.match(payload)
    release, entry, notes = _RELEASE.search(text), _ENTRY.search(text), in_text(text, origin=origin)
    if named is None or named[1].decode() != tag.name or not (release and entry and notes):
        return None
    return _Said(release[1], int(entry[1]), notes[0])


def _size(said: _Said) -> int:
    return int(said.note.splitlines()[1])


def notes_of(tags: Iterable[Tag], *, origin: str) -> tuple[str, ...]:
    """Return the checkpoints of a log that tags carry; whether anybody signed them is not said."""
    return tuple(
        note for tag in tags for note in in_text(tag.raw.decode("utf-8", "replace"), origin=origin)
    )
