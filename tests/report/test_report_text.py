from __future__ import annotations

import re

import pytest
from hypothesis import given
from support.decisions import FINDINGS, NOW, PASSED, SAMPLES, allowed, audited, denied, pending
from support.hostile import ATTACK, decisions, hostile_findings, texts

from itil_gate.model.decision import EXIT_CODES, Decision, RequirementState, RuleState
from itil_gate.model.errors import ConfigError, GateError, SourceError
from itil_gate.model.finding import Place
from itil_gate.report.phrases import OUTCOMES, exit_code
from itil_gate.report.text import decision_text, error_text, findings_text

SGR = re.compile(r"\x1b\[[0-9;]*m")
RUNNER_COMMAND = re.compile(r"##\w*\[|^\s*::", re.MULTILINE)


@pytest.mark.parametrize("name", SAMPLES)
def test_the_first_word_is_the_outcome(name: str) -> None:
    decision = SAMPLES[name]()
    assert decision_text(decision, color=False).split()[0] == OUTCOMES[decision.outcome]


@pytest.mark.parametrize("outcome", EXIT_CODES)
def test_the_exit_code_is_told_for_every_outcome(outcome: str) -> None:
    decision = allowed().model_copy(update={"outcome": outcome})
    text = decision_text(decision, color=False)
    assert f"(exit code {EXIT_CODES[outcome]})" in text
    assert text.startswith(OUTCOMES[outcome])


def test_a_worse_outcome_of_the_whole_comes_before_that_of_its_change() -> None:
    decision = allowed().model_copy(update={"outcome": "deny"})
    lines = decision_text(decision, color=False).splitlines()
    assert lines[0] == "DENIED  the pull request as a whole"
    assert lines[1].startswith("  ALLOWED  CHG-")


def test_a_decision_without_requests_says_so() -> None:
    decision = allowed().model_copy(update={"changes": ()})
    first = decision_text(decision, color=False).splitlines()[0]
    assert first == "ALLOWED  no change request in this pull request"


def test_audit_mode_is_told_directly_below_the_outcome_and_changes_the_exit_code() -> None:
    lines = decision_text(audited(), color=False).splitlines()
    assert "NOT ENFORCED" in lines[1]
    assert "would be DENIED" in lines[1]
    assert exit_code(audited()) == 0
    assert "NOT ENFORCED" not in decision_text(denied(), color=False)


def test_audit_mode_never_excuses_an_undecided_gate() -> None:
    decision = allowed().model_copy(update={"outcome": "undecided", "enforced": False})
    assert exit_code(decision) == 2
    assert "(exit code 2" in decision_text(decision, color=False)


def test_colour_only_underlines_words_that_are_there_anyway() -> None:
    for sample in SAMPLES.values():
        painted = decision_text(sample(), color=True)
        assert painted != decision_text(sample(), color=False)
        assert SGR.sub("", painted) == decision_text(sample(), color=False)


@pytest.mark.parametrize("width", [60, 80, 100])
def test_lines_keep_to_the_width_unless_a_word_is_longer(width: int) -> None:
    lines = decision_text(pending(), color=False, width=width).splitlines()
    too_long = [line for line in lines if len(line) > width]
    assert all("http" in line or "itil-gate approve" in line for line in too_long)


def test_a_command_is_never_wrapped() -> None:
    command = pending().unblock[0].command
    text = decision_text(pending(), color=False, width=40)
    assert f"\n     {command}\n" in text


def test_no_name_is_broken_at_a_hyphen() -> None:
    text = decision_text(pending(), color=False, width=40)
    for name in (*PASSED, "payments-api", "change-manager"):
        assert name in text


def test_every_statement_received_is_shown_with_its_code() -> None:
    text = decision_text(pending(), color=False)
    for entry in pending().changes[0].ledger:
        assert entry.digest[:12] in text
        assert f"{entry.code}: " in text
    assert text.count("NOT COUNTED") == 2


def test_every_rule_is_named() -> None:
    decision = denied()
    text = decision_text(decision, color=False)
    for rule in (*decision.rules, *decision.changes[0].rules):
        assert rule.rule in text


def test_a_rule_that_came_out_the_same_under_both_policies_is_named_once() -> None:
    def state(rule: str, side: str, word: str) -> RuleState:
        return RuleState.model_validate({"rule": rule, "side": side, "state": word})

    rules = (
        state("in-freeze", "target", "SATISFIED"),
        state("window-past", "target", "SATISFIED"),
        state("in-freeze", "proposed", "SATISFIED"),
        state("window-past", "proposed", "UNSATISFIED"),
    )
    text = decision_text(allowed().model_copy(update={"rules": rules}), color=False)
    assert "2 passed: in-freeze, window-past (only under the target policies)" in " ".join(
        text.split()
    )
    assert "UNSATISFIED  window-past (under the proposed policies)" in text


def test_a_requirement_that_nobody_is_left_to_meet_says_so() -> None:
    def text(eligible: tuple[str, ...]) -> str:
        needed = RequirementState(
            id="security",
            side="target",
            policy="approvals",
            role="security",
            needed=2,
            state="UNSATISFIED",
            eligible=eligible,
        )
        change = denied().changes[0].model_copy(update={"requirements": (needed,)})
        return decision_text(denied().model_copy(update={"changes": (change,)}), color=False)

    assert "nobody is left who could approve" in text(())
    assert "too few are left: erin" in text(("erin",))


def test_findings_end_with_their_count_by_effect() -> None:
    assert findings_text(FINDINGS).splitlines()[-1] == "3 findings: 2 blocking, 1 advice."
    assert findings_text(FINDINGS[:1]).splitlines()[-1] == "1 finding: 1 blocking."


def test_no_findings_is_not_called_an_allowance() -> None:
    assert findings_text(()) == (
        "No findings. Whether a change is allowed is decided by `itil-gate check`.\n"
    )


def test_a_finding_starts_with_its_place_as_editors_read_it() -> None:
    first = findings_text(FINDINGS).splitlines()[0]
    place = FINDINGS[0].place
    assert place is not None
    assert first.startswith(f"{place.file}:{place.line}:{place.column}: unknown-key: ")


def test_an_error_tells_what_is_so_where_and_what_to_do_next() -> None:
    error = SourceError(
        "duplicate-key",
        "`spec` is given twice",
        place=Place(file="a.yaml", line=3, column=1),
        hint="remove one of them",
    )
    assert error_text(error) == (
        "UNDECIDED  `spec` is given twice\n"
        "  The gate could not decide, so nothing is authorised (exit code 2).\n"
        "  where: a.yaml:3:1\n"
        "  next: remove one of them\n"
        "  code: duplicate-key\n"
    )


def test_an_error_lists_the_findings_it_carries() -> None:
    error = ConfigError("policies-invalid", "the policies do not load", findings=FINDINGS)
    assert findings_text(FINDINGS) in error_text(error)


@ATTACK
@given(decisions())
def test_no_stranger_sends_an_escape_sequence_or_a_command(poisoned: tuple[str, Decision]) -> None:
    _, decision = poisoned
    text = decision_text(decision, color=False, width=60)
    assert all(sign.isprintable() for sign in text.replace("\n", ""))
    assert not RUNNER_COMMAND.search(text)
    assert SGR.sub("", decision_text(decision, color=True, width=60)) == text


@ATTACK
@given(decisions())
def test_no_stranger_writes_at_the_margin(poisoned: tuple[str, Decision]) -> None:
    name, decision = poisoned
    expected = _margin(decision_text(SAMPLES[name](), color=False, width=10_000))
    found = _margin(decision_text(decision, color=False, width=10_000))
    assert len(found) == len(expected)
    assert found[0].split()[0] == expected[0].split()[0]


@ATTACK
@given(hostile_findings())
def test_no_finding_forges_another_line(findings: tuple[object, ...]) -> None:
    text = findings_text(findings)  # type: ignore[arg-type]
    assert all(sign.isprintable() for sign in text.replace("\n", ""))
    assert not RUNNER_COMMAND.search(text)
    assert len(_margin(text)) == len(findings) + 1


@given(texts, texts, texts)
def test_no_error_forges_another_line(code: str, message: str, hint: str) -> None:
    text = error_text(GateError(code, message, hint=hint), width=10_000)
    assert all(sign.isprintable() for sign in text.replace("\n", ""))
    assert not RUNNER_COMMAND.search(text)
    assert len(_margin(text)) == 1


def test_moments_are_told_in_utc() -> None:
    assert f"{NOW:%Y-%m-%d %H:%M} UTC" in decision_text(allowed(), color=False)


def _margin(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith(" ")]
