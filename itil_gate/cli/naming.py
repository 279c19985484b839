"""Values of options that are written into the log: names, and text of one line.

What the log could not hold is the user's mistake, and is told with the option it stands in, before
anything is judged or signed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}", re.ASCII)
_BREAKS = "\r\n"
LONGEST = 300
"""Characters of a line, at most."""


def a_name(_: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Return the value of an option that is a name, such as an environment; as click calls it."""
    if value is not None and _NAME.fullmatch(value) is None:
        raise click.BadParameter(
            f"{value[:LONGEST]!r} is not a name: lower-case letters, digits, dots, hyphens and "
            "underscores, at most 100, a letter or digit first",
            param=option,
        )
    return value


def a_line(_: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Return the value of an option that is one line of text."""
    if value is not None:
        _refuse_broken([value], option)
    return value


def lines(_: click.Context, option: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """Return the values of an option that may be given several times, a line each."""
    _refuse_broken(value, option)
    return value


def _refuse_broken(values: Iterable[str], option: click.Parameter) -> None:
    for value in values:
        if not value.strip() or len(value) > LONGEST or any(mark in value for mark in _BREAKS):
            raise click.BadParameter(
                f"{value[:LONGEST]!r} is not one line of at most {LONGEST} characters",
                param=option,
            )
