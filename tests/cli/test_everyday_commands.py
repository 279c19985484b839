"""schema, migrate, completion and the generated pages, as a user meets them."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.shell import run_gate
from support.world import CHG, request_file

from itil_gate.cli import COMMANDS
from itil_gate.reading.schema import schemas
from itil_gate.report.rulebook import RULES

if TYPE_CHECKING:
    from support.world import World

HERE = Path(__file__).parent


def test_schemas_are_listed_printed_and_written(tmp_path: Path) -> None:
    names = run_gate("schema", "--list", cwd=tmp_path).out.split()
    assert sorted(f"{name}.json" for name in names) == sorted(schemas())
    printed = json.loads(run_gate("schema", "change-request", cwd=tmp_path).out)
    assert printed["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    ran = run_gate("schema", "--output-dir", "out", cwd=tmp_path)
    assert ran.code == 0
    assert {path.name: path.read_text() for path in (tmp_path / "out").iterdir()} == schemas()


@pytest.mark.parametrize("name", ["people", "people.json", "People", "ChangeRequest"])
def test_a_schema_is_found_by_the_name_people_think_of(tmp_path: Path, name: str) -> None:
    assert json.loads(run_gate("schema", name, cwd=tmp_path).out)["$id"].startswith("https://")


def test_a_schema_that_does_not_exist_suggests_the_nearest(tmp_path: Path) -> None:
    ran = run_gate("schema", "poeple", cwd=tmp_path)
    assert ran.code == 2
    assert "'people'" in ran.err


def test_migrate_reads_everything_and_has_nothing_to_do(desk: World) -> None:
    desk.repo.write(f"changes/2026/{CHG}.yaml", request_file())
    two = (desk.repo.path / "policies/approvals.yaml").read_text()
    desk.repo.write("policies/two.yaml", f"{two}---\n{two}")
    before = desk.repo.git("status", "--porcelain")
    ran = run_gate("migrate", "--write", cwd=desk.repo.path)
    assert ran.code == 0, ran.out
    assert "6 file(s) read, 0 written" in ran.err
    assert desk.repo.git("status", "--porcelain") == before


def test_migrate_names_a_version_that_nobody_knows(desk: World) -> None:
    path = f"changes/2026/{CHG}.yaml"
    desk.repo.write(path, request_file().replace("itil-gate/v1", "itil-gate/v9"))
    ran = run_gate("migrate", path, cwd=desk.repo.path)
    assert ran.code == 1
    assert f"{path}:1:" in ran.out
    assert "unknown-version" in ran.out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_can_be_taught_to_complete(tmp_path: Path, shell: str) -> None:
    ran = run_gate(cwd=tmp_path, env={"_ITIL_GATE_COMPLETE": f"{shell}_source"})
    assert ran.code == 0
    assert f"_ITIL_GATE_COMPLETE={shell}_complete" in ran.out


def test_commands_and_options_are_completed(tmp_path: Path) -> None:
    env = {"_ITIL_GATE_COMPLETE": "bash_complete", "COMP_CWORD": "1"}
    ran = run_gate(cwd=tmp_path, env={**env, "COMP_WORDS": "itil-gate "})
    assert ran.out.split() == [f"plain,{name}" for name in COMMANDS]
    ran = run_gate(
        cwd=tmp_path, env={**env, "COMP_CWORD": "2", "COMP_WORDS": "itil-gate lint --fo"}
    )
    assert ran.out.split() == ["plain,--format"]


def test_the_generated_pages_are_not_stale() -> None:
    spec = importlib.util.spec_from_file_location("regenerate", HERE / "regenerate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    stale = [path.name for path, text in module.pages().items() if path.read_text("utf-8") != text]
    assert not stale, "run `python tests/cli/regenerate.py`"


def test_every_rule_and_command_has_its_place_in_the_pages() -> None:
    reference = HERE.parents[1] / "docs" / "reference"
    rules = (reference / "rules.md").read_text("utf-8").splitlines()
    assert [line[4:] for line in rules if line.startswith("### ")] == list(RULES)
    commands = (reference / "cli.md").read_text("utf-8").splitlines()
    assert {f"## itil-gate {name}" for name in COMMANDS} <= set(commands)
