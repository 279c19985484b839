"""`check --notify`: what a chat or mail bridge is handed, valid by its published schema."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from support.forge_server import ForgeServer, Say, forge_server
from support.shell import Ran, run_gate
from support.world import CHG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.world import World

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas/notification.json").read_text("utf-8"))
SOURCE = {"id": 5, "full_name": "acme/payments"}
REPO = "/repos/acme/payments"
SECRET = "sesame"  # noqa: S105 - made up
HOSTILE = "<!channel> \x1b[31m`rm` <b>*now*</b> ##[error] ::error::x"


@pytest.fixture
def server() -> Iterator[ForgeServer]:
    with forge_server() as running:
        yield running
    assert not running.faults


def notified(world: World, *arguments: str) -> tuple[Ran, dict[str, Any]]:
    """Check with --notify; what was written must be valid by the schema."""
    env = {"ITIL_GATE_FORGE_TOKEN": SECRET}
    path = world.repo.path
    ran = run_gate(
        "check", "--base", "main", "--notify", "out/told.json", *arguments, cwd=path, env=env
    )
    document = json.loads((path / "out/told.json").read_text("utf-8"))
    Draft202012Validator(SCHEMA, format_checker=FormatChecker()).validate(document)
    return ran, document


@pytest.fixture
def asked(desk: World) -> World:
    desk.repo.checkout("main")
    desk.propose({"deploy/a.yaml": "a: 1\n"}, branch="asked", title="Move the disks")
    return desk


def test_who_has_to_act_is_told_with_the_command_and_where_they_are_reached(asked: World) -> None:
    ran, told = notified(asked)
    assert ran.code == 3
    assert (told["apiVersion"], told["outcome"]) == ("itil-gate/notification/v1", "pending")
    assert told["head"] == asked.repo.tip("asked")
    assert (told["target"], told["pull"], told["since"]) == ("refs/heads/main", None, None)
    (change,) = told["changes"]
    assert (change["id"], change["title"], change["risk"]) == (CHG, "Move the disks", "medium")
    (action,) = told["actions"]
    assert {one["person"] for one in action["who"]} == {"bob", "dave"}
    assert {one["emails"][0] for one in action["who"]} == {
        asked.person("bob").email,
        asked.person("dave").email,
    }
    assert action["command"] == f"itil-gate approve {CHG} --head {told['head']}"
    assert (action["isCommand"], action["changes"]) == (True, [CHG])
    assert action["why"].startswith("owner: service-owner")


def test_a_change_that_is_allowed_asks_nobody_for_anything(asked: World) -> None:
    asked.now = datetime.now(tz=UTC).replace(microsecond=0)
    asked.approve("bob", head="asked")
    ran, told = notified(asked)
    assert (ran.code, told["outcome"], told["actions"]) == (0, "allow", [])


def test_what_has_no_command_is_told_as_a_sentence(desk: World) -> None:
    desk.repo.checkout("sneaky", create=True, at="main")
    desk.commit({"src/app.py": "print('sneaky')\n"})
    ran, told = notified(desk)
    assert (ran.code, told["outcome"]) == (1, "deny")
    assert any(not action["isCommand"] for action in told["actions"])


def test_the_file_changes_neither_outcome_nor_what_is_printed(asked: World) -> None:
    plain = run_gate("check", "--base", "main", "--format", "json", cwd=asked.repo.path)
    ran, told = notified(asked, "--format", "json")
    assert (ran.code, json.loads(ran.out)["outcome"]) == (plain.code, told["outcome"])


def test_a_strangers_title_is_handed_on_as_it_was_written(desk: World) -> None:
    desk.repo.checkout("main")
    title = "<!channel> `rm` <b>*now*</b> ##[error] ::error::x"
    desk.propose(branch="asked", title=json.dumps(title))
    _, told = notified(desk)
    assert told["changes"][0]["title"] == title
    written = (desk.repo.path / "out/told.json").read_bytes()
    assert written.isascii()
    assert b"##[" not in written  # a runner that prints the file obeys nothing in it


def test_what_could_not_be_decided_replaces_what_an_earlier_run_said(asked: World) -> None:
    notified(asked)
    asked.on_main({"people.yaml": "nonsense: true\n"})
    asked.repo.checkout("asked")
    ran, told = notified(asked)
    assert (ran.code, told["outcome"]) == (2, "undecided")
    assert told["failure"]["code"]
    assert told["failure"]["message"]
    assert (told["actions"], told["head"]) == ([], None)


def test_a_pull_request_is_told_with_its_page_and_since_when_it_waits(
    desk: World, server: ForgeServer
) -> None:
    config = (desk.repo.path / "itil-gate.yaml").read_text()
    forge = f"forge: {{kind: gitea, url: '{server.url}/api/v1', host: g, project: acme/payments}}\n"
    desk.on_main({"itil-gate.yaml": config + forge})
    desk.repo.checkout("main")
    head = desk.propose(branch="asked")
    since = (datetime.now(tz=UTC) - timedelta(hours=3)).replace(microsecond=0)
    answers(server, head, since)
    ran, told = notified(desk, "--pull", "7", "--default-branch", "refs/heads/main")
    assert ran.code == 3, ran.err
    url = f"{server.url}/acme/payments/pulls/7"
    assert told["pull"] == {"number": 7, "title": HOSTILE, "url": url}
    assert datetime.fromisoformat(told["since"]) == since
    assert told["actions"]


def test_a_forge_that_cannot_be_asked_is_told_with_the_number(
    desk: World, server: ForgeServer
) -> None:
    config = (desk.repo.path / "itil-gate.yaml").read_text()
    forge = f"forge: {{kind: gitea, url: '{server.url}/api/v1', host: g, project: acme/payments}}\n"
    desk.on_main({"itil-gate.yaml": config + forge})
    desk.propose(branch="asked")
    ran, told = notified(desk, "--pull", "7", "--default-branch", "refs/heads/main")
    assert ran.code == 2
    assert told["failure"]["code"] == "forge-not-found"
    assert told["pull"]["number"] == 7
    assert SECRET not in json.dumps(told)


def test_it_goes_with_no_look_at_what_landed(desk: World) -> None:
    ran = run_gate("check", "--merged", "a..b", "--notify", "n.json", cwd=desk.repo.path)
    assert ran.code == 2
    assert "--notify is about a merge to come" in ran.err


def answers(server: ForgeServer, head: str, since: datetime) -> None:
    """Let the server know pull request 7, as Gitea tells of it."""
    alice = {"id": 1001, "login": "alice"}
    api, moment = f"/api/v1{REPO}", f"{since:%Y-%m-%dT%H:%M:%SZ}"
    pull = {
        "number": 7,
        "user": alice,
        "state": "open",
        "merged": False,
        "draft": False,
        "title": HOSTILE,
        "created_at": moment,
        "head": {"ref": "asked", "sha": head, "repo": SOURCE},
        "base": {"ref": "main", "sha": "0" * 40, "repo": SOURCE},
    }
    push = {
        "id": 1,
        "op_type": "commit_repo",
        "act_user": alice,
        "ref_name": "refs/heads/asked",
        "created": moment,
        "content": json.dumps({"HeadCommit": {"Sha1": head}}),
    }
    server.on("GET", f"{api}/pulls/7", pull)
    server.on("GET", f"{api}/pulls/7/reviews", Say([], headers={"X-Total-Count": "0"}))
    server.on("GET", f"{api}/activities/feeds", Say([push], headers={"X-Total-Count": "1"}))
    server.on("GET", f"{api}/issues/7/timeline", Say([], headers={"X-Total-Count": "0"}))
    server.on("GET", "/api/v1/version", Say({"version": "1.26.0"}))
