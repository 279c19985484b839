"""What of a higher layer takes the place of what a lower one says, and whether it says so.

An equal name alone replaces nothing: it may be an accident, and what was in force below would be
gone without a word. Whoever means it names the profile in `replaces`, and whoever names one has to
replace something there, so that a new version of a profile cannot leave the old word standing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from itil_gate.policy.layers import Pair, PolicyDocument
    from itil_gate.reading.document import Document, Path

    Key = tuple[str, str]


def replacements(
    lower: Sequence[Pair], layer: Sequence[Pair], policies_folder: str
) -> list[Finding]:
    """Return what replaces something without a word of it, and what says so and replaces nothing.

    `lower` is what is in force below the layer. What is hard there cannot be replaced at all, which
    others tell.
    """
    below: dict[Key, Document] = {}
    for document, item in lower:
        below |= {key: document for key, _, _ in _said(item) if key[0] != "RuleSet"}
    hard = {key for _, item in lower for key in _hard(item)}
    faults: list[Finding] = []
    for document, item in layer:
        for key, named, path in _said(item):
            replaced = below.get(key)
            where = folder_of(replaced.file, policies_folder) if replaced is not None else None
            if key in hard or named == where:
                continue
            if replaced is None or where is None:
                faults.append(_nothing(key, named, document, path))
            else:
                faults.append(_silent(key, named, (replaced, where), document, path))
    return faults


def key_of(item: PolicyDocument) -> Key:
    """Return kind and name, by which a document replaces another one."""
    return item.kind, item.metadata.name


def folder_of(file: str, policies_folder: str) -> str | None:
    """Return the folder directly below the policy folder in which a file lies, if any."""
    inner = file.removeprefix(f"{policies_folder}/")
    folder, slash, _ = inner.partition("/")
    return folder if slash and inner != file else None


def _said(item: PolicyDocument) -> Iterator[tuple[Key, str | None, Path]]:
    """Yield what can replace another: its key, whom it names, and where that would be written."""
    yield key_of(item), item.metadata.replaces, ("metadata",)
    if item.kind == "RuleSet":
        for index, rule in enumerate(item.spec.rules):
            yield ("rule", rule.id), rule.replaces, ("spec", "rules", index)


def _hard(item: PolicyDocument) -> Iterator[Key]:
    """Yield what of a document no higher layer may write again."""
    if item.kind == "RuleSet":
        yield from (("rule", rule.id) for rule in item.spec.rules if rule.enforcement == "hard")
    elif item.kind == "ExternalCheck" and item.spec.enforcement == "hard":
        yield key_of(item)


def _nothing(key: Key, named: str | None, document: Document, path: Path) -> Finding:
    kind, name = key
    return Finding(
        rule="replaces-nothing",
        message=f"the {kind} {name} says that it replaces one of {named}, where none is in force",
        remedy="take replaces away, or give it the name that it has there",
        place=document.place((*path, "replaces")),
    )


def _silent(
    key: Key,
    named: str | None,
    replaced: tuple[Document, str],
    document: Document,
    path: Path,
) -> Finding:
    (kind, name), (lower, where) = key, replaced
    said = f"and says that it is of {named}" if named else "and does not say so"
    return Finding(
        rule="silent-replacement",
        message=f"the {kind} {name} takes the place of the one in {lower.file} {said}",
        remedy=f"write `replaces: {where}` beside its name if that is meant, or give it another",
        place=document.place((*path, "replaces" if named else _NAMES.get(kind, "name"))),
    )


_NAMES = {"rule": "id"}
"""The key of what can replace another, where it is not `name`."""
