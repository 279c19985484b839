"""Format versions: which are known, and how a file is brought from one to the next.

A step works on the text and so keeps comments and order; after every step the text must say the
version that the step promises. Today there is one version and hence no step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING

from itil_gate.model.base import API_VERSION
from itil_gate.model.errors import GateError, SourceError
from itil_gate.model.frozen import frozen
from itil_gate.reading.read import source_finding
from itil_gate.reading.wording import listed, shown
from itil_gate.reading.yaml import parse

if TYPE_CHECKING:
    from itil_gate.model.finding import Finding
    from itil_gate.reading.document import Document

Step = Callable[[str], str]
"""A text of one version to the same text in the next."""
VERSIONS: tuple[str, ...] = (API_VERSION,)
"""Every version this release can read or bring up to date, oldest first."""
STEPS: Mapping[str, Step] = MappingProxyType({})
"""By version, the step from it to the version after it."""


@frozen
class MigrationResult:
    """The text in the newest version, the versions it passed through, or why it could not."""

    text: str
    passed: tuple[str, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether the text had to be changed."""
        return len(self.passed) > 1


def migrate(
    text: str,
    *,
    file: str,
    versions: tuple[str, ...] = VERSIONS,
    steps: Mapping[str, Step] = STEPS,
) -> MigrationResult:
    """Return a file's text in the newest of the versions.

    A text that is no document or of an unknown version is returned unchanged with a finding.
    Raises GateError `broken-migration` where a step does not do what it promises: our mistake.
    """
    try:
        version = _version(parse(text, file=file), versions)
    except SourceError as error:
        return MigrationResult(text, (), (source_finding(error),))
    path = versions[versions.index(version) :]
    for before, after in pairwise(path):
        text = _apply(text, steps, before, after, file)
    return MigrationResult(text, path)


def _version(document: Document, versions: tuple[str, ...]) -> str:
    data = document.data
    version = data.get("apiVersion") if isinstance(data, dict) else None
    if isinstance(version, str) and version in versions:
        return version
    if not isinstance(data, dict) or "apiVersion" not in data:
        raise SourceError(
            "missing-key",
            'the document has no key "apiVersion"',
            place=document.place(),
            hint=f"add apiVersion: {versions[-1]}",
        )
    raise SourceError(
        "unknown-version",
        f"apiVersion is {shown(version)}",
        place=document.place(("apiVersion",)),
        hint=f"write {listed(versions)}, which this itil-gate reads",
    )


def _apply(text: str, steps: Mapping[str, Step], before: str, after: str, file: str) -> str:
    step = steps.get(before)
    if step is None:
        raise GateError("broken-migration", f"there is no step from {before} to {after}")
    text = step(text)
    try:
        _version(parse(text, file=file), (after,))
    except SourceError as error:
        raise GateError(
            "broken-migration",
            f"{file}: the step from {before} to {after} gives no document of {after}",
            hint="report this as a fault of itil-gate; the file is unchanged",
        ) from error
    return text
