"""Everything that can be said about policies before any change is: what lint finds, all together.

Each file has been looked at by itself before; here the judge's data are held against each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.decide.prospects import calendar_findings, prospect_findings
from itil_gate.model.config import CONFIG_PATH
from itil_gate.model.errors import ConfigError
from itil_gate.policy.compile import compile_conditions_of, compile_policies
from itil_gate.policy.files import error_findings
from itil_gate.policy.lint import lint_policies, lint_without_people, policy_documents
from itil_gate.prove.setting import judge_alone

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from itil_gate.model.config import Config
    from itil_gate.model.finding import Finding
    from itil_gate.model.policy import Source
    from itil_gate.model.policy_test import PolicyTest


def inspect_judge(
    judge: Sequence[Source], *, now: datetime, tests: Sequence[PolicyTest] | None = None
) -> tuple[Finding, ...]:
    """Return what is wrong or odd about the judge's data of a repository.

    `tests` are its policy tests, if it is to be said what they leave out.
    """
    try:
        policies = compile_policies(judge)
        documents = policy_documents(judge, policies.config)
        return (
            *lint_policies(
                policies,
                documents,
                today=now.date(),
                conditions=compile_conditions_of(judge),
                tests=tests,
            ),
            *prospect_findings(policies, documents, now=now),
            *calendar_findings(policies, now=now),
        )
    except ConfigError as error:
        return error_findings(error, file=CONFIG_PATH)


def inspect_alone(
    sources: Sequence[Source],
    *,
    config: Config,
    now: datetime,
    tests: Sequence[PolicyTest] | None = None,
) -> tuple[Finding, ...]:
    """Return what is wrong or odd about policies that belong to no repository yet."""
    judge = judge_alone(sources, config)
    try:
        policies = compile_policies(judge)
        return (
            *lint_without_people(
                policies,
                policy_documents(sources, config),
                today=now.date(),
                conditions=compile_conditions_of(judge),
                tests=tests,
            ),
            *calendar_findings(policies, now=now),
        )
    except ConfigError as error:
        return error_findings(error, file=config.locations.policies)
