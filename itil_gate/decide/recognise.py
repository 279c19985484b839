"""Recognise a standard change that nobody wrote a request for, and write the request it stands for.

A pull request without any request file is covered if its whole diff fits exactly one published
standard model that allows it. The request made here is judged like any other, so being recognised
loosens no rule. Refused are the judge's data, whatever runs the gate, links, submodules, programs
that appear or disappear, and a diff that two models would claim.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from itil_gate.decide.coverage import (
    REGULAR,
    environments_of,
    services_of,
    survey,
    unowned,
    unplaced,
)
from itil_gate.decide.matter import Asked
from itil_gate.decide.models import few, fit_model
from itil_gate.decide.scope import smallest_scope
from itil_gate.model.base import API_VERSION
from itil_gate.model.change import ChangeRequest
from itil_gate.model.errors import SourceError
from itil_gate.model.frozen import frozen, replace
from itil_gate.model.policy import Source
from itil_gate.policy.places import is_judge_path
from itil_gate.reading.read import read, source_finding
from itil_gate.reading.yaml import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from itil_gate.decide.coverage import Territory
    from itil_gate.model.base import Level
    from itil_gate.model.change_model import ChangeModel
    from itil_gate.model.config import Config
    from itil_gate.model.facts import DiffEntry
    from itil_gate.model.finding import Finding
    from itil_gate.model.services import Service

FOLDER = "recognised"
"""Begins the paths under which such requests are shown; no tree holds them."""
PLACEHOLDER = "CHG-0000-00000000"
"""What such a request is read under: files can never claim an id that begins with STD."""
_NOTHING = "000000"
_PROGRAM = "100755"
_PLAIN = frozenset({(REGULAR, REGULAR), (_NOTHING, REGULAR), (REGULAR, _NOTHING)})
_KEPT = frozenset({(_PROGRAM, _PROGRAM)})
_TITLE = 300


@frozen
class Recognised:
    """A recognised standard change: its model, its id and the request that stands for it."""

    model: ChangeModel
    id: str
    asked: Asked


def recognised_id(model: str, *, repository: str, target: str, content: str) -> str:
    """Return `STD-<model>-<12 hex>`: the same content for the same target has the same id.

    The digits are the first 12 of SHA-256 over `itil-gate-recognised-v1`, repository, target ref
    and content digest (64 hex), with a NUL between them.
    """
    bound = f"itil-gate-recognised-v1\0{repository}\0{target}\0{content}"
    return f"STD-{model}-{hashlib.sha256(bound.encode()).hexdigest()[:12]}"


def request_path(name: str) -> str:
    """Return under which path the request of a recognised change is shown and signed about."""
    return f"{FOLDER}/{name}.yaml"


def recognised(
    diff: Sequence[DiffEntry],
    *,
    models: Iterable[ChangeModel],
    config: Config,
    services: Sequence[Service],
    requester: str,
    target: str,
    content: str,
    today: date,
    level: Level | None = None,
) -> Recognised | tuple[str, ...]:
    """Return the standard change that a whole diff is, or the reasons why it is none.

    `requester` is the person who answers for the pull request, `today` the UTC day of the
    decision. Without a `level` the limit of risk is left to the judging of the request, as are the
    model's own checks always. Where two models fit, none is taken.
    """
    published = sorted(
        (one for one in models if one.spec.recognise and one.spec.type == "standard"),
        key=lambda one: one.metadata.name,
    )
    if not published:
        return ("no published standard model is recognised without a request",)
    territory = survey(diff, config)
    if reasons := _refused(diff, territory, config):
        return reasons
    fitting: list[Recognised] = []
    reasons = ()
    for model in published:
        name = recognised_id(
            model.metadata.name, repository=config.repository, target=target, content=content
        )
        found = _fitting(
            model,
            name=name,
            diff=diff,
            governed=territory.governed,
            config=config,
            services=services,
            requester=requester,
            today=today,
            level=level,
        )
        if isinstance(found, Recognised):
            fitting.append(found)
        else:
            reasons += found
    if len(fitting) > 1:
        names = " and ".join(one.model.metadata.name for one in fitting)
        return (f"{names} fit alike: write a request that names one, or narrow their paths",)
    return fitting[0] if fitting else reasons


def synthesise(
    model: ChangeModel,
    *,
    id: str,  # noqa: A002 - the key of the request
    paths: Iterable[str],
    services: Iterable[str],
    environments: Iterable[str],
    requester: str,
) -> Asked | tuple[Finding, ...]:
    """Return the request that stands for a recognised change, or why it would not be valid.

    The same values give the same text, byte for byte. Its path is in no tree. Paths with characters
    that no file may have, such as U+202E, give findings. The text holds the
    id as it is; it is read under a placeholder, so that the pattern of ids stays what it is.
    """
    text = _text(
        {
            "metadata": {
                "id": id,
                "title": (model.metadata.title or f"Standard change {model.metadata.name}")[
                    :_TITLE
                ],
                "requester": requester,
            },
            "spec": {
                "type": "standard",
                "model": model.metadata.name,
                "services": sorted(services),
                "environments": sorted(environments),
                "scope": smallest_scope(paths),
                "reason": model.spec.description,
            },
        }
    )
    source = Source(path=request_path(id), blob="", text=text)
    try:
        document = parse(text, file=source.path)
    except SourceError as error:
        return (source_finding(error),)
    metadata = {**document.data["metadata"], "id": PLACEHOLDER}
    change = read(replace(document, data={**document.data, "metadata": metadata}), ChangeRequest)
    if isinstance(change, tuple):
        return change
    named = change.metadata.model_copy(update={"id": id})
    return Asked(
        change.model_copy(update={"metadata": named}),
        source,
        hashlib.sha256(text.encode()).hexdigest(),
        document,
    )


def _refused(diff: Sequence[DiffEntry], territory: Territory, config: Config) -> tuple[str, ...]:
    """Return what keeps a diff from being recognised under any model."""
    if territory.requests:
        return ("request files change, so that the requests speak for the change",)
    if not territory.governed:
        return ("nothing governed changes, so that no request is needed",)
    reasons = []
    # A file system that folds cases would take .GitHub for the folder that runs the gate.
    judge = [
        entry.path
        for entry in diff
        if is_judge_path(config, entry.path) or is_judge_path(config, entry.path.casefold())
    ]
    if judge:
        reasons.append(
            f"policies, people, configuration or what runs the gate change: {few(judge)}"
        )
    odd = [
        f"{entry.path} ({entry.old_mode} to {entry.new_mode})"
        for entry in diff
        if (entry.old_mode, entry.new_mode) not in _PLAIN | _KEPT
    ]
    if odd:
        reasons.append(
            f"a link, a submodule or a program appears, disappears or changes its mode: {few(odd)}"
        )
    return tuple(reasons)


def _fitting(
    model: ChangeModel,
    *,
    name: str,
    diff: Sequence[DiffEntry],
    governed: Sequence[str],
    config: Config,
    services: Sequence[Service],
    requester: str,
    today: date,
    level: Level | None,
) -> Recognised | tuple[str, ...]:
    """Return the change if the diff fits one model, or the reasons why it does not.

    Every governed path has to say itself whose it is and where it takes effect: one that does must
    not speak for others beside it.
    """
    title = model.metadata.name
    paths = [entry.path for entry in diff]
    if lost := unowned(governed, services):
        return (f"{title}: no service of the catalogue owns {few(lost)}",)
    owners = services_of(paths, services)
    environments = set(environments_of(paths, config))
    if elsewhere := unplaced(governed, config):
        if not model.spec.limits.environments:
            named = "neither the configuration nor the model names an environment for"
            return (f"{title}: {named} {few(elsewhere)}",)
        environments |= set(model.spec.limits.environments)
    asked = synthesise(
        model,
        id=name,
        paths=paths,
        services=owners,
        environments=environments,
        requester=requester,
    )
    if isinstance(asked, tuple):
        return tuple(f"{title}: no request can be written: {found.message}" for found in asked)
    fit = fit_model(
        asked.change,
        models=(model,),
        entries=diff,
        services=owners,
        environments=sorted(environments),
        level=level or "low",
        today=today,
        judge_paths=(),  # refused before
        place=asked.document.place,
        checks=lambda _: (),  # judged with the request
    )
    if fit.findings:
        return tuple(f"{title}: {finding.message}" for finding in fit.findings)
    return Recognised(model, name, asked)


def _text(request: dict[str, dict[str, object]]) -> str:
    """Return a request as YAML: each value on a line, texts in double quotes."""
    lines = [f"apiVersion: {API_VERSION}", "kind: ChangeRequest"]
    for part, fields in request.items():
        lines.append(f"{part}:")
        lines += [f"  {key}: {_quoted(value)}" for key, value in fields.items()]
    return "\n".join(lines) + "\n"


def _quoted(value: object) -> str:
    """Return texts and lists of texts as both JSON and YAML write them; odd signs are escaped."""
    written = json.dumps(value, ensure_ascii=False)
    return "".join(sign if sign.isprintable() else f"\\U{ord(sign):08x}" for sign in written)
