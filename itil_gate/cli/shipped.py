"""Find the folders that ship with the gate: `policies/` and `schemas/`.

In a wheel they lie inside the package, in an editable checkout beside it. Nothing else is looked
at: not the current directory, not a `policies` that some other package installed.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from itil_gate.model.errors import GateError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable


def shipped(folder: Literal["policies", "schemas"]) -> Traversable:
    """Return a shipped folder. Raises GateError `not-shipped` if the installation lacks it."""
    package = files("itil_gate")
    inside = package / "_shipped" / folder
    if inside.is_dir():
        return inside
    if isinstance(package, Path):
        checkout = package.parent
        if (checkout / "pyproject.toml").is_file() and (checkout / folder).is_dir():
            return checkout / folder
    raise GateError(
        "not-shipped",
        f"the folder {folder} is missing from this installation of itil-gate",
        hint="install itil-gate again from its wheel",
    )


def profiles() -> tuple[str, ...]:
    """Return the names of the shipped policy profiles, sorted."""
    return tuple(sorted(entry.name for entry in shipped("policies").iterdir() if entry.is_dir()))


def profile_files(profile: str) -> dict[str, str]:
    """Return the files of a shipped profile and of those it extends: text by path, lowest first.

    Paths begin with the name of their profile, as in `team/tests/lanes.yaml`. Raises GateError
    `unknown-profile`.
    """
    chain: list[str] = []
    name: str | None = profile
    while name is not None and name not in chain:
        if name not in profiles():
            raise GateError(
                "unknown-profile",
                f"there is no profile {name!r}",
                hint=f"shipped are: {', '.join(profiles())}",
            )
        chain.insert(0, name)
        name = _extends(name)
    return {
        path: text
        for name in chain
        for path, text in _files(shipped("policies") / name, prefix=name)
    }


def _extends(profile: str) -> str | None:
    from itil_gate.reading.yaml import parse

    text = (shipped("policies") / profile / "profile.yaml").read_text(encoding="utf-8")
    below = parse(text, file=f"{profile}/profile.yaml").data["spec"].get("extends")
    return None if below is None else str(below)


def _files(folder: Traversable, *, prefix: str) -> Iterator[tuple[str, str]]:
    """Yield the texts of a folder by path, its own files before those of folders in it."""
    entries = sorted(folder.iterdir(), key=lambda entry: (entry.is_dir(), entry.name))
    for entry in entries:
        path = f"{prefix}/{entry.name}"
        if entry.is_dir():
            yield from _files(entry, prefix=path)
        elif entry.name.endswith((".yaml", ".md")):
            yield path, entry.read_text(encoding="utf-8")
