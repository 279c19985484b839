"""The workflow that `init` writes: installed away from the checkout, always run, never filtered."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from support.cases import case
from support.repository import Repo
from support.shell import run_gate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.world import World

Json = dict[Any, Any]


@pytest.fixture(scope="module")
def workflow(tmp_path_factory: pytest.TempPathFactory) -> Json:
    """Return the workflow that a fresh adoption has."""
    repo = Repo(tmp_path_factory.mktemp("adopting") / "repo")
    repo.commit(files={"README.md": "hello\n"})
    ran = run_gate("init", cwd=repo.path)
    assert ran.code == 0, ran
    (file,) = (repo.path / ".github" / "workflows").glob("*.yml")
    read: Json = yaml.load(file.read_text("utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - strings
    return read


@pytest.fixture
def steps(workflow: Json) -> list[Json]:
    """Return the steps of its one job."""
    (job,) = workflow["jobs"].values()
    found: list[Json] = job["steps"]
    return found


class Trap(BaseHTTPRequestHandler):
    """An index that has nothing, and remembers who asked."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def trap() -> Iterator[tuple[str, list[str]]]:
    """Return the address of a planted index and what was asked of it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Trap)
    server.asked = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/simple", server.asked  # type: ignore[attr-defined]
    server.shutdown()
    thread.join()
    server.server_close()


def tiny_wheel(folder: Path, name: str, version: str) -> None:
    """Write the smallest wheel there is."""
    info = f"{name}-{version}.dist-info"
    folder.mkdir()
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", "")
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")


@pytest.mark.heavy
@case("FO-27")
def test_settings_planted_in_the_checkout_do_not_say_where_the_gate_comes_from(
    steps: list[Json], trap: tuple[str, list[str]], tmp_path: Path
) -> None:
    """The very options of the workflow's installer, in a directory full of traps.

    Here the gate is a wheel in a folder, so that nothing has to be fetched; one question to a
    planted index would show.
    """
    address, asked = trap
    (script,) = (step["run"] for step in steps if "pip install" in step.get("run", ""))
    install = script.replace("\\\n", " ").strip().splitlines()[-1]
    words = shlex.split(install)
    assert words[1:4] == ["-I", "-m", "pip"]
    place = tmp_path / "checkout"
    place.mkdir()
    tiny_wheel(tmp_path / "wheels", "itil_gate", "9.9")
    traps = {
        "pip.conf": f"[global]\nindex-url = {address}\nextra-index-url = {address}\n",
        "uv.toml": f'[[index]]\nurl = "{address}"\ndefault = true\n',
        "pyproject.toml": f'[tool.uv]\nindex-url = "{address}"\n',
        "pip.py": "raise SystemExit('planted')\n",
        "itil_gate.py": "raise SystemExit('planted')\n",
    }
    for name, text in traps.items():
        (place / name).write_text(text)
    environment = {
        **os.environ,
        "PIP_INDEX_URL": address,
        "PIP_EXTRA_INDEX_URL": address,
        "UV_INDEX_URL": address,
        "PYTHONPATH": str(place),
    }
    options = [*words[4:-1], "--dry-run", "--ignore-installed", "--target", str(tmp_path / "into")]
    local = [
        "--index-url",
        (tmp_path / "wheels").as_uri(),
        "--find-links",
        str(tmp_path / "wheels"),
    ]

    def pip(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", "-m", "pip", *arguments],
            cwd=place,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    done = pip(*options, *local, "itil-gate==9.9")
    assert done.returncode == 0, done.stderr
    assert "itil-gate-9.9" in done.stdout.replace("itil_gate", "itil-gate")
    assert asked == []
    # Without the word that isolates it, the same installer does ask whom the checkout names.
    careless = [word for word in options if word != "--isolated"]
    assert careless != options
    pip(*careless, *local, "itil-gate==9.9")
    assert asked


@case("FO-27", "FO-26")
def test_the_workflow_installs_and_starts_away_from_the_checkout(steps: list[Json]) -> None:
    scripts = [step for step in steps if "run" in step]
    assert len(scripts) == 2
    for step in scripts:
        assert step["working-directory"] == "${{ runner.temp }}"
        for line in step["run"].replace("\\\n", " ").strip().splitlines():
            assert shlex.split(line)[1] == "-I", line
    assert not [step for step in scripts if "uv " in step["run"] or "npm" in step["run"]]


@case("FO-31")
def test_the_workflow_has_no_filter_and_no_condition_under_which_it_is_skipped(
    workflow: Json, steps: list[Json]
) -> None:
    (job,) = workflow["jobs"].values()
    events = workflow["on"]
    for settings in events.values() if isinstance(events, dict) else ():
        assert not settings or not {"paths", "paths-ignore", "branches-ignore"} & set(settings)
    for part in (job, *steps):
        assert not {"if", "continue-on-error", "strategy"} & set(part)
    assert not [step for step in steps if "|| " in step.get("run", "")]


@case("FO-31")
def test_a_change_that_needs_no_request_is_decided_and_not_left_out(world: World) -> None:
    """Where others filter by path and report nothing, the gate says why it lets it through."""
    world.repo.checkout("feature", create=True)
    world.commit({"docs/index.md": "new\n"})
    ran = run_gate("check", "--base", "main", "--head", "feature", cwd=world.repo.path)
    assert ran.code == 0
    assert "ALLOW" in ran.out
    world.commit({"docs/index.md": "new\n", "src/app.py": "1\n"})
    ran = run_gate("check", "--base", "main", "--head", "feature", cwd=world.repo.path)
    assert ran.code == 1


@case("FO-30")
def test_the_workflow_fetches_the_whole_history(steps: list[Json]) -> None:
    (checkout,) = (step for step in steps if step.get("uses", "").startswith("actions/checkout@"))
    assert checkout["with"]["fetch-depth"] == "0"
    assert checkout["with"]["persist-credentials"] == "false"
