"""Writes tests/golden and schemas anew: `python tests/reading/regenerate.py`. Read the diff."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from test_golden_texts import CASES, said_about  # noqa: E402

from itil_gate.reading.schema import schemas  # noqa: E402

if __name__ == "__main__":
    for case in CASES:
        case.with_suffix(".txt").write_text(said_about(case), encoding="utf-8")
    for name, text in schemas().items():
        (HERE.parents[1] / "schemas" / name).write_text(text, encoding="utf-8")
