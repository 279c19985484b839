"""Change models: whether a request fits the published model that it names, and why not.

A model is only ever a limit here: what fits it may take the model's lane, what does not is refused
and says by how much. Every check grows with the diff, so that adding to a change never makes it
fit. What a model's own expressions say is handed in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from itil_gate.decide.coverage import SHOWN
from itil_gate.model.base import LEVELS
from itil_gate.model.change import ChangeRequest
from itil_gate.model.finding import Finding
from itil_gate.model.frozen import frozen
from itil_gate.reading.globs import compile_globs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date

    from itil_gate.model.base import Level
    from itil_gate.model.change import ChangeType
    from itil_gate.model.change_model import ChangeModel, Limits, Stage
    from itil_gate.model.facts import DiffEntry
    from itil_gate.model.finding import Effect, Place
    from itil_gate.reading.document import Path

UNAPPROVED: frozenset[ChangeType] = frozenset({"standard", "registration"})
"""The types whose models stand in for an approval, so that more is asked of the diff."""
MERGE_STAGES: frozenset[Stage] = frozenset({"proposal", "authorisation"})
"""The stages that a request has reached at the merge gate; it is not closed there."""
_ELSEWHERE = {"120000": "a symbolic link", "160000": "a submodule"}
_NORMAL = "make it `type: normal` without a model"


@frozen
class Fit:
    """The published model that a request names, and what keeps the request from fitting it."""

    model: ChangeModel | None
    findings: tuple[Finding, ...] = ()


def fit_model(
    change: ChangeRequest,
    *,
    models: Sequence[ChangeModel],
    entries: Sequence[DiffEntry],
    services: frozenset[str],
    environments: Sequence[str],
    level: Level,
    today: date,
    judge_paths: Sequence[str],
    place: Callable[[Path], Place],
    checks: Callable[[ChangeModel], tuple[Finding, ...]],
) -> Fit:
    """Return the model that a request names with everything that keeps it from fitting.

    `entries` are the whole diff without request files, `services` its footprint, `environments`
    those it takes effect in, `level` the assessed risk, `today` the UTC day of the decision,
    `judge_paths` the changed paths of the judge's data. `place` tells where a key of the request
    stands, `checks` what the model's own expressions find.
    """
    spec = change.spec
    published = _for_emergencies(models) if spec.type == "emergency" else ()
    if spec.model is None and len(published) != 1:
        if spec.type != "standard" and not published:
            return Fit(None)
        said = f"the request is of type {spec.type} and names no change model"
        return Fit(None, (_unknown(said, models, None, place(("spec", "type"))),))
    name = spec.model or published[0].metadata.name
    model = next((one for one in models if one.metadata.name == name), None)
    if model is None:
        said = f"the change model {spec.model} is not published"
        return Fit(None, (_unknown(said, models, spec.model, place(("spec", "model"))),))
    used = place(("spec", "model" if spec.model else "type"))
    found = [
        *_type(change, model, place),
        *_term(model, today, used),
        *_outside(model, entries, used),
        *_judge(model, judge_paths, used),
        *_sizes(model, entries, used),
    ]
    limits = model.spec.limits
    found += _services(model, services, place)
    found += _environments(model, environments, place)
    if limits.risk is not None and LEVELS.index(level) > LEVELS.index(limits.risk):
        said = f"the risk is {level}, and {model.metadata.name} allows at most {limits.risk}"
        found.append(_limit(said, used))
    if spec.model is not None:
        # Papers are asked of who follows a model on purpose; its limits hold for everybody.
        found += _fields(change, model, place)
    return Fit(model, (*found, *checks(model)))


def _for_emergencies(models: Sequence[ChangeModel]) -> tuple[ChangeModel, ...]:
    """Return the models that emergencies follow, whether or not a request names one.

    Their limits hold for every emergency; only where there are several must one be named.
    """
    return tuple(one for one in models if one.spec.type == "emergency")


def few(names: Sequence[str]) -> str:
    """Return names as one text: at most ten of them, and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if names[SHOWN:] else ""
    return ", ".join(names[:SHOWN]) + more


def _unknown(said: str, models: Sequence[ChangeModel], name: str | None, where: Place) -> Finding:
    from itil_gate.reading.wording import listed, nearest  # noqa: PLC0415 - only for messages

    names = sorted(one.metadata.name for one in models)
    meant = nearest(name, names) if name else None
    if meant:
        remedy = f"did you mean {meant}?"
    elif names:
        remedy = f"name {listed(names[:SHOWN])} in spec.model, or {_NORMAL}"
    else:
        remedy = f"{_NORMAL}; no model is published on the target"
    return Finding(rule="unknown-model", message=said, remedy=remedy, place=where)


def _type(
    change: ChangeRequest, model: ChangeModel, place: Callable[[Path], Place]
) -> Iterator[Finding]:
    wanted = model.spec.type
    if change.spec.type != wanted:
        yield Finding(
            rule="model-type",
            message=f"the request is of type {change.spec.type}, and the change model "
            f"{model.metadata.name} is of type {wanted}",
            remedy=f"write `type: {wanted}`, or name another model",
            place=place(("spec", "type")),
        )


def _term(model: ChangeModel, today: date, where: Place) -> Iterator[Finding]:
    """Hold the model's last days against today; both are days of use."""
    name, owner, spec = model.metadata.name, model.metadata.owner, model.spec
    if spec.expires is not None and spec.expires < today:
        yield Finding(
            rule="model-expired",
            message=f"the change model {name} expired: its last day of use was {spec.expires}",
            remedy=f"{owner} publishes it anew with a later expires, or {_NORMAL}",
            place=where,
        )
    if spec.recertify_by is not None and spec.recertify_by < today:
        effect: Effect = "deny" if spec.type == "standard" else "advise"
        yield Finding(
            rule="model-expired",
            message=f"the change model {name} was not certified again: that was due by "
            f"{spec.recertify_by}",
            remedy=f"{owner} looks at how its changes went and sets a later recertifyBy, "
            f"or {_NORMAL}",
            effect=effect,
            place=where,
        )


def _outside(model: ChangeModel, entries: Sequence[DiffEntry], where: Place) -> Iterator[Finding]:
    name, spec = model.metadata.name, model.spec
    if spec.paths:
        holds = compile_globs(spec.paths)
        outside = [entry.path for entry in entries if not holds(entry.path)]
        if outside:
            kept = ", ".join(spec.paths[:SHOWN]) + (" and more" if spec.paths[SHOWN:] else "")
            yield Finding(
                rule="outside-model",
                message=f"{len(outside)} path(s) lie outside the change model {name}: "
                f"{few(outside)}",
                remedy=f"keep to {kept}, or {_NORMAL}",
                place=where,
            )
    if spec.type in UNAPPROVED:
        links = [
            f"{entry.path} ({_ELSEWHERE[entry.new_mode]})"
            for entry in entries
            if entry.new_mode in _ELSEWHERE
        ]
        if links:
            yield Finding(
                rule="outside-model",
                message=f"what a link or a submodule stands for lies outside of any {spec.type} "
                f"model: {few(links)}",
                remedy=f"store regular files, or {_NORMAL}",
                place=where,
            )


def _judge(model: ChangeModel, paths: Sequence[str], where: Place) -> Iterator[Finding]:
    kind = model.spec.type
    if paths and kind in UNAPPROVED:
        yield Finding(
            rule="outside-model",
            message=f"policies, people, configuration or what runs the gate change, which no "
            f"{kind} model covers: {few(paths)}",
            remedy=f"take them out of this change, or {_NORMAL}",
            place=where,
        )


def _sizes(model: ChangeModel, entries: Sequence[DiffEntry], where: Place) -> Iterator[Finding]:
    name, limits = model.metadata.name, model.spec.limits
    deleted = sum(entry.status == "D" for entry in entries)
    figures = (
        (len(entries), limits.files, "change"),
        (deleted, limits.deletions, "are deleted"),
    )
    for count, most, what in figures:
        if most is not None and count > most:
            yield _limit(f"{count} files {what}, and {name} allows at most {most}", where)


def _services(
    model: ChangeModel, services: frozenset[str], place: Callable[[Path], Place]
) -> Iterator[Finding]:
    most = model.spec.limits.services
    if most is not None and len(services) > most:
        said = (
            f"{len(services)} services change, and {model.metadata.name} allows at most {most}: "
            f"{few(sorted(services))}"
        )
        yield _limit(said, place(("spec", "services")))


def _environments(
    model: ChangeModel, environments: Sequence[str], place: Callable[[Path], Place]
) -> Iterator[Finding]:
    limits: Limits = model.spec.limits
    beyond = sorted(set(environments) - set(limits.environments))
    if limits.environments and beyond:
        said = (
            f"the change takes effect in {few(beyond)}, and {model.metadata.name} allows only "
            f"{', '.join(limits.environments)}"
        )
        yield _limit(said, place(("spec", "environments")))


def _limit(said: str, where: Place) -> Finding:
    return Finding(
        rule="model-limit",
        message=said,
        remedy=f"make the change smaller, or {_NORMAL}",
        place=where,
    )


def _fields(
    change: ChangeRequest, model: ChangeModel, place: Callable[[Path], Place]
) -> Iterator[Finding]:
    """Find fields that the model asks for and are not given, or hides and are."""
    for demand in model.spec.fields:
        if demand.stage not in MERGE_STAGES:
            continue
        steps = demand.path.split(".")
        given = _filled(_value(change, steps))
        if given == (demand.is_ == "mandatory"):
            continue
        because = f": {demand.reason}" if demand.reason else ""
        name = model.metadata.name
        if given:
            said = f"{demand.path} is given, and {name} has no use for it{because}"
            remedy = f"remove {demand.path}, or {_NORMAL}"
        else:
            said = f"{demand.path} is missing, and {name} asks for it{because}"
            remedy = f"add {demand.path}{_meaning(steps)}"
        yield Finding(rule="model-field", message=said, remedy=remedy, place=place(tuple(steps)))


def _value(change: ChangeRequest, steps: Sequence[str]) -> object:
    """Return what the request writes for a field; None where it writes nothing.

    A default of ours is not something that anybody wrote.
    """
    value: object = change
    for step in steps:
        if step.startswith("x-"):
            value = change.spec.extensions.get(step)
            continue
        if not isinstance(value, BaseModel):
            return None
        fields = type(value).model_fields
        name = next((name for name, field in fields.items() if field.alias == step), "")
        value = getattr(value, name) if name in value.model_fields_set else None
    return value


def _filled(value: object) -> bool:
    """Tell whether there is something in a value; a text of blanks says nothing."""
    if value is None:
        return False
    if isinstance(value, str):
        return any(sign.isprintable() and not sign.isspace() for sign in value)
    if isinstance(value, BaseModel):
        return any(_filled(getattr(value, name)) for name in value.model_fields_set)
    if isinstance(value, dict):
        return any(map(_filled, value.values()))
    return any(map(_filled, value)) if isinstance(value, (tuple, list)) else True


def _meaning(steps: Sequence[str]) -> str:
    from itil_gate.reading.wording import keys_at  # noqa: PLC0415 - only for messages

    meaning = keys_at(ChangeRequest, steps[:-1]).get(steps[-1], "")
    return f": {meaning}" if meaning else ""
