"""A world that keeps an audit log: decisions, landings and releases are written down there."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from itil_gate.decide.deploy_facts import Attempt
from itil_gate.decide.gate import decide
from itil_gate.gather.sources import read_judge
from itil_gate.git.discover import discover
from itil_gate.git.view import open_view
from itil_gate.policy.compile import read_config
from itil_gate.release.bookkeeping import record_decision, record_landing
from itil_gate.release.books import Books, books_of
from itil_gate.release.deploying import known_of
from itil_gate.release.keys import LogKeys
from itil_gate.release.recorder import open_new_log
from itil_gate.release.releasing import finish_release, start_release
from itil_gate.signing.ed25519 import public_line
from support.kept import Kept
from support.log import CHECKPOINT, RECORDER
from support.repository import isolated
from support.world import CONFIG

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from itil_gate.log.reader import Entry
    from itil_gate.model.config import Config
    from itil_gate.model.record import ReleaseRecord
    from itil_gate.release.deploying import Examined, Known
    from itil_gate.release.recorder import Recorded
    from itil_gate.release.updates import Tile
    from support.world import World

MAIN = "refs/heads/main"
KEYS = LogKeys(CHECKPOINT, RECORDER)
LOG = f"""\
log:
  keys:
    - {{use: checkpoint, key: "{public_line(CHECKPOINT.public)}"}}
    - {{use: recorder, key: "{public_line(RECORDER.public)}"}}
"""


@dataclass
class Bookish:
    """A world with its log. Times are those of the world."""

    world: World
    _read: tuple[str, Config] | None = None

    @property
    def config(self) -> Config:
        """The configuration at the tip of main, read again only where that has moved."""
        tip = self.world.repo.tip("main")
        if self._read is None or self._read[0] != tip:
            with open_view(discover(self.world.repo.path)) as view:
                sources = read_judge(view, tip)
            self._read = tip, read_config({source.path: source for source in sources})
        return self._read[1]

    @property
    def books(self) -> Books:
        """The books, open for writing now."""
        return books_of(
            discover(self.world.repo.path),
            self.config,
            keys=KEYS,
            remote=None,
            now=self.world.now,
        )

    def entries(self) -> list[Entry]:
        """Return every entry of the log, oldest first."""
        with self.books.reading() as reader:
            return list(reader.entries(range(reader.size)))

    def kinds(self) -> list[str]:
        """Return the kinds of the entries, oldest first."""
        return [entry.kind for entry in self.entries()]

    def known(self) -> Known:
        """Return what the deploy gate reads from the log."""
        with self.books.reading() as reader:
            return known_of(reader, MAIN)

    def decide(self, head: str = "feature") -> Recorded:
        """Record what the gate says about merging a head."""
        inputs = self.world.inputs(head)
        with open_view(discover(self.world.repo.path)) as view:
            return record_decision(self.books, view, decide(inputs), inputs)

    def merge(self, head: str = "feature", *, way: str = "merge") -> tuple[str, str]:
        """Merge a head into main as a forge would; return main before and after."""
        before = self.world.repo.tip("main")
        git(self.world, "checkout", "--quiet", "main")
        option = {"merge": "--no-ff", "squash": "--squash", "forward": "--ff-only"}[way]
        git(self.world, "merge", "--quiet", option, head)
        if way == "squash":
            git(self.world, "commit", "--quiet", "-m", "A change (#7)")
        return before, self.world.repo.tip("main")

    def landed(
        self, before: str | None = None, after: str = "main", *, heads: Sequence[str] = ()
    ) -> tuple[Tile, ...]:
        """Record what landed."""
        with open_view(discover(self.world.repo.path)) as view:
            tiles, _ = record_landing(
                self.books,
                view,
                ref=MAIN,
                after=self.world.repo.tip(after) if after == "main" else after,
                pushed=before,
                heads=heads,
            )
        return tiles

    def start(
        self,
        commit: str = "main",
        *,
        artifact: str = "sha256:" + "a" * 64,
        environment: str = "production",
        changes: Sequence[str] = (),
        backout: bool = False,
        provenance: bytes | None = None,
        nonce: str = "",
    ) -> tuple[Examined, ReleaseRecord | None]:
        """Try to release."""
        numbered = nonce or f"REL-2026-{len(self.entries()):08d}"
        tip = self.world.repo.tip("main")
        with open_view(discover(self.world.repo.path)) as view:
            examined, _, record = start_release(
                self.books,
                view,
                Attempt(
                    environment=environment,
                    commit=tip if commit == "main" else commit,
                    artifact=artifact,
                    changes=tuple(changes),
                    now=self.world.now,
                    backout=backout,
                ),
                target=MAIN,
                tip=tip,
                nonce=numbered,
                deployer="pipeline",
                purl=None,
                provenance=provenance,
            )
        return examined, record

    def release(self, commit: str = "main", *, outcome: str = "success", **given: str) -> None:
        """Release, and say how it ended."""
        how = ("release", commit, outcome, sorted(given.items()), self.world.now, _signing())
        Kept.step(self.world.repo, how, lambda: self._release(commit, outcome, **given))

    def _release(self, commit: str, outcome: str, **given: str) -> None:
        examined, record = self.start(commit, **given)  # type: ignore[arg-type]
        assert record is not None, examined.findings.failed
        finish_release(
            self.books, self.known(), record.nonce, outcome=outcome, started=None, finished=None
        )

    def land(self, files: dict[str, str], change: str, *, branch: str, way: str = "merge") -> str:
        """Bring a low-risk change all the way onto main, recorded; return main's tip."""
        how = ("land", files, change, branch, way, self.world.now, self.world.who_signs, _signing())
        return Kept.step(
            self.world.repo, how, lambda: self._land(files, change, branch=branch, way=way)
        )

    def _land(self, files: dict[str, str], change: str, *, branch: str, way: str) -> str:
        self.world.propose(files, branch=branch, change=change)
        self.world.approve("bob", head=branch, change=change)
        self.decide(branch)
        before, after = self.merge(branch, way=way)
        self.landed(before)
        return after


def open_books(world: World, *, config: str = CONFIG, more: str = "") -> Bookish:
    """Configure a log on main, and open it there."""
    bookish = Bookish(world)

    def make() -> None:
        tip = world.on_main({"itil-gate.yaml": config + LOG + more})
        open_new_log(
            discover(world.repo.path),
            keys=KEYS,
            settings=bookish.books.settings,
            name=bookish.config.repository,
            target=MAIN,
            adopted=tip,
            remote=None,
            now=world.now,
        )

    Kept.step(world.repo, ("open", config, more, world.now, world.who_signs, _signing()), make)
    return bookish


def _signing() -> tuple[bytes, ...]:
    """Return the keys of the log as they are now: some tests have it signed by others."""
    return tuple(one.public for one in (*KEYS.checkpoints, *KEYS.recorders))


def private_keys(directory: Path) -> dict[str, str]:
    """Return the secrets with which commands record: the keys of CHECKPOINT and RECORDER."""
    found = {}
    for name, seed in (("ITIL_GATE_LOG_KEY", 1), ("ITIL_GATE_RECORDER_KEY", 2)):
        key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        text = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        found[name] = text.decode("ascii")
        file = directory / name
        file.write_bytes(text)
        file.chmod(0o600)
    return found


def git(world: World, *arguments: str) -> None:
    """Run git in a world's repository, by the world's clock."""
    date = f"@{int(world.now.timestamp())} +0000"
    env = isolated({"GIT_COMMITTER_DATE": date, "GIT_AUTHOR_DATE": date})
    subprocess.run(["git", *arguments], cwd=world.repo.path, env=env, check=True)
