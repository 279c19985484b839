"""init: what it writes passes lint, can be adopted, and never takes the place of what was there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.repository import Keyring, Repo, make_person
from support.shell import run_gate
from support.weighing import weighed

from itil_gate.gather.sources import read_judge
from itil_gate.git.discover import discover
from itil_gate.git.view import open_view
from itil_gate.policy.compile import compile_policies
from itil_gate.reading.yaml import parse

if TYPE_CHECKING:
    from itil_gate.model.policy import PolicySet

WORKFLOW = ".github/workflows/itil-gate.yml"


@pytest.fixture
def fresh(tmp_path: Path, keyring: Keyring) -> Repo:
    """A repository with a little code, Alice at the keyboard, her key where SSH keeps keys."""
    repo = Repo(tmp_path / "payments")
    repo.git("config", "user.name", keyring.alice.name)
    repo.git("config", "user.email", keyring.alice.email)
    home = tmp_path / "home" / ".ssh"
    home.mkdir(parents=True)
    shutil.copy(keyring.alice.key, home / "id_ed25519")
    (home / "id_ed25519").chmod(0o600)
    (home / "id_ed25519.pub").write_text(keyring.alice.public + "\n")
    return repo


def home(repo: Repo) -> dict[str, str]:
    return {"HOME": str(repo.path.parent / "home")}


def compiled(repo: Repo) -> PolicySet:
    repo.commit("adopt")
    with open_view(discover(repo.path)) as view:
        return compile_policies(read_judge(view, repo.tip()))


def written(repo: Repo) -> list[str]:
    return sorted(
        str(path.relative_to(repo.path))
        for path in repo.path.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(repo.path).parts
    )


def open_log(repo: Repo) -> Path:
    """Pin a key with the adoption, commit it, and open the log with that key; return it."""
    key = make_person(repo.path.parent, "head")
    rows = [f"    - {{use: {use}, key: {key.public}}}\n" for use in ("checkpoint", "recorder")]
    config = (repo.path / "itil-gate.yaml").read_text("utf-8")
    repo.write("itil-gate.yaml", f"{config}log:\n  keys:\n{''.join(rows)}")
    repo.commit("adopt")
    ran = run_gate("log", "init", "--log-key", key.key, cwd=repo.path)
    assert ran.code == 0, ran.err
    return key.key


def test_what_is_written_passes_lint_and_makes_a_policy_set(fresh: Repo) -> None:
    ran = run_gate("init", cwd=fresh.path, env=home(fresh))
    assert ran.code == 0, ran.err
    linted = run_gate("lint", cwd=fresh.path)
    assert linted.code == 0, linted.out
    assert "No findings" in linted.out
    policies = compiled(fresh)
    assert policies.config.targets == ("refs/heads/main",)
    assert {policy.metadata.name for policy in policies.approvals} == {"approvals"}
    alice = next(person for person in policies.people.persons if person.id == "alice")
    assert alice.keys == (Path(f"{home(fresh)['HOME']}/.ssh/id_ed25519.pub").read_text().strip(),)


def test_every_yaml_file_begins_with_the_schema_for_editors(fresh: Repo) -> None:
    run_gate("init", cwd=fresh.path, env=home(fresh))
    files = [path for path in written(fresh) if path.endswith((".yaml", ".yml"))]
    assert len(files) == 11
    for path in files:
        first = (fresh.path / path).read_text().splitlines()[0]
        assert re.fullmatch(r"# yaml-language-server: \$schema=https://\S+\.json", first), path


def test_a_second_run_changes_nothing_and_says_what_it_left_alone(fresh: Repo) -> None:
    fresh.write("people.yaml", "mine\n")
    first = run_gate("init", cwd=fresh.path, env=home(fresh))
    assert "left alone  people.yaml" in first.out
    assert (fresh.path / "people.yaml").read_text() == "mine\n"
    before = {path: (fresh.path / path).read_bytes() for path in written(fresh)}
    second = run_gate("init", cwd=fresh.path, env=home(fresh))
    assert second.code == 0
    assert "wrote" not in second.out
    assert {path: (fresh.path / path).read_bytes() for path in written(fresh)} == before


def test_without_an_identity_the_people_are_examples_and_marked(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "nobody")
    assert run_gate("init", cwd=repo.path).code == 0
    text = (repo.path / "people.yaml").read_text()
    ids = re.findall(r"- id: (\S+)", text)
    assert len(ids) == 4
    assert text.count("# EXAMPLE") == 4
    assert all(name.startswith("example-") for name in ids)
    assert run_gate("lint", cwd=repo.path).code == 0
    assert all(not person.keys for person in compiled(repo).people.persons)


def test_the_example_request_is_about_the_files_that_were_written(fresh: Repo) -> None:
    run_gate("init", cwd=fresh.path, env=home(fresh))
    (path,) = (fresh.path / "changes").rglob("*.yaml")
    data: Any = parse(path.read_text(), file=f"changes/2026/{path.name}").data
    assert data["metadata"]["requester"] == "alice"
    assert {"itil-gate.yaml", "people.yaml", "policies/**"} <= set(data["spec"]["scope"])


def test_a_change_after_adoption_needs_two_commands_to_be_judged(fresh: Repo) -> None:
    run_gate("init", cwd=fresh.path, env=home(fresh))
    fresh.write("src/app.py", "1\n")
    alice = Path(home(fresh)["HOME"]) / ".ssh" / "id_ed25519"
    who = ("Alice Adler", "alice@example.com")
    fresh.commit("adopt", author=who, sign_with=alice)
    fresh.checkout("feature", create=True)
    fresh.commit("Raise the limit", author=who, sign_with=alice, files={"src/app.py": "2\n"})
    ran = run_gate("new", "--reason", "Partners hit it.", "--yes", cwd=fresh.path)
    assert ran.code == 0, ran.err
    fresh.commit("Request it", author=who, sign_with=alice)
    checked = run_gate("check", cwd=fresh.path)
    assert checked.code == 1, checked.out  # the example people have no keys: nobody could approve
    assert "without a key in people.yaml: example-authority-1" in " ".join(checked.out.split())
    fresh.checkout("main")
    people = (fresh.path / "people.yaml").read_text("utf-8")
    bob = make_person(alice.parent, "bob").public
    fresh.write("people.yaml", people.replace("invalid]\n", f"invalid]\n    keys: ['{bob}']\n", 1))
    fresh.commit("name Bob's key", author=who, sign_with=alice)
    waiting = run_gate("check", "--head", "feature", cwd=fresh.path)
    assert waiting.code == 3, waiting.out
    assert "missing-approval" in waiting.out


@pytest.mark.parametrize("profile", weighed(["starter", "team", "regulated"], "team"))
def test_a_review_is_filed_without_a_change_request(fresh: Repo, profile: str) -> None:
    run_gate("init", "--profile", profile, cwd=fresh.path, env=home(fresh))
    fresh.write("src/app.py", "1\n")
    head = open_log(fresh)
    adopted = fresh.tip()
    fresh.checkout("review", create=True)
    said = ("--outcome", "failed", "--summary", "It broke.", "--lesson", "Try it first.")
    unknown = run_gate("review", "CHG-2026-M4V8T2HC", *said, "--as", "alize", cwd=fresh.path)
    assert (unknown.code, "use the id of a person: alice" in unknown.err) == (2, True)
    ran = run_gate("review", "CHG-2026-M4V8T2HC", *said, "--as", "alice", cwd=fresh.path)
    assert ran.code == 0, ran.err
    assert "needs a change request" not in ran.err
    # Nobody's signature is needed, nor anybody's key: the commit is as git makes it.
    fresh.commit("Review", author=("Alice Adler", "alice@example.com"))
    checked = run_gate("check", cwd=fresh.path)
    assert checked.code == 0, checked.out
    fresh.checkout("main")
    fresh.git("merge", "--quiet", "--no-ff", "-m", "Merge the review", "review")
    span = f"{adopted}..{fresh.tip()}"
    merged = run_gate("check", "--merged", span, "--record", "--log-key", head, cwd=fresh.path)
    assert merged.code == 0, merged.out + merged.err
    assert merged.out.startswith("AUTHORISED")


def test_where_a_review_needs_a_request_the_command_says_so(fresh: Repo) -> None:
    run_gate("init", cwd=fresh.path, env=home(fresh))
    config = (fresh.path / "itil-gate.yaml").read_text("utf-8")
    fresh.write("itil-gate.yaml", config.replace('paths: ["reviews/**"]', 'paths: ["docs/**"]'))
    open_log(fresh)
    said = ("--outcome", "failed", "--summary", "It broke.", "--lesson", "Try it first.")
    ran = run_gate("review", "CHG-2026-M4V8T2HC", *said, "--as", "alice", cwd=fresh.path)
    assert (ran.code, "this path needs a change request" in ran.err) == (0, True)


def test_an_exemption_of_reviews_lets_no_program_in(fresh: Repo) -> None:
    run_gate("init", cwd=fresh.path, env=home(fresh))
    fresh.commit("adopt")
    fresh.checkout("review", create=True)
    (fresh.path / "reviews").mkdir()
    (fresh.path / "reviews" / "run.yaml").symlink_to("../src")
    fresh.commit("Link", author=("Alice Adler", "alice@example.com"))
    assert run_gate("check", cwd=fresh.path).code == 1


def test_the_repository_is_named_after_its_remote(fresh: Repo) -> None:
    fresh.git("remote", "add", "origin", "git@forge.example.com:acme/payments.git")
    fresh.git("branch", "-m", "main", "trunk")
    fresh.commit("begin", files={"a": "1\n"})
    run_gate("init", cwd=fresh.path, env=home(fresh))
    config = compiled(fresh).config
    assert config.repository == "forge.example.com/acme/payments"


def test_review_dates_lie_ahead_and_comments_are_kept(fresh: Repo) -> None:
    run_gate("init", cwd=fresh.path, env=home(fresh))
    text = (fresh.path / "policies/starter/risk.yaml").read_text()
    assert "2027-06-30" not in re.findall(r"reviewBy: (\S+)", text)
    assert "# How risky a change is" in text


@pytest.mark.parametrize("profile", weighed(["team", "regulated"], "team"))
def test_a_profile_comes_with_those_below_it_and_its_tests_pass(fresh: Repo, profile: str) -> None:
    ran = run_gate("init", "--profile", profile, cwd=fresh.path, env=home(fresh))
    assert ran.code == 0, ran.err
    assert "wrote       policies/starter/calendar.yaml" in ran.out
    assert f"wrote       policies/{profile}/tests/rules.yaml" in ran.out
    assert run_gate("lint", cwd=fresh.path).code == 0
    tested = run_gate("policy", "test", cwd=fresh.path)
    assert tested.code == 0, tested.out
    roles = {role.role for role in compiled(fresh).people.roles}
    assert {"security-officer", "emergency-authority"} <= roles
    assert ("privacy-officer" in roles) == (profile == "regulated")


def test_what_must_be_looked_at_again_begins_with_adoption(fresh: Repo) -> None:
    run_gate("init", "--profile", "team", cwd=fresh.path, env=home(fresh))
    folder = fresh.path / "policies/team"
    models, rules = ((folder / name).read_text() for name in ("models.yaml", "rules.yaml"))
    assert "2027-06-30" not in models + rules
    assert "2027-12-31" not in models


def test_an_unknown_profile_is_a_usage_error_that_names_the_known_ones(fresh: Repo) -> None:
    ran = run_gate("init", "--profile", "enterprise", cwd=fresh.path)
    assert ran.code == 2
    assert "starter" in ran.err
    assert written(fresh) == []


def test_outside_of_a_repository_nothing_is_written(tmp_path: Path) -> None:
    ran = run_gate("init", cwd=tmp_path)
    assert ran.code == 2
    assert "not-a-repository" in ran.err


def test_the_workflow_asks_for_little_and_fetches_all_of_history(fresh: Repo) -> None:
    run_gate("init", cwd=fresh.path, env=home(fresh))
    flow: Any = parse((fresh.path / WORKFLOW).read_text(), file=WORKFLOW).data
    assert flow["permissions"] == {}
    job = flow["jobs"]["check"]
    assert job["permissions"] == {"contents": "read"}
    checkout, *_, decide = job["steps"]
    assert checkout["with"]["fetch-depth"] == 0
    assert checkout["with"]["persist-credentials"] is False
    for step in job["steps"]:
        assert re.fullmatch(
            r"actions/[a-z-]+@[0-9a-f]{40}", step.get("uses", f"actions/a@{'0' * 40}")
        )
        assert "${{" not in step.get("run", "")
    assert "python -I" in decide["run"]


@pytest.mark.peer
def test_zizmor_finds_nothing_in_the_workflow(fresh: Repo) -> None:
    run_gate("init", cwd=fresh.path, env=home(fresh))
    done = subprocess.run(
        [
            Path(sys.executable).parent / "zizmor",
            *("--offline", "--pedantic", "--strict-collection", "--no-progress"),
            fresh.path / ".github",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
