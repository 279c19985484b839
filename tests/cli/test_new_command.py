"""new: everything derivable is derived, the rest is asked once, and what is written is valid."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
from typing import TYPE_CHECKING

import pytest
from support.shell import GATE, Ran, run_gate

from itil_gate.model.change import ChangeRequest
from itil_gate.reading.requests import read_request
from itil_gate.report.request_file import RequestDraft, request_file

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import World

QUESTIONS = r"Title|Why is it|Which service|In which"
WORDS = ("--title", "Raise the limit", "--reason", "Partners hit it daily.")


def new(world: World, *arguments: str) -> Ran:
    return run_gate("new", *arguments, cwd=world.repo.path)


def request(world: World, ran: Ran) -> ChangeRequest:
    assert ran.code == 0, ran.err
    path = ran.out.strip()
    result = read_request((world.repo.path / path).read_text(), file=path)
    assert isinstance(result, ChangeRequest), result
    return result


def test_services_scope_risk_and_requester_follow_from_the_commits(desk: World) -> None:
    desk.commit({"src/app.py": "1\n", "src/new.py": "2\n", "docs/index.md": "# Hi\n"})
    ran = new(desk, *WORDS)
    change = request(desk, ran)
    assert re.fullmatch(r"changes/20\d\d/CHG-20\d\d-[0-9A-HJKMNP-TV-Z]{8}\.yaml\n", ran.out)
    assert change.metadata.requester == "alice"
    assert change.spec.services == ("payments-api",)
    assert change.spec.environments == ("production",)
    assert change.spec.scope == ("src/app.py", "src/new.py")
    assert change.spec.type == "normal"
    assert "risk: low" in ran.err
    assert "review: 0 of 1 approval by the role peer" in ran.err


def test_what_is_written_passes_lint_and_covers_the_change(desk: World) -> None:
    desk.commit({f"src/part{number}/file.py": "1\n" for number in range(30)})
    request(desk, new(desk, *WORDS))
    assert run_gate("lint", cwd=desk.repo.path).code == 0
    desk.commit()
    ran = run_gate("check", "--base", "main", cwd=desk.repo.path)
    assert ran.code == 3, ran.out


def test_a_riskier_change_gets_prompts_that_are_valid_once_filled_in(desk: World) -> None:
    desk.commit({"db/schema.sql": "drop table t;\n"})
    ran = new(desk, *WORDS)
    change = request(desk, ran)
    text = (desk.repo.path / ran.out.strip()).read_text()
    assert "risk: high" in ran.err
    assert "Data are hard to bring back." in ran.err
    assert "authority: 0 of 1 approval by the role change-authority" in ran.err
    assert change.spec.plans is None
    lines = [line.replace("  # ", "  ", 1) for line in text.splitlines()]
    start = next(index for index, line in enumerate(lines) if "assessed risk is high" in line)
    filled = "\n".join([*lines[: start - 1], *lines[start + 2 :]]) + "\n"
    whole = read_request(filled, file=ran.out.strip())
    assert isinstance(whole, ChangeRequest), whole
    assert whole.spec.plans is not None
    assert whole.spec.plans.backout is not None
    assert whole.spec.window is not None


def test_an_unsigned_commit_is_told_before_anybody_is_asked(desk: World) -> None:
    desk.commit({"db/schema.sql": "drop table t;\n"}, signed=False)
    ran = new(desk, *WORDS)
    assert ran.code == 0
    assert "unproved-contributor" in ran.err


def test_without_a_terminal_the_missing_options_are_named_and_nothing_is_written(
    desk: World,
) -> None:
    desk.commit({"src/app.py": "1\n"}, message="Raise the limit")
    ran = new(desk)
    assert ran.code == 2
    assert "--title" in ran.err
    assert "--reason" in ran.err
    assert not (desk.repo.path / "changes").exists()


def test_yes_takes_the_words_of_the_newest_commit_but_makes_none_up(desk: World) -> None:
    desk.commit(
        {"src/app.py": "1\n"},
        message="Raise the limit\n\nPartners hit it daily.\nTwice on Mondays.",
        trailers=["Signed-off-by: Alice <alice@example.com>"],
    )
    change = request(desk, new(desk, "--yes"))
    assert change.metadata.title == "Raise the limit"
    assert change.spec.reason == "Partners hit it daily.\nTwice on Mondays."
    desk.repo.checkout("other", create=True, at="main")
    desk.commit({"src/lib.py": "1\n"}, message="No reason given")
    ran = new(desk, "--yes")
    assert ran.code == 2
    assert "--reason" in ran.err
    assert "--title" not in ran.err.partition("missing:")[2]


def test_a_service_and_an_environment_nobody_can_derive_are_named_with_the_choices(
    desk: World,
) -> None:
    several(desk)
    desk.commit({"tools/x.py": "1\n"})
    ran = new(desk, *WORDS)
    assert ran.code == 2
    assert "--service (ledger, payments-api)" in ran.err
    assert "--env (production, staging)" in ran.err
    change = request(desk, new(desk, *WORDS, "--service", "ledger", "--env", "staging"))
    assert change.spec.services == ("ledger",)
    assert change.spec.environments == ("staging",)


def several(world: World) -> None:
    """Bring a second service and a second environment to main."""
    config = (world.repo.path / "itil-gate.yaml").read_text()
    world.on_main(
        {
            "services/ledger.yaml": "apiVersion: backstage.io/v1alpha1\nkind: Component\n"
            "metadata: {name: ledger}\n",
            "itil-gate.yaml": f'{config}  - {{name: staging, paths: ["stage/**"]}}\n',
        }
    )
    world.repo.checkout("feature", create=True, at="main")


def at_terminal(world: World, *answers: str) -> tuple[int, str]:
    """Run `new` at a terminal and answer its questions; return exit code and what was shown."""
    ours, theirs = pty.openpty()
    done = subprocess.Popen(
        [GATE, "new"],
        cwd=world.repo.path,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "HOME": str(world.repo.path), "NO_COLOR": "1", "TERM": "dumb"},
    )
    os.close(theirs)
    os.write(ours, "".join(f"{answer}\n" for answer in answers).encode())
    shown = b""
    while True:
        ready, _, _ = select.select([ours], [], [], 60)
        if not ready:
            break
        try:
            more = os.read(ours, 4096)
        except OSError:
            break
        if not more:
            break
        shown += more
    os.close(ours)
    return done.wait(timeout=60), shown.decode()


def test_a_low_risk_change_asks_for_title_and_reason_only(desk: World) -> None:
    desk.commit({"src/app.py": "1\n"}, message="Raise the limit")
    code, shown = at_terminal(desk, "", "Partners hit it daily.")
    assert code == 0, shown
    assert re.findall(QUESTIONS, shown) == ["Title", "Why is it"]
    assert "Title [Raise the limit]:" in shown


def test_never_more_than_four_things_are_asked(desk: World) -> None:
    several(desk)
    desk.commit({"tools/x.py": "1\n"}, message="Add a tool")
    code, shown = at_terminal(desk, "Add it", "It is needed", "ledger", "staging")
    assert code == 0, shown
    assert re.findall(QUESTIONS, shown) == ["Title", "Why is it", "Which service", "In which"]


def test_a_written_request_that_is_not_committed_yet_counts(desk: World) -> None:
    desk.commit({"src/app.py": "1\n"})
    first = new(desk, *WORDS)
    again = new(desk, *WORDS)
    assert again.code == 0
    assert again.out == ""
    assert first.out.strip() in again.err
    assert len(list((desk.repo.path / "changes").rglob("*.yaml"))) == 1


def test_a_second_request_covers_only_what_the_first_left(desk: World) -> None:
    desk.propose({"src/app.py": "1\n", "src/lib.py": "2\n"}, scope="src/app.py")
    change = request(desk, new(desk, *WORDS))
    assert change.spec.scope == ("src/lib.py",)


def test_a_branch_without_governed_changes_needs_no_request(desk: World) -> None:
    desk.commit({"docs/index.md": "# Better\n"})
    ran = new(desk, *WORDS)
    assert ran.code == 0
    assert "no governed path changes" in ran.err
    assert ran.out == ""


def test_a_branch_without_commits_says_to_commit_first(desk: World) -> None:
    ran = new(desk, *WORDS)
    assert ran.code == 2
    assert "nothing-changed" in ran.err
    assert "commit the change first" in ran.err


def test_a_stranger_at_the_keyboard_has_to_say_who_asks(desk: World) -> None:
    desk.commit({"src/app.py": "1\n"})
    desk.repo.git("config", "user.email", "mallory@example.com")
    ran = new(desk, *WORDS)
    assert ran.code == 2
    assert "mallory@example.com" in ran.err
    assert "--requester" in ran.err
    ran = new(desk, *WORDS, "--requester", "bobb")
    assert (ran.code, "use the id of a person: bob" in ran.err) == (2, True)
    assert request(desk, new(desk, *WORDS, "--requester", "bob")).metadata.requester == "bob"


@pytest.mark.parametrize(
    "text",
    [
        'He said: "no" # really',
        "yes",
        "1.10",
        "- a list, or not",
        "{curly} [square] & *star !bang %percent @at `tick`",
        "Überschrift für Käse, 日本語",
        "ends in a colon:",
        "null",
        "C:\\temp\\new",
    ],
)
def test_whatever_the_title_says_it_is_read_back_as_it_was_given(text: str) -> None:
    draft = RequestDraft(
        id="CHG-2026-00000001",
        title=text,
        requester="alice",
        type="normal",
        services=("a",),
        environments=("b",),
        scope=("**/x", "a b", "c: d"),
        reason=f"{text}\n\n  indented {text}\n",
        level="high",
    )
    result = read_request(request_file(draft), file="changes/2026/CHG-2026-00000001.yaml")
    assert isinstance(result, ChangeRequest), result
    assert result.metadata.title == text
    assert result.spec.reason == draft.reason
    assert result.spec.scope == draft.scope


def test_a_title_over_two_lines_is_refused_with_what_would_do(desk: World) -> None:
    desk.commit({"src/app.py": "1\n"})
    ran = new(desk, "--title", "two\nlines", "--reason", "x")
    assert ran.code == 2
    assert "unusable-answer" in ran.err
    assert not (desk.repo.path / "changes").exists()


def test_a_window_is_written_and_half_a_window_refused(desk: World) -> None:
    desk.commit({"src/app.py": "1\n"})
    window = ("--window-start", "2099-11-25T22:00", "--window-end", "2099-11-25T23:00")
    assert new(desk, *WORDS, *window).code == 2
    change = request(desk, new(desk, *WORDS, *window, "--timezone", "Europe/Berlin"))
    assert change.spec.window is not None
    assert change.spec.window.timezone == "Europe/Berlin"


def test_a_zone_that_does_not_exist_is_refused_with_a_near_one(desk: World) -> None:
    desk.commit({"src/app.py": "1\n"})
    window = ("--window-start", "2099-11-25T22:00", "--window-end", "2099-11-25T23:00")
    ran = new(desk, *WORDS, *window, "--timezone", "Europe/Berlim")
    assert ran.code == 2
    assert "Europe/Berlin" in ran.err


def test_an_emergency_says_so_and_a_model_makes_it_standard(desk: World) -> None:
    desk.commit({"src/app.py": "1\n"})
    printed = new(desk, *WORDS, "--emergency", "--output", "-")
    assert "  type: emergency\n" in printed.out
    assert "type: incident" in printed.out
    modelled = new(desk, *WORDS, "--model", "rotation", "--output", "-")
    assert "  type: standard\n  model: rotation\n" in modelled.out
    assert "unknown-model" in modelled.err
    assert new(desk, *WORDS, "--model", "rotation", "--emergency").code == 2
    assert not (desk.repo.path / "changes").exists()


def test_the_output_is_a_folder_or_named_after_an_id_and_never_written_over(desk: World) -> None:
    desk.commit({"src/app.py": "1\n"})
    assert new(desk, *WORDS, "--output", "request.yaml").code == 2
    name = "changes/2026/CHG-2026-0000000A.yaml"
    assert new(desk, *WORDS, "--output", name).out == f"{name}\n"
    written = (desk.repo.path / name).read_text()
    (desk.repo.path / name).write_text(f"{written}# mine\n")
    # Its scope covers the change already; a second change makes one more request necessary.
    desk.commit({"src/lib.py": "1\n"})
    (desk.repo.path / name).write_text("mine\n")
    ran = new(desk, *WORDS, "--output", name)
    assert ran.code == 2
    assert "is there already" in ran.err
    assert (desk.repo.path / name).read_text() == "mine\n"


def test_no_part_of_a_file_is_left_behind(desk: World, tmp_path: Path) -> None:
    desk.commit({"src/app.py": "1\n"})
    folder = tmp_path / "out"
    folder.mkdir()
    assert new(desk, *WORDS, "--output", str(folder)).code == 0
    assert [path.suffix for path in folder.iterdir()] == [".yaml"]


def test_it_works_from_a_folder_below_the_root(desk: World) -> None:
    desk.commit({"src/app.py": "1\n"})
    ran = run_gate("new", *WORDS, cwd=desk.repo.path / "src")
    assert ran.code == 0, ran.err
    assert len(list((desk.repo.path / "changes").rglob("CHG-*.yaml"))) == 1
