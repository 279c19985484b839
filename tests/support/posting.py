"""A pull request, its forge with an API that answers, and a job on that forge's runner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.github_answers import on_its_runner, told
from support.runner import PULL, Runner, bring, check_out, forge_of
from support.world import APPROVALS

if TYPE_CHECKING:
    from pathlib import Path

    from support.forge_server import ForgeServer
    from support.repository import Repo
    from support.world import World

STATUS, COMMENT = {"status": "true"}, {"comment": "true"}
BOTH = STATUS | COMMENT


class Scene:
    """A world, its forge with an API, and a job on the forge's runner."""

    def __init__(self, world: World, api: ForgeServer, tmp_path: Path) -> None:
        self.world, self.api, self.tmp = world, api, tmp_path
        self.head = world.propose()
        self.server: Repo = forge_of(world.repo, tmp_path / "forge.git")
        self.runner = Runner(check_out(self.server, tmp_path / "work").path, tmp_path / "temp")
        on_its_runner(self.runner, api)
        self.publish()

    def publish(self) -> None:
        """Bring what the world has by now to the forge, and let a run be started by it."""
        bring(self.world.repo, self.server, {f"refs/pull/{PULL}/head": self.head})
        told(self.api, self.head)
        self.runner.pull_request(self.head, name="pull_request_target")

    def name_the_forge(self, text: str, *, counting: str = "") -> None:
        """Let the target's configuration name a forge; `counting` is put to the approvals."""
        self.world.on_main(
            {"itil-gate.yaml": text, "policies/approvals.yaml": APPROVALS + counting}
        )
        self.world.repo.checkout("main")
        self.world.repo.git("branch", "-D", "feature")
        self.head = self.world.propose()
        self.publish()

    def deny(self) -> None:
        """Let nobody have asked for what is proposed."""
        self.world.repo.checkout("sneaky", create=True, at="main")
        self.head = self.world.commit({"src/app.py": "print('sneaky')\n"})
        self.publish()

    def allow(self) -> None:
        """Let everybody have approved it."""
        self.world.approve("erin")
        self.publish()
