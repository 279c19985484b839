"""What a runner tells of its event, and what it is told back through its files."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.runner import pull_event, read_outputs

from itil_gate.cli.runner import (
    MAX_EVENT_BYTES,
    OF_A_PULL_REQUEST,
    Event,
    Step,
    credentials,
    read_event,
    step_of,
)
from itil_gate.model.errors import GateError

if TYPE_CHECKING:
    from pathlib import Path

ONE, TWO, ZERO = "1" * 40, "2" * 40, "0" * 40
HOME = "refs/heads/trunk"


def read(tmp_path: Path, name: str, payload: Any) -> Event:
    if isinstance(payload, dict):
        payload = {"repository": {"default_branch": "trunk"}} | payload
    return as_it_is(tmp_path, name, payload)


def as_it_is(tmp_path: Path, name: str, payload: Any, **more: str) -> Event:
    file = tmp_path / "event.json"
    file.write_bytes(payload if isinstance(payload, bytes) else json.dumps(payload).encode())
    return read_event({"GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": str(file)} | more)


def code_of(tmp_path: Path, name: str, payload: Any) -> str:
    with pytest.raises(GateError) as caught:
        read(tmp_path, name, payload)
    return caught.value.code


@pytest.mark.parametrize("name", OF_A_PULL_REQUEST)
def test_a_pull_request_has_a_head_a_target_and_a_number(tmp_path: Path, name: str) -> None:
    event = read(tmp_path, name, pull_event(ONE, base="release/1.x", draft=True))
    assert event == Event(name, "refs/heads/release/1.x", head=ONE, number=7, draft=True, home=HOME)


def test_a_merge_group_has_a_head_and_a_target_with_or_without_the_full_name(
    tmp_path: Path,
) -> None:
    for base in ("refs/heads/main", "main"):
        payload = {"merge_group": {"base_ref": base, "head_sha": ONE, "head_ref": "refs/heads/x"}}
        assert read(tmp_path, "merge_group", payload) == Event(
            "merge_group", "refs/heads/main", head=ONE, home=HOME
        )


def test_a_push_has_both_ends_and_a_new_branch_only_one(tmp_path: Path) -> None:
    payload = {"ref": "refs/heads/main", "before": ONE, "after": TWO}
    event = read(tmp_path, "push", payload)
    assert (event.before, event.after, event.head) == (ONE, TWO, None)
    assert read(tmp_path, "push", payload | {"before": ZERO}).before is None


@pytest.mark.parametrize(
    ("told", "known"),
    [
        *((1_790_000_000, "1790000000"), ("2026-11-23T04:00:00Z", "2026-11-23T04:00:00Z")),
        *((None, None), ("", None), (True, None), ([], None)),
    ],
)
def test_a_push_has_the_time_of_the_server_where_it_tells_one(
    tmp_path: Path, told: Any, known: str | None
) -> None:
    repository = {"default_branch": "trunk", "pushed_at": told}
    payload = {"ref": "refs/heads/main", "before": ONE, "after": TWO, "repository": repository}
    assert read(tmp_path, "push", payload).pushed_at == known


@pytest.mark.parametrize("repository", [None, {}, [], "main", {"default_branch": "a..b"}])
def test_an_event_that_does_not_tell_the_default_branch_is_refused_and_no_branch_is_guessed(
    tmp_path: Path, repository: Any
) -> None:
    for name in ("pull_request_target", "schedule"):
        with pytest.raises(GateError) as caught:
            as_it_is(tmp_path, name, pull_event(ONE) | {"repository": repository})
        assert caught.value.code == "bad-event"


def test_a_schedule_runs_on_the_default_branch_where_its_event_does_not_tell(
    tmp_path: Path,
) -> None:
    ref = {"GITHUB_REF": "refs/heads/develop"}
    assert as_it_is(tmp_path, "schedule", {}, **ref).home == "refs/heads/develop"
    told = {"repository": {"default_branch": "trunk"}}
    assert as_it_is(tmp_path, "schedule", told, **ref).home == HOME
    with pytest.raises(GateError):
        as_it_is(tmp_path, "pull_request", pull_event(ONE), **ref)


def test_sha256_repositories_have_longer_names(tmp_path: Path) -> None:
    assert read(tmp_path, "pull_request", pull_event("a" * 64)).head == "a" * 64


@pytest.mark.parametrize("name", ["schedule", "workflow_dispatch", "repository_dispatch"])
def test_a_run_that_nothing_proposed_names_no_commit(tmp_path: Path, name: str) -> None:
    assert read(tmp_path, name, {"inputs": {"head": ONE}}) == Event(name, "", home=HOME)


def followed(event: Any, branch: Any, head: Any = ONE) -> Any:
    return {"workflow_run": {"event": event, "head_branch": branch, "head_sha": head}}


def test_a_run_after_that_of_a_merge_group_judges_the_group(tmp_path: Path) -> None:
    payload = followed("merge_group", f"gh-readonly-queue/release/1.x/pr-7-{TWO}")
    assert read(tmp_path, "workflow_run", payload) == Event(
        "workflow_run", "refs/heads/release/1.x", head=ONE, home=HOME, queued=7
    )


@pytest.mark.parametrize(
    ("event", "branch"),
    [
        ("pull_request_review", "feature"),
        ("pull_request", f"gh-readonly-queue/main/pr-7-{TWO}"),
        ("push", f"gh-readonly-queue/main/pr-7-{TWO}"),
        ("merge_group", "main"),
        ("merge_group", f"x/gh-readonly-queue/main/pr-7-{TWO}"),
        ("merge_group", None),
    ],
)
def test_a_run_after_any_other_one_names_no_commit(tmp_path: Path, event: str, branch: Any) -> None:
    payload = followed(event, branch)
    assert read(tmp_path, "workflow_run", payload) == Event("workflow_run", "", home=HOME)


def test_a_merge_group_of_no_commit_or_into_no_branch_is_refused(tmp_path: Path) -> None:
    queued = f"gh-readonly-queue/main/pr-7-{TWO}"
    assert code_of(tmp_path, "workflow_run", followed("merge_group", queued, "x")) == "bad-event"
    odd = f"gh-readonly-queue/-x/pr-7-{TWO}"
    assert code_of(tmp_path, "workflow_run", followed("merge_group", odd)) == "bad-event"
    assert code_of(tmp_path, "workflow_run", {}) == "bad-event"


@pytest.mark.parametrize(
    "name", ["issue_comment", "pull_request_review_comment", "", "Pull_Request", "push "]
)
def test_other_events_judge_nothing(tmp_path: Path, name: str) -> None:
    assert code_of(tmp_path, name, pull_event(ONE)) in {"bad-event", "no-event"}


BRANCHES = [
    *("", "-x", "--upload-pack=touch x", "a..b", "a b", "a\nb", "a\0b", "x.lock", "x/", "x."),
    *("a:b", "a^{tree}", "a~1", "a*", "a?", "a[b", "a\\b", "a@{1}", "a//b", "\udc80"),
    *(None, 7, ["main"], {"ref": "main"}, True),
]


@pytest.mark.parametrize("branch", BRANCHES, ids=repr)
def test_a_target_that_no_branch_can_be_named_is_refused(tmp_path: Path, branch: Any) -> None:
    assert code_of(tmp_path, "pull_request", pull_event(ONE, base=branch)) == "bad-event"


HEADS = [
    *("", "main", "HEAD", ONE[:39], ONE + "1", ONE.replace("1", "A"), f"{ONE}\n", f" {ONE}"),
    *("--output=x", "\uff11" * 40, None, 1, [ONE], True),
]


@pytest.mark.parametrize("head", HEADS, ids=repr)
def test_a_head_that_is_no_full_object_name_is_refused(tmp_path: Path, head: Any) -> None:
    assert code_of(tmp_path, "pull_request", pull_event(head)) == "bad-event"
    group = {"merge_group": {"base_ref": "main", "head_sha": head}}
    assert code_of(tmp_path, "merge_group", group) == "bad-event"
    push = {"ref": "refs/heads/main", "before": ONE, "after": head}
    assert code_of(tmp_path, "push", push) == "bad-event"


@pytest.mark.parametrize("number", [0, -1, True, "7", 7.0, None, [7]], ids=repr)
def test_a_number_that_is_none_is_refused(tmp_path: Path, number: Any) -> None:
    assert code_of(tmp_path, "pull_request", pull_event(ONE, number=number)) == "bad-event"


PAYLOADS: list[Any] = [
    *(b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"{}", b'{"pull_request": null}'),
    *(b'{"pull_request": []}', b'{"pull_request": {"number": 7}}', b"[" * 200_000, b"\x00"),
    b'{"pull_request": {"number": 7, "base": "main", "head": {"sha": "x"}}}',
    b'{"pull_request": {"number": ' + b"9" * 5000 + b"}}",
]


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda one: repr(one[:40]))
def test_an_event_that_is_none_is_refused(tmp_path: Path, payload: bytes) -> None:
    assert code_of(tmp_path, "pull_request", payload) == "bad-event"


def test_an_event_that_is_too_long_is_refused(tmp_path: Path) -> None:
    assert code_of(tmp_path, "push", b" " * (MAX_EVENT_BYTES + 1)) == "bad-event"


def test_a_push_that_is_not_about_a_branch_that_is_there_is_refused(tmp_path: Path) -> None:
    tag = {"ref": "refs/tags/v1", "before": ONE, "after": TWO}
    assert code_of(tmp_path, "push", tag) == "bad-event"
    gone = {"ref": "refs/heads/main", "before": ONE, "after": ZERO}
    assert code_of(tmp_path, "push", gone) == "bad-event"


def test_a_run_without_an_event_is_no_run(tmp_path: Path) -> None:
    for environment in ({}, {"GITHUB_EVENT_NAME": "push"}, {"GITHUB_EVENT_PATH": "x"}):
        with pytest.raises(GateError) as caught:
            read_event(environment)
        assert caught.value.code == "no-event"
    with pytest.raises(GateError) as caught:
        read_event({"GITHUB_EVENT_NAME": "push", "GITHUB_EVENT_PATH": str(tmp_path / "gone")})
    assert caught.value.code == "bad-event"


def test_outputs_are_read_back_as_they_were(tmp_path: Path) -> None:
    step = Step(tmp_path / "out", None)
    step.write({"a": "1", "b": "two\nlines", "c": ""})
    step.write({"a": "2"})
    assert read_outputs((tmp_path / "out").read_text()) == {"a": "2", "b": "two\nlines", "c": ""}


@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r")))
def test_no_value_ends_early_or_adds_an_output(
    tmp_path_factory: pytest.TempPathFactory, value: str
) -> None:
    file = tmp_path_factory.mktemp("step") / "out"
    Step(file, None).write({"outcome": f"{value}\nEOF\nend-{'0' * 32}\noutcome=allow", "x": "y"})
    read_back = read_outputs(file.read_bytes().decode())
    assert read_back["outcome"].startswith(value)
    assert set(read_back) == {"outcome", "x"}


def test_delimiters_are_never_the_same(tmp_path: Path) -> None:
    Step(tmp_path / "out", None).write(dict.fromkeys("abcdef", ""))
    marks = [line for line in (tmp_path / "out").read_text().splitlines() if "<<" in line]
    assert len({line.partition("<<")[2] for line in marks}) == 6


def test_files_that_cannot_be_written_are_an_error_and_missing_ones_none(tmp_path: Path) -> None:
    assert step_of({}) == Step(None, None)
    Step(None, None).write({"a": "b"})
    with pytest.raises(GateError) as caught:
        Step(tmp_path / "no" / "such", None).write({"a": "b"})
    assert caught.value.code == "output-failed"


def test_a_token_is_shown_to_its_own_server_only() -> None:
    shown = credentials("https://forge.example", "s3cret")
    assert shown["GIT_CONFIG_KEY_0"] == "http.https://forge.example/.extraheader"
    basic = shown["GIT_CONFIG_VALUE_0"].rpartition(" ")[2]
    assert base64.b64decode(basic) == b"x-access-token:s3cret"


@pytest.mark.parametrize(
    ("server", "token"),
    [("http://forge.example", "x"), ("https://forge.example", ""), ("", "x"), ("https:///", "x")],
)
def test_a_token_is_shown_to_nobody_without_a_safe_server(server: str, token: str) -> None:
    assert credentials(server, token) == {}
