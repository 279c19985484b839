"""Writes the expected texts of tests/golden anew: `python tests/reading/regenerate.py`."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from test_golden_texts import CASES, said_about  # noqa: E402

if __name__ == "__main__":
    for case in CASES:
        case.with_suffix(".txt").write_text(said_about(case), encoding="utf-8")
