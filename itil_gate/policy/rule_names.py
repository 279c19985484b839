"""Rules and waivers by their names: each rule has one, and a waiver names a rule it may waive.

How often a waiver is used is counted in the audit log. Without one a waiver says which change it is
for, because what nobody counts must not be open to everybody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.finding import Finding
from itil_gate.model.ruleset import RuleSet, Waiver
from itil_gate.reading.wording import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from itil_gate.model.base import Model
    from itil_gate.reading.document import Document


def check_rules(documents: Iterable[tuple[Document, Model]], *, counted: bool) -> Iterator[Finding]:
    """Yield what is wrong with names of rules and with waivers, over a whole policy set.

    `counted` tells whether there is an audit log that counts how often waivers are used.
    """
    known: dict[str, str] = {}
    waivers = []
    for document, item in documents:
        if isinstance(item, Waiver):
            waivers.append((document, item))
        if not isinstance(item, RuleSet):
            continue
        for index, rule in enumerate(item.spec.rules):
            if rule.id in known:
                yield Finding(
                    rule="duplicate-name",
                    message=f"there are two rules with the id {rule.id}",
                    remedy="give each rule an id of its own, over all rule sets",
                    place=document.place(("spec", "rules", index, "id")),
                )
            known[rule.id] = rule.enforcement
    for document, item in waivers:
        yield from _waiver(document, item, known, counted=counted)


def _waiver(
    document: Document, item: Waiver, known: dict[str, str], *, counted: bool
) -> Iterator[Finding]:
    name = item.spec.rule
    at = document.place(("spec", "rule"))
    if name not in known:
        near = nearest(name, known)
        yield Finding(
            rule="unknown-rule",
            message=f"the waiver {item.metadata.name} names the rule {name}, which no rule set has",
            remedy=f"did you mean {near}?" if near else "name a soft rule, or remove the waiver",
            place=at,
        )
    elif known[name] == "hard":
        yield Finding(
            rule="hard-rule-waived",
            message=f"{name} is a hard rule, and a hard rule is never waived",
            remedy="remove the waiver, or have the rule changed",
            place=at,
        )
    if item.spec.selector.change is None and not counted:
        yield Finding(
            rule="waiver-without-change",
            message=f"the waiver {item.metadata.name} does not say which change it is for",
            remedy="name it under selector.change, or open the audit log, which counts its uses",
            place=document.place(("spec", "selector")),
        )
