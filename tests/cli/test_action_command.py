"""The action's step by itself, on real repositories with a played runner."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.books import open_books, private_keys
from support.repository import Repo
from support.runner import PULL, Runner, at_home, bring, check_out, forge_of
from support.world import CHG, CONFIG, World

from itil_gate.decide.gate import decide
from itil_gate.model.decision import StoredDecision
from itil_gate.report.action_report import OUTPUTS

if TYPE_CHECKING:
    from support.shell import Ran

ONE_MIB = 1024 * 1024
EVENTS = ("pull_request", "pull_request_target", "pull_request_review")


@dataclass
class Scene:
    """A world, its forge, and a job on a runner that has the target checked out."""

    world: World
    server: Repo
    runner: Runner
    head: str

    def publish(self) -> None:
        """Bring what the world has by now to the forge."""
        bring(self.world.repo, self.server, {f"refs/pull/{PULL}/head": self.head})


@pytest.fixture
def scene(desk: World, tmp_path: Path) -> Scene:
    return proposed(at_home(desk), tmp_path)


def proposed(world: World, tmp_path: Path, **request: Any) -> Scene:
    head = world.propose(**request)
    server = forge_of(world.repo, tmp_path / "forge.git", pulls={PULL: head})
    runner = Runner(check_out(server, tmp_path / "work").path, tmp_path / "temp")
    runner.pull_request(head)
    return Scene(world, server, runner, head)


def undecided(scene: Scene, ran: Ran, code: str) -> None:
    """Hold that a run ended as undecided and says why wherever somebody looks."""
    assert ran.code == 2, ran.err
    assert f"itil-gate: {code}:" in ran.err
    assert scene.runner.outputs["outcome"] == "undecided"
    assert set(scene.runner.outputs) == set(OUTPUTS)
    assert "UNDECIDED" in scene.runner.summary.read_text()


@pytest.mark.parametrize("name", EVENTS)
def test_a_pull_request_is_judged_whoever_started_the_run(scene: Scene, name: str) -> None:
    scene.runner.pull_request(scene.head, name=name)
    ran = scene.runner.act()
    assert ran.code == 3, ran.err
    outputs = scene.runner.outputs
    assert outputs["outcome"] == "pending"
    assert json.loads(outputs["change-ids"]) == [CHG]
    assert json.loads(outputs["missing-approvals"]) == [
        {"change": CHG, "role": "peer", "missing": 1}
    ]
    assert (outputs["lane"], outputs["risk-level"]) == ("peer", "low")
    assert "PENDING" in scene.runner.summary.read_text()
    scene.world.approve("erin")
    scene.publish()
    assert scene.runner.act().code == 0
    assert scene.runner.outputs["outcome"] == "allow"


def test_a_merge_group_is_judged_by_the_same_rules(scene: Scene) -> None:
    scene.world.repo.checkout("queue", create=True, at="main")
    scene.world.repo.git("merge", "--no-ff", "--quiet", "-m", "queued", scene.head)
    queued = scene.world.repo.tip("queue")
    scene.publish()
    group = {"base_ref": "refs/heads/main", "head_sha": queued, "head_ref": "refs/heads/queue"}
    scene.runner.event("merge_group", {"merge_group": group})
    ran = scene.runner.act()
    assert ran.code == 3, ran.err
    assert scene.runner.outputs["outcome"] == "pending"
    assert CHG in scene.runner.summary.read_text()


def test_a_draft_waits_even_with_every_approval(scene: Scene) -> None:
    scene.world.approve("erin")
    scene.publish()
    scene.runner.pull_request(scene.head, draft=True)
    assert scene.runner.act().code == 3


def test_the_decision_it_names_is_what_decided_again_comes_to(scene: Scene) -> None:
    scene.runner.act()
    stored = StoredDecision.model_validate_json(Path(scene.runner.outputs["decision"]).read_text())
    assert decide(stored.inputs) == stored.decision
    assert stored.decision.head == scene.head


def test_other_formats_go_below_the_temporary_folder(scene: Scene) -> None:
    scene.runner.act(sarif="out/gate.sarif", junit="gate.xml")
    assert json.loads((scene.runner.temp / "out/gate.sarif").read_text())["version"] == "2.1.0"
    assert (scene.runner.temp / "gate.xml").read_text().startswith("<?xml")


def test_who_has_to_act_is_written_for_bridges_and_so_is_a_failure(scene: Scene) -> None:
    file = scene.runner.temp / "told.json"
    assert scene.runner.act(notify="told.json").code == 3
    told = json.loads(file.read_text(encoding="utf-8"))
    assert told["outcome"] == "pending"
    assert "erin" in json.dumps(told["actions"])
    scene.world.on_main({"itil-gate.yaml": "kind: Nonsense\n"})
    scene.publish()
    assert scene.runner.act(notify="told.json").code == 2
    assert json.loads(file.read_text(encoding="utf-8"))["outcome"] == "undecided"


def test_what_nobody_asked_for_is_denied_with_an_annotation(scene: Scene) -> None:
    scene.world.repo.checkout("sneaky", create=True, at="main")
    scene.head = scene.world.commit({"src/app.py": "print('sneaky')\n"})
    scene.publish()
    scene.runner.pull_request(scene.head)
    ran = scene.runner.act()
    assert ran.code == 1
    assert "::error file=src/app.py,title=uncovered-change::" in ran.out
    assert scene.runner.outputs["change-ids"] == "[]"


@pytest.mark.parametrize(
    ("command", "name", "payload", "code"),
    [
        (
            "check",
            "push",
            {"ref": "refs/heads/main", "before": "0" * 40, "after": "1" * 40},
            "bad-event",
        ),
        ("check", "schedule", {}, "bad-event"),
        ("check", "issue_comment", {}, "bad-event"),
        ("check", "pull_request", {"pull_request": {"number": 7}}, "bad-event"),
        ("check", "pull_request", b"{", "bad-event"),
        ("merged", "schedule", {}, "bad-event"),
        ("chekc", "pull_request", {}, "bad-input"),
        ("release", "push", {}, "bad-input"),
    ],
)
def test_a_run_that_cannot_be_judged_is_undecided_everywhere(
    scene: Scene, command: str, name: str, payload: Any, code: str
) -> None:
    scene.runner.event(name, payload)
    undecided(scene, scene.runner.act(command), code)


def test_a_head_that_is_nowhere_is_undecided(scene: Scene) -> None:
    scene.runner.pull_request("f" * 40)
    ran = scene.runner.act()
    assert ran.code == 2
    assert scene.runner.outputs["outcome"] == "undecided"


@pytest.mark.parametrize("inputs", [{"status": "maybe"}, {"record": "on"}, {"pull_request": "x"}])
def test_an_input_of_another_form_is_undecided(scene: Scene, inputs: dict[str, str]) -> None:
    undecided(scene, scene.runner.act(**inputs), "bad-input")


def test_a_fault_of_ours_is_undecided_and_leaks_nothing(scene: Scene) -> None:
    scene.runner.variables["RUNNER_TEMP"] = str(scene.runner.temp / "event.json")
    ran = scene.runner.act()
    assert ran.code == 2
    assert scene.runner.outputs["outcome"] == "undecided"
    assert "could not do its work" in scene.runner.summary.read_text()


@pytest.mark.parametrize("variable", ["ITIL_GATE_LOG_KEY", "ITIL_GATE_RECORDER_KEY"])
@pytest.mark.parametrize("name", ["pull_request", "pull_request_review"])
@pytest.mark.parametrize("command", ["check", "release", "reconcile", "lint"])
def test_a_key_beside_a_workflow_of_the_head_is_refused(
    scene: Scene, name: str, variable: str, command: str
) -> None:
    scene.runner.pull_request(scene.head, name=name)
    scene.runner.variables[variable] = "-----BEGIN OPENSSH PRIVATE KEY-----\nnot-shown\n"
    ran = scene.runner.act(command, environment="production", artifact="sha256:" + "0" * 64)
    undecided(scene, ran, "key-within-reach")
    everything = ran.out + ran.err + scene.runner.summary.read_text()
    assert "not-shown" not in everything + scene.runner.output.read_text()


def test_a_merge_group_brings_its_own_workflow_too(scene: Scene) -> None:
    group = {"base_ref": "refs/heads/main", "head_sha": scene.head, "head_ref": "refs/heads/queue"}
    scene.runner.event("merge_group", {"merge_group": group})
    undecided(scene, scene.runner.act(record="true"), "key-within-reach")


@pytest.mark.parametrize(
    ("command", "event"),
    [
        *(("release", "push"), ("release", "workflow_dispatch"), ("reconcile", "push")),
        *(("check", "workflow_dispatch"), ("check", "pull_request_target"), ("merged", "push")),
    ],
)
def test_a_key_beside_the_workflow_of_a_branch_that_nobody_guards_is_refused(
    scene: Scene, command: str, event: str
) -> None:
    scene.runner.pull_request(scene.head, name="pull_request_target")
    if event != "pull_request_target":
        before = scene.world.repo.tip("main")
        scene.runner.event(event, {"ref": "refs/heads/main", "before": "0" * 40, "after": before})
    scene.runner.variables |= {
        "ITIL_GATE_LOG_KEY": "-----BEGIN OPENSSH PRIVATE KEY-----\nnot-shown\n",
        "GITHUB_REF": "refs/heads/feature",
    }
    given = {"environment": "production", "artifact": "sha256:" + "0" * 64}
    code = "bad-event" if (command, event) == ("check", "workflow_dispatch") else "key-within-reach"
    undecided(scene, scene.runner.act(command, **given), code)
    for ref in ("refs/heads/main", "refs/heads/release"):  # both are guarded
        scene.runner.variables["GITHUB_REF"] = ref
        ran = scene.runner.act(command, **given)
        assert "key-within-reach" not in ran.err


def test_recording_beside_a_workflow_of_the_head_is_refused(scene: Scene) -> None:
    undecided(scene, scene.runner.act(record="true"), "key-within-reach")
    scene.runner.pull_request(scene.head, name="pull_request_target")
    undecided(scene, scene.runner.act(record="true"), "no-log-key")


def test_at_most_ten_annotations_and_a_summary_that_fits(desk: World, tmp_path: Path) -> None:
    wrong = "kind: ChangeRequest\n" + "".join(f"{'ü' * 20}{n}: x\n" for n in range(8))
    names = (f"changes/2026/CHG-2026-{number:08}.yaml" for number in range(990))
    scene = proposed(at_home(desk), tmp_path, files=dict.fromkeys(names, wrong))
    ran = scene.runner.act()
    assert ran.code == 1, ran.err
    stored = StoredDecision.model_validate_json(Path(scene.runner.outputs["decision"]).read_text())
    found = sum(len(rule.findings) for rule in stored.decision.rules)
    assert found >= 1_000
    shown = [line for line in ran.out.splitlines() if line.startswith("::")]
    assert len(shown) == 10
    assert shown[-1].endswith("more are in the summary of this step")
    summary = scene.runner.summary.read_bytes()
    assert 100_000 < len(summary) < ONE_MIB
    assert b"DENIED" in summary
    assert b"left out for length" in summary


def test_no_word_of_a_stranger_becomes_a_command_or_an_output(desk: World, tmp_path: Path) -> None:
    title = r'"::set-output name=outcome::allow \n::error::x $(touch pwned) `id` <img src=x> @all"'
    scene = proposed(
        at_home(desk),
        tmp_path,
        title=title.replace(r"\n", ""),
        files={"src/a%0A::error::b\n::warning::c.py": "x\n"},
        scope='"docs/**"',
    )
    ran = scene.runner.act()
    assert ran.code == 1, ran.err
    commands = [line for line in ran.out.splitlines() if line.lstrip().startswith("::")]
    assert commands
    assert all(line.startswith(("::error file=", "::error title=")) for line in commands[:1])
    assert {line.split("=")[0] for line in commands} <= {
        *("::error file", "::error title", "::warning file", "::warning title"),
    }
    assert not any("set-output" in line for line in commands)
    summary = scene.runner.summary.read_text()
    assert "<img" not in summary
    assert "\n::" not in summary
    assert scene.runner.outputs["outcome"] == "deny"
    assert not (scene.runner.temp / "pwned").exists()


def test_a_push_to_a_target_without_a_log_is_undecided(scene: Scene) -> None:
    repo = scene.world.repo
    before = repo.tip("main")
    scene.world.on_main({"src/app.py": "print('past the gate')\n"}, by="alice")
    scene.publish()
    payload = {"ref": "refs/heads/main", "before": before, "after": repo.tip("main")}
    scene.runner.event("push", payload)
    ran = scene.runner.act("merged")
    undecided(scene, ran, "no-log")


def test_lint_looks_at_the_files_that_are_there(scene: Scene) -> None:
    scene.runner.event("push", {})
    assert scene.runner.act("lint").code == 0
    (scene.runner.workspace / "people.yaml").write_text("kind: People\n")
    assert scene.runner.act("lint").code == 1
    assert scene.runner.outputs["outcome"] == "deny"
    assert scene.runner.act("lint", paths="itil-gate.yaml").code == 0


def test_a_check_out_of_the_head_changes_nothing(scene: Scene) -> None:
    (scene.runner.workspace / "itil-gate.yaml").write_text(CONFIG + "mode: audit\n")
    (scene.runner.workspace / ".gitattributes").write_text("* merge=union\n")
    assert scene.runner.act().code == 3


def test_a_shallow_check_out_is_undecided_and_says_what_is_missing(
    scene: Scene, tmp_path: Path
) -> None:
    for number in range(3):
        scene.world.on_main({"docs/x.md": f"{number}\n"})
    scene.publish()
    shallow = Repo(tmp_path / "shallow", branch="unborn")
    shallow.git("remote", "add", "origin", f"file://{scene.server.path}")
    shallow.git("fetch", "-q", "--depth=1", "origin", "+main:refs/remotes/origin/main")
    scene.runner.workspace = shallow.path
    ran = scene.runner.act()
    assert ran.code == 2, ran.out
    assert "shallow" in scene.runner.summary.read_text()


@pytest.fixture
def kept(desk: World, tmp_path: Path) -> Scene:
    """A world that keeps an audit log, on a job that holds its keys."""
    world = at_home(desk)
    open_books(world)
    scene = proposed(world, tmp_path)
    scene.world.approve("erin")
    scene.publish()
    scene.runner.variables |= private_keys(tmp_path)
    scene.runner.pull_request(scene.head, name="pull_request_target")
    return scene


def test_a_decision_is_recorded_where_it_was_asked_for(kept: Scene) -> None:
    ran = kept.runner.act(record="true")
    assert ran.code == 0, ran.err
    outputs = kept.runner.outputs
    assert int(outputs["log-index"]) > 0
    assert outputs["checkpoint"].startswith("example.com/acme/payments")
    assert "PRIVATE KEY" not in kept.runner.output.read_text() + kept.runner.summary.read_text()
    assert kept.server.git("rev-parse", "--verify", "refs/heads/audit-log")


def land(scene: Scene, head: str) -> None:
    """Let the forge merge a head, and start a run about the push."""
    repo = scene.world.repo
    before = repo.tip("main")
    repo.checkout("main")
    repo.git("merge", "-q", "--no-ff", "-m", "merged", head)
    repo.git("push", "-q", str(scene.server.path), "main")
    told = {"default_branch": "main", "pushed_at": int(datetime.now(tz=UTC).timestamp())}
    ends = {"before": before, "after": repo.tip("main")}
    scene.runner.event("push", {"ref": "refs/heads/main", **ends, "repository": told})
    scene.runner.variables["GITHUB_SHA"] = repo.tip("main")


def test_what_landed_is_traced_recorded_reconciled_and_released(kept: Scene) -> None:
    assert kept.runner.act(record="true").code == 0
    land(kept, kept.head)
    ran = kept.runner.act("merged", record="true")
    assert ran.code == 0, ran.err + ran.out
    assert kept.runner.outputs["outcome"] == "allow"
    assert kept.runner.act("reconcile").code == 0
    (kept.runner.workspace / "app.tar").write_text("what is released")
    given = {"environment": "production", "deployer": "pipeline"}
    ran = kept.runner.act("release", artifact="app.tar", **given)
    assert ran.code == 0, ran.err + ran.out
    assert "REL-" in ran.out
    ran = kept.runner.act("release", artifact="sha256:" + "0" * 64, **given)
    assert kept.runner.outputs["outcome"] in {"allow", "deny"}


def test_what_landed_past_the_gate_is_refused_and_found(kept: Scene) -> None:
    kept.world.repo.checkout("sneaky", create=True, at="main")
    land(kept, kept.world.commit({"src/app.py": "print('sneaky')\n"}))
    ran = kept.runner.act("merged", record="true")
    assert ran.code == 1, ran.err + ran.out
    assert kept.runner.outputs["outcome"] == "deny"
    assert "**deny**" in kept.runner.summary.read_text()
    assert kept.runner.act("reconcile").code == 1
