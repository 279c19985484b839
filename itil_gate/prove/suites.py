"""Which tests prove which policies: each profile's tests prove that profile and those below it.

Tests outside of every profile are the organisation's own, and prove everything that is in force. So
a layer on top may decide otherwise without breaking the tests of the layer below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.errors import SourceError
from itil_gate.policy.places import is_policy_test
from itil_gate.prove.testing import Suite, read_tests
from itil_gate.reading.yaml import parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from itil_gate.model.config import Config
    from itil_gate.model.finding import Finding
    from itil_gate.model.policy import Source

PROFILE_FILE = "profile.yaml"


def suites(
    sources: Sequence[Source], *, config: Config
) -> tuple[tuple[Suite, ...], tuple[Finding, ...]]:
    """Return the tests with what they are about, lowest profile first, and what is wrong with them.

    `sources` are the texts of the policy and calendar folders, tests among them.
    """
    folder = config.locations.policies
    tests = [source for source in sources if is_policy_test(source.path, folder=folder)]
    written, faults = read_tests(tests)
    policies = [source for source in sources if source not in tests]
    below = profiles_of(policies, folder=folder)
    owners = {one.document.file: _owner(one.document.file, below, folder) for one in written}
    found = []
    for owner in (*sorted(below, key=lambda name: len(chain(name, below))), None):
        mine = tuple(one for one in written if owners[one.document.file] == owner)
        if not mine:
            continue
        layers = set(chain(owner, below)) if owner is not None else {None, *below}
        about = tuple(source for source in policies if _owner(source.path, below, folder) in layers)
        proved = {
            source.path
            for source in about
            if _owner(source.path, below, folder) == owner
            or (owner is None and _owner(source.path, below, folder) not in owners.values())
        }
        found.append(Suite(mine, about, config, mutable=frozenset(proved)))
    return tuple(found), faults


def profiles_of(policies: Sequence[Source], *, folder: str) -> dict[str, str | None]:
    """Return the profiles among policies by name, and which one each extends."""
    found: dict[str, str | None] = {}
    for source in policies:
        name = source.path.removeprefix(f"{folder}/").removesuffix(f"/{PROFILE_FILE}")
        if source.path != f"{folder}/{name}/{PROFILE_FILE}" or "/" in name:
            continue
        found[name] = extended(source)
    return found


def extended(source: Source) -> str | None:
    """Return the name of the profile that a profile document extends, if any."""
    try:
        data = parse(source.text, file=source.path).data
    except SourceError:
        return None
    spec = data.get("spec") if isinstance(data, dict) else None
    below = spec.get("extends") if isinstance(spec, dict) else None
    return below if isinstance(below, str) else None


def chain(name: str, below: Mapping[str, str | None]) -> list[str]:
    """Return a profile and those it rests on, itself first; a circle is walked once."""
    found: list[str] = []
    current: str | None = name
    while current is not None and current not in found:
        found.append(current)
        current = below.get(current)
    return found


def _owner(path: str, below: Mapping[str, str | None], folder: str) -> str | None:
    """Return the profile in whose folder a file lies; None for the organisation's own."""
    name, slash, _ = path.removeprefix(f"{folder}/").partition("/")
    return name if slash and name in below and path.startswith(f"{folder}/") else None
