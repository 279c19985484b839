"""The second half of the demo: what was approved is merged, released and written down.

Every command that is shown is the one that runs. Damage is done to copies only.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from itil_gate.cli import recording
from itil_gate.cli.screen import now, out, repository

if TYPE_CHECKING:
    from itil_gate.release.playground import Playground

WIDTH = 78
ENTRY = "entry/000/000/001.intoto.json"
"""The entry that is tampered with: the first decision."""


class Stage:
    """Where the second half is played; keeps what did not go as it should."""

    def __init__(self, ground: Playground) -> None:
        """Take the playground as the first half left it."""
        self.ground = ground
        self.surprises: list[str] = []

    def tell(self, story: str) -> None:
        """Say what comes next."""
        out(f"\n{'=' * WIDTH}\n{click.wrap_text(story, WIDTH)}\n")

    def play(
        self, *words: str, expected: int = 0, at: Path | None = None, lines: int | None = None
    ) -> None:
        """Show a command and run it; what ends otherwise than expected is a surprise.

        With `lines` only that many of what it prints are shown.
        """
        from itil_gate.cli import gate

        out(f"$ itil-gate {' '.join(words)}\n")
        args = [*words, "--repo", str(at or self.ground.directory)]
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            code = gate.main(args=args, prog_name="itil-gate", standalone_mode=False)
        text = said.getvalue()
        if lines is not None:
            text = "".join([*text.splitlines(keepends=True)[:lines], "  …\n"])
        out(text)
        if code != expected:
            self.surprises.append(f"`itil-gate {' '.join(words)}` ended with {code}")

    def land(self, branch: str, *, message: str) -> str:
        """Record the decision about a branch, merge it, and record how it landed."""
        from itil_gate.git.workshop import merge, workshop_at

        self.play("check", "--base", "main", "--head", branch, "--record", lines=3)
        repo = workshop_at(self.ground.directory)
        before = repo.head.commit.hexsha
        out(f"$ git merge --no-ff -S {branch}\n")
        after = merge(repo, branch, message=message, maker=self.ground.makers["carol"], when=now())
        self.play("check", "--merged", f"{before}..{after}", "--record")
        return after

    def release(self, environment: str, commit: str, artifact: str, *, expected: int = 0) -> None:
        """Ask the deploy gate; where it allows, say that all went well."""
        asked = ("--environment", environment, "--commit", commit, "--artifact", artifact)
        self.play("release", "start", *asked, "--deployer", "pipeline", expected=expected)
        if expected == 0:
            number = self._last_release()
            self.play("release", "finish", number, "--outcome", "success")

    def _last_release(self) -> str:
        from itil_gate.gather.inputs import find_target_tip
        from itil_gate.gather.recorded import open_copy
        from itil_gate.gather.sources import read_judge
        from itil_gate.git.view import open_view
        from itil_gate.policy.compile import read_config
        from itil_gate.release.deploying import known_of

        target = "refs/heads/main"
        with open_view(repository(self.ground.directory)) as view:
            sources = read_judge(view, find_target_tip(view, target))
            reader = open_copy(view, read_config({one.path: one for one in sources}))
            if reader is None:  # pragma: no cover - a release was just recorded there
                return ""
            return known_of(reader, target).releases[-1].record.nonce


def open_log(ground: Playground, *, keys: Path) -> list[str]:
    """Open the log whose keys the playground pins, and return what did not go as it should."""
    from itil_gate.release.playground import LOG_KEY, RECORDER_KEY

    stage = Stage(ground)
    secrets = {recording.LOG_KEY: keys / LOG_KEY, recording.RECORDER_KEY: keys / RECORDER_KEY}
    stage.tell(
        "What is decided and done will be written down: in a log on the branch audit-log, whose "
        "keys itil-gate.yaml pins on main. Nobody can change it later without being seen."
    )
    for name, file in secrets.items():
        out(f'$ export {name}="$(cat {file})"')
        os.environ[name] = file.read_text(encoding="utf-8")
    out("")
    stage.play("log", "init")
    return stage.surprises


def second_half(ground: Playground) -> list[str]:
    """Play it, and return what did not go as it should."""
    stage = Stage(ground)
    stage.tell(
        "The change that Bob approved is decided once more, on the record, and merged. The push "
        "is then held against the decision: is what landed what was authorised?"
    )
    tip = stage.land("approved", message="Merge branch 'approved'")
    stage.tell(
        "The web shop is built from that commit, and released: first to staging. Production takes "
        "the same artefact, and only that: something else, built who knows how, is refused."
    )
    built = _digest(f"the web shop, built from {tip}")
    stage.release("staging", tip, built)
    stage.release("production", tip, _digest("something else"), expected=1)
    stage.release("production", tip, built)
    stage.tell(
        "The emergency is merged and released at once, without staging. It leaves a debt: somebody "
        "else approves it afterwards, and it is reviewed. Overdue debts hold back releases."
    )
    urgent = stage.land("emergency", message="Merge branch 'emergency'")
    stage.release("production", urgent, _digest(f"payments, built from {urgent}"))
    stage.play("debt")
    stage.tell(
        "An auditor needs none of these people's word, and no network: every hash and signature of "
        "the log is verified, and every update of main is held against what authorised it."
    )
    stage.play("log", "verify")
    stage.play("audit", "reconcile")
    with tempfile.TemporaryDirectory(prefix="itil-gate-copies-") as copies:
        _push_straight(stage, Path(copies) / "pushed")
        _tamper(stage, Path(copies) / "tampered")
    return stage.surprises


def _push_straight(stage: Stage, copy: Path) -> None:
    """Let somebody push to main in a copy, and reconcile it."""
    from itil_gate.git.workshop import commit, workshop_at

    stage.tell(
        "In a copy of the repository, Bob pushes straight to main, past every gate. Nobody "
        "recorded it; the history and the log no longer agree."
    )
    shutil.copytree(stage.ground.directory, copy, symlinks=True)
    out('$ git commit -S -m "Just a quick fix" && git push origin main\n')
    commit(
        workshop_at(copy),
        {"src/payments/rounding.py": "DIGITS = 0\n"},
        message="Just a quick fix",
        maker=stage.ground.makers["bob"],
        when=now(),
    )
    stage.play("audit", "reconcile", expected=1, at=copy)


def _tamper(stage: Stage, copy: Path) -> None:
    """Let somebody change an entry of the log in a copy, and verify it."""
    from itil_gate.git.workshop import commit, return_to_main, switch, workshop_at

    stage.tell(
        "In another copy, somebody changes one letter of an entry that was recorded long ago, and "
        "commits it to the log's branch as if nothing had happened."
    )
    shutil.copytree(stage.ground.directory, copy, symlinks=True)
    repo = workshop_at(copy)
    switch(repo, "audit-log")
    entry = copy / ENTRY
    text = entry.read_text(encoding="ascii")
    at = len('{"payload":"') + 40
    changed = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
    out(f"$ git switch audit-log && $EDITOR {ENTRY} && git commit -a\n")
    commit(
        repo,
        {ENTRY: changed},
        message="Append outcome 20",
        maker=stage.ground.makers["erin"],
        when=now(),
    )
    return_to_main(repo)
    stage.play("log", "verify", "--full", expected=1, at=copy)


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
