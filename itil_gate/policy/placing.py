"""Where the parts of policies are written, for findings about a set that has loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from itil_gate.model.base import PolicyMetadata
    from itil_gate.model.finding import Place
    from itil_gate.reading.document import Document


class Policy(Protocol):
    """A policy document of any kind."""

    @property
    def kind(self) -> str:
        """What it is."""

    @property
    def metadata(self) -> PolicyMetadata:
        """What it is called."""


def document_of(documents: Iterable[Document], kind: str, name: str) -> Document | None:
    """Return the last document of a kind and name, which is the one in force; None if none is."""
    found = None
    for document in documents:
        data = document.data
        if not isinstance(data, dict) or data.get("kind") != kind:
            continue
        metadata = data.get("metadata")
        if isinstance(metadata, dict) and metadata.get("name") == name:
            found = document
    return found


def spec_place(documents: Iterable[Document], policy: Policy, *path: str | int) -> Place | None:
    """Return where a part of a policy's spec is written, or the nearest part around it."""
    document = document_of(documents, policy.kind, policy.metadata.name)
    return document.place(("spec", *path)) if document is not None else None
