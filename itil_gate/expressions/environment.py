"""The environment of expressions: typed variables and functions, compiled and evaluated.

A fault is found when the policies load, and the set then does not load; what can only go wrong
later is a PolicyError, and never a value. The engine is imported with the first expression.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

from itil_gate.expressions.comparisons import impossible
from itil_gate.expressions.complaints import Vocabulary, translate
from itil_gate.expressions.constants import constant
from itil_gate.expressions.failure import Failure, PolicyError, explained
from itil_gate.expressions.faults import Fault, all_of, kind
from itil_gate.expressions.functions import FUNCTIONS, Scene
from itil_gate.expressions.guards import unguarded
from itil_gate.expressions.shapes import Shapes, Table
from itil_gate.expressions.totality import partial
from itil_gate.expressions.tree import Call, Name, Node, reads, walk
from itil_gate.model.finding import Finding, Place
from itil_gate.model.frozen import frozen
from itil_gate.reading.wording import listed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from itil_gate.expressions.engine import Engine
    from itil_gate.expressions.functions import Native
    from itil_gate.expressions.shapes import Shape
    from itil_gate.expressions.syntax import Checked

T = TypeVar("T", bound=bool | int | str | tuple[str, ...])
Where = Place | Callable[[int], Place]
"""Where an expression stands: a place, or a function from its characters to places."""
MAX_LENGTH = 2000
"""The longest expression that is read, in characters."""
SCALARS = ("bool", "int", "string")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_GIVES = {
    "bool": "write a condition, as in change.spec.significant or size(list) > 3",
    "int": "write a whole number, as in condition ? 10 : 0",
    "string": "write a text, or make one of it: string(value)",
}


@frozen
class Compiled(Generic[T]):
    """An expression that fits its environment and has no fault; each is only itself."""

    text: str
    at: Callable[[int], Place]
    """Where its characters stand, the first being 0."""
    type: str
    """bool, int, string or list(string)."""
    reads: tuple[str, ...]
    """Paths of the fields it reads, as in change.spec.risk or services[].tier; sorted."""
    needs: frozenset[str]
    """Names of the variables that these paths begin with."""
    tree: Node
    program: Any
    environment: Environment

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    @property
    def place(self) -> Place:
        """Where it begins. Found out when asked, for a file is read again for its places."""
        return self.at(0)

    def evaluate(self, bindings: Bindings) -> T:
        """Return the value of the expression.

        Raises PolicyError if there is none: an error while evaluating, a function that did not
        answer, a variable that is not bound, or a value of another type than `type`.
        """
        try:
            value: T = self.environment.run(self, bindings)
        except Failure as failure:
            raise PolicyError(str(failure), expression=self.text, place=self.place) from failure
        return value


@frozen
class Bindings:
    """Values of variables, and what functions may ask beside their arguments; each only itself.

    They belong to the thread that first evaluates with them: the engine keeps its memory by thread.
    """

    environment: Environment
    values: Mapping[str, Any]
    scene: Scene
    converted: dict[str, Any]
    """What is converted already, always from the value of that name in `values`."""

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def also(
        self, values: Mapping[str, Any], *, environment: Environment | None = None
    ) -> Bindings:
        """Return the same with more values, for a later stage.

        `environment` is that of this, or one that it was extended to; TypeError for another.
        """
        if environment is not None and not environment.extends(self.environment):
            raise TypeError("the values are of an environment that this one does not extend")
        known = {name: made for name, made in self.converted.items() if name not in values}
        return (environment or self.environment).bind(
            {**self.values, **values}, scene=self.scene, converted=known
        )

    @cached_property
    def activation(self) -> Any:
        """The values in the form in which the engine reads them, made when first needed."""
        return self.environment.activation(self.values, self.converted)


class Environment:
    """Typed variables and functions.

    `variables` gives for each name a model class, str, int, bool, datetime, or a tuple type of
    one of those with any length. TypeError for any other, and for fields that cannot be typed.
    """

    def __init__(
        self,
        variables: Mapping[str, Any],
        functions: Sequence[Native] = FUNCTIONS,
        *,
        base: Environment | None = None,
    ) -> None:
        shapes = Shapes()
        own = {name: shapes.of(hint, where=name) for name, hint in variables.items()}
        self.variables: dict[str, Shape] = {**base.variables, **own} if base is not None else own
        self._base = base
        for name, shape in own.items():
            if isinstance(shape, Table):
                raise TypeError(f"{name}: a variable is no mapping; put it into a model")
        self.natives = {function.name: function for function in functions}

    def extended(self, variables: Mapping[str, type[bool | int | str]]) -> Environment:
        """Return an environment with more variables, such as those of a rule set.

        Its expressions are evaluated with values that are bound in it (`Bindings.also`).
        """
        if taken := self.variables.keys() & variables.keys():
            raise TypeError(f"there already is a variable {listed(sorted(taken))}")
        return Environment(variables, tuple(self.natives.values()), base=self)

    def extends(self, other: Environment) -> bool:
        """Tell whether this is the other one, or that one with more variables."""
        return self is other or (self._base is not None and self._base.extends(other))

    @overload
    def compile(
        self,
        text: str,
        *,
        expect: Literal["bool"],
        place: Where,
        sees: Collection[str] | None = None,
    ) -> Compiled[bool] | tuple[Finding, ...]: ...
    @overload
    def compile(
        self,
        text: str,
        *,
        expect: Literal["int"],
        place: Where,
        sees: Collection[str] | None = None,
    ) -> Compiled[int] | tuple[Finding, ...]: ...
    @overload
    def compile(
        self,
        text: str,
        *,
        expect: Literal["string"],
        place: Where,
        sees: Collection[str] | None = None,
    ) -> Compiled[str] | tuple[Finding, ...]: ...
    @overload
    def compile(
        self,
        text: str,
        *,
        expect: tuple[str, ...],
        place: Where,
        sees: Collection[str] | None = None,
    ) -> Compiled[Any] | tuple[Finding, ...]: ...

    def compile(
        self,
        text: str,
        *,
        expect: str | tuple[str, ...],
        place: Where,
        sees: Collection[str] | None = None,
    ) -> Compiled[Any] | tuple[Finding, ...]:
        """Return an expression ready to be evaluated, or every fault that it has.

        `expect` is the type of its value, or the types among which it may be. `place` is where the
        expression stands, `sees` the variables that are known when it is evaluated (all if None).
        """
        at = place if callable(place) else lambda _: place
        types = (expect,) if isinstance(expect, str) else expect
        checked = self._checked(text)
        if isinstance(checked, tuple):
            return _findings(checked, at)
        tree = checked.tree
        if faults := tuple(self._faults(tree, types, self.variables if sees is None else sees)):
            return _findings(faults, at)
        try:
            program = self.engine.prepare(checked)
        except Failure as failure:
            said, remedy = explained(str(failure))
            fault = Fault(0, "partial-builtin", f"this never has a value: {said}", remedy)
            return _findings((fault,), at)
        paths = reads(tree)
        needs = frozenset(re.split(r"[.\[]", path)[0] for path in paths)
        return Compiled(text, at, tree.type, paths, needs, tree, program, self)

    def bind(
        self,
        values: Mapping[str, Any],
        *,
        scene: Scene,
        converted: Mapping[str, Any] | None = None,
    ) -> Bindings:
        """Return values for the variables; those that are missing cannot be read.

        `converted` are those of them that an engine with the same records has converted before.
        """
        if unknown := values.keys() - self.variables.keys():
            raise TypeError(f"there is no variable {listed(sorted(unknown))}")
        return Bindings(self, dict(values), scene, dict(converted or {}))

    def activation(self, values: Mapping[str, Any], converted: dict[str, Any]) -> Any:
        """Return values in the form in which the engine reads them. Raises Failure.

        What `converted` lacks is converted and added to it.
        """
        for name, value in values.items():
            if name not in converted:
                converted[name] = self.engine.converted(name, value)
        return self.engine.activation(converted)

    def run(self, compiled: Compiled[Any], bindings: Bindings) -> Any:
        """Return the value of a compiled expression. Raises Failure if there is none."""
        if not bindings.environment is compiled.environment is self:
            raise TypeError("expression and values are not of this environment")
        if not compiled.needs <= bindings.values.keys():
            name = min(compiled.needs - bindings.values.keys())
            raise Failure(f"{name} is not known yet")
        return self.engine.run(compiled.program, bindings.activation, bindings.scene, compiled.type)

    @cached_property
    def engine(self) -> Engine:
        """The engine of this environment, made when first needed; records are described once."""
        from itil_gate.expressions.engine import Engine  # noqa: PLC0415  # see the module

        schema = self._base.engine.schema if self._base is not None else None
        return Engine(self.variables, tuple(self.natives.values()), schema=schema)

    def _checked(self, text: str) -> Checked | tuple[Fault, ...]:
        if len(text) > MAX_LENGTH:
            said = f"the expression is {len(text):,} characters long"
            remedy = f"write at most {MAX_LENGTH:,}, or split it into several rules"
            return (Fault(0, "expression-too-long", said, remedy),)
        if match := _CONTROL.search(text):
            said = f"the character U+{ord(match[0]):04X} is none of an expression"
            return (Fault(match.start(), "expression-syntax", said, "remove it"),)
        checked = self.engine.check(text)
        if isinstance(checked, tuple):
            return translate(checked, text, Vocabulary(self.variables, self.natives))
        return checked

    def _faults(self, tree: Node, types: tuple[str, ...], sees: Collection[str]) -> Iterator[Fault]:
        if tree.type not in types:
            said = f"the expression gives {kind(tree.type)}, not {listed(map(kind, types))}"
            yield Fault(0, "expression-type", said, _GIVES.get(types[0], "write another value"))
        unseen = self.variables.keys() - set(sees)
        for node in walk(tree):
            if isinstance(node, Name) and node.path == (node.name,) and node.name in unseen:
                said = f"{node.name} is not known yet where this is evaluated"
                remedy = f"what is known are {all_of(sees)}"
                yield Fault(node.offset, "unknown-field", said, remedy)
        refused = tuple(partial(tree, self.natives, self.engine.fault))
        yield from refused
        yield from unguarded(tree, follows=not refused)
        yield from impossible(tree)


def _findings(faults: tuple[Fault, ...], at: Callable[[int], Place]) -> tuple[Finding, ...]:
    return tuple(
        Finding(rule=fault.rule, message=fault.message, remedy=fault.remedy, place=at(fault.offset))
        for fault in sorted(set(faults))
    )


def is_constant(compiled: Compiled[Any]) -> bool:
    """Tell whether an expression always has the same value, so that it asks nothing.

    A condition is also constant if no words of its fields can change it; see constants.
    """
    if compiled.type == "bool" and constant(compiled.tree) is not None:
        return True
    calls = {node.function for node in walk(compiled.tree) if isinstance(node, Call)}
    return not compiled.reads and not calls & compiled.environment.natives.keys()
