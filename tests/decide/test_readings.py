"""What rules read of a change, as explanations tell it: fields, values and places."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from support.edits import under, with_request
from support.rules import rule, rule_set
from support.scenes import SCAN

from itil_gate.decide.gate import readings_of
from itil_gate.reading.yaml import parse

if TYPE_CHECKING:
    from support.scenes import Scenes

    from itil_gate.decide.readings import Reading
    from itil_gate.model.facts import Inputs


def told(inputs: Inputs, text: str, name: str = "house-rule") -> dict[str, Reading]:
    """Return what the rule of that name read, by field."""
    files = {"policies/told.yaml": text, "policies/scan.yaml": SCAN}
    (by_rule,) = readings_of(under(inputs, files)).values()
    return {one.field: one for one in by_rule[name]}


def shown(inputs: Inputs, expression: str) -> dict[str, str]:
    """Return the values that an expression read, by field."""
    return {field: one.value for field, one in told(inputs, rule_set(rule(expression))).items()}


def test_condition_expectation_message_and_remedy_are_read(scenes: Scenes) -> None:
    text = rule_set(
        rule(
            "change.spec.significant",
            when='"diff.files > 2"',
            message='"${lane} it is"',
            remedy='"Ask ${change.metadata.requester}."',
        )
    )
    assert {field: one.value for field, one in told(scenes.sealed, text).items()} == {
        "change.metadata.requester": '"alice"',
        "change.spec.significant": "false",
        "diff.files": "5",
        "lane": '"board"',
    }


def test_what_shared_names_read_counts_for_the_rules_that_use_them(scenes: Scenes) -> None:
    shared = "spec:\n  variables: {small: diff.files < 3, calm: '!schedule.inFreeze'}\n"
    text = rule_set(rule("small"), rule("diff.added > 0", name="other-rule"))
    text = text.replace("spec:\n", shared)
    one = told(scenes.sealed, text)
    assert {field: reading.value for field, reading in one.items()} == {
        "diff.files": "5",
        "small": "false",
    }
    assert list(told(scenes.sealed, text, "other-rule")) == ["diff.added"]


def test_only_what_the_request_writes_has_a_place(scenes: Scenes) -> None:
    inputs = with_request(scenes.sealed, "  reason:", "  risk: high\n  reason:")
    expression = (
        "has(change.spec.risk) && change.spec.risk == 'high' && "
        "change.spec.significant && diff.files > 1 && "
        "change.spec.services.exists(s, s == 'x') && change.spec.links.exists(l, l.id == 'x')"
    )
    found = told(inputs, rule_set(rule(expression)))
    (asked,) = inputs.requests
    document = parse(asked.text, file=asked.path)
    assert found["change.spec.risk"].place == document.place(("spec", "risk"))
    placed = {field for field, one in found.items() if one.place is not None}
    assert {"change.spec.risk"} <= placed <= {"change.spec.risk", "change.spec.services"}
    assert found["diff.files"].place is None
    assert found["change.spec.significant"].place is None


def test_of_a_list_every_item_is_told_up_to_eight(scenes: Scenes) -> None:
    links = "".join(f"    - {{type: incident, id: INC-{number}}}\n" for number in range(9))
    inputs = with_request(scenes.sealed, "  reason:", f"  links:\n{links}  reason:")
    nine = shown(inputs, "change.spec.links.exists(l, l.id == 'x')")["change.spec.links[].id"]
    eight = ", ".join(f'"INC-{number}"' for number in range(8))
    assert nine == f"{eight}, and 1 more"
    fewer = with_request(inputs, "    - {type: incident, id: INC-8}\n", "")
    assert (
        shown(fewer, "change.spec.links.exists(l, l.id == 'x')")["change.spec.links[].id"] == eight
    )
    none = shown(scenes.sealed, "change.spec.links.exists(l, l.id == 'x')")
    assert none["change.spec.links[].id"] == "missing"


def test_values_are_told_as_json_with_the_keys_that_people_write(scenes: Scenes) -> None:
    inputs = with_request(
        scenes.sealed,
        "  reason:",
        "  plans: {backout: {steps: Zurück., maxMinutes: 5}}\n  reason:",
    )
    backout = "change.spec.plans.backout"
    found = shown(
        inputs,
        f"has(change.spec.plans) && has({backout}) && has({backout}.maxMinutes) && "
        f"{backout}.maxMinutes < 4",
    )
    assert found["change.spec.plans.backout.maxMinutes"] == "5"
    now = shown(inputs, "now > timestamp('2020-01-01T00:00:00Z')")
    assert now == {"now": '"2026-03-02 12:00:00+00:00"'}


def test_what_is_not_there_is_missing(scenes: Scenes) -> None:
    found = shown(scenes.sealed, "has(change.spec.plans) && has(change.spec.plans.test)")
    assert set(found.values()) == {"missing"}


def test_words_are_told_as_they_are_written(scenes: Scenes) -> None:
    inputs = with_request(scenes.sealed, "  reason:", "  expectedOutcome: Zurück.\n  reason:")
    found = shown(inputs, "has(change.spec.expectedOutcome) && change.spec.expectedOutcome != 'x'")
    assert found["change.spec.expectedOutcome"] == '"Zurück."'


def test_a_field_that_nobody_wrote_is_missing(scenes: Scenes) -> None:
    found = shown(scenes.sealed, "has(change.spec.risk) && change.spec.risk == 'high'")
    assert found == {"change.spec.risk": "missing"}
    links = "  links: [{type: incident, id: INC-1}]\n  reason:"
    inputs = with_request(scenes.sealed, "  reason:", links)
    assert "INC-1" in shown(inputs, "change.spec.links.size() > 0")["change.spec.links"]


def test_what_has_parts_is_told_whole_with_the_keys_that_people_write(scenes: Scenes) -> None:
    window = "start: 2026-03-04T10:00, end: 2026-03-04T11:30, timezone: UTC, soak: 30m"
    inputs = with_request(
        scenes.sealed,
        "  reason:",
        f"  impact: {{users: All., reversible: true}}\n  window: {{{window}}}\n  reason:",
    )
    found = shown(inputs, "has(change.spec.window) && change.spec.window == change.spec.window")
    whole = json.loads(found["change.spec.window"])
    assert whole["start"].startswith("2026-03-04T10:00")
    assert whole["timezone"] == "UTC"
    found = shown(inputs, "has(change.spec.impact) && change.spec.impact == change.spec.impact")
    assert json.loads(found["change.spec.impact"])["users"] == "All."
    backout = "plans: {backout: {steps: Back., maxMinutes: 5}}"
    inputs = with_request(scenes.sealed, "  reason:", f"  {backout}\n  reason:")
    found = shown(inputs, "has(change.spec.plans) && change.spec.plans == change.spec.plans")
    assert json.loads(found["change.spec.plans"])["backout"]["maxMinutes"] == 5


def test_the_value_of_a_label_is_told_and_one_that_is_not_there_is_missing(scenes: Scenes) -> None:
    known = shown(scenes.sealed, "services.exists(s, has(s.annotations.tier))")
    assert known == {"services[].annotations.tier": '"2"'}
    other = shown(scenes.sealed, "services.exists(s, has(s.annotations.pci))")
    assert other == {"services[].annotations.pci": "missing"}
