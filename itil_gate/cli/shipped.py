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
    """Return the files of a shipped profile: text by name, sorted by name.

    Raises GateError `unknown-profile`.
    """
    if profile not in profiles():
        raise GateError(
            "unknown-profile",
            f"there is no profile {profile!r}",
            hint=f"shipped are: {', '.join(profiles())}",
        )
    folder = shipped("policies") / profile
    return {
        entry.name: entry.read_text(encoding="utf-8")
        for entry in sorted(folder.iterdir(), key=lambda item: item.name)
        if entry.is_file() and entry.name.endswith((".yaml", ".md"))
    }
