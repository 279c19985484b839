"""Which pull requests are open: all pages or none, as each of the three forges lists them."""

from __future__ import annotations

import base64
import json
import os
import secrets
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, Literal

import pytest
from support.forge_server import Asked, ForgeServer, Say, pages

from itil_gate.forge.http import LIMITS, Limits
from itil_gate.forge.opening import open_forge
from itil_gate.forge.protocol import ForgeError
from itil_gate.forge.values import OpenPull
from itil_gate.model.config import ForgeSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from itil_gate.forge.protocol import Forge

Kind = Literal["github", "gitea", "gitlab"]
URL = os.environ.get("ITIL_GATE_TEST_GITEA_URL", "").rstrip("/")
ADMIN = os.environ.get("ITIL_GATE_TEST_GITEA_TOKEN", "")
QUICK = Limits(whole=20, tries=2, pause=0.01)
PATHS: dict[str, str] = {
    "github": "/repos/acme/pay/pulls",
    "gitea": "/repos/acme/pay/pulls",
    "gitlab": "/projects/acme%2Fpay/merge_requests",
}
KINDS = pytest.mark.parametrize("kind", PATHS)


def forge(kind: Kind, url: str, *, limits: Limits = QUICK) -> Forge:
    settings = ForgeSettings(kind=kind, url=url, host="forge.test", project="acme/pay")
    return open_forge(settings, token="f00", limits=limits)  # noqa: S106 - made up


def row(kind: Kind, number: int, *, into: str = "main") -> dict[str, Any]:
    head = f"{number:040x}"
    if kind == "gitlab":
        return {"id": 100 + number, "iid": number, "sha": head, "target_branch": into}
    return {
        "id": 100 + number,
        "number": number,
        "head": {"ref": "feature", "sha": head},
        "base": {"ref": into, "sha": "0" * 40},
    }


def listed(kind: Kind, rows: list[Any]) -> Callable[[Asked], Say]:
    """Page a list, two a page, in the way of the forge."""
    linked = pages(rows)
    if kind != "gitea":
        return linked

    def counted(asked: Asked) -> Say:
        page, limit = int(asked.query["page"]), int(asked.query["limit"])
        part = rows[(page - 1) * limit : page * limit]
        return Say(part, headers={"X-Total-Count": str(len(rows))})

    return counted


@KINDS
def test_every_page_is_read_and_only_what_is_open_is_asked_for(
    server: ForgeServer, kind: Kind
) -> None:
    rows = [
        row(kind, number, into="release/1" if number == 2 else "main") for number in range(1, 6)
    ]
    server.on("GET", PATHS[kind], listed(kind, rows))
    found = forge(kind, server.url).open_pulls()
    assert found == tuple(
        OpenPull(
            number=number,
            base_ref="refs/heads/release/1" if number == 2 else "refs/heads/main",
            head=f"{number:040x}",
        )
        for number in range(1, 6)
    )
    assert {asked.query["state"] for asked in server.asked} == {
        "opened" if kind == "gitlab" else "open"
    }


@KINDS
def test_a_list_that_cannot_be_read_whole_is_an_error_and_no_short_list(
    server: ForgeServer, kind: Kind
) -> None:
    server.on("GET", PATHS[kind], Say({"message": "no"}, status=403))
    with pytest.raises(ForgeError) as caught:
        forge(kind, server.url).open_pulls()
    assert caught.value.code == "forge-refused"
    server.on("GET", PATHS[kind], listed(kind, [row(kind, 1), row(kind, 1)]))
    with pytest.raises(ForgeError) as caught:
        forge(kind, server.url).open_pulls()
    assert caught.value.code == "forge-differs"
    broken = {key: value for key, value in row(kind, 1).items() if key not in {"base", "sha"}}
    server.on("GET", PATHS[kind], listed(kind, [broken]))
    with pytest.raises(ForgeError) as caught:
        forge(kind, server.url).open_pulls()
    assert caught.value.code == "forge-answer"


@KINDS
def test_no_open_pull_request_is_an_empty_list(server: ForgeServer, kind: Kind) -> None:
    server.on("GET", PATHS[kind], listed(kind, []))
    assert forge(kind, server.url).open_pulls() == ()


def test_a_merge_request_whose_head_is_not_known_yet_is_listed(server: ForgeServer) -> None:
    server.on("GET", PATHS["gitlab"], listed("gitlab", [row("gitlab", 1) | {"sha": None}]))
    (found,) = forge("gitlab", server.url).open_pulls()
    assert found.head is None


def whole(kind: Kind, number: int) -> dict[str, Any]:
    """Return one of them as it is told when it is asked for by its number."""
    since = "2026-01-01T00:00:00Z"
    more: dict[str, Any] = {"title": "A change", "draft": True, "created_at": since}
    if kind == "gitlab":
        more |= {"author": {"id": 5, "username": "alice"}, "state": "opened"}
        more |= {"source_branch": "x", "source_project_id": 1, "target_project_id": 1}
    else:
        more |= {"user": {"id": 5, "login": "alice"}, "state": "open", "merged": False}
        more |= {"updated_at": since, "merged_at": None}
    return row(kind, number, into="release/1") | more


@KINDS
def test_where_one_is_at_takes_one_request_and_is_about_that_one(
    server: ForgeServer, kind: Kind
) -> None:
    path = f"{PATHS[kind]}/7"
    told = whole(kind, 7)
    for side in ("head", "base"):
        if kind != "gitlab":
            told[side]["repo"] = {"id": 1, "full_name": "acme/pay"}
    server.on("GET", path, told)
    found = forge(kind, server.url).place_of(7)
    assert found == OpenPull(
        number=7, base_ref="refs/heads/release/1", head=f"{7:040x}", draft=True
    )
    assert [one.path for one in server.asked] == [path]
    server.on("GET", path, told | {"iid" if kind == "gitlab" else "number": 8})
    with pytest.raises(ForgeError) as caught:
        forge(kind, server.url).place_of(7)
    assert caught.value.code == "forge-answer"


def api(auth: str, method: str, path: str, body: Any = None) -> Any:
    request = urllib.request.Request(  # noqa: S310 - the server that the environment names
        f"{URL}/api/v1{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": auth, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        text = answer.read()
    return json.loads(text) if text else None


def proposed(auth: str, repo: str, name: str) -> int:
    """Open a pull request from a new branch, once the server knows of it: it takes a while."""
    content = base64.b64encode(name.encode()).decode()
    body = {"content": content, "message": name, "branch": "main", "new_branch": name}
    api(auth, "POST", f"{repo}/contents/{name}.txt", body)
    for left in range(20, -1, -1):
        try:
            pull = {"head": name, "base": "main", "title": name}
            return int(api(auth, "POST", f"{repo}/pulls", pull)["number"])
        except urllib.error.HTTPError as error:
            error.close()
            if error.code != 404 or not left:
                raise
            time.sleep(0.25)
    raise AssertionError


@pytest.mark.skipif(
    not (URL and ADMIN),
    reason="ITIL_GATE_TEST_GITEA_URL and ITIL_GATE_TEST_GITEA_TOKEN name no Gitea server",
)
def test_a_real_gitea_lists_what_is_open_the_oldest_first() -> None:
    login, password = f"o-owner-{secrets.token_hex(3)}", secrets.token_urlsafe(16)
    user = {"username": login, "email": f"{login}@example.test", "password": password}
    api(f"token {ADMIN}", "POST", "/admin/users", {**user, "must_change_password": False})
    try:
        owner = f"Basic {base64.b64encode(f'{login}:{password}'.encode()).decode()}"
        repo = f"/repos/{login}/live"
        made = {"name": "live", "auto_init": True, "default_branch": "main"}
        api(owner, "POST", "/user/repos", made)
        numbers = [proposed(owner, repo, name) for name in ("one", "two", "three")]
        api(owner, "PATCH", f"{repo}/pulls/{numbers[1]}", {"state": "closed"})
        scopes = {"name": "sweep", "scopes": ["read:repository"]}
        token = api(owner, "POST", f"/users/{login}/tokens", scopes)["sha1"]
        settings = ForgeSettings(
            kind="gitea", url=f"{URL}/api/v1", host="gitea.test", project=f"{login}/live"
        )
        found = open_forge(settings, token=token, limits=LIMITS).open_pulls()
        assert [one.number for one in found] == [numbers[0], numbers[2]]
        assert {one.base_ref for one in found} == {"refs/heads/main"}
        assert all(one.head for one in found)
    finally:
        api(f"token {ADMIN}", "DELETE", f"/admin/users/{login}?purge=true")
