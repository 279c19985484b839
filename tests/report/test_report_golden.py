"""What people read, word for word. After a change: `python tests/report/regenerate.py`."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.decisions import FINDINGS, SAMPLES

from itil_gate.report import DECISION_FORMATS, FINDINGS_FORMATS

GOLDEN = Path(__file__).parent / "golden"
SUFFIXES = {"text": ".txt", "markdown": ".md"}


@pytest.mark.parametrize("form", SUFFIXES)
@pytest.mark.parametrize("name", SAMPLES)
def test_a_decision_reads_as_its_golden_file(name: str, form: str) -> None:
    expected = (GOLDEN / f"{name}{SUFFIXES[form]}").read_text(encoding="utf-8")
    assert DECISION_FORMATS[form](SAMPLES[name]()) == expected


@pytest.mark.parametrize("form", SUFFIXES)
def test_findings_read_as_their_golden_file(form: str) -> None:
    expected = (GOLDEN / f"findings{SUFFIXES[form]}").read_text(encoding="utf-8")
    assert FINDINGS_FORMATS[form](FINDINGS) == expected


def test_every_golden_file_belongs_to_a_sample() -> None:
    names = {path.stem for path in GOLDEN.iterdir()}
    assert names == {*SAMPLES, "findings"}
