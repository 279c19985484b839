"""A policy set as a page that people read: who approves what, how risk is found, which rules hold.

Made from the policies and from nothing else, so that it never says what they do not. Every word of
theirs is escaped; the page is Markdown without links of theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.decide.lane import LANES
from itil_gate.decide.requirements import counting
from itil_gate.model.base import LEVELS
from itil_gate.model.people import PEER
from itil_gate.report.policy_words import (
    code,
    counted,
    duration,
    globs,
    joined,
    line,
    local_time,
    prose,
    scope_words,
    table,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from itil_gate.model.base import Level, PolicyMetadata
    from itil_gate.model.calendar import CalendarFile, Period
    from itil_gate.model.change_model import ChangeModel
    from itil_gate.model.decision import Lane
    from itil_gate.model.external import ExternalCheck
    from itil_gate.model.policy import PolicySet, Requirement
    from itil_gate.model.ruleset import Waiver

LONG = 80
"""From how many characters on a condition stands below the table and not in it."""
_OTHER_LANES: tuple[tuple[Lane, str], ...] = (
    ("express", "a standard change that fits its published model"),
    ("registration", "a change that a vendor runs and that is only recorded"),
    ("emergency", "a request of `type: emergency`"),
)
_CARRY = {
    "exact": "nothing has moved",
    "same-content": "the content is the same",
    "clean-replay": "the same content merges cleanly onto a target that has moved",
}
_RANKS = {
    "signed": "a signed statement (`itil-gate approve`)",
    "forge-review": "a signed statement or a review on the forge",
}

_ORDER = (
    "A change is judged in this order: what it touches gives its **risk**; the risk gives its "
    "**lane**; the **rules** must hold; then the **approvals** of its lane are needed. One refusal "
    "outweighs everything else, and where no policy applies the answer is no."
)


def policy_page(policies: PolicySet, *, title: str = "Change policies") -> str:
    """Return the page about a policy set as Markdown, ending with a newline."""
    from itil_gate.report.policy_risk import risk_section  # noqa: PLC0415 - a part of the page
    from itil_gate.report.policy_rules import rules_section  # noqa: PLC0415 - a part of the page

    lines = [
        f"# {line(title)}",
        "",
        _ORDER,
        "",
        *_approvals(policies),
        *risk_section(policies),
        *_models(policies.change_models),
        *rules_section(policies.rule_sets),
        *_external(policies.external_checks),
        *_calendars(policies),
        *_waivers(policies.waivers),
        *_documents(policies),
    ]
    return "\n".join(lines).rstrip("\n") + "\n"


def _approvals(policies: PolicySet) -> Iterator[str]:
    wanted = [one for policy in policies.approvals for one in policy.spec.requirements]
    notes = _notes(wanted)
    rows = [
        [
            line(lane),
            f"{level} risk",
            _cell([one for one in wanted if level in one.levels and lane in one.lanes], notes),
        ]
        for level, lane in LANES.items()
    ]
    for special, about in _OTHER_LANES:
        listed = [one for one in wanted if special in one.lanes]
        if listed or (special != "emergency" and policies.change_models):
            rows.append([special, about, _cell(listed, notes, free=special != "emergency")])
    yield "## Who approves what"
    yield ""
    yield (
        "All lines of a row are needed. Nobody approves a change they took part in, asked for or "
        "carry out, and nobody is counted twice unless it says so. Where an agent took part, one "
        "colleague more is needed."
    )
    yield ""
    yield from table(["Lane", "For", "Approvals"], rows)
    if notes:
        yield from (f"{number}. {code(when)}" for when, number in notes.items())
        yield ""
    yield "What counts as an approval:"
    yield ""
    yield from table(
        ["Risk", "Approval", "Good for", "Still counts when"], _counting_rows(policies)
    )


def _notes(wanted: Sequence[Requirement]) -> dict[str, int]:
    """Give a number to each condition that is too long for a cell of the table."""
    long = [one.when for one in wanted if one.when is not None and len(one.when) > LONG]
    return {when: number for number, when in enumerate(dict.fromkeys(long), start=1)}


def _cell(wanted: Sequence[Requirement], notes: Mapping[str, int], *, free: bool = False) -> str:
    if not wanted:
        return "none" if free else "**refused**: no requirement applies"
    return "<br>".join(_asked(one, notes) for one in wanted)


def _asked(one: Requirement, notes: Mapping[str, int]) -> str:
    peer = one.role == PEER
    if one.percent is not None:
        whom = "everybody in people.yaml" if peer else f"the people with the role {code(one.role)}"
        text = f"{one.percent} % of {whom}"
    elif peer:
        text = f"{counted(one.min or 1, 'colleague', 'colleagues')} (anybody in people.yaml)"
    else:
        text = f"{counted(one.min or 1, 'person', 'people')} with the role {code(one.role)}"
    if one.of == "footprint":
        text += ", for each affected service"
    if not one.distinct:
        text += ", who may count elsewhere too"
    if one.fallback is not None:
        text += f"; {code(one.fallback)} stands in where too few are left"
    if set(one.lanes) & {lane for lane, _ in _OTHER_LANES} and set(one.levels) != set(LEVELS):
        text += f" (at {joined(one.levels)} risk)"
    if one.when is not None:
        number = notes.get(one.when)
        text += f", if {code(one.when)}" if number is None else f", if condition {number} holds"
    return text


def _counting_rows(policies: PolicySet) -> Iterator[list[str]]:
    rows: dict[tuple[str, str, str], list[Level]] = {}
    for level in LEVELS:
        how = counting(policies.approvals, level=level)
        carried = joined([_CARRY[kind] for kind in how.carry_over], last="or") or "never"
        rows.setdefault((_RANKS[how.rank], how.max_age, carried), []).append(level)
    for (rank, age, carried), levels in rows.items():
        yield [joined(levels), rank, duration(age), carried]


def _models(models: Sequence[ChangeModel]) -> Iterator[str]:
    if not models:
        return
    yield "## Change models"
    yield ""
    yield "Published ways of making one sort of change. A request names one in `spec.model`."
    yield ""
    for model in sorted(models, key=lambda one: one.metadata.name):
        spec = model.spec
        yield f"### {line(model.metadata.title or model.metadata.name)}"
        yield ""
        yield f"{code(model.metadata.name)}, type {code(spec.type)}. {prose(spec.description)}"
        yield ""
        if spec.recognise:
            yield "- A pull request that fits passes without a request file."
        if spec.paths:
            yield f"- The whole diff lies in {globs(spec.paths)}."
        yield from (f"- {text}" for text in _limits(model))
        for demand in spec.fields:
            word = "must be filled in" if demand.is_ == "mandatory" else "stays empty"
            why = f": {prose(demand.reason)}" if demand.reason else ""
            yield f"- {code(demand.path)} {word} at {demand.stage}{why}"
        for check in spec.checks:
            yield f"- Must hold: {code(check.expect)}. Else: {prose(check.message)}"
        if spec.expires is not None:
            yield f"- Last day of use: {spec.expires}"
        if spec.recertify_by is not None:
            yield f"- To be certified again by {spec.recertify_by}"
        yield ""


def _limits(model: ChangeModel) -> Iterator[str]:
    limits = model.spec.limits
    if limits.files is not None:
        yield f"At most {counted(limits.files, 'file', 'files')} in the whole diff."
    if limits.services is not None:
        yield f"At most {counted(limits.services, 'service', 'services')}."
    if limits.deletions is not None:
        most = counted(limits.deletions, "file", "files")
        yield f"At most {most} deleted." if limits.deletions else "No file is deleted."
    if limits.environments:
        yield f"Only in {joined([code(name) for name in limits.environments], last='or')}."
    if limits.risk is not None:
        yield f"At most {limits.risk} risk."


def _external(checks: Sequence[ExternalCheck]) -> Iterator[str]:
    if not checks:
        return
    yield "## Checks by other tools"
    yield ""
    yield "Their results are handed in; no results at all is a refusal."
    yield ""
    yield from table(
        ["Check", "Format", "Signed by", "Asked", "If it fails", "Why"],
        (
            [
                code(check.metadata.name),
                check.spec.format,
                _signers(check),
                f"if {code(check.spec.when)}" if check.spec.when else "always",
                "advice" if check.spec.enforcement == "advisory" else "refused",
                prose(check.spec.reason),
            ]
            for check in sorted(checks, key=lambda one: one.metadata.name)
        ),
    )


def _signers(check: ExternalCheck) -> str:
    signed = check.spec.signed
    if signed is None:
        return "whoever runs the gate"
    return f"{joined([code(one.id) for one in signed.by], last='or')}, about the head"


def _calendars(policies: PolicySet) -> Iterator[str]:
    specs = [calendar.spec for calendar in policies.calendars]
    freezes: list[Period | CalendarFile] = [one for spec in specs for one in spec.freezes]
    windows: list[Period | CalendarFile] = [one for spec in specs for one in spec.windows]
    for spec in specs:
        for file in spec.files:
            (freezes if file.means == "freeze" else windows).append(file)
    if not freezes and not windows:
        return
    yield "## Calendar"
    yield ""
    for heading, periods in (
        ("No change may be planned in a freeze:", freezes),
        ("A service that has maintenance windows changes only inside them:", windows),
    ):
        if periods:
            yield heading
            yield ""
            yield from table(["Period", "When", "Applies to", "Why"], map(_period_row, periods))


def _period_row(period: Period | CalendarFile) -> list[str]:
    if hasattr(period, "path"):
        return [code(period.path), "as in the file", scope_words(period.scope), ""]
    repeated = f", repeated by {code(period.rrule)}" if period.rrule else ""
    span = f"{local_time(period.start)} to {local_time(period.end)}, {line(period.timezone)}"
    return [code(period.id), span + repeated, scope_words(period.scope), prose(period.reason)]


def _waivers(waivers: Sequence[Waiver]) -> Iterator[str]:
    if not waivers:
        return
    yield "## Waivers"
    yield ""
    yield "Exceptions from one rule each, for a limited time. A hard rule is never waived."
    yield ""
    yield from table(
        ["Rule", "For", "Until", "Uses", "Approved by", "Why"],
        (
            [
                code(waiver.spec.rule),
                _selected(waiver),
                str(waiver.spec.expires),
                str(waiver.spec.max_uses),
                f"{line(waiver.spec.approved_by)} as {code(waiver.spec.role)}",
                prose(waiver.spec.reason),
            ]
            for waiver in sorted(waivers, key=lambda one: one.metadata.name)
        ),
    )


def _selected(waiver: Waiver) -> str:
    selector = waiver.spec.selector
    parts = []
    if selector.change is not None:
        parts.append(code(selector.change))
    if selector.services:
        parts.append(f"services {joined([code(name) for name in selector.services])}")
    if selector.paths:
        parts.append(f"diffs within {globs(selector.paths)}")
    return ", ".join(parts) or "every change"


def _documents(policies: PolicySet) -> Iterator[str]:
    documents: list[tuple[str, PolicyMetadata]] = [
        (item.kind, item.metadata)
        for group in (
            policies.approvals,
            policies.risk_models,
            policies.change_models,
            policies.rule_sets,
            policies.external_checks,
            policies.calendars,
            policies.waivers,
        )
        for item in group
    ]
    yield "## Who answers for these policies"
    yield ""
    yield from table(
        ["Document", "Owner", "Looked at again by"],
        (
            [
                f"{kind} {code(data.name)}"
                + (f", in place of that of {code(data.replaces)}" if data.replaces else ""),
                code(data.owner),
                str(data.review_by),
            ]
            for kind, data in documents
        ),
    )
