"""The rules about a policy set as a whole, found when it is compiled or linted.

Each has an example: a file of a small set as it is refused, and as it would be accepted. The tests
run both; what no single file can show is prose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.rule import Rule
from itil_gate.policy.rule_samples import (
    ALL,
    approvals,
    asking,
    bands,
    calendar,
    floors,
    house,
    profile,
    rotation,
    waiver,
)

if TYPE_CHECKING:
    from itil_gate.model.finding import Effect


class PolicyRule(Rule):
    """A rule with the file that shows it."""

    file: str
    """Path of the file in the example; empty where the example is prose."""
    bad: str
    good: str


def _rule(
    name: str,
    words: tuple[str, str, str],
    *,
    bad: str,
    good: str,
    file: str = "",
    effect: Effect = "deny",
) -> PolicyRule:
    summary, why, remedy = words
    return PolicyRule(
        id=name,
        effect=effect,
        summary=summary,
        why=why,
        remedy=remedy,
        file=file,
        bad=bad,
        good=good,
    )


POLICY_RULES: dict[str, PolicyRule] = {
    rule.id: rule
    for rule in (
        _rule(
            "unknown-kind",
            (
                "A document in the policy folder is of no kind that the gate knows.",
                "A misspelt kind would be a policy that nobody applies.",
                "Use one of the kinds, or keep the file elsewhere.",
            ),
            file="policies/more.yaml",
            bad="apiVersion: itil-gate/v1\nkind: AprovalPolicy\n",
            good=calendar("{}", name="more"),
        ),
        _rule(
            "duplicate-name",
            (
                "Two documents of one kind, or two entries of one list, have the same name.",
                "Decisions name the policy they rest on; a name must be one thing.",
                "Give each its own name.",
            ),
            file="policies/more.yaml",
            bad=approvals(ALL),
            good=approvals(ALL).replace("name: approvals", "name: more-approvals"),
        ),
        _rule(
            "missing-file",
            (
                "A file that the configuration or a calendar names is not there.",
                "A freeze in a file that is missing protects nobody.",
                "Add the file, or correct its path.",
            ),
            file="policies/more.yaml",
            bad=calendar("{files: [{path: calendar/holidays.ics, means: freeze}]}"),
            good=calendar("{files: []}"),
        ),
        _rule(
            "no-policy",
            (
                "There is no approval policy or no risk model.",
                "Nothing applicable is a refusal, so every change would be refused.",
                "Begin with a shipped profile: `itil-gate init`.",
            ),
            file="policies/approvals.yaml",
            bad=calendar("{}"),
            good=approvals(ALL),
        ),
        _rule(
            "unknown-rule",
            (
                "A waiver or a profile names a rule that no rule set has.",
                "A misspelt name would waive nothing, or make nothing stricter, and nobody saw it.",
                "Use the id of a rule, or remove what names it.",
            ),
            file="policies/more.yaml",
            bad=house() + waiver("backout-testd"),
            good=house() + waiver("backout-tested"),
        ),
        _rule(
            "hard-rule-waived",
            (
                "A waiver names a hard rule.",
                "Hard rules are those to which there is no exception.",
                "Remove the waiver, or have the rule changed.",
            ),
            file="policies/more.yaml",
            bad=house("hard") + waiver("backout-tested"),
            good=house("soft") + waiver("backout-tested"),
        ),
        _rule(
            "waiver-without-change",
            (
                "A waiver does not say which change it is for.",
                "How often it is used would have to be counted, and nobody counts yet.",
                "Name the change under selector.change.",
            ),
            file="policies/more.yaml",
            bad=house() + waiver("backout-tested", "{services: [payments]}"),
            good=house() + waiver("backout-tested"),
        ),
        _rule(
            "wrong-layers",
            (
                "Profiles do not make one chain, or one lies in another folder than its own.",
                "Which policy holds must never depend on how files happen to lie.",
                "Keep each profile in a folder of its name, and let the upper extend the lower.",
            ),
            file="policies/more/profile.yaml",
            bad=profile("{}"),
            good=profile("{}").replace("name: own", "name: more"),
        ),
        _rule(
            "unknown-profile",
            (
                "A profile extends one that is not there.",
                "What it builds on would be missing, and nobody would be told.",
                "Copy the folder of that profile into the policy folder, or correct the name.",
            ),
            file="policies/own/profile.yaml",
            bad=profile("{extends: startr}"),
            good=profile("{}"),
        ),
        _rule(
            "hard-rule-loosened",
            (
                "A layer writes a hard rule of a lower layer again.",
                "A layer may add and tighten; what is hard below stays as it is.",
                "Give your rule another id.",
            ),
            bad="The profile regulated has the hard rule `security-impact`, and "
            "`policies/own.yaml` writes a rule of that id.",
            good="The rule in `policies/own.yaml` has an id of its own.",
        ),
        _rule(
            "silent-replacement",
            (
                "A document or rule has the name of one in a layer below and does not say so.",
                "The one below would be out of force by an accident of names.",
                "Name the profile in its replaces, or give it another name.",
            ),
            bad="The profile team has an ApprovalPolicy `approvals`, and `policies/own.yaml` has "
            "another of that name.",
            good="Its metadata say `replaces: team`.",
        ),
        _rule(
            "replaces-nothing",
            (
                "A document or rule says that it replaces one of a profile, and there is none.",
                "What it was meant to replace has another name, and is still in force.",
                "Correct the name, or take replaces away.",
            ),
            file="policies/approvals.yaml",
            bad=approvals(ALL).replace("reviewBy", "replaces: own, reviewBy"),
            good=approvals(ALL),
        ),
        _rule(
            "rule-loosened",
            (
                "A profile sets a less strict enforcement for a rule of a lower layer.",
                "Layers only tighten.",
                "Set a stricter enforcement, or leave it out.",
            ),
            bad="A rule is soft, and a profile above it says `enforcement: {that-rule: advisory}`.",
            good="The profile says `enforcement: {that-rule: hard}`.",
        ),
        _rule(
            "role-without-holder",
            (
                "A requirement asks for a role that no human holds.",
                "Nobody could ever satisfy it; mostly the name is misspelt.",
                "Give the role to people in people.yaml, or correct the name.",
            ),
            file="policies/approvals.yaml",
            bad=approvals(ALL, "{id: board, levels: [high], role: autority}"),
            good=approvals(ALL, "{id: board, levels: [high], role: authority}"),
        ),
        _rule(
            "level-without-requirement",
            (
                "No requirement applies to a risk level.",
                "Every change of that level is refused, which is rarely what is meant.",
                "Add a requirement for the level, unless it is.",
            ),
            file="policies/approvals.yaml",
            bad=approvals("{id: review, levels: [low, medium, high], role: peer}"),
            good=approvals(ALL),
            effect="advise",
        ),
        _rule(
            "review-overdue",
            (
                "A policy or an exemption was to be looked at again by a day that is over.",
                "Rules outlive their reasons unless somebody looks.",
                "Its owner looks at it and sets a new reviewBy.",
            ),
            file="policies/approvals.yaml",
            bad=approvals(ALL, review="2020-01-01"),
            good=approvals(ALL),
            effect="advise",
        ),
        _rule(
            "calendar-invalid",
            (
                "A freeze or maintenance window cannot be worked out.",
                "A calendar that cannot be read is never an empty one.",
                "Correct the recurrence rule (RFC 5545) or the times.",
            ),
            file="policies/more.yaml",
            bad=calendar(
                "{freezes: [{id: peak, reason: Trade., start: 2026-11-27T00:00, "
                "end: 2026-12-01T00:00, timezone: UTC, rrule: FREQ=SOMETIMES}]}"
            ),
            good=calendar(
                "{freezes: [{id: peak, reason: Trade., start: 2026-11-27T00:00, "
                "end: 2026-12-01T00:00, timezone: UTC, rrule: FREQ=YEARLY}]}"
            ),
        ),
        _rule(
            "extension-schema",
            (
                "The organisation's schema of `x-…` fields is no JSON Schema of its own.",
                "Fields that nobody can check would be accepted as they come.",
                "Correct the schema; references stay within it.",
            ),
            file="policies/extensions.json",
            bad='{"type": "nonsense"}',
            good='{"type": "object"}',
        ),
        _rule(
            "bad-roots",
            (
                "A file of roots that the configuration names holds none.",
                "Under it, no builder and no time-stamp could ever be believed.",
                "Store one trusted root of Sigstore, or certificates in PEM, and no private key.",
            ),
            file="policies/roots.json",
            bad='{"mediaType": "text/plain"}',
            good='{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}',
        ),
        _rule(
            "unsound-model",
            (
                "A change model leaves open where it ends, or can never be followed.",
                "Standing in for an approval takes paths, a last day and a limit of what it holds.",
                "Add what is missing, or take out the entry that no request can satisfy.",
            ),
            file="policies/more.yaml",
            bad=rotation("paths: [certificates/**]"),
            good=rotation("paths: [certificates/**]", "expires: 2098-12-31"),
        ),
        _rule(
            "unknown-field",
            (
                "A change model names a field that no change request has.",
                "A misspelt field would be asked for, or hidden, in vain.",
                "Write the path of a field as it stands in a request.",
            ),
            file="policies/more.yaml",
            bad=asking("{path: spec.plans.backOut.steps, is: mandatory}"),
            good=asking("{path: spec.plans.backout.steps, is: mandatory}"),
        ),
        _rule(
            "contradicting-fields",
            (
                "A change model asks for a field and hides it, or what it lies in.",
                "No request could satisfy both.",
                "Keep one of the two entries.",
            ),
            file="policies/more.yaml",
            bad=asking("{path: spec.plans.test, is: mandatory}", "{path: spec.plans, is: hidden}"),
            good=asking("{path: spec.plans.test, is: mandatory}"),
        ),
        _rule(
            "risky-standard-model",
            (
                "A standard model allows more than medium risk, or sets no highest risk.",
                "Nobody approves its changes one by one, so they should be known and small.",
                "Set `limits.risk` to low or medium.",
            ),
            bad="A standard model has no `limits.risk`.",
            good="It has `limits: {risk: low}`.",
            effect="advise",
        ),
        _rule(
            "unreachable-band",
            (
                "No change can have a score within a band of the risk model.",
                "A level that is never reached asks nobody for anything.",
                "Move the band, or change the matrix, the impacts or the factors.",
            ),
            file="policies/risk.yaml",
            bad=bands("{level: low, upTo: 60}", "{level: high, upTo: 100}"),
            good=bands("{level: low, upTo: 100}"),
            effect="advise",
        ),
        _rule(
            "unreachable-model",
            (
                "No change can follow a change model: it is over, or its paths are too risky.",
                "People would follow it in vain, and nobody sees that it is dead.",
                "Publish it anew, raise its `limits.risk`, or remove it.",
            ),
            file="policies/more.yaml",
            bad=rotation("paths: [certificates/**]", "expires: 2020-12-31"),
            good=rotation("paths: [certificates/**]", "expires: 2098-12-31"),
            effect="advise",
        ),
        _rule(
            "shadowed-floor",
            (
                "A floor of the risk model never raises anything.",
                "Another floor covers all its paths and is as high, so it only looks like a rule.",
                "Narrow the wider floor, or remove this one.",
            ),
            file="policies/risk.yaml",
            bad=floors(
                '{id: all, paths: ["**"], level: high, reason: All of it.}',
                "{id: data, paths: [db/**], level: medium, reason: Data.}",
            ),
            good=floors(
                "{id: data, paths: [db/**], level: medium, reason: Data.}",
                "{id: schema, paths: [db/schema/**], level: high, reason: Schema.}",
            ),
            effect="advise",
        ),
        _rule(
            "shadowed-glob",
            (
                "A glob of a list matches nothing that another one of it does not match.",
                "It can be removed, or the wider one was not meant to be so wide.",
                "Remove it, or narrow the other.",
            ),
            file="policies/risk.yaml",
            bad=floors("{id: data, paths: [db/**, db/*.sql], level: medium, reason: Data.}"),
            good=floors("{id: data, paths: [db/**], level: medium, reason: Data.}"),
            effect="advise",
        ),
        _rule(
            "path-case-collision",
            (
                "Two globs differ only in upper and lower case.",
                "Globs tell cases apart, so one of them matches nothing or covers by mistake.",
                "Write both as the paths in the repository are written.",
            ),
            file="policies/risk.yaml",
            bad=floors("{id: data, paths: [db/**, DB/**], level: medium, reason: Data.}"),
            good=floors("{id: data, paths: [db/**], level: medium, reason: Data.}"),
            effect="advise",
        ),
        _rule(
            "untested-rule",
            (
                "No policy test says how a rule should come out.",
                "Whoever edits it would not notice that it stopped working.",
                "Add a case that breaks the rule, and one that does not.",
            ),
            bad="A rule `reason-too-short` is added without a case that names it.",
            good="A case expects `rules: {reason-too-short: UNSATISFIED}`.",
            effect="advise",
        ),
        _rule(
            "waiver-expired",
            (
                "A waiver is past its last day.",
                "It waives nothing any more and hides which exceptions are in force.",
                "Remove it, or let its approver decide anew.",
            ),
            bad="A waiver `expires: 2020-01-01` is still on the target.",
            good="It is removed with the change that it was for.",
            effect="advise",
        ),
        _rule(
            "unused-waiver",
            (
                "A waiver can never be used: its rule only advises, or its services do not exist.",
                "An exception that no change needs is left open for one that should not have it.",
                "Remove it, or correct what it names.",
            ),
            bad="A waiver names a rule whose enforcement is advisory.",
            good="It is removed: nobody needs an exception from advice.",
            effect="advise",
        ),
        _rule(
            "open-environments",
            (
                "There is an audit log, and `release.environments` lists nothing.",
                "The deploy gate takes any name: `prod` knows no window or freeze of `production`.",
                "List the environments that are released to.",
            ),
            bad="itil-gate.yaml has a section `log`, and no `release.environments`.",
            good="It says `release: {environments: [staging, production]}` too.",
            effect="advise",
        ),
        _rule(
            "irregular-file",
            (
                "A link or submodule stands where the judge's data should be.",
                "What is judged by must be what is stored, word for word.",
                "Store it as a regular file.",
            ),
            bad="people.yaml is a symbolic link to a file of another team.",
            good="people.yaml is a regular file.",
        ),
    )
}
"""Every rule about a policy set, by id."""
