"""Pull requests for a real runner: waiting, allowed, asked for by nobody, and a hostile one."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from support.acting import Acted, copy_action, install, run_act
from support.repository import Repo
from support.runner import PULL, pull_event
from support.world import (
    APPROVALS,
    CONFIG,
    RISK,
    World,
    adopt,
)

if TYPE_CHECKING:
    from pathlib import Path

    from support.repository import Keyring

NAMES = {"denied": 5, "pending": 6, "allowed": PULL, "hostile": 8}
HOSTILE_TITLE = "'$(touch {canary}) `touch {canary}` ::set-output name=outcome::allow <img src=x>'"
HOSTILE_BRANCH = "x;$(touch${IFS}canary)`id`"
_HEX, _SHORT = re.compile(r"\b[0-9a-f]{40}\b"), re.compile(r"\b[0-9a-f]{12}\b")
_WHEN = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC")


@dataclass
class Stage:
    """The forge's repository, the action, and the environment that it installs."""

    world: World
    server: Repo
    action: Path
    ready: Path
    room: Path
    canary: Path
    heads: dict[str, str] = field(default_factory=dict)
    runs: int = 0

    def payload(self, name: str, event: str) -> Any:
        """Return what the forge says of an event about one of the proposals."""
        head = self.heads[name]
        if event == "merge_group":
            return {"merge_group": {"base_ref": "refs/heads/main", "head_sha": head}}
        hostile = name == "hostile"
        title = HOSTILE_TITLE.format(canary=self.canary) if hostile else "A change"
        payload = pull_event(head, number=NAMES[name], title=title)
        payload["pull_request"]["head"]["ref"] = HOSTILE_BRANCH if hostile else name
        return payload

    def run(
        self, name: str, event: str, *, fresh: bool = False, checked_out: str = "", **inputs: str
    ) -> Acted:
        """Run the action on an event about a proposal, in a clone of its own."""
        return self.send(
            event, self.payload(name, event), fresh=fresh, checked_out=checked_out, **inputs
        )

    def send(
        self, event: str, payload: Any, *, fresh: bool = False, checked_out: str = "", **inputs: str
    ) -> Acted:
        """Run the action on an event."""
        self.runs += 1
        room = self.room / f"run-{self.runs}"
        clone = Repo(self.room / f"clone-{self.runs}")
        clone.git("remote", "add", "origin", str(self.server.path))
        clone.git("fetch", "-q", "--no-tags", "origin", "+refs/heads/main:refs/remotes/origin/main")
        if checked_out:
            clone.git("fetch", "-q", "origin", "refs/pull/*/head:refs/pull/*/head")
        clone.git("checkout", "-q", "--detach", checked_out or "refs/remotes/origin/main")
        return run_act(
            event,
            payload,
            action=self.action,
            workspace=clone.path,
            room=room,
            ready=None if fresh else self.ready,
            inputs=inputs,
        )


def build_stage(room: Path, keyring: Keyring) -> Stage:
    """Make everything once: the repository with its proposals, and the installed environment."""
    world = World(Repo(room / "repo"), keyring, now=datetime.now(tz=UTC).replace(microsecond=0))
    # Days that these texts name come, and the golden files should not change then.
    texts = {"config": CONFIG, "risk": RISK, "approvals": APPROVALS}
    late = {name: text.replace("2027-01-01", "2099-01-01") for name, text in texts.items()}
    adopt(world.repo, keyring, **late)
    canary = room / "canary"
    heads = {}
    heads["pending"] = world.propose(branch="pending", change="CHG-2026-AAAA0002")
    heads["allowed"] = world.propose(branch="allowed")
    world.file(world.state("approve", "erin", head="allowed"))
    world.repo.checkout("denied", create=True, at="main")
    heads["denied"] = world.commit({"src/app.py": "print('sneaky')\n", "db/x.sql": "drop\n"})
    heads["hostile"] = world.propose(
        plants(canary),
        branch="hostile",
        change="CHG-2026-AAAA0003",
        scope='"**"',
        title=HOSTILE_TITLE.format(canary=canary),
    )
    server = Repo(room / "forge.git", bare=True)
    for ref in ("main", "itil-gate-approvals"):
        world.repo.git("push", "-q", str(server.path), f"refs/heads/{ref}:refs/heads/{ref}")
    for name, number in NAMES.items():
        world.repo.git("push", "-q", str(server.path), f"{heads[name]}:refs/pull/{number}/head")
    action = copy_action(room / "action")
    ready = install(action, room / "installed")
    return Stage(world, server, action, ready, room, canary, heads)


def masked(acted: Acted) -> str:
    """Return what people and later steps see of a run, without what differs each time."""
    outputs = acted.outputs | {"decision": "TEMP/itil-gate-decision.json"}
    parts = [
        f"step: {acted.ended}",
        "== outputs",
        json.dumps(outputs, indent=2, sort_keys=True),
        "== annotations",
        *acted.annotations,
        "== summary",
        acted.summary.rstrip("\n"),
    ]
    text = "\n".join(parts) + "\n"
    for pattern, word in ((_HEX, "COMMIT"), (_SHORT, "SHORT"), (_WHEN, "WHEN")):
        text = pattern.sub(word, text)
    return text


def plants(canary: Path) -> dict[str, str | bytes]:
    """Return files that would run, or change how something runs, where anybody obeyed them."""
    code = f"open({str(canary)!r}, 'a').write(__file__ + '\\n')\n"
    shell = f"#!/bin/sh\ntouch {canary}\n"
    python = ("click", "itil_gate/__init__", "itil_gate/__main__", "sitecustomize", "usercustomize")
    python += ("pydantic/__init__", "encodings/__init__", "setup", "conftest", "pip/__init__")
    python += ("templates/action/version", "src/app")
    index = "[global]\nindex-url = http://127.0.0.1:9/simple\nno-index = true\n"
    return {
        **{f"{name}.py": code for name in python},
        "templates/action/install.sh": shell,
        "templates/action/run.sh": shell,
        "bash": shell,
        "git": shell,
        "pip.conf": index,
        "uv.toml": 'index-url = "http://127.0.0.1:9/simple"\n',
        ".gitattributes": "* merge=union filter=evil\n",
        ".gitmodules": f'[submodule "x"]\n\tpath = x\n\turl = ext::sh -c touch% {canary}\n',
        ".env": "ITIL_GATE_ACTION_COMMAND=lint\nPYTHONPATH=.\n",
        "requirements.txt": "evil @ file:./evil\n",
    }
