"""Reports on approvers: of a world as the command makes them, and of words made up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from itil_gate.audit.approver_report import report_on
from itil_gate.audit.approver_rows import Approvers, Terms
from itil_gate.audit.approvers import Moments, Word
from itil_gate.gather.recorded import open_copy
from itil_gate.gather.sources import read_judge
from itil_gate.git.discover import discover
from itil_gate.git.view import open_view
from itil_gate.policy.compile import compile_policies

if TYPE_CHECKING:
    from collections.abc import Iterable

    from itil_gate.audit.approver_rows import Approver
    from itil_gate.release.signing_desk import Filed
    from support.world import World

BEGIN = 1_772_450_000
"""A moment in March 2026, in seconds."""


def reported(world: World, **terms: Any) -> Approvers:
    """Return the report on a world's approvers, with its log if there is one."""
    tip = world.repo.tip("main")
    with open_view(discover(world.repo.path)) as view:
        policies = compile_policies(read_judge(view, tip))
        return report_on(
            view,
            open_copy(view, policies.config) if _is_here(world) else None,
            policies=policies,
            target="refs/heads/main",
            tip=tip,
            terms=Terms(**terms),
        )


def _is_here(world: World) -> bool:
    return bool(world.repo.git("for-each-ref", "refs/heads/audit-log"))


def one_of(report: Approvers, who: str) -> Approver:
    """Return what the report says of one of them."""
    (found,) = [one for one in report.approvers if one.who == who]
    return found


def word(who: str = "bob", verdict: Any = "approve", *, number: int = 0, **more: Any) -> Word:
    """Return a word about a change of alice, a minute after it was pushed, unless told."""
    moments = more.pop("moments", Moments(dated=BEGIN + 60, pushed=BEGIN))
    parts = {
        "changes": (f"CHG-2026-{number:08d}",),
        "requesters": ("alice",),
        "digest": f"{number:064x}",
        "kind": "human",
        "level": "low",
        "counted": True,
    }
    return Word(who=who, verdict=verdict, moments=moments, **(parts | more))


def file_all(world: World, statements: Iterable[Filed]) -> None:
    """Put many statements on the approvals branch in one commit; it has to be there."""
    who = "committer Desk <desk@example.com> 1772450000 +0000"
    out = [
        f"feature done\ncommit refs/heads/itil-gate-approvals\n{who}\ndata 0\n".encode(),
        f"from {world.repo.tip('itil-gate-approvals')}\n".encode(),
    ]
    for one in statements:
        out.append(b"M 100644 inline %s\n" % one.path.encode())
        out.append(b"data %d\n%s\n" % (len(one.data), one.data))
    world.repo.fast_import(b"".join((*out, b"\ndone\n")))
