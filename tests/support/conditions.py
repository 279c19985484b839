"""A small environment of expressions, with values for its variables, for tests."""

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field

from itil_gate.expressions.environment import Bindings, Compiled, Environment
from itil_gate.expressions.functions import Scene
from itil_gate.model.base import Day, Duration, Level
from itil_gate.model.change import ChangeRequest
from itil_gate.model.finding import Finding, Place
from itil_gate.model.made import Made
from itil_gate.reading.read import read_text
from support.examples import REQUEST

PLACE = Place(file="policies/rules.yaml", line=7, column=11)
NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
"""A Friday."""


class Diff(Made):
    paths: tuple[str, ...] = ()
    files: int = 0
    added: int = 0


class Service(Made):
    name: str
    tier: int
    data_class: Literal["public", "internal", "secret"] = "internal"
    owner: str | None = None
    until: Day | None = None
    restore: Duration = "4h"
    labels: dict[str, str] = Field(default_factory=dict)


class Schedule(Made):
    planned: bool = False
    start: datetime | None = None
    freezes: tuple[str, ...] = ()


class Risk(Made):
    level: Level = "low"
    score: int = 0


VARIABLES: dict[str, Any] = {
    "change": ChangeRequest,
    "diff": Diff,
    "services": tuple[Service, ...],
    "schedule": Schedule,
    "now": datetime,
    "risk": Risk,
}
PATHS = ("db/migrations/7.sql", "deploy/payments/gateway.yaml", "src/app.py")


def request(text: str = REQUEST) -> ChangeRequest:
    """Return the example request."""
    read = read_text(text, "changes/one.yaml", ChangeRequest)
    assert isinstance(read, ChangeRequest), read
    return read


def values(**other: Any) -> dict[str, Any]:
    """Return a value for every variable."""
    return {
        "change": request(),
        "diff": Diff(paths=PATHS, files=len(PATHS), added=2),
        "services": (
            Service(name="payments-api", tier=1, labels={"team": "payments"}, owner="bob"),
            Service(name="web", tier=3),
        ),
        "schedule": Schedule(),
        "now": NOW,
        "risk": Risk(),
        **other,
    }


def scene(**other: Any) -> Scene:
    """Return what functions may ask."""
    return Scene(**{"paths": PATHS, "now": NOW, **other})


def bound(environment: Environment, **other: Any) -> Bindings:
    """Return every variable bound."""
    return environment.bind(values(**other), scene=scene())


def compiled(environment: Environment, text: str, **options: Any) -> Compiled[Any]:
    """Return a condition that has to be without fault."""
    made = environment.compile(text, **{"expect": "bool", "place": PLACE, **options})
    assert isinstance(made, Compiled), made
    return made


def refused(environment: Environment, text: str, **options: Any) -> tuple[Finding, ...]:
    """Return the findings about a condition that has to be refused."""
    made = environment.compile(text, **{"expect": "bool", "place": PLACE, **options})
    assert isinstance(made, tuple), f"{text} was accepted"
    assert made
    return made


def rules(environment: Environment, text: str, **options: Any) -> list[str]:
    """Return the rules that a condition breaks."""
    return [finding.rule for finding in refused(environment, text, **options)]
