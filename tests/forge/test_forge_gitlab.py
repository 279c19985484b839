"""GitLab as the client reads it: who approves now, who said what when, and what is not told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from support.forge_server import ForgeServer, Say, pages, raw

from itil_gate.forge.http import Limits
from itil_gate.forge.opening import open_forge, open_status_checks
from itil_gate.forge.protocol import ForgeError
from itil_gate.forge.values import Bypass, RequiredCheck
from itil_gate.model.config import ForgeSettings
from itil_gate.model.facts import AccountRef, Review

if TYPE_CHECKING:
    from itil_gate.forge.protocol import Forge, StatusState

PROJECT = "/projects/acme%2Fpayments"
MERGE = f"{PROJECT}/merge_requests/7"
FIRST, HEAD = "a" * 40, "b" * 40
ALICE = {"id": 11, "username": "alice", "name": "Alice"}
BOB = {"id": 12, "username": "bob", "name": "Bob"}
BOT = {"id": 99, "username": "gate", "name": "Gate"}
QUICK = Limits(whole=20, tries=2, pause=0.01)


def stamp(minute: int) -> str:
    return f"2026-11-22T23:{minute:02}:00.123Z"


def at(minute: int) -> datetime:
    return datetime(2026, 11, 22, 23, minute, 0, 123_000, tzinfo=UTC)


def merge(**changes: Any) -> dict[str, Any]:
    whole = {
        "id": 1000,
        "iid": 7,
        "author": ALICE,
        "state": "opened",
        "draft": False,
        "title": "Rotate",
        "sha": HEAD,
        "source_branch": "feature/x",
        "target_branch": "main",
        "source_project_id": 5,
        "target_project_id": 5,
        "created_at": stamp(0),
        "web_url": "https://gitlab.test/acme/payments/-/merge_requests/7",
    }
    return whole | changes


def note(number: int, minute: int, body: str, who: Any = BOB, *, system: bool = True) -> Any:
    return {
        "id": number,
        "author": who,
        "body": body,
        "system": system,
        "created_at": stamp(minute),
    }


def event(number: int, minute: int, to: str | None, who: Any = ALICE, **data: Any) -> Any:
    push = {
        "action": "pushed",
        "ref_type": "branch",
        "ref": "feature/x",
        "commit_from": FIRST,
        "commit_to": to,
    }
    return {"id": number, "author": who, "created_at": stamp(minute), "push_data": push | data}


def version(number: int, minute: int, head: str) -> Any:
    return {"id": number, "head_commit_sha": head, "created_at": stamp(minute), "state": "x"}


@pytest.fixture
def lab(server: ForgeServer) -> ForgeServer:
    """A server that plays GitLab: one merge request that was pushed to twice."""
    server.moment = datetime(2026, 11, 22, 23, 59, tzinfo=UTC)
    server.on("GET", MERGE, merge())
    server.on("GET", f"{MERGE}/versions", pages([version(2, 10, HEAD), version(1, 0, FIRST)]))
    server.on("GET", f"{MERGE}/notes", [])
    server.on("GET", f"{MERGE}/approvals", {"approved_by": []})
    server.on("GET", f"{MERGE}/reviewers", [])
    rows = [
        event(9, 9, HEAD, BOB),
        event(8, 8, "c" * 40, BOT, ref="other"),
        event(7, 7, None, BOT, ref=None, ref_type="tag"),
        event(6, 0, FIRST, action="created"),
        event(5, 0, "d" * 40, BOT),
    ]
    server.on("GET", "/projects/5/events", pages(rows))
    return server


def forge(server: ForgeServer, project: str = "acme/payments") -> Forge:
    settings = ForgeSettings(kind="gitlab", url=server.url, host="gitlab.test", project=project)
    return open_forge(settings, token="glpat-x", limits=QUICK)  # noqa: S106 - made up


def ref(user: dict[str, Any]) -> AccountRef:
    return AccountRef(forge="gitlab.test", id=user["id"], login=user["username"])


def said(*reviews: Review) -> list[tuple[int, str, bool]]:
    return [(one.account, one.state, one.dismissed) for one in reviews]


def test_a_merge_request_is_read_with_its_head_and_who_pushed(lab: ForgeServer) -> None:
    found = forge(lab).pull(7)
    assert (found.pull.number, found.pull.opener) == (7, ref(ALICE))
    assert (found.pull.head, found.pull.base_ref) == (HEAD, "refs/heads/main")
    assert found.pull.pushers == (ref(ALICE), ref(BOB))
    assert found.pull.head_since == at(10)
    assert (found.source, found.from_fork, found.server_time) == (5, False, lab.moment)
    events = [one for one in lab.asked if one.path == "/projects/5/events"]
    assert {one.query["action"] for one in events} == {"pushed"}
    assert {one.headers["authorization"] for one in lab.asked} == {"Bearer glpat-x"}


@pytest.mark.parametrize(
    ("state", "meant"),
    [("opened", "open"), ("locked", "open"), ("closed", "closed"), ("merged", "merged")],
)
def test_the_state_of_a_merge_request_is_read(lab: ForgeServer, state: str, meant: str) -> None:
    lab.on("GET", MERGE, merge(state=state, draft=True))
    found = forge(lab).pull(7).pull
    assert (found.state, found.draft) == (meant, True)


def test_a_project_may_be_named_by_its_number(lab: ForgeServer) -> None:
    for path in ("", "/versions", "/notes", "/approvals", "/reviewers"):
        lab.on("GET", f"/projects/5/merge_requests/7{path}", [])
    lab.on("GET", "/projects/5/merge_requests/7", merge())
    lab.on("GET", "/projects/5/merge_requests/7/approvals", {"approved_by": []})
    assert forge(lab, "5").pull(7).pull.number == 7


def test_an_approval_is_of_the_version_in_force_when_it_was_given(lab: ForgeServer) -> None:
    rows = [
        note(3, 5, "approved this merge request"),
        note(4, 12, "approved this merge request", ALICE),
        note(5, 13, "approved this merge request", BOT, system=False),
    ]
    lab.on("GET", f"{MERGE}/notes", pages(rows))
    lab.on("GET", f"{MERGE}/approvals", {"approved_by": [{"user": BOB}, {"user": ALICE}]})
    bob, alice = forge(lab).pull(7).reviews
    assert (bob.account, bob.state, bob.dismissed, bob.commit) == (12, "approved", False, FIRST)
    assert (alice.account, alice.commit, alice.submitted_at) == (11, HEAD, at(12))
    assert (bob.sequence, alice.sequence) == (1, 2)
    assert (bob.id, bob.forge) == ("note-3", "gitlab.test")


def test_an_approval_that_gitlab_no_longer_counts_is_dismissed(lab: ForgeServer) -> None:
    rows = [
        note(3, 5, "approved this merge request"),
        note(4, 6, "unapproved this merge request"),
        note(5, 7, "approved this merge request", ALICE),
        note(6, 8, "approved this merge request", ALICE),
    ]
    lab.on("GET", f"{MERGE}/notes", rows)
    lab.on("GET", f"{MERGE}/approvals", {"approved_by": [{"user": ALICE}]})
    assert said(*forge(lab).pull(7).reviews) == [
        (12, "approved", True),
        (11, "approved", True),
        (11, "approved", False),
    ]


def test_an_approval_without_a_time_has_no_commit(lab: ForgeServer) -> None:
    lab.on("GET", f"{MERGE}/approvals", {"approved_by": [{"user": BOB}]})
    (found,) = forge(lab).pull(7).reviews
    assert (found.state, found.commit, found.submitted_at) == ("approved", None, at(0))


def test_an_approval_with_a_time_of_its_own_needs_no_note(lab: ForgeServer) -> None:
    given = {"approved_by": [{"user": BOB, "approved_at": stamp(20)}]}
    lab.on("GET", f"{MERGE}/approvals", given)
    (found,) = forge(lab).pull(7).reviews
    assert (found.commit, found.submitted_at) == (HEAD, at(20))


def test_a_request_for_changes_stands_while_its_reviewer_does(lab: ForgeServer) -> None:
    rows = [note(3, 5, "requested changes"), note(4, 6, "requested changes", ALICE)]
    lab.on("GET", f"{MERGE}/notes", rows)
    states = [
        {"user": BOB, "state": "requested_changes"},
        {"user": ALICE, "state": "unreviewed"},
        {"user": BOT, "state": "requested_changes"},
    ]
    lab.on("GET", f"{MERGE}/reviewers", pages(states))
    reviews = forge(lab).pull(7).reviews
    assert said(*reviews) == [
        (12, "changes-requested", False),
        (11, "changes-requested", True),
        (99, "changes-requested", False),
    ]
    assert reviews[-1].submitted_at == lab.moment  # not told when: nothing may take it back unseen
    assert reviews[-1].commit is None


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [event(9, 9, "e" * 40, BOB), event(6, 0, HEAD, action="created")],
        [event(9, 9, None, BOB, action="removed"), event(6, 0, HEAD)],
        [event(9, 9, HEAD, BOB, ref=None)],
    ],
)
def test_a_head_whose_pusher_is_not_told_has_no_known_time(
    lab: ForgeServer, rows: list[Any]
) -> None:
    lab.on("GET", "/projects/5/events", rows)
    assert forge(lab).pull(7).pull.head_since is None


def test_a_head_that_is_no_version_yet_has_no_known_time(lab: ForgeServer) -> None:
    lab.on("GET", f"{MERGE}/versions", [version(1, 0, FIRST)])
    assert forge(lab).pull(7).pull.head_since is None


def test_a_fork_is_asked_for_its_own_pushes(lab: ForgeServer) -> None:
    lab.on("GET", MERGE, merge(source_project_id=6))
    lab.on("GET", "/projects/6/events", [event(9, 9, HEAD, BOB)])
    found = forge(lab).pull(7)
    assert (found.from_fork, found.source, found.pull.pushers) == (True, 6, (ref(BOB),))
    lab.on("GET", MERGE, merge(source_project_id=None))
    gone = forge(lab).pull(7)
    assert (gone.from_fork, gone.pull.pushers, gone.pull.head_since) == (True, (), None)


@pytest.mark.parametrize("part", ["", "/versions", "/notes", "/approvals", "/reviewers"])
@pytest.mark.parametrize("status", [401, 403, 404, 502])
def test_a_part_that_cannot_be_read_fails_the_whole(
    lab: ForgeServer, part: str, status: int
) -> None:
    lab.on("GET", f"{MERGE}{part}", Say({"message": "no"}, status=status))
    with pytest.raises(ForgeError):
        forge(lab).pull(7)


def test_a_merge_request_that_moves_while_it_is_read_is_not_decided_on(lab: ForgeServer) -> None:
    lab.on("GET", MERGE, merge(), merge(sha="c" * 40))
    with pytest.raises(ForgeError) as caught:
        forge(lab).pull(7)
    assert caught.value.code == "forge-differs"


@pytest.mark.parametrize(
    "changes", [{"iid": 8}, {"sha": None}, {"state": "half"}, {"author": {"id": "11"}}]
)
def test_a_merge_request_of_another_shape_is_refused(
    lab: ForgeServer, changes: dict[str, Any]
) -> None:
    lab.on("GET", MERGE, merge(**changes))
    with pytest.raises(ForgeError) as caught:
        forge(lab).pull(7)
    assert caught.value.code == "forge-answer"


def test_a_status_is_posted_in_the_words_of_gitlab(lab: ForgeServer) -> None:
    lab.on("POST", f"{PROJECT}/statuses/{HEAD}", Say({"id": 1}, status=201))
    forge(lab).post_status(HEAD, state="failure", description="no", url="https://e.test/1")
    assert lab.asked[-1].body == {
        "state": "failed",
        "name": "itil-gate",
        "description": "no",
        "target_url": "https://e.test/1",
    }


@pytest.mark.parametrize(("there", "fine"), [("pending", True), ("success", False)])
def test_a_status_that_is_there_already_is_no_failure(
    lab: ForgeServer, there: str, *, fine: bool
) -> None:
    words = {"message": "Cannot transition status via :enqueue from :pending"}
    lab.on("POST", f"{PROJECT}/statuses/{HEAD}", Say(words, status=400))
    rows = [
        {"id": 2, "name": "itil-gate", "status": there, "author": BOT},
        {"id": 1, "name": "itil-gate", "status": "pending", "author": ALICE},
    ]
    lab.on("GET", f"{PROJECT}/repository/commits/{HEAD}/statuses", pages(rows))
    if fine:
        forge(lab).post_status(HEAD, state="pending", description="waits")
        (status,) = forge(lab).statuses(HEAD)
        assert status.creator == ref(BOT)
    else:
        with pytest.raises(ForgeError, match="transition"):
            forge(lab).post_status(HEAD, state="pending", description="waits")


def test_our_own_note_is_written_anew_and_nobody_elses(lab: ForgeServer) -> None:
    ours = "<!-- itil-gate -->\nold"
    rows = [note(1, 1, ours, ALICE, system=False), note(2, 2, ours, BOT)]
    lab.on("GET", "/user", BOT)
    lab.on("GET", f"{MERGE}/notes", pages(rows, size=1))
    lab.on("POST", f"{MERGE}/notes", Say(note(3, 3, "x", BOT, system=False), status=201))
    assert forge(lab).upsert_comment(7, text="denied").endswith("/7#note_3")
    rows.append(note(3, 3, ours, BOT, system=False))
    lab.on("PUT", f"{MERGE}/notes/3", note(3, 3, "x", BOT, system=False))
    assert forge(lab).upsert_comment(7, text="allowed").endswith("#note_3")
    assert (lab.asked[-1].method, lab.asked[-1].body["body"][-7:]) == ("PUT", "allowed")


SETTINGS = {
    "merge_method": "merge",
    "squash_option": "default_off",
    "only_allow_merge_if_pipeline_succeeds": True,
    "only_allow_merge_if_all_status_checks_passed": True,
    "ci_config_path": "gate.yml@acme/pipelines",
}


def guard(name: str, *levels: dict[str, Any], force: bool = False) -> dict[str, Any]:
    return {
        "id": abs(hash(name)),
        "name": name,
        "push_access_levels": list(levels),
        "allow_force_push": force,
    }


NOBODY = {"id": 1, "access_level": 0, "access_level_description": "No one"}
MAINTAINERS = {"id": 2, "access_level": 40, "access_level_description": "Maintainers"}


def ruled(lab: ForgeServer, *guards: dict[str, Any], **settings: Any) -> None:
    lab.on("GET", PROJECT, SETTINGS | settings)
    lab.on("GET", f"{PROJECT}/protected_branches", pages(list(guards), size=1))
    lab.on("GET", f"{PROJECT}/external_status_checks", [{"id": 4, "name": "gate"}])
    lab.on("GET", f"{PROJECT}/approval_rules", [{"id": 1, "approvals_required": 2}])
    lab.on("GET", f"{PROJECT}/approvals", {"reset_approvals_on_push": True})


def test_protection_is_read_from_branches_and_settings(lab: ForgeServer) -> None:
    ruled(lab, guard("main", NOBODY), guard("audit-*", MAINTAINERS, force=True))
    found = forge(lab).protection("main")
    assert found.checks == (
        RequiredCheck(context="pipeline", source=None),
        RequiredCheck(context="gate", source="external-check:4"),
    )
    assert (found.protected, found.pull_required, found.approvals) == (True, True, 2)
    assert (found.force_push, found.deletion, found.dismiss_stale) == (False, False, True)
    assert (found.merge_methods, found.workflow) == (("merge", "squash"), "pinned")
    assert found.bypass == (Bypass(who="role:maintainer", mode="deletion in the web interface"),)
    assert found.unread == ()
    log = forge(lab).protection("refs/heads/audit-log")
    assert (log.protected, log.pull_required, log.force_push) == (True, False, True)
    assert Bypass(who="role:maintainer") in (log.bypass or ())
    bare = forge(lab).protection("xmain")
    assert (bare.protected, bare.force_push, bare.deletion) == (False, True, True)


def test_a_status_check_of_another_branch_is_not_required_here(lab: ForgeServer) -> None:
    ruled(lab, guard("main", NOBODY))
    rows = [
        {"id": 4, "name": "gate", "protected_branches": [{"id": 1, "name": "main"}]},
        {"id": 5, "name": "other", "protected_branches": [{"id": 2, "name": "release"}]},
        {"id": 6, "name": "stable", "protected_branches": [{"id": 3, "name": "ma*"}]},
        {"id": 7, "name": "all", "protected_branches": []},
    ]
    lab.on("GET", f"{PROJECT}/external_status_checks", pages(rows))
    found = forge(lab).protection("main").checks or ()
    assert [one.context for one in found] == ["pipeline", "gate", "stable", "all"]


RESPONSES = f"{MERGE}/status_check_responses"


def answer(server: ForgeServer, state: StatusState = "success") -> None:
    settings = ForgeSettings(
        kind="gitlab", url=server.url, host="gitlab.test", project="acme/payments"
    )
    checks = open_status_checks(settings, token="glpat-x", limits=QUICK)  # noqa: S106 - made up
    checks.answer(7, check=12, commit=HEAD, state=state)


def taken(check: int = 12, **more: Any) -> Say:
    """What GitLab answers: the response with what it is about."""
    about = {"id": check, "name": "gate", "external_url": "https://e.test", "project_id": 5}
    value = {"id": 1, "merge_request": merge(), "external_status_check": about, **more}
    return Say(value, status=201)


@pytest.mark.parametrize(
    ("state", "word"), [("success", "passed"), ("failure", "failed"), ("pending", "pending")]
)
def test_an_external_status_check_is_answered_about_the_head(
    lab: ForgeServer, state: StatusState, word: str
) -> None:
    lab.on("POST", RESPONSES, taken())
    answer(lab, state)
    (asked,) = lab.asked
    assert asked.body == {"sha": HEAD, "external_status_check_id": 12, "status": word}
    assert asked.headers["authorization"] == "Bearer glpat-x"


def test_too_many_answers_at_once_are_given_again_when_gitlab_says(lab: ForgeServer) -> None:
    lab.on("POST", RESPONSES, Say({}, status=429, headers={"Retry-After": "0"}), taken())
    answer(lab)
    assert len(lab.asked) == 2


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (Say({"message": "401 Unauthorized"}, status=401), "forge-refused"),
        (Say({"message": "403 Forbidden"}, status=403), "forge-refused"),
        (Say({"message": "404 Not Found"}, status=404), "forge-not-found"),
        (Say({"message": "409 SHA does not match HEAD"}, status=409), "forge-answer"),
        (Say({"error": "status does not have a valid value"}, status=400), "forge-answer"),
        (Say({}, status=429, headers={"Retry-After": "90"}), "forge-limited"),
        (Say({}, status=500), "forge-unreachable"),
        (Say({"id": 1}, status=201), "forge-answer"),
        (taken(13), "forge-answer"),
        (Say(b'{"id": 1, "external_status_che', status=201), "forge-answer"),
        (Say(b"<html>sign in", status=200, kind="text/html"), "forge-answer"),
        (Say({}, status=302, headers={"Location": "/users/sign_in"}), "forge-answer"),
    ],
)
def test_an_answer_that_is_not_taken_is_an_error(lab: ForgeServer, said: Say, code: str) -> None:
    lab.on("POST", RESPONSES, said)
    with pytest.raises(ForgeError) as caught:
        answer(lab)
    assert caught.value.code == code
    # Only what was turned away for now is sent again: GitLab keeps every answer that it takes.
    assert len(lab.asked) == 1


def test_an_answer_that_breaks_off_is_not_given_twice(lab: ForgeServer) -> None:
    def cut(wfile: Any) -> None:
        wfile.write(b"HTTP/1.1 201 Created\r\nContent-Length: 90\r\n\r\n{")

    lab.on("POST", RESPONSES, raw(cut))
    with pytest.raises(ForgeError) as caught:
        answer(lab)
    assert caught.value.code == "forge-answer"
    assert len(lab.asked) == 1


def test_gitlab_without_the_tier_says_unauthorised_and_the_hint_says_why(lab: ForgeServer) -> None:
    lab.on("POST", RESPONSES, Say({"message": "401 Unauthorized"}, status=401))
    with pytest.raises(ForgeError) as caught:
        answer(lab)
    assert "Ultimate" in caught.value.hint


def test_what_the_token_may_not_read_is_not_guessed(lab: ForgeServer) -> None:
    ruled(lab, guard("main", NOBODY))
    no = Say({"message": "403 Forbidden"}, status=403)
    for path in ("protected_branches", "approval_rules", "approvals"):
        lab.on("GET", f"{PROJECT}/{path}", no)
    lab.on("GET", PROJECT, {"id": 5})
    found = forge(lab).protection("main")
    known = found.model_dump()
    told = {key for key, value in known.items() if value is not None}
    assert told == {"branch", "unread"}
    assert len(found.unread) == 4


def test_a_fault_while_protection_is_read_is_an_error(lab: ForgeServer) -> None:
    ruled(lab, guard("main", NOBODY))
    lab.on("GET", f"{PROJECT}/protected_branches", Say({}, status=500))
    with pytest.raises(ForgeError) as caught:
        forge(lab).protection("main")
    assert caught.value.code == "forge-unreachable"


def test_nothing_is_asked_when_a_forge_is_opened(lab: ForgeServer) -> None:
    forge(lab)
    assert lab.asked == []


@pytest.mark.parametrize("token", ["two words", "line\n", "ümlaut", "a\rb"])
def test_what_cannot_be_a_token_is_not_sent(lab: ForgeServer, token: str) -> None:
    settings = ForgeSettings(kind="gitlab", url=lab.url, host="g", project="a/b")
    with pytest.raises(ForgeError) as caught:
        open_forge(settings, token=token)
    assert caught.value.code == "forge-refused"
    assert token not in caught.value.diagnostics()


def test_without_a_token_none_is_sent(lab: ForgeServer) -> None:
    settings = ForgeSettings(
        kind="gitlab", url=lab.url, host="gitlab.test", project="acme/payments"
    )
    open_forge(settings, token=None, limits=QUICK).pull(7)
    assert not [one for one in lab.asked if "authorization" in one.headers]
