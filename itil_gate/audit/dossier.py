"""One change's whole story, in the order in which it happened: from the log, git and statements.

Everything told names where it stands and how it was proved, and nothing is told that is not there:
what one would expect and does not find is listed as missing. Dates in commits are what their
authors wrote; those of the log are the recorder's, bound to the order of its entries.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from itil_gate.audit.told import Dossier, Told
from itil_gate.audit.who import who_of
from itil_gate.gather.statements import statements_in
from itil_gate.git.history import LIMIT
from itil_gate.git.tree import blob_at, ls_tree
from itil_gate.model.errors import GateError, SourceError
from itil_gate.model.facts import Review
from itil_gate.model.record import REVIEW_FOLDER
from itil_gate.reading.yaml import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from itil_gate.decide.roster import Roster
    from itil_gate.git.view import View
    from itil_gate.log.reader import Entry, LogReader
    from itil_gate.model.config import Config
    from itil_gate.model.facts import StatementFact

_COPIES = frozenset({"approval", "override"})
_ENDINGS = (".yaml", ".yml")
MOST_VERSIONS = 200
_EXPECTED = (
    ("gate-decision", "no recorded decision names it"),
    ("ref-update", "no landing of it is recorded"),
    ("release-record", "no release of it is recorded"),
)


class Story:
    """Gathers what is known of one change; `tell` puts it together."""

    def __init__(
        self, view: View, reader: LogReader, *, config: Config, tip: str, roster: Roster
    ) -> None:
        self._view = view
        self._reader = reader
        self._config = config
        self._tip = tip
        self._roster = roster
        self.entries: tuple[Entry, ...] = ()
        self.statements: tuple[StatementFact, ...] = ()
        self.requests: dict[str, bytes] = {}
        """Every version of the request that was found, by the SHA-256 of its bytes."""

    def tell(self, change: str, *, progress: Callable[[int], None] | None = None) -> Dossier:
        """Return the story of a change. Raises GateError `no-such-change` if nothing names it."""
        self.entries = tuple(about(self._reader, change, progress=progress))
        self.statements = statements_in(self._view, change)
        told = [
            *(self._entry(entry, change) for entry in self.entries),
            *self._versions(change),
            *self._uncopied(),
        ]
        if not told:
            raise GateError(
                "no-such-change",
                f"neither the log nor the target nor the approvals branch knows {change}",
                hint="`itil-gate status` lists the changes that are open",
            )
        told.sort(key=lambda one: (one.at or datetime.max.replace(tzinfo=UTC), one.entry or 0))
        return Dossier(
            change=change,
            repository=self._config.repository,
            origin=self._reader.checkpoint.origin,
            size=self._reader.size,
            root=self._reader.checkpoint.root.hex(),
            told=tuple(told),
            missing=tuple(self._missing()),
        )

    def _entry(self, entry: Entry, change: str) -> Told:
        said = entry.predicate
        what, lines = _TELLERS.get(entry.kind, _plain)(said, change)
        proof = f"in the signed tree of the log; signed by {', '.join(sorted(entry.signers))}"
        if entry.statement is None:
            what, proof = "its file was expunged", "only its digest is in the signed tree"
        elif not entry.believed:
            proof = "in the signed tree of the log; NOT BELIEVED: signed by no key pinned for it"
        if entry.kind in _COPIES and entry.believed:
            proof = f"{proof}; {self._copy_proof(said)}"
        return Told(
            at=_when(said),
            kind=entry.kind,
            what=what,
            lines=tuple(lines),
            entry=entry.index,
            digest=f"sha256:{entry.sha256}",
            proof=proof,
        )

    def _copy_proof(self, said: Mapping[str, Any]) -> str:
        from itil_gate.signing.statement import read_statement  # noqa: PLC0415 - where one is

        if _is_review(said):
            return "nobody signed the review itself: it is as the recorder read it on the forge"
        fact = read_statement(str(said.get("path", "")), str(said.get("text", "")).encode())
        if fact.status != "good":
            return f"the statement itself is NOT PROVED: {fact.status} {fact.detail}".rstrip()
        return f"the statement itself is signed by {self._whose(fact.fingerprint)}"

    def _whose(self, fingerprint: str | None) -> str:
        person = self._roster.by_key.get(fingerprint or "")
        return f"{fingerprint}, {person.id if person else 'nobody in people.yaml now'}"

    def _versions(self, change: str) -> Iterator[Told]:
        """Yield each version of the request: in decisions, and in the target's history."""
        for entry in self.entries:
            for source in entry.predicate.get("itilGate", {}).get("requests", ()):
                if _stem(str(source.get("path", ""))) == change:
                    data = str(source.get("text", "")).encode()
                    self.requests.setdefault(hashlib.sha256(data).hexdigest(), data)
        for path in self._paths(change):
            done = self._view.git(
                *("log", "--full-history", f"--max-count={MOST_VERSIONS}", "--format=%H"),
                *("--end-of-options", self._tip, "--", path),
            )
            last = ""
            for commit in reversed(done.out.decode("ascii").split()):
                told = self._version(commit, path)
                # A merge brings what its branch had; only what differs is another version.
                if told is not None and told.digest != last:
                    last = told.digest
                    yield told

    def _paths(self, change: str) -> tuple[str, ...]:
        found = ls_tree(self._view, self._tip, [self._config.locations.changes])
        return tuple(entry.path for entry in found if _stem(entry.path) == change)

    def _version(self, commit: str, path: str) -> Told | None:
        data = blob_at(self._view, commit, path)
        if data is None:
            return None
        mark = hashlib.sha256(data).hexdigest()
        self.requests.setdefault(mark, data)
        who = who_of(self._view.read(commit, limit=LIMIT), self._roster)
        signed = f"signature of the commit: {who.status}"
        if who.status == "good":
            signed = f"the commit is signed by {self._whose(who.fingerprint)}"
        return Told(
            at=who.at,
            kind="request",
            what=f"{path} as of commit {commit[:12]}, by {who.author} <{who.author_email}>",
            lines=tuple(_summary(data, path)),
            digest=f"sha256:{mark}",
            proof=f"a git object on the target; its date is what the commit says; {signed}",
        )

    def _uncopied(self) -> Iterator[Told]:
        """Yield statements on the approvals branch that the log has not copied."""
        copied = {str(one.predicate.get("statement")) for one in self.entries}
        for fact in self.statements:
            if fact.digest in copied:
                continue
            predicate = fact.approval
            verdict = predicate.verdict if predicate else "statement"
            yield Told(
                at=predicate.issued_at if predicate else None,
                kind="statement",
                what=f"{verdict} {fact.path}, which no recorded decision has seen",
                digest=f"sha256:{fact.digest}",
                proof=f"signed by {self._whose(fact.fingerprint)}"
                if fact.status == "good"
                else f"NOT PROVED: {fact.status} {fact.detail}".rstrip(),
            )

    def _missing(self) -> Iterator[str]:
        kinds = {entry.kind for entry in self.entries if entry.believed}
        for kind, text in _EXPECTED:
            if kind not in kinds:
                yield text
        yield from self._unended()
        held = {fact.digest for fact in self.statements}
        for entry in self.entries:
            if not entry.believed:
                yield f"entry {entry.index} is signed by no key that is pinned for it"
            copied = entry.kind == "approval" and not _is_review(entry.predicate)
            if copied and str(entry.predicate.get("statement")) not in held:
                yield f"the statement that entry {entry.index} copied is on no approvals branch"
        if not self.requests:
            yield "no version of its request is in the log or on the target"

    def _unended(self) -> Iterator[str]:
        ended = {str(one.predicate.get("nonce")) for one in self.entries if one.kind == "outcome"}
        met = {str(one.predicate.get("id")) for one in self.entries if one.kind == "obligation-met"}
        for entry in self.entries:
            said = entry.predicate
            if entry.kind == "release-record" and str(said.get("nonce")) not in ended:
                yield f"how release {said.get('nonce')} ended is not recorded"
            if entry.kind == "obligation" and str(said.get("id")) not in met:
                yield f"obligation {said.get('id')} ({said.get('duty')}) is open"


def about(
    reader: LogReader, change: str, *, progress: Callable[[int], None] | None = None
) -> Iterator[Entry]:
    """Yield the entries about a change, oldest first, in one pass over the log.

    What concerns a release, an update or an obligation of it is about it too.
    """
    known: set[str] = set()
    indices: set[int] = set()
    low = 0
    while low < reader.size:
        high = min(reader.size, low + 64)
        for entry in reader.entries(range(low, high)):
            if entry.statement is None:
                continue
            if _names(entry, change, known, indices):
                indices.add(entry.index)
                known |= {
                    str(entry.predicate[key]) for key in ("nonce", "id") if key in entry.predicate
                }
                known |= _reviews_heard(entry, change)
                yield entry
        low = high
        if progress is not None:
            progress(low)


def _names(entry: Entry, change: str, known: set[str], indices: set[int]) -> bool:
    said = entry.predicate
    ours = said.get("itilGate")
    parts = [said, *(part for part in (ours or {}).values() if isinstance(part, dict))]
    for part in parts:
        if change in map(_id, _listed(part.get("changes"))) or part.get("change") == change:
            return True
    if entry.kind in _COPIES:
        if _is_review(said):
            return str(said.get("statement")) in known
        path = str(said.get("path", ""))
        return path.startswith(f"{change}/") or json.dumps(change) in str(said.get("text", ""))
    if entry.kind in ("outcome", "obligation-met"):
        return bool({str(said.get("nonce")), str(said.get("id"))} & known)
    refers = (said.get("corrects"), said.get("entry"), said.get("source"))
    return any(isinstance(one, int) and one in indices for one in refers)


def _is_review(said: Mapping[str, Any]) -> bool:
    return str(said.get("path", "")).startswith(f"{REVIEW_FOLDER}/")


def _reviews_heard(entry: Entry, change: str) -> set[str]:
    """Return the digests of the reviews that a decision about a change heard."""
    decision = (entry.predicate.get("itilGate") or {}).get("decision") or {}
    return {
        str(one.get("digest"))
        for verdict in _listed(decision.get("changes"))
        if _id(verdict) == change
        for one in _listed(verdict.get("ledger"))
        if one.get("rank") == "forge-review"
    }


def _decision(said: Mapping[str, Any], change: str) -> tuple[str, list[str]]:
    ours = said.get("itilGate", {})
    if "deploy" in ours:
        deploy = ours["deploy"]
        what = f"deploy gate: {deploy.get('outcome')} to {deploy.get('environment')}"
        failed = [one for one in _listed(deploy.get("reasons")) if not one.get("passed")]
        lines = [f"{one.get('rule')}: {one.get('message')}" for one in failed]
        return f"{what} of {str(deploy.get('commit'))[:12]} ({deploy.get('nonce')})", lines
    decision = ours.get("decision", {})
    changes = _listed(decision.get("changes"))
    mine: Any = next((one for one in changes if _id(one) == change), {})
    risk = mine.get("risk", {})
    what = (
        f"merge gate: {decision.get('outcome')}, risk {risk.get('level')}, "
        f"lane {mine.get('lane')}, "
        f"head {str(decision.get('head'))[:12]} into {decision.get('target')}"
    )
    lines = [f"request sha256:{mine['digest']}"] if "digest" in mine else []
    lines += [
        f"risk {one.get('level')}: {one.get('reason')}"
        for one in _listed(risk.get("contributions"))
        if one.get("reason")
    ]
    for rule in (*_listed(decision.get("rules")), *_listed(mine.get("rules"))):
        for finding in _listed(rule.get("findings")):
            lines.append(f"{rule.get('rule')} {rule.get('state')}: {finding.get('message')}")
    for one in _listed(mine.get("ledger")):
        counted = "COUNTED" if one.get("counted") else "NOT COUNTED"
        roles = ", ".join(map(str, _listed(one.get("roles"))))
        held = f" as {roles}" if roles else ""
        detail = f": {one.get('detail')}" if one.get("detail") else ""
        lines.append(
            f"{one.get('verdict')} of {one.get('person') or 'nobody known'}{held} {counted}, "
            f"{one.get('code')}{detail} (sha256:{one.get('digest')})"
        )
    return what, lines


def _update(said: Mapping[str, Any], _change: str) -> tuple[str, list[str]]:
    span = f"{str(said.get('before'))[:12]}..{str(said.get('after'))[:12]}"
    what = f"landed {said.get('standing')} on {said.get('ref')} as {span}"
    lines = [str(said.get("reason", ""))]
    if said.get("decision") is not None:
        lines.append(f"rests on entry {said['decision']} by {said.get('proof')}")
    return what, lines


def _copy(said: Mapping[str, Any], _change: str) -> tuple[str, list[str]]:
    text = str(said.get("text", "")).partition("\n")[0]
    try:
        statement = json.loads(text)
        predicate = statement.get("predicate", {})
    except (ValueError, AttributeError):
        predicate = {}
    verdict = predicate.get("verdict") or "statement"
    if _is_review(said):
        verdict = f"review ({_review_state(text)})"
    roles = ", ".join(map(str, _listed(said.get("roles")))) or "no role"
    lines = [f"held then: {roles}", f"file: {said.get('path')}"]
    if predicate.get("reason"):
        lines.append(f"reason: {predicate['reason']}")
    return f"{verdict} by {said.get('person') or 'nobody known'}", lines


def _review_state(text: str) -> str:
    try:
        review = Review.model_validate_json(text)
    except ValueError:
        return "it cannot be read"
    dismissed = ", dismissed" if review.dismissed else ""
    return f"{review.state}{dismissed}, by account {review.account} of {review.forge}"


def _release(said: Mapping[str, Any], _change: str) -> tuple[str, list[str]]:
    what = (
        f"release {said.get('nonce')} to {said.get('environment')} begun by {said.get('deployer')}"
    )
    lines = [
        f"commit {said.get('commit')}",
        f"artefact {said.get('artifact')}, {said.get('provenance')}",
        f"rests on entry {said.get('decision')}",
    ]
    return what, lines


def _outcome(said: Mapping[str, Any], _change: str) -> tuple[str, list[str]]:
    lines = [f"from {said.get('startedAt')} to {said.get('finishedAt')}"]
    lines += [
        f"incident {one.get('id')} {one.get('severity') or ''}".rstrip()
        for one in _listed(said.get("incidents"))
    ]
    if said.get("remarks"):
        lines.append(str(said["remarks"]))
    return f"release {said.get('nonce')} ended: {said.get('outcome')}", lines


def _obligation(said: Mapping[str, Any], _change: str) -> tuple[str, list[str]]:
    what = f"{said.get('owner')} owes a {said.get('duty')} until {said.get('due')}"
    return what, [str(said.get("because", "")), f"brought about by entry {said.get('source')}"]


def _met(said: Mapping[str, Any], _change: str) -> tuple[str, list[str]]:
    what = f"obligation of entry {said.get('obligation')} met by {said.get('by')}"
    return what, [f"evidence: {said.get('evidence')}"]


def _plain(said: Mapping[str, Any], _change: str) -> tuple[str, list[str]]:
    lines = [f"{key}: {value}" for key, value in said.items() if isinstance(value, (str, int))]
    return "", lines


_TELLERS: dict[str, Callable[[Mapping[str, Any], str], tuple[str, list[str]]]] = {
    "gate-decision": _decision,
    "ref-update": _update,
    "approval": _copy,
    "override": _copy,
    "release-record": _release,
    "outcome": _outcome,
    "obligation": _obligation,
    "obligation-met": _met,
}
_TIMES = (
    *("timeVerified", "recordedAt", "startedAt", "openedAt", "metAt", "issuedAt", "revokedAt"),
)


def _when(said: Mapping[str, Any]) -> datetime | None:
    for key in _TIMES:
        try:
            when = datetime.fromisoformat(str(said[key]))
        except (KeyError, ValueError):
            continue
        return when if when.tzinfo else when.replace(tzinfo=UTC)
    return None


def _summary(data: bytes, path: str) -> Iterator[str]:
    try:
        text = decode(data, file=path)
    except SourceError as error:
        yield f"it cannot be read: {error.message}"
        return
    lines = text.splitlines()
    yield f"{len(lines)} lines; the folder and JSON have all of it"


def _stem(path: str) -> str:
    name = path.rpartition("/")[2]
    ending = next((one for one in _ENDINGS if name.endswith(one)), "")
    return name.removesuffix(ending) if ending else ""


def _id(one: Any) -> str:
    return str(one.get("id", "")) if isinstance(one, dict) else str(one)


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else ()
