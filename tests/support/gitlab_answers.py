"""A forge that answers as GitLab does about merge requests, and jobs of its CI beside it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from support.forge_server import Asked, ForgeServer, Say
from support.github_answers import IDS
from support.shell import Ran, run_gate
from support.world import CONFIG

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PROJECT = "acme/payments"
API = "/api/v4/projects/acme%2Fpayments"
TOKEN = "glpat-token-of-the-project"  # noqa: S105 - of a server of this test
CHECKS = {"refs/heads/main": 12, "refs/heads/release": 13}


def config(url: str, project: str = PROJECT, *, checks: Mapping[str, int] | None = None) -> str:
    """Return itil-gate.yaml that names this forge."""
    said = ", ".join(f"{branch}: {number}" for branch, number in (checks or {}).items())
    more = f", statusChecks: {{{said}}}" if said else ""
    return (
        f"{CONFIG}forge: {{kind: gitlab, url: '{url}/api/v4', host: gitlab.test, "
        f"project: {project}{more}}}\n"
    )


def job(url: str, **other: str) -> dict[str, str]:
    """Return the variables of a job of a schedule on the protected default branch."""
    return {
        "CI": "true",
        "CI_SERVER_URL": url,
        "CI_SERVER_HOST": "gitlab.test",
        "CI_PROJECT_PATH": PROJECT,
        "CI_PROJECT_ID": "5",
        "CI_DEFAULT_BRANCH": "main",
        "CI_COMMIT_BRANCH": "main",
        "CI_COMMIT_REF_PROTECTED": "true",
        "CI_PIPELINE_SOURCE": "schedule",
        "CI_JOB_URL": f"{url}/acme/payments/-/jobs/11",
        "ITIL_GATE_FORGE_TOKEN": TOKEN,
        **other,
    }


def gate_in(place: Path, *arguments: str, env: Mapping[str, str]) -> Ran:
    """Run a command in a job; nothing of the job that runs the tests is there."""
    return run_gate(*arguments, cwd=place, env=env)


def user(name: str) -> dict[str, Any]:
    return {"id": IDS[name], "username": name}


def told(
    forge: ForgeServer,
    heads: Mapping[int, str],
    *,
    into: Mapping[int, str] | None = None,
    approved: str = "",
    when: timedelta = timedelta(hours=1),
) -> None:
    """Let it know open merge requests, opened and pushed by Alice an hour ago."""
    since = f"{datetime.now(tz=UTC) - when:%Y-%m-%dT%H:%M:%S.000Z}"
    rows = []
    for number, head in heads.items():
        row = {
            "id": 1000 + number,
            "iid": number,
            "author": user("alice"),
            "state": "opened",
            "draft": False,
            "title": "A change",
            "sha": head,
            "source_branch": f"feature-{number}",
            "target_branch": (into or {}).get(number, "main"),
            "source_project_id": 5,
            "target_project_id": 5,
            "created_at": since,
            "web_url": f"https://gitlab.test/acme/payments/-/merge_requests/{number}",
        }
        rows.append(row)
        merge = f"{API}/merge_requests/{number}"
        forge.on("GET", merge, row)
        version = {"id": number, "head_commit_sha": head, "created_at": since}
        forge.on("GET", f"{merge}/versions", [version])
        forge.on("GET", f"{merge}/notes", [])
        approvals = [{"user": user(approved), "approved_at": since}] if approved else []
        forge.on("GET", f"{merge}/approvals", {"approved_by": approvals})
        forge.on("GET", f"{merge}/reviewers", [])
        note = {
            "id": 70 + number,
            "author": user("gate"),
            "body": "",
            "system": False,
            "created_at": since,
        }
        forge.on("POST", f"{merge}/notes", Say(note, status=201))
        forge.on("POST", f"{merge}/status_check_responses", answered)
        forge.on("POST", f"{API}/statuses/{head}", Say({"id": 1}, status=201))
    forge.on("GET", f"{API}/merge_requests", rows)
    forge.on(
        "GET",
        "/api/v4/projects/5/events",
        [
            {
                "id": number,
                "author": user("alice"),
                "created_at": since,
                "push_data": {
                    "action": "pushed",
                    "ref_type": "branch",
                    "ref": f"feature-{number}",
                    "commit_to": head,
                },
            }
            for number, head in heads.items()
        ],
    )
    forge.on("GET", "/api/v4/user", user("gate"))


def answered(asked: Asked) -> Say:
    """Take an answer to an external status check as GitLab does."""
    check = {"id": asked.body["external_status_check_id"], "name": "itil-gate", "project_id": 5}
    value = {"id": 1, "merge_request": {"iid": 7}, "external_status_check": check}
    return Say(value, status=201)


def posted(forge: ForgeServer) -> list[tuple[Any, ...]]:
    """Return what was posted: of a note its outcome, of a status its name and state."""
    found: list[tuple[Any, ...]] = []
    for one in forge.asked:
        if one.method == "GET":
            continue
        kind = one.path.rsplit("/", 2)[1:]
        if kind[-1] == "status_check_responses":
            body = one.body
            found.append(("check", body["external_status_check_id"], body["status"]))
        elif kind[0] == "statuses":
            found.append(("status", one.body["name"], one.body["state"]))
        else:
            found.append(("comment", one.body["body"]))
    return found
