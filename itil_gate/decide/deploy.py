"""The deploy gate: whether this artefact may go into this environment now.

A pure function of what the log, the target's history and the calendars say. It asks about every
update of the target since the release that is in force there, not only about the changes that
somebody named; each question asked is answered in the result, also those that passed. Another
artefact of the commit that runs there already brings nothing of the history; the windows, freezes
and debts of what it was built from are asked about as if it came anew.

Taking an earlier release back in is always allowed: it needs no window and no approval, only that
this very artefact was released there with success before what runs there now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.decide import schedule
from itil_gate.decide.deploy_facts import (
    DeployFindings,
    Landed,
    changing,
    in_force,
)
from itil_gate.decide.deploy_steps import SHOWN, answered, moved_back, tiled
from itil_gate.decide.deploy_times import bound_here, is_urgent, scheduled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.decide.deploy_facts import Attempt, DeployFacts, Released
    from itil_gate.model.policy import PolicySet
    from itil_gate.model.record import Reason

RULES: tuple[str, ...] = (
    "unknown-environment",
    "not-on-target",
    "digest-of-another-commit",
    "provenance",
    "out-of-order",
    "unrecorded-update",
    "unauthorised-update",
    "change-not-included",
    "request-unreadable",
    "undeclared-environment",
    "outside-window",
    "in-freeze",
    "promotion-skipped",
    "obligation-overdue",
    "not-released-before",
)
"""Every rule of the deploy gate, in the order in which they are shown."""

UNBENDING = frozenset(
    {
        *("unknown-environment", "not-on-target", "digest-of-another-commit", "provenance"),
        *("not-released-before", "change-not-included"),
    }
)
"""Rules that no override bends: they say that the thing is not what it is said to be."""


def judge_release(facts: DeployFacts, policies: PolicySet) -> DeployFindings:
    """Return what the gate found about an attempt to release.

    Raises ConfigError or GateError for calendars that cannot be read.
    """
    attempt = facts.attempt
    ranges = {(one.update.before, one.update.after): one for one in facts.updates}
    tiles, gaps = tiled(facts.steps, ranges)
    moved = moved_back(facts, ranges, tiles)
    again = () if gaps or changing(one.update for one in tiles) else facts.again
    brought = (*tiles, *again)
    changes = tuple(sorted({name for one in brought for name in one.update.changes}))
    asked = [
        *_environment(attempt, policies),
        *_target(facts),
        *_digest(facts),
        *_provenance(facts, policies),
    ]
    if attempt.backout:
        asked += _released_before(facts)
        return DeployFindings(tuple(asked), (), (), ())
    asked += [
        *_order(facts),
        *_gaps(gaps),
        *_standing((*moved, *tiles), moved=bool(moved)),
        *_named(attempt, changes),
        *_readable(facts, brought),
        *_declared(facts, policies, brought),
        *scheduled(facts, policies, brought, gaps),
        *_promotion(facts, policies, tiles),
        *_debts(facts, brought),
    ]
    windows = tuple(
        interval for interval in map(schedule.window_of, bound_here(facts)) if interval is not None
    )
    updates = tuple(one.index for one in (*moved, *brought))
    return DeployFindings(tuple(asked), updates, changes, windows, gaps)


def _environment(attempt: Attempt, policies: PolicySet) -> list[Reason]:
    known = policies.config.release.environments
    fault = ""
    if known and attempt.environment not in known:
        fault = f"{attempt.environment} is not an environment of itil-gate.yaml: {', '.join(known)}"
    return [
        answered(
            "unknown-environment",
            fault,
            well=f"{attempt.environment} is an environment that the gate guards",
            remedy="name one of them, or add it to release.environments",
        )
    ]


def _target(facts: DeployFacts) -> list[Reason]:
    short = facts.attempt.commit[:12]
    fault = "" if facts.on_target else f"{short} does not lie on the history of the target branch"
    remedy = "release a commit that was merged, as the target's history names it"
    if facts.lost is not None:
        fault = (
            f"the first parents of {short} do not lead back to {facts.lost[:12]}, where the log "
            "was opened, so nobody can say what came onto the target since"
        )
        remedy = (
            "release a commit that was merged into the target; where the target itself was merged "
            "into something else, push it anew with its own line as the first parent"
        )
    return [
        answered(
            "not-on-target",
            fault,
            well=f"{short} lies on the first-parent history of the target",
            remedy=remedy,
        )
    ]


def _digest(facts: DeployFacts) -> list[Reason]:
    attempt = facts.attempt
    others = [
        one
        for one in facts.releases
        if one.record.artifact == attempt.artifact and one.record.commit != attempt.commit
    ]
    fault = ""
    if others:
        last = others[-1]
        fault = (
            f"{attempt.artifact[:19]} was released from {last.record.commit[:12]} before "
            f"(entry {last.index}), and an artefact comes from one commit only"
        )
    return [
        answered(
            "digest-of-another-commit",
            fault,
            well="no other commit is known to have given this artefact",
            remedy="release the artefact that was built from this commit",
        )
    ]


def _provenance(facts: DeployFacts, policies: PolicySet) -> list[Reason]:
    said, wanted = facts.provenance, policies.config.release.provenance
    attempt = facts.attempt
    fault = ""
    if said is not None:
        if said.fault:
            fault = said.fault
        elif attempt.artifact not in said.artifacts:
            fault = "the provenance is about another artefact"
        elif attempt.commit not in said.commits:
            fault = "the provenance says that the artefact was built from another commit"
    elif wanted == "attested":
        fault = "no provenance was given, and itil-gate.yaml asks for one"
    well = "the builder attests that the artefact comes from this commit"
    if said is None:
        well = "nobody attests where the artefact comes from; it is asserted"
    return [
        answered(
            "provenance", fault, well=well, remedy="give --provenance with a listed builder's file"
        )
    ]


def _released_before(facts: DeployFacts) -> list[Reason]:
    """Ask whether this very artefact ran there before what runs there now.

    What was released later than that is a release like any other, though it succeeded once: the
    way back out of a way back is forward.
    """
    attempt = facts.attempt
    good = [
        one
        for one in facts.releases
        if one.record.environment == attempt.environment and one.outcome == "success"
    ]
    wanted = (attempt.artifact, attempt.commit)
    earlier = [one for one in good if (one.record.artifact, one.record.commit) == wanted]
    fault = ""
    remedy = "name a release of `itil-gate log show` that succeeded there"
    if not earlier:
        fault = (
            f"{attempt.artifact[:19]} from {attempt.commit[:12]} was never released to "
            f"{attempt.environment} with success, so there is nothing to go back to"
        )
    elif (newer := _forward(facts, good, since=min(one.index for one in earlier))) is not None:
        fault = (
            f"{attempt.artifact[:19]} from {attempt.commit[:12]} is newer than what runs in "
            f"{attempt.environment} (entry {newer.index}), so that is no way back"
        )
        remedy = "release it without --backout, or name an earlier one"
    well = (
        f"it was released there with success before (entry {earlier[-1].index})" if earlier else ""
    )
    return [answered("not-released-before", fault, well=well, remedy=remedy)]


def _forward(facts: DeployFacts, good: Sequence[Released], *, since: int) -> Released | None:
    """Return what runs there if an artefact that ran there first as entry `since` is newer."""
    attempt = facts.attempt
    runs = in_force(good, attempt.environment)
    if runs is None:
        return None
    there = (runs.record.artifact, runs.record.commit)
    if there == (attempt.artifact, attempt.commit):
        return None
    first = min(one.index for one in good if (one.record.artifact, one.record.commit) == there)
    return runs if since > first or facts.forward else None


def _order(facts: DeployFacts) -> list[Reason]:
    fault = ""
    if facts.backward:
        fault = (
            f"{facts.attempt.commit[:12]} lies before what {facts.attempt.environment} runs already"
        )
    return [
        answered(
            "out-of-order",
            fault,
            well="it follows what the environment runs",
            remedy="release a later commit, or go back on purpose with --backout",
        )
    ]


def _gaps(gaps: Sequence[tuple[str, str]]) -> list[Reason]:
    fault = ""
    remedy = ""
    if gaps:
        some = ", ".join(after[:12] for _, after in gaps[:SHOWN])
        more = f" and {len(gaps) - SHOWN} more" if len(gaps) > SHOWN else ""
        fault = f"nobody recorded how {some}{more} came onto the target"
        remedy = f"run `itil-gate check --merged {gaps[0][0]}..{gaps[-1][1]} --record`"
    return [
        answered(
            "unrecorded-update", fault, well="every update of the target is recorded", remedy=remedy
        )
    ]


def _standing(tiles: Sequence[Landed], *, moved: bool) -> list[Reason]:
    bad = [one for one in tiles if one.update.standing in ("unauthorised", "before-adoption")]
    fault = ""
    if bad:
        some = "; ".join(
            f"{one.update.after[:12]} (entry {one.index}): {one.update.reason}"
            for one in bad[:SHOWN]
        )
        fault = f"not authorised: {some}"
    return [
        answered(
            "unauthorised-update",
            fault,
            well=f"all {len(tiles)} updates since the release in force were authorised",
            remedy="have them overridden; let the recovery role sign a correction of the move"
            if moved
            else "revert them in a change of their own, or have them overridden",
        )
    ]


def _named(attempt: Attempt, changes: Sequence[str]) -> list[Reason]:
    absent = [name for name in attempt.changes if name not in changes]
    there = ", ".join(changes[:SHOWN]) or "none"
    return [
        answered(
            "change-not-included",
            f"{', '.join(absent)} is not in this release, which holds {there}" if absent else "",
            well=f"the changes of this release: {there}",
            remedy="leave it away, or release a commit that holds it",
        )
    ]


def _readable(facts: DeployFacts, tiles: Sequence[Landed]) -> list[Reason]:
    wanted = {name for one in tiles for name in one.update.changes if not name.startswith("STD-")}
    absent = sorted(wanted - {request.metadata.id for request in facts.requests})
    return [
        answered(
            "request-unreadable",
            f"the request of {', '.join(absent[:SHOWN])} cannot be read at this commit"
            if absent
            else "",
            well="the request of every change can be read",
            remedy="requests stay in the repository; bring it back in a change",
        )
    ]


def _declared(facts: DeployFacts, policies: PolicySet, tiles: Sequence[Landed]) -> list[Reason]:
    """Hold changes back from environments they were not declared for, once the gate lists some.

    What is declared for production may go to whatever has to come before production.
    """
    here, settings = facts.attempt.environment, policies.config.release
    further = {here}
    while more := {name for name, before in settings.after.items() if before in further} - further:
        further |= more
    declared = {one.metadata.id: one.spec.environments for one in facts.requests}
    strangers: dict[str, Sequence[str]] = {}
    for update in (one.update for one in tiles):
        for name in update.changes:
            named = declared.get(name, update.environments)
            if here in settings.environments and named and further.isdisjoint(named):
                strangers[name] = named
    some = "; ".join(
        f"{name} is declared for {', '.join(named)}"
        for name, named in list(strangers.items())[:SHOWN]
    )
    return [
        answered(
            "undeclared-environment",
            f"{some}, and was not judged for {here}" if strangers else "",
            well=f"nothing in it was declared for other environments than {here} only",
            remedy=f"amend the change and add {here} to spec.environments, or list under "
            f"release.after which of them comes after {here}",
        )
    ]


def _promotion(facts: DeployFacts, policies: PolicySet, tiles: Sequence[Landed]) -> list[Reason]:
    attempt = facts.attempt
    before = policies.config.release.after.get(attempt.environment)
    fault = ""
    if (
        before is not None
        and not is_urgent(tiles)
        and not any(
            one.record.environment == before
            and one.outcome == "success"
            and (one.record.artifact, one.record.commit) == (attempt.artifact, attempt.commit)
            for one in facts.releases
        )
    ):
        fault = f"this artefact has not succeeded in {before} yet"
    well = f"it succeeded in {before} before" if before else "no environment has to come first"
    if before and is_urgent(tiles):
        well = f"an emergency goes where it is needed, without {before}"
    return [answered("promotion-skipped", fault, well=well, remedy=f"release it to {before} first")]


def _debts(facts: DeployFacts, tiles: Sequence[Landed]) -> list[Reason]:
    """Hold back the next release of whoever owes an approval or a review; never an emergency."""
    services = {name for one in tiles for name in one.update.services}
    urgent = is_urgent(tiles)
    overdue = [
        one
        for one in facts.debts
        if one.due <= facts.attempt.now and (not one.services or services & set(one.services))
    ]
    fault = ""
    if overdue and not urgent:
        some = "; ".join(
            f"{one.id} ({one.duty} of {one.change}, owed by {one.owner} since "
            f"{one.due:%Y-%m-%d %H:%M} UTC)"
            for one in overdue[:SHOWN]
        )
        fault = f"overdue: {some}"
    return [
        answered(
            "obligation-overdue",
            fault,
            well="nothing is owed for these services that is overdue",
            remedy="`itil-gate debt` says what would meet it",
        )
    ]
