"""Real audit logs on real branches: opened, grown, looked at whole. Run, it grows one by itself.

`python -m support.audit_branch REPOSITORY REMOTE FIRST COUNT [PAUSE]` records events one after
another and prints the index of each; REMOTE `-` is none.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from itil_gate.git.discover import discover
from itil_gate.log.checkpoint import open_checkpoint
from itil_gate.log.entry import entry_path, parse_entry, parse_leaf
from itil_gate.log.merkle import leaf_hash, root
from itil_gate.log.tiles import bundle_path, parse_bundle
from itil_gate.model.config import LogKey, LogSettings
from itil_gate.model.record import AUDIT_BRANCH
from itil_gate.release.keys import LogKeys
from itil_gate.release.recorder import open_new_log, record
from itil_gate.signing.ed25519 import public_line
from support.log import CHECKPOINT, KEYS, ORIGIN, RECORDER, REPOSITORY, event
from support.repository import Repo, isolated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.release.recorder import Recorded
    from itil_gate.signing.ed25519 import Signer

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LOG_KEYS = LogKeys(CHECKPOINT, RECORDER)


def pinned(use: str, signer: Signer, *, since: int = 0, until: int | None = None) -> LogKey:
    """Return a key as itil-gate.yaml pins it."""
    return LogKey(use=use, key=public_line(signer.public), since=since, until=until)


SETTINGS = LogSettings(keys=(pinned("checkpoint", CHECKPOINT), pinned("recorder", RECORDER)))


def make_hub(path: Path, *, filters: bool = True, any_object: bool = True) -> Repo:
    """Make a bare repository with a branch main, as servers are configured."""
    hub = Repo(path, bare=True)
    hub.git("config", "uploadpack.allowFilter", str(filters).lower())
    hub.git("config", "uploadpack.allowAnySHA1InWant", str(any_object).lower())
    with tempfile.TemporaryDirectory() as name:
        seed = Repo(Path(name) / "seed")
        seed.commit(files={"code": "x"})
        seed.git("push", "--quiet", hub.path, "main")
    return hub


def open_log(repo: Repo, *, remote: str | None = None, keys: LogKeys = LOG_KEYS) -> Recorded:
    """Open the log of a repository."""
    return open_new_log(
        discover(repo.path),
        keys=keys,
        settings=SETTINGS,
        name=REPOSITORY,
        target="refs/heads/main",
        adopted="0" * 40,
        remote=remote,
        now=NOW,
    )


def put(
    repo: Repo,
    *numbers: int,
    remote: str | None = None,
    keys: LogKeys = LOG_KEYS,
    settings: LogSettings = SETTINGS,
    remembered: Sequence[str] = (),
    said: str = "success",
) -> Recorded:
    """Record the events of these numbers."""
    return record(
        discover(repo.path),
        [event(number, said=said) for number in numbers],
        keys=keys,
        settings=settings,
        name=REPOSITORY,
        remote=remote,
        now=NOW + timedelta(seconds=max(numbers)),
        remembered=remembered,
    )


def file_at(repo: Repo, path: str, ref: str = AUDIT_BRANCH) -> bytes:
    """Return the bytes of a file on the branch, as plain git gives them."""
    return repo.raw("cat-file", "blob", f"{ref}:{path}")


def numbers_in(repo: Repo, ref: str = AUDIT_BRANCH, *, signed: set[str] | None = None) -> list[int]:
    """Hold the whole log against plain git and return the numbers of its events, in order.

    Every commit is signed and has one parent, the store is sound, all leaves lead to the signed
    root, and every entry is the file that its leaf names. Commits in `signed` were seen to be
    signed, and those that are now are put there.
    """
    signed = set() if signed is None else signed
    repo.git("fsck", "--strict", "--no-dangling")
    commits = repo.git("rev-list", "--parents", ref).splitlines()
    assert all(len(line.split()) == 2 for line in commits[:-1])
    with tempfile.TemporaryDirectory() as name:
        allowed = Path(name) / "allowed"
        allowed.write_text(f"log {public_line(CHECKPOINT.public)}\n")
        setting = f"gpg.ssh.allowedSignersFile={allowed}"
        if fresh := [line.split()[0] for line in commits if line.split()[0] not in signed]:
            repo.git("-c", setting, "verify-commit", *fresh)
        signed.update(fresh)
    opened = open_checkpoint(file_at(repo, "checkpoint", ref), KEYS, origin=ORIGIN)
    size = opened.checkpoint.size
    leaves: list[bytes] = []
    for low in range(0, size, 256):
        path = bundle_path(low // 256, width=min(256, size - low))
        leaves += parse_bundle(file_at(repo, path, ref))
    assert root([leaf_hash(leaf) for leaf in leaves]) == opened.checkpoint.root
    found = []
    for index, leaf in enumerate(leaves):
        entry = file_at(repo, entry_path(index), ref)
        assert parse_leaf(leaf).sha256 == hashlib.sha256(entry).hexdigest()
        predicate = parse_entry(entry)[1]["predicate"]
        found += [predicate["number"]] if "number" in predicate else []
    return found


def start_writer(
    repo: Repo, remote: str | None, first: int, count: int, *, env: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start a process that records events one after another."""
    words = [str(repo.path), remote or "-", str(first), str(count)]
    return subprocess.Popen(
        [sys.executable, "-m", "support.audit_branch", *words],
        env=isolated({"PYTHONPATH": str(Path(__file__).parents[1]), **(env or {})}),
        cwd=repo.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _write() -> None:
    path, remote, first, count = sys.argv[1:]
    repo = Repo(Path(path), bare=not (Path(path) / ".git").exists())
    for number in range(int(first), int(first) + int(count)):
        began = time.monotonic()
        made = put(repo, number, remote=None if remote == "-" else remote)
        sys.stdout.write(
            f"{number} {made.indices[0]} {made.tries} {time.monotonic() - began:.3f}\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    os.environ.pop("GIT_DIR", None)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored below a job of some shells
    _write()
