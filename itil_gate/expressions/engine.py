"""The CEL engine (`cel-expr-python`), held at arm's length: the only file that imports it.

It is imported when the first expression is compiled, never before. What it does in its own way is
dealt with here: errors of evaluation come back as values, errors of Python functions are lost in
`||`, and what it says of a fault is text with a line and a column.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

from cel_expr_python import cel
from google.protobuf.message import DecodeError

from itil_gate.expressions.failure import Failure
from itil_gate.expressions.functions import Unanswered
from itil_gate.expressions.schema import Schema, message_name, moment, plain
from itil_gate.expressions.shapes import Many, Record, Scalar
from itil_gate.expressions.syntax import Checked, read_checked
from itil_gate.expressions.tree import Call, reads, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from itil_gate.expressions.functions import Native, Overload, Scene
    from itil_gate.expressions.shapes import Shape

ENGINE_ERRORS = (RuntimeError, ValueError, LookupError, TypeError)
"""What the engine raises; it turns its own statuses into these four."""
_COMPLAINT = re.compile(
    r"^(?:INVALID_ARGUMENT: )?ERROR: <input>:(-?\d+):(-?\d+): (.*)$", re.MULTILINE
)
_TYPES = {
    "string": cel.Type.STRING,
    "int": cel.Type.INT,
    "bool": cel.Type.BOOL,
    "timestamp": cel.Type.TIMESTAMP,
}
_PYTHON: dict[str, type] = {"string": str, "int": int, "bool": bool}
_ANSWERS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "bool": ("BOOL", lambda value: type(value) is bool),
    "int": ("INT", lambda value: type(value) is int),
    "string": ("STRING", lambda value: type(value) is str),
    "list(string)": (
        "LIST",
        lambda value: type(value) is list and all(type(each) is str for each in value),
    ),
}
"""Declared type to how the engine names it, and to whether a value of Python is one."""
_INT64 = 1 << 63


class Complaint(NamedTuple):
    """What the engine says is wrong, and the character where it says so."""

    offset: int
    text: str


class _Evaluation:
    """One evaluation: what functions may ask, and which of them did not answer."""

    __slots__ = ("scene", "unanswered")

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.unanswered: list[str] = []

    def why(self, otherwise: str) -> str:
        """Return why there is no value: a function that did not answer comes first."""
        return self.unanswered[0] if self.unanswered else otherwise


_CURRENT: ContextVar[_Evaluation] = ContextVar("evaluation")
"""The evaluation that is under way; the functions of an engine are made before there is one."""


class Engine:
    """The engine with the variables and functions of one environment."""

    def __init__(
        self,
        variables: Mapping[str, Shape],
        functions: Sequence[Native],
        *,
        schema: Schema | None = None,
    ) -> None:
        """Set the engine up; `schema` is that of another whose records are the same."""
        self._variables = variables
        self._natives = frozenset(each.name for each in functions)
        self._results = {each.name: each.result for each in functions if each.result}
        self.schema = schema or Schema(_records(variables.values()))
        self._env = cel.NewEnv(
            self.schema.pool,
            variables={name: _cel_type(shape) for name, shape in variables.items()},
            functions=[_declared(function) for function in functions],
        )

    def check(self, text: str) -> Checked | tuple[Complaint, ...]:
        """Return a checked expression, or what is wrong with it, in order of appearance."""
        try:
            compiled = self._env.compile(text)
        except ENGINE_ERRORS as error:
            return tuple(sorted(_complaints(str(error), text)))
        try:
            return read_checked(compiled.serialize(), text, self._variables, self._results)
        except DecodeError:
            return (Complaint(0, "Exceeded max recursion depth"),)

    def converted(self, name: str, value: Any) -> Any:
        """Return the value of a variable as every engine with the same schema takes it.

        Raises Failure for a value that does not fit its variable.
        """
        try:
            return self._converted(self._variables[name], value)
        except (TypeError, ValueError) as error:
            raise Failure(f"{name} does not fit its type: {error}") from error

    def activation(self, converted: dict[str, Any]) -> Any:
        """Return converted values in the form in which the engine reads them."""
        return self._env.Activation(converted)

    @staticmethod
    def run(program: Any, activation: Any, scene: Scene, expect: str) -> Any:
        """Evaluate a program: return a bool, int, str or tuple of str, whichever is expected.

        Raises Failure for an error of the engine, for a value of another type, and whenever a
        function did not answer, whatever the engine made of that.
        """
        evaluation = _Evaluation(scene)
        token = _CURRENT.set(evaluation)
        try:
            result = program.eval(activation)
        except ENGINE_ERRORS as error:
            raise Failure(evaluation.why(str(error))) from error
        finally:
            _CURRENT.reset(token)
        if evaluation.unanswered:
            raise Failure(evaluation.why(""))
        kind = result.type()
        if kind == cel.Type.ERROR:
            raise Failure(str(result.value()))
        name, is_expected = _ANSWERS[expect]
        value = result.plain_value() if kind.name().startswith(name) else None
        if not is_expected(value):
            raise Failure(f"the value is of the type {kind.name()}, not {expect}")
        return tuple(value) if isinstance(value, list) else value

    def prepare(self, checked: Checked) -> Any:
        """Return what `run` evaluates. Raises Failure if it has no value whatever the change.

        It is evaluated once without any values, so that what the engine cannot prepare, and
        constants that fail, are refused when policies load.
        """
        tree = checked.tree
        try:
            program = self._env.deserialize(checked.program)
            result = program.eval()
        except ENGINE_ERRORS as error:
            raise Failure(str(error)) from error
        asks = any(isinstance(each, Call) and each.function in self._natives for each in walk(tree))
        if result.type() == cel.Type.ERROR and not asks and not reads(tree):
            raise Failure(str(result.value()))
        return program

    def fault(self, text: str) -> bool:
        """Tell whether an expression without variables fails to compile or to evaluate."""
        try:
            return bool(self._env.compile(text).eval().type() == cel.Type.ERROR)
        except ENGINE_ERRORS:
            return True

    def _converted(self, shape: Shape, value: Any) -> Any:
        if isinstance(shape, Record):
            return self.schema.to_message(shape, value)
        if isinstance(shape, Many):
            return [self._converted(shape.item, item) for item in value]
        if isinstance(shape, Scalar):
            return _scalar(shape, value)
        raise TypeError("a variable is no mapping")


def _declared(function: Native) -> Any:
    """Return the engine's declaration of a function."""
    overloads = [
        cel.Overload(
            f"{function.name}_{number}",
            return_type=_named_type(each.returns),
            parameters=[_named_type(name) for name in each.parameters],
            impl=_recorded(function.name, each),
        )
        for number, each in enumerate(function.overloads)
    ]
    return cel.FunctionDecl(function.name, overloads)


def _recorded(name: str, overload: Overload) -> Callable[..., Any]:
    """Return a function that stands as unanswered in its evaluation until it has answered.

    So nothing that goes wrong in it can be lost on the way through the engine.
    """
    _, is_expected = _ANSWERS[overload.returns]

    def call(*arguments: Any) -> Any:
        evaluation = _CURRENT.get()
        evaluation.unanswered.append(f"{name}() did not answer")
        try:
            answer = overload.call(evaluation.scene, *arguments)
        except Unanswered as error:
            evaluation.unanswered[-1] = f"{name}(): {error}"
            raise
        if not is_expected(answer):
            raise TypeError(f"{name}() answers with a {type(answer).__name__}")
        evaluation.unanswered.pop()
        return answer

    return call


def _complaints(message: str, text: str) -> Iterator[Complaint]:
    """Yield the faults that are listed in one of the engine's messages."""
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    found = False
    for line, column, said in _COMPLAINT.findall(message):
        found = True
        start = starts[int(line) - 1] if 0 < int(line) <= len(starts) else 0
        yield Complaint(min(start + max(int(column) - 1, 0), len(text)), said)
    if not found:
        yield Complaint(0, message)


def _records(shapes: Iterable[Shape]) -> tuple[Record, ...]:
    """Return every record in some shapes, each once."""
    found: dict[Record, None] = {}
    waiting = list(shapes)
    while waiting:
        shape = waiting.pop()
        if isinstance(shape, Many):
            waiting.append(shape.item)
        elif isinstance(shape, Record) and shape not in found:
            found[shape] = None
            waiting.extend(each.shape for each in shape.fields.values())
    return tuple(found)


def _cel_type(shape: Shape) -> Any:
    if isinstance(shape, Many):
        return cel.Type.List(_cel_type(shape.item))
    if isinstance(shape, Record):
        return cel.Type(message_name(shape))
    if isinstance(shape, Scalar):
        return _TYPES[shape.kind]
    raise TypeError("a variable is no mapping")


def _named_type(name: str) -> Any:
    if name.startswith("list("):
        return cel.Type.List(_TYPES[name[5:-1]])
    if name.startswith("map("):
        key, value = name[4:-1].split(", ")
        return cel.Type.Map(_TYPES[key], _TYPES[value])
    return _TYPES[name]


def _scalar(shape: Scalar, value: Any) -> Any:
    if shape.kind == "timestamp":
        return moment(value)
    ready = plain(value)
    if type(ready) is not _PYTHON[shape.kind]:
        raise TypeError(f"{type(value).__name__} is no {shape.kind}")
    if isinstance(ready, str):
        ready.encode()  # half of a surrogate pair would confuse the engine
    elif isinstance(ready, int) and not -_INT64 <= ready < _INT64:
        raise ValueError("the number is beyond 64 bits")
    return ready
