"""The command itself: what it prints and how it ends, where others end with 0."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.cases import case
from support.shell import GATE, Ran, run_gate
from support.weighing import weighed
from support.world import APPROVALS, CHG, RISK, World

import itil_gate

if TYPE_CHECKING:
    from support.repository import Repo

MERGE = ("--base", "main", "--head", "feature")
PACKAGE = Path(itil_gate.__file__).parent


def check(world: World, *arguments: str, env: dict[str, str] | None = None) -> Ran:
    """Ask the installed command."""
    return run_gate("check", *(arguments or MERGE), cwd=world.repo.path, env=env)


def options(besides: str = "-") -> dict[str, set[str]]:
    """Return every option of every command, with the environment variables that set it.

    Files whose names begin with `besides` are left out.
    """
    found: dict[str, set[str]] = {}
    for file in sorted((PACKAGE / "cli").glob("*.py")):
        if file.name.startswith(besides):
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr not in ("option", "argument"):
                continue
            names = {one.value for one in node.args if isinstance(one, ast.Constant)}
            variables = {
                one.value.value
                for one in node.keywords
                if one.arg == "envvar" and isinstance(one.value, ast.Constant)
            }
            for name in names:
                found.setdefault(str(name), set()).update(map(str, variables))
    return found


@case("FO-01")
@pytest.mark.parametrize("option", ["--base", "--head", "--target"])
def test_an_empty_input_is_a_mistake_or_the_default_and_never_permission(
    world: World, option: str
) -> None:
    world.propose()
    arguments = [*MERGE, option, ""]
    ran = check(world, *arguments)
    if option == "--target":
        assert ran.code == 3
    else:
        assert ran.code == 2
        assert "bad-name: '' is not a name of a commit" in ran.err
    assert "ALLOW" not in ran.out


@case("FO-01")
def test_an_empty_variable_is_the_default(world: World) -> None:
    world.propose()
    plain = check(world)
    ran = check(world, env={"ITIL_GATE_FORMAT": "", "ITIL_GATE_OUTPUT": ""})
    assert (ran.code, ran.err) == (3, plain.err)
    assert "PENDING" in ran.out


@case("FO-01")
@pytest.mark.parametrize("form", ["", "none", "text,json"])
def test_a_format_that_does_not_exist_is_no_silence(world: World, form: str) -> None:
    world.propose()
    ran = check(world, *MERGE, "--format", form)
    assert ran.code == 2
    assert "--format" in ran.err


@case("FO-01", "FO-11")
def test_no_option_softens_a_refusal() -> None:
    softening = "abort fail force skip ignore soft warn allow enforce mode bypass override exit"
    known = options()
    assert {"--base", "--head", "--format"} <= set(known)
    found = {name for name in known if any(word in name for word in softening.split())}
    # The change model of a new request, and a floor below which policy tests fail.
    assert found <= {"--model", "--fail-under"}


@pytest.mark.heavy
@case("FO-11")
def test_only_the_form_and_the_place_of_the_output_come_from_the_environment() -> None:
    found = {variable for variables in options().values() for variable in variables}
    assert found == {"ITIL_GATE_FORMAT", "ITIL_GATE_OUTPUT"}
    assert not list(PACKAGE.rglob("*auto_envvar*"))
    read = {
        node.args[0].value
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("os.environ.get", "os.getenv")
        and isinstance(node.args[0], ast.Constant)
    }
    assert not {name for name in read if str(name).startswith("ITIL")}
    assert "auto_envvar_prefix" not in (PACKAGE / "cli/__init__.py").read_text("utf-8")


@case("FO-11")
@pytest.mark.parametrize(
    "name",
    [
        *("ITIL_GATE_DISABLED", "ITIL_GATE_BYPASS", "ITIL_GATE_SKIP", "ITIL_GATE_DRY_RUN"),
        *("ITIL_GATE_EXIT_ZERO", "ITIL_GATE_ALLOW", "ITIL_GATE_MODE", "KOSLI_DRY_RUN", "SKIP"),
    ],
)
def test_no_variable_turns_a_refusal_into_a_pass(world: World, name: str) -> None:
    world.repo.checkout("feature", create=True)
    world.commit({"src/app.py": "sneaky\n"})
    ran = check(world, env={name: "true"})
    assert ran.code == 1
    assert "uncovered-change" in ran.out


@case("FO-02")
def test_what_is_missing_is_pending_at_once_and_not_waited_for(world: World) -> None:
    world.propose()
    ran = check(world)
    assert ran.code == 3
    assert "missing-approval" in ran.out
    # The hooks have a --timeout, after which there is no answer, and so no pass.
    judging = options(besides="hook")
    assert not {name for name in judging if "wait" in name or "timeout" in name}


@case("FO-03")
def test_a_pipeline_that_nobody_announced_is_denied(world: World) -> None:
    world.repo.checkout("feature", create=True)
    world.commit({"src/app.py": "1\n", "deploy/app.yaml": "replicas: 0\n"})
    ran = check(world)
    assert ran.code == 1
    assert "uncovered-change" in ran.out
    assert "src/app.py" in ran.out
    assert "itil-gate new" in ran.out


@case("FO-28")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("check", "--bsae", "main"), "No such option"),
        (("check", "main"), "unexpected extra argument"),
        (("chekc",), "Did you mean 'check'?"),
        (("check", "--base", "main", "--head", "nowhere"), "unknown-revision"),
        (("check", "--base", "main", "--repo", "nowhere"), "nowhere"),
        (("check", "--external", "rego"), "NAME=FILE"),
        (("check", "--external", "rego=nowhere.json"), "cannot be read"),
        (("approve", CHG), "--head"),
        (("approve", CHG, "--head", "nowhere"), "unknown-revision"),
        (("explain", "no-such-rule"), "no-such-rule"),
        (("audit", "replay", "--decision", "nowhere.json"), "nowhere.json"),
        (("schema", "nonsense"), "nonsense"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_mistake_of_the_operator_is_neither_a_pass_nor_a_refusal(
    world: World, arguments: tuple[str, ...], said: str
) -> None:
    world.propose()
    ran = run_gate(*arguments, cwd=world.repo.path)
    assert ran.code == 2, ran
    assert said in ran.err
    assert "Traceback" not in ran.err


@case("FO-28")
def test_a_crash_is_told_from_a_refusal(world: World, tmp_path: Path) -> None:
    world.propose()
    program = (
        "import sys\n"
        "import itil_gate.decide.gate as gate\n"
        "def decide(inputs): raise RuntimeError('out of luck')\n"
        "gate.decide = decide\n"
        "from itil_gate.cli import main\n"
        "main(['check', '--repo', sys.argv[1], '--base', 'main', '--head', 'feature'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, str(world.repo.path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert "RuntimeError: out of luck" in done.stderr
    assert "internal-error: a fault of the gate; nothing was allowed" in done.stderr
    assert done.stdout == ""


@case("FO-28")
def test_output_that_cannot_be_written_is_no_pass(world: World) -> None:
    world.now = datetime.now(tz=UTC).replace(microsecond=0)
    world.propose()
    world.approve("erin")
    ran = check(world, *MERGE, "--output", "new/decision.json")
    assert ran.code == 0
    (world.repo.path / "taken").write_text("a file\n")
    ran = check(world, *MERGE, "--output", "taken/decision.json")
    assert ran.code == 2


@case("FO-28")
def test_refusal_waiting_and_pass_are_told_apart(world: World) -> None:
    world.now = datetime.now(tz=UTC).replace(microsecond=0)
    world.repo.checkout("feature", create=True)
    world.commit({"src/app.py": "1\n"})
    assert check(world).code == 1
    world.propose()
    assert check(world).code == 3
    world.approve("erin")
    assert check(world).code == 0


@case("FO-30")
@pytest.mark.parametrize("depth", [1, 2])
def test_a_shallow_clone_is_told_how_to_deepen_itself(
    world: World, tmp_path: Path, depth: int
) -> None:
    fork = world.repo.tip("main")
    for number in range(3):
        world.commit({"docs/index.md": f"{number}\n"}, by="carol")
    world.propose(at=fork)
    world.commit({"src/app.py": "2\n"})
    clone: Repo = world.repo.clone(
        tmp_path / "clone", f"--depth={depth}", "--no-single-branch", "--branch=feature"
    )
    ran = run_gate("check", "--base", "origin/main", "--head", "feature", cwd=clone.path)
    assert ran.code == 2
    assert "history-too-shallow" in ran.err
    assert "git fetch --unshallow" in ran.err
    clone.git("fetch", "--quiet", "--unshallow")
    ran = run_gate("check", "--base", "origin/main", "--head", "feature", cwd=clone.path)
    assert ran.code == 3, ran


@case("FO-26")
@pytest.mark.parametrize(
    "name",
    weighed(
        ["click", "pydantic", "yaml", "itil_gate", "git", "sitecustomize"], "yaml", "itil_gate"
    ),
)
def test_a_module_planted_in_the_checkout_is_not_imported(world: World, name: str) -> None:
    world.propose()
    planted = f"import os\nprint('planted {name}')\nos._exit(0)\n"
    (world.repo.path / f"{name}.py").write_text(planted)
    for command in ([str(GATE)], [sys.executable, "-I", "-m", "itil_gate"]):
        done = subprocess.run(
            [*command, "check", *MERGE],
            cwd=world.repo.path,
            env={**os.environ, "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 3, done
        assert "planted" not in done.stdout + done.stderr


@case("FO-26")
@pytest.mark.parametrize("name", ["click", "pydantic", "yaml"])
def test_started_as_a_module_it_does_not_look_into_the_checkout_either(
    world: World, name: str
) -> None:
    world.propose()
    (world.repo.path / f"{name}.py").write_text("import os\nprint('ALLOW')\nos._exit(0)\n")
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONSAFEPATH"}
    done = subprocess.run(
        [sys.executable, "-m", "itil_gate", "check", *MERGE],
        cwd=world.repo.path,
        env=kept,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 3, done
    assert "ALLOW" not in done.stdout


@case("FO-19")
@pytest.mark.parametrize(
    ("files", "gone", "code", "said"),
    [
        ({}, "policies/approvals.yaml", 2, "no-policy"),
        ({}, "policies/risk.yaml", 2, "no-policy"),
        (
            {"policies/approvals.yaml": APPROVALS.replace("ApprovalPolicy", "AprovalPolicy")},
            "",
            2,
            "'AprovalPolicy' is not a kind of policy",
        ),
        (
            {"policies/approvals.yaml": APPROVALS.replace("low", "lwo")},
            "",
            2,
            "did you mean low?",
        ),
        (
            {"policies/risk.yaml": RISK.replace("apiVersion: itil-gate/v1", "apiVersion: gate/v1")},
            "",
            2,
            "apiVersion",
        ),
    ],
)
def test_a_slip_that_leaves_nothing_to_check_ends_with_2(
    world: World, files: dict[str, str], gone: str, code: int, said: str
) -> None:
    if gone:
        world.repo.remove(gone)
    world.commit({**files}, by="carol")
    world.propose()
    ran = check(world)
    assert ran.code == code
    assert said in ran.err


@case("FO-19")
def test_a_folder_of_policies_that_is_misspelt_ends_with_2(world: World) -> None:
    config = (world.repo.path / "itil-gate.yaml").read_text()
    world.commit({"itil-gate.yaml": f"{config}locations: {{policies: polices}}\n"}, by="carol")
    world.propose()
    ran = check(world)
    assert ran.code == 2
    assert "no-policy: there is no ApprovalPolicy in polices/" in ran.err
