"""The command asks a forge over HTTP: what it believes, and what ends with exit code 2."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from support.cases import case
from support.forge_server import ForgeServer, Say, forge_server
from support.pulls import forge_section
from support.repository import Repo
from support.reviewing import COUNTING
from support.shell import Ran, run_gate
from support.world import APPROVALS, CONFIG, World, adopt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.repository import Keyring

PULL = "/repos/acme/payments/pulls/7"
TOKEN = "ghp_nobodys"  # noqa: S105 - made up
PEOPLE = {"alice": 1001, "bob": 1002, "erin": 1005}


@pytest.fixture
def hub() -> Iterator[ForgeServer]:
    """A server that speaks as GitHub does."""
    with forge_server() as running:
        yield running
    assert not running.faults


@pytest.fixture
def world(tmp_path: Path, keyring: Keyring, hub: ForgeServer) -> World:
    """A world whose target names that server; alice pushed a branch there an hour ago."""
    repo = Repo(tmp_path / "repo")
    adopt(
        repo,
        keyring,
        config=CONFIG + forge_section(url=hub.url),
        approvals=APPROVALS + COUNTING,
    )
    world = World(repo, keyring)
    head = world.propose()
    hub.on("GET", PULL, pull(world))
    hub.on("GET", f"{PULL}/reviews", [])
    hub.on(
        "GET",
        "/repos/acme/payments/activity",
        [
            {
                "id": 1,
                "before": "0" * 40,
                "after": head,
                "ref": "refs/heads/feature",
                "timestamp": ago(60),
                "activity_type": "branch_creation",
                "actor": user("alice"),
            }
        ],
    )
    hub.on("GET", "/repos/acme/payments/issues/7/timeline", [])
    hub.on("GET", "/repos/acme/payments/issues/7/events", [])
    return world


def ago(minutes: int) -> str:
    """Return a time by the clock of this machine, as a forge writes it."""
    return f"{datetime.now(UTC) - timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"


def user(name: str) -> dict[str, Any]:
    return {"id": PEOPLE[name], "login": name, "type": "User"}


def pull(world: World, **changes: Any) -> dict[str, Any]:
    side = {"repo": {"id": 1, "full_name": "acme/payments"}}
    whole = {
        "number": 7,
        "user": user("alice"),
        "state": "open",
        "merged": False,
        "draft": False,
        "title": "A change",
        "created_at": ago(60),
        "head": {"ref": "feature", "sha": world.repo.tip("feature"), **side},
        "base": {"ref": "main", "sha": world.repo.tip("main"), **side},
    }
    return whole | changes


def review(world: World, who: str, *, state: str = "APPROVED", **changes: Any) -> dict[str, Any]:
    whole = {
        "id": PEOPLE[who],
        "user": user(who),
        "state": state,
        "commit_id": world.repo.tip("feature"),
        "submitted_at": ago(10),
    }
    return whole | changes


def check(world: World, *arguments: str) -> Ran:
    """Ask the installed command about pull request 7."""
    return run_gate(
        *("check", "--pull", "7", "--base", "main", "--default-branch", "refs/heads/main"),
        *arguments,
        cwd=world.repo.path,
        env={"ITIL_GATE_FORGE_TOKEN": TOKEN},
    )


def test_a_review_on_the_forge_lets_a_change_in(world: World, hub: ForgeServer) -> None:
    assert check(world).code == 3
    hub.on("GET", f"{PULL}/reviews", [review(world, "erin")])
    done = check(world)
    assert done.code == 0, done.out + done.err
    assert "erin approves as peer (forge review " in done.out
    assert "number 1005, by erin, account 1005 of" in " ".join(done.out.split())
    assert {asked.headers.get("authorization") for asked in hub.asked} == {f"Bearer {TOKEN}"}
    assert TOKEN not in done.out + done.err


def test_a_decision_with_reviews_is_replayed_without_the_forge(
    world: World, hub: ForgeServer, tmp_path: Path
) -> None:
    hub.on("GET", f"{PULL}/reviews", [review(world, "erin"), review(world, "bob")])
    stored = tmp_path / "decision.json"
    assert check(world, "--output", str(stored)).code == 0
    asked = len(hub.asked)
    done = run_gate("audit", "replay", "--decision", str(stored), cwd=tmp_path)
    assert done.code == 0, done.out + done.err
    assert len(hub.asked) == asked
    told = json.loads(stored.read_text("utf-8"))
    told["inputs"]["facts"]["reviews"][0]["account"] = 1003
    stored.write_text(json.dumps(told), "utf-8")
    assert run_gate("audit", "replay", "--decision", str(stored), cwd=tmp_path).code != 0


def test_requested_changes_on_the_forge_are_a_refusal(world: World, hub: ForgeServer) -> None:
    asked = review(world, "bob", state="CHANGES_REQUESTED")
    hub.on("GET", f"{PULL}/reviews", [review(world, "erin"), asked])
    done = check(world)
    assert done.code == 1
    assert "bob rejected the change: requested changes on github.com" in done.out


def test_a_hostile_login_is_text(world: World, hub: ForgeServer) -> None:
    evil = user("erin") | {"login": "\x1b[2J<script>::error::x"}
    hub.on("GET", f"{PULL}/reviews", [review(world, "erin", user=evil)])
    for form in ("text", "markdown", "sarif", "json"):
        done = check(world, "--format", form)
        assert "\x1b" not in done.out
        assert "1005" in done.out
        if form == "markdown":
            assert "<script>" not in done.out


@case("226")
@pytest.mark.parametrize("path", [PULL, f"{PULL}/reviews", "/repos/acme/payments/activity"])
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Say({"message": "Resource not accessible"}, status=403), "forge-refused"),
        (Say({"message": "Bad credentials"}, status=401), "forge-refused"),
        (Say({"message": "Not Found"}, status=404), "forge-not-found"),
        (Say(b"<html>", kind="text/html"), "forge-answer"),
        (Say({"unexpected": True}), "forge-answer"),
    ],
)
def test_what_the_forge_does_not_answer_is_neither_nobody_nor_everybody(
    world: World, hub: ForgeServer, path: str, answer: Say, code: str
) -> None:
    world.approve("erin")
    hub.on("GET", path, answer)
    done = check(world)
    assert (done.code, done.out) == (2, "")
    assert code in done.err


@case("26")
def test_a_head_that_moved_on_the_forge_is_not_decided_about(
    world: World, hub: ForgeServer
) -> None:
    hub.on("GET", f"{PULL}/reviews", [review(world, "erin")])
    world.commit({"src/app.py": "print('not pushed')\n"})
    done = check(world, "--head", "feature")
    assert done.code == 2
    assert "forge-differs" in done.err
    elsewhere = {"ref": "release", "sha": world.repo.tip("main"), "repo": None}
    hub.on("GET", PULL, pull(world, base=elsewhere | {"repo": pull(world)["base"]["repo"]}))
    done = check(world)
    assert done.code == 2
    assert "forge-differs" in done.err


def test_clocks_that_are_apart_are_not_decided_by(world: World, hub: ForgeServer) -> None:
    hub.moment = datetime.now(UTC) - timedelta(minutes=6)
    done = check(world)
    assert done.code == 2
    assert "forge-clock" in done.err


def test_a_target_without_a_forge_asks_none(world: World, hub: ForgeServer) -> None:
    world.on_main({"itil-gate.yaml": CONFIG})
    done = check(world)
    assert done.code == 2
    assert "no-forge" in done.err
    assert hub.asked == []


def test_the_head_cannot_name_another_forge(world: World, hub: ForgeServer) -> None:
    evil = CONFIG + forge_section(url="http://127.0.0.1:9")
    world.commit({"itil-gate.yaml": evil})
    hub.on("GET", PULL, pull(world))
    done = check(world, "--head", "feature")
    assert done.code in (1, 3), done.err
    assert hub.asked


def test_an_exit_code_that_binds_is_none_where_nobody_asked_the_forge(
    world: World, hub: ForgeServer
) -> None:
    world.now = datetime.now(UTC).replace(microsecond=0)
    world.approve("bob")
    hub.on("GET", f"{PULL}/reviews", [review(world, "erin", state="CHANGES_REQUESTED")])
    words = ("check", "--base", "main", "--head", "feature")
    at_a_desk = run_gate(*words, cwd=world.repo.path)
    assert at_a_desk.code == 0, at_a_desk.out + at_a_desk.err
    binding = run_gate(*words, "--binding", cwd=world.repo.path)
    assert binding.code == 2, binding.out
    assert "forge-not-asked" in binding.err
    assert "--pull NUMBER" in binding.err
    assert check(world, "--binding").code == 1  # the way out, and what was to be heard there
    hub.on("GET", f"{PULL}/reviews", [])
    assert check(world, "--binding").code == 0


def test_a_binding_check_is_about_a_merge_to_come(world: World) -> None:
    done = run_gate("check", "--binding", "--merged", "main..main", cwd=world.repo.path)
    assert (done.code, "--binding is about a merge to come" in done.err) == (2, True)


def test_a_branch_that_anybody_pushed_is_not_sent_the_token(world: World, hub: ForgeServer) -> None:
    mine = CONFIG.replace("refs/heads/main", "refs/heads/mine") + forge_section(url=hub.url)
    world.repo.checkout("mine", create=True, at="main")
    world.commit({"itil-gate.yaml": mine}, by="erin")
    words = ("check", "--pull", "7", "--base", "mine", "--head", "feature")
    env = {"ITIL_GATE_FORGE_TOKEN": TOKEN}
    for more, code in (
        ((), "default-unknown"),
        (("--default-branch", "refs/heads/main"), "target-not-governed"),
    ):
        done = run_gate(*words, *more, cwd=world.repo.path, env=env)
        assert (done.code, code in done.err) == (2, True), done.err
        assert not hub.asked
    # What a clone was told by its server will do.
    clone = world.repo.clone(world.repo.path.parent / "clone")
    clone.git("remote", "set-head", "origin", "main")
    done = run_gate("check", "--pull", "7", "--head", "origin/feature", cwd=clone.path, env=env)
    assert done.code == 3, done.err
    assert hub.asked


def test_what_landed_is_not_asked_about(world: World) -> None:
    done = check(world, "--merged", "main..main")
    assert done.code == 2
    assert "--pull" in done.err
