"""GitHub as the client reads it, and as GitHub's own description of its API has it.

Every test runs with answers in short; as a peer, each request and each whole answer is held
against the description.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.forge_server import Asked, ForgeServer, Say, pages
from support.openapi import Description
from support.peers import installed, needed

from itil_gate.forge.http import Limits
from itil_gate.forge.opening import open_forge
from itil_gate.forge.protocol import ForgeError
from itil_gate.forge.values import Bypass, RequiredCheck
from itil_gate.model.config import ForgeSettings
from itil_gate.model.facts import AccountRef

if TYPE_CHECKING:
    from itil_gate.forge.protocol import Forge

HERE = Path(__file__).resolve().parent
REPO = "/repos/acme/payments"
HEAD, OLD, BASE = "a" * 40, "b" * 40, "c" * 40
ALICE, BOB, BOT = (
    {"id": 11, "login": "alice"},
    {"id": 12, "login": "bob"},
    {"id": 99, "login": "gate[bot]"},
)
QUICK = Limits(whole=20, tries=2, pause=0.01)


@cache
def description() -> Description:
    sources = HERE.parent / "peers" / "openapi"
    folder = needed(lambda: installed(sources))
    return Description.load(folder / "node_modules/@octokit/openapi/generated/api.github.com.json")


@pytest.fixture(params=["short", pytest.param("described", marks=pytest.mark.peer)])
def hub(server: ForgeServer, request: pytest.FixtureRequest) -> ForgeServer:
    """A server that plays GitHub; where it is described, it fails on what GitHub does not know."""
    if request.param == "described":
        told = description()

        def hold(asked: Asked, say: Say) -> Say:
            if asked.path == "/graphql":  # not part of the description
                return say
            told.check_request(asked)
            return told.whole(asked, say)

        server.hold = hold
    server.moment = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    server.on("GET", f"{REPO}/pulls/7", pull())
    server.on("GET", f"{REPO}/pulls/7/reviews", [])
    server.on("GET", f"{REPO}/activity", [push()])
    server.on("GET", f"{REPO}/issues/7/timeline", [])
    return server


def forge(server: ForgeServer) -> Forge:
    settings = ForgeSettings(
        kind="github", url=server.url, host="github.com", project="acme/payments"
    )
    return open_forge(settings, token="ghp_x", limits=QUICK)  # noqa: S106 - made up


def pull(**changes: Any) -> dict[str, Any]:
    repo = {"id": 1, "full_name": "acme/payments"}
    whole: dict[str, Any] = {
        "number": 7,
        "user": ALICE,
        "state": "open",
        "merged": False,
        "draft": False,
        "title": "Rotate",
        "created_at": "2026-11-22T22:30:00Z",
        "head": {"ref": "feature", "sha": HEAD, "repo": repo},
        "base": {"ref": "main", "sha": BASE, "repo": repo},
    }
    return whole | changes


def review(number: int, minute: int, state: str = "APPROVED", **changes: Any) -> dict[str, Any]:
    whole = {
        "id": number,
        "node_id": f"R{number}",
        "user": BOB,
        "state": state,
        "commit_id": HEAD,
        "submitted_at": f"2026-11-22T23:{minute:02}:00Z",
    }
    return whole | changes


def push(number: int = 1, minute: int = 0, **changes: Any) -> dict[str, Any]:
    whole = {
        "id": number,
        "node_id": f"A{number}",
        "before": BASE,
        "after": HEAD,
        "ref": "refs/heads/feature",
        "timestamp": f"2026-11-22T23:{minute:02}:00Z",
        "activity_type": "push",
        "actor": ALICE,
    }
    return whole | changes


def at(minute: int) -> datetime:
    return datetime(2026, 11, 22, 23, minute, tzinfo=UTC)


def ref(user: dict[str, Any]) -> AccountRef:
    return AccountRef(forge="github.com", id=user["id"], login=user["login"])


def test_a_pull_request_is_read_with_its_head_its_target_and_the_clock(hub: ForgeServer) -> None:
    found = forge(hub).pull(7)
    assert found.pull.opener == ref(ALICE)
    assert (found.pull.number, found.pull.title) == (7, "Rotate")
    assert (found.pull.head, found.pull.base_ref) == (HEAD, "refs/heads/main")
    assert (found.pull.state, found.pull.draft) == ("open", False)
    assert (found.pull.pushers, found.pull.head_since) == ((ref(ALICE),), at(0))
    assert (found.source, found.from_fork, found.reviews) == (1, False, ())
    assert found.server_time == hub.moment
    versions = {asked.headers["x-github-api-version"] for asked in hub.asked}
    assert versions == {"2022-11-28"}
    assert {asked.headers["authorization"] for asked in hub.asked} == {"Bearer ghp_x"}


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"state": "closed", "merged": True}, "merged"),
        ({"state": "closed"}, "closed"),
        ({"draft": True}, "open"),
    ],
)
def test_the_state_of_a_pull_request_is_read(
    hub: ForgeServer, changes: dict[str, Any], state: str
) -> None:
    hub.on("GET", f"{REPO}/pulls/7", pull(**changes))
    found = forge(hub).pull(7).pull
    assert (found.state, found.draft) == (state, changes.get("draft", False))


def test_every_page_of_reviews_is_read_in_the_order_of_their_times(hub: ForgeServer) -> None:
    rows = [
        review(1, 5),
        review(2, 6, "CHANGES_REQUESTED"),
        review(3, 7, "COMMENTED"),
        review(4, 3, commit_id=None),
        review(5, 7, user=None),
        review(6, 9, "PENDING", user=BOT),
    ]
    hub.on("GET", f"{REPO}/pulls/7/reviews", pages(rows))
    reviews = forge(hub).pull(7).reviews
    assert [(one.id, one.sequence, one.state) for one in reviews] == [
        ("4", 1, "approved"),
        ("1", 2, "approved"),
        ("2", 3, "changes-requested"),
        ("3", 4, "commented"),
        ("5", 4, "approved"),
    ]
    assert [one.commit for one in reviews] == [None, HEAD, HEAD, HEAD, HEAD]
    assert [one.account for one in reviews] == [12, 12, 12, 12, 0]
    assert {one.forge for one in reviews} == {"github.com"}
    assert reviews[0].submitted_at == at(3)


def test_what_a_dismissed_review_said_is_read_from_the_timeline(hub: ForgeServer) -> None:
    rows = [review(number, number, "DISMISSED") for number in (1, 2, 3)]
    hub.on("GET", f"{REPO}/pulls/7/reviews", rows)
    events: list[dict[str, Any]] = [
        {
            "id": 50 + number,
            "node_id": f"E{number}",
            "event": "review_dismissed",
            "actor": ALICE,
            "created_at": "2026-11-22T23:20:00Z",
            "commit_id": None,
            "dismissed_review": {
                "state": state,
                "review_id": number,
                "dismissal_message": "no",
            },
        }
        for number, state in ((1, "approved"), (2, "changes_requested"))
    ]
    hub.on("GET", f"{REPO}/issues/7/timeline", pages(events, size=1))
    reviews = forge(hub).pull(7).reviews
    assert [(one.state, one.dismissed) for one in reviews] == [
        ("approved", True),
        ("changes-requested", True),
        ("unknown", True),
    ]


def test_a_timeline_that_cannot_be_read_is_an_error(hub: ForgeServer) -> None:
    hub.on("GET", f"{REPO}/issues/7/timeline", Say({"message": "no"}, status=403))
    with pytest.raises(ForgeError) as caught:
        forge(hub).pull(7)
    assert caught.value.code == "forge-refused"


def moved(number: int, minute: int, event: str = "base_ref_changed") -> dict[str, Any]:
    return {
        "id": number,
        "node_id": f"B{number}",
        "event": event,
        "actor": ALICE,
        "created_at": f"2026-11-22T23:{minute:02}:00Z",
        "commit_id": None,
    }


@pytest.mark.parametrize(
    ("events", "minute"),
    [
        ([], -30),
        ([moved(1, 5), moved(2, 9), moved(3, 12, "labeled")], 9),
        ([moved(1, 9, "base_ref_force_pushed")], 9),
        ([moved(1, 9, "automatic_base_change_succeeded")], 9),
    ],
)
def test_since_when_a_pull_request_is_pointed_here_is_read_from_the_timeline(
    hub: ForgeServer, events: list[dict[str, Any]], minute: int
) -> None:
    hub.on("GET", f"{REPO}/issues/7/timeline", pages(events, size=1))
    assert forge(hub).pull(7).pull.base_since == at(0) + timedelta(minutes=minute)


def test_the_heads_it_had_before_are_read_with_their_times(hub: ForgeServer) -> None:
    rows = [push(3, 20), push(2, 15, after=OLD), push(1, 10)]
    hub.on("GET", f"{REPO}/activity", rows)
    pull = forge(hub).pull(7).pull
    assert pull.head_since == at(20)
    assert [(one.commit, one.since) for one in pull.heads] == [(HEAD, at(10)), (OLD, at(15))]
    hub.on("GET", f"{REPO}/activity", rows[1:])
    pull = forge(hub).pull(7).pull
    assert (pull.head_since, pull.heads) == (None, ())


def test_who_pushed_is_read_from_the_activity_of_the_branch_alone(hub: ForgeServer) -> None:
    rows = [
        push(9, 20, activity_type="force_push", actor=BOB),
        push(8, 15, after=OLD),
        push(7, 10, after=BASE, actor=BOB, activity_type="branch_creation"),
        push(6, 5, after="0" * 40, activity_type="branch_deletion"),
        push(5, 1, actor=BOT),
    ]
    hub.on("GET", f"{REPO}/activity", pages(rows, size=3, by="after"))
    found = forge(hub).pull(7).pull
    assert found.pushers == (ref(ALICE), ref(BOB))
    assert found.head_since == at(20)
    (asked, *_) = [one for one in hub.asked if one.path.endswith("/activity")]
    assert asked.query["ref"] == "refs/heads/feature"


def test_a_head_that_the_last_push_does_not_lead_to_has_no_known_time(hub: ForgeServer) -> None:
    hub.on("GET", f"{REPO}/activity", [push(2, 9, after=OLD), push(1, 1)])
    found = forge(hub).pull(7).pull
    assert (found.head_since, found.pushers) == (None, (ref(ALICE),))


def test_a_push_by_an_account_that_is_gone_is_nobodys(hub: ForgeServer) -> None:
    hub.on("GET", f"{REPO}/activity", [push(actor=None)])
    (pusher,) = forge(hub).pull(7).pull.pushers
    assert pusher.id == 0


def test_pushes_to_a_fork_are_asked_of_the_fork(hub: ForgeServer) -> None:
    fork = {"id": 2, "full_name": "mallory/payments"}
    head = {"ref": "feature", "sha": HEAD, "repo": fork}
    hub.on("GET", f"{REPO}/pulls/7", pull(head=head))
    hub.on("GET", f"{REPO}/activity", [])
    hub.on("GET", "/repos/mallory/payments/activity", [push(actor=BOB)])
    found = forge(hub).pull(7)
    assert (found.from_fork, found.source) == (True, 2)
    assert found.pull.pushers == (ref(BOB),)


def test_a_fork_that_is_hidden_is_an_error_and_not_a_branch_nobody_pushed(
    hub: ForgeServer,
) -> None:
    fork = {"id": 2, "full_name": "mallory/payments"}
    hub.on("GET", f"{REPO}/pulls/7", pull(head={"ref": "feature", "sha": HEAD, "repo": fork}))
    hub.on("GET", "/repos/mallory/payments/activity", Say({}, status=403))
    with pytest.raises(ForgeError) as caught:
        forge(hub).pull(7)
    assert "repository of the head" in caught.value.hint


def test_a_fork_that_is_gone_leaves_the_time_of_its_head_unknown(hub: ForgeServer) -> None:
    hub.hold = None  # the description does not know of it, and GitHub answers so all the same
    hub.on("GET", f"{REPO}/pulls/7", pull(head={"ref": "feature", "sha": HEAD, "repo": None}))
    found = forge(hub).pull(7)
    assert (found.source, found.from_fork) == (None, True)
    assert (found.pull.pushers, found.pull.head_since) == ((), None)


def test_a_head_that_moves_while_it_is_read_is_not_decided_on(hub: ForgeServer) -> None:
    repo = {"id": 1, "full_name": "acme/payments"}
    moved = pull(head={"ref": "feature", "sha": OLD, "repo": repo})
    hub.on("GET", f"{REPO}/pulls/7", pull(), moved)
    with pytest.raises(ForgeError) as caught:
        forge(hub).pull(7)
    assert caught.value.code == "forge-differs"


@pytest.mark.parametrize("path", [f"{REPO}/pulls/7", f"{REPO}/pulls/7/reviews", f"{REPO}/activity"])
@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_a_part_that_cannot_be_read_fails_the_whole(
    hub: ForgeServer, path: str, status: int
) -> None:
    hub.on("GET", path, Say({"message": "no"}, status=status))
    with pytest.raises(ForgeError):
        forge(hub).pull(7)


@pytest.mark.parametrize(
    "changes",
    [
        {"number": 8},
        {"number": "7"},
        {"state": "half"},
        {"user": {"login": "alice"}},
        {"user": {"id": -1, "login": "alice"}},
        {"head": {"ref": "feature", "sha": "short", "repo": None}},
        {"merged": None},
    ],
)
def test_a_pull_request_of_another_shape_is_refused(
    server: ForgeServer, changes: dict[str, Any]
) -> None:
    server.on("GET", f"{REPO}/pulls/7", pull(**changes))
    server.on("GET", f"{REPO}/pulls/7/reviews", [])
    server.on("GET", f"{REPO}/activity", [push()])
    with pytest.raises(ForgeError) as caught:
        forge(server).pull(7)
    assert caught.value.code == "forge-answer"


@pytest.mark.parametrize(
    "row",
    [
        review(1, 1, "BLESSED"),
        review(1, 1, submitted_at=None),
        review(1, 1, submitted_at="yesterday"),
        review(1, 1, user="bob"),
        review(1, 1) | {"id": "1"},
        {},
    ],
)
def test_a_review_of_another_shape_is_refused_and_not_passed_over(
    server: ForgeServer, row: dict[str, Any]
) -> None:
    server.on("GET", f"{REPO}/pulls/7", pull())
    server.on("GET", f"{REPO}/pulls/7/reviews", [row])
    server.on("GET", f"{REPO}/issues/7/timeline", [])
    server.on("GET", f"{REPO}/activity", [push()])
    with pytest.raises(ForgeError) as caught:
        forge(server).pull(7)
    assert caught.value.code == "forge-answer"


def test_a_status_is_posted_with_a_description_of_bearable_length(hub: ForgeServer) -> None:
    hub.on("POST", f"{REPO}/statuses/{HEAD}", Say({}, status=201))
    forge(hub).post_status(HEAD, state="failure", description="x " * 200, url="https://e.test/1")
    body = hub.asked[-1].body
    assert (body["state"], body["context"]) == ("failure", "itil-gate")
    assert body["target_url"] == "https://e.test/1"
    assert len(body["description"]) == 140


def test_the_newest_status_of_a_context_is_read_with_who_posted_it(hub: ForgeServer) -> None:
    rows = [
        {
            "id": number,
            "node_id": f"S{number}",
            "context": context,
            "state": state,
            "description": None,
            "creator": who,
        }
        for number, context, state, who in (
            (3, "itil-gate", "success", BOT),
            (5, "itil-gate", "failure", BOB),
            (4, "other", "success", None),
        )
    ]
    hub.on("GET", f"{REPO}/commits/{HEAD}/statuses", pages(rows))
    ours, other = forge(hub).statuses(HEAD)
    assert (ours.context, ours.state, ours.creator) == ("itil-gate", "failure", ref(BOB))
    assert (other.context, other.creator) == ("other", None)


def comment(number: int, user: dict[str, Any] | None, body: str) -> dict[str, Any]:
    page = f"https://github.com/acme/payments/pull/7#issuecomment-{number}"
    return {"id": number, "node_id": f"C{number}", "user": user, "body": body, "html_url": page}


def test_the_first_comment_is_written(hub: ForgeServer) -> None:
    theirs = [comment(1, ALICE, "<!-- itil-gate -->\nallow"), comment(2, None, "hm")]
    hub.on("GET", "/user", BOT)
    hub.on("GET", f"{REPO}/issues/7/comments", pages(theirs, size=1))
    hub.on("POST", f"{REPO}/issues/7/comments", Say(comment(3, BOT, "x"), status=201))
    assert forge(hub).upsert_comment(7, text="denied").endswith("-3")
    assert hub.asked[-1].body == {"body": "<!-- itil-gate -->\ndenied"}


def test_our_own_comment_is_written_anew_by_whoever_the_token_is(hub: ForgeServer) -> None:
    rows = [
        comment(1, ALICE, "<!-- itil-gate -->\nallow"),
        comment(2, BOT, "see <!-- itil-gate -->"),
        comment(3, BOT, "<!-- itil-gate -->\r\nold"),
        comment(4, BOT, "<!-- itil-gate -->\nolder copy"),
    ]
    app = Say({"message": "Resource not accessible by integration"}, status=403)
    hub.on("GET", "/user", app)
    viewer = {"data": {"viewer": {"databaseId": 99, "login": "gate[bot]"}}}
    hub.on("POST", "/graphql", viewer)
    hub.on("GET", f"{REPO}/issues/7/comments", pages(rows))
    hub.on("PATCH", f"{REPO}/issues/comments/3", comment(3, BOT, "x"))
    assert forge(hub).upsert_comment(7, text="denied").endswith("-3")
    assert hub.asked[-1].method == "PATCH"


def test_a_text_that_is_too_long_is_cut(hub: ForgeServer) -> None:
    hub.on("GET", "/user", BOT)
    hub.on("GET", f"{REPO}/issues/7/comments", [])
    hub.on("POST", f"{REPO}/issues/7/comments", Say(comment(3, BOT, "x"), status=201))
    forge(hub).upsert_comment(7, text="a line\n" * 20_000)
    assert len(hub.asked[-1].body["body"]) < 65_536


RULES = f"{REPO}/rules/branches/main"
PROTECTED = f"{REPO}/branches/main/protection"
SWITCHES = {"allow_merge_commit": True, "allow_squash_merge": True, "allow_rebase_merge": False}
NOT_PROTECTED = Say({"message": "Branch not protected"}, status=404)


def ruled(hub: ForgeServer, *rules: dict[str, Any], **sets: Any) -> None:
    info = {"ruleset_source_type": "Repository", "ruleset_source": "acme/payments"}
    hub.on("GET", RULES, [{"ruleset_id": 5} | info | rule for rule in rules])
    hub.on("GET", PROTECTED, NOT_PROTECTED)
    hub.on("GET", REPO, SWITCHES)
    base = {"id": 5, "name": "gate", "source": "acme/payments", "enforcement": "active"}
    hub.on("GET", f"{REPO}/rulesets/5", base | sets)


def test_rulesets_are_read_with_pinned_checks_and_who_may_bypass_them(hub: ForgeServer) -> None:
    check = {"context": "itil-gate", "integration_id": 77}
    reviews = {
        "required_approving_review_count": 2,
        "dismiss_stale_reviews_on_push": True,
        "require_code_owner_review": False,
        "require_last_push_approval": True,
        "required_review_thread_resolution": False,
        "allowed_merge_methods": ["squash", "rebase"],
    }
    checks = {
        "required_status_checks": [check, {"context": "tests"}],
        "strict_required_status_checks_policy": True,
    }
    actors = [
        {"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"},
        {"actor_id": 3, "actor_type": "Team", "bypass_mode": "pull_request"},
        {"actor_id": None, "actor_type": "DeployKey", "bypass_mode": "exempt"},
    ]
    ruled(
        hub,
        {"type": "pull_request", "parameters": reviews},
        {"type": "required_status_checks", "parameters": checks},
        {"type": "non_fast_forward"},
        {"type": "deletion"},
        {"type": "required_signatures"},
        bypass_actors=actors,
    )
    found = forge(hub).protection("main")
    assert found.branch == "refs/heads/main"
    assert found.checks == (
        RequiredCheck(context="itil-gate", source="app:77"),
        RequiredCheck(context="tests", source=None),
    )
    assert (found.protected, found.strict_checks, found.pull_required) == (True, True, True)
    assert (found.approvals, found.dismiss_stale) == (2, True)
    assert (found.force_push, found.deletion, found.signed_commits) == (False, False, True)
    assert (found.merge_methods, found.merge_queue) == (("squash",), False)
    assert found.bypass == (
        Bypass(who="deploy-keys", mode="exempt"),
        Bypass(who="role:admin", mode="always"),
        Bypass(who="team:3", mode="pull-request"),
    )
    assert (found.admins_included, found.workflow, found.unread) == (False, "writers", ())


def test_a_workflow_that_a_ruleset_requires_is_pinned(hub: ForgeServer) -> None:
    flow = {"repository_id": 4, "path": ".github/workflows/gate.yml", "ref": "refs/heads/main"}
    ruled(hub, {"type": "workflows", "parameters": {"workflows": [flow]}}, bypass_actors=[])
    found = forge(hub).protection("main")
    assert (found.workflow, found.admins_included, found.bypass) == ("pinned", True, ())
    assert (found.force_push, found.deletion, found.approvals) == (True, True, 0)


def test_who_may_bypass_is_unknown_where_github_does_not_tell(hub: ForgeServer) -> None:
    ruled(hub, {"type": "deletion"})
    found = forge(hub).protection("main")
    assert (found.bypass, found.admins_included) == (None, None)
    assert "Administration" in found.unread[0]


def test_a_branch_without_any_rule_is_open_to_everything(hub: ForgeServer) -> None:
    ruled(hub)
    found = forge(hub).protection("refs/heads/main")
    assert (found.protected, found.checks, found.approvals) == (False, (), 0)
    assert (found.force_push, found.deletion, found.pull_required) == (True, True, False)


def test_branch_protection_is_read_by_who_may(hub: ForgeServer) -> None:
    ruled(hub)
    hub.on(
        "GET",
        PROTECTED,
        {
            "required_status_checks": {
                "strict": False,
                "contexts": ["itil-gate"],
                "checks": [{"context": "itil-gate", "app_id": 77}],
            },
            "enforce_admins": {"enabled": False},
            "required_pull_request_reviews": {
                "required_approving_review_count": 1,
                "dismiss_stale_reviews": False,
                "require_code_owner_reviews": False,
                "bypass_pull_request_allowances": {"users": [ALICE], "teams": [], "apps": []},
            },
            "allow_force_pushes": {"enabled": False},
            "allow_deletions": {"enabled": True},
            "required_signatures": {"enabled": True},
        },
    )
    found = forge(hub).protection("main")
    assert found.checks == (RequiredCheck(context="itil-gate", source="app:77"),)
    assert (found.protected, found.approvals, found.dismiss_stale) == (True, 1, False)
    assert (found.force_push, found.deletion, found.signed_commits) == (False, True, True)
    assert found.bypass == (Bypass(who="role:admin"), Bypass(who="user:alice"))
    assert (found.admins_included, found.merge_queue) == (False, None)


def test_branch_protection_that_is_hidden_is_not_guessed(hub: ForgeServer) -> None:
    ruled(hub, {"type": "non_fast_forward"}, bypass_actors=[])
    hub.on("GET", PROTECTED, Say({"message": "Not Found"}, status=404))
    summary = {
        "enforcement_level": "everyone",
        "contexts": ["itil-gate"],
        "checks": [{"context": "itil-gate", "app_id": None}],
    }
    told = {"protected": True, "protection": {"required_status_checks": summary}}
    hub.on("GET", f"{REPO}/branches/main", told)
    found = forge(hub).protection("main")
    assert found.force_push is False  # a ruleset forbids it, whatever else there is
    unknown = (found.deletion, found.approvals, found.dismiss_stale, found.pull_required)
    assert unknown == (None, None, None, None)
    assert (found.bypass, found.admins_included, found.signed_commits) == (None, None, None)
    assert found.checks == (RequiredCheck(context="itil-gate", source=None),)
    assert "Administration" in found.unread[0]


def test_a_branch_that_says_it_is_not_protected_needs_no_more(hub: ForgeServer) -> None:
    ruled(hub)
    hub.on("GET", PROTECTED, Say({"message": "Not Found"}, status=404))
    hub.on("GET", f"{REPO}/branches/main", {"protected": False, "protection": {}})
    assert forge(hub).protection("main").force_push is True


def test_a_branch_that_is_not_there_is_told_as_far_as_rulesets_go(hub: ForgeServer) -> None:
    ruled(hub)
    absent = f"{REPO}/rules/branches/audit-log"
    hub.on("GET", absent, [])
    found = forge(hub).protection("audit-log")
    assert (found.protected, found.force_push) == (None, None)
    assert found.unread


def test_rulesets_that_cannot_be_read_are_an_error(hub: ForgeServer) -> None:
    ruled(hub)
    hub.on("GET", RULES, Say({}, status=403))
    with pytest.raises(ForgeError):
        forge(hub).protection("main")
