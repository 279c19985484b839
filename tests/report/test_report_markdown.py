from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from markdown_it import MarkdownIt
from support.decisions import FINDINGS, SAMPLES, audited, denied, pending
from support.hostile import ATTACK, decisions, harmless, hostile_findings, poisoned

from itil_gate.report.links import RULES
from itil_gate.report.markdown import LIMIT, decision_markdown, findings_markdown

if TYPE_CHECKING:
    from markdown_it.token import Token

    from itil_gate.model.decision import Decision
    from itil_gate.model.finding import Finding

GFM = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
DETAILS = re.compile(r"(<details><summary>[^<>]*</summary>|</details>)\n?")
FORGE_LINK = re.compile(r"@\w|#[0-9]|https?://|www\.|\bGH-[0-9]", re.IGNORECASE | re.ASCII)
RUNNER_COMMAND = re.compile(r"##\w*\[|^\s*::", re.MULTILINE)


def inline(tokens: list[Token]) -> list[Token]:
    return [child for token in tokens for child in token.children or ()]


def check_harmless(markdown: str) -> None:
    """Render as a forge would and refuse whatever only our own text may bring."""
    tokens = GFM.parse(markdown)
    for token in tokens:
        if token.type == "html_block":
            assert DETAILS.fullmatch(token.content), token.content
    for token in inline(tokens):
        if token.type == "html_inline":
            assert token.content in {"<span>", "</span>"}
        if token.type == "link_open":
            assert str(token.attrs["href"]).startswith(RULES)
        assert token.type != "image"
        if token.type in {"text", "text_special"}:
            assert not FORGE_LINK.search(token.content)
    assert not RUNNER_COMMAND.search(markdown)
    assert not re.search(r"^\s*/", markdown, re.MULTILINE)


def blocks(markdown: str) -> list[str]:
    return [token.type for token in GFM.parse(markdown)]


@ATTACK
@given(decisions())
def test_no_stranger_changes_the_structure_of_a_decision(attack: tuple[str, Decision]) -> None:
    name, decision = attack
    markdown = decision_markdown(decision)
    check_harmless(markdown)
    assert blocks(markdown) == blocks(decision_markdown(harmless(name)))


@ATTACK
@given(hostile_findings())
def test_no_stranger_changes_the_structure_of_findings(findings: tuple[Finding, ...]) -> None:
    markdown = findings_markdown(findings)
    check_harmless(markdown)
    plain = tuple(poisoned(finding, lambda: "word") for finding in FINDINGS)
    assert blocks(markdown) == blocks(findings_markdown(plain))


@pytest.mark.parametrize("name", SAMPLES)
def test_our_own_text_passes_the_same_check(name: str) -> None:
    check_harmless(decision_markdown(SAMPLES[name]()))


def test_what_the_check_refuses_would_be_seen() -> None:
    for bad in ("ask @alice", "<b>x</b>", "![x](y)", "[x](https://evil.example)", "<div>x</div>"):
        with pytest.raises(AssertionError):
            check_harmless(f"- {bad}\n")


def test_the_outcome_stands_in_the_first_heading_and_audit_mode_directly_below() -> None:
    lines = decision_markdown(audited()).splitlines()
    assert lines[0].startswith("### DENIED: `CHG-2026-7K3QX9ZB` ")
    assert lines[2].startswith("> **NOT ENFORCED:** audit mode")
    assert "NOT ENFORCED" not in decision_markdown(denied())


def test_ledger_and_passed_rules_are_folded_and_the_way_on_is_not() -> None:
    head, _, folded = decision_markdown(pending()).partition("<details>")
    assert "itil-gate approve" in head
    assert "NOT COUNTED" in folded
    assert "`empty-change`" in folded
    assert "COUNTED" not in head


@pytest.mark.parametrize("limit", [400, 1_000, 2_000, 2_500])
def test_a_long_decision_is_cut_and_says_so(limit: int) -> None:
    markdown = decision_markdown(denied(), limit=limit)
    assert len(markdown) <= limit
    assert "left out for length" in markdown
    check_harmless(markdown)
    assert markdown.count("<details>") == markdown.count("</details>")


def test_a_decision_over_every_limit_of_a_forge_is_cut() -> None:
    (change,) = denied().changes
    many = denied().model_copy(update={"changes": (change,) * 60})
    markdown = decision_markdown(many)
    assert len(markdown) <= LIMIT
    assert "left out for length" in markdown


def test_steps_are_numbered_as_one_list() -> None:
    tokens = GFM.parse(decision_markdown(denied()))
    starts = [one for one, _ in pairwise(tokens) if one.type == "ordered_list_open"]
    items = [
        token.info for token in tokens if token.markup == "." and token.type == "list_item_open"
    ]
    assert len(starts) == 1
    assert items == ["1", "2", "3", "4"]


def test_a_command_is_a_block_that_can_be_copied_as_it_is() -> None:
    tokens = GFM.parse(decision_markdown(pending()))
    fences = [(token.info, token.content) for token in tokens if token.type == "fence"]
    command = pending().unblock[0].command
    assert fences == [("sh", f"{command}\n")]
    step = pending().unblock[0].model_copy(update={"command": "itil-gate ````\n```\n- x @all"})
    odd = pending().model_copy(update={"unblock": (step,)})
    (fence,) = (token for token in GFM.parse(decision_markdown(odd)) if token.type == "fence")
    assert fence.content == "itil-gate ````\\n```\\n- x @all\n"


def test_more_than_anybody_reads_is_folded_and_counted() -> None:
    told = [rule.model_copy(update={"findings": rule.findings * 30}) for rule in denied().rules]
    rules = tuple(told)
    steps = denied().unblock * 6
    markdown = decision_markdown(denied().model_copy(update={"rules": rules, "unblock": steps}))
    check_harmless(markdown)
    assert "and 20 more, folded below" in markdown
    assert "<details><summary>More of the same (rules for the pull request as a whole)" in markdown
    assert f"<details><summary>More to unblock it ({len(steps) - 10})</summary>" in markdown
    assert markdown.count("<details>") == markdown.count("</details>")


def test_a_change_that_is_allowed_beside_one_that_is_not_is_folded() -> None:
    markdown = decision_markdown(SAMPLES["bundle"]())
    assert "<details><summary>Change CHG-2026-7K3QX9ZB: ALLOWED</summary>" in markdown
    assert "#### Change `CHG-2026-00000042`" in markdown


def test_people_who_see_no_exit_code_read_of_none() -> None:
    assert "exit code" not in "".join(decision_markdown(sample()) for sample in SAMPLES.values())


def test_no_findings_is_not_called_an_allowance() -> None:
    assert findings_markdown(()).startswith("No findings. Whether a change is allowed is decided")
