"""The expressions of a policy set, compiled against what a decision can know at their stage.

One fault and the set does not load. Stages are ordered: facts and schedule, then risk, then lane;
an expression sees only what is known when it is evaluated, so nothing can depend on itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar

from itil_gate.model.external import ExternalCheck
from itil_gate.model.finding import Finding
from itil_gate.model.frozen import frozen
from itil_gate.model.policy import ApprovalPolicy, Lane
from itil_gate.model.risk import RiskModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from itil_gate.expressions.environment import Compiled, Environment
    from itil_gate.expressions.templates import Template
    from itil_gate.model.base import Model
    from itil_gate.model.change_model import ChangeModel
    from itil_gate.model.ruleset import PolicyRule, RuleSet
    from itil_gate.reading.document import Document, Path

T = TypeVar("T")
FACTS = ("change", "diff", "services", "schedule", "evidence", "people", "now")
"""What is known first; floors and factors see no more."""
WITH_RISK = (*FACTS, "risk")
"""What the conditions of change models see."""
WITH_LANE = (*WITH_RISK, "lane")
"""What rules, requirements and external checks see."""


@frozen
class CompiledRule:
    """One rule of a rule set, ready to be judged."""

    rule: PolicyRule
    policy: str
    """Name of the rule set."""
    when: Compiled[bool] | None
    expect: Compiled[bool]
    message: Template
    remedy: Template | None


@frozen
class CompiledRules:
    """A rule set: its rules, and the names that they share."""

    name: str
    environment: Environment
    variables: Mapping[str, Compiled[Any]]
    """Shared names; they read the plain environment and are bound in the set's own."""
    rules: tuple[CompiledRule, ...]


@frozen
class CompiledCheck:
    """A condition of a change model."""

    id: str
    expect: Compiled[bool]
    message: Template


@frozen
class Conditions:
    """Every expression of a policy set by where it belongs."""

    environment: Environment | None
    """None where the set has no expression, and then the engine is not even loaded."""
    rules: tuple[CompiledRules, ...]
    risk: Mapping[tuple[str, str, str], Compiled[bool]]
    """By name of the risk model, `floor` or `factor`, and id."""
    requirements: Mapping[tuple[str, str], Compiled[bool]]
    """By name of the approval policy and id."""
    checks: Mapping[str, tuple[CompiledCheck, ...]]
    """By name of the change model."""
    external: Mapping[str, Compiled[bool]]
    """By name of the external check."""


def compile_conditions(
    documents: Iterable[tuple[Document, Model]], faults: list[Finding]
) -> Conditions:
    """Return the expressions of policy documents; what is wrong with them is added to `faults`."""
    work = _Work(faults)
    for document, item in documents:
        if isinstance(item, RiskModel):
            work.risk_model(document, item)
        elif isinstance(item, ApprovalPolicy):
            work.approvals(document, item)
        elif _is_change_model(item):
            work.change_model(document, item)
        elif isinstance(item, ExternalCheck):
            if item.spec.when is not None:
                compiled = work.condition(document, item.spec.when, ("spec", "when"), WITH_LANE)
                _keep(work.external, item.metadata.name, compiled)
        elif _is_rule_set(item):
            work.rule_set(document, item)
    return Conditions(
        environment=work.made,
        rules=tuple(work.rules),
        risk=work.risk,
        requirements=work.requirements,
        checks=work.checks,
        external=work.external,
    )


def _is_change_model(item: Model) -> TypeGuard[ChangeModel]:
    return type(item).__name__ == "ChangeModel"


def _is_rule_set(item: Model) -> TypeGuard[RuleSet]:
    return type(item).__name__ == "RuleSet"


def environment() -> Environment:
    """Return the typed environment that all policies share, before names of their own."""
    from datetime import datetime  # noqa: PLC0415 - few policies have expressions

    from itil_gate.expressions.environment import Environment  # noqa: PLC0415 - as above
    from itil_gate.model.change import ChangeRequest  # noqa: PLC0415 - as above
    from itil_gate.model.environment import (  # noqa: PLC0415 - as above
        DiffView,
        EvidenceView,
        PeopleView,
        RiskView,
        ScheduleView,
        ServiceView,
    )

    return Environment(
        {
            "change": ChangeRequest,
            "diff": DiffView,
            "services": tuple[ServiceView, ...],
            "schedule": ScheduleView,
            "evidence": EvidenceView,
            "people": PeopleView,
            "now": datetime,
            "risk": RiskView,
            "lane": Lane,
        }
    )


class _Work:
    """Compiles documents one after the other and gathers what is wrong."""

    def __init__(self, faults: list[Finding]) -> None:
        self.faults = faults
        self.made: Environment | None = None
        self.rules: list[CompiledRules] = []
        self.risk: dict[tuple[str, str, str], Compiled[bool]] = {}
        self.requirements: dict[tuple[str, str], Compiled[bool]] = {}
        self.checks: dict[str, tuple[CompiledCheck, ...]] = {}
        self.external: dict[str, Compiled[bool]] = {}

    @property
    def environment(self) -> Environment:
        if self.made is None:
            self.made = environment()
        return self.made

    def risk_model(self, document: Document, item: RiskModel) -> None:
        floors = [("floor", index, one.id, one.when) for index, one in enumerate(item.spec.floors)]
        factors = [
            ("factor", index, one.id, one.when) for index, one in enumerate(item.spec.factors)
        ]
        for kind, index, name, when in floors + factors:
            if when is not None:
                path = ("spec", f"{kind}s", index, "when")
                compiled = self.condition(document, when, path, FACTS)
                _keep(self.risk, (item.metadata.name, kind, name), compiled)

    def approvals(self, document: Document, item: ApprovalPolicy) -> None:
        for index, entry in enumerate(item.spec.requirements):
            if entry.when is not None:
                path = ("spec", "requirements", index, "when")
                compiled = self.condition(document, entry.when, path, WITH_LANE)
                _keep(self.requirements, (item.metadata.name, entry.id), compiled)

    def change_model(self, document: Document, item: ChangeModel) -> None:
        found = []
        for index, entry in enumerate(item.spec.checks):
            at: Path = ("spec", "checks", index)
            expect = self.condition(document, entry.expect, (*at, "expect"), WITH_RISK)
            message = self.template(document, entry.message, (*at, "message"), WITH_RISK)
            if expect is not None and message is not None:
                found.append(CompiledCheck(entry.id, expect, message))
        self.checks[item.metadata.name] = tuple(found)

    def rule_set(self, document: Document, item: RuleSet) -> None:
        variables: dict[str, Compiled[Any]] = {}
        for name, text in item.spec.variables.items():
            path: Path = ("spec", "variables", name)
            compiled = self.environment.compile(
                text, expect=("bool", "int", "string"), place=_at(document, text, path)
            )
            if isinstance(compiled, tuple):
                self.faults += compiled
            elif name in self.environment.variables:
                self.faults.append(_taken(document, name, path))
            else:
                variables[name] = compiled
        if len(variables) < len(item.spec.variables):
            return
        types: dict[str, type[bool | int | str]] = {
            name: {"bool": bool, "int": int, "string": str}[one.type]
            for name, one in variables.items()
        }
        own = self.environment.extended(types) if types else self.environment
        made = (
            self._rule(document, item.metadata.name, rule, index, own)
            for index, rule in enumerate(item.spec.rules)
        )
        rules = [rule for rule in made if rule is not None]
        self.rules.append(CompiledRules(item.metadata.name, own, variables, tuple(rules)))

    def _rule(
        self, document: Document, policy: str, rule: PolicyRule, index: int, own: Environment
    ) -> CompiledRule | None:
        at: Path = ("spec", "rules", index)
        when = None
        if rule.when is not None:
            when = self.condition(document, rule.when, (*at, "when"), None, own)
        expect = self.condition(document, rule.expect, (*at, "expect"), None, own)
        message = self.template(document, rule.message, (*at, "message"), None, own)
        remedy = None
        if rule.remedy is not None:
            remedy = self.template(document, rule.remedy, (*at, "remedy"), None, own)
        if expect is None or message is None or (rule.when is not None and when is None):
            return None
        return CompiledRule(rule, policy, when, expect, message, remedy)

    def condition(
        self,
        document: Document,
        text: str,
        path: Path,
        sees: tuple[str, ...] | None,
        own: Environment | None = None,
    ) -> Compiled[bool] | None:
        compiled = (own or self.environment).compile(
            text, expect="bool", place=_at(document, text, path), sees=sees
        )
        if isinstance(compiled, tuple):
            self.faults += compiled
            return None
        return compiled

    def template(
        self,
        document: Document,
        text: str,
        path: Path,
        sees: tuple[str, ...] | None,
        own: Environment | None = None,
    ) -> Template | None:
        from itil_gate.expressions.templates import compile_template  # noqa: PLC0415 - rare

        compiled = compile_template(
            text, own or self.environment, place=_at(document, text, path), sees=sees
        )
        if isinstance(compiled, tuple):
            self.faults += compiled
            return None
        return compiled


def _at(document: Document, text: str, path: Path) -> Any:
    """Return a function from the characters of an expression to their places in the file."""

    def place(offset: int) -> Any:
        from itil_gate.expressions.placing import within  # noqa: PLC0415 - few policies have expressions

        return within(document.place(path), text, document.text)(offset)

    return place


def _taken(document: Document, name: str, path: Path) -> Finding:
    return Finding(
        rule="duplicate-name",
        message=f"{name} is a variable already",
        remedy="give the shared name another name",
        place=document.place(path),
    )


def _keep(kept: dict[T, Compiled[bool]], key: T, compiled: Compiled[bool] | None) -> None:
    if compiled is not None:
        kept[key] = compiled
