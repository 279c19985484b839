"""Coverage: every governed path that changes lies in the scope of a request of this very diff.

A rename is a deletion and an addition, so both ends count. The judge's data are always governed.
Request files need no scope; they are never deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.finding import Finding, Place
from itil_gate.model.frozen import frozen
from itil_gate.policy.places import is_judge_path, is_request_path
from itil_gate.reading.globs import compile_globs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from itil_gate.model.change import ChangeRequest
    from itil_gate.model.config import Config
    from itil_gate.model.facts import DiffEntry
    from itil_gate.model.services import Service

REGULAR = "100644"
PLAIN = (REGULAR, "000000")
"""Modes that an exemption covers: prose is no program, link or submodule."""
SHOWN = 10
NO_SERVICE = ""
"""Stands for paths that belong to no service: only who holds a role for all services has them."""


@frozen
class Territory:
    """The changed paths of a diff, sorted by what they need."""

    governed: tuple[str, ...]
    exempt: tuple[tuple[str, str], ...]
    """Path and the reason why it needs no request."""
    judge: tuple[str, ...]
    requests: tuple[DiffEntry, ...]


def survey(diff: Sequence[DiffEntry], config: Config) -> Territory:
    """Sort the changed paths into governed, exempt, judge's data and request files."""
    is_governed = compile_globs(config.governed) if config.governed else None
    exemptions = [(compile_globs(entry.paths), entry.reason) for entry in config.exempt]
    governed, exempt, judge, requests = [], [], [], []
    for entry in diff:
        path = entry.path
        if is_request_path(config, path):
            requests.append(entry)
            continue
        if is_judge_path(config, path):
            judge.append(path)
            governed.append(path)
            continue
        plain = entry.old_mode in PLAIN and entry.new_mode in PLAIN
        reason = next((why for matches, why in exemptions if plain and matches(path)), None)
        if reason is not None:
            exempt.append((path, reason))
        elif is_governed is None or is_governed(path):
            governed.append(path)
        else:
            exempt.append((path, "not among the governed paths"))
    return Territory(tuple(governed), tuple(exempt), tuple(judge), tuple(requests))


def check_coverage(territory: Territory, changes: Sequence[ChangeRequest]) -> tuple[Finding, ...]:
    """Return a finding if governed paths lie in no request's scope; it lists the paths."""
    scopes = [compile_globs(change.spec.scope) for change in changes]
    bare = [path for path in territory.governed if not any(holds(path) for holds in scopes)]
    if not bare:
        return ()
    shown = ", ".join(bare[:SHOWN]) + (f" and {len(bare) - SHOWN} more" if bare[SHOWN:] else "")
    if changes:
        remedy = "widen `spec.scope` of a request in this pull request, or add another request"
    else:
        remedy = "add a change request to this pull request: `itil-gate new`"
    return (
        Finding(
            rule="uncovered-change",
            message=f"{len(bare)} governed path(s) lie in no request's scope: {shown}",
            remedy=remedy,
            place=Place(file=bare[0]),
        ),
    )


def check_request_files(territory: Territory) -> tuple[Finding, ...]:
    """Return findings for requests that are deleted or are not regular files."""
    found = []
    for entry in territory.requests:
        if entry.status == "D":
            found.append(
                Finding(
                    rule="deleted-request",
                    message=f"{entry.path} is deleted or renamed",
                    remedy="restore it; `itil-gate withdraw --change` retracts a request",
                    place=Place(file=entry.path),
                )
            )
        elif entry.new_mode != REGULAR:
            found.append(
                Finding(
                    rule="irregular-request",
                    message=f"{entry.path} has mode {entry.new_mode}, not {REGULAR}",
                    remedy="store the request as a regular file that is not executable",
                    place=Place(file=entry.path),
                )
            )
    return tuple(found)


def scope_paths(change: ChangeRequest, territory: Territory) -> tuple[str, ...]:
    """Return the governed paths that lie in a request's scope."""
    holds = compile_globs(change.spec.scope)
    return tuple(path for path in territory.governed if holds(path))


def environments_of(paths: Sequence[str], config: Config) -> tuple[str, ...]:
    """Return the environments in which a change of these paths takes effect."""
    return tuple(
        sorted(
            entry.name
            for entry in config.environments
            if any(map(compile_globs(entry.paths), paths))
        )
    )


def unplaced(paths: Sequence[str], config: Config) -> tuple[str, ...]:
    """Return the paths of which the configuration does not say where they take effect."""
    holds = compile_globs(glob for entry in config.environments for glob in entry.paths)
    return tuple(path for path in paths if not holds(path))


def unowned(paths: Sequence[str], services: Sequence[Service]) -> tuple[str, ...]:
    """Return the paths that belong to no service of the catalogue."""
    holds = compile_globs(glob for service in services for glob in service.paths)
    return tuple(path for path in paths if not holds(path))


def answerable(paths: Sequence[str], services: Sequence[Service]) -> frozenset[str]:
    """Return for what a role must be held by those who answer for a change of these paths.

    That is the services whose paths they are, and NO_SERVICE where some belong to none or none
    changes. What a request says about itself is not among it: nobody chooses who answers.
    """
    touched = services_of(paths, services)
    if not touched or unowned(paths, services):
        return touched | {NO_SERVICE}
    return touched


def services_of(paths: Sequence[str], services: Sequence[Service]) -> frozenset[str]:
    """Return the services whose paths hold one of the given paths."""
    return frozenset(
        service.name
        for service in services
        if service.paths and any(map(compile_globs(service.paths), paths))
    )
