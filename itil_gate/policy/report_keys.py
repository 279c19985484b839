"""Signed reports of two checks that could stand in for each other.

A signature says who, the subject about what, and only the predicate type which report it is. Where
one key signs for two checks under one type, a clean report for the one would do for the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.external import ExternalCheck
from itil_gate.model.finding import Finding
from itil_gate.model.fingerprint import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable

    from itil_gate.model.base import Model
    from itil_gate.reading.document import Document


def check_report_keys(documents: Iterable[tuple[Document, Model]]) -> list[Finding]:
    """Return the external checks whose signed reports could be taken for those of another."""
    found: list[Finding] = []
    taken: dict[tuple[str, str], str] = {}
    for document, item in documents:
        if not isinstance(item, ExternalCheck) or item.spec.signed is None:
            continue
        for index, one in enumerate(item.spec.signed.by):
            name, kind = item.metadata.name, item.spec.predicate_type
            other = taken.setdefault((fingerprint(one.key), kind), name)
            if other != name:
                found.append(
                    Finding(
                        rule="wrong-value",
                        message=f"{one.id} signs for {name} and for {other}, both as {kind}: a "
                        "report for the one would count for the other",
                        remedy="give each check a predicateType of its own, or a key of its own",
                        place=document.place(("spec", "signed", "by", index)),
                    )
                )
    return found
