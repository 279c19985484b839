"""The wheel people install: built from the checkout, tried in an empty environment.

The checkout hides what a wheel forgets (policies, schemas, a dependency), so nothing here may see
it: another directory, an isolated interpreter, no variables of ours.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import itil_gate

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = {"policies": "itil_gate/_shipped/policies/", "schemas": "itil_gate/_shipped/schemas/"}

pytestmark = pytest.mark.wheel


def run(*command: str | Path, cwd: Path, expect: int = 0) -> str:
    """Run a command away from the checkout and return what it printed to stdout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**kept, "HOME": str(cwd), "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == expect, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel once."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", out, ROOT, cwd=out)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def gate(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into an empty environment and return the command it brings."""
    home = tmp_path_factory.mktemp("empty")
    run(sys.executable, "-I", "-m", "venv", home / "venv", cwd=home)
    python = home / "venv" / "bin" / "python"
    # The index and its certificates are the machine's own business, so pip keeps its settings.
    pip: list[str | Path] = [python, "-I", "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", wheel], cwd=home, timeout=600, check=True)
    run(*pip, "check", cwd=home)
    return home / "venv" / "bin" / "itil-gate"


@pytest.mark.parametrize("what", SHIPPED)
def test_the_wheel_carries_what_the_checkout_ships(wheel: Path, what: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        carried = {
            name.removeprefix(SHIPPED[what])
            for name in archive.namelist()
            if name.startswith(SHIPPED[what])
        }
    kept = subprocess.run(
        ["git", "ls-files", "-z", "--", what], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert carried
    assert carried == {path.removeprefix(f"{what}/") for path in kept.split("\0") if path}


def test_the_wheel_carries_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    strangers = [
        name
        for name in names
        if not name.startswith(("itil_gate/", f"itil_gate-{itil_gate.__version__}.dist-info/"))
    ]
    assert not strangers
    assert f"itil_gate-{itil_gate.__version__}.dist-info/licenses/LICENSE" in names
    assert "itil_gate/py.typed" in names


def test_the_installed_command_says_its_version(gate: Path, tmp_path: Path) -> None:
    assert itil_gate.__version__ in run(gate, "--version", cwd=tmp_path)


def test_the_installed_command_explains_itself(gate: Path, tmp_path: Path) -> None:
    printed = run(gate, "--help", cwd=tmp_path)
    assert "check" in printed
    assert "approve" in printed


def test_a_wrong_option_is_a_usage_error(gate: Path, tmp_path: Path) -> None:
    run(gate, "check", "--no-such-option", cwd=tmp_path, expect=2)


def test_the_installed_command_finds_its_schemas(gate: Path, tmp_path: Path) -> None:
    names = run(gate, "schema", "--list", cwd=tmp_path).split()
    assert names
    schema = json.loads(run(gate, "schema", names[0], cwd=tmp_path))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_installed_demo_runs_to_its_end(gate: Path, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    assert run(gate, "demo", "--dir", str(folder), cwd=tmp_path)
    assert any(folder.rglob(".git"))


def test_every_module_of_the_wheel_can_be_imported(gate: Path, tmp_path: Path) -> None:
    program = (
        "import importlib, pkgutil, itil_gate\n"
        "for module in pkgutil.walk_packages(itil_gate.__path__, 'itil_gate.'):\n"
        "    if not module.name.endswith('__main__'):\n"
        "        print(importlib.import_module(module.name).__name__)\n"
    )
    printed = run(gate.with_name("python"), "-I", "-W", "error", "-c", program, cwd=tmp_path)
    assert "itil_gate.cli" in printed.split()
