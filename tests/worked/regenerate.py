"""Writes the golden pages anew: `python tests/worked/regenerate.py`. Read the diff."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from worked.pages import (
    COMPARISON,
    GOLDEN,
    PROFILES,
    comparison_page,
    decide_all,
    golden_page,
)


def main() -> None:
    """Play everything under every profile, and write what was said."""
    decisions = {}
    for profile in PROFILES:
        with tempfile.TemporaryDirectory() as directory:
            decisions[profile] = decide_all(profile, Path(directory))
        text = golden_page(profile, decisions[profile])
        (GOLDEN / f"{profile}.md").write_text(text, encoding="utf-8")
    COMPARISON.write_text(comparison_page(decisions), encoding="utf-8")


if __name__ == "__main__":
    main()
