"""Change models, diffs and requests to hold against each other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from itil_gate.model.change import ChangeRequest
from itil_gate.model.change_model import ChangeModel
from itil_gate.model.facts import DiffEntry
from itil_gate.reading.read import read
from itil_gate.reading.yaml import parse

if TYPE_CHECKING:
    from itil_gate.reading.document import Document

NONE = "000000"
PLAIN = "100644"
FILE = "changes/2026/CHG-2026-AAAA0001.yaml"


def change_model(name: str = "certificates", **spec: Any) -> ChangeModel:
    """Return a standard model of certificates/**, whose spec is changed by keys as people write."""
    whole = {
        "type": "standard",
        "description": "A certificate is replaced before it runs out.",
        "paths": ["certificates/**"],
        "expires": "2026-12-31",
    } | spec
    text = json.dumps(
        {
            "apiVersion": "itil-gate/v1",
            "kind": "ChangeModel",
            "metadata": {"name": name, "owner": "change-authority", "reviewBy": "2027-01-01"},
            "spec": {key: value for key, value in whole.items() if value is not None},
        },
        ensure_ascii=False,
    )
    model = read(parse(text, file=f"policies/{name}.yaml"), ChangeModel)
    assert isinstance(model, ChangeModel), model
    return model


def request_document(**spec: Any) -> Document:
    """Return a request that follows that model, as a document; `spec` changes its keys."""
    whole = {
        "type": "standard",
        "model": "certificates",
        "services": ["payments-api"],
        "environments": ["production"],
        "scope": ["**"],
        "reason": "It runs out.",
    } | spec
    request = {
        "apiVersion": "itil-gate/v1",
        "kind": "ChangeRequest",
        "metadata": {"id": "CHG-2026-AAAA0001", "title": "A change", "requester": "alice"},
        "spec": {key: value for key, value in whole.items() if value is not None},
    }
    return parse(json.dumps(request, indent=1), file=FILE)


def request_of(document: Document) -> ChangeRequest:
    """Return the request of a document that is one."""
    change = read(document, ChangeRequest)
    assert isinstance(change, ChangeRequest), change
    return change


def entry(path: str, status: str = "M", *, old: str | None = None, new: str | None = None) -> Any:
    """Return one path of a diff; modes follow from the status unless given."""
    modes = {"A": (NONE, PLAIN), "D": (PLAIN, NONE), "M": (PLAIN, PLAIN), "T": (PLAIN, "120000")}
    before, after = modes[status]
    return DiffEntry(
        old_mode=old or before,
        new_mode=new or after,
        old_id="a" * 40,
        new_id="b" * 40,
        status=status,  # type: ignore[arg-type]
        path=path,
    )
