"""A review of a change as a YAML file that its author goes on editing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from itil_gate.report.yaml_text import entry, scalar, schema_line

if TYPE_CHECKING:
    from collections.abc import Mapping


def review_file(metadata: Mapping[str, str], spec: Mapping[str, Any]) -> str:
    """Return a ChangeReview as YAML, ending with a newline.

    `spec` holds texts, whole numbers, lists and mappings as the model names them outside.
    """
    lines = [schema_line("change-review"), "apiVersion: itil-gate/v1\nkind: ChangeReview\n"]
    lines.append("metadata:\n")
    lines += [entry(key, text, indent=2) for key, text in metadata.items()]
    lines.append("spec:\n")
    for key, value in spec.items():
        lines += _field(key, value)
    return "".join(lines)


def _field(key: str, value: Any) -> list[str]:
    if isinstance(value, dict):
        return [f"  {key}:\n", *(_scalar(name, one, indent=4) for name, one in value.items())]
    if isinstance(value, list):
        return [f"  {key}:\n", *(_item(one) for one in value)]
    return [_scalar(key, value, indent=2)]


def _item(value: str | dict[str, str]) -> str:
    if isinstance(value, str):
        return f"    - {scalar(value)}\n"
    inner = ", ".join(f"{key}: {_inline(text)}" for key, text in value.items())
    return f"    - {{{inner}}}\n"


def _inline(text: str) -> str:
    """Return a text within braces, where a comma would end it."""
    written = scalar(text)
    return written if "," not in text or written.startswith('"') else f'"{text}"'


def _scalar(key: str, value: str | int, *, indent: int) -> str:
    if isinstance(value, int):
        return f"{' ' * indent}{key}: {value}\n"
    return entry(key, value, indent=indent)
