"""A forge whose rules a case makes up, and doctor that asks it: through the real client."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from support.forge_server import ForgeServer, Say
from support.shell import Ran, run_gate

if TYPE_CHECKING:
    from support.world import World

TOKEN = "secret-token"  # noqa: S105 - made up
REPO = "/repos/acme/payments"
HIDDEN = Say({"message": "Not Found"}, status=404)
OPEN = Say({"message": "Branch not protected"}, status=404)
CLASSIC: dict[str, Any] = {
    "required_status_checks": {
        "strict": True,
        "checks": [{"context": "itil-gate", "app_id": 77}],
    },
    "enforce_admins": {"enabled": True},
    "required_pull_request_reviews": {
        "required_approving_review_count": 1,
        "dismiss_stale_reviews": True,
    },
    "allow_force_pushes": {"enabled": False},
    "allow_deletions": {"enabled": False},
    "block_creations": {"enabled": False},
    "required_signatures": {"enabled": False},
}


def adopt_forge(desk: World, url: str, kind: str = "github") -> None:
    """Name the forge in the configuration of the target; one branch is guarded."""
    desk.repo.checkout("main")
    config = (desk.repo.path / "itil-gate.yaml").read_text()
    config = config.replace(", refs/heads/release", "")
    settings = f"forge: {{kind: {kind}, url: '{url}', host: forge.test, project: acme/payments}}\n"
    desk.commit({"itil-gate.yaml": config + settings}, by="carol")


def doctor(desk: World, *more: str) -> Ran:
    env = {"ITIL_GATE_FORGE_TOKEN": TOKEN}
    return run_gate("doctor", "--forge", "--format", "json", *more, cwd=desk.repo.path, env=env)


def checks(ran: Ran) -> dict[str, dict[str, str]]:
    return {one["check"]: one for one in json.loads(ran.out)["checks"]}


def ruleset(server: ForgeServer, *rules: dict[str, Any], **sets: Any) -> None:
    """Play GitHub with one ruleset on main, and one that guards the approvals branch."""
    sources = {"ruleset_source_type": "Repository", "ruleset_source": "acme/payments"}
    server.on(
        "GET", f"{REPO}/rules/branches/main", [{"ruleset_id": 5, **sources, **r} for r in rules]
    )
    books = [{"ruleset_id": 6, **sources, "type": t} for t in ("non_fast_forward", "deletion")]
    server.on("GET", f"{REPO}/rules/branches/itil-gate-approvals", books)
    for branch in ("main", "itil-gate-approvals"):
        server.on("GET", f"{REPO}/branches/{branch}/protection", OPEN)
    base = {"enforcement": "active", "updated_at": "2026-07-15T01:42:31.570+02:00"}
    server.on("GET", f"{REPO}/rulesets/5", {"id": 5, "bypass_actors": [], **base, **sets})
    server.on("GET", f"{REPO}/rulesets/6", {"id": 6, "bypass_actors": [], **base})
    methods = ("allow_merge_commit", "allow_squash_merge", "allow_rebase_merge")
    server.on("GET", REPO, dict.fromkeys(methods, True))


WHOLE: tuple[dict[str, Any], ...] = (
    {"type": "deletion"},
    {"type": "non_fast_forward"},
    {
        "type": "pull_request",
        "parameters": {"required_approving_review_count": 1, "dismiss_stale_reviews_on_push": True},
    },
    {
        "type": "required_status_checks",
        "parameters": {
            "strict_required_status_checks_policy": True,
            "do_not_enforce_on_create": False,
            "required_status_checks": [{"context": "itil-gate", "integration_id": 77}],
        },
    },
)
