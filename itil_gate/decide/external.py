"""What other policy tools found, held against the external checks that the target declares.

The tools' words are repeated, never judged again. What is missing is waited for, and so is a report
that does not count because of who signed it, or about what; what cannot be read, or holds no test
at all, is a refusal: an empty report must not look like a clean one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from itil_gate.model.decision import ReportEntry
    from itil_gate.model.external import ExternalCheck
    from itil_gate.model.facts import ExternalResult
    from itil_gate.model.finding import Effect

PREFIX = "external:"
"""Begins the rule ids of findings that other tools made: external:<check>:<their own id>."""


def check_external(
    checks: Sequence[ExternalCheck],
    results: Sequence[ExternalResult],
    *,
    asked: Callable[[ExternalCheck], bool],
    reports: Sequence[ReportEntry] = (),
) -> tuple[Finding, ...]:
    """Return what is missing from, wrong with and found by external checks, sorted by check.

    `reports` says of the results whether they count (see `reports_of`); none of a check that
    asks for a signature does otherwise. `asked` tells whether a
    check is asked for what is proposed; the results of one that is not are passed over. An advisory
    check never does more than advise.
    """
    found: list[Finding] = []
    for check in sorted(checks, key=lambda one: one.metadata.name):
        if not asked(check):
            continue
        mine = [result for result in results if result.name == check.metadata.name]
        told = [report for report in reports if report.name == check.metadata.name]
        if check.spec.signed is not None and not any(report.counted for report in told):
            mine = []
        found += [finding for result in mine for finding in _judged(check, result)]
        if not mine:
            found.append(_awaited(check, told))
    declared = {check.metadata.name for check in checks}
    handed = {result.name for result in results}
    found += [_undeclared(name) for name in sorted(handed - declared)]
    return tuple(found)


def _awaited(check: ExternalCheck, refused: Sequence[ReportEntry]) -> Finding:
    name, spec = check.metadata.name, check.spec
    said = f"no results of the external check {name} were handed in"
    if refused:
        why = "; ".join(f"{report.detail} ({report.code})" for report in refused)
        said = f"no results of the external check {name} count: {why}"
    remedy = (
        f"run the tool and `itil-gate check --external {name}=FILE` with its {spec.format} output"
    )
    if spec.signed is not None:
        remedy = (
            f"let {' or '.join(one.id for one in spec.signed.by)} run the tool on this very commit "
            f"and sign what it says (`itil-gate attest`), then `itil-gate check --external "
            f"{name}=FILE`"
        )
    return Finding(
        rule="awaited-evidence",
        message=f"{said}: {spec.reason}",
        remedy=remedy,
        effect=_effect(check, "pending"),
    )


def _judged(check: ExternalCheck, result: ExternalResult) -> Iterator[Finding]:
    useless = _useless(check, result)
    if useless:
        yield Finding(
            rule="no-external-results",
            message=f"the results of the external check {check.metadata.name} count for nothing: "
            f"{useless}",
            remedy="see that the tool reads its policies and the right files, and hand in what it "
            f"writes as {check.spec.format}",
            effect=_effect(check, "deny"),
        )
        return
    for failure in result.failures:
        yield Finding(
            rule=f"{PREFIX}{check.metadata.name}:{failure.rule}",
            message=failure.message,
            remedy=f"mend it and run the tool again: {check.spec.reason}",
            effect=_effect(check, failure.effect),
            place=failure.place,
        )


def _useless(check: ExternalCheck, result: ExternalResult) -> str:
    """Say why results prove nothing; empty if they do."""
    if result.fault:
        return result.fault
    if result.format != check.spec.format:
        return f"they are {result.format or 'of no known format'}, not {check.spec.format}"
    return "" if result.tests > 0 else "they hold no test that was judged"


def _undeclared(name: str) -> Finding:
    return Finding(
        rule="undeclared-external-results",
        message=f"results were handed in for {name}, which is no external check on the target",
        remedy=f"add an ExternalCheck named {name} on the target, or leave the results out",
        effect="advise",
    )


def _effect(check: ExternalCheck, effect: Effect) -> Effect:
    return "advise" if check.spec.enforcement == "advisory" else effect
