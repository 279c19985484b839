"""The sealed facts for other policy tools: valid by the published schema, requests as written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from support.examples import REQUEST
from support.repository import Keyring, Repo
from support.world import CHG, CONFIG, World, adopt, request_file

from itil_gate.policy.compile import compile_policies
from itil_gate.reading.external import read_external
from itil_gate.report.input_json import exported_input, input_json

if TYPE_CHECKING:
    from itil_gate.model.facts import Inputs

SCHEMA = Path(__file__).parents[2] / "schemas" / "input.json"
EXTENSIONS = """\
{"type": "object", "properties": {"x-cost": {"type": "number"}, "x-tags": {"type": "array"}}}
"""


@pytest.fixture
def world(tmp_path: Path, keyring: Keyring) -> World:
    repo = Repo(tmp_path / "repo")
    adopt(repo, keyring, config=CONFIG + "extensions: policies/extensions.json\n")
    world = World(repo, keyring)
    world.on_main({"policies/extensions.json": EXTENSIONS})
    return world


def exported(inputs: Inputs) -> dict[str, Any]:
    text = input_json(exported_input(inputs, compile_policies(inputs.judge)))
    document: dict[str, Any] = json.loads(text)
    Draft202012Validator(json.loads(SCHEMA.read_text("utf-8"))).validate(document)
    return document


def test_the_facts_of_a_check_are_valid_by_the_published_schema(world: World) -> None:
    world.propose()
    world.approve("bob")
    results = b'[{"filename": "x", "namespace": "main", "successes": 1}]'
    inputs = world.inputs()
    facts = inputs.facts.model_copy(update={"external": (read_external(results, name="rego"),)})
    document = exported(inputs.model_copy(update={"facts": facts}))
    assert document["apiVersion"] == "itil-gate/input/v1"
    assert document["facts"]["head"] == world.repo.tip("feature")
    assert document["facts"]["target"] == "refs/heads/main"
    assert [one["approval"]["signer"] for one in document["facts"]["statements"]] == ["bob"]
    assert [one["name"] for one in document["services"]] == ["payments-api"]
    assert document["config"]["repository"] == "example.com/acme/payments"
    assert document["faults"] == []


def test_a_request_is_there_as_it_was_written(world: World) -> None:
    extra = '  x-cost: 12.5\n  x-tags: [a, "1"]\n  impact: {downtime: 5m, users: "no"}\n'
    world.propose(extra=extra)
    (change,) = exported(world.inputs())["changes"]
    assert change["path"] == f"changes/2026/{CHG}.yaml"
    spec = change["document"]["spec"]
    assert spec["x-cost"] == 12.5
    assert spec["x-tags"] == ["a", "1"]
    assert spec["impact"] == {"downtime": "5m", "users": "no"}
    assert "extensions" not in spec
    assert "significant" not in spec


def test_a_request_with_every_field_is_valid_by_the_schema(world: World) -> None:
    world.repo.checkout("feature", create=True)
    world.commit({"changes/2026/CHG-2026-7K3QX9ZB.yaml": REQUEST})
    (change,) = exported(world.inputs())["changes"]
    assert change["document"]["spec"]["window"]["timezone"] == "Europe/Berlin"


def test_a_request_that_cannot_be_read_is_among_the_faults(world: World) -> None:
    world.repo.checkout("feature", create=True)
    world.commit({f"changes/2026/{CHG}.yaml": request_file().replace("reason:", "reson:")})
    document = exported(world.inputs())
    assert document["changes"] == []
    assert {one["place"]["file"] for one in document["faults"]} == {f"changes/2026/{CHG}.yaml"}


def test_the_schema_refuses_a_request_that_the_gate_would_refuse(world: World) -> None:
    world.propose()
    document = exported(world.inputs())
    validator = Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))
    document["changes"][0]["document"]["spec"]["reson"] = "typo"
    assert not validator.is_valid(document)


def test_the_same_facts_give_the_same_bytes(world: World) -> None:
    world.propose()
    inputs = world.inputs()
    policies = compile_policies(inputs.judge)
    text = input_json(exported_input(inputs, policies))
    assert text == input_json(exported_input(inputs, policies))
    assert list(json.loads(text)) == sorted(json.loads(text))
