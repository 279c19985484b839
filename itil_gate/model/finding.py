"""A finding: one thing that is so, where, and what would satisfy the rule it names."""

from typing import Literal

from pydantic import Field

from itil_gate.model.made import Made

Effect = Literal["deny", "pending", "advise"]


class Place(Made):
    """A spot in a file; line and column count from 1, 0 means the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """Write the place as editors and compilers do."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class Finding(Made):
    """One fault named by its rule.

    `message` says what is so, `remedy` what would satisfy the rule. Both are plain text that may
    quote strangers; the reporter that prints them escapes them.
    """

    rule: str = Field(description="Stable identifier of the rule in the catalogue.")
    message: str
    remedy: str = ""
    effect: Effect = "deny"
    place: Place | None = None
