"""The files of the action agree with each other, with the code, and with what it depends on."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from packaging.requirements import Requirement
from support.acting import PARTS

from itil_gate.cli.action_command import _command
from itil_gate.model.decision import Outcome
from itil_gate.model.errors import GateError
from itil_gate.report.action_report import OUTPUTS

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "templates" / "action" / "requirements.txt"
EXAMPLES = tuple(sorted((ROOT / "docs" / "examples" / "github").glob("*.yml")))
PINNED = re.compile(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}")


def read(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


ACTION, TYPES = read("action.yml"), read("action-types.yml")


def test_inputs_and_outputs_are_the_same_wherever_they_are_listed() -> None:
    assert list(ACTION["inputs"]) == list(TYPES["inputs"])
    assert tuple(ACTION["outputs"]) == tuple(TYPES["outputs"]) == OUTPUTS


def test_every_input_reaches_the_code_and_no_other_does() -> None:
    handed = {name for step in ACTION["runs"]["steps"] for name in step["env"]}
    code = "".join(path.read_text() for path in (ROOT / "itil_gate" / "cli").glob("action_*.py"))
    code += (ROOT / "itil_gate" / "cli" / "posting.py").read_text()
    keys = {"log-key": "ITIL_GATE_LOG_KEY", "recorder-key": "ITIL_GATE_RECORDER_KEY"}
    for name in ACTION["inputs"]:
        word = name.upper().replace("-", "_")
        assert keys.get(name, f"ITIL_GATE_ACTION_{word}") in handed
        if name not in {*keys, "python", "sarif", "junit"}:
            assert f'"{word}"' in code, f"nobody reads the input {name}"


def test_values_come_to_the_shell_as_variables_only() -> None:
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step["run"]
        assert step["shell"] == "bash"


def test_commands_and_outcomes_have_the_types_that_are_told() -> None:
    for name in TYPES["inputs"]["command"]["allowed-values"]:
        assert _command(name)
    with pytest.raises(GateError):
        _command("approve")
    told = TYPES["outputs"]["outcome"]["allowed-values"]
    assert sorted(told) == sorted(get_args(Outcome))


def test_types_are_those_of_the_format() -> None:
    for one in (*TYPES["inputs"].values(), *TYPES["outputs"].values()):
        assert one["type"] in {"string", "boolean", "integer", "float", "enum", "list"}
        assert ("allowed-values" in one) == (one["type"] == "enum")
        assert ("separator" in one and "list-item" in one) == (one["type"] == "list")


def requirements() -> dict[str, str]:
    """Return the version that a runner installs of each package; each has hashes."""
    found = {}
    text = REQUIREMENTS.read_text(encoding="utf-8").replace("\\\n", "")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            pin, *hashes = line.split(" --hash=")
            assert hashes, f"{pin} has no hash"
            assert all(re.fullmatch(r"\s*sha256:[0-9a-f]{64}\s*", one) for one in hashes)
            asked = Requirement(pin)
            (spec,) = asked.specifier
            assert spec.operator == "=="
            found[asked.name.lower()] = spec.version
    return found


def test_a_runner_gets_every_dependency_in_a_version_that_is_allowed() -> None:
    pins = requirements()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for line in project["dependencies"]:
        asked = Requirement(line)
        assert asked.name.lower() in pins, f"{asked.name} is missing; see the head of the file"
        assert asked.specifier.contains(pins[asked.name.lower()]), line


def test_what_is_installed_is_all_that_the_action_is_made_of() -> None:
    script = (ROOT / "templates" / "action" / "install.sh").read_text(encoding="utf-8")
    version = (ROOT / "templates" / "action" / "version.py").read_text(encoding="utf-8")
    for part in set(PARTS) - {"action.yml"}:
        assert f"$home/{part}" in script
        assert f'"{part}"' in version


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_an_example_pins_actions_grants_little_and_uses_inputs_that_exist(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {}
    assert "concurrency" in workflow
    for job in workflow["jobs"].values():
        assert "timeout-minutes" in job
        for step in job["steps"]:
            uses = step.get("uses")
            assert uses is None or PINNED.fullmatch(uses), uses
            if uses and uses.startswith("itil-gate/"):
                assert set(step.get("with", {})) <= set(ACTION["inputs"])
            if uses and uses.startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
                assert step["with"]["fetch-depth"] == 0
    for line in text.splitlines():
        if re.search(r": (read|write)\b", line):
            assert "#" in line, f"{file.name} does not say why: {line}"


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_no_example_checks_out_a_head_or_hands_a_key_to_its_author(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    code = "\n".join(line.partition(" #")[0] for line in text.splitlines())
    assert not re.search(r"ref:.*(head|merge_commit|refs/pull)", code)
    workflow = yaml.safe_load(text)
    events = set(workflow[True])
    of_the_head = events & {"pull_request", "pull_request_review", "merge_group"}
    if of_the_head:
        assert "secrets." not in code
        assert "environment" not in code
        assert ": write" not in code
    for job in workflow["jobs"].values():
        if "secrets." in str(job):
            assert job["environment"] in {"change-gate", "change-log"}
