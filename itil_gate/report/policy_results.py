"""What policy tests found, as text for people and as JSON for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from itil_gate.report.escape import terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from itil_gate.model.finding import Place
    from itil_gate.prove.coverage import Coverage
    from itil_gate.prove.mutation import Mutation
    from itil_gate.prove.proof import Proof

VERSION = "itil-gate/policy-test-report/v1"


def proof_text(proof: Proof) -> str:
    """Return the results as lines for a terminal, ending with a newline."""
    lines = list(_failures(proof))
    if proof.coverage is not None:
        lines += _coverage(proof.coverage)
    if proof.mutation is not None:
        lines += _mutation(proof.mutation)
    passed = len(proof.results) - proof.failed
    lines.append(f"{passed} case(s) passed, {proof.failed} failed")
    return "\n".join(terminal(line) for line in lines) + "\n"


def proof_json(proof: Proof) -> str:
    """Return the results as JSON, ending with a newline."""
    whole: dict[str, Any] = {
        "apiVersion": VERSION,
        "passed": len(proof.results) - proof.failed,
        "failed": proof.failed,
        "cases": [
            {
                "test": one.test,
                "name": one.case,
                "place": _place(one.place),
                "passed": one.passed,
                "outcome": one.outcome,
                "differences": [
                    {"message": item.message, "place": _place(item.place)}
                    for item in one.differences
                ],
                "reasons": list(one.reasons),
            }
            for one in proof.results
        ],
    }
    if proof.coverage is not None:
        whole["coverage"] = {
            "percent": proof.coverage.percent,
            "seen": proof.coverage.seen,
            "total": len(proof.coverage.answers),
            "unseen": [
                {
                    "kind": one.answer.kind,
                    "policy": one.answer.policy,
                    "name": one.answer.name,
                    "answer": one.answer.answer,
                    "place": _place(one.place),
                }
                for one in proof.coverage.unseen
            ],
        }
    if proof.mutation is not None:
        whole["mutation"] = {
            "percent": proof.mutation.percent,
            "killed": proof.mutation.killed,
            "survived": len(proof.mutation.survivors),
            "unloadable": proof.mutation.unloadable,
            "leftOut": proof.mutation.left_out,
            "survivors": [
                {"message": one.words, "missing": one.missing, "place": _place(one.place)}
                for one in proof.mutation.survivors
            ],
        }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _proof_junit(proof: Proof) -> str:
    from itil_gate.report.junit import proof_junit  # noqa: PLC0415 - where it is asked for

    return proof_junit(proof)


PROOF_FORMATS: Mapping[str, Callable[[Proof], str]] = {
    "text": proof_text,
    "json": proof_json,
    "junit": _proof_junit,
}


def _failures(proof: Proof) -> Iterator[str]:
    for one in proof.results:
        if one.passed:
            continue
        yield f"FAILED {one.test}: {one.case}"
        for item in one.differences:
            yield f"  {item.place}: {item.message}"
        for reason in one.reasons:
            yield f"    the decision says {reason}"
        yield ""


def _coverage(coverage: Coverage) -> Iterator[str]:
    yield (
        f"outcome coverage: {coverage.percent} % "
        f"({coverage.seen} of {len(coverage.answers)} answers seen)"
    )
    for one in coverage.unseen:
        place = f"{one.place}: " if one.place else ""
        yield f"  {place}no test in which {one.answer}"
    yield ""


def _mutation(mutation: Mutation) -> Iterator[str]:
    tried = mutation.killed + len(mutation.survivors)
    yield f"mutation score: {mutation.percent} % ({mutation.killed} of {tried} faults noticed)"
    for one in mutation.survivors:
        yield f"  {one.place}: {one.words}"
        yield f"    missing is {one.missing}"
    if mutation.left_out:
        yield f"  {mutation.left_out} more were not tried"
    yield ""


def _place(place: Place | None) -> dict[str, object] | None:
    if place is None:
        return None
    return {"file": place.file, "line": place.line, "column": place.column}
