"""Writes tests/golden/action/ anew with act: `python tests/peers/regenerate_action.py`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from support.acted_scenes import build_stage, masked  # noqa: E402 - found just above
from support.repository import make_keyring  # noqa: E402

GOLDEN = ROOT / "tests" / "golden" / "action"


def main() -> None:
    """Run the action for every file and keep what is seen of it."""
    with tempfile.TemporaryDirectory() as name:
        room = Path(name)
        (room / "keys").mkdir()
        stage = build_stage(room / "stage", make_keyring(room / "keys"))
        push = {"ref": "refs/heads/main", "before": "0" * 40, "after": stage.server.tip("main")}
        seen = {
            **{one: stage.run(one, "pull_request") for one in ("denied", "pending", "allowed")},
            "undecided": stage.send("push", push),
        }
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for one, acted in seen.items():
        (GOLDEN / f"{one}.txt").write_text(masked(acted), encoding="utf-8")


if __name__ == "__main__":
    main()
