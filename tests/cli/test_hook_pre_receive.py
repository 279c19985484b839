"""The hook pre-receive on a real server's repository, pushed to by real `git push`."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from support.hub import APPROVALS, Hub, copy_hub, open_hub
from support.repository import Repo
from support.shell import run_gate
from support.world import (
    CHG,
    CONFIG,
    OTHER,
    World,
    adopt,
    copy_world,
    request_file,
    stranger,
)

if TYPE_CHECKING:
    from pathlib import Path

    from support.repository import Keyring

NOTHING = "itil-gate: nothing of this push was taken"


@pytest.fixture(scope="session")
def guarded(
    tmp_path_factory: pytest.TempPathFactory, adopted_template: Path, keyring: Keyring
) -> Path:
    """Repository and server, made once."""
    folder = tmp_path_factory.mktemp("guarded")
    world = copy_world(adopted_template, folder / "repo", keyring)
    open_hub(world, folder / "hub of all.git")
    world.propose()
    return folder


@pytest.fixture
def hub(tmp_path: Path, guarded: Path, keyring: Keyring) -> Hub:
    """A server with hooks; Alice has a change on the branch `feature`, not approved yet."""
    return copy_hub(guarded, tmp_path, keyring, server="hub of all.git")


def approve(hub: Hub, *names: str) -> None:
    """Let people approve and push their statements."""
    hub.world.approve(*names)
    assert hub.push(APPROVALS).taken


def refused(hub: Hub, *refspecs: str, options: tuple[str, ...] = (), says: str) -> str:
    """Push something that must not be taken; return what was said."""
    before = hub.server.git("for-each-ref")
    done = hub.push(*refspecs, options=options)
    assert done.code == 1, done.said
    assert says in done.said, done.said
    assert NOTHING in done.said
    assert hub.server.git("for-each-ref") == before
    return done.said


def test_a_change_that_nobody_approved_is_pending_and_says_who_can_act(hub: Hub) -> None:
    hub.start_afresh()
    head = hub.world.repo.tip("feature")
    files = hub.objects()
    said = refused(hub, "feature:main", says="refs/heads/main: PENDING: CHG-2026-AAAA0001 A change")
    assert f"itil-gate approve {CHG} --head {head}" in said
    assert "bob" in said
    assert "push it to a branch of its own" in said
    assert len(said.splitlines()) < 20
    # Neither the hook nor git leaves anything of a refused push behind.
    assert hub.objects() == files


def test_an_approved_change_lands_as_a_fast_forward(hub: Hub) -> None:
    hub.start_afresh()
    approve(hub, "bob")
    done = hub.push("feature:main")
    assert done.taken, done.said
    assert "refs/heads/main: ALLOWED: CHG-2026-AAAA0001 A change" in done.said
    assert hub.tip() == hub.world.repo.tip("feature")


@pytest.mark.heavy
def test_an_approved_change_lands_as_a_merge_by_anybody(hub: Hub) -> None:
    approve(hub, "bob")
    hub.world.repo.checkout("main")
    merge = hub.world.repo.merge("feature", author=hub.world.keyring.bob.who)
    assert hub.push("main").taken
    assert hub.tip() == merge


@pytest.mark.heavy
def test_a_merge_that_brings_more_than_the_two_is_judged_as_a_whole(hub: Hub) -> None:
    approve(hub, "bob")
    hub.world.repo.checkout("main")
    hub.world.repo.git("merge", "--quiet", "--no-ff", "--no-commit", "feature")
    hub.world.commit({"src/smuggled.py": "import os\n"}, by="bob")
    refused(hub, "main", says="refs/heads/main: PENDING")


def test_a_denied_change_says_what_is_wrong_and_what_would_satisfy_it(hub: Hub) -> None:
    hub.world.repo.checkout("other", create=True, at="main")
    hub.world.commit({"src/app.py": "print('no request')\n"})
    said = refused(hub, "other:main", says="refs/heads/main: DENIED: no change request")
    assert "uncovered-change" in said
    assert "itil-gate new" in said


def test_a_rejection_that_was_pushed_denies(hub: Hub) -> None:
    approve(hub, "bob")
    hub.world.reject("carol")
    assert hub.push(APPROVALS).taken
    refused(hub, "feature:main", says="DENIED")


def test_statements_of_the_same_push_do_not_count_yet(hub: Hub) -> None:
    hub.world.approve("bob")
    refused(hub, "feature:main", APPROVALS, says="PENDING")
    assert hub.push(APPROVALS).taken
    assert hub.push("feature:main").taken


@pytest.mark.parametrize("options", [(), ("--atomic",)])
def test_one_refused_ref_refuses_the_push(hub: Hub, options: tuple[str, ...]) -> None:
    refused(hub, "feature:main", "feature:work", options=options, says="PENDING")
    assert hub.tip("work") == ""


def test_other_branches_and_tags_pass(hub: Hub) -> None:
    hub.world.repo.git("tag", "v1", "feature")
    done = hub.push("feature:work", "v1")
    assert done.taken
    assert "itil-gate" not in done.said
    assert hub.push("+main:work", ":v1").taken
    assert hub.push(":work").taken


@pytest.mark.heavy
def test_force_moves_no_governed_branch_back(hub: Hub) -> None:
    approve(hub, "bob")
    before = hub.tip()
    assert hub.push("feature:main").taken
    refused(hub, f"+{before}:refs/heads/main", says="branch-rewound")
    refused(hub, f"{before}:refs/heads/main", options=("--force",), says="branch-rewound")


def test_no_guarded_branch_is_removed(hub: Hub) -> None:
    approve(hub, "bob")
    hub.server.git("config", "receive.denyDeleteCurrent", "ignore")
    for branch in ("main", APPROVALS):
        refused(hub, f":{branch}", says="branch-removed")


def test_the_approvals_branch_only_grows(hub: Hub) -> None:
    approve(hub, "bob")
    repo = hub.world.repo
    first = repo.tip(APPROVALS)
    approve(hub, "erin")
    refused(hub, f"+{first}:refs/heads/{APPROVALS}", says="branch-rewound")
    # Not even by a commit on top, which git alone would take.
    (path, *_) = repo.git("ls-tree", "-r", "--name-only", APPROVALS).splitlines()
    repo.checkout(APPROVALS)
    repo.remove(path)
    repo.commit("tidy up")
    refused(hub, APPROVALS, says=f"statement-lost: {path} would be removed or rewritten")


def test_a_governed_branch_is_not_begun_by_a_push(hub: Hub) -> None:
    said = refused(hub, "main:release", says="refs/heads/release: UNDECIDED: not-adopted")
    assert "an administrator begins it on the server" in said
    hub.server.branch("release", "main")
    refused(hub, "feature:release", says="refs/heads/release: PENDING")


@pytest.mark.heavy
def test_nothing_lands_before_the_first_commit_of_an_administrator(
    tmp_path: Path, adopted_template: Path, keyring: Keyring
) -> None:
    world = copy_world(adopted_template, tmp_path / "repo", keyring)
    bare = World(world.repo, keyring)
    server = open_hub(bare, tmp_path / "hub.git")
    server.server.git("update-ref", "-d", "refs/heads/main")
    refused(server, "main", says="refs/heads/main: UNDECIDED: not-adopted")
    # It might be the one that counts, if the server's HEAD names the wrong branch.
    refused(server, "main:elsewhere", says="refs/heads/elsewhere: UNDECIDED: not-adopted")
    server.server.git("fetch", "--quiet", str(world.repo.path), "main:main")
    world.propose()
    refused(server, "feature:main", says="PENDING")


def test_a_head_that_names_the_wrong_branch_opens_none(hub: Hub) -> None:
    hub.server.git("symbolic-ref", "HEAD", "refs/heads/master")
    refused(hub, "feature:main", says="refs/heads/main: UNDECIDED: not-adopted")
    hub.server.git("update-ref", "--no-deref", "HEAD", "main")
    before = hub.tip()
    assert "no-default-branch" in hub.push("feature:main").said
    assert hub.tip() == before


def test_a_branch_without_configuration_is_not_adopted(hub: Hub) -> None:
    repo = hub.world.repo
    repo.checkout("main")
    repo.remove("itil-gate.yaml")
    repo.commit("no gate")
    hub.server.git("fetch", "--quiet", str(repo.path), "main:main")
    repo.commit("more", files={"src/app.py": "x\n"})
    refused(hub, "main", says="UNDECIDED: not-adopted")


@pytest.mark.heavy
@pytest.mark.parametrize(
    "config",
    [
        f'{CONFIG}governed: ["nothing/**"]\n',
        CONFIG.replace("targets: [refs/heads/main", "targets: [refs/heads/elsewhere"),
        f"{CONFIG}mode: audit\nauditUntil: 2099-01-01\n",
    ],
)
def test_a_configuration_that_is_pushed_does_not_judge_its_own_push(hub: Hub, config: str) -> None:
    hub.world.propose({"itil-gate.yaml": config}, branch="weaker", scope='"**"')
    said = refused(hub, "weaker:main", says="refs/heads/main: ")
    assert "PENDING" in said or "DENIED" in said


def test_approvers_who_come_with_the_push_do_not_count(hub: Hub, tmp_path: Path) -> None:
    mallory = stranger(tmp_path, "mallory")
    people = hub.world.repo.git("show", "main:people.yaml").replace(
        hub.world.keyring.bob.public, mallory.public
    )
    hub.world.propose({"people.yaml": people}, branch="coup", scope='"**"')
    hub.world.people["mallory"] = mallory
    hub.world.approve("mallory", head="coup")
    assert hub.push(APPROVALS).taken
    refused(hub, "coup:main", says="refs/heads/main: ")


def test_an_override_stands_in(hub: Hub, keyring: Keyring) -> None:
    repo = hub.world.repo
    repo.checkout("main")
    extra = "override: {role: change-authority}\n"
    hub.world.commit({"itil-gate.yaml": CONFIG + extra}, by="carol")
    hub.server.git("fetch", "--quiet", str(repo.path), "main:main")
    hub.world.propose()
    refused(hub, "feature:main", says="PENDING")
    repo.git("config", "user.name", keyring.carol.name)
    repo.git("config", "user.email", keyring.carol.email)
    done = run_gate(
        *("override", CHG, "--head", "feature", "--base", "main", "--yes"),
        *("--reason", "The shop is down.", "--incident", "INC-1", "--key", keyring.carol.key),
        cwd=repo.path,
    )
    assert done.code == 0, done.err
    assert hub.push(APPROVALS).taken
    pushed = hub.push("feature:main")
    assert pushed.taken, pushed.said
    assert "refs/heads/main: OVERRIDDEN" in pushed.said
    assert "INC-1" in pushed.said


@pytest.mark.heavy
def test_a_line_that_leaves_the_tip_aside_is_refused(hub: Hub) -> None:
    approve(hub, "bob")
    hub.world.on_main({"docs/more.md": "more\n"})
    hub.server.git("fetch", "--quiet", str(hub.world.repo.path), "main:main")
    hub.world.repo.checkout("feature")
    hub.world.repo.merge("main")
    refused(hub, "feature:main", says="branch-sidelined")


@pytest.mark.heavy
def test_names_that_look_like_guarded_branches_are_refused(hub: Hub) -> None:
    refused(hub, "feature:refs/heads/Main", says="name-in-the-way")
    refused(hub, f"feature:refs/remotes/x/{APPROVALS}", says="name-in-the-way")


def listing(hub: Hub, *, at: str = "main") -> str:
    """Propose that the branch `later` be guarded too, everybody agreeing; return the branch."""
    world = hub.world
    assert "refs/heads/release]" in CONFIG
    more = CONFIG.replace("refs/heads/release]", "refs/heads/release, refs/heads/later]")
    world.repo.checkout("listing", create=True, at=at)
    world.commit(
        {
            f"changes/2026/{OTHER}.yaml": request_file(OTHER, scope='"itil-gate.yaml"'),
            "itil-gate.yaml": more,
        }
    )
    for name in ("bob", "carol", "dave"):
        world.approve(name, change=OTHER, head="listing")
    assert hub.push(APPROVALS).taken
    return "listing"


def lax(hub: Hub) -> None:
    """Make a branch `later` whose own configuration lets all pass."""
    hub.world.repo.checkout("later", create=True, at="main")
    hub.world.commit({"itil-gate.yaml": CONFIG.replace('["docs/**"]', '["**"]')}, by="erin")


@pytest.mark.parametrize("together", [False, True])
def test_a_branch_is_not_listed_with_policies_that_came_there_unjudged(
    hub: Hub, *, together: bool
) -> None:
    lax(hub)
    if not together:
        assert hub.push("later").taken
    more = ("later",) if together else ()
    pushed = hub.push(f"{listing(hub)}:main", *more)
    assert "branch-unvetted" in pushed.said
    assert hub.server.tip("refs/heads/main") != hub.world.repo.tip("listing")
    hub.world.repo.git("branch", "-f", "later", "main")
    assert hub.push("+later").taken
    assert hub.push("listing:main").taken


@pytest.mark.parametrize("together", [True, False], ids=["one-push", "two-pushes"])
def test_what_a_fast_forward_passes_through_is_nobodys_policy(hub: Hub, *, together: bool) -> None:
    world = hub.world
    world.repo.checkout("through", create=True, at="main")
    own = world.commit({"itil-gate.yaml": CONFIG.replace('["docs/**"]', '["**"]')})
    world.commit({"itil-gate.yaml": CONFIG, "docs/index.md": "# Prose\n"})
    assert hub.push(f"{own}:refs/heads/later").taken
    if not together:
        assert hub.push("through:main").taken
        world.repo.git("branch", "-f", "main", "through")
    pushed = hub.push(f"{listing(hub, at='through')}:main")
    assert "branch-unvetted" in pushed.said
    assert hub.push("+through:later").taken
    pushed = hub.push("listing:main")
    assert pushed.taken, pushed.said


@pytest.mark.heavy
@pytest.mark.parametrize("files", [{}, {"src/app.py": "print('of the release')\n"}])
def test_a_branch_with_the_policies_of_the_default_one_is_listed(
    hub: Hub, files: dict[str, str]
) -> None:
    hub.world.repo.checkout("later", create=True, at="main")
    if files:
        hub.world.commit(files)
        branch = listing(hub)
        # Policies are compared as they will be: the branch takes the new configuration along.
        hub.world.repo.checkout("later")
        config = hub.world.repo.git("show", f"{branch}:itil-gate.yaml") + "\n"
        hub.world.commit({"itil-gate.yaml": config}, by="carol")
    else:
        branch = listing(hub)
    assert hub.push("later").taken
    pushed = hub.push(f"{branch}:main")
    assert pushed.taken, pushed.said


@pytest.mark.parametrize("name", ["origin/main", "origin/HEAD", "a/b/c", "x"])
def test_a_copy_of_a_branch_cannot_be_pushed_since_a_server_has_none(hub: Hub, name: str) -> None:
    refused(hub, f"feature:refs/remotes/{name}", says="name-in-the-way")


def test_on_a_server_its_own_branch_judges_and_no_copy_that_lies_there(hub: Hub) -> None:
    hub.world.repo.checkout("evil", create=True, at="main")
    hub.world.commit({"itil-gate.yaml": CONFIG.replace('["docs/**"]', '["**"]')})
    hub.server.git("fetch", "-q", str(hub.world.repo.path), "evil:refs/remotes/origin/main")
    ask = ("--head", "feature", "--repo", str(hub.server.path))
    hub.server.git("fetch", "-q", str(hub.world.repo.path), "feature:refs/heads/feature")
    for more in ((), ("--target", "refs/heads/main")):
        ran = run_gate("check", *ask, *more, cwd=hub.server.path)
        assert ran.code == 3, ran.out + ran.err


def test_another_name_for_a_governed_branch_is_judged_as_that_branch(hub: Hub) -> None:
    hub.server.git("symbolic-ref", "refs/heads/alias", "refs/heads/main")
    hub.server.git("symbolic-ref", "refs/heads/other", "refs/heads/alias")
    refused(hub, "feature:alias", says="refs/heads/main: PENDING")
    refused(hub, "feature:other", says="refs/heads/main: PENDING")


@pytest.mark.heavy
def test_a_hostile_name_or_title_forges_no_line_of_the_terminal(hub: Hub) -> None:
    title = '"A \\e[31mred\\u202E change\\n::error::x"'
    hub.world.propose(branch="hostile", title=title)
    said = refused(hub, "hostile:main", says="refs/heads/main: ")
    assert "\x1b[31m" not in said
    assert "\u202e" not in said
    odd = "\u202ein-\u200b;$(touch${IFS}pwned)'\"`id`&|"
    assert hub.push(f"feature:refs/heads/{odd}").taken
    said = refused(hub, f"feature:refs/remotes/{odd}/{APPROVALS}", says="name-in-the-way")
    assert "refs/remotes/\\u202ein-\\u200b;$(touch" in said
    assert not list(hub.server.path.glob("pwned"))
    assert not list(hub.world.repo.path.glob("pwned"))


def test_nothing_of_the_pushers_environment_reaches_the_judge(hub: Hub, tmp_path: Path) -> None:
    hub.start_afresh()
    env = {
        "ITIL_GATE_TIMEOUT": "bad",
        "ITIL_GATE_FORMAT": "bad",
        "PYTHONPATH": str(tmp_path),
        "PYTHONSTARTUP": str(tmp_path / "x.py"),
        "GIT_QUARANTINE_PATH": str(tmp_path),
        "GIT_PUSH_OPTION_COUNT": "1",
        "GIT_PUSH_OPTION_0": "skip",
        "ITIL_GATE_LOG_KEY": "bad",
    }
    (tmp_path / "itil_gate.py").write_text("raise SystemExit(0)\n")
    (tmp_path / "sitecustomize.py").write_text("import os\nos._exit(0)\n")
    hub.server.git("config", "receive.advertisePushOptions", "true")
    before = hub.tip()
    done = hub.push("feature:main", options=("--push-option=allow",), env=env)
    assert "refs/heads/main: PENDING" in done.said, done.said
    assert hub.tip() == before


def test_a_module_in_the_servers_directory_is_not_imported(hub: Hub) -> None:
    hub.start_afresh()
    (hub.server.path / "click.py").write_text("raise SystemExit(0)\n")
    (hub.server.path / "itil_gate.py").write_text("raise SystemExit(0)\n")
    refused(hub, "feature:main", says="PENDING")


def test_a_statement_that_has_run_out_counts_no_more(hub: Hub) -> None:
    hub.world.approve(
        "bob",
        at=hub.world.now - timedelta(days=400),
        expires_at=hub.world.now - timedelta(days=300),
    )
    assert hub.push(APPROVALS).taken
    refused(hub, "feature:main", says="PENDING")


@pytest.mark.heavy
def test_a_slow_or_failing_git_takes_nothing(hub: Hub, tmp_path: Path) -> None:
    hook = hub.server.path / "hooks" / "pre-receive"
    text = hook.read_text()
    slow = tmp_path / "bin"
    slow.mkdir()
    path = text.partition("PATH=")[2].partition(" ")[0]
    for script, timeout, says in (("sleep 30", "2", "hook-timeout"), ("exit 1", "60", "git")):
        (slow / "git").write_text(f"#!/bin/sh\n{script}\n")
        (slow / "git").chmod(0o755)
        edited = text.replace(f"PATH={path}", f"PATH={slow}:/usr/bin:/bin")
        hook.write_text(edited.replace("--timeout 300", f"--timeout {timeout}"))
        before = hub.tip()
        done = hub.push("feature:main")
        assert not done.taken
        assert says in done.said, done.said
        assert hub.tip() == before


def test_a_broken_configuration_of_the_default_branch_takes_no_branch(hub: Hub) -> None:
    repo = hub.world.repo
    repo.checkout("main")
    repo.commit("break it", files={"itil-gate.yaml": "kind: Config\nkind: Config\n"})
    hub.server.git("fetch", "--quiet", str(repo.path), "main:main")
    refused(hub, "feature:work", says="refs/heads/work: UNDECIDED")
    repo.git("tag", "v1", "feature")
    assert hub.push("v1").taken


@pytest.mark.heavy
def test_audit_mode_takes_it_and_says_what_it_would_refuse(
    tmp_path: Path, keyring: Keyring
) -> None:
    repo = Repo(tmp_path / "repo")
    now = datetime.now(tz=UTC)
    repo.clock = int(now.timestamp()) - 3600
    until = (now + timedelta(days=30)).date()
    adopt(repo, keyring, config=f"{CONFIG}mode: audit\nauditUntil: {until}\n")
    hub = open_hub(World(repo, keyring), tmp_path / "hub.git")
    hub.world.propose()
    done = hub.push("feature:main")
    assert done.taken
    assert "refs/heads/main: PENDING" in done.said
    assert "audit mode. If the gate were enforced" in done.said
    assert NOTHING not in done.said
    assert hub.tip() == repo.tip("feature")


@pytest.mark.heavy
def test_a_thousand_refs_are_judged_in_a_moment(hub: Hub) -> None:
    head = hub.world.repo.tip("feature")
    began = time.monotonic()
    many = [f"{head}:refs/heads/many/{number}" for number in range(1000)]
    done = hub.push(*many)
    assert done.taken
    assert "itil-gate" not in done.said
    names = [f"{head}:refs/remotes/r{number}/{APPROVALS}" for number in range(1000)]
    said = refused(hub, *names, says="and 980 more refs")
    assert len([line for line in said.splitlines() if line.startswith("remote:")]) < 60
    assert time.monotonic() - began < 60


def asked(hub: Hub, *lines: tuple[str, str, str]) -> tuple[int, str]:
    """Ask the hook by itself, about objects that the server has; return how it ended."""
    said = "".join(" ".join(line) + "\n" for line in lines)
    done = run_gate("hook", "pre-receive", cwd=hub.server.path, stdin=said)
    return done.code, done.err


@pytest.mark.heavy
def test_exit_codes_tell_denied_undecided_and_pending_apart(hub: Hub) -> None:
    hub.world.repo.checkout("bare", create=True, at="main")
    hub.world.commit({"src/app.py": "print('no request')\n"})
    assert hub.push("feature:work", "bare:bare").taken
    main, work, bare = (hub.tip(name) for name in ("main", "work", "bare"))
    ref, none = "refs/heads/main", "0" * 40
    pending, denied = (main, work, ref), (main, bare, ref)
    undecided = (none, main, "refs/heads/release")
    assert asked(hub, pending)[0] == 3
    assert asked(hub, denied)[0] == 1
    assert asked(hub, undecided)[0] == 2
    assert asked(hub, pending, denied)[0] == 1
    assert asked(hub, denied, undecided, pending)[0] == 2
    assert asked(hub, (none, work, "refs/heads/else")) == (0, "")
    approve(hub, "bob")
    assert asked(hub, pending)[0] == 0
    assert asked(hub, pending, undecided)[0] == 2


@pytest.mark.heavy
def test_what_the_client_says_about_the_tip_is_not_believed(hub: Hub) -> None:
    approve(hub, "bob")
    before = hub.tip()
    assert hub.push("feature:work", "feature:main").taken
    later = hub.world.repo.commit("more", files={"src/app.py": "more\n"})
    assert hub.push("feature:work").taken
    for claimed in (before, later, "0" * 40):
        code, said = asked(hub, (claimed, later, "refs/heads/main"))
        assert code == 2, said
        assert "branch-moved" in said


@pytest.mark.heavy
@pytest.mark.parametrize("said", ["", "main", "0 0 refs/heads/main\n", "a b c d\n"])
def test_what_git_would_not_say_is_undecided(hub: Hub, said: str) -> None:
    done = run_gate("hook", "pre-receive", cwd=hub.server.path, stdin=said)
    assert done.code == 2
    assert "bad-push" in done.err


def test_a_place_that_is_no_quarantine_is_refused(hub: Hub) -> None:
    line = f"{hub.tip()} {hub.world.repo.tip('feature')} refs/heads/main\n"
    own = str(hub.world.repo.git_dir / "objects")
    done = run_gate(
        "hook", "pre-receive", cwd=hub.server.path, stdin=line, env={"GIT_QUARANTINE_PATH": own}
    )
    assert done.code == 2
    assert "quarantine-strange" in done.err
    done = run_gate("hook", "pre-receive", cwd=hub.server.path, stdin=line)
    assert done.code == 2
    assert "object-missing" in done.err
