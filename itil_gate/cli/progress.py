"""A line on standard error that says how far a long command is, where a person looks on."""

from __future__ import annotations

import sys
import time

import click

_PAUSE = 0.1


class Progress:
    """Shows a word and a number, over and over on one line; nothing where no person looks on."""

    def __init__(self) -> None:
        self._shown = False
        self._next = 0.0
        self._wanted = sys.stderr.isatty()

    def __call__(self, what: str, number: int, total: int | None = None) -> None:
        """Show how many of something were looked at, at most ten times a second."""
        if not self._wanted or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _PAUSE
        self._shown = True
        click.echo(f"\r\x1b[K{self._bar(number, total)}{number:,} {what}", nl=False, err=True)

    def end(self) -> None:
        """Take the line away."""
        if self._shown:
            click.echo("\r\x1b[K", nl=False, err=True)
        self._shown = False

    @staticmethod
    def _bar(number: int, total: int | None) -> str:
        if not total:
            return ""
        done = min(30, 30 * number // total)
        return f"[{'#' * done}{' ' * (30 - done)}] "
