"""Attacks on the audit log of a real repository: commit what an attacker would, then verify.

A log of every kind that the commands write is made once and copied for every attack. The attacker
can do what is said of him, and no more: write to the branch, or hold a key besides.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from itil_gate.audit.log_verification import Effort, verify_branch
from itil_gate.gather.remembered import memory_file
from itil_gate.git.audit_log import Addition
from itil_gate.git.audit_log import append as commit_to
from itil_gate.git.discover import discover
from itil_gate.git.refs import open_store
from itil_gate.git.snapshot import Snapshot
from itil_gate.log.append import Event, Writers, plan_append
from itil_gate.log.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from itil_gate.log.entry import (
    PREDICATE_TYPES,
    Leaf,
    entry_path,
    ids_path,
    index_file,
    parse_entry,
)
from itil_gate.log.tiles import grow
from itil_gate.log.verify import terms_of
from itil_gate.model.record import AUDIT_BRANCH, Correction
from itil_gate.release.entries import plain_event
from itil_gate.signing import jcs
from support.log import CHECKPOINT, RECORDER
from support.world import World, copy_world

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from itil_gate.audit.log_verification import Verification
    from itil_gate.git.discover import Repository
    from itil_gate.log.verify import Terms
    from itil_gate.model.base import Model
    from itil_gate.model.config import Config
    from itil_gate.signing.ed25519 import Signer
    from support.repository import Keyring

MESSAGE = "Append 1 entries\n\nLog-Size: {size}\nLog-Root: {root}\n"
WHO = ("mallory", "mallory")


@dataclass
class Victim:
    """A repository with its log, and who attacks it. `verify` is what its owner would run."""

    world: World
    config: Config

    @property
    def repository(self) -> Repository:
        """The repository."""
        return discover(self.world.repo.path)

    @property
    def terms(self) -> Terms:
        """What the configuration on main pins."""
        assert self.config.log is not None
        return terms_of(self.config.log, self.config.repository)

    @property
    def tip(self) -> str:
        """The tip of the branch."""
        return self.world.repo.tip(AUDIT_BRANCH)

    def read(self, path: str) -> bytes | None:
        """Return a file of the branch."""
        with open_store(self.repository) as store:
            return Snapshot(store, self.tip).read(path)

    @property
    def note(self) -> bytes:
        """The signed checkpoint."""
        return self.read("checkpoint") or b""

    @property
    def checkpoint(self) -> Any:
        """The checkpoint, opened."""
        return open_checkpoint(self.note, self.terms.keys, origin=self.terms.origin).checkpoint

    def forget(self) -> None:
        """Let the clone remember nothing, as a fresh one does."""
        memory_file(self.repository).unlink(missing_ok=True)
        shutil.rmtree(memory_file(self.repository).parent, ignore_errors=True)

    def verify(self, *, again: bool = False, **given: Any) -> Verification:
        """Verify the log as its owner would; only `again` in a clone that did so before."""
        if not again:
            self.forget()
        terms = given.pop("terms", self.terms)
        effort = Effort(now=self.world.now, **given)
        return verify_branch(self.repository, terms, effort, remote=None)

    def bad(self, **given: Any) -> set[str]:
        """Return the names of the checks that see something."""
        found = self.verify(**given)
        return {one.check for one in found.verdicts if one.state == "bad"}

    def commit(
        self,
        files: Mapping[str, bytes | None],
        *,
        signer: Signer = CHECKPOINT,
        message: str = "",
    ) -> str:
        """Commit any change of files to the branch, signed, with trailers that fit."""
        note = files.get("checkpoint") or self.note
        text = note.decode().splitlines()
        said = message or MESSAGE.format(size=text[1], root=text[2])
        landed = commit_to(
            self.repository,
            lambda _: Addition(files, said),
            remote=None,
            signer=signer,
            identity=WHO,
            when=self.world.now,
        )
        return landed.tip

    def append(
        self,
        events: Sequence[Event],
        *,
        recorder: Signer = RECORDER,
        checkpoint: Signer = CHECKPOINT,
        extra: Callable[[dict[str, bytes | None]], None] = lambda _: None,
        repository: str = "",
    ) -> tuple[int, ...]:
        """Append events as whoever holds the keys can, by the book but for what is in them."""
        keys = self.terms.keys
        made = []

        def plan(at: Snapshot) -> Addition:
            planned = plan_append(
                events,
                at.read,
                repository=repository or self.config.repository,
                origin=self.terms.origin,
                keys=keys,
                writers=Writers(checkpoint, (recorder,)),
            )
            made.append(planned)
            files = dict(planned.files)
            extra(files)
            root = base64.b64encode(planned.checkpoint.root).decode()
            return Addition(files, MESSAGE.format(size=planned.checkpoint.size, root=root))

        commit_to(
            self.repository, plan, remote=None, signer=checkpoint, identity=WHO, when=self.world.now
        )
        return made[-1].indices

    def append_raw(
        self, kind: str, file: bytes, *, name: bool = True, checkpoint: Signer = CHECKPOINT
    ) -> int:
        """Append any file as an entry: what a holder of the checkpoint key alone can do."""
        before = self.checkpoint
        with open_store(self.repository) as store:
            at = Snapshot(store, self.tip)
            grown = grow(before.size, [Leaf(kind, hashlib.sha256(file).hexdigest()).data], at.read)
        present = Checkpoint(before.origin, grown.size, grown.root)
        files = dict(grown.files) | {
            entry_path(before.size): file,
            "checkpoint": sign_checkpoint(present, checkpoint),
        }
        if name:
            files[ids_path(hashlib.sha256(file).hexdigest())] = index_file(before.size)
        self.commit(files, signer=checkpoint)
        return int(before.size)

    def statement(self, index: int) -> dict[str, Any]:
        """Return the statement of an entry."""
        _, said = parse_entry(self.read(entry_path(index)) or b"")
        return said

    def said(self, index: int, **changes: Any) -> Event:
        """Return the event of an entry with some fields of its predicate changed."""
        said = copy.deepcopy(self.statement(index))
        said["predicate"] |= changes
        kind = next(k for k, v in PREDICATE_TYPES.items() if v == said["predicateType"])
        for subject in said["subject"]:
            named = subject["digest"]
            if "after" in changes:
                named["gitCommit"] = changes["after"]
        return Event(kind, _key(kind, said["predicate"]), said)

    def move(self, commit: str) -> None:
        """Force the branch to a commit."""
        self.world.repo.git("update-ref", AUDIT_BRANCH, commit)


def harmless(number: int = 1, *, repository: str = "example.com/acme/payments") -> Event:
    """Return an event of its own for every number, to which nobody can object by itself."""
    said = Correction(repository=repository, reason=f"Number {number} was no mistake.", by="carol")
    return entry_event("correction", f"harmless {number}", said)


def entry_event(kind: Any, key: str | tuple[str, ...], predicate: Model) -> Event:
    """Return an event of one of the rarer kinds."""
    return plain_event(kind, key, predicate, subject={"sha256": "0" * 64})


def _key(kind: str, predicate: dict[str, Any]) -> str | tuple[str, ...]:
    """Return the key by which the log would have written an event."""
    if kind == "ref-update":
        return tuple(predicate[name] for name in ("ref", "before", "after", "standing"))
    if kind == "gate-decision":
        said = predicate["itilGate"].get("decision") or predicate["itilGate"]["deploy"]
        return hashlib.sha256(jcs.encode(said)).hexdigest()
    return next(
        predicate[name] for name in ("nonce", "statement", "id", "origin") if name in predicate
    )


def copy_victim(
    template: Path, path: Path, keyring: Keyring, *, config: Config, now: Any
) -> Victim:
    """Copy the repository that was made once."""
    world = copy_world(template, path, keyring)
    world.now = now
    victim = Victim(world, config)
    victim.forget()
    return victim
