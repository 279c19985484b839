"""What in a policy set can never matter: hidden globs, idle floors, models and waivers, constants.

Among it is a deploy gate that any name of an environment gets round.

Such parts look like protection and are none, or were meant otherwise. All of it is advice: the set
loads and decides as it is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.base import LEVELS
from itil_gate.model.config import CONFIG_PATH
from itil_gate.model.finding import Finding, Place
from itil_gate.policy.placing import spec_place
from itil_gate.reading.glob_cover import covers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from itil_gate.model.change_model import ChangeModel
    from itil_gate.model.policy import PolicySet
    from itil_gate.model.risk import Floor, RiskModel
    from itil_gate.policy.conditions import Conditions
    from itil_gate.reading.document import Document


def idle_findings(
    policies: PolicySet, documents: Sequence[Document], *, today: date
) -> Iterator[Finding]:
    """Yield advice about what never matters. `today` is a UTC day."""
    for model in policies.risk_models:
        yield from _floors(model, documents)
    for published in policies.change_models:
        yield from _model(published, policies, documents, today)
    yield from _globs(policies, documents)
    yield from _case(policies, documents)
    yield from _waivers(policies, documents, today)
    yield from _environments(policies)


def constant_findings(conditions: Conditions) -> Iterator[Finding]:
    """Yield advice about conditions that always have the same value."""
    from itil_gate.expressions.environment import is_constant  # noqa: PLC0415 - only with CEL

    every = [
        *conditions.risk.values(),
        *conditions.requirements.values(),
        *conditions.external.values(),
        *(check.expect for checks in conditions.checks.values() for check in checks),
        *(
            one
            for rules in conditions.rules
            for rule in rules.rules
            for one in (rule.when, rule.expect)
        ),
    ]
    for compiled in every:
        if compiled is not None and is_constant(compiled):
            yield Finding(
                rule="constant-condition",
                message="the condition always has the same value, so it asks nothing: "
                f"{compiled.text}",
                remedy="correct it, or remove it and what depends on it",
                effect="advise",
                place=compiled.place,
            )


def _floors(model: RiskModel, documents: Sequence[Document]) -> Iterator[Finding]:
    """Find floors behind a floor that is as high, and floors at the level everything starts at."""
    default = model.spec.default if not model.spec.bands else LEVELS[0]
    for index, floor in enumerate(model.spec.floors):
        place = spec_place(documents, model, "floors", index)
        if LEVELS.index(floor.level) <= LEVELS.index(default):
            yield _idle(
                f"the floor {floor.id} is {floor.level}, and no change is below {default}",
                "raise its level, or remove it",
                place,
            )
            continue
        for other_index, other in enumerate(model.spec.floors):
            if _over(other, floor) and not (_over(floor, other) and index < other_index):
                yield _idle(
                    f"the floor {floor.id} never matters: {other.id} covers all its paths and is "
                    f"{other.level} too"
                    if other.level == floor.level
                    else f"the floor {floor.id} never matters: {other.id} covers all its paths and "
                    f"is {other.level}",
                    f"narrow the paths of {other.id}, or remove {floor.id}",
                    place,
                )
                break


def _over(other: Floor, floor: Floor) -> bool:
    return (
        other is not floor
        and other.when is None
        and bool(floor.paths)
        and LEVELS.index(other.level) >= LEVELS.index(floor.level)
        and all(any(covers(outer, inner) for outer in other.paths) for inner in floor.paths)
    )


def _model(
    model: ChangeModel, policies: PolicySet, documents: Sequence[Document], today: date
) -> Iterator[Finding]:
    """Find models that no change can use any more, or ever."""
    name, spec = model.metadata.name, model.spec
    if spec.expires is not None and spec.expires < today:
        yield _unreachable(
            f"the change model {name} expired: its last day of use was {spec.expires}",
            "publish it anew with a later day, or remove it",
            spec_place(documents, model, "expires"),
        )
    limit = spec.limits.risk
    if limit is None:
        return
    for risk in policies.risk_models:
        for floor in risk.spec.floors:
            hit = floor.when is None and LEVELS.index(floor.level) > LEVELS.index(limit)
            if (
                hit
                and spec.paths
                and all(any(covers(outer, inner) for outer in floor.paths) for inner in spec.paths)
            ):
                yield _unreachable(
                    f"no change fits the change model {name}: it allows {limit} risk, and the "
                    f"floor {floor.id} makes all its paths {floor.level}",
                    "raise limits.risk, or narrow the floor",
                    spec_place(documents, model, "limits", "risk"),
                )
        default = risk.spec.default
        if not risk.spec.bands and LEVELS.index(default) > LEVELS.index(limit):
            yield _unreachable(
                f"no change fits the change model {name}: it allows {limit} risk, and every change "
                f"is at least {default}",
                "raise limits.risk, or lower the default of the risk model",
                spec_place(documents, model, "limits", "risk"),
            )


def _globs(policies: PolicySet, documents: Sequence[Document]) -> Iterator[Finding]:
    """Find globs that stand behind another one of the same list."""
    for whose, globs, place in _lists(policies, documents):
        for index, inner in enumerate(globs):
            for other, outer in enumerate(globs):
                if other == index or not covers(outer, inner):
                    continue
                if covers(inner, outer) and index < other:
                    continue
                yield Finding(
                    rule="shadowed-glob",
                    message=f"{inner} of {whose} adds nothing: {outer} matches all of it",
                    remedy=f"remove {inner}, or narrow {outer}",
                    effect="advise",
                    place=place,
                )
                break


def _case(policies: PolicySet, documents: Sequence[Document]) -> Iterator[Finding]:
    """Find globs that differ only in upper and lower case: globs match case-sensitively."""
    seen: dict[str, tuple[str, str]] = {}
    for whose, globs, place in _lists(policies, documents):
        for glob in globs:
            first, other = seen.setdefault(glob.casefold(), (glob, whose))
            if first != glob:
                yield Finding(
                    rule="path-case-collision",
                    message=f"{glob} of {whose} and {first} of {other} differ only in case, and "
                    "globs tell cases apart",
                    remedy="write both as the paths in the repository are written",
                    effect="advise",
                    place=place,
                )


def _lists(
    policies: PolicySet, documents: Sequence[Document]
) -> Iterator[tuple[str, tuple[str, ...], Place | None]]:
    """Yield every list of globs, whose it is, and where it is written."""
    for risk in policies.risk_models:
        for index, floor in enumerate(risk.spec.floors):
            place = spec_place(documents, risk, "floors", index, "paths")
            yield f"the floor {floor.id}", floor.paths, place
    for model in policies.change_models:
        place = spec_place(documents, model, "paths")
        yield f"the change model {model.metadata.name}", model.spec.paths, place
    for waiver in policies.waivers:
        place = spec_place(documents, waiver, "selector", "paths")
        yield f"the waiver {waiver.metadata.name}", waiver.spec.selector.paths, place
    for service in policies.services:
        yield f"the service {service.name}", service.paths, None
    config = policies.config
    if config.governed:
        yield "the governed paths", config.governed, Place(file=CONFIG_PATH)
    for exemption in config.exempt:
        yield "an exemption", exemption.paths, Place(file=CONFIG_PATH)
    for environment in config.environments:
        yield f"the environment {environment.name}", environment.paths, Place(file=CONFIG_PATH)


def _environments(policies: PolicySet) -> Iterator[Finding]:
    """Find a deploy gate that takes any name, and with another name asks about nothing."""
    config = policies.config
    if config.log is not None and not config.release.environments:
        yield Finding(
            rule="open-environments",
            message="release.environments lists nothing, so a release may name any environment, "
            "also one that no window, freeze or earlier release knows",
            remedy="list the environments that are released to under release.environments",
            effect="advise",
            place=Place(file=CONFIG_PATH),
        )


def _waivers(policies: PolicySet, documents: Sequence[Document], today: date) -> Iterator[Finding]:
    rules = {rule.id: rule for one in policies.rule_sets for rule in one.spec.rules}
    known = {service.name for service in policies.services}
    for waiver in policies.waivers:
        name, spec = waiver.metadata.name, waiver.spec
        rule = rules.get(spec.rule)
        if spec.expires < today:
            yield Finding(
                rule="waiver-expired",
                message=f"the waiver {name} ended on {spec.expires} and waives nothing any more",
                remedy="remove it, or let its approver decide anew",
                effect="advise",
                place=spec_place(documents, waiver, "expires"),
            )
        elif rule is not None and (rule.enforcement == "advisory" or rule.mode == "audit"):
            yield _unused(
                f"the waiver {name} waives {rule.id}, which only advises",
                "remove it",
                spec_place(documents, waiver, "rule"),
            )
        elif strangers := sorted(set(spec.selector.services) - known):
            yield _unused(
                f"the waiver {name} is for {', '.join(strangers)}, which the catalogue does not "
                "have",
                "correct the name, or remove the waiver",
                spec_place(documents, waiver, "selector", "services"),
            )


def _idle(message: str, remedy: str, place: Place | None) -> Finding:
    return Finding(
        rule="shadowed-floor", message=message, remedy=remedy, effect="advise", place=place
    )


def _unreachable(message: str, remedy: str, place: Place | None) -> Finding:
    return Finding(
        rule="unreachable-model", message=message, remedy=remedy, effect="advise", place=place
    )


def _unused(message: str, remedy: str, place: Place | None) -> Finding:
    return Finding(
        rule="unused-waiver", message=message, remedy=remedy, effect="advise", place=place
    )
