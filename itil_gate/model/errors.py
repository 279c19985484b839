"""The operator's mistakes. The requester's are findings; ours are reports.

Every error here ends a command with exit code 2: the gate could not decide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.model.finding import Finding, Place


class GateError(Exception):
    """The gate could not decide: a stable code, what is so, and what to do next."""

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def diagnostics(self) -> str:
        """Return what a person needs to go on: the message and, where known, the next step."""
        return f"{self.message}\n  next: {self.hint}" if self.hint else self.message


class SourceError(GateError):
    """A text is not a document we accept; `place` says where."""

    def __init__(self, code: str, message: str, *, place: Place, hint: str = "") -> None:
        super().__init__(code, message, hint=hint)
        self.place = place


class ConfigError(GateError):
    """The judge's data do not load: the whole set loads or none of it does."""

    def __init__(
        self, code: str, message: str, *, findings: Sequence[Finding] = (), hint: str = ""
    ) -> None:
        super().__init__(code, message, hint=hint)
        self.findings = tuple(findings)


class HistoryError(GateError):
    """Git history is missing, damaged or ambiguous, so facts could not be gathered."""


class SigningError(GateError):
    """A signature could not be made or a key could not be used."""


class LogError(GateError):
    """The audit log is damaged, is not the one that is meant, or cannot take what it is given."""
