"""The page about a policy set says what the policies say, all of it, and obeys nothing in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from support.proving import APPROVALS, CONFIG, METADATA, RISK, RULES, policies

from itil_gate.prove.setting import compiled_alone, public_key
from itil_gate.report.policy_page import policy_page

KEY, OTHER_KEY = public_key("ci"), public_key("lab")
SHIPPED = Path(__file__).parents[2] / "policies"


def page(**changed: str) -> str:
    return policy_page(compiled_alone(policies(**changed), CONFIG))


def rendered(text: str) -> str:
    html: str = MarkdownIt("gfm-like", {"linkify": False}).render(text)
    return html


def row(text: str, *starts: str) -> list[str]:
    """Return the cells of the one row of a table that begins with these cells."""
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    (found,) = [cells for cells in rows if cells[: len(starts)] == list(starts)]
    return found


def test_who_approves_what_is_said_for_every_level() -> None:
    text = page()
    assert row(text, "peer", "low risk")[2] == "one colleague (anybody in people.yaml)"
    assert row(text, "team", "medium risk")[2] == "one colleague (anybody in people.yaml)"
    for level in ("high", "critical"):
        assert row(text, "board", f"{level} risk")[2] == "two people with the role `authority`"


def test_a_level_that_nothing_applies_to_is_refused_on_the_page_too() -> None:
    bare = APPROVALS.replace("levels: [low, medium]", "levels: [low]")
    assert row(page(approvals=bare), "team", "medium risk")[2].startswith("**refused**")


def test_conditions_and_their_people_are_told() -> None:
    more = APPROVALS + (
        "    - {id: owner, levels: [low], role: owner, of: footprint, distinct: false,\n"
        "       fallback: authority, when: diff.files > 3}\n"
        "    - {id: half, levels: [low], role: owner, percent: 50}\n"
        "    - {id: now, levels: [low, medium, high, critical], role: authority,\n"
        "       lanes: [emergency]}\n"
        "    - {id: long, levels: [medium], role: owner,\n"
        f"       when: {' && '.join(['diff.files > 3'] * 8)}}}\n"
    )
    text = page(approvals=more)
    owner, half = row(text, "peer", "low risk")[2].split("<br>")[1:]
    assert owner == (
        "one person with the role `owner`, for each affected service, who may count elsewhere "
        "too; `authority` stands in where too few are left, if `diff.files > 3`"
    )
    assert half == "50 % of the people with the role `owner`"
    assert row(text, "emergency")[2] == "one person with the role `authority`"
    assert row(text, "team", "medium risk")[2].endswith("if condition 1 holds")
    assert "\n1. `diff.files > 3 && " in text


def test_floors_and_the_default_are_told_highest_first() -> None:
    more = RISK + "    - {id: stop, when: schedule.inFreeze, level: critical, reason: No.}\n"
    text = page(risk=more)
    assert "Without any of these reasons the risk is **low**." in text
    assert text.index("`stop`: No.") < text.index("`schema`: Data are hard to bring back.")
    assert row(text, "**high**")[2] == "a changed path matches `db/**`"
    assert row(text, "**critical**")[2] == "`schedule.inFreeze`"


def test_scores_are_told_with_matrix_factors_card_and_bands() -> None:
    scored = RISK.split("spec:", maxsplit=1)[0] + (
        "spec:\n  card: change-failure\n  impact: {tiers: [{tier: 1, impact: 5}],\n"
        "    data: [{dataClass: personal, impact: 4}], blastRadius: [{atLeast: 3, impact: 3}],\n"
        "    irreversible: 5}\n  matrix:\n"
        + "".join(f"    - [{n}, {n + 20}, {n + 40}, {n + 60}]\n" for n in range(5))
        + "  factors: [{id: more, when: diff.files > 9, points: 7, reason: Many files.}]\n"
        "  bands: [{level: low, upTo: 30}, {level: high, upTo: 100}]\n"
    )
    text = page(risk=scored)
    assert row(text, "0 to 30") == ["0 to 30", "**low**"]
    assert row(text, "31 to 100") == ["31 to 100", "**high**"]
    assert row(text, "a service of tier 1")[1] == "5"
    assert row(text, "a service that holds `personal` data")[1] == "4"
    assert row(text, "three services or more reached, dependents included")[1] == "3"
    assert row(text, "the request says that it cannot be undone")[1] == "5"
    assert row(text, "5") == ["5", "4", "24", "44", "64"]
    assert row(text, "`more`") == ["`more`", "7", "`diff.files > 9`", "Many files."]
    assert row(text, "Is it the first change to these files within 24 hours?")[1] == "yes: 1"
    assert "up to 3 is rare, up to 10 is unlikely, up to 16 is possible and more is likely" in text


def test_rules_stand_by_how_strictly_they_hold_with_all_that_is_said_of_them() -> None:
    more = RULES + (
        "      remedy: Write more.\n      rationale: Reviewers need it.\n"
        "      docs: https://example.com/reasons\n      controls: [SOC2:CC8.1]\n"
        "    - {id: never, expect: short, message: Never., enforcement: hard,\n"
        "       effectiveFrom: 2027-01-01, mode: audit}\n"
        "    - {id: hint, expect: diff.files < 90, message: Large., enforcement: advisory}\n"
    )
    more = more.replace("spec:\n", "spec:\n  variables: {short: diff.files < 9}\n")
    text = page(rules=more)
    headings = [line for line in text.splitlines() if line.startswith("###")]
    assert headings == [
        "### Rules that always hold",
        "#### never",
        "### Rules with exceptions",
        "#### reason-too-short",
        "### Advice",
        "#### hint",
    ]
    for said in (
        "- In force from 2027-01-01; before that it only advises",
        "- On trial: for now it only advises",
        "- Where `short` is `diff.files < 9`",
        "- Applies: if `risk.rank >= 2`",
        "- Must hold: `size(change.spec.reason) >= 10`",
        "- To satisfy it: Write more.",
        "- Why: Reviewers need it.",
        "- Controls: SOC2:CC8.1",
        "- Applies: to every change",
    ):
        assert said in text, said


MORE = f"""\
---
apiVersion: itil-gate/v1
kind: ChangeModel
metadata: {{name: copy-edit, title: Words, {METADATA}}}
spec:
  type: standard
  description: Words change.
  paths: [words/**]
  recognise: true
  limits: {{files: 2, services: 1, deletions: 0, environments: [production], risk: low}}
  fields: [{{path: spec.scope, is: mandatory, reason: So.}}]
  checks: [{{id: few, expect: diff.files < 3, message: Too many files.}}]
  expires: 2098-01-01
  recertifyBy: 2097-01-01
---
apiVersion: itil-gate/v1
kind: ExternalCheck
metadata: {{name: scan, {METADATA}}}
spec: {{format: sarif, when: diff.files > 1, reason: Known weaknesses.}}
---
apiVersion: itil-gate/v1
kind: ExternalCheck
metadata: {{name: tests, {METADATA}}}
spec:
  format: test-result
  reason: Untested breaks.
  signed: {{by: [{{id: ci, key: {KEY}}}, {{id: lab, key: {OTHER_KEY}}}]}}
---
apiVersion: itil-gate/v1
kind: Calendar
metadata: {{name: calendar, {METADATA}}}
spec:
  freezes:
    - {{id: peak, reason: Trade., start: 2026-11-27T00:00, end: 2026-12-01T00:00, timezone: UTC,
       rrule: FREQ=YEARLY, scope: {{tiers: [1, 2], environments: [production]}}}}
  windows:
    - {{id: night, reason: Quiet., start: 2026-11-22T04:00, end: 2026-11-22T06:00,
       timezone: Europe/Berlin, scope: {{services: [database]}}}}
---
apiVersion: itil-gate/v1
kind: Waiver
metadata: {{name: once, {METADATA}}}
spec:
  rule: reason-too-short
  selector: {{change: CHG-2026-TEST0001, services: [shop], paths: [src/**]}}
  reason: Once.
  approvedBy: carol
  role: authority
  expires: 2026-12-31
"""


def test_models_calendars_checks_and_waivers_are_told() -> None:
    text = page(risk=RISK + MORE)
    for said in (
        "### Words",
        "`copy-edit`, type `standard`. Words change.",
        "- A pull request that fits passes without a request file.",
        "- The whole diff lies in `words/**`.",
        "- At most two files in the whole diff.",
        "- At most one service.",
        "- No file is deleted.",
        "- Only in `production`.",
        "- At most low risk.",
        "- `spec.scope` must be filled in at authorisation: So.",
        "- Must hold: `diff.files < 3`. Else: Too many files.",
        "- Last day of use: 2098-01-01",
        "- To be certified again by 2097-01-01",
    ):
        assert said in text, said
    assert row(text, "express")[2] == "none"
    assert row(text, "`scan`")[2:] == [
        "whoever runs the gate",
        "if `diff.files > 1`",
        "refused",
        "Known weaknesses.",
    ]
    assert row(text, "`tests`")[1:3] == ["test-result", "`ci` or `lab`, about the head"]
    assert row(text, "`peak`")[1:] == [
        "2026-11-27 00:00 to 2026-12-01 00:00, UTC, repeated by `FREQ=YEARLY`",
        "tier 1 or 2, in `production`",
        "Trade.",
    ]
    assert row(text, "`night`")[2] == "`database`"
    assert row(text, "`reason-too-short`")[1:4] == [
        "`CHG-2026-TEST0001`, services `shop`, diffs within `src/**`",
        "2026-12-31",
        "1",
    ]


HOSTILE = "<script>x</script> | [a](https://evil.example) @all\\n# Big"


def test_words_of_the_policies_are_shown_and_never_obeyed() -> None:
    risk = RISK.replace("Data are hard to bring back.", f'"{HOSTILE}"')
    rules = RULES.replace(
        "message: the reason has ${string(size(change.spec.reason))} characters",
        f'message: "{HOSTILE}"\n      docs: "[b](https://evil.example)"',
    )
    html = rendered(page(risk=risk, rules=rules))
    assert "<script" not in html
    assert "<a " not in html
    assert html.count("<h1>") == 1
    assert html.count("&lt;script&gt;x&lt;/script&gt;") == 2


def test_a_bar_within_code_ends_no_cell() -> None:
    risk = RISK + (
        "    - {id: either, when: diff.files > 3 || diff.added > 3, level: medium, reason: Or.}\n"
    )
    text = page(risk=risk)
    assert r"`diff.files > 3 \|\| diff.added > 3`" in text
    html = rendered(text)
    assert "<code>diff.files &gt; 3 || diff.added &gt; 3</code></td>" in html


@pytest.mark.parametrize("name", ["starter"])
def test_every_row_of_every_table_has_as_many_cells_as_its_head(name: str) -> None:
    files = {
        path.name.removesuffix(".yaml"): path.read_text()
        for path in (SHIPPED / name).glob("*.yaml")
        if path.name != "profile.yaml"
    }
    for text in (page(**files, rules=RULES), page(risk=RISK + MORE)):
        width = 0
        for line in text.splitlines():
            cells = line.replace("\\|", "").count("|")
            width = cells if not width else width if cells else 0
            assert cells in (0, width), line


def test_what_nobody_can_review_is_told_with_its_bounds_and_price() -> None:
    terms = (
        "  unreviewable: {lines: 1200, lineLength: 500, exempt: [a.png], level: high, reason: R.}\n"
    )
    text = page(risk=RISK + terms)
    assert (
        "What nobody can review whole is at least **high**: more than 1,200 changed lines, new "
        "lines of more than 500 bytes, and files that are binary, larger than 1 MiB or kept "
        "elsewhere, `a.png` apart. R." in text
    )
