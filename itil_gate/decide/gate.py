"""The gate: from sealed inputs to a decision. Read top to bottom, it is the process itself.

Same inputs and engine version, same bytes out, offline. There is no clock, no screen and no
repository here; what could not be gathered never reaches this file.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from itil_gate import __version__
from itil_gate.decide.calendars import expand
from itil_gate.decide.contributors import find_contributors
from itil_gate.decide.coverage import check_coverage, check_request_files, survey
from itil_gate.decide.external import check_external
from itil_gate.decide.joining import both, unwritten
from itil_gate.decide.matter import Asked, Bench
from itil_gate.decide.roster import build_roster
from itil_gate.decide.route import lanes_of
from itil_gate.decide.verdict import Judged, judge_change, outcome_of, rule_states
from itil_gate.model.calendar import Interval
from itil_gate.model.canonical import digest
from itil_gate.model.change import ChangeRequest
from itil_gate.model.decision import (
    SEVERITY,
    Action,
    Decision,
    Digests,
)
from itil_gate.model.errors import ConfigError, GateError, SourceError
from itil_gate.model.finding import Finding, Place
from itil_gate.model.frozen import frozen
from itil_gate.policy.compile import compile_conditions_of, compile_policies
from itil_gate.reading.read import read, source_finding
from itil_gate.reading.requests import check_request
from itil_gate.reading.yaml import parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from itil_gate.decide.coverage import Territory
    from itil_gate.decide.readings import Reading
    from itil_gate.decide.roster import Roster
    from itil_gate.model.config import Config
    from itil_gate.model.decision import Outcome, ReportEntry, Side
    from itil_gate.model.external import ExternalCheck
    from itil_gate.model.facts import Facts, Inputs
    from itil_gate.model.people import People
    from itil_gate.model.policy import PolicySet, Source
    from itil_gate.policy.conditions import Conditions

ENGINE = f"itil-gate/{__version__}"
AUDIT_LIMIT = timedelta(days=90)
MERGE_RULES: tuple[str, ...] = (
    "empty-change",
    "merge-conflict",
    "closed-pull-request",
    "draft",
    "proposed-policy-invalid",
    "deleted-request",
    "irregular-request",
    "duplicate-change",
    "invalid-request",
    "uncovered-change",
    "not-recognised",
    "unattributable-commit",
    "awaited-evidence",
    "no-external-results",
)
"""The rules judged for the proposed merge as a whole."""
SIDE_RULES: tuple[str, ...] = (
    "deleted-request",
    "irregular-request",
    "uncovered-change",
    "unattributable-commit",
    "awaited-evidence",
    "no-external-results",
)
"""Those of them that depend on the policies, and are judged under proposed ones too."""


def decide(inputs: Inputs) -> Decision:
    """Return the decision on a proposed merge.

    Raises ConfigError if the policies of the target do not load, and GateError with code
    `target-not-governed` if the target is not a branch the gate guards; both are exit code 2.
    """
    now, asked, unread = _judge_at_target(inputs)
    facts, policies = inputs.facts, now.bench.policies
    then, broken = _judge_proposed(
        inputs.proposed, repository=policies.config.repository, asked=asked, facts=facts
    )
    sides = (now,) if then is None else (now, then)
    common = (*_merge(facts), *inputs.faults, *unread, *broken)
    changes = tuple(both([side.changes[index] for side in sides]) for index in range(len(asked)))
    if not inputs.requests:
        changes = tuple(map(unwritten, changes))
    outcomes: list[Outcome] = [
        outcome_of(common),
        *(outcome_of(side.findings) for side in sides),
        *(change.outcome for change in changes),
    ]
    decision = Decision(
        engine=ENGINE,
        outcome=max(outcomes, key=SEVERITY.index),
        enforced=not in_audit_mode(policies.config, facts),
        repository=policies.config.repository,
        target=facts.target,
        tip=facts.tip,
        merge_base=facts.merge_base,
        head=facts.head,
        merged_tree=facts.merged_tree,
        content=facts.content,
        now=facts.now,
        changes=changes,
        contributors=now.bench.contributors.people,
        reports=tuple(report for side in sides for report in side.reports),
        rules=(
            *rule_states(MERGE_RULES, (*common, *now.findings), side="target"),
            *(rule_states(SIDE_RULES, then.findings, side="proposed") if then else ()),
        ),
        unblock=_unblock((*common, *(found for side in sides for found in side.findings)), sides),
        digests=Digests(
            facts=digest(facts),
            requests=digest(inputs.requests),
            judge=_digest_again(inputs.judge),
            proposed=_digest_again(inputs.proposed) if inputs.proposed is not None else None,
        ),
    )
    if not facts.overrides:
        return decision
    from itil_gate.decide.override import with_overrides  # noqa: PLC0415 - few merges have any

    return with_overrides(
        decision,
        facts=facts,
        bench=now.bench,
        asked=asked,
        unreadable=(*inputs.faults, *unread, *broken),
    )


def asked_of(inputs: Inputs) -> tuple[Asked, ...]:
    """Return what is judged: each request, or the standard change that is recognised without one.

    Raises as `decide` does.
    """
    return _judge_at_target(inputs)[1]


def readings_of(inputs: Inputs) -> Mapping[str, Mapping[str, tuple[Reading, ...]]]:
    """Return what each rule of the target's rule sets read, by change id and rule id.

    Raises as `decide` does.
    """
    side, asked, _ = _judge_at_target(inputs)
    sets = side.bench.conditions.rules
    if not sets:
        return {}
    from itil_gate.decide.readings import readings  # noqa: PLC0415 - only to explain

    return {
        one.change.metadata.id: readings(sets, judged.values.all, one)
        for one, judged in zip(asked, side.changes, strict=True)
    }


def _judge_at_target(inputs: Inputs) -> tuple[_Side, tuple[Asked, ...], tuple[Finding, ...]]:
    """Judge under the target's policies; return also what was judged, and what could not be."""
    policies = compile_policies(inputs.judge)
    facts = inputs.facts
    if facts.target not in policies.config.targets:
        raise GateError(
            "target-not-governed",
            f"{facts.target} is not among the targets of itil-gate.yaml",
            hint=f"guarded are {', '.join(policies.config.targets)}; add it there if it should be",
        )
    asked, unread = read_requests(inputs.requests)
    if policies.rule_sets:
        _refuse_built_in_names(policies)
    bench = _bench("target", policies, compile_conditions_of(inputs.judge), facts)
    unlike: tuple[Finding, ...] = ()
    if not inputs.requests and not inputs.faults:
        asked, unlike = _recognise(bench, facts)
    return _judge_under(bench, asked=asked, facts=facts), asked, (*unread, *unlike)


@lru_cache(maxsize=8)
def _roster(people: People) -> Roster:
    """Return the roster by which many changes are judged; indexed once."""
    return build_roster(people)


@lru_cache(maxsize=8)
def _digest_again(sources: tuple[Source, ...]) -> str:
    """Return the digest of texts by which many changes are judged; made once."""
    return digest(sources)


def _refuse_built_in_names(policies: PolicySet) -> None:
    """Raise ConfigError `invalid-policy-set` for rules named like one of the gate's own."""
    from itil_gate.decide.rules import GATE_RULES  # noqa: PLC0415 - few sets have rules

    taken = sorted(
        {rule.id for one in policies.rule_sets for rule in one.spec.rules} & {*GATE_RULES}
    )
    if taken:
        raise ConfigError(
            "invalid-policy-set",
            f"the policy set does not load: the gate has a rule {taken[0]} of its own",
            hint="give the rule another id on the target branch",
        )


def in_audit_mode(config: Config, facts: Facts) -> bool:
    """Tell whether the target's own, time-limited audit mode holds: report, do not enforce.

    It ends with the day `auditUntil` (UTC), and never counts where that day lies more than 90
    days after the adoption, or the adoption cannot be found.
    """
    if config.mode != "audit" or config.audit_until is None or facts.adopted_at is None:
        return False
    end = datetime.combine(config.audit_until, time(), tzinfo=UTC) + timedelta(days=1)
    return facts.now < end <= facts.adopted_at + AUDIT_LIMIT + timedelta(days=1)


def read_requests(sources: Sequence[Source]) -> tuple[tuple[Asked, ...], tuple[Finding, ...]]:
    """Read the request files of a diff; what cannot be read is a finding."""
    asked: list[Asked] = []
    faults: list[Finding] = []
    for source in sources:
        try:
            document = parse(source.text, file=source.path)
        except SourceError as error:
            faults.append(source_finding(error))
            continue
        change = read(document, ChangeRequest)
        if isinstance(change, tuple):
            faults += change
            continue
        said = check_request(change, document)
        if any(finding.effect == "deny" for finding in said):
            faults += said
            continue
        mark = hashlib.sha256(source.text.encode()).hexdigest()
        asked.append(Asked(change, source, mark, document, said))
    for name, count in Counter(one.change.metadata.id for one in asked).items():
        if count > 1:
            files = ", ".join(one.source.path for one in asked if one.change.metadata.id == name)
            faults.append(
                Finding(
                    rule="duplicate-change",
                    message=f"{name} is claimed by {count} files: {files}",
                    remedy="give each request an id of its own with `itil-gate new`",
                )
            )
    return tuple(asked), tuple(faults)


@frozen
class _Side:
    """What holds under one policy set: for the merge as a whole, and for each change."""

    bench: Bench
    findings: tuple[Finding, ...]
    changes: tuple[Judged, ...]
    reports: tuple[ReportEntry, ...]
    """What was handed in by other tools, and whether it counts."""


def _recognise(bench: Bench, facts: Facts) -> tuple[tuple[Asked, ...], tuple[Finding, ...]]:
    """Return the standard change that a diff without requests is, or advice why it is none.

    Nobody can be asked about a change without a request file, so it is none where somebody would
    have to be.
    """
    models = [model for model in bench.policies.change_models if model.spec.recognise]
    if not models or not bench.territory.governed or bench.territory.requests:
        return (), ()
    from itil_gate.decide.recognise import (  # noqa: PLC0415 - few sets have models
        Recognised,
        recognised,
    )

    people = bench.contributors
    found: Recognised | tuple[str, ...]
    if people.by_agent or people.unproved or people.unattributable or people.strangers:
        found = ("who made it has to be proved, and an agent's work seen by one human more",)
    elif "express" in lanes_of(bench.policies.approvals):
        found = ("somebody has to approve standard changes",)
    elif not people.people:
        found = ("nobody is known to have made it",)
    else:
        found = recognised(
            facts.diff,
            models=models,
            config=bench.policies.config,
            services=bench.policies.services,
            requester=people.people[0].person,
            target=facts.target,
            content=facts.content,
            today=facts.now.astimezone(UTC).date(),
        )
    if isinstance(found, Recognised):
        return (found.asked,), ()
    return (), (
        Finding(
            rule="not-recognised",
            message=f"this is no recognised standard change: {'; '.join(found)}",
            remedy="write a request: `itil-gate new`",
            effect="advise",
        ),
    )


def _judge_under(bench: Bench, *, asked: Sequence[Asked], facts: Facts) -> _Side:
    """Judge the merge and each of its requests under one policy set."""
    policies, conditions = bench.policies, bench.conditions
    own = frozenset(one.change.metadata.id for one in asked)
    declared = frozenset(name for one in asked for name in one.change.spec.services)
    judged = tuple(
        judge_change(one, bench=bench, facts=facts, own=own, declared=declared) for one in asked
    )

    def awaited(check: ExternalCheck) -> bool:
        """Tell whether a check is asked for: for one of the changes, or where none can be read."""
        if not bench.territory.governed or check.spec.when is None or not judged:
            return bool(bench.territory.governed)
        when = conditions.external[check.metadata.name]
        return any(when.evaluate(one.values.all) for one in judged)

    reports: tuple[ReportEntry, ...] = ()
    if facts.external:
        from itil_gate.decide.reports import reports_of  # noqa: PLC0415 - few are handed any

        reports = reports_of(policies.external_checks, facts, side=bench.side)
    return _Side(
        bench,
        (
            *check_request_files(bench.territory),
            *check_coverage(bench.territory, [one.change for one in asked]),
            *_attribution(bench),
            *check_external(
                policies.external_checks, facts.external, asked=awaited, reports=reports
            ),
        ),
        judged,
        reports,
    )


def _judge_proposed(
    sources: Sequence[Source] | None, *, repository: str, asked: Sequence[Asked], facts: Facts
) -> tuple[_Side | None, tuple[Finding, ...]]:
    """Judge under the set that the pull request proposes.

    A set that does not load, or under which nothing can be judged, is a refusal: it is the
    requester's mistake, and merging it would leave the target without a judge.
    """
    if sources is None:
        return None, ()
    try:
        policies = compile_policies(sources)
        horizon = Interval(start=facts.now, end=facts.now + AUDIT_LIMIT)
        expand(policies.calendars, policies.calendar_texts, within=horizon)
        # What people signed names the repository as the target does, also where that is to change.
        config = policies.config.model_copy(update={"repository": repository})
        policies = policies.model_copy(update={"config": config})
        if policies.rule_sets:
            _refuse_built_in_names(policies)
        bench = _bench("proposed", policies, compile_conditions_of(sources), facts)
        return _judge_under(bench, asked=asked, facts=facts), ()
    except GateError as error:
        found: tuple[Finding, ...] = ()
        said, remedy = error.message, error.hint
        if isinstance(error, ConfigError):
            # Its hint is for whoever mends the target; here the branch is to be mended.
            found, said = error.findings, f"what the pull request proposes: {error.message}"
            remedy = ""
        return None, (
            Finding(
                rule="proposed-policy-invalid",
                message=said,
                remedy=remedy or "run `itil-gate lint` and mend what it lists",
                place=next((one.place for one in found if one.place), None),
            ),
        )


def _bench(side: Side, policies: PolicySet, conditions: Conditions, facts: Facts) -> Bench:
    roster = _roster(policies.people)
    return Bench(
        side=side,
        policies=policies,
        roster=roster,
        contributors=find_contributors(facts, roster, repository=policies.config.repository),
        territory=survey(facts.diff, policies.config),
        conditions=conditions,
    )


def _merge(facts: Facts) -> list[Finding]:
    """Return what is wrong with the merge itself."""
    found = []
    if not facts.diff:
        found.append(
            Finding(
                rule="empty-change",
                message="the head changes nothing against the merge base",
                remedy="push the commits that make the change",
            )
        )
    if facts.merged_tree is None:
        paths = ", ".join(facts.conflicts[:5]) or "unknown paths"
        found.append(
            Finding(
                rule="merge-conflict",
                message=f"the head does not merge cleanly into {facts.target}: {paths}",
                remedy="merge or rebase the target into the branch and resolve the conflicts",
                place=Place(file=facts.conflicts[0]) if facts.conflicts else None,
            )
        )
    elif facts.conflicts:
        found.append(_astray(facts))
    request = facts.pull_request
    if request is not None and request.state != "open":
        found.append(
            Finding(
                rule="closed-pull-request",
                message=f"the pull request is {request.state}",
                remedy="reopen it, or open a new one",
            )
        )
    if facts.draft or (request is not None and request.draft):
        found.append(
            Finding(
                rule="draft",
                message="the pull request is a draft",
                remedy="mark it as ready for review",
                effect="pending",
            )
        )
    return found


def _astray(facts: Facts) -> Finding:
    """Return the refusal of a merge that would change what the diff does not show."""
    paths = ", ".join(facts.conflicts[:5])
    return Finding(
        rule="merge-conflict",
        message=f"{facts.target} has moved files that the head changes: merged, they would change "
        f"{paths}, which is not in the diff that is judged",
        remedy="merge or rebase the target into the branch, so that the diff shows where it lands",
        place=Place(file=facts.conflicts[0]),
    )


def _attribution(bench: Bench) -> tuple[Finding, ...]:
    """Return the commits of nobody; only what is governed asks who made it."""
    territory: Territory = bench.territory
    governed = territory.governed or territory.requests
    return bench.contributors.unattributable if governed else ()


def _unblock(findings: Sequence[Finding], sides: Sequence[_Side]) -> tuple[Action, ...]:
    steps = [
        Action(who=(), command=finding.remedy, why=finding.rule)
        for finding in findings
        if finding.effect != "advise"
    ]
    for index in range(len(sides[0].changes)):
        steps += [action for side in sides for action in side.changes[index].actions]
    return tuple(dict.fromkeys(steps))
