"""YAML that other loaders read as something else than it says: refused, or kept as written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml
from support.cases import case
from support.casting import requiring
from support.judging import on_target, undecided
from support.world import APPROVALS, CONFIG, findings, only, people_file

if TYPE_CHECKING:
    from support.world import World

POLICY = "policies/approvals.yaml"
REVIEW = "    - {id: review, levels: [low], role: peer, min: 1}\n"
TWICE = f"  requirements:\n{REVIEW.replace('min: 1', 'min: 9')}"


@case("FO-25")
@pytest.mark.parametrize(
    ("path", "text", "key"),
    [
        (POLICY, f"{APPROVALS}{TWICE}", "requirements"),
        (POLICY, APPROVALS.replace("min: 1}", "min: 1, min: 2}", 1), "min"),
        (POLICY, f"kind: ApprovalPolicy\n{APPROVALS}", "kind"),
        ("itil-gate.yaml", f"{CONFIG}targets: [refs/heads/none]\n", "targets"),
        ("itil-gate.yaml", f"{CONFIG}mode: enforce\n'mode': audit\n", "mode"),
    ],
)
def test_of_two_values_for_one_key_the_last_does_not_win(
    world: World, path: str, text: str, key: str
) -> None:
    assert yaml.safe_load(text)
    _, said = on_target(world, {path: text})
    assert f"{path}:" in said
    assert f'"{key}"' in said
    assert "twice" in said or "again" in said


@case("FO-25")
@pytest.mark.parametrize("word", ["no", "yes", "on", "off", "No", "Y", "TRUE"])
def test_a_word_that_was_a_boolean_once_is_not_read_as_one(world: World, word: str) -> None:
    text = requiring(f"id: one, levels: [low], role: peer, distinct: {word}")
    _, said = on_target(world, {POLICY: text})
    assert f"{POLICY}:6:" in said
    assert "true or false" in said


@case("FO-25")
@pytest.mark.parametrize("number", ["0123", "0x1F", "1_0", "1:30", "0o17", "1e2", "+1", "1.0"])
def test_a_number_that_has_two_readings_is_refused(world: World, number: str) -> None:
    text = requiring(f"id: one, levels: [low], role: peer, min: {number}")
    _, said = on_target(world, {POLICY: text})
    assert f"{POLICY}:6:" in said
    assert "min" in said


@case("FO-25")
@pytest.mark.parametrize("name", ["no", "1.10", "0123", "12:30:00", "2026-01-01", "null", "~"])
def test_a_name_that_looks_like_something_else_stays_the_name(world: World, name: str) -> None:
    """People, ids and services may be called so; what is written is what is compared."""
    text = requiring(f'id: "{name}", levels: [low], role: peer')
    if name in {"12:30:00", "~"}:
        _, said = on_target(world, {POLICY: text})
        assert f"{POLICY}:6:" in said
        return
    world.commit({POLICY: text}, by="carol")
    world.propose()
    assert [one.id for one in only(world.check()).requirements] == [name]


@case("FO-25")
@pytest.mark.parametrize("title", ["1.10", "12:30:00", "0123", "no"])
def test_a_title_is_the_text_that_was_written_or_is_refused(world: World, title: str) -> None:
    world.propose(title=title)
    decision = world.check()
    if decision.changes:
        assert only(decision).title == title
    else:
        assert decision.outcome == "deny"
        places = [one.place for one in findings(decision, "wrong-value") if one.place]
        assert any(place.file.endswith(".yaml") and place.line for place in places)


@case("FO-25")
@pytest.mark.parametrize(
    "text",
    [
        APPROVALS.replace("spec:", "spec: !!map"),
        APPROVALS.replace("min: 1", "min: !!int '1'", 1),
        APPROVALS.replace("role: peer", "role: !!python/name:os.system"),
        APPROVALS.replace("levels: [low]", "levels: &levels [low]"),
        APPROVALS.replace("metadata: {", "metadata: {<<: {name: x}, "),
    ],
    ids=["tag", "number tag", "code", "anchor", "merge key"],
)
def test_what_says_one_thing_in_two_places_is_refused(world: World, text: str) -> None:
    _, said = on_target(world, {POLICY: text})
    assert f"{POLICY}:" in said


@case("FO-25")
def test_an_account_number_with_a_leading_zero_identifies_nobody(world: World) -> None:
    people = people_file(world.keyring).replace("id: 1001}", "id: 01001}")
    assert people != people_file(world.keyring)
    world.commit({"people.yaml": people}, by="carol")
    world.propose()
    assert undecided(world).code == "invalid-policy-set"
