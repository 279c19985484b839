"""Whether published change models are sound: found when the set loads, before any change is judged.

A model that stands in for an approval must say where it ends. Refused are models that leave that
open, that no request could ever satisfy, or that ask for fields no request has.
"""

from __future__ import annotations

from types import UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from pydantic import BaseModel

from itil_gate.model.base import LEVELS
from itil_gate.model.change import ChangeRequest
from itil_gate.model.finding import Finding
from itil_gate.reading.globs import compile_globs
from itil_gate.reading.wording import keys_at, listed, nearest, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pydantic.fields import FieldInfo

    from itil_gate.model.change_model import ChangeModel, FieldDemand
    from itil_gate.model.finding import Place
    from itil_gate.reading.document import Path

    PlaceOf = Callable[[ChangeModel, Path], Place | None]

EVERYTHING = frozenset({"**", "**/*", "**/**"})
"""Globs that match every path, and so bound nothing."""
_ANY = "\ue000" * 8
_NAMES = (_ANY, f"{_ANY}.{_ANY}")
"""Names that no glob means: what matches them matches any name, or any with an ending."""
RISKIEST = "medium"
"""The highest risk of what is commonly authorised in advance."""
WRITTEN = frozenset(
    (
        *("metadata.id", "metadata.title", "metadata.requester"),
        *("spec.type", "spec.model", "spec.services", "spec.environments", "spec.scope"),
        "spec.reason",
    )
)
"""The fields of the request that stands for a recognised change."""
NAMED = "spec.model"
"""A request that follows a model always names it."""


def check_models(models: Iterable[ChangeModel], place_of: PlaceOf) -> tuple[Finding, ...]:
    """Return what is unsound about change models, in their order.

    `place_of` tells where a key of a model stands. Findings that advise do not keep a set from
    loading.
    """
    return tuple(
        finding
        for model in models
        for finding in (
            *_ends(model, place_of),
            *_recognition(model, place_of),
            *_demands(model, place_of),
            *_duplicates(model, place_of),
        )
    )


def _ends(model: ChangeModel, place_of: PlaceOf) -> Iterator[Finding]:
    """Ask where a model ends that stands in for an approval."""
    name, spec = model.metadata.name, model.spec
    if spec.type in {"standard", "registration"}:
        if not spec.paths:
            yield _unsound(
                f"the {spec.type} model {name} has no paths: it would cover any change",
                "add paths, the globs within which its changes lie",
                place_of(model, ("spec",)),
            )
        for index, glob in enumerate(spec.paths):
            if glob in EVERYTHING:
                yield _unsound(
                    f"the {spec.type} model {name} has the path {glob}, which is every path",
                    "name the folders or files within which its changes lie",
                    place_of(model, ("spec", "paths", index)),
                )
        if EVERYTHING.isdisjoint(spec.paths) and _is_everywhere(spec.paths):
            yield _unsound(
                f"the paths of the {spec.type} model {name} together hold any folder: it would "
                "cover any change",
                "name the folders or files within which its changes lie",
                place_of(model, ("spec", "paths")),
            )
    if spec.type != "standard":
        return
    if spec.expires is None:
        yield _unsound(
            f"the standard model {name} never expires",
            "add expires, its last day of use",
            place_of(model, ("spec",)),
        )
    risk = spec.limits.risk
    if risk is None or LEVELS.index(risk) > LEVELS.index(RISKIEST):
        limit = f"allows {risk} risk" if risk else "sets no highest risk"
        yield Finding(
            rule="risky-standard-model",
            message=f"the standard model {name} {limit}, and nobody approves its changes",
            remedy=f"set limits.risk to {listed(LEVELS[: LEVELS.index(RISKIEST) + 1])}",
            effect="advise",
            place=place_of(model, ("spec", "limits", "risk")),
        )


def _is_everywhere(globs: Sequence[str]) -> bool:
    """Tell whether globs together hold files of any name in folders of any name and depth."""
    holds = compile_globs(globs)
    deepest = 2 + max((glob.count("/") for glob in globs), default=0)
    return any(
        all(holds("/".join([_ANY] * depth + [name])) for depth in range(1, deepest + 1))
        for name in _NAMES
    )


def _recognition(model: ChangeModel, place_of: PlaceOf) -> Iterator[Finding]:
    """Ask whether changes without a request can be recognised by a model, and how large ones."""
    name, spec = model.metadata.name, model.spec
    if not spec.recognise:
        return
    where = place_of(model, ("spec", "recognise"))
    if spec.type != "standard":
        yield _unsound(
            f"{name} is a {spec.type} model, and only changes of standard ones are recognised",
            "remove recognise, or make it a standard model",
            where,
        )
    if spec.limits.files is None:
        yield _unsound(
            f"changes of {name} are recognised, however large they are",
            "add limits.files, how many files they may change",
            where,
        )
    for index, demand in enumerate(spec.fields):
        if demand.is_ == "mandatory" and demand.stage != "close" and demand.path not in WRITTEN:
            yield _unsound(
                f"{name} asks for {demand.path}, which no change has that is recognised without "
                "a request",
                "remove recognise, or do not ask for the field",
                place_of(model, ("spec", "fields", index, "path")),
            )


def _demands(model: ChangeModel, place_of: PlaceOf) -> Iterator[Finding]:
    name, demands = model.metadata.name, model.spec.fields
    for index, demand in enumerate(demands):
        where = place_of(model, ("spec", "fields", index, "path"))
        fault = field_fault(demand.path)
        if fault is not None:
            message, remedy = fault
            yield Finding(rule="unknown-field", message=message, remedy=remedy, place=where)
            continue
        if demand.is_ == "hidden" and (demand.path == NAMED or _is_required(demand.path)):
            yield _unsound(
                f"{name} hides {demand.path}, which every request that follows it has",
                "remove the entry",
                where,
            )
        other = next((one for one in demands[:index] if _contradict(one, demand)), None)
        if other is not None:
            yield Finding(
                rule="contradicting-fields",
                message=f"{name} asks for {demand.path} to be {demand.is_} and for {other.path} "
                f"to be {other.is_}",
                remedy="keep one of the two entries",
                place=where,
            )


def _duplicates(model: ChangeModel, place_of: PlaceOf) -> Iterator[Finding]:
    names = [check.id for check in model.spec.checks]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Finding(
                rule="duplicate-name",
                message=f"checks has the id {name} twice",
                remedy="give each its own id",
                place=place_of(model, ("spec", "checks", index, "id")),
            )


def field_fault(path: str) -> tuple[str, str] | None:
    """Return why a request has no field of that path, and a remedy; None if it has one.

    The organisation's own `x-…` fields are taken as they are: its own schema knows them.
    """
    steps = path.split(".")
    model: type[BaseModel] | None = ChangeRequest
    for index, step in enumerate(steps):
        around = ".".join(steps[:index])
        if step.startswith("x-"):
            return None
        if model is None:
            return (
                f"{around} holds no fields that could be asked for one by one, such as {path}",
                f"ask for {around}",
            )
        known = keys_at(ChangeRequest, steps[:index])
        if step not in known:
            meant = nearest(step, known)
            right = ".".join(filter(None, (around, meant)))
            remedy = f"did you mean {right}?" if meant else f"name {listed(sorted(known))}"
            inside = f"{around} of " if around else ""
            return f"{path} is no field of a request: {inside}it has no {quoted(step)}", remedy
        model = _model(_field(model, step))
    return None


def _is_required(path: str) -> bool:
    """Tell whether every request has the field: it and everything around it must be written."""
    model: type[BaseModel] | None = ChangeRequest
    for step in path.split("."):
        if model is None or step.startswith("x-"):
            return False
        field = _field(model, step)
        if not field.is_required():
            return False
        model = _model(field)
    return True


def _contradict(one: FieldDemand, other: FieldDemand) -> bool:
    """Tell whether one entry asks for a field that the other hides, itself or what it lies in."""
    if one.is_ == other.is_:
        return False
    hidden, wanted = (one, other) if one.is_ == "hidden" else (other, one)
    return f"{wanted.path}.".startswith(f"{hidden.path}.")


def _field(model: type[BaseModel], key: str) -> FieldInfo:
    return next(field for field in model.model_fields.values() if field.alias == key)


def _model(field: FieldInfo) -> type[BaseModel] | None:
    """Return the mapping of keys that a field holds; None for texts, numbers and lists."""
    kind: Any = field.annotation
    choices = get_args(kind) if get_origin(kind) in {UnionType, Union} else (kind,)
    return next(
        (one for one in choices if isinstance(one, type) and issubclass(one, BaseModel)), None
    )


def _unsound(message: str, remedy: str, place: Place | None) -> Finding:
    return Finding(rule="unsound-model", message=message, remedy=remedy, place=place)
