"""Where faults are planted: in the functions and constants of a module that is loaded already.

A function gets the code of its faulty twin, so everybody who imported it runs that; a constant is
replaced wherever it was imported under its own name.
"""

from __future__ import annotations
import __future__

import ast
import importlib
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mutation.operators import faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FunctionType

LATE = __future__.annotations.compiler_flag
PARTS = ("__code__", "__defaults__", "__kwdefaults__")
BELOW = frozenset({"model", "reading", "expressions", "risk", "policy"})
"""Rooms whose caches hold nothing that a fault in the rooms above could have made."""


@dataclass(frozen=True)
class Mutant:
    """One fault: where it is, what stood there and what stands there instead."""

    module: str
    function: str
    """Qualified name of the function, or of a constant of the module."""
    number: int
    """Of the fault within the function."""
    line: int
    end: int
    before: str
    after: str

    @property
    def name(self) -> str:
        """What a list of mutants calls it; it survives changes elsewhere in the file."""
        return " ".join(f"{self.module}:{self.function}: {self.before} => {self.after}".split())


class Stillborn(Exception):  # noqa: N818 - it is no error of ours
    """The faulty code cannot even be loaded."""


def mutants(module: str) -> Iterator[Mutant]:
    """Return every fault of a module, in the order of its text."""
    for name, tree in _places(module):
        for number, (node, before, after) in enumerate(faults(tree)):
            first = getattr(node, "lineno", tree.lineno)
            last = getattr(node, "end_lineno", None) or first
            if isinstance(tree, ast.FunctionDef) and first < tree.body[0].lineno:  # a default
                first, last = tree.lineno, tree.end_lineno or tree.lineno
            yield Mutant(module, name, number, first, last, before, after)


@contextmanager
def planted(mutant: Mutant) -> Iterator[None]:
    """Plant a fault for as long as the block runs. Raises Stillborn if it does not load."""
    undo = plant(mutant)
    try:
        yield
    finally:
        undo()
        forget()


def plant(mutant: Mutant) -> Callable[[], None]:
    """Plant a fault into the loaded module, and return what takes it away again.

    Raises Stillborn if the faulty text does not load.
    """
    for name, tree in _places(mutant.module):
        if name == mutant.function:
            for number, _ in enumerate(faults(tree)):
                if number == mutant.number:
                    undo = _load(importlib.import_module(mutant.module), name, tree)
                    forget()
                    return undo
    raise LookupError(mutant.name)


def named(module: str, function: str, before: str, after: str) -> Mutant:
    """Return the one fault of a function that turns one text into another."""
    (found,) = (
        one
        for one in mutants(module)
        if (one.function, one.before, one.after) == (function, before, after)
    )
    return found


def _places(module: str) -> Iterator[tuple[str, ast.stmt]]:
    path = Path(importlib.import_module(module).__file__ or "")
    tree = ast.parse(path.read_text("utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    yield f"{node.name}.{inner.name}", inner
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node


def _load(module: ModuleType, name: str, tree: ast.stmt) -> Callable[[], None]:
    if isinstance(tree, ast.FunctionDef):
        tree.decorator_list = []
    made: dict[str, Any] = {}
    whole = ast.fix_missing_locations(ast.Module(body=[tree], type_ignores=[]))
    try:
        code = compile(whole, module.__file__ or "", "exec", flags=LATE, dont_inherit=True)
        exec(code, {**module.__dict__}, made)  # noqa: S102 - what is planted is our own text
    except Exception as error:
        raise Stillborn(str(error)) from error
    new = made[name.rpartition(".")[2]]
    if isinstance(tree, ast.FunctionDef):
        function = _function(module, name)
        kept = [(part, getattr(function, part)) for part in PARTS]

        def undo() -> None:
            for part, value in kept:
                setattr(function, part, value)

        for part in PARTS:
            setattr(function, part, getattr(new, part))
        return undo
    old = getattr(module, name)
    holders = [
        other
        for other in list(sys.modules.values())
        if isinstance(other, ModuleType) and other.__dict__.get(name) is old
    ]

    def put(value: object) -> None:
        for holder in holders:
            setattr(holder, name, value)

    put(new)
    return lambda: put(old)


def _function(module: ModuleType, name: str) -> FunctionType:
    found: Any = module
    for part in name.split("."):
        found = found.__dict__[part]
    found = getattr(found, "fget", found)
    found = getattr(found, "__func__", found)
    return getattr(found, "__wrapped__", found)


def forget() -> None:
    """Empty every cache of the package: what is in them was made without the fault."""
    for module in list(sys.modules.values()):
        room = getattr(module, "__name__", "").removeprefix("itil_gate.").partition(".")[0]
        if getattr(module, "__name__", "").startswith("itil_gate.") and room not in BELOW:
            for value in list(vars(module).values()):
                if hasattr(value, "cache_clear"):
                    value.cache_clear()
