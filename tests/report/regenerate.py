"""Writes the golden files anew: `python tests/report/regenerate.py`. Read the diff."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from support.decisions import FINDINGS, SAMPLES  # noqa: E402

from itil_gate.report import DECISION_FORMATS, FINDINGS_FORMATS  # noqa: E402

SUFFIXES = {"text": ".txt", "markdown": ".md"}


def golden() -> dict[Path, str]:
    """Return every golden file with the text it has to hold."""
    files = {
        HERE / "golden" / f"{name}{suffix}": DECISION_FORMATS[form](sample())
        for name, sample in SAMPLES.items()
        for form, suffix in SUFFIXES.items()
    }
    for form, suffix in SUFFIXES.items():
        files[HERE / "golden" / f"findings{suffix}"] = FINDINGS_FORMATS[form](FINDINGS)
    return files


if __name__ == "__main__":
    for path, text in golden().items():
        path.write_text(text, encoding="utf-8")
