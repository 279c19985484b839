"""Every governed path that changes lies in the scope of a request of this very pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.cases import case
from support.world import CHG, CONFIG, OTHER, broken, findings, only, request_file

if TYPE_CHECKING:
    from support.world import World

REQUEST = f"changes/2026/{CHG}.yaml"
OTHERS = f"changes/2026/{OTHER}.yaml"


@case("310")
def test_an_old_request_on_the_target_covers_nothing(world: World) -> None:
    world.propose()
    world.approve("bob")
    world.repo.checkout("main")
    world.repo.git("merge", "--quiet", "--ff-only", "feature")
    world.repo.checkout("again", create=True)
    world.commit({"src/app.py": "print('more')\n"})
    decision = world.check("again")
    assert decision.outcome == "deny"
    assert broken(decision) == {"uncovered-change"}
    assert decision.changes == ()


@case("310")
def test_amending_the_old_request_asks_for_approval_anew(world: World) -> None:
    world.propose()
    world.approve("bob")
    world.repo.checkout("main")
    world.repo.git("merge", "--quiet", "--ff-only", "feature")
    world.repo.checkout("again", create=True)
    world.commit({"src/app.py": "print('more')\n", REQUEST: request_file(title="Part two")})
    decision = world.check("again")
    assert decision.outcome == "pending"
    assert [one.code for one in only(decision).ledger] == ["stale"]


@case("311")
def test_several_requests_do_not_split_the_risk(world: World) -> None:
    world.propose(
        {
            REQUEST: request_file(scope='"src/**"'),
            OTHERS: request_file(OTHER, scope='"db/**"'),
            "src/app.py": "1\n",
            "db/schema.sql": "drop table t;\n",
        }
    )
    decision = world.check()
    assert {one.id: one.risk.level for one in decision.changes} == {CHG: "high", OTHER: "high"}
    world.approve("bob", "carol", change=OTHER)
    decision = world.check()
    assert {one.id: one.outcome for one in decision.changes} == {CHG: "pending", OTHER: "allow"}
    assert decision.outcome == "pending"


@case("311")
def test_splitting_requests_until_each_is_small_changes_nothing(world: World) -> None:
    files = {f"src/part{number}.py": "1\n" for number in range(5)}
    requests = {
        f"changes/2026/CHG-2026-BBBB000{number}.yaml": request_file(
            f"CHG-2026-BBBB000{number}", scope=f'"src/part{number}.py"'
        )
        for number in range(5)
    }
    world.repo.checkout("feature", create=True)
    world.commit({**files, **requests, "deploy/app.yaml": "replicas: 9\n"})
    decision = world.check()
    assert broken(decision) >= {"uncovered-change"}
    assert {one.risk.level for one in decision.changes} == {"medium"}


def test_an_approval_of_one_request_says_nothing_about_the_other(world: World) -> None:
    world.propose({OTHERS: request_file(OTHER), "src/app.py": "1\n"})
    world.approve("bob")
    decision = world.check()
    assert {one.id: one.outcome for one in decision.changes} == {CHG: "allow", OTHER: "pending"}
    assert decision.outcome == "pending"
    world.approve("bob", change=OTHER)
    assert world.check().outcome == "allow"


def test_an_approval_binds_the_whole_pull_request(world: World) -> None:
    """What changes in the scope of one request makes the approval of the other stale."""
    world.propose(
        {OTHERS: request_file(OTHER, scope='"lib/**"'), "src/app.py": "1\n", "lib/a.py": "1\n"},
        scope='"src/**"',
    )
    for change in (CHG, OTHER):
        world.approve("bob", change=change)
    world.commit({"lib/a.py": "2\n"})
    decision = world.check()
    assert {one.id: one.outcome for one in decision.changes} == {CHG: "pending", OTHER: "pending"}


def test_a_path_in_two_scopes_needs_both(world: World) -> None:
    world.propose({OTHERS: request_file(OTHER, scope='"src/app.py"'), "src/app.py": "1\n"})
    world.reject("carol", change=OTHER)
    world.approve("bob")
    decision = world.check()
    assert {one.id: one.outcome for one in decision.changes} == {CHG: "allow", OTHER: "deny"}
    assert decision.outcome == "deny"


@pytest.mark.parametrize(
    ("old", "new", "bare"),
    [("src/lib.py", "vault/lib.py", "vault/lib.py"), ("src/lib.py", "src/new.py", "src/lib.py")],
)
def test_a_rename_counts_at_both_ends(world: World, old: str, new: str, bare: str) -> None:
    scope = '"src/**"' if bare == new else '"src/new.py"'
    world.propose({}, scope=scope)
    (world.repo.path / new).parent.mkdir(exist_ok=True)
    world.repo.git("mv", old, new)
    world.commit()
    (found,) = findings(world.check(), "uncovered-change")
    assert found.message.endswith(f": {bare}")


def test_a_rename_into_an_exempt_folder_is_a_deletion_where_it_was(world: World) -> None:
    world.repo.checkout("feature", create=True)
    world.repo.git("mv", "src/lib.py", "docs/lib.py")
    world.commit()
    (found,) = findings(world.check(), "uncovered-change")
    assert found.message.endswith(": src/lib.py")


@pytest.mark.parametrize(
    "path",
    [
        *(".github/workflows/ci.yml", "tools/lint/action.yml", "action.yaml", ".gitlab-ci.yml"),
        *(".gitattributes", "docs/.gitattributes", ".gitmodules", "sub/.gitmodules"),
        *("people.yaml", "services/new.yaml", "policies/new.yaml", "calendar/new.ics"),
        *("catalog-info.yaml", "itil-gate.yaml"),
    ],
)
def test_what_judges_or_runs_is_governed_whatever_is_exempt(world: World, path: str) -> None:
    config = CONFIG.replace('["docs/**"]', '["**"]').replace(
        "environments:", 'governed: ["src/**"]\nenvironments:'
    )
    world.commit({"itil-gate.yaml": config}, by="carol")
    world.repo.checkout("feature", create=True)
    file = world.repo.path / path
    world.commit({path: (file.read_text() if file.exists() else "") + "# one line more\n"})
    decision = world.check()
    assert "uncovered-change" in broken(decision)
    assert decision.outcome == "deny"


def test_nothing_else_is_governed_where_everything_else_is_exempt(world: World) -> None:
    """The counterpart of the test before."""
    config = CONFIG.replace("environments:", 'governed: ["src/**"]\nenvironments:')
    world.commit({"itil-gate.yaml": config}, by="carol")
    world.repo.checkout("feature", create=True)
    world.commit({"README.md": "Hello\n", "docs/index.md": "Hello\n"})
    assert world.check().outcome == "allow"


def test_an_exemption_does_not_cover_what_comes_with_it(world: World) -> None:
    world.repo.checkout("feature", create=True)
    world.commit({"docs/index.md": "Hello\n", "src/app.py": "1\n"})
    (found,) = findings(world.check(), "uncovered-change")
    assert found.message == "1 governed path(s) lie in no request's scope: src/app.py"


@pytest.mark.parametrize("path", ["SRC/app.py", "src-old/app.py", "xsrc/app.py", "src"])
def test_scopes_match_whole_paths_and_case(world: World, path: str) -> None:
    world.repo.git("rm", "--quiet", "-r", "src")
    world.propose({path: "1\n"}, scope='"src/**"')
    assert "uncovered-change" in broken(world.check())


def test_a_request_alone_is_decided_like_any_other(world: World) -> None:
    world.propose({})
    assert broken(world.check()) == {"missing-approval"}
    world.approve("bob")
    assert world.check().outcome == "allow"


def test_a_request_is_not_deleted(world: World) -> None:
    world.commit({REQUEST: request_file()})
    world.repo.checkout("feature", create=True)
    world.repo.remove(REQUEST)
    world.commit()
    assert broken(world.check()) == {"deleted-request"}


def test_two_files_cannot_claim_one_change(world: World) -> None:
    world.propose({f"changes/{CHG}.yaml": request_file(), "src/app.py": "1\n"})
    assert "duplicate-change" in broken(world.check())


def test_a_request_that_is_a_link_is_refused(world: World) -> None:
    world.propose({"docs/request.yaml": request_file()}, scope='"src/**"')
    world.repo.write(REQUEST, "../../docs/request.yaml", mode=0o120000)
    world.commit({"src/app.py": "1\n"})
    decision = world.check()
    assert broken(decision) == {"irregular-request", "uncovered-change"}
    assert decision.changes == ()
