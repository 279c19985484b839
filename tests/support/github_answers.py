"""A forge that answers as GitHub does about one pull request, on a real socket of this machine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from support.runner import PULL
from support.world import CONFIG

if TYPE_CHECKING:
    from support.forge_server import ForgeServer
    from support.runner import Runner

PROJECT = "acme/payments"
REPO = f"/repos/{PROJECT}"
IDS = {"alice": 1001, "bob": 1002, "carol": 1003, "dave": 1004, "erin": 1005, "gate": 99}
TOKEN = "ghs_token-of-the-run"  # noqa: S105 - of a server of this test


def user(name: str) -> dict[str, Any]:
    return {"id": IDS[name], "login": name}


def told(forge: ForgeServer, head: str, *, base: str = "main", draft: bool = False) -> None:
    """Let it know pull request 7, opened and pushed by Alice an hour ago."""
    source = {"id": 5, "full_name": PROJECT}
    since = datetime.now(tz=UTC) - timedelta(hours=1)
    forge.on(
        "GET",
        f"{REPO}/pulls/{PULL}",
        {
            "number": PULL,
            "user": user("alice"),
            "state": "open",
            "merged": False,
            "draft": draft,
            "created_at": f"{since:%Y-%m-%dT%H:%M:%SZ}",
            "title": "A change",
            "head": {"ref": "feature", "sha": head, "repo": source},
            "base": {"ref": base, "sha": "0" * 40, "repo": source},
        },
    )
    forge.on("GET", f"{REPO}/pulls/{PULL}/reviews", [])
    forge.on("GET", f"{REPO}/issues/{PULL}/timeline", [])
    activity = {
        "after": head,
        "ref": "refs/heads/feature",
        "timestamp": f"{since:%Y-%m-%dT%H:%M:%SZ}",
        "activity_type": "push",
        "actor": user("alice"),
    }
    forge.on("GET", f"{REPO}/activity", [activity])
    forge.on("GET", "/user", user("gate"))
    forge.on("GET", f"{REPO}/issues/{PULL}/comments", [])
    comment = {"id": 1, "user": user("gate"), "body": "", "html_url": f"{forge.url}/comment/1"}
    forge.on("POST", f"{REPO}/issues/{PULL}/comments", comment)
    forge.on("POST", f"{REPO}/statuses/{head}", {"id": 1})


def on_its_runner(runner: Runner, forge: ForgeServer) -> None:
    """Let the job be one of this forge."""
    runner.variables |= {
        "GITHUB_API_URL": forge.url,
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": PROJECT,
        "GITHUB_RUN_ID": "11",
        "ITIL_GATE_ACTION_TOKEN": TOKEN,
    }


def config(url: str, project: str = PROJECT) -> str:
    """Return itil-gate.yaml that names this forge."""
    return f"{CONFIG}forge: {{kind: github, url: '{url}', host: github.com, project: {project}}}\n"


def posted(forge: ForgeServer) -> list[tuple[str, Any]]:
    """Return what was posted: the state of a status, or the first line of a comment."""
    said = [one.body for one in forge.asked if one.method in {"POST", "PATCH"} and one.body]
    return [
        ("status", (body["state"], body["description"]))
        if "state" in body
        else ("comment", body["body"])
        for body in said
    ]
