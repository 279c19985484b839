from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from support.decisions import FINDINGS, SAMPLES, allowed, denied, pending
from support.hostile import ATTACK, hostile_findings

from itil_gate.report import DECISION_FORMATS, FINDINGS_FORMATS
from itil_gate.report.escape import visible
from itil_gate.report.github import findings_annotations

if TYPE_CHECKING:
    from itil_gate.model.finding import Finding

ANNOTATION = re.compile(r"::(error|warning|notice) ([a-z]+=[^,:]*(?:,[a-z]+=[^,:]*)*)::(.*)")


@pytest.mark.parametrize("form", DECISION_FORMATS)
@pytest.mark.parametrize("name", SAMPLES)
def test_every_format_ends_a_decision_with_a_newline(form: str, name: str) -> None:
    text = DECISION_FORMATS[form](SAMPLES[name](), color=True, width=80)
    assert text.endswith("\n") or (form == "github" and not text)


@pytest.mark.parametrize("form", FINDINGS_FORMATS)
def test_every_format_takes_findings_and_none(form: str) -> None:
    assert FINDINGS_FORMATS[form](FINDINGS, color=True).endswith("\n")
    assert FINDINGS_FORMATS[form](()).endswith("\n") or form == "github"


def test_colour_reaches_text_alone() -> None:
    painted = [form for form in DECISION_FORMATS if "\x1b" in DECISION_FORMATS[form](
        denied(), color=True)]  # fmt: skip
    assert painted == ["text"]


def test_formats_are_imported_when_they_are_used() -> None:
    script = (
        "import sys, itil_gate.report as report\n"
        "print(*(name for name in sys.modules if name.startswith('itil_gate.report.')), 'none')\n"
        "import itil_gate.report.text\n"
        "print(*({'xml.etree', 'jsonschema', 'git', 'cryptography'} & set(sys.modules)), 'none')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["none", "none"]


def test_annotations_name_file_line_and_column() -> None:
    first, *_, last = findings_annotations(FINDINGS).splitlines()
    assert first.startswith(
        "::error file=changes/2026/CHG-2026-7K3QX9ZB.yaml,line=9,col=3,title=unknown-key::`spec."
    )
    assert "%0ATo satisfy: Rename the key" in first
    assert last.startswith("::notice file=policies/rules.yaml,title=untested-rule::")


def test_only_open_rules_are_annotated() -> None:
    assert DECISION_FORMATS["github"](allowed()) == ""
    lines = DECISION_FORMATS["github"](pending()).splitlines()
    assert [line.split()[0] for line in lines] == ["::warning", "::notice"]


@ATTACK
@given(hostile_findings())
def test_no_stranger_adds_a_workflow_command(findings: tuple[Finding, ...]) -> None:
    lines = findings_annotations(findings).split("\n")
    assert lines.pop() == ""
    assert len(lines) == len(findings)
    for line, finding in zip(lines, findings, strict=True):
        assert line.isprintable()
        found = ANNOTATION.fullmatch(line)
        assert found
        properties = dict(part.split("=", 1) for part in found[2].split(","))
        assert set(properties) <= {"file", "line", "col", "title"}
        assert _decoded(properties["title"]) == visible(finding.rule)
        assert _decoded(found[3]).split("\n")[0] == visible(finding.message)


def _decoded(text: str) -> str:
    for code, sign in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, sign)
    return text
