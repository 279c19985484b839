"""How the log's own store reaches a remote: by the caller's configuration, and by nobody else's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from support.audit_branch import make_hub, numbers_in, open_log, put
from support.http_remote import serving
from support.repository import Repo

from itil_gate.git.discover import discover
from itil_gate.git.reach import reaching
from itil_gate.model.errors import GateError, HistoryError
from itil_gate.model.record import AUDIT_BRANCH

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "basic c2VjcmV0LXRva2Vu"  # noqa: S105 - opens a server of the test


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The configuration of whoever runs the tests has no say in them."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "global"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def hub(tmp_path: Path) -> Repo:
    """A bare repository that HTTP may push to."""
    (tmp_path / "served").mkdir()
    hub = make_hub(tmp_path / "served" / "hub.git")
    hub.git("config", "http.receivepack", "true")
    return hub


@pytest.fixture
def clone(hub: Repo, tmp_path: Path) -> Repo:
    """A clone of one commit, as a workflow has it."""
    return hub.clone(tmp_path / "clone", "--depth=1")


def _settings(repo: Repo, remote: str = "origin") -> list[tuple[str, str]]:
    env = reaching(discover(repo.path), remote)
    count = int(env["GIT_CONFIG_COUNT"])
    return [(env[f"GIT_CONFIG_KEY_{n}"], env[f"GIT_CONFIG_VALUE_{n}"]) for n in range(count)]


def _add_lines(repo: Repo, lines: str) -> None:
    config = repo.git_dir / "config"
    config.write_text(config.read_text() + lines)


def _everything_below(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def _no_secret_was_written(clone: Repo, secret: str) -> None:
    assert secret.encode() not in _everything_below(clone.git_dir / "itil-gate")


def test_a_header_from_the_local_configuration_opens_the_remote(hub: Repo, clone: Repo) -> None:
    with serving(hub.path.parent, header=("Authorization", SECRET)) as (url, refused):
        clone.git("remote", "set-url", "origin", f"{url}/hub.git")
        with pytest.raises(HistoryError, match="could not be fetched"):
            open_log(clone, remote="origin")
        assert refused
        refused.clear()
        # As actions/checkout writes it.
        clone.git("config", "--local", f"http.{url}/.extraheader", f"AUTHORIZATION: {SECRET}")
        open_log(clone, remote="origin")
        put(clone, 1, 2, remote="origin")
        assert not refused
    assert numbers_in(hub) == [1, 2]
    _no_secret_was_written(clone, SECRET)


def test_a_header_in_an_included_file_opens_it_too(hub: Repo, clone: Repo, tmp_path: Path) -> None:
    with serving(hub.path.parent, header=("Authorization", SECRET)) as (url, _):
        clone.git("remote", "set-url", "origin", f"{url}/hub.git")
        (tmp_path / "secret.config").write_text(
            f'[http "{url}/"]\n\textraheader = AUTHORIZATION: {SECRET}\n'
        )
        # By where the user's repository is, which is not where the store is.
        clone.git("config", f"includeIf.gitdir:{clone.git_dir}.path", tmp_path / "secret.config")
        open_log(clone, remote="origin")
    assert hub.tip(AUDIT_BRANCH)
    _no_secret_was_written(clone, SECRET)


def test_a_header_from_variables_and_from_the_users_file_is_sent_once(
    hub: Repo, clone: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(hub.path.parent, header=("Authorization", SECRET)) as (url, refused):
        clone.git("remote", "set-url", "origin", f"{url}/hub.git")
        (tmp_path / "global").write_text(f"[http]\n\textraheader = AUTHORIZATION: {SECRET}\n")
        open_log(clone, remote="origin")
        (tmp_path / "global").write_text("")
        for name, value in (
            ("COUNT", "1"), ("KEY_0", "http.extraheader"), ("VALUE_0", f"AUTHORIZATION: {SECRET}"),
        ):  # fmt: skip
            monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
        put(clone, 1, remote="origin")
        assert not refused
    assert numbers_in(hub) == [1]


def test_a_credential_helper_of_the_repository_is_asked(hub: Repo, clone: Repo) -> None:
    # base64 of user:word
    with serving(hub.path.parent, header=("Authorization", "Basic dXNlcjp3b3Jk")) as (url, _):
        clone.git("remote", "set-url", "origin", f"{url}/hub.git")
        helper = "!f() { echo username=user; echo password=word; }; f"
        clone.git("config", "credential.helper", helper)
        open_log(clone, remote="origin")
    assert hub.tip(AUDIT_BRANCH)


def test_rewritten_urls_lead_there(hub: Repo, clone: Repo, tmp_path: Path) -> None:
    clone.git("remote", "set-url", "origin", "forge:team/hub.git")
    clone.git("config", f"url.file://{hub.path.parent}/.insteadOf", "forge:team/")
    open_log(clone, remote="origin")
    other = Repo(tmp_path / "other")
    (tmp_path / "global").write_text(f'[url "{hub.path.parent}/"]\n\tinsteadOf = "gh:"\n')
    put(clone, 1, remote="gh:hub.git")
    assert other.git("for-each-ref") == ""
    assert numbers_in(hub) == [1]


def test_the_ssh_command_of_the_repository_is_used(hub: Repo, clone: Repo, tmp_path: Path) -> None:
    fake = tmp_path / "fake-ssh"
    fake.write_text(
        f'#!/bin/sh\necho called >> {tmp_path}/calls\nfor last; do :; done\neval "$last"\n'
    )
    fake.chmod(0o755)
    clone.git("remote", "set-url", "origin", f"ssh://nobody@forge.invalid{hub.path}")
    clone.git("config", "core.sshCommand", fake)
    clone.git("config", "ssh.variant", "simple")
    open_log(clone, remote="origin")
    assert hub.tip(AUDIT_BRANCH)
    assert (tmp_path / "calls").read_text().count("called") >= 3


def test_a_push_url_of_its_own_is_used(hub: Repo, clone: Repo, tmp_path: Path) -> None:
    other = Repo(tmp_path / "other.git", bare=True)
    clone.git("remote", "set-url", "--push", "origin", other.path)
    with pytest.raises(HistoryError, match="took the push"):
        open_log(clone, remote="origin")
    assert other.tip(AUDIT_BRANCH)
    assert AUDIT_BRANCH not in hub.git("for-each-ref")


def test_only_what_is_about_reaching_remotes_is_handed_on(clone: Repo, tmp_path: Path) -> None:
    (tmp_path / "global").write_text("[core]\n\tfsmonitor = true\n[alias]\n\tx = !evil\n")
    for key, value in (
        ("core.hooksPath", "/evil"), ("filter.x.clean", "evil"), ("push.default", "matching"),
        ("remote.other.url", "elsewhere"), ("remote.origin.fetch", "+refs/*:refs/*"),
        ("remote.origin.mirror", "true"), ("http.proxy", "http://proxy.invalid"),
        ("http.https://a.example/.sslCAInfo", "/ca"), ("receive.denyDeletes", "true"),
    ):  # fmt: skip
        clone.git("config", "--add", key, value)
    settings = dict(_settings(clone))
    url = settings.pop("remote.log.url")
    assert url.startswith("file://")
    assert settings == {
        "http.proxy": "http://proxy.invalid",
        "http.https://a.example/.sslcainfo": "/ca",
    }


def test_lists_keep_their_order_and_keys_without_value_are_true(clone: Repo) -> None:
    _add_lines(clone, "[credential]\nhelper = one\nhelper =\nhelper = two\nuseHttpPath\n")
    said = [pair for pair in _settings(clone) if pair[0].startswith("credential")]
    assert said == [
        ("credential.helper", "one"), ("credential.helper", ""), ("credential.helper", "two"),
        ("credential.usehttppath", "true"),
    ]  # fmt: skip


def test_configuration_that_cannot_be_read_is_an_error(clone: Repo) -> None:
    _add_lines(clone, "[broken\n")
    with pytest.raises(HistoryError) as caught:
        reaching(discover(clone.path), "origin")
    assert caught.value.code == "config-unreadable"


def test_a_remote_that_needs_a_password_does_not_wait_for_one(hub: Repo, clone: Repo) -> None:
    with serving(hub.path.parent, header=("Authorization", SECRET)) as (url, _):
        clone.git("remote", "set-url", "origin", f"{url}/hub.git")
        with pytest.raises(GateError) as caught:
            open_log(clone, remote="origin")
    assert caught.value.code == "fetch-failed"
