"""Layers: profiles that lie on top of each other, and which of their documents are in force.

A profile is a folder below the policy folder that holds a document of kind Profile with the
folder's name. What lies outside of every profile is the organisation's own, the highest layer. A
higher layer may replace what a lower one says, if it says so: an equal name alone might be an
accident. It may not write a hard rule again nor make any rule less strict: such a set does not
load. Without a Profile nothing is layered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.finding import Finding
from itil_gate.policy.replacements import folder_of, key_of, replacements
from itil_gate.reading.wording import listed, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from itil_gate.model.base import Enforcement
    from itil_gate.model.calendar import Calendar
    from itil_gate.model.change_model import ChangeModel
    from itil_gate.model.external import ExternalCheck
    from itil_gate.model.policy import ApprovalPolicy
    from itil_gate.model.profile import Profile
    from itil_gate.model.risk import RiskModel
    from itil_gate.model.ruleset import PolicyRule, RuleSet, Waiver
    from itil_gate.reading.document import Document

    PolicyDocument = (
        ApprovalPolicy
        | RiskModel
        | Calendar
        | ExternalCheck
        | RuleSet
        | Waiver
        | ChangeModel
        | Profile
    )
    Pair = tuple[Document, PolicyDocument]
    Profiles = dict[str, tuple[Document, Profile]]

STRICTNESS: tuple[Enforcement, ...] = ("advisory", "soft", "hard")
"""From the least strict enforcement to the strictest."""


def layered(documents: Sequence[Pair], *, policies_folder: str) -> tuple[list[Pair], list[Finding]]:
    """Return the documents in force, lowest layer first, and what is wrong with the layers.

    A document takes the place of one of the same kind and name in a lower layer; rule sets add up,
    and a rule takes the place of a lower one of its id. Each names the profile in its `replaces`.
    With faults in the chain of profiles all documents are returned as they are.
    """
    layers, faults = split(documents, policies_folder=policies_folder)
    if faults or len(layers) == 1:
        return list(documents), faults or replacements([], documents, policies_folder)
    in_force: list[Pair] = []
    for layer in layers:
        faults += replacements(in_force, layer, policies_folder)
        in_force = _covered(in_force, layer, faults) + layer
        for document, item in layer:
            if item.kind == "Profile":
                in_force = _tightened(in_force, document, item, faults)
    return in_force, faults


def split(
    documents: Sequence[Pair], *, policies_folder: str
) -> tuple[list[list[Pair]], list[Finding]]:
    """Return the documents by layer, lowest first, the organisation's own last; and faults.

    Without profiles, and where their chain has a fault, there is one layer. Names have to be
    unique within each.
    """
    profiles, faults = _profiles(documents, policies_folder)
    if not profiles or faults:
        return [list(documents)], faults
    chain, faults = _chain(profiles)
    if faults:
        return [list(documents)], faults
    layers: list[list[Pair]] = [[] for _ in (*chain, "own")]
    for document, item in documents:
        folder = folder_of(document.file, policies_folder)
        layers[chain.index(folder) if folder in chain else -1].append((document, item))
    return layers, []


def in_order(documents: Iterable[Document], *, policies_folder: str) -> tuple[Document, ...]:
    """Return the documents of a set that loads, those of lower layers first.

    So of several with one kind and name the last is the one in force.
    """
    every = tuple(documents)
    below: dict[str, str | None] = {}
    for document in every:
        if isinstance(document.data, dict) and document.data.get("kind") == "Profile":
            name = folder_of(document.file, policies_folder)
            if name is not None:
                below[name] = document.data["spec"].get("extends")

    def height(document: Document) -> int:
        name, steps = folder_of(document.file, policies_folder), 0
        if name not in below:
            return len(below)
        while name is not None and steps < len(below):
            name, steps = below.get(name), steps + 1
        return steps - 1

    return tuple(sorted(every, key=height))


def _profiles(documents: Sequence[Pair], policies_folder: str) -> tuple[Profiles, list[Finding]]:
    profiles: Profiles = {}
    faults: list[Finding] = []
    for document, item in documents:
        if item.kind != "Profile":
            continue
        name = item.metadata.name
        wanted = f"{policies_folder}/{name}/profile.yaml"
        if document.file != wanted:
            said, remedy = f"the profile {name} lies in {document.file}", f"move it to {wanted}"
        elif name in profiles:
            said, remedy = f"the profile {name} is described twice", "keep one"
        else:
            profiles[name] = (document, item)
            continue
        faults.append(_fault("wrong-layers", said, remedy, document, "metadata", "name"))
    return profiles, faults


def _chain(profiles: Profiles) -> tuple[list[str], list[Finding]]:
    """Return the names of the profiles, lowest first; every one of them must be in one chain."""
    faults = []
    for name, (document, item) in profiles.items():
        below = item.spec.extends
        if below is not None and below not in profiles:
            meant = nearest(below, (other for other in profiles if other != name))
            remedy = f"did you mean {meant}?" if meant else f"add policies/{below}/profile.yaml"
            said = f"{name} extends {below}, which is no profile here"
            faults.append(_fault("unknown-profile", said, remedy, document, "spec", "extends"))
    if faults:
        return [], faults
    extended = {item.spec.extends for _, item in profiles.values()}
    tops = [name for name in profiles if name not in extended]
    walked = [_below(name, profiles) for name in (tops or profiles)]
    if len(tops) == 1 and len(walked[0]) == len(profiles):
        return walked[0][::-1], []
    rest = profiles.keys() - {name for chain in walked for name in chain} if tops else profiles
    if rest:
        first = min(rest)
        said = f"profiles extend each other in a circle: {_circle(first, profiles)}"
        remedy = "let the lowest of them extend none"
        fault = _fault("wrong-layers", said, remedy, profiles[first][0], "spec", "extends")
        return [], [fault]
    said = f"nobody extends {listed(tops, 'nor')}, so it is not clear which is on top"
    remedy = "let one extend the other, or remove the folders that are not used"
    return [], [_fault("wrong-layers", said, remedy, profiles[tops[-1]][0], "spec")]


def _below(name: str, profiles: Profiles) -> list[str]:
    """Return a profile and those below it, until one comes again."""
    found: list[str] = []
    current: str | None = name
    while current is not None and current not in found:
        found.append(current)
        current = profiles[current][1].spec.extends
    return found


def _circle(name: str, profiles: Profiles) -> str:
    found = _below(name, profiles)
    return " extends ".join((*found, str(profiles[found[-1]][1].spec.extends)))


def _covered(lower: Sequence[Pair], layer: Sequence[Pair], faults: list[Finding]) -> list[Pair]:
    """Return what of the lower layers is left in force under a higher one."""
    names = {key_of(item): document for document, item in layer}
    rules = dict(_rules(layer))
    left: list[Pair] = []
    for document, item in lower:
        if item.kind == "RuleSet":
            left += _rules_left(document, item, rules, faults)
        elif key_of(item) not in names:
            left.append((document, item))
        elif item.kind == "ExternalCheck" and item.spec.enforcement == "hard":
            faults.append(_loosened(item.metadata.name, document, names[key_of(item)]))
    return left


def _rules(layer: Sequence[Pair]) -> Iterator[tuple[str, tuple[Document, int]]]:
    for document, item in layer:
        if item.kind == "RuleSet":
            for index, rule in enumerate(item.spec.rules):
                yield rule.id, (document, index)


def _rules_left(
    document: Document,
    item: RuleSet,
    higher: dict[str, tuple[Document, int]],
    faults: list[Finding],
) -> list[Pair]:
    again = [index for index, rule in enumerate(item.spec.rules) if rule.id in higher]
    for index in again:
        rule = item.spec.rules[index]
        if rule.enforcement == "hard":
            faults.append(_loosened(rule.id, document, *higher[rule.id]))
    if not again:
        return [(document, item)]
    kept = [rule for index, rule in enumerate(item.spec.rules) if index not in again]
    return [(document.without(("spec", "rules"), again), _with_rules(item, kept))] if kept else []


def _tightened(
    pairs: Sequence[Pair], document: Document, profile: Profile, faults: list[Finding]
) -> list[Pair]:
    """Return the documents with the rules that a profile makes stricter."""
    stricter = profile.spec.enforcement
    known = {
        rule.id: rule.enforcement
        for _, item in pairs
        if item.kind == "RuleSet"
        for rule in item.spec.rules
    }
    for name, wanted in stricter.items():
        path = ("spec", "enforcement", name)
        if name not in known:
            meant = nearest(name, known)
            remedy = f"did you mean {meant}?" if meant else "name a rule of this layer or below"
            said = f"there is no rule {name} in this profile or below it"
            faults.append(_fault("unknown-rule", said, remedy, document, *path))
        elif STRICTNESS.index(wanted) < STRICTNESS.index(known[name]):
            said = f"{name} is {known[name]}, and the profile would make it {wanted}"
            remedy = f"leave it {known[name]}: a layer can only make rules stricter"
            faults.append(_fault("rule-loosened", said, remedy, document, *path))
    if not stricter:
        return list(pairs)
    return [
        (place, _with_rules(item, [_enforced(rule, stricter) for rule in item.spec.rules]))
        if item.kind == "RuleSet"
        else (place, item)
        for place, item in pairs
    ]


def _enforced(rule: PolicyRule, stricter: dict[str, Enforcement]) -> PolicyRule:
    wanted = stricter.get(rule.id, rule.enforcement)
    return rule if wanted == rule.enforcement else rule.model_copy(update={"enforcement": wanted})


def _with_rules(item: RuleSet, rules: Sequence[PolicyRule]) -> RuleSet:
    return item.model_copy(update={"spec": item.spec.model_copy(update={"rules": tuple(rules)})})


def _loosened(name: str, lower: Document, higher: Document, index: int | None = None) -> Finding:
    path = ("metadata", "name") if index is None else ("spec", "rules", index, "id")
    said = f"{name} is a hard rule of {lower.file}, and is written again here"
    remedy = "give the rule here an id of its own: a hard rule holds in every layer above"
    return _fault("hard-rule-loosened", said, remedy, higher, *path)


def _fault(rule: str, message: str, remedy: str, document: Document, *path: str | int) -> Finding:
    return Finding(rule=rule, message=message, remedy=remedy, place=document.place(path))
