"""What becomes of a policy set with a fault: undecided on the target, refused in a proposal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from itil_gate.model.errors import ConfigError, GateError, SourceError
from support.world import broken, findings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from itil_gate.model.decision import Decision
    from itil_gate.model.finding import Finding
    from support.world import World

EVERYTHING = '"**"'
Files = dict[str, str | bytes]


def undecided(world: World, head: str = "feature", *, base: str = "main") -> GateError:
    """Return the error with which the gate says that it cannot decide (exit code 2)."""
    try:
        decision = world.check(head, base=base)
    except GateError as error:
        return error
    raise AssertionError(f"it was decided: {decision.outcome}")


def on_target(world: World, files: Mapping[str, str | bytes]) -> tuple[GateError, str]:
    """Put files on main, ask about an innocent change; return the error and all that it says."""
    world.propose()
    world.on_main(files)
    error = undecided(world)
    found = error.findings if isinstance(error, ConfigError) else ()
    said = [error.message, error.hint]
    said += [f"{one.place} {one.message} {one.remedy}" for one in found]
    said += [str(error.place)] if isinstance(error, SourceError) else []
    return error, "\n".join(said)


def in_proposal(
    world: World,
    files: Mapping[str, str | bytes],
    *,
    without: Sequence[str] = (),
    approved_by: Sequence[str] = ("bob", "carol"),
) -> Decision:
    """Propose the judge's data as alice, let owner and authority approve; return the decision."""
    world.propose(dict(files), scope=EVERYTHING)
    if without:
        for path in without:
            world.repo.remove(path)
        world.commit()
    world.approve(*approved_by)
    return world.check()


def refused(decision: Decision) -> Finding:
    """Assert that a proposed set is refused because it does not load; return the finding."""
    assert decision.outcome == "deny"
    assert "proposed-policy-invalid" in broken(decision)
    (found, *_) = findings(decision, "proposed-policy-invalid")
    return found
