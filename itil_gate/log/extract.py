"""One entry by itself: whether it is what its leaf says, who signed it, and what it claims.

This is the part of a verification that costs time, and it depends on nothing but the entry: so it
runs on many entries at once, in other processes too. What it returns is small: whose signatures
hold, and of the statement only what the rules about the log's meaning ask for.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from itil_gate.log.entry import (
    PREDICATE_TYPES,
    Leaf,
    entry_path,
    event_id,
    revocation_key,
    statement_fault,
)
from itil_gate.model.record import PREDICATES
from itil_gate.signing import dsse, jcs
from itil_gate.signing.dsse import IN_TOTO, Envelope, EnvelopeError
from itil_gate.signing.jcs import JcsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SINGLE = re.compile(
    rb'\{"payload":"([A-Za-z0-9+/=]+)","payloadType":"application/vnd\.in-toto\+json",'
    rb'"signatures":\[\{"keyid":"(SHA256:[A-Za-z0-9+/]{43})","sig":"([A-Za-z0-9+/]{86}==)"\}\]\}'
)
"""The envelope in its one spelling, for the usual case of one signature."""
_SHARED = ("repository",)
_SAID: dict[str, tuple[str, ...]] = {
    "log-opened": ("origin", "target", "adopted", "keys"),
    "ref-update": (
        *("ref", "before", "after", "standing", "decision", "correction", "head", "content"),
        "replaces",
    ),
    "release-record": (
        *("nonce", "environment", "commit", "artifact", "previous", "updates", "backsOut"),
        *("windowStart", "windowEnd", "startedAt", "decision", "tag", "purl"),
    ),
    "outcome": ("nonce", "release", "environment", "outcome", "startedAt", "finishedAt"),
    "obligation": ("id", "source"),
    "obligation-met": ("id", "obligation"),
    "key-rotation": ("use", "old", "new", "since"),
    "key-revocation": ("key", "since", "replaces"),
    "expunged": ("entry", "sha256"),
    "correction": ("corrects",),
    "waiver-used": ("waiver", "change", "update"),
    "policy-change": ("ref", "before", "after", "update"),
}
"""The fields of a predicate that the rules about meaning ask for."""
_NAMED_BY = {
    "release-record": "nonce",
    "outcome": "nonce",
    "log-opened": "origin",
    "obligation": "id",
}
_RECORDED = {
    "log-opened": "openedAt",
    "ref-update": "recordedAt",
    "release-record": "startedAt",
    "outcome": "recordedAt",
    "approval": "recordedAt",
    "override": "recordedAt",
    "waiver-used": "recordedAt",
    "policy-change": "recordedAt",
}
"""The field that says when an entry was recorded; other kinds carry other times only."""
TIMED = (*_RECORDED, "gate-decision")
"""Kinds whose entries say when they were recorded."""


def recorded_at(kind: str, predicate: Mapping[str, Any]) -> float | None:
    """Return the POSIX time at which an entry says that it was recorded; None if it says none."""
    return _moment(predicate.get(_RECORDED.get(kind, "timeVerified")))


UPDATE_KEY = ("ref", "before", "after", "standing")
_KEYED: dict[str, str | tuple[str, ...]] = {
    "log-opened": "origin",
    "ref-update": UPDATE_KEY,
    "release-record": "nonce",
    "outcome": "nonce",
    "approval": "statement",
    "override": "statement",
    "obligation": "id",
    "obligation-met": "id",
    "waiver-used": ("waiver", "change"),
    "policy-change": ("ref", "before", "after"),
    "key-rotation": ("use", "old", "new"),
    "expunged": "entry",
}
"""The fields that tell an event of a kind from others: by them its id was made."""


class Extract(NamedTuple):
    """What an entry is and claims, as far as it can be told from the entry alone.

    `there` is False where the file is missing; `altered` says what keeps it from being the file of
    its leaf, `malformed` what keeps it from being an entry of its kind, both empty if nothing.
    `signers` are known keys whose signature holds, `keyids` all keys it names. `event` tells it
    from all others; `named` says whether that is the name of its file under `ids/`.
    """

    index: int  # type: ignore[assignment] # hides a method of tuples that nobody needs
    kind: str
    sha256: str
    there: bool
    altered: str = ""
    malformed: str = ""
    signers: tuple[str, ...] = ()
    keyids: tuple[str, ...] = ()
    event: str = ""
    named: bool = False
    recorded: float | None = None
    said: Mapping[str, Any] = {}


class Chunk(NamedTuple):
    """Entries that are looked at together: leaf and file of each, None where there is no file."""

    first: int
    leaves: Sequence[Leaf | None]
    files: Sequence[bytes | None]
    keys: Mapping[str, bytes]
    """Public keys of recorders by fingerprint, whatever the positions they are good for."""


def extracts(chunk: Chunk) -> list[Extract]:
    """Return what each entry of a chunk is and claims. Raises nothing, whatever the bytes."""
    return [
        extract(index, leaf, file, keys=chunk.keys)
        for index, (leaf, file) in enumerate(
            zip(chunk.leaves, chunk.files, strict=True), chunk.first
        )
    ]


def extract(
    index: int, leaf: Leaf | None, file: bytes | None, *, keys: Mapping[str, bytes]
) -> Extract:
    """Return what one entry is and claims; `leaf` is None where its bundle holds none."""
    kind, sha256 = (leaf.kind, leaf.sha256) if leaf else ("", "")
    if leaf is None:
        return Extract(index, kind, sha256, file is not None, altered="its leaf cannot be read")
    if file is None:
        return Extract(index, kind, sha256, there=False)
    if hashlib.sha256(file).hexdigest() != sha256:
        what = "its SHA-256 is not the one that the tree holds"
        return Extract(index, kind, sha256, there=True, altered=what)
    try:
        envelope = dsse.parse(file)
        statement = jcs.decode(envelope.payload)
    except (EnvelopeError, JcsError) as error:
        return Extract(index, kind, sha256, there=True, malformed=str(error))
    signers = tuple(sorted(dsse.verify(envelope, keys)))
    keyids = tuple(one.keyid for one in envelope.signatures)
    return _read(Extract(index, kind, sha256, True, "", "", signers, keyids), envelope, statement)


def _read(plain: Extract, envelope: Envelope, statement: Any) -> Extract:
    kind = plain.kind
    fault = statement_fault(statement)
    if envelope.payload_type != IN_TOTO:
        fault = f"the payloadType is not {IN_TOTO}"
    if fault:
        return plain._replace(malformed=fault)
    wanted = PREDICATE_TYPES.get(kind)
    if wanted is not None and statement["predicateType"] != wanted:
        said = statement["predicateType"][:100]
        return plain._replace(malformed=f"the tree calls it {kind}, and it says that it is {said}")
    predicate = statement["predicate"]
    if fault := _predicate_fault(kind, predicate):
        return plain._replace(malformed=fault)
    if fault := _subject_fault(kind, predicate, statement["subject"]):
        return plain._replace(malformed=fault)
    said = _said(kind, predicate)
    event, named = _event(kind, predicate, said, envelope.payload)
    return plain._replace(
        said=said,
        event=event,
        named=named,
        recorded=_moment(predicate.get(_RECORDED.get(kind, ""))),
    )


def _predicate_fault(kind: str, predicate: Mapping[str, Any]) -> str:
    if kind == "gate-decision":
        return _decision_fault(predicate)
    model = PREDICATES.get(kind)  # type: ignore[call-overload] # kinds of later versions too
    if model is None:
        return ""
    try:
        model.model_validate_json(json.dumps(predicate))
    except ValueError as error:
        return f"its predicate is not that of a {kind}: {_first_line(error)}"
    if kind in ("approval", "override"):
        # A signed statement is named by its first line, which is signed; a forge's review whole.
        text = predicate["text"].encode("utf-8", "surrogatepass")
        digests = {hashlib.sha256(part).hexdigest() for part in (text.partition(b"\n")[0], text)}
        if predicate["statement"] not in digests:
            return "the copied statement is not the one that is named"
    return ""


def _decision_fault(predicate: Mapping[str, Any]) -> str:
    """Say what keeps a summary from being one of ours; its parts are computed again by a replay."""
    ours = predicate.get("itilGate")
    if not isinstance(ours, dict) or ("decision" in ours) == ("deploy" in ours):
        return "the summary holds neither a decision about a merge nor one about a release"
    said = ours.get("decision", ours.get("deploy"))
    if not isinstance(said, dict):
        return "its decision is no object"
    names = ("repository", "target", "outcome") + (
        ("head",) if "decision" in ours else ("nonce", "environment", "commit", "artifact")
    )
    if absent := [name for name in names if not isinstance(said.get(name), str)]:
        return f"its decision does not say {', '.join(absent)}"
    passed = said["outcome"] in ("allow", "overridden")
    levels = predicate.get("verifiedLevels")
    if predicate.get("verificationResult") != ("PASSED" if passed else "FAILED") or (
        bool(levels) != passed
    ):
        return f"the summary says something else than its decision, which is {said['outcome']}"
    if predicate.get("resourceUri") != f"git+https://{said['repository']}":
        return "the summary is about another repository than its decision"
    return ""


def _subject_fault(kind: str, predicate: Mapping[str, Any], subjects: Sequence[Any]) -> str:
    """Hold the digests that other tools read against the predicate that we read."""
    digests = [subject["digest"] for subject in subjects]
    wanted: list[tuple[str, Any]] = []
    if kind == "ref-update":
        wanted = [("gitCommit", predicate["after"])]
    elif kind == "release-record":
        algorithm, _, value = predicate["artifact"].partition(":")
        wanted = [(algorithm, value), ("gitCommit", predicate["commit"])]
    elif kind == "release-attestation":
        algorithm, _, value = predicate["itilGate"]["artifact"].partition(":")
        wanted = [(algorithm, value)]
    elif kind in ("approval", "override"):
        wanted = [("sha256", predicate["statement"])]
    elif kind == "gate-decision":
        ours = predicate["itilGate"]
        if "deploy" in ours:
            algorithm, _, value = ours["deploy"]["artifact"].partition(":")
            wanted = [(algorithm, value), ("gitCommit", ours["deploy"]["commit"])]
        else:
            wanted = [("gitCommit", ours["decision"]["head"])]
    for algorithm, value in wanted:
        if not any(digest.get(algorithm) == value for digest in digests):
            return f"its subject does not name the {algorithm} {str(value)[:80]} it is about"
    return ""


def _said(kind: str, predicate: Mapping[str, Any]) -> dict[str, Any]:
    if kind == "gate-decision":
        ours = predicate["itilGate"]
        if "deploy" in ours:
            names = ("repository", "outcome", "environment", "commit", "artifact", "nonce")
            return {"of": "deploy", **{name: ours["deploy"][name] for name in names}}
        asked = ("repository", "target", "outcome", "head", "content")
        return {"of": "merge", **{name: ours["decision"].get(name) for name in asked}}
    if kind == "release-attestation":
        return {"purl": predicate["purl"], **predicate["itilGate"]}
    wanted = (*_SHARED, *_SAID.get(kind, ()))
    return {name: predicate[name] for name in wanted if name in predicate}


def _event(
    kind: str, predicate: Mapping[str, Any], said: Mapping[str, Any], payload: bytes
) -> tuple[str, bool]:
    """Return what tells an entry from others, and whether it is the id that it was written under.

    The ids of decisions about releases are digests of models, which change with versions.
    """
    key: str | tuple[str, ...] | None = None
    if kind == "ref-update" and said.get("replaces") is not None:
        key = (*_texts(predicate, UPDATE_KEY), str(said["replaces"]))
    elif kind in _KEYED:
        names = _KEYED[kind]
        key = str(predicate[names]) if isinstance(names, str) else _texts(predicate, names)
    elif kind == "release-attestation":
        key = said["nonce"]
    elif kind == "key-revocation":
        key = revocation_key(said["key"], said.get("replaces"))
    elif kind == "gate-decision" and said["of"] == "merge":
        key = hashlib.sha256(jcs.encode(predicate["itilGate"]["decision"])).hexdigest()
    if key is None or not isinstance(said.get("repository"), str):
        return hashlib.sha256(payload).hexdigest(), False
    return event_id(said["repository"], kind, key), True


def _texts(predicate: Mapping[str, Any], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(predicate[name] for name in names)


def _moment(text: Any) -> float | None:
    if not isinstance(text, str):
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return None


def _first_line(error: ValueError) -> str:
    lines = str(error).splitlines()
    return " ".join(line.strip() for line in lines[1:3])[:200] if len(lines) > 1 else str(error)


def path_of(one: Extract) -> str:
    """Return the path of an entry's file, for messages."""
    return entry_path(one.index)
