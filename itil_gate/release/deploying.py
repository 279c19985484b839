"""Gather what the deploy gate asks about, and make the records of an attempt.

Everything comes from three places: the log, proved under its checkpoint; the target's history, by
its first parents; and the judge's data at the target's tip, with each request as the last
authorised update left it. Nothing is fetched here, so a release can be judged offline.
"""

from __future__ import annotations

import hashlib
import json
import re
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from itil_gate.decide.deploy import judge_release
from itil_gate.decide.deploy_facts import (
    Attempt,
    DeployFacts,
    Landed,
    Released,
    brought_before,
    changing,
    in_force,
)
from itil_gate.decide.gate import read_requests
from itil_gate.gather.landing import first_parents, holds, lies_on_line
from itil_gate.gather.pinned import proved_reader
from itil_gate.gather.recorded import refuse_rewound, refuse_unaccounted
from itil_gate.gather.resting import WELL, fits
from itil_gate.gather.sources import read_judge, read_sources
from itil_gate.gather.statements import approval_tips
from itil_gate.git.diff import raw_diff
from itil_gate.git.history import is_ancestor
from itil_gate.git.tree import entry_at, tree_id
from itil_gate.model.base import Model
from itil_gate.model.canonical import digest
from itil_gate.model.errors import GateError, LogError
from itil_gate.model.frozen import frozen, replace
from itil_gate.model.record import (
    DeployDecision,
    LogOpened,
    Obligation,
    ObligationMet,
    RefUpdate,
    ReleaseOutcome,
    ReleaseRecord,
)
from itil_gate.policy.compile import compile_policies
from itil_gate.policy.places import is_request_path
from itil_gate.release.provenance import read_provenance

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from itil_gate.decide.deploy_facts import DeployFindings, Provenance
    from itil_gate.git.tree import TreeEntry
    from itil_gate.git.view import View
    from itil_gate.log.reader import Entry, LogReader
    from itil_gate.model.change import ChangeRequest
    from itil_gate.model.config import Config
    from itil_gate.model.facts import StatementFact
    from itil_gate.model.policy import PolicySet

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_BLOCK = 1 << 20
KINDS = (
    *("log-opened", "ref-update", "release-record", "outcome"),
    *("obligation", "obligation-met"),
)
"""Entries that the deploy gate reads."""
M = TypeVar("M", bound=Model)


@frozen
class Known:
    """What the log says about a branch, its releases, and what is owed; oldest first."""

    adopted: str
    updates: tuple[Landed, ...]
    releases: tuple[Released, ...]
    debts: tuple[Obligation, ...]

    def release(self, nonce: str) -> Released:
        """Return a release by its number. Raises GateError `no-such-release`."""
        for one in self.releases:
            if one.record.nonce == nonce:
                return one
        raise GateError(
            "no-such-release",
            f"the log holds no release {nonce}",
            hint="`itil-gate log show` lists them; `release start` prints the number",
        )


@frozen
class Examined:
    """An attempt with everything that was found about it."""

    decision: DeployDecision
    findings: DeployFindings
    facts: DeployFacts
    policies: PolicySet
    judge: str
    """Digest of the judge's data."""
    overrides: tuple[StatementFact, ...] = ()
    """The override statements that name the commit, whether they count or not."""


def known_of(reader: LogReader, ref: str, *, held: bool = False) -> Known:
    """Return what the log says, from its newest entry back to its first.

    With `held`, an update that no release brought yet, and that rests on no decision of the log, is
    not authorised, whatever its entry says; and another branch than the one the log was opened for
    has the updates of that one too, for its line begins as part of it. Raises LogError
    `entry-malformed` for a believed entry that this version cannot read, and `log-not-opened` where
    the first entry is missing.
    """
    updates: list[tuple[Entry, RefUpdate]] = []
    records: list[tuple[int, ReleaseRecord]] = []
    outcomes: dict[str, str] = {}
    owed: list[Obligation] = []
    met: set[str] = set()
    for entry in reader.backwards(kinds=KINDS):
        if entry.statement is None or not entry.believed:
            continue
        match entry.kind:
            case "ref-update":
                if held or entry.predicate.get("ref") == ref:
                    updates.append((entry, _as(entry, RefUpdate)))
            case "release-record":
                records.append((entry.index, _as(entry, ReleaseRecord)))
            case "outcome":
                ended = _as(entry, ReleaseOutcome)
                outcomes.setdefault(ended.nonce, ended.outcome)
            case "obligation":
                owed.append(_as(entry, Obligation))
            case "obligation-met":
                met.add(_as(entry, ObligationMet).id)
            case "log-opened" if entry.index == 0:
                opened = _as(entry, LogOpened)
                oldest_first = _on_lines(updates[::-1], ref, home=opened.target)
                return Known(
                    adopted=opened.adopted,
                    updates=_resting(reader, oldest_first, [record for _, record in records])
                    if held
                    else tuple(Landed(entry.index, update) for entry, update in oldest_first),
                    releases=tuple(
                        Released(index, record, outcomes.get(record.nonce))
                        for index, record in reversed(records)
                    ),
                    debts=tuple(one for one in reversed(owed) if one.id not in met),
                )
            case _:
                pass
    raise LogError("log-not-opened", "the first entry of the log is missing or not believed")


def _on_lines(
    found: Sequence[tuple[Entry, RefUpdate]], ref: str, *, home: str
) -> list[tuple[Entry, RefUpdate]]:
    """Return the updates of a branch, with those of the one the log was opened for.

    How that one was moved back to where it had stood is no matter of the other.
    """
    kept: list[tuple[Entry, RefUpdate]] = []
    stood: set[str] = set()
    for entry, update in found:
        if update.ref == ref:
            kept.append((entry, update))
        elif update.ref == home:
            if update.after not in stood or update.correction is not None:
                kept.append((entry, update))
            stood.update((update.before, update.after))
    return kept


def _resting(
    reader: LogReader,
    found: Sequence[tuple[Entry, RefUpdate]],
    released: Sequence[ReleaseRecord],
) -> tuple[Landed, ...]:
    """Return updates as they stand: what says that it was let in must name by which decision."""
    asked = {index for record in released for index in record.updates}
    landed = []
    for entry, update in found:
        said = update
        if update.standing in WELL and entry.index not in asked and not fits(reader, entry):
            edits = {
                "standing": "unauthorised",
                "reason": f"it is recorded as {update.standing}, and no decision of the log that "
                "stands before it says so",
            }
            said = update.model_copy(update=edits)
        landed.append(Landed(entry.index, said))
    return tuple(landed)


def examine(
    view: View,
    *,
    target: str,
    tip: str,
    attempt: Attempt,
    known: Known,
    nonce: str,
    deployer: str,
    provenance: bytes | None = None,
    overrides: Sequence[StatementFact] | None = None,
) -> Examined:
    """Return what the deploy gate says about an attempt.

    Where something speaks against it, `overrides` are heard; None reads those that name the commit
    from the approvals branch. Policies are read at `tip`, the tip of the target; whether they may
    judge is for `account_of` to say.
    Raises HistoryError where history does not suffice, and ConfigError where the judge's data do
    not load.
    """
    sources = read_judge(view, tip)
    policies = compile_policies(sources)
    proved = None
    if provenance is not None:
        proved = read_provenance(
            provenance,
            policies.config,
            roots={source.path: source.text for source in sources},
            wanted=(attempt.artifact, attempt.commit),
        )
    facts = _facts(view, policies, tip=tip, attempt=attempt, known=known, provenance=proved)
    found = judge_release(facts, policies)
    before = in_force(facts.releases, attempt.environment)
    decision = DeployDecision(
        repository=policies.config.repository,
        nonce=nonce,
        environment=attempt.environment,
        commit=attempt.commit,
        artifact=attempt.artifact,
        target=target,
        tip=tip,
        now=attempt.now,
        deployer=deployer,
        outcome="deny" if found.failed else "allow",
        backout=attempt.backout,
        previous=before.index if before else None,
        updates=found.updates,
        changes=found.changes,
        reasons=found.reasons,
    )
    examined = Examined(decision, found, facts, policies, digest(sources))
    return _overridden(view, examined, overrides) if found.failed else examined


def _overridden(
    view: View, examined: Examined, overrides: Sequence[StatementFact] | None
) -> Examined:
    """Return a denied attempt with the overrides that name it heard."""
    from itil_gate.release.overriding import (  # noqa: PLC0415 - most releases need none
        hear_release,
        overrides_of,
        with_overrides,
    )

    decision = examined.decision
    given = tuple(overrides_of(view, decision.commit) if overrides is None else overrides)
    if not given:
        return examined
    entries = hear_release(
        view,
        given,
        facts=examined.facts,
        found=examined.findings,
        policies=examined.policies,
        target=decision.target,
    )
    return replace(examined, decision=with_overrides(decision, entries), overrides=given)


def account_of(
    view: View, config: Config, reader: LogReader, attempt: Attempt, *, target: str, tip: str
) -> Known:
    """Return what the log says about a branch, under keys and to policies that were let in.

    `config` is that of the target's `tip`. Policies that came without authority judge nothing. The
    way back needs none of them: it asks the log and the target's line only, and a push to the
    policies must not hold it up. Raises HistoryError as `refuse_unrecorded` does, and LogError as
    `known_of`.
    """
    proved = proved_reader(view, config, reader, target=target)
    if not attempt.backout:
        tips = approval_tips(view)
        if tips:  # without the branch there is nothing on it that could count
            refuse_rewound(view, proved, tips)
        refuse_unaccounted(view, config, proved, target=target, tip=tip)
    return held_of(view, proved, target)


def held_of(view: View, reader: LogReader, ref: str) -> Known:
    """Return what the log says of a branch, as far as its decisions and this clone bear it out.

    Raises LogError as `known_of`.
    """
    known = known_of(reader, ref, held=True)
    return replace(known, updates=tuple(_as_it_is(view, one) for one in known.updates))


def _as_it_is(view: View, landed: Landed) -> Landed:
    """Return an update that says it changes nothing as unauthorised, if that is not so here."""
    update = landed.update
    if update.standing != "unchanged":
        return landed
    ends = (update.before, update.after)
    if all(holds(view, one) for one in ends) and len({tree_id(view, one) for one in ends}) == 1:
        return landed
    reason = "it is recorded as unchanged, and its commits are not here with the same files"
    edits = {"standing": "unauthorised", "reason": reason}
    return replace(landed, update=update.model_copy(update=edits))


def record_of(
    examined: Examined,
    *,
    index: int,
    purl: str | None,
    overridden_by: int | None = None,
    tag: str | None = None,
) -> ReleaseRecord:
    """Return the record of a release that was let begin; `index` is the entry of its decision.

    `overridden_by` is the entry of the override that stood in, `tag` the name of its tag.
    """
    decision, facts = examined.decision, examined.facts
    taken_away: tuple[int, ...] = ()
    if decision.backout and facts.backward:
        steps = {after for _, after in facts.steps}
        taken_away = tuple(one.index for one in facts.updates if one.update.after in steps)
    windows = examined.findings.windows
    attested = facts.provenance is not None and not facts.provenance.fault
    return ReleaseRecord(
        repository=decision.repository,
        nonce=decision.nonce,
        environment=decision.environment,
        commit=decision.commit,
        artifact=decision.artifact,
        purl=purl,
        provenance="attested" if attested else "asserted",
        previous=decision.previous,
        updates=decision.updates,
        backs_out=taken_away,
        changes=decision.changes,
        window_start=min((one.start for one in windows), default=None),
        window_end=max((one.end for one in windows), default=None),
        overridden_by=overridden_by,
        deployer=decision.deployer,
        started_at=decision.now,
        decision=index,
        tag=tag,
    )


def is_digest(text: str) -> bool:
    """Tell whether an artefact is named by its digest, and not by its file."""
    return _DIGEST.fullmatch(text) is not None


def artifact_digest(text: str, *, file: Path) -> str:
    """Return the digest that an artefact is named by: as it is, or made of the file's bytes.

    Raises GateError `bad-artifact` for what is neither.
    """
    if is_digest(text):
        return text
    try:
        with file.open("rb") as stream:
            hashed = hashlib.sha256()
            while block := stream.read(_BLOCK):
                hashed.update(block)
    except OSError as error:
        raise GateError(
            "bad-artifact",
            f"{text} is neither a digest nor a file that can be read: {error.strerror}",
            hint="write sha256: and 64 hexadecimal digits, or the path of the file",
        ) from error
    return f"sha256:{hashed.hexdigest()}"


def _facts(
    view: View,
    policies: PolicySet,
    *,
    tip: str,
    attempt: Attempt,
    known: Known,
    provenance: Provenance | None,
) -> DeployFacts:
    kept = lies_on_line(view, known.adopted, attempt.commit)
    on_target = kept and lies_on_line(view, attempt.commit, tip)
    before = in_force(known.releases, attempt.environment)
    start = before.record.commit if before else known.adopted
    pairs: tuple[tuple[str, str], ...] = ()
    backward = forward = False
    if on_target and start != attempt.commit:
        forward = is_ancestor(view, start, attempt.commit)
        backward = is_ancestor(view, attempt.commit, start)
        first, last = (attempt.commit, start) if backward else (start, attempt.commit)
        steps = first_parents(view, first, last)
        if steps is None:
            # What runs there is not on the target's line: everything since adoption is asked about.
            first, backward = known.adopted, False
            steps = first_parents(view, first, attempt.commit)
        if steps is None:  # pragma: no cover - the line was followed above
            raise TypeError(attempt.commit)
        pairs = tuple(pairwise((first, *steps)))
    ends = {after for _, after in pairs}
    within = [one.update for one in known.updates if one.update.after in ends]
    again: tuple[Landed, ...] = ()
    if on_target and ends <= {one.after for one in within} and not changing(within):
        again = brought_before(attempt, known.releases, known.updates)
    brought = (*within, *(one.update for one in again))
    names = {name for update in brought for name in update.changes}
    paths = {*_paths(view, pairs), *(path for one in again for path in _touched(view, one.update))}
    return DeployFacts(
        attempt=attempt,
        on_target=on_target,
        lost=None if kept else known.adopted,
        steps=pairs,
        backward=backward,
        forward=forward,
        updates=known.updates,
        releases=known.releases,
        requests=_requests(view, policies.config, updates=known.updates, tip=tip, names=names),
        paths=tuple(sorted(paths)),
        provenance=provenance,
        debts=known.debts,
        again=again,
    )


def _requests(
    view: View, config: Config, *, updates: Sequence[Landed], tip: str, names: Collection[str]
) -> tuple[ChangeRequest, ...]:
    """Return the requests of these changes as the last authorised update of each left them.

    What stands at the tip may have been pushed there by whoever wanted another window.
    """
    found: dict[str, list[TreeEntry]] = {}
    settled = {(one.update.before, one.update.after): one.update for one in updates}
    for update in reversed(list(settled.values())):
        if len(found) == len(names):
            break
        if update.standing not in WELL:
            continue
        paths = [path for path in _touched(view, update) if is_request_path(config, path)]
        mine = {path: name for path in paths if (name := _stem(path)) in names - found.keys()}
        if mine and lies_on_line(view, update.after, tip):
            for path, name in sorted(mine.items()):
                entry = entry_at(view, update.after, path)
                there = entry is not None and entry.is_file and entry.path == path
                found.setdefault(name, []).extend([entry] if entry and there else [])
    entries = [entry for some in found.values() for entry in some]
    asked, _ = read_requests(read_sources(view, entries))
    return tuple(one.change for one in asked)


def _touched(view: View, update: RefUpdate) -> tuple[str, ...]:
    """Return the paths of an update; one that was corrected has no list of what was authorised."""
    if update.manifest:
        return tuple(one.path for one in update.manifest)
    return _paths(view, [(update.before, update.after)])


def _stem(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[0]


def _paths(view: View, pairs: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    if not pairs:
        return ()
    diff = raw_diff(view, tree_id(view, pairs[0][0]), tree_id(view, pairs[-1][1]))
    return tuple(entry.path for entry in diff)


def _as(entry: Entry, model: type[M]) -> M:
    try:
        return model.model_validate_json(json.dumps(entry.predicate))
    except ValidationError as error:
        raise LogError(
            "entry-malformed",
            f"entry {entry.index} is not as this version writes it",
            hint="use the version that wrote the log, or a later one",
        ) from error
