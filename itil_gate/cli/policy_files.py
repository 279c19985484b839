"""The texts that `itil-gate policy` is about: those of the work tree, or of a shipped profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.cli.worktree import DEFAULTS, everything, open_work_tree, read_file
from itil_gate.model.errors import ConfigError, GateError
from itil_gate.model.finding import Finding
from itil_gate.model.frozen import frozen
from itil_gate.model.policy import Source
from itil_gate.prove.suites import PROFILE_FILE, extended

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable
    from pathlib import Path

    from itil_gate.model.config import Config

WORLD = ("config", "people", "services")


@frozen
class PolicyFiles:
    """Policies with their tests, and the world of the repository that they belong to."""

    config: Config
    policies: tuple[Source, ...]
    """The texts of the policy and calendar folders, tests and the extension schema among them."""
    world: tuple[Source, ...]
    """Configuration, people and services; empty for a profile, which belongs to nobody."""
    profile: str | None = None


def policy_files(repo: Path, profile: str | None) -> PolicyFiles:
    """Return the texts of a shipped profile with those below it, or of the work tree.

    Raises GateError `unknown-profile`, `unreadable-file`, and ConfigError `invalid-policy-set` for
    files that are no text.
    """
    return _work_tree(repo) if profile is None else _profile(profile)


def _work_tree(repo: Path) -> PolicyFiles:
    tree = open_work_tree(repo)
    policies: list[Source] = []
    world: list[Source] = []
    faults: list[Finding] = []
    for found in everything(tree):
        if found.kind in (None, "request"):
            continue
        try:
            text = read_file(found)
        except OSError as error:
            raise GateError(
                "unreadable-file", f"{found.path} could not be read: {error.strerror}"
            ) from error
        if isinstance(text, Finding):
            faults.append(text)
        else:
            source = Source(path=found.path, blob="", text=text)
            (world if found.kind in WORLD else policies).append(source)
    if faults:
        raise ConfigError(
            "invalid-policy-set",
            f"{len(faults)} file(s) are no text",
            findings=faults,
            hint="store them as regular UTF-8 files",
        )
    return PolicyFiles(tree.config, tuple(policies), tuple(world))


def _profile(name: str) -> PolicyFiles:
    from itil_gate.cli.shipped import profiles, shipped

    folder = DEFAULTS.locations.policies
    sources: list[Source] = []
    current: str | None = name
    seen: list[str] = []
    while current is not None and current not in seen:
        seen.append(current)
        if current not in profiles():
            raise GateError(
                "unknown-profile",
                f"there is no profile {current!r}",
                hint=f"shipped are: {', '.join(profiles())}",
            )
        mine = _texts(shipped("policies") / current, f"{folder}/{current}")
        sources += mine
        document = [one for one in mine if one.path == f"{folder}/{current}/{PROFILE_FILE}"]
        current = extended(document[0]) if document else None
    return PolicyFiles(DEFAULTS, tuple(sources), (), profile=name)


def _texts(folder: Traversable, path: str) -> list[Source]:
    texts: list[Source] = []
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        inner = f"{path}/{entry.name}"
        if entry.is_dir():
            texts += _texts(entry, inner)
        elif entry.name.endswith((".yaml", ".yml", ".ics")):
            texts.append(Source(path=inner, blob="", text=entry.read_text(encoding="utf-8")))
    return texts
