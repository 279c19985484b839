"""Mutation: slips of people who edit policies are made, and tests either notice or name the gap."""

from __future__ import annotations

from itertools import pairwise

import pytest
from support.proving import HEAD, POLICIES, RISK, THOROUGH, suite

from itil_gate.prove.mutants import GONE, applied, expression_slips
from itil_gate.prove.mutation import mutants, mutate
from itil_gate.prove.setting import public_key


def words(text: str = THOROUGH, **changed: str) -> list[str]:
    return [mutant.words for mutant in mutants(suite(text, **changed))]


def test_a_thorough_test_notices_every_slip() -> None:
    result = mutate(suite())
    assert [(one.words, one.missing) for one in result.survivors] == []
    assert result.percent == 100
    assert result.killed + result.unloadable == len(words())


def test_a_slip_that_nobody_notices_names_the_missing_test() -> None:
    kept = THOROUGH.split("    - name: a reason of nine", maxsplit=1)[0]
    survivors = {one.words: one for one in mutate(suite(kept)).survivors}
    gone = survivors["reason-too-short is advisory instead of soft"]
    assert gone.missing == (
        "a case that breaks reason-too-short, with `rules: {reason-too-short: UNSATISFIED}`"
    )
    assert str(gone.place).startswith("policies/rules.yaml:6:")


def test_each_sort_of_slip_is_made() -> None:
    said = words()
    for expected in (
        "the floor schema is gone",
        "the default risk is medium",
        "the requirement board is gone",
        "board asks for 1 instead of 2",
        "board asks for 3 instead of 2",
        "review asks for 2 instead of 1",
        "review is not asked at low risk",
        "reason-too-short is advisory instead of soft",
        "reason-too-short applies to every change",
        "the rule reason-too-short: >= becomes > in size(change.spec.reason) >= 10",
        "the rule reason-too-short: 10 becomes 11 in size(change.spec.reason) >= 10",
        "the rule reason-too-short: 10 becomes 9 in size(change.spec.reason) >= 10",
    ):
        assert expected in said


def test_lanes_and_stand_ins_of_a_requirement_are_slipped_too() -> None:
    owner = "{id: owner, levels: [low], lanes: [peer, express], role: owner, fallback: authority}"
    more = f"{POLICIES['policies/approvals.yaml']}    - {owner}\n"
    said = words(approvals=more)
    assert "owner is not asked in the lane express" in said
    assert "nobody stands in for owner at owner" in said


def test_slips_come_in_the_order_of_files_and_always_the_same() -> None:
    places = [str(one.place) for one in mutants(suite())]
    files = [place.partition(":")[0] for place in places]
    assert all(one <= other for one, other in pairwise(files))
    assert places == [str(one.place) for one in mutants(suite())]


def test_only_what_the_tests_are_there_to_prove_is_changed() -> None:
    about = suite()
    alone = type(about)(
        about.tests, about.policies, about.config, mutable=frozenset({"policies/risk.yaml"})
    )
    assert {one.source.path for one in mutants(alone)} == {"policies/risk.yaml"}


def test_a_slip_that_does_not_load_counts_for_nothing() -> None:
    weak = POLICIES["policies/rules.yaml"].replace("size(change.spec.reason) >= 10", "2 > 1")
    result = mutate(suite(rules=weak))
    assert result.unloadable == 0
    typed = POLICIES["policies/rules.yaml"].replace("risk.rank >= 2", "(risk.rank >= 2) == true")
    assert mutate(suite(rules=typed)).killed > 0


def test_there_is_an_end_to_the_slips_that_are_tried() -> None:
    result = mutate(suite(), most=3)
    assert result.killed + len(result.survivors) + result.unloadable == 3
    assert result.left_out == len(words()) - 3


def test_progress_is_told_slip_by_slip() -> None:
    told: list[tuple[int, int]] = []
    mutate(suite(), most=2, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]


def test_the_end_of_a_band_moves_only_past_scores_that_changes_have() -> None:
    scored = RISK.split("spec:", maxsplit=1)[0] + (
        "spec:\n  impact: {tiers: [{tier: 2, impact: 3}]}\n  matrix:\n"
        + "".join("    - [10, 20, 30, 40]\n" for _ in range(5))
        + "  factors: [{id: more, when: diff.files > 1, points: 1, reason: More.}]\n"
        + "  bands: [{level: low, upTo: 30}, {level: high, upTo: 100}]\n"
    )
    said = words(HEAD + "  cases: [{name: one, expect: {outcome: pending}}]\n", risk=scored)
    assert "low ends at 29 instead of 30" in said
    assert "low ends at 31 instead of 30" in said
    assert "more gives 0 points instead of 1" in said
    apart = scored.replace("upTo: 30", "upTo: 35")
    said = words(HEAD + "  cases: [{name: one, expect: {outcome: pending}}]\n", risk=apart)
    assert not [one for one in said if " ends at " in one]


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("a >= 2", ["a > 2", "a >= 3", "a >= 1"]),
        ("a && b", ["a || b"]),
        ("a != 'x == 3'", ["a == 'x == 3'"]),
        ('touches("v1 > 0/**")', []),
        ("list[0] < 10", ["list[1] < 10", "list[0] <= 10", "list[0] < 11", "list[0] < 9"]),
        ("change.spec.impact1", []),
    ],
)
def test_expressions_change_outside_of_texts_and_names(text: str, changed: list[str]) -> None:
    assert [other for other, _ in expression_slips(text)] == changed


def test_a_part_of_a_document_is_changed_and_nothing_else() -> None:
    data = {"a": ({"b": 1}, {"b": 2}), "c": 3}
    assert applied(data, ("a", 0), GONE) == {"a": [{"b": 2}], "c": 3}
    assert applied(data, ("a", 1, "b"), 5) == {"a": [{"b": 1}, {"b": 5}], "c": 3}
    assert applied(data, ("c",), GONE) == {"a": ({"b": 1}, {"b": 2})}
    assert data == {"a": ({"b": 1}, {"b": 2}), "c": 3}


UNREVIEWABLE = """\
  unreviewable: {lines: 400, lineLength: 2000, exempt: ["**/*.png"], level: medium, reason: R.}
"""


def test_slips_in_what_nobody_can_review_are_made_and_noticed() -> None:
    risk = RISK + UNREVIEWABLE
    unseen = mutate(suite(THOROUGH, risk=risk)).survivors
    assert [one.words for one in unseen] == [
        "nothing is said of what nobody can review",
        "399 changed lines can be reviewed instead of 400",
        "401 changed lines can be reviewed instead of 400",
        "a new line of 1999 bytes can be reviewed instead of 2000",
        "a new line of 2001 bytes can be reviewed instead of 2000",
        "**/*.png is not exempt",
    ]
    cases = """\
    - name: as much as can be read
      facts: {diff: [{path: src/a, lines: 400, longest: 2000}, {path: a.png, content: binary}]}
      expect: {outcome: pending, level: low}
    - name: a line more
      facts: {diff: [{path: src/a, lines: 401}]}
      expect: {outcome: pending, level: medium}
    - name: a byte more
      facts: {diff: [{path: src/a, longest: 2001}]}
      expect: {outcome: pending, level: medium}
"""
    assert mutate(suite(THOROUGH + cases, risk=risk)).survivors == ()


def test_slips_in_who_signs_are_made() -> None:
    check = f"""\
---
apiVersion: itil-gate/v1
kind: ExternalCheck
metadata: {{name: scan, owner: authority, reviewBy: 2099-01-01}}
spec:
  format: sarif
  reason: Known weaknesses.
  signed: {{by: [{{id: one, key: {public_key("one")}}}, {{id: two, key: {public_key("two")}}}]}}
"""
    said = words(risk=RISK + check)
    assert "nobody has to sign the results" in said
    assert {"one may not sign", "two may not sign"} <= set(said)
