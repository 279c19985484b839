"""Writes typos.yaml anew: `python tests/expressions/regenerate.py`. Read the difference.

With the word `conformance` after it, conformance.yaml is written instead, which needs npm.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from support.conditions import VARIABLES  # noqa: E402
from test_expression_conformance import REFUSED, fetch, refusals  # noqa: E402
from test_expression_typos import CASES, TABLE, said  # noqa: E402

from itil_gate.expressions.environment import Environment  # noqa: E402


def block(text: str, indent: str) -> str:
    """Write a text as a block of YAML."""
    return "".join(f"{indent}{line}\n" for line in text.rstrip("\n").split("\n"))


def write_typos() -> None:
    """Write what is said about every slip."""
    environment = Environment(VARIABLES)
    head = TABLE.read_text(encoding="utf-8").partition("- slip:")[0]
    entries = []
    for case in CASES:
        lines = "".join(
            f"    - {json.dumps(text, ensure_ascii=False)}\n"
            for text in said(environment, case["policy"])
        )
        policy = block(case["policy"], "    ")
        entries.append(f"- slip: {case['slip']}\n  policy: |\n{policy}  said:\n{lines}")
    TABLE.write_text(head + "".join(entries), encoding="utf-8")


def write_conformance() -> None:
    """Write which tests of the specification are refused."""
    with tempfile.TemporaryDirectory() as folder:
        found = refusals(fetch(Path(folder))["suites"])
    head = (
        "# Tests of the CEL specification that policies refuse, and the rules that refuse them.\n"
    )
    lines = (f"{json.dumps(name)}: {rules}\n" for name, rules in found.items())
    REFUSED.write_text(head + "".join(lines), encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] == ["conformance"]:
        write_conformance()
    else:
        write_typos()
