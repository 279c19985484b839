"""Messages with expressions in them: `${ expression }`, and `$${` for the characters themselves.

An expression in a message gives a text, a whole number, true or false, or a list of texts, which
is written with commas. What is filled in may be a stranger's text; the reporter that prints the
message escapes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from itil_gate.expressions.environment import Compiled
from itil_gate.model.finding import Finding, Place

if TYPE_CHECKING:
    from collections.abc import Collection

    from itil_gate.expressions.environment import Bindings, Environment, Where

_SHOWN = ("string", "int", "bool", "list(string)")


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A message whose expressions are compiled."""

    text: str
    parts: tuple[str | Compiled[Any], ...]

    @property
    def reads(self) -> tuple[str, ...]:
        """Paths of the fields that its expressions read, sorted."""
        compiled = (part for part in self.parts if isinstance(part, Compiled))
        return tuple(sorted({path for part in compiled for path in part.reads}))

    def render(self, bindings: Bindings) -> str:
        """Return the message. Raises PolicyError as evaluating an expression does."""
        return "".join(
            part if isinstance(part, str) else _shown(part.evaluate(bindings))
            for part in self.parts
        )


def compile_template(
    text: str,
    environment: Environment,
    *,
    place: Where,
    sees: Collection[str] | None = None,
) -> Template | tuple[Finding, ...]:
    """Return a message ready to be rendered, or every fault of its expressions.

    `place` and `sees` are as for an expression.
    """
    at = place if callable(place) else lambda _: place
    parts: list[str | Compiled[Any]] = []
    findings: list[Finding] = []
    start = 0
    while (found := text.find("${", start)) >= 0:
        if found > 0 and text[found - 1] == "$":
            parts.append(f"{text[start : found - 1]}${{")
            start = found + 2
            continue
        parts.append(text[start:found])
        end = _closing(text, found + 2)
        if end is None:
            findings.append(_open(at(found)))
            break
        compiled = environment.compile(
            text[found + 2 : end],
            expect=_SHOWN,
            place=lambda offset, base=found + 2: at(base + offset),
            sees=sees,
        )
        if isinstance(compiled, tuple):
            findings.extend(compiled)
        else:
            parts.append(compiled)
        start = end + 1
    parts.append(text[start:])
    return tuple(findings) or Template(text, tuple(part for part in parts if part != ""))


def _open(place: Place) -> Finding:
    return Finding(
        rule="expression-syntax",
        message="${ is not closed",
        remedy="write } after the expression, or $${ for the characters themselves",
        place=place,
    )


def _closing(text: str, start: int) -> int | None:
    """Return where the expression that begins at `start` is closed, past quotes and brackets."""
    depth, quote, index = 0, "", start
    while index < len(text):
        character = text[index]
        if quote:
            index += character == "\\"
            quote = "" if character == quote else quote
        elif character in {"'", '"'}:
            quote = character
        elif character == "{":
            depth += 1
        elif character == "}" and depth == 0:
            return index
        elif character == "}":
            depth -= 1
        index += 1
    return None


def _shown(value: str | int | tuple[str, ...]) -> str:
    if isinstance(value, tuple):
        return ", ".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
