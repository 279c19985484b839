"""Writes the generated pages of docs/reference anew: `python tests/cli/regenerate.py`."""

from __future__ import annotations

from pathlib import Path

from itil_gate.cli.reference import cli_reference
from itil_gate.report.reference import rules_reference

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"


def pages() -> dict[Path, str]:
    """Return every generated page with the text it has to hold."""
    return {
        REFERENCE / "rules.md": rules_reference(),
        REFERENCE / "cli.md": cli_reference(),
    }


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
