"""Which reports of other tools count: the ledger of what was handed in for external checks.

A check may ask for a signature. Then a report counts only in an envelope signed by a key that the
judging policies pin, about the very commit or tree that is proposed, of the kind they name. Whoever
runs the gate can then forge no result, only hold one back. The head never says whose key it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.decision import ReportEntry
from itil_gate.model.fingerprint import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from itil_gate.model.decision import Side
    from itil_gate.model.external import ExternalCheck, SignedReport
    from itil_gate.model.facts import ExternalResult, Facts, SealFact

CODES = (
    "accepted",
    "signed",
    "undeclared",
    "unsigned",
    "malformed",
    "other-predicate",
    "other-commit",
    "other-key",
    "bad-signature",
    "duplicate",
)
"""The reason codes; the first two count."""
SHOWN = 12


def reports_of(
    checks: Sequence[ExternalCheck], facts: Facts, *, side: Side = "target"
) -> tuple[ReportEntry, ...]:
    """Return for each report that was handed in whether it counts under these policies, and why."""
    by_name = {check.metadata.name: check for check in checks}
    return tuple(
        _entry(by_name.get(result.name), result, facts, side=side) for result in facts.external
    )


def _entry(
    check: ExternalCheck | None, result: ExternalResult, facts: Facts, *, side: Side
) -> ReportEntry:
    if check is None:
        code, detail = "undeclared", f"{result.name} is no external check"
    elif check.spec.signed is None:
        code, detail = "accepted", "no signature is asked for"
    else:
        code, detail = _sealed(check, check.spec.signed, result, facts)
    seal, signer = result.seal, ("", "")
    if code == "signed" and check is not None and check.spec.signed is not None and seal:
        signer = next(_signers(check.spec.signed, seal))
    return ReportEntry(
        name=result.name,
        side=side,
        digest=result.digest,
        counted=code in CODES[:2],
        code=code,
        detail=detail,
        signer=signer[0] or None,
        key=signer[1] or None,
        payload=seal.payload if seal else None,
    )


def _sealed(
    check: ExternalCheck, terms: SignedReport, result: ExternalResult, facts: Facts
) -> tuple[str, str]:
    """Return the reason code of a report that has to be signed, and the reason in words."""
    seal = result.seal
    if seal is None and result.fault:
        return "malformed", result.fault
    if seal is None:
        return (
            "unsigned",
            "it came without an envelope, so whoever ran the gate may have written it",
        )
    names = ", ".join(one.id for one in terms.by)
    if next(_signers(terms, seal), None) is None:
        pinned = {fingerprint(one.key) for one in terms.by}
        claimed = sorted(pinned.intersection(seal.claimed))
        if claimed:
            return "bad-signature", f"the signature of {claimed[0]} does not fit what it is about"
        return "other-key", f"no key of {names} signed it"
    if seal.predicate_type != check.spec.predicate_type:
        wanted = check.spec.predicate_type
        return "other-predicate", f"it is {_quoted(seal.predicate_type)}, not {wanted}"
    about = {f"gitCommit:{facts.head}"}
    if facts.merged_tree is not None:
        about.add(f"gitTree:{facts.merged_tree}")
    if about.isdisjoint(seal.subjects):
        algorithm, _, value = seal.subjects[0].partition(":")
        said = f"{_quoted(algorithm)} {value[:SHOWN]}"
        return "other-commit", f"it is about {said}, not about the head {facts.head[:SHOWN]}"
    twins = [
        other.name
        for other in facts.external
        if other.seal is not None and other.seal.payload == seal.payload
    ]
    if len(twins) > 1:
        return "duplicate", f"one report was handed in for {' and '.join(sorted(twins))}"
    return "signed", ""


def _signers(terms: SignedReport, seal: SealFact) -> Iterator[tuple[str, str]]:
    """Yield id and fingerprint of every signer that these policies ask for."""
    for one in terms.by:
        mark = fingerprint(one.key)
        if mark in seal.keys:
            yield one.id, mark


def _quoted(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:100]}…"  # noqa: PLR2004 - one line
