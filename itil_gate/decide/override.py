"""Break-glass: whether a signed override stands in for what is not satisfied, and for what not.

An override bends what policy asks. It never bends what the gate cannot read, cannot tell apart or
would not survive: those say that the thing is not what it is said to be. What it bends stays in
the decision with its findings. Only structured statements are read here; no comment, label or
trailer overrides anything.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from itil_gate.decide.chains import Link, resolve
from itil_gate.decide.coverage import NO_SERVICE, answerable, scope_paths
from itil_gate.model.decision import OverrideEntry
from itil_gate.model.frozen import frozen
from itil_gate.reading.globs import GlobError, compile_globs
from itil_gate.reading.times import length

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from itil_gate.decide.matter import Asked, Bench
    from itil_gate.decide.roster import Roster
    from itil_gate.model.config import Override
    from itil_gate.model.decision import ChangeVerdict, Decision, RuleState
    from itil_gate.model.facts import Facts, StatementFact
    from itil_gate.model.finding import Finding
    from itil_gate.model.statement import OverridePredicate

CLOCK_SKEW = timedelta(minutes=5)
UNBENDING = frozenset(
    {
        *("empty-change", "merge-conflict", "closed-pull-request", "proposed-policy-invalid"),
        *("invalid-request", "irregular-request", "duplicate-change"),
    }
)
"""Rules of the merge gate that no override bends: nobody could say what would land, or as what.

Nor is anything bent that keeps a request or proposed policies from being read, by whatever rule.
"""
FAILING = frozenset({"UNSATISFIED", "PENDING", "ERROR"})
SHOWN = 5


@frozen
class Glass:
    """What an override would have to stand in for, and who may sign one."""

    stage: str
    bound: tuple[str, ...]
    """The head; or commit and environment."""
    repository: str
    target: str
    now: datetime
    terms: Override | None
    """What the target says about overrides; None if nobody may."""
    roster: Roster
    part: Callable[[str], tuple[str, ...]]
    """Why a person counts as having taken part; nothing if they do not."""
    services: tuple[str, ...]
    """For which the role must be held, NO_SERVICE among them; for all services where empty."""
    changes: frozenset[str]
    uncovered: Callable[[OverridePredicate], tuple[str, ...]]
    """What an override would have to cover beside what it does."""
    unbending: tuple[str, ...]
    """Rules that fail and that no override bends."""
    failing: bool
    """Whether anything fails at all."""


def hear(statements: Sequence[StatementFact], glass: Glass) -> tuple[OverrideEntry, ...]:
    """Return an entry for every override, sorted by digest; those counted stand in."""
    found: list[OverrideEntry] = []
    by_person: dict[str, list[StatementFact]] = {}
    for item in sorted(statements, key=lambda one: (one.digest, one.path)):
        refused = _not_about_this(item, glass)
        if refused is not None:
            found.append(refused)
        elif item.override is not None:
            by_person.setdefault(item.override.signer, []).append(item)
    for person, items in sorted(by_person.items()):
        chain = resolve(
            [
                Link(item.digest, "approve", item.override.previous)
                for item in items
                if item.override is not None
            ]
        )
        for item in items:
            if item.digest in chain.standing:
                found.append(_judged(item, person, glass))
            else:
                code = chain.void[item.digest]
                found.append(_entry(item, person, code, _VOID[code]))
    return tuple(sorted(found, key=lambda one: one.digest))


_VOID = {
    "superseded": "a later override of the same person stands instead",
    "missing-predecessor": "an override it follows is missing, or a later one is",
    "forked": "the signer made two overrides side by side",
}


def with_overrides(
    decision: Decision,
    *,
    facts: Facts,
    bench: Bench,
    asked: Sequence[Asked],
    unreadable: Sequence[Finding],
) -> Decision:
    """Return a decision with what its overrides make of it; never `allow` where it was not.

    `bench` is that of the target's policies, `asked` are the requests that were judged, and
    `unreadable` is what kept others, or proposed policies, from being read.
    """
    firm = UNBENDING | {
        found.rule
        for found in unreadable
        if found.effect != "advise" and found.rule != "forge-not-asked"
    }
    failing = [
        state
        for state in (
            *decision.rules,
            *(rule for change in decision.changes for rule in change.rules),
        )
        if state.state in FAILING
    ]
    config, people = bench.policies.config, bench.contributors
    requesters = {change.requester for change in decision.changes}

    def part(person: str) -> tuple[str, ...]:
        asks = ("requester",) if person in requesters else ()
        return (*asks, *people.reasons(person))

    entries = hear(
        facts.overrides,
        Glass(
            stage="merge",
            bound=(facts.head,),
            repository=config.repository,
            target=facts.target,
            now=facts.now,
            terms=config.override,
            roster=bench.roster,
            part=part,
            services=tuple(
                sorted(
                    # What a request names is asked for beside what it touches, never instead.
                    answerable(bench.territory.governed, bench.policies.services).union(
                        *(change.services for change in decision.changes)
                    )
                )
            ),
            changes=frozenset(change.id for change in decision.changes),
            uncovered=lambda said: _uncovered(said, bench=bench, asked=asked),
            unbending=tuple(dict.fromkeys(state.rule for state in failing if state.rule in firm)),
            failing=decision.outcome in ("deny", "pending"),
        ),
    )
    heard = decision.model_copy(update={"overrides": entries})
    if not any(entry.counted for entry in entries):
        return heard
    return heard.model_copy(
        update={
            "outcome": "overridden",
            "changes": tuple(map(_bent_change, decision.changes)),
            "rules": tuple(map(_bent, decision.rules)),
            "unblock": (),
        }
    )


def _bent_change(change: ChangeVerdict) -> ChangeVerdict:
    if change.outcome not in ("deny", "pending"):
        return change
    return change.model_copy(
        update={
            "outcome": "overridden",
            "rules": tuple(map(_bent, change.rules)),
            "requirements": tuple(
                one.model_copy(update={"state": "OVERRIDDEN"}) if one.state in FAILING else one
                for one in change.requirements
            ),
        }
    )


def _bent(state: RuleState) -> RuleState:
    return state.model_copy(update={"state": "OVERRIDDEN"}) if state.state in FAILING else state


def _uncovered(said: OverridePredicate, *, bench: Bench, asked: Sequence[Asked]) -> tuple[str, ...]:
    """Return the changes and paths of a merge that an override does not cover."""
    own = _globs(said)
    named = [one.change for one in asked if one.change.metadata.id in said.changes]
    scopes = [compile_globs(change.spec.scope) for change in named]
    bare = [
        path
        for path in bench.territory.governed
        if not own(path) and not any(holds(path) for holds in scopes)
    ]
    bare += [
        entry.path
        for entry in bench.territory.requests
        if not own(entry.path) and _stem(entry.path) not in said.changes
    ]
    for one in asked:
        name = one.change.metadata.id
        if name in said.changes:
            continue
        paths = scope_paths(one.change, bench.territory)
        if not paths or not all(own(path) for path in paths):
            bare.append(name)
    return tuple(dict.fromkeys(bare))


def scope_of(said: OverridePredicate) -> Callable[[str], bool]:
    """Return whether a path lies in the scope of an override; nothing does if it is unreadable."""
    return _globs(said)


def _globs(said: OverridePredicate) -> Callable[[str], bool]:
    try:
        return compile_globs(said.scope)
    except GlobError:
        return lambda _path: False


def _stem(path: str) -> str:
    """Return the id that a request file has to be named by."""
    return path.rpartition("/")[2].rpartition(".")[0]


def _not_about_this(item: StatementFact, glass: Glass) -> OverrideEntry | None:
    """Return why a statement cannot bear on this at all, or None if it does."""
    said = item.override
    if item.status != "good" or said is None:
        code: str = item.status if item.status != "good" else "malformed"
        return OverrideEntry(digest=item.digest, counted=False, code=code, detail=item.detail)
    person = glass.roster.by_key.get(item.fingerprint or "")
    if person is None:
        detail = f"the key {item.fingerprint} belongs to nobody in people.yaml"
        return _entry(item, None, "unknown-key", detail)
    if person.id != said.signer:
        detail = f"it speaks for {said.signer}, but the key belongs to {person.id}"
        return _entry(item, person.id, "signer-mismatch", detail)
    bound = " in ".join(filter(None, (said.head, said.commit, said.environment)))
    wanted = " in ".join(glass.bound)
    for code, is_about, is_here in (
        ("not-this-repository", said.repository, glass.repository),
        ("not-this-target", said.target, glass.target),
        ("not-this-stage", f"the {said.stage} gate", f"the {glass.stage} gate"),
        ("not-this-head" if glass.stage == "merge" else "not-this-release", bound, wanted),
    ):
        if is_about != is_here:
            detail = f"it is about {is_about}, not {is_here}"
            return _entry(item, person.id, code, detail)
    return None


def _judged(item: StatementFact, person: str, glass: Glass) -> OverrideEntry:
    """Judge an override that is its signer's latest word about this."""
    said = item.override
    if said is None:  # pragma: no cover - such statements never reach a chain
        raise TypeError(item.path)
    refused = _barred(said, person, glass)
    if refused is not None:
        return _entry(item, person, *refused)
    if not glass.failing:
        return _entry(item, person, "not-needed", "nothing is left that it would have to bend")
    missing = glass.uncovered(said)
    if missing:
        code = "not-covering"
        if not said.scope and glass.changes.isdisjoint(said.changes):
            code = "not-this-change"
        more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
        detail = f"it does not cover {', '.join(missing[:SHOWN])}{more}"
        return _entry(item, person, code, detail)
    if glass.unbending:
        detail = f"no override bends {', '.join(glass.unbending)}"
        return _entry(item, person, "cannot-bend", detail)
    entry = _entry(item, person, "overrides", "it stands in for what is not satisfied")
    return entry.model_copy(update={"counted": True})


def _barred(said: OverridePredicate, person: str, glass: Glass) -> tuple[str, str] | None:
    """Return code and detail of what keeps this person or this moment from counting."""
    terms, now = glass.terms, glass.now
    if terms is None:
        return "switched-off", "itil-gate.yaml on the target has no section override"
    kind = glass.roster.persons[person].kind
    if kind != "human":
        return kind, f"{person} is a {kind}; only humans override"
    lacking = [
        name
        for name in glass.services or (NO_SERVICE,)
        if person not in glass.roster.holders(terms.role, service=name, now=now)
    ]
    if lacking:
        where = ", ".join(name or "all services, and paths of none change" for name in lacking)
        return "role-not-held", f"{person} does not hold {terms.role} for {where} now"
    if not terms.own_changes and (reasons := glass.part(person)):
        return "own-change", f"{'; '.join(reasons)}; the target forbids overriding for oneself"
    if said.issued_at > now + CLOCK_SKEW:
        return "issued-in-future", f"issued at {said.issued_at:%Y-%m-%d %H:%M}Z, after now"
    if said.expires_at - said.issued_at > length(terms.max_age):
        return "too-long", f"it would be good for longer than {terms.max_age}"
    if said.expires_at <= now:
        return "expired", f"it was good until {said.expires_at:%Y-%m-%d %H:%M}Z"
    return None


def _entry(item: StatementFact, person: str | None, code: str, detail: str) -> OverrideEntry:
    said = item.override
    entry = OverrideEntry(
        digest=item.digest, person=person, counted=False, code=code, detail=detail
    )
    if said is None:
        return entry
    return entry.model_copy(
        update={
            "changes": said.changes,
            "scope": said.scope,
            "reason": said.reason,
            "incident": said.incident,
            "issued_at": said.issued_at,
            "expires_at": said.expires_at,
        }
    )
