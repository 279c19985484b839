"""Gitea as the client reads it, from what a real one answered, cut down to what is read.

Where ITIL_GATE_TEST_GITEA_URL names a server, each request is also held against its description.
"""

from __future__ import annotations

import json
import os
import urllib.request
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from support.forge_server import Asked, ForgeServer, Say
from support.openapi import Description

from itil_gate.forge.http import Limits
from itil_gate.forge.opening import open_forge
from itil_gate.forge.protocol import ForgeError
from itil_gate.forge.values import Bypass, RequiredCheck
from itil_gate.model.config import ForgeSettings
from itil_gate.model.facts import AccountRef

if TYPE_CHECKING:
    from collections.abc import Callable

    from itil_gate.forge.protocol import Forge

URL = os.environ.get("ITIL_GATE_TEST_GITEA_URL", "").rstrip("/")
REPO = "/repos/root/demo"
HEAD, OLD = "a" * 40, "b" * 40
ALICE, BOB, BOT = (
    {"id": 2, "login": "alice"},
    {"id": 3, "login": "bob"},
    {"id": 4, "login": "gatebot"},
)
QUICK = Limits(whole=20, tries=2, pause=0.01)
DESCRIBED = pytest.param(
    "described",
    marks=pytest.mark.skipif(not URL, reason="ITIL_GATE_TEST_GITEA_URL names no Gitea server"),
)


@cache
def description() -> Description:
    with urllib.request.urlopen(f"{URL}/swagger.v1.json", timeout=30) as answer:  # noqa: S310
        return Description(json.loads(answer.read()))


@pytest.fixture(params=["short", DESCRIBED])
def tea(server: ForgeServer, request: pytest.FixtureRequest) -> ForgeServer:
    """A server that plays Gitea."""
    if request.param == "described":
        told = description()

        def hold(asked: Asked, say: Say) -> Say:
            told.check_request(asked)
            return say

        server.hold = hold
    server.moment = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    server.on("GET", f"{REPO}/pulls/7", pull())
    server.on("GET", f"{REPO}/pulls/7/reviews", counted([]))
    server.on("GET", f"{REPO}/activities/feeds", counted([move(1, 0)]))
    server.on("GET", f"{REPO}/issues/7/timeline", hiding([entry(1, 0)]))
    server.on("GET", "/version", {"version": "1.26.0"})
    return server


def forge(server: ForgeServer, *, trusting: bool = False) -> Forge:
    settings = ForgeSettings(
        kind="gitea",
        url=server.url,
        host="gitea.test",
        project="root/demo",
        trust_target_history=trusting,
    )
    return open_forge(settings, token="f00", limits=QUICK)  # noqa: S106 - made up


def counted(rows: list[Any], *, total: int | None = None) -> Callable[[Asked], Say]:
    """Page a list as Gitea does: no Link, but a count; what is hidden from the token is counted."""

    def answer(asked: Asked) -> Say:
        page, limit = int(asked.query["page"]), int(asked.query["limit"])
        count = len(rows) if total is None else total
        chosen = rows[(page - 1) * limit : page * limit] or None
        return Say(chosen, headers={"X-Total-Count": str(count)})

    return answer


def entry(number: int, minute: int, kind: str = "pull_push") -> dict[str, Any]:
    return {"id": number, "type": kind, "created_at": f"2026-11-22T23:{minute:02}:00Z"}


def hiding(rows: list[Any]) -> Callable[[Asked], Say]:
    """Page a timeline as Gitea does: what is hidden (None) is in no count, yet takes its place."""

    def answer(asked: Asked) -> Say:
        page, limit = int(asked.query["page"]), int(asked.query["limit"])
        chosen = [row for row in rows[(page - 1) * limit : page * limit] if row is not None]
        return Say(chosen or None, headers={"X-Total-Count": str(len(chosen))})

    return answer


def pull(**changes: Any) -> dict[str, Any]:
    repo = {"id": 6, "full_name": "root/demo"}
    whole: dict[str, Any] = {
        "id": 8,
        "number": 7,
        "user": ALICE,
        "title": "feat 1",
        "state": "open",
        "draft": False,
        "merged": False,
        "base": {"label": "main", "ref": "main", "sha": OLD, "repo": repo},
        "head": {"label": "feat1", "ref": "feat1", "sha": HEAD, "repo": repo},
    }
    return whole | changes


def review(number: int, minute: int, state: str = "APPROVED", **changes: Any) -> dict[str, Any]:
    whole = {
        "id": number,
        "user": BOB,
        "state": state,
        "commit_id": HEAD,
        "stale": False,
        "official": True,
        "dismissed": False,
        "submitted_at": f"2026-11-22T23:{minute:02}:00Z",
        "updated_at": f"2026-11-22T23:{minute:02}:00Z",
    }
    return whole | changes


def move(
    number: int, minute: int, after: str | None = HEAD, who: Any = ALICE, **changes: Any
) -> dict[str, Any]:
    content = json.dumps({"Commits": [], "HeadCommit": {"Sha1": after}, "Len": 1}) if after else ""
    whole = {
        "id": number,
        "op_type": "commit_repo",
        "act_user": who,
        "ref_name": "refs/heads/feat1",
        "created": f"2026-11-22T23:{minute:02}:00Z",
        "content": content,
    }
    return whole | changes


def ref(user: dict[str, Any]) -> AccountRef:
    return AccountRef(forge="gitea.test", id=user["id"], login=user["login"])


def at(minute: int) -> datetime:
    return datetime(2026, 11, 22, 23, minute, tzinfo=UTC)


def test_a_pull_request_is_read_with_its_reviews_and_pushes(tea: ForgeServer) -> None:
    rows = [
        review(83, 1, dismissed=True),
        review(84, 2, "COMMENT", commit_id="nonsense"),
        review(85, 3, "REQUEST_CHANGES", dismissed=True, updated_at="2026-11-22T23:20:00Z"),
        review(86, 4),
        review(87, 5, "REQUEST_REVIEW", commit_id=""),
        review(88, 6, "PENDING"),
        review(89, 7, user=None),
    ]
    tea.on("GET", f"{REPO}/pulls/7/reviews", counted(rows))
    found = forge(tea).pull(7)
    assert [(one.id, one.state, one.dismissed) for one in found.reviews] == [
        ("83", "approved", True),
        ("84", "commented", False),
        ("85", "changes-requested", True),
        ("86", "approved", False),
        ("89", "approved", False),
    ]
    assert [one.sequence for one in found.reviews] == [1, 2, 3, 4, 5]
    assert [one.commit for one in found.reviews] == [HEAD, None, HEAD, HEAD, HEAD]
    assert found.reviews[-1].account == 0
    assert (found.pull.opener, found.pull.pushers) == (ref(ALICE), (ref(ALICE),))
    assert (found.pull.head, found.pull.head_since) == (HEAD, at(0))
    assert (found.source, found.from_fork, found.server_time) == (6, False, tea.moment)


def test_a_draft_that_asks_for_changes_has_the_place_of_its_submission(tea: ForgeServer) -> None:
    begun = review(1, 1, "REQUEST_CHANGES", updated_at="2026-11-22T23:09:00Z")
    tea.on("GET", f"{REPO}/pulls/7/reviews", counted([begun, review(2, 5)]))
    reviews = forge(tea).pull(7).reviews
    assert [(one.id, one.sequence) for one in reviews] == [("2", 1), ("1", 2)]
    assert reviews[1].submitted_at == at(1)


def test_reviews_that_are_hidden_do_not_end_the_list(tea: ForgeServer) -> None:
    rows = [review(number, 1) for number in range(1, 60)]
    tea.on("GET", f"{REPO}/pulls/7/reviews", counted(rows, total=101))
    assert len(forge(tea).pull(7).reviews) == 59
    asked = [one.query["page"] for one in tea.asked if one.path.endswith("/reviews")]
    assert asked == ["1", "2", "3"]


def test_pushes_are_put_in_order_by_their_numbers_and_end_at_a_deletion(tea: ForgeServer) -> None:
    rows = [
        move(60, 9, HEAD, BOB),
        move(50, 5, None),
        move(52, 5, OLD, BOT),
        move(51, 5, OLD, BOT, ref_name="refs/heads/other"),
        {"id": 49, "op_type": "approve_pull_request", "ref_name": "", "created": "x"},
        move(40, 3, None, BOT, op_type="delete_branch"),
        move(30, 1, HEAD, BOT),
    ]
    tea.on("GET", f"{REPO}/activities/feeds", counted(rows))
    found = forge(tea).pull(7).pull
    assert found.pushers == (ref(ALICE), ref(BOT), ref(BOB))
    assert found.head_since == at(9)


def test_a_branch_made_anew_in_the_second_it_was_deleted_keeps_its_pushes(
    tea: ForgeServer,
) -> None:
    rows = [
        move(40, 3, None, BOT, op_type="delete_branch"),
        move(42, 3, HEAD, BOB),
        move(30, 1, HEAD, BOT),
    ]
    tea.on("GET", f"{REPO}/activities/feeds", counted(rows))
    found = forge(tea).pull(7).pull
    assert (found.pushers, found.head_since) == ((ref(BOB),), at(3))


@pytest.mark.parametrize(
    ("rows", "since"),
    [
        ([entry(1, 0)], at(0)),
        ([entry(1, 0, "review"), entry(2, 4), entry(3, 9)], at(4)),
        ([entry(1, 0, "change_target_branch"), entry(2, 0), entry(3, 7, "comment")], at(0)),
        # Where pushes from before were left, what can be seen of a change is noticed.
        ([entry(1, 0), entry(2, 8, "change_target_branch")], at(8)),
        ([*[None] * 30, entry(1, 3), *[entry(n, 5, "label") for n in range(2, 60)]], at(3)),
        ([*[entry(n, 1, "comment") for n in range(1, 51)], entry(51, 6)], at(6)),
        ([*[None] * 50, entry(1, 3)], None),
        ([entry(1, 0, "change_target_branch")], None),
        ([], None),
    ],
)
def test_the_oldest_push_that_is_left_says_since_when_the_target_is_the_same(
    tea: ForgeServer, rows: list[Any], since: datetime | None
) -> None:
    tea.on("GET", f"{REPO}/issues/7/timeline", hiding(rows))
    assert forge(tea).pull(7).pull.base_since == since


@pytest.mark.parametrize(
    ("version", "told"),
    [
        ("1.24.6", True),
        ("v1.25.0-rc0", True),
        ("1.26.0+dev-12-gabcdef", True),
        ("1.24.5", False),
        ("1.9.99", False),
        ("7.0.0+gitea-1.21.0", False),
        ("13.0.1+gitea-1.26.0", False),
        ("2.0.0", False),
        ("development", False),
        ("", False),
    ],
)
def test_no_target_is_believed_of_a_server_that_can_hide_a_change_of_it(
    tea: ForgeServer, *, version: str, told: bool
) -> None:
    """Pushes stay in the timeline there, so the oldest says nothing of what came after it."""
    tea.on("GET", "/version", {"version": version})
    assert forge(tea).pull(7).pull.base_since == (at(0) if told else None)
    assert forge(tea, trusting=True).pull(7).pull.base_since == at(0)


@pytest.mark.parametrize(
    ("title", "said", "draft"),
    [
        ("feat 1", None, False),
        ("wip: feat 1", None, True),
        ("[WIP] feat 1", None, True),
        ("WIP: feat 1", False, False),
        ("feat 1", True, True),
    ],
)
def test_a_draft_is_one_by_its_title_where_nothing_else_says(
    tea: ForgeServer, *, title: str, said: bool | None, draft: bool
) -> None:
    """Forgejo 7 has no field for it."""
    seen = pull(title=title, draft=said)
    if said is None:
        del seen["draft"]
    tea.on("GET", f"{REPO}/pulls/7", seen)
    assert forge(tea).pull(7).pull.draft is draft


def test_the_target_is_looked_at_after_the_reviews(tea: ForgeServer) -> None:
    """Else one given for another target, between the two, would be taken for one of this."""
    forge(tea).pull(7)
    paths = [one.path for one in tea.asked]
    assert paths.index(f"{REPO}/pulls/7/reviews") < paths.index(f"{REPO}/issues/7/timeline")


@pytest.mark.parametrize("project", ["7", "a/b/c"])
def test_a_project_that_no_repository_can_have_is_refused(project: str) -> None:
    settings = ForgeSettings(kind="gitea", url="https://g.test", host="g.test", project=project)
    with pytest.raises(ForgeError, match=r"forge\.project"):
        open_forge(settings, token=None)


@pytest.mark.parametrize(
    "rows", [[], [move(1, 1, OLD)], [move(1, 1, None)], [move(1, 1, ref_name="refs/tags/feat1")]]
)
def test_a_head_that_no_push_leads_to_has_no_known_time(tea: ForgeServer, rows: list[Any]) -> None:
    tea.on("GET", f"{REPO}/activities/feeds", counted(rows))
    assert forge(tea).pull(7).pull.head_since is None


def test_a_push_that_cannot_be_understood_is_an_error(tea: ForgeServer) -> None:
    tea.on("GET", f"{REPO}/activities/feeds", counted([move(1, 1, content="{")]))
    with pytest.raises(ForgeError) as caught:
        forge(tea).pull(7)
    assert caught.value.code == "forge-answer"


@pytest.mark.parametrize(
    "part", ["pulls/7", "pulls/7/reviews", "activities/feeds", "issues/7/timeline"]
)
@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_a_part_that_cannot_be_read_fails_the_whole(
    tea: ForgeServer, part: str, status: int
) -> None:
    tea.on("GET", f"{REPO}/{part}", Say({"message": "no"}, status=status))
    with pytest.raises(ForgeError):
        forge(tea).pull(7)


@pytest.mark.parametrize(
    "row", [review(1, 1, "BLESSED"), review(1, 1, user="bob"), review(1, 1) | {"dismissed": None}]
)
def test_a_review_of_another_shape_is_refused(tea: ForgeServer, row: dict[str, Any]) -> None:
    tea.on("GET", f"{REPO}/pulls/7/reviews", counted([row]))
    with pytest.raises(ForgeError) as caught:
        forge(tea).pull(7)
    assert caught.value.code == "forge-answer"


def test_a_scope_that_is_missing_is_named_as_the_forge_names_it(tea: ForgeServer) -> None:
    said = "token does not have at least one of required scope(s), required=[read:repository]"
    tea.on("GET", f"{REPO}/pulls/7", Say({"message": said, "url": "x"}, status=403))
    with pytest.raises(ForgeError) as caught:
        forge(tea).pull(7)
    assert "required=[read:repository]" in caught.value.message
    assert "read:repository" in caught.value.hint


def test_a_status_that_the_forge_takes_for_another_is_an_error(tea: ForgeServer) -> None:
    taken = {"id": 1, "context": "itil-gate", "status": "bogus", "creator": BOT}
    tea.on("POST", f"{REPO}/statuses/{HEAD}", Say(taken, status=201))
    with pytest.raises(ForgeError, match="bogus"):
        forge(tea).post_status(HEAD, state="success", description="fine")


def test_the_status_with_the_highest_number_is_the_newest(tea: ForgeServer) -> None:
    rows = [
        {"id": 2, "context": "itil-gate", "status": "success", "creator": BOT},
        {"id": 3, "context": "itil-gate", "status": "failure", "creator": ALICE},
        {"id": 1, "context": "itil-gate", "status": "pending", "creator": BOT},
    ]
    tea.on("GET", f"{REPO}/commits/{HEAD}/statuses", counted(rows))
    (status,) = forge(tea).statuses(HEAD)
    assert (status.state, status.creator) == ("failure", ref(ALICE))


def test_our_comment_is_written_once_and_then_anew(tea: ForgeServer) -> None:
    page = "https://gitea.test/root/demo/pulls/7#issuecomment-5"
    ours = {"id": 5, "user": BOT, "body": "<!-- itil-gate -->\nold", "html_url": page}
    theirs = ours | {"id": 4, "user": ALICE}
    tea.on("GET", "/user", BOT)
    tea.on("GET", f"{REPO}/issues/7/comments", [theirs], [theirs, ours])
    tea.on("POST", f"{REPO}/issues/7/comments", Say(ours, status=201))
    tea.on("PATCH", f"{REPO}/issues/comments/5", ours)
    assert forge(tea).upsert_comment(7, text="denied") == page
    assert forge(tea).upsert_comment(7, text="allowed") == page
    written = [one for one in tea.asked if one.method != "GET"]
    assert [one.method for one in written] == ["POST", "PATCH"]
    assert written[1].body == {"body": "<!-- itil-gate -->\nallowed"}


METHODS = {
    "allow_merge_commits": True,
    "allow_squash_merge": False,
    "allow_rebase": True,
    "allow_fast_forward_only_merge": False,
}
BRANCH = {
    "name": "main",
    "protected": True,
    "required_approvals": 1,
    "enable_status_check": True,
    "status_check_contexts": ["itil-gate"],
    "effective_branch_protection_name": "ma*",
}
RULE = {
    "rule_name": "ma*",
    "enable_push": True,
    "enable_push_whitelist": True,
    "push_whitelist_usernames": ["bob"],
    "push_whitelist_teams": None,
    "push_whitelist_deploy_keys": True,
    "enable_force_push": False,
    "enable_status_check": True,
    "status_check_contexts": ["itil-gate"],
    "required_approvals": 1,
    "dismiss_stale_approvals": True,
    "block_admin_merge_override": False,
}


def test_the_rule_that_applies_is_read_by_who_may(tea: ForgeServer) -> None:
    tea.on("GET", REPO, METHODS)
    tea.on("GET", f"{REPO}/branches/main", BRANCH)
    tea.on("GET", f"{REPO}/branch_protections/ma%2A", RULE)
    found = forge(tea).protection("main")
    assert found.checks == (RequiredCheck(context="itil-gate", source=None),)
    assert (found.approvals, found.dismiss_stale, found.pull_required) == (1, True, True)
    assert (found.force_push, found.deletion, found.admins_included) == (False, False, False)
    assert found.bypass == (
        Bypass(who="role:admin", mode="pull-request"),
        Bypass(who="user:bob"),
        Bypass(who="deploy-keys"),
    )
    assert (found.merge_methods, found.workflow) == (("merge", "rebase"), "writers")


def test_others_are_told_what_the_branch_says_of_itself(tea: ForgeServer) -> None:
    tea.on("GET", REPO, METHODS)
    tea.on("GET", f"{REPO}/branches/main", BRANCH)
    tea.on("GET", f"{REPO}/branch_protections/ma%2A", Say({"message": "owner"}, status=403))
    found = forge(tea).protection("refs/heads/main")
    assert (found.protected, found.approvals) == (True, 1)
    assert found.checks == (RequiredCheck(context="itil-gate", source=None),)
    assert (found.force_push, found.bypass, found.admins_included) == (None, None, None)
    assert "administration" in found.unread[0]


def test_a_branch_that_is_not_there_is_not_said_to_be_open(tea: ForgeServer) -> None:
    tea.on("GET", REPO, METHODS)
    found = forge(tea).protection("audit-log")
    assert (found.protected, found.force_push, found.deletion) == (None, None, None)
    tea.on("GET", f"{REPO}/branches/audit-log", BRANCH | {"protected": False})
    assert forge(tea).protection("audit-log").force_push is True
